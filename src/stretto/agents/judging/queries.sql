-- list_thresholds --
-- What the tenant has set, in the order of flow, policy and content type, after one of them
SELECT flow, policy, content_type, approve, reject, updated_at FROM thresholds
WHERE tenant_id = %(tenant_id)s
  AND (%(flow)s::text IS NULL OR (flow, policy, content_type) > (%(flow)s, %(policy)s, %(content_type)s))
ORDER BY flow, policy, content_type
LIMIT %(limit)s;

-- thresholds_in_force --
-- What counts for one kind of content, the most precise first
SELECT approve, reject FROM thresholds
WHERE tenant_id = %(tenant_id)s AND flow IN ('', %(flow)s) AND policy IN ('', %(policy)s)
  AND content_type IN ('', %(content_type)s)
ORDER BY (flow <> '')::int + (policy <> '')::int + (content_type <> '')::int DESC, flow DESC, policy DESC
LIMIT 8;

-- count_thresholds --
-- How many the tenant has set besides this one
SELECT count(*) FROM thresholds
WHERE tenant_id = %(tenant_id)s AND (flow, policy, content_type) <> (%(flow)s, %(policy)s, %(content_type)s);

-- put_threshold --
-- Set thresholds, or change them
INSERT INTO thresholds (tenant_id, flow, policy, content_type, approve, reject, updated_at)
VALUES (%(tenant_id)s, %(flow)s, %(policy)s, %(content_type)s, %(approve)s, %(reject)s, %(now)s)
ON CONFLICT (tenant_id, flow, policy, content_type)
DO UPDATE SET approve = excluded.approve, reject = excluded.reject, updated_at = excluded.updated_at
RETURNING flow, policy, content_type, approve, reject, updated_at;

-- delete_threshold --
-- Let the flow's own hold again
DELETE FROM thresholds
WHERE tenant_id = %(tenant_id)s AND flow = %(flow)s AND policy = %(policy)s AND content_type = %(content_type)s;
