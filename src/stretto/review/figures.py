"""How the inbox does: waiting times, who decides, how often judges are overturned, and which thresholds would do. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stretto.review.records import PastDecision

MOST_DECISIONS = 10_000
LEAST_DECISIONS = 50
"""With fewer decisions no threshold is suggested: the bound below could not be met anyway."""
_Z = 1.6449
"""One-sided 95 % of the normal distribution."""


CountsAs = Callable[[str, str], Awaitable[Callable[[float], float] | None]]
"""What makes of a judge's stated confidence, by flow and judge, the one that counts; None where it counts as it is."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits now."""

    open: int
    sensitive: int
    mandatory: int
    unassigned: int
    claimed: int
    snoozed: int
    escalated: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided: by whom, how, and how long people let it wait (None where they decided nothing)."""

    all: int
    by_person: int
    by_bulk: int
    by_deadline: int
    approved: int
    rejected: int
    changes: int
    wait_p50_s: float | None
    wait_p95_s: float | None

    @property
    def share_by_people(self) -> float | None:
        """The share that people decided, one by one or many at once."""
        return (self.by_person + self.by_bulk) / self.all if self.all else None


@dataclass(frozen=True, slots=True)
class Decider:
    """Somebody who decided, alone or with a second person, or `deadline`; and how often what."""

    by: str
    all: int
    approved: int
    rejected: int
    changes: int


@dataclass(frozen=True, slots=True)
class Overturned:
    """How often people, each by himself, decided otherwise than a judge leaned; `topic` None: over all."""

    judge: str
    topic: str | None
    decided: int
    overturned: int

    @property
    def rate(self) -> float:
        """The share that was overturned."""
        return self.overturned / self.decided


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Thresholds for a judge in a flow that keep the error below the target, as far as past decisions tell. They are confidences as
    they count there: calibrated, where the judge is.

    From `approve` on, so few would have been rejected; below `reject`, so few would have been approved. None: no threshold
    does. Past decisions are those that came to people, so a threshold below all of them is never suggested.
    """

    flow: str
    judge: str
    content_type: str
    decisions: int
    target_error: float
    approve: float | None
    reject: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """All of it, since some time."""

    since: datetime
    waiting: Waiting
    decided: Decided
    deciders: Sequence[Decider]
    overturned: Sequence[Overturned]
    suggested: Sequence[Suggestion]


def figures_of(
    since: datetime,
    counts: Sequence[Any],
    decided: Sequence[Any],
    deciders: Sequence[Sequence[Any]],
    overturned: Sequence[Sequence[Any]],
    suggested: Sequence[Suggestion],
) -> Figures:
    """The figures of rows of the database."""
    everything, person, bulk, deadline, approved, rejected, changes, *waited = decided
    p50, p95 = (None if value is None else float(value) for value in waited)
    return Figures(
        since,
        Waiting(*counts),
        Decided(everything, person, bulk, deadline, approved, rejected, changes, p50, p95),
        [Decider(*row) for row in deciders],
        [Overturned(*row) for row in overturned],
        suggested,
    )


async def as_stated(flow: str, judge: str) -> None:
    """A judge's confidence counts as it states it."""


async def suggestions(past: Sequence[PastDecision], counts_as: CountsAs, target_error: float) -> list[Suggestion]:
    """For each flow, judge and kind of content, by what people decided there."""
    kinds: defaultdict[tuple[str, str, str], list[PastDecision]] = defaultdict(list)
    for decision in past:
        kinds[decision.flow, decision.judge, decision.content_type].append(decision)
    return [suggest(*kind, kinds[kind], await counts_as(kind[0], kind[1]), target_error) for kind in sorted(kinds)]


def suggest(
    flow: str,
    judge: str,
    content_type: str,
    past: Sequence[PastDecision],
    counted: Callable[[float], float] | None,
    target_error: float,
) -> Suggestion:
    """Thresholds such that the upper 95 % bound (Wilson, one-sided) of the error is at most the target. `counted` makes of a stated
    confidence what is compared with thresholds; None: it counts as it is."""
    approve = reject = None
    if len(past) >= LEAST_DECISIONS:
        scored = [(counted(each.stated) if counted else each.stated, each.approved) for each in past]
        scored.sort(key=lambda each: each[0])
        confidences = [confidence for confidence, _ in scored]
        approve = _lowest(confidences, [not approved for _, approved in scored], target_error)
        wrong = [approved for _, approved in scored]
        mirrored = _lowest([-value for value in reversed(confidences)], wrong[::-1], target_error)
        reject = None if mirrored is None else -mirrored
    return Suggestion(flow, judge, content_type, len(past), target_error, approve, reject)


def _lowest(stated: Sequence[float], wrong: Sequence[bool], target_error: float) -> float | None:
    """The lowest of these rising values from which on, taken together, few enough are wrong."""
    errors, found = 0, None
    for at in range(len(stated) - 1, -1, -1):
        errors += wrong[at]
        whole = at == 0 or stated[at - 1] != stated[at]  # a threshold takes all of the same confidence
        if whole and upper_bound(errors, len(stated) - at) <= target_error:
            found = stated[at]
    return found


def upper_bound(errors: int, count: int) -> float:
    """The upper end of Wilson's interval for a share (E. B. Wilson 1927), one-sided at 95 %."""
    share = errors / count
    spread = _Z * math.sqrt(share * (1 - share) / count + _Z * _Z / (4 * count * count))
    return (share + _Z * _Z / (2 * count) + spread) / (1 + _Z * _Z / count)
