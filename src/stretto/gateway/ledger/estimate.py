"""What a run of a flow may cost, judged by what its past runs did."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from stretto.errors import FlowNotFound
from stretto.gateway.ledger import store
from stretto.gateway.prices import add_up
from stretto.store import Database

ENOUGH = 5
"""Fewer runs than this are too little to go by."""
MOST = 200
"""So many of the latest runs are looked at."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How a figure spreads over runs: half of them stayed at or below `p50`, nine of ten at or below `p90`."""

    p50: Decimal
    p90: Decimal
    mean: Decimal

    @classmethod
    def of(cls, values: Sequence[Decimal]) -> Spread:
        """By the nearest rank, so that each percentile is a value that did occur. `values` must not be empty."""
        ordered = sorted(values)
        return cls(_percentile(ordered, 50), _percentile(ordered, 90), add_up(ordered) / len(ordered))


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a run may cost. Without runs the spreads are None; `enough` tells whether there are at least five.

    `versions` are those of the flow that the runs had; `simulated`: no real model answered, so money says nothing. `how`
    tells people what was reckoned and from what.
    """

    flow: str
    runs: int
    versions: tuple[int, ...]
    enough: bool
    simulated: bool
    cost_usd: Spread | None
    input_tokens: Spread | None
    output_tokens: Spread | None
    calls: Spread | None
    how: str


@dataclass(frozen=True, slots=True)
class PastRun:
    """A completed run of the flow, and what its calls came to."""

    version: int
    calls: int
    simulated: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal


async def make_estimate(database: Database, tenant_id: UUID, flow: str) -> Estimate:
    """Read the latest completed runs and judge by them. Raises `FlowNotFound`."""
    if not await store.flow_exists(database, tenant_id, flow):
        raise FlowNotFound(f"There is no flow named {flow!r}. `stretto run FILE` stores one.", flow=flow)
    rows = await store.latest_runs(database, tenant_id, flow, MOST)
    return judge(
        flow,
        [
            PastRun(version, calls, simulated, int(read), int(written), cost_usd)
            for version, calls, simulated, read, written, cost_usd in rows
        ],
    )


def judge(flow: str, latest: Sequence[PastRun]) -> Estimate:
    """An estimate from past runs, the latest first.

    Runs that a real model answered count before simulated ones, and those of the newest version alone when they are enough.
    """
    real = [run for run in latest if not run.simulated]
    runs = real or list(latest)
    newest = [run for run in runs if run.version == max(run.version for run in runs)] if runs else []
    chosen = newest if len(newest) >= ENOUGH else runs
    return Estimate(
        flow=flow,
        runs=len(chosen),
        versions=tuple(sorted({run.version for run in chosen}, reverse=True)),
        enough=len(chosen) >= ENOUGH,
        simulated=bool(chosen) and not real,
        cost_usd=_spread([run.cost_usd for run in chosen]),
        input_tokens=_spread([Decimal(run.input_tokens) for run in chosen]),
        output_tokens=_spread([Decimal(run.output_tokens) for run in chosen]),
        calls=_spread([Decimal(run.calls) for run in chosen]),
        how=_how(chosen, len(latest) - len(real) if real else 0, simulated=bool(chosen) and not real),
    )


def _how(chosen: Sequence[PastRun], left_out: int, *, simulated: bool) -> str:
    if not chosen:
        return "There is no completed run of this flow to go by. Run it first, with a simulated model if it shall cost nothing."
    versions = sorted({run.version for run in chosen}, reverse=True)
    told = f"From the latest {len(chosen)} completed run{'s' * (len(chosen) != 1)}"
    told += f" of version{'s' * (len(versions) != 1)} {', '.join(map(str, versions))}; forks are not counted."
    if left_out:
        told += f" {left_out} in which the simulated model answered {'are' if left_out > 1 else 'is'} left out."
    if simulated:
        told += " The simulated model answered in all of them, so that the cost says nothing; the tokens may be near."
    if len(chosen) < ENOUGH:
        told += f" That is little to go by: {ENOUGH} runs are the least for a judgement."
    return told


def _spread(values: Sequence[Decimal]) -> Spread | None:
    return Spread.of(values) if values else None


def _percentile(ordered: Sequence[Decimal], share: int) -> Decimal:
    return ordered[math.ceil(share * len(ordered) / 100) - 1]
