-- All SQL of reviews, run by review/store.py only. Whoever decides locks the row in `waits` first and the review second, as the
-- engine's transactions do; so nobody waits in a circle.

-- list_open --
-- What waits, in the order of the inbox, after a place
SELECT r.id, r.run_id, r.step, r.attempt, r.flow, r.content_type, r.policy, r.question, r.excerpt, r.judge, r.confidence,
       r.sensitive, r.mandatory, r.four_eyes, r.state, r.assignee, r.claimed_by, r.claimed_until, r.snoozed_until,
       d.due_at, d.verdict AS on_deadline, r.escalate_at, r.escalated_at, r.first_by, r.verdict, r.decided_by, r.how,
       r.created_at, r.closed_at, r.version
FROM reviews r LEFT JOIN review_deadlines d ON d.review_id = r.id
WHERE r.tenant_id = %(tenant_id)s AND r.state = 'open'
  AND (r.rank, r.trust, r.id) > (%(rank)s::smallint, %(trust)s::float8, %(id)s::uuid)
  AND (%(run_id)s::uuid IS NULL OR r.run_id = %(run_id)s)
  AND (%(step)s::text IS NULL OR r.step = %(step)s)
  AND (%(ids)s::uuid[] IS NULL OR r.id = ANY(%(ids)s))
  AND (%(confidence_from)s::float8 IS NULL OR r.confidence >= %(confidence_from)s)
  AND (%(flow)s::text IS NULL OR r.flow = %(flow)s)
  AND (%(content_type)s::text IS NULL OR r.content_type = %(content_type)s)
  AND (%(policy)s::text IS NULL OR r.policy = %(policy)s)
  AND (%(mine)s::text[] IS NULL OR r.assignee = ANY(%(mine)s)
       OR (r.claimed_by = ANY(%(mine)s) AND r.claimed_until > clock_timestamp()))
  AND (NOT %(unassigned)s OR r.assignee IS NULL)
  AND (NOT %(unclaimed)s OR coalesce(r.claimed_until <= clock_timestamp(), true))
  AND (%(sensitive)s::boolean IS NULL OR r.sensitive = %(sensitive)s)
  AND (NOT %(urgent)s OR r.escalated_at IS NOT NULL OR d.due_at < clock_timestamp() + interval '1 hour')
  AND (%(snoozed)s OR coalesce(r.snoozed_until <= clock_timestamp(), true))
ORDER BY r.rank, r.trust, r.id LIMIT %(limit)s;

-- list_closed --
-- What is over, the latest first, before a place
SELECT r.id, r.run_id, r.step, r.attempt, r.flow, r.content_type, r.policy, r.question, r.excerpt, r.judge, r.confidence,
       r.sensitive, r.mandatory, r.four_eyes, r.state, r.assignee, r.claimed_by, r.claimed_until, r.snoozed_until,
       NULL::timestamptz AS due_at, NULL::text AS on_deadline, r.escalate_at, r.escalated_at, r.first_by, r.verdict,
       r.decided_by, r.how, r.created_at, r.closed_at, r.version
FROM reviews r
WHERE r.tenant_id = %(tenant_id)s AND r.state <> 'open' AND r.state = %(state)s
  AND (r.closed_at, r.id) < (%(at)s::timestamptz, %(id)s::uuid)
  AND (%(run_id)s::uuid IS NULL OR r.run_id = %(run_id)s)
  AND (%(step)s::text IS NULL OR r.step = %(step)s)
  AND (%(ids)s::uuid[] IS NULL OR r.id = ANY(%(ids)s))
  AND (%(confidence_from)s::float8 IS NULL OR r.confidence >= %(confidence_from)s)
  AND (%(flow)s::text IS NULL OR r.flow = %(flow)s)
  AND (%(content_type)s::text IS NULL OR r.content_type = %(content_type)s)
  AND (%(policy)s::text IS NULL OR r.policy = %(policy)s)
  AND (%(mine)s::text[] IS NULL OR r.assignee = ANY(%(mine)s) OR r.decided_by = ANY(%(mine)s))
  AND (NOT %(unassigned)s OR r.assignee IS NULL)
  AND (NOT %(unclaimed)s OR coalesce(r.claimed_until <= clock_timestamp(), true))
  AND (%(sensitive)s::boolean IS NULL OR r.sensitive = %(sensitive)s)
  AND (NOT %(urgent)s OR r.escalated_at IS NOT NULL)
ORDER BY r.closed_at DESC, r.id DESC LIMIT %(limit)s;

