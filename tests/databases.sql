-- All that a test could change besides rows, as one text. What TRUNCATE changes itself is left out.
SELECT md5(string_agg(line, E'\n' ORDER BY line)) FROM (
    SELECT concat_ws(' ', 'class', oid, relname, relnamespace, relowner, relrowsecurity, relforcerowsecurity, relacl,
                     reloptions) FROM pg_class WHERE oid >= 16384 AND relkind <> 't'
    UNION ALL
    SELECT concat_ws(' ', 'column', attrelid, attname, atttypid, atttypmod, attnotnull, atthasdef, attacl, attoptions)
    FROM pg_attribute WHERE attrelid >= 16384 AND attnum > 0
    UNION ALL
    SELECT concat_ws(' ', 'default', adrelid, adnum, pg_get_expr(adbin, adrelid)) FROM pg_attrdef WHERE adrelid >= 16384
    UNION ALL
    SELECT concat_ws(' ', 'index', indexrelid, indisvalid, indisunique) FROM pg_index WHERE indexrelid >= 16384
    UNION ALL
    SELECT concat_ws(' ', 'constraint', oid, conname, convalidated, pg_get_constraintdef(oid)) FROM pg_constraint
    WHERE conrelid >= 16384
    UNION ALL
    SELECT concat_ws(' ', 'trigger', oid, tgname, tgenabled, tgfoid) FROM pg_trigger WHERE oid >= 16384
    UNION ALL
    SELECT concat_ws(' ', 'policy', oid, polname, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
    FROM pg_policy
    UNION ALL
    SELECT concat_ws(' ', 'function', oid, proname, proacl, proconfig, md5(prosrc)) FROM pg_proc WHERE oid >= 16384
    UNION ALL
    SELECT concat_ws(' ', 'schema', oid, nspname, nspowner, nspacl) FROM pg_namespace WHERE nspname !~ '^pg_'
    UNION ALL
    SELECT concat_ws(' ', 'setting', setrole, setconfig) FROM pg_db_role_setting
    WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
) AS lines(line);

-- The tables that have or had rows, and whether the planner has looked at them. The view of statistics takes long to plan.
SELECT oid::regclass::text, looked_at FROM (
    SELECT oid, relkind, coalesce(pg_stat_get_last_analyze_time(oid), pg_stat_get_last_autoanalyze_time(oid),
        pg_stat_get_last_vacuum_time(oid), pg_stat_get_last_autovacuum_time(oid)) IS NOT NULL AS looked_at FROM pg_class
) AS tables WHERE oid >= 16384 AND relkind IN ('r', 'm') AND (pg_relation_size(oid) > 0 OR looked_at);

-- The tables that refuse to be emptied.
SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE oid >= 16384 AND NOT tgisinternal AND tgtype & 32 <> 0;
