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
CREATE FUNCTION stretto.acting_now() RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    SELECT coalesce(nullif(current_setting('stretto.actor', true), ''), 'operator')
$$;
ALTER FUNCTION stretto.acting_now() OWNER TO stretto;
CREATE FUNCTION stretto.add_audit(tenant uuid, action text, target text, detail jsonb) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    INSERT INTO audit (tenant_id, at, actor, action, target, outcome, request_id, address, detail)
    VALUES (tenant, clock_timestamp(), coalesce(nullif(current_setting('stretto.actor', true), ''), 'operator'), action,
        target, 'done', coalesce(current_setting('stretto.request', true), ''),
        coalesce(current_setting('stretto.address', true), ''), detail)
$$;
ALTER FUNCTION stretto.add_audit(tenant uuid, action text, target text, detail jsonb) OWNER TO stretto;
CREATE FUNCTION stretto.audit_archive() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
BEGIN
    PERFORM add_audit(coalesce(NEW.tenant_id, OLD.tenant_id),
        CASE TG_OP WHEN 'INSERT' THEN 'flow.archived' ELSE 'flow.restored' END,
        'flows/' || coalesce(NEW.name, OLD.name), '{}');
    RETURN NULL;
END $$;
ALTER FUNCTION stretto.audit_archive() OWNER TO stretto;
CREATE FUNCTION stretto.audit_change() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
DECLARE
    row_was jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    row_is jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
    one jsonb := coalesce(row_is, row_was);
    told jsonb := '{}';
    col text;
    verb text := CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'DELETE' THEN 'removed' ELSE 'changed' END;
BEGIN
    FOREACH col IN ARRAY string_to_array(TG_ARGV[2], ',') LOOP
        IF TG_OP <> 'UPDATE' THEN
            told := told || jsonb_build_object(col, one -> col);
        ELSIF row_was -> col IS DISTINCT FROM row_is -> col THEN
            told := told || jsonb_build_object(col, jsonb_build_array(row_was -> col, row_is -> col));
        END IF;
    END LOOP;
    IF TG_OP = 'UPDATE' AND told = '{}' THEN RETURN NULL; END IF;  -- nothing that counts
    IF told ? 'revoked_at' AND TG_OP = 'UPDATE' THEN verb := 'revoked'; END IF;
    PERFORM add_audit(coalesce((one ->> 'tenant_id')::uuid, (one ->> 'id')::uuid),
        TG_ARGV[0] || '.' || verb, TG_ARGV[0] || 's/' || (one ->> TG_ARGV[1]), told);
    RETURN NULL;
END $$;
ALTER FUNCTION stretto.audit_change() OWNER TO stretto;
CREATE FUNCTION stretto.audit_run() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
BEGIN
    PERFORM add_audit(NEW.tenant_id, 'run.started', 'runs/' || NEW.id,
        jsonb_build_object('flow', NEW.flow_name, 'version', NEW.flow_version, 'parent', NEW.parent_id));
    RETURN NULL;
END $$;
ALTER FUNCTION stretto.audit_run() OWNER TO stretto;
CREATE FUNCTION stretto.audit_signal() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
BEGIN
    PERFORM add_audit(NEW.tenant_id, 'run.' || NEW.kind, 'runs/' || NEW.run_id,
        jsonb_strip_nulls(jsonb_build_object('step', NEW.body -> 'step', 'verdict', NEW.body -> 'verdict',
            'priority', NEW.body -> 'priority', 'mode', NEW.body -> 'mode')));
    RETURN NULL;
END $$;
ALTER FUNCTION stretto.audit_signal() OWNER TO stretto;
CREATE FUNCTION stretto.audit_threshold() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
DECLARE
    one thresholds := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    verb text := CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'DELETE' THEN 'removed' ELSE 'changed' END;
    told jsonb := jsonb_build_object('approve', one.approve, 'reject', one.reject);
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.approve, NEW.reject) IS NOT DISTINCT FROM (OLD.approve, OLD.reject) THEN RETURN NULL; END IF;
        told := jsonb_build_object('approve', jsonb_build_array(OLD.approve, NEW.approve),
            'reject', jsonb_build_array(OLD.reject, NEW.reject));
    END IF;
    PERFORM add_audit(one.tenant_id, 'threshold.' || verb,
        concat_ws('/', 'thresholds', one.flow, one.policy, one.content_type), told);
    RETURN NULL;
