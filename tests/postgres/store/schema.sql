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

-- Name: due_schedules(integer); Type: FUNCTION; Schema: stretto; Owner: stretto

CREATE FUNCTION stretto.due_schedules(most integer) RETURNS TABLE(tenant_id uuid, name text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'stretto', 'pg_temp'
    AS $$
    SELECT s.tenant_id, s.name FROM schedules s WHERE s.next_at <= clock_timestamp() ORDER BY s.next_at LIMIT most
$$;

ALTER FUNCTION stretto.due_schedules(most integer) OWNER TO stretto;

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

SET default_tablespace = '';

SET default_table_access_method = heap;

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

-- Name: migrations; Type: TABLE; Schema: stretto; Owner: stretto

CREATE TABLE stretto.migrations (
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone NOT NULL
);

ALTER TABLE stretto.migrations OWNER TO stretto;

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

-- Name: migrations migrations_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (number);

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

-- Name: waits waits_pkey; Type: CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.waits
    ADD CONSTRAINT waits_pkey PRIMARY KEY (run_id, step);

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

-- Name: flows flows_tenant_id_fkey; Type: FK CONSTRAINT; Schema: stretto; Owner: stretto

ALTER TABLE ONLY stretto.flows
    ADD CONSTRAINT flows_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES stretto.tenants(id);

-- Name: flows; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.flows ENABLE ROW LEVEL SECURITY;

-- Name: idempotency; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.idempotency ENABLE ROW LEVEL SECURITY;

-- Name: journal; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.journal ENABLE ROW LEVEL SECURITY;

-- Name: runs; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.runs ENABLE ROW LEVEL SECURITY;

-- Name: schedules; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.schedules ENABLE ROW LEVEL SECURITY;

-- Name: signals; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.signals ENABLE ROW LEVEL SECURITY;

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

-- Name: waits tenant; Type: POLICY; Schema: stretto; Owner: stretto

CREATE POLICY tenant ON stretto.waits USING ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid)) WITH CHECK ((tenant_id = (NULLIF(current_setting('stretto.tenant'::text, true), ''::text))::uuid));

-- Name: tenants; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.tenants ENABLE ROW LEVEL SECURITY;

-- Name: timers; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.timers ENABLE ROW LEVEL SECURITY;

-- Name: waits; Type: ROW SECURITY; Schema: stretto; Owner: stretto

ALTER TABLE stretto.waits ENABLE ROW LEVEL SECURITY;

-- Name: SCHEMA stretto; Type: ACL; Schema: -; Owner: stretto

GRANT USAGE ON SCHEMA stretto TO stretto_app;

-- Name: FUNCTION due_schedules(most integer); Type: ACL; Schema: stretto; Owner: stretto

REVOKE ALL ON FUNCTION stretto.due_schedules(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.due_schedules(most integer) TO stretto_app;

-- Name: FUNCTION fire_due_timers(most integer); Type: ACL; Schema: stretto; Owner: stretto

REVOKE ALL ON FUNCTION stretto.fire_due_timers(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.fire_due_timers(most integer) TO stretto_app;

-- Name: FUNCTION rescue_runs(silence interval); Type: ACL; Schema: stretto; Owner: stretto

GRANT ALL ON FUNCTION stretto.rescue_runs(silence interval) TO stretto_app;

-- Name: FUNCTION signal_runs(run_ids uuid[], kinds text[], bodies jsonb[]); Type: ACL; Schema: stretto; Owner: stretto

REVOKE ALL ON FUNCTION stretto.signal_runs(run_ids uuid[], kinds text[], bodies jsonb[]) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.signal_runs(run_ids uuid[], kinds text[], bodies jsonb[]) TO stretto_app;

-- Name: FUNCTION wake_run(run uuid, tenant uuid, priority integer); Type: ACL; Schema: stretto; Owner: stretto

REVOKE ALL ON FUNCTION stretto.wake_run(run uuid, tenant uuid, priority integer) FROM PUBLIC;
GRANT ALL ON FUNCTION stretto.wake_run(run uuid, tenant uuid, priority integer) TO stretto_app;

-- Name: TABLE flows; Type: ACL; Schema: stretto; Owner: stretto

GRANT SELECT,INSERT ON TABLE stretto.flows TO stretto_app;

-- Name: TABLE idempotency; Type: ACL; Schema: stretto; Owner: stretto

GRANT SELECT,INSERT ON TABLE stretto.idempotency TO stretto_app;

-- Name: TABLE journal; Type: ACL; Schema: stretto; Owner: stretto

GRANT SELECT,INSERT ON TABLE stretto.journal TO stretto_app;

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

-- Name: TABLE waits; Type: ACL; Schema: stretto; Owner: stretto

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE stretto.waits TO stretto_app;

-- PostgreSQL database dump complete
