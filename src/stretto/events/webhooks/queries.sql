-- Webhooks: where events are sent to, what became of each, and from where webhooks come in.

-- tenants --
-- Which tenants have webhooks that are on, and when it was so
SELECT moment, tenants FROM webhook_tenants();

-- plan --
-- Deliveries of an event, one for each webhook that wants it; a second time nothing. Who turns a webhook off waits for this.
INSERT INTO webhook_deliveries (event_id, webhook_id, tenant_id, type, body, status, next_at, created_at)
SELECT %(event_id)s, w.id, w.tenant_id, %(type)s, %(body)s, 'pending', clock_timestamp(), clock_timestamp()
FROM webhooks w
WHERE w.tenant_id = %(tenant_id)s AND w.active AND EXISTS (
    SELECT FROM unnest(w.types) t
    WHERE t = %(type)s OR (right(t, 1) = '*' AND starts_with(%(type)s, left(t, -1))))
FOR SHARE OF w
ON CONFLICT DO NOTHING;

-- test --
-- A delivery to one webhook
INSERT INTO webhook_deliveries (event_id, webhook_id, tenant_id, type, body, status, next_at, created_at)
SELECT %(event_id)s, w.id, w.tenant_id, %(type)s, %(body)s, 'pending', clock_timestamp(), clock_timestamp()
FROM webhooks w WHERE w.tenant_id = %(tenant_id)s AND w.id = %(webhook_id)s AND w.active
FOR SHARE OF w
RETURNING event_id;

-- claim --
-- Take deliveries that are due, of all tenants
SELECT tenant_id, webhook_id, event_id, attempts, body, url, active, secret, secret_before
FROM claim_webhook_deliveries(%(me)s, make_interval(secs => %(lease_s)s), %(most)s, %(per_webhook)s, %(busy)s::jsonb);

-- settle --
-- Write down what became of an attempt, unless somebody else has the delivery in hand by now. `pause_s` null: it is over.
UPDATE webhook_deliveries SET status = %(status)s, claim = NULL, attempts = attempts + 1, last_at = clock_timestamp(),
    next_at = clock_timestamp() + make_interval(secs => %(pause_s)s::float8),
    response_code = %(response_code)s, response_text = %(response_text)s, duration_ms = %(duration_ms)s, error = %(error)s
WHERE tenant_id = %(tenant_id)s AND webhook_id = %(webhook_id)s AND event_id = %(event_id)s
  AND status = 'pending' AND claim = %(me)s
RETURNING event_id;

-- note_success --
-- The webhook works
UPDATE webhooks SET failing_since = NULL
WHERE tenant_id = %(tenant_id)s AND id = %(webhook_id)s AND failing_since IS NOT NULL;

-- note_failure --
-- The webhook fails, since now or since longer
UPDATE webhooks SET failing_since = clock_timestamp()
WHERE tenant_id = %(tenant_id)s AND id = %(webhook_id)s AND failing_since IS NULL;

-- disable --
-- Send nothing more to a webhook whose receiver is gone, or has failed for so long
UPDATE webhooks SET active = false, disabled_reason = %(reason)s, revision = revision + 1
WHERE tenant_id = %(tenant_id)s AND id = %(webhook_id)s AND active
  AND (%(gone)s OR failing_since < clock_timestamp() - make_interval(secs => %(patience_s)s))
RETURNING id;

-- end_pending --
-- What waits for a webhook is not sent any more
UPDATE webhook_deliveries SET status = 'failed', next_at = NULL, claim = NULL, error = %(error)s
WHERE tenant_id = %(tenant_id)s AND webhook_id = %(webhook_id)s AND status = 'pending';

-- add_webhook --
-- A new webhook
INSERT INTO webhooks (id, tenant_id, url, types, description, secret, created_by, created_at)
VALUES (%(id)s, %(tenant_id)s, %(url)s, %(types)s, %(description)s, %(secret)s, %(by)s, clock_timestamp());

-- webhooks --
-- The tenant's webhooks, latest first, or one of them
SELECT id, url, types, description, active, disabled_reason, failing_since, revision, created_by, created_at, rotated_at,
       CASE WHEN before_until > clock_timestamp() THEN before_until END AS before_until
