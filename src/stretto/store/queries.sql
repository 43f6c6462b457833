-- The store's own queries. They run with the owner's rights.

-- look_around --
-- What this server and this user are, to judge whether they are fit.
SELECT
    current_setting('server_version_num')::integer / 10000 AS version,
    current_database() AS database,
    current_user AS "user",
    me.rolsuper AS superuser,
    me.rolcreaterole AS createrole,
    has_database_privilege(current_database(), 'CREATE') AS may_create_schemas,
    (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
        WHERE e.extname = 'vector') AS vector_schema,
    EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') AS vector_available,
    app.oid IS NOT NULL AS app_exists,
    coalesce(app.rolcanlogin, false) AS app_logs_in,
    coalesce(app.rolsuper OR app.rolbypassrls, false) AS app_bypasses,
    app.oid IS NOT NULL AND CASE
        WHEN current_setting('server_version_num')::integer >= 160000 THEN pg_has_role(me.oid, app.oid, 'SET')
        ELSE pg_has_role(me.oid, app.oid, 'MEMBER') END AS app_member,
    ARRAY(SELECT nspname::text FROM pg_namespace
        WHERE nspname IN ('stretto', 'stretto_queue') ORDER BY nspname) AS schemas,
    ARRAY(SELECT nspname::text FROM pg_namespace
        WHERE nspname IN ('stretto', 'stretto_queue') AND NOT pg_has_role(me.oid, nspowner, 'USAGE')
        ORDER BY nspname) AS foreign_schemas
FROM pg_roles me LEFT JOIN pg_roles app ON app.rolname = 'stretto_app'
WHERE me.rolname = current_user

-- lock_setup --
-- Of the processes that start together, let one set up the database; the others wait. Held until the connection ends.
SELECT pg_advisory_lock(7314520018401)

-- migrations_exist --
-- Whether this database has been set up before.
SELECT to_regclass('stretto.migrations') IS NOT NULL

-- make_records --
-- Where it is remembered what has been set up.
CREATE TABLE IF NOT EXISTS stretto.migrations (
    number      integer PRIMARY KEY,
    name        text NOT NULL,
    checksum    text NOT NULL,
    applied_at  timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS stretto.queue_schema (
    only_one    boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    version     text NOT NULL,
    applied_at  timestamptz NOT NULL
)

-- applied_migrations --
-- The migrations that this database has seen.
SELECT number, name, checksum FROM stretto.migrations ORDER BY number

-- record_migration --
-- Remember that a migration has been applied.
INSERT INTO stretto.migrations (number, name, checksum, applied_at)
VALUES (%(number)s, %(name)s, %(checksum)s, clock_timestamp())

-- applied_app_migrations --
-- The migrations of an application that this database has seen.
SELECT number, name, checksum FROM stretto.app_migrations WHERE app = %(app)s ORDER BY number

-- record_app_migration --
-- Remember that a migration of an application has been applied.
INSERT INTO stretto.app_migrations (app, number, name, checksum, applied_at)
VALUES (%(app)s, %(number)s, %(name)s, %(checksum)s, clock_timestamp())

-- queue_version --
-- The version of Procrastinate whose schema the queue has.
SELECT version FROM stretto.queue_schema

-- record_queue_version --
-- Remember the version of Procrastinate whose schema the queue has.
INSERT INTO stretto.queue_schema (version, applied_at) VALUES (%(version)s, clock_timestamp())
ON CONFLICT (only_one) DO UPDATE SET version = excluded.version, applied_at = excluded.applied_at

-- add_tenant --
-- Add a tenant unless it is there.
INSERT INTO stretto.tenants (id, name, created_at) VALUES (%(tenant_id)s, %(name)s, clock_timestamp())
ON CONFLICT (id) DO NOTHING

-- partitions --
-- The partitions of runs, journal and calls, by name.
SELECT c.relname::text AS name
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent IN ('stretto.runs'::regclass, 'stretto.journal'::regclass, 'stretto.calls'::regclass)
ORDER BY c.relname

-- days --
-- The daily partitions of the event log, of events' effects and of deliveries to webhooks, by name.
SELECT c.relname::text AS name
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent IN ('stretto.events'::regclass, 'stretto.event_effects'::regclass, 'stretto.webhook_deliveries'::regclass)
ORDER BY c.relname

-- lock_partitions --
-- Of the processes that make or drop partitions at once, let one go first. Held until the transaction ends.
SELECT pg_advisory_xact_lock(7314520018402)

-- claim_key --
-- Take an Idempotency-Key for what is being made; no row when it was taken before.
INSERT INTO stretto.idempotency (tenant_id, key, digest, kind, made_id, created_at)
VALUES (%(tenant_id)s, %(key)s, %(digest)s, %(kind)s, %(made_id)s, %(at)s)
ON CONFLICT (tenant_id, key) DO NOTHING RETURNING key

-- get_key --
-- What an Idempotency-Key stands for.
SELECT kind, made_id, digest FROM stretto.idempotency WHERE tenant_id = %(tenant_id)s AND key = %(key)s

-- forget_idempotency --
-- Forget the requests whose keys are too old to come again.
DELETE FROM stretto.idempotency WHERE created_at < %(before)s

-- forget_graphs --
-- Forget the checkpoints of hosted graphs that were last written so long ago. Their threads are named RUN/STEP; others are their makers' own.
WITH gone AS (
    SELECT tenant_id, thread_id FROM stretto.graph_checkpoints
    WHERE thread_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/' GROUP BY tenant_id, thread_id HAVING max(at) < %(before)s
), c AS (
    DELETE FROM stretto.graph_checkpoints c USING gone g WHERE c.tenant_id = g.tenant_id AND c.thread_id = g.thread_id
), v AS (
    DELETE FROM stretto.graph_values v USING gone g WHERE v.tenant_id = g.tenant_id AND v.thread_id = g.thread_id
)
DELETE FROM stretto.graph_writes w USING gone g WHERE w.tenant_id = g.tenant_id AND w.thread_id = g.thread_id

-- forget_reviews --
-- Forget what was reviewed and is over, with its decisions and history; `before` is the least id of that time.
DELETE FROM stretto.reviews WHERE id < %(before)s AND state <> 'open'

-- forget_signals --
-- Remove what was said to runs that are gone.
DELETE FROM stretto.signals s
WHERE s.created_at < %(before)s AND NOT EXISTS (SELECT FROM stretto.runs r WHERE r.id = s.run_id)
