-- What telemetry reads. Run by telemetry/store.py only.

-- figures --
-- Counts and ages of the whole database, of all tenants together
SELECT name, label, value FROM figures()

-- read_facts --
-- A run's facts, without its text, in order
SELECT seq, kind, at, step, attempt, position, body, NULL, NULL FROM journal
WHERE tenant_id = %(tenant_id)s AND run_id = %(run_id)s AND kind <> 'Text' ORDER BY seq LIMIT %(limit)s
