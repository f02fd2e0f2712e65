-- Parked aggregates for those who run the service. Each answers with dead_letter_fields.

-- name: dead_letter_fields
projection, tenant_id, aggregate_id, shard, from_position, aggregate_type, event_type, version, error_class, error_text,
attempts, parked_at, last_attempt_at, next_attempt_at, dead_at

-- name: list_dead_letters
SELECT {dead_letter_fields} FROM read_schema.parked_aggregates
WHERE (%(dead)s::boolean IS NULL OR (dead_at IS NOT NULL) = %(dead)s::boolean)
  AND (%(projection)s::text IS NULL OR projection = %(projection)s)
  AND (%(error_class)s::text IS NULL OR error_class = %(error_class)s)
  AND (%(at)s::timestamptz IS NULL OR (parked_at, tenant_id, projection, aggregate_id)
       < (%(at)s::timestamptz, %(tenant)s::uuid, %(of)s::text, %(aggregate)s::uuid))
ORDER BY parked_at DESC, tenant_id DESC, projection DESC, aggregate_id DESC
LIMIT %(limit)s

-- name: show_dead_letter
SELECT {dead_letter_fields}, error_trace FROM read_schema.parked_aggregates
WHERE tenant_id = %(tenant)s AND projection = %(projection)s AND aggregate_id = %(aggregate)s AND version = %(version)s

-- name: retry_dead_letter
UPDATE read_schema.parked_aggregates SET next_attempt_at = clock_timestamp(), dead_at = NULL
WHERE tenant_id = %(tenant)s AND projection = %(projection)s AND aggregate_id = %(aggregate)s AND version = %(version)s
RETURNING {dead_letter_fields}

-- name: retry_dead_letters
UPDATE read_schema.parked_aggregates SET next_attempt_at = clock_timestamp(), dead_at = NULL
WHERE error_class = %(error_class)s AND (%(projection)s::text IS NULL OR projection = %(projection)s)
RETURNING {dead_letter_fields}

-- name: record_skip
INSERT INTO read_schema.skipped_events
    (tenant_id, projection, aggregate_id, version, shard, position, event_type, reason, skipped_by, skipped_at,
     error_class, error_text)
SELECT tenant_id, projection, aggregate_id, version, shard, from_position, event_type, %(reason)s, %(who)s,
       clock_timestamp(), error_class, error_text
FROM read_schema.parked_aggregates
WHERE tenant_id = %(tenant)s AND projection = %(projection)s AND aggregate_id = %(aggregate)s AND version = %(version)s
ON CONFLICT (tenant_id, projection, aggregate_id, version) DO NOTHING

-- What was left out on somebody's word. It answers with the fields of Skip.
-- name: list_skips
SELECT projection, tenant_id, aggregate_id, version, shard, position, event_type, reason, skipped_by, skipped_at,
       error_class, error_text
FROM read_schema.skipped_events
WHERE (%(projection)s::text IS NULL OR projection = %(projection)s)
  AND (%(error_class)s::text IS NULL OR error_class = %(error_class)s)
  AND (%(at)s::timestamptz IS NULL OR (skipped_at, tenant_id, projection, aggregate_id, version)
       < (%(at)s::timestamptz, %(tenant)s::uuid, %(of)s::text, %(aggregate)s::uuid, %(version)s::int))
ORDER BY skipped_at DESC, tenant_id DESC, projection DESC, aggregate_id DESC, version DESC
LIMIT %(limit)s
