-- Recorded by `python -m tests.postgres.store.record_schema`; compared by test_schema.py. Not edited by hand.

CREATE TABLE stretto.limits (
    name text NOT NULL,
    kind text NOT NULL,
    configured double precision,
    configured_per_s double precision,
    learned double precision,
    learned_per_s double precision,
    capacity double precision GENERATED ALWAYS AS (LEAST(configured, learned)) STORED,
    per_s double precision GENERATED ALWAYS AS (LEAST(configured_per_s, learned_per_s)) STORED,
    level double precision DEFAULT 0 NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    closed_until timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT limits_kind_check CHECK ((kind = ANY (ARRAY['rate'::text, 'slots'::text])))
);
ALTER TABLE stretto.limits OWNER TO stretto;
CREATE FUNCTION stretto.level_at(l stretto.limits, moment timestamp with time zone) RETURNS double precision
    LANGUAGE sql STABLE
    AS $$
    SELECT least(l.capacity, l.level + coalesce(l.per_s, 0) * greatest(0, extract(epoch FROM moment - l.updated_at)::float8))
$$;
ALTER FUNCTION stretto.level_at(l stretto.limits, moment timestamp with time zone) OWNER TO stretto;
CREATE FUNCTION stretto.new_event_id() RETURNS uuid
    LANGUAGE sql
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        placing substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
        FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
$$;
ALTER FUNCTION stretto.new_event_id() OWNER TO stretto;
CREATE FUNCTION stretto.note_denials(denials jsonb) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    INSERT INTO audit (tenant_id, at, actor, action, target, outcome, times, request_id, address, detail)
    SELECT d.tenant_id, clock_timestamp(), d.actor, d.action, d.target, 'denied', d.times, d.request_id, d.address, d.detail
    FROM jsonb_to_recordset(denials) AS d(tenant_id uuid, actor text, action text, target text, times integer,
        request_id text, address text, detail jsonb, run_id uuid)
    WHERE d.run_id IS NULL OR EXISTS (SELECT 1 FROM runs r WHERE r.id = d.run_id AND r.tenant_id <> d.tenant_id)
