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

-- Name: stretto; Type: SCHEMA; Schema: -; Owner: stretto

CREATE SCHEMA stretto;

ALTER SCHEMA stretto OWNER TO stretto;

-- Name: declare_limits(jsonb, boolean); Type: FUNCTION; Schema: stretto; Owner: stretto

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

-- Name: drop_expired_answers(integer); Type: FUNCTION; Schema: stretto; Owner: stretto

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

-- Name: due_schedules(integer); Type: FUNCTION; Schema: stretto; Owner: stretto

CREATE FUNCTION stretto.due_schedules(most integer) RETURNS TABLE(tenant_id uuid, name text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    SELECT s.tenant_id, s.name FROM schedules s WHERE s.next_at <= clock_timestamp() ORDER BY s.next_at LIMIT most
$$;

ALTER FUNCTION stretto.due_schedules(most integer) OWNER TO stretto;

-- Name: exchange_limits(uuid, jsonb); Type: FUNCTION; Schema: stretto; Owner: stretto

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

-- Name: find_api_key(text); Type: FUNCTION; Schema: stretto; Owner: stretto

CREATE FUNCTION stretto.find_api_key(wanted text) RETURNS TABLE(tenant_id uuid, key_id uuid, digest bytea)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    SELECT k.tenant_id, k.id, k.digest FROM api_keys k WHERE k.prefix = wanted AND k.revoked_at IS NULL
$$;

ALTER FUNCTION stretto.find_api_key(wanted text) OWNER TO stretto;

-- Name: fire_due_timers(integer); Type: FUNCTION; Schema: stretto; Owner: stretto

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

-- Name: lease_money(uuid, jsonb); Type: FUNCTION; Schema: stretto; Owner: stretto

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

-- Name: leave_limits(uuid); Type: FUNCTION; Schema: stretto; Owner: stretto

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

-- Name: limits; Type: TABLE; Schema: stretto; Owner: stretto

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

-- Name: level_at(stretto.limits, timestamp with time zone); Type: FUNCTION; Schema: stretto; Owner: stretto

CREATE FUNCTION stretto.level_at(l stretto.limits, moment timestamp with time zone) RETURNS double precision
    LANGUAGE sql STABLE
    AS $$
    SELECT least(l.capacity, l.level + coalesce(l.per_s, 0) * greatest(0, extract(epoch FROM moment - l.updated_at)::float8))
$$;

ALTER FUNCTION stretto.level_at(l stretto.limits, moment timestamp with time zone) OWNER TO stretto;

-- Name: observe_limits(jsonb); Type: FUNCTION; Schema: stretto; Owner: stretto

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

-- Name: rescue_runs(interval); Type: FUNCTION; Schema: stretto; Owner: stretto

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

-- Name: settle_costs(uuid, uuid, text[], numeric[], boolean[]); Type: FUNCTION; Schema: stretto; Owner: stretto

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

-- Name: signal_runs(uuid[], text[], jsonb[]); Type: FUNCTION; Schema: stretto; Owner: stretto

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

-- Name: sweep_limits(interval); Type: FUNCTION; Schema: stretto; Owner: stretto

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

-- Name: wake_run(uuid, uuid, integer); Type: FUNCTION; Schema: stretto; Owner: stretto

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

-- Name: answers; Type: TABLE; Schema: stretto; Owner: stretto

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

-- Name: api_keys; Type: TABLE; Schema: stretto; Owner: stretto

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

-- Name: budget_leases; Type: TABLE; Schema: stretto; Owner: stretto

CREATE TABLE stretto.budget_leases (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    process uuid NOT NULL,
    held_usd numeric NOT NULL
);

ALTER TABLE stretto.budget_leases OWNER TO stretto;

-- Name: budgets; Type: TABLE; Schema: stretto; Owner: stretto

CREATE TABLE stretto.budgets (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    limit_usd numeric,
    spent_usd numeric DEFAULT 0 NOT NULL,
    updated_at timestamp with time zone NOT NULL
);

ALTER TABLE stretto.budgets OWNER TO stretto;

-- Name: calls; Type: TABLE; Schema: stretto; Owner: stretto

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

-- Name: calls_2026_11; Type: TABLE; Schema: stretto; Owner: stretto

CREATE TABLE stretto.calls_2026_11 (
    id uuid CONSTRAINT calls_id_not_null NOT NULL,
    tenant_id uuid CONSTRAINT calls_tenant_id_not_null NOT NULL,
    at timestamp with time zone CONSTRAINT calls_at_not_null NOT NULL,
    kind text CONSTRAINT calls_kind_not_null NOT NULL,
    run_id uuid,
    flow text CONSTRAINT calls_flow_not_null NOT NULL,
    path text CONSTRAINT calls_path_not_null NOT NULL,
    step text CONSTRAINT calls_step_not_null NOT NULL,
    attempt integer CONSTRAINT calls_attempt_not_null NOT NULL,
    agent text CONSTRAINT calls_agent_not_null NOT NULL,
    priority smallint CONSTRAINT calls_priority_not_null NOT NULL,
    route text CONSTRAINT calls_route_not_null NOT NULL,
    deployment text CONSTRAINT calls_deployment_not_null NOT NULL,
    provider text CONSTRAINT calls_provider_not_null NOT NULL,
    model text CONSTRAINT calls_model_not_null NOT NULL,
    input_tokens bigint CONSTRAINT calls_input_tokens_not_null NOT NULL,
    cached_input_tokens bigint CONSTRAINT calls_cached_input_tokens_not_null NOT NULL,
    cache_write_tokens bigint CONSTRAINT calls_cache_write_tokens_not_null NOT NULL,
    output_tokens bigint CONSTRAINT calls_output_tokens_not_null NOT NULL,
    reasoning_tokens bigint CONSTRAINT calls_reasoning_tokens_not_null NOT NULL,
    estimated boolean CONSTRAINT calls_estimated_not_null NOT NULL,
    price_version text CONSTRAINT calls_price_version_not_null NOT NULL,
    cost_usd numeric CONSTRAINT calls_cost_usd_not_null NOT NULL,
    ttft_s double precision,
    duration_s double precision CONSTRAINT calls_duration_s_not_null NOT NULL,
    waited_s double precision CONSTRAINT calls_waited_s_not_null NOT NULL,
    ended text CONSTRAINT calls_ended_not_null NOT NULL,
    outcome text CONSTRAINT calls_outcome_not_null NOT NULL,
    reason text CONSTRAINT calls_reason_not_null NOT NULL,
    error text CONSTRAINT calls_error_not_null NOT NULL,
    cached text CONSTRAINT calls_cached_not_null NOT NULL,
    simulated boolean CONSTRAINT calls_simulated_not_null NOT NULL,
    CONSTRAINT calls_cost_usd_check CHECK (((cost_usd >= (0)::numeric) AND (cost_usd < 'Infinity'::numeric))),
    CONSTRAINT calls_ended_check CHECK ((ended = ANY (ARRAY['answered'::text, 'failed'::text, 'cancelled'::text, 'not_made'::text]))),
    CONSTRAINT calls_kind_check CHECK ((kind = ANY (ARRAY['chat'::text, 'embeddings'::text])))
);

ALTER TABLE stretto.calls_2026_11 OWNER TO stretto;

-- Name: calls_2026_12; Type: TABLE; Schema: stretto; Owner: stretto

CREATE TABLE stretto.calls_2026_12 (
    id uuid CONSTRAINT calls_id_not_null NOT NULL,
    tenant_id uuid CONSTRAINT calls_tenant_id_not_null NOT NULL,
    at timestamp with time zone CONSTRAINT calls_at_not_null NOT NULL,
    kind text CONSTRAINT calls_kind_not_null NOT NULL,
    run_id uuid,
    flow text CONSTRAINT calls_flow_not_null NOT NULL,
    path text CONSTRAINT calls_path_not_null NOT NULL,
    step text CONSTRAINT calls_step_not_null NOT NULL,
    attempt integer CONSTRAINT calls_attempt_not_null NOT NULL,
    agent text CONSTRAINT calls_agent_not_null NOT NULL,
    priority smallint CONSTRAINT calls_priority_not_null NOT NULL,
    route text CONSTRAINT calls_route_not_null NOT NULL,
    deployment text CONSTRAINT calls_deployment_not_null NOT NULL,
    provider text CONSTRAINT calls_provider_not_null NOT NULL,
    model text CONSTRAINT calls_model_not_null NOT NULL,
    input_tokens bigint CONSTRAINT calls_input_tokens_not_null NOT NULL,
    cached_input_tokens bigint CONSTRAINT calls_cached_input_tokens_not_null NOT NULL,
    cache_write_tokens bigint CONSTRAINT calls_cache_write_tokens_not_null NOT NULL,
    output_tokens bigint CONSTRAINT calls_output_tokens_not_null NOT NULL,
    reasoning_tokens bigint CONSTRAINT calls_reasoning_tokens_not_null NOT NULL,
    estimated boolean CONSTRAINT calls_estimated_not_null NOT NULL,
    price_version text CONSTRAINT calls_price_version_not_null NOT NULL,
    cost_usd numeric CONSTRAINT calls_cost_usd_not_null NOT NULL,
    ttft_s double precision,
    duration_s double precision CONSTRAINT calls_duration_s_not_null NOT NULL,
    waited_s double precision CONSTRAINT calls_waited_s_not_null NOT NULL,
    ended text CONSTRAINT calls_ended_not_null NOT NULL,
    outcome text CONSTRAINT calls_outcome_not_null NOT NULL,
    reason text CONSTRAINT calls_reason_not_null NOT NULL,
    error text CONSTRAINT calls_error_not_null NOT NULL,
    cached text CONSTRAINT calls_cached_not_null NOT NULL,
    simulated boolean CONSTRAINT calls_simulated_not_null NOT NULL,
    CONSTRAINT calls_cost_usd_check CHECK (((cost_usd >= (0)::numeric) AND (cost_usd < 'Infinity'::numeric))),
    CONSTRAINT calls_ended_check CHECK ((ended = ANY (ARRAY['answered'::text, 'failed'::text, 'cancelled'::text, 'not_made'::text]))),
    CONSTRAINT calls_kind_check CHECK ((kind = ANY (ARRAY['chat'::text, 'embeddings'::text])))
);

ALTER TABLE stretto.calls_2026_12 OWNER TO stretto;

-- Name: calls_2027_01; Type: TABLE; Schema: stretto; Owner: stretto

CREATE TABLE stretto.calls_2027_01 (
    id uuid CONSTRAINT calls_id_not_null NOT NULL,
    tenant_id uuid CONSTRAINT calls_tenant_id_not_null NOT NULL,
    at timestamp with time zone CONSTRAINT calls_at_not_null NOT NULL,
    kind text CONSTRAINT calls_kind_not_null NOT NULL,
    run_id uuid,
    flow text CONSTRAINT calls_flow_not_null NOT NULL,
    path text CONSTRAINT calls_path_not_null NOT NULL,
    step text CONSTRAINT calls_step_not_null NOT NULL,
    attempt integer CONSTRAINT calls_attempt_not_null NOT NULL,
    agent text CONSTRAINT calls_agent_not_null NOT NULL,
    priority smallint CONSTRAINT calls_priority_not_null NOT NULL,
    route text CONSTRAINT calls_route_not_null NOT NULL,
    deployment text CONSTRAINT calls_deployment_not_null NOT NULL,
    provider text CONSTRAINT calls_provider_not_null NOT NULL,
    model text CONSTRAINT calls_model_not_null NOT NULL,
    input_tokens bigint CONSTRAINT calls_input_tokens_not_null NOT NULL,
    cached_input_tokens bigint CONSTRAINT calls_cached_input_tokens_not_null NOT NULL,
    cache_write_tokens bigint CONSTRAINT calls_cache_write_tokens_not_null NOT NULL,
    output_tokens bigint CONSTRAINT calls_output_tokens_not_null NOT NULL,
    reasoning_tokens bigint CONSTRAINT calls_reasoning_tokens_not_null NOT NULL,
    estimated boolean CONSTRAINT calls_estimated_not_null NOT NULL,
    price_version text CONSTRAINT calls_price_version_not_null NOT NULL,
    cost_usd numeric CONSTRAINT calls_cost_usd_not_null NOT NULL,
    ttft_s double precision,
    duration_s double precision CONSTRAINT calls_duration_s_not_null NOT NULL,
    waited_s double precision CONSTRAINT calls_waited_s_not_null NOT NULL,
    ended text CONSTRAINT calls_ended_not_null NOT NULL,
    outcome text CONSTRAINT calls_outcome_not_null NOT NULL,
    reason text CONSTRAINT calls_reason_not_null NOT NULL,
    error text CONSTRAINT calls_error_not_null NOT NULL,
    cached text CONSTRAINT calls_cached_not_null NOT NULL,
    simulated boolean CONSTRAINT calls_simulated_not_null NOT NULL,
    CONSTRAINT calls_cost_usd_check CHECK (((cost_usd >= (0)::numeric) AND (cost_usd < 'Infinity'::numeric))),
    CONSTRAINT calls_ended_check CHECK ((ended = ANY (ARRAY['answered'::text, 'failed'::text, 'cancelled'::text, 'not_made'::text]))),
    CONSTRAINT calls_kind_check CHECK ((kind = ANY (ARRAY['chat'::text, 'embeddings'::text])))
);

ALTER TABLE stretto.calls_2027_01 OWNER TO stretto;

-- Name: claims; Type: TABLE; Schema: stretto; Owner: stretto

CREATE TABLE stretto.claims (
    name text NOT NULL,
    process uuid NOT NULL,
    held double precision DEFAULT 0 NOT NULL,
    wanted_until timestamp with time zone
);

ALTER TABLE stretto.claims OWNER TO stretto;

-- Name: flows; Type: TABLE; Schema: stretto; Owner: stretto

CREATE TABLE stretto.flows (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    version integer NOT NULL,
    digest text NOT NULL,
    document jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE stretto.flows OWNER TO stretto;

-- Name: idempotency; Type: TABLE; Schema: stretto; Owner: stretto

CREATE TABLE stretto.idempotency (
    tenant_id uuid NOT NULL,
    key text NOT NULL,
    digest text NOT NULL,
    run_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE stretto.idempotency OWNER TO stretto;

-- Name: journal; Type: TABLE; Schema: stretto; Owner: stretto

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

-- Name: lessees; Type: TABLE; Schema: stretto; Owner: stretto

CREATE TABLE stretto.lessees (
    process uuid NOT NULL,
    alive_until timestamp with time zone NOT NULL
);

ALTER TABLE stretto.lessees OWNER TO stretto;

-- Name: migrations; Type: TABLE; Schema: stretto; Owner: stretto

CREATE TABLE stretto.migrations (
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone NOT NULL
);

ALTER TABLE stretto.migrations OWNER TO stretto;

-- Name: price_versions; Type: TABLE; Schema: stretto; Owner: stretto

CREATE TABLE stretto.price_versions (
    version text NOT NULL,
    document text NOT NULL,
    first_used timestamp with time zone NOT NULL
);

ALTER TABLE stretto.price_versions OWNER TO stretto;

-- Name: provider_keys; Type: TABLE; Schema: stretto; Owner: stretto

CREATE TABLE stretto.provider_keys (
    name text NOT NULL,
    sealed bytea NOT NULL,
    master_id bytea NOT NULL,
    updated_at timestamp with time zone NOT NULL
);

ALTER TABLE stretto.provider_keys OWNER TO stretto;

-- Name: queue_schema; Type: TABLE; Schema: stretto; Owner: stretto

CREATE TABLE stretto.queue_schema (
    only_one boolean DEFAULT true NOT NULL,
    version text NOT NULL,
    applied_at timestamp with time zone NOT NULL,
    CONSTRAINT queue_schema_only_one_check CHECK (only_one)
);

ALTER TABLE stretto.queue_schema OWNER TO stretto;

-- Name: runs; Type: TABLE; Schema: stretto; Owner: stretto

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
    cost_usd numeric(18,9) DEFAULT 0 NOT NULL,
    accepted_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT runs_status_check CHECK ((status = ANY (ARRAY['accepted'::text, 'running'::text, 'waiting'::text, 'paused'::text, 'completed'::text, 'failed'::text, 'cancelled'::text])))
)
PARTITION BY RANGE (id);

ALTER TABLE stretto.runs OWNER TO stretto;

-- Name: schedules; Type: TABLE; Schema: stretto; Owner: stretto

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

-- Name: signals; Type: TABLE; Schema: stretto; Owner: stretto

CREATE TABLE stretto.signals (
    id bigint NOT NULL,
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    kind text NOT NULL,
    body jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE stretto.signals OWNER TO stretto;

-- Name: signals_id_seq; Type: SEQUENCE; Schema: stretto; Owner: stretto

ALTER TABLE stretto.signals ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME stretto.signals_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: tenants; Type: TABLE; Schema: stretto; Owner: stretto

CREATE TABLE stretto.tenants (
    id uuid NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE stretto.tenants OWNER TO stretto;

-- Name: timers; Type: TABLE; Schema: stretto; Owner: stretto

CREATE TABLE stretto.timers (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    step text NOT NULL,
    due_at timestamp with time zone NOT NULL
);

ALTER TABLE stretto.timers OWNER TO stretto;

-- Name: usage_days; Type: TABLE; Schema: stretto; Owner: stretto

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

-- Name: waits; Type: TABLE; Schema: stretto; Owner: stretto

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

-- Name: calls_2026_11; Type: TABLE ATTACH; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.calls ATTACH PARTITION stretto.calls_2026_11 FOR VALUES FROM ('01a19467-e800-0000-0000-000000000000') TO ('01a22ee6-b000-0000-0000-000000000000');

-- Name: calls_2026_12; Type: TABLE ATTACH; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.calls ATTACH PARTITION stretto.calls_2026_12 FOR VALUES FROM ('01a22ee6-b000-0000-0000-000000000000') TO ('01a2ce8b-d400-0000-0000-000000000000');

-- Name: calls_2027_01; Type: TABLE ATTACH; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.calls ATTACH PARTITION stretto.calls_2027_01 FOR VALUES FROM ('01a2ce8b-d400-0000-0000-000000000000') TO ('01a36e30-f800-0000-0000-000000000000');

-- Name: answers answers_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.answers
    ADD CONSTRAINT answers_pkey PRIMARY KEY (tenant_id, route, key);

-- Name: api_keys api_keys_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

-- Name: api_keys api_keys_prefix_key; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.api_keys
    ADD CONSTRAINT api_keys_prefix_key UNIQUE (prefix);

-- Name: budget_leases budget_leases_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.budget_leases
    ADD CONSTRAINT budget_leases_pkey PRIMARY KEY (tenant_id, name, process);

-- Name: budgets budgets_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.budgets
    ADD CONSTRAINT budgets_pkey PRIMARY KEY (tenant_id, name);

-- Name: calls calls_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.calls
    ADD CONSTRAINT calls_pkey PRIMARY KEY (id);

-- Name: calls_2026_11 calls_2026_11_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.calls_2026_11
    ADD CONSTRAINT calls_2026_11_pkey PRIMARY KEY (id);

-- Name: calls_2026_12 calls_2026_12_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.calls_2026_12
    ADD CONSTRAINT calls_2026_12_pkey PRIMARY KEY (id);

-- Name: calls_2027_01 calls_2027_01_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.calls_2027_01
    ADD CONSTRAINT calls_2027_01_pkey PRIMARY KEY (id);

-- Name: claims claims_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.claims
    ADD CONSTRAINT claims_pkey PRIMARY KEY (name, process);

-- Name: flows flows_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.flows
    ADD CONSTRAINT flows_pkey PRIMARY KEY (tenant_id, name, version);

-- Name: flows flows_tenant_id_name_digest_key; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.flows
    ADD CONSTRAINT flows_tenant_id_name_digest_key UNIQUE (tenant_id, name, digest);

-- Name: idempotency idempotency_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.idempotency
    ADD CONSTRAINT idempotency_pkey PRIMARY KEY (tenant_id, key);

-- Name: journal journal_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.journal
    ADD CONSTRAINT journal_pkey PRIMARY KEY (run_id, seq);

-- Name: lessees lessees_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.lessees
    ADD CONSTRAINT lessees_pkey PRIMARY KEY (process);

-- Name: limits limits_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.limits
    ADD CONSTRAINT limits_pkey PRIMARY KEY (name);

-- Name: migrations migrations_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (number);

-- Name: price_versions price_versions_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.price_versions
    ADD CONSTRAINT price_versions_pkey PRIMARY KEY (version);

-- Name: provider_keys provider_keys_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.provider_keys
    ADD CONSTRAINT provider_keys_pkey PRIMARY KEY (name);

-- Name: queue_schema queue_schema_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.queue_schema
    ADD CONSTRAINT queue_schema_pkey PRIMARY KEY (only_one);

-- Name: runs runs_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);

-- Name: schedules schedules_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.schedules
    ADD CONSTRAINT schedules_pkey PRIMARY KEY (tenant_id, name);

-- Name: signals signals_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.signals
    ADD CONSTRAINT signals_pkey PRIMARY KEY (id);

-- Name: tenants tenants_name_key; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.tenants
    ADD CONSTRAINT tenants_name_key UNIQUE (name);

-- Name: tenants tenants_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.tenants
    ADD CONSTRAINT tenants_pkey PRIMARY KEY (id);

-- Name: timers timers_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.timers
    ADD CONSTRAINT timers_pkey PRIMARY KEY (run_id, step);

-- Name: usage_days usage_days_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.usage_days
    ADD CONSTRAINT usage_days_pkey PRIMARY KEY (tenant_id, day, key);

-- Name: waits waits_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.waits
    ADD CONSTRAINT waits_pkey PRIMARY KEY (run_id, step);

-- Name: answers_by_age; Type: INDEX; Schema: stretto; Owner: stretto

CREATE INDEX answers_by_age ON stretto.answers USING btree (tenant_id, route, kept_at);

-- Name: answers_by_rest; Type: INDEX; Schema: stretto; Owner: stretto

CREATE INDEX answers_by_rest ON stretto.answers USING btree (tenant_id, route, rest, expires_at) WHERE (rest IS NOT NULL);

-- Name: answers_expired; Type: INDEX; Schema: stretto; Owner: stretto

CREATE INDEX answers_expired ON stretto.answers USING btree (expires_at);

-- Name: api_keys_by_tenant; Type: INDEX; Schema: stretto; Owner: stretto

CREATE INDEX api_keys_by_tenant ON stretto.api_keys USING btree (tenant_id, created_at);

-- Name: budgets_by_age; Type: INDEX; Schema: stretto; Owner: stretto

CREATE INDEX budgets_by_age ON stretto.budgets USING btree (updated_at);

-- Name: calls_by_time; Type: INDEX; Schema: stretto; Owner: stretto

CREATE INDEX calls_by_time ON ONLY stretto.calls USING btree (tenant_id, at);

-- Name: calls_2026_11_tenant_id_at_idx; Type: INDEX; Schema: stretto; Owner: stretto

CREATE INDEX calls_2026_11_tenant_id_at_idx ON stretto.calls_2026_11 USING btree (tenant_id, at);

-- Name: calls_by_run; Type: INDEX; Schema: stretto; Owner: stretto

CREATE INDEX calls_by_run ON ONLY stretto.calls USING btree (tenant_id, run_id) WHERE (run_id IS NOT NULL);

-- Name: calls_2026_11_tenant_id_run_id_idx; Type: INDEX; Schema: stretto; Owner: stretto

CREATE INDEX calls_2026_11_tenant_id_run_id_idx ON stretto.calls_2026_11 USING btree (tenant_id, run_id) WHERE (run_id IS NOT NULL);

-- Name: calls_2026_12_tenant_id_at_idx; Type: INDEX; Schema: stretto; Owner: stretto

CREATE INDEX calls_2026_12_tenant_id_at_idx ON stretto.calls_2026_12 USING btree (tenant_id, at);

-- Name: calls_2026_12_tenant_id_run_id_idx; Type: INDEX; Schema: stretto; Owner: stretto

CREATE INDEX calls_2026_12_tenant_id_run_id_idx ON stretto.calls_2026_12 USING btree (tenant_id, run_id) WHERE (run_id IS NOT NULL);

-- Name: calls_2027_01_tenant_id_at_idx; Type: INDEX; Schema: stretto; Owner: stretto

CREATE INDEX calls_2027_01_tenant_id_at_idx ON stretto.calls_2027_01 USING btree (tenant_id, at);

-- Name: calls_2027_01_tenant_id_run_id_idx; Type: INDEX; Schema: stretto; Owner: stretto

CREATE INDEX calls_2027_01_tenant_id_run_id_idx ON stretto.calls_2027_01 USING btree (tenant_id, run_id) WHERE (run_id IS NOT NULL);

-- Name: idempotency_by_age; Type: INDEX; Schema: stretto; Owner: stretto

CREATE INDEX idempotency_by_age ON stretto.idempotency USING btree (created_at);

-- Name: runs_by_tenant; Type: INDEX; Schema: stretto; Owner: stretto

CREATE INDEX runs_by_tenant ON ONLY stretto.runs USING btree (tenant_id, id DESC);

-- Name: runs_unfinished; Type: INDEX; Schema: stretto; Owner: stretto

CREATE INDEX runs_unfinished ON ONLY stretto.runs USING btree (status) WHERE (finished_at IS NULL);

-- Name: schedules_due; Type: INDEX; Schema: stretto; Owner: stretto

CREATE INDEX schedules_due ON stretto.schedules USING btree (next_at);

-- Name: signals_by_run; Type: INDEX; Schema: stretto; Owner: stretto

CREATE INDEX signals_by_run ON stretto.signals USING btree (run_id, id);

-- Name: timers_due; Type: INDEX; Schema: stretto; Owner: stretto

CREATE INDEX timers_due ON stretto.timers USING btree (due_at);

-- Name: waits_by_name; Type: INDEX; Schema: stretto; Owner: stretto

CREATE INDEX waits_by_name ON stretto.waits USING btree (tenant_id, kind, name, key);

-- Name: calls_2026_11_pkey; Type: INDEX ATTACH; Schema: stretto; Owner: stretto

ALTER INDEX stretto.calls_pkey ATTACH PARTITION stretto.calls_2026_11_pkey;

-- Name: calls_2026_11_tenant_id_at_idx; Type: INDEX ATTACH; Schema: stretto; Owner: stretto

ALTER INDEX stretto.calls_by_time ATTACH PARTITION stretto.calls_2026_11_tenant_id_at_idx;

-- Name: calls_2026_11_tenant_id_run_id_idx; Type: INDEX ATTACH; Schema: stretto; Owner: stretto

ALTER INDEX stretto.calls_by_run ATTACH PARTITION stretto.calls_2026_11_tenant_id_run_id_idx;

-- Name: calls_2026_12_pkey; Type: INDEX ATTACH; Schema: stretto; Owner: stretto

ALTER INDEX stretto.calls_pkey ATTACH PARTITION stretto.calls_2026_12_pkey;

-- Name: calls_2026_12_tenant_id_at_idx; Type: INDEX ATTACH; Schema: stretto; Owner: stretto

ALTER INDEX stretto.calls_by_time ATTACH PARTITION stretto.calls_2026_12_tenant_id_at_idx;

-- Name: calls_2026_12_tenant_id_run_id_idx; Type: INDEX ATTACH; Schema: stretto; Owner: stretto

ALTER INDEX stretto.calls_by_run ATTACH PARTITION stretto.calls_2026_12_tenant_id_run_id_idx;

-- Name: calls_2027_01_pkey; Type: INDEX ATTACH; Schema: stretto; Owner: stretto

ALTER INDEX stretto.calls_pkey ATTACH PARTITION stretto.calls_2027_01_pkey;

-- Name: calls_2027_01_tenant_id_at_idx; Type: INDEX ATTACH; Schema: stretto; Owner: stretto

ALTER INDEX stretto.calls_by_time ATTACH PARTITION stretto.calls_2027_01_tenant_id_at_idx;

-- Name: calls_2027_01_tenant_id_run_id_idx; Type: INDEX ATTACH; Schema: stretto; Owner: stretto

ALTER INDEX stretto.calls_by_run ATTACH PARTITION stretto.calls_2027_01_tenant_id_run_id_idx;

-- Name: answers answers_tenant_id_fkey; Type: FK CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.answers
    ADD CONSTRAINT answers_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES stretto.tenants(id);

-- Name: api_keys api_keys_tenant_id_fkey; Type: FK CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.api_keys
    ADD CONSTRAINT api_keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES stretto.tenants(id);

-- Name: flows flows_tenant_id_fkey; Type: FK CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.flows
    ADD CONSTRAINT flows_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES stretto.tenants(id);

-- Name: answers; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.answers ENABLE ROW LEVEL SECURITY;

-- Name: api_keys; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.api_keys ENABLE ROW LEVEL SECURITY;

-- Name: budget_leases; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.budget_leases ENABLE ROW LEVEL SECURITY;

-- Name: budgets; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.budgets ENABLE ROW LEVEL SECURITY;

-- Name: calls; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.calls ENABLE ROW LEVEL SECURITY;

-- Name: flows; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.flows ENABLE ROW LEVEL SECURITY;

-- Name: idempotency; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.idempotency ENABLE ROW LEVEL SECURITY;

-- Name: journal; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.journal ENABLE ROW LEVEL SECURITY;

-- Name: provider_keys platform; Type: POLICY; Schema: stretto; Owner: stretto

CREATE POLICY platform ON stretto.provider_keys USING ((NULLIF(current_setting('stretto.tenant'::text, true), ''::text) IS NULL)) WITH CHECK ((NULLIF(current_setting('stretto.tenant'::text, true), ''::text) IS NULL));

-- Name: provider_keys; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.provider_keys ENABLE ROW LEVEL SECURITY;

-- Name: runs; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.runs ENABLE ROW LEVEL SECURITY;

-- Name: schedules; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.schedules ENABLE ROW LEVEL SECURITY;

-- Name: signals; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.signals ENABLE ROW LEVEL SECURITY;

-- Name: answers tenant; Type: POLICY; Schema: stretto; Owner: stretto

CREATE POLICY tenant ON stretto.answers USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));

-- Name: api_keys tenant; Type: POLICY; Schema: stretto; Owner: stretto

CREATE POLICY tenant ON stretto.api_keys USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));

