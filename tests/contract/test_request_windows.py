"""One suite for what counts requests: within a process, over all processes, and under the strategies of `limits`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol
from uuid import UUID

import pytest
from limits import parse
from limits.aio.storage import MemoryStorage, MovingWindowSupport, Storage
from limits.aio.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter

from stretto.auth.quotas.counting import Counter, LocalWindows, Taken
from stretto.auth.quotas.storage import WindowStorage
from stretto.auth.quotas.windows import Windows
from stretto.store import DEFAULT_TENANT, Database

OTHER = UUID(int=7)


class Counting(Protocol):
    async def take(self, counters: list[Counter], want: int = 1) -> Taken: ...


class Alone:
    """`LocalWindows` with the same door."""

    def __init__(self) -> None:
        self._windows = LocalWindows()

    async def take(self, counters: list[Counter], want: int = 1) -> Taken:
        return self._windows.take(counters, want)


@pytest.fixture(params=["one process", "PostgreSQL"])
async def windows(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[Counting]:
    if request.param == "one process":
        yield Alone()
    else:
        windows = Windows(database)
        yield windows
        await windows.close()


def counter(most: int, name: str = "a", window_s: int = 3600, tenant_id: UUID = DEFAULT_TENANT) -> Counter:
    return Counter(tenant_id, name, most, window_s)


async def passed(windows: Counting, counters: list[Counter], times: int) -> int:
    found = await asyncio.gather(*(windows.take(counters) for _ in range(times)))
    return sum(each.passes for each in found)


async def test_as_many_pass_as_the_limit_says(windows: Counting) -> None:
    assert await passed(windows, [counter(5)], 20) == 5
    assert await passed(windows, [counter(5)], 20) == 0
    assert await passed(windows, [counter(5, "b")], 3) == 3
    assert await passed(windows, [counter(5, tenant_id=OTHER)], 20) == 5


async def test_a_request_counts_in_all_its_limits_or_in_none(windows: Counting) -> None:
    both = [counter(10, "tenant"), counter(3, "key")]
    assert await passed(windows, both, 8) == 3
    stands = (await windows.take(both, 0)).stands
    assert [each.used for each in stands] == [3, 3]
    assert await passed(windows, [counter(10, "tenant")], 20) == 7
    assert await passed(windows, [counter(10, "tenant"), counter(9, "key 2")], 5) == 0
    assert (await windows.take([counter(9, "key 2")], 0)).stands[0].used == 0


async def test_a_limit_that_changes_counts_what_was_used(windows: Counting) -> None:
    assert await passed(windows, [counter(5)], 9) == 5
    assert await passed(windows, [counter(8)], 9) == 3
    lowered = await windows.take([counter(2)])
    assert not lowered.passes
    assert lowered.stands[0].used == 8
    assert await passed(windows, [counter(0, "never")], 3) == 0


async def test_large_requests_fit_whole_or_not_at_all(windows: Counting) -> None:
    found = await asyncio.gather(*(windows.take([counter(5)], 2) for _ in range(4)))
    assert [each.passes for each in found] == [True, True, False, False]
    assert (await windows.take([counter(5)], 0)).stands[0].used == 4
    assert (await windows.take([counter(5)])).passes


async def test_what_was_used_comes_back_when_the_window_is_over_and_no_sooner(windows: Counting) -> None:
    """A burst, wherever it lies between two borders of a fixed window, holds for a whole window."""
    limit, loop = counter(4, window_s=1), asyncio.get_running_loop()
    let_through: list[tuple[float, float]] = []
    end = loop.time() + 2.6
    while loop.time() < end:
        before = loop.time()
        if (await windows.take([limit])).passes:
            let_through.append((before, loop.time()))
        await asyncio.sleep(0.003)
    assert len(let_through) >= 8, "what was used has come back"
    for (_, first), (later, _) in zip(let_through, let_through[4:], strict=False):
        assert later - first < 3
    for (first, _), (_, later) in zip(let_through, let_through[4:], strict=False):
        assert later - first > 0.999, "five within a second"


async def test_the_wait_that_is_told_is_the_wait(windows: Counting) -> None:
    limit = counter(2, window_s=1)
    assert await passed(windows, [limit], 2) == 2
    refused = await windows.take([limit])
    assert not refused.passes
    assert 0.9 < refused.stands[0].wait_s <= 1.04
    await asyncio.sleep(refused.stands[0].wait_s + 0.01)
    assert (await windows.take([limit])).passes


async def test_looking_counts_nothing(windows: Counting) -> None:
    for _ in range(3):
        assert (await windows.take([counter(1)], 0)).passes
    assert await passed(windows, [counter(1)], 3) == 1


@pytest.fixture(params=["memory of the library", "ours"])
async def storage(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[Storage]:
    if request.param == "ours":
        windows = Windows(database)
        yield WindowStorage(database, windows, DEFAULT_TENANT)
        await windows.close()
    else:
        yield MemoryStorage()


async def test_the_strategies_of_the_library_work_on_it(storage: Storage) -> None:
    assert isinstance(storage, MovingWindowSupport)
    item = parse("3/hour")
    for strategy in (MovingWindowRateLimiter(storage), FixedWindowRateLimiter(storage)):
        name = type(strategy).__name__
        assert await strategy.test(item, name)
        assert [await strategy.hit(item, name) for _ in range(5)] == [True] * 3 + [False] * 2
        assert not await strategy.test(item, name)
        stats = await strategy.get_window_stats(item, name)
        assert stats.remaining == 0
        assert stats.reset_time > 0
        await strategy.clear(item, name)
        assert await strategy.hit(item, name)
    assert await storage.check()
    assert (await storage.reset() or 0) > 0
    assert await MovingWindowRateLimiter(storage).hit(item, "MovingWindowRateLimiter", cost=3)
