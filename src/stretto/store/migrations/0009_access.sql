-- Who may do what: roles, members, keys with scopes and an end, and the audit log.

ALTER TABLE tenants ADD COLUMN revision integer NOT NULL DEFAULT 1;
GRANT UPDATE (name, revision) ON tenants TO stretto_app;    -- of its own row, as the policy says

ALTER TABLE api_keys
    ADD COLUMN role          text NOT NULL DEFAULT 'operator'
                             CHECK (role IN ('owner', 'admin', 'operator', 'reviewer', 'viewer')),
    ADD COLUMN scopes        text[],            -- what of the role's rights the key has; null: all
    ADD COLUMN expires_at    timestamptz,
    ADD COLUMN last_used_at  timestamptz,       -- to the minute
    ADD COLUMN created_by    text NOT NULL DEFAULT '',
    ADD COLUMN replaced_by   text;              -- prefix of the key that a rotation made
GRANT UPDATE (expires_at, revoked_at, replaced_by) ON api_keys TO stretto_app;

-- What has ended never comes back, and what ends never ends later.
CREATE FUNCTION keys_only_end() RETURNS trigger
LANGUAGE plpgsql SET search_path = stretto, pg_temp AS $$
BEGIN
    IF OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at
        OR OLD.expires_at IS NOT NULL AND coalesce(NEW.expires_at > OLD.expires_at, true) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a key cannot be brought back; make a new one';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER only_end BEFORE UPDATE OF revoked_at, expires_at ON api_keys
    FOR EACH ROW EXECUTE FUNCTION keys_only_end();