-- Name: budget_leases tenant; Type: POLICY; Schema: stretto; Owner: stretto

CREATE POLICY tenant ON stretto.budget_leases USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));

-- Name: budgets tenant; Type: POLICY; Schema: stretto; Owner: stretto

CREATE POLICY tenant ON stretto.budgets USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));

-- Name: calls tenant; Type: POLICY; Schema: stretto; Owner: stretto

CREATE POLICY tenant ON stretto.calls USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));

-- Name: flows tenant; Type: POLICY; Schema: stretto; Owner: stretto

CREATE POLICY tenant ON stretto.flows USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));

-- Name: idempotency tenant; Type: POLICY; Schema: stretto; Owner: stretto

CREATE POLICY tenant ON stretto.idempotency USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));

-- Name: journal tenant; Type: POLICY; Schema: stretto; Owner: stretto

CREATE POLICY tenant ON stretto.journal USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));

-- Name: runs tenant; Type: POLICY; Schema: stretto; Owner: stretto

CREATE POLICY tenant ON stretto.runs USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));

-- Name: schedules tenant; Type: POLICY; Schema: stretto; Owner: stretto

CREATE POLICY tenant ON stretto.schedules USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));

-- Name: signals tenant; Type: POLICY; Schema: stretto; Owner: stretto

