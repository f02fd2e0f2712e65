-- None of these belongs to a tenant.
CREATE TABLE read_schema.processes (
    id uuid NOT NULL,
    kind text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    leads boolean NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE read_schema.clock_jobs (
    job text NOT NULL,
    begun_at timestamptz NOT NULL,
    ended_at timestamptz,
    succeeded_at timestamptz,
    failed_in_a_row integer NOT NULL DEFAULT 0,
    error text,
    PRIMARY KEY (job)
);

CREATE TABLE read_schema.projection_samples (
    projection text NOT NULL,
    taken_at timestamptz NOT NULL,
    applied bigint NOT NULL,
    PRIMARY KEY (projection, taken_at)
);

CREATE TABLE read_schema.lagging_marks (
    projection text NOT NULL,
    shard smallint NOT NULL,
    position bigint NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (projection, shard)
);
