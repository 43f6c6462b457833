-- Figures of the whole database, for metrics: counts and ages only, of all tenants together. Each is bounded by an index.

CREATE FUNCTION figures() RETURNS TABLE (name text, label text, value double precision)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = stretto, stretto_queue, pg_temp AS $$
    SELECT 'runs', status, count(*)::float8 FROM runs WHERE finished_at IS NULL GROUP BY status
    UNION ALL
    SELECT 'queue_depth', '', count(*)::float8 FROM procrastinate_jobs WHERE status = 'todo' AND queue_name = 'runs'
    UNION ALL
    SELECT 'queue_age', '', coalesce((SELECT extract(epoch FROM clock_timestamp() - e.at) FROM procrastinate_events e
        WHERE e.job_id = (SELECT min(id) FROM procrastinate_jobs WHERE status = 'todo' AND queue_name = 'runs')
        ORDER BY e.id DESC LIMIT 1), 0)::float8
    UNION ALL
    SELECT 'workers', '', count(*)::float8 FROM procrastinate_workers WHERE last_heartbeat > now() - interval '10 s'
    UNION ALL
    SELECT 'waits', kind, count(*)::float8 FROM waits GROUP BY kind
    UNION ALL
    SELECT 'wait_age', kind, extract(epoch FROM clock_timestamp() - min(since))::float8 FROM waits GROUP BY kind
    UNION ALL
    SELECT 'timers_late', '', count(*)::float8 FROM timers WHERE due_at < now() - interval '10 s'
    UNION ALL
    SELECT 'outbox_depth', '', count(*)::float8 FROM outbox
    UNION ALL
    SELECT 'outbox_age', '', coalesce(extract(epoch FROM clock_timestamp() - min(at)), 0)::float8 FROM outbox
    UNION ALL
    SELECT 'dead_letters', '', count(*)::float8 FROM event_letters WHERE state = 'dead'
    UNION ALL
    SELECT 'letters_waiting', '', count(*)::float8 FROM event_letters WHERE state = 'waiting'
$$;
REVOKE EXECUTE ON FUNCTION figures() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION figures() TO stretto_app;
