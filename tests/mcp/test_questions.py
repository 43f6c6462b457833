"""Servers that ask a person in the middle of a call: reviews of the run, answered once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from stretto.engine import Run
from stretto.engine.rows import row_fact
from stretto.errors import Invalid, ReviewDecided
from stretto.flow import facts as f
from stretto.flow.compile import compile_document
from stretto.gateway.tool_servers import ToolServer
from stretto.platform import Platform
from stretto.review import Edit, Filter, Review
from stretto.review.deadlines import tend_deadlines
from stretto.settings import Settings
from stretto.stream.log import TEXT
from stretto.testing import ScriptedModel
from tests.mcp.test_in_runs import Odd, platform_of
from tests.mcp.test_odd_servers import until
from tests.mcp.test_official_servers import everything, everything_at

STEPS = {"steps": {"work": {"tool": "odd.ask_person"}}, "output": "{{ work }}"}
WAIT_S = 20.0


async def begin(platform: Platform, document: dict[str, Any] = STEPS) -> UUID:
    return await platform.runs().start(compile_document({"flow": "test", **document}), {})


async def asked(platform: Platform, run_id: UUID, but: UUID | None = None) -> Review:
    """The question that stands in the inbox, once it does."""
    async with asyncio.timeout(WAIT_S):
        while True:
            for found in await platform.reviews().list(Filter(run_id=run_id)):
                if found.id != but:
                    return found
            await asyncio.sleep(0.02)


async def ended(platform: Platform, run_id: UUID) -> Run:
    async with asyncio.timeout(WAIT_S), aclosing(platform.runs().follow(run_id)) as events:
        async for event in events:
            if event.event == "end":
                break
    return await platform.runs().get(run_id)


async def facts_of(platform: Platform, run_id: UUID) -> list[f.Fact]:
    return [row_fact(row) for row in await platform.runs().journal(run_id) if row.kind != TEXT]


def calls(notes: Path) -> int:
    return notes.read_text().count("call ask_person")


@pytest.fixture
def asking(settings: Settings, odd: Odd) -> Callable[..., Any]:
    @asynccontextmanager
    async def opened(*servers: ToolServer, **more: Any) -> AsyncGenerator[Platform]:
        async with platform_of(settings, ScriptedModel({}), *(servers or (odd(**more),))) as platform:
            yield platform

    return opened


Asking = Callable[..., Any]


async def test_what_a_person_fills_in_reaches_the_server(asking: Asking) -> None:
    async with asking() as platform:
        run_id = await begin(platform)
        review = await asked(platform, run_id)
        whole = await platform.reviews().whole(review.id)
        assert (review.question, review.step, review.on_deadline) == ("Who are you?", "work", "reject")
        assert whole.form is not None
        assert whole.form["required"] == ["name"]
        assert "'odd'" in whole.reasons[0]
        assert "'odd.ask_person'" in whole.reasons[0]
        for wrong, told in (({}, '"name" is a required property'), ({"name": 5}, "name: 5 is not"),
                            ({"name": "Ada", "age": 3}, "age: nobody asked"), ("Ada", "object")):  # fmt: skip
            with pytest.raises(Invalid, match=told):
                await platform.reviews().decide(review.id, "approve", by="ben", edit=Edit(wrong))
        with pytest.raises(Invalid, match="required"):
            await platform.reviews().decide(review.id, "approve", by="ben")
        await platform.reviews().decide(review.id, "approve", by="ben", edit=Edit({"name": "Ada"}))
        run = await ended(platform, run_id)
        assert json.loads(run.output) == {"action": "accept", "content": {"name": "Ada"}}
        with pytest.raises(ReviewDecided):
            await platform.reviews().decide(review.id, "reject", by="eva")
        answers = [fact for fact in await facts_of(platform, run_id) if isinstance(fact, f.PersonAnswered)]
        assert [(fact.by, fact.value, fact.review) for fact in answers] == [("ben", {"name": "Ada"}, str(review.id))]


async def test_a_rejection_declines_and_a_deadline_cancels(asking: Asking) -> None:
    async with asking(elicitation_s=2.0) as platform:
        run_id = await begin(platform)
        review = await asked(platform, run_id)
        await platform.reviews().decide(review.id, "reject", by="ben", comments="None of its business.")
        assert json.loads((await ended(platform, run_id)).output)["action"] == "decline"
        run_id = await begin(platform)
        review = await asked(platform, run_id)
        async with asyncio.timeout(WAIT_S):
            while (await platform.reviews().get(review.id)).state == "open":
                await tend_deadlines(platform.database)
                await asyncio.sleep(0.1)
        assert json.loads((await ended(platform, run_id)).output)["action"] == "cancel"


async def test_the_calls_time_stands_still_while_a_person_thinks(asking: Asking) -> None:
    async with asking(timeout_s=0.6) as platform:
        run_id = await begin(platform)
        review = await asked(platform, run_id)
        await asyncio.sleep(1.0)
        await platform.reviews().decide(review.id, "approve", by="ben", edit=Edit({"name": "Ada"}))
        assert json.loads((await ended(platform, run_id)).output)["action"] == "accept"


async def test_another_process_goes_on_waiting_for_the_same_answer(asking: Asking, notes: Path) -> None:
    async with asking() as platform:
        run_id = await begin(platform)
        review = await asked(platform, run_id)
    async with asking() as platform:
        await until(lambda: calls(notes) == 2)
        assert [each.id for each in await platform.reviews().list(Filter(run_id=run_id))] == [review.id]
        await platform.reviews().decide(review.id, "approve", by="ben", edit=Edit({"name": "Ada"}))
        run = await ended(platform, run_id)
        assert json.loads(run.output)["content"] == {"name": "Ada"}
        assert len([fact for fact in await facts_of(platform, run_id) if isinstance(fact, f.PersonAsked)]) == 1


async def test_an_answer_given_while_no_process_had_the_run_is_found(asking: Asking, settings: Settings) -> None:
    async with asking() as platform:
        run_id = await begin(platform)
        review = await asked(platform, run_id)
    async with Platform.open(settings, worker=False) as desk:
        await desk.reviews().decide(review.id, "approve", by="ben", edit=Edit({"name": "Ada"}))
    async with asking() as platform:
        run = await ended(platform, run_id)
        assert json.loads(run.output)["content"] == {"name": "Ada"}
        assert len(await platform.reviews().list(Filter(state="decided", run_id=run_id))) == 1
        assert not await platform.reviews().list(Filter(state="withdrawn", run_id=run_id))


async def test_a_cancelled_run_withdraws_what_its_tools_ask(asking: Asking) -> None:
    async with asking() as platform:
        run_id = await begin(platform)
        review = await asked(platform, run_id)
        await platform.runs().cancel(run_id, by="ben")
        assert (await ended(platform, run_id)).status == "cancelled"
        assert (await platform.reviews().get(review.id)).state == "withdrawn"


async def test_a_call_that_fails_withdraws_its_question_and_the_next_asks_anew(asking: Asking, notes: Path) -> None:
    steps = {"work": {"tool": "odd.ask_person", "timeout": "1s", "retry": {"attempts": 2, "backoff": "10ms"}}}
    async with asking() as platform:
        run_id = await begin(platform, {"steps": steps, "output": "{{ work }}"})
        first = await asked(platform, run_id)
        await until(lambda: calls(notes) == 2)
        second = await asked(platform, run_id, but=first.id)
        assert (await platform.reviews().get(first.id)).state == "withdrawn"
        assert (first.attempt, second.attempt) == (1, 2)
        await platform.reviews().decide(second.id, "approve", by="ben", edit=Edit({"name": "Ada"}))
        assert (await ended(platform, run_id)).status == "completed"


async def test_nobody_is_asked_where_the_configuration_says_so(asking: Asking) -> None:
    async with asking(elicitation_s=0.0) as platform:
        run_id = await begin(platform)
        assert json.loads((await ended(platform, run_id)).output)["action"] == "decline"
        assert not await platform.reviews().list(Filter(state="withdrawn", run_id=run_id))


@pytest.mark.usefixtures("node")
async def test_the_official_server_asks_by_both_ways(asking: Asking) -> None:
    filled = {"name": "Ada", "check": True}
    async with everything_at() as (url, _), asking(everything(), ToolServer("web", url=url)) as platform:
        for server in ("everything", "web"):
            tool = f"{server}.trigger-elicitation-request"
            run_id = await begin(platform, {"steps": {"work": {"tool": tool}}, "output": "{{ work }}"})
            review = await asked(platform, run_id)
            shown = (await platform.reviews().whole(review.id)).content
            await platform.reviews().decide(review.id, "approve", by="ben", edit=Edit(shown | filled))
            run = await ended(platform, run_id)
            assert run.status == "completed"
            assert "Ada" in str(run.output)
