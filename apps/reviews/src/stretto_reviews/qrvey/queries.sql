-- The data sets, in pages after a place. Run by qrvey/sets.py only.

-- sentiment_trends --
-- What was said on each day, by source, from a day on
SELECT day, source, reviews, avg_sentiment, avg_rating, positive, negative FROM stretto_reviews.daily_sentiment
WHERE tenant_id = %(tenant_id)s AND day >= %(since)s
  AND (%(after)s::jsonb IS NULL OR (day, source) > ((%(after)s::jsonb ->> 0)::date, %(after)s::jsonb ->> 1))
ORDER BY day, source LIMIT %(limit)s;

-- customer_ltv --
-- What each customer has bought
SELECT customer_id, total_purchases, total_spent, avg_order_value, daily_value FROM stretto_reviews.customer_ltv
WHERE tenant_id = %(tenant_id)s AND (%(after)s::jsonb IS NULL OR customer_id > (%(after)s::jsonb ->> 0)::uuid)
ORDER BY customer_id LIMIT %(limit)s;

-- inventory_alerts --
-- Products that are low or out of stock, among those that are watched
SELECT id, sku, inventory_quantity, low_stock_threshold,
       CASE WHEN inventory_quantity <= 0 THEN 'out_of_stock' ELSE 'low_stock' END, updated_at
FROM stretto_reviews.products
WHERE tenant_id = %(tenant_id)s AND low_stock_threshold >= 0 AND inventory_quantity <= low_stock_threshold
  AND (%(after)s::jsonb IS NULL OR id > (%(after)s::jsonb ->> 0)::uuid)
ORDER BY id LIMIT %(limit)s;
