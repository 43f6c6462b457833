-- The review engine's own tables, in a schema of their own. Every row belongs to a tenant; row-level security keeps them apart.

CREATE TABLE customers (
    id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id           uuid NOT NULL,
    email               text NOT NULL,      -- lower case
    name                text NOT NULL DEFAULT '',
    opted_into_loyalty  boolean NOT NULL DEFAULT false,
    account_status      text NOT NULL DEFAULT 'active' CHECK (account_status IN ('active', 'suspended', 'deleted')),
    loyalty_points      integer NOT NULL DEFAULT 0,     -- the sum of `points`
    created_at          timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, email)
);

CREATE TABLE products (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id            uuid NOT NULL,
    external_id          text NOT NULL,     -- the shop's own, such as Shopify's
    name                 text NOT NULL,
    sku                  text NOT NULL DEFAULT '',
    price                numeric(10, 2),
    inventory_quantity   integer NOT NULL DEFAULT 0,
    low_stock_threshold  integer NOT NULL DEFAULT 10,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, external_id)
);

CREATE TABLE purchases (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id     uuid NOT NULL,
    customer_id   uuid REFERENCES customers ON DELETE SET NULL,
    product_id    uuid REFERENCES products ON DELETE SET NULL,
    order_id      text NOT NULL,
    line          text NOT NULL DEFAULT '1',    -- which line of the order
    quantity      integer NOT NULL CHECK (quantity > 0),
    total_amount  numeric(12, 2) NOT NULL,
    purchased_at  timestamptz NOT NULL,
    UNIQUE (tenant_id, order_id, line)
);
CREATE INDEX purchases_by_customer ON purchases (tenant_id, customer_id, purchased_at);

-- What was handed in to be taken: `import_rows` are its lines, until it is done.
CREATE TABLE imports (
    id           uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL,
    name         text NOT NULL,         -- of the file, or of who sent it
    rows         integer NOT NULL DEFAULT 0,
    done         integer NOT NULL DEFAULT 0,     -- of them
    taken        integer NOT NULL DEFAULT 0,
    known        integer NOT NULL DEFAULT 0,     -- were there under the same source and id
    duplicates   integer NOT NULL DEFAULT 0,
    spam         integer NOT NULL DEFAULT 0,
    rejected     integer NOT NULL DEFAULT 0,
    run_id       uuid,
    created_at   timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz
);
CREATE INDEX imports_by_tenant ON imports (tenant_id, created_at DESC);

CREATE TABLE import_rows (
    tenant_id  uuid NOT NULL,
    import_id  uuid NOT NULL,
    line       integer NOT NULL,
    body       jsonb NOT NULL,
    PRIMARY KEY (import_id, line)
);

CREATE TABLE rejects (
    tenant_id  uuid NOT NULL,
    import_id  uuid NOT NULL,
    line       integer NOT NULL,
    field      text NOT NULL,
    reason     text NOT NULL,
    body       text NOT NULL,           -- the line as it came, cut short
    PRIMARY KEY (import_id, line, field)
);

-- Reviews, by the month in which they were written. `review_keys` makes source and id of the source unique over all months.
CREATE TABLE reviews (
    id             uuid NOT NULL,
    tenant_id      uuid NOT NULL,
    created_at     timestamptz NOT NULL,    -- when it was written
    source         text NOT NULL,
    external_id    text NOT NULL,
    product_id     uuid,
    customer_id    uuid,
    title          text NOT NULL DEFAULT '',
    text           text NOT NULL,
    rating         smallint CHECK (rating BETWEEN 1 AND 5),
    language       text NOT NULL DEFAULT '',    -- ISO 639-1
    latitude       double precision,
    longitude      double precision,
    h3_cell        text COLLATE "C",            -- resolution 9
    status         text NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'analysed', 'duplicate', 'spam')),
    duplicate_of   uuid,
    similarity     real,                        -- to that one: Jaccard's, of three words in a row
    spam_score     real NOT NULL DEFAULT 0,
    spam_reasons   text[] NOT NULL DEFAULT '{}',
    complexity     real,                        -- 0 to 1
    analysed_by    text,                        -- what found sentiment and themes
    sentiment      numeric(3, 2) CHECK (sentiment BETWEEN 0 AND 5),
    themes         text[] NOT NULL DEFAULT '{}',
    import_id      uuid,
    line           integer,                     -- of that import
    taken_at       timestamptz NOT NULL DEFAULT now(),
    analysed_at    timestamptz,
    indexed_at     timestamptz,                 -- since when memory knows it
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX reviews_by_time ON reviews (tenant_id, created_at DESC, id);
CREATE INDEX reviews_by_product ON reviews (tenant_id, product_id, created_at DESC);
CREATE INDEX reviews_by_cell ON reviews (tenant_id, h3_cell) WHERE h3_cell IS NOT NULL;
CREATE INDEX reviews_by_import ON reviews (import_id, line);
CREATE INDEX reviews_by_id ON reviews (id);
CREATE INDEX reviews_to_index ON reviews (import_id, line) WHERE status = 'analysed' AND indexed_at IS NULL;
CREATE TABLE reviews_default PARTITION OF reviews DEFAULT;