-- get_review --
-- One review as the inbox shows it
SELECT r.id, r.run_id, r.step, r.attempt, r.flow, r.content_type, r.policy, r.question, r.excerpt, r.judge, r.confidence,
       r.sensitive, r.mandatory, r.four_eyes, r.state, r.assignee, r.claimed_by, r.claimed_until, r.snoozed_until,
       d.due_at, d.verdict AS on_deadline, r.escalate_at, r.escalated_at, r.first_by, r.verdict, r.decided_by, r.how,
       r.created_at, r.closed_at, r.version
FROM reviews r LEFT JOIN review_deadlines d ON d.review_id = r.id
WHERE r.tenant_id = %(tenant_id)s AND r.id = %(id)s;

-- get_whole --
-- What else a person needs of a review
SELECT content, reason, stated, bulk_from, escalate_to, media, form FROM reviews WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- get_history --
-- What happened to a review, in order
SELECT n, at, by, what, detail FROM review_history WHERE tenant_id = %(tenant_id)s AND review_id = %(id)s ORDER BY n;

-- get_decisions --
-- What was decided about a review, in order
SELECT how, verdict, by, comments, edited, value, diff, final, at FROM review_decisions
WHERE tenant_id = %(tenant_id)s AND review_id = %(id)s ORDER BY n;

-- find_reviews --
-- Reviews whose id ends with these characters
SELECT id FROM reviews WHERE tenant_id = %(tenant_id)s AND id::text LIKE %(pattern)s ORDER BY id DESC LIMIT 3;

-- latest_of_step --
-- The latest review of a step
SELECT id FROM reviews WHERE tenant_id = %(tenant_id)s AND run_id = %(run_id)s AND step = %(step)s ORDER BY id DESC LIMIT 1;

-- lock_wait --
-- The wait that a review is for, locked, and its key: of a question in the middle of a step's work, which one it is
SELECT w.key FROM reviews r JOIN waits w ON w.run_id = r.run_id AND w.step = r.step
WHERE r.tenant_id = %(tenant_id)s AND r.id = %(id)s AND r.state = 'open' AND w.kind = 'review' FOR UPDATE OF w;

-- lock_review --
-- What a decision needs to know of a review, which is locked
SELECT id, run_id, step, state, version, content, mandatory, four_eyes, claimed_by,
       claimed_until > clock_timestamp() AS claim_counts, claimed_until, first_by, verdict, decided_by, closed_at, form
FROM reviews WHERE tenant_id = %(tenant_id)s AND id = %(id)s FOR UPDATE;

-- first_approval --
-- The approval that waits for a second person
SELECT value, edited FROM review_decisions
WHERE tenant_id = %(tenant_id)s AND review_id = %(id)s AND NOT final ORDER BY n DESC LIMIT 1;

-- add_decision --
-- Write a decision down
INSERT INTO review_decisions (tenant_id, review_id, n, mandatory, four_eyes, how, verdict, by, first_by, comments, edited, value,
    diff, final, at)
VALUES (%(tenant_id)s, %(id)s, %(version)s, %(mandatory)s, %(four_eyes)s, 'person', %(verdict)s, %(by)s, %(first_by)s,
    %(comments)s, %(edited)s, %(value)s::jsonb, %(diff)s::jsonb, %(final)s, %(at)s);

-- approve_once --
-- The first of two has approved; the review is free for the second
UPDATE reviews SET first_by = %(by)s, claimed_by = NULL, claimed_until = NULL, changed_by = %(by)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- close_review --
-- The review is decided
UPDATE reviews SET state = 'decided', verdict = %(verdict)s, decided_by = %(by)s, how = 'person', closed_at = %(at)s,
    claimed_by = NULL, claimed_until = NULL, changed_by = %(by)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- end_wait --
-- The step waits no more
DELETE FROM waits WHERE tenant_id = %(tenant_id)s AND run_id = %(run_id)s AND step = %(step)s;

