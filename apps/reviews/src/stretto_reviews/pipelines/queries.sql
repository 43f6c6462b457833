-- next_lines --
-- How far the next lines of an import go.
SELECT max(line) FROM (
    SELECT line FROM stretto_reviews.import_rows
    WHERE import_id = %(import_id)s AND line > %(after)s ORDER BY line LIMIT %(most)s) AS next

-- lines --
-- These lines of an import.
SELECT line, body FROM stretto_reviews.import_rows
WHERE import_id = %(import_id)s AND line > %(after)s AND line <= %(upto)s ORDER BY line

-- put_customers --
-- Customers who are new; who says anew whether he wants points is asked no more.
INSERT INTO stretto_reviews.customers AS c (tenant_id, email, name, opted_into_loyalty, created_at)
SELECT %(tenant_id)s, each.email, each.name, coalesce(each.opted_in, false), least(each.since, now())
FROM unnest(%(emails)s::text[], %(names)s::text[], %(opted_in)s::boolean[], %(since)s::timestamptz[])
     AS each (email, name, opted_in, since)
ORDER BY each.email
ON CONFLICT (tenant_id, email) DO NOTHING

-- customers --
-- Who is known under these addresses.
SELECT email, id FROM stretto_reviews.customers WHERE tenant_id = %(tenant_id)s AND email = ANY(%(emails)s)

-- put_products --
-- Products that are new; what is in stock of them nobody has said.
INSERT INTO stretto_reviews.products (tenant_id, external_id, name, low_stock_threshold)
SELECT %(tenant_id)s, each.id, each.name, -1 FROM unnest(%(ids)s::text[], %(names)s::text[]) AS each (id, name)
ORDER BY each.id
ON CONFLICT (tenant_id, external_id) DO NOTHING

-- products --
-- What is known under these ids.
SELECT external_id, id FROM stretto_reviews.products WHERE tenant_id = %(tenant_id)s AND external_id = ANY(%(ids)s)

-- months --
-- The partitions of these months.
SELECT stretto_reviews.ensure_month(month) FROM unnest(%(months)s::date[]) AS month

-- put_keys --
-- Which of these reviews are new, by source and id of the source.
INSERT INTO stretto_reviews.review_keys (tenant_id, source, external_id, review_id, created_at)
SELECT %(tenant_id)s, each.source, each.external_id, each.id, each.created_at
FROM unnest(%(sources)s::text[], %(external_ids)s::text[], %(ids)s::uuid[], %(created_at)s::timestamptz[])
     AS each (source, external_id, id, created_at)
ORDER BY each.source, each.external_id
ON CONFLICT (tenant_id, source, external_id) DO NOTHING
RETURNING review_id

-- put_reviews --
-- Reviews that were taken.
INSERT INTO stretto_reviews.reviews
    (id, tenant_id, created_at, source, external_id, product_id, customer_id, title, text, rating, language, latitude, longitude,
     status, duplicate_of, similarity, spam_score, spam_reasons, complexity, import_id, line)
SELECT each.id, %(tenant_id)s, each.created_at, each.source, each.external_id, each.product_id, each.customer_id, each.title, each.text,
       each.rating, each.language, each.latitude, each.longitude, each.status, each.duplicate_of, each.similarity, each.spam_score,
       each.spam_reasons, each.complexity, %(import_id)s, each.line
FROM jsonb_to_recordset(%(rows)s::jsonb) AS each (
    id uuid, created_at timestamptz, source text, external_id text, product_id uuid, customer_id uuid, title text, text text,
    rating smallint, language text, latitude double precision, longitude double precision, status text, duplicate_of uuid,
    similarity real, spam_score real, spam_reasons text[], complexity real, line integer)

-- put_bands --
-- What near duplicates are found by.
INSERT INTO stretto_reviews.review_bands (tenant_id, band, review_id)
SELECT %(tenant_id)s, each.band, each.id FROM unnest(%(bands)s::bigint[], %(ids)s::uuid[]) AS each (band, id)
ON CONFLICT DO NOTHING

-- alike --
-- Reviews that share a band with others: of each band the first few.
SELECT each.band, found.review_id
FROM unnest(%(bands)s::bigint[]) AS each (band)
CROSS JOIN LATERAL (SELECT b.review_id FROM stretto_reviews.review_bands b
                    WHERE b.tenant_id = %(tenant_id)s AND b.band = each.band LIMIT 4) AS found

