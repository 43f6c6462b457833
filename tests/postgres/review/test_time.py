"""What time does with reviews: it hands late ones to others and decides what it may, once, however many workers there are."""

from __future__ import annotations

import asyncio

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.review import tend_deadlines
from tests.postgres.engine.stage import Stage, flow
from tests.postgres.events.hearing import told
from tests.postgres.review.asking import ask, body, signals

DUE = {"deadline_s": 0, "on_deadline": "approve"}


async def test_a_deadline_approves_and_the_run_goes_on(stage: Stage) -> None:
    graph = flow({"ask": {"review": {"show": "x", "question": "?", "deadline": "100ms"}}})
    async with stage.working():
        run_id = await stage.start(graph)
        run = await stage.ended(run_id)
    assert run.output == {"approved": True, "verdict": "approve", "comments": "", "by": "deadline", "value": "x"}
    events = dict(await told(stage.database, f"runs/{run_id}"))
    assert events["review.decided"]["how"] == "deadline"


async def test_a_deadline_may_reject(stage: Stage) -> None:
    graph = flow({"ask": {"review": {"show": "x", "question": "?", "deadline": "50ms", "on_deadline": "reject"}}})
    async with stage.working():
        run = await stage.carry_out(graph)
    assert run.output["verdict"] == "reject"


async def test_time_decides_after_a_day_where_the_flow_does_not_say(stage: Stage) -> None:
    async with stage.working():
        for more, due in (({}, True), ({"deadline": "never"}, False), ({"mandatory": True}, False)):
            run_id = await stage.start(flow({"ask": {"review": {"show": "x", "question": "?", **more}}}))
            await stage.has_status(run_id, "waiting")
            review = await stage.reviews.get(await stage.reviews.of_step(run_id, "ask"))
            assert (review.due_at is not None) == due
            if review.due_at is not None:
                assert round((review.due_at - review.created_at).total_seconds()) == 86_400


async def test_workers_share_what_is_due_without_doing_it_twice(stage: Stage) -> None:
    reviews = [await ask(stage, body(rules=DUE)) for _ in range(30)]
    done = await asyncio.gather(*(tend_deadlines(stage.database) for _ in range(4)))
    rest = await tend_deadlines(stage.database)
    assert sum(done) + rest == 30
    for review in reviews:
        assert len(await signals(stage, review.run_id)) == 1


async def test_what_somebody_has_in_hand_is_not_taken_from_him(stage: Stage, owner: AsyncConnection[TupleRow]) -> None:
    review = await ask(stage, body(rules=DUE))
    await stage.reviews.claim(review.id, "ann")
    assert await tend_deadlines(stage.database) == 0
    await owner.execute("UPDATE stretto.reviews SET claimed_until = now() - interval '1 s'")
    assert await tend_deadlines(stage.database) == 1


async def test_late_ones_are_handed_to_others(stage: Stage) -> None:
    must = await ask(stage, body(rules={"mandatory": True, "escalate_s": 0, "escalate_to": "owner"}))
    assert await tend_deadlines(stage.database) == 1
    found = await stage.reviews.get(must.id)
    assert (found.state, found.assignee, found.escalate_at) == ("open", "role owner", None)
    assert found.escalated_at is not None
    assert await tend_deadlines(stage.database) == 0, "once is enough"
    events = dict(await told(stage.database, f"runs/{must.run_id}"))
    assert events["review.escalated"]["assignee"] == "role owner"


async def test_a_decision_and_a_deadline_at_the_same_moment_are_one(stage: Stage) -> None:
    for _ in range(10):
        review = await ask(stage, body(rules=DUE))
        await asyncio.gather(
            stage.reviews.decide(review.id, "reject", by="ann"),
            tend_deadlines(stage.database),
            return_exceptions=True,
        )
        assert len(await signals(stage, review.run_id)) == 1
        assert len((await stage.reviews.whole(review.id)).decisions) == 1
