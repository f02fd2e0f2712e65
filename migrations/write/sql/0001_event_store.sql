CREATE FUNCTION write_schema.shard_of(key text) RETURNS smallint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN get_byte(sha256(convert_to(key, 'UTF8')), 0)::smallint;

CREATE TABLE write_schema.shards (
    shard smallint PRIMARY KEY CONSTRAINT shards_shard_check CHECK (shard BETWEEN 0 AND 255),
    head bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);  -- Every append updates a row: with room on the page no index has to be touched.

INSERT INTO write_schema.shards (shard) SELECT generate_series(0, 255);

CREATE TABLE write_schema.domain_events (
    shard smallint NOT NULL,
    position bigint NOT NULL,
    event_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    aggregate_type text NOT NULL,
    aggregate_id uuid NOT NULL,
    version integer NOT NULL,
    event_type text NOT NULL,
    schema_version smallint NOT NULL,
    occurred_at timestamptz NOT NULL,
    payload jsonb NOT NULL,
    metadata jsonb NOT NULL,
    PRIMARY KEY (shard, position),
    CONSTRAINT domain_events_version_key UNIQUE (shard, aggregate_id, version)
);

CREATE FUNCTION write_schema.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'domain_events is append-only: % is refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON write_schema.domain_events
FOR EACH STATEMENT EXECUTE FUNCTION write_schema.refuse_change();

CREATE TABLE write_schema.reservations (
    shard smallint NOT NULL,
    namespace uuid NOT NULL,
    scope text NOT NULL,
    value text NOT NULL,
    aggregate_id uuid NOT NULL,
    PRIMARY KEY (shard, namespace, scope, value)
);

CREATE TABLE write_schema.tenant_usage (
    shard smallint NOT NULL,
    tenant_id uuid NOT NULL,
    users integer NOT NULL DEFAULT 0,
    workspaces integer NOT NULL DEFAULT 0,
    max_users integer NOT NULL,
    max_workspaces integer NOT NULL,
    PRIMARY KEY (shard, tenant_id),
    CONSTRAINT tenant_usage_users_check CHECK (users BETWEEN 0 AND max_users),
    CONSTRAINT tenant_usage_workspaces_check CHECK (workspaces BETWEEN 0 AND max_workspaces)
) WITH (fillfactor = 50);

CREATE TABLE write_schema.idempotency_keys (
    shard smallint NOT NULL,
    tenant_id uuid NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    response jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (shard, tenant_id, key)
);
CREATE INDEX idempotency_keys_created_at_idx ON write_schema.idempotency_keys (created_at);

CREATE TABLE write_schema.snapshots (
    shard smallint NOT NULL,
    aggregate_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    version integer NOT NULL,
    position bigint NOT NULL,
    schema_version smallint NOT NULL,
    state jsonb NOT NULL,
    PRIMARY KEY (shard, aggregate_id)
);