CREATE TABLE review_keys (
    tenant_id    uuid NOT NULL,
    source       text NOT NULL,
    external_id  text NOT NULL,
    review_id    uuid NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, source, external_id)
);
CREATE UNIQUE INDEX review_keys_by_review ON review_keys (review_id);

-- Near duplicates: of each review's MinHash so many bands; who shares one is a candidate.
CREATE TABLE review_bands (
    tenant_id  uuid NOT NULL,
    band       bigint NOT NULL,         -- hash of the band's number and its part of the signature
    review_id  uuid NOT NULL,
    PRIMARY KEY (tenant_id, band, review_id)
);
CREATE INDEX review_bands_by_review ON review_bands (review_id);

-- What came of a review for its customer, and the points that were given: one row each, so nothing is given twice.
CREATE TABLE actions (
    tenant_id    uuid NOT NULL,
    review_id    uuid PRIMARY KEY,
    customer_id  uuid,
    outcome      text NOT NULL CHECK (outcome IN ('awarded', 'denied')),
    reasons      text[] NOT NULL DEFAULT '{}',
    fraud_score  real,
    points       integer NOT NULL DEFAULT 0,
    decided_by   text NOT NULL,         -- 'rules', or who decided
    at           timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX actions_by_tenant ON actions (tenant_id, at DESC);

CREATE TABLE points (
    tenant_id    uuid NOT NULL,
    customer_id  uuid NOT NULL REFERENCES customers ON DELETE CASCADE,
    review_id    uuid NOT NULL,
    reason       text NOT NULL,
    points       integer NOT NULL,
    at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, review_id, reason)
);
CREATE INDEX points_by_customer ON points (tenant_id, customer_id);

-- What is to be told to other systems (a campaign, points, a data set): sent once each, under its key.
CREATE TABLE deliveries (
    tenant_id   uuid NOT NULL,
    key         text NOT NULL,
    connector   text NOT NULL,
    body        jsonb NOT NULL,
    state       text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'sent', 'failed', 'off')),
    attempts    integer NOT NULL DEFAULT 0,
    error       text,
    due_at      timestamptz NOT NULL DEFAULT now(),
    created_at  timestamptz NOT NULL DEFAULT now(),
    sent_at     timestamptz,
    PRIMARY KEY (tenant_id, key)
);
CREATE INDEX deliveries_due ON deliveries (tenant_id, due_at) WHERE state = 'planned';

-- For whoever sends deliveries, and whoever plans those of data sets: which tenants there is something to do for.
CREATE FUNCTION due_tenants(most integer) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = stretto_reviews, pg_temp AS $$
    SELECT DISTINCT tenant_id FROM deliveries WHERE state = 'planned' AND due_at <= now() LIMIT most
$$;
CREATE FUNCTION data_tenants() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = stretto_reviews, pg_temp AS $$
    SELECT tenant_id FROM imports UNION SELECT tenant_id FROM products UNION SELECT tenant_id FROM customers
$$;
REVOKE ALL ON FUNCTION due_tenants(integer), data_tenants() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION due_tenants(integer), data_tenants() TO stretto_app;

-- Figures, refreshed on a schedule. Views without row-level security stay with the owner; the views over them show one tenant.
CREATE MATERIALIZED VIEW all_customer_ltv AS
SELECT tenant_id, customer_id, count(*) AS total_purchases, sum(total_amount) AS total_spent,
       round(avg(total_amount), 2) AS avg_order_value,
       min(purchased_at) AS first_purchase_at, max(purchased_at) AS last_purchase_at,
       round(sum(total_amount) / nullif(extract(day FROM max(purchased_at) - min(purchased_at)), 0), 4) AS daily_value
FROM purchases WHERE customer_id IS NOT NULL
GROUP BY tenant_id, customer_id;
CREATE UNIQUE INDEX ON all_customer_ltv (tenant_id, customer_id);

