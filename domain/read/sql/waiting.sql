-- How far the projections are that a query reads, one of them that is paused, whether anything of the tenant that they
-- should show by the offset is parked, and the one of the aggregates that is. One statement, so all of one moment.
-- name: standing
SELECT
    {position},
    (
        SELECT min(name) FROM read_schema.projections
        WHERE state = 'paused' AND name = ANY(%(projections)s)
    ),
    EXISTS (
        SELECT FROM read_schema.parked_aggregates p
        WHERE p.tenant_id = %(tenant_id)s::uuid AND p.projection = ANY(%(projections)s) AND p.from_position <= %(offset)s
    ),
    (
        SELECT ARRAY[p.aggregate_id::text, extract(epoch FROM p.next_attempt_at - clock_timestamp())::text]
        FROM read_schema.parked_aggregates p
        WHERE p.tenant_id = %(tenant_id)s::uuid AND p.projection = ANY(%(projections)s)
            AND p.aggregate_id = ANY(%(aggregates)s::uuid[]) AND p.from_position <= %(offset)s
        LIMIT 1
    )