-- Append events of one tenant, with all that they claim, or nothing at all. Returns the shard's new head.
--
--   p_events       [{event_id, aggregate_type, aggregate_id, version, event_type, schema_version, payload, metadata}]
--   p_expected     [{aggregate_id, version}]: what each aggregate's version has to be, 0 for a new one
--   p_reserve      [{shard, namespace, scope, value, aggregate_id}]
--   p_release      [{shard, namespace, scope, value}]
--   p_usage        {users, workspaces, max_users, max_workspaces, opens}, or null
--   p_idempotency  [{key, fingerprint, response, ordinal}]: ordinal names the event, from 1, whose position is added
--                  to the response; 0 for a command that changed nothing
--
-- The first statement takes the shard's row lock and holds it to the commit. So positions become visible in order and
-- without gaps, and all that follows is alone on the shard. Each later statement sees what was committed before.
CREATE FUNCTION write_schema.append_events(
    p_shard smallint, p_tenant_id uuid, p_occurred_at timestamptz, p_events jsonb, p_expected jsonb,
    p_reserve jsonb, p_release jsonb, p_usage jsonb, p_idempotency jsonb
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_count integer := jsonb_array_length(p_events);
    v_head bigint;
    v_found jsonb;
    v_rows integer;
    v_usage write_schema.tenant_usage;
    v_users integer := coalesce((p_usage ->> 'users')::integer, 0);
    v_workspaces integer := coalesce((p_usage ->> 'workspaces')::integer, 0);
    v_plan_changes boolean := p_usage ->> 'max_users' IS NOT NULL;
BEGIN
    UPDATE write_schema.shards SET head = head + v_count WHERE shard = p_shard RETURNING head INTO STRICT v_head;

    IF p_idempotency IS NOT NULL THEN
        SELECT jsonb_agg(k.key) INTO v_found
        FROM jsonb_to_recordset(p_idempotency) AS asked(key text)
        JOIN write_schema.idempotency_keys k ON k.shard = p_shard AND k.tenant_id = p_tenant_id AND k.key = asked.key;
        IF v_found IS NOT NULL THEN
            RAISE EXCEPTION 'command already done' USING ERRCODE = 'CQ005', DETAIL = v_found;
        END IF;
    END IF;

    SELECT jsonb_agg(jsonb_build_object(
        'aggregate_id', expected.aggregate_id, 'expected', expected.version, 'actual', actual.version))
    INTO v_found
    FROM jsonb_to_recordset(p_expected) AS expected(aggregate_id uuid, version integer)
    CROSS JOIN LATERAL (
        SELECT coalesce(max(e.version), 0) AS version FROM write_schema.domain_events e
        WHERE e.shard = p_shard AND e.aggregate_id = expected.aggregate_id
    ) AS actual
    WHERE actual.version <> expected.version;
    IF v_found IS NOT NULL THEN
        RAISE EXCEPTION 'version conflict' USING ERRCODE = 'CQ001', DETAIL = v_found;
    END IF;

    IF p_release IS NOT NULL THEN
        DELETE FROM write_schema.reservations r
        USING jsonb_to_recordset(p_release) AS gone(shard smallint, namespace uuid, scope text, value text)
        WHERE r.shard = gone.shard AND r.namespace = gone.namespace AND r.scope = gone.scope AND r.value = gone.value;
    END IF;

    IF p_reserve IS NOT NULL THEN
        INSERT INTO write_schema.reservations (shard, namespace, scope, value, aggregate_id)
        SELECT shard, namespace, scope, value, aggregate_id
        FROM jsonb_to_recordset(p_reserve)
            AS asked(shard smallint, namespace uuid, scope text, value text, aggregate_id uuid)
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS v_rows = ROW_COUNT;
        IF v_rows <> jsonb_array_length(p_reserve) THEN
            SELECT jsonb_agg(jsonb_build_object('scope', asked.scope, 'value', asked.value)) INTO v_found
            FROM jsonb_to_recordset(p_reserve)
                AS asked(shard smallint, namespace uuid, scope text, value text, aggregate_id uuid)
            JOIN write_schema.reservations r USING (shard, namespace, scope, value)
            WHERE r.aggregate_id <> asked.aggregate_id;
            RAISE EXCEPTION 'reserved' USING ERRCODE = 'CQ002', DETAIL = coalesce(v_found, '[]');
        END IF;
    END IF;

    IF p_usage IS NOT NULL THEN
        IF (p_usage ->> 'opens')::boolean THEN
            INSERT INTO write_schema.tenant_usage (shard, tenant_id, max_users, max_workspaces)
            VALUES (p_shard, p_tenant_id, (p_usage ->> 'max_users')::integer, (p_usage ->> 'max_workspaces')::integer);
        ELSE
            SELECT * INTO v_usage FROM write_schema.tenant_usage
            WHERE shard = p_shard AND tenant_id = p_tenant_id FOR UPDATE;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'no such tenant' USING ERRCODE = 'CQ004';
            END IF;
            v_usage.users := v_usage.users + v_users;
            v_usage.workspaces := v_usage.workspaces + v_workspaces;
            v_usage.max_users := coalesce((p_usage ->> 'max_users')::integer, v_usage.max_users);
            v_usage.max_workspaces := coalesce((p_usage ->> 'max_workspaces')::integer, v_usage.max_workspaces);
            IF v_usage.users > v_usage.max_users OR v_usage.workspaces > v_usage.max_workspaces THEN
                RAISE EXCEPTION 'quota' USING
                    ERRCODE = CASE WHEN v_plan_changes THEN 'CQ006' ELSE 'CQ003' END,
                    DETAIL = CASE WHEN v_usage.users > v_usage.max_users
                        THEN jsonb_build_object('resource', 'users', 'used', v_usage.users - v_users,
                                                'limit', v_usage.max_users)
                        ELSE jsonb_build_object('resource', 'workspaces', 'used', v_usage.workspaces - v_workspaces,
                                                'limit', v_usage.max_workspaces) END;
            END IF;
            UPDATE write_schema.tenant_usage
            SET users = v_usage.users, workspaces = v_usage.workspaces,
                max_users = v_usage.max_users, max_workspaces = v_usage.max_workspaces
            WHERE shard = p_shard AND tenant_id = p_tenant_id;
        END IF;
    END IF;

    INSERT INTO write_schema.domain_events
    SELECT p_shard, v_head - v_count + ordinality, event_id, p_tenant_id, aggregate_type, aggregate_id, version,
           event_type, schema_version, p_occurred_at, payload, metadata
    FROM ROWS FROM (jsonb_to_recordset(p_events) AS (
        event_id uuid, aggregate_type text, aggregate_id uuid, version integer,
        event_type text, schema_version smallint, payload jsonb, metadata jsonb)) WITH ORDINALITY;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    IF v_rows <> v_count THEN
        RAISE EXCEPTION 'asked to insert % events, inserted %', v_count, v_rows;
    END IF;

    IF p_idempotency IS NOT NULL THEN
        INSERT INTO write_schema.idempotency_keys (shard, tenant_id, key, fingerprint, response)
        SELECT p_shard, p_tenant_id, key, fingerprint,
               CASE WHEN ordinal = 0 THEN response
                    ELSE response || jsonb_build_object('position', p_shard || '-' || (v_head - v_count + ordinal)) END
        FROM jsonb_to_recordset(p_idempotency)
            AS asked(key text, fingerprint text, response jsonb, ordinal integer);
    END IF;

    RETURN v_head;
END $$;
