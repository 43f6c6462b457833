"""How much a tenant and a key may do: request limits over all processes, and quotas of runs."""

from stretto.auth.quotas.addresses import Addresses
from stretto.auth.quotas.limiter import Policy, RequestLimiter, Verdict
from stretto.auth.quotas.rates import NONE, Rate, parse_rates
from stretto.auth.quotas.store import KINDS, RATES, Quota, QuotaKind, QuotaStore, checked_value

__all__ = [
    "KINDS",
    "NONE",
    "RATES",
    "Addresses",
    "Policy",
    "Quota",
    "QuotaKind",
    "QuotaStore",
    "Rate",
    "RequestLimiter",
    "Verdict",
    "checked_value",
    "parse_rates",
]
