-- The ledger of model calls, their sums by day, and price tables.

-- One row for each call of a deployment, and for each that was not made. Partitioned as runs are.
CREATE TABLE calls (
    id                   uuid NOT NULL,     -- UUIDv7; its time lies within a day of `at`
    tenant_id            uuid NOT NULL,
    at                   timestamptz NOT NULL,
    kind                 text NOT NULL CHECK (kind IN ('chat', 'embeddings')),
    run_id               uuid,
    flow                 text NOT NULL,
    path                 text NOT NULL,     -- the step's path, such as build[2].code
    step                 text NOT NULL,     -- the step's id: code
    attempt              integer NOT NULL,
    agent                text NOT NULL,
    priority             smallint NOT NULL,
    route                text NOT NULL,
    deployment           text NOT NULL,
    provider             text NOT NULL,
    model                text NOT NULL,
    input_tokens         bigint NOT NULL,   -- no token is counted in two classes, but reasoning, which is part of output
    cached_input_tokens  bigint NOT NULL,
    cache_write_tokens   bigint NOT NULL,
    output_tokens        bigint NOT NULL,
    reasoning_tokens     bigint NOT NULL,
    estimated            boolean NOT NULL,  -- the provider did not say how many
    price_version        text NOT NULL,
    cost_usd             numeric NOT NULL CHECK (cost_usd >= 0 AND cost_usd < 'Infinity'),
    ttft_s               double precision,
    duration_s           double precision NOT NULL,
    waited_s             double precision NOT NULL,
    ended                text NOT NULL CHECK (ended IN ('answered', 'failed', 'cancelled', 'not_made')),
    outcome              text NOT NULL,
    reason               text NOT NULL,
    error                text NOT NULL,
    cached               text NOT NULL,
    simulated            boolean NOT NULL,
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX calls_by_time ON calls (tenant_id, at);
CREATE INDEX calls_by_run ON calls (tenant_id, run_id) WHERE run_id IS NOT NULL;

-- The sums of calls by day (UTC). They outlive the calls, which go with their month. `key` is a digest of the
-- columns from kind to simulated, so that the index stays narrow.
CREATE TABLE usage_days (
    tenant_id            uuid NOT NULL,
    day                  date NOT NULL,
    key                  uuid NOT NULL,
    kind                 text NOT NULL,
    flow                 text NOT NULL,
    step                 text NOT NULL,
    agent                text NOT NULL,
    route                text NOT NULL,
    deployment           text NOT NULL,
    provider             text NOT NULL,
    model                text NOT NULL,
    priority             smallint NOT NULL,
    outcome              text NOT NULL,
    simulated            boolean NOT NULL,
    calls                bigint NOT NULL,
    failed               bigint NOT NULL,
    cancelled            bigint NOT NULL,
    not_made             bigint NOT NULL,
    cached               bigint NOT NULL,
    estimated            bigint NOT NULL,
    input_tokens         bigint NOT NULL,
    cached_input_tokens  bigint NOT NULL,
    cache_write_tokens   bigint NOT NULL,
    output_tokens        bigint NOT NULL,
    reasoning_tokens     bigint NOT NULL,
    cost_usd             numeric NOT NULL,
    PRIMARY KEY (tenant_id, day, key)
) WITH (fillfactor = 50);                   -- today's rows change all the time: leave them room to stay on their page

-- Which prices a version stood for, so that any cost can be reckoned again. Belongs to no tenant.
CREATE TABLE price_versions (
    version     text PRIMARY KEY,
    document    text NOT NULL,              -- prices by deployment, JSON; text, so that no digit is lost
    first_used  timestamptz NOT NULL
);

DO $$
DECLARE
    name text;
    own constant text := 'tenant_id = nullif(current_setting(''stretto.tenant'', true), '''')::uuid';
BEGIN
    FOREACH name IN ARRAY ARRAY['calls', 'usage_days'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (%s) WITH CHECK (%s)', name, own, own);
    END LOOP;
END $$;

-- What was written down is never changed or removed; the sums alone grow.
GRANT SELECT, INSERT ON calls, price_versions TO stretto_app;
GRANT SELECT, INSERT, UPDATE ON usage_days TO stretto_app;
