"""Clients that show no credentials that count: so many of their attempts a minute, by address, within this process.

An address may stand for many clients (a proxy, an office), so who has shown credentials that counted is let through
whatever others behind the same address try.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from ipaddress import IPv6Address, ip_address
from uuid import UUID

from stretto.auth.quotas.counting import Counter, LocalWindows
from stretto.auth.quotas.rates import parse_rates

NOBODY = UUID(int=0)
MOST_TRUSTED = 10_000


class Addresses:
    """Counts failed attempts by client address. Bounded: remembers the 10,000 addresses and credentials seen last."""

    def __init__(self, limit: str) -> None:
        self._rates = parse_rates(limit)
        self._windows = LocalWindows()
        self._good: dict[bytes, None] = {}
        self._salt = secrets.token_bytes(16)

    def wait_s(self, address: str, credentials: str) -> int | None:
        """None when the address may try; else how many seconds it has to wait."""
        if not self._rates or (credentials and self._digest(credentials) in self._good):
            return None
        counters = self._counters(address)
        stands = self._windows.take(counters, 0).stands
        waits = [stand.wait_s for stand, each in zip(stands, counters, strict=True) if stand.used >= each.most]
        return max(1, math.ceil(max(waits))) if waits else None

    def failed(self, address: str) -> None:
        """Count an attempt that failed."""
        if self._rates:
            self._windows.take(self._counters(address))

    def succeeded(self, credentials: str) -> None:
        """Remember credentials that counted."""
        if self._rates and credentials:
            digest = self._digest(credentials)
            self._good.pop(digest, None)
            self._good[digest] = None
            if len(self._good) > MOST_TRUSTED:
                del self._good[next(iter(self._good))]

    def _digest(self, credentials: str) -> bytes:
        return hashlib.blake2b(credentials.encode("utf-8", "surrogateescape"), digest_size=16, key=self._salt).digest()

    def _counters(self, address: str) -> list[Counter]:
        name = network_of(address)
        return [Counter(NOBODY, f"{name}/{rate.window_s}", rate.most, rate.window_s) for rate in self._rates]


def network_of(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 of an IPv6 one, which is what a household gets."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)
