-- ensure_collection --
-- Make a collection unless it is there
INSERT INTO memory_collections (tenant_id, name, language, model, dimensions, created_at)
SELECT %(tenant_id)s, %(name)s, CASE WHEN %(language)s::regconfig IS NOT NULL THEN %(language)s END, %(model)s, %(dimensions)s, %(at)s ON CONFLICT (tenant_id, name) DO NOTHING;

-- collection --
-- What is known of a collection
SELECT id, name, language, model, dimensions, next_model, next_dimensions, items, words, created_at
FROM memory_collections WHERE tenant_id = %(tenant_id)s AND name = %(name)s;

-- lock_collection --
-- The same, locked until the transaction ends: what counts words has one writer at a time
SELECT id, name, language, model, dimensions, next_model, next_dimensions, items, words, created_at
FROM memory_collections WHERE tenant_id = %(tenant_id)s AND name = %(name)s FOR UPDATE;

-- collections --
-- All collections of the tenant, by name
SELECT id, name, language, model, dimensions, next_model, next_dimensions, items, words, created_at
FROM memory_collections WHERE tenant_id = %(tenant_id)s AND name > %(after)s ORDER BY name LIMIT %(limit)s;

-- unchanged --
-- Which of these items are there just as they are given
SELECT g.key FROM unnest(%(keys)s::text[], %(hashes)s::bytea[], %(metadata)s::text[], %(latitudes)s::float8[],
    %(longitudes)s::float8[]) AS g(key, hash, metadata, latitude, longitude)
JOIN memory_items i ON i.tenant_id = %(tenant_id)s AND i.collection_id = %(collection)s AND i.key = g.key
WHERE i.hash = g.hash AND i.metadata = g.metadata::jsonb AND i.latitude IS NOT DISTINCT FROM g.latitude
  AND i.longitude IS NOT DISTINCT FROM g.longitude;

-- known_vectors --
-- Vectors that this tenant has of these texts already, in whatever collection
SELECT DISTINCT ON (v.hash) v.hash, v.embedding::text FROM memory_vectors v
WHERE v.tenant_id = %(tenant_id)s AND v.model = %(model)s AND v.hash = ANY(%(hashes)s::bytea[])
  AND v.dimensions = %(dimensions)s;

-- forget_words --
-- Take the words of items that are there out of the index; the items stay
WITH old AS (
    SELECT id, words FROM memory_items
    WHERE tenant_id = %(tenant_id)s AND collection_id = %(collection)s AND key = ANY(%(keys)s::text[])
), gone AS (
    DELETE FROM memory_postings p USING old WHERE p.tenant_id = %(tenant_id)s AND p.item_id = old.id RETURNING p.term
), counted AS (
    SELECT term, count(*) AS n FROM gone GROUP BY term
), fewer AS (
    UPDATE memory_terms t SET items = t.items - c.n FROM counted c
    WHERE t.tenant_id = %(tenant_id)s AND t.collection_id = %(collection)s AND t.term = c.term
)
UPDATE memory_collections c SET items = c.items - o.n, words = c.words - o.words
FROM (SELECT count(*) AS n, coalesce(sum(words), 0) AS words FROM old) o
WHERE c.tenant_id = %(tenant_id)s AND c.id = %(collection)s AND o.n > 0;

-- put_items --
-- Write items, new or changed, with how many words of the language each has
INSERT INTO memory_items (tenant_id, collection_id, key, text, metadata, hash, words, latitude, longitude, cell, at)
SELECT %(tenant_id)s, %(collection)s, g.key, g.text, g.metadata::jsonb, g.hash,
    (SELECT coalesce(sum(cardinality(w.positions)), 0) FROM unnest(to_tsvector(%(language)s::regconfig, g.text)) w),
    g.latitude, g.longitude, g.cell, %(at)s
FROM unnest(%(keys)s::text[], %(texts)s::text[], %(metadata)s::text[], %(hashes)s::bytea[], %(latitudes)s::float8[],
    %(longitudes)s::float8[], %(cells)s::bigint[]) AS g(key, text, metadata, hash, latitude, longitude, cell)
ON CONFLICT (tenant_id, collection_id, key) DO UPDATE
SET text = excluded.text, metadata = excluded.metadata, hash = excluded.hash, words = excluded.words,
    latitude = excluded.latitude, longitude = excluded.longitude, cell = excluded.cell, at = excluded.at
