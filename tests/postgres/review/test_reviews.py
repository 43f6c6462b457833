"""What waits for a person: in what order it is shown, who has it in hand, and what a decision does, once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from psycopg import AsyncConnection, errors
from psycopg.rows import TupleRow

from stretto.engine import fork
from stretto.errors import Invalid, NotPossible, PreconditionFailed, ReviewClaimed, ReviewDecided, ReviewNotFound
from stretto.review import Edit, Filter, Place
from stretto.store.idempotency import once
from stretto.store.ids import new_id
from tests.postgres.engine.stage import Stage, flow
from tests.postgres.events.hearing import told
from tests.postgres.review.asking import ask, ask_in, body, signals

LOOP = flow(
    {
        "turns": {
            "loop": {"until": "check.approved", "max": 3},
            "steps": {
                "draft": {"tool": "write", "input": {"note": "{{ check.comments }}"}},
                "check": {"review": {"show": "{{ draft }}", "question": "Good?", "content_type": "post"}},
            },
            "output": "{{ check.value }}",
        }
    }
)


async def test_sensitive_first_then_least_confident_then_oldest(stage: Stage) -> None:
    sure = await ask(stage, body(confidence=0.9))
    unsure = await ask(stage, body(confidence=0.4))
    older = await ask(stage, body(confidence=0.6))
    newer = await ask(stage, body(confidence=0.6))
    sensitive = await ask(stage, body(confidence=0.95, because={"sensitive": True, "mandatory": True}))
    unsaid = await ask(stage, body())
    expected = [sensitive, unsaid, unsure, older, newer, sure]
    assert [each.id for each in await stage.reviews.list()] == [each.id for each in expected]
    seen, place = [], None
    while page := await stage.reviews.list(after=place, limit=2):
        seen += [each.id for each in page]
        place = Place.parse(str(Place.of(page[-1])))
    assert seen == [each.id for each in expected]


async def test_filters_show_what_was_asked_for(stage: Stage) -> None:
    post = await ask(stage, body(content_type="post", policy="publish", assignee="ada@acme.example"))
    mail = await ask(stage, body(content_type="mail", rules={"deadline_s": 600, "on_deadline": "approve"}))
    await stage.reviews.claim(mail.id, "user bob@acme.example")

    async def ids(**wanted: object) -> list[object]:
        return [each.id for each in await stage.reviews.list(Filter(**wanted))]  # type: ignore[arg-type]

    assert await ids(content_type="post") == [post.id]
    assert await ids(policy="publish") == [post.id]
    assert await ids(flow="test") == [post.id, mail.id]
    assert await ids(flow="other") == []
    assert await ids(mine=["ada@acme.example"]) == [post.id]
    assert await ids(mine=["user bob@acme.example"]) == [mail.id]
    assert await ids(unassigned=True) == [mail.id]
    assert await ids(urgent=True) == [mail.id]
    assert await ids(sensitive=True) == []
    await stage.reviews.snooze(post.id, datetime.now(UTC) + timedelta(hours=1), "ada")
    assert await ids() == [mail.id]
    assert set(await ids(snoozed=True)) == {post.id, mail.id}


async def test_a_decision_is_a_fact_an_event_and_an_audit_entry(stage: Stage, owner: AsyncConnection[TupleRow]) -> None:
    graph = flow({"ask": {"review": {"show": "a draft", "question": "Good?"}}})
    async with stage.working():
        run_id = await stage.start(graph)
        await stage.has_status(run_id, "waiting")
        review = (await stage.reviews.list())[0]
        await stage.reviews.decide(review.id, "approve", by="ann", comments="Shorter.", edit=Edit("a text"))
        run = await stage.ended(run_id)
    assert run.output == {
        "approved": True,
        "verdict": "approve",
        "comments": "Shorter.",
        "by": "ann",
        "value": "a text",
    }
    whole = await stage.reviews.whole(review.id)
    assert [each.what for each in whole.history] == ["requested", "decided"]
    (decision,) = whole.decisions
    assert (decision.edited, decision.value, decision.final) == (True, "a text", True)
    assert decision.diff == {"text": "--- shown\n+++ edited\n@@ -1 +1 @@\n-a draft\n+a text"}
    events = dict(await told(stage.database, f"runs/{run_id}"))
    assert (
        events["review.decided"].items() >= {"by": "ann", "verdict": "approve", "how": "person", "edited": True}.items()
    )
    rows = await owner.execute("SELECT actor, action, target, detail FROM stretto.audit WHERE action LIKE 'review.%'")
    ((actor, action, target, detail),) = await rows.fetchall()
    assert (actor, action, target) == ("ann", "review.decided", f"reviews/{review.id}")
    assert detail["verdict"] == "approve"


async def test_asking_for_changes_sends_it_round_again_with_the_comments(stage: Stage) -> None:
    notes: list[object] = []

    def write(note: str | None = None) -> str:
        notes.append(note)
        return f"draft {len(notes)}"

    stage.use(write=write)
    async with stage.working():
        run_id = await stage.start(LOOP)
        for turn, verdict in ((1, "changes"), (2, "approve")):
            await stage.happened(run_id, "WaitStarted", times=turn)
            await stage.decide(run_id, f"turns[{turn}].check", verdict, by="ann", comments="Add a number.")  # type: ignore[arg-type]
        run = await stage.ended(run_id)
    assert (run.output, notes[1]) == ("draft 2", "Add a number.")


async def test_changes_need_words(stage: Stage) -> None:
    review = await ask(stage, body())
    with pytest.raises(Invalid, match="what should be changed"):
        await stage.reviews.decide(review.id, "changes", by="ann")


async def test_the_second_hears_who_and_when_and_nothing_is_done_twice(stage: Stage) -> None:
    review = await ask(stage, body())

    async def decide(by: str) -> str:
        try:
            await stage.reviews.decide(review.id, "approve" if by < "p5" else "reject", by=by)
        except ReviewDecided as error:
            return error.message
        return "done"

    heard = await asyncio.gather(*(decide(f"p{n}") for n in range(10)))
    assert heard.count("done") == 1
    decided = await stage.reviews.get(review.id)
    assert decided.closed_at is not None
    for message in heard:
        assert (
            message == "done" or f"{decided.verdict} by {decided.decided_by} at {decided.closed_at:%Y-%m-%d}" in message
        )
    assert len(await signals(stage, review.run_id)) == 1


async def test_two_reviewers_do_not_collide(stage: Stage) -> None:
    review = await ask(stage, body())
    claimed = await asyncio.gather(
        *(stage.reviews.claim(review.id, by) for by in ("ann", "bob")), return_exceptions=True
    )
    (refused,) = [each for each in claimed if isinstance(each, BaseException)]
    assert isinstance(refused, ReviewClaimed)
    holder = (await stage.reviews.get(review.id)).claimed_by
    other = "bob" if holder == "ann" else "ann"
    assert holder is not None
    assert holder in str(refused)
    with pytest.raises(ReviewClaimed):
        await stage.reviews.decide(review.id, "approve", by=other)
    with pytest.raises(NotPossible):
        await stage.reviews.release(review.id, other)
    await stage.reviews.release(review.id, holder)
    assert (await stage.reviews.claim(review.id, other)).claimed_by == other


async def test_a_claim_ends_by_itself(stage: Stage, owner: AsyncConnection[TupleRow]) -> None:
    review = await ask(stage, body())
    await stage.reviews.claim(review.id, "ann")
    assert await stage.reviews.list(Filter(unclaimed=True)) == []
    await owner.execute("UPDATE stretto.reviews SET claimed_until = now() - interval '1 s'")
    assert [each.id for each in await stage.reviews.list(Filter(unclaimed=True))] == [review.id]
    assert (await stage.reviews.decide(review.id, "approve", by="bob")).decided_by == "bob"


async def test_what_has_changed_since_is_not_decided_by_who_saw_it_before(stage: Stage) -> None:
    review = await ask(stage, body())
    await stage.reviews.assign(review.id, "ada", "bob", version=review.version)
    for late in (
        stage.reviews.decide(review.id, "approve", by="ann", version=review.version),
        stage.reviews.claim(review.id, "ann", version=review.version),
        stage.reviews.assign(review.id, "eve", "ann", version=review.version),
    ):
        with pytest.raises(PreconditionFailed):
            await late
    assert (await stage.reviews.get(review.id)).assignee == "ada"


async def test_the_same_request_twice_is_one_decision(stage: Stage) -> None:
    review = await ask(stage, body())
    for _ in range(2):
        request = once("k", review.id, "approve")
        assert (await stage.reviews.decide(review.id, "approve", by="ann", once=request)).state == "decided"
    assert len(await signals(stage, review.run_id)) == 1


async def test_four_eyes_take_two_people_who_mean_the_same(stage: Stage) -> None:
    review = await ask(stage, body(rules={"four_eyes": True}))
    assert review.mandatory
    first = await stage.reviews.decide(review.id, "approve", by="ann")
    assert (first.state, first.first_by) == ("open", "ann")
    with pytest.raises(NotPossible, match="two different people"):
        await stage.reviews.decide(review.id, "approve", by="ann")
    edited = await stage.reviews.decide(review.id, "approve", by="bob", edit=Edit("better"))
    assert (edited.state, edited.first_by) == ("open", "bob"), "what bob made of it nobody else has seen"
    done = await stage.reviews.decide(review.id, "approve", by="ann")
    assert done.state == "decided"
    (signal,) = await signals(stage, review.run_id)
    assert (signal["value"], signal["by"]) == ("better", "bob, ann")


async def test_one_of_two_may_reject(stage: Stage) -> None:
    review = await ask(stage, body(rules={"four_eyes": True}))
    await stage.reviews.decide(review.id, "approve", by="ann")
    assert (await stage.reviews.decide(review.id, "reject", by="bob", comments="No.")).verdict == "reject"


async def test_many_at_once_are_decided_where_that_is_allowed(stage: Stage) -> None:
    good = [await ask(stage, body(confidence=0.9)) for _ in range(3)]
    low = await ask(stage, body(confidence=0.8))
    unsaid = await ask(stage, body())
    must = await ask(stage, body(confidence=0.99, rules={"mandatory": True}))
    eyes = await ask(stage, body(confidence=0.99, rules={"four_eyes": True}))
    strict = await ask(stage, body(confidence=0.95, rules={"bulk_from": 0.99}))
    held = await ask(stage, body(confidence=0.95))
    await stage.reviews.claim(held.id, "bob")
    gone = new_id()
    asked = [*(each.id for each in good), low.id, unsaid.id, must.id, eyes.id, strict.id, held.id, gone]
    found = await stage.reviews.decide_many(asked, "approve", by="ann")
    assert set(found.done) == {each.id for each in good}
    assert {key: value.split()[0:3] for key, value in found.left.items()} == {
        low.id: ["its", "confidence", "is"],
        unsaid.id: ["no", "judge", "has"],
        must.id: ["it", "is", "mandatory:"],
        eyes.id: ["it", "is", "mandatory:"],
        strict.id: ["its", "confidence", "is"],
        held.id: ["bob", "has", "it"],
        gone: ["there", "is", "no"],
    }
    for each in good:
        (signal,) = await signals(stage, each.run_id)
        assert (signal["verdict"], signal["by"], signal["value"]) == ("approve", "ann", "a draft")
    again = await stage.reviews.decide_many([good[0].id], "approve", by="bob")
    assert list(again.left.values()) == ["it was decided already: approve by ann"]


async def test_what_a_cancelled_run_asked_is_withdrawn_and_asked_anew_when_it_goes_on(stage: Stage) -> None:
    async with stage.working():
        run_id = await stage.start(flow({"ask": {"review": {"show": "x", "question": "?"}}}))
        await stage.has_status(run_id, "waiting")
        first = await stage.reviews.of_step(run_id, "ask")
        await stage.runs.cancel(run_id, by="ann")
        await stage.has_status(run_id, "cancelled")
        assert (await stage.reviews.get(first)).state == "withdrawn"
        with pytest.raises(ReviewDecided, match="waits no more"):
            await stage.reviews.decide(first, "approve", by="ann")
        await stage.runs.resume(run_id)
        await stage.has_status(run_id, "waiting")
        second = await stage.reviews.of_step(run_id, "ask")
        assert second != first
        forked = await fork(stage.runs, run_id, "ask")
        await stage.has_status(forked, "waiting")
        assert len(await stage.reviews.list()) == 2


async def test_what_is_over_is_listed_the_latest_first(stage: Stage) -> None:
    reviews = [await ask(stage, body()) for _ in range(3)]
    for review in reviews:
        await stage.reviews.decide(review.id, "approve", by="ann")
    found = await stage.reviews.list(Filter(state="decided"))
    assert [each.id for each in found] == [review.id for review in reversed(reviews)]


async def test_a_judges_output_that_is_none_holds_nothing_up(stage: Stage) -> None:
    for because in ("text", 7, [1], {"confidence": "high", "stated": 4, "flags": "x", "sensitive": 1, "judge": 5}):
        asked = body() | {"because": because, "rules": "none", "media": "no list"}
        review = await ask(stage, asked)
        assert (review.confidence, review.mandatory, review.due_at) == (None, False, None)
        await stage.reviews.whole(review.id)
    await stage.reviews.figures()


async def test_past_decisions_are_those_of_people_one_by_one(stage: Stage) -> None:
    looked = await ask(stage, body(confidence=0.9, because={"stated": 0.97}, content_type="post"))
    bulk = await ask(stage, body(confidence=0.9, content_type="mail"))
    assert not await stage.reviews.approved_before("test", "post")
    await stage.reviews.decide(looked.id, "approve", by="ann")
    await stage.reviews.decide_many([bulk.id], "approve", by="ann")
    (past,) = await stage.reviews.decisions(judge="scorer")
    assert (past.judge, past.content_type, past.stated, past.approved) == ("scorer", "post", 0.97, True)
    assert await stage.reviews.decisions(judge="other") == []
    assert await stage.reviews.approved_before("test", "post")
    assert not await stage.reviews.approved_before("test", "mail"), "nobody has looked at it by itself"


async def test_figures(stage: Stage) -> None:
    flags = {"flags": [{"topic": "health"}, {"topic": "health"}]}
    for verdict in ("approve", "reject"):
        review = await ask(stage, body(confidence=0.9, because=flags))
        await stage.reviews.decide(review.id, verdict, by="ann")  # type: ignore[arg-type]
    await ask(stage, body(confidence=0.5, because={"sensitive": True}))
    found = await stage.reviews.figures()
    assert (found.waiting.open, found.waiting.sensitive, found.decided.all) == (1, 1, 2)
    assert (found.decided.by_person, found.decided.share_by_people) == (2, 1.0)
    assert found.decided.wait_p50_s is not None
    rates = {(each.judge, each.topic): (each.decided, each.overturned) for each in found.overturned}
    assert rates == {("scorer", None): (2, 1), ("scorer", "health"): (2, 1)}


async def test_unknown_reviews_are_unknown(stage: Stage) -> None:
    nobody = new_id()
    for asked in (
        stage.reviews.get(nobody),
        stage.reviews.whole(nobody),
        stage.reviews.claim(nobody, "ann"),
        stage.reviews.decide(nobody, "approve", by="ann"),
        stage.reviews.find("zzzz"),
    ):
        with pytest.raises(ReviewNotFound):
            await asked


async def test_several_steps_of_a_run_ask_at_once(stage: Stage) -> None:
    first = await ask(stage, body("one"))
    second = await ask_in(stage, first.run_id, body("two"), "other")
    await stage.reviews.decide(first.id, "approve", by="ann")
    assert [each.id for each in await stage.reviews.list(Filter(run_id=first.run_id))] == [second.id]


async def test_the_tables_hold_no_release_of_what_is_mandatory(stage: Stage, owner: AsyncConnection[TupleRow]) -> None:
    """Not even the tables' owner can write one: it is no check of a program."""
    review = await ask(stage, body(rules={"mandatory": True, "deadline_s": 1, "on_deadline": "approve"}))
    tenant = (await (await owner.execute("SELECT tenant_id FROM stretto.reviews")).fetchall())[0][0]
    for must in (True, False):
        with pytest.raises((errors.ForeignKeyViolation, errors.CheckViolation)):
            await owner.execute(
                "INSERT INTO stretto.review_deadlines VALUES (%s, %s, %s, now(), 'approve')", [tenant, review.id, must]
            )
        for how in ("bulk", "deadline"):
            with pytest.raises((errors.ForeignKeyViolation, errors.CheckViolation)):
                await owner.execute(
                    "INSERT INTO stretto.review_decisions"
                    " (tenant_id, review_id, n, mandatory, four_eyes, how, verdict, by, final, at)"
                    " VALUES (%s, %s, 1, %s, false, %s, 'approve', 'x', true, now())",
                    [tenant, review.id, must, how],
                )
    plain = await ask(stage, body(rules={"deadline_s": 900, "on_deadline": "approve"}))
    with pytest.raises(errors.ForeignKeyViolation):
        await owner.execute("UPDATE stretto.reviews SET mandatory = true WHERE id = %s", [plain.id])
