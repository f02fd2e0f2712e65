-- What several queries have in common; each stands in braces where it is used.

-- The offset that all projections the query reads have reached, from the same snapshot as its rows.
-- name: position
(
    SELECT CASE WHEN count(*) = cardinality(%(projections)s) THEN min(c.position) ELSE 0 END
    FROM read_schema.projection_checkpoints c
    WHERE c.shard = %(shard)s AND c.projection = ANY(%(projections)s)
)

-- name: user_fields
u.user_id AS id, u.tenant_id, u.email, u.first_name, u.last_name, u.display_name, u.avatar, u.timezone, u.language,
u.status, u.status = 'active' AS is_active, u.roles, u.deactivation_reason, u.created_at, u.updated_at, u.event_version

-- name: workspace_fields
w.workspace_id AS id, w.tenant_id, w.name, w.description, w.owner_id, w.status, w.is_public, w.settings,
w.member_count, w.created_at, w.updated_at, w.event_version

-- name: member_fields
m.user_id, u.display_name, u.email, m.role, m.joined_at, m.updated_at

-- LIMIT keeps it a lookup for each member, where the planner might read all users of the tenant instead.
-- name: member_user
(
    SELECT display_name, email
    FROM read_schema.user_projections
    WHERE tenant_id = m.tenant_id AND user_id = m.user_id
    LIMIT 1
) u

-- name: summary_fields
s.tenant_id, s.name, s.slug, s.plan_type, s.total_users, s.active_users, s.total_workspaces,
json_build_object('users', s.quota_users, 'workspaces', s.quota_workspaces) AS quotas,
s.created_at, s.updated_at, s.event_version

-- The page is one longer than asked for where the list goes on.
-- name: items
(SELECT coalesce(json_agg(item ORDER BY rank) FILTER (WHERE rank <= %(limit)s), '[]') FROM page)

-- The cursor is what domain/read/cursor.py makes: a letter for the list, and the place of the last item shown.
-- name: pagination
json_build_object(
    'limit', %(limit)s,
    'offset', %(offset)s,
    'count', (SELECT least(count(*), %(limit)s) FROM page),
    'total', total,
    'next_cursor', (
        SELECT rtrim(translate(encode(convert_to(%(list)s || place, 'UTF8'), 'base64'), '+/', '-_'), '=')
        FROM page
        WHERE rank = %(limit)s AND EXISTS (SELECT FROM page WHERE rank > %(limit)s)
    )
)
