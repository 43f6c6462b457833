-- Reviews: what waits for a person, with all that he needs to decide, and what was decided.
-- A review begins and ends with its row in `waits`, by triggers in the engine's own transaction.

CREATE TABLE reviews (
    id             uuid PRIMARY KEY,        -- UUIDv7
    tenant_id      uuid NOT NULL,
    run_id         uuid NOT NULL,
    step           text NOT NULL,
    attempt        integer NOT NULL,
    flow           text NOT NULL,
    content_type   text NOT NULL,
    policy         text NOT NULL,
    question       text NOT NULL,
    content        jsonb NOT NULL,          -- what is shown
    excerpt        text NOT NULL,           -- its beginning, for lists
    reason         jsonb,                   -- why a person is asked: a judge's output
    judge          text,
    confidence     double precision,        -- the judge's, calibrated if it could be
    stated         double precision,        -- the judge's own, before calibration
    sensitive      boolean NOT NULL,
    mandatory      boolean NOT NULL,        -- a person must decide; so it is with four eyes too
    four_eyes      boolean NOT NULL CHECK (mandatory OR NOT four_eyes),
    bulk_from      double precision,
    media          jsonb NOT NULL,
    rules          jsonb NOT NULL,          -- as the flow says them
    state          text NOT NULL CHECK (state IN ('open', 'decided', 'withdrawn')),
    assignee       text,                    -- somebody, or `role admin`
    claimed_by     text,
    claimed_until  timestamptz,
    snoozed_until  timestamptz,
    escalate_at    timestamptz,
    escalate_to    text NOT NULL,
    escalated_at   timestamptz,
    first_by       text,                    -- who of two has approved
    verdict        text,
    decided_by     text,
    how            text,
    created_at     timestamptz NOT NULL,
    closed_at      timestamptz,
    version        integer NOT NULL DEFAULT 1,
    changed_by     text NOT NULL DEFAULT '',
    -- The order of the inbox: sensitive first, then the least confident (nobody has vouched for what has no confidence), then
    -- the oldest.
    rank           smallint NOT NULL GENERATED ALWAYS AS (CASE WHEN sensitive THEN 0 ELSE 1 END) STORED,
    trust          double precision NOT NULL GENERATED ALWAYS AS (coalesce(confidence, 0)) STORED,
    CHECK ((state = 'open') = (closed_at IS NULL)),
    CHECK ((state = 'decided') = (verdict IS NOT NULL)),
    UNIQUE (tenant_id, id, mandatory),
    UNIQUE (tenant_id, id, mandatory, four_eyes)
);
CREATE UNIQUE INDEX reviews_open_step ON reviews (run_id, step) WHERE state = 'open';
CREATE INDEX reviews_by_run ON reviews (run_id, id);
CREATE INDEX reviews_inbox ON reviews (tenant_id, rank, trust, id) WHERE state = 'open';
CREATE INDEX reviews_closed ON reviews (tenant_id, closed_at, id) WHERE state <> 'open';
CREATE INDEX reviews_approved ON reviews (tenant_id, flow, content_type) WHERE verdict = 'approve';
CREATE INDEX reviews_escalate ON reviews (escalate_at) WHERE state = 'open' AND escalate_at IS NOT NULL;

-- When time decides, if nobody has. A mandatory review cannot have a row here: the key carries its `mandatory`, which must be false.
CREATE TABLE review_deadlines (
    tenant_id   uuid NOT NULL,
    review_id   uuid PRIMARY KEY,
    mandatory   boolean NOT NULL DEFAULT false CHECK (NOT mandatory),
    due_at      timestamptz NOT NULL,
    verdict     text NOT NULL CHECK (verdict IN ('approve', 'reject')),
    FOREIGN KEY (tenant_id, review_id, mandatory) REFERENCES reviews (tenant_id, id, mandatory) ON DELETE CASCADE
);
CREATE INDEX review_deadlines_due ON review_deadlines (due_at);