-- decide_bulk --
-- Decide what of these may be decided together, and tell the runs; gives the ids of those
WITH held AS MATERIALIZED (
    SELECT r.id, r.run_id, r.step, r.version, r.content, r.mandatory, r.four_eyes, w.key
    FROM reviews r JOIN waits w ON w.run_id = r.run_id AND w.step = r.step
    WHERE r.tenant_id = %(tenant_id)s AND r.id = ANY(%(ids)s::uuid[]) AND r.state = 'open' AND w.kind = 'review'
      AND NOT r.mandatory AND r.form IS NULL AND r.confidence >= coalesce(r.bulk_from, %(bulk_from)s::float8)
      AND (r.claimed_by = %(by)s OR coalesce(r.claimed_until <= clock_timestamp(), true))
    FOR UPDATE SKIP LOCKED
), decided AS (
    INSERT INTO review_decisions (tenant_id, review_id, n, mandatory, four_eyes, how, verdict, by, comments, final, at)
    SELECT %(tenant_id)s, id, version, mandatory, four_eyes, 'bulk', %(verdict)s, %(by)s, %(comments)s, true, %(at)s FROM held
    RETURNING review_id
), closed AS (
    UPDATE reviews r SET state = 'decided', verdict = %(verdict)s, decided_by = %(by)s, how = 'bulk', closed_at = %(at)s,
        claimed_by = NULL, claimed_until = NULL, changed_by = %(by)s
    FROM decided d WHERE r.tenant_id = %(tenant_id)s AND r.id = d.review_id
), ended AS (
    DELETE FROM waits w USING held h WHERE w.tenant_id = %(tenant_id)s AND w.run_id = h.run_id AND w.step = h.step
)
SELECT ARRAY(SELECT id FROM held),
       (SELECT count(*) FROM signal_runs(
           ARRAY(SELECT run_id FROM held ORDER BY id), ARRAY(SELECT 'review' FROM held),
           ARRAY(SELECT jsonb_build_object('step', step, 'verdict', %(verdict)s::text, 'by', %(by)s::text,
               'comments', %(comments)s::text, 'value', content, 'review', id, 'key', key, 'how', 'bulk') FROM held ORDER BY id)));

-- decide_due --
-- Let time decide those of these whose deadline is over, and tell the runs; gives how many
WITH held AS MATERIALIZED (
    SELECT r.id, r.run_id, r.step, r.version, r.content, r.mandatory, r.four_eyes, d.verdict, w.key
    FROM review_deadlines d JOIN reviews r ON r.id = d.review_id JOIN waits w ON w.run_id = r.run_id AND w.step = r.step
    WHERE d.tenant_id = %(tenant_id)s AND d.review_id = ANY(%(ids)s::uuid[]) AND d.due_at <= clock_timestamp()
      AND r.state = 'open' AND w.kind = 'review' AND coalesce(r.claimed_until <= clock_timestamp(), true)
    FOR UPDATE OF w, r SKIP LOCKED
), decided AS (
    INSERT INTO review_decisions (tenant_id, review_id, n, mandatory, four_eyes, how, verdict, by, final, at)
    SELECT %(tenant_id)s, id, version, mandatory, four_eyes, 'deadline', verdict, %(by)s, true, %(at)s FROM held
    RETURNING review_id, verdict
), closed AS (
    UPDATE reviews r SET state = 'decided', verdict = d.verdict, decided_by = %(by)s, how = 'deadline', closed_at = %(at)s,
        changed_by = %(by)s
    FROM decided d WHERE r.tenant_id = %(tenant_id)s AND r.id = d.review_id
), ended AS (
    DELETE FROM waits w USING held h WHERE w.tenant_id = %(tenant_id)s AND w.run_id = h.run_id AND w.step = h.step
)
SELECT count(*) FROM signal_runs(
    ARRAY(SELECT run_id FROM held ORDER BY id), ARRAY(SELECT 'review' FROM held),
    ARRAY(SELECT jsonb_build_object('step', step, 'verdict', verdict, 'by', %(by)s::text, 'comments', '', 'value', content,
        'review', id, 'key', key, 'how', 'deadline') FROM held ORDER BY id));

-- escalate --
-- Hand those of these to others that nobody has decided in time; gives how many
WITH late AS (
    SELECT id FROM reviews
    WHERE tenant_id = %(tenant_id)s AND id = ANY(%(ids)s::uuid[]) AND state = 'open' AND escalate_at <= clock_timestamp()
    ORDER BY id FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE reviews r SET escalated_at = %(at)s, escalate_at = NULL, assignee = 'role ' || r.escalate_to,
        snoozed_until = NULL, changed_by = %(by)s
    FROM late WHERE r.tenant_id = %(tenant_id)s AND r.id = late.id RETURNING r.id
)
SELECT count(*) FROM moved;

-- due_reviews --
-- What time does with which reviews of all tenants
SELECT tenant_id, review_id, what FROM due_reviews(%(most)s);

-- claim --
-- Take a review in hand, unless somebody else has it
UPDATE reviews SET claimed_by = %(by)s, claimed_until = %(until)s, changed_by = %(by)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND state = 'open'
  AND (claimed_by IS NULL OR claimed_by = %(by)s OR claimed_until <= clock_timestamp())
  AND (%(version)s::integer IS NULL OR version = %(version)s)
RETURNING version;

-- release --
-- Give a review back
UPDATE reviews SET claimed_by = NULL, claimed_until = NULL, changed_by = %(by)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND state = 'open' AND claimed_by = %(by)s
  AND (%(version)s::integer IS NULL OR version = %(version)s)
RETURNING version;

-- assign --
-- Give a review to somebody, or to nobody
UPDATE reviews SET assignee = %(assignee)s, changed_by = %(by)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND state = 'open' AND assignee IS DISTINCT FROM %(assignee)s
  AND (%(version)s::integer IS NULL OR version = %(version)s)
