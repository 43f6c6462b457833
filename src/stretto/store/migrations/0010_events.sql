-- Events: the outbox that every room writes to, the log that the relay makes of it, and how far those who read it are.

-- What happened, written in the transaction in which it happened. Near empty: the relay moves its rows to the log at once.
CREATE TABLE outbox (
    n            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id           uuid NOT NULL,         -- UUIDv7
    tenant_id    uuid NOT NULL,
    type         text NOT NULL,         -- such as stretto.run.completed
    subject      text NOT NULL,         -- such as runs/019…; events of one subject keep their order
    at           timestamptz NOT NULL,
    data         jsonb NOT NULL,
    traceparent  text
);

-- The log. Positions are 1, 2, 3 … over all tenants, in the order in which they become visible.
CREATE TABLE events (
    position     bigint NOT NULL,
    logged_at    timestamptz NOT NULL,  -- never less than that of the position before
    slot         smallint NOT NULL,     -- 0 to 15, by tenant and subject: what one reader at a time reads
    id           uuid NOT NULL,
    tenant_id    uuid NOT NULL,
    type         text NOT NULL,
    subject      text NOT NULL,
    at           timestamptz NOT NULL,
    data         jsonb NOT NULL,
    traceparent  text,
    PRIMARY KEY (position, logged_at)
) PARTITION BY RANGE (logged_at);
CREATE INDEX events_by_tenant ON events (tenant_id, position);
CREATE INDEX events_by_id ON events (id);

-- The end of the log, and which process relays. `installation` tells this log from those of others on a shared transport.
CREATE TABLE event_head (
    only_one      boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    installation  uuid NOT NULL DEFAULT gen_random_uuid(),
    position      bigint NOT NULL DEFAULT 0,
    logged_at     timestamptz NOT NULL DEFAULT '-infinity',
    relay         text,
    relay_until   timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO event_head DEFAULT VALUES;

-- Who reads for a group, as long as he says that he lives. The tenant 00000000-…-0 is the system: its groups read all tenants.
CREATE TABLE event_members (
    tenant_id   uuid NOT NULL,
    group_name  text NOT NULL,
    member      text NOT NULL,
    until       timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, group_name, member)
) WITH (fillfactor = 50);

-- How far a group is in each slot. Whoever takes a slot raises its epoch, so that the one before can move it no more.
CREATE TABLE event_slots (
    tenant_id   uuid NOT NULL,
    group_name  text NOT NULL,
    slot        smallint NOT NULL,
    position    bigint NOT NULL,        -- all events of the slot up to here are done, or are among the letters
    epoch       bigint NOT NULL DEFAULT 0,
    holder      text,
    moved_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, group_name, slot)
) WITH (fillfactor = 50);

-- Events that a group could not take: those that are tried again (and the later ones of their subject, which wait behind
-- them), and dead letters, which wait for a person.
CREATE TABLE event_letters (
    tenant_id        uuid NOT NULL,     -- whose group it is
    group_name       text NOT NULL,
    event_id         uuid NOT NULL,
    event_tenant_id  uuid NOT NULL,
    subject          text NOT NULL,
    slot             smallint NOT NULL,
    position         bigint NOT NULL,
    event            jsonb NOT NULL,    -- whole, for the log may have forgotten it
    state            text NOT NULL CHECK (state IN ('waiting', 'dead')),
    attempts         integer NOT NULL,
    due_at           timestamptz,       -- null: behind another one of its subject
    error            text NOT NULL,
    first_at         timestamptz NOT NULL,
    last_at          timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, group_name, event_id)
);
CREATE INDEX event_letters_due ON event_letters (tenant_id, group_name, due_at) WHERE state = 'waiting';
CREATE INDEX event_letters_in_order ON event_letters (tenant_id, group_name, event_tenant_id, subject, position)
    WHERE state = 'waiting';
CREATE INDEX event_letters_dead ON event_letters (tenant_id, group_name, position) WHERE state = 'dead';

-- Which events have had their effect, written in the transaction of the effect. Partitioned by the time in the event's id;
-- the default partition is for letters that are sent again after the partition of their day is gone.
CREATE TABLE event_effects (
    tenant_id   uuid NOT NULL,
    group_name  text NOT NULL,
    event_id    uuid NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (event_id, tenant_id, group_name)
) PARTITION BY RANGE (event_id);
CREATE TABLE event_effects_else PARTITION OF event_effects DEFAULT;

