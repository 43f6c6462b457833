"""The contract of `Admission`, run on everything that ships as one.

Derive a class from `AdmissionContract` to run it on an admission of your own.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from stretto.gateway.admission import Limits
from stretto.gateway.config import Bucket, Budgets, Deployment, GatewayConfig, Provider
from stretto.gateway.config import Limits as Bears
from stretto.gateway.grants import Admission, Grant, ProviderLimits, Short, Want
from stretto.gateway.provider import LOCAL_TENANT, Caller, TokenCounts
from stretto.store import Database
from stretto.testing import MemoryLimits

PROVIDER = Provider("one", "simulated")
MAESTRO = Bucket("maestro")
NONE = TokenCounts()
NO_BUDGETS = Budgets()


def deployment(name: str = "fast", **limits: Any) -> Deployment:
    return Deployment(name, PROVIDER, "model", Bears(**limits))


def config(*deployments: Deployment, buckets: tuple[Bucket, ...] = (), budgets: Budgets = NO_BUDGETS) -> GatewayConfig:
    return GatewayConfig(
        routes={},
        deployments={each.name: each for each in deployments},
        buckets={each.name: each for each in buckets},
        budgets=budgets,
    )


def want(at: Deployment, priority: int = 2, *, cost: str = "0", tokens: int = 100, **more: Any) -> Want:
    caller = Caller(priority=priority, **{k: v for k, v in more.items() if k != "bucket"})
    return Want(caller, at, tokens // 2, tokens - tokens // 2, Decimal(cost), more.get("bucket"))


def granted(outcome: Grant | Short) -> Grant:
    assert not isinstance(outcome, Short), outcome
    return outcome


def short(outcome: Grant | Short) -> Short:
    assert isinstance(outcome, Short), outcome
    return outcome


def used(tokens: int) -> TokenCounts:
    return TokenCounts(input=tokens // 2, output=tokens - tokens // 2)


Opened = Callable[[GatewayConfig], AbstractAsyncContextManager[Admission]]


class AdmissionContract:
    """What every admission with limits does. `admission` opens one with a configuration."""

    async def test_what_has_no_limit_is_granted_at_once(self, admission: Opened) -> None:
        free = deployment()
        async with admission(config(free)) as door:
            grants = [granted(await door.ask(want(free, priority, cost="1"))) for priority in (0, 1, 2, 3) * 50]
            assert {grant.waited_s for grant in grants} == {0.0}

    async def test_requests_are_counted(self, admission: Opened) -> None:
        few = deployment(requests_per_minute=5)
        async with admission(config(few)) as door:
            for _ in range(5):
                granted(await door.ask(want(few)))
            told = short(await door.ask(want(few)))
            assert told.what == "requests"
            assert told.rule is None
            assert told.in_s is not None
            assert 5 < told.in_s <= 12

    async def test_many_at_once_get_no_more_than_there_is(self, admission: Opened) -> None:
        few = deployment(requests_per_minute=20)
        async with admission(config(few)) as door:
            outcomes = await asyncio.gather(*(door.ask(want(few)) for _ in range(60)))
            assert sum(not isinstance(each, Short) for each in outcomes) == 20

    async def test_tokens_are_counted_and_corrected(self, admission: Opened) -> None:
        small = deployment(tokens_per_minute=1000)
        async with admission(config(small)) as door:
            grant = granted(await door.ask(want(small, tokens=900)))
            assert short(await door.ask(want(small, tokens=200))).what == "tokens"
            grant.settle(used(100), Decimal(0))
            granted(await door.ask(want(small, tokens=850))).settle(used(2000), Decimal(0))
            told = short(await door.ask(want(small, tokens=10)))
            assert told.what == "tokens"

    async def test_a_call_larger_than_the_limit_is_let_through_alone(self, admission: Opened) -> None:
        small = deployment(tokens_per_minute=1000)
        async with admission(config(small)) as door:
            grant = granted(await door.ask(want(small, tokens=5000)))
            assert short(await door.ask(want(small, tokens=10))).what == "tokens"
            grant.settle(used(5000), Decimal(0))
            assert short(await door.ask(want(small, tokens=10))).what == "tokens"

    async def test_places_are_counted_and_come_back(self, admission: Opened) -> None:
        narrow = deployment(concurrency=3)
        async with admission(config(narrow)) as door:
            grants = [granted(await door.ask(want(narrow))) for _ in range(3)]
            assert short(await door.ask(want(narrow))).what == "concurrency"
            waiting = asyncio.create_task(door.wait(want(narrow), 10))
            await asyncio.sleep(0.02)
            assert not waiting.done()
            grants[0].settle(NONE, Decimal(0))
            grants[0].settle(NONE, Decimal(0))  # a second time changes nothing
            late = granted(await waiting)
            assert late.waited_s > 0
            assert short(await door.ask(want(narrow))).what == "concurrency"

    async def test_waiting_ends_with_what_is_short(self, admission: Opened) -> None:
        narrow = deployment(concurrency=1)
        async with admission(config(narrow)) as door:
            granted(await door.ask(want(narrow)))
            assert short(await door.wait(want(narrow), 0.05)).what == "concurrency"
            assert short(await door.wait(want(narrow), 0)).what == "concurrency"

    async def test_the_bucket_is_maestros(self, admission: Opened) -> None:
        free = deployment()
        async with admission(config(free, buckets=(MAESTRO,))) as door:

            def ask(priority: int) -> Any:
                return door.ask(want(free, priority, bucket=MAESTRO))

            for _ in range(24):
                granted(await ask(3))
            granted(await ask(1))  # 5 are left
            second = short(await ask(2))
            assert (second.what, second.rule, second.in_s) == ("bucket", "defer", 1800.0)
            third = short(await ask(3))
            assert (third.what, third.rule) == ("bucket", "skip")
            first = short(await ask(1))
            assert (first.what, first.rule) == ("bucket", "wait")
            assert first.in_s is not None
            assert 20 < first.in_s <= 24
            for _ in range(5):
                granted(await ask(0))
            last = short(await ask(0))
            assert (last.what, last.rule) == ("bucket", "wait")

    async def test_p3_is_skipped_where_p2_still_goes(self, admission: Opened) -> None:
        free, bucket = deployment(), replace(MAESTRO, capacity=20, skip_below=0.5)
        async with admission(config(free, buckets=(bucket,))) as door:
            for _ in range(11):  # 20 .. 10: down to half
                granted(await door.ask(want(free, 3, bucket=bucket)))
            assert short(await door.ask(want(free, 3, bucket=bucket))).rule == "skip"
            for _ in range(4):  # 9 .. 6: the reserve is left
                granted(await door.ask(want(free, 2, bucket=bucket)))
            assert short(await door.ask(want(free, 2, bucket=bucket))).rule == "defer"
            granted(await door.ask(want(free, 0, bucket=bucket)))

    async def test_p0_is_served_while_others_wait(self, admission: Opened) -> None:
        free, bucket = deployment(), Bucket("slow", capacity=6, refill_per_minute=0.5, reserve=5)
        async with admission(config(free, buckets=(bucket,))) as door:
            granted(await door.ask(want(free, 1, bucket=bucket)))
            waiting = [asyncio.create_task(door.wait(want(free, 1, bucket=bucket), 30)) for _ in range(20)]
            await asyncio.sleep(0.05)
            for _ in range(5):
                assert granted(await door.wait(want(free, 0, bucket=bucket), 5)).waited_s < 5
            assert not any(task.done() for task in waiting)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def test_ask_does_not_overtake(self, admission: Opened) -> None:
        both = deployment(concurrency=1)
        async with admission(config(both)) as door:
            held = granted(await door.ask(want(both)))
            waiting = asyncio.create_task(door.wait(want(both, 1), 10))
            await asyncio.sleep(0.02)
            held.settle(NONE, Decimal(0))
            assert short(await door.ask(want(both, 1))).what in ("concurrency", "requests")
            granted(await waiting)

    async def test_urgent_calls_go_first_and_late_ones_are_not_forgotten(self, admission: Opened) -> None:
        narrow = deployment(concurrency=1)
        async with admission(config(narrow)) as door:
            order = await in_turn(door, [want(narrow, 3)] + [want(narrow, 0) for _ in range(30)])
            assert 1 <= order.index(0) <= 8

    async def test_tenants_take_turns(self, admission: Opened) -> None:
        narrow = deployment(concurrency=1)
        burst, trickle = uuid4(), uuid4()
        async with admission(config(narrow)) as door:
            wants = [want(narrow, tenant_id=burst) for _ in range(100)]
            wants += [want(narrow, tenant_id=trickle) for _ in range(5)]
            order = await in_turn(door, wants)
            assert max(order.index(n) for n in range(100, 105)) <= 15
            first = [n for n in order if n < 100]
            # Every eighth turn goes to the oldest, who is the burst's next anyway.
            assert first == sorted(first)

    async def test_budgets_are_kept(self, admission: Opened) -> None:
        free = deployment()
        async with admission(config(free, budgets=Budgets(month_usd=Decimal("1.00")))) as door:
            grant = granted(await door.ask(want(free, cost="0.60")))
            told = short(await door.ask(want(free, cost="0.60")))
            assert told.what == "tenant_budget"
            assert told.in_s is not None  # what the first reserved may come back
            grant.settle(used(100), Decimal("0.10"))
            granted(await door.wait(want(free, cost="0.60"), 10)).settle(used(100), Decimal("0.60"))

            def in_run(**more: Any) -> Want:
                return want(free, cost="0.04", **more)

            of_run: dict[str, Any] = {"run_id": uuid4(), "run_budget_usd": Decimal("0.05"), "path": "a"}
            granted(await door.ask(in_run(**of_run))).settle(used(10), Decimal("0.04"))
            assert short(await door.ask(in_run(**of_run))).what == "run_budget"
            of_step: dict[str, Any] = {"run_id": uuid4(), "step_budget_usd": Decimal("0.05"), "path": "a"}
            granted(await door.ask(in_run(**of_step)))
            assert short(await door.ask(in_run(**of_step))).what == "step_budget"
            granted(await door.ask(in_run(**{**of_step, "path": "b"})))

    async def test_budgets_are_by_the_tenants_name(self, admission: Opened) -> None:
        free = deployment()
        budgets = Budgets(month_usd=None, tenants={"local": Decimal("0.01")})
        async with admission(config(free, budgets=budgets)) as door:
            assert short(await door.ask(want(free, cost="0.02", tenant_id=LOCAL_TENANT))).in_s is None
            granted(await door.ask(want(free, cost="5", tenant_id=uuid4())))

    async def test_a_providers_pause_closes_the_deployment(self, admission: Opened) -> None:
        free, other = deployment(), deployment("other")
        async with admission(config(free, other)) as door:
            granted(await door.ask(want(free)))
            door.observe(free, ProviderLimits(retry_after_s=0.4))
            told = short(await door.ask(want(free)))
            assert told.what == "requests"
            assert told.in_s is not None
            assert 0 < told.in_s <= 0.4
            granted(await door.ask(want(other)))
            granted(await door.wait(want(free), 10))

    async def test_limits_are_learned_from_the_provider(self, admission: Opened) -> None:
        free = deployment()
        async with admission(config(free)) as door:
            door.observe(free, ProviderLimits(requests_limit=60, requests_left=2, requests_reset_s=58))
            await asyncio.sleep(0.3)
            outcomes = [await door.ask(want(free)) for _ in range(8)]
            assert 2 <= sum(not isinstance(each, Short) for each in outcomes) <= 3

    async def test_cancelled_calls_leave_nothing_taken(self, admission: Opened) -> None:
        narrow = deployment(concurrency=2, requests_per_minute=1000)
        async with admission(config(narrow, budgets=Budgets(month_usd=Decimal(1)))) as door:
            held = [granted(await door.ask(want(narrow, cost="0.01"))) for _ in range(2)]
            waiting = [asyncio.create_task(door.wait(want(narrow, cost="0.4"), 30)) for _ in range(50)]
            for n, task in enumerate(waiting):
                await asyncio.sleep(0.001)
                if n == 25:
                    for grant in held:
                        grant.settle(NONE, Decimal(0))
                task.cancel()
            done = await asyncio.gather(*waiting, return_exceptions=True)
            for each in done:
                if not isinstance(each, BaseException):
                    granted(each).settle(NONE, Decimal(0))
            for _ in range(2):
                granted(await door.wait(want(narrow, cost="0.5"), 10))


async def in_turn(door: Admission, wants: list[Want]) -> list[int]:
    """In which order these are granted, one at a time, when they all came while the only place was taken."""
    place = granted(await door.ask(wants[0]))
    order: list[int] = []

    async def one(n: int, each: Want) -> None:
        grant = granted(await door.wait(each, 60))
        order.append(n)
        await asyncio.sleep(0)
        grant.settle(NONE, Decimal(0))

    tasks: list[asyncio.Task[None]] = []
    for n, each in enumerate(wants):
        tasks.append(asyncio.create_task(one(n, each)))
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    place.settle(NONE, Decimal(0))
    await asyncio.gather(*tasks)
    return order


class TestMemory(AdmissionContract):
    @pytest.fixture
    def admission(self) -> Opened:
        return MemoryLimits


class TestPostgres(AdmissionContract):
    @pytest.fixture
    def admission(self, database: Database) -> Opened:
        @asynccontextmanager
        async def opened(config: GatewayConfig) -> AsyncGenerator[Admission]:
            async with Limits(database, config) as limits:
                yield limits

        return opened
