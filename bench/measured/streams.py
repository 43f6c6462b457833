"""How many agents stream in one process before a consumer sees a stall."""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable
from typing import Any

from bench.figures import STRETTO, Figure, Measurement, Table, show
from bench.ground import ContenderFailed, Ground
from bench.rounds import figure, interleave, say

NAME = "streams"
STALL_MS = 200.0
DELIVERED = 0.95
"""Share of the tokens that are due which consumers must have seen: the estimate is true to some hundredths."""
LEVELS = (200, 400, 800, 1000, 1200, 1600, 2000)
REFERENCE_LEVELS = (25, 50, 100, 160, 200, 300)
OPENAI, PYDANTIC, FUNCTION = "openai SDK", "pydantic-ai, openai", "pydantic-ai, function"
KINDS = {OPENAI: "openai", PYDANTIC: "pydantic-ai", FUNCTION: "pydantic-ai-function"}
SAME = 24
"""Streams at which all are compared per token."""
KEYS = ("gap_max_ms", "gap_p99_ms", "lag_ms", "cpu_us", "postgres_us", "core", "delivered")
COLUMNS = [
    "who",
    "streams",
    "longest wait for text, ms",
    "p99, ms",
    "loop at most late, ms",
    "CPU per token, µs",
    "PostgreSQL per token, µs",
    "cores",
    "delivered",
    "holds",
]
NOTES = [
    "Not the same work: Stretto's figure is wire → gateway → step → fan-out and journal; the references parse (openai SDK, "
    "pydantic-ai on it) or not (pydantic-ai with its FunctionModel), and neither fan out nor keep anything.",
    "The server is a process of its own on the same machine, the same for all; it shares the cores with PostgreSQL.",
    "“Collector as it comes” is Stretto without `spare_collections`, which `stretto up` and `stretto worker` call when "
    "they begin to serve.",
]
Attempt = Callable[[int], Awaitable[dict[str, Any]]]


async def measure(ground: Ground, quick: bool) -> Measurement:
    """Climb until a stall, for each contender; then CPU per token, all at the same load."""
    seconds = 2.0 if quick else 5.0
    contenders = {STRETTO: holding(ground, seconds)}
    contenders |= {name: reading(ground, kind, seconds) for name, kind in KINDS.items()}
    rows: list[list[str]] = []
    most: dict[str, list[float]] = {}
    for name, attempt in contenders.items():
        levels = LEVELS if name == STRETTO else REFERENCE_LEVELS
        most[name] = [await climb(name, levels, attempt, rows, quick)]
    same = await interleave(
        1 if quick else 3, {name: (lambda attempt=attempt: attempt(SAME)) for name, attempt in contenders.items()}
    )
    return Measurement(
        name=NAME,
        title="Agents that stream at once in one process",
        what=(
            "Agents at 50 tokens/s each, four to a run, with a follower on every run as a client's connection would be: "
            "server → wire → gateway → step → fan-out to the follower, and → journal on disk within 50 ms. A number of agents holds when, for "
            f"{seconds:g} s, no follower waits over {STALL_MS:g} ms for the next text of any step, and what is due is "
            f"delivered; when it fails, it is tried again and must then hold twice. Levels: {', '.join(map(str, LEVELS))}; "
            f"for the references {', '.join(map(str, REFERENCE_LEVELS))}."
        ),
        figures=[
            Figure(name="most agents without a stall", unit="agents", better="more", rounds=most, target=800),
            figure(same, "cpu_us", f"CPU of the process per token at {SAME} streams", "µs", "less"),
        ],
        tables=[await parts(ground, seconds, quick), Table(title="Every attempt", columns=COLUMNS, rows=rows)],
        notes=NOTES,
        simulated=[
            "The models: a small server that streams as OpenAI does. “In-process models” are the simulated provider."
        ],
    )


def holding(ground: Ground, seconds: float, *, wire: bool = True, spare: bool = True) -> Attempt:
    """So many of Stretto's agents."""
    return lambda agents: ground.contend(
        "stretto_streams:hold", "bench_stretto", agents=agents, seconds=seconds, wire=wire, spare=spare
    )


def reading(ground: Ground, kind: str, seconds: float) -> Attempt:
    """So many streams through a reference."""
    return lambda agents: ground.contend("reference_streams:hold", kind=kind, agents=agents, seconds=seconds)


async def parts(ground: Ground, seconds: float, quick: bool) -> Table:
    """What a token's way costs at many agents, and what Python's collector does to it."""
    agents = 100 if quick else 400
    found = await interleave(
        1 if quick else 2,
        {
            STRETTO: lambda: holding(ground, seconds)(agents),
            "Stretto, collector as it comes": lambda: holding(ground, seconds, spare=False)(agents),
            "Stretto, in-process models": lambda: holding(ground, seconds, wire=False)(agents),
            "the simulated provider alone": lambda: ground.contend(
                "stretto_streams:provider_alone", agents=agents, seconds=seconds
            ),
        },
    )
    rows = [[who, *cells({key: middle(results, key) for key in results[0]})] for who, results in found.items()]
    return Table(title=f"At {agents} agents, medians of the rounds", columns=[COLUMNS[0], *COLUMNS[2:-1]], rows=rows)


def middle(results: list[dict[str, Any]], key: str) -> float:
    """The median of the rounds."""
    return statistics.median(float(result[key]) for result in results)


def cells(result: dict[str, Any]) -> list[str]:
    """One attempt, as a line of a table."""
    return [show(result[key]) if key in result else "—" for key in KEYS]


async def climb(who: str, levels: tuple[int, ...], attempt: Attempt, rows: list[list[str]], quick: bool) -> float:
    """The largest level that holds; stops at the first that does not."""
    best = 0
    for level in levels[:2] if quick else levels:
        held = await holds(who, level, attempt, rows, once=quick)
        if not held:
            break
        best = level
    return float(best)


async def holds(who: str, level: int, attempt: Attempt, rows: list[list[str]], *, once: bool) -> bool:
    """Whether the level holds at once, or twice of three times."""
    good = bad = 0
    while good < (2 if bad else 1) and bad < (1 if once else 2):
        try:
            result = await attempt(level)
        except ContenderFailed as error:
            say(f"{who} at {level}: {error}")
            bad += 1
            continue
        held = result["gap_max_ms"] <= STALL_MS and result["delivered"] >= DELIVERED
        good, bad = good + held, bad + (not held)
        line = cells(result)
        rows.append([who, str(level), *line, "yes" if held else "no"])
        say(f"{who} at {level}: longest wait {line[0]} ms, CPU {line[3]} µs/token, {'holds' if held else 'stalls'}")
    return good > 0 and bad < 2
