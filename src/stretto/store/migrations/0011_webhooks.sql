-- Webhooks out and in.

-- Where events are sent to. Secrets are sealed with a key that is itself sealed among the providers' keys.
CREATE TABLE webhooks (
    id               uuid PRIMARY KEY,      -- UUIDv7
    tenant_id        uuid NOT NULL,
    url              text NOT NULL,
    types            text[] NOT NULL,       -- stretto.run.failed, or a beginning such as stretto.run.*
    description      text NOT NULL DEFAULT '',
    secret           bytea NOT NULL,        -- sealed: nonce (12 bytes), ciphertext, tag; bound to tenant and id
    secret_before    bytea,                 -- the one before a rotation, which signs, too …
    before_until     timestamptz,           -- … until then
    rotated_at       timestamptz,
    active           boolean NOT NULL DEFAULT true,
    disabled_reason  text,                  -- null: nobody disabled it, or a person did
    failing_since    timestamptz,           -- the first failure since the last success
    revision         integer NOT NULL DEFAULT 1,
    created_by       text NOT NULL DEFAULT '',
    created_at       timestamptz NOT NULL
);
CREATE INDEX webhooks_by_tenant ON webhooks (tenant_id, id);

-- What was sent, or is to be. Partitioned by the time in the event's id, as event_effects.
CREATE TABLE webhook_deliveries (
    event_id       uuid NOT NULL,
    webhook_id     uuid NOT NULL,
    tenant_id      uuid NOT NULL,
    type           text NOT NULL,
    body           text NOT NULL,           -- what is sent, to the byte: each attempt sends the same
    status         text NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed')),
    attempts       integer NOT NULL DEFAULT 0,
    next_at        timestamptz,             -- pending: when it is due, or when whoever has it in hand counts as dead
    claim          uuid,                    -- who has it in hand
    created_at     timestamptz NOT NULL,
    last_at        timestamptz,             -- of the last attempt, as all that follows
    response_code  integer,
    response_text  text,
    duration_ms    integer,
    error          text,
    PRIMARY KEY (event_id, webhook_id)
) PARTITION BY RANGE (event_id);
CREATE TABLE webhook_deliveries_else PARTITION OF webhook_deliveries DEFAULT;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_at) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_id, event_id);

-- From where webhooks come in. The public id stands in the address; what proves a request is its signature.
CREATE TABLE hook_sources (
    public_id   text PRIMARY KEY,
    tenant_id   uuid NOT NULL,
    name        text NOT NULL,
    scheme      text NOT NULL,              -- how it signs, such as github
    secret      bytea NOT NULL,             -- sealed, as that of webhooks
    active      boolean NOT NULL DEFAULT true,
    created_by  text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL,
    UNIQUE (tenant_id, name)
);

-- What has come in, so that it counts once.
CREATE TABLE hook_receipts (
    tenant_id     uuid NOT NULL,
    source        text NOT NULL,            -- its public id
    delivery_key  text NOT NULL,            -- the sender's id of it, or a digest of the body
    at            timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, source, delivery_key)
);
CREATE INDEX hook_receipts_by_age ON hook_receipts (at);

DO $$
DECLARE
    name text;
    own constant text := 'tenant_id = nullif(current_setting(''stretto.tenant'', true), '''')::uuid';
BEGIN
    FOREACH name IN ARRAY ARRAY['webhooks', 'webhook_deliveries', 'hook_sources', 'hook_receipts'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (%s) WITH CHECK (%s)', name, own, own);
    END LOOP;
END $$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON webhooks FOR EACH ROW
    EXECUTE FUNCTION audit_change('webhook', 'id', 'url,types,description,active,disabled_reason,rotated_at');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON hook_sources FOR EACH ROW
    EXECUTE FUNCTION audit_change('hook-source', 'name', 'scheme,active');

-- Which tenants have webhooks that are on, and when it was so.
CREATE FUNCTION webhook_tenants() RETURNS TABLE (moment timestamptz, tenants uuid[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
    SELECT now(), coalesce(array_agg(DISTINCT w.tenant_id), '{}') FROM webhooks w WHERE w.active
$$;

-- Take deliveries that are due, over all tenants, with what it takes to send them. Whoever takes them has them in hand for the
-- lease; if he dies, they are due again. `busy` says how many of a webhook he has in hand already, so that one that answers
-- slowly keeps nobody else waiting.
CREATE FUNCTION claim_webhook_deliveries(me uuid, lease interval, most integer, per_webhook integer, busy jsonb)
RETURNS TABLE (tenant_id uuid, webhook_id uuid, event_id uuid, attempts integer, body text, url text, active boolean,
               secret bytea, secret_before bytea)
LANGUAGE sql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
    WITH seen AS (
        SELECT d.event_id, d.webhook_id, d.next_at FROM webhook_deliveries d
        WHERE d.status = 'pending' AND d.next_at <= clock_timestamp()
          AND coalesce((busy ->> d.webhook_id::text)::integer, 0) < per_webhook
        ORDER BY d.next_at LIMIT 1000
    ), ranked AS (
        SELECT s.*, row_number() OVER (PARTITION BY s.webhook_id ORDER BY s.next_at) AS n FROM seen s
    ), chosen AS (
        SELECT d.event_id, d.webhook_id FROM webhook_deliveries d
        JOIN ranked r ON r.event_id = d.event_id AND r.webhook_id = d.webhook_id
        WHERE r.n <= per_webhook - coalesce((busy ->> d.webhook_id::text)::integer, 0)
          AND d.status = 'pending' AND d.next_at <= clock_timestamp()
        ORDER BY d.next_at LIMIT most FOR UPDATE OF d SKIP LOCKED
    ), taken AS (
        UPDATE webhook_deliveries d SET claim = me, next_at = clock_timestamp() + lease
        FROM chosen c WHERE d.event_id = c.event_id AND d.webhook_id = c.webhook_id
        RETURNING d.tenant_id, d.webhook_id, d.event_id, d.attempts, d.body
    )
    SELECT t.tenant_id, t.webhook_id, t.event_id, t.attempts, t.body, coalesce(w.url, ''), coalesce(w.active, false), w.secret,
           CASE WHEN w.before_until > clock_timestamp() THEN w.secret_before END
    FROM taken t LEFT JOIN webhooks w ON w.id = t.webhook_id
$$;

-- Whose address this is: one id, one row, while nobody knows yet whose request it is.
CREATE FUNCTION find_hook_source(wanted text) RETURNS TABLE (tenant_id uuid, name text, scheme text, secret bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
    SELECT s.tenant_id, s.name, s.scheme, s.secret FROM hook_sources s WHERE s.public_id = wanted AND s.active
$$;

-- Forget what came in before a time; returns how many.
CREATE FUNCTION forget_hook_receipts(before timestamptz) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
    WITH gone AS (DELETE FROM hook_receipts WHERE at < before RETURNING 1) SELECT count(*) FROM gone
$$;

GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks, hook_sources TO stretto_app;
GRANT SELECT, INSERT, UPDATE ON webhook_deliveries TO stretto_app;
GRANT SELECT, INSERT ON hook_receipts TO stretto_app;
REVOKE EXECUTE ON FUNCTION webhook_tenants(), claim_webhook_deliveries(uuid, interval, integer, integer, jsonb),
    find_hook_source(text), forget_hook_receipts(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION webhook_tenants(), claim_webhook_deliveries(uuid, interval, integer, integer, jsonb),
    find_hook_source(text), forget_hook_receipts(timestamptz) TO stretto_app;
