-- Recorded by `python -m tests.postgres.store.record_schema`; compared by test_schema.py. Not edited by hand.

CREATE TABLE stretto.answers (
    tenant_id uuid NOT NULL,
    route text NOT NULL,
    key bytea NOT NULL,
    rest bytea,
    question text,
    model text,
    embedding public.vector,
    answer jsonb NOT NULL,
    kept_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.answers OWNER TO stretto;
CREATE TABLE stretto.api_keys (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    prefix text NOT NULL,
    name text NOT NULL,
    digest bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    role text DEFAULT 'operator'::text NOT NULL,
    scopes text[],
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    created_by text DEFAULT ''::text NOT NULL,
    replaced_by text,
    CONSTRAINT api_keys_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'operator'::text, 'reviewer'::text, 'viewer'::text])))
);
ALTER TABLE stretto.api_keys OWNER TO stretto;
CREATE TABLE stretto.app_migrations (
    app text NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.app_migrations OWNER TO stretto;
CREATE TABLE stretto.apps (
    name text NOT NULL,
    added_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.apps OWNER TO stretto;
CREATE TABLE stretto.archived_flows (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    archived_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.archived_flows OWNER TO stretto;
CREATE TABLE stretto.audit (
    id bigint NOT NULL,
    tenant_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    outcome text NOT NULL,
    times integer DEFAULT 1 NOT NULL,
    request_id text DEFAULT ''::text NOT NULL,
    address text DEFAULT ''::text NOT NULL,
    detail jsonb NOT NULL,
    CONSTRAINT audit_outcome_check CHECK ((outcome = ANY (ARRAY['done'::text, 'denied'::text])))
);
ALTER TABLE stretto.audit OWNER TO stretto;
ALTER TABLE stretto.audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME stretto.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE stretto.budget_leases (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    process uuid NOT NULL,
    held_usd numeric NOT NULL
);
ALTER TABLE stretto.budget_leases OWNER TO stretto;
CREATE TABLE stretto.budgets (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    limit_usd numeric,
    spent_usd numeric DEFAULT 0 NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    short_usd numeric,
    told_usd numeric
);
ALTER TABLE stretto.budgets OWNER TO stretto;
CREATE TABLE stretto.calls (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    kind text NOT NULL,
    run_id uuid,
    flow text NOT NULL,
    path text NOT NULL,
    step text NOT NULL,
    attempt integer NOT NULL,
    agent text NOT NULL,
    priority smallint NOT NULL,
    route text NOT NULL,
    deployment text NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    input_tokens bigint NOT NULL,
    cached_input_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    estimated boolean NOT NULL,
    price_version text NOT NULL,
    cost_usd numeric NOT NULL,
    ttft_s double precision,
    duration_s double precision NOT NULL,
    waited_s double precision NOT NULL,
    ended text NOT NULL,
    outcome text NOT NULL,
    reason text NOT NULL,
    error text NOT NULL,
    cached text NOT NULL,
    simulated boolean NOT NULL,
    CONSTRAINT calls_cost_usd_check CHECK (((cost_usd >= (0)::numeric) AND (cost_usd < 'Infinity'::numeric))),
    CONSTRAINT calls_ended_check CHECK ((ended = ANY (ARRAY['answered'::text, 'failed'::text, 'cancelled'::text, 'not_made'::text]))),
    CONSTRAINT calls_kind_check CHECK ((kind = ANY (ARRAY['chat'::text, 'embeddings'::text])))
)
PARTITION BY RANGE (id);
ALTER TABLE stretto.calls OWNER TO stretto;
CREATE TABLE stretto.claims (
    name text NOT NULL,
    process uuid NOT NULL,
    held double precision DEFAULT 0 NOT NULL,
    wanted_until timestamp with time zone
);
ALTER TABLE stretto.claims OWNER TO stretto;
CREATE TABLE stretto.event_effects (
    tenant_id uuid NOT NULL,
    group_name text NOT NULL,
    event_id uuid NOT NULL,
    at timestamp with time zone NOT NULL
)
PARTITION BY RANGE (event_id);
ALTER TABLE stretto.event_effects OWNER TO stretto;
CREATE TABLE stretto.event_effects_else (
    tenant_id uuid CONSTRAINT event_effects_tenant_id_not_null NOT NULL,
    group_name text CONSTRAINT event_effects_group_name_not_null NOT NULL,
    event_id uuid CONSTRAINT event_effects_event_id_not_null NOT NULL,
    at timestamp with time zone CONSTRAINT event_effects_at_not_null NOT NULL
);
ALTER TABLE stretto.event_effects_else OWNER TO stretto;
CREATE TABLE stretto.event_head (
    only_one boolean DEFAULT true NOT NULL,
    installation uuid DEFAULT gen_random_uuid() NOT NULL,
    "position" bigint DEFAULT 0 NOT NULL,
    logged_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    relay text,
    relay_until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT event_head_only_one_check CHECK (only_one)
);
ALTER TABLE stretto.event_head OWNER TO stretto;
CREATE TABLE stretto.event_letters (
    tenant_id uuid NOT NULL,
    group_name text NOT NULL,
    event_id uuid NOT NULL,
    event_tenant_id uuid NOT NULL,
    subject text NOT NULL,
    slot smallint NOT NULL,
    "position" bigint NOT NULL,
    event jsonb NOT NULL,
    state text NOT NULL,
    attempts integer NOT NULL,
    due_at timestamp with time zone,
    error text NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    CONSTRAINT event_letters_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'dead'::text])))
);
ALTER TABLE stretto.event_letters OWNER TO stretto;
CREATE TABLE stretto.event_members (
    tenant_id uuid NOT NULL,
    group_name text NOT NULL,
    member text NOT NULL,
    until timestamp with time zone NOT NULL
)
WITH (fillfactor='50');
ALTER TABLE stretto.event_members OWNER TO stretto;
CREATE TABLE stretto.event_slots (
    tenant_id uuid NOT NULL,
    group_name text NOT NULL,
    slot smallint NOT NULL,
    "position" bigint NOT NULL,
    epoch bigint DEFAULT 0 NOT NULL,
    holder text,
    moved_at timestamp with time zone NOT NULL
)
WITH (fillfactor='50');
ALTER TABLE stretto.event_slots OWNER TO stretto;
CREATE TABLE stretto.events (
    "position" bigint NOT NULL,
    logged_at timestamp with time zone NOT NULL,
    slot smallint NOT NULL,
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    at timestamp with time zone NOT NULL,
    data jsonb NOT NULL,
    traceparent text
)
PARTITION BY RANGE (logged_at);
ALTER TABLE stretto.events OWNER TO stretto;
CREATE TABLE stretto.flows (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    version integer NOT NULL,
    digest text NOT NULL,
    document jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.flows OWNER TO stretto;
CREATE TABLE stretto.graph_checkpoints (
    tenant_id uuid NOT NULL,
    thread_id text NOT NULL COLLATE pg_catalog."C",
    ns text NOT NULL COLLATE pg_catalog."C",
    id text NOT NULL COLLATE pg_catalog."C",
    parent_id text COLLATE pg_catalog."C",
    metadata jsonb NOT NULL,
    refs jsonb NOT NULL,
    at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.graph_checkpoints OWNER TO stretto;
CREATE TABLE stretto.graph_values (
    tenant_id uuid NOT NULL,
    thread_id text NOT NULL COLLATE pg_catalog."C",
    ns text NOT NULL COLLATE pg_catalog."C",
    channel text NOT NULL COLLATE pg_catalog."C",
    version text NOT NULL COLLATE pg_catalog."C",
    base text COLLATE pg_catalog."C",
    type text NOT NULL,
    value bytea NOT NULL
);
ALTER TABLE stretto.graph_values OWNER TO stretto;
CREATE TABLE stretto.graph_writes (
    tenant_id uuid NOT NULL,
    thread_id text NOT NULL COLLATE pg_catalog."C",
    ns text NOT NULL COLLATE pg_catalog."C",
    checkpoint_id text NOT NULL COLLATE pg_catalog."C",
    task_id text NOT NULL COLLATE pg_catalog."C",
    idx integer NOT NULL,
    task_path text NOT NULL COLLATE pg_catalog."C",
    channel text NOT NULL,
    type text NOT NULL,
    value bytea NOT NULL
);
ALTER TABLE stretto.graph_writes OWNER TO stretto;
CREATE TABLE stretto.hook_receipts (
    tenant_id uuid NOT NULL,
    source text NOT NULL,
    delivery_key text NOT NULL,
    at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.hook_receipts OWNER TO stretto;
CREATE TABLE stretto.hook_sources (
    public_id text NOT NULL,
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    scheme text NOT NULL,
    secret bytea NOT NULL,
    active boolean DEFAULT true NOT NULL,
    created_by text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.hook_sources OWNER TO stretto;
CREATE TABLE stretto.idempotency (
    tenant_id uuid NOT NULL,
    key text NOT NULL,
    digest text NOT NULL,
    made_id text CONSTRAINT idempotency_run_id_not_null NOT NULL,
    created_at timestamp with time zone NOT NULL,
    kind text DEFAULT 'run'::text NOT NULL
);
ALTER TABLE stretto.idempotency OWNER TO stretto;
CREATE TABLE stretto.journal (
    run_id uuid NOT NULL,
    seq integer NOT NULL,
    tenant_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    kind text NOT NULL,
    step text,
    attempt integer,
    "position" integer,
    body jsonb,
    text text,
    cuts bytea
)
PARTITION BY RANGE (run_id);
ALTER TABLE stretto.journal OWNER TO stretto;
CREATE TABLE stretto.lessees (
    process uuid NOT NULL,
    alive_until timestamp with time zone NOT NULL
);
ALTER TABLE stretto.lessees OWNER TO stretto;
CREATE TABLE stretto.logins_used (
    digest bytea NOT NULL,
    until timestamp with time zone NOT NULL
);
ALTER TABLE stretto.logins_used OWNER TO stretto;
CREATE TABLE stretto.members (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    email text NOT NULL,
    role text NOT NULL,
    issuer text,
    subject text,
    revision integer DEFAULT 1 NOT NULL,
    created_by text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT members_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'operator'::text, 'reviewer'::text, 'viewer'::text])))
);
ALTER TABLE stretto.members OWNER TO stretto;
CREATE TABLE stretto.memory_collections (
    tenant_id uuid NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    id bigint NOT NULL,
    language text NOT NULL,
    model text NOT NULL,
    dimensions integer NOT NULL,
    next_model text,
    next_dimensions integer,
    items bigint DEFAULT 0 NOT NULL,
    words bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone NOT NULL
)
WITH (fillfactor='50');
ALTER TABLE stretto.memory_collections OWNER TO stretto;
ALTER TABLE stretto.memory_collections ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME stretto.memory_collections_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE stretto.memory_items (
    id bigint NOT NULL,
    tenant_id uuid NOT NULL,
    collection_id bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    text text NOT NULL,
    metadata jsonb NOT NULL,
    hash bytea NOT NULL,
    words integer NOT NULL,
    latitude double precision,
    longitude double precision,
    cell bigint,
    at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.memory_items OWNER TO stretto;
ALTER TABLE stretto.memory_items ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME stretto.memory_items_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE stretto.memory_postings (
    tenant_id uuid NOT NULL,
    collection_id bigint NOT NULL,
    item_id bigint NOT NULL,
    impact real NOT NULL,
    term text NOT NULL COLLATE pg_catalog."C"
);
ALTER TABLE stretto.memory_postings OWNER TO stretto;
CREATE TABLE stretto.memory_terms (
    tenant_id uuid NOT NULL,
    collection_id bigint NOT NULL,
    term text NOT NULL COLLATE pg_catalog."C",
    items bigint NOT NULL
)
WITH (fillfactor='70');
ALTER TABLE stretto.memory_terms OWNER TO stretto;
CREATE TABLE stretto.memory_vectors (
    tenant_id uuid NOT NULL,
    collection_id bigint NOT NULL,
    model text NOT NULL COLLATE pg_catalog."C",
    item_id bigint NOT NULL,
    dimensions integer NOT NULL,
    hash bytea NOT NULL,
    embedding public.halfvec NOT NULL,
    piece integer DEFAULT 0 NOT NULL,
    begins integer,
    ends integer,
    text_hash bytea
);
ALTER TABLE stretto.memory_vectors OWNER TO stretto;
CREATE TABLE stretto.migrations (
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.migrations OWNER TO stretto;
CREATE TABLE stretto.outbox (
    n bigint NOT NULL,
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    at timestamp with time zone NOT NULL,
    data jsonb NOT NULL,
    traceparent text
);
ALTER TABLE stretto.outbox OWNER TO stretto;
ALTER TABLE stretto.outbox ALTER COLUMN n ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME stretto.outbox_n_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE stretto.price_versions (
    version text NOT NULL,
    document text NOT NULL,
    first_used timestamp with time zone NOT NULL
);
ALTER TABLE stretto.price_versions OWNER TO stretto;
CREATE TABLE stretto.provider_keys (
    name text NOT NULL,
    sealed bytea NOT NULL,
    master_id bytea NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.provider_keys OWNER TO stretto;
CREATE TABLE stretto.queue_schema (
    only_one boolean DEFAULT true NOT NULL,
    version text NOT NULL,
    applied_at timestamp with time zone NOT NULL,
    CONSTRAINT queue_schema_only_one_check CHECK (only_one)
);
ALTER TABLE stretto.queue_schema OWNER TO stretto;
CREATE TABLE stretto.quotas (
    tenant_id uuid NOT NULL,
    kind text NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    value text NOT NULL,
    day date,
    used integer DEFAULT 0 NOT NULL,
    CONSTRAINT quotas_check CHECK (((name = ''::text) OR (kind = 'key_requests'::text))),
    CONSTRAINT quotas_check1 CHECK (((kind = ANY (ARRAY['requests'::text, 'key_requests'::text])) OR (value ~ '^[0-9]{1,9}$'::text))),
    CONSTRAINT quotas_kind_check CHECK ((kind = ANY (ARRAY['requests'::text, 'key_requests'::text, 'runs_per_day'::text, 'unfinished_runs'::text])))
);
ALTER TABLE stretto.quotas OWNER TO stretto;
CREATE UNLOGGED TABLE stretto.request_windows (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    slot bigint NOT NULL,
    counts integer[] NOT NULL,
    total bigint NOT NULL,
    until timestamp with time zone NOT NULL
)
WITH (fillfactor='50');
ALTER TABLE stretto.request_windows OWNER TO stretto;
CREATE TABLE stretto.review_deadlines (
    tenant_id uuid NOT NULL,
    review_id uuid NOT NULL,
    mandatory boolean DEFAULT false NOT NULL,
    due_at timestamp with time zone NOT NULL,
    verdict text NOT NULL,
    CONSTRAINT review_deadlines_mandatory_check CHECK ((NOT mandatory)),
    CONSTRAINT review_deadlines_verdict_check CHECK ((verdict = ANY (ARRAY['approve'::text, 'reject'::text])))
);
ALTER TABLE stretto.review_deadlines OWNER TO stretto;
CREATE TABLE stretto.review_decisions (
    tenant_id uuid NOT NULL,
    review_id uuid NOT NULL,
    n integer NOT NULL,
    mandatory boolean NOT NULL,
    four_eyes boolean NOT NULL,
    how text NOT NULL,
    verdict text NOT NULL,
    by text NOT NULL,
    first_by text,
    comments text DEFAULT ''::text NOT NULL,
    edited boolean DEFAULT false NOT NULL,
    value jsonb,
    diff jsonb,
    final boolean NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT review_decisions_check CHECK (((how = 'person'::text) OR (NOT mandatory))),
    CONSTRAINT review_decisions_check1 CHECK ((final OR four_eyes)),
    CONSTRAINT review_decisions_check2 CHECK (((NOT four_eyes) OR (NOT final) OR (verdict <> 'approve'::text) OR COALESCE((first_by <> by), false))),
    CONSTRAINT review_decisions_how_check CHECK ((how = ANY (ARRAY['person'::text, 'bulk'::text, 'deadline'::text]))),
    CONSTRAINT review_decisions_verdict_check CHECK ((verdict = ANY (ARRAY['approve'::text, 'reject'::text, 'changes'::text])))
);
ALTER TABLE stretto.review_decisions OWNER TO stretto;
CREATE TABLE stretto.review_history (
    tenant_id uuid NOT NULL,
    review_id uuid NOT NULL,
    n integer NOT NULL,
    at timestamp with time zone NOT NULL,
    by text NOT NULL,
    what text NOT NULL,
    detail jsonb NOT NULL
);
ALTER TABLE stretto.review_history OWNER TO stretto;
CREATE TABLE stretto.reviews (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    step text NOT NULL,
    attempt integer NOT NULL,
    flow text NOT NULL,
    content_type text NOT NULL,
    policy text NOT NULL,
    question text NOT NULL,
    content jsonb NOT NULL,
    excerpt text NOT NULL,
    reason jsonb,
    judge text,
    confidence double precision,
    stated double precision,
    sensitive boolean NOT NULL,
    mandatory boolean NOT NULL,
    four_eyes boolean NOT NULL,
    bulk_from double precision,
    media jsonb NOT NULL,
    rules jsonb NOT NULL,
    state text NOT NULL,
    assignee text,
    claimed_by text,
    claimed_until timestamp with time zone,
    snoozed_until timestamp with time zone,
    escalate_at timestamp with time zone,
    escalate_to text NOT NULL,
    escalated_at timestamp with time zone,
    first_by text,
    verdict text,
    decided_by text,
    how text,
    created_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    version integer DEFAULT 1 NOT NULL,
    changed_by text DEFAULT ''::text NOT NULL,
    rank smallint GENERATED ALWAYS AS (
CASE
    WHEN sensitive THEN 0
    ELSE 1
END) STORED NOT NULL,
    trust double precision GENERATED ALWAYS AS (COALESCE(confidence, (0)::double precision)) STORED NOT NULL,
    form jsonb,
    CONSTRAINT reviews_check CHECK ((mandatory OR (NOT four_eyes))),
    CONSTRAINT reviews_check1 CHECK (((state = 'open'::text) = (closed_at IS NULL))),
    CONSTRAINT reviews_check2 CHECK (((state = 'decided'::text) = (verdict IS NOT NULL))),
    CONSTRAINT reviews_state_check CHECK ((state = ANY (ARRAY['open'::text, 'decided'::text, 'withdrawn'::text])))
);
ALTER TABLE stretto.reviews OWNER TO stretto;
CREATE TABLE stretto.runs (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    flow_name text NOT NULL,
    flow_version integer NOT NULL,
    status text NOT NULL,
    priority smallint NOT NULL,
    input jsonb NOT NULL,
    output jsonb,
    error jsonb,
    parent_id uuid,
    cost_usd numeric DEFAULT 0 NOT NULL,
    accepted_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT runs_status_check CHECK ((status = ANY (ARRAY['accepted'::text, 'running'::text, 'waiting'::text, 'paused'::text, 'completed'::text, 'failed'::text, 'cancelled'::text])))
)
PARTITION BY RANGE (id);
ALTER TABLE stretto.runs OWNER TO stretto;
CREATE TABLE stretto.schedules (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    flow_name text NOT NULL,
    cron text NOT NULL,
    timezone text NOT NULL,
    input jsonb NOT NULL,
    priority smallint NOT NULL,
    next_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    paused boolean DEFAULT false NOT NULL,
    revision integer DEFAULT 1 NOT NULL
);
ALTER TABLE stretto.schedules OWNER TO stretto;
CREATE TABLE stretto.sessions (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    digest bytea NOT NULL,
    issuer text NOT NULL,
    subject text NOT NULL,
    email text NOT NULL,
    name text NOT NULL,
    member_id uuid,
    role text,
    created_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    CONSTRAINT sessions_check CHECK (((member_id IS NULL) <> (role IS NULL))),
    CONSTRAINT sessions_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'operator'::text, 'reviewer'::text, 'viewer'::text])))
);
ALTER TABLE stretto.sessions OWNER TO stretto;
CREATE TABLE stretto.signals (
    id bigint NOT NULL,
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    kind text NOT NULL,
    body jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.signals OWNER TO stretto;
ALTER TABLE stretto.signals ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME stretto.signals_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE stretto.spendings (
    tenant_id uuid NOT NULL,
    key text NOT NULL,
    run_id uuid NOT NULL,
    step text NOT NULL,
    tool text NOT NULL,
    amount_usd numeric NOT NULL,
    month date NOT NULL,
    state text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT spendings_amount_usd_check CHECK ((amount_usd >= (0)::numeric)),
    CONSTRAINT spendings_state_check CHECK ((state = ANY (ARRAY['held'::text, 'spent'::text, 'released'::text])))
);
ALTER TABLE stretto.spendings OWNER TO stretto;
CREATE TABLE stretto.state_documents (
    tenant_id uuid NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    version integer NOT NULL,
    deleted boolean NOT NULL,
    bytes integer NOT NULL,
    updated_at timestamp with time zone NOT NULL
)
WITH (fillfactor='70');
ALTER TABLE stretto.state_documents OWNER TO stretto;
CREATE TABLE stretto.state_versions (
    tenant_id uuid NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    version integer NOT NULL,
    value json,
    deleted boolean NOT NULL,
    written_by text NOT NULL,
    at timestamp with time zone NOT NULL,
    run_id uuid,
    step text,
    merged_from integer
);
ALTER TABLE stretto.state_versions OWNER TO stretto;
CREATE TABLE stretto.tenants (
    id uuid NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    revision integer DEFAULT 1 NOT NULL
);
ALTER TABLE stretto.tenants OWNER TO stretto;
CREATE TABLE stretto.thresholds (
    tenant_id uuid NOT NULL,
    flow text NOT NULL,
    policy text NOT NULL,
    content_type text NOT NULL,
    approve double precision,
    reject double precision,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT thresholds_approve_check CHECK (((approve >= (0)::double precision) AND (approve <= (1)::double precision))),
    CONSTRAINT thresholds_check CHECK (((approve IS NOT NULL) OR (reject IS NOT NULL))),
    CONSTRAINT thresholds_check1 CHECK ((reject <= approve)),
    CONSTRAINT thresholds_reject_check CHECK (((reject >= (0)::double precision) AND (reject <= (1)::double precision)))
);
ALTER TABLE stretto.thresholds OWNER TO stretto;
CREATE TABLE stretto.timers (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    step text NOT NULL,
    due_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.timers OWNER TO stretto;
CREATE TABLE stretto.tool_secrets (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    sealed bytea NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.tool_secrets OWNER TO stretto;
CREATE TABLE stretto.usage_days (
    tenant_id uuid NOT NULL,
    day date NOT NULL,
    key uuid NOT NULL,
    kind text NOT NULL,
    flow text NOT NULL,
    step text NOT NULL,
    agent text NOT NULL,
    route text NOT NULL,
    deployment text NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    priority smallint NOT NULL,
    outcome text NOT NULL,
    simulated boolean NOT NULL,
    calls bigint NOT NULL,
    failed bigint NOT NULL,
    cancelled bigint NOT NULL,
    not_made bigint NOT NULL,
    cached bigint NOT NULL,
    estimated bigint NOT NULL,
    input_tokens bigint NOT NULL,
    cached_input_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    cost_usd numeric NOT NULL
)
WITH (fillfactor='50');
ALTER TABLE stretto.usage_days OWNER TO stretto;
CREATE TABLE stretto.webhook_deliveries (
    event_id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    type text NOT NULL,
    body text NOT NULL,
    status text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_at timestamp with time zone,
    claim uuid,
    created_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone,
    response_code integer,
    response_text text,
    duration_ms integer,
    error text,
    CONSTRAINT webhook_deliveries_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'succeeded'::text, 'failed'::text])))
)
PARTITION BY RANGE (event_id);
ALTER TABLE stretto.webhook_deliveries OWNER TO stretto;
CREATE TABLE stretto.webhook_deliveries_else (
    event_id uuid CONSTRAINT webhook_deliveries_event_id_not_null NOT NULL,
    webhook_id uuid CONSTRAINT webhook_deliveries_webhook_id_not_null NOT NULL,
    tenant_id uuid CONSTRAINT webhook_deliveries_tenant_id_not_null NOT NULL,
    type text CONSTRAINT webhook_deliveries_type_not_null NOT NULL,
    body text CONSTRAINT webhook_deliveries_body_not_null NOT NULL,
    status text CONSTRAINT webhook_deliveries_status_not_null NOT NULL,
    attempts integer DEFAULT 0 CONSTRAINT webhook_deliveries_attempts_not_null NOT NULL,
    next_at timestamp with time zone,
    claim uuid,
    created_at timestamp with time zone CONSTRAINT webhook_deliveries_created_at_not_null NOT NULL,
    last_at timestamp with time zone,
    response_code integer,
    response_text text,
    duration_ms integer,
    error text,
    CONSTRAINT webhook_deliveries_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'succeeded'::text, 'failed'::text])))
);
ALTER TABLE stretto.webhook_deliveries_else OWNER TO stretto;
CREATE TABLE stretto.webhooks (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    url text NOT NULL,
    types text[] NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    secret bytea NOT NULL,
    secret_before bytea,
    before_until timestamp with time zone,
    rotated_at timestamp with time zone,
    active boolean DEFAULT true NOT NULL,
    disabled_reason text,
    failing_since timestamp with time zone,
    revision integer DEFAULT 1 NOT NULL,
    created_by text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.webhooks OWNER TO stretto;
CREATE TABLE stretto.worker_hosts (
    worker_id bigint NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    version text NOT NULL,
    started_at timestamp with time zone NOT NULL
);
ALTER TABLE stretto.worker_hosts OWNER TO stretto;
