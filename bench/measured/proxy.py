"""What a call through `stretto up` takes longer than the same call to the provider."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from bench.contenders import sse_server
from bench.figures import STRETTO, Figure, Measurement, Table, show
from bench.ground import ContenderFailed, Ground, new_home
from bench.rounds import Results, interleave, say
from bench.servers import READY_S, cpu_s, server_processes, up

NAME = "proxy"
RATES = (20, 100, 300)
TOKENS = 16
MODEL = "fast"
DIRECT, LITELLM = "the provider directly", "LiteLLM proxy"
LITELLM_PATH = "BENCH_LITELLM"
"""The environment variable that tells where the `litellm` program is; it is no dependency of the benchmarks."""
KEY = "sk-of-no-account"
"""Sent to all; LiteLLM does not start without one."""
LITELLM_MOST = 20
"""Requests a second up to which LiteLLM is asked: at 50, on two cores that did other work too, it fell seconds behind."""
SHARES = (50, 95, 99)
TARGETS = {50: 3.0, 99: 15.0}
COLUMNS = ["who", "answers", "requests/s", "p50, ms", "p95, ms", "p99, ms", "first byte p50, ms", "failed", "sent late p99, ms", "cores"]  # fmt: skip


async def measure(ground: Ground, quick: bool) -> Measurement:
    """Direct, through Stretto and (where it is installed) through LiteLLM, in turn."""
    rounds, seconds, rates = (1, 3.0, (20, 50)) if quick else (2, 10.0, RATES)
    rows: list[list[str]] = []
    figures: list[Figure] = []
    async with standing() as servers:
        for stream in (False, True):
            for rate in rates:
                found = await at_rate(ground, servers, rate, seconds, stream, rounds)
                rows += lines_of(found, rate, stream)
                figures += overheads(found, rate, stream, hardest=rate == max(rates))
    return Measurement(
        name=NAME,
        title="What the proxy adds",
        what=(
            f"`/v1/chat/completions` of a running `stretto up` (embedded database, ledger on) before a simulated provider that "
            f"answers at once with {TOKENS} tokens, against the same provider asked directly. Requests come at constant "
            f"times, {', '.join(map(str, rates))} a second for {seconds:g} s a round, whether or not the ones before are answered; "
            "latency counts from when a request was due to its answer's last byte. The figures are percentile less percentile."
        ),
        figures=figures,
        tables=[Table(title="Latencies, medians of the rounds", columns=COLUMNS, rows=rows)],
        notes=[
            "Provider, proxy, database and load generator are processes of their own and share the machine's cores, so the tail "
            "holds their waits for a core too. “Cores” is what the proxy's process took.",
            "Stretto always streams from the provider; a whole answer is put together at its door.",
            f"LiteLLM's proxy (one worker, without a database) is asked at {LITELLM_MOST} requests/s only.",
            *([] if litellm_program() else [f"LiteLLM's proxy was not measured: {LITELLM_PATH} does not name it."]),
        ],
        simulated=["The provider: the small server that the benchmark `streams` uses; it answers at once."],
    )


class Standing:
    """The servers of one run: who is asked → (base URL, the process whose CPU counts)."""

    def __init__(self) -> None:
        self.base: dict[str, tuple[str, int]] = {}
        self.database: list[int] = []


@asynccontextmanager
async def standing() -> AsyncGenerator[Standing]:
    """Start them all; each is asked in turn."""
    home, servers = new_home("stretto-bench-proxy-"), Standing()
    try:
        async with AsyncExitStack() as stack:
            url, pid = await stack.enter_async_context(sse_server.listening(TOKENS, 0))
            config = home / "stretto.yaml"
            config.write_text(config_text(url))
            server = await stack.enter_async_context(up(home, STRETTO_CONFIG=str(config)))
            servers.base = {STRETTO: (f"{server.url}/v1", server.pid), DIRECT: (url, pid)}
            servers.database = server_processes(home)
            if program := litellm_program():
                try:
                    servers.base[LITELLM] = await stack.enter_async_context(litellm(program, home, url))
                except ContenderFailed as error:
                    say(f"{LITELLM} is left out: {error}")
            else:
                say(f"{LITELLM} is left out: {LITELLM_PATH} does not say where `litellm` is")
            yield servers
    finally:
        shutil.rmtree(home, ignore_errors=True)


def config_text(url: str, names: Sequence[str] = ("sim",)) -> str:
    """A stretto.yaml in which these providers, all at this address, answer the route `fast`."""
    entries = "".join(f"  {name}: {{dialect: openai, url: {url}}}\n" for name in names)
    return f"providers:\n{entries}routes:\n  {MODEL}: [{', '.join(f'{name}/small' for name in names)}]\n"


async def at_rate(ground: Ground, servers: Standing, rate: float, seconds: float, stream: bool, rounds: int) -> Results:
    """Every contender at this rate, in turn."""

    async def one(base: str, pid: int) -> dict[str, Any]:
        before, database = cpu_s([pid]), cpu_s(servers.database)
        found = await ground.contend(
            "open_loop:load", base=base, model=MODEL, rate=rate, seconds=seconds, stream=stream, tokens=TOKENS, key=KEY
        )
        passed = seconds + 2
        return {
            **found,
            "core": (cpu_s([pid]) - before) / passed,
            "postgres_core": (cpu_s(servers.database) - database) / passed,
        }

    say(f"{rate:g} requests/s, {'streamed' if stream else 'whole'}")
    found = await interleave(
        rounds,
        {
            who: (lambda base=base, pid=pid: one(base, pid))
            for who, (base, pid) in servers.base.items()
            if who != LITELLM or rate <= LITELLM_MOST
        },
    )
    if DIRECT not in found:
        raise ContenderFailed(f"nothing answered {DIRECT}")
    return found


def overheads(found: Results, rate: float, stream: bool, *, hardest: bool) -> list[Figure]:
    """Percentile less the provider's own, round by round."""
    kind = "streamed" if stream else "whole"
    return [
        Figure(
            name=f"{kind} answers at {rate:g}/s, p{share}",
            unit="ms",
            better="less",
            rounds={
                who: [
                    float(through[f"p{share}_ms"]) - float(direct[f"p{share}_ms"])
                    for through, direct in zip(results, found[DIRECT], strict=False)
                ]
                for who, results in found.items()
                if who != DIRECT
            },
            target=TARGETS.get(share) if hardest else None,
        )
        for share in SHARES
    ]


