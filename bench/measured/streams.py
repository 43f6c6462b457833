"""How many agents stream in one process before a consumer sees a stall."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from bench.figures import STRETTO, Figure, Measurement, Table, show
from bench.ground import ContenderFailed, Ground
from bench.rounds import figure, interleave, say

NAME = "streams"
STALL_MS = 200.0
DELIVERED = 0.95
"""Share of the tokens that are due which consumers must have seen: the estimate is true to some hundredths."""
LEVELS = (100, 200, 400, 800, 1200, 1600, 2000, 3000)
REFERENCE_LEVELS = (10, 25, 50, 100, 160, 200, 300, 400)
OPENAI, PYDANTIC, FUNCTION = "openai SDK", "pydantic-ai, openai", "pydantic-ai, function"
KINDS = {OPENAI: "openai", PYDANTIC: "pydantic-ai", FUNCTION: "pydantic-ai-function"}
SAME = 25
"""Streams at which all are compared per token."""
Attempt = Callable[[int], Awaitable[dict[str, Any]]]


async def measure(ground: Ground, quick: bool) -> Measurement:
    """Climb until a stall, for each contender; then CPU per token, all at the same load."""
    seconds = 2.0 if quick else 5.0

    def stretto(agents: int) -> Awaitable[dict[str, Any]]:
        return ground.contend("stretto_streams:hold", "bench_stretto", agents=agents, seconds=seconds)

    def reference(kind: str) -> Attempt:
        return lambda agents: ground.contend("reference_streams:hold", kind=kind, agents=agents, seconds=seconds)

    rows: list[list[str]] = []
    most: dict[str, list[float]] = {STRETTO: [await climb(STRETTO, LEVELS, stretto, rows, quick)]}
    for name, kind in KINDS.items():
        most[name] = [await climb(name, REFERENCE_LEVELS, reference(kind), rows, quick)]
    many = 100 if quick else 400
    same = await interleave(
        1 if quick else 3,
        {
            STRETTO: lambda: stretto(SAME // 4 * 4),
            **{name: (lambda kind=kind: reference(kind)(SAME)) for name, kind in KINDS.items()},
        },
    )
    busy = await interleave(
        1 if quick else 3,
        {
            STRETTO: lambda: stretto(many),
            "of it: simulated provider": lambda: ground.contend(
                "stretto_streams:provider_alone", agents=many, seconds=seconds
            ),
        },
    )
    return Measurement(
        name=NAME,
        title="Agents that stream at once in one process",
        what=(
            "Agents at 50 tokens/s each, four to a run, with a follower on every run as a client's connection would be: "
            "provider → step → fan-out to the follower, and → journal on disk within 50 ms. A number of agents holds when, for "
            f"{seconds:g} s, no follower waits over {STALL_MS:g} ms for the next text of any step, and what is due is "
            f"delivered; it is tried up to three times and must hold twice if it fails once. Levels: {', '.join(map(str, LEVELS))}; "
            f"for the references {', '.join(map(str, REFERENCE_LEVELS))}."
        ),
        figures=[
            Figure(name="most agents without a stall", unit="agents", better="more", rounds=most, target=800),
            figure(same, "cpu_us", f"CPU of the process per token at {SAME} streams", "µs", "less"),
            figure(busy, "cpu_us", f"CPU of the process per token at {many} agents", "µs", "less"),
            figure(busy, "postgres_us", f"CPU of PostgreSQL per token at {many} agents", "µs", "less", only=("-",)),
        ],
        tables=[
            Table(
                title="Every attempt",
                columns=[
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
                ],
                rows=rows,
            )
        ],
        notes=[
            "Not the same work: Stretto's figure has no parsing of a provider's wire in it yet (the gateway is still to come), "
            "but fan-out and persisting; the references parse (openai SDK, pydantic-ai on it) or not (pydantic-ai with its "
            "FunctionModel), and neither fan out nor keep anything.",
            "The references' server is a process of its own on the same machine and takes a share of the second core.",
        ],
        simulated=[
            "Stretto's model calls are answered by the simulated provider, in the same process, and its cost is in the figures."
        ],
    )


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
        keys = ("gap_max_ms", "gap_p99_ms", "lag_ms", "cpu_us", "postgres_us", "core", "delivered")
        cells = [show(result[key]) if key in result else "—" for key in keys]
        rows.append([who, str(level), *cells, "yes" if held else "no"])
        say(f"{who} at {level}: longest wait {cells[0]} ms, CPU {cells[3]} µs/token, {'holds' if held else 'stalls'}")
    return good > 0 and bad < 2
