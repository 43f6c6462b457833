"""Requests to the API: how many a second, and how long they take."""

from __future__ import annotations

import asyncio
import shutil
import statistics
import time
from collections.abc import Awaitable, Callable

import aiohttp

from bench.figures import STRETTO, Figure, Measurement, Table, percentile
from bench.ground import ContenderFailed, Ground, new_home
from bench.servers import cpu_s, up

NAME = "requests"
FLOOR = "a route that does nothing"
CLIENTS = 16
FLOW = {"flow": "bench", "steps": {"hold": {"wait": {"event": "never"}}}}
COLUMNS = ["request", "requests/s", "p50, ms", "p99, ms", "cores of the server"]

Ask = Callable[[aiohttp.ClientSession], Awaitable[int]]


async def measure(ground: Ground, quick: bool) -> Measurement:
    """16 clients that ask again as soon as they are answered; the three requests in turn, in every round."""
    rounds, seconds = (1, 2.0) if quick else (3, 8.0)
    found: dict[str, list[dict[str, float]]] = {}
    home = new_home("stretto-bench-requests-")
    try:
        async with up(home) as server, aiohttp.ClientSession() as session:
            asks = await prepared(server.url, session)
            for _ in range(rounds):
                for name, (wanted, ask) in asks.items():
                    found.setdefault(name, []).append(await load(session, ask, wanted, seconds, server.pid))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return Measurement(
        name=NAME,
        title="Requests to the API",
        what=(
            f"`stretto up` with its embedded database and a worker in one process, {CLIENTS} clients in another, each asking "
            f"again as soon as it is answered, {seconds:g} s a round, over loopback. Authentication, request limits, metrics "
            "and audit are on, as they are by default. A started run is durable when it is answered, and rests at once, "
            "waiting for an event."
        ),
        figures=[
            Figure(
                name=f"{name}, requests/s",
                unit="1/s",
                better="more",
                rounds={STRETTO: column(found, name, "per_s"), FLOOR: column(found, "GET /healthz", "per_s")},
            )
            for name in asks
            if name != "GET /healthz"
        ],
        tables=[
            Table(
                title="Latencies, medians of the rounds",
                columns=COLUMNS,
                rows=[
                    [
                        name,
                        *(
                            f"{statistics.median(column(found, name, key)):,.1f}"
                            for key in ("per_s", "p50_ms", "p99_ms")
                        ),
                        f"{statistics.median(column(found, name, 'cores')):.2f}",
                    ]
                    for name in asks
                ],
            )
        ],
        notes=[
            "Clients, server and database share the machine's cores. Starting runs also costs what the worker does for them."
        ],
    )


async def prepared(url: str, session: aiohttp.ClientSession) -> dict[str, tuple[int, Ask]]:
    """The requests, each with the status that it must get."""
    async with session.post(f"{url}/v1/runs", json={"flow": FLOW}) as answer:
        if answer.status != 201:
            raise ContenderFailed(await answer.text())
        run = answer.headers["location"]

    async def get(session: aiohttp.ClientSession, path: str) -> int:
        async with session.get(f"{url}{path}") as answer:
            await answer.read()
            return answer.status

    async def start(session: aiohttp.ClientSession) -> int:
        async with session.post(f"{url}/v1/runs", json={"flow": "bench"}) as answer:
            await answer.read()
            return answer.status

    return {
        "GET /healthz": (200, lambda session: get(session, "/healthz")),
        "GET /v1/runs/{id}": (200, lambda session: get(session, run)),
        "GET /v1/runs": (200, lambda session: get(session, "/v1/runs?limit=20")),
        "POST /v1/runs": (201, start),
    }


async def load(session: aiohttp.ClientSession, ask: Ask, wanted: int, seconds: float, pid: int) -> dict[str, float]:
    """Ask for so long; a status that is not wanted ends the benchmark."""
    times: list[float] = []
    before, began = cpu_s([pid]), time.perf_counter()
    until = began + seconds

    async def client() -> None:
        while (asked := time.perf_counter()) < until:
            status = await ask(session)
            if status != wanted:
                raise ContenderFailed(f"a request was answered with {status}, not {wanted}")
            times.append(time.perf_counter() - asked)

    async with asyncio.TaskGroup() as clients:
        for _ in range(CLIENTS):
            clients.create_task(client())
    took = time.perf_counter() - began
    return {
        "per_s": len(times) / took,
        "p50_ms": percentile(times, 0.5) * 1000,
        "p99_ms": percentile(times, 0.99) * 1000,
        "cores": (cpu_s([pid]) - before) / took,
    }


def column(found: dict[str, list[dict[str, float]]], name: str, key: str) -> list[float]:
    """A value of every round."""
    return [each[key] for each in found[name]]
