"""How far a judge's confidence can be believed, and what it comes to, by what people decided about the same content.

Isotonic regression by pooling adjacent violators (Ayer et al. 1955; Zadrozny and Elkan 2002 for classifiers) maps a stated
confidence to the share of such content that people approved. Between the pools it is interpolated, as scikit-learn's
`IsotonicRegression` does. The lowest and the highest pool are drawn in by the rule of succession, (k + 1) / (n + 2) (Laplace):
five approvals in a row are no certainty.

The expected calibration error (Guo et al. 2017, "On Calibration of Modern Neural Networks") is the mean distance, over the bins
of the reliability diagram, of what was stated from what was so. There are ten bins of equal width (Guo has 15). By chance alone it
is never quite 0: docs/judging.md says how near the true error it comes for how many decisions.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from stretto.agents.judging.ports import PastDecisions

FEWEST = 50
"""Decisions from which on a judge is calibrated, if both outcomes are among them."""
MOST = 5_000
"""The latest decisions that are looked at."""
BINS = 10
FOLDS = 5
KEPT_S = 300.0
MOST_KEPT = 2_000


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A rising function through points: `at` rises strictly, `values` rises; constant before the first and after the last."""

    at: tuple[float, ...]
    values: tuple[float, ...]

    def __call__(self, x: float) -> float:
        """The value at x, between two points on the straight line that joins them."""
        right = bisect_left(self.at, x)
        if right == 0:
            return self.values[0]
        if right == len(self.at):
            return self.values[-1]
        x0, x1, y0, y1 = self.at[right - 1], self.at[right], self.values[right - 1], self.values[right]
        return min(y1, max(y0, y0 + (y1 - y0) * (x - x0) / (x1 - x0)))


@dataclass(slots=True)
class _Pool:
    first: float
    last: float
    weight: float
    total: float

    @property
    def mean(self) -> float:
        return self.total / self.weight


def fit_isotonic(points: Sequence[tuple[float, float]]) -> Isotonic:
    """The rising function nearest to the points (x, y) by least squares; raises `ValueError` for none."""
    pools = _pooled(points)
    if not pools:
        raise ValueError("isotonic regression needs at least one point")
    return _through(pools, [pool.mean for pool in pools])


def _pooled(points: Sequence[tuple[float, float]]) -> list[_Pool]:
    pools: list[_Pool] = []
    for x, y in sorted(points, key=lambda point: point[0]):
        if pools and pools[-1].first == pools[-1].last == x:  # the same x: one point of more weight
            pools[-1].weight += 1
            pools[-1].total += y
        else:
            _settle(pools)
            pools.append(_Pool(x, x, 1, y))
    _settle(pools)
    return pools


def _settle(pools: list[_Pool]) -> None:
    """Pool the last with those before it for as long as it lies below or beside them."""
    while len(pools) > 1 and pools[-2].mean >= pools[-1].mean:
        last = pools.pop()
        pools[-1] = _Pool(pools[-1].first, last.last, pools[-1].weight + last.weight, pools[-1].total + last.total)


def _through(pools: Sequence[_Pool], values: Sequence[float]) -> Isotonic:
    at: list[float] = []
    out: list[float] = []
    for pool, value in zip(pools, values, strict=True):
        for x in dict.fromkeys((pool.first, pool.last)):
            at.append(x)
            out.append(value)
    return Isotonic(tuple(at), tuple(out))


