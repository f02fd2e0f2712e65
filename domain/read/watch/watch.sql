-- How far each projection is on each shard, for how many seconds it has been there, and for how many the clock has
-- seen it stand there with something to do. A shard that was not begun with has no checkpoint.
-- name: marks
SELECT
    coalesce(c.projection, l.projection),
    coalesce(c.shard, l.shard),
    coalesce(c.position, 0),
    extract(epoch FROM clock_timestamp() - c.moved_at)::float,
    CASE WHEN l.position = coalesce(c.position, 0) THEN extract(epoch FROM clock_timestamp() - l.since)::float END
FROM read_schema.projection_checkpoints c
FULL JOIN read_schema.lagging_marks l ON l.projection = c.projection AND l.shard = c.shard

-- Those that do not run.
-- name: pauses
SELECT name, reason, changed_by, error_class, extract(epoch FROM clock_timestamp() - since)::float
FROM read_schema.projections WHERE state = 'paused'

-- name: parked
SELECT
    projection,
    count(*) FILTER (WHERE dead_at IS NULL),
    count(*) FILTER (WHERE dead_at IS NOT NULL),
    sum(attempts)::bigint
FROM read_schema.parked_aggregates GROUP BY projection

-- The oldest sample of the last minute.
-- name: samples
SELECT DISTINCT ON (projection) projection, applied, extract(epoch FROM clock_timestamp() - taken_at)::float
FROM read_schema.projection_samples
WHERE taken_at > clock_timestamp() - interval '60 seconds'
ORDER BY projection, taken_at

-- name: verifications
SELECT projection, extract(epoch FROM clock_timestamp() - verified_at)::float, aggregates, drifted, drifted_ever
FROM read_schema.projection_verifications

-- A mark that has moved begins anew.
-- name: note_marks
WITH seen AS (
    SELECT projection, shard, position
    FROM unnest(%(projections)s::text[], %(shards)s::smallint[], %(positions)s::bigint[])
        AS s(projection, shard, position)
), gone AS (
    DELETE FROM read_schema.lagging_marks l
    WHERE NOT EXISTS (SELECT FROM seen WHERE seen.projection = l.projection AND seen.shard = l.shard)
)
INSERT INTO read_schema.lagging_marks AS l (projection, shard, position, since)
SELECT projection, shard, position, clock_timestamp() FROM seen
ON CONFLICT (projection, shard) DO UPDATE SET position = excluded.position, since = excluded.since
WHERE l.position <> excluded.position

-- name: take_samples
WITH gone AS (
    DELETE FROM read_schema.projection_samples WHERE taken_at < clock_timestamp() - interval '5 minutes'
)
INSERT INTO read_schema.projection_samples (projection, taken_at, applied)
SELECT projection, clock_timestamp(), applied FROM unnest(%(projections)s::text[], %(applied)s::bigint[])
    AS s(projection, applied)
