"""PostgreSQL, or the keeper that looks after it, dies while runs are at work; they go on when it is back."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from stretto.errors import DatabaseUnreachable
from stretto.platform import Platform
from stretto.settings import Settings
from stretto.store.embedded import Membership
from tests.crash.evidence import Lane, check, results
from tests.crash.grand import GRAND
from tests.crash.test_deaths import rows_written
from tests.crash.worker import QUICK, Workers, over
from tests.postgres.engine.stage import until
from tests.postgres.store.processes import wait_until

LEASE: dict[str, Any] = {**QUICK, "heartbeat_s": 0.5, "lease_s": 20.0}
"""As quick as the others, but nobody takes a living worker for dead while PostgreSQL is away."""


@pytest.fixture
def embedded(own_home: Path) -> Settings:
    """An embedded server of the test's own."""
    return Settings(home=own_home, **LEASE)


@pytest.fixture
def embedded_workers(embedded: Settings, tmp_path: Path) -> Iterator[Workers]:
    """Workers on it; none is left behind."""
    found = Workers(embedded, tmp_path / "effects")
    yield found
    found.end()


@pytest.fixture
async def lane(embedded: Settings, embedded_workers: Workers) -> AsyncIterator[Lane]:
    """Runs on the embedded server, which lives at least as long as this."""
    async with Platform.open(embedded, worker=False) as platform:
        yield Lane(embedded_workers, platform)


def member_of(lane: Lane) -> Membership:
    """Who keeps the server, and what it is."""
    member = lane.runs.database._member
    assert member is not None
    return member


def postmaster_of(home: Path) -> int:
    """The process id of the server that runs now; 0 while none does."""
    for file in home.rglob("postmaster.pid"):
        lines = file.read_text().splitlines()
        return int(lines[0]) if lines else 0
    return 0


@pytest.mark.parametrize(
    ("how", "moments"), [(signal.SIGKILL, (5, 60)), (signal.SIGQUIT, (30,))], ids=["killed", "shut down at once"]
)
async def test_a_run_goes_on_when_postgres_is_back(
    lane: Lane, embedded: Settings, how: signal.Signals, moments: tuple[int, ...]
) -> None:
    commits = embedded.home / "commits"
    expected, _ = await lane.uninterrupted(commits)
    run_id = await lane.start()
    worker = lane.workers.start(run_id, token_s=0.02, settings=LEASE)
    before = await lane.snapshot(run_id)
    for rows in moments:
        await rows_written(lane.runs, run_id, rows)
        before = await lane.snapshot(run_id)
        postmaster = postmaster_of(embedded.home)
        os.kill(postmaster, how)
        await asyncio.to_thread(
            wait_until, lambda pid=postmaster: postmaster_of(embedded.home) not in (0, pid), "PostgreSQL is back", 60.0
        )
    assert await over(worker, 90) == 0
    after = await lane.snapshot(run_id)
    check(f"PostgreSQL {how.name}", before, after, expected)
    assert (await lane.runs.get(run_id)).status == "completed"
    # The worker lived, so the run stayed in its hands: it was claimed at the start and after its nap.
    assert sum(row.kind == "RunClaimed" for row in after.rows) == 2


async def test_a_run_goes_on_when_the_keeper_was_killed_with_postgres(lane: Lane, embedded: Settings) -> None:
    run_id = await lane.start()
    worker = lane.workers.start(run_id, token_s=0.02, settings=LEASE)
    await rows_written(lane.runs, run_id, 20)
    before = await lane.snapshot(run_id)
    keeper = member_of(lane).keeper
    os.kill(keeper, signal.SIGKILL)
    assert await over(worker, 90) == 0
    after = await lane.snapshot(run_id)
    check("keeper killed", before, after, results(after.rows))
    assert member_of(lane).keeper != keeper


async def start_surely(lane: Lane, key: str) -> UUID:
    """Start a run as a client does: what was broken off is asked for again, under the same key."""
    while True:
        try:
            return await lane.runs.start(GRAND, {"task": "it"}, idempotency_key=key)
        except DatabaseUnreachable:
            await asyncio.sleep(0.05)


async def test_runs_that_are_accepted_while_postgres_restarts_are_carried_out(lane: Lane, embedded: Settings) -> None:
    worker = lane.workers.start(settings=LEASE)
    first = await lane.start()
    await rows_written(lane.runs, first, 10)
    os.kill(postmaster_of(embedded.home), signal.SIGKILL)
    ids = [first, *await asyncio.gather(*(start_surely(lane, str(number)) for number in range(3)))]
    assert len(set(ids)) == 4

    async def all_done() -> bool:
        return len(await lane.runs.list(status="completed")) == len(ids)

    await until(all_done, "all are completed")
    outcomes = [results(await lane.runs.journal(run_id)) for run_id in ids]
    assert all(outcome == outcomes[0] for outcome in outcomes)
    worker.terminate()
    assert await over(worker) == 0
