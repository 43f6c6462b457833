-- All SQL of the cache. Each query but drop_expired runs in a transaction whose tenant is set. Run by cache/store.py only.

-- find_equal --
-- The answer kept for an equal request, and for how many seconds it is still good
SELECT answer, extract(epoch FROM kept_at + make_interval(secs => %(ttl_s)s) - clock_timestamp())::float8 FROM answers
WHERE tenant_id = %(tenant_id)s AND route = %(route)s AND key = %(key)s
  AND kept_at > clock_timestamp() - make_interval(secs => %(ttl_s)s);

-- find_similar --
-- Answers to the most similar questions that were asked in the same setting, the most similar first
SELECT question, answer, (1 - (embedding <=> %(embedding)s::vector))::float8 AS similarity
FROM (
    SELECT question, answer, embedding FROM answers
    WHERE tenant_id = %(tenant_id)s AND route = %(route)s AND rest = %(rest)s AND model = %(model)s
      AND kept_at > clock_timestamp() - make_interval(secs => %(ttl_s)s)
    ORDER BY kept_at DESC LIMIT %(most)s) AS latest
ORDER BY embedding <=> %(embedding)s::vector LIMIT 3;

-- keep --
-- Keep answers; a newer one takes the place of an older
INSERT INTO answers (tenant_id, route, key, rest, question, model, embedding, answer, kept_at, expires_at)
SELECT %(tenant_id)s, a.route, a.key, a.rest, a.question, a.model, a.embedding::vector, a.answer::jsonb, clock_timestamp(),
       clock_timestamp() + make_interval(secs => a.ttl_s)
FROM unnest(%(routes)s::text[], %(keys)s::bytea[], %(rests)s::bytea[], %(questions)s::text[], %(models)s::text[],
            %(embeddings)s::text[], %(answers)s::text[], %(ttls_s)s::float8[])
     AS a(route, key, rest, question, model, embedding, answer, ttl_s)
ON CONFLICT (tenant_id, route, key) DO UPDATE
SET rest = excluded.rest, question = excluded.question, model = excluded.model, embedding = excluded.embedding,
    answer = excluded.answer, kept_at = excluded.kept_at, expires_at = excluded.expires_at;

-- trim --
-- Let go of a route's oldest answers beyond the most that are kept
DELETE FROM answers a USING (
    SELECT key FROM answers WHERE tenant_id = %(tenant_id)s AND route = %(route)s
    ORDER BY kept_at DESC OFFSET %(most)s) AS o
WHERE a.tenant_id = %(tenant_id)s AND a.route = %(route)s AND a.key = o.key;

-- drop_expired --
-- Remove answers whose time is over, of all tenants
SELECT drop_expired_answers(%(most)s);
