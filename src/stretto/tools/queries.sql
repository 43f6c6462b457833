-- Money that tools spend. Run by tools/spending.py only, as the application's role.

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