FROM webhooks
WHERE tenant_id = %(tenant_id)s AND (%(id)s::uuid IS NULL OR id = %(id)s) AND (%(before)s::uuid IS NULL OR id < %(before)s)
ORDER BY id DESC LIMIT %(limit)s;

-- count_webhooks --
-- How many webhooks the tenant has
SELECT count(*) FROM webhooks WHERE tenant_id = %(tenant_id)s;

-- change_webhook --
-- Change what is not null; whoever turns a webhook on forgets that it failed
UPDATE webhooks SET url = coalesce(%(url)s, url), types = coalesce(%(types)s::text[], types),
    description = coalesce(%(description)s, description), active = coalesce(%(active)s, active),
    disabled_reason = CASE WHEN %(active)s IS NOT NULL THEN NULL ELSE disabled_reason END,
    failing_since = CASE WHEN %(active)s THEN NULL ELSE failing_since END, revision = revision + 1
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND (%(revision)s::integer IS NULL OR revision = %(revision)s)
RETURNING id;

-- remove_webhook --
-- Remove a webhook; its log goes with its days
DELETE FROM webhooks
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND (%(revision)s::integer IS NULL OR revision = %(revision)s)
RETURNING id;

-- rotate --
-- Another secret; the old one signs beside it for a while
UPDATE webhooks SET secret_before = CASE WHEN %(overlap_s)s > 0 THEN secret END,
    before_until = clock_timestamp() + make_interval(secs => %(overlap_s)s), secret = %(secret)s,
    rotated_at = clock_timestamp(), revision = revision + 1
WHERE tenant_id = %(tenant_id)s AND id = %(id)s RETURNING id;

-- deliveries --
-- A webhook's deliveries, latest events first, or one of them
SELECT event_id, webhook_id, type, status, attempts, next_at, created_at, last_at, response_code, response_text, duration_ms,
       error, body
FROM webhook_deliveries
WHERE tenant_id = %(tenant_id)s AND webhook_id = %(webhook_id)s
  AND (%(event_id)s::uuid IS NULL OR event_id = %(event_id)s)
  AND (%(before)s::uuid IS NULL OR event_id < %(before)s)
  AND (%(status)s::text IS NULL OR status = %(status)s)
  AND (%(type)s::text IS NULL OR starts_with(type, %(type)s))
ORDER BY event_id DESC LIMIT %(limit)s;

-- send_again --
-- Let what is over be sent again from the first attempt on: one delivery, or all that failed of events from a time on
UPDATE webhook_deliveries SET status = 'pending', attempts = 0, next_at = clock_timestamp(), claim = NULL
WHERE tenant_id = %(tenant_id)s AND webhook_id = %(webhook_id)s AND status <> 'pending'
  AND (%(event_id)s::uuid IS NULL OR event_id = %(event_id)s)
  AND (%(since)s::uuid IS NULL OR (event_id >= %(since)s AND status = 'failed'));

-- add_source --
-- A new source of incoming webhooks
INSERT INTO hook_sources (public_id, tenant_id, name, scheme, secret, created_by, created_at)
VALUES (%(public_id)s, %(tenant_id)s, %(name)s, %(scheme)s, %(secret)s, %(by)s, clock_timestamp())
ON CONFLICT (tenant_id, name) DO NOTHING RETURNING public_id;

-- sources --
-- The tenant's sources
SELECT public_id, name, scheme, active, created_by, created_at FROM hook_sources
WHERE tenant_id = %(tenant_id)s AND (%(after)s::text IS NULL OR name > %(after)s) ORDER BY name LIMIT %(limit)s;

-- remove_source --
-- Take nothing more from a source
DELETE FROM hook_sources WHERE tenant_id = %(tenant_id)s AND name = %(name)s RETURNING name;

-- find_source --
-- Whose address this is
SELECT tenant_id, name, scheme, secret FROM find_hook_source(%(public_id)s);

-- receive --
-- Note that this has come in; no row when it came before
INSERT INTO hook_receipts (tenant_id, source, delivery_key, at)
VALUES (%(tenant_id)s, %(source)s, %(key)s, clock_timestamp())
ON CONFLICT DO NOTHING
RETURNING source;

-- forget_receipts --
-- Forget what came in so long ago
SELECT forget_hook_receipts(clock_timestamp() - make_interval(secs => %(remember_s)s));