def lines_of(found: Results, rate: float, stream: bool) -> list[list[str]]:
    """The contenders' latencies as lines of a table."""
    keys = ("p50_ms", "p95_ms", "p99_ms", "first_p50_ms", "failed", "late_p99_ms", "core")
    kind = "streamed" if stream else "whole"
    return [[who, kind, f"{rate:g}", *(show(middle(results, key)) for key in keys)] for who, results in found.items()]


def middle(results: list[dict[str, Any]], key: str) -> float:
    """The median of the rounds."""
    values = sorted(float(result[key]) for result in results)
    return (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2


def litellm_program() -> str:
    """Where LiteLLM's program is; empty: nowhere."""
    return os.environ.get(LITELLM_PATH) or shutil.which("litellm") or ""


@asynccontextmanager
async def litellm(program: str, home: Path, url: str) -> AsyncGenerator[tuple[str, int]]:
    """LiteLLM's proxy, as it comes, before the same provider."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = home / "litellm.yaml"
    config.write_text(
        f"model_list:\n  - model_name: {MODEL}\n    litellm_params:\n      model: openai/small\n"
        f"      api_base: {url}\n      api_key: none\n"
    )
    process = await asyncio.create_subprocess_exec(
        program, "--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--telemetry", "False",
        env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "LITELLM_MASTER_KEY": KEY},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, cwd=home,
    )  # fmt: skip
    try:
        await answering(f"http://127.0.0.1:{port}/health/liveliness", process)
        yield f"http://127.0.0.1:{port}/v1", process.pid
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 15)
        except TimeoutError:
            process.kill()
            await process.wait()


async def answering(url: str, process: asyncio.subprocess.Process) -> None:
    """Wait until the server answers. Raises `ContenderFailed`."""
    async with httpx.AsyncClient() as client:
        for _ in range(int(READY_S * 5)):
            with suppress(httpx.HTTPError):
                if (await client.get(url)).status_code == 200:
                    return
            if process.returncode is not None:
                raise ContenderFailed(f"it ended with {process.returncode}")
            await asyncio.sleep(0.2)
    raise ContenderFailed(f"it was not ready after {READY_S:g} s")
