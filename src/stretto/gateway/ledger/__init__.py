"""The ledger: every call of a model written down, what it cost, and what it all came to."""

from stretto.gateway.ledger.estimate import Estimate, Spread
from stretto.gateway.ledger.reconcile import Difference, Reconciliation, Side
from stretto.gateway.ledger.usage import USAGE_KEYS, Usage, UsageKey, UsageRow, total
from stretto.gateway.ledger.writer import LedgerWriter

__all__ = [
    "USAGE_KEYS",
    "Difference",
    "Estimate",
    "LedgerWriter",
    "Reconciliation",
    "Side",
    "Spread",
    "Usage",
    "UsageKey",
    "UsageRow",
    "total",
]
