"""What a process and the database tell each other: records of one round trip, and the port that carries them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, Protocol
from uuid import UUID

from stretto.errors import DatabaseUnreachable

Kind = Literal["rate", "slots"]


class Unsure(DatabaseUnreachable):
    """The database went away in the middle; what was asked of it may have been done. It is asked again by itself."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that the configuration declares. Names: `requests:D`, `tokens:D`, `slots:D` of a deployment D, `bucket:B`."""

    name: str
    kind: Kind
    capacity: float
    per_s: float


@dataclass(frozen=True, slots=True)
class Observed:
    """What a provider said of one of its limits; None: not said."""

    name: str
    capacity: float | None = None
    per_s: float | None = None
    left: float | None = None
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class MoneyAsk:
    """US dollars wanted of one budget: `least` or nothing, `most` if a twentieth of what is left allows it. `back` is given back
    first; below 0, it is taken whatever is left: calls cost more than was estimated. `need`: of the first call, in all."""

    tenant_id: UUID
    name: str
    limit_usd: Decimal | None
    least: Decimal
    most: Decimal
    back: Decimal
    need: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class NeedAsk:
    """What calls need of one limit: the first of them `least` beyond what the process has, all of them `total`, of which
    it has `have`, those to come `ahead`.

    The level does not fall below `floor`, by what is taken ahead not below `reserve`.
    """

    name: str
    least: float
    total: float
    have: float
    ahead: float
    floor: float = 0.0
    reserve: float = 0.0


@dataclass(frozen=True, slots=True)
class SetAsk:
    """Calls that need the same limits. Nothing is taken when the first one's money (indices into `Asked.money`) is not had."""

    money: tuple[int, ...]
    needs: tuple[NeedAsk, ...]


@dataclass(slots=True)
class Asked:
    """One round trip: gives `back` (a rate's credits and, below 0, debts; slots), takes for the `sets`, in order."""

    money: list[MoneyAsk] = field(default_factory=list[MoneyAsk])
    back: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])
    sets: list[SetAsk] = field(default_factory=list[SetAsk])
    alive_s: float | None = None
    since: float | None = None
    """The database's time (s since 1970): tell what changed after it."""


@dataclass(frozen=True, slots=True)
class MoneyGot:
    """What was taken of a budget; what was left before; how much of the rest is held by living processes (this one too)."""

    taken: Decimal
    left: Decimal
    held: Decimal


@dataclass(frozen=True, slots=True)
class NeedGot:
    """What was taken of a limit, and its level before that."""

    name: str
    taken: float
    level: float
    capacity: float | None
    per_s: float | None
    closed_s: float
    others: int
    """Other processes that wait for the same."""
    keep: float | None
    """As in `Changed`."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A limit as it is now. `keep`: so many slots may this process keep while others wait for them; None: all."""

    name: str
    kind: Kind
    capacity: float | None
    per_s: float | None
    level: float
    closed_s: float
    keep: float | None


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to `Asked`: one entry for each of its own, in order."""

    money: Sequence[MoneyGot]
    sets: Sequence[Sequence[NeedGot]]
    changed: Sequence[Changed]
    now: float
    month: str
    month_s: float
    """Seconds until the month ends (UTC)."""


class LimitStore(Protocol):
    """Where all processes' limits and budgets are kept.

    Contract: `exchange` is atomic and lasting, and only the store's own clock counts. Raises `DatabaseUnreachable`; after `Unsure`,
    a kind of it, nobody knows whether the exchange was carried out.
    """

    @property
    def process(self) -> UUID: ...
    async def open(self) -> None: ...
    async def close(self) -> None: ...
    async def exchange(self, asked: Asked) -> Reply: ...
    async def declare(self, limits: Sequence[Limit], *, only: bool) -> None: ...
    async def observe(self, observed: Sequence[Observed]) -> None: ...
    async def hold_slots(self, held: Sequence[tuple[str, float]]) -> None: ...
    async def tenant_name(self, tenant_id: UUID) -> str: ...
    async def sweep(self) -> None: ...
