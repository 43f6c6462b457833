"""What the engine tells as events: in the transaction of the facts, as the catalogue says, and nothing of what was said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.engine import Edits, Emitted, Flows, Schedules, StepContext, StepResult, fork
from stretto.engine.announced import MAX_APP_DATA_BYTES
from stretto.engine.trace_ids import traceparent_of
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT, Database
from stretto.stream import Hub
from tests.postgres.engine.stage import Stage, flow
from tests.postgres.events.hearing import heard, told

SECRET = "what only the run knows"


@pytest.fixture
async def stage(database: Database, settings: Settings) -> AsyncIterator[Stage]:
    async with Hub() as hub:
        yield Stage(database, hub, settings)


async def test_the_life_of_a_run(stage: Stage) -> None:
    def say(text: str) -> str:
        return text

    stage.use(say=say)
    graph = flow({"a": {"tool": "say", "input": {"text": "{{ input.text }}"}}}, input={"text": {"type": "string"}})
    async with stage.working():
        run = await stage.carry_out(graph, text=SECRET)
    assert run.output == SECRET
    about = {"run_id": str(run.id), "flow": "test"}
    assert await told(stage.database, f"runs/{run.id}") == [
        ("run.accepted", {**about, "version": 1, "priority": 2}),
        ("run.completed", {**about, "cost_usd": "0"}),
    ]
    traces = {event.traceparent for event in await heard(stage.database, f"runs/{run.id}")}
    assert traces == {traceparent_of(run.id)}
    assert await told(stage.database, "flows/test") == [
        ("flow.saved", {"flow": "test", "version": 1, "digest": graph.digest})
    ]


async def test_a_step_that_fails_for_good_and_what_follows(stage: Stage) -> None:
    def shaky() -> None:
        raise ValueError("x" * 1000)

    stage.use(shaky=shaky)
    async with stage.working():
        run = await stage.carry_out(flow({"a": {"tool": "shaky", "retry": {"attempts": 2, "backoff": "10ms"}}}))
        await stage.runs.retry(run.id, by="ada")
        await stage.happened(run.id, "RunFailed", times=2)
    _, failed, ended, again, *_ = await told(stage.database, f"runs/{run.id}")
    assert (failed[0], failed[1]["attempt"], failed[1]["step"]) == ("step.failed", 2, "a")
    assert len(failed[1]["message"]) == 500
    assert (ended[0], ended[1]["step"]) == ("run.failed", "a")
    assert (again[0], again[1]["by"]) == ("run.retried", "ada")


async def test_people_and_pauses(stage: Stage) -> None:
    async with stage.working():
        run_id = await stage.start(flow({"ask": {"review": {"show": SECRET, "question": SECRET}}}))
        await stage.has_status(run_id, "waiting")
        await stage.runs.pause(run_id, by="ada")
        await stage.happened(run_id, "RunPaused")
        await stage.runs.resume(run_id, by="bob")
        await stage.happened(run_id, "RunContinued")
        await stage.decide(run_id, "ask", "approve", by="eve", comments=SECRET)
        await stage.has_status(run_id, "completed")
        other = await stage.start(flow({"ask": {"review": {"show": 1, "question": "?"}}}))
        await stage.has_status(other, "waiting")
        await stage.runs.cancel(other, by="ada", reason="late")
        await stage.has_status(other, "cancelled")
    found = await told(stage.database, f"runs/{run_id}")
    assert [name for name, _ in found] == [
        "run.accepted",
        "review.requested",
        "run.paused",
        "run.resumed",
        "review.decided",
        "run.completed",
    ]
    assert found[4][1].items() >= {"verdict": "approve", "by": "eve", "step": "ask"}.items()
    assert SECRET not in str(found)
    name, data = (await told(stage.database, f"runs/{other}"))[-1]
    assert (name, data["by"], data["reason"]) == ("run.cancelled", "ada", "late")


async def test_a_flows_own_events(stage: Stage) -> None:
    async def report(context: StepContext) -> StepResult:
        return StepResult(
            "done", emits=(Emitted("reported", "k", {"n": 1}), Emitted("long", "", "x" * MAX_APP_DATA_BYTES))
        )

    stage.handlers["tool"] = report
    async with stage.working():
        run = await stage.carry_out(
            flow({"e": {"emit": {"event": "order.paid", "key": "17"}, "input": {"sum": 3}}, "t": {"tool": "any"}})
        )
    about = {"run_id": str(run.id), "flow": "test"}
    found = [each for each in await told(stage.database, f"runs/{run.id}") if each[0].startswith("app.")]
    assert sorted(found, key=lambda each: each[0]) == [
        ("app.long", {**about, "name": "long", "key": "", "omitted": True}),
        ("app.order.paid", {**about, "name": "order.paid", "key": "17", "data": {"sum": 3}}),
        ("app.reported", {**about, "name": "reported", "key": "k", "data": {"n": 1}}),
    ]


async def test_a_fork_tells_of_itself_and_not_again_of_what_it_keeps(stage: Stage) -> None:
    async with stage.working():
        run = await stage.carry_out(
            flow({"a": {"emit": {"event": "once"}}, "b": {"emit": {"event": "twice"}, "after": ["a"]}})
        )
        fork_id = await fork(stage.runs, run.id, "b", Edits())
        await stage.has_status(fork_id, "completed")
    found = await told(stage.database, f"runs/{fork_id}")
    assert [name for name, _ in found] == ["run.accepted", "app.twice", "run.completed"]
    assert found[0][1]["parent_id"] == str(run.id)


async def test_a_schedule_that_starts_a_run(stage: Stage, owner: AsyncConnection[TupleRow]) -> None:
    schedules = Schedules(stage.database, DEFAULT_TENANT)
    await Flows(stage.database, DEFAULT_TENANT).save(flow({"a": {"emit": {"event": "x"}}}))
    await schedules.save("nightly", "test", "0 3 * * *")
    await owner.execute("UPDATE schedules SET next_at = %s", [datetime.now(UTC) - timedelta(minutes=1)])
    assert await stage._start_due() == 1
    ((name, data),) = await told(stage.database, "schedules/nightly")
    assert (name, data["schedule"], data["flow"]) == ("schedule.fired", "nightly", "test")
    (event,) = await heard(stage.database, "schedules/nightly")
    assert event.traceparent == traceparent_of(UUID(data["run_id"]))
    assert UUID(data["run_id"]) == (await stage.runs.list())[0].id


async def test_what_is_rolled_back_was_never_told(stage: Stage) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the transaction is what ends with it
        async with stage.database.tenant(DEFAULT_TENANT) as connection:
            await stage.runs.start_in(connection, flow({"a": {"emit": {"event": "x"}}}))
            raise ZeroDivisionError
    assert await told(stage.database) == []
