"""How much money content moves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from stretto.agents.judging.verdict import Flag
from stretto.errors import OutputInvalid
from stretto.flow.graph import MoneyRule

_AMOUNT = re.compile(r"\$?\s*([0-9]+(?:\.[0-9]+)?|[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?)\s*(?:usd|\$)?", re.IGNORECASE)
UNREAD = "How much money it moves cannot be read."


def amount_of(rule: MoneyRule, input: Mapping[str, Any]) -> Decimal | None:
    """US dollars, 0 or more; None where that cannot be read for certain."""
    try:
        return read_amount(rule.amount.render(input))
    except OutputInvalid:
        return None


def read_amount(value: object) -> Decimal | None:
    """An amount as people and models write it: `12.5`, `$12.50`, `1,200 usd`. Anything else is None, also what is negative."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        value = repr(value) if isinstance(value, float) else str(value)
        try:
            amount = Decimal(value)
        except InvalidOperation:
            return None
        return amount if amount.is_finite() and amount >= 0 else None
    if not isinstance(value, str) or len(value) > 60:
        return None
    found = _AMOUNT.fullmatch(value.strip())
    return Decimal(found[1].replace(",", "")) if found else None


def money_flag(rule: MoneyRule, amount: Decimal | None) -> Flag | None:
    """Why a person must decide, if so."""
    if amount is None:
        return Flag("money", "money", UNREAD)
    if amount > Decimal(str(rule.limit_usd)):
        return Flag(
            "money",
            "money",
            f"It moves {amount:f} usd, more than the {rule.limit_usd:g} usd that pass without a person.",
        )
    return None
