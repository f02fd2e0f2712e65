-- Rows of a table in two schemas, of the tenants on the shards that are asked for: how many there are here and there,
-- how many are missing there, extra there or different, and a few of the differing keys.
-- name: compare
WITH here AS (
    SELECT * FROM {here} WHERE get_byte(sha256(convert_to(tenant_id::text, 'UTF8')), 0) = ANY(%(shards)s)
), there AS (
    SELECT * FROM {there} WHERE get_byte(sha256(convert_to(tenant_id::text, 'UTF8')), 0) = ANY(%(shards)s)
), different AS MATERIALIZED (
    SELECT {key}, here.tenant_id IS NULL AS extra, there.tenant_id IS NULL AS missing
    FROM here FULL JOIN there USING ({key})
    WHERE ({here_columns}) IS DISTINCT FROM ({there_columns})
)
SELECT
    (SELECT count(*) FROM here),
    (SELECT count(*) FROM there),
    count(*) FILTER (WHERE missing),
    count(*) FILTER (WHERE extra),
    count(*) FILTER (WHERE NOT missing AND NOT extra),
    (SELECT coalesce(json_agg(row_to_json(example)), '[]') FROM (SELECT {key} FROM different LIMIT 10) example)
FROM different