CREATE MATERIALIZED VIEW all_daily_sentiment AS
SELECT tenant_id, (created_at AT TIME ZONE 'UTC')::date AS day, source, count(*) AS reviews,
       round(avg(sentiment), 3) AS avg_sentiment, round(avg(rating), 3) AS avg_rating,
       count(*) FILTER (WHERE sentiment > 3) AS positive, count(*) FILTER (WHERE sentiment < 2) AS negative
FROM reviews WHERE status = 'analysed'
GROUP BY 1, 2, 3;
CREATE UNIQUE INDEX ON all_daily_sentiment (tenant_id, day, source);

CREATE MATERIALIZED VIEW all_daily_themes AS
SELECT tenant_id, (created_at AT TIME ZONE 'UTC')::date AS day, theme, count(*) AS reviews, round(avg(sentiment), 3) AS avg_sentiment
FROM reviews CROSS JOIN LATERAL unnest(themes) AS theme WHERE status = 'analysed'
GROUP BY 1, 2, 3;
CREATE UNIQUE INDEX ON all_daily_themes (tenant_id, day, theme);

CREATE VIEW customer_ltv WITH (security_barrier) AS
SELECT * FROM all_customer_ltv WHERE tenant_id = nullif(current_setting('stretto.tenant', true), '')::uuid;
CREATE VIEW daily_sentiment WITH (security_barrier) AS
SELECT * FROM all_daily_sentiment WHERE tenant_id = nullif(current_setting('stretto.tenant', true), '')::uuid;
CREATE VIEW daily_themes WITH (security_barrier) AS
SELECT * FROM all_daily_themes WHERE tenant_id = nullif(current_setting('stretto.tenant', true), '')::uuid;
GRANT SELECT ON customer_ltv, daily_sentiment, daily_themes TO stretto_app;

CREATE FUNCTION refresh_figures() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = stretto_reviews, pg_temp AS $$
BEGIN
    -- One process at a time; who finds another at it has nothing to do.
    IF pg_try_advisory_xact_lock(7314520018500) THEN
        REFRESH MATERIALIZED VIEW CONCURRENTLY all_customer_ltv;
        REFRESH MATERIALIZED VIEW CONCURRENTLY all_daily_sentiment;
        REFRESH MATERIALIZED VIEW CONCURRENTLY all_daily_themes;
    END IF;
END
$$;
REVOKE ALL ON FUNCTION refresh_figures() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION refresh_figures() TO stretto_app;

-- The partition of a month, made before the first review of it is written. Reviews of nonsensical times have the default one.
CREATE FUNCTION ensure_month(month date) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = stretto_reviews, pg_temp AS $$
DECLARE
    first date := date_trunc('month', month)::date;
    name text := 'reviews_' || to_char(first, 'YYYY_MM');
BEGIN
    IF first < date '1995-01-01' OR first > now() + interval '2 months' OR to_regclass('stretto_reviews.' || name) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(7314520018501);
    IF to_regclass('stretto_reviews.' || name) IS NULL THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF reviews FOR VALUES FROM (%L) TO (%L)', name,
                       first::text || ' 00:00+00', (first + interval '1 month')::date::text || ' 00:00+00');
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    END IF;
END
$$;
REVOKE ALL ON FUNCTION ensure_month(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ensure_month(date) TO stretto_app;

-- Months that lie wholly before a day are dropped, with what belongs to their reviews; for the owner of the tables.
CREATE FUNCTION drop_months(before date) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'stretto_reviews.reviews'::regclass AND c.relname ~ '^reviews_\d{4}_\d{2}$'
          AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= before
    LOOP
        EXECUTE format('DELETE FROM stretto_reviews.review_bands b USING stretto_reviews.%I r WHERE r.id = b.review_id', name);
        EXECUTE format('DELETE FROM stretto_reviews.review_keys k USING stretto_reviews.%I r WHERE r.id = k.review_id', name);
        EXECUTE format('DROP TABLE stretto_reviews.%I', name);
        RETURN NEXT name;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION drop_months(date) FROM PUBLIC;

DO $$
DECLARE
    name text;
    own constant text := 'tenant_id = nullif(current_setting(''stretto.tenant'', true), '''')::uuid';
BEGIN
    FOREACH name IN ARRAY ARRAY['customers', 'products', 'purchases', 'imports', 'import_rows', 'rejects', 'reviews', 'reviews_default',
                                'review_keys', 'review_bands', 'actions', 'points', 'deliveries'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (%s) WITH CHECK (%s)', name, own, own);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['customers', 'products', 'purchases', 'imports', 'import_rows', 'rejects', 'reviews',
                                'review_keys', 'review_bands', 'actions', 'points', 'deliveries'] LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO stretto_app', name);
    END LOOP;
END $$;
