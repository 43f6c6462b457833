-- All SQL of imports, in transactions of the tenant. Run by imports/store.py only.

-- begin --
-- A new import, unless it is there
INSERT INTO stretto_reviews.imports (id, tenant_id, name) VALUES (%(id)s, %(tenant_id)s, %(name)s) ON CONFLICT (id) DO NOTHING;

-- put_rows --
-- Lines of an import, those that are new, and their number
WITH added AS (
    INSERT INTO stretto_reviews.import_rows (tenant_id, import_id, line, body)
    SELECT %(tenant_id)s, %(import_id)s, line, body::jsonb FROM unnest(%(lines)s::integer[], %(bodies)s::text[]) AS g(line, body)
    ON CONFLICT (import_id, line) DO NOTHING
    RETURNING 1
), counted AS (
    UPDATE stretto_reviews.imports SET rows = rows + (SELECT count(*) FROM added)
    WHERE tenant_id = %(tenant_id)s AND id = %(import_id)s AND finished_at IS NULL
    RETURNING 1
)
SELECT (SELECT count(*) FROM added), EXISTS (SELECT FROM counted);

-- put_rejects --
-- What was rejected, of each line and field once; gives how many lines are new among them
WITH given AS (
    SELECT DISTINCT ON (line, field) line, field, reason, body
    FROM unnest(%(lines)s::integer[], %(fields)s::text[], %(reasons)s::text[], %(bodies)s::text[]) AS g(line, field, reason, body)
    WHERE NOT EXISTS (SELECT FROM stretto_reviews.rejects r WHERE r.import_id = %(import_id)s AND r.line = g.line)
), added AS (
    INSERT INTO stretto_reviews.rejects (tenant_id, import_id, line, field, reason, body)
    SELECT %(tenant_id)s, %(import_id)s, line, field, reason, body FROM given
    ON CONFLICT (import_id, line, field) DO NOTHING
    RETURNING line
)
SELECT count(DISTINCT line) FROM added;

-- count_unread --
-- Lines that could not be read count among the import's, as done and rejected
UPDATE stretto_reviews.imports SET rows = rows + %(count)s, done = done + %(count)s, rejected = rejected + %(count)s
WHERE tenant_id = %(tenant_id)s AND id = %(import_id)s;

-- rows --
-- Lines of an import after one, in order
SELECT line, body FROM stretto_reviews.import_rows
WHERE tenant_id = %(tenant_id)s AND import_id = %(import_id)s AND line > %(after)s ORDER BY line LIMIT %(limit)s;

-- rejects --
-- What was rejected of an import, after a line and field, in order
SELECT line, field, reason, body FROM stretto_reviews.rejects
WHERE tenant_id = %(tenant_id)s AND import_id = %(import_id)s AND (line, field) > (%(line)s, %(field)s)
ORDER BY line, field LIMIT %(limit)s;

-- imports --
-- Imports, the latest first, or the one of this id
SELECT id, name, rows, done, taken, known, duplicates, spam, rejected, run_id, created_at, finished_at
FROM stretto_reviews.imports i
WHERE tenant_id = %(tenant_id)s AND (%(id)s::uuid IS NULL OR id = %(id)s)
  AND (%(before)s::uuid IS NULL
       OR (created_at, id) < (SELECT b.created_at, b.id FROM stretto_reviews.imports b WHERE b.tenant_id = %(tenant_id)s AND b.id = %(before)s))
ORDER BY created_at DESC, id DESC LIMIT %(limit)s;

-- put_customer --
-- The customer of an address, made when he is new; a name that is known stays
INSERT INTO stretto_reviews.customers AS c (tenant_id, email, name) VALUES (%(tenant_id)s, %(email)s, %(name)s)
ON CONFLICT (tenant_id, email) DO UPDATE SET name = CASE WHEN c.name = '' THEN excluded.name ELSE c.name END
RETURNING id;

