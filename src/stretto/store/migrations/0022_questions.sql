-- Reviews of what is asked in the middle of a step's work, such as by a server of tools: what is approved fills in a form.

ALTER TABLE reviews ADD COLUMN form jsonb;  -- a JSON Schema; null: any content may be approved

-- As before, and with the form.
CREATE OR REPLACE FUNCTION open_review(wait waits) RETURNS void
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
        escalate_to, created_at, form)
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
        coalesce(rules ->> 'escalate_to', 'admin'), at,
        CASE WHEN jsonb_typeof(b -> 'form') = 'object' THEN b -> 'form' END);
    IF due IS NOT NULL AND NOT must AND rules ->> 'on_deadline' IN ('approve', 'reject') THEN
        INSERT INTO review_deadlines (tenant_id, review_id, due_at, verdict)
        VALUES (wait.tenant_id, one, at + due, rules ->> 'on_deadline');
    END IF;
END $$;
