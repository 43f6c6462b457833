-- Checkpoints of LangGraph graphs. Of each channel only its new versions are stored, and of these what differs from one before.

CREATE TABLE graph_checkpoints (
    tenant_id   uuid NOT NULL,
    thread_id   text COLLATE "C" NOT NULL,
    ns          text COLLATE "C" NOT NULL,  -- of a sub-graph; empty for the graph itself
    id          text COLLATE "C" NOT NULL,  -- as LangGraph makes them, they sort by time
    parent_id   text COLLATE "C",
    metadata    jsonb NOT NULL,
    refs        jsonb NOT NULL,             -- channel: version, of all whose value is in graph_values
    at          timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, thread_id, ns, id)
);

-- The channel '' holds the checkpoints' documents: all of them but the values of channels that stand here for themselves.
CREATE TABLE graph_values (
    tenant_id   uuid NOT NULL,
    thread_id   text COLLATE "C" NOT NULL,
    ns          text COLLATE "C" NOT NULL,
    channel     text COLLATE "C" NOT NULL,
    version     text COLLATE "C" NOT NULL,
    base        text COLLATE "C",           -- the version of which `value` is a change; null: `value` is the whole
    type        text NOT NULL,              -- as LangGraph's serialiser calls it
    value       bytea NOT NULL,
    PRIMARY KEY (tenant_id, thread_id, ns, channel, version)
);

-- What tasks of the step after a checkpoint have written, before the next checkpoint is there.
CREATE TABLE graph_writes (
    tenant_id      uuid NOT NULL,
    thread_id      text COLLATE "C" NOT NULL,
    ns             text COLLATE "C" NOT NULL,
    checkpoint_id  text COLLATE "C" NOT NULL,
    task_id        text COLLATE "C" NOT NULL,
    idx            integer NOT NULL,        -- below 0: errors, interrupts and what they were resumed with
    task_path      text COLLATE "C" NOT NULL,
    channel        text NOT NULL,
    type           text NOT NULL,
    value          bytea NOT NULL,
    PRIMARY KEY (tenant_id, thread_id, ns, checkpoint_id, task_id, idx)
);

DO $$
DECLARE
    name text;
    own constant text := 'tenant_id = nullif(current_setting(''stretto.tenant'', true), '''')::uuid';
BEGIN
    FOREACH name IN ARRAY ARRAY['graph_checkpoints', 'graph_values', 'graph_writes'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (%s) WITH CHECK (%s)', name, own, own);
    END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON graph_checkpoints, graph_values, graph_writes TO stretto_app;
