-- A projection without a row here is running.
CREATE TABLE read_schema.projections (
    name text NOT NULL,
    state text NOT NULL,
    reason text NOT NULL,
    changed_by text NOT NULL,
    since timestamptz NOT NULL,
    error_class text,
    error_text text,
    trials integer NOT NULL DEFAULT 0,
    next_trial_at timestamptz,
    trial_shard smallint,
    parks_until timestamptz,
    PRIMARY KEY (name)
);

ALTER TABLE read_schema.projection_checkpoints
    ADD COLUMN parked integer NOT NULL DEFAULT 0,
    ADD COLUMN invalidated_position bigint NOT NULL DEFAULT 0,
    ADD COLUMN pending_since timestamptz;
UPDATE read_schema.projection_checkpoints SET invalidated_position = position;

ALTER TABLE read_schema.parked_aggregates
    ADD COLUMN aggregate_type text NOT NULL,
    ADD COLUMN event_type text NOT NULL,
    ADD COLUMN version integer NOT NULL,
    ADD COLUMN error_trace text NOT NULL,
    ADD COLUMN last_attempt_at timestamptz NOT NULL,
    ADD COLUMN dead_at timestamptz;
CREATE INDEX parked_aggregates_alike_idx ON read_schema.parked_aggregates (projection, error_class, parked_at);

CREATE TABLE read_schema.skipped_events (
    tenant_id uuid NOT NULL,
    projection text NOT NULL,
    aggregate_id uuid NOT NULL,
    version integer NOT NULL,
    shard smallint NOT NULL,
    position bigint NOT NULL,
    event_type text NOT NULL,
    reason text NOT NULL,
    skipped_by text NOT NULL,
    skipped_at timestamptz NOT NULL,
    error_class text NOT NULL,
    error_text text NOT NULL,
    PRIMARY KEY (tenant_id, projection, aggregate_id, version)
);
CREATE INDEX skipped_events_shard_idx ON read_schema.skipped_events (shard, projection);

CREATE TABLE read_schema.rewritten_aggregates (
    tenant_id uuid NOT NULL,
    projection text NOT NULL,
    aggregate_id uuid NOT NULL,
    shard smallint NOT NULL,
    from_version integer NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, projection, aggregate_id)
);
CREATE INDEX rewritten_aggregates_shard_idx ON read_schema.rewritten_aggregates (shard);

DO $$
DECLARE
    isolated text;
BEGIN
    FOREACH isolated IN ARRAY ARRAY['skipped_events', 'rewritten_aggregates'] LOOP
        EXECUTE 'ALTER TABLE read_schema.' || isolated || ' ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY';
        EXECUTE 'CREATE POLICY tenant_isolation ON read_schema.' || isolated || ' USING ('
            'tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid '
            'OR current_setting(''app.engine'', true) = ''on'')';
    END LOOP;
END
$$;
