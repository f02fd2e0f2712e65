-- Tenants with all that they have, those with most users first. Both answer with the fields of TenantSize.

-- name: tenant_size_fields
t.tenant_id, t.name, t.slug, t.plan_type, t.total_users, t.active_users, t.quota_users, t.total_workspaces,
t.quota_workspaces,
(SELECT count(*)::int FROM read_schema.workspace_member_projections m WHERE m.tenant_id = t.tenant_id),
t.created_at

-- name: tenant_sizes
SELECT {tenant_size_fields}
FROM read_schema.tenant_summary_projections t
WHERE (%(search)s::text IS NULL OR strpos(lower(t.name), lower(%(search)s)) > 0 OR strpos(t.slug, lower(%(search)s)) > 0)
  AND (%(users)s::int IS NULL OR (t.total_users, t.tenant_id) < (%(users)s::int, %(tenant)s::uuid))
ORDER BY t.total_users DESC, t.tenant_id DESC
LIMIT %(limit)s

-- name: tenant_named
SELECT tenant_id FROM read_schema.tenant_summary_projections WHERE slug = %(slug)s

-- One tenant as in the list.
-- name: tenant_size
SELECT {tenant_size_fields}
FROM read_schema.tenant_summary_projections t
WHERE t.tenant_id = %(tenant)s

-- How many events of a tenant have been folded: the version of an aggregate counts its events.
-- name: tenant_events
SELECT coalesce((SELECT sum(event_version) FROM read_schema.user_projections WHERE tenant_id = %(tenant)s), 0)
     + coalesce((SELECT sum(event_version) FROM read_schema.workspace_projections WHERE tenant_id = %(tenant)s), 0)
     + coalesce((SELECT event_version FROM read_schema.tenant_summary_projections WHERE tenant_id = %(tenant)s), 0)
