-- take_requests --
-- Count a batch of requests, as far as their limits allow
SELECT granted, used, wait_ms
FROM take_requests(%(owners)s::uuid[], %(names)s::text[], %(mosts)s::integer[], %(widths)s::bigint[],
                   %(wants)s::integer[], %(sizes)s::integer[], %(firsts)s::integer[], %(refs)s::integer[]);

-- forget_windows --
-- Remove the counters whose windows are over
SELECT forget_windows(%(most)s);

-- reset_windows --
-- Forget what the tenant has used, of one counter or of all
SELECT reset_windows(%(name)s::text);

-- get_quotas --
-- The quotas of a tenant; with a prefix only what counts for this key
SELECT kind, name, value FROM quotas
WHERE tenant_id = %(tenant_id)s AND (%(prefix)s::text IS NULL OR name IN ('', %(prefix)s))
ORDER BY kind, name
LIMIT 1000;

-- runs_used --
-- How many runs were started since a run of this id would have been, and how many are unfinished, up to a bound
SELECT (SELECT count(*) FROM (SELECT 1 FROM runs r
                              WHERE r.tenant_id = %(tenant_id)s AND r.id >= %(since)s LIMIT %(most)s) s),
       (SELECT count(*) FROM (SELECT 1 FROM runs r
                              WHERE r.tenant_id = %(tenant_id)s AND r.finished_at IS NULL LIMIT %(most)s) u);

-- set_quota --
-- Give a tenant a quota, or change it. For the operator
INSERT INTO quotas (tenant_id, kind, name, value) VALUES (%(tenant_id)s, %(kind)s, %(name)s, %(value)s)
ON CONFLICT (tenant_id, kind, name) DO UPDATE SET value = excluded.value;

-- drop_quota --
-- Take a tenant's quota away, so that the settings count again. For the operator
DELETE FROM quotas WHERE tenant_id = %(tenant_id)s AND kind = %(kind)s AND name = %(name)s;

-- has_key --
-- Whether a tenant has a key of this prefix. For the operator
SELECT 1 FROM api_keys WHERE tenant_id = %(tenant_id)s AND prefix = %(prefix)s;
