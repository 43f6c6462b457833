"""Resolves names for aiohttp. Each address is checked, and the connection goes to one that was: no name can lead elsewhere
between the check and the connection. What is written as an address passes no resolver: hence the check of each socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import ip_address
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from stretto.events.webhooks.places import Places

MOST_NAMES_AT_ONCE = 32
"""As many as deliveries are sent at once."""
_threads = ThreadPoolExecutor(MOST_NAMES_AT_ONCE, "webhook name")
# The system's resolver holds its thread, for a name whose servers are silent some 5 s and more. On the loop's own few threads
# all else would wait behind such names: a request that compiles a flow, for instance.


class CheckedResolver(AbstractResolver):
    """Resolves names for aiohttp, and gives only addresses that are allowed: all of a name's, or none."""

    def __init__(self, places: Places) -> None:
        self._places = places

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name. Raises `OSError` where there is none, or one that is not allowed."""
        loop = asyncio.get_running_loop()
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        found = await loop.run_in_executor(_threads, ask)
        results: list[ResolveResult] = []
        for kind, _, protocol, _, place in found:
            address = str(place[0])
            if kind not in (socket.AF_INET, socket.AF_INET6) or not _allowed(self._places, address):
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


def checked_sockets(places: Places) -> Callable[[tuple[Any, ...]], socket.socket]:
    """Makes the sockets of connections, for aiohttp's `socket_factory`; none to an address that is not allowed."""

    def make(place: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, address = place
        if family not in (socket.AF_INET, socket.AF_INET6) or not _allowed(places, str(address[0])):
            raise OSError("This is an address that webhooks may not go to")
        return socket.socket(family, kind, protocol)

    return make


def _allowed(places: Places, address: str) -> bool:
    try:
        return places.allows(ip_address(address))
    except ValueError:
        return False