-- What was decided. Only a person's own decision fits a mandatory review, only one decision is final, and the final approval of
-- a review with four eyes names another person who approved before.
CREATE TABLE review_decisions (
    tenant_id   uuid NOT NULL,
    review_id   uuid NOT NULL,
    n           integer NOT NULL,           -- the review's version that it was made on
    mandatory   boolean NOT NULL,
    four_eyes   boolean NOT NULL,
    how         text NOT NULL CHECK (how IN ('person', 'bulk', 'deadline')),
    verdict     text NOT NULL CHECK (verdict IN ('approve', 'reject', 'changes')),
    by          text NOT NULL,
    first_by    text,
    comments    text NOT NULL DEFAULT '',
    edited      boolean NOT NULL DEFAULT false,
    value       jsonb,                      -- what the person made of the content, if anything
    diff        jsonb,                      -- how that differs from what was shown
    final       boolean NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (review_id, n),
    FOREIGN KEY (tenant_id, review_id, mandatory, four_eyes)
        REFERENCES reviews (tenant_id, id, mandatory, four_eyes) ON DELETE CASCADE,
    CHECK (how = 'person' OR NOT mandatory),
    CHECK (final OR four_eyes),
    CHECK (NOT four_eyes OR NOT final OR verdict <> 'approve' OR coalesce(first_by <> by, false))
);
CREATE UNIQUE INDEX review_decisions_final ON review_decisions (review_id) WHERE final;
CREATE INDEX review_decisions_by_time ON review_decisions (tenant_id, at) WHERE final AND how = 'person';

-- What happened to each review, in order. Written by triggers alone.
CREATE TABLE review_history (
    tenant_id   uuid NOT NULL,
    review_id   uuid NOT NULL REFERENCES reviews ON DELETE CASCADE,
    n           integer NOT NULL,           -- the review's version from then on
    at          timestamptz NOT NULL,
    by          text NOT NULL,
    what        text NOT NULL,
    detail      jsonb NOT NULL,
    PRIMARY KEY (review_id, n)
);

