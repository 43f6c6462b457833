-- Providers' keys, sealed.
-- No tenant_id: providers stand in stretto.yaml, which is the whole platform's, and their accounts are the operator's; tenants
-- use them through routes and never see a key. What stands here is of no use without the master key, which is not in the database.

CREATE TABLE provider_keys (
    name        text PRIMARY KEY,       -- as `sealed:NAME` in stretto.yaml names it
    sealed      bytea NOT NULL,         -- AES-256-GCM: nonce (12 bytes), ciphertext, tag; bound to the name
    master_id   bytea NOT NULL,         -- tells by which master key; says nothing about it
    updated_at  timestamptz NOT NULL
);
-- A transaction that is bound to a tenant sees none of them.
ALTER TABLE provider_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY platform ON provider_keys
    USING (nullif(current_setting('stretto.tenant', true), '') IS NULL)
    WITH CHECK (nullif(current_setting('stretto.tenant', true), '') IS NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON provider_keys TO stretto_app;
