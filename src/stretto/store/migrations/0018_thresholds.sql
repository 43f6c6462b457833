-- Thresholds of judges that a tenant has set in place of those of its flows. An empty name means: of any.

CREATE TABLE thresholds (
    tenant_id     uuid NOT NULL,
    flow          text NOT NULL,
    policy        text NOT NULL,
    content_type  text NOT NULL,
    approve       double precision CHECK (approve BETWEEN 0 AND 1),  -- from this confidence on it passes
    reject        double precision CHECK (reject BETWEEN 0 AND 1),   -- below it fails; null: as the flow says
    updated_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, flow, policy, content_type),
    CHECK (approve IS NOT NULL OR reject IS NOT NULL),
    CHECK (reject <= approve)
);

DO $$
DECLARE own constant text := 'tenant_id = nullif(current_setting(''stretto.tenant'', true), '''')::uuid';
BEGIN
    ALTER TABLE thresholds ENABLE ROW LEVEL SECURITY;
    EXECUTE format('CREATE POLICY tenant ON thresholds USING (%s) WITH CHECK (%s)', own, own);
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON thresholds TO stretto_app;

-- A threshold has no one column that names it: its target is `thresholds/flow/policy/content type`.
CREATE FUNCTION audit_threshold() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
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
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON thresholds FOR EACH ROW EXECUTE FUNCTION audit_threshold();
REVOKE EXECUTE ON FUNCTION audit_threshold() FROM PUBLIC;
