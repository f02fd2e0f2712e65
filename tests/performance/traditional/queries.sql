-- The questions. Each is one statement, and PostgreSQL makes the JSON.

-- name: user_fields
u.id, u.tenant_id, u.email, u.first_name, u.last_name, u.first_name || ' ' || u.last_name AS display_name, u.avatar,
u.timezone, u.language, u.status, u.status = 'active' AS is_active,
ARRAY(SELECT r.role FROM traditional.user_roles r WHERE r.user_id = u.id ORDER BY r.seq) AS roles,
u.deactivation_reason, u.created_at, u.updated_at, u.version AS event_version

-- name: workspace_fields
w.id, w.tenant_id, w.name, w.description, w.owner_id, w.status, w.is_public, w.settings,
(SELECT count(*) FROM traditional.memberships m WHERE m.workspace_id = w.id) AS member_count,
w.created_at, w.updated_at, w.version AS event_version

-- name: member_fields
m.user_id, u.first_name || ' ' || u.last_name AS display_name, u.email, m.role, m.joined_at, m.updated_at

-- name: summary_fields
t.id AS tenant_id, t.name, t.slug, t.plan AS plan_type,
(SELECT count(*) FROM traditional.users u WHERE u.tenant_id = t.id) AS total_users,
(SELECT count(*) FROM traditional.users u WHERE u.tenant_id = t.id AND u.status = 'active') AS active_users,
(SELECT count(*) FROM traditional.workspaces w WHERE w.tenant_id = t.id AND w.status = 'active') AS total_workspaces,
json_build_object('users', t.max_users, 'workspaces', t.max_workspaces) AS quotas,
t.created_at, t.updated_at, t.version AS event_version

-- name: items
(SELECT coalesce(json_agg(item ORDER BY rank) FILTER (WHERE rank <= %(limit)s), '[]') FROM page)

-- The cursor is what domain/read/cursor.py makes.
-- name: pagination
json_build_object(
    'limit', %(limit)s,
    'offset', %(offset)s,
    'count', (SELECT least(count(*), %(limit)s) FROM page),
    'total', counted.total,
    'next_cursor', (
        SELECT rtrim(translate(encode(convert_to(%(list)s || seq, 'UTF8'), 'base64'), '+/', '-_'), '=')
        FROM page WHERE rank = %(limit)s AND EXISTS (SELECT FROM page WHERE rank > %(limit)s)
    )
)

-- name: user
SELECT row_to_json(found)::text FROM (
    SELECT {user_fields} FROM traditional.users u WHERE u.id = %(user_id)s AND u.tenant_id = %(tenant_id)s
) found

-- name: users_of_tenant
WITH page AS MATERIALIZED (
    SELECT u.seq, row_number() OVER (ORDER BY u.seq DESC) AS rank, row_to_json(item) AS item
    FROM (
        SELECT * FROM traditional.users
        WHERE tenant_id = %(tenant_id)s AND seq < %(beyond)s AND (NOT %(active_only)s OR status = 'active')
        ORDER BY seq DESC LIMIT %(limit)s + 1 OFFSET %(offset)s
    ) u, LATERAL (SELECT {user_fields}) item
)
SELECT json_build_object('users', {items}, 'pagination', {pagination})::text
FROM (
    SELECT (
        SELECT count(*) FROM traditional.users u
        WHERE u.tenant_id = t.id AND (NOT %(active_only)s OR u.status = 'active')
    ) AS total
    FROM traditional.tenants t WHERE t.id = %(tenant_id)s
) counted

-- name: workspace
SELECT row_to_json(found)::text FROM (
    SELECT {workspace_fields}, (
        SELECT coalesce(json_agg(row_to_json(item) ORDER BY m.seq), '[]')
        FROM (
            SELECT * FROM traditional.memberships WHERE workspace_id = %(workspace_id)s ORDER BY seq LIMIT %(limit)s
        ) m JOIN traditional.users u ON u.id = m.user_id, LATERAL (SELECT {member_fields}) item
    ) AS members
    FROM traditional.workspaces w
    WHERE w.id = %(workspace_id)s AND w.tenant_id = %(tenant_id)s AND w.status = 'active'
) found

-- name: workspaces_of_tenant
WITH page AS MATERIALIZED (
    SELECT w.seq, row_number() OVER (ORDER BY w.seq DESC) AS rank, row_to_json(item) AS item
    FROM (
        SELECT * FROM traditional.workspaces
        WHERE tenant_id = %(tenant_id)s AND seq < %(beyond)s AND status = 'active'
        ORDER BY seq DESC LIMIT %(limit)s + 1 OFFSET %(offset)s
    ) w, LATERAL (SELECT {workspace_fields}) item
)
SELECT json_build_object('workspaces', {items}, 'pagination', {pagination})::text
FROM (
    SELECT (
        SELECT count(*) FROM traditional.workspaces w WHERE w.tenant_id = t.id AND w.status = 'active'
    ) AS total
    FROM traditional.tenants t WHERE t.id = %(tenant_id)s
) counted

-- name: workspace_members
WITH page AS MATERIALIZED (
    SELECT m.seq, row_number() OVER (ORDER BY m.seq) AS rank, row_to_json(item) AS item
    FROM (
        SELECT * FROM traditional.memberships
        WHERE workspace_id = %(workspace_id)s AND seq > %(beyond)s
        ORDER BY seq LIMIT %(limit)s + 1 OFFSET %(offset)s
    ) m JOIN traditional.users u ON u.id = m.user_id, LATERAL (SELECT {member_fields}) item
)
SELECT json_build_object('members', {items}, 'pagination', {pagination})::text
FROM (
    SELECT (SELECT count(*) FROM traditional.memberships m WHERE m.workspace_id = w.id) AS total
    FROM traditional.workspaces w
    WHERE w.id = %(workspace_id)s AND w.tenant_id = %(tenant_id)s AND w.status = 'active'
) counted

-- name: tenant_summary
SELECT row_to_json(found)::text FROM (
    SELECT {summary_fields} FROM traditional.tenants t WHERE t.id = %(tenant_id)s
) found

-- name: dashboard
SELECT json_build_object(
    'summary', row_to_json(found),
    'recent_users', (
        SELECT coalesce(json_agg(row_to_json(item) ORDER BY u.seq DESC), '[]')
        FROM (
            SELECT * FROM traditional.users WHERE tenant_id = %(tenant_id)s ORDER BY seq DESC LIMIT %(limit)s
        ) u, LATERAL (SELECT {user_fields}) item
    ),
    'recent_workspaces', (
        SELECT coalesce(json_agg(row_to_json(item) ORDER BY w.seq DESC), '[]')
        FROM (
            SELECT * FROM traditional.workspaces
            WHERE tenant_id = %(tenant_id)s AND status = 'active' ORDER BY seq DESC LIMIT %(limit)s
        ) w, LATERAL (SELECT {workspace_fields}) item
    )
)::text
FROM (SELECT {summary_fields} FROM traditional.tenants t WHERE t.id = %(tenant_id)s) found
