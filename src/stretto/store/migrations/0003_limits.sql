-- Admission: rates, slots and budgets, and what processes hold of them. Only the database's clock counts.

-- Processes that admit calls. One that is silent holds no slots; the money that it held counts as spent, since
-- its calls may have been billed.
CREATE TABLE lessees (
    process      uuid PRIMARY KEY,
    alive_until  timestamptz NOT NULL
);

-- What deployments bear and buckets give. They belong to no tenant.
CREATE TABLE limits (
    name              text PRIMARY KEY,     -- requests:DEPLOYMENT, tokens:DEPLOYMENT, slots:DEPLOYMENT, bucket:NAME
    kind              text NOT NULL CHECK (kind IN ('rate', 'slots')),
    configured        double precision,     -- capacity that our configuration gives; null: none
    configured_per_s  double precision,
    learned           double precision,     -- what the provider says in its headers
    learned_per_s     double precision,
    capacity          double precision GENERATED ALWAYS AS (least(configured, learned)) STORED,
    per_s             double precision GENERATED ALWAYS AS (least(configured_per_s, learned_per_s)) STORED,
    level             double precision NOT NULL DEFAULT 0,  -- rate: when it was `updated_at`; below 0: used more than estimated
    updated_at        timestamptz NOT NULL,
    closed_until      timestamptz,          -- the provider asked for a pause
    changed_at        timestamptz NOT NULL  -- when anything but the level changed
);

-- What a process holds of slots, and what it waits for.
CREATE TABLE claims (
    name          text NOT NULL,
    process       uuid NOT NULL,
    held          double precision NOT NULL DEFAULT 0,
    wanted_until  timestamptz,
    PRIMARY KEY (name, process)
);

-- Money by tenant: month:YYYY-MM, run:ID, step:ID/STEP.
CREATE TABLE budgets (
    tenant_id   uuid NOT NULL,
    name        text NOT NULL,
    limit_usd   numeric,                    -- the latest that was asked with; null: counted, without a limit
    spent_usd   numeric NOT NULL DEFAULT 0,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name)
);
CREATE INDEX budgets_by_age ON budgets (updated_at);

CREATE TABLE budget_leases (
    tenant_id   uuid NOT NULL,
    name        text NOT NULL,
    process     uuid NOT NULL,
    held_usd    numeric NOT NULL,           -- below 0: calls cost more than estimated, and the process has not yet made up for it
    PRIMARY KEY (tenant_id, name, process)
);

DO $$
DECLARE
    name text;
    own constant text := 'tenant_id = nullif(current_setting(''stretto.tenant'', true), '''')::uuid';
BEGIN
    FOREACH name IN ARRAY ARRAY['budgets', 'budget_leases'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (%s) WITH CHECK (%s)', name, own, own);
    END LOOP;
END $$;

-- The level that a rate has at a moment: it fills at `per_s` up to `capacity`.
CREATE FUNCTION level_at(l limits, moment timestamptz) RETURNS double precision
LANGUAGE sql STABLE AS $$
    SELECT least(l.capacity, l.level + coalesce(l.per_s, 0) * greatest(0, extract(epoch FROM moment - l.updated_at)::float8))
$$;

-- Make the limits of a configuration those that hold, and keep the levels. `declared`: [name, kind, capacity, per_s].
-- With `only`, limits that are not among them are lifted (what a provider said of itself still holds).
CREATE FUNCTION declare_limits(declared jsonb, only_these boolean) RETURNS void
LANGUAGE plpgsql SET search_path = stretto, pg_temp AS $$
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

-- Note what providers said of their limits. `observed`: [name, capacity, per_s, left, retry_after_s], null where not said.
CREATE FUNCTION observe_limits(observed jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = stretto, pg_temp AS $$
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

-- Give money back, and lease money. `asked`: [tenant, name, limit, least, most, back]. Takes `least` or nothing; more (up to
-- `most`) only within a twentieth of what is left. Returns for each, in order: taken, left, held by others that are alive.
-- Budgets are locked in the order of tenant and name.
CREATE FUNCTION lease_money(me uuid, asked jsonb) RETURNS jsonb[]
LANGUAGE plpgsql SET search_path = stretto, pg_temp AS $$
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

-- One exchange of a process with the database: what it gives back, and what it takes for the calls that wait there.
--   alive_s   it is alive, and says so for this long
--   money     see lease_money
--   back      [name, amount]: of a rate a credit (below 0: a debt), of slots a number that is free again
--   sets      {money: indices of what it stands on, needs: [{name, least, total, have, ahead, floor, reserve}]}: calls that need the same.
--             Either `least` (what the first call needs) is had of every need, or nothing is taken; then as large a part
--             of `total` (what all of them need, of which the process has `have`) as all needs have; `ahead` where there is more. Levels never fall below
--             `floor`, by what is taken ahead not below `reserve`. Where other processes wait for the same, it is shared.
--   since     tell which limits changed after this moment, and of the slots held, how many may be kept
-- Locks budgets first, by tenant and name, then limits by name.
CREATE FUNCTION exchange_limits(me uuid, asked jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = stretto, pg_temp AS $$
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

-- Count what calls cost, in the transaction that writes them down, and lower what the process holds by as much: below zero where
-- it has not yet leased what they cost. `leased`: the process reckons with this budget (else its limit is newer than the calls).
CREATE FUNCTION settle_costs(tenant uuid, me uuid, names text[], costs numeric[], leased boolean[]) RETURNS void
LANGUAGE plpgsql SET search_path = stretto, pg_temp AS $$
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

-- Leave in good order: slots go back at once, and what money is in calls stays until the ledger has counted them.
CREATE FUNCTION leave_limits(me uuid) RETURNS void
LANGUAGE plpgsql SET search_path = stretto, pg_temp AS $$
BEGIN
    DELETE FROM claims WHERE process = me;
    DELETE FROM lessees WHERE process = me;
END $$;

-- Remove what is over, of all tenants: budgets that nobody touched for long, leases of nothing, processes that are gone.
CREATE FUNCTION sweep_limits(older interval) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
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

GRANT SELECT, INSERT, UPDATE, DELETE ON lessees, claims TO stretto_app;
GRANT SELECT, INSERT, UPDATE ON limits, budgets, budget_leases TO stretto_app;
REVOKE EXECUTE ON FUNCTION level_at(limits, timestamptz), declare_limits(jsonb, boolean), observe_limits(jsonb),
    lease_money(uuid, jsonb), exchange_limits(uuid, jsonb), settle_costs(uuid, uuid, text[], numeric[], boolean[]), leave_limits(uuid),
    sweep_limits(interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION level_at(limits, timestamptz), declare_limits(jsonb, boolean), observe_limits(jsonb),
    lease_money(uuid, jsonb), exchange_limits(uuid, jsonb), settle_costs(uuid, uuid, text[], numeric[], boolean[]), leave_limits(uuid),
    sweep_limits(interval) TO stretto_app;