-- compared --
-- The texts that new reviews are compared with. An array of ids is looked up by index, where a join would read whole months.
SELECT r.id, r.text FROM stretto_reviews.reviews r WHERE r.id = ANY(%(ids)s::uuid[])

-- set_aside --
-- Reviews that somebody takes back, with what makes a line of an import of them; locked in order. `in_hand` are those that the import
-- that they came with has not counted yet.
SELECT r.id, r.created_at, r.source, r.external_id, r.title, r.text, r.rating, r.latitude, r.longitude, r.status,
       p.external_id AS product, c.email AS customer,
       EXISTS (SELECT FROM stretto_reviews.import_rows l WHERE l.import_id = r.import_id AND l.line = r.line) AS in_hand
FROM stretto_reviews.reviews r
LEFT JOIN stretto_reviews.products p ON p.id = r.product_id
LEFT JOIN stretto_reviews.customers c ON c.id = r.customer_id
WHERE r.id = ANY(%(ids)s::uuid[]) ORDER BY r.id FOR UPDATE OF r

-- take_back --
-- Reviews that were set aside are new again, as these lines of an import. What spoke for spam stays to be seen.
UPDATE stretto_reviews.reviews r
SET status = 'new', duplicate_of = NULL, similarity = NULL, import_id = %(import_id)s, line = each.line, taken_back_by = %(by)s
FROM unnest(%(ids)s::uuid[], %(lines)s::integer[]) AS each (id, line)
WHERE r.id = ANY(%(ids)s::uuid[]) AND r.id = each.id

-- fresh --
-- Of these lines of an import those whose reviews are still to be analysed.
SELECT id FROM stretto_reviews.reviews
WHERE import_id = %(import_id)s AND line > %(after)s AND line <= %(upto)s AND status = 'new' ORDER BY line

-- texts --
-- What is to be analysed: of these lines of an import, by which they are found in any month.
SELECT id, title, text, language, complexity, latitude, longitude FROM stretto_reviews.reviews
WHERE import_id = %(import_id)s AND line > %(after)s AND line <= %(upto)s AND id = ANY(%(ids)s::uuid[])

-- to_index --
-- Of an import the next reviews that memory does not know yet, with what it is to know.
SELECT r.id, r.title, r.text, r.source, r.rating, r.language, r.latitude, r.longitude, r.created_at, p.name, r.sentiment::float8, r.themes
FROM stretto_reviews.reviews r LEFT JOIN stretto_reviews.products p ON p.id = r.product_id
WHERE r.import_id = %(import_id)s AND r.status = 'analysed' AND r.indexed_at IS NULL
ORDER BY r.line LIMIT %(most)s

-- indexed --
-- Memory knows these reviews now.
UPDATE stretto_reviews.reviews SET indexed_at = now() WHERE id = ANY(%(ids)s::uuid[])

-- analysed --
-- What was found in reviews.
UPDATE stretto_reviews.reviews r
SET status = 'analysed', sentiment = each.sentiment, themes = each.themes, h3_cell = each.cell, analysed_by = each.by, analysed_at = now()
FROM jsonb_to_recordset(%(rows)s::jsonb) AS each (id uuid, sentiment numeric, themes text[], cell text, by text)
WHERE r.id = each.id AND r.import_id = %(import_id)s AND r.line > %(after)s AND r.line <= %(upto)s AND r.status = 'new'
RETURNING r.id

-- advance --
-- How far an import has come. Its lines go as they are counted, so that none counts twice; it is over with its last line.
WITH gone AS (
    DELETE FROM stretto_reviews.import_rows WHERE import_id = %(import_id)s AND line <= %(upto)s RETURNING line
), span AS (SELECT min(line) AS first, max(line) AS last, count(*)::integer AS lines FROM gone),
found AS (
    SELECT count(*)::integer AS taken, count(*) FILTER (WHERE r.status = 'duplicate')::integer AS duplicates,
           count(*) FILTER (WHERE r.status = 'spam')::integer AS spam
    FROM span JOIN stretto_reviews.reviews r ON r.import_id = %(import_id)s AND r.line BETWEEN span.first AND span.last
), bad AS (
    SELECT count(DISTINCT line)::integer AS lines FROM stretto_reviews.rejects
    WHERE import_id = %(import_id)s AND line IN (SELECT line FROM gone)
)
UPDATE stretto_reviews.imports i
SET done = i.done + span.lines, taken = i.taken + found.taken, duplicates = i.duplicates + found.duplicates,
    spam = i.spam + found.spam, rejected = i.rejected + bad.lines,
    known = i.known + greatest(span.lines - found.taken - bad.lines, 0),
    finished_at = CASE WHEN NOT EXISTS (SELECT FROM stretto_reviews.import_rows WHERE import_id = %(import_id)s AND line > %(upto)s)
                       THEN coalesce(i.finished_at, now()) END
