-- The ledger: calls, their sums by day, and what versions of prices stood for.

-- set_tenant --
-- The tenant of the statements that follow in this transaction
SELECT set_config('stretto.tenant', %(tenant_id)s::text, true);

-- keep_prices --
-- Keep what a version of the prices stands for
INSERT INTO price_versions (version, document, first_used)
SELECT version, document, clock_timestamp()
FROM unnest(%(versions)s::text[], %(documents)s::text[]) AS p(version, document)
ORDER BY version
ON CONFLICT (version) DO NOTHING;

-- record_calls --
-- Write down calls and add them to the sums by day; those that are there already change nothing. Gives the new ones' ids.
-- The tokens of a call that was not made are what the cache has saved; they are no part of the sums.
-- The sums' rows are locked in the order of their keys, so that processes that write at once do not block each other for good.
WITH given AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(calls)s::json) AS c(
        id uuid, at timestamptz, k text, key uuid, run uuid, flow text, path text, step text, n int, agent text,
        prio smallint, route text, dep text, prov text, model text, i bigint, ci bigint, cw bigint, o bigint, r bigint,
        est bool, pv text, cost numeric, ttft float8, dur float8, wait float8, ended text, outcome text, reason text,
        error text, cached text, sim bool)
), new AS (
    INSERT INTO calls (id, tenant_id, at, kind, run_id, flow, path, step, attempt, agent, priority, route, deployment,
        provider, model, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens,
        estimated, price_version, cost_usd, ttft_s, duration_s, waited_s, ended, outcome, reason, error, cached,
        simulated)
    SELECT id, %(tenant_id)s, at, k, run, flow, path, step, n, agent, prio, route, dep, prov, model, i, ci, cw, o, r,
        est, pv, cost, ttft, coalesce(dur, 0), coalesce(wait, 0), ended, outcome, reason, error, cached, sim
    FROM given ORDER BY id
    ON CONFLICT (id) DO NOTHING
    RETURNING id
), summed AS (
    INSERT INTO usage_days AS u (tenant_id, day, key, kind, flow, step, agent, route, deployment, provider, model,
        priority, outcome, simulated, calls, failed, cancelled, not_made, cached, estimated, input_tokens,
        cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_usd)
    SELECT %(tenant_id)s, (at AT TIME ZONE 'UTC')::date AS day, key, k, flow, step, agent, route, dep, prov, model,
        prio, outcome, sim, count(*), count(*) FILTER (WHERE ended = 'failed'),
        count(*) FILTER (WHERE ended = 'cancelled'), count(*) FILTER (WHERE ended = 'not_made'),
        count(*) FILTER (WHERE cached <> ''), count(*) FILTER (WHERE est),
        coalesce(sum(i) FILTER (WHERE ended <> 'not_made'), 0), coalesce(sum(ci) FILTER (WHERE ended <> 'not_made'), 0),
        coalesce(sum(cw) FILTER (WHERE ended <> 'not_made'), 0), coalesce(sum(o) FILTER (WHERE ended <> 'not_made'), 0),
        coalesce(sum(r) FILTER (WHERE ended <> 'not_made'), 0), sum(cost)
    FROM given JOIN new USING (id)
    GROUP BY day, key, k, flow, step, agent, route, dep, prov, model, prio, outcome, sim
    ORDER BY day, key
    ON CONFLICT (tenant_id, day, key) DO UPDATE SET
        calls = u.calls + excluded.calls,
        failed = u.failed + excluded.failed,
        cancelled = u.cancelled + excluded.cancelled,
        not_made = u.not_made + excluded.not_made,
        cached = u.cached + excluded.cached,
        estimated = u.estimated + excluded.estimated,
        input_tokens = u.input_tokens + excluded.input_tokens,
        cached_input_tokens = u.cached_input_tokens + excluded.cached_input_tokens,
        cache_write_tokens = u.cache_write_tokens + excluded.cache_write_tokens,
        output_tokens = u.output_tokens + excluded.output_tokens,
        reasoning_tokens = u.reasoning_tokens + excluded.reasoning_tokens,
        cost_usd = u.cost_usd + excluded.cost_usd
)
SELECT id FROM new;

-- usage_from_days --
-- What was used, from the sums by day
SELECT {keys} sum(calls), sum(failed), sum(cancelled), sum(not_made), sum(cached), sum(estimated),
    coalesce(sum(calls) FILTER (WHERE simulated), 0), sum(input_tokens), sum(cached_input_tokens),
    sum(cache_write_tokens), sum(output_tokens), sum(reasoning_tokens), sum(cost_usd),
    NULL::float8[], NULL::float8[]
FROM usage_days
WHERE tenant_id = %(tenant_id)s AND (day >= %(since)s::date OR %(since)s::date IS NULL)
    AND (day < %(until)s::date OR %(until)s::date IS NULL) {filters}
{group}
ORDER BY {order}
LIMIT %(limit)s;

