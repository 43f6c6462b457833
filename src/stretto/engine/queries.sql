-- All SQL of the engine. Each query runs in a transaction whose tenant is set; row-level security
-- adds the tenant to every condition. Run by engine/store.py and engine/journal.py only.

-- set_tenant --
-- The tenant of the statements that follow in this transaction
SELECT set_config('stretto.tenant', %(tenant_id)s::text, true);

-- save_flow --
-- Store a flow's document as its next version, or find the version that has this document already.
-- No row when another transaction stored a version just now: run it again.
WITH found AS (
    SELECT version FROM flows WHERE tenant_id = %(tenant_id)s AND name = %(name)s AND digest = %(digest)s
), added AS (
    INSERT INTO flows (tenant_id, name, version, digest, document, created_at)
    SELECT %(tenant_id)s, %(name)s, coalesce(max(version), 0) + 1, %(digest)s, %(document)s::jsonb, %(at)s
    FROM flows WHERE tenant_id = %(tenant_id)s AND name = %(name)s
    HAVING NOT EXISTS (SELECT 1 FROM found)
    ON CONFLICT DO NOTHING
    RETURNING version
)
SELECT version FROM found UNION ALL
SELECT version FROM added, put_events(jsonb_build_array(
    jsonb_set(%(event)s::jsonb, '{data,version}', to_jsonb(added.version))));

-- find_version --
-- The version of a flow that has this document, and whether the flow is archived
SELECT (SELECT version FROM flows WHERE tenant_id = %(tenant_id)s AND name = %(name)s AND digest = %(digest)s),
       EXISTS (SELECT FROM archived_flows WHERE tenant_id = %(tenant_id)s AND name = %(name)s);

-- get_flow --
-- A version of a flow, or its latest
SELECT version, document, digest FROM flows
WHERE tenant_id = %(tenant_id)s AND name = %(name)s AND (%(version)s::int IS NULL OR version = %(version)s)
ORDER BY version DESC LIMIT 1;

-- latest_flow --
-- A flow's latest version, the digest of its document, and whether the flow is archived
SELECT version, digest, EXISTS (SELECT FROM archived_flows WHERE tenant_id = %(tenant_id)s AND name = %(name)s)
FROM flows WHERE tenant_id = %(tenant_id)s AND name = %(name)s
ORDER BY version DESC LIMIT 1;

-- flow_names --
-- Names of the tenant's flows that can be started
SELECT DISTINCT name FROM flows f WHERE tenant_id = %(tenant_id)s
    AND NOT EXISTS (SELECT FROM archived_flows a WHERE a.tenant_id = f.tenant_id AND a.name = f.name)
ORDER BY name LIMIT 1000;

-- is_archived --
-- Whether a flow is archived
SELECT true FROM archived_flows WHERE tenant_id = %(tenant_id)s AND name = %(name)s;

-- list_flows --
-- Flows by name, each with its latest version and its latest run, after a name; archived ones if wanted
SELECT page.*, run.id, run.status, run.accepted_at
FROM (SELECT f.name, f.version, f.created_at, first.created_at, a.archived_at
FROM (SELECT DISTINCT ON (name) name, version, created_at FROM flows
      WHERE tenant_id = %(tenant_id)s AND (%(after)s::text IS NULL OR name > %(after)s)
        AND (%(name)s::text IS NULL OR name = %(name)s)
      ORDER BY name, version DESC) f
JOIN flows first ON first.tenant_id = %(tenant_id)s AND first.name = f.name AND first.version = 1
LEFT JOIN archived_flows a ON a.tenant_id = %(tenant_id)s AND a.name = f.name
WHERE %(archived)s OR a.name IS NULL
ORDER BY f.name LIMIT %(limit)s) page (name)
LEFT JOIN LATERAL (SELECT id, status, accepted_at FROM runs r
    WHERE r.tenant_id = %(tenant_id)s AND r.flow_name = page.name ORDER BY r.id DESC LIMIT 1) run ON true
ORDER BY page.name;

-- list_versions --
-- The versions of a flow, latest first, before one
SELECT version, digest, created_at FROM flows
WHERE tenant_id = %(tenant_id)s AND name = %(name)s AND (%(before)s::int IS NULL OR version < %(before)s)
ORDER BY version DESC LIMIT %(limit)s;