DO $$
DECLARE
    name text;
    own constant text := 'tenant_id = nullif(current_setting(''stretto.tenant'', true), '''')::uuid';
BEGIN
    FOREACH name IN ARRAY ARRAY['reviews', 'review_deadlines', 'review_decisions', 'review_history'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (%s) WITH CHECK (%s)', name, own, own);
    END LOOP;
END $$;

-- A judge's output is whatever a flow made of it: a number that is none counts as not said.
CREATE FUNCTION share_in(value jsonb) RETURNS double precision
LANGUAGE sql IMMUTABLE SET search_path = stretto, pg_temp AS $$
    SELECT CASE WHEN jsonb_typeof(value) = 'number' AND value::numeric BETWEEN 0 AND 1 THEN value::double precision END
$$;
CREATE FUNCTION seconds_in(value jsonb) RETURNS interval
LANGUAGE sql IMMUTABLE SET search_path = stretto, pg_temp AS $$
    SELECT CASE WHEN jsonb_typeof(value) = 'number' AND value::numeric BETWEEN 0 AND 31622400
        THEN make_interval(secs => value::double precision) END
$$;

-- The run as the parent of what follows from it (W3C Trace Context), as engine/trace_ids.py makes it.
CREATE FUNCTION traceparent_of(run uuid) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = stretto, pg_temp AS $$
    SELECT '00-' || left(encode(sha256('trace'::bytea || uuid_send(run)), 'hex'), 32)
        || '-' || left(encode(sha256('span'::bytea || uuid_send(run) || 'run'::bytea), 'hex'), 16) || '-01'
$$;

-- A step has begun to wait for a person.
CREATE FUNCTION open_review(wait waits) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
DECLARE
    b constant jsonb := wait.body;
    shown constant jsonb := coalesce(b -> 'show', 'null');
    rules constant jsonb := CASE WHEN jsonb_typeof(b -> 'rules') = 'object' THEN b -> 'rules' ELSE '{}' END;
    because constant jsonb := nullif(b -> 'because', 'null');
    eyes constant boolean := coalesce(rules ->> 'four_eyes' = 'true', false);
    must constant boolean := eyes OR coalesce(rules ->> 'mandatory' = 'true', false)
        OR coalesce(because ->> 'mandatory' = 'true', false);
    due constant interval := seconds_in(rules -> 'deadline_s');
    one uuid := new_event_id();
    at constant timestamptz := clock_timestamp();
BEGIN
    INSERT INTO reviews (id, tenant_id, run_id, step, attempt, flow, content_type, policy, question, content, excerpt, reason,
        judge, confidence, stated, sensitive, mandatory, four_eyes, bulk_from, media, rules, state, assignee, escalate_at,
        escalate_to, created_at)
    VALUES (one, wait.tenant_id, wait.run_id, wait.step,
        CASE WHEN jsonb_typeof(b -> 'attempt') = 'number' THEN (b ->> 'attempt')::integer ELSE 1 END,
        coalesce((SELECT r.flow_name FROM runs r WHERE r.id = wait.run_id), ''),
        left(coalesce(b ->> 'content_type', ''), 200), left(coalesce(b ->> 'policy', ''), 200),
        coalesce(b ->> 'question', ''), shown,
        left(CASE WHEN jsonb_typeof(shown) = 'string' THEN shown #>> '{}' ELSE shown::text END, 500),
        because, left(because ->> 'judge', 200), share_in(because -> 'confidence'),
        coalesce(share_in(because -> 'stated'), share_in(because -> 'confidence')),
        coalesce(because ->> 'sensitive' = 'true', false), must, eyes,
        CASE WHEN NOT must THEN share_in(rules -> 'bulk_from') END,
        CASE WHEN jsonb_typeof(b -> 'media') = 'array' THEN b -> 'media' ELSE '[]' END, rules, 'open',
        left(nullif(b ->> 'assignee', ''), 200), at + seconds_in(rules -> 'escalate_s'),
        coalesce(rules ->> 'escalate_to', 'admin'), at);
    IF due IS NOT NULL AND NOT must AND rules ->> 'on_deadline' IN ('approve', 'reject') THEN
        INSERT INTO review_deadlines (tenant_id, review_id, due_at, verdict)
        VALUES (wait.tenant_id, one, at + due, rules ->> 'on_deadline');
    END IF;
END $$;

CREATE FUNCTION wait_begins() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
BEGIN
    PERFORM open_review(NEW);
    RETURN NULL;
END $$;
CREATE TRIGGER opens_review AFTER INSERT ON waits FOR EACH ROW WHEN (NEW.kind = 'review') EXECUTE FUNCTION wait_begins();

-- What nobody has decided, and is asked no more: the run was cancelled, or has failed elsewhere.
CREATE FUNCTION wait_ends() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
BEGIN
    UPDATE reviews SET state = 'withdrawn', closed_at = clock_timestamp(), changed_by = ''
    WHERE run_id = OLD.run_id AND step = OLD.step AND state = 'open';
    RETURN NULL;
END $$;
CREATE TRIGGER withdraws_review AFTER DELETE ON waits FOR EACH ROW WHEN (OLD.kind = 'review') EXECUTE FUNCTION wait_ends();

CREATE FUNCTION count_version() RETURNS trigger
LANGUAGE plpgsql SET search_path = stretto, pg_temp AS $$
BEGIN
    IF OLD.state <> 'open' THEN
        RAISE insufficient_privilege USING MESSAGE = 'a review that is over is never changed';
    END IF;
    NEW.version := OLD.version + 1;
    RETURN NEW;
END $$;
CREATE TRIGGER version BEFORE UPDATE ON reviews FOR EACH ROW EXECUTE FUNCTION count_version();

-- Every change of a review: its history, an event, and where somebody made it an entry in the audit log.
CREATE FUNCTION note_review() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
DECLARE
    verb text;
    told jsonb := '{}';
    decision review_decisions;
    about jsonb := jsonb_build_object('run_id', NEW.run_id, 'flow', NEW.flow, 'step', NEW.step, 'review_id', NEW.id);
BEGIN
    IF TG_OP = 'INSERT' THEN
        verb := 'requested';
        about := about || jsonb_build_object('content_type', NEW.content_type, 'sensitive', NEW.sensitive,
            'mandatory', NEW.mandatory);
    ELSIF NEW.state <> OLD.state THEN
        verb := NEW.state;
        DELETE FROM review_deadlines WHERE review_id = NEW.id;
        IF NEW.state = 'decided' THEN
            SELECT * INTO STRICT decision FROM review_decisions WHERE review_id = NEW.id AND final;
            told := jsonb_build_object('verdict', decision.verdict, 'how', decision.how, 'edited', decision.edited);
        END IF;
    ELSIF NEW.first_by IS DISTINCT FROM OLD.first_by THEN
        verb := 'endorsed';
    ELSIF NEW.escalated_at IS DISTINCT FROM OLD.escalated_at THEN
        verb := 'escalated'; told := jsonb_build_object('assignee', NEW.assignee);
    ELSIF NEW.assignee IS DISTINCT FROM OLD.assignee THEN
        verb := 'assigned'; told := jsonb_build_object('assignee', NEW.assignee);
    ELSIF NEW.snoozed_until IS DISTINCT FROM OLD.snoozed_until THEN
        verb := 'snoozed'; told := jsonb_build_object('until', NEW.snoozed_until);
    ELSIF NEW.claimed_by IS NULL THEN
        verb := 'released';
    ELSE
        verb := 'claimed'; told := jsonb_build_object('until', NEW.claimed_until);
    END IF;
    INSERT INTO review_history (tenant_id, review_id, n, at, by, what, detail)
    VALUES (NEW.tenant_id, NEW.id, NEW.version, clock_timestamp(), NEW.changed_by, verb, told);
    IF verb NOT IN ('requested', 'withdrawn') THEN
        about := about || told || jsonb_build_object('by', left(NEW.changed_by, 200));
        INSERT INTO audit (tenant_id, at, actor, action, target, outcome, request_id, address, detail)
        VALUES (NEW.tenant_id, clock_timestamp(),
            coalesce(nullif(current_setting('stretto.actor', true), ''), NEW.changed_by),
            'review.' || verb, 'reviews/' || NEW.id, 'done', coalesce(current_setting('stretto.request', true), ''),
            coalesce(current_setting('stretto.address', true), ''),
            told || jsonb_build_object('run_id', NEW.run_id, 'step', NEW.step));
    END IF;
    PERFORM put_events(jsonb_build_array(jsonb_build_object('tenant_id', NEW.tenant_id, 'type', 'stretto.review.' || verb,
        'subject', 'runs/' || NEW.run_id, 'data', about, 'traceparent', traceparent_of(NEW.run_id))));
    RETURN NULL;
END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE ON reviews FOR EACH ROW EXECUTE FUNCTION note_review();

-- A decision is written down with its review; the signal that carries it to the run says nothing more.
CREATE OR REPLACE TRIGGER audit AFTER INSERT ON signals
    FOR EACH ROW WHEN (coalesce(current_setting('stretto.actor', true), '') <> '' AND NEW.kind <> 'review')
    EXECUTE FUNCTION audit_signal();

-- What time does with which reviews now, over all tenants: ids only, the rest is read under the tenant's own rights. What
-- somebody has claimed is not taken out of his hands.
CREATE FUNCTION due_reviews(most integer) RETURNS TABLE (tenant_id uuid, review_id uuid, what text)
LANGUAGE sql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
    (SELECT d.tenant_id, d.review_id, 'deadline' FROM review_deadlines d JOIN reviews r ON r.id = d.review_id
     WHERE d.due_at <= clock_timestamp() AND coalesce(r.claimed_until <= clock_timestamp(), true)
     ORDER BY d.due_at LIMIT most)
    UNION ALL
    (SELECT r.tenant_id, r.id, 'escalation' FROM reviews r
     WHERE r.state = 'open' AND r.escalate_at IS NOT NULL AND r.escalate_at <= clock_timestamp()
     ORDER BY r.escalate_at LIMIT most)
$$;

-- As before; asking for another tenant's review counts as asking for its run does.
CREATE OR REPLACE FUNCTION note_denials(denials jsonb) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = stretto, pg_temp AS $$
    INSERT INTO audit (tenant_id, at, actor, action, target, outcome, times, request_id, address, detail)
    SELECT d.tenant_id, clock_timestamp(), d.actor, d.action, d.target, 'denied', d.times, d.request_id, d.address, d.detail
    FROM jsonb_to_recordset(denials) AS d(tenant_id uuid, actor text, action text, target text, times integer,
        request_id text, address text, detail jsonb, run_id uuid)
    WHERE d.run_id IS NULL OR EXISTS (SELECT 1 FROM runs r WHERE r.id = d.run_id AND r.tenant_id <> d.tenant_id)
       OR EXISTS (SELECT 1 FROM reviews r WHERE r.id = d.run_id AND r.tenant_id <> d.tenant_id)
$$;

-- What waits already. Their flows said nothing of time, so no deadline releases them.
SELECT open_review(w) FROM waits w WHERE w.kind = 'review';

GRANT SELECT ON reviews, review_deadlines, review_history TO stretto_app;
GRANT UPDATE (state, assignee, claimed_by, claimed_until, snoozed_until, escalate_at, escalated_at, first_by, verdict, decided_by,
    how, closed_at, changed_by) ON reviews TO stretto_app;
GRANT SELECT, INSERT ON review_decisions TO stretto_app;
REVOKE EXECUTE ON FUNCTION share_in(jsonb), seconds_in(jsonb), traceparent_of(uuid), open_review(waits), wait_begins(), wait_ends(),
    count_version(), note_review(), due_reviews(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION due_reviews(integer) TO stretto_app;
