-- A session sees and writes the rows of the tenant it names, and none where it names none. The readers of the log, who
-- follow all tenants, say so. The settings are looked up once a statement, not once a row: hence the sub-selects.
DO $$
DECLARE
    isolated text;
    engine constant text := '(SELECT current_setting(''app.engine'', true)) = ''on''';
    tenant constant text := '(SELECT nullif(current_setting(''app.tenant_id'', true), '''')::uuid)';
BEGIN
    FOREACH isolated IN ARRAY ARRAY['domain_events', 'tenant_usage', 'idempotency_keys', 'snapshots'] LOOP
        EXECUTE 'ALTER TABLE write_schema.' || isolated || ' ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY';
        EXECUTE 'CREATE POLICY tenant_isolation ON write_schema.' || isolated
            || ' USING (tenant_id = ' || tenant || ' OR ' || engine || ')';
    END LOOP;
    -- A slug is unique among all tenants, so whoever has a tenant may learn that a slug is taken.
    ALTER TABLE write_schema.reservations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    EXECUTE 'CREATE POLICY tenant_isolation ON write_schema.reservations USING (namespace = ' || tenant
        || ' OR (namespace = ''00000000-0000-0000-0000-000000000000'' AND ' || tenant || ' IS NOT NULL) OR '
        || engine || ')';
END
$$;
