-- Secrets that a tenant gives to servers of tools. Sealed with a key that is itself sealed among the providers' keys.

CREATE TABLE tool_secrets (
    tenant_id   uuid NOT NULL,
    name        text NOT NULL,              -- one that begins with `*` is Stretto's own, such as a login at a server
    sealed      bytea NOT NULL,             -- nonce (12 bytes), ciphertext, tag; bound to tenant and name
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

DO $$
DECLARE own constant text := 'tenant_id = nullif(current_setting(''stretto.tenant'', true), '''')::uuid';
BEGIN
    ALTER TABLE tool_secrets ENABLE ROW LEVEL SECURITY;
    EXECUTE format('CREATE POLICY tenant ON tool_secrets USING (%s) WITH CHECK (%s)', own, own);
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON tool_secrets TO stretto_app;

-- Names only. A login that renews itself is nobody's doing.
CREATE FUNCTION audit_tool_secret() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
DECLARE
    one tool_secrets := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    verb text := CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'DELETE' THEN 'removed' ELSE 'changed' END;
BEGIN
    IF TG_OP <> 'UPDATE' OR left(one.name, 1) <> '*' OR coalesce(current_setting('stretto.actor', true), '') <> '' THEN
        PERFORM add_audit(one.tenant_id, 'secret.' || verb, 'secrets/' || one.name, '{}');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON tool_secrets FOR EACH ROW EXECUTE FUNCTION audit_tool_secret();
REVOKE EXECUTE ON FUNCTION audit_tool_secret() FROM PUBLIC;
