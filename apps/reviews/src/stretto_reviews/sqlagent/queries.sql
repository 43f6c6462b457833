-- begin_asking --
-- Written down for whom this transaction asks. It is rolled back at the end, so that nobody else ever sees this row.
INSERT INTO stretto_reviews.asking (tenant_id) VALUES (%(tenant_id)s)

-- be_careful --
-- From here on the transaction changes nothing, waits for nobody, and uses little.
SELECT set_config('transaction_read_only', 'on', true), set_config('statement_timeout', %(timeout_ms)s, true),
       set_config('lock_timeout', '1s', true), set_config('work_mem', '16MB', true), set_config('hash_mem_multiplier', '1', true),
       set_config('max_parallel_workers_per_gather', '0', true), set_config('jit', 'off', true),
       set_config('standard_conforming_strings', 'on', true)

-- ask --
-- The rows of a checked statement as JSON; a NULL says that there were more than so many bytes.
SELECT line FROM stretto_reviews.ask(%(statement)s, %(most_bytes)s) AS line

-- names --
-- The names that a question may hold: products, sources and themes of this tenant, those in most use first.
(SELECT 'product' AS kind, p.name FROM stretto_reviews.products p WHERE p.tenant_id = %(tenant_id)s
 GROUP BY p.name ORDER BY max(p.updated_at) DESC LIMIT %(most)s)
UNION ALL
(SELECT 'source', s.source FROM stretto_reviews.daily_sentiment s WHERE s.tenant_id = %(tenant_id)s
 GROUP BY s.source ORDER BY sum(s.reviews) DESC LIMIT %(most)s)
UNION ALL
(SELECT 'theme', t.theme FROM stretto_reviews.daily_themes t WHERE t.tenant_id = %(tenant_id)s
 GROUP BY t.theme ORDER BY sum(t.reviews) DESC LIMIT %(most)s)