CREATE POLICY tenant ON stretto.signals USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));

-- Name: tenants tenant; Type: POLICY; Schema: stretto; Owner: stretto

CREATE POLICY tenant ON stretto.tenants USING ((id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));

-- Name: timers tenant; Type: POLICY; Schema: stretto; Owner: stretto

CREATE POLICY tenant ON stretto.timers USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));

-- Name: usage_days tenant; Type: POLICY; Schema: stretto; Owner: stretto

CREATE POLICY tenant ON stretto.usage_days USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));

-- Name: waits tenant; Type: POLICY; Schema: stretto; Owner: stretto

CREATE POLICY tenant ON stretto.waits USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));

-- Name: tenants; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.tenants ENABLE ROW LEVEL SECURITY;

-- Name: timers; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.timers ENABLE ROW LEVEL SECURITY;

-- Name: usage_days; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.usage_days ENABLE ROW LEVEL SECURITY;

-- Name: waits; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.waits ENABLE ROW LEVEL SECURITY;

-- Name: SCHEMA stretto; Type: ACL; Schema: -; Owner: stretto

GRANT USAGE ON SCHEMA stretto TO stretto_app;

-- Name: FUNCTION declare_limits(declared jsonb, only_these boolean); Type: ACL; Schema: stretto; Owner: stretto

