"""Interleaved rounds: A B A B, so that what else the machine does falls on all alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

from bench.figures import STRETTO, Figure
from bench.ground import ContenderFailed

Contender = Callable[[], Awaitable[dict[str, Any]]]
Results = dict[str, list[dict[str, Any]]]


def say(line: str) -> None:
    """A line of progress, at once."""
    print(f"  {line}", flush=True)


async def interleave(rounds: int, contenders: Mapping[str, Contender]) -> Results:
    """Let the contenders run in turn, `rounds` times. A reference that fails is left out from then on, and said to be."""
    results: Results = {name: [] for name in contenders}
    failed: set[str] = set()
    for number in range(1, rounds + 1):
        for name, contender in contenders.items():
            if name in failed:
                continue
            try:
                result = await contender()
            except ContenderFailed as error:
                if name == STRETTO:
                    raise
                say(f"{name} failed and is left out: {error}")
                failed.add(name)
                continue
            results[name].append(result)
            say(f"round {number}, {name}: " + ", ".join(f"{key} {short(value)}" for key, value in result.items()))
    return {name: found for name, found in results.items() if found}


def short(value: object) -> str:
    """A value for a line of progress."""
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "..."


def figure(
    results: Results,
    key: str,
    name: str,
    unit: str,
    better: Literal["more", "less"],
    *,
    target: float | None = None,
    ratio_target: float | None = None,
    only: tuple[str, ...] = (),
) -> Figure:
    """The figure that lies under `key` in the contenders' results; contenders without it, or not in `only`, are left out."""
    rounds = {
        contender: [float(result[key]) for result in found]
        for contender, found in results.items()
        if all(key in result for result in found) and (not only or contender in (STRETTO, *only))
    }
    return Figure(name=name, unit=unit, better=better, rounds=rounds, target=target, ratio_target=ratio_target)
