-- lock --
-- Lock documents until the transaction ends, and give those that are there, each with the value that its writer has seen
SELECT key, version, value, deleted, written_by, at, run_id, step, merged_from, ancestor
FROM lock_state(%(tenant_id)s, %(keys)s::text[], %(seen)s::integer[]);

-- write --
-- Add a version to each of these documents, make those that are new, and tell of it
WITH given AS (
    SELECT * FROM unnest(%(keys)s::text[], %(versions)s::integer[], %(values)s::text[], %(deleted)s::boolean[],
        %(merged_from)s::integer[]) AS g(key, version, value, deleted, merged_from)
), headed AS (
    INSERT INTO state_documents AS d (tenant_id, key, version, deleted, bytes, updated_at)
    SELECT %(tenant_id)s, key, version, deleted, coalesce(octet_length(value), 0), %(at)s FROM given
    ON CONFLICT (tenant_id, key) DO UPDATE
    SET version = excluded.version, deleted = excluded.deleted, bytes = excluded.bytes, updated_at = excluded.updated_at
), added AS (
    INSERT INTO state_versions (tenant_id, key, version, value, deleted, written_by, at, run_id, step, merged_from)
    SELECT %(tenant_id)s, key, version, value::json, deleted, %(by)s, %(at)s, %(run_id)s, %(step)s, merged_from FROM given
)
SELECT put_events(%(events)s::jsonb);

-- trim --
-- Forget old versions of a document
SELECT trim_state(%(key)s, %(up_to)s);

-- get --
-- A version of a document; without a number the latest
SELECT v.key, v.version, v.value::text, v.deleted, v.written_by, v.at, v.run_id, v.step, v.merged_from
FROM state_documents d JOIN state_versions v ON v.tenant_id = d.tenant_id AND v.key = d.key
    AND v.version = coalesce(%(version)s::integer, d.version)
WHERE d.tenant_id = %(tenant_id)s AND d.key = %(key)s;

-- list --
-- Documents by key, with their values as far as they fit into a page of so many bytes; `~` sorts after all characters of keys
SELECT v.key, v.version, CASE WHEN d.fits THEN v.value::text END, v.deleted, v.written_by, v.at, v.run_id, v.step,
    v.merged_from, d.fits
FROM (
    SELECT l.key, l.version, sum(l.bytes) OVER (ORDER BY l.key) - l.bytes < %(bytes)s AS fits FROM (
        SELECT key, version, bytes FROM state_documents
        WHERE tenant_id = %(tenant_id)s AND NOT deleted AND key >= %(prefix)s AND key < %(prefix)s || '~'
          AND (%(after)s::text IS NULL OR key > %(after)s)
        ORDER BY key LIMIT %(limit)s) l
) d JOIN state_versions v ON v.tenant_id = %(tenant_id)s AND v.key = d.key AND v.version = d.version
ORDER BY v.key;

-- history --
-- What became of a document, the latest first; without the values
SELECT key, version, NULL, deleted, written_by, at, run_id, step, merged_from FROM state_versions
WHERE tenant_id = %(tenant_id)s AND key = %(key)s AND version < %(before)s ORDER BY version DESC LIMIT %(limit)s;

-- forget --
-- Forget the documents of all tenants that were removed before a time, with all that they were
WITH gone AS (
    DELETE FROM stretto.state_documents WHERE deleted AND updated_at < %(before)s RETURNING tenant_id, key
)
DELETE FROM stretto.state_versions v USING gone g WHERE v.tenant_id = g.tenant_id AND v.key = g.key;