RETURNING id, key, words;

-- count_items --
-- Enter items that have come into the collection's counts; gives the mean length of its items
UPDATE memory_collections SET items = items + %(items)s, words = words + %(words)s
WHERE tenant_id = %(tenant_id)s AND id = %(collection)s RETURNING words::float8 / greatest(items, 1);

-- put_words --
-- Index the words and labels of items. BM25 with k1 = 1.2 and b = 0.75 (Robertson and Zaragoza 2009)
WITH held AS (
    SELECT i.id, i.words, i.metadata, w.lexeme AS term, cardinality(w.positions) AS n
    FROM memory_items i, unnest(to_tsvector(%(language)s::regconfig, i.text)) w
    WHERE i.tenant_id = %(tenant_id)s AND i.id = ANY(%(ids)s::bigint[])
), posted AS (
    INSERT INTO memory_postings (tenant_id, collection_id, item_id, impact, term)
    SELECT %(tenant_id)s, %(collection)s, id,
        n * 2.2::float8 / (n + 1.2::float8 * (0.25::float8 + 0.75::float8 * words / greatest(%(mean)s::float8, 1))), term FROM held
    UNION ALL
    SELECT %(tenant_id)s, %(collection)s, l.id, 0, l.label
    FROM unnest(%(label_ids)s::bigint[], %(labels)s::text[]) AS l(id, label)
    ORDER BY 5, 4 DESC
    RETURNING term
)
INSERT INTO memory_terms AS t (tenant_id, collection_id, term, items)
SELECT %(tenant_id)s, %(collection)s, term, count(*) FROM posted GROUP BY term
ON CONFLICT (tenant_id, collection_id, term) DO UPDATE SET items = t.items + excluded.items;

-- put_vectors --
-- Write the vectors of items that still have the text that they were made of
WITH given AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(hashes)s::bytea[], %(vectors)s::text[], %(text_hashes)s::bytea[], %(pieces)s::integer[],
        %(begins)s::integer[], %(ends)s::integer[]) AS g(id, hash, vector, text_hash, piece, begins, ends)
)
INSERT INTO memory_vectors AS v (tenant_id, collection_id, model, item_id, dimensions, hash, embedding, piece, begins, ends, text_hash)
SELECT %(tenant_id)s, %(collection)s, %(model)s, g.id, %(dimensions)s, g.hash, g.vector::halfvec, g.piece, g.begins, g.ends, g.text_hash
FROM given g JOIN memory_items i ON i.tenant_id = %(tenant_id)s AND i.id = g.id AND i.hash = coalesce(g.text_hash, g.hash)
ON CONFLICT (tenant_id, collection_id, model, item_id, piece) DO UPDATE
SET dimensions = excluded.dimensions, hash = excluded.hash, embedding = excluded.embedding, begins = excluded.begins,
    ends = excluded.ends, text_hash = excluded.text_hash
WHERE v.hash <> excluded.hash;

-- drop_stale_vectors --
-- Remove vectors, of whatever model, that were made of another text of these items
DELETE FROM memory_vectors v USING memory_items i
WHERE i.tenant_id = %(tenant_id)s AND i.id = ANY(%(ids)s::bigint[]) AND v.tenant_id = i.tenant_id AND v.item_id = i.id
  AND coalesce(v.text_hash, v.hash) <> i.hash;

-- forget_items --
-- Remove items of which the words are out of the index already, with their vectors; gives their ids
WITH gone AS (
    DELETE FROM memory_items WHERE tenant_id = %(tenant_id)s AND collection_id = %(collection)s AND key = ANY(%(keys)s::text[])
    RETURNING id
), bare AS (
    DELETE FROM memory_vectors v USING gone WHERE v.tenant_id = %(tenant_id)s AND v.item_id = gone.id
)
SELECT id FROM gone;

-- drop_collection --
-- Remove a collection with all that is in it
WITH items AS (DELETE FROM memory_items WHERE tenant_id = %(tenant_id)s AND collection_id = %(collection)s),
postings AS (DELETE FROM memory_postings WHERE tenant_id = %(tenant_id)s AND collection_id = %(collection)s),
terms AS (DELETE FROM memory_terms WHERE tenant_id = %(tenant_id)s AND collection_id = %(collection)s),
vectors AS (DELETE FROM memory_vectors WHERE tenant_id = %(tenant_id)s AND collection_id = %(collection)s)
DELETE FROM memory_collections WHERE tenant_id = %(tenant_id)s AND id = %(collection)s;

