-- Keys of tenants for the HTTP doors.

CREATE TABLE api_keys (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL REFERENCES tenants,
    prefix      text NOT NULL UNIQUE,   -- what a key is called and found by; no secret
    name        text NOT NULL,
    digest      bytea NOT NULL,         -- SHA-256 of the secret, which has 256 random bits: no slow hash is needed
    created_at  timestamptz NOT NULL,
    revoked_at  timestamptz
);
CREATE INDEX api_keys_by_tenant ON api_keys (tenant_id, created_at);
ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON api_keys
    USING (tenant_id = nullif(current_setting('stretto.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('stretto.tenant', true), '')::uuid);
GRANT SELECT, INSERT ON api_keys TO stretto_app;

-- Whose key has this prefix, while nobody knows yet which tenant asks: one prefix, one row, and only while it counts.
CREATE FUNCTION find_api_key(wanted text) RETURNS TABLE (tenant_id uuid, key_id uuid, digest bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
    SELECT k.tenant_id, k.id, k.digest FROM api_keys k WHERE k.prefix = wanted AND k.revoked_at IS NULL
$$;
REVOKE EXECUTE ON FUNCTION find_api_key(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_api_key(text) TO stretto_app;
