-- Put the jobs of workers that fell silent back into the queue, over all tenants. A worker that only
-- seemed dead finds its next write refused, because the new one's first fact has taken the number.
CREATE FUNCTION rescue_runs(silence interval) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = stretto, stretto_queue, pg_temp AS $$
DECLARE job record; rescued integer := 0;
BEGIN
    FOR job IN
        SELECT j.id, j.priority, (j.args->>'run_id')::uuid AS run, (j.args->>'tenant_id')::uuid AS tenant
        FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
        WHERE j.status = 'doing' AND j.task_name = 'advance_run'
          AND (w.id IS NULL OR w.last_heartbeat < now() - silence)
        FOR UPDATE OF j SKIP LOCKED
    LOOP
        PERFORM procrastinate_finish_job_v1(job.id, 'failed', true);
        PERFORM wake_run(job.run, job.tenant, job.priority);
        rescued := rescued + 1;
    END LOOP;
    DELETE FROM procrastinate_workers w
    WHERE w.last_heartbeat < now() - greatest(silence * 20, interval '1 hour')
      AND NOT EXISTS (SELECT 1 FROM procrastinate_jobs j WHERE j.worker_id = w.id);
    RETURN rescued;
END $$;
GRANT EXECUTE ON FUNCTION rescue_runs(interval) TO stretto_app;