-- weigh --
-- The words of a question that the collection holds, and the labels asked for, each with how many items hold it
SELECT t.term, t.items FROM memory_collections c
CROSS JOIN LATERAL (
    SELECT w.lexeme AS term FROM unnest(to_tsvector(c.language::regconfig, %(question)s)) w
    UNION SELECT unnest(%(labels)s::text[])
) asked
JOIN memory_terms t ON t.tenant_id = %(tenant_id)s AND t.collection_id = c.id AND t.term = asked.term
WHERE c.tenant_id = %(tenant_id)s AND c.name = %(name)s AND t.items > 0;

-- by_words --
-- The best items by BM25; of a frequent word only the best %(champions)s postings are read
SELECT p.item_id, sum(g.weight * p.impact) AS score FROM unnest(%(terms)s::text[], %(weights)s::float8[]) AS g(term, weight)
CROSS JOIN LATERAL (
    SELECT item_id, impact FROM memory_postings
    WHERE tenant_id = %(tenant_id)s AND collection_id = %(collection)s AND term = g.term
    ORDER BY impact DESC LIMIT %(champions)s) p
GROUP BY p.item_id ORDER BY score DESC, p.item_id LIMIT %(depth)s;

-- by_words_where --
-- The same among items that fulfil a condition
SELECT f.item_id, f.score FROM (
    SELECT p.item_id, sum(g.weight * p.impact) AS score
    FROM unnest(%(terms)s::text[], %(weights)s::float8[]) AS g(term, weight)
    CROSS JOIN LATERAL (
        SELECT item_id, impact FROM memory_postings
        WHERE tenant_id = %(tenant_id)s AND collection_id = %(collection)s AND term = g.term
        ORDER BY impact DESC LIMIT %(champions)s) p
    GROUP BY p.item_id ORDER BY score DESC, p.item_id) f
JOIN memory_items i ON i.tenant_id = %(tenant_id)s AND i.id = f.item_id
WHERE jsonb_path_match(i.metadata, %(condition)s::jsonpath, '{}', true)
ORDER BY f.score DESC, f.item_id LIMIT %(depth)s;

-- by_words_among --
-- The same among few items
SELECT p.item_id, sum(g.weight * p.impact) AS score FROM memory_postings p
JOIN unnest(%(terms)s::text[], %(weights)s::float8[]) AS g(term, weight) ON g.term = p.term
WHERE p.tenant_id = %(tenant_id)s AND p.collection_id = %(collection)s AND p.item_id = ANY(%(ids)s::bigint[])
GROUP BY p.item_id ORDER BY score DESC, p.item_id LIMIT %(depth)s;

-- labelled --
-- The items that have a label and fulfil a condition
SELECT i.id FROM memory_postings p JOIN memory_items i ON i.tenant_id = %(tenant_id)s AND i.id = p.item_id
WHERE p.tenant_id = %(tenant_id)s AND p.collection_id = %(collection)s AND p.term = %(label)s
  AND jsonb_path_match(i.metadata, %(condition)s::jsonpath, '{}', true)
ORDER BY i.id LIMIT %(limit)s;

-- by_place --
-- Items near a place. The finest cells in whose ring there are enough decide; then one ring wider, since the nearest may lie
-- behind a border; `froms` and `tos` are ranges of cells of resolution 9, `levels` say to which ring each belongs (1: the finest).
WITH RECURSIVE rings AS (
    SELECT * FROM unnest(%(levels)s::integer[], %(froms)s::bigint[], %(tos)s::bigint[]) AS r(level, low, high)
), walk AS (
    SELECT 0 AS level, 0::bigint AS found
    UNION ALL
    SELECT w.level + 1, (SELECT count(*) FROM (
        SELECT 1 FROM rings r JOIN memory_items i
        ON i.tenant_id = %(tenant_id)s AND i.collection_id = %(collection)s AND i.cell BETWEEN r.low AND r.high
        WHERE r.level = w.level + 1
          AND (%(condition)s::text IS NULL OR jsonb_path_match(i.metadata, %(condition)s::jsonpath, '{}', true))
        LIMIT %(depth)s) f)
    FROM walk w WHERE w.found < %(depth)s AND w.level < %(widest)s
), chosen AS (
    SELECT least(max(level) + 1, %(widest)s) AS level FROM walk
)
SELECT i.id, 2 * 6371.0088 * asin(sqrt(least(1.0, sin(radians(i.latitude - %(latitude)s) / 2) ^ 2
    + cos(radians(%(latitude)s)) * cos(radians(i.latitude)) * sin(radians(i.longitude - %(longitude)s) / 2) ^ 2))) AS distance_km
