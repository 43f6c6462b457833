"""Compares what a provider billed with what the ledger holds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Literal
from uuid import UUID

from stretto.gateway.ledger import store
from stretto.gateway.ledger.invoice import Billed, Invoice, plain_model, read_invoice
from stretto.gateway.prices import add_up
from stretto.gateway.provider import TokenCounts
from stretto.store import Database


@dataclass(frozen=True, slots=True)
class Side:
    """What one side says of a day and model. None: it does not tell that. `estimated`: calls whose tokens were not told."""

    tokens: TokenCounts | None
    cost_usd: Decimal | None
    calls: int | None = None
    estimated: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """A day and model of which the two sides differ; a side is None where it knows nothing of them.

    `cost_usd` and `tokens` are the invoice less the ledger, None where one side does not tell.
    """

    day: date
    model: str
    ledger: Side | None
    invoice: Side | None

    @property
    def cost_usd(self) -> Decimal | None:
        billed, held = _cost(self.invoice), _cost(self.ledger)
        return None if billed is None or held is None else billed - held

    @property
    def tokens(self) -> int | None:
        billed, held = _tokens(self.invoice), _tokens(self.ledger)
        return None if billed is None or held is None else billed - held

    @property
    def missing(self) -> Literal["", "ledger", "invoice"]:
        """On which side there is nothing at all."""
        if self.ledger is None:
            return "ledger"
        return "invoice" if self.invoice is None else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What a comparison came to, the largest difference first. `first` and `last` are the invoice's days, which were compared.

    The totals are over all days and models, also those that agree. Money is None where the invoice holds tokens alone, tokens
    are None where it holds money alone.
    """

    provider: str
    form: str
    first: date | None
    last: date | None
    agree: int
    differences: tuple[Difference, ...]
    ledger_usd: Decimal
    invoice_usd: Decimal | None
    ledger_tokens: int
    invoice_tokens: int | None

    @property
    def difference_usd(self) -> Decimal | None:
        """The invoice less the ledger."""
        return None if self.invoice_usd is None else self.invoice_usd - self.ledger_usd


async def reconcile(database: Database, tenant_id: UUID, provider: str, csv_path: Path) -> Reconciliation:
    """Read the invoice and compare it with the tenant's calls of its days. Raises `DocumentInvalid`."""
    form, invoice = await asyncio.to_thread(read_invoice, csv_path)
    days = [day for day, _ in invoice]
    held: dict[tuple[date, str], Side] = {}
    if days:
        rows = await store.provider_days(database, tenant_id, provider, min(days), max(days))
        held = _merge(rows)
    return compare(provider, form, invoice, held)


def compare(provider: str, form: str, invoice: Invoice, held: Mapping[tuple[date, str], Side]) -> Reconciliation:
    """The differences between an invoice and what the ledger holds, by day and model."""
    days = [day for day, _ in invoice]
    differences: list[Difference] = []
    agree = 0
    for day, model in sorted({*invoice, *held}):
        billed = invoice.get((day, model))
        found = Difference(day, model, held.get((day, model)), None if billed is None else _side(billed))
        if _agrees(found):
            agree += 1
        else:
            differences.append(found)
    differences.sort(key=_weight, reverse=True)
    money = [billed.cost_usd for billed in invoice.values() if billed.cost_usd is not None]
    tokens = [billed.tokens for billed in invoice.values() if billed.tokens is not None]
    return Reconciliation(
        provider=provider,
        form=form,
        first=min(days, default=None),
        last=max(days, default=None),
        agree=agree,
        differences=tuple(differences),
        ledger_usd=add_up(side.cost_usd or Decimal(0) for side in held.values()),
        invoice_usd=add_up(money) if money else None,
        ledger_tokens=sum(_sum(side.tokens) for side in held.values() if side.tokens is not None),
        invoice_tokens=sum(map(_sum, tokens)) if tokens else None,
    )


def _merge(rows: Iterable[tuple[object, ...]]) -> dict[tuple[date, str], Side]:
    """Rows of `provider_days`, with the dated versions of a model under its plain name, as in the invoice."""
    found: dict[tuple[date, str], Side] = {}
    for day, model, *figures in rows:
        assert isinstance(day, date)
        calls, uncached, cached, written, output, cost_usd, estimated = (Decimal(str(figure)) for figure in figures)
        tokens = TokenCounts(
            input=int(uncached), cached_input=int(cached), cache_write=int(written), output=int(output)
        )
        key = (day, plain_model(str(model)))
        before = found.get(key, Side(None, None, 0))
        both = Billed(before.tokens, before.cost_usd) + Billed(tokens, cost_usd)
        found[key] = Side(
            both.tokens, both.cost_usd, (before.calls or 0) + int(calls), before.estimated + int(estimated)
        )
    return found


def _side(billed: Billed) -> Side:
    return Side(billed.tokens, billed.cost_usd)


def _agrees(found: Difference) -> bool:
    """Both sides say the same, class by class, as far as the invoice tells; money to the sixth place, as bills round it."""
    if found.ledger is None or found.invoice is None:
        # A line of nothing is missing nowhere.
        side = found.ledger or found.invoice
        return not (_tokens(side) or _cost(side))
    if found.invoice.tokens is not None and found.ledger.tokens is not None:
        ours, theirs = found.ledger.tokens, found.invoice.tokens
        # Some invoices do not tell the writing of a cache from other input.
        if (ours.input + ours.cache_write, ours.cached_input, ours.output) != (
            theirs.input + theirs.cache_write,
            theirs.cached_input,
            theirs.output,
        ):
            return False
    return found.cost_usd is None or abs(found.cost_usd) < Decimal("0.000001")


def _weight(found: Difference) -> tuple[Decimal, int]:
    """By money, where only one side tells it by all of that; then by tokens."""
    money = found.cost_usd
    if money is None and found.missing:
        money = _cost(found.invoice or found.ledger)
    tokens = found.tokens
    if tokens is None and found.missing:
        tokens = _tokens(found.invoice or found.ledger)
    return abs(money or Decimal(0)), abs(tokens or 0)


def _cost(side: Side | None) -> Decimal | None:
    return None if side is None else side.cost_usd


def _tokens(side: Side | None) -> int | None:
    return None if side is None or side.tokens is None else _sum(side.tokens)


def _sum(tokens: TokenCounts) -> int:
    return tokens.all_input + tokens.output
