-- name: connections
SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
       (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend')

-- name: role
SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user

-- How many tables hold what is a tenant's, and which of them do not wall it off from their owner too.
-- name: open_tables
SELECT count(*)::int,
       array_agg(c.relname::text ORDER BY c.relname) FILTER (
           WHERE NOT c.relrowsecurity OR NOT c.relforcerowsecurity
              OR NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY(%(schemas)s) AND c.relkind IN ('r', 'p')
  AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)

-- name: standby
SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only')::boolean,
       CASE WHEN NOT pg_is_in_recovery() THEN NULL
            WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
            ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END::float

-- Whether this role may create schemas, and the tables of read_schema that are somebody else's.
-- name: rebuilder
SELECT has_database_privilege(current_database(), 'CREATE'),
       (SELECT array_agg(c.relname::text ORDER BY c.relname)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'read_schema' AND c.relkind IN ('r', 'p')
          AND NOT pg_has_role(current_user, c.relowner, 'USAGE'))

-- Where the data lie is told to few roles.
-- name: size
SELECT pg_database_size(current_database()),
       (SELECT setting FROM pg_settings WHERE name = 'data_directory')
