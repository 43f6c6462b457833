-- Told as events, each in the transaction of the change: keys, members, and budgets that do not suffice any more.

-- Who acts, as the audit log names him.
CREATE FUNCTION acting_now() RETURNS text
LANGUAGE sql STABLE SET search_path = stretto, pg_temp AS $$
    SELECT coalesce(nullif(current_setting('stretto.actor', true), ''), 'operator')
$$;

CREATE FUNCTION tell_of_key() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
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
CREATE TRIGGER tell AFTER INSERT OR UPDATE OF revoked_at, replaced_by ON api_keys
    FOR EACH ROW EXECUTE FUNCTION tell_of_key();

-- By their ids alone: whose address it is, the tenant's admins see.
CREATE FUNCTION tell_of_member() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
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
CREATE TRIGGER tell AFTER INSERT OR UPDATE OF role OR DELETE ON members
    FOR EACH ROW EXECUTE FUNCTION tell_of_member();

ALTER TABLE budgets
    ADD COLUMN short_usd  numeric,      -- what a call needed that did not get it; null: the latest that needed so much has it
    ADD COLUMN told_usd   numeric;      -- the limit at which it was told that the budget is exhausted

-- Tell of those of these budgets that are exhausted: what is not spent (nor counts as spent, since its process is dead) is less
-- than a call has needed. What living processes hold may come back, so it does not count. Once for each limit, the greatest.
CREATE FUNCTION tell_exhausted(tenant uuid, names text[]) RETURNS void
LANGUAGE sql SET search_path = stretto, pg_temp AS $$
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

-- Give money back, and lease money. `asked`: [tenant, name, limit, least, most, back, need]. Takes `least` or nothing; more (up
-- to `most`) only within a twentieth of what is left. `need`: what the call needs in all, of which the process may hold a part.
-- Returns for each, in order: taken, left, held by others that are alive. Budgets are locked in the order of tenant and name.
CREATE OR REPLACE FUNCTION lease_money(me uuid, asked jsonb) RETURNS jsonb[]
LANGUAGE plpgsql SET search_path = stretto, pg_temp AS $$
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

-- As before; and what calls cost may exhaust a budget that a call has just found short.
CREATE OR REPLACE FUNCTION settle_costs(tenant uuid, me uuid, names text[], costs numeric[], leased boolean[]) RETURNS void
LANGUAGE plpgsql SET search_path = stretto, pg_temp AS $$
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

REVOKE EXECUTE ON FUNCTION acting_now(), tell_of_key(), tell_of_member(), tell_exhausted(uuid, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tell_exhausted(uuid, text[]) TO stretto_app;
