-- Quotas of tenants and keys, and the windows in which requests are counted.

CREATE TABLE quotas (
    tenant_id   uuid NOT NULL REFERENCES tenants,
    kind        text NOT NULL CHECK (kind IN ('requests', 'key_requests', 'runs_per_day', 'unfinished_runs')),
    name        text NOT NULL DEFAULT '',   -- key_requests: the prefix of one key; else the whole tenant's
    value       text NOT NULL,              -- a rate such as 600/minute, or `none`; of runs a number
    day         date,                       -- runs_per_day: the day (UTC) that `used` counts
    used        integer NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, kind, name),
    CHECK (name = '' OR kind = 'key_requests'),
    CHECK (kind IN ('requests', 'key_requests') OR value ~ '^[0-9]{1,9}$')
);

-- How many requests a tenant or a key has made: 61 slots, each a 60th of the window. A request counts for as long as its slot
-- touches the window that ends now, so that no window, wherever it begins, lets more through than the limit.
-- Unlogged: after a crash of the server the counting begins anew, which is worth a minute of requests and no write to the log.
CREATE UNLOGGED TABLE request_windows (
    tenant_id   uuid NOT NULL,
    name        text NOT NULL,              -- such as tenant/60 or key 019…/60
    slot        bigint NOT NULL,            -- the latest one, in slots since 1970 by the server's clock
    counts      integer[] NOT NULL,         -- a ring: slot s is at s % 61 + 1
    total       bigint NOT NULL,            -- the sum of them
    until       timestamptz NOT NULL,       -- from then on all of it is forgotten
    PRIMARY KEY (tenant_id, name)
) WITH (fillfactor = 50);                   -- so that a count stays on its page; no index holds what changes

DO $$
DECLARE
    name text;
    own constant text := 'tenant_id = nullif(current_setting(''stretto.tenant'', true), '''')::uuid';
BEGIN
    FOREACH name IN ARRAY ARRAY['quotas', 'request_windows'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (%s) WITH CHECK (%s)', name, own, own);
    END LOOP;
END $$;
-- The operator sets quotas; a tenant sees its own, and its counters move by the functions below alone.
GRANT SELECT ON quotas, request_windows TO stretto_app;

CREATE TRIGGER audit AFTER INSERT OR UPDATE OF value OR DELETE ON quotas
    FOR EACH ROW EXECUTE FUNCTION audit_change('quota', 'kind', 'name,value');

-- The ring of a window whose latest slot was `before`, moved on to slot `now`.
CREATE FUNCTION turn_window(counts integer[], before bigint, now bigint) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE SET search_path = stretto, pg_temp AS $$
BEGIN
    IF now - before > 60 THEN RETURN array_fill(0, ARRAY[61]); END IF;
    FOR k IN 1 .. (now - before)::integer LOOP counts[(before + k) % 61 + 1] := 0; END LOOP;
    RETURN counts;
END $$;

-- Let through as many requests as their limits allow, for a whole batch in one statement.
-- Counters (tenant, name, most, width of a slot in ms) come in one order that all processes keep, so that none waits for
-- another in a circle. A group of `want` requests counts in the counters that positions first … next first - 1 of `refs` name:
-- in all of them or in none, and as many as are a multiple of the group's `size`. Gives how many of each group may pass, and of each counter how much is used now and after how many
-- ms there is room for one more. A transaction that is bound to a tenant reaches that tenant's counters only.
CREATE FUNCTION take_requests(owners uuid[], names text[], mosts integer[], widths bigint[],
    wants integer[], sizes integer[], firsts integer[], refs integer[],
    OUT granted integer[], OUT used bigint[], OUT wait_ms bigint[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
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

-- Forget at most so many windows that are over, in bulk; one process at a time. Returns how many.
CREATE FUNCTION forget_windows(most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
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

-- Forget what one tenant has used, of one counter or of all. For the tenant of the transaction.
CREATE FUNCTION reset_windows(wanted text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
DECLARE gone integer;
BEGIN
    DELETE FROM request_windows WHERE tenant_id = nullif(current_setting('stretto.tenant', true), '')::uuid
        AND (wanted IS NULL OR name = wanted);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;

CREATE INDEX runs_unfinished_by_tenant ON runs (tenant_id) WHERE finished_at IS NULL;

-- Whether a tenant may have one more run. The quotas' rows are held until the accepting transaction ends, so that of two that
-- come at once the second sees the first: no race lets more through. A tenant without such quotas costs one look at an index.
CREATE FUNCTION check_run_quotas() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
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
CREATE TRIGGER quotas BEFORE INSERT ON runs FOR EACH ROW EXECUTE FUNCTION check_run_quotas();

REVOKE EXECUTE ON FUNCTION turn_window(integer[], bigint, bigint), forget_windows(integer), reset_windows(text), check_run_quotas(),
    take_requests(uuid[], text[], integer[], bigint[], integer[], integer[], integer[], integer[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_windows(integer), reset_windows(text),
    take_requests(uuid[], text[], integer[], bigint[], integer[], integer[], integer[], integer[]) TO stretto_app;