DO $$
DECLARE
    name text;
    own constant text := 'tenant_id = nullif(current_setting(''stretto.tenant'', true), '''')::uuid';
BEGIN
    FOREACH name IN ARRAY ARRAY['outbox', 'events', 'event_members', 'event_slots', 'event_letters', 'event_effects'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (%s) WITH CHECK (%s)', name, own, own);
    END LOOP;
END $$;

-- A fresh UUIDv7 (RFC 9562), for SQL that has no id of its own to give.
CREATE FUNCTION new_event_id() RETURNS uuid
LANGUAGE sql VOLATILE SET search_path = stretto, pg_temp AS $$
    SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        placing substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
        FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
$$;

-- Write events into the outbox, in the transaction of what they tell of; returns how many. Each is an object with `type` and
-- `subject`, and if wanted `data`, `id` (UUIDv7), `at`, `traceparent` and `tenant_id` (default: the transaction's tenant).
CREATE FUNCTION put_events(events jsonb) RETURNS integer
LANGUAGE plpgsql SET search_path = stretto, pg_temp AS $$
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

-- Move what lies in the outbox to the log, over all tenants. Whoever has the head's row is alone, so positions are without gaps
-- and are committed in their order: who has read up to a position has missed nothing before it. An event whose transaction
-- commits late is in the outbox until then, and gets a later position. `n` keeps the order of one subject: it is drawn when the
-- event is written, so what was written after another event's commit has a greater one.
-- `led`: whether this process is the one that relays.
CREATE FUNCTION relay_events(me text, lease interval, most integer, OUT led boolean, OUT moved integer, OUT head bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
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

-- Relay no more, so that another process does at once.
CREATE FUNCTION leave_relay(me text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
    UPDATE event_head SET relay = NULL, relay_until = '-infinity' WHERE relay = me
$$;

-- The end of the log, whose log it is, and what waits in the outbox: counts and times only.
CREATE FUNCTION events_standing()
RETURNS TABLE (head bigint, installation uuid, outbox_rows bigint, outbox_since timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
    SELECT h.position, h.installation, (SELECT count(*) FROM outbox), (SELECT min(at) FROM outbox) FROM event_head h
$$;

-- The last position that was logged before a time.
CREATE FUNCTION event_position_at(moment timestamptz) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
    SELECT coalesce((SELECT min(position) - 1 FROM events WHERE logged_at >= moment), (SELECT position FROM event_head))
$$;

-- Read the log over all tenants, for the system's groups: what comes after `lowest`, and in each slot s after `after[s + 1]`
-- (null: not this slot).
CREATE FUNCTION read_events(lowest bigint, after bigint[], most integer)
RETURNS TABLE (pos bigint, slot smallint, id uuid, tenant_id uuid, type text, subject text, at timestamptz, data jsonb,
               traceparent text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
    SELECT e.position, e.slot, e.id, e.tenant_id, e.type, e.subject, e.at, e.data, e.traceparent FROM events e
    WHERE e.position > lowest AND e.position > after[e.slot + 1] ORDER BY e.position LIMIT most
$$;

-- Say that this member reads for a group, and give it its share of the slots that nobody alive holds. Returns all that it
-- holds. Members of a group that come at once wait for each other.
CREATE FUNCTION join_event_group(of_tenant uuid, of_group text, me text, lease interval, beginning bigint)
RETURNS TABLE (slot smallint, epoch bigint, pos bigint, share integer)
LANGUAGE plpgsql SET search_path = stretto, pg_temp AS $$
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

-- The application adds to the outbox; only the relay's function takes from it and writes the log.
GRANT SELECT, INSERT ON outbox, event_effects TO stretto_app;
GRANT SELECT ON events TO stretto_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON event_members, event_slots, event_letters TO stretto_app;
REVOKE EXECUTE ON FUNCTION new_event_id(), put_events(jsonb), relay_events(text, interval, integer), leave_relay(text),
    events_standing(), event_position_at(timestamptz), read_events(bigint, bigint[], integer),
    join_event_group(uuid, text, text, interval, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION new_event_id(), put_events(jsonb), relay_events(text, interval, integer), leave_relay(text),
    events_standing(), event_position_at(timestamptz), read_events(bigint, bigint[], integer),
    join_event_group(uuid, text, text, interval, bigint) TO stretto_app;
