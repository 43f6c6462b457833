-- Where each worker runs, and since when, for people who look at the fleet. Workers of an older release have no row.
CREATE TABLE worker_hosts (
    worker_id   bigint PRIMARY KEY REFERENCES procrastinate_workers (id) ON DELETE CASCADE,
    host        text NOT NULL,
    pid         integer NOT NULL,
    version     text NOT NULL,  -- of Stretto
    started_at  timestamptz NOT NULL
);
GRANT SELECT, INSERT ON worker_hosts TO stretto_app;

-- The latest run of each flow is shown in the list of flows, and a flow's runs on its page.
CREATE INDEX runs_by_flow ON runs (tenant_id, flow_name, id DESC);
