-- %(users)s more users with %(rounds)s events each, of five at most, in %(tenants)s tenants, and with %(workspaces)s a workspace with five
-- events for every five of them. It begins with user %(first)s. Everything happens round by round, so that the events
-- of one aggregate lie far apart. It is written past append_events, which would take minutes.
WITH tenant AS (
    SELECT n, md5('tenant ' || n)::uuid AS tenant_id FROM generate_series(0, %(tenants)s - 1) n
), member AS (
    SELECT u.n, t.tenant_id, md5('user ' || u.n)::uuid AS user_id
    FROM generate_series(%(first)s, %(first)s + %(users)s - 1) u(n) JOIN tenant t ON t.n = u.n / 5 %% %(tenants)s
), workspace AS (
    SELECT n / 5 AS n, tenant_id, md5('workspace ' || n / 5)::uuid AS workspace_id, user_id AS owner_id
    FROM member WHERE n %% 5 = 0 AND %(workspaces)s
), told AS (
    SELECT 0 AS round, n, tenant_id, 'tenant' AS type, tenant_id AS id, 1 AS version, 'tenant.created' AS event_type,
        jsonb_build_object('name', 'Tenant ' || n, 'slug', 'tenant-' || n, 'plan', 'enterprise',
            'quotas', jsonb_build_object('users', 1000000, 'workspaces', 1000000)) AS payload
    FROM tenant WHERE %(first)s = 0
    UNION ALL
    SELECT round, n, tenant_id, 'user', user_id, round, CASE round
            WHEN 1 THEN 'user.registered' WHEN 2 THEN 'user.activated' WHEN 4 THEN 'user.role_changed'
            ELSE 'user.updated' END,
        CASE round
            WHEN 1 THEN jsonb_build_object('user_id', user_id, 'tenant_id', tenant_id,
                'email', 'user-' || n || '@example.com', 'first_name', 'Ada', 'last_name', 'Lovelace ' || n)
            WHEN 2 THEN '{"status": "active", "previous_status": "pending"}'
            WHEN 4 THEN jsonb_build_object('role', 'admin', 'action', 'added', 'changed_by', user_id)
            ELSE jsonb_build_object('first_name', 'Ada ' || round, 'timezone', 'Europe/London') END
    FROM member, generate_series(1, %(rounds)s) round
    UNION ALL
    SELECT 6, n, tenant_id, 'workspace', workspace_id, 1, 'workspace.created',
        jsonb_build_object('name', 'Workspace ' || n, 'description', 'Where it is done', 'owner_id', owner_id,
            'is_public', false, 'settings', '{"colour": "blue"}'::jsonb)
    FROM workspace
    UNION ALL
    SELECT 6 + m.n %% 5, m.n, m.tenant_id, 'workspace', w.workspace_id, 1 + m.n %% 5, 'workspace.member_added',
        jsonb_build_object('user_id', m.user_id, 'role', 'member')
    FROM member m JOIN workspace w ON w.n = m.n / 5 WHERE m.n %% 5 > 0
), placed AS (
    SELECT *, write_schema.shard_of(tenant_id::text) AS shard FROM told
), written AS (
    INSERT INTO write_schema.domain_events
    SELECT shard, s.head + row_number() OVER (PARTITION BY shard ORDER BY round, n), md5(id || ' ' || version)::uuid, tenant_id,
        type, id, version, event_type, 1, timestamptz '2026-01-01 00:00Z' + make_interval(secs => n), payload,
        jsonb_build_object('correlation_id', md5(id || ' ' || version)::uuid, 'actor_id', id,
            'command', 'DoSomething')
    FROM placed JOIN write_schema.shards s USING (shard)
    RETURNING shard
)
UPDATE write_schema.shards s SET head = head + counted.events
FROM (SELECT shard, count(*) AS events FROM written GROUP BY shard) counted WHERE s.shard = counted.shard;
