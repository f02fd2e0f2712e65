-- What makes a table like the live one in another schema, in order.
-- name: copy_table
WITH live AS (
    SELECT c.oid, c.relname, c.reloptions, c.relrowsecurity, c.relforcerowsecurity, c.relacl, c.relowner,
        format('%%I.%%I', %(schema)s, c.relname) AS made, n.nspname
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %(live)s AND c.relname = %(table)s
)
SELECT command
FROM (
    SELECT 1 AS step, '' AS name, format(
        'CREATE TABLE %%s (LIKE %%I.%%I INCLUDING ALL EXCLUDING INDEXES)%%s', made, nspname, relname,
        coalesce(' WITH (' || array_to_string(reloptions, ', ') || ')', '')) AS command
    FROM live
    UNION ALL
    SELECT 2, k.conname, format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', made, k.conname, pg_get_constraintdef(k.oid))
    FROM live JOIN pg_constraint k ON k.conrelid = live.oid AND k.contype IN ('p', 'u', 'x')
    UNION ALL
    SELECT 3, p.policyname, format(
        'CREATE POLICY %%I ON %%s AS %%s FOR %%s TO %%s%%s%%s', p.policyname, made, p.permissive, p.cmd,
        (SELECT string_agg(CASE role WHEN 'public' THEN 'public' ELSE quote_ident(role) END, ', ')
            FROM unnest(p.roles::text[]) role),
        ' USING (' || p.qual || ')', ' WITH CHECK (' || p.with_check || ')')
    FROM live JOIN pg_policies p ON p.schemaname = live.nspname AND p.tablename = live.relname
    UNION ALL
    SELECT 4, 'enable', format('ALTER TABLE %%s ENABLE ROW LEVEL SECURITY', made) FROM live WHERE relrowsecurity
    UNION ALL
    SELECT 4, 'force', format('ALTER TABLE %%s FORCE ROW LEVEL SECURITY', made) FROM live WHERE relforcerowsecurity
    UNION ALL
    SELECT 5, a.privilege_type || a.grantee, format(
        'GRANT %%s ON %%s TO %%s%%s', a.privilege_type, made,
        CASE a.grantee WHEN 0 THEN 'public' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
        CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM live, aclexplode(relacl) a
    WHERE a.grantee <> relowner
) commands
ORDER BY step, name

-- The indexes of the live table that belong to no constraint, made for the one in another schema.
-- name: copy_indexes
SELECT replace(
    pg_get_indexdef(i.indexrelid), format(' ON %%I.', %(live)s), format(' ON %%I.', %(schema)s))
FROM pg_index i
WHERE i.indrelid = format('%%I.%%I', %(live)s, %(table)s)::regclass
    AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)
ORDER BY 1

-- Columns, keys, indexes, policies, options and rights of tables, each without the schema's name.
-- name: shape
WITH named AS (
    SELECT c.*
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %(schema)s AND c.relname = ANY(%(tables)s)
)
SELECT relname, 'column' AS what, attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull::text || ' ' ||
    coalesce(pg_get_expr(adbin, adrelid), '') AS detail
FROM named
JOIN pg_attribute a ON a.attrelid = named.oid AND attnum > 0 AND NOT attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = named.oid AND d.adnum = a.attnum
UNION ALL
SELECT relname, 'constraint', conname || ' ' || pg_get_constraintdef(k.oid)
FROM named JOIN pg_constraint k ON k.conrelid = named.oid
UNION ALL
SELECT relname, 'index', replace(pg_get_indexdef(indexrelid), format(' ON %%I.', %(schema)s), ' ON ')
FROM named JOIN pg_index i ON i.indrelid = named.oid
UNION ALL
SELECT relname, 'policy', concat_ws(' ', policyname, permissive, roles, cmd, qual, with_check)
FROM named JOIN pg_policies p ON p.schemaname = %(schema)s AND p.tablename = relname
UNION ALL
SELECT relname, 'options', concat_ws(' ', reloptions, relrowsecurity, relforcerowsecurity) FROM named
UNION ALL
SELECT relname, 'right', concat_ws(' ', pg_get_userbyid(a.grantee), a.privilege_type)
FROM named, aclexplode(relacl) a WHERE a.grantee <> relowner
ORDER BY 1, 2, 3
