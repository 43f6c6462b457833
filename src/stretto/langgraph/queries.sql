-- put --
-- Store checkpoints and the values that are new with them; gives the values whose base is not there (any more), and stores none of these
WITH heads AS (
    INSERT INTO graph_checkpoints AS c (tenant_id, thread_id, ns, id, parent_id, metadata, refs, at)
    SELECT %(tenant_id)s, thread_id, ns, id, parent_id, metadata::jsonb, refs::jsonb, now()
    FROM unnest(%(c_threads)s::text[], %(c_ns)s::text[], %(c_ids)s::text[], %(c_parents)s::text[], %(c_metadata)s::text[],
        %(c_refs)s::text[]) AS g(thread_id, ns, id, parent_id, metadata, refs)
    ON CONFLICT (tenant_id, thread_id, ns, id) DO UPDATE
    SET parent_id = excluded.parent_id, metadata = excluded.metadata, refs = excluded.refs
), given AS (
    SELECT g.*, g.base IS NULL OR coalesce((
        SELECT true FROM graph_values b WHERE b.tenant_id = %(tenant_id)s AND b.thread_id = g.thread_id AND b.ns = g.ns
            AND b.channel = g.channel AND b.version = g.base LIMIT 1), false) AS stands
    FROM unnest(%(v_threads)s::text[], %(v_ns)s::text[], %(v_channels)s::text[], %(v_versions)s::text[], %(v_bases)s::text[],
        %(v_types)s::text[], %(v_values)s::bytea[]) AS g(thread_id, ns, channel, version, base, type, value)
), added AS (
    INSERT INTO graph_values (tenant_id, thread_id, ns, channel, version, base, type, value)
    SELECT %(tenant_id)s, thread_id, ns, channel, version, base, type, value FROM given WHERE stands
    ON CONFLICT (tenant_id, thread_id, ns, channel, version) DO NOTHING
)
SELECT thread_id, ns, channel, version FROM given WHERE NOT stands;

-- put_writes --
-- Store what tasks have written; what is there stays
INSERT INTO graph_writes (tenant_id, thread_id, ns, checkpoint_id, task_id, idx, task_path, channel, type, value)
SELECT %(tenant_id)s, g.* FROM unnest(%(threads)s::text[], %(ns)s::text[], %(checkpoints)s::text[], %(tasks)s::text[],
    %(idx)s::integer[], %(paths)s::text[], %(channels)s::text[], %(types)s::text[], %(values)s::bytea[]) AS g
ON CONFLICT (tenant_id, thread_id, ns, checkpoint_id, task_id, idx) DO NOTHING;

-- set_writes --
-- Store errors, interrupts and what they were resumed with, in place of what was there
INSERT INTO graph_writes AS w (tenant_id, thread_id, ns, checkpoint_id, task_id, idx, task_path, channel, type, value)
SELECT %(tenant_id)s, g.* FROM unnest(%(threads)s::text[], %(ns)s::text[], %(checkpoints)s::text[], %(tasks)s::text[],
    %(idx)s::integer[], %(paths)s::text[], %(channels)s::text[], %(types)s::text[], %(values)s::bytea[]) AS g
ON CONFLICT (tenant_id, thread_id, ns, checkpoint_id, task_id, idx) DO UPDATE
SET channel = excluded.channel, type = excluded.type, value = excluded.value;

-- get --
-- A checkpoint, or the latest of its thread and namespace: with the values that it needs but for those that are known, and what
-- its tasks have written. LATERAL and LIMIT: each value is looked up for itself, however few rows the planner believes in (of a
-- young table it knows nothing, and would read the whole thread)
WITH RECURSIVE head AS MATERIALIZED (
    SELECT thread_id, ns, id, parent_id, metadata, refs FROM graph_checkpoints
    WHERE tenant_id = %(tenant_id)s AND thread_id = %(thread_id)s AND ns = %(ns)s
      AND id >= coalesce(%(id)s::text, '') AND (%(id)s::text IS NULL OR id <= %(id)s::text)
    ORDER BY id DESC LIMIT 1
), chain AS (
    SELECT v.*
    FROM head, jsonb_each_text(head.refs) AS w(channel, version), LATERAL (
        SELECT channel, version, base, type, value FROM graph_values b WHERE b.tenant_id = %(tenant_id)s
            AND b.thread_id = %(thread_id)s AND b.ns = %(ns)s AND b.channel = w.channel AND b.version = w.version LIMIT 1) v
    WHERE (w.channel, w.version) NOT IN (SELECT * FROM unnest(%(channels)s::text[], %(versions)s::text[]))
    UNION ALL
    SELECT v.* FROM chain c, LATERAL (
        SELECT channel, version, base, type, value FROM graph_values b WHERE b.tenant_id = %(tenant_id)s
            AND b.thread_id = %(thread_id)s AND b.ns = %(ns)s AND b.channel = c.channel AND b.version = c.base LIMIT 1) v
)
SELECT 'c', thread_id, ns, id, parent_id, metadata::text, refs::text, NULL::bytea, 0, '' FROM head
UNION ALL
SELECT 'v', %(thread_id)s, %(ns)s, channel, version, base, type, value, 0, '' FROM chain
UNION ALL
SELECT 'w', w.thread_id, w.ns, w.checkpoint_id, w.task_id, w.channel, w.type, w.value, w.idx, w.task_path FROM head
JOIN graph_writes w ON w.tenant_id = %(tenant_id)s AND w.thread_id = head.thread_id AND w.ns = head.ns
    AND w.checkpoint_id = head.id;

