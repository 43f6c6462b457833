-- Tenants and their keys. What says "operator" runs with the owner's rights and sees all tenants; the rest runs as the
-- application's role. Run by auth/store.py only.

-- find_key --
-- Whose key has this prefix; no row when there is none, or when it was revoked
SELECT tenant_id, key_id, digest FROM find_api_key(%(prefix)s)

-- add_key --
-- Keep a tenant's new key
INSERT INTO api_keys (id, tenant_id, prefix, name, digest, created_at)
VALUES (%(key_id)s, %(tenant_id)s, %(prefix)s, %(name)s, %(digest)s, %(at)s)

-- add_tenant --
-- Operator: make a tenant; no row when the name is taken
INSERT INTO tenants (id, name, created_at) VALUES (%(tenant_id)s, %(name)s, %(at)s)
ON CONFLICT (name) DO NOTHING RETURNING id

-- tenants --
-- Operator: all tenants, or the one of this name
SELECT id, name, created_at FROM tenants WHERE %(name)s::text IS NULL OR name = %(name)s ORDER BY name

-- list_keys --
-- Operator: all keys, or those of one tenant, by tenant and age
SELECT t.name AS tenant, k.prefix, k.name, k.created_at, k.revoked_at
FROM api_keys k JOIN tenants t ON t.id = k.tenant_id
WHERE %(tenant)s::text IS NULL OR t.name = %(tenant)s
ORDER BY t.name, k.created_at, k.prefix

-- revoke_key --
-- Operator: end a key; the first time counts. Gives its tenant; no row when there is no such key
UPDATE api_keys k SET revoked_at = coalesce(k.revoked_at, %(at)s)
FROM tenants t WHERE t.id = k.tenant_id AND k.prefix = %(prefix)s
RETURNING t.name
