-- All SQL of events. The tenant of the transaction is set: the group's own (the system's is 00000000-…-0, which sees no event
-- but through read_events), or the tenant that looks. Run by events/store.py only.

-- put_events --
-- Write events into the outbox, in this transaction
SELECT put_events(%(events)s::jsonb);

-- relay --
-- Move events from the outbox to the log
SELECT led, moved, head FROM relay_events(%(me)s, make_interval(secs => %(lease_s)s), %(most)s);

-- spare_disk --
-- Let the commit of this transaction not wait for the disk
SET LOCAL synchronous_commit TO off;

-- leave_relay --
-- Let another process relay
SELECT leave_relay(%(me)s);

-- standing --
-- The end of the log, whose it is, and what waits in the outbox
SELECT head, installation, outbox_rows, outbox_since FROM events_standing();

-- read_all --
-- Events of all tenants, in the order of their positions
SELECT pos, slot, id, tenant_id, type, subject, at, data, traceparent
FROM read_events(%(lowest)s, %(after)s::bigint[], %(most)s);

-- read_own --
-- Events of the tenant, in the order of their positions
SELECT position, slot, id, tenant_id, type, subject, at, data, traceparent FROM events
WHERE tenant_id = %(tenant_id)s AND position > %(lowest)s AND position > (%(after)s::bigint[])[slot + 1]
ORDER BY position LIMIT %(most)s;

-- list_events --
-- The tenant's latest events first, before a position
SELECT position, slot, id, tenant_id, type, subject, at, data, traceparent FROM events
WHERE tenant_id = %(tenant_id)s
  AND (%(before)s::bigint IS NULL OR position < %(before)s)
  AND (%(type)s::text IS NULL OR starts_with(type, %(type)s))
  AND (%(subject)s::text IS NULL OR subject = %(subject)s)
  AND (%(since)s::timestamptz IS NULL OR logged_at >= %(since)s)
ORDER BY position DESC LIMIT %(limit)s;

-- get_event --
-- One event of the tenant
SELECT position, slot, id, tenant_id, type, subject, at, data, traceparent FROM events
WHERE tenant_id = %(tenant_id)s AND id = %(id)s LIMIT 1;

-- position_at --
-- The last position before a time
SELECT event_position_at(%(moment)s);

-- join_group --
-- Be a member of a group, and take a share of its slots
SELECT slot, epoch, pos, share
FROM join_event_group(%(tenant_id)s, %(group)s, %(member)s, make_interval(secs => %(lease_s)s), %(beginning)s);

-- release_slots --
-- Give slots back
UPDATE event_slots SET holder = NULL
WHERE tenant_id = %(tenant_id)s AND group_name = %(group)s AND holder = %(member)s AND slot = ANY(%(slots)s::smallint[]);

-- leave_group --
-- Be no member any more, and give all slots back
WITH gone AS (
    DELETE FROM event_members WHERE tenant_id = %(tenant_id)s AND group_name = %(group)s AND member = %(member)s
)
UPDATE event_slots SET holder = NULL WHERE tenant_id = %(tenant_id)s AND group_name = %(group)s AND holder = %(member)s;

-- ack --
-- Move slots forward under their epochs; gives those that are this member's still
UPDATE event_slots s SET position = greatest(s.position, m.position), moved_at = clock_timestamp()
FROM unnest(%(slots)s::smallint[], %(epochs)s::bigint[], %(positions)s::bigint[]) AS m(slot, epoch, position)
WHERE s.tenant_id = %(tenant_id)s AND s.group_name = %(group)s AND s.slot = m.slot
  AND s.epoch = m.epoch AND s.holder = %(member)s
RETURNING s.slot;

-- replay --
-- Let a group go on after a position, and fence those who read now
INSERT INTO event_slots AS s (tenant_id, group_name, slot, position, moved_at)
SELECT %(tenant_id)s, %(group)s, n, %(position)s, clock_timestamp() FROM generate_series(0, 15) n
ON CONFLICT (tenant_id, group_name, slot)
DO UPDATE SET position = excluded.position, epoch = s.epoch + 1, moved_at = excluded.moved_at;