RETURNING version;

-- snooze --
-- Put a review off
UPDATE reviews SET snoozed_until = %(until)s, changed_by = %(by)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND state = 'open' AND snoozed_until IS DISTINCT FROM %(until)s
  AND (%(version)s::integer IS NULL OR version = %(version)s)
RETURNING version;

-- standing --
-- What stands in the way of each of these
SELECT id, state, mandatory, confidence, coalesce(bulk_from, %(bulk_from)s::float8), claimed_by,
       coalesce(claimed_until > clock_timestamp(), false), verdict, decided_by, closed_at
FROM reviews WHERE tenant_id = %(tenant_id)s AND id = ANY(%(ids)s::uuid[]);

-- past_decisions --
-- What people decided, each by himself, about what judges had scored; the latest first
SELECT r.judge, r.content_type, r.stated, d.verdict = 'approve', d.at, r.flow
FROM review_decisions d JOIN reviews r ON r.id = d.review_id
WHERE d.tenant_id = %(tenant_id)s AND d.final AND d.how = 'person' AND r.judge IS NOT NULL AND r.stated IS NOT NULL
  AND (%(judge)s::text IS NULL OR r.judge = %(judge)s)
  AND (%(flow)s::text IS NULL OR r.flow = %(flow)s)
  AND (%(content_type)s::text IS NULL OR r.content_type = %(content_type)s)
  AND (%(since)s::timestamptz IS NULL OR d.at >= %(since)s)
ORDER BY d.at DESC LIMIT %(limit)s;

-- approved_before --
-- Whether a person has ever approved such content of a flow
SELECT EXISTS (
    SELECT FROM reviews
    WHERE tenant_id = %(tenant_id)s AND flow = %(flow)s AND content_type = %(content_type)s AND verdict = 'approve'
      AND how = 'person');

-- counts --
-- What waits now
SELECT count(*), count(*) FILTER (WHERE sensitive), count(*) FILTER (WHERE mandatory), count(*) FILTER (WHERE assignee IS NULL),
       count(*) FILTER (WHERE claimed_until > clock_timestamp()), count(*) FILTER (WHERE snoozed_until > clock_timestamp()),
       count(*) FILTER (WHERE escalated_at IS NOT NULL), min(created_at)
FROM reviews WHERE tenant_id = %(tenant_id)s AND state = 'open';

-- decided_figures --
-- Of what was decided since then: how many, by whom, and how long people let it wait
SELECT count(*), count(*) FILTER (WHERE how = 'person'), count(*) FILTER (WHERE how = 'bulk'),
       count(*) FILTER (WHERE how = 'deadline'), count(*) FILTER (WHERE verdict = 'approve'),
       count(*) FILTER (WHERE verdict = 'reject'), count(*) FILTER (WHERE verdict = 'changes'),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM closed_at - created_at)) FILTER (WHERE how <> 'deadline'),
       percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM closed_at - created_at)) FILTER (WHERE how <> 'deadline')
FROM reviews WHERE tenant_id = %(tenant_id)s AND state = 'decided' AND state <> 'open' AND closed_at >= %(since)s;

-- deciders --
-- Who decided since then, and what; whoever decided most comes first
SELECT decided_by, count(*), count(*) FILTER (WHERE verdict = 'approve'), count(*) FILTER (WHERE verdict = 'reject'),
       count(*) FILTER (WHERE verdict = 'changes')
FROM reviews WHERE tenant_id = %(tenant_id)s AND state = 'decided' AND state <> 'open' AND closed_at >= %(since)s
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 100;

-- overturned --
-- How often people decided otherwise than each judge leaned, over all and by topic
WITH judged AS (
    SELECT judge, reason, verdict = 'approve' AS approved,
           CASE reason ->> 'verdict' WHEN 'approve' THEN true WHEN 'reject' THEN false ELSE confidence >= 0.5 END AS leaned
    FROM reviews
    WHERE tenant_id = %(tenant_id)s AND state = 'decided' AND state <> 'open' AND closed_at >= %(since)s AND how = 'person'
      AND judge IS NOT NULL AND confidence IS NOT NULL
), topics AS (
    SELECT judge, NULL::text AS topic, approved, leaned FROM judged
    UNION ALL
    SELECT judge, t.topic #>> '{}', approved, leaned
    FROM judged CROSS JOIN LATERAL (SELECT DISTINCT jsonb_path_query(reason, '$.flags[*].topic') AS topic) t
)
SELECT judge, left(topic, 100), count(*), count(*) FILTER (WHERE approved <> leaned) FROM topics
GROUP BY 1, 2 ORDER BY 1, 2 NULLS FIRST LIMIT 1000;