-- put_ordered_products --
-- Products that an order names and nobody has told of: nobody knows how many there are, so their stock is not watched
INSERT INTO stretto_reviews.products (tenant_id, external_id, name, sku, low_stock_threshold, updated_at)
SELECT DISTINCT ON (id) %(tenant_id)s, id, name, sku, -1, %(at)s
FROM unnest(%(ids)s::text[], %(names)s::text[], %(skus)s::text[]) AS g(id, name, sku) WHERE id IS NOT NULL
ORDER BY id
ON CONFLICT (tenant_id, external_id) DO NOTHING;

-- drop_lines --
-- Lines that an order has no more
DELETE FROM stretto_reviews.purchases
WHERE tenant_id = %(tenant_id)s AND order_id = %(order_id)s AND NOT line = ANY(%(lines)s::text[]);

-- put_purchases --
-- An order's lines as they are now; of those that are new so many pieces leave the stock, unless the shop has told of it since.
-- Gives the products that became low by it
WITH given AS (
    SELECT g.line, p.id AS product_id, g.quantity, g.total
    FROM unnest(%(lines)s::text[], %(ids)s::text[], %(quantities)s::integer[], %(totals)s::numeric[]) AS g(line, product, quantity, total)
    LEFT JOIN stretto_reviews.products p ON p.tenant_id = %(tenant_id)s AND p.external_id = g.product
), put AS (
    INSERT INTO stretto_reviews.purchases AS u (tenant_id, customer_id, product_id, order_id, line, quantity, total_amount, purchased_at)
    SELECT %(tenant_id)s, %(customer_id)s, product_id, %(order_id)s, line, quantity, total, %(at)s FROM given
    ON CONFLICT (tenant_id, order_id, line) DO UPDATE
    SET quantity = excluded.quantity, total_amount = excluded.total_amount, customer_id = coalesce(excluded.customer_id, u.customer_id)
    RETURNING product_id, quantity, xmax = 0 AS new
), sold AS (
    SELECT product_id, sum(quantity) AS pieces FROM put WHERE new AND product_id IS NOT NULL GROUP BY product_id
)
UPDATE stretto_reviews.products p SET inventory_quantity = greatest(0, p.inventory_quantity - s.pieces)
FROM sold s JOIN stretto_reviews.products b ON b.tenant_id = %(tenant_id)s AND b.id = s.product_id
WHERE p.tenant_id = %(tenant_id)s AND p.id = b.id AND p.low_stock_threshold >= 0 AND p.updated_at < %(at)s
RETURNING p.id, p.external_id, p.sku, p.name, p.inventory_quantity, p.low_stock_threshold,
          b.inventory_quantity > p.low_stock_threshold AND p.inventory_quantity <= p.low_stock_threshold;

-- put_product --
-- A product as the shop has it, unless something newer is known; gives it, and whether its stock has become low
WITH before AS (
    SELECT inventory_quantity, low_stock_threshold FROM stretto_reviews.products
    WHERE tenant_id = %(tenant_id)s AND external_id = %(external_id)s
)
INSERT INTO stretto_reviews.products AS p (tenant_id, external_id, name, sku, price, inventory_quantity, low_stock_threshold, updated_at)
VALUES (%(tenant_id)s, %(external_id)s, %(name)s, %(sku)s, %(price)s, coalesce(%(quantity)s::integer, 0),
        CASE WHEN %(quantity)s::integer IS NULL THEN -1 ELSE %(threshold)s END, %(updated_at)s)
ON CONFLICT (tenant_id, external_id) DO UPDATE
SET name = excluded.name, sku = excluded.sku, price = coalesce(excluded.price, p.price), updated_at = excluded.updated_at,
    inventory_quantity = CASE WHEN %(quantity)s::integer IS NULL THEN p.inventory_quantity ELSE excluded.inventory_quantity END,
    low_stock_threshold = CASE WHEN %(quantity)s::integer IS NULL THEN -1 WHEN p.low_stock_threshold < 0 THEN %(threshold)s
                               ELSE p.low_stock_threshold END
WHERE p.updated_at <= excluded.updated_at OR p.low_stock_threshold < 0
RETURNING p.id, p.external_id, p.sku, p.name, p.inventory_quantity, p.low_stock_threshold,
          p.inventory_quantity <= p.low_stock_threshold
          AND coalesce((SELECT b.low_stock_threshold < 0 OR b.inventory_quantity > b.low_stock_threshold FROM before b), true);
