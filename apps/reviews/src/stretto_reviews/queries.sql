-- sampled --
-- Whether the samples' import is there, and over.
SELECT finished_at IS NOT NULL FROM stretto_reviews.imports WHERE id = %(import_id)s

-- put_customers --
-- The samples' customers who are new.
INSERT INTO stretto_reviews.customers (tenant_id, email, name, opted_into_loyalty, created_at)
SELECT DISTINCT ON (each.email) %(tenant_id)s, each.email, each.name, each.opted_into_loyalty, each.since
FROM jsonb_to_recordset(%(rows)s::jsonb) AS each (email text, name text, opted_into_loyalty boolean, since timestamptz)
ORDER BY each.email, each.since
ON CONFLICT (tenant_id, email) DO NOTHING

-- put_products --
-- The samples' products that are new.
INSERT INTO stretto_reviews.products (tenant_id, external_id, name, price, inventory_quantity)
SELECT DISTINCT ON (each.product_id) %(tenant_id)s, each.product_id, each.product, each.total_amount / each.quantity,
       length(each.product) * 7 %% 60
FROM jsonb_to_recordset(%(rows)s::jsonb) AS each (product_id text, product text, total_amount numeric, quantity integer)
ORDER BY each.product_id
ON CONFLICT (tenant_id, external_id) DO NOTHING

-- put_purchases --
-- Purchases of customers and products that are known; the same ones again change nothing.
INSERT INTO stretto_reviews.purchases (tenant_id, customer_id, product_id, order_id, quantity, total_amount, purchased_at)
SELECT %(tenant_id)s, c.id, p.id, each.order_id, each.quantity, each.total_amount, each.purchased_at
FROM jsonb_to_recordset(%(rows)s::jsonb) AS each (email text, product_id text, order_id text, quantity integer,
                                                  total_amount numeric, purchased_at timestamptz)
JOIN stretto_reviews.customers c ON c.tenant_id = %(tenant_id)s AND c.email = each.email
JOIN stretto_reviews.products p ON p.tenant_id = %(tenant_id)s AND p.external_id = each.product_id
ON CONFLICT (tenant_id, order_id, line) DO NOTHING

-- want_figures --
-- Something has changed that figures count.
SELECT stretto_reviews.want_figures()

-- keep_figures --
-- The figures anew, where they are due.
SELECT stretto_reviews.keep_figures()

-- forgotten --
-- The reviews of months that lie wholly before a day, of all tenants; for the owner of the tables.
SELECT tenant_id, id FROM stretto_reviews.reviews
WHERE created_at < date_trunc('month', %(before)s::timestamp AT TIME ZONE 'UTC', 'UTC') AND created_at >= '1995-01-01 00:00+00'
  AND indexed_at IS NOT NULL

-- drop_months --
-- Drop these months.
SELECT stretto_reviews.drop_months(%(before)s::date)
