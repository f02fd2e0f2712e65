-- One user.
-- name: user
SELECT {position}, (
    SELECT row_to_json(found)::text
    FROM (
        SELECT {user_fields}
        FROM read_schema.user_projections u
        WHERE u.tenant_id = %(tenant_id)s AND u.user_id = %(user_id)s
    ) found
)

-- A page of the tenant's users, newest first.
-- name: users_of_tenant
WITH page AS MATERIALIZED (
    SELECT
        u.created_position AS place,
        row_number() OVER (ORDER BY u.created_position DESC) AS rank,
        row_to_json(item) AS item
    FROM (
        SELECT *
        FROM read_schema.user_projections
        WHERE tenant_id = %(tenant_id)s
            AND created_position > 0 AND created_position < %(beyond)s
            AND (NOT %(active_only)s OR status = 'active')
        ORDER BY created_position DESC
        LIMIT %(limit)s + 1 OFFSET %(offset)s
    ) u, LATERAL (SELECT {user_fields}) item
)
SELECT {position}, (
    SELECT json_build_object(
        'users', {items},
        'pagination', {pagination}
    )::text
    FROM (
        SELECT CASE WHEN %(active_only)s THEN s.active_users ELSE s.total_users END AS total
        FROM read_schema.tenant_summary_projections s
        WHERE s.tenant_id = %(tenant_id)s
    ) counted
)