FROM chosen c JOIN rings r ON r.level = c.level
JOIN memory_items i ON i.tenant_id = %(tenant_id)s AND i.collection_id = %(collection)s AND i.cell BETWEEN r.low AND r.high
WHERE %(condition)s::text IS NULL OR jsonb_path_match(i.metadata, %(condition)s::jsonpath, '{}', true)
ORDER BY distance_km, i.id LIMIT %(depth)s;

-- plan_anew --
-- Plan what follows for its values: a plan for any values reads whole tables where a few rows are asked for
SELECT set_config('plan_cache_mode', 'force_custom_plan', true);

-- look_widely --
-- Let the vectors' index go on until there are enough that may be seen and fulfil the condition (pgvector 0.8)
SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('hnsw.ef_search', %(effort)s::text, true),
    set_config('hnsw.max_scan_tuples', '40000', true);

-- by_vector_exactly --
-- The nearest vectors, all of them compared; `+ 0` keeps the planner from the index. Of an item's pieces the nearest counts.
WITH near AS MATERIALIZED (
    SELECT v.item_id, v.begins, v.ends, v.embedding <=> %(vector)s::halfvec AS distance FROM memory_vectors v
    WHERE v.tenant_id = %(tenant_id)s AND v.collection_id = %(collection)s AND v.model = %(model)s
      AND (%(condition)s::text IS NULL OR EXISTS (
        SELECT FROM memory_items i WHERE i.tenant_id = %(tenant_id)s AND i.id = v.item_id
          AND jsonb_path_match(i.metadata, %(condition)s::jsonpath, '{}', true)))
    ORDER BY (v.embedding <=> %(vector)s::halfvec) + 0, v.item_id LIMIT %(reach)s
), best AS (
    SELECT DISTINCT ON (item_id) * FROM near ORDER BY item_id, distance
)
SELECT item_id, 1 - distance, begins, ends FROM best ORDER BY distance, item_id LIMIT %(depth)s;

-- by_vector_among --
-- The nearest of few items
WITH near AS MATERIALIZED (
    SELECT v.item_id, v.begins, v.ends, v.embedding <=> %(vector)s::halfvec AS distance
    FROM unnest(%(ids)s::bigint[]) AS among(id) JOIN memory_vectors v
    ON v.tenant_id = %(tenant_id)s AND v.collection_id = %(collection)s AND v.model = %(model)s AND v.item_id = among.id
), best AS (
    SELECT DISTINCT ON (item_id) * FROM near ORDER BY item_id, distance
)
SELECT item_id, 1 - distance, begins, ends FROM best ORDER BY distance, item_id LIMIT %(depth)s;

-- by_vector --
-- The nearest by the index on the signs of the numbers, and of these the nearest in full; of an item's pieces the nearest counts.
-- DIMENSIONS is put in by store.py, since an index is chosen by a constant.
WITH near AS MATERIALIZED (
    SELECT v.item_id, v.begins, v.ends, v.embedding FROM memory_vectors v
    WHERE v.tenant_id = %(tenant_id)s AND v.collection_id = %(collection)s AND v.model = %(model)s AND v.dimensions = DIMENSIONS
    ORDER BY binary_quantize(v.embedding::halfvec(DIMENSIONS))::bit(DIMENSIONS)
        <~> binary_quantize(%(vector)s::halfvec(DIMENSIONS))::bit(DIMENSIONS) LIMIT %(reach)s
), best AS (
    SELECT DISTINCT ON (item_id) item_id, begins, ends, embedding <=> %(vector)s::halfvec AS distance
    FROM near ORDER BY item_id, distance
)
SELECT item_id, 1 - distance, begins, ends FROM best ORDER BY distance, item_id LIMIT %(depth)s;

