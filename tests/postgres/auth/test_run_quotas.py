"""Quotas of runs: however many ask at once, no more are accepted."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.auth import Operator
from stretto.auth.quotas import QuotaStore
from stretto.engine import Runs
from stretto.errors import QuotaExceeded
from stretto.flow.graph import Graph
from stretto.store import DEFAULT_TENANT, Database
from stretto.stream import Hub
from tests.postgres.engine.stage import flow

WAIT: Graph = flow({"w": {"wait": {"event": "go"}}})


async def started(runs: Runs, times: int) -> list[UUID]:
    """The runs that were accepted of so many asked for at once."""
    found = await asyncio.gather(*(runs.start(WAIT) for _ in range(times)), return_exceptions=True)
    assert all(isinstance(each, UUID | QuotaExceeded) for each in found), found
    return [each for each in found if isinstance(each, UUID)]


async def test_no_more_runs_a_day_than_the_quota_however_many_ask_at_once(
    database: Database, owner: AsyncConnection[TupleRow]
) -> None:
    store = QuotaStore(database)
    async with Hub() as hub:
        runs = Runs(database, hub, DEFAULT_TENANT)
        assert len(await started(runs, 3)) == 3
        await store.set(DEFAULT_TENANT, "runs_per_day", "8")
        assert len(await started(runs, 20)) == 5, "what was started before counts"
        with pytest.raises(QuotaExceeded, match="may start 8 runs a day") as refused:
            await runs.start(WAIT)
        assert 0 < (refused.value.retry_after_s or 0) <= 86_400
        assert await store.runs_used(DEFAULT_TENANT) == (8, 8)
        await store.set(DEFAULT_TENANT, "runs_per_day", "10")
        assert len(await started(runs, 9)) == 2
        await owner.execute("UPDATE quotas SET day = day - 1")
        assert len(await started(runs, 20)) == 10, "a new day"
        other = Runs(database, hub, await Operator(database).add_tenant("other"))
        assert len(await started(other, 12)) == 12, "another tenant has no quota"


async def test_no_more_unfinished_runs_than_the_quota(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    await QuotaStore(database).set(DEFAULT_TENANT, "unfinished_runs", "4")
    async with Hub() as hub:
        runs = Runs(database, hub, DEFAULT_TENANT)
        accepted = await started(runs, 15)
        assert len(accepted) == 4
        with pytest.raises(QuotaExceeded, match="may have 4 unfinished runs") as refused:
            await runs.start(WAIT)
        assert refused.value.retry_after_s is None
        await owner.execute("UPDATE runs SET finished_at = now() WHERE id = ANY(%s)", [accepted[:2]])
        assert len(await started(runs, 9)) == 2


async def test_a_refused_run_leaves_nothing_and_a_repeated_one_counts_once(
    database: Database, owner: AsyncConnection[TupleRow]
) -> None:
    store = QuotaStore(database)
    await store.set(DEFAULT_TENANT, "unfinished_runs", "1")
    await store.set(DEFAULT_TENANT, "runs_per_day", "1")
    async with Hub() as hub:
        runs = Runs(database, hub, DEFAULT_TENANT)
        first = await runs.start(WAIT, idempotency_key="a")
        assert await runs.start(WAIT, idempotency_key="a") == first, "no new run, so no quota"
        with pytest.raises(QuotaExceeded):
            await runs.start(WAIT, idempotency_key="b")
        await store.set(DEFAULT_TENANT, "unfinished_runs", "2")
        await store.set(DEFAULT_TENANT, "runs_per_day", "2")
        assert await runs.start(WAIT, idempotency_key="b") != first, "its key was not taken"
    for table, count in (("runs", 2), ("journal", 2), ("idempotency", 2)):
        row = await (await owner.execute(f"SELECT count(*) FROM {table}")).fetchone()  # pyright: ignore
        assert row == (count,)
