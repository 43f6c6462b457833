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
CREATE FUNCTION stretto.lock_state(tenant uuid, wanted text[], seen integer[]) RETURNS TABLE(key text, version integer, value text, deleted boolean, written_by text, at timestamp with time zone, run_id uuid, step text, merged_from integer, ancestor text)
    LANGUAGE plpgsql
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE place bigint;
BEGIN
    FOR place IN
        SELECT DISTINCT hashtextextended('stretto state ' || tenant || ' ' || w.key, 0) FROM unnest(wanted) AS w(key) ORDER BY 1
    LOOP
        PERFORM pg_advisory_xact_lock(place);
    END LOOP;
    -- A statement of its own, so that it sees what was committed while this one waited.
    RETURN QUERY
    SELECT d.key::text, v.version, v.value::text, v.deleted, v.written_by, v.at, v.run_id, v.step, v.merged_from,
           CASE WHEN NOT a.deleted THEN a.value::text END
    FROM unnest(wanted, seen) AS w(key, seen)
    JOIN state_documents d ON d.tenant_id = tenant AND d.key = w.key
    JOIN state_versions v ON v.tenant_id = tenant AND v.key = d.key AND v.version = d.version
    LEFT JOIN state_versions a ON a.tenant_id = tenant AND a.key = d.key AND a.version = w.seen AND a.version < d.version;
