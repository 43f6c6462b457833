"""Whoever decides dies: before the decision is committed nothing has happened, after it the run goes on, and acts once."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any, Literal
from uuid import UUID

import pytest

from stretto.review import Filter, Reviews
from stretto.review import store as review_store
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT, Database
from stretto.stream import Hub
from tests.crash.worker import CONTEXT
from tests.postgres.engine.stage import Stage, flow, until

GRAPH = flow(
    {
        "ask": {"review": {"show": "a draft", "question": "?", "mandatory": True}},
        "publish": {"tool": "publish", "input": {"text": "{{ ask.value }}"}, "when": "ask.approved"},
    },
    output="{{ publish }}",
)


def decide_and_die(settings: dict[str, Any], review_id: UUID, when: Literal["before", "after"]) -> None:
    """Decide, and be killed when all is written but nothing committed, or as soon as it is committed."""

    async def die(*_: object) -> bool:
        os.kill(os.getpid(), signal.SIGKILL)
        return True

    async def decide() -> None:
        database = await Database.open(Settings(**settings))
        if when == "before":
            review_store.put_signal = die
        await Reviews(database, DEFAULT_TENANT).decide(review_id, "approve", by="ann")
        await die()

    asyncio.run(decide())


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_decision_is_whole_or_none_and_is_acted_on_once(
    database: Database, settings: Settings, when: Literal["before", "after"]
) -> None:
    published: list[str] = []

    def publish(text: str) -> str:
        published.append(text)
        return f"published {text}"

    async with Hub() as hub:
        stage = Stage(database, hub, settings.model_copy(update={"sweep_s": 0.05, "linger_s": 0.0}))
        stage.use(publish=publish)
        async with stage.working() as worker:
            run_id = await stage.start(GRAPH)
            await stage.has_status(run_id, "waiting")
            await until(lambda: worker.active_runs == 0, "no process holds the run")
        (review,) = await stage.reviews.list(Filter(run_id=run_id))
        given = settings.model_dump()
        process = CONTEXT.Process(target=decide_and_die, args=(given, review.id, when))
        process.start()
        await asyncio.to_thread(process.join, 30)
        assert process.exitcode == -signal.SIGKILL
        found = await stage.reviews.whole(review.id)
        if when == "before":
            assert (found.review.state, list(found.decisions)) == ("open", [])
            await stage.reviews.decide(review.id, "approve", by="bob")
        else:
            assert found.review.decided_by == "ann"
        async with stage.working():
            assert (await stage.ended(run_id)).output == "published a draft"
        assert published == ["a draft"]
        assert (await stage.kinds(run_id)).count("ReviewDecided") == 1
