-- One workspace that is not deleted, and its first members.
-- name: workspace
SELECT {position}, (
    SELECT row_to_json(found)::text
    FROM (
        SELECT {workspace_fields}, (
            SELECT coalesce(json_agg(row_to_json(item) ORDER BY m.joined_position), '[]')
            FROM (
                SELECT *
                FROM read_schema.workspace_member_projections
                WHERE tenant_id = %(tenant_id)s AND workspace_id = %(workspace_id)s AND joined_position > 0
                ORDER BY joined_position
                LIMIT %(limit)s
            ) m
            LEFT JOIN LATERAL {member_user} ON true,
            LATERAL (SELECT {member_fields}) item
        ) AS members
        FROM read_schema.workspace_projections w
        WHERE w.tenant_id = %(tenant_id)s AND w.workspace_id = %(workspace_id)s AND w.status = 'active'
    ) found
)

-- A page of the tenant's workspaces, newest first.
-- name: workspaces_of_tenant
WITH page AS MATERIALIZED (
    SELECT
        w.created_position AS place,
        row_number() OVER (ORDER BY w.created_position DESC) AS rank,
        row_to_json(item) AS item
    FROM (
        SELECT *
        FROM read_schema.workspace_projections
        WHERE tenant_id = %(tenant_id)s
            AND created_position > 0 AND created_position < %(beyond)s
            AND status = 'active'
        ORDER BY created_position DESC
        LIMIT %(limit)s + 1 OFFSET %(offset)s
    ) w, LATERAL (SELECT {workspace_fields}) item
)
SELECT {position}, (
    SELECT json_build_object(
        'workspaces', {items},
        'pagination', {pagination}
    )::text
    FROM (
        SELECT s.total_workspaces AS total
        FROM read_schema.tenant_summary_projections s
        WHERE s.tenant_id = %(tenant_id)s
    ) counted
)

-- A page of a workspace's members, oldest first.
-- name: workspace_members
WITH page AS MATERIALIZED (
    SELECT
        m.joined_position AS place,
        row_number() OVER (ORDER BY m.joined_position) AS rank,
        row_to_json(item) AS item
    FROM (
        SELECT *
        FROM read_schema.workspace_member_projections
        WHERE tenant_id = %(tenant_id)s
            AND workspace_id = %(workspace_id)s
            AND joined_position > 0 AND joined_position > %(beyond)s
        ORDER BY joined_position
        LIMIT %(limit)s + 1 OFFSET %(offset)s
    ) m
    LEFT JOIN LATERAL {member_user} ON true,
    LATERAL (SELECT {member_fields}) item
)
SELECT {position}, (
    SELECT json_build_object(
        'members', {items},
        'pagination', {pagination}
    )::text
    FROM (
        SELECT w.member_count AS total
        FROM read_schema.workspace_projections w
        WHERE w.tenant_id = %(tenant_id)s AND w.workspace_id = %(workspace_id)s AND w.status = 'active'
    ) counted
)
