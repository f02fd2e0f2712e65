-- A tenant's summary. A row of version 0 only counts for a tenant whose own events have not been folded.
-- name: tenant_summary
SELECT {position}, (
    SELECT row_to_json(found)::text
    FROM (
        SELECT {summary_fields}
        FROM read_schema.tenant_summary_projections s
        WHERE s.tenant_id = %(tenant_id)s AND s.event_version > 0
    ) found
)

-- A tenant's summary, and the newest of its users and workspaces.
-- name: dashboard
SELECT {position}, (
    SELECT json_build_object(
        'summary', row_to_json(found),
        'recent_users', (
            SELECT coalesce(json_agg(row_to_json(item) ORDER BY u.created_position DESC), '[]')
            FROM (
                SELECT *
                FROM read_schema.user_projections
                WHERE tenant_id = %(tenant_id)s AND created_position > 0
                ORDER BY created_position DESC
                LIMIT %(limit)s
            ) u, LATERAL (SELECT {user_fields}) item
        ),
        'recent_workspaces', (
            SELECT coalesce(json_agg(row_to_json(item) ORDER BY w.created_position DESC), '[]')
            FROM (
                SELECT *
                FROM read_schema.workspace_projections
                WHERE tenant_id = %(tenant_id)s AND status = 'active' AND created_position > 0
                ORDER BY created_position DESC
                LIMIT %(limit)s
            ) w, LATERAL (SELECT {workspace_fields}) item
        )
    )::text
    FROM (
        SELECT {summary_fields}
        FROM read_schema.tenant_summary_projections s
        WHERE s.tenant_id = %(tenant_id)s AND s.event_version > 0
    ) found
)