-- list --
-- A page of checkpoints, the latest first: with the values that they need, and what their tasks have written
WITH RECURSIVE heads AS MATERIALIZED (
    SELECT thread_id, ns, id, parent_id, metadata, refs FROM graph_checkpoints
    WHERE tenant_id = %(tenant_id)s AND (%(thread_id)s::text IS NULL OR thread_id = %(thread_id)s::text)
      AND (%(ns)s::text IS NULL OR ns = %(ns)s::text) AND (%(id)s::text IS NULL OR id = %(id)s::text)
      AND (%(before)s::text IS NULL OR id < %(before)s::text)
      AND (%(after_id)s::text IS NULL OR (id, thread_id, ns) < (%(after_id)s::text, %(after_thread)s::text, %(after_ns)s::text))
      AND metadata @> %(filter)s::jsonb
    ORDER BY id DESC, thread_id DESC, ns DESC LIMIT %(limit)s
), chain AS (
    SELECT v.*
    FROM (SELECT DISTINCT thread_id, ns, r.key AS channel, r.value AS version FROM heads, jsonb_each_text(heads.refs) AS r) w,
    LATERAL (SELECT thread_id, ns, channel, version, base FROM graph_values b WHERE b.tenant_id = %(tenant_id)s
        AND b.thread_id = w.thread_id AND b.ns = w.ns AND b.channel = w.channel AND b.version = w.version LIMIT 1) v
    UNION
    SELECT v.* FROM chain c,
    LATERAL (SELECT thread_id, ns, channel, version, base FROM graph_values b WHERE b.tenant_id = %(tenant_id)s
        AND b.thread_id = c.thread_id AND b.ns = c.ns AND b.channel = c.channel AND b.version = c.base LIMIT 1) v
)
SELECT 'c', thread_id, ns, id, parent_id, metadata::text, refs::text, NULL::bytea, 0, '' FROM heads
UNION ALL
SELECT 'v', c.thread_id, c.ns, c.channel, c.version, c.base, v.type, v.value, 0, '' FROM chain c, LATERAL (
    SELECT type, value FROM graph_values b WHERE b.tenant_id = %(tenant_id)s AND b.thread_id = c.thread_id AND b.ns = c.ns
        AND b.channel = c.channel AND b.version = c.version LIMIT 1) v
UNION ALL
SELECT 'w', w.thread_id, w.ns, w.checkpoint_id, w.task_id, w.channel, w.type, w.value, w.idx, w.task_path FROM heads h
JOIN graph_writes w ON w.tenant_id = %(tenant_id)s AND w.thread_id = h.thread_id AND w.ns = h.ns AND w.checkpoint_id = h.id;

-- controls --
-- What tasks at the latest checkpoint of each namespace have asked, what they were resumed with, and which have failed
SELECT w.ns, w.task_id, w.channel, w.type, w.value FROM graph_writes w
WHERE w.tenant_id = %(tenant_id)s AND w.thread_id = %(thread_id)s AND w.channel IN ('__interrupt__', '__resume__', '__error__')
  AND w.checkpoint_id = (SELECT max(c.id) FROM graph_checkpoints c
    WHERE c.tenant_id = %(tenant_id)s AND c.thread_id = %(thread_id)s AND c.ns = w.ns);

-- delete --
-- Forget threads
WITH c AS (DELETE FROM graph_checkpoints WHERE tenant_id = %(tenant_id)s AND thread_id = ANY(%(thread_ids)s)),
     v AS (DELETE FROM graph_values WHERE tenant_id = %(tenant_id)s AND thread_id = ANY(%(thread_ids)s))