-- archive_flow --
-- Put a flow away, if it is there
INSERT INTO archived_flows (tenant_id, name, archived_at)
SELECT tenant_id, name, %(at)s FROM flows WHERE tenant_id = %(tenant_id)s AND name = %(name)s AND version = 1
ON CONFLICT DO NOTHING;

-- restore_flow --
-- Bring an archived flow back
DELETE FROM archived_flows WHERE tenant_id = %(tenant_id)s AND name = %(name)s;

-- insert_run --
-- A run that is accepted, and the event that tells of it
WITH accepted AS (
    INSERT INTO runs (id, tenant_id, flow_name, flow_version, status, priority, input, parent_id, accepted_at, updated_at)
    VALUES (%(run_id)s, %(tenant_id)s, %(flow_name)s, %(flow_version)s, 'accepted', %(priority)s, %(input)s::jsonb,
            %(parent_id)s, %(at)s, %(at)s)
)
SELECT put_events(%(events)s::jsonb);

-- put_events --
-- Tell the world what happened, in this transaction
SELECT put_events(%(events)s::jsonb);

-- wake_run --
-- Put the run's job into the queue, unless one waits there
SELECT wake_run(%(run_id)s, %(tenant_id)s, 3 - %(priority)s::int);

-- get_run --
-- One run
SELECT id, flow_name, flow_version, status, priority, input, output, error, parent_id, cost_usd,
       accepted_at, updated_at, finished_at
FROM runs WHERE tenant_id = %(tenant_id)s AND id = %(run_id)s;

-- some_runs --
-- Those of these runs that are there
SELECT id, flow_name, flow_version, status, priority, input, output, error, parent_id, cost_usd,
       accepted_at, updated_at, finished_at
FROM runs WHERE tenant_id = %(tenant_id)s AND id = ANY(%(run_ids)s::uuid[]);

-- list_runs --
-- Latest runs first, of these states, flows, priorities and parent, accepted in a time, before a cursor; those whose flow's
-- name holds a text or whose id lies in a range
SELECT id, flow_name, flow_version, status, priority, input, output, error, parent_id, cost_usd,
       accepted_at, updated_at, finished_at
FROM runs
WHERE tenant_id = %(tenant_id)s
  AND (%(statuses)s::text[] IS NULL OR status = ANY(%(statuses)s))
  AND (%(flows)s::text[] IS NULL OR flow_name = ANY(%(flows)s))
  AND (%(priorities)s::int[] IS NULL OR priority = ANY(%(priorities)s))
  AND (%(parent)s::uuid IS NULL OR parent_id = %(parent)s)
  AND (%(since)s::uuid IS NULL OR id >= %(since)s)
  AND (%(before)s::uuid IS NULL OR id < %(before)s)
  AND (%(text)s::text IS NULL OR strpos(flow_name, %(text)s) > 0 OR id BETWEEN %(first)s::uuid AND %(last)s::uuid)
ORDER BY id DESC LIMIT %(limit)s;

-- list_runs_oldest --
-- The same, oldest runs first: `since` is the first that may be listed, `after` the last of the page before
SELECT id, flow_name, flow_version, status, priority, input, output, error, parent_id, cost_usd,
       accepted_at, updated_at, finished_at
FROM runs
WHERE tenant_id = %(tenant_id)s
  AND (%(statuses)s::text[] IS NULL OR status = ANY(%(statuses)s))
  AND (%(flows)s::text[] IS NULL OR flow_name = ANY(%(flows)s))
  AND (%(priorities)s::int[] IS NULL OR priority = ANY(%(priorities)s))
  AND (%(parent)s::uuid IS NULL OR parent_id = %(parent)s)
  AND (%(since)s::uuid IS NULL OR id >= %(since)s)
  AND (%(before)s::uuid IS NULL OR id < %(before)s)
  AND (%(after)s::uuid IS NULL OR id > %(after)s)
  AND (%(text)s::text IS NULL OR strpos(flow_name, %(text)s) > 0 OR id BETWEEN %(first)s::uuid AND %(last)s::uuid)
ORDER BY id LIMIT %(limit)s;

-- find_runs --
-- Runs whose id ends with these characters
SELECT id FROM runs WHERE tenant_id = %(tenant_id)s AND id::text LIKE %(pattern)s ORDER BY id DESC LIMIT 3;

