"""A run is accepted once and for good, and belongs to its tenant."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.engine import Runs, fork
from stretto.engine import runs as engine_runs
from stretto.engine.graphs import CompiledFlows
from stretto.errors import FlowNotFound, IdempotencyConflict, InputInvalid, NotFound, RunNotFound
from stretto.review import Reviews
from stretto.store import DEFAULT_TENANT, Database
from stretto.store.ids import made_at, new_id
from tests.postgres.engine.stage import Stage, flow, until

NUMBER = {"n": {"type": "integer"}, "more": {"type": "integer", "default": 3}}
ADD = flow({"a": {"tool": "add", "input": {"n": "{{ input.n + input.more }}"}}}, input=NUMBER)
ASK = flow({"ask": {"review": {"show": "secret", "question": "?"}}})
EVENT = flow({"w": {"wait": {"event": "go"}}})


async def add(n: int) -> int:
    return n


async def counts(owner: AsyncConnection[TupleRow]) -> tuple[int, ...]:
    """How many runs, rows, jobs and keys there are."""
    tables = ("stretto.runs", "stretto.journal", "stretto_queue.procrastinate_jobs", "stretto.idempotency")
    found = [await (await owner.execute(f"SELECT count(*) FROM {table}")).fetchone() for table in tables]  # pyright: ignore
    return tuple(row[0] for row in found if row)


async def test_a_run_its_first_fact_and_its_job_are_written_together(
    stage: Stage, owner: AsyncConnection[TupleRow]
) -> None:
    run_id = await stage.runs.start(ADD, {"n": 1})
    assert await counts(owner) == (1, 1, 1, 0)
    run = await stage.runs.get(run_id)
    assert (run.status, run.input, run.flow_version, run.priority) == ("accepted", {"n": 1, "more": 3}, 1, 2)
    assert run.accepted_at == made_at(run_id)


async def test_what_cannot_be_started_leaves_nothing(stage: Stage, owner: AsyncConnection[TupleRow]) -> None:
    runs = stage.runs
    for failing, error in (
        (runs.start(ADD, {"n": "one"}, idempotency_key="k"), InputInvalid),
        (runs.start(ADD, {}, idempotency_key="k"), InputInvalid),
        (runs.start(ADD, {"n": 1, "m": 2}), InputInvalid),
        (runs.start("nowhere", {"n": 1}, idempotency_key="k"), FlowNotFound),
        (runs.start(ADD, {"n": 1}, priority=4), InputInvalid),
        (runs.start(ADD, {"n": 1}, idempotency_key=""), InputInvalid),
        (runs.start(ADD, {"n": 1}, idempotency_key="k" * 256), InputInvalid),
    ):
        with pytest.raises(error):
            await failing
    assert await counts(owner) == (0, 0, 0, 0)


async def test_a_transaction_that_is_rolled_back_accepts_nothing(
    stage: Stage, owner: AsyncConnection[TupleRow]
) -> None:

    async def start_and_fail() -> None:
        async with stage.database.tenant(DEFAULT_TENANT) as connection:
            await stage.runs.start_in(connection, ADD, {"n": 1}, idempotency_key="k")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await start_and_fail()
    assert await counts(owner) == (0, 0, 0, 0)


async def test_the_same_request_under_the_same_key_gives_the_same_run(
    stage: Stage, owner: AsyncConnection[TupleRow]
) -> None:
    first = await stage.runs.start(ADD, {"n": 1}, idempotency_key="k")
    assert await stage.runs.start(ADD, {"n": 1}, idempotency_key="k") == first
    assert await counts(owner) == (1, 1, 1, 1)


@pytest.mark.parametrize(
    "other",
    [
        {"input": {"n": 2}},
        {"input": {"n": 1}, "priority": 0},
        {"flow": flow({"w": {"wait": {"event": "go"}}}, flow="other"), "input": None},
        {"flow": flow({"a": {"tool": "add", "input": {"n": "{{ input.n }}"}}}, input=NUMBER), "input": {"n": 1}},
    ],
    ids=["input", "priority", "flow", "version of the flow"],
)
async def test_another_request_under_the_same_key_is_refused(
    stage: Stage, owner: AsyncConnection[TupleRow], other: dict[str, Any]
) -> None:
    first = await stage.runs.start(ADD, {"n": 1}, idempotency_key="k")
    with pytest.raises(IdempotencyConflict, match=str(first)):
        await stage.runs.start(
            other.get("flow", ADD), other["input"], priority=other.get("priority"), idempotency_key="k"
        )
    assert await counts(owner) == (1, 1, 1, 1)


async def test_twenty_requests_at_once_under_one_key_start_one_run(
    stage: Stage, owner: AsyncConnection[TupleRow]
) -> None:
    starts = (stage.runs.start(ADD, {"n": 1}, idempotency_key="k") for _ in range(20))
    ids = await asyncio.gather(*starts)
    assert len(set(ids)) == 1
    assert await counts(owner) == (1, 1, 1, 1)


async def test_many_first_starts_of_a_new_flow_at_once_share_its_version(stage: Stage) -> None:
    graphs = [flow({"w": {"wait": {"event": f"e{n % 3}"}}}) for n in range(18)]
    ids = await asyncio.gather(*(stage.runs.start(graph) for graph in graphs))
    versions = {graph.digest: set[int]() for graph in graphs}
    for graph, run_id in zip(graphs, ids, strict=True):
        versions[graph.digest].add((await stage.runs.get(run_id)).flow_version)
    assert sorted(version for found in versions.values() for version in found) == [1, 2, 3]


async def test_a_run_keeps_the_version_that_it_was_started_with(stage: Stage) -> None:
    stage.use(add=add)
    old = flow({"a": {"tool": "add", "input": {"n": 1}}})
    new = flow({"a": {"tool": "add", "input": {"n": 2}}})
    first = await stage.runs.start(old)
    second = await stage.runs.start(new)
    third = await stage.runs.start("test")
    async with stage.working():
        assert [(await stage.ended(run_id)).output for run_id in (first, second, third)] == [1, 2, 2]
    assert [(await stage.runs.get(run_id)).flow_version for run_id in (first, second, third)] == [1, 2, 2]


async def test_text_that_the_database_cannot_hold_is_mended_not_refused(stage: Stage) -> None:
    async def say(text: str) -> str:
        return text + "\0"

    stage.use(say=say)
    graph = flow({"a": {"tool": "say", "input": {"text": "{{ input.text }}"}}}, input={"text": {"type": "string"}})
    async with stage.working():
        run = await stage.carry_out(graph, text="a\0b \\u0000")
    assert run.status == "completed"
    assert run.output == "a\ufffdb \\u0000\ufffd"


# Tenants


@pytest.fixture
async def stranger(stage: Stage, owner: AsyncConnection[TupleRow]) -> Runs:
    """The door of another tenant."""
    tenant = UUID(int=7)
    await owner.execute("INSERT INTO stretto.tenants VALUES (%s, 'stranger', now())", [tenant])
    return Runs(stage.database, stage.hub, tenant)


async def test_a_tenant_sees_nothing_of_another_and_can_tell_it_nothing(stage: Stage, stranger: Runs) -> None:
    async with stage.working():
        run_id = await stage.start(ASK)
        event_id = await stage.start(EVENT)
        await stage.has_status(run_id, "waiting")
        await stage.has_status(event_id, "waiting")
        assert await stranger.list() == []
        inbox = Reviews(stage.database, stranger.tenant_id)
        assert await inbox.list() == []
        review_id = await stage.reviews.of_step(run_id, "ask")
        for told in (
            stranger.get(run_id),
            stranger.journal(run_id),
            stranger.progress(run_id),
            stranger.pause(run_id),
            stranger.resume(run_id),
            stranger.cancel(run_id),
            stranger.retry(run_id),
            stranger.inject(run_id, "ask", "x"),
            stranger.set_priority(run_id, 0),
            stranger.find(str(run_id)[-8:]),
            fork(stranger, run_id, "ask"),
            inbox.get(review_id),
            inbox.whole(review_id),
            inbox.of_step(run_id, "ask"),
            inbox.claim(review_id, "eve"),
            inbox.decide(review_id, "approve", by="eve"),
        ):
            with pytest.raises(NotFound):
                await told
        assert (await inbox.decide_many([review_id], "approve", by="eve")).done == []
        await stranger.deliver("go", "from elsewhere")
        with pytest.raises(FlowNotFound):
            await stranger.start("test")
        await asyncio.sleep(0.1)
        assert (await stage.runs.get(run_id)).status == "waiting"
        assert (await stage.kinds(event_id))[-1] == "RunRested"
        await stage.runs.deliver("go", "from here")
        assert (await stage.ended(event_id)).output == {"timed_out": False, "data": "from here"}


async def test_runs_of_several_tenants_are_carried_out_side_by_side(stage: Stage, stranger: Runs) -> None:
    stage.use(add=add)
    async with stage.working():
        ids = await asyncio.gather(
            *(runs.start(ADD, {"n": n}, idempotency_key=str(n)) for n in range(15) for runs in (stage.runs, stranger))
        )
        assert len(set(ids)) == 30

        async def done() -> bool:
            both = [await runs.list(status="completed") for runs in (stage.runs, stranger)]
            return [len(found) for found in both] == [15, 15]

        await until(done, "all runs of both are completed")
    assert {run.output for run in await stranger.list()} == set(range(3, 18))


async def test_unknown_runs_are_unknown(stage: Stage, database: Database) -> None:
    with pytest.raises(RunNotFound):
        await stage.runs.get(new_id())
    with pytest.raises(RunNotFound):
        await stage.runs.journal(new_id())
    with pytest.raises(RunNotFound):
        await stage.runs.find("abc")


async def test_a_flow_is_compiled_once_however_often_it_starts_by_name(stage: Stage) -> None:
    compiled = CompiledFlows()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_runs, "COMPILED", compiled)
        await stage.runs.start(EVENT)
        for _ in range(3):
            await stage.runs.start("test")
        first = compiled.get(DEFAULT_TENANT, EVENT.digest)
        assert first is not None
        await stage.runs.start("test")
        assert compiled.get(DEFAULT_TENANT, EVENT.digest) is first
        changed = flow({"w": {"wait": {"event": "stay"}}})
        await stage.runs.start(changed)
        latest = await stage.runs.accept("test")
        assert latest.flow_version == 2, "the latest version counts, whatever is remembered"
        assert compiled.get(DEFAULT_TENANT, changed.digest) is not None
        assert compiled.get(UUID(int=2), changed.digest) is None


async def test_a_run_is_told_of_as_it_is_read(stage: Stage) -> None:
    accepted = await stage.runs.accept(EVENT, {}, priority=3, idempotency_key="once")
    assert await stage.runs.get(accepted.id) == accepted
    assert await stage.runs.accept(EVENT, {}, priority=3, idempotency_key="once") == accepted


async def test_compiled_flows_take_no_more_than_they_may() -> None:
    compiled = CompiledFlows(most_chars=100)
    for number in range(5):
        compiled.keep(DEFAULT_TENANT, str(number), EVENT, 30)
        assert compiled.get(DEFAULT_TENANT, "0") is EVENT, "what is used stays"
    assert [compiled.get(DEFAULT_TENANT, str(number)) is EVENT for number in range(5)] == [
        True,
        False,
        False,
        True,
        True,
    ]
    compiled.keep(DEFAULT_TENANT, "huge", EVENT, 101)
    assert compiled.get(DEFAULT_TENANT, "huge") is None
