"""What counting a request costs: `python -m bench.request_limits`, about half a minute.

Requests come evenly at a rate, from 20 keys of 4 tenants, each counted for its tenant and its key. Told are the CPU of this
process and of PostgreSQL's backend per request, the time that a request waits, and the statements per 1,000 requests.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import quantiles
from uuid import UUID

import psutil

from stretto.auth import Operator, Principal
from stretto.auth.quotas import RequestLimiter
from stretto.settings import Settings
from stretto.store import Database

SECONDS = 6


async def at_rate(limiter: RequestLimiter, who: list[Principal], per_s: int) -> None:
    for each in who:
        await limiter.take(each)
    connection = limiter.windows._connection  # pyright: ignore[reportPrivateUsage]
    assert connection is not None
    backend = psutil.Process(connection.info.backend_pid)
    waits: list[float] = []

    async def ask(n: int) -> None:
        begun = time.perf_counter()
        assert (await limiter.take(who[n % len(who)])).passes
        waits.append((time.perf_counter() - begun) * 1000)

    async def come(counting: bool) -> float:
        begun, cpu, tasks = time.perf_counter(), time.process_time(), list[asyncio.Task[None]]()
        for n in range(per_s * SECONDS):
            if (early := begun + n / per_s - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            tasks.append(asyncio.create_task(ask(n) if counting else asyncio.sleep(0)))
        await asyncio.gather(*tasks)
        return time.process_time() - cpu

    empty_s = await come(False)
    statements, server = limiter.windows.statements, sum(backend.cpu_times()[:2])
    ours_s = await come(True) - empty_s
    server_s = sum(backend.cpu_times()[:2]) - server
    count, cuts = len(waits), quantiles(waits, n=100)
    print(
        f"{per_s:>5}/s: {ours_s / count * 1e6:.0f} µs of CPU here, {server_s / count * 1e6:.0f} µs in PostgreSQL; "
        f"waits {cuts[49]:.2f} ms (p99 {cuts[98]:.2f} ms); "
        f"{(limiter.windows.statements - statements) / count * 1000:.0f} statements per 1,000 requests"
    )


async def measure(settings: Settings) -> None:
    database = await Database.open(settings)
    limiter = RequestLimiter(database, settings)
    tenants = [await Operator(database).add_tenant(f"t{n}") for n in range(4)]
    who = [Principal(tenants[n % 4], f"key {n:012x}", "operator", "key", UUID(int=n + 1)) for n in range(20)]
    for per_s in (100, 1_000, 3_000):
        await at_rate(limiter, who, per_s)
    await limiter.close()
    await database.close()


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="stretto-bench-") as home:
        Path(home).chmod(0o755)  # the account that PostgreSQL works under looks in
        limit = "9000000/minute"
        asyncio.run(measure(Settings(home=Path(home), request_limit=limit, key_request_limit=limit)))


if __name__ == "__main__":
    main()
