"""Whatever the flow says, whatever a judge says, whoever does what and when: nothing mandatory is released but by a person who
looked at it by itself, and no decision is applied twice."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stretto.errors import StrettoError
from stretto.review import Edit, Filter, tend_deadlines
from stretto.store import DEFAULT_TENANT
from tests.attack.reviews import play
from tests.postgres.engine.stage import Stage
from tests.postgres.review.asking import ask, body

PEOPLE = ("ann", "bob", "eve")
RULES = st.fixed_dictionaries(
    {
        "mandatory": st.sampled_from([True, False, False, "true", None, 1]),
        "four_eyes": st.sampled_from([False, False, True]),
        "deadline_s": st.sampled_from([0, 0, 0.0, None, -1, "soon", 3600]),
        "on_deadline": st.sampled_from(["approve", "reject", None, "publish"]),
        "escalate_s": st.sampled_from([None, 0]),
        "bulk_from": st.sampled_from([0, 0.5, 0.85, None, 2, "low"]),
    }
)
BECAUSE = st.one_of(
    st.none(),
    st.just("no judge"),
    st.fixed_dictionaries(
        {
            "confidence": st.one_of(st.floats(0, 1), st.sampled_from([None, "high", 7, 1])),
            "mandatory": st.sampled_from([True, False, False, None]),
            "sensitive": st.booleans(),
        }
    ),
)
SHOWN = st.one_of(st.text(max_size=20), st.none(), st.integers(), st.lists(st.booleans(), max_size=3))
ASKED = st.tuples(SHOWN, RULES, BECAUSE)
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["approve", "approve", "edit", "reject", "changes", "bulk", "time", "claim", "release", "assign", "snooze"]
        ),
        st.integers(0, 2),
        st.sampled_from(PEOPLE),
    ),
    min_size=3,
    max_size=12,
)


async def act(stage: Stage, action: str, review_id: Any, everything: list[Any], by: str) -> None:
    """One thing that somebody (or time) does; what is refused is none."""
    reviews = stage.reviews
    try:
        match action:
            case "approve" | "reject" | "changes" as verdict:
                await reviews.decide(review_id, verdict, by=by, comments="because")
            case "edit":
                await reviews.decide(review_id, "approve", by=by, edit=Edit({"by": by}))
            case "bulk":
                await reviews.decide_many(everything, "approve", by=by)
            case "time":
                await tend_deadlines(stage.database)
            case "claim":
                await reviews.claim(review_id, by)
            case "release":
                await reviews.release(review_id, by)
            case "assign":
                await reviews.assign(review_id, by, by)
            case _:
                await reviews.snooze(review_id, datetime.now(UTC) + timedelta(minutes=5), by)
    except StrettoError:
        pass


def must_be_seen(rules: dict[str, Any], because: Any) -> bool:
    """By the law, not by the code: what the flow or its judge calls mandatory, and what two people must see."""
    judged = because if isinstance(because, dict) else {}
    return rules["mandatory"] is True or rules["four_eyes"] is True or judged.get("mandatory") is True


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ASKED, min_size=1, max_size=3), ACTIONS, st.booleans())
async def test_nothing_mandatory_is_released_by_time_or_in_bulk_and_nothing_is_decided_twice(
    stage: Stage, asked: list[tuple[Any, dict[str, Any], Any]], actions: list[tuple[str, int, str]], at_once: bool
) -> None:
    found = [await ask(stage, body(shown, rules=rules) | {"because": because}) for shown, rules, because in asked]
    everything = [review.id for review in found]
    todo = [act(stage, what, everything[which % len(found)], everything, by) for what, which, by in actions]
    if at_once:
        await asyncio.gather(*todo)
    else:
        for each in todo:
            await each
    await tend_deadlines(stage.database)  # and in the end time does all that it can
    await stage.reviews.decide_many(everything, "approve", by="eve")
    for review, (_, rules, because) in zip(found, asked, strict=True):
        await check(stage, review.id, rules, because)
        if (await stage.reviews.get(review.id)).state == "open":  # so that the next example finds nothing of this one
            await stage.runs.cancel(review.run_id)
            async with stage.database.tenant(DEFAULT_TENANT) as connection:
                await connection.execute("DELETE FROM waits WHERE run_id = %s", [review.run_id])
    assert await stage.reviews.list(Filter(snoozed=True)) == []


async def check(stage: Stage, review_id: Any, rules: dict[str, Any], because: Any) -> None:
    whole = await stage.reviews.whole(review_id)
    review = whole.review
    final = [each for each in whole.decisions if each.final]
    async with stage.database.tenant(DEFAULT_TENANT) as connection:
        values = [review.run_id]
        rows = await connection.execute("SELECT body FROM signals WHERE run_id = %s AND kind = 'review'", values)
        signals = [row[0] for row in await rows.fetchall()]
        waits = await (await connection.execute("SELECT 1 FROM waits WHERE run_id = %s", values)).fetchall()
    assert len(final) == len(signals) == (1 if review.state == "decided" else 0)
    assert len(waits) == (1 if review.state == "open" else 0)
    if must_be_seen(rules, because):
        assert review.mandatory
        assert all(each.how == "person" for each in whole.decisions)
    if rules["four_eyes"] is True and review.verdict == "approve":
        approvers = [each.by for each in whole.decisions if each.verdict == "approve"]
        assert len(approvers) >= 2
        assert approvers[-1] != approvers[-2], "two in a row, who mean the same"
    if final:
        assert (signals[0]["verdict"], signals[0]["review"]) == (final[0].verdict, str(review_id))
        assert signals[0]["value"] == (final[0].value if final[0].edited else whole.content)
    assert [each.version for each in whole.history] == list(range(1, review.version + 1))


async def test_many_hands_at_once_break_no_law(stage: Stage) -> None:
    """A dozen rounds of `python -m tests.attack.reviews`, which goes on for as long as one likes."""
    rounds, happened = await play(stage, seconds=120, seed=7, most_rounds=12)
    assert rounds == 12
    assert happened["mandatory"] > 5
    assert happened["decided person"] > 5
