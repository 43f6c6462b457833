"""A worker is killed at every commit of a flow that has everything, and another goes on."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from stretto.platform import Platform
from tests.crash.conftest import MakeWorkers
from tests.crash.evidence import Lane, check_order, check_went_on, read_count, results
from tests.crash.worker import Death, Workers, over

LANES = 6
pytestmark = pytest.mark.timeout(600)


async def test_killed_at_every_commit_the_run_goes_on_as_if_nothing_had_been(
    make_workers: MakeWorkers, tmp_path: Path
) -> None:
    async with asyncio.TaskGroup() as group:
        deaths: asyncio.Queue[Death] = asyncio.Queue()
        ready = asyncio.Event()
        died: list[Death] = []
        expected: dict[str, Any] = {}

        async def work(workers: Workers, *, first: bool) -> None:
            async with Platform.open(workers.settings, worker=False) as platform:
                lane = Lane(workers, platform)
                if first:
                    found, count = await lane.uninterrupted(tmp_path / "commits")
                    expected.update(found)
                    for at in range(1, count + 1):
                        deaths.put_nowait(Death(at, "before"))
                        deaths.put_nowait(Death(at, "after"))
                    ready.set()
                await ready.wait()
                while not deaths.empty():
                    death = deaths.get_nowait()
                    if await lane.killed(death, expected):
                        died.append(death)

        for number in range(LANES):
            group.create_task(work(make_workers(), first=number == 0))
    # Commits gather differently when the machine is busy, so the last ones may not be met; most must be.
    count = read_count(tmp_path / "commits")
    assert count >= 20
    assert len(died) >= count


async def test_killed_again_and_again_at_any_moment_it_still_goes_on(make_workers: MakeWorkers, tmp_path: Path) -> None:
    chance = random.Random(7)

    async def ordeal(workers: Workers) -> None:
        async with Platform.open(workers.settings, worker=False) as platform:
            lane = Lane(workers, platform)
            expected, count = await lane.uninterrupted(tmp_path / f"commits-{workers.effects.name}")
            run_id = await lane.start()
            for _ in range(4):
                before = await lane.snapshot(run_id)
                code = await over(workers.start(run_id, death=Death(chance.randrange(1, count // 2), "before")))
                after = await lane.snapshot(run_id)
                check_order(after.rows)
                check_went_on(before, after)
                if code == 0:
                    break
            else:
                assert await over(workers.start(run_id)) == 0
            assert results((await lane.snapshot(run_id)).rows) == expected

    await asyncio.gather(*(ordeal(make_workers()) for _ in range(LANES)))
