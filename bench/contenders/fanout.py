"""One stream of tokens for many clients: through Stretto, and as a web framework's documentation shows it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from bench.contender import Meter
from bench.contenders.fan_clients import SETTLE_S
from bench.contenders.worker import working
from bench.until import until
from stretto.api import serving
from stretto.flow.compile import compile_document
from stretto.gateway.simulated import SimulatedProvider

TOKENS_PER_S = 50.0
WORD = " token"
FLOW = {
    "flow": "fan",
    "agents": {"writer": {"model": "fast", "prompt": "Write an essay.\nAs long as you can.\n"}},
    "steps": {"a": {"agent": "writer"}},
}


async def through_stretto(postmaster: int, url: str, clients: int, seconds: float) -> dict[str, float]:
    """An agent's text to clients of the run's stream: model → gateway → step → journal and fan-out → HTTP."""
    tokens = int(TOKENS_PER_S * (seconds + SETTLE_S + 30))
    provider = SimulatedProvider(0, 0.1, TOKENS_PER_S, answer_tokens=(tokens, tokens))
    async with working(url, provider=provider) as platform:
        platform.settings = platform.settings.model_copy(update={"port": 0})
        async with serving(platform) as address:
            door = platform.runs()
            run_id = await door.start(compile_document(FLOW), {})
            await until(lambda: provider.active == 1)
            found = await heard(postmaster, f"{address}/v1/runs/{run_id}/stream", clients, seconds)
            await door.cancel(run_id)
    return found


async def through_queues(postmaster: int, clients: int, seconds: float) -> dict[str, float]:
    """A queue for each client, and `json.dumps` for each client and token; nothing is kept, and none can come back."""
    queues: set[asyncio.Queue[dict[str, object]]] = set()

    async def events() -> AsyncGenerator[str]:
        queue = asyncio.Queue[dict[str, object]]()
        queues.add(queue)
        try:
            while True:
                yield f"event: text\ndata: {json.dumps(await queue.get(), separators=(',', ':'))}\n\n"
        finally:
            queues.remove(queue)

    async def stream(request: Request) -> StreamingResponse:
        return StreamingResponse(events(), media_type="text/event-stream")

    async def produce() -> None:
        offset = 0
        while True:
            await asyncio.sleep(1 / TOKENS_PER_S)
            at = datetime.now(UTC).isoformat()
            token: dict[str, object] = {"step": "a", "attempt": 1, "offset": offset, "text": WORD, "at": at}
            offset += len(WORD)
            for queue in queues:
                queue.put_nowait(token)

    config = uvicorn.Config(
        Starlette(routes=[Route("/stream", stream)]), port=0, log_config=None, access_log=False, lifespan="off"
    )
    server = uvicorn.Server(config)
    serving_it = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    producing = asyncio.create_task(produce())
    try:
        return await heard(postmaster, f"http://127.0.0.1:{port}/stream", clients, seconds)
    finally:
        producing.cancel()
        server.should_exit = server.force_exit = True
        await asyncio.gather(producing, serving_it, return_exceptions=True)


async def heard(postmaster: int, address: str, clients: int, seconds: float) -> dict[str, float]:
    """What the clients have seen, and the CPU that this process took for each event that reached one."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.contenders.fan_clients",
        address,
        str(clients),
        str(seconds),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        await asyncio.sleep(SETTLE_S + 1)
        meter = Meter(postmaster)
        await asyncio.sleep(max(0.5, seconds - 2))
        spent = meter.read()
        out, _ = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    found: dict[str, float] = json.loads(out)
    rate = found["events"] / seconds
    return {
        **found,
        "cpu_us": spent["cpu_s"] / spent["wall_s"] / rate * 1e6,
        "core": spent["cpu_s"] / spent["wall_s"],
    }