REVOKE ALL ON FUNCTION stretto.declare_limits(declared jsonb, only_these boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.declare_limits(declared jsonb, only_these boolean) TO stretto_app;

-- Name: FUNCTION drop_expired_answers(most integer); Type: ACL; Schema: stretto; Owner: stretto

REVOKE ALL ON FUNCTION stretto.drop_expired_answers(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.drop_expired_answers(most integer) TO stretto_app;

-- Name: FUNCTION due_schedules(most integer); Type: ACL; Schema: stretto; Owner: stretto

REVOKE ALL ON FUNCTION stretto.due_schedules(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.due_schedules(most integer) TO stretto_app;

-- Name: FUNCTION exchange_limits(me uuid, asked jsonb); Type: ACL; Schema: stretto; Owner: stretto

REVOKE ALL ON FUNCTION stretto.exchange_limits(me uuid, asked jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.exchange_limits(me uuid, asked jsonb) TO stretto_app;

-- Name: FUNCTION find_api_key(wanted text); Type: ACL; Schema: stretto; Owner: stretto

REVOKE ALL ON FUNCTION stretto.find_api_key(wanted text) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.find_api_key(wanted text) TO stretto_app;

-- Name: FUNCTION fire_due_timers(most integer); Type: ACL; Schema: stretto; Owner: stretto

REVOKE ALL ON FUNCTION stretto.fire_due_timers(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.fire_due_timers(most integer) TO stretto_app;

-- Name: FUNCTION lease_money(me uuid, asked jsonb); Type: ACL; Schema: stretto; Owner: stretto

REVOKE ALL ON FUNCTION stretto.lease_money(me uuid, asked jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.lease_money(me uuid, asked jsonb) TO stretto_app;

-- Name: FUNCTION leave_limits(me uuid); Type: ACL; Schema: stretto; Owner: stretto

REVOKE ALL ON FUNCTION stretto.leave_limits(me uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.leave_limits(me uuid) TO stretto_app;

-- Name: TABLE limits; Type: ACL; Schema: stretto; Owner: stretto

GRANT SELECT,INSERT,UPDATE ON TABLE stretto.limits TO stretto_app;

-- Name: FUNCTION level_at(l stretto.limits, moment timestamp with time zone); Type: ACL; Schema: stretto; Owner: stretto

REVOKE ALL ON FUNCTION stretto.level_at(l stretto.limits, moment timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.level_at(l stretto.limits, moment timestamp with time zone) TO stretto_app;

-- Name: FUNCTION observe_limits(observed jsonb); Type: ACL; Schema: stretto; Owner: stretto

REVOKE ALL ON FUNCTION stretto.observe_limits(observed jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.observe_limits(observed jsonb) TO stretto_app;

-- Name: FUNCTION rescue_runs(silence interval); Type: ACL; Schema: stretto; Owner: stretto

GRANT ALL ON FUNCTION stretto.rescue_runs(silence interval) TO stretto_app;

-- Name: FUNCTION settle_costs(tenant uuid, me uuid, names text[], costs numeric[], leased boolean[]); Type: ACL; Schema: stretto; Owner: stretto

REVOKE ALL ON FUNCTION stretto.settle_costs(tenant uuid, me uuid, names text[], costs numeric[], leased boolean[]) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.settle_costs(tenant uuid, me uuid, names text[], costs numeric[], leased boolean[]) TO stretto_app;

-- Name: FUNCTION signal_runs(run_ids uuid[], kinds text[], bodies jsonb[]); Type: ACL; Schema: stretto; Owner: stretto

REVOKE ALL ON FUNCTION stretto.signal_runs(run_ids uuid[], kinds text[], bodies jsonb[]) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.signal_runs(run_ids uuid[], kinds text[], bodies jsonb[]) TO stretto_app;

-- Name: FUNCTION sweep_limits(older interval); Type: ACL; Schema: stretto; Owner: stretto

REVOKE ALL ON FUNCTION stretto.sweep_limits(older interval) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.sweep_limits(older interval) TO stretto_app;

-- Name: FUNCTION wake_run(run uuid, tenant uuid, priority integer); Type: ACL; Schema: stretto; Owner: stretto

REVOKE ALL ON FUNCTION stretto.wake_run(run uuid, tenant uuid, priority integer) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.wake_run(run uuid, tenant uuid, priority integer) TO stretto_app;

-- Name: TABLE answers; Type: ACL; Schema: stretto; Owner: stretto

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.answers TO stretto_app;

-- Name: TABLE api_keys; Type: ACL; Schema: stretto; Owner: stretto

GRANT SELECT,INSERT ON TABLE stretto.api_keys TO stretto_app;

-- Name: TABLE budget_leases; Type: ACL; Schema: stretto; Owner: stretto

GRANT SELECT,INSERT,UPDATE ON TABLE stretto.budget_leases TO stretto_app;

-- Name: TABLE budgets; Type: ACL; Schema: stretto; Owner: stretto

GRANT SELECT,INSERT,UPDATE ON TABLE stretto.budgets TO stretto_app;

-- Name: TABLE calls; Type: ACL; Schema: stretto; Owner: stretto

GRANT SELECT,INSERT ON TABLE stretto.calls TO stretto_app;

-- Name: TABLE claims; Type: ACL; Schema: stretto; Owner: stretto

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.claims TO stretto_app;

-- Name: TABLE flows; Type: ACL; Schema: stretto; Owner: stretto

GRANT SELECT,INSERT ON TABLE stretto.flows TO stretto_app;

-- Name: TABLE idempotency; Type: ACL; Schema: stretto; Owner: stretto

GRANT SELECT,INSERT ON TABLE stretto.idempotency TO stretto_app;

-- Name: TABLE journal; Type: ACL; Schema: stretto; Owner: stretto

GRANT SELECT,INSERT ON TABLE stretto.journal TO stretto_app;

-- Name: TABLE lessees; Type: ACL; Schema: stretto; Owner: stretto

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.lessees TO stretto_app;

-- Name: TABLE price_versions; Type: ACL; Schema: stretto; Owner: stretto

GRANT SELECT,INSERT ON TABLE stretto.price_versions TO stretto_app;

-- Name: TABLE provider_keys; Type: ACL; Schema: stretto; Owner: stretto

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.provider_keys TO stretto_app;

-- Name: TABLE runs; Type: ACL; Schema: stretto; Owner: stretto

GRANT SELECT,INSERT,UPDATE ON TABLE stretto.runs TO stretto_app;

-- Name: TABLE schedules; Type: ACL; Schema: stretto; Owner: stretto

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.schedules TO stretto_app;

-- Name: TABLE signals; Type: ACL; Schema: stretto; Owner: stretto

GRANT SELECT,INSERT,DELETE ON TABLE stretto.signals TO stretto_app;

-- Name: TABLE tenants; Type: ACL; Schema: stretto; Owner: stretto

GRANT SELECT ON TABLE stretto.tenants TO stretto_app;

-- Name: TABLE timers; Type: ACL; Schema: stretto; Owner: stretto

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.timers TO stretto_app;

-- Name: TABLE usage_days; Type: ACL; Schema: stretto; Owner: stretto

GRANT SELECT,INSERT,UPDATE ON TABLE stretto.usage_days TO stretto_app;

-- Name: TABLE waits; Type: ACL; Schema: stretto; Owner: stretto

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.waits TO stretto_app;

-- PostgreSQL database dump complete