DELETE FROM graph_writes WHERE tenant_id = %(tenant_id)s AND thread_id = ANY(%(thread_ids)s);

-- delete_for_runs --
-- Forget the checkpoints that these runs have made, as their metadata says; gives their threads
WITH c AS (
    DELETE FROM graph_checkpoints WHERE tenant_id = %(tenant_id)s AND metadata ->> 'run_id' = ANY(%(run_ids)s)
    RETURNING thread_id, ns, id
), w AS (
    DELETE FROM graph_writes w USING c WHERE w.tenant_id = %(tenant_id)s AND w.thread_id = c.thread_id AND w.ns = c.ns
        AND w.checkpoint_id = c.id
)
SELECT DISTINCT thread_id FROM c;

-- keep_latest --
-- Forget all checkpoints of threads but the latest of each namespace
WITH kept AS (
    SELECT thread_id, ns, max(id) AS id FROM graph_checkpoints
    WHERE tenant_id = %(tenant_id)s AND thread_id = ANY(%(thread_ids)s) GROUP BY thread_id, ns
), c AS (
    DELETE FROM graph_checkpoints c USING kept k WHERE c.tenant_id = %(tenant_id)s AND c.thread_id = k.thread_id AND c.ns = k.ns
        AND c.id < k.id
)
DELETE FROM graph_writes w USING kept k WHERE w.tenant_id = %(tenant_id)s AND w.thread_id = k.thread_id AND w.ns = k.ns
    AND w.checkpoint_id < k.id;

-- forget_values --
-- Forget the values of threads that no checkpoint needs any more, neither itself nor for a change of it
WITH RECURSIVE chain AS (
    SELECT b.thread_id, b.ns, b.channel, b.version, b.base
    FROM (SELECT DISTINCT thread_id, ns, r.key AS channel, r.value AS version
          FROM graph_checkpoints c, jsonb_each_text(c.refs) AS r
          WHERE c.tenant_id = %(tenant_id)s AND c.thread_id = ANY(%(thread_ids)s)) w
    JOIN graph_values b ON b.tenant_id = %(tenant_id)s AND b.thread_id = w.thread_id AND b.ns = w.ns
        AND b.channel = w.channel AND b.version = w.version
    UNION
    SELECT b.thread_id, b.ns, b.channel, b.version, b.base FROM chain c
    JOIN graph_values b ON b.tenant_id = %(tenant_id)s AND b.thread_id = c.thread_id AND b.ns = c.ns
        AND b.channel = c.channel AND b.version = c.base
)
DELETE FROM graph_values v WHERE v.tenant_id = %(tenant_id)s AND v.thread_id = ANY(%(thread_ids)s) AND NOT EXISTS (
    SELECT FROM chain k WHERE k.thread_id = v.thread_id AND k.ns = v.ns AND k.channel = v.channel AND k.version = v.version);

-- with_deltas --
-- Which of these threads have channels whose values are rebuilt from what tasks wrote (LangGraph's DeltaChannel)
SELECT DISTINCT thread_id FROM graph_checkpoints
WHERE tenant_id = %(tenant_id)s AND thread_id = ANY(%(thread_ids)s) AND metadata ? 'counters_since_delta_snapshot';

-- copy --
-- Add all of a thread to another
WITH c AS (
    INSERT INTO graph_checkpoints (tenant_id, thread_id, ns, id, parent_id, metadata, refs, at)
    SELECT tenant_id, %(target)s, ns, id, parent_id, metadata, refs, now() FROM graph_checkpoints
    WHERE tenant_id = %(tenant_id)s AND thread_id = %(source)s ON CONFLICT DO NOTHING
), v AS (
    INSERT INTO graph_values (tenant_id, thread_id, ns, channel, version, base, type, value)
    SELECT tenant_id, %(target)s, ns, channel, version, base, type, value FROM graph_values
    WHERE tenant_id = %(tenant_id)s AND thread_id = %(source)s ON CONFLICT DO NOTHING
)
INSERT INTO graph_writes (tenant_id, thread_id, ns, checkpoint_id, task_id, idx, task_path, channel, type, value)
SELECT tenant_id, %(target)s, ns, checkpoint_id, task_id, idx, task_path, channel, type, value FROM graph_writes
WHERE tenant_id = %(tenant_id)s AND thread_id = %(source)s ON CONFLICT DO NOTHING;