-- noted --
-- The position before which a group has done everything
SELECT min(position) FROM event_slots WHERE tenant_id = %(tenant_id)s AND group_name = %(group)s;

-- note --
-- Where a group is that another transport keeps
INSERT INTO event_slots AS s (tenant_id, group_name, slot, position, moved_at)
SELECT %(tenant_id)s, %(group)s, n, %(position)s, clock_timestamp() FROM generate_series(0, 15) n
ON CONFLICT (tenant_id, group_name, slot) DO UPDATE SET position = excluded.position, moved_at = excluded.moved_at;

-- standings --
-- How far the tenant's groups are, or the one named, by name after one
SELECT s.group_name, min(s.position), (SELECT head FROM events_standing()),
       (SELECT count(*) FROM event_members m
        WHERE m.tenant_id = %(tenant_id)s AND m.group_name = s.group_name AND m.until > clock_timestamp())
FROM event_slots s
WHERE s.tenant_id = %(tenant_id)s AND (%(name)s::text IS NULL OR s.group_name = %(name)s)
  AND (%(after)s::text IS NULL OR s.group_name > %(after)s)
GROUP BY s.group_name ORDER BY s.group_name LIMIT %(limit)s;

-- logged_after --
-- When the tenant's first event after a position was logged
SELECT logged_at FROM events WHERE tenant_id = %(tenant_id)s AND position > %(position)s ORDER BY position LIMIT 1;

-- park --
-- Set events aside that cannot be taken now; behind another of their subject they wait without a time of their own
INSERT INTO event_letters AS l (tenant_id, group_name, event_id, event_tenant_id, subject, slot, position, event,
    state, attempts, due_at, error, first_at, last_at)
SELECT %(tenant_id)s, %(group)s, p.id, p.event_tenant_id, p.subject, p.slot, p.position, p.event,
    p.state, p.attempts,
    CASE WHEN p.attempts > 0 THEN clock_timestamp() + make_interval(secs => p.pause_s)
         WHEN p.behind OR row_number() OVER (PARTITION BY p.event_tenant_id, p.subject ORDER BY p.position) > 1 OR EXISTS (
            SELECT FROM event_letters b WHERE b.tenant_id = %(tenant_id)s AND b.group_name = %(group)s
               AND b.event_tenant_id = p.event_tenant_id AND b.subject = p.subject AND b.state = 'waiting') THEN NULL
         ELSE clock_timestamp() END,
    p.error, clock_timestamp(), clock_timestamp()
FROM jsonb_to_recordset(%(letters)s::jsonb) AS p(id uuid, event_tenant_id uuid, subject text, slot smallint, position bigint,
    event jsonb, state text, attempts integer, pause_s double precision, behind boolean, error text)
ON CONFLICT (tenant_id, group_name, event_id) DO UPDATE
SET state = excluded.state, attempts = excluded.attempts, due_at = excluded.due_at, error = excluded.error,
    last_at = excluded.last_at
WHERE l.state = 'dead';

-- take_up --
-- Whose slots these are now: let the first of each subject be due that nobody has in hand; gives the subjects that wait
WITH firsts AS (
    SELECT DISTINCT ON (event_tenant_id, subject) event_tenant_id, subject, slot, event_id, due_at FROM event_letters
    WHERE tenant_id = %(tenant_id)s AND group_name = %(group)s AND state = 'waiting' AND slot = ANY(%(slots)s::smallint[])
    ORDER BY event_tenant_id, subject, position
), freed AS (
    UPDATE event_letters l SET due_at = clock_timestamp() FROM firsts f
    WHERE l.tenant_id = %(tenant_id)s AND l.group_name = %(group)s AND l.event_id = f.event_id AND f.due_at IS NULL
)
SELECT event_tenant_id, subject, slot FROM firsts;

-- due_letters --
-- Letters of these slots whose time has come
SELECT event_id, event, attempts, error, first_at, last_at, state, due_at FROM event_letters
WHERE tenant_id = %(tenant_id)s AND group_name = %(group)s AND state = 'waiting' AND due_at <= clock_timestamp()
  AND slot = ANY(%(slots)s::smallint[])
