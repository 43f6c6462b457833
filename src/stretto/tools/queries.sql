-- Money that tools spend, run by tools/spending.py only; and tenants' secrets, by tools/secret_store.py only. As the application's role.

-- lock_purse --
-- One change of the tenant's spending at a time, whatever process makes it
SELECT pg_advisory_xact_lock(hashtextextended('spending/' || current_setting('stretto.tenant'), 0))

-- hold_money --
-- Set an amount aside under a key, if the month's limit allows; what the same key holds already stays. `left`: what can still be
-- spent, or what is held under the key
WITH month AS (
    SELECT coalesce(sum(amount_usd), 0) AS taken FROM spendings
    WHERE month = date_trunc('month', now() AT TIME ZONE 'UTC')::date AND state <> 'released' AND key <> %(key)s
), before AS (
    SELECT amount_usd, state FROM spendings WHERE key = %(key)s
), held AS (
    INSERT INTO spendings (tenant_id, key, run_id, step, tool, amount_usd, month, state, at)
    SELECT current_setting('stretto.tenant')::uuid, %(key)s, %(run_id)s, %(step)s, %(tool)s, %(amount)s,
        date_trunc('month', now() AT TIME ZONE 'UTC')::date, 'held', now()
    FROM month WHERE taken + %(amount)s <= %(limit)s AND NOT EXISTS (SELECT FROM before WHERE state <> 'released')
    ON CONFLICT (tenant_id, key) DO UPDATE SET amount_usd = excluded.amount_usd, state = 'held', month = excluded.month, at = excluded.at
    RETURNING 1
)
SELECT CASE
    WHEN EXISTS (SELECT FROM before WHERE state <> 'released' AND amount_usd <> %(amount)s) THEN 'other'
    WHEN EXISTS (SELECT FROM before WHERE state <> 'released') OR EXISTS (SELECT FROM held) THEN 'held'
    ELSE 'short' END,
    coalesce((SELECT amount_usd FROM before WHERE state <> 'released'), greatest(0, %(limit)s - taken))
FROM month

-- settle_money --
-- A call has ended: its money is spent, or released. What is spent stays spent
UPDATE spendings SET state = %(state)s, at = now() WHERE key = %(key)s AND state = 'held'

-- money_now --
-- What this month's calls have spent, and what is held by those whose outcome is not known
SELECT coalesce(sum(amount_usd) FILTER (WHERE state = 'spent'), 0), coalesce(sum(amount_usd) FILTER (WHERE state = 'held'), 0)
FROM spendings WHERE month = date_trunc('month', now() AT TIME ZONE 'UTC')::date

-- list_secrets --
-- The names of a tenant's secrets, after one; never what they are
SELECT name, updated_at FROM tool_secrets
WHERE tenant_id = %(tenant_id)s AND left(name, 1) <> '*' AND (%(after)s::text IS NULL OR name > %(after)s)
ORDER BY name LIMIT %(limit)s

-- find_secret --
-- One secret, sealed
SELECT sealed FROM tool_secrets WHERE tenant_id = %(tenant_id)s AND name = %(name)s

-- save_secret --
-- Put a secret in the place of any other of this name
INSERT INTO tool_secrets (tenant_id, name, sealed, updated_at) VALUES (%(tenant_id)s, %(name)s, %(sealed)s, %(now)s)
ON CONFLICT (tenant_id, name) DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at

-- remove_secret --
-- Remove a secret
DELETE FROM tool_secrets WHERE tenant_id = %(tenant_id)s AND name = %(name)s RETURNING name
