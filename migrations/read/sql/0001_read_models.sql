-- Rows that are updated in place leave room in their page, so that an update touches no index.
CREATE TABLE read_schema.user_projections (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    email text NOT NULL,
    first_name text NOT NULL,
    last_name text NOT NULL,
    display_name text NOT NULL,
    avatar text,
    timezone text NOT NULL,
    language text NOT NULL,
    status text NOT NULL,
    roles text[] NOT NULL,
    deactivation_reason text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created_position bigint NOT NULL,
    event_version integer NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
) WITH (fillfactor = 80);
-- Every position is above 0. An index that says so is for those alone who ask for positions: else PostgreSQL takes it
-- for the lookup of a user as well, where it knows of no more than a few rows, and reads all of the tenant.
CREATE INDEX user_projections_newest_idx ON read_schema.user_projections (tenant_id, created_position)
    WHERE created_position > 0;
CREATE INDEX user_projections_newest_active_idx ON read_schema.user_projections (tenant_id, created_position)
    WHERE status = 'active' AND created_position > 0;

CREATE TABLE read_schema.workspace_projections (
    tenant_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    owner_id uuid NOT NULL,
    status text NOT NULL,
    is_public boolean NOT NULL,
    settings jsonb NOT NULL,
    member_count integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created_position bigint NOT NULL,
    event_version integer NOT NULL,
    PRIMARY KEY (tenant_id, workspace_id)
) WITH (fillfactor = 70);
CREATE INDEX workspace_projections_newest_idx ON read_schema.workspace_projections (tenant_id, created_position)
    WHERE status = 'active' AND created_position > 0;

CREATE TABLE read_schema.workspace_member_projections (
    tenant_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL,
    joined_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    joined_position bigint NOT NULL,
    PRIMARY KEY (tenant_id, workspace_id, user_id)
) WITH (fillfactor = 90);
CREATE INDEX workspace_member_projections_oldest_idx
    ON read_schema.workspace_member_projections (tenant_id, workspace_id, joined_position)
    WHERE joined_position > 0;

CREATE TABLE read_schema.tenant_summary_projections (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    slug text NOT NULL,
    plan_type text NOT NULL,
    total_users integer NOT NULL,
    active_users integer NOT NULL,
    total_workspaces integer NOT NULL,
    quota_users integer NOT NULL,
    quota_workspaces integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    event_version integer NOT NULL,
    PRIMARY KEY (tenant_id)
) WITH (fillfactor = 50);

CREATE TABLE read_schema.tenant_summary_share_projections (
    tenant_id uuid NOT NULL,
    aggregate_id uuid NOT NULL,
    users smallint NOT NULL,
    active_users smallint NOT NULL,
    workspaces smallint NOT NULL,
    event_version integer NOT NULL,
    PRIMARY KEY (tenant_id, aggregate_id)
) WITH (fillfactor = 80);

CREATE TABLE read_schema.projection_checkpoints (
    shard smallint NOT NULL,
    projection text NOT NULL,
    position bigint NOT NULL DEFAULT 0,
    event_id uuid,
    moved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (shard, projection)
) WITH (fillfactor = 30);

CREATE TABLE read_schema.parked_aggregates (
    tenant_id uuid NOT NULL,
    projection text NOT NULL,
    aggregate_id uuid NOT NULL,
    shard smallint NOT NULL,
    from_position bigint NOT NULL,
    attempts integer NOT NULL,
    next_attempt_at timestamptz,
    error_class text NOT NULL,
    error_text text NOT NULL,
    parked_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, projection, aggregate_id)
);
CREATE INDEX parked_aggregates_shard_idx ON read_schema.parked_aggregates (shard, projection);
CREATE INDEX parked_aggregates_due_idx ON read_schema.parked_aggregates (next_attempt_at);

-- A query sees the one tenant it names; the projection engine's sessions see all.
DO $$
DECLARE
    isolated text;
BEGIN
    FOREACH isolated IN ARRAY ARRAY[
        'user_projections', 'workspace_projections', 'workspace_member_projections', 'tenant_summary_projections',
        'tenant_summary_share_projections', 'parked_aggregates'
    ] LOOP
        EXECUTE 'ALTER TABLE read_schema.' || isolated || ' ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY';
        EXECUTE 'CREATE POLICY tenant_isolation ON read_schema.' || isolated || ' USING ('
            'tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid '
            'OR current_setting(''app.engine'', true) = ''on'')';
    END LOOP;
END
$$;