ORDER BY due_at LIMIT %(most)s;

-- settle --
-- A letter was taken: it is no letter any more. Nothing changes when somebody else has had it in hand meanwhile.
DELETE FROM event_letters
WHERE tenant_id = %(tenant_id)s AND group_name = %(group)s AND event_id = %(event_id)s AND state = 'waiting'
  AND attempts = %(attempts)s;

-- fail_again --
-- An attempt at a letter failed: another one later, or it is dead
UPDATE event_letters SET attempts = attempts + 1, error = %(error)s, last_at = clock_timestamp(),
    state = CASE WHEN %(pause_s)s::float8 IS NULL THEN 'dead' ELSE 'waiting' END,
    due_at = clock_timestamp() + make_interval(secs => %(pause_s)s::float8)
WHERE tenant_id = %(tenant_id)s AND group_name = %(group)s AND event_id = %(event_id)s AND state = 'waiting'
  AND attempts = %(attempts)s;

-- next_of_subject --
-- The next letter of a subject, due at once if it waited behind another; no row when none waits
UPDATE event_letters SET due_at = coalesce(due_at, clock_timestamp())
WHERE tenant_id = %(tenant_id)s AND group_name = %(group)s AND event_id = (
    SELECT event_id FROM event_letters
    WHERE tenant_id = %(tenant_id)s AND group_name = %(group)s AND state = 'waiting'
      AND event_tenant_id = %(event_tenant_id)s AND subject = %(subject)s
    ORDER BY position LIMIT 1)
RETURNING event_id, event, attempts, error, first_at, last_at, state, due_at;

-- has_letters --
-- Whether a subject has letters waiting
SELECT 1 FROM event_letters
WHERE tenant_id = %(tenant_id)s AND group_name = %(group)s AND state = 'waiting'
  AND event_tenant_id = %(event_tenant_id)s AND subject = %(subject)s LIMIT 1;

-- list_letters --
-- Dead letters of the tenant's groups, or of one, in the order of their positions
SELECT group_name, event_id, event, attempts, error, first_at, last_at, state, due_at FROM event_letters
WHERE tenant_id = %(tenant_id)s AND (%(group)s::text IS NULL OR group_name = %(group)s)
  AND (%(state)s::text IS NULL OR state = %(state)s)
  AND (%(after)s::bigint IS NULL OR (position, group_name) > (%(after)s, %(after_group)s::text))
ORDER BY position, group_name LIMIT %(limit)s;

-- get_letters --
-- What is the matter with an event, in each group that could not take it
SELECT group_name, event_id, event, attempts, error, first_at, last_at, state, due_at FROM event_letters
WHERE tenant_id = %(tenant_id)s AND event_id = %(event_id)s AND (%(group)s::text IS NULL OR group_name = %(group)s)
ORDER BY group_name;

-- send_again --
-- Let dead letters be tried again from the first attempt on; all of a group, or one event
UPDATE event_letters SET state = 'waiting', attempts = 0, due_at = clock_timestamp(), last_at = clock_timestamp()
WHERE tenant_id = %(tenant_id)s AND state = 'dead' AND (%(group)s::text IS NULL OR group_name = %(group)s)
  AND (%(event_id)s::uuid IS NULL OR event_id = %(event_id)s);

-- drop_letters --
-- Forget dead letters; all of a group, or one event
DELETE FROM event_letters
WHERE tenant_id = %(tenant_id)s AND state = 'dead' AND (%(group)s::text IS NULL OR group_name = %(group)s)
  AND (%(event_id)s::uuid IS NULL OR event_id = %(event_id)s);

-- count_letters --
-- How many letters of each group wait or are dead
SELECT group_name, state, count(*) FROM event_letters WHERE tenant_id = %(tenant_id)s GROUP BY group_name, state;

-- process_once --
-- Note that an event has its effect in this transaction; no row when it had it before
INSERT INTO event_effects (tenant_id, group_name, event_id, at)
VALUES (nullif(current_setting('stretto.tenant', true), '')::uuid, %(group)s, %(event_id)s, clock_timestamp())
ON CONFLICT DO NOTHING RETURNING event_id;
