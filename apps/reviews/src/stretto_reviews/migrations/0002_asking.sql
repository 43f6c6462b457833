-- Questions that became SQL run under a role of their own, which reads the columns that may be asked of one tenant and nothing else.
-- Row-level security by `stretto.tenant` alone would not do for them: a statement can set that itself, by `set_config`.

-- For whom this transaction asks. A row is written before the statement runs, and its transaction is always rolled back: so each
-- transaction sees its own row alone, and no statement that is run read-only can change it.
CREATE UNLOGGED TABLE asking (
    xid        xid8 PRIMARY KEY DEFAULT pg_current_xact_id(),
    tenant_id  uuid NOT NULL
);
ALTER TABLE asking ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON asking
    USING (tenant_id = nullif(current_setting('stretto.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('stretto.tenant', true), '')::uuid);
GRANT SELECT, INSERT ON asking TO stretto_app;

-- The figures are of the tenant that is set, and where somebody asks, of the one who asks.
CREATE OR REPLACE VIEW customer_ltv WITH (security_barrier) AS
SELECT * FROM all_customer_ltv WHERE tenant_id = nullif(current_setting('stretto.tenant', true), '')::uuid
   AND tenant_id = coalesce((SELECT a.tenant_id FROM asking a WHERE a.xid = pg_current_xact_id_if_assigned()), tenant_id);
CREATE OR REPLACE VIEW daily_sentiment WITH (security_barrier) AS
SELECT * FROM all_daily_sentiment WHERE tenant_id = nullif(current_setting('stretto.tenant', true), '')::uuid
   AND tenant_id = coalesce((SELECT a.tenant_id FROM asking a WHERE a.xid = pg_current_xact_id_if_assigned()), tenant_id);
CREATE OR REPLACE VIEW daily_themes WITH (security_barrier) AS
SELECT * FROM all_daily_themes WHERE tenant_id = nullif(current_setting('stretto.tenant', true), '')::uuid
   AND tenant_id = coalesce((SELECT a.tenant_id FROM asking a WHERE a.xid = pg_current_xact_id_if_assigned()), tenant_id);

-- The rows of a statement as JSON, up to so many bytes; a NULL at the end says that there were more. As it is STABLE, what changes
-- anything is refused; as it runs with its owner's rights, `role` cannot be set in it; and it tells when the tenant was changed.
CREATE FUNCTION ask(statement text, most_bytes integer) RETURNS SETOF text LANGUAGE plpgsql STABLE
    SET search_path = stretto_reviews, pg_temp AS $$
DECLARE
    tenant constant text := current_setting('stretto.tenant', true);
    line text;
    bytes bigint := 0;
BEGIN
    FOR line IN EXECUTE 'SELECT row_to_json(asked)::text FROM (' || statement || E'\n) AS asked' LOOP
        bytes := bytes + octet_length(line);
        IF bytes > most_bytes THEN
            RETURN NEXT NULL;
            EXIT;
        END IF;
        RETURN NEXT line;
    END LOOP;
    IF current_setting('stretto.tenant', true) IS DISTINCT FROM tenant THEN
        RAISE EXCEPTION 'the statement changed for whom it runs' USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$$;
REVOKE ALL ON FUNCTION ask(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ask(text, integer) TO stretto_app;

-- Who may make roles gets one for it. Elsewhere statements run as `stretto_app`, with row-level security and the checks above.
DO $$
DECLARE
    asker constant text := 'stretto_reviews_asker';
    name text;
BEGIN
    BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = asker) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT', asker);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;   -- another database of this server was faster
            END;
        END IF;
        IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
            BEGIN
                EXECUTE format('GRANT %I TO CURRENT_USER', asker);  -- so that the function can be given to it
            EXCEPTION WHEN insufficient_privilege THEN
                NULL;   -- made by somebody else, who may have granted it
            END;
        END IF;
        EXECUTE format('GRANT USAGE, CREATE ON SCHEMA stretto_reviews TO %I', asker);
        EXECUTE format('ALTER FUNCTION ask(text, integer) OWNER TO %I', asker);
        EXECUTE format('REVOKE CREATE ON SCHEMA stretto_reviews FROM %I', asker);
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = asker AND (rolsuper OR rolbypassrls)) THEN
            RAISE EXCEPTION 'The role % may do more than it should.', asker USING ERRCODE = 'insufficient_privilege';
        END IF;
    EXCEPTION WHEN insufficient_privilege THEN
        RAISE NOTICE 'The role % could not be made; questions run as stretto_app.', asker;
        RETURN;
    END;
    ALTER FUNCTION ask(text, integer) SECURITY DEFINER;
    GRANT SELECT ON asking TO stretto_reviews_asker;
    FOREACH name IN ARRAY ARRAY['customers', 'products', 'purchases', 'reviews', 'actions', 'points'] LOOP
        EXECUTE format('CREATE POLICY asker ON %I AS RESTRICTIVE FOR SELECT TO %I USING (tenant_id = '
                       '(SELECT a.tenant_id FROM stretto_reviews.asking a WHERE a.xid = pg_current_xact_id_if_assigned()))', name, asker);
    END LOOP;
    GRANT SELECT (id, created_at, source, external_id, product_id, customer_id, title, text, rating, language, latitude, longitude,
                  h3_cell, status, duplicate_of, similarity, spam_score, complexity, sentiment, themes, analysed_at)
        ON reviews TO stretto_reviews_asker;
    GRANT SELECT (id, email, name, opted_into_loyalty, account_status, loyalty_points, created_at) ON customers TO stretto_reviews_asker;
    GRANT SELECT (id, external_id, name, sku, price, inventory_quantity, low_stock_threshold, created_at)
        ON products TO stretto_reviews_asker;
    GRANT SELECT (id, customer_id, product_id, order_id, quantity, total_amount, purchased_at) ON purchases TO stretto_reviews_asker;
    GRANT SELECT (customer_id, review_id, reason, points, at) ON points TO stretto_reviews_asker;
    GRANT SELECT (review_id, customer_id, outcome, reasons, fraud_score, points, at) ON actions TO stretto_reviews_asker;
    GRANT SELECT (customer_id, total_purchases, total_spent, avg_order_value, first_purchase_at, last_purchase_at)
        ON customer_ltv TO stretto_reviews_asker;
    GRANT SELECT (day, source, reviews, avg_sentiment, avg_rating, positive, negative) ON daily_sentiment TO stretto_reviews_asker;
    GRANT SELECT (day, theme, reviews, avg_sentiment) ON daily_themes TO stretto_reviews_asker;
END $$;
