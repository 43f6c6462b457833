"""Clients and workers die, stand still, or leave in good order; what was accepted is carried out once."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest

from stretto.engine import Runs
from stretto.engine.rows import facts_of
from stretto.flow.progress import Progress
from stretto.platform import Platform
from stretto.settings import Settings
from stretto.stream.log import Row
from tests.crash.evidence import Lane, check, check_order, effects_of, results
from tests.crash.grand import GRAND
from tests.crash.worker import CONTEXT, Death, Workers, over
from tests.postgres.engine.stage import until

PROMISE_S = 10.0
"""Within which the runs of a dead worker go on elsewhere (design, section 5)."""


@pytest.fixture
async def lane(workers: Workers, quick: Settings) -> AsyncIterator[Lane]:
    """The test's database, its workers, and runs on it."""
    async with Platform.open(quick, worker=False) as platform:
        yield Lane(workers, platform)


async def wait_for(runs: Runs, run_id: UUID, kind: str, times: int = 1) -> None:
    """Wait until the run's journal holds so many rows of this kind."""

    async def written() -> bool:
        return sum(row.kind == kind for row in await runs.journal(run_id)) >= times

    await until(written, f"{kind} of {run_id}")


async def rows_written(runs: Runs, run_id: UUID, count: int) -> None:
    """Wait until the run has come so far."""

    async def written() -> bool:
        return len(await runs.journal(run_id)) >= count

    await until(written, f"{count} rows of {run_id}", every_s=0.002)


def claims(rows: list[Row]) -> list[tuple[str, float]]:
    """Who claimed the run, and when (Unix time)."""
    return [(str((row.body or {})["worker"]), row.at.timestamp()) for row in rows if row.kind == "RunClaimed"]


def starting_client(settings: dict[str, Any], acknowledged: Path) -> None:
    """Start one run after another, and write down each that is accepted, until killed."""

    async def start_all() -> None:
        async with Platform.open(Settings(**settings), worker=False) as platform:
            with acknowledged.open("a") as file:
                for number in range(10_000):
                    run_id = await platform.runs().start(GRAND, {"task": f"{number}"}, idempotency_key=str(number))
                    file.write(f"{run_id}\n")
                    file.flush()

    asyncio.run(start_all())


def lines_of(path: Path) -> int:
    """How many whole lines a file has."""
    return path.read_text().count("\n") if path.exists() else 0


def ids_in(path: Path) -> set[UUID]:
    """The ids on the whole lines of a file."""
    return {UUID(line) for line in path.read_text().split("\n")[:-1]}


async def test_whenever_a_client_dies_a_run_is_accepted_wholly_or_not_at_all(
    lane: Lane, quick: Settings, tmp_path: Path
) -> None:
    acknowledged = tmp_path / "acknowledged"
    chance = random.Random(3)
    for _ in range(4):
        client = CONTEXT.Process(target=starting_client, args=(quick.model_dump(exclude_unset=True), acknowledged))
        client.start()
        lane.workers.started.append(client)
        seen = lines_of(acknowledged)
        await until(lambda seen=seen: lines_of(acknowledged) >= seen + 2, "two more are accepted")
        await asyncio.sleep(chance.random() / 50)
        client.kill()
        assert await over(client) == -signal.SIGKILL
    known = ids_in(acknowledged)
    runs = {run.id for run in await lane.runs.list(limit=1000)}
    assert known <= runs
    # Each client that died had at most one run accepted of which it could not say so any more; the next asked again.
    assert len(runs) - len(known) <= 1
    for run_id in runs:
        assert [row.kind for row in await lane.runs.journal(run_id)] == ["RunAccepted"]
    some = sorted(runs)[:3] + sorted(runs)[-2:]
    for run_id in sorted(runs - set(some)):
        await lane.runs.cancel(run_id)
    lane.workers.start()
    for run_id in some:
        await wait_for(lane.runs, run_id, "RunCompleted")


async def test_a_run_that_was_accepted_while_no_worker_lived_is_carried_out(lane: Lane, tmp_path: Path) -> None:
    run_id = await lane.start()
    assert (await lane.runs.get(run_id)).status == "accepted"
    assert await over(lane.workers.start(run_id, death=Death(1, "before"))) == -signal.SIGKILL
    assert [row.kind for row in await lane.runs.journal(run_id)] == ["RunAccepted"]
    assert await over(lane.workers.start(run_id)) == 0
    check_order(await lane.runs.journal(run_id))


