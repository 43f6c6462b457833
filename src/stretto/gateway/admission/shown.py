"""Limits and budgets as people see them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

LimitKind = Literal["requests", "tokens", "concurrency", "bucket"]
BudgetKind = Literal["month", "run", "step"]


@dataclass(frozen=True, slots=True)
class Row:
    """A limit or a budget as the database tells it."""

    name: str
    kind: str
    capacity: float | None
    refill_per_minute: float | None
    level: float | None
    closed_s: float | None
    processes: int
    limit_usd: Decimal | None
    spent_usd: Decimal | None
    reserved_usd: Decimal | None
    presumed_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class LimitNow:
    """A limit of a deployment, or a named bucket, now.

    `level` is what is left over all processes (below zero: more was used than estimated), `leased` what this process holds of it
    unused, `processes` how many hold a part or wait for one. `waiting` and `longest_wait_s` are those of this process.
    `capacity` None: no limit, but the provider asked for a pause of `closed_s`.
    """

    kind: LimitKind
    name: str
    capacity: float | None
    level: float
    refill_per_minute: float | None
    closed_s: float
    leased: float
    processes: int
    waiting: int
    longest_wait_s: float


@dataclass(frozen=True, slots=True)
class BudgetNow:
    """A budget of the tenant now, in US dollars. `name` is the month (YYYY-MM, UTC), the run's id, or run/step.

    `reserved_usd` is leased by `processes` for calls under way and the next ones; `presumed_usd` was held by processes that died
    and counts as spent. `left_usd` is None where nothing limits.
    """

    kind: BudgetKind
    name: str
    limit_usd: Decimal | None
    spent_usd: Decimal
    reserved_usd: Decimal
    presumed_usd: Decimal
    left_usd: Decimal | None
    processes: int


KINDS: dict[str, LimitKind] = {"requests": "requests", "tokens": "tokens", "slots": "concurrency", "bucket": "bucket"}
BUDGETS: dict[str, BudgetKind] = {"month": "month", "run": "run", "step": "step"}


def budget_now(row: Row) -> BudgetNow:
    """A budget's row as people see it."""
    kind, _, name = row.name.partition(":")
    spent, reserved, presumed = (
        row.spent_usd or Decimal(0),
        row.reserved_usd or Decimal(0),
        row.presumed_usd or Decimal(0),
    )
    left = None if row.limit_usd is None else row.limit_usd - spent - reserved - presumed
    return BudgetNow(BUDGETS[kind], name, row.limit_usd, spent, reserved, presumed, left, row.processes)