-- by_vector_where --
-- The same among items that fulfil a condition
WITH near AS MATERIALIZED (
    SELECT v.item_id, v.begins, v.ends, v.embedding FROM memory_vectors v
    WHERE v.tenant_id = %(tenant_id)s AND v.collection_id = %(collection)s AND v.model = %(model)s AND v.dimensions = DIMENSIONS
      AND (SELECT jsonb_path_match(i.metadata, %(condition)s::jsonpath, '{}', true) FROM memory_items i
           WHERE i.tenant_id = %(tenant_id)s AND i.id = v.item_id)
    ORDER BY binary_quantize(v.embedding::halfvec(DIMENSIONS))::bit(DIMENSIONS)
        <~> binary_quantize(%(vector)s::halfvec(DIMENSIONS))::bit(DIMENSIONS) LIMIT %(reach)s
), best AS (
    SELECT DISTINCT ON (item_id) item_id, begins, ends, embedding <=> %(vector)s::halfvec AS distance
    FROM near ORDER BY item_id, distance
)
SELECT item_id, 1 - distance, begins, ends FROM best ORDER BY distance, item_id LIMIT %(depth)s;

-- texts --
-- Items by their ids
SELECT id, key, text, metadata, latitude, longitude, at FROM memory_items
WHERE tenant_id = %(tenant_id)s AND id = ANY(%(ids)s::bigint[]);

-- item --
-- One item by its key
SELECT id, key, text, metadata, latitude, longitude, at FROM memory_items
WHERE tenant_id = %(tenant_id)s AND collection_id = %(collection)s AND key = %(key)s;

-- filtered --
-- Which of these items fulfil a condition
SELECT id FROM memory_items WHERE tenant_id = %(tenant_id)s AND id = ANY(%(ids)s::bigint[])
  AND jsonb_path_match(metadata, %(condition)s::jsonpath, '{}', true);

-- set_next_model --
-- From now on vectors are made with another model; what is searched stays the same until all are there
UPDATE memory_collections SET next_model = %(model)s, next_dimensions = %(dimensions)s
WHERE tenant_id = %(tenant_id)s AND name = %(name)s RETURNING id;

-- without_vector --
-- Items that have no vector of a model yet, after one of them
SELECT i.id, i.text, i.hash FROM memory_items i
WHERE i.tenant_id = %(tenant_id)s AND i.collection_id = %(collection)s AND i.id > %(after)s AND NOT EXISTS (
    SELECT FROM memory_vectors v WHERE v.tenant_id = %(tenant_id)s AND v.collection_id = %(collection)s
      AND v.model = %(model)s AND v.item_id = i.id)
ORDER BY i.id LIMIT %(limit)s;

-- switch_model --
-- Search with the new vectors
UPDATE memory_collections SET model = next_model, dimensions = next_dimensions, next_model = NULL, next_dimensions = NULL
WHERE tenant_id = %(tenant_id)s AND id = %(collection)s AND next_model IS NOT NULL;

-- drop_other_vectors --
-- Remove the vectors of models that a collection is searched with no more
DELETE FROM memory_vectors WHERE tenant_id = %(tenant_id)s AND collection_id = %(collection)s AND model <> %(model)s;

-- remade --
-- How many items have vectors of a model
SELECT count(*) FROM memory_vectors
WHERE tenant_id = %(tenant_id)s AND collection_id = %(collection)s AND model = %(model)s AND piece = 0;

-- to_reembed --
-- Collections of all tenants whose vectors shall be made anew
SELECT tenant_id, id, name FROM memory_to_reembed(%(most)s);

-- claim --
-- Make their vectors alone, as long as this connection lives
SELECT pg_try_advisory_lock(hashtextextended('memory/reembed/' || %(collection)s::text, 0));

-- vectors_after --
-- The vectors of a model, after those of one item
SELECT v.item_id, v.embedding::text, i.metadata, v.piece, v.begins, v.ends FROM memory_vectors v
JOIN memory_items i ON i.tenant_id = %(tenant_id)s AND i.id = v.item_id
WHERE v.tenant_id = %(tenant_id)s AND v.collection_id = %(collection)s AND v.model = %(model)s AND v.item_id > %(after)s
  AND v.item_id <= (SELECT coalesce(max(item_id), 0) FROM (
    SELECT w.item_id FROM memory_vectors w
    WHERE w.tenant_id = %(tenant_id)s AND w.collection_id = %(collection)s AND w.model = %(model)s AND w.item_id > %(after)s
      AND w.piece = 0 ORDER BY w.item_id LIMIT %(limit)s) n)
ORDER BY v.item_id, v.piece;
