-- Tenants, keys, members and the audit log. What says "operator" runs with the owner's rights and sees all tenants; the rest
-- runs as the application's role. Run by auth/store.py only.

-- find_key --
-- Whose key has this prefix; no row when there is none, or when it no longer counts
SELECT tenant_id, key_id, digest, role, scopes, expires_at FROM find_api_key(%(prefix)s)

-- note_used --
-- Remember that these keys were used
SELECT note_keys_used(%(ids)s::uuid[])

-- add_key --
-- Keep a tenant's new key
INSERT INTO api_keys (id, tenant_id, prefix, name, digest, created_at, role, scopes, expires_at, created_by)
VALUES (%(id)s, %(tenant_id)s, %(prefix)s, %(name)s, %(digest)s, %(at)s, %(role)s, %(scopes)s, %(expires_at)s, %(by)s)

-- tenant_keys --
-- A tenant's keys, or the one of this prefix, latest first, a page at a time
SELECT id, prefix, name, role, scopes, created_at, created_by, last_used_at, expires_at, revoked_at, replaced_by
FROM api_keys
WHERE tenant_id = %(tenant_id)s AND (%(prefix)s::text IS NULL OR prefix = %(prefix)s)
    AND (%(before)s::uuid IS NULL OR id < %(before)s)
ORDER BY id DESC LIMIT %(limit)s

-- rights_of --
-- The role and scopes of the tenant's key or member of this id that still counts
SELECT role, scopes FROM api_keys
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND revoked_at IS NULL
    AND (expires_at IS NULL OR expires_at > clock_timestamp())
UNION ALL
SELECT role, NULL FROM members WHERE tenant_id = %(tenant_id)s AND id = %(id)s

-- end_key --
-- Let a key that counts end at this time, or earlier if it does already; another takes its place
UPDATE api_keys SET expires_at = least(expires_at, %(expires_at)s::timestamptz), replaced_by = %(replaced_by)s
WHERE tenant_id = %(tenant_id)s AND prefix = %(prefix)s AND revoked_at IS NULL
    AND (expires_at IS NULL OR expires_at > %(at)s)
RETURNING prefix

-- revoke_tenant_key --
-- End a tenant's key for good; the first time counts
UPDATE api_keys SET revoked_at = coalesce(revoked_at, %(at)s)
WHERE tenant_id = %(tenant_id)s AND prefix = %(prefix)s RETURNING prefix

-- add_tenant --
-- Operator: make a tenant; no row when the name is taken
INSERT INTO tenants (id, name, created_at) VALUES (%(tenant_id)s, %(name)s, %(at)s)
ON CONFLICT (name) DO NOTHING RETURNING id

-- tenants --
-- Operator: all tenants, or the one of this name
SELECT id, name, created_at, revision FROM tenants WHERE %(name)s::text IS NULL OR name = %(name)s ORDER BY name

-- get_tenant --
-- The tenant of this transaction
SELECT id, name, created_at, revision FROM tenants WHERE id = %(tenant_id)s

-- rename_tenant --
-- Give the tenant another name, if it still is as the caller has seen it
UPDATE tenants SET name = %(name)s, revision = revision + 1
WHERE id = %(tenant_id)s AND (%(revision)s::integer IS NULL OR revision = %(revision)s) RETURNING revision

-- find_tenant --
-- The id of the tenant of this name
SELECT find_tenant(%(name)s)

-- list_keys --
-- Operator: all keys, or those of one tenant, by tenant and age
SELECT t.name AS tenant, k.prefix, k.name, k.role, k.created_at, k.last_used_at, k.expires_at, k.revoked_at
FROM api_keys k JOIN tenants t ON t.id = k.tenant_id
WHERE %(tenant)s::text IS NULL OR t.name = %(tenant)s
ORDER BY t.name, k.created_at, k.prefix

-- any_key --
-- Operator: whether there is, or was, any key at all
SELECT EXISTS (SELECT FROM api_keys)

-- lock_keys --
-- Operator: of the processes that start together, let one make the first key. Held until the transaction ends
SELECT pg_advisory_xact_lock(7314520018402)

-- revoke_key --
-- Operator: end a key; the first time counts. Gives its tenant; no row when there is no such key
UPDATE api_keys k SET revoked_at = coalesce(k.revoked_at, %(at)s)
FROM tenants t WHERE t.id = k.tenant_id AND k.prefix = %(prefix)s
RETURNING t.name

-- memberships --
-- The tenants of somebody who has proved who he is
SELECT tenant_id, tenant, member_id, role, linked FROM find_memberships(%(issuer)s, %(subject)s, %(email)s)

-- link_member --
-- Remember who the invited member is
UPDATE members SET issuer = %(issuer)s, subject = %(subject)s
WHERE tenant_id = %(tenant_id)s AND id = %(member_id)s AND subject IS NULL

-- add_member --
-- Invite somebody by his e-mail address; no row when he is a member
INSERT INTO members (id, tenant_id, email, role, created_by, created_at)
VALUES (%(id)s, %(tenant_id)s, %(email)s, %(role)s, %(by)s, %(at)s)
ON CONFLICT (tenant_id, lower(email)) DO NOTHING RETURNING id

-- members --
-- A tenant's members, or the one of this id, latest first, a page at a time
SELECT id, email, role, subject IS NOT NULL AS joined, revision, created_by, created_at FROM members
WHERE tenant_id = %(tenant_id)s AND (%(id)s::uuid IS NULL OR id = %(id)s)
    AND (%(before)s::uuid IS NULL OR id < %(before)s)
ORDER BY id DESC LIMIT %(limit)s

-- lock_members --
-- Of the requests that change a tenant's members, let one go first. Held until the transaction ends
SELECT pg_advisory_xact_lock(hashtextextended('members of ' || %(tenant_id)s::text, 0))

-- lock_member --
-- A member that nobody else changes until the transaction ends
SELECT id, email, role, subject IS NOT NULL AS joined, revision, created_by, created_at FROM members
WHERE tenant_id = %(tenant_id)s AND id = %(id)s

-- change_member --
-- Give a member another role
UPDATE members SET role = %(role)s, revision = revision + 1 WHERE tenant_id = %(tenant_id)s AND id = %(id)s

-- owner_left --
-- An owner among the members; no row when there is none
SELECT id FROM members WHERE tenant_id = %(tenant_id)s AND role = 'owner' LIMIT 1

-- remove_member --
-- Remove a member
DELETE FROM members WHERE tenant_id = %(tenant_id)s AND id = %(id)s

-- list_audit --
-- The audit log, latest first, a page at a time
SELECT id, at, actor, action, target, outcome, times, request_id, address, detail FROM audit
WHERE tenant_id = %(tenant_id)s AND (%(before)s::bigint IS NULL OR id < %(before)s)
    AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)
    AND (%(actor)s::text IS NULL OR actor = %(actor)s)
    AND (%(action)s::text IS NULL OR starts_with(action, %(action)s))
    AND (%(since)s::timestamptz IS NULL OR at >= %(since)s) AND (%(until)s::timestamptz IS NULL OR at < %(until)s)
ORDER BY id DESC LIMIT %(limit)s

-- note_denials --
-- Write down attempts beyond one's rights, of whatever tenants
SELECT note_denials(%(denials)s::jsonb)