-- read_journal --
-- A run's rows after a seq, in order
SELECT seq, kind, at, step, attempt, position, body, text, cuts FROM journal
WHERE tenant_id = %(tenant_id)s AND run_id = %(run_id)s AND seq > %(after)s
ORDER BY seq LIMIT %(limit)s;

-- read_journals --
-- The rows after a seq of several runs, at most `limit` of each
SELECT h.run_id, j.seq, j.kind, j.at, j.step, j.attempt, j.position, j.body, j.text, j.cuts
FROM unnest(%(run_ids)s::uuid[], %(after)s::int[]) AS h(run_id, after)
CROSS JOIN LATERAL (
    SELECT * FROM journal WHERE tenant_id = %(tenant_id)s AND run_id = h.run_id AND seq > h.after
    ORDER BY seq LIMIT %(limit)s) j
ORDER BY h.run_id, j.seq;

-- insert_rows --
-- Rows of the journal, as one JSON array (engine/rows.py); a seq that is taken fails the whole statement
INSERT INTO journal (run_id, seq, tenant_id, at, kind, step, attempt, position, body, text, cuts)
SELECT r, s, %(tenant_id)s, a, k, p, n, o, b, x, decode(c, 'base64')
FROM json_to_recordset(%(rows)s::json)
     AS row(r uuid, s int, a timestamptz, k text, p text, n int, o int, b jsonb, x text, c text);

-- update_runs --
-- What the list of runs shows of these runs
UPDATE runs SET
    status = u.status, updated_at = u.at, priority = coalesce(u.priority, runs.priority),
    output = coalesce(u.output::jsonb, runs.output), error = u.error::jsonb,
    cost_usd = u.cost_usd,
    finished_at = CASE WHEN u.finished THEN u.at END
FROM unnest(%(run_ids)s::uuid[], %(statuses)s::text[], %(ats)s::timestamptz[], %(priorities)s::int[],
            %(outputs)s::text[], %(errors)s::text[], %(costs)s::numeric[], %(finished)s::bool[])
     AS u(run_id, status, at, priority, output, error, cost_usd, finished)
WHERE runs.tenant_id = %(tenant_id)s AND runs.id = u.run_id;

-- set_timers --
-- Wake these steps at these times
INSERT INTO timers (tenant_id, run_id, step, due_at)
SELECT %(tenant_id)s, run_id, step, due_at
FROM unnest(%(run_ids)s::uuid[], %(steps)s::text[], %(due_ats)s::timestamptz[]) AS t(run_id, step, due_at)
ON CONFLICT (run_id, step) DO UPDATE SET due_at = excluded.due_at;

-- delete_timers --
-- Timers that these runs no longer need
DELETE FROM timers WHERE tenant_id = %(tenant_id)s AND run_id = ANY(%(run_ids)s::uuid[]);

-- add_waits --
-- Steps that wait for an event or a person
INSERT INTO waits (tenant_id, run_id, step, kind, name, key, body, since)
SELECT %(tenant_id)s, run_id, step, kind, name, key, body::jsonb, since
FROM unnest(%(run_ids)s::uuid[], %(steps)s::text[], %(kinds)s::text[], %(names)s::text[], %(keys)s::text[],
            %(bodies)s::text[], %(sinces)s::timestamptz[]) AS w(run_id, step, kind, name, key, body, since)
ON CONFLICT (run_id, step) DO NOTHING;

-- delete_waits --
-- Waits that have ended, and those inside of these steps
DELETE FROM waits USING unnest(%(run_ids)s::uuid[], %(steps)s::text[]) AS w(run_id, step)
WHERE waits.tenant_id = %(tenant_id)s AND waits.run_id = w.run_id AND (w.step IN ('*', waits.step)
    OR starts_with(waits.step, w.step || '.') OR starts_with(waits.step, w.step || '['));

-- take_event_waits --
-- End the waits for this event and tell the runs
WITH ended AS (
    DELETE FROM waits
    WHERE tenant_id = %(tenant_id)s AND kind = 'event' AND name = %(name)s AND (key = '' OR key = %(key)s)
    RETURNING run_id, step
)
SELECT signal_runs(array_agg(run_id), array_agg('event'::text),
                   array_agg(jsonb_build_object('step', step, 'name', %(name)s::text, 'data', %(data)s::jsonb)))
FROM ended HAVING count(*) > 0;

