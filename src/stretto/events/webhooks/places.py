"""Where webhooks may go: https to public addresses, so that nobody reaches into the server's own network by a URL of his
(OWASP, Server-Side Request Forgery Prevention). What a name leads to is checked in `resolver`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from stretto.errors import Invalid

MAX_URL_CHARS = 2_000
Address = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")
_NEVER = tuple(
    ip_network(each)
    for each in (
        "0.0.0.0/8",  # this network
        "100.64.0.0/10",  # carrier-grade NAT
        "169.254.0.0/16",  # link-local; clouds tell secrets there
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "240.0.0.0/4",
        "64:ff9b:1::/48",
        "100::/64",
        "fe80::/10",
        "fec0::/10",
    )
)
"""Refused even where private addresses are allowed (IANA's special-purpose registries)."""
_NUMERIC = re.compile("[0-9]*|0x[0-9a-f]*")
"""The last label of a host that WHATWG's URL standard takes for a number ("ends in a number")."""
_METADATA_V6 = ip_address("fd00:ec2::254")


@dataclass(frozen=True, slots=True)
class Places:
    """Which places are allowed: public ones, with `local` also this machine, with `private` also private networks."""

    local: bool = False
    private: bool = False

    def allows(self, address: Address) -> bool:
        """Whether a connection may go to this address."""
        inner = _inside(address)
        if inner is not None:
            return self.allows(inner)
        if address.is_multicast or address.is_unspecified or address == _METADATA_V6:
            return False
        if any(address.version == network.version and address in network for network in _NEVER):
            return False
        if address.is_loopback:
            return self.local or self.private
        return address.is_global or (self.private and address.is_private)

    def check_url(self, url: str) -> None:
        """Raises `Invalid` for a URL that nothing may be sent to, whatever its name leads to."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise Invalid("The URL cannot be read. It looks like https://example.org/stretto.") from None
        host = parts.hostname or ""
        if len(url) > MAX_URL_CHARS or not url.isascii() or not url.isprintable() or " " in url:
            raise Invalid(f"A URL has at most {MAX_URL_CHARS} characters, all of them printable ASCII and no spaces.")
        if "@" in parts.netloc or "\\" in url or parts.fragment:
            raise Invalid("The URL may hold neither a user, a password, a fragment nor a backslash. Leave them out.")
        if not host or not parts.netloc:
            raise Invalid("The URL names no host. It looks like https://example.org/stretto.")
        literal = _literal(host)
        if literal is None and (":" in host or _NUMERIC.fullmatch(host.rstrip(".").rpartition(".")[2])):
            # 127.1, 2130706433, 0x7f000001: old ways to write an address, which whoever connects may read in another way.
            raise Invalid(f"{host[:100]} is neither a name nor a whole address. Write an address as 203.0.113.7.")
        here = host == "localhost" or (literal is not None and literal.is_loopback)
        if parts.scheme != "https" and not (parts.scheme == "http" and here and (self.local or self.private)):
            raise Invalid("The URL must begin with https://. Only this machine may be reached by http, for trying out.")
        if port is not None and port < 1024 and port != (443 if parts.scheme == "https" else 80):
            raise Invalid(f"Port {port} is not used for webhooks. Use 443, or one from 1024 on.")
        if literal is not None and not self.allows(literal):
            raise Invalid(f"{host} is no address that webhooks may go to: it is not public. Use a public one.")
        if host == "localhost" and not (self.local or self.private):
            raise Invalid("Webhooks do not go to the server itself. Use a public address.")


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _inside(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to: mapped, compatible, 6to4, Teredo or NAT64."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or (int(address) >> 32 == 0 and int(address) > 0xFFFF):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None
