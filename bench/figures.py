"""What a benchmark gives: figures with their rounds, tables, and what has to be said beside them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Literal

import msgspec

from bench.machine import Machine

STRETTO = "Stretto"


class Figure(msgspec.Struct, kw_only=True):
    """One quantity, measured of Stretto and of each reference in interleaved rounds."""

    name: str
    unit: str
    better: Literal["more", "less"]
    rounds: dict[str, list[float]]
    """Contender → its value in each round; Stretto is one of them."""
    target: float | None = None
    ratio_target: float | None = None
    """What the ratio to the first reference shall be at most (`less`) or at least (`more`)."""

    def median(self, contender: str = STRETTO) -> float:
        return statistics.median(self.rounds[contender])

    @property
    def references(self) -> list[str]:
        return [name for name in self.rounds if name != STRETTO]

    def ratio(self, reference: str) -> float | None:
        """Stretto's median over the reference's."""
        against = self.median(reference)
        return self.median() / against if against else None

    @property
    def is_reached(self) -> bool | None:
        """Whether the target is met; None when there is none."""
        if self.ratio_target is not None:
            value, target = self.ratio(self.references[0]), self.ratio_target
        else:
            value, target = self.median(), self.target
        if value is None or target is None:
            return None
        return value >= target if self.better == "more" else value <= target


class Table(msgspec.Struct, kw_only=True):
    """Numbers that need more than one column."""

    title: str
    columns: list[str]
    rows: list[list[str]]


class Measurement(msgspec.Struct, kw_only=True):
    """What one benchmark found."""

    name: str
    title: str
    what: str
    figures: list[Figure] = msgspec.field(default_factory=list[Figure])
    tables: list[Table] = msgspec.field(default_factory=list[Table])
    notes: list[str] = msgspec.field(default_factory=list[str])
    simulated: list[str] = msgspec.field(default_factory=list[str])
    """What did not happen as it would in production."""
    machine: Machine | None = None
    seconds: float = 0.0


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share (0-1) of the values lies; nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def show(value: float) -> str:
    """A number with three digits that mean something."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 100:
        return f"{value:.0f}"
    if size >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if size >= 1 else f"{value:.3g}"


def figure_lines(figure: Figure) -> list[list[str]]:
    """A figure as lines of a table: what, Stretto, reference, ratio, target. One line for each reference."""
    own = f"{show(figure.median())} {figure.unit}{spread(figure.rounds[STRETTO])}"
    lines: list[list[str]] = []
    for reference in figure.references or [""]:
        theirs, ratio = "—", "—"
        if reference:
            value = figure.ratio(reference)
            theirs = f"{reference}: {show(figure.median(reference))}{spread(figure.rounds[reference])}"
            ratio = "—" if value is None else f"{show(value)} ×"
        lines.append([figure.name, own, theirs, ratio, ""])
    lines[0][4] = target_text(figure)
    return lines


def spread(values: Sequence[float]) -> str:
    """The least and the greatest of several rounds."""
    return f" ({show(min(values))}–{show(max(values))})" if len(values) > 1 else ""


def target_text(figure: Figure) -> str:
    """The target, and whether it was reached."""
    if figure.is_reached is None:
        return "—"
    sign = "≥" if figure.better == "more" else "≤"
    target = f"{figure.ratio_target:g} ×" if figure.ratio_target is not None else show(figure.target or 0)
    return f"{sign} {target}: {'reached' if figure.is_reached else 'missed'}"
