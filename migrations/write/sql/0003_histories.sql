-- Of each of the tenant's aggregates p_ids the events past its snapshot, and the snapshot itself, where it has the
-- version in p_snapshot_versions, as a row without event_id: its state is the payload.
--
-- It is a function because PostgreSQL takes three times as long to plan this anew for each command as to do it. It is
-- STABLE, so that all of its statements see one moment: that of the statement which calls it.
--
-- It names each column, because a later release may add some while this one is in the midst of a call.
CREATE FUNCTION write_schema.histories(
    p_shard smallint, p_tenant_id uuid, p_ids uuid[], p_snapshot_versions smallint[]
) RETURNS TABLE (
    shard smallint, "position" bigint, event_id uuid, tenant_id uuid, aggregate_type text, aggregate_id uuid,
    version integer, event_type text, schema_version smallint, occurred_at timestamptz, payload jsonb, metadata jsonb
) LANGUAGE plpgsql STABLE ROWS 10 AS $$
DECLARE
    v_snapshot record;
BEGIN
    FOR n IN 1 .. cardinality(p_ids) LOOP
        SELECT s.position, s.version, s.schema_version, s.state INTO v_snapshot FROM write_schema.snapshots s
        WHERE s.shard = p_shard AND s.aggregate_id = p_ids[n] AND s.tenant_id = p_tenant_id
          AND s.schema_version = p_snapshot_versions[n];
        IF FOUND THEN
            RETURN QUERY SELECT
                p_shard, v_snapshot.position, NULL::uuid, p_tenant_id, NULL::text, p_ids[n], v_snapshot.version,
                NULL::text, v_snapshot.schema_version, NULL::timestamptz, v_snapshot.state, NULL::jsonb;
        END IF;
        RETURN QUERY
            SELECT e.shard, e.position, e.event_id, e.tenant_id, e.aggregate_type, e.aggregate_id, e.version,
                   e.event_type, e.schema_version, e.occurred_at, e.payload, e.metadata
            FROM write_schema.domain_events e
            WHERE e.shard = p_shard AND e.aggregate_id = p_ids[n] AND e.tenant_id = p_tenant_id
              AND e.version > coalesce(v_snapshot.version, 0)
            ORDER BY e.version;
    END LOOP;
END $$;
