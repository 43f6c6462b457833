-- The ground: tenants, flows, runs, the journal, and what ends a wait.
-- Runs and journal are partitioned by the time inside the run's UUIDv7, so that
-- one run lies in one partition and retention drops whole partitions.

CREATE TABLE tenants (
    id          uuid PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    created_at  timestamptz NOT NULL
);

CREATE TABLE flows (
    tenant_id   uuid NOT NULL REFERENCES tenants,
    name        text NOT NULL,
    version     integer NOT NULL,
    digest      text NOT NULL,          -- SHA-256 of the canonical document, hex
    document    jsonb NOT NULL,         -- the flow with its prompts inside
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name, version),
    UNIQUE (tenant_id, name, digest)
);

CREATE TABLE runs (
    id            uuid NOT NULL,        -- UUIDv7: its time is when the run was accepted
    tenant_id     uuid NOT NULL,
    flow_name     text NOT NULL,
    flow_version  integer NOT NULL,
    status        text NOT NULL CHECK (status IN
                    ('accepted', 'running', 'waiting', 'paused', 'completed', 'failed', 'cancelled')),
    priority      smallint NOT NULL,    -- 0 (first) to 3 (last)
    input         jsonb NOT NULL,
    output        jsonb,
    error         jsonb,
    parent_id     uuid,                 -- the run it was forked from
    cost_usd      numeric(18, 9) NOT NULL DEFAULT 0,
    accepted_at   timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    finished_at   timestamptz,
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX runs_by_tenant ON runs (tenant_id, id DESC);
CREATE INDEX runs_unfinished ON runs (status) WHERE finished_at IS NULL;

CREATE TABLE journal (
    run_id      uuid NOT NULL,
    seq         integer NOT NULL,       -- 1, 2, 3 … without gaps, facts and text together
    tenant_id   uuid NOT NULL,
    at          timestamptz NOT NULL,
    kind        text NOT NULL,          -- a fact's name, or 'Text'
    step        text,                   -- path of the step, such as build[2].code
    attempt     integer,
    position    integer,                -- Text: offset of its first character in the step's stream
    body        jsonb,                  -- a fact's other fields
    text        text,
    cuts        bytea,                  -- Text: per token its length in characters and its delay in ms (uint16 pairs)
    PRIMARY KEY (run_id, seq)
) PARTITION BY RANGE (run_id);

CREATE TABLE idempotency (
    tenant_id   uuid NOT NULL,
    key         text NOT NULL,
    digest      text NOT NULL,          -- of the request, so that another request under the same key is refused
    run_id      uuid NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, key)
);
CREATE INDEX idempotency_by_age ON idempotency (created_at);

-- What others have to say to a run. Only the process that carries a run out writes its
-- journal; everybody else leaves a signal, which that process turns into a fact.
CREATE TABLE signals (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id   uuid NOT NULL,
    run_id      uuid NOT NULL,
    kind        text NOT NULL,
    body        jsonb NOT NULL,
    created_at  timestamptz NOT NULL
);
CREATE INDEX signals_by_run ON signals (run_id, id);

CREATE TABLE timers (
    tenant_id   uuid NOT NULL,
    run_id      uuid NOT NULL,
    step        text NOT NULL,
    due_at      timestamptz NOT NULL,
    PRIMARY KEY (run_id, step)
);
CREATE INDEX timers_due ON timers (due_at);

-- Steps that wait for an event or a person.
CREATE TABLE waits (
    tenant_id   uuid NOT NULL,
    run_id      uuid NOT NULL,
    step        text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('event', 'review')),
    name        text NOT NULL,          -- the event's name, or what is reviewed
    key         text NOT NULL DEFAULT '',
    body        jsonb NOT NULL,
    since       timestamptz NOT NULL,
    PRIMARY KEY (run_id, step)
);
CREATE INDEX waits_by_name ON waits (tenant_id, kind, name, key);

CREATE TABLE schedules (
    tenant_id     uuid NOT NULL,
    name          text NOT NULL,
    flow_name     text NOT NULL,
    cron          text NOT NULL,
    timezone      text NOT NULL,
    input         jsonb NOT NULL,
    priority      smallint NOT NULL,
    next_at       timestamptz NOT NULL,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name)
);
CREATE INDEX schedules_due ON schedules (next_at);

-- Row-level security: the application's role sees and writes the rows of the tenant that its
-- transaction has set, and none when it forgot to. Partitions have no policy and no grants of
-- their own: the application reaches them through runs and journal only.
DO $$
DECLARE
    name text;
    own constant text := 'tenant_id = nullif(current_setting(''stretto.tenant'', true), '''')::uuid';
BEGIN
    FOREACH name IN ARRAY ARRAY['flows', 'runs', 'journal', 'idempotency', 'signals', 'timers', 'waits', 'schedules'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (%s) WITH CHECK (%s)', name, own, own);
    END LOOP;
END $$;
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON tenants USING (id = nullif(current_setting('stretto.tenant', true), '')::uuid);

-- Put a run's job into the queue, unless one waits there already. The waiting job is locked until
-- this transaction ends, so that no worker takes it before the signal that it shall find is visible.
CREATE FUNCTION wake_run(run uuid, tenant uuid, priority integer) RETURNS void
LANGUAGE plpgsql SET search_path = stretto, stretto_queue, pg_temp AS $$
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

-- Leave signals for runs, wake the runs, and tell the processes that carry them out.
-- Runs that are over, unknown, or another tenant's are passed over; returns the runs that were signalled.
-- Goes through the runs in the order of their ids, so that two that signal the same runs do not lock each other out.
CREATE FUNCTION signal_runs(run_ids uuid[], kinds text[], bodies jsonb[]) RETURNS SETOF uuid
LANGUAGE plpgsql SET search_path = stretto, stretto_queue, pg_temp AS $$
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

-- Turn due timers into signals, over all tenants. Runs with the owner's rights and returns only a count.
CREATE FUNCTION fire_due_timers(most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = stretto, stretto_queue, pg_temp AS $$
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

-- Which schedules are due, over all tenants: ids only, the rest is read under the tenant's own rights.
CREATE FUNCTION due_schedules(most integer) RETURNS TABLE (tenant_id uuid, name text)
LANGUAGE sql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
    SELECT s.tenant_id, s.name FROM schedules s WHERE s.next_at <= clock_timestamp() ORDER BY s.next_at LIMIT most
$$;

-- What the application may do, and no more: what happened is never changed or removed.
GRANT SELECT ON tenants TO stretto_app;
GRANT SELECT, INSERT ON flows, journal, idempotency TO stretto_app;
GRANT SELECT, INSERT, UPDATE ON runs TO stretto_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON timers, waits, schedules TO stretto_app;
GRANT SELECT, INSERT, DELETE ON signals TO stretto_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA stretto FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA stretto TO stretto_app;
