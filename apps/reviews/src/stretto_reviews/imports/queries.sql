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
-- Lines that could not be read count among the import's, and as rejected
UPDATE stretto_reviews.imports SET rows = rows + %(count)s, rejected = rejected + %(count)s
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

-- finish --
-- An import is over: its lines go
WITH gone AS (
    DELETE FROM stretto_reviews.import_rows WHERE tenant_id = %(tenant_id)s AND import_id = %(import_id)s
)
UPDATE stretto_reviews.imports SET finished_at = coalesce(finished_at, now()) WHERE tenant_id = %(tenant_id)s AND id = %(import_id)s RETURNING 1;
