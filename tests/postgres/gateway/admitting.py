"""A process that makes calls as fast as it is let, with a ledger of its own, and tells of each."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from stretto.gateway.admission import Limits
from stretto.gateway.calls import Call
from stretto.gateway.config import Bucket, Budgets, Deployment, GatewayConfig, Provider
from stretto.gateway.config import Limits as Bears
from stretto.gateway.grants import Short, Want
from stretto.gateway.provider import Caller, TokenCounts
from stretto.settings import Settings
from stretto.store import Database

REAL = time.monotonic  # the same clock in all processes of a machine


@dataclass(frozen=True)
class Task:
    """What a process shall do. `say` prints a line for each call as it is granted."""

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    concurrency: int | None = None
    bucket: tuple[float, float, float] | None = None
    """Capacity, refill per minute, reserve."""
    month_usd: str | None = None
    run_id: str | None = None
    run_usd: str | None = None
    tenants: tuple[str, ...] = ("00000000-0000-7000-8000-000000000001",)
    priority: int = 1
    callers: int = 8
    """So many calls at once."""
    calls: int = 1_000_000
    for_s: float = 3.0
    hold_s: float = 0.01
    tokens: int = 100
    most_usd: str = "0"
    """An estimate is up to this, and what a call costs up to 1.5 times its estimate."""
    seed: int = 0
    skew_s: float = 0.0
    stuck: bool = False
    """Calls never end."""
    alive_s: float = 10.0


@dataclass
class Told:
    """What a process did: for each call when it was granted, when it ended, its tenant, tokens, estimate and cost."""

    calls: list[tuple[float, float, str, int, str, str]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    @property
    def cost_usd(self) -> Decimal:
        return sum((Decimal(call[5]) for call in self.calls), Decimal(0))


class Process:
    """A process at its task."""

    def __init__(self, url: str, task: Task) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.postgres.gateway.admitting", url, json.dumps(asdict(task))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def line(self) -> str:
        """The next line that it prints; 'ready' comes first."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def start(self) -> None:
        """Let it begin."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def told(self) -> Told:
        """Wait for its end and hear what it did."""
        out, _ = self.process.communicate(timeout=90)
        assert self.process.returncode == 0
        return Told(**json.loads(out.splitlines()[-1]))

    def kill(self) -> None:
        """End it without a chance to clean up."""
        self.process.kill()
        self.process.communicate()


@contextmanager
def made_ready(url: str, tasks: Sequence[Task]) -> Generator[list[Process]]:
    """Processes that stand ready to begin; none is left behind."""
    processes = [Process(url, task) for task in tasks]
    try:
        for process in processes:
            assert process.line() == "ready"
        yield processes
    finally:
        for process in processes:
            if process.process.poll() is None:
                process.kill()


def finish(processes: Sequence[Process]) -> list[Told]:
    """Let them all begin at once, and hear what they did."""
    for process in processes:
        process.start()
    return [process.told() for process in processes]


def together(url: str, tasks: Sequence[Task]) -> list[Told]:
    """Carry tasks out, each in a process of its own, all at once."""
    with made_ready(url, tasks) as processes:
        return finish(processes)


def say(line: str) -> None:
    """Tell whoever started this process."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def carry_out(url: str, task: Task) -> None:
    told, dice, book = Told(), random.Random(task.seed), list[Call]()
    deployment = Deployment(
        "d", Provider("p", "simulated"), "m", Bears(task.requests_per_minute, task.tokens_per_minute, task.concurrency)
    )
    bucket = Bucket("b", *task.bucket) if task.bucket else None
    config = GatewayConfig(
        routes={}, deployments={"d": deployment}, buckets={"b": bucket} if bucket else {},
        budgets=Budgets(None if task.month_usd is None else Decimal(task.month_usd)),
    )  # fmt: skip
    database = await Database.open(Settings(database_url=url, pool_size=3))
    async with Limits(database, config, alive_s=task.alive_s) as limits:
        over = asyncio.Event()

        async def flush() -> None:
            while book:
                tenant_id = book[0].caller.tenant_id
                batch = [call for call in book if call.caller.tenant_id == tenant_id]
                book[:] = [call for call in book if call.caller.tenant_id != tenant_id]
                async with database.tenant(tenant_id) as connection:
                    await limits.settle_in(connection, tenant_id, batch)

        async def keep_book() -> None:
            while not over.is_set():
                await asyncio.sleep(0.05)
                await flush()

        async def call(tenant: str) -> bool:
            estimate = Decimal(dice.randint(1, 1000)) / 1000 * Decimal(task.most_usd)
            caller = Caller(
                tenant_id=UUID(tenant), priority=task.priority, run_id=UUID(task.run_id) if task.run_id else None,
                run_budget_usd=Decimal(task.run_usd) if task.run_usd else None, path="a",
            )  # fmt: skip
            asked_at = REAL()
            grant = await limits.wait(Want(caller, deployment, task.tokens, 0, estimate, bucket), 1.0)
            if isinstance(grant, Short):
                return grant.in_s is not None
            at = REAL()
            told.waits.append(at - asked_at)
            cost = estimate * dice.randint(0, 1500) / 1000
            if task.stuck:
                say("granted")
                await asyncio.sleep(3600)
            await asyncio.sleep(dice.random() * 2 * task.hold_s)
            told.calls.append((at, REAL(), tenant, task.tokens, str(estimate), str(cost)))
            grant.settle(TokenCounts(input=task.tokens), cost)
            book.append(
                Call(id=UUID(int=len(told.calls)), at=datetime.now(UTC), caller=caller, route="r", cost_usd=cost)
            )
            return True

        async def make_calls(n: int) -> None:
            tenant = task.tenants[n % len(task.tenants)]
            while REAL() < until and len(told.calls) < task.calls:
                if not await call(tenant):
                    break

        say("ready")
        await asyncio.to_thread(sys.stdin.readline)
        until = REAL() + task.for_s
        keeping = asyncio.create_task(keep_book())
        await asyncio.gather(*(make_calls(n) for n in range(task.callers)))
        over.set()
        await keeping
        await flush()
    await database.close()
    say(json.dumps(asdict(told)))


def main() -> None:
    url, given = sys.argv[1], dict[str, Any](json.loads(sys.argv[2]))
    given["tenants"] = tuple(given["tenants"])
    task = Task(**given)
    if task.skew_s:
        wall, steady = time.time, time.monotonic
        time.time = lambda: wall() + task.skew_s
        time.monotonic = lambda: steady() + task.skew_s
    asyncio.run(carry_out(url, task))


if __name__ == "__main__":
    main()
