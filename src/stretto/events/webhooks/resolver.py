"""Resolves names for aiohttp. Each address is checked, and the connection goes to one that was: no name can lead elsewhere
between the check and the connection."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address

from aiohttp.abc import AbstractResolver, ResolveResult

from stretto.events.webhooks.places import Places


class CheckedResolver(AbstractResolver):
    """Resolves names for aiohttp, and gives only addresses that are allowed: all of a name's, or none."""

    def __init__(self, places: Places) -> None:
        self._places = places

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name. Raises `OSError` where there is none, or one that is not allowed."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        results: list[ResolveResult] = []
        for kind, _, protocol, _, place in found:
            address = str(place[0])
            if kind not in (socket.AF_INET, socket.AF_INET6) or not self._places.allows(ip_address(address)):
                raise OSError(f"{host} leads to an address that webhooks may not go to")
            results.append(
                ResolveResult(
                    hostname=host,
                    host=address,
                    port=port,
                    family=kind,
                    proto=protocol,
                    flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                )
            )
        return results

    async def close(self) -> None:
        """Nothing is kept open."""
