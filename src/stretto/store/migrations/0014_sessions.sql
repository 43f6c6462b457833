-- Browsers' logins and sessions.

CREATE TABLE sessions (
    id              uuid PRIMARY KEY,           -- what the audit log calls it; no secret
    tenant_id       uuid NOT NULL REFERENCES tenants,
    digest          bytea NOT NULL UNIQUE,      -- SHA-256 of the cookie, which has 256 random bits
    issuer          text NOT NULL,
    subject         text NOT NULL,
    email           text NOT NULL,              -- empty unless the provider has verified it
    name            text NOT NULL,
    member_id       uuid REFERENCES members ON DELETE CASCADE,  -- whose role counts, as it stands now
    role            text CHECK (role IN ('owner', 'admin', 'operator', 'reviewer', 'viewer')),  -- or the one that the token named
    created_at      timestamptz NOT NULL,
    seen_at         timestamptz NOT NULL,       -- to the minute
    ends_at         timestamptz NOT NULL,
    CHECK ((member_id IS NULL) <> (role IS NULL))
);
CREATE INDEX sessions_of_person ON sessions (tenant_id, issuer, subject, created_at);
CREATE INDEX sessions_by_member ON sessions (member_id);
CREATE INDEX sessions_by_end ON sessions (tenant_id, ends_at);
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON sessions
    USING (tenant_id = nullif(current_setting('stretto.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('stretto.tenant', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON sessions TO stretto_app;

-- Whose session this is, while nobody knows yet which tenant asks: one digest, one row, and only while it counts. Being asked
-- for keeps it awake.
CREATE FUNCTION find_session(wanted bytea, who_issuer text, idle interval)
RETURNS TABLE (id uuid, tenant_id uuid, tenant text, subject text, email text, name text, role text, ends_at timestamptz)
LANGUAGE sql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
    UPDATE sessions s SET seen_at = date_trunc('minute', now())
    WHERE s.digest = wanted AND s.ends_at > now() AND s.seen_at > now() - idle
        AND s.seen_at < date_trunc('minute', now());
    SELECT s.id, s.tenant_id, t.name, s.subject, s.email, s.name, coalesce(m.role, s.role), s.ends_at
    FROM sessions s JOIN tenants t ON t.id = s.tenant_id LEFT JOIN members m ON m.id = s.member_id
    WHERE s.digest = wanted AND s.issuer = who_issuer AND s.ends_at > now() AND s.seen_at > now() - idle
$$;
REVOKE EXECUTE ON FUNCTION find_session(bytea, text, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_session(bytea, text, interval) TO stretto_app;

-- Logins and logouts. Sessions that merely ran out are swept away without a word.
CREATE TRIGGER audit_login AFTER INSERT ON sessions
    FOR EACH ROW EXECUTE FUNCTION audit_change('session', 'id', 'issuer,subject,email,role');
CREATE TRIGGER audit_logout AFTER DELETE ON sessions
    FOR EACH ROW WHEN (OLD.ends_at > now()) EXECUTE FUNCTION audit_change('session', 'id', 'subject,email');

-- Attempts to log in that came through: none counts twice, at whatever process. They belong to no tenant.
CREATE TABLE logins_used (
    digest  bytea PRIMARY KEY,
    until   timestamptz NOT NULL
);
CREATE INDEX logins_used_by_end ON logins_used (until);
GRANT SELECT, INSERT, DELETE ON logins_used TO stretto_app;