-- signal_runs --
-- Leave signals for runs and wake them
SELECT signal_runs(%(run_ids)s::uuid[], %(kinds)s::text[], %(bodies)s::text[]::jsonb[]);

-- read_signals --
-- What others have to say to a run, in the order said
SELECT id, kind, body FROM signals WHERE tenant_id = %(tenant_id)s AND run_id = %(run_id)s ORDER BY id LIMIT 1000;

-- delete_signals --
-- Signals that have become facts
DELETE FROM signals WHERE tenant_id = %(tenant_id)s AND id = ANY(%(ids)s::bigint[]);

-- save_schedule --
-- Add a schedule, or replace the one of this name
INSERT INTO schedules (tenant_id, name, flow_name, cron, timezone, input, priority, paused, next_at, created_at)
VALUES (%(tenant_id)s, %(name)s, %(flow_name)s, %(cron)s, %(timezone)s, %(input)s::jsonb, %(priority)s, %(paused)s,
        %(next_at)s, %(at)s)
ON CONFLICT (tenant_id, name) DO UPDATE SET flow_name = excluded.flow_name, cron = excluded.cron,
    timezone = excluded.timezone, input = excluded.input, priority = excluded.priority, paused = excluded.paused,
    next_at = excluded.next_at, revision = schedules.revision + 1
RETURNING revision;

-- lock_schedule --
-- A schedule, locked: what somebody saw of it stays so until the transaction ends
SELECT name, flow_name, cron, timezone, input, priority, next_at, paused, revision FROM schedules
WHERE tenant_id = %(tenant_id)s AND name = %(name)s FOR UPDATE;

-- list_schedules --
-- The tenant's schedules by name, after one, or the one of a name
SELECT name, flow_name, cron, timezone, input, priority, next_at, paused, revision FROM schedules
WHERE tenant_id = %(tenant_id)s AND (%(name)s::text IS NULL OR name = %(name)s)
  AND (%(after)s::text IS NULL OR name > %(after)s)
ORDER BY name LIMIT %(limit)s;

-- delete_schedule --
-- Remove a schedule
DELETE FROM schedules WHERE tenant_id = %(tenant_id)s AND name = %(name)s RETURNING name;

-- take_due_schedule --
-- A schedule that is due, locked; no row when another worker has it or had it
SELECT name, flow_name, cron, timezone, input, priority, next_at, paused, revision FROM schedules
WHERE tenant_id = %(tenant_id)s AND name = %(name)s AND next_at <= %(at)s AND NOT paused FOR UPDATE SKIP LOCKED;

-- move_schedule --
-- When a schedule is due next
UPDATE schedules SET next_at = %(next_at)s WHERE tenant_id = %(tenant_id)s AND name = %(name)s;

-- fire_due_timers --
-- Turn due timers of all tenants into signals; returns how many
SELECT fire_due_timers(%(most)s);

-- due_schedules --
-- Which schedules of all tenants are due
SELECT tenant_id, name FROM due_schedules(%(most)s);

-- rescue_runs --
-- Put the runs of workers that fell silent back into the queue; returns how many
SELECT rescue_runs(make_interval(secs => %(silence_s)s));

-- register_worker --
-- Enter this worker among those that are alive, and where it runs
INSERT INTO worker_hosts (worker_id, host, pid, version, started_at)
SELECT worker_id, %(host)s, %(pid)s, %(version)s, %(started_at)s FROM procrastinate_register_worker_v1()
RETURNING worker_id;

-- beat --
-- Tell that a worker lives
SELECT procrastinate_update_heartbeat_v1(%(worker_id)s);

-- sign_off --
-- This worker takes no more jobs
SELECT procrastinate_unregister_worker_v1(%(worker_id)s);