END $$;
ALTER FUNCTION stretto.lock_state(tenant uuid, wanted text[], seen integer[]) OWNER TO stretto;
CREATE FUNCTION stretto.memory_to_reembed(most integer) RETURNS TABLE(tenant_id uuid, id bigint, name text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    SELECT c.tenant_id, c.id, c.name FROM memory_collections c WHERE c.next_model IS NOT NULL ORDER BY c.id LIMIT most
$$;
ALTER FUNCTION stretto.memory_to_reembed(most integer) OWNER TO stretto;
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
       OR EXISTS (SELECT 1 FROM reviews r WHERE r.id = d.run_id AND r.tenant_id <> d.tenant_id)
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
CREATE FUNCTION stretto.note_review() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
DECLARE
    verb text;
    told jsonb := '{}';
    decision review_decisions;
    about jsonb := jsonb_build_object('run_id', NEW.run_id, 'flow', NEW.flow, 'step', NEW.step, 'review_id', NEW.id);
BEGIN
    IF TG_OP = 'INSERT' THEN
        verb := 'requested';
        about := about || jsonb_build_object('content_type', NEW.content_type, 'sensitive', NEW.sensitive,
            'mandatory', NEW.mandatory);
    ELSIF NEW.state <> OLD.state THEN
        verb := NEW.state;
        DELETE FROM review_deadlines WHERE review_id = NEW.id;
        IF NEW.state = 'decided' THEN
            SELECT * INTO STRICT decision FROM review_decisions WHERE review_id = NEW.id AND final;
            told := jsonb_build_object('verdict', decision.verdict, 'how', decision.how, 'edited', decision.edited);
        END IF;
    ELSIF NEW.first_by IS DISTINCT FROM OLD.first_by THEN
        verb := 'endorsed';
    ELSIF NEW.escalated_at IS DISTINCT FROM OLD.escalated_at THEN
        verb := 'escalated'; told := jsonb_build_object('assignee', NEW.assignee);
    ELSIF NEW.assignee IS DISTINCT FROM OLD.assignee THEN
        verb := 'assigned'; told := jsonb_build_object('assignee', NEW.assignee);
    ELSIF NEW.snoozed_until IS DISTINCT FROM OLD.snoozed_until THEN
        verb := 'snoozed'; told := jsonb_build_object('until', NEW.snoozed_until);
    ELSIF NEW.claimed_by IS NULL THEN
        verb := 'released';
    ELSE
        verb := 'claimed'; told := jsonb_build_object('until', NEW.claimed_until);
    END IF;
    INSERT INTO review_history (tenant_id, review_id, n, at, by, what, detail)
    VALUES (NEW.tenant_id, NEW.id, NEW.version, clock_timestamp(), NEW.changed_by, verb, told);
    IF verb NOT IN ('requested', 'withdrawn') THEN
        about := about || told || jsonb_build_object('by', left(NEW.changed_by, 200));
        INSERT INTO audit (tenant_id, at, actor, action, target, outcome, request_id, address, detail)
        VALUES (NEW.tenant_id, clock_timestamp(),
            coalesce(nullif(current_setting('stretto.actor', true), ''), NEW.changed_by),
            'review.' || verb, 'reviews/' || NEW.id, 'done', coalesce(current_setting('stretto.request', true), ''),
            coalesce(current_setting('stretto.address', true), ''),
            told || jsonb_build_object('run_id', NEW.run_id, 'step', NEW.step));
    END IF;
    PERFORM put_events(jsonb_build_array(jsonb_build_object('tenant_id', NEW.tenant_id, 'type', 'stretto.review.' || verb,
        'subject', 'runs/' || NEW.run_id, 'data', about, 'traceparent', traceparent_of(NEW.run_id))));
    RETURN NULL;
END $$;
ALTER FUNCTION stretto.note_review() OWNER TO stretto;
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
CREATE FUNCTION stretto.open_review(wait stretto.waits) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
DECLARE
    b constant jsonb := wait.body;
    shown constant jsonb := coalesce(b -> 'show', 'null');
    rules constant jsonb := CASE WHEN jsonb_typeof(b -> 'rules') = 'object' THEN b -> 'rules' ELSE '{}' END;
    because constant jsonb := nullif(b -> 'because', 'null');
    eyes constant boolean := coalesce(rules ->> 'four_eyes' = 'true', false);
    must constant boolean := eyes OR coalesce(rules ->> 'mandatory' = 'true', false)
        OR coalesce(because ->> 'mandatory' = 'true', false);
    due constant interval := seconds_in(rules -> 'deadline_s');
    one uuid := new_event_id();
    at constant timestamptz := clock_timestamp();
BEGIN
    INSERT INTO reviews (id, tenant_id, run_id, step, attempt, flow, content_type, policy, question, content, excerpt, reason,
        judge, confidence, stated, sensitive, mandatory, four_eyes, bulk_from, media, rules, state, assignee, escalate_at,
        escalate_to, created_at, form)
    VALUES (one, wait.tenant_id, wait.run_id, wait.step,
        CASE WHEN jsonb_typeof(b -> 'attempt') = 'number' THEN (b ->> 'attempt')::integer ELSE 1 END,
        coalesce((SELECT r.flow_name FROM runs r WHERE r.id = wait.run_id), ''),
        left(coalesce(b ->> 'content_type', ''), 200), left(coalesce(b ->> 'policy', ''), 200),
        coalesce(b ->> 'question', ''), shown,
        left(CASE WHEN jsonb_typeof(shown) = 'string' THEN shown #>> '{}' ELSE shown::text END, 500),
        because, left(because ->> 'judge', 200), share_in(because -> 'confidence'),
        coalesce(share_in(because -> 'stated'), share_in(because -> 'confidence')),
        coalesce(because ->> 'sensitive' = 'true', false), must, eyes,
        CASE WHEN NOT must THEN share_in(rules -> 'bulk_from') END,
        CASE WHEN jsonb_typeof(b -> 'media') = 'array' THEN b -> 'media' ELSE '[]' END, rules, 'open',
        left(nullif(b ->> 'assignee', ''), 200), at + seconds_in(rules -> 'escalate_s'),
        coalesce(rules ->> 'escalate_to', 'admin'), at,
        CASE WHEN jsonb_typeof(b -> 'form') = 'object' THEN b -> 'form' END);
    IF due IS NOT NULL AND NOT must AND rules ->> 'on_deadline' IN ('approve', 'reject') THEN
        INSERT INTO review_deadlines (tenant_id, review_id, due_at, verdict)
        VALUES (wait.tenant_id, one, at + due, rules ->> 'on_deadline');
    END IF;
END $$;
ALTER FUNCTION stretto.open_review(wait stretto.waits) OWNER TO stretto;
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
CREATE FUNCTION stretto.seconds_in(value jsonb) RETURNS interval
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    SELECT CASE WHEN jsonb_typeof(value) = 'number' AND value::numeric BETWEEN 0 AND 31622400
        THEN make_interval(secs => value::double precision) END
$$;
ALTER FUNCTION stretto.seconds_in(value jsonb) OWNER TO stretto;
CREATE FUNCTION stretto.settle_costs(tenant uuid, me uuid, names text[], costs numeric[], leased boolean[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
DECLARE short text[];
BEGIN
    WITH counted AS (
        INSERT INTO budgets AS b (tenant_id, name, spent_usd, updated_at)
        SELECT tenant, s.name, s.cost, clock_timestamp() FROM unnest(names, costs) AS s(name, cost) ORDER BY s.name
        ON CONFLICT (tenant_id, name) DO UPDATE SET spent_usd = b.spent_usd + excluded.spent_usd, updated_at = excluded.updated_at
        RETURNING b.name, b.short_usd
    )
    SELECT array_agg(c.name) INTO short FROM counted c WHERE c.short_usd IS NOT NULL;
    INSERT INTO budget_leases AS l (tenant_id, name, process, held_usd)
    SELECT tenant, s.name, me, -s.cost FROM unnest(names, costs, leased) AS s(name, cost, leased)
    WHERE s.leased OR EXISTS (
        SELECT FROM budget_leases x WHERE x.tenant_id = tenant AND x.name = s.name AND x.process = me)
    ON CONFLICT (tenant_id, name, process) DO UPDATE SET held_usd = l.held_usd + excluded.held_usd;
    IF short IS NOT NULL THEN
        PERFORM tell_exhausted(tenant, short);
    END IF;
END $$;
ALTER FUNCTION stretto.settle_costs(tenant uuid, me uuid, names text[], costs numeric[], leased boolean[]) OWNER TO stretto;
CREATE FUNCTION stretto.share_in(value jsonb) RETURNS double precision
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    SELECT CASE WHEN jsonb_typeof(value) = 'number' AND value::numeric BETWEEN 0 AND 1 THEN value::double precision END
$$;
ALTER FUNCTION stretto.share_in(value jsonb) OWNER TO stretto;
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
CREATE FUNCTION stretto.tell_exhausted(tenant uuid, names text[]) RETURNS void
    LANGUAGE sql
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    WITH exhausted AS (
        UPDATE budgets b SET told_usd = b.limit_usd
        WHERE b.tenant_id = tenant AND b.name = ANY(names) AND b.limit_usd > coalesce(b.told_usd, -1)
          AND b.limit_usd - b.spent_usd - (
              SELECT coalesce(sum(greatest(l.held_usd, 0)), 0) FROM budget_leases l
              WHERE l.tenant_id = tenant AND l.name = b.name AND NOT EXISTS (
                  SELECT FROM lessees p WHERE p.process = l.process AND p.alive_until > clock_timestamp())) < b.short_usd
        RETURNING b.name, b.limit_usd, b.spent_usd, b.short_usd
    )
    SELECT put_events(jsonb_agg(jsonb_build_object('tenant_id', tenant, 'type', 'stretto.budget.exhausted',
        'subject', 'budgets/' || name, 'data', jsonb_build_object('budget', name,
            'limit_usd', trim_scale(limit_usd)::text, 'spent_usd', trim_scale(spent_usd)::text,
            'needed_usd', trim_scale(short_usd)::text))))
    FROM exhausted HAVING count(*) > 0
$$;
ALTER FUNCTION stretto.tell_exhausted(tenant uuid, names text[]) OWNER TO stretto;
CREATE FUNCTION stretto.tell_of_key() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
DECLARE told jsonb := '[]'; about jsonb := jsonb_build_object('key', NEW.prefix, 'by', acting_now());
BEGIN
    IF TG_OP = 'INSERT' THEN
        told := told || jsonb_build_object('type', 'stretto.key.created', 'data', about || jsonb_build_object(
            'role', NEW.role, 'name', NEW.name, 'expires_at', NEW.expires_at));
    ELSE
        IF NEW.replaced_by IS DISTINCT FROM OLD.replaced_by THEN
            told := told || jsonb_build_object('type', 'stretto.key.rotated', 'data', about || jsonb_build_object(
                'replaced_by', NEW.replaced_by, 'expires_at', NEW.expires_at));
        END IF;
        IF OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL THEN
            told := told || jsonb_build_object('type', 'stretto.key.revoked', 'data', about);
        END IF;
    END IF;
    PERFORM put_events(jsonb_agg(t || jsonb_build_object('tenant_id', NEW.tenant_id, 'subject', 'keys/' || NEW.prefix)))
    FROM jsonb_array_elements(told) t HAVING count(*) > 0;
    RETURN NULL;
END $$;
ALTER FUNCTION stretto.tell_of_key() OWNER TO stretto;
CREATE FUNCTION stretto.tell_of_member() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
DECLARE
    one members := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    verb text := CASE TG_OP WHEN 'INSERT' THEN 'added' WHEN 'DELETE' THEN 'removed' ELSE 'changed' END;
    about jsonb := jsonb_build_object('member_id', one.id, 'by', acting_now());
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.role = OLD.role THEN RETURN NULL; END IF;
        about := about || jsonb_build_object('role_before', OLD.role);
    END IF;
    IF TG_OP <> 'DELETE' THEN about := about || jsonb_build_object('role', one.role); END IF;
    PERFORM put_events(jsonb_build_array(jsonb_build_object('tenant_id', one.tenant_id,
        'type', 'stretto.member.' || verb, 'subject', 'members/' || one.id, 'data', about)));
    RETURN NULL;
END $$;
ALTER FUNCTION stretto.tell_of_member() OWNER TO stretto;
CREATE FUNCTION stretto.traceparent_of(run uuid) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    SELECT '00-' || left(encode(sha256('trace'::bytea || uuid_send(run)), 'hex'), 32)
        || '-' || left(encode(sha256('span'::bytea || uuid_send(run) || 'run'::bytea), 'hex'), 16) || '-01'
$$;
ALTER FUNCTION stretto.traceparent_of(run uuid) OWNER TO stretto;
CREATE FUNCTION stretto.trim_state(document text, up_to integer) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    DELETE FROM state_versions v USING state_documents d
    WHERE d.tenant_id = nullif(current_setting('stretto.tenant', true), '')::uuid AND d.key = document
      AND v.tenant_id = d.tenant_id AND v.key = d.key AND v.version <= up_to AND v.version < d.version
$$;
ALTER FUNCTION stretto.trim_state(document text, up_to integer) OWNER TO stretto;
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
CREATE FUNCTION stretto.wait_begins() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
BEGIN
    PERFORM open_review(NEW);
    RETURN NULL;
END $$;
ALTER FUNCTION stretto.wait_begins() OWNER TO stretto;
CREATE FUNCTION stretto.wait_ends() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
BEGIN
    UPDATE reviews SET state = 'withdrawn', closed_at = clock_timestamp(), changed_by = ''
    WHERE run_id = OLD.run_id AND step = OLD.step AND state = 'open';
    RETURN NULL;
END $$;
ALTER FUNCTION stretto.wait_ends() OWNER TO stretto;
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