DROP FUNCTION find_api_key(text);
-- Whose key has this prefix, while nobody knows yet which tenant asks: one prefix, one row, and only while it counts.
CREATE FUNCTION find_api_key(wanted text)
RETURNS TABLE (tenant_id uuid, key_id uuid, digest bytea, role text, scopes text[], expires_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
    SELECT k.tenant_id, k.id, k.digest, k.role, k.scopes, k.expires_at FROM api_keys k
    WHERE k.prefix = wanted AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
$$;

-- Remember that these keys were used, of whatever tenants.
CREATE FUNCTION note_keys_used(ids uuid[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
    UPDATE api_keys SET last_used_at = date_trunc('minute', now())
    WHERE id = ANY(ids) AND (last_used_at IS NULL OR last_used_at < date_trunc('minute', now()))
$$;

CREATE TABLE members (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL REFERENCES tenants,
    email       text NOT NULL,
    role        text NOT NULL CHECK (role IN ('owner', 'admin', 'operator', 'reviewer', 'viewer')),
    issuer      text,                   -- with subject: who it is, once he has logged in
    subject     text,
    revision    integer NOT NULL DEFAULT 1,
    created_by  text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL,
    UNIQUE (tenant_id, issuer, subject)
);
CREATE UNIQUE INDEX members_by_email ON members (tenant_id, lower(email));
CREATE INDEX members_by_subject ON members (issuer, subject);
CREATE INDEX members_invited ON members (lower(email)) WHERE subject IS NULL;

-- In which tenants somebody is a member who has proved who he is; `mail` is given only when his provider has verified it.
CREATE FUNCTION find_memberships(who_issuer text, who_subject text, mail text)
RETURNS TABLE (tenant_id uuid, tenant text, member_id uuid, role text, linked boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
    SELECT t.id, t.name, m.id, m.role, m.subject IS NOT NULL FROM members m JOIN tenants t ON t.id = m.tenant_id
    WHERE (m.issuer = who_issuer AND m.subject = who_subject)
       OR (m.subject IS NULL AND lower(m.email) = lower(mail))
    ORDER BY m.created_at
$$;

CREATE FUNCTION find_tenant(wanted text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
    SELECT id FROM tenants WHERE name = wanted
$$;

-- What was changed and what was denied. Nobody but the owner of the tables can change or remove a row, and the application
-- cannot even add one by itself: triggers do, in the transaction of the change, and `note_denials`.
CREATE TABLE audit (
    id          bigint GENERATED ALWAYS AS IDENTITY,
    tenant_id   uuid NOT NULL,          -- 00000000-…-0: nobody's, such as attempts with an unknown key
    at          timestamptz NOT NULL,
    actor       text NOT NULL,
    action      text NOT NULL,          -- such as key.created or runs:start
    target      text NOT NULL,          -- such as keys/3fa9… or runs/019…
    outcome     text NOT NULL CHECK (outcome IN ('done', 'denied')),
    times       integer NOT NULL DEFAULT 1,
    request_id  text NOT NULL DEFAULT '',
    address     text NOT NULL DEFAULT '',
    detail      jsonb NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX audit_by_age ON audit USING brin (at);

DO $$
DECLARE
    name text;
    own constant text := 'tenant_id = nullif(current_setting(''stretto.tenant'', true), '''')::uuid';
BEGIN
    FOREACH name IN ARRAY ARRAY['members', 'audit'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (%s) WITH CHECK (%s)', name, own, own);
    END LOOP;
    CREATE POLICY rename ON tenants FOR UPDATE
        USING (id = nullif(current_setting('stretto.tenant', true), '')::uuid)
        WITH CHECK (id = nullif(current_setting('stretto.tenant', true), '')::uuid);
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON members TO stretto_app;
GRANT SELECT ON audit TO stretto_app;

-- Write one change down. `stretto.actor` is set by the transaction; what nobody set is the work of the operator.
CREATE FUNCTION add_audit(tenant uuid, action text, target text, detail jsonb) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
    INSERT INTO audit (tenant_id, at, actor, action, target, outcome, request_id, address, detail)
    VALUES (tenant, clock_timestamp(), coalesce(nullif(current_setting('stretto.actor', true), ''), 'operator'), action,
        target, 'done', coalesce(current_setting('stretto.request', true), ''),
        coalesce(current_setting('stretto.address', true), ''), detail)
$$;

-- For every row that is added, changed or removed. Arguments: noun, the column that names the row, the columns shown.
CREATE FUNCTION audit_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
DECLARE
    row_was jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    row_is jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
    one jsonb := coalesce(row_is, row_was);
    told jsonb := '{}';
    col text;
    verb text := CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'DELETE' THEN 'removed' ELSE 'changed' END;
BEGIN
    FOREACH col IN ARRAY string_to_array(TG_ARGV[2], ',') LOOP
        IF TG_OP <> 'UPDATE' THEN
            told := told || jsonb_build_object(col, one -> col);
        ELSIF row_was -> col IS DISTINCT FROM row_is -> col THEN
            told := told || jsonb_build_object(col, jsonb_build_array(row_was -> col, row_is -> col));
        END IF;
    END LOOP;
    IF TG_OP = 'UPDATE' AND told = '{}' THEN RETURN NULL; END IF;  -- nothing that counts
    IF told ? 'revoked_at' AND TG_OP = 'UPDATE' THEN verb := 'revoked'; END IF;
    PERFORM add_audit(coalesce((one ->> 'tenant_id')::uuid, (one ->> 'id')::uuid),
        TG_ARGV[0] || '.' || verb, TG_ARGV[0] || 's/' || (one ->> TG_ARGV[1]), told);
    RETURN NULL;
END $$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON tenants
    FOR EACH ROW EXECUTE FUNCTION audit_change('tenant', 'name', 'name');
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON api_keys
    FOR EACH ROW EXECUTE FUNCTION audit_change('key', 'prefix', 'name,role,scopes,expires_at,revoked_at,replaced_by');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON members
    FOR EACH ROW EXECUTE FUNCTION audit_change('member', 'email', 'role,issuer,subject');
CREATE TRIGGER audit AFTER INSERT ON flows
    FOR EACH ROW EXECUTE FUNCTION audit_change('flow', 'name', 'version,digest');

-- The engine moves schedules on by itself: only what somebody did counts.
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON schedules
    FOR EACH ROW WHEN (coalesce(current_setting('stretto.actor', true), '') <> '')
    EXECUTE FUNCTION audit_change('schedule', 'name', 'flow_name,cron,timezone,priority');

CREATE FUNCTION audit_run() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
BEGIN
    PERFORM add_audit(NEW.tenant_id, 'run.started', 'runs/' || NEW.id,
        jsonb_build_object('flow', NEW.flow_name, 'version', NEW.flow_version, 'parent', NEW.parent_id));
    RETURN NULL;
END $$;
CREATE TRIGGER audit AFTER INSERT ON runs
    FOR EACH ROW WHEN (coalesce(current_setting('stretto.actor', true), '') <> '') EXECUTE FUNCTION audit_run();

-- What somebody tells a run. Its words stay in the run's facts.
CREATE FUNCTION audit_signal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
BEGIN
    PERFORM add_audit(NEW.tenant_id, 'run.' || NEW.kind, 'runs/' || NEW.run_id,
        jsonb_strip_nulls(jsonb_build_object('step', NEW.body -> 'step', 'verdict', NEW.body -> 'verdict',
            'priority', NEW.body -> 'priority', 'mode', NEW.body -> 'mode')));
    RETURN NULL;
END $$;
CREATE TRIGGER audit AFTER INSERT ON signals
    FOR EACH ROW WHEN (coalesce(current_setting('stretto.actor', true), '') <> '') EXECUTE FUNCTION audit_signal();

-- Attempts beyond one's rights, gathered by the server. One that only asked for what is not there (`action` not-found) counts
-- when the run is there, but another tenant's.
CREATE FUNCTION note_denials(denials jsonb) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
    INSERT INTO audit (tenant_id, at, actor, action, target, outcome, times, request_id, address, detail)
    SELECT d.tenant_id, clock_timestamp(), d.actor, d.action, d.target, 'denied', d.times, d.request_id, d.address, d.detail
    FROM jsonb_to_recordset(denials) AS d(tenant_id uuid, actor text, action text, target text, times integer,
        request_id text, address text, detail jsonb, run_id uuid)
    WHERE d.run_id IS NULL OR EXISTS (SELECT 1 FROM runs r WHERE r.id = d.run_id AND r.tenant_id <> d.tenant_id)
$$;

REVOKE EXECUTE ON FUNCTION keys_only_end(), find_api_key(text), note_keys_used(uuid[]), find_memberships(text, text, text),
    find_tenant(text), add_audit(uuid, text, text, jsonb), audit_change(), audit_run(), audit_signal(), note_denials(jsonb)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_api_key(text), note_keys_used(uuid[]), find_memberships(text, text, text),
    find_tenant(text), note_denials(jsonb) TO stretto_app;