$$;
ALTER FUNCTION stretto.note_denials(denials jsonb) OWNER TO stretto;
CREATE FUNCTION stretto.note_keys_used(ids uuid[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    UPDATE api_keys SET last_used_at = date_trunc('minute', now())
    WHERE id = ANY(ids) AND (last_used_at IS NULL OR last_used_at < date_trunc('minute', now()))
$$;
ALTER FUNCTION stretto.note_keys_used(ids uuid[]) OWNER TO stretto;
CREATE FUNCTION stretto.observe_limits(observed jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
DECLARE moment timestamptz := clock_timestamp();
BEGIN
    INSERT INTO limits AS l (name, kind, learned, learned_per_s, level, updated_at, closed_until, changed_at)
    SELECT o->>0, 'rate', (o->>1)::float8, (o->>2)::float8, coalesce((o->>3)::float8, (o->>1)::float8, 0), moment,
           moment + make_interval(secs => (o->>4)::float8), moment
    FROM jsonb_array_elements(observed) o ORDER BY o->>0
    ON CONFLICT (name) DO UPDATE SET
        level = least(CASE WHEN l.capacity IS NULL THEN excluded.learned ELSE level_at(l, moment) END,
                      (SELECT (o->>3)::float8 FROM jsonb_array_elements(observed) o WHERE o->>0 = l.name LIMIT 1),
                      coalesce(excluded.learned, l.learned)),
        updated_at = greatest(l.updated_at, moment),
        learned = coalesce(excluded.learned, l.learned),
        learned_per_s = coalesce(excluded.learned_per_s, l.learned_per_s),
        closed_until = greatest(l.closed_until, excluded.closed_until),
        changed_at = CASE WHEN excluded.closed_until IS NOT NULL OR excluded.learned IS DISTINCT FROM l.learned
                          THEN moment ELSE l.changed_at END;
END $$;
ALTER FUNCTION stretto.observe_limits(observed jsonb) OWNER TO stretto;
CREATE FUNCTION stretto.put_events(events jsonb) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
DECLARE written integer;
BEGIN
    INSERT INTO outbox (id, tenant_id, type, subject, at, data, traceparent)
    SELECT coalesce(e.id, new_event_id()),
           coalesce(e.tenant_id, nullif(current_setting('stretto.tenant', true), '')::uuid),
           e.type, e.subject, coalesce(e.at, clock_timestamp()), coalesce(e.data, '{}'), e.traceparent
    FROM jsonb_to_recordset(events)
         AS e(id uuid, tenant_id uuid, type text, subject text, at timestamptz, data jsonb, traceparent text);
    GET DIAGNOSTICS written = ROW_COUNT;
    IF written > 0 THEN
        PERFORM pg_notify('stretto_outbox', '');
    END IF;
    RETURN written;
END $$;
ALTER FUNCTION stretto.put_events(events jsonb) OWNER TO stretto;
CREATE FUNCTION stretto.read_events(lowest bigint, after bigint[], most integer) RETURNS TABLE(pos bigint, slot smallint, id uuid, tenant_id uuid, type text, subject text, at timestamp with time zone, data jsonb, traceparent text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    SELECT e.position, e.slot, e.id, e.tenant_id, e.type, e.subject, e.at, e.data, e.traceparent FROM events e
    WHERE e.position > lowest AND e.position > after[e.slot + 1] ORDER BY e.position LIMIT most
$$;
ALTER FUNCTION stretto.read_events(lowest bigint, after bigint[], most integer) OWNER TO stretto;
CREATE FUNCTION stretto.relay_events(me text, lease interval, most integer, OUT led boolean, OUT moved integer, OUT head bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
DECLARE
    h event_head;
    moment timestamptz := clock_timestamp();
BEGIN
    led := false;
    moved := 0;
    SELECT * INTO h FROM event_head FOR UPDATE SKIP LOCKED;
    IF NOT FOUND OR (h.relay IS DISTINCT FROM me AND h.relay_until > moment) THEN
        SELECT position INTO head FROM event_head;
        RETURN;
    END IF;
    led := true;
    moment := greatest(moment, h.logged_at);
    WITH taken AS (
        DELETE FROM outbox o USING (SELECT n FROM outbox ORDER BY n LIMIT most) first WHERE o.n = first.n
        RETURNING o.*
    )
    INSERT INTO events (position, logged_at, slot, id, tenant_id, type, subject, at, data, traceparent)
    SELECT h.position + row_number() OVER (ORDER BY t.n), moment,
           get_byte(sha256(convert_to(t.tenant_id::text || '/' || t.subject, 'UTF8')), 0) & 15,
           t.id, t.tenant_id, t.type, t.subject, t.at, t.data, t.traceparent
    FROM taken t;
    GET DIAGNOSTICS moved = ROW_COUNT;
    head := h.position + moved;
    UPDATE event_head SET position = head, relay = me, relay_until = clock_timestamp() + lease,
        logged_at = CASE WHEN moved > 0 THEN moment ELSE h.logged_at END;
    IF moved > 0 THEN
        PERFORM pg_notify('stretto_events', head::text);
    END IF;
END $$;
ALTER FUNCTION stretto.relay_events(me text, lease interval, most integer, OUT led boolean, OUT moved integer, OUT head bigint) OWNER TO stretto;
CREATE FUNCTION stretto.rescue_runs(silence interval) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'stretto', 'stretto_queue', 'pg_temp'
    AS $$
DECLARE job record; rescued integer := 0;
BEGIN
    FOR job IN
        SELECT j.id, j.priority, (j.args->>'run_id')::uuid AS run, (j.args->>'tenant_id')::uuid AS tenant
        FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
        WHERE j.status = 'doing' AND j.task_name = 'advance_run'
          AND (w.id IS NULL OR w.last_heartbeat < now() - silence)
        FOR UPDATE OF j SKIP LOCKED
    LOOP
        PERFORM procrastinate_finish_job_v1(job.id, 'failed', true);
        PERFORM wake_run(job.run, job.tenant, job.priority);
        rescued := rescued + 1;
    END LOOP;
    DELETE FROM procrastinate_workers w
    WHERE w.last_heartbeat < now() - greatest(silence * 20, interval '1 hour')
      AND NOT EXISTS (SELECT 1 FROM procrastinate_jobs j WHERE j.worker_id = w.id);
    RETURN rescued;
END $$;
ALTER FUNCTION stretto.rescue_runs(silence interval) OWNER TO stretto;
CREATE FUNCTION stretto.reset_windows(wanted text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
DECLARE gone integer;
BEGIN
    DELETE FROM request_windows WHERE tenant_id = nullif(current_setting('stretto.tenant', true), '')::uuid
        AND (wanted IS NULL OR name = wanted);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;
ALTER FUNCTION stretto.reset_windows(wanted text) OWNER TO stretto;
CREATE FUNCTION stretto.settle_costs(tenant uuid, me uuid, names text[], costs numeric[], leased boolean[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO budgets AS b (tenant_id, name, spent_usd, updated_at)
    SELECT tenant, s.name, s.cost, clock_timestamp() FROM unnest(names, costs) AS s(name, cost) ORDER BY s.name
    ON CONFLICT (tenant_id, name) DO UPDATE SET spent_usd = b.spent_usd + excluded.spent_usd, updated_at = excluded.updated_at;
    INSERT INTO budget_leases AS l (tenant_id, name, process, held_usd)
    SELECT tenant, s.name, me, -s.cost FROM unnest(names, costs, leased) AS s(name, cost, leased)
    WHERE s.leased OR EXISTS (
        SELECT FROM budget_leases x WHERE x.tenant_id = tenant AND x.name = s.name AND x.process = me)
    ON CONFLICT (tenant_id, name, process) DO UPDATE SET held_usd = l.held_usd + excluded.held_usd;
END $$;
ALTER FUNCTION stretto.settle_costs(tenant uuid, me uuid, names text[], costs numeric[], leased boolean[]) OWNER TO stretto;
CREATE FUNCTION stretto.signal_runs(run_ids uuid[], kinds text[], bodies jsonb[]) RETURNS SETOF uuid
    LANGUAGE plpgsql
    SET search_path TO 'stretto', 'stretto_queue', 'pg_temp'
    AS $$
DECLARE item record;
BEGIN
    FOR item IN
        SELECT r.id, r.tenant_id, r.priority, s.kind, s.body
        FROM unnest(run_ids, kinds, bodies) WITH ORDINALITY AS s(run_id, kind, body, n) JOIN runs r ON r.id = s.run_id
        WHERE r.finished_at IS NULL OR (r.status IN ('failed', 'cancelled') AND s.kind = 'retry')
        ORDER BY r.id, s.n
    LOOP
        INSERT INTO signals (tenant_id, run_id, kind, body, created_at)
        VALUES (item.tenant_id, item.id, item.kind, item.body, clock_timestamp());
        PERFORM wake_run(item.id, item.tenant_id, 3 - item.priority);
        PERFORM pg_notify('stretto_signal', item.id::text);
        RETURN NEXT item.id;
    END LOOP;
END $$;
ALTER FUNCTION stretto.signal_runs(run_ids uuid[], kinds text[], bodies jsonb[]) OWNER TO stretto;
CREATE FUNCTION stretto.sweep_limits(older interval) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
BEGIN
    DELETE FROM budgets b WHERE b.updated_at < clock_timestamp() - older;
    DELETE FROM budget_leases l
    WHERE NOT EXISTS (SELECT FROM budgets b WHERE b.tenant_id = l.tenant_id AND b.name = l.name)
       OR (l.held_usd <= 0 AND NOT EXISTS (
              SELECT FROM lessees p WHERE p.process = l.process AND p.alive_until > clock_timestamp() - interval '1 hour'));
    DELETE FROM claims c WHERE NOT EXISTS (
        SELECT FROM lessees p WHERE p.process = c.process AND p.alive_until > clock_timestamp() - interval '1 hour');
    DELETE FROM lessees WHERE alive_until < clock_timestamp() - interval '1 hour';
END $$;
ALTER FUNCTION stretto.sweep_limits(older interval) OWNER TO stretto;
CREATE FUNCTION stretto.take_requests(owners uuid[], names text[], mosts integer[], widths bigint[], wants integer[], sizes integer[], firsts integer[], refs integer[], OUT granted integer[], OUT used bigint[], OUT wait_ms bigint[]) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
DECLARE
    bound uuid := nullif(current_setting('stretto.tenant', true), '')::uuid;
    before bigint; slots bigint[]; taken integer[]; ring integer[]; sum bigint; at_ms bigint; need bigint; pass integer;
    many integer := cardinality(owners);
BEGIN
    IF bound IS NOT NULL AND bound <> ANY (owners) THEN
        RAISE insufficient_privilege USING MESSAGE = 'these counters are another tenant''s';
    END IF;
    granted := array_fill(0, ARRAY[cardinality(wants)]);
    used := array_fill(0::bigint, ARRAY[many]); slots := used; wait_ms := used; taken := array_fill(0, ARRAY[many]);
    FOR i IN 1 .. many LOOP
        LOOP
            SELECT w.slot, w.counts, w.total INTO before, ring, sum FROM request_windows w
            WHERE w.tenant_id = owners[i] AND w.name = names[i] FOR UPDATE;
            EXIT WHEN FOUND;
            INSERT INTO request_windows VALUES (owners[i], names[i], 0, array_fill(0, ARRAY[61]), 0, clock_timestamp())
            ON CONFLICT DO NOTHING;
        END LOOP;
        -- The time is read once the row is held, and never runs back.
        at_ms := floor(extract(epoch FROM clock_timestamp()) * 1000);
        slots[i] := greatest(at_ms / widths[i], before);
        IF slots[i] - before > 60 THEN
            sum := 0;
        ELSE
            FOR k IN 1 .. (slots[i] - before)::integer LOOP sum := sum - ring[(before + k) % 61 + 1]; END LOOP;
        END IF;
        used[i] := sum;
    END LOOP;
    FOR g IN 1 .. cardinality(wants) LOOP
        pass := wants[g];
        FOR k IN firsts[g] .. firsts[g + 1] - 1 LOOP
            pass := greatest(0, least(pass, mosts[refs[k]] - used[refs[k]]));
        END LOOP;
        pass := pass - pass % sizes[g];
        granted[g] := pass;
        FOR k IN firsts[g] .. firsts[g + 1] - 1 LOOP
            used[refs[k]] := used[refs[k]] + pass;
            taken[refs[k]] := taken[refs[k]] + pass;
        END LOOP;
    END LOOP;
    FOR i IN 1 .. many LOOP
        SELECT w.slot, turn_window(w.counts, w.slot, slots[i]) INTO before, ring FROM request_windows w
        WHERE w.tenant_id = owners[i] AND w.name = names[i];
        IF taken[i] > 0 THEN
            ring[slots[i] % 61 + 1] := ring[slots[i] % 61 + 1] + taken[i];
            UPDATE request_windows w SET slot = slots[i], counts = ring, total = used[i],
                until = clock_timestamp() + make_interval(secs => widths[i] * 61 / 1000.0)
            WHERE w.tenant_id = owners[i] AND w.name = names[i];
        END IF;
        need := greatest(1, used[i] - mosts[i] + 1);
        FOR k IN 1 .. 61 LOOP   -- the oldest slot first
            need := need - ring[(slots[i] + k) % 61 + 1];
            IF need <= 0 THEN
                at_ms := floor(extract(epoch FROM clock_timestamp()) * 1000);
                wait_ms[i] := greatest(0, (slots[i] + k) * widths[i] - at_ms);
                EXIT;
            END IF;
        END LOOP;
    END LOOP;
END $$;
ALTER FUNCTION stretto.take_requests(owners uuid[], names text[], mosts integer[], widths bigint[], wants integer[], sizes integer[], firsts integer[], refs integer[], OUT granted integer[], OUT used bigint[], OUT wait_ms bigint[]) OWNER TO stretto;
CREATE FUNCTION stretto.turn_window(counts integer[], before bigint, now bigint) RETURNS integer[]
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
BEGIN
    IF now - before > 60 THEN RETURN array_fill(0, ARRAY[61]); END IF;
    FOR k IN 1 .. (now - before)::integer LOOP counts[(before + k) % 61 + 1] := 0; END LOOP;
    RETURN counts;
END $$;
ALTER FUNCTION stretto.turn_window(counts integer[], before bigint, now bigint) OWNER TO stretto;
CREATE FUNCTION stretto.wake_run(run uuid, tenant uuid, priority integer) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'stretto', 'stretto_queue', 'pg_temp'
    AS $$
BEGIN
    LOOP
        PERFORM 1 FROM procrastinate_jobs WHERE queueing_lock = run::text AND status = 'todo' FOR UPDATE;
        IF FOUND THEN RETURN; END IF;
        BEGIN
            PERFORM procrastinate_defer_jobs_v1(ARRAY[ROW(
                'runs', 'advance_run', priority, run::text, run::text,
                jsonb_build_object('run_id', run, 'tenant_id', tenant), NULL)::procrastinate_job_to_defer_v1]);
            RETURN;
        EXCEPTION WHEN unique_violation THEN
            NULL;  -- another transaction has put one there in the meantime: look again, to lock it
        END;
    END LOOP;
END $$;
ALTER FUNCTION stretto.wake_run(run uuid, tenant uuid, priority integer) OWNER TO stretto;
CREATE FUNCTION stretto.webhook_tenants() RETURNS TABLE(moment timestamp with time zone, tenants uuid[])
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    SELECT now(), coalesce(array_agg(DISTINCT w.tenant_id), '{}') FROM webhooks w WHERE w.active
$$;
ALTER FUNCTION stretto.webhook_tenants() OWNER TO stretto;
CREATE TABLE stretto.answers (
    tenant_id uuid NOT NULL,
    route text NOT NULL,
    key bytea NOT NULL,
    rest bytea,
    question text,
    model text,
    embedding public.vector,
    answer jsonb NOT NULL,
    kept_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.answers OWNER TO stretto;
CREATE TABLE stretto.api_keys (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    prefix text NOT NULL,
    name text NOT NULL,
    digest bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    role text DEFAULT 'operator'::text NOT NULL,
    scopes text[],
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    created_by text DEFAULT ''::text NOT NULL,
    replaced_by text,
    CONSTRAINT api_keys_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'operator'::text, 'reviewer'::text, 'viewer'::text])))
);
ALTER TABLE stretto.api_keys OWNER TO stretto;
CREATE TABLE stretto.audit (
    id bigint NOT NULL,
    tenant_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    outcome text NOT NULL,
    times integer DEFAULT 1 NOT NULL,
    request_id text DEFAULT ''::text NOT NULL,
    address text DEFAULT ''::text NOT NULL,
    detail jsonb NOT NULL,
    CONSTRAINT audit_outcome_check CHECK ((outcome = ANY (ARRAY['done'::text, 'denied'::text])))
);
ALTER TABLE stretto.audit OWNER TO stretto;
ALTER TABLE stretto.audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME stretto.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE stretto.budget_leases (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    process uuid NOT NULL,
    held_usd numeric NOT NULL
);
ALTER TABLE stretto.budget_leases OWNER TO stretto;
CREATE TABLE stretto.budgets (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    limit_usd numeric,
    spent_usd numeric DEFAULT 0 NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.budgets OWNER TO stretto;
CREATE TABLE stretto.calls (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    kind text NOT NULL,
    run_id uuid,
    flow text NOT NULL,
    path text NOT NULL,
    step text NOT NULL,
    attempt integer NOT NULL,
    agent text NOT NULL,
    priority smallint NOT NULL,
    route text NOT NULL,
    deployment text NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    input_tokens bigint NOT NULL,
    cached_input_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    estimated boolean NOT NULL,
    price_version text NOT NULL,
    cost_usd numeric NOT NULL,
    ttft_s double precision,
    duration_s double precision NOT NULL,
    waited_s double precision NOT NULL,
    ended text NOT NULL,
    outcome text NOT NULL,
    reason text NOT NULL,
    error text NOT NULL,
    cached text NOT NULL,
    simulated boolean NOT NULL,
    CONSTRAINT calls_cost_usd_check CHECK (((cost_usd >= (0)::numeric) AND (cost_usd < 'Infinity'::numeric))),
    CONSTRAINT calls_ended_check CHECK ((ended = ANY (ARRAY['answered'::text, 'failed'::text, 'cancelled'::text, 'not_made'::text]))),
    CONSTRAINT calls_kind_check CHECK ((kind = ANY (ARRAY['chat'::text, 'embeddings'::text])))
)
PARTITION BY RANGE (id);
ALTER TABLE stretto.calls OWNER TO stretto;
CREATE TABLE stretto.claims (
    name text NOT NULL,
    process uuid NOT NULL,
    held double precision DEFAULT 0 NOT NULL,
    wanted_until timestamp with time zone
);
ALTER TABLE stretto.claims OWNER TO stretto;
CREATE TABLE stretto.event_effects (
    tenant_id uuid NOT NULL,
    group_name text NOT NULL,
    event_id uuid NOT NULL,
    at timestamp with time zone NOT NULL
)
PARTITION BY RANGE (event_id);
ALTER TABLE stretto.event_effects OWNER TO stretto;
CREATE TABLE stretto.event_effects_else (
    tenant_id uuid CONSTRAINT event_effects_tenant_id_not_null NOT NULL,
    group_name text CONSTRAINT event_effects_group_name_not_null NOT NULL,
    event_id uuid CONSTRAINT event_effects_event_id_not_null NOT NULL,
    at timestamp with time zone CONSTRAINT event_effects_at_not_null NOT NULL
);
ALTER TABLE stretto.event_effects_else OWNER TO stretto;
CREATE TABLE stretto.event_head (
    only_one boolean DEFAULT true NOT NULL,
    installation uuid DEFAULT gen_random_uuid() NOT NULL,
    "position" bigint DEFAULT 0 NOT NULL,
    logged_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    relay text,
    relay_until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT event_head_only_one_check CHECK (only_one)
);
ALTER TABLE stretto.event_head OWNER TO stretto;
CREATE TABLE stretto.event_letters (
    tenant_id uuid NOT NULL,
    group_name text NOT NULL,
    event_id uuid NOT NULL,
    event_tenant_id uuid NOT NULL,
    subject text NOT NULL,
    slot smallint NOT NULL,
    "position" bigint NOT NULL,
    event jsonb NOT NULL,
    state text NOT NULL,
    attempts integer NOT NULL,
    due_at timestamp with time zone,
    error text NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    CONSTRAINT event_letters_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'dead'::text])))
);
ALTER TABLE stretto.event_letters OWNER TO stretto;
CREATE TABLE stretto.event_members (
    tenant_id uuid NOT NULL,
    group_name text NOT NULL,
    member text NOT NULL,
    until timestamp with time zone NOT NULL
)
WITH (fillfactor='50');
ALTER TABLE stretto.event_members OWNER TO stretto;
CREATE TABLE stretto.event_slots (
    tenant_id uuid NOT NULL,
    group_name text NOT NULL,
    slot smallint NOT NULL,
    "position" bigint NOT NULL,
    epoch bigint DEFAULT 0 NOT NULL,
    holder text,
    moved_at timestamp with time zone NOT NULL
)
WITH (fillfactor='50');
ALTER TABLE stretto.event_slots OWNER TO stretto;
CREATE TABLE stretto.events (
    "position" bigint NOT NULL,
    logged_at timestamp with time zone NOT NULL,
    slot smallint NOT NULL,
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    at timestamp with time zone NOT NULL,
    data jsonb NOT NULL,
    traceparent text
)
PARTITION BY RANGE (logged_at);
ALTER TABLE stretto.events OWNER TO stretto;
CREATE TABLE stretto.flows (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    version integer NOT NULL,
    digest text NOT NULL,
    document jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.flows OWNER TO stretto;
CREATE TABLE stretto.hook_receipts (
    tenant_id uuid NOT NULL,
    source text NOT NULL,
    delivery_key text NOT NULL,
    at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.hook_receipts OWNER TO stretto;
CREATE TABLE stretto.hook_sources (
    public_id text NOT NULL,
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    scheme text NOT NULL,
    secret bytea NOT NULL,
    active boolean DEFAULT true NOT NULL,
    created_by text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.hook_sources OWNER TO stretto;
CREATE TABLE stretto.idempotency (
    tenant_id uuid NOT NULL,
    key text NOT NULL,
    digest text NOT NULL,
    run_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.idempotency OWNER TO stretto;
CREATE TABLE stretto.journal (
    run_id uuid NOT NULL,
    seq integer NOT NULL,
    tenant_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    kind text NOT NULL,
    step text,
    attempt integer,
    "position" integer,
    body jsonb,
    text text,
    cuts bytea
)
PARTITION BY RANGE (run_id);
ALTER TABLE stretto.journal OWNER TO stretto;
CREATE TABLE stretto.lessees (
    process uuid NOT NULL,
    alive_until timestamp with time zone NOT NULL
);
ALTER TABLE stretto.lessees OWNER TO stretto;
CREATE TABLE stretto.logins_used (
    digest bytea NOT NULL,
    until timestamp with time zone NOT NULL
);
ALTER TABLE stretto.logins_used OWNER TO stretto;
CREATE TABLE stretto.members (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    email text NOT NULL,
    role text NOT NULL,
    issuer text,
    subject text,
    revision integer DEFAULT 1 NOT NULL,
    created_by text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT members_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'operator'::text, 'reviewer'::text, 'viewer'::text])))
);
ALTER TABLE stretto.members OWNER TO stretto;
CREATE TABLE stretto.migrations (
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.migrations OWNER TO stretto;
CREATE TABLE stretto.outbox (
    n bigint NOT NULL,
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    at timestamp with time zone NOT NULL,
    data jsonb NOT NULL,
    traceparent text
);
ALTER TABLE stretto.outbox OWNER TO stretto;
ALTER TABLE stretto.outbox ALTER COLUMN n ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME stretto.outbox_n_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE stretto.price_versions (
    version text NOT NULL,
    document text NOT NULL,
    first_used timestamp with time zone NOT NULL
);
ALTER TABLE stretto.price_versions OWNER TO stretto;
CREATE TABLE stretto.provider_keys (
    name text NOT NULL,
    sealed bytea NOT NULL,
    master_id bytea NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.provider_keys OWNER TO stretto;
CREATE TABLE stretto.queue_schema (
    only_one boolean DEFAULT true NOT NULL,
    version text NOT NULL,
    applied_at timestamp with time zone NOT NULL,
    CONSTRAINT queue_schema_only_one_check CHECK (only_one)
);
ALTER TABLE stretto.queue_schema OWNER TO stretto;
CREATE TABLE stretto.quotas (
    tenant_id uuid NOT NULL,
    kind text NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    value text NOT NULL,
    day date,
    used integer DEFAULT 0 NOT NULL,
    CONSTRAINT quotas_check CHECK (((name = ''::text) OR (kind = 'key_requests'::text))),
    CONSTRAINT quotas_check1 CHECK (((kind = ANY (ARRAY['requests'::text, 'key_requests'::text])) OR (value ~ '^[0-9]{1,9}$'::text))),
    CONSTRAINT quotas_kind_check CHECK ((kind = ANY (ARRAY['requests'::text, 'key_requests'::text, 'runs_per_day'::text, 'unfinished_runs'::text])))
);
ALTER TABLE stretto.quotas OWNER TO stretto;
CREATE UNLOGGED TABLE stretto.request_windows (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    slot bigint NOT NULL,
    counts integer[] NOT NULL,
    total bigint NOT NULL,
    until timestamp with time zone NOT NULL
)
WITH (fillfactor='50');
ALTER TABLE stretto.request_windows OWNER TO stretto;
CREATE TABLE stretto.runs (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    flow_name text NOT NULL,
    flow_version integer NOT NULL,
    status text NOT NULL,
    priority smallint NOT NULL,
    input jsonb NOT NULL,
    output jsonb,
    error jsonb,
    parent_id uuid,
    cost_usd numeric DEFAULT 0 NOT NULL,
    accepted_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT runs_status_check CHECK ((status = ANY (ARRAY['accepted'::text, 'running'::text, 'waiting'::text, 'paused'::text, 'completed'::text, 'failed'::text, 'cancelled'::text])))
)
PARTITION BY RANGE (id);
ALTER TABLE stretto.runs OWNER TO stretto;
CREATE TABLE stretto.schedules (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    flow_name text NOT NULL,
    cron text NOT NULL,
    timezone text NOT NULL,
    input jsonb NOT NULL,
    priority smallint NOT NULL,
    next_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.schedules OWNER TO stretto;
CREATE TABLE stretto.sessions (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    digest bytea NOT NULL,
    issuer text NOT NULL,
    subject text NOT NULL,
    email text NOT NULL,
    name text NOT NULL,
    member_id uuid,
    role text,
    created_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    CONSTRAINT sessions_check CHECK (((member_id IS NULL) <> (role IS NULL))),
    CONSTRAINT sessions_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'operator'::text, 'reviewer'::text, 'viewer'::text])))
);
ALTER TABLE stretto.sessions OWNER TO stretto;
CREATE TABLE stretto.signals (
    id bigint NOT NULL,
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    kind text NOT NULL,
    body jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.signals OWNER TO stretto;
ALTER TABLE stretto.signals ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME stretto.signals_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE stretto.tenants (
    id uuid NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    revision integer DEFAULT 1 NOT NULL
);
ALTER TABLE stretto.tenants OWNER TO stretto;
CREATE TABLE stretto.timers (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    step text NOT NULL,
    due_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.timers OWNER TO stretto;
CREATE TABLE stretto.usage_days (
    tenant_id uuid NOT NULL,
    day date NOT NULL,
    key uuid NOT NULL,
    kind text NOT NULL,
    flow text NOT NULL,
    step text NOT NULL,
    agent text NOT NULL,
    route text NOT NULL,
    deployment text NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    priority smallint NOT NULL,
    outcome text NOT NULL,
    simulated boolean NOT NULL,
    calls bigint NOT NULL,
    failed bigint NOT NULL,
    cancelled bigint NOT NULL,
    not_made bigint NOT NULL,
    cached bigint NOT NULL,
    estimated bigint NOT NULL,
    input_tokens bigint NOT NULL,
    cached_input_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    cost_usd numeric NOT NULL
)
WITH (fillfactor='50');
ALTER TABLE stretto.usage_days OWNER TO stretto;
CREATE TABLE stretto.waits (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    step text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    key text DEFAULT ''::text NOT NULL,
    body jsonb NOT NULL,
    since timestamp with time zone NOT NULL,
    CONSTRAINT waits_kind_check CHECK ((kind = ANY (ARRAY['event'::text, 'review'::text])))
);
ALTER TABLE stretto.waits OWNER TO stretto;
CREATE TABLE stretto.webhook_deliveries (
    event_id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    type text NOT NULL,
    body text NOT NULL,
    status text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_at timestamp with time zone,
    claim uuid,
    created_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone,
    response_code integer,
    response_text text,
    duration_ms integer,
    error text,
    CONSTRAINT webhook_deliveries_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'succeeded'::text, 'failed'::text])))
)
PARTITION BY RANGE (event_id);
ALTER TABLE stretto.webhook_deliveries OWNER TO stretto;
CREATE TABLE stretto.webhook_deliveries_else (
    event_id uuid CONSTRAINT webhook_deliveries_event_id_not_null NOT NULL,
    webhook_id uuid CONSTRAINT webhook_deliveries_webhook_id_not_null NOT NULL,
    tenant_id uuid CONSTRAINT webhook_deliveries_tenant_id_not_null NOT NULL,
    type text CONSTRAINT webhook_deliveries_type_not_null NOT NULL,
    body text CONSTRAINT webhook_deliveries_body_not_null NOT NULL,
    status text CONSTRAINT webhook_deliveries_status_not_null NOT NULL,
    attempts integer DEFAULT 0 CONSTRAINT webhook_deliveries_attempts_not_null NOT NULL,
    next_at timestamp with time zone,
    claim uuid,
    created_at timestamp with time zone CONSTRAINT webhook_deliveries_created_at_not_null NOT NULL,
    last_at timestamp with time zone,
    response_code integer,
    response_text text,
    duration_ms integer,
    error text,
    CONSTRAINT webhook_deliveries_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'succeeded'::text, 'failed'::text])))
);
ALTER TABLE stretto.webhook_deliveries_else OWNER TO stretto;
CREATE TABLE stretto.webhooks (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    url text NOT NULL,
    types text[] NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    secret bytea NOT NULL,
    secret_before bytea,
    before_until timestamp with time zone,
    rotated_at timestamp with time zone,
    active boolean DEFAULT true NOT NULL,
    disabled_reason text,
    failing_since timestamp with time zone,
    revision integer DEFAULT 1 NOT NULL,
    created_by text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.webhooks OWNER TO stretto;
