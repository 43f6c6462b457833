-- One Idempotency-Key for whatever a request creates; flows that are put away; schedules that rest, and that are edited.

ALTER TABLE idempotency ALTER COLUMN run_id TYPE text USING run_id::text;
ALTER TABLE idempotency RENAME COLUMN run_id TO made_id;
ALTER TABLE idempotency ADD COLUMN kind text NOT NULL DEFAULT 'run';     -- what was made; made_id tells which

-- A flow's versions are never changed; that it is archived is said here. It starts no new run.
CREATE TABLE archived_flows (
    tenant_id    uuid NOT NULL REFERENCES tenants,
    name         text NOT NULL,
    archived_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name)
);
ALTER TABLE archived_flows ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON archived_flows
    USING (tenant_id = nullif(current_setting('stretto.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('stretto.tenant', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON archived_flows TO stretto_app;

CREATE FUNCTION audit_archive() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
BEGIN
    PERFORM add_audit(coalesce(NEW.tenant_id, OLD.tenant_id),
        CASE TG_OP WHEN 'INSERT' THEN 'flow.archived' ELSE 'flow.restored' END,
        'flows/' || coalesce(NEW.name, OLD.name), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER audit AFTER INSERT OR DELETE ON archived_flows FOR EACH ROW EXECUTE FUNCTION audit_archive();
REVOKE EXECUTE ON FUNCTION audit_archive() FROM PUBLIC;

ALTER TABLE schedules
    ADD COLUMN paused    boolean NOT NULL DEFAULT false,
    ADD COLUMN revision  integer NOT NULL DEFAULT 1;        -- counts what people change, not what the clock does
DROP TRIGGER audit ON schedules;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON schedules
    FOR EACH ROW WHEN (coalesce(current_setting('stretto.actor', true), '') <> '')
    EXECUTE FUNCTION audit_change('schedule', 'name', 'flow_name,cron,timezone,priority,paused');

CREATE OR REPLACE FUNCTION due_schedules(most integer) RETURNS TABLE (tenant_id uuid, name text)
LANGUAGE sql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
    SELECT s.tenant_id, s.name FROM schedules s WHERE s.next_at <= clock_timestamp() AND NOT s.paused
    ORDER BY s.next_at LIMIT most
$$;
