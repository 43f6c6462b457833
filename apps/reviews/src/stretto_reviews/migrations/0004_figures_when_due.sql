-- Figures are made anew where something has changed, but not for each import: they are those of all tenants.

CREATE TABLE figures (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    wanted_at timestamptz NOT NULL DEFAULT now(),       -- when something has changed last
    begun_at  timestamptz NOT NULL DEFAULT '-infinity', -- when they were last made
    took      interval NOT NULL DEFAULT '0'
);
INSERT INTO figures DEFAULT VALUES;
ALTER TABLE figures ENABLE ROW LEVEL SECURITY; -- without a policy: only the functions below come to it

-- Say that something has changed: in a transaction of its own, once the change is committed.
CREATE FUNCTION want_figures() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = stretto_reviews, pg_temp AS $$
    UPDATE figures SET wanted_at = clock_timestamp();
$$;
REVOKE ALL ON FUNCTION want_figures() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION want_figures() TO stretto_app;

-- Make them anew where they are due: wanted, or older than five minutes (customers' values go on with the days). Where that takes
-- long it is done a tenth of the time at most. Gives whether they were made.
CREATE FUNCTION keep_figures() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = stretto_reviews, pg_temp AS $$
DECLARE
    known figures;
    begun timestamptz := clock_timestamp();
BEGIN
    -- One process at a time; who finds another at it leaves the wish behind.
    IF NOT pg_try_advisory_xact_lock(7314520018500) THEN
        RETURN false;
    END IF;
    SELECT * INTO known FROM figures;
    IF known.wanted_at <= known.begun_at AND known.begun_at > begun - interval '5 minutes'
       OR known.took > interval '250 milliseconds' AND known.begun_at + 10 * known.took > begun THEN
        RETURN false;
    END IF;
    REFRESH MATERIALIZED VIEW CONCURRENTLY all_customer_ltv;
    REFRESH MATERIALIZED VIEW CONCURRENTLY all_daily_sentiment;
    REFRESH MATERIALIZED VIEW CONCURRENTLY all_daily_themes;
    UPDATE figures SET begun_at = begun, took = clock_timestamp() - begun;
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION keep_figures() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keep_figures() TO stretto_app;
DROP FUNCTION refresh_figures();
