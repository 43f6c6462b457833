"""Usage, estimates and comparisons as JSON and CSV show them. Money is text, so that no reader rounds it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from stretto.gateway.ledger.estimate import Estimate, Spread
from stretto.gateway.ledger.reconcile import Difference, Reconciliation, Side
from stretto.gateway.ledger.usage import RowKey, UsageRow, total
from stretto.gateway.provider import TokenCounts

COUNTS = ("calls", "failed", "cancelled", "not_made", "cached", "estimated", "simulated_calls")
CLASSES = ("input", "cached_input", "cache_write", "output", "reasoning")
LATENCIES = ("ttft_p50_s", "ttft_p95_s", "duration_p50_s", "duration_p95_s")


def money_text(amount: Decimal) -> str:
    """All digits of an amount and no zero more: `0.0125`, `3`."""
    text = f"{amount:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def usage_document(rows: Sequence[UsageRow], *, latency: bool = False) -> dict[str, Any]:
    """Rows and their sum."""
    return {"rows": [_row(row, latency) for row in rows], "total": _row(total(rows), latency=False)}


def usage_csv(keys: Sequence[RowKey], rows: Sequence[UsageRow], *, latency: bool = False) -> str:
    """Rows as CSV with a header; the sum is left to the reader."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        [*keys, *COUNTS, *(f"{name}_tokens" for name in CLASSES), "cost_usd", *(LATENCIES if latency else ())]
    )
    for row in rows:
        values = [_plain(row.keys[key]) for key in keys]
        values += [getattr(row, name) for name in COUNTS]
        values += [getattr(row.tokens, name) for name in CLASSES]
        values += [money_text(row.cost_usd)]
        values += [_blank(getattr(row, name)) for name in LATENCIES] if latency else []
        writer.writerow(values)
    return out.getvalue()


def estimate_document(found: Estimate) -> dict[str, Any]:
    """An estimate with its spreads."""
    spreads = {name: _spread(getattr(found, name)) for name in ("cost_usd", "input_tokens", "output_tokens", "calls")}
    return {
        "flow": found.flow,
        "runs": found.runs,
        "versions": list(found.versions),
        "enough": found.enough,
        "simulated": found.simulated,
        **spreads,
        "how": found.how,
    }


def reconciliation_document(found: Reconciliation) -> dict[str, Any]:
    """A comparison with all its differences."""
    return {
        "provider": found.provider,
        "form": found.form,
        "first": None if found.first is None else found.first.isoformat(),
        "last": None if found.last is None else found.last.isoformat(),
        "agree": found.agree,
        "ledger_usd": money_text(found.ledger_usd),
        "invoice_usd": _money(found.invoice_usd),
        "difference_usd": _money(found.difference_usd),
        "ledger_tokens": found.ledger_tokens,
        "invoice_tokens": found.invoice_tokens,
        "differences": [_difference(difference) for difference in found.differences],
    }


def _row(row: UsageRow, latency: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {"keys": {key: _plain(value) for key, value in row.keys.items()}}
    shown |= {name: getattr(row, name) for name in COUNTS}
    shown |= {"tokens": _tokens(row.tokens), "cost_usd": money_text(row.cost_usd), "simulated": row.simulated}
    return shown | ({name: getattr(row, name) for name in LATENCIES} if latency else {})


def _tokens(tokens: TokenCounts) -> dict[str, int]:
    return {name: getattr(tokens, name) for name in CLASSES}


def _plain(value: object) -> str | int | None:
    return value if value is None or isinstance(value, str | int) else str(value)


def _blank(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _money(amount: Decimal | None) -> str | None:
    return None if amount is None else money_text(amount)


def _spread(spread: Spread | None) -> dict[str, str] | None:
    return None if spread is None else {name: money_text(getattr(spread, name)) for name in ("p50", "p90", "mean")}


def _difference(found: Difference) -> dict[str, Any]:
    return {
        "day": found.day.isoformat(),
        "model": found.model,
        "missing": found.missing,
        "cost_usd": _money(found.cost_usd),
        "tokens": found.tokens,
        "ledger": _side(found.ledger),
        "invoice": _side(found.invoice),
    }


def _side(side: Side | None) -> dict[str, Any] | None:
    if side is None:
        return None
    tokens = None if side.tokens is None else _tokens(side.tokens)
    calls = {} if side.calls is None else {"calls": side.calls, "estimated": side.estimated}
    return {"tokens": tokens, "cost_usd": _money(side.cost_usd), **calls}