END $$;
ALTER FUNCTION stretto.audit_threshold() OWNER TO stretto;
CREATE FUNCTION stretto.audit_tool_secret() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
DECLARE
    one tool_secrets := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    verb text := CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'DELETE' THEN 'removed' ELSE 'changed' END;
BEGIN
    IF TG_OP <> 'UPDATE' OR left(one.name, 1) <> '*' OR coalesce(current_setting('stretto.actor', true), '') <> '' THEN
        PERFORM add_audit(one.tenant_id, 'secret.' || verb, 'secrets/' || one.name, '{}');
    END IF;
    RETURN NULL;
END $$;
ALTER FUNCTION stretto.audit_tool_secret() OWNER TO stretto;
CREATE FUNCTION stretto.check_run_quotas() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
DECLARE quota record; moment timestamp; today date; have bigint; wait_s integer;
BEGIN
    FOR quota IN
        SELECT q.kind, q.value::integer AS most, q.day, q.used FROM quotas q
        WHERE q.tenant_id = NEW.tenant_id AND q.kind IN ('runs_per_day', 'unfinished_runs') AND q.name = ''
        ORDER BY q.kind FOR UPDATE
    LOOP
        moment := clock_timestamp() AT TIME ZONE 'UTC';
        today := greatest(moment::date, quota.day);
        wait_s := NULL;
        IF quota.kind = 'unfinished_runs' THEN
            SELECT count(*) INTO have FROM (
                SELECT 1 FROM runs r WHERE r.tenant_id = NEW.tenant_id AND r.finished_at IS NULL LIMIT quota.most) r;
        ELSE
            IF quota.day IS NULL THEN   -- just set: what was started today counts
                SELECT count(*) INTO have FROM runs r WHERE r.tenant_id = NEW.tenant_id AND r.id >= (lpad(to_hex(
                    extract(epoch FROM today::timestamp)::bigint * 1000), 12, '0') || repeat('0', 20))::uuid;
            ELSE
                have := CASE WHEN quota.day = today THEN quota.used ELSE 0 END;
            END IF;
            wait_s := ceil(extract(epoch FROM (today + 1)::timestamp - moment));
        END IF;
        IF have >= quota.most THEN
            RAISE EXCEPTION USING ERRCODE = 'STQ01', MESSAGE = 'a quota of runs is used up',
                DETAIL = jsonb_build_object('kind', quota.kind, 'most', quota.most, 'retry_after_s', wait_s)::text;
        END IF;
        IF quota.kind = 'runs_per_day' THEN
            UPDATE quotas q SET day = today, used = have + 1
            WHERE q.tenant_id = NEW.tenant_id AND q.kind = quota.kind AND q.name = '';
        END IF;
    END LOOP;
    RETURN NEW;
END $$;
ALTER FUNCTION stretto.check_run_quotas() OWNER TO stretto;
CREATE FUNCTION stretto.claim_webhook_deliveries(me uuid, lease interval, most integer, per_webhook integer, busy jsonb) RETURNS TABLE(tenant_id uuid, webhook_id uuid, event_id uuid, attempts integer, body text, url text, active boolean, secret bytea, secret_before bytea)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    WITH seen AS (
        SELECT d.event_id, d.webhook_id, d.next_at FROM webhook_deliveries d
        WHERE d.status = 'pending' AND d.next_at <= clock_timestamp()
          AND coalesce((busy ->> d.webhook_id::text)::integer, 0) < per_webhook
        ORDER BY d.next_at LIMIT 1000
    ), ranked AS (
        SELECT s.*, row_number() OVER (PARTITION BY s.webhook_id ORDER BY s.next_at) AS n FROM seen s
    ), chosen AS (
        SELECT d.event_id, d.webhook_id FROM webhook_deliveries d
        JOIN ranked r ON r.event_id = d.event_id AND r.webhook_id = d.webhook_id
        WHERE r.n <= per_webhook - coalesce((busy ->> d.webhook_id::text)::integer, 0)
          AND d.status = 'pending' AND d.next_at <= clock_timestamp()
        ORDER BY d.next_at LIMIT most FOR UPDATE OF d SKIP LOCKED
    ), taken AS (
        UPDATE webhook_deliveries d SET claim = me, next_at = clock_timestamp() + lease
        FROM chosen c WHERE d.event_id = c.event_id AND d.webhook_id = c.webhook_id
        RETURNING d.tenant_id, d.webhook_id, d.event_id, d.attempts, d.body
    )
    SELECT t.tenant_id, t.webhook_id, t.event_id, t.attempts, t.body, coalesce(w.url, ''), coalesce(w.active, false), w.secret,
           CASE WHEN w.before_until > clock_timestamp() THEN w.secret_before END
    FROM taken t LEFT JOIN webhooks w ON w.id = t.webhook_id
