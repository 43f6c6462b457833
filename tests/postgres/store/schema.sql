-- Recorded by `python -m tests.postgres.store.record_schema`; compared by test_schema.py. Not edited by hand.

-- PostgreSQL database dump
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA stretto;
ALTER SCHEMA stretto OWNER TO stretto;
CREATE FUNCTION stretto.declare_limits(declared jsonb, only_these boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
DECLARE moment timestamptz;
BEGIN
    PERFORM 1 FROM limits ORDER BY name FOR UPDATE;
    moment := clock_timestamp();
    UPDATE limits l SET level = level_at(l, moment), updated_at = greatest(l.updated_at, moment),
        configured = NULL, configured_per_s = NULL, changed_at = moment
    WHERE only_these AND l.configured IS NOT NULL
      AND l.name NOT IN (SELECT d->>0 FROM jsonb_array_elements(declared) d);
    INSERT INTO limits AS l (name, kind, configured, configured_per_s, level, updated_at, changed_at)
    SELECT d->>0, d->>1, (d->>2)::float8, (d->>3)::float8, (d->>2)::float8, moment, moment
    FROM jsonb_array_elements(declared) d ORDER BY d->>0
    ON CONFLICT (name) DO UPDATE SET
        -- A limit that comes anew begins full; one that changes keeps its level.
        level = CASE WHEN l.capacity IS NULL THEN excluded.configured
                     ELSE least(level_at(l, moment), excluded.configured) END,
        updated_at = greatest(l.updated_at, moment), configured = excluded.configured,
        configured_per_s = excluded.configured_per_s, changed_at = moment
    WHERE (l.configured, l.configured_per_s) IS DISTINCT FROM (excluded.configured, excluded.configured_per_s);
END $$;
ALTER FUNCTION stretto.declare_limits(declared jsonb, only_these boolean) OWNER TO stretto;
CREATE FUNCTION stretto.drop_expired_answers(most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
DECLARE dropped integer;
BEGIN
    DELETE FROM answers a USING (
        SELECT tenant_id, route, key FROM answers WHERE expires_at <= clock_timestamp()
        ORDER BY expires_at LIMIT most FOR UPDATE SKIP LOCKED) e
    WHERE a.tenant_id = e.tenant_id AND a.route = e.route AND a.key = e.key;
    GET DIAGNOSTICS dropped = ROW_COUNT;
    RETURN dropped;
END $$;
ALTER FUNCTION stretto.drop_expired_answers(most integer) OWNER TO stretto;
CREATE FUNCTION stretto.due_schedules(most integer) RETURNS TABLE(tenant_id uuid, name text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    SELECT s.tenant_id, s.name FROM schedules s WHERE s.next_at <= clock_timestamp() ORDER BY s.next_at LIMIT most
$$;
ALTER FUNCTION stretto.due_schedules(most integer) OWNER TO stretto;
CREATE FUNCTION stretto.exchange_limits(me uuid, asked jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
DECLARE
    moment timestamptz; money jsonb[]; a_set record; seen jsonb; sets jsonb := '[]'; changed jsonb; fits boolean; part float8;
BEGIN
    IF jsonb_array_length(asked->'money') = 0 THEN
        -- Levels that a crash of the server forgets are a fraction of a second old; money is not forgotten.
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    IF asked ? 'alive_s' THEN
        INSERT INTO lessees (process, alive_until)
        VALUES (me, clock_timestamp() + make_interval(secs => (asked->>'alive_s')::float8))
        ON CONFLICT (process) DO UPDATE SET alive_until = excluded.alive_until;
    END IF;
    money := lease_money(me, asked->'money');
    PERFORM 1 FROM limits WHERE name IN (
        SELECT b->>0 FROM jsonb_array_elements(asked->'back') b
        UNION SELECT n->>'name' FROM jsonb_array_elements(asked->'sets') s, jsonb_array_elements(s->'needs') n)
    ORDER BY name FOR UPDATE;
    moment := clock_timestamp();
    UPDATE limits l
    SET level = greatest(-l.capacity, least(l.capacity, level_at(l, moment) + (b->>1)::float8)),
        updated_at = greatest(l.updated_at, moment)
    FROM jsonb_array_elements(asked->'back') b WHERE l.name = b->>0 AND l.kind = 'rate' AND l.capacity IS NOT NULL;
    UPDATE claims c SET held = greatest(0, c.held - (b->>1)::float8)
    FROM jsonb_array_elements(asked->'back') b, limits l
    WHERE c.name = b->>0 AND c.process = me AND l.name = c.name AND l.kind = 'slots';
    FOR a_set IN SELECT s, n FROM jsonb_array_elements(asked->'sets') WITH ORDINALITY AS a(s, n) ORDER BY n LOOP
        SELECT jsonb_agg(to_jsonb(need)), bool_and(need.room + 1e-6 >= need.least),
               min(CASE WHEN need.total > 0 THEN least(1, (need.room + need.have) / need.total) ELSE 1 END)
        INTO seen, fits, part
        FROM (
            SELECT w.name, w.kind, w.capacity, w.per_s, w.level, w.ahead, w.floor, w.reserve, w.total, w.have, w.others,
                   CASE WHEN w.kind = 'slots' AND w.others > 0 THEN floor(w.capacity / w.claimants) END AS keep,
                   CASE WHEN w.kind = 'rate' THEN least(w.least, greatest(w.capacity - w.floor, 0)) ELSE w.least END AS least,
                   w.free,
                   CASE WHEN w.others = 0 THEN w.free
                        WHEN w.kind = 'slots' THEN least(w.free, greatest(ceil(w.capacity / w.claimants) - w.mine, 0))
                        ELSE greatest(least(w.free, w.least), w.free / (w.others + 1)) END AS room,
                   w.closed_s
            FROM (
                SELECT n.*, l.kind, l.capacity, l.per_s, h.others, h.mine, h.claimants, level_at(l, moment) AS level,
                       greatest(0, extract(epoch FROM l.closed_until - moment)::float8) AS closed_s,
                       CASE WHEN l.closed_until > moment THEN 0
                            WHEN l.capacity IS NULL THEN 1e15
                            WHEN l.kind = 'slots' THEN greatest(l.capacity - h.held, 0)
                            ELSE level_at(l, moment) - n.floor END AS free
                FROM jsonb_to_recordset(a_set.s->'needs')
                    AS n(name text, least float8, total float8, have float8, ahead float8, floor float8, reserve float8)
                JOIN limits l USING (name)
                CROSS JOIN LATERAL (
                    SELECT coalesce(sum(c.held), 0) AS held, coalesce(sum(c.held) FILTER (WHERE c.process = me), 0) AS mine,
                           count(*) FILTER (WHERE c.process <> me AND c.wanted_until > moment) AS others,
                           count(*) FILTER (WHERE c.process <> me AND (c.held > 0 OR c.wanted_until > moment)) + 1 AS claimants
                    FROM claims c JOIN lessees p USING (process)
                    WHERE c.name = l.name AND p.alive_until > moment) h
            ) w
        ) need;
        -- Money that was not had for the first call: nothing else is taken for it.
        fits := coalesce(fits, true) AND NOT EXISTS (
            SELECT FROM jsonb_array_elements(a_set.s->'money') i WHERE (money[(i #>> '{}')::integer + 1]->>0)::numeric <= 0);
        SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]') INTO seen FROM (
            SELECT n.*, CASE
                WHEN NOT fits OR n.capacity IS NULL THEN 0
                ELSE n.base + CASE WHEN n.others = 0 AND n.room + n.have >= n.total
                    THEN floor(greatest(0, least(n.ahead, n.free + n.floor - n.reserve - n.base))) ELSE 0 END
                END AS taken
            FROM (
                SELECT x.*, greatest(x.least, floor(part * x.total + 1e-6) - x.have) AS base
                FROM jsonb_to_recordset(seen) AS x(name text, kind text, capacity float8, per_s float8, level float8, ahead float8,
                    floor float8, reserve float8, total float8, have float8, others integer, keep float8, least float8, free float8, room float8, closed_s float8)
            ) n
        ) t;
        UPDATE limits l SET level = t.level - t.taken, updated_at = greatest(l.updated_at, moment)
        FROM jsonb_to_recordset(seen) AS t(name text, level float8, taken float8)
        WHERE l.name = t.name AND l.kind = 'rate' AND t.taken > 0;
        INSERT INTO claims AS c (name, process, held, wanted_until)
        SELECT t.name, me, CASE WHEN t.kind = 'slots' THEN t.taken ELSE 0 END,
               CASE WHEN t.room + t.have < t.total THEN moment + interval '1 second' END
        FROM jsonb_to_recordset(seen) AS t(name text, kind text, capacity float8, taken float8, room float8, total float8, have float8)
        WHERE (t.kind = 'slots' AND t.taken > 0) OR (t.capacity IS NOT NULL AND t.room + t.have < t.total)
        ON CONFLICT (name, process) DO UPDATE SET held = c.held + excluded.held, wanted_until = excluded.wanted_until;
        sets := sets || jsonb_build_array(jsonb_build_object('fits', fits, 'needs', seen));
    END LOOP;
    IF asked ? 'since' THEN
        SELECT jsonb_agg(jsonb_build_array(l.name, l.kind, l.capacity, l.per_s, level_at(l, moment),
                   greatest(0, extract(epoch FROM l.closed_until - moment)::float8), h.keep))
        INTO changed
        FROM limits l CROSS JOIN LATERAL (
            SELECT coalesce(bool_or(c.process = me AND c.held > 0), false) AS mine,
                   CASE WHEN bool_or(c.process <> me AND c.wanted_until > moment)
                        THEN floor(l.capacity / (1 + count(*) FILTER (WHERE c.process <> me AND (c.held > 0 OR c.wanted_until > moment))))
                        END AS keep
            FROM claims c JOIN lessees p USING (process)
            WHERE l.kind = 'slots' AND c.name = l.name AND p.alive_until > moment) h
        WHERE l.changed_at > to_timestamp((asked->>'since')::float8) - interval '5 seconds' OR h.mine;
    END IF;
    RETURN jsonb_build_object(
        'money', to_jsonb(money), 'sets', sets, 'changed', coalesce(changed, '[]'),
        'now', extract(epoch FROM moment)::float8, 'month', to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM'),
        'month_s', extract(epoch FROM date_trunc('month', moment AT TIME ZONE 'UTC') + interval '1 month'
                           - moment AT TIME ZONE 'UTC')::float8);
END $$;
ALTER FUNCTION stretto.exchange_limits(me uuid, asked jsonb) OWNER TO stretto;
CREATE FUNCTION stretto.find_api_key(wanted text) RETURNS TABLE(tenant_id uuid, key_id uuid, digest bytea)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    SELECT k.tenant_id, k.id, k.digest FROM api_keys k WHERE k.prefix = wanted AND k.revoked_at IS NULL
$$;
ALTER FUNCTION stretto.find_api_key(wanted text) OWNER TO stretto;
CREATE FUNCTION stretto.fire_due_timers(most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'stretto', 'stretto_queue', 'pg_temp'
    AS $$
DECLARE fired integer; run_ids uuid[]; kinds text[]; bodies jsonb[];
BEGIN
    WITH due AS (
        DELETE FROM timers t USING (
            SELECT run_id, step FROM timers WHERE due_at <= clock_timestamp()
            ORDER BY due_at LIMIT most FOR UPDATE SKIP LOCKED) d
        WHERE t.run_id = d.run_id AND t.step = d.step
        RETURNING t.run_id, t.step)
    SELECT count(*), array_agg(run_id), array_agg('timer'::text), array_agg(jsonb_build_object('step', step))
    INTO fired, run_ids, kinds, bodies FROM due;
    IF fired > 0 THEN
        PERFORM signal_runs(run_ids, kinds, bodies);
    END IF;
    RETURN fired;
END $$;
ALTER FUNCTION stretto.fire_due_timers(most integer) OWNER TO stretto;
CREATE FUNCTION stretto.lease_money(me uuid, asked jsonb) RETURNS jsonb[]
    LANGUAGE plpgsql
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
DECLARE
    item record; spent numeric; held_all numeric; held_alive numeric; remaining numeric; taken numeric;
    answers jsonb[] := array_fill(NULL::jsonb, ARRAY[jsonb_array_length(asked)]);
BEGIN
    FOR item IN
        SELECT (m->>0)::uuid AS tenant_id, m->>1 AS name, (m->>2)::numeric AS limit_usd, (m->>3)::numeric AS least,
               (m->>4)::numeric AS most, (m->>5)::numeric AS back, n::integer AS n
        FROM jsonb_array_elements(asked) WITH ORDINALITY AS a(m, n) ORDER BY 1, 2
    LOOP
        PERFORM set_config('stretto.tenant', item.tenant_id::text, true);
        INSERT INTO budgets AS b (tenant_id, name, limit_usd, updated_at)
        VALUES (item.tenant_id, item.name, item.limit_usd, clock_timestamp())
        ON CONFLICT (tenant_id, name) DO UPDATE
        SET limit_usd = coalesce(excluded.limit_usd, b.limit_usd), updated_at = excluded.updated_at
        RETURNING spent_usd INTO spent;
        IF item.back <> 0 THEN
            INSERT INTO budget_leases AS l (tenant_id, name, process, held_usd)
            VALUES (item.tenant_id, item.name, me, -item.back)
            ON CONFLICT (tenant_id, name, process) DO UPDATE SET held_usd = l.held_usd + excluded.held_usd;
        END IF;
        SELECT coalesce(sum(greatest(l.held_usd, 0)), 0),
               coalesce(sum(greatest(l.held_usd, 0)) FILTER (WHERE p.alive_until > clock_timestamp()), 0)
        INTO held_all, held_alive
        FROM budget_leases l LEFT JOIN lessees p USING (process)
        WHERE l.tenant_id = item.tenant_id AND l.name = item.name;
        remaining := item.limit_usd - spent - held_all;
        taken := 0;
        IF item.least > 0 AND remaining >= item.least THEN
            taken := greatest(item.least, least(item.most, trunc(remaining / 20, 6)));
            INSERT INTO budget_leases AS l (tenant_id, name, process, held_usd)
            VALUES (item.tenant_id, item.name, me, taken)
            ON CONFLICT (tenant_id, name, process) DO UPDATE SET held_usd = l.held_usd + excluded.held_usd;
        END IF;
        answers[item.n] := jsonb_build_array(taken::text, remaining::text, held_alive::text);
    END LOOP;
    RETURN answers;
END $$;
ALTER FUNCTION stretto.lease_money(me uuid, asked jsonb) OWNER TO stretto;
CREATE FUNCTION stretto.leave_limits(me uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
BEGIN
    DELETE FROM claims WHERE process = me;
    DELETE FROM lessees WHERE process = me;
END $$;
ALTER FUNCTION stretto.leave_limits(me uuid) OWNER TO stretto;
SET default_tablespace = '';
SET default_table_access_method = heap;
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
    revoked_at timestamp with time zone
);
ALTER TABLE stretto.api_keys OWNER TO stretto;
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
CREATE TABLE stretto.flows (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    version integer NOT NULL,
    digest text NOT NULL,
    document jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.flows OWNER TO stretto;
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
CREATE TABLE stretto.migrations (
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.migrations OWNER TO stretto;
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
    created_at timestamp with time zone NOT NULL
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
ALTER TABLE ONLY stretto.answers
    ADD CONSTRAINT answers_pkey PRIMARY KEY (tenant_id, route, key);
ALTER TABLE ONLY stretto.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY stretto.api_keys
    ADD CONSTRAINT api_keys_prefix_key UNIQUE (prefix);
ALTER TABLE ONLY stretto.budget_leases
    ADD CONSTRAINT budget_leases_pkey PRIMARY KEY (tenant_id, name, process);
ALTER TABLE ONLY stretto.budgets
    ADD CONSTRAINT budgets_pkey PRIMARY KEY (tenant_id, name);
ALTER TABLE ONLY stretto.calls
    ADD CONSTRAINT calls_pkey PRIMARY KEY (id);
ALTER TABLE ONLY stretto.claims
    ADD CONSTRAINT claims_pkey PRIMARY KEY (name, process);
ALTER TABLE ONLY stretto.flows
    ADD CONSTRAINT flows_pkey PRIMARY KEY (tenant_id, name, version);
ALTER TABLE ONLY stretto.flows
    ADD CONSTRAINT flows_tenant_id_name_digest_key UNIQUE (tenant_id, name, digest);
ALTER TABLE ONLY stretto.idempotency
    ADD CONSTRAINT idempotency_pkey PRIMARY KEY (tenant_id, key);
ALTER TABLE ONLY stretto.journal
    ADD CONSTRAINT journal_pkey PRIMARY KEY (run_id, seq);
ALTER TABLE ONLY stretto.lessees
    ADD CONSTRAINT lessees_pkey PRIMARY KEY (process);
ALTER TABLE ONLY stretto.limits
    ADD CONSTRAINT limits_pkey PRIMARY KEY (name);
ALTER TABLE ONLY stretto.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (number);
ALTER TABLE ONLY stretto.price_versions
    ADD CONSTRAINT price_versions_pkey PRIMARY KEY (version);
ALTER TABLE ONLY stretto.provider_keys
    ADD CONSTRAINT provider_keys_pkey PRIMARY KEY (name);
ALTER TABLE ONLY stretto.queue_schema
    ADD CONSTRAINT queue_schema_pkey PRIMARY KEY (only_one);
ALTER TABLE ONLY stretto.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY stretto.schedules
    ADD CONSTRAINT schedules_pkey PRIMARY KEY (tenant_id, name);
ALTER TABLE ONLY stretto.signals
    ADD CONSTRAINT signals_pkey PRIMARY KEY (id);
ALTER TABLE ONLY stretto.tenants
    ADD CONSTRAINT tenants_name_key UNIQUE (name);
ALTER TABLE ONLY stretto.tenants
    ADD CONSTRAINT tenants_pkey PRIMARY KEY (id);
ALTER TABLE ONLY stretto.timers
    ADD CONSTRAINT timers_pkey PRIMARY KEY (run_id, step);
ALTER TABLE ONLY stretto.usage_days
    ADD CONSTRAINT usage_days_pkey PRIMARY KEY (tenant_id, day, key);
ALTER TABLE ONLY stretto.waits
    ADD CONSTRAINT waits_pkey PRIMARY KEY (run_id, step);
CREATE INDEX answers_by_age ON stretto.answers USING btree (tenant_id, route, kept_at);
CREATE INDEX answers_by_rest ON stretto.answers USING btree (tenant_id, route, rest, expires_at) WHERE (rest IS NOT NULL);
CREATE INDEX answers_expired ON stretto.answers USING btree (expires_at);
CREATE INDEX api_keys_by_tenant ON stretto.api_keys USING btree (tenant_id, created_at);
CREATE INDEX budgets_by_age ON stretto.budgets USING btree (updated_at);
CREATE INDEX calls_by_run ON ONLY stretto.calls USING btree (tenant_id, run_id) WHERE (run_id IS NOT NULL);
CREATE INDEX calls_by_time ON ONLY stretto.calls USING btree (tenant_id, at);
CREATE INDEX idempotency_by_age ON stretto.idempotency USING btree (created_at);
CREATE INDEX runs_by_tenant ON ONLY stretto.runs USING btree (tenant_id, id DESC);
CREATE INDEX runs_unfinished ON ONLY stretto.runs USING btree (status) WHERE (finished_at IS NULL);
CREATE INDEX schedules_due ON stretto.schedules USING btree (next_at);
CREATE INDEX signals_by_run ON stretto.signals USING btree (run_id, id);
CREATE INDEX timers_due ON stretto.timers USING btree (due_at);
CREATE INDEX waits_by_name ON stretto.waits USING btree (tenant_id, kind, name, key);
ALTER TABLE ONLY stretto.answers
    ADD CONSTRAINT answers_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES stretto.tenants(id);
ALTER TABLE ONLY stretto.api_keys
    ADD CONSTRAINT api_keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES stretto.tenants(id);
ALTER TABLE ONLY stretto.flows
    ADD CONSTRAINT flows_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES stretto.tenants(id);
ALTER TABLE stretto.answers ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.budget_leases ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.budgets ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.calls ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.flows ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.idempotency ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.journal ENABLE ROW LEVEL SECURITY;
CREATE POLICY platform ON stretto.provider_keys USING ((NULLIF(current_setting('stretto.tenant'::text, true), ''::text) IS NULL)) WITH CHECK ((NULLIF(current_setting('stretto.tenant'::text, true), ''::text) IS NULL));
ALTER TABLE stretto.provider_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.runs ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.schedules ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.signals ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON stretto.answers USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.api_keys USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.budget_leases USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.budgets USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.calls USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.flows USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.idempotency USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.journal USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.runs USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.schedules USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.signals USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.tenants USING ((id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.timers USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.usage_days USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
CREATE POLICY tenant ON stretto.waits USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));
ALTER TABLE stretto.tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.timers ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.usage_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE stretto.waits ENABLE ROW LEVEL SECURITY;
GRANT USAGE ON SCHEMA stretto TO stretto_app;
REVOKE ALL ON FUNCTION stretto.declare_limits(declared jsonb, only_these boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.declare_limits(declared jsonb, only_these boolean) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.drop_expired_answers(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.drop_expired_answers(most integer) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.due_schedules(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.due_schedules(most integer) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.exchange_limits(me uuid, asked jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.exchange_limits(me uuid, asked jsonb) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.find_api_key(wanted text) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.find_api_key(wanted text) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.fire_due_timers(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.fire_due_timers(most integer) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.lease_money(me uuid, asked jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.lease_money(me uuid, asked jsonb) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.leave_limits(me uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.leave_limits(me uuid) TO stretto_app;
GRANT SELECT,INSERT,UPDATE ON TABLE stretto.limits TO stretto_app;
REVOKE ALL ON FUNCTION stretto.level_at(l stretto.limits, moment timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.level_at(l stretto.limits, moment timestamp with time zone) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.observe_limits(observed jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.observe_limits(observed jsonb) TO stretto_app;
GRANT ALL ON FUNCTION stretto.rescue_runs(silence interval) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.settle_costs(tenant uuid, me uuid, names text[], costs numeric[], leased boolean[]) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.settle_costs(tenant uuid, me uuid, names text[], costs numeric[], leased boolean[]) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.signal_runs(run_ids uuid[], kinds text[], bodies jsonb[]) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.signal_runs(run_ids uuid[], kinds text[], bodies jsonb[]) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.sweep_limits(older interval) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.sweep_limits(older interval) TO stretto_app;
REVOKE ALL ON FUNCTION stretto.wake_run(run uuid, tenant uuid, priority integer) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.wake_run(run uuid, tenant uuid, priority integer) TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.answers TO stretto_app;
GRANT SELECT,INSERT ON TABLE stretto.api_keys TO stretto_app;
GRANT SELECT,INSERT,UPDATE ON TABLE stretto.budget_leases TO stretto_app;
GRANT SELECT,INSERT,UPDATE ON TABLE stretto.budgets TO stretto_app;
GRANT SELECT,INSERT ON TABLE stretto.calls TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.claims TO stretto_app;
GRANT SELECT,INSERT ON TABLE stretto.flows TO stretto_app;
GRANT SELECT,INSERT ON TABLE stretto.idempotency TO stretto_app;
GRANT SELECT,INSERT ON TABLE stretto.journal TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.lessees TO stretto_app;
GRANT SELECT,INSERT ON TABLE stretto.price_versions TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.provider_keys TO stretto_app;
GRANT SELECT,INSERT,UPDATE ON TABLE stretto.runs TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.schedules TO stretto_app;
GRANT SELECT,INSERT,DELETE ON TABLE stretto.signals TO stretto_app;
GRANT SELECT ON TABLE stretto.tenants TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.timers TO stretto_app;
GRANT SELECT,INSERT,UPDATE ON TABLE stretto.usage_days TO stretto_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.waits TO stretto_app;
-- PostgreSQL database dump complete