-- usage_from_calls --
-- What was used, call by call, with the latencies of the calls that a deployment answered
SELECT {keys} count(*), count(*) FILTER (WHERE ended = 'failed'), count(*) FILTER (WHERE ended = 'cancelled'),
    count(*) FILTER (WHERE ended = 'not_made'), count(*) FILTER (WHERE cached <> ''), count(*) FILTER (WHERE estimated),
    count(*) FILTER (WHERE simulated), coalesce(sum(input_tokens) FILTER (WHERE ended <> 'not_made'), 0),
    coalesce(sum(cached_input_tokens) FILTER (WHERE ended <> 'not_made'), 0), coalesce(sum(cache_write_tokens) FILTER (WHERE ended <> 'not_made'), 0),
    coalesce(sum(output_tokens) FILTER (WHERE ended <> 'not_made'), 0), coalesce(sum(reasoning_tokens) FILTER (WHERE ended <> 'not_made'), 0),
    sum(cost_usd),
    percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY ttft_s) FILTER (WHERE ended = 'answered'),
    percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY duration_s) FILTER (WHERE ended = 'answered')
FROM calls
WHERE tenant_id = %(tenant_id)s AND at >= %(since)s AND at < %(until)s
    AND id >= %(first_id)s AND id < %(last_id)s {filters}
{group}
ORDER BY {order}
LIMIT %(limit)s;

-- used_by_runs --
-- What the calls of each of these runs came to
SELECT run_id, count(*), count(*) FILTER (WHERE simulated),
    coalesce(sum(input_tokens) FILTER (WHERE ended <> 'not_made'), 0),
    coalesce(sum(cached_input_tokens) FILTER (WHERE ended <> 'not_made'), 0),
    coalesce(sum(cache_write_tokens) FILTER (WHERE ended <> 'not_made'), 0),
    coalesce(sum(output_tokens) FILTER (WHERE ended <> 'not_made'), 0), sum(cost_usd)
FROM calls WHERE tenant_id = %(tenant_id)s AND run_id = ANY(%(run_ids)s::uuid[])
GROUP BY run_id;

-- agents_since --
-- Steps of each agent whose calls were answered, and those of which none was, since a time
SELECT agent, count(*) FILTER (WHERE answered), count(*) FILTER (WHERE NOT answered) FROM (
    SELECT agent, bool_or(ended = 'answered' OR cached <> '') AS answered FROM calls
    WHERE tenant_id = %(tenant_id)s AND at >= %(since)s AND id >= %(first_id)s AND agent <> '' AND run_id IS NOT NULL
    GROUP BY agent, run_id, path
) s GROUP BY agent;

-- flow_exists --
-- Whether there is a flow of this name
SELECT EXISTS (SELECT FROM flows WHERE tenant_id = %(tenant_id)s AND name = %(flow)s);

-- latest_runs --
-- The latest whole runs of a flow, and what the calls of each came to
SELECT r.flow_version, coalesce(c.calls, 0), coalesce(c.simulated, 0), coalesce(c.input, 0), coalesce(c.output, 0),
    coalesce(c.cost_usd, 0)
FROM (
    SELECT id, flow_version FROM runs
    WHERE tenant_id = %(tenant_id)s AND flow_name = %(flow)s AND status = 'completed' AND parent_id IS NULL
    ORDER BY id DESC LIMIT %(most)s
) r LEFT JOIN LATERAL (
    SELECT count(*) AS calls, count(*) FILTER (WHERE simulated) AS simulated,
        sum(input_tokens + cached_input_tokens + cache_write_tokens) FILTER (WHERE ended <> 'not_made') AS input,
        sum(output_tokens) FILTER (WHERE ended <> 'not_made') AS output,
        sum(cost_usd) AS cost_usd
    FROM calls WHERE tenant_id = %(tenant_id)s AND run_id = r.id
) c ON true
ORDER BY r.id DESC;

-- provider_days --
-- What a provider should have billed, by day and model: no simulated calls, and none that was not made
SELECT day, model, sum(calls - not_made), sum(input_tokens), sum(cached_input_tokens), sum(cache_write_tokens),
    sum(output_tokens), sum(cost_usd), sum(estimated)
FROM usage_days
WHERE tenant_id = %(tenant_id)s AND provider = %(provider)s AND day BETWEEN %(first)s AND %(last)s AND NOT simulated
GROUP BY day, model
HAVING sum(calls - not_made) > 0;

-- price_documents --
-- What these versions of the prices stood for
SELECT version, document FROM price_versions WHERE version = ANY(%(versions)s);

-- calls_after --
-- Calls in the order of their ids, to reckon their costs again
SELECT id, deployment, price_version, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens,
    reasoning_tokens, cost_usd, simulated OR ended = 'not_made' AS free
FROM calls
WHERE tenant_id = %(tenant_id)s AND id > %(after)s
ORDER BY id LIMIT %(limit)s;