$$;
ALTER FUNCTION stretto.claim_webhook_deliveries(me uuid, lease interval, most integer, per_webhook integer, busy jsonb) OWNER TO stretto;
CREATE FUNCTION stretto.count_version() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
BEGIN
    IF OLD.state <> 'open' THEN
        RAISE insufficient_privilege USING MESSAGE = 'a review that is over is never changed';
    END IF;
    NEW.version := OLD.version + 1;
    RETURN NEW;
END $$;
ALTER FUNCTION stretto.count_version() OWNER TO stretto;
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
CREATE FUNCTION stretto.due_reviews(most integer) RETURNS TABLE(tenant_id uuid, review_id uuid, what text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    (SELECT d.tenant_id, d.review_id, 'deadline' FROM review_deadlines d JOIN reviews r ON r.id = d.review_id
     WHERE d.due_at <= clock_timestamp() AND coalesce(r.claimed_until <= clock_timestamp(), true)
     ORDER BY d.due_at LIMIT most)
    UNION ALL
    (SELECT r.tenant_id, r.id, 'escalation' FROM reviews r
     WHERE r.state = 'open' AND r.escalate_at IS NOT NULL AND r.escalate_at <= clock_timestamp()
     ORDER BY r.escalate_at LIMIT most)
$$;
ALTER FUNCTION stretto.due_reviews(most integer) OWNER TO stretto;
CREATE FUNCTION stretto.due_schedules(most integer) RETURNS TABLE(tenant_id uuid, name text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    SELECT s.tenant_id, s.name FROM schedules s WHERE s.next_at <= clock_timestamp() AND NOT s.paused
    ORDER BY s.next_at LIMIT most
$$;
ALTER FUNCTION stretto.due_schedules(most integer) OWNER TO stretto;
CREATE FUNCTION stretto.event_position_at(moment timestamp with time zone) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    SELECT coalesce((SELECT min(position) - 1 FROM events WHERE logged_at >= moment), (SELECT position FROM event_head))
$$;
ALTER FUNCTION stretto.event_position_at(moment timestamp with time zone) OWNER TO stretto;
CREATE FUNCTION stretto.events_standing() RETURNS TABLE(head bigint, installation uuid, outbox_rows bigint, outbox_since timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    SELECT h.position, h.installation, (SELECT count(*) FROM outbox), (SELECT min(at) FROM outbox) FROM event_head h
$$;
ALTER FUNCTION stretto.events_standing() OWNER TO stretto;
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
CREATE FUNCTION stretto.figures() RETURNS TABLE(name text, label text, value double precision)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'stretto', 'stretto_queue', 'pg_temp'
    AS $$
    SELECT 'runs', status, count(*)::float8 FROM runs WHERE finished_at IS NULL GROUP BY status
    UNION ALL
    SELECT 'queue_depth', '', count(*)::float8 FROM procrastinate_jobs WHERE status = 'todo' AND queue_name = 'runs'
    UNION ALL
    SELECT 'queue_age', '', coalesce((SELECT extract(epoch FROM clock_timestamp() - e.at) FROM procrastinate_events e
        WHERE e.job_id = (SELECT min(id) FROM procrastinate_jobs WHERE status = 'todo' AND queue_name = 'runs')
        ORDER BY e.id DESC LIMIT 1), 0)::float8
    UNION ALL
    SELECT 'workers', '', count(*)::float8 FROM procrastinate_workers WHERE last_heartbeat > now() - interval '10 s'
    UNION ALL
    SELECT 'waits', kind, count(*)::float8 FROM waits GROUP BY kind
    UNION ALL
    SELECT 'wait_age', kind, extract(epoch FROM clock_timestamp() - min(since))::float8 FROM waits GROUP BY kind
    UNION ALL
    SELECT 'timers_late', '', count(*)::float8 FROM timers WHERE due_at < now() - interval '10 s'
    UNION ALL
    SELECT 'outbox_depth', '', count(*)::float8 FROM outbox
    UNION ALL
    SELECT 'outbox_age', '', coalesce(extract(epoch FROM clock_timestamp() - min(at)), 0)::float8 FROM outbox
    UNION ALL
    SELECT 'dead_letters', '', count(*)::float8 FROM event_letters WHERE state = 'dead'
    UNION ALL
    SELECT 'letters_waiting', '', count(*)::float8 FROM event_letters WHERE state = 'waiting'
$$;
ALTER FUNCTION stretto.figures() OWNER TO stretto;
CREATE FUNCTION stretto.find_api_key(wanted text) RETURNS TABLE(tenant_id uuid, key_id uuid, digest bytea, role text, scopes text[], expires_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    SELECT k.tenant_id, k.id, k.digest, k.role, k.scopes, k.expires_at FROM api_keys k
    WHERE k.prefix = wanted AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
$$;
ALTER FUNCTION stretto.find_api_key(wanted text) OWNER TO stretto;
CREATE FUNCTION stretto.find_hook_source(wanted text) RETURNS TABLE(tenant_id uuid, name text, scheme text, secret bytea)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    SELECT s.tenant_id, s.name, s.scheme, s.secret FROM hook_sources s WHERE s.public_id = wanted AND s.active
$$;
ALTER FUNCTION stretto.find_hook_source(wanted text) OWNER TO stretto;
CREATE FUNCTION stretto.find_memberships(who_issuer text, who_subject text, mail text) RETURNS TABLE(tenant_id uuid, tenant text, member_id uuid, role text, linked boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    SELECT t.id, t.name, m.id, m.role, m.subject IS NOT NULL FROM members m JOIN tenants t ON t.id = m.tenant_id
    WHERE (m.issuer = who_issuer AND m.subject = who_subject)
       OR (m.subject IS NULL AND lower(m.email) = lower(mail))
    ORDER BY m.created_at
$$;
ALTER FUNCTION stretto.find_memberships(who_issuer text, who_subject text, mail text) OWNER TO stretto;
CREATE FUNCTION stretto.find_session(wanted bytea, who_issuer text, idle interval) RETURNS TABLE(id uuid, tenant_id uuid, tenant text, subject text, email text, name text, role text, ends_at timestamp with time zone)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    UPDATE sessions s SET seen_at = date_trunc('minute', now())
    WHERE s.digest = wanted AND s.ends_at > now() AND s.seen_at > now() - idle
        AND s.seen_at < date_trunc('minute', now());
    SELECT s.id, s.tenant_id, t.name, s.subject, s.email, s.name, coalesce(m.role, s.role), s.ends_at
    FROM sessions s JOIN tenants t ON t.id = s.tenant_id LEFT JOIN members m ON m.id = s.member_id
    WHERE s.digest = wanted AND s.issuer = who_issuer AND s.ends_at > now() AND s.seen_at > now() - idle
$$;
ALTER FUNCTION stretto.find_session(wanted bytea, who_issuer text, idle interval) OWNER TO stretto;
CREATE FUNCTION stretto.find_tenant(wanted text) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    SELECT id FROM tenants WHERE name = wanted
$$;
ALTER FUNCTION stretto.find_tenant(wanted text) OWNER TO stretto;
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
CREATE FUNCTION stretto.forget_hook_receipts(before timestamp with time zone) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    WITH gone AS (DELETE FROM hook_receipts WHERE at < before RETURNING 1) SELECT count(*) FROM gone
$$;
ALTER FUNCTION stretto.forget_hook_receipts(before timestamp with time zone) OWNER TO stretto;
CREATE FUNCTION stretto.forget_windows(most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
DECLARE gone integer;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('stretto.request_windows')) THEN RETURN 0; END IF;
    DELETE FROM request_windows w USING (
        SELECT tenant_id, name FROM request_windows WHERE until < clock_timestamp()
        LIMIT most FOR UPDATE SKIP LOCKED) old
    WHERE w.tenant_id = old.tenant_id AND w.name = old.name;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;
ALTER FUNCTION stretto.forget_windows(most integer) OWNER TO stretto;
CREATE FUNCTION stretto.join_event_group(of_tenant uuid, of_group text, me text, lease interval, beginning bigint) RETURNS TABLE(slot smallint, epoch bigint, pos bigint, share integer)
    LANGUAGE plpgsql
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    moment timestamptz;
    lives integer;
    holds integer;
    wanted integer;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('stretto events ' || of_tenant || of_group, 0));
    moment := clock_timestamp();
    INSERT INTO event_members AS m (tenant_id, group_name, member, until) VALUES (of_tenant, of_group, me, moment + lease)
    ON CONFLICT (tenant_id, group_name, member) DO UPDATE SET until = excluded.until;
    DELETE FROM event_members WHERE tenant_id = of_tenant AND group_name = of_group AND until < moment - interval '1 minute';
    INSERT INTO event_slots (tenant_id, group_name, slot, position, moved_at)
    SELECT of_tenant, of_group, s, beginning, moment FROM generate_series(0, 15) s
    WHERE NOT EXISTS (SELECT FROM event_slots x WHERE x.tenant_id = of_tenant AND x.group_name = of_group)
    ON CONFLICT DO NOTHING;
    SELECT count(*) INTO lives FROM event_members
    WHERE tenant_id = of_tenant AND group_name = of_group AND until > moment;
    wanted := ceil(16.0 / lives);
    SELECT count(*) INTO holds FROM event_slots
    WHERE tenant_id = of_tenant AND group_name = of_group AND holder = me;
    IF holds < wanted THEN
        UPDATE event_slots s SET holder = me, epoch = s.epoch + 1
        FROM (SELECT f.slot FROM event_slots f
              WHERE f.tenant_id = of_tenant AND f.group_name = of_group AND f.holder IS DISTINCT FROM me
                AND NOT EXISTS (SELECT FROM event_members m WHERE m.tenant_id = of_tenant AND m.group_name = of_group
                                AND m.member = f.holder AND m.until > moment)
              ORDER BY f.slot LIMIT wanted - holds) free
        WHERE s.tenant_id = of_tenant AND s.group_name = of_group AND s.slot = free.slot;
    END IF;
    RETURN QUERY SELECT s.slot, s.epoch, s.position, wanted FROM event_slots s
    WHERE s.tenant_id = of_tenant AND s.group_name = of_group AND s.holder = me ORDER BY s.slot;
END $$;
ALTER FUNCTION stretto.join_event_group(of_tenant uuid, of_group text, me text, lease interval, beginning bigint) OWNER TO stretto;
CREATE FUNCTION stretto.keys_only_end() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
BEGIN
    IF OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at
        OR OLD.expires_at IS NOT NULL AND coalesce(NEW.expires_at > OLD.expires_at, true) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a key cannot be brought back; make a new one';
    END IF;
    RETURN NEW;
END $$;
ALTER FUNCTION stretto.keys_only_end() OWNER TO stretto;
CREATE FUNCTION stretto.lease_money(me uuid, asked jsonb) RETURNS jsonb[]
    LANGUAGE plpgsql
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
DECLARE
    item record; spent numeric; held_all numeric; held_alive numeric; remaining numeric; taken numeric; short numeric; told numeric;
    answers jsonb[] := array_fill(NULL::jsonb, ARRAY[jsonb_array_length(asked)]);
BEGIN
    FOR item IN
        SELECT (m->>0)::uuid AS tenant_id, m->>1 AS name, (m->>2)::numeric AS limit_usd, (m->>3)::numeric AS least,
               (m->>4)::numeric AS most, (m->>5)::numeric AS back, greatest((m->>3)::numeric, (m->>6)::numeric) AS need,
               n::integer AS n
        FROM jsonb_array_elements(asked) WITH ORDINALITY AS a(m, n) ORDER BY 1, 2
    LOOP
        PERFORM set_config('stretto.tenant', item.tenant_id::text, true);
        INSERT INTO budgets AS b (tenant_id, name, limit_usd, updated_at)
        VALUES (item.tenant_id, item.name, item.limit_usd, clock_timestamp())
        ON CONFLICT (tenant_id, name) DO UPDATE
        SET limit_usd = coalesce(excluded.limit_usd, b.limit_usd), updated_at = excluded.updated_at
        RETURNING spent_usd, short_usd, coalesce(told_usd, -1) INTO spent, short, told;
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
            IF short <= item.need THEN
                UPDATE budgets SET short_usd = NULL WHERE tenant_id = item.tenant_id AND name = item.name;
            END IF;
        ELSIF item.least > 0 AND item.limit_usd > told AND item.need <= item.limit_usd THEN
            -- A call that needs more than the whole budget says nothing of what is left of it.
            IF coalesce(short < item.need, true) THEN
                UPDATE budgets SET short_usd = item.need WHERE tenant_id = item.tenant_id AND name = item.name;
            END IF;
            PERFORM tell_exhausted(item.tenant_id, ARRAY[item.name]);
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
CREATE FUNCTION stretto.leave_relay(me text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    UPDATE event_head SET relay = NULL, relay_until = '-infinity' WHERE relay = me
$$;
ALTER FUNCTION stretto.leave_relay(me text) OWNER TO stretto;
SET default_tablespace = '';
SET default_table_access_method = heap;
