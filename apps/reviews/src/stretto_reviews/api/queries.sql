-- reviews --
-- A page of reviews, the latest written first.
SELECT r.id, r.created_at, r.source, r.external_id, p.name AS product, c.name AS customer, r.title, r.text, r.rating, r.language,
       r.latitude, r.longitude, r.h3_cell, r.status, r.duplicate_of, r.similarity, r.spam_score, r.spam_reasons, r.taken_back_by,
       r.sentiment::float8, r.themes, r.analysed_by, r.indexed_at IS NOT NULL AS indexed
FROM stretto_reviews.reviews r
LEFT JOIN stretto_reviews.products p ON p.id = r.product_id
LEFT JOIN stretto_reviews.customers c ON c.id = r.customer_id
WHERE (%(id)s::uuid IS NULL OR r.id = %(id)s)
  AND (%(status)s::text IS NULL OR r.status = %(status)s)
  AND (%(product)s::text IS NULL OR p.name = %(product)s)
  AND (%(theme)s::text IS NULL OR %(theme)s = ANY(r.themes))
  AND (%(cell)s::text IS NULL OR r.h3_cell BETWEEN %(first_cell)s AND %(last_cell)s)
  AND (%(source)s::text IS NULL OR r.source = %(source)s)
  AND (%(before)s::timestamptz IS NULL OR (r.created_at, r.id) < (%(before)s, %(before_id)s))
ORDER BY r.created_at DESC, r.id DESC LIMIT %(limit)s

-- totals --
-- How many reviews there are, and what became of them.
SELECT count(*), count(*) FILTER (WHERE status = 'analysed'), count(*) FILTER (WHERE status = 'duplicate'),
       count(*) FILTER (WHERE status = 'spam'), count(*) FILTER (WHERE status = 'analysed' AND indexed_at IS NOT NULL),
       round(avg(sentiment) FILTER (WHERE status = 'analysed'), 3)::float8, round(avg(rating) FILTER (WHERE status = 'analysed'), 3)::float8,
       count(*) FILTER (WHERE status = 'analysed' AND sentiment > 3), count(*) FILTER (WHERE status = 'analysed' AND sentiment < 2)
FROM stretto_reviews.reviews

-- days --
-- Volume and sentiment by day, over all sources.
SELECT day, sum(reviews)::integer, (sum(avg_sentiment * reviews) / nullif(sum(reviews) FILTER (WHERE avg_sentiment IS NOT NULL), 0))::float8,
       (sum(avg_rating * reviews) / nullif(sum(reviews) FILTER (WHERE avg_rating IS NOT NULL), 0))::float8,
       sum(positive)::integer, sum(negative)::integer
FROM stretto_reviews.daily_sentiment WHERE day >= %(since)s GROUP BY day ORDER BY day

-- themes --
-- The themes that are spoken of most, with how they are judged, and by month.
WITH best AS (
    SELECT theme, sum(reviews) AS reviews, sum(avg_sentiment * reviews) / nullif(sum(reviews), 0) AS sentiment
    FROM stretto_reviews.daily_themes WHERE day >= %(since)s GROUP BY theme ORDER BY 2 DESC, 1 LIMIT %(most)s
)
SELECT best.theme, best.reviews::integer, best.sentiment::float8,
       (SELECT jsonb_agg(jsonb_build_array(m.month, m.reviews, m.sentiment) ORDER BY m.month) FROM (
            SELECT date_trunc('month', day)::date AS month, sum(d.reviews)::integer AS reviews,
                   round(sum(d.avg_sentiment * d.reviews) / nullif(sum(d.reviews), 0), 3)::float8 AS sentiment
            FROM stretto_reviews.daily_themes d WHERE d.theme = best.theme AND d.day >= %(since)s GROUP BY 1) m)
FROM best ORDER BY best.reviews DESC, best.theme

-- by_product --
-- Products with their reviews.
SELECT p.external_id, p.name, p.sku, p.price::float8, p.inventory_quantity, p.low_stock_threshold, count(r.id)::integer,
       round(avg(r.sentiment), 3)::float8, round(avg(r.rating), 3)::float8
FROM stretto_reviews.products p
LEFT JOIN stretto_reviews.reviews r ON r.product_id = p.id AND r.status = 'analysed'
GROUP BY p.id ORDER BY count(r.id) DESC, p.name LIMIT 500

-- cells --
-- Where reviews come from: the cells of a resolution with most reviews, and how many there are in all. A cell is a number whose
-- digits lead down to it: with all finer ones set it is the last cell in its parent, and `less` takes that to the parent's own number.
WITH parents AS (
    SELECT (('x0' || h3_cell)::bit(64)::bigint | %(finer)s::bigint) - %(less)s::bigint AS cell, count(*)::integer AS reviews,
           avg(sentiment)::float8 AS sentiment
    FROM stretto_reviews.reviews WHERE h3_cell IS NOT NULL AND status = 'analysed' GROUP BY 1
)
SELECT to_hex(cell), reviews, sentiment, (count(*) OVER ())::integer FROM parents ORDER BY reviews DESC, cell LIMIT %(most)s

-- pairs --
-- Duplicates beside what they are copies of.
SELECT r.id, r.created_at, r.source, r.text, c.name, r.similarity, o.id, o.created_at, o.source, o.text, oc.name
FROM stretto_reviews.reviews r
JOIN stretto_reviews.reviews o ON o.id = r.duplicate_of
LEFT JOIN stretto_reviews.customers c ON c.id = r.customer_id
LEFT JOIN stretto_reviews.customers oc ON oc.id = o.customer_id
WHERE r.status = 'duplicate' AND (%(after)s::uuid IS NULL OR r.id < %(after)s)
ORDER BY r.id DESC LIMIT %(limit)s

-- customers --
-- Customers, those with most points first.
SELECT c.id, c.name, c.email, c.opted_into_loyalty, c.account_status, c.loyalty_points, c.created_at,
       l.total_purchases, l.total_spent::float8, l.avg_order_value::float8, l.daily_value::float8,
       (SELECT count(*) FROM stretto_reviews.reviews r WHERE r.customer_id = c.id)::integer
FROM stretto_reviews.customers c LEFT JOIN stretto_reviews.customer_ltv l ON l.customer_id = c.id
ORDER BY c.loyalty_points DESC, c.id LIMIT %(limit)s OFFSET %(offset)s

-- actions --
-- What came of reviews for their customers, the latest first.
SELECT a.review_id, c.name, a.outcome, a.reasons, a.fraud_score::float8, a.points, a.decided_by, a.at
FROM stretto_reviews.actions a LEFT JOIN stretto_reviews.customers c ON c.id = a.customer_id
WHERE %(customer_id)s::uuid IS NULL OR a.customer_id = %(customer_id)s
ORDER BY a.at DESC, a.review_id LIMIT %(limit)s

-- pulse --
-- A few numbers that tell whether anything is new.
SELECT (SELECT count(*) FROM stretto_reviews.reviews), (SELECT count(*) FROM stretto_reviews.reviews WHERE status = 'analysed'),
       (SELECT round(avg(sentiment), 3)::float8 FROM stretto_reviews.reviews WHERE status = 'analysed'),
       (SELECT coalesce(sum(points), 0)::integer FROM stretto_reviews.points),
       (SELECT count(*)::integer FROM stretto_reviews.imports WHERE finished_at IS NULL AND rows > 0)