async def test_of_two_workers_one_is_killed_and_the_other_goes_on_with_all_its_runs_in_time(lane: Lane) -> None:
    usual = {"home": lane.workers.settings.home}  # the lease, heartbeat and sweep that the product has
    both = [lane.workers.start(settings=usual, token_s=0.1) for _ in range(2)]
    ids = [await lane.start() for _ in range(6)]
    for run_id in ids:
        await wait_for(lane.runs, run_id, "StepCompleted")
    journals = {run_id: await lane.runs.journal(run_id) for run_id in ids}
    holders = {run_id: claims(rows)[-1][0] for run_id, rows in journals.items()}
    dead = next(process for process in both if any(name.endswith(f"/{process.pid}") for name in holders.values()))
    before = {run_id: await lane.snapshot(run_id) for run_id in ids}
    dead.kill()
    killed_at = time.time()
    assert await over(dead) == -signal.SIGKILL
    orphans = [run_id for run_id in ids if holders[run_id].endswith(f"/{dead.pid}")]
    for run_id in ids:
        await wait_for(lane.runs, run_id, "RunCompleted")
    expected = results(await lane.runs.journal(ids[0]))
    for run_id in ids:
        check(run_id, before[run_id], await lane.snapshot(run_id), expected)
    for run_id in orphans:
        taken = [at for name, at in claims(await lane.runs.journal(run_id)) if not name.endswith(f"/{dead.pid}")]
        assert taken[0] - killed_at <= PROMISE_S
    for run_id in set(ids) - set(orphans):
        assert not any(name.endswith(f"/{dead.pid}") for name, _ in claims(await lane.runs.journal(run_id)))


def is_stopped(process: BaseProcess) -> bool:
    """Whether it stands still (SIGSTOP)."""
    return psutil.Process(process.pid).status() == psutil.STATUS_STOPPED


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_worker_that_stood_still_past_its_lease_writes_and_does_nothing_more(lane: Lane, when: Any) -> None:
    for at in (1, 5, 12, 22):
        run_id = await lane.start()
        sleeper = lane.workers.start(death=Death(at, when, signal.SIGSTOP))
        await until(lambda sleeper=sleeper: is_stopped(sleeper), "it stands still")
        before = await lane.snapshot(run_id)
        assert await over(lane.workers.start(run_id)) == 0
        after = await lane.snapshot(run_id)
        check((at, when), before, after, results(after.rows))
        assert sleeper.pid is not None
        os.kill(sleeper.pid, signal.SIGCONT)
        # It lives, and takes new runs.
        other_id = await lane.start()
        await wait_for(lane.runs, other_id, "RunCompleted")
        other = await lane.runs.journal(other_id)
        assert {name.rpartition("/")[2] for name, _ in claims(other)} == {str(sleeper.pid)}
        assert await lane.runs.journal(run_id) == list(after.rows)
        assert (await lane.runs.get(run_id)).status == "completed"
        # What was in its hands when it fell asleep it may finish, under the same key; it begins nothing else.
        late = effects_of(lane.workers.effects, run_id)[len(after.effects) :]
        assert {effect.step for effect in late} <= before.in_flight
        sleeper.terminate()
        assert await over(sleeper) == 0


async def test_a_worker_that_is_told_to_stop_hands_over_and_nothing_counts_as_interrupted(lane: Lane) -> None:
    expected: dict[str, Any] | None = None
    for rows_before in (2, 15, 40, 70):
        run_id = await lane.start()
        first = lane.workers.start()
        await rows_written(lane.runs, run_id, rows_before)
        first.terminate()
        assert await over(first) == 0
        before = await lane.snapshot(run_id)
        if before.rows[-1].kind != "RunCompleted":
            assert before.rows[-1].kind == "RunRested"
            assert (await lane.runs.get(run_id)).status in ("accepted", "waiting")
            assert await over(lane.workers.start(run_id)) == 0
        after = await lane.snapshot(run_id)
        expected = expected or results(after.rows)
        check(f"handed over after {rows_before}", before, after, expected)
        progress = Progress(GRAND, lambda _: "", keep_turns=True)
        interrupted: set[str] = set()
        for fact in facts_of(after.rows):
            progress.apply(fact)
            interrupted |= {path for path, state in progress.states.items() if state.interrupted}
        assert interrupted == set()
