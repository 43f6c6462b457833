-- All SQL of admission. What is atomic lies in functions of the database (migration 0003_limits.sql), so that it costs
-- one round trip. Run by admission/store.py only.

-- exchange --
-- Give back, take, and say that this process is alive, all at once.
SELECT exchange_limits(%(process)s, %(asked)s::jsonb)

-- declare --
-- Make the limits of a configuration those that hold; levels stay.
SELECT declare_limits(%(declared)s::jsonb, %(only)s)

-- observe --
-- Note what providers said of their limits.
SELECT observe_limits(%(observed)s::jsonb)

-- hold_slots --
-- Set what this process holds of slots, after an exchange of which nobody knows whether it was carried out.
WITH held AS (SELECT h->>0 AS name, (h->>1)::float8 AS held FROM jsonb_array_elements(%(held)s::jsonb) h)
UPDATE claims c SET held = held.held FROM held WHERE c.name = held.name AND c.process = %(process)s

-- settle_costs --
-- Count what calls cost, in the transaction that writes them down.
SELECT settle_costs(%(tenant_id)s, %(process)s, %(names)s::text[], %(costs)s::numeric[], %(leased)s::boolean[])

-- leave --
-- This process admits no more calls.
SELECT leave_limits(%(process)s)

-- sweep --
-- Remove what is over.
SELECT sweep_limits(make_interval(days => %(days)s))

-- tenant_name --
-- The name that a tenant's budget is configured under.
SELECT name FROM tenants WHERE id = %(tenant_id)s

-- overview --
-- Every limit, and the tenant's budgets of this month and of the latest runs, as they are now.
SELECT l.name, l.kind, l.capacity, l.per_s * 60 AS refill_per_minute,
       CASE WHEN l.kind = 'slots' THEN l.capacity - h.held ELSE level_at(l, clock_timestamp()) END AS level,
       greatest(0, extract(epoch FROM l.closed_until - clock_timestamp())::float8) AS closed_s,
       h.processes, NULL::numeric AS limit_usd, NULL::numeric AS spent_usd, NULL::numeric AS reserved_usd, NULL::numeric AS presumed_usd
FROM limits l CROSS JOIN LATERAL (
    SELECT coalesce(sum(c.held), 0) AS held, count(*) AS processes
    FROM claims c JOIN lessees p USING (process)
    WHERE c.name = l.name AND p.alive_until > clock_timestamp() AND (c.held > 0 OR c.wanted_until > clock_timestamp())) h
WHERE l.capacity IS NOT NULL OR l.closed_until > clock_timestamp()
UNION ALL
SELECT b.name, 'budget', NULL, NULL, NULL, 0, h.processes, b.limit_usd, b.spent_usd, h.reserved, h.presumed
FROM (SELECT * FROM budgets WHERE tenant_id = %(tenant_id)s AND updated_at > clock_timestamp() - interval '1 day'
          AND name NOT LIKE 'month:%%' ORDER BY updated_at DESC LIMIT 200) b
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE p.process IS NOT NULL) AS processes,
           coalesce(sum(greatest(x.held_usd, 0)) FILTER (WHERE p.process IS NOT NULL), 0) AS reserved,
           coalesce(sum(greatest(x.held_usd, 0)) FILTER (WHERE p.process IS NULL), 0) AS presumed
    FROM budget_leases x LEFT JOIN lessees p ON p.process = x.process AND p.alive_until > clock_timestamp()
    WHERE x.tenant_id = b.tenant_id AND x.name = b.name) h
UNION ALL
SELECT b.name, 'budget', NULL, NULL, NULL, 0, h.processes, b.limit_usd, b.spent_usd, h.reserved, h.presumed
FROM budgets b CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE p.process IS NOT NULL) AS processes,
           coalesce(sum(greatest(x.held_usd, 0)) FILTER (WHERE p.process IS NOT NULL), 0) AS reserved,
           coalesce(sum(greatest(x.held_usd, 0)) FILTER (WHERE p.process IS NULL), 0) AS presumed
    FROM budget_leases x LEFT JOIN lessees p ON p.process = x.process AND p.alive_until > clock_timestamp()
    WHERE x.tenant_id = b.tenant_id AND x.name = b.name) h
WHERE b.tenant_id = %(tenant_id)s AND b.name = 'month:' || to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM')
ORDER BY 2, 1
