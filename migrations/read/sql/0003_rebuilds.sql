-- A rebuild of a projection, or a way back to the tables that the last one replaced. While finished_at is null it runs.
CREATE TABLE read_schema.projection_rebuilds (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    projection text NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    compare boolean NOT NULL DEFAULT false,
    cut_over boolean NOT NULL DEFAULT true,
    started_by text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    loaded_at timestamptz,
    finished_at timestamptz,
    events bigint NOT NULL DEFAULT 0,
    comparison jsonb,
    error text
);
CREATE UNIQUE INDEX projection_rebuilds_running_idx ON read_schema.projection_rebuilds (projection)
    WHERE finished_at IS NULL;
CREATE INDEX projection_rebuilds_latest_idx ON read_schema.projection_rebuilds (projection, id);

CREATE TABLE read_schema.projection_verifications (
    projection text PRIMARY KEY,
    verified_at timestamptz NOT NULL,
    complete boolean NOT NULL,
    aggregates bigint NOT NULL,
    rows bigint NOT NULL,
    drifted bigint NOT NULL,
    examples jsonb NOT NULL,
    drifted_ever bigint NOT NULL
);
