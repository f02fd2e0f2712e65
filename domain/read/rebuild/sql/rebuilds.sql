-- Why the engine of a rebuild has paused it.
-- name: paused
SELECT reason FROM {schema}.projections WHERE name = %(projection)s AND state = 'paused'

-- Aggregates that are parked in the rebuild at an event that the live projection has folded.
-- name: newly_parked
SELECT p.aggregate_id, p.error_class || ': ' || p.error_text
FROM {schema}.parked_aggregates p
JOIN read_schema.projection_checkpoints c ON c.projection = p.projection AND c.shard = p.shard
WHERE p.projection = %(projection)s
    AND p.from_position <= c.position
    AND NOT EXISTS (
        SELECT FROM read_schema.parked_aggregates live
        WHERE live.tenant_id = p.tenant_id AND live.projection = p.projection AND live.aggregate_id = p.aggregate_id
    )
ORDER BY p.from_position

-- How many events the rebuild has folded, and how many aggregates are parked in it.
-- name: folded
SELECT
    (SELECT coalesce(sum(position), 0)::bigint FROM {schema}.projection_checkpoints WHERE projection = %(projection)s),
    (SELECT count(*) FROM {schema}.parked_aggregates WHERE projection = %(projection)s)
