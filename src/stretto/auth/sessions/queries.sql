-- Sessions of browsers. Run by auth/sessions/store.py only.

-- add_session --
-- Keep a session: of a member, whose role then counts as it stands, or with the role that the token named
INSERT INTO sessions
    (id, tenant_id, digest, issuer, subject, email, name, member_id, role, created_at, seen_at, ends_at)
SELECT %(id)s, %(tenant_id)s, %(digest)s, %(issuer)s, %(subject)s, %(email)s, %(name)s,
    CASE WHEN %(role)s::text IS NULL THEN (
        SELECT id FROM members
        WHERE tenant_id = %(tenant_id)s AND issuer = %(issuer)s AND subject = %(subject)s) END,
    %(role)s, %(at)s, %(at)s, %(ends_at)s

-- sweep_sessions --
-- Drop a tenant's sessions that are over, and of one person's the oldest beyond so many
DELETE FROM sessions WHERE tenant_id = %(tenant_id)s AND (ends_at <= %(at)s OR id IN (
    SELECT id FROM sessions
    WHERE tenant_id = %(tenant_id)s AND issuer = %(issuer)s AND subject = %(subject)s
    ORDER BY created_at DESC, id DESC OFFSET %(most)s))

-- find_session --
-- Whose session this is; no row when there is none that counts
SELECT id, tenant_id, tenant, subject, email, name, role, ends_at
FROM find_session(%(digest)s, %(issuer)s, make_interval(secs => %(idle_s)s))

-- end_session --
-- End a session
DELETE FROM sessions WHERE tenant_id = %(tenant_id)s AND id = %(id)s

-- sweep_logins --
-- Forget attempts to log in that could not come back any more
DELETE FROM logins_used WHERE until <= %(at)s

-- use_login --
-- Use an attempt to log in; no row when it has been used
INSERT INTO logins_used (digest, until) VALUES (%(digest)s, %(until)s) ON CONFLICT DO NOTHING RETURNING digest
