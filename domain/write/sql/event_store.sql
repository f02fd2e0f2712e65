-- name: append
-- One round trip: see the function's own comment in migrations/write.
SELECT write_schema.append_events(
    %(shard)s::smallint, %(tenant_id)s::uuid, %(occurred_at)s::timestamptz, %(events)s::jsonb, %(expected)s::jsonb,
    %(reserve)s::jsonb, %(release)s::jsonb, %(usage)s::jsonb, %(idempotency)s::jsonb)

-- name: stored_at
-- Where an event with this id became this version of its aggregate, if it did.
SELECT position FROM write_schema.domain_events
WHERE shard = %(shard)s AND aggregate_id = %(aggregate_id)s AND version = %(version)s AND event_id = %(event_id)s

-- name: read
SELECT {columns} FROM write_schema.domain_events
WHERE shard = %(shard)s AND position > %(after)s ORDER BY position LIMIT %(limit)s

-- name: read_several
SELECT e.* FROM unnest(%(shards)s::smallint[], %(after)s::bigint[]) AS place(shard, after)
CROSS JOIN LATERAL (SELECT {columns} FROM write_schema.domain_events d
                    WHERE d.shard = place.shard AND position > place.after ORDER BY position LIMIT %(limit)s) e
ORDER BY e.shard, e.position

-- name: of_interest
-- A log has no gaps, so the limit is a stretch of it, of which the ends come in any case.
SELECT {columns_to_fold} FROM write_schema.domain_events
WHERE shard = %(shard)s AND position > %(after)s AND position <= %(after)s::bigint + %(limit)s
  AND (aggregate_type = ANY(%(aggregate_types)s) AND event_type <> ALL(%(ignored)s)
       OR position IN (%(after)s::bigint + 1, (SELECT least(head, %(after)s::bigint + %(limit)s)
                                               FROM write_schema.shards WHERE shard = %(shard)s)))
ORDER BY position

-- name: read_aggregate
SELECT {columns} FROM write_schema.domain_events
WHERE shard = %(shard)s AND aggregate_id = %(aggregate_id)s AND version > %(after_version)s
ORDER BY version LIMIT %(limit)s

-- name: backwards
SELECT {columns} FROM write_schema.domain_events
WHERE shard = %(shard)s AND position >= %(lowest)s AND position < %(before)s AND tenant_id = %(tenant_id)s
ORDER BY position DESC LIMIT %(limit)s

-- name: backwards_aggregate
-- The place says which version the last page ended with, so that a deep page costs what the first one does.
SELECT {columns} FROM write_schema.domain_events
WHERE shard = %(shard)s AND aggregate_id = %(aggregate_id)s AND tenant_id = %(tenant_id)s
  AND version < coalesce((SELECT version FROM write_schema.domain_events
                          WHERE shard = %(shard)s AND position = %(before)s AND aggregate_id = %(aggregate_id)s),
                         2147483647)
ORDER BY version DESC LIMIT %(limit)s

-- name: head
SELECT head FROM write_schema.shards WHERE shard = %(shard)s

-- name: heads
SELECT shard, head FROM write_schema.shards WHERE head > 0

-- name: occurred
SELECT e.shard, e.position, e.occurred_at
FROM unnest(%(shards)s::smallint[], %(positions)s::bigint[]) AS place(shard, position)
JOIN write_schema.domain_events e USING (shard, position)

-- name: ids
SELECT e.shard, e.position, e.event_id
FROM unnest(%(shards)s::smallint[], %(positions)s::bigint[]) AS place(shard, position)
JOIN write_schema.domain_events e USING (shard, position)

-- name: histories
-- See the function's own comment in migrations/write.
SELECT event_id IS NULL, {columns}
FROM write_schema.histories(
    %(shard)s::smallint, %(tenant_id)s::uuid, %(ids)s::uuid[], %(snapshot_versions)s::smallint[])

-- name: save_snapshot
INSERT INTO write_schema.snapshots AS kept
    (shard, aggregate_id, tenant_id, version, position, schema_version, state)
VALUES (%(shard)s, %(aggregate_id)s, %(tenant_id)s, %(version)s, %(position)s, %(schema_version)s, %(state)s::jsonb)
ON CONFLICT (shard, aggregate_id) DO UPDATE
SET version = excluded.version, position = excluded.position,
    schema_version = excluded.schema_version, state = excluded.state
WHERE kept.version < excluded.version OR kept.schema_version <> excluded.schema_version

-- name: answered
SELECT key, fingerprint, response FROM write_schema.idempotency_keys
WHERE shard = %(shard)s AND tenant_id = %(tenant_id)s AND key = ANY (%(keys)s)

-- name: forget_answers
-- A bounded number at a time, so that no lock lasts long; records that a command is just writing are passed over.
DELETE FROM write_schema.idempotency_keys k
USING (
    SELECT shard, tenant_id, key FROM write_schema.idempotency_keys
    WHERE created_at < %(before)s ORDER BY created_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
) old
WHERE k.shard = old.shard AND k.tenant_id = old.tenant_id AND k.key = old.key

-- name: tenant_of
-- The shards are listed so that each is one look into the index; without them it would be a walk through all of it.
SELECT tenant_id FROM write_schema.domain_events
WHERE shard = ANY (ARRAY(SELECT generate_series(0, 255)::smallint)) AND aggregate_id = %(id)s AND version = 1
