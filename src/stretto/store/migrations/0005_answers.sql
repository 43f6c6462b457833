-- Kept answers: by tenant, route and request. Nothing here is needed for anything but speed and cost.

CREATE TABLE answers (
    tenant_id   uuid NOT NULL REFERENCES tenants,
    route       text NOT NULL,
    key         bytea NOT NULL,         -- SHA-256 of the canonical request
    rest        bytea,                  -- SHA-256 of the request without its last question; null: only for equal requests
    question    text,                   -- its last question
    model       text,                   -- what made the embedding
    embedding   vector,                 -- of the question; length as the model gives it
    answer      jsonb NOT NULL,
    kept_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, route, key)
);
CREATE INDEX answers_by_rest ON answers (tenant_id, route, rest, expires_at) WHERE rest IS NOT NULL;
CREATE INDEX answers_by_age ON answers (tenant_id, route, kept_at);
CREATE INDEX answers_expired ON answers (expires_at);

ALTER TABLE answers ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON answers
    USING (tenant_id = nullif(current_setting('stretto.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('stretto.tenant', true), '')::uuid);

-- Remove answers whose time is over, of all tenants; returns only how many.
CREATE FUNCTION drop_expired_answers(most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
DECLARE dropped integer;
BEGIN
    DELETE FROM answers a USING (
        SELECT tenant_id, route, key FROM answers WHERE expires_at <= clock_timestamp()
        ORDER BY expires_at LIMIT most FOR UPDATE SKIP LOCKED) e
    WHERE a.tenant_id = e.tenant_id AND a.route = e.route AND a.key = e.key;
    GET DIAGNOSTICS dropped = ROW_COUNT;
    RETURN dropped;
END $$;

GRANT SELECT, INSERT, UPDATE, DELETE ON answers TO stretto_app;
REVOKE EXECUTE ON FUNCTION drop_expired_answers(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION drop_expired_answers(integer) TO stretto_app;