def fit_calibration(points: Sequence[tuple[float, bool]]) -> Isotonic:
    """Stated confidence to the share that people approved, never surer than the number of decisions allows."""
    pools = _pooled([(stated, float(approved)) for stated, approved in points])
    first, last = pools[0], pools[-1]
    least = (first.total + 1) / (first.weight + 2)
    most = max(least, (last.total + 1) / (last.weight + 2))
    return _through(pools, [min(most, max(least, pool.mean)) for pool in pools])


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a reliability diagram: decisions stated from `low` to `high`, their mean confidence, the share approved."""

    low: float
    high: float
    count: int
    stated: float
    approved: float


@dataclass(frozen=True, slots=True)
class Report:
    """How a judge stands. `error` is its expected calibration error as it states confidence; `error_after` what is left of it
    after calibration, on decisions that the calibration had not seen (five folds)."""

    decisions: int
    approved: int
    calibrated: bool
    error: float | None
    error_after: float | None
    bins: tuple[Bin, ...]


def reliability(points: Sequence[tuple[float, bool]], bins: int = BINS) -> tuple[Bin, ...]:
    """The reliability diagram in bins of equal width; empty ones are left out."""
    edges = [n / bins for n in range(1, bins)]
    found: dict[int, list[tuple[float, bool]]] = {}
    for point in points:
        found.setdefault(bisect_right(edges, point[0]), []).append(point)
    return tuple(Bin(n / bins, (n + 1) / bins, len(some), *_means(some)) for n, some in sorted(found.items()))


def expected_error(points: Sequence[tuple[float, bool]], bins: int = BINS) -> float:
    """The expected calibration error (0-1) over bins of equal width; raises `ValueError` for no points."""
    if not points:
        raise ValueError("there is no error without decisions")
    found = reliability(points, bins)
    return sum(each.count * abs(each.stated - each.approved) for each in found) / len(points)


def _means(points: Sequence[tuple[float, bool]]) -> tuple[float, float]:
    return sum(stated for stated, _ in points) / len(points), sum(approved for _, approved in points) / len(points)


def report_on(points: Sequence[tuple[float, bool]]) -> Report:
    """How a judge stands by these decisions, latest or oldest first."""
    approved = sum(approved for _, approved in points)
    enough = is_enough(points)
    return Report(
        decisions=len(points),
        approved=approved,
        calibrated=enough,
        error=expected_error(points) if points else None,
        error_after=_error_after(points) if enough else None,
        bins=reliability(points),
    )


def _error_after(points: Sequence[tuple[float, bool]]) -> float:
    unseen: list[tuple[float, bool]] = []
    for fold in range(FOLDS):
        learn = fit_calibration([point for n, point in enumerate(points) if n % FOLDS != fold])
        unseen += [(learn(stated), approved) for stated, approved in points[fold::FOLDS]]
    return expected_error(unseen)


def is_enough(points: Sequence[tuple[float, bool]]) -> bool:
    """Whether a judge can be calibrated by these."""
    return len(points) >= FEWEST and len({approved for _, approved in points}) == 2


class Calibrations:
    """What judges' confidences come to, each learned from its tenant's own decisions, kept for some minutes."""

    def __init__(self, past: PastDecisions, clock: Callable[[], float] = time.monotonic) -> None:
        self._past = past
        self._clock = clock
        self._kept: OrderedDict[tuple[UUID, str, str], tuple[float, Isotonic | None]] = OrderedDict()

    async def of(self, tenant_id: UUID, flow: str, judge: str) -> Isotonic | None:
        """The judge's calibration; None while there are too few decisions, or all alike."""
        key, now = (tenant_id, flow, judge), self._clock()
        kept = self._kept.get(key)
        if kept is not None and now - kept[0] < KEPT_S:
            self._kept.move_to_end(key)
            return kept[1]
        points = await self.points(tenant_id, flow, judge)
        learned = fit_calibration(points) if is_enough(points) else None
        self._kept[key] = (now, learned)
        self._kept.move_to_end(key)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return learned

    async def points(self, tenant_id: UUID, flow: str | None, judge: str) -> list[tuple[float, bool]]:
        """What the judge stated, and whether a person approved."""
        found = await self._past.decisions(tenant_id, judge=judge, flow=flow, content_type=None, limit=MOST)
        return [(each.stated, each.approved) for each in found]

    async def report(self, tenant_id: UUID, flow: str | None, judge: str) -> Report:
        """How the judge stands now."""
        return report_on(await self.points(tenant_id, flow, judge))