FROM span, found, bad
WHERE i.id = %(import_id)s AND (span.lines > 0 OR i.finished_at IS NULL)
RETURNING i.finished_at IS NOT NULL

-- eligible --
-- Reviews whose customers may get points for them: the customer opted in and is active, the review has four stars or more and is
-- neither a duplicate nor spam. With what speaks for fraud.
SELECT r.id, r.customer_id, r.rating, r.sentiment, r.created_at, length(r.text) AS chars, c.created_at AS since, c.email, c.name,
       c.opted_into_loyalty AND c.account_status = 'active' AND r.rating >= 4 AND r.status = 'analysed' AS passes,
       c.opted_into_loyalty, c.account_status, r.status, p.name AS product, r.text,
       (SELECT count(*) FROM stretto_reviews.reviews o WHERE o.customer_id = r.customer_id
          AND o.created_at BETWEEN r.created_at - interval '1 day' AND r.created_at) AS in_a_day,
       EXISTS (SELECT FROM stretto_reviews.purchases b WHERE b.tenant_id = %(tenant_id)s AND b.customer_id = r.customer_id
          AND b.product_id = r.product_id) AS bought
FROM stretto_reviews.reviews r
JOIN stretto_reviews.customers c ON c.id = r.customer_id
LEFT JOIN stretto_reviews.products p ON p.id = r.product_id
WHERE r.id = ANY(%(ids)s::uuid[]) AND NOT EXISTS (SELECT FROM stretto_reviews.actions a WHERE a.review_id = r.id)

-- decide --
-- What came of reviews for their customers; what was decided before stays.
INSERT INTO stretto_reviews.actions (tenant_id, review_id, customer_id, outcome, reasons, fraud_score, points, decided_by)
SELECT %(tenant_id)s, each.review_id, each.customer_id, each.outcome, each.reasons, each.fraud_score, each.points, %(by)s
FROM jsonb_to_recordset(%(rows)s::jsonb) AS each (
    review_id uuid, customer_id uuid, outcome text, reasons text[], fraud_score real, points integer)
ORDER BY each.review_id
ON CONFLICT (review_id) DO NOTHING
RETURNING review_id, customer_id, outcome, points

-- give_points --
-- Points for reviews, once each, with the customer's sum.
WITH given AS (
    INSERT INTO stretto_reviews.points (tenant_id, customer_id, review_id, reason, points)
    SELECT %(tenant_id)s, each.customer_id, each.review_id, 'review', each.points
    FROM unnest(%(customers)s::uuid[], %(reviews)s::uuid[], %(points)s::integer[]) AS each (customer_id, review_id, points)
    ON CONFLICT DO NOTHING RETURNING customer_id, review_id, points
), sums AS (SELECT customer_id, sum(points) AS points FROM given GROUP BY customer_id),
locked AS (SELECT c.id FROM stretto_reviews.customers c JOIN sums ON sums.customer_id = c.id ORDER BY c.id FOR UPDATE OF c),
counted AS (
    UPDATE stretto_reviews.customers c SET loyalty_points = c.loyalty_points + sums.points
    FROM sums JOIN locked ON locked.id = sums.customer_id WHERE c.id = sums.customer_id RETURNING c.id, c.email, c.loyalty_points
)
SELECT given.review_id, given.points, counted.email, counted.loyalty_points FROM given JOIN counted ON counted.id = given.customer_id

-- product_names --
-- The products that reviews are about.
SELECT name FROM stretto_reviews.products ORDER BY name LIMIT 1000

-- not_indexed --
-- How many reviews memory does not know yet.
SELECT count(*) FROM stretto_reviews.reviews WHERE status = 'analysed' AND indexed_at IS NULL
