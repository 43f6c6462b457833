-- All SQL of connectors. Run by connectors/store.py only.

-- plan --
-- Deliveries that are new under their keys; gives how many
WITH added AS (
    INSERT INTO stretto_reviews.deliveries (tenant_id, key, connector, body)
    SELECT DISTINCT ON (key) %(tenant_id)s, key, connector, body::jsonb
    FROM unnest(%(keys)s::text[], %(connectors)s::text[], %(bodies)s::text[]) AS g(key, connector, body)
    ORDER BY key
    ON CONFLICT (tenant_id, key) DO NOTHING
    RETURNING 1
)
SELECT count(*) FROM added;

-- due_tenants --
-- Tenants with deliveries that are due
SELECT stretto_reviews.due_tenants(%(most)s);

-- data_tenants --
-- Tenants that have data here
SELECT stretto_reviews.data_tenants();

-- claim --
-- Take deliveries that are due, for so long; another process passes over them
WITH due AS (
    SELECT key FROM stretto_reviews.deliveries
    WHERE tenant_id = %(tenant_id)s AND state = 'planned' AND due_at <= clock_timestamp()
    ORDER BY due_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
UPDATE stretto_reviews.deliveries d
SET attempts = d.attempts + 1, due_at = clock_timestamp() + make_interval(secs => %(lease_s)s)
FROM due WHERE d.tenant_id = %(tenant_id)s AND d.key = due.key
RETURNING d.key, d.connector, d.body, d.attempts, d.created_at;

-- settle --
-- What became of attempts, each unless another process has it in hand since. Without a pause it is over; what was not tried does not count
UPDATE stretto_reviews.deliveries d
SET state = %(state)s, error = %(error)s, attempts = CASE WHEN %(tried)s THEN d.attempts ELSE d.attempts - 1 END,
    due_at = clock_timestamp() + make_interval(secs => %(pause_s)s),
    sent_at = CASE WHEN %(state)s = 'sent' THEN clock_timestamp() END
FROM unnest(%(keys)s::text[], %(attempts)s::integer[]) AS g(key, attempts)
WHERE d.tenant_id = %(tenant_id)s AND d.key = g.key AND d.attempts = g.attempts AND d.state = 'planned';

-- send_again --
-- Deliveries that failed, or whose connector was off, are due anew
UPDATE stretto_reviews.deliveries SET state = 'planned', attempts = 0, error = NULL, due_at = clock_timestamp()
WHERE tenant_id = %(tenant_id)s AND state IN ('failed', 'off')
  AND (%(connector)s::text IS NULL OR connector = %(connector)s) AND (%(key)s::text IS NULL OR key = %(key)s);

-- deliveries --
-- Deliveries, the latest first, after one
SELECT key, connector, body, state, attempts, error, due_at, created_at, sent_at FROM stretto_reviews.deliveries d
WHERE tenant_id = %(tenant_id)s AND (%(connector)s::text IS NULL OR connector = %(connector)s)
  AND (%(state)s::text IS NULL OR state = %(state)s)
  AND (%(before)s::text IS NULL OR (created_at, key) < (
      SELECT b.created_at, b.key FROM stretto_reviews.deliveries b WHERE b.tenant_id = %(tenant_id)s AND b.key = %(before)s))
ORDER BY created_at DESC, key DESC LIMIT %(limit)s;