-- fetch_job --
-- Take the most urgent job whose lock nobody holds. As procrastinate_fetch_job_v2, which joins all jobs that wait with one another;
-- here a queueing lock lets one job of each run wait, so that only one that is being done can be in the way
WITH next AS (
    SELECT id FROM procrastinate_jobs j
    WHERE status = 'todo' AND queue_name = %(queue)s AND (scheduled_at IS NULL OR scheduled_at <= now())
      AND (SELECT true FROM procrastinate_jobs d WHERE d.lock = j.lock AND d.status = 'doing' LIMIT 1) IS NULL
    ORDER BY priority DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE procrastinate_jobs j SET status = 'doing', worker_id = %(worker_id)s FROM next WHERE j.id = next.id
RETURNING j.id, j.attempts, j.args;

-- lost_job --
-- A job that this worker has taken without hearing of it
SELECT id, attempts, args FROM procrastinate_jobs
WHERE worker_id = %(worker_id)s AND status = 'doing' AND id <> ALL(%(known)s::bigint[]) LIMIT 1;

-- finish_job --
-- End a job; an error when it is gone
SELECT procrastinate_finish_job_v1(%(job_id)s, 'succeeded', true);

-- retry_job --
-- Put a job back into the queue for later; an error when it is gone, or the run's next one waits already
SELECT procrastinate_retry_job_v2(%(job_id)s, %(at)s, NULL, NULL, NULL);

-- fleet_workers --
-- Workers, the last heard first, and how many of the tenant's runs each carries out
SELECT w.id, w.last_heartbeat, w.last_heartbeat > now() - make_interval(secs => %(silence_s)s),
    (SELECT count(*) FROM procrastinate_jobs j
     WHERE j.worker_id = w.id AND j.status = 'doing' AND j.args->>'tenant_id' = %(tenant_id)s::uuid::text),
    h.host, h.pid, h.version, h.started_at
FROM procrastinate_workers w LEFT JOIN worker_hosts h ON h.worker_id = w.id ORDER BY w.last_heartbeat DESC, w.id LIMIT %(limit)s;

-- fleet_queue --
-- How many of the tenant's runs wait for a worker, and since when the first of them, by priority
SELECT 3 - q.priority, q.depth, (SELECT e.at FROM procrastinate_events e WHERE e.job_id = q.first ORDER BY e.id DESC LIMIT 1)
FROM (SELECT priority, count(*) AS depth, min(id) AS first FROM procrastinate_jobs
      WHERE status = 'todo' AND queue_name = 'runs' AND args->>'tenant_id' = %(tenant_id)s::uuid::text
        AND (scheduled_at IS NULL OR scheduled_at <= now())
      GROUP BY priority) q
ORDER BY 1;

-- fleet_runs --
-- The tenant's runs by status: those that go on, and those that ended among those accepted since an id
SELECT status, count(*) FROM (
    SELECT status FROM runs WHERE tenant_id = %(tenant_id)s AND finished_at IS NULL
    UNION ALL
    SELECT status FROM runs WHERE tenant_id = %(tenant_id)s AND id >= %(since)s AND finished_at IS NOT NULL
) r GROUP BY status;

-- fleet_steps --
-- Steps at work in the latest runs that are running, and those that wait for time, an event or a person
WITH latest AS (
    SELECT id, flow_name, flow_version FROM runs
    WHERE tenant_id = %(tenant_id)s AND finished_at IS NULL AND status = 'running' ORDER BY id DESC LIMIT %(most_runs)s
), waiting AS (
    SELECT run_id, step FROM timers WHERE tenant_id = %(tenant_id)s
    UNION
    SELECT run_id, step FROM waits WHERE tenant_id = %(tenant_id)s
    LIMIT %(most_steps)s
)
(SELECT l.flow_name, l.flow_version, s.step, 'at_work' FROM latest l CROSS JOIN LATERAL (
    SELECT DISTINCT ON (step) step, kind FROM journal j
    WHERE j.tenant_id = %(tenant_id)s AND j.run_id = l.id AND j.step IS NOT NULL AND j.kind IN (
        'StepStarted', 'StepCompleted', 'StepFailed', 'StepDeferred', 'StepSkipped', 'StepStopped', 'StepSteered',
        'StepDropped', 'StepRested', 'WaitStarted')
    ORDER BY step, seq DESC) s WHERE s.kind = 'StepStarted' LIMIT %(most_steps)s)
UNION ALL
SELECT r.flow_name, r.flow_version, w.step, 'waiting' FROM waiting w
JOIN runs r ON r.tenant_id = %(tenant_id)s AND r.id = w.run_id;

-- fleet_flows --
-- The documents of these versions of flows
SELECT f.name, f.version, f.digest, f.document FROM flows f
JOIN unnest(%(names)s::text[], %(versions)s::int[]) AS w(name, version) ON f.name = w.name AND f.version = w.version
WHERE f.tenant_id = %(tenant_id)s;
