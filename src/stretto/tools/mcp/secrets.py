"""Secrets for servers: looked up when one is started, and covered wherever a server says them again."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast
from urllib.parse import quote
from uuid import UUID

from stretto.errors import ToolRefused
from stretto.gateway.keys import Key
from stretto.gateway.tool_servers import ToolServer

SecretSource = Callable[[UUID | None, str], Awaitable[Key | None]]
"""Gives a tenant the secret at a place; None where there is none. `env:NAME` and `sealed:NAME` are the house's, `tenant:NAME` is the
tenant's own, `secret:NAME` the tenant's own or else the house's sealed one."""
OWN = ("tenant:", "secret:")
"""Places where a tenant's own secrets are."""
SHORTEST = 6
"""A shorter secret cannot be covered: it may be part of any word."""


class Secrets:
    """A server's secrets by the names under which it gets them. Never shown: neither as `repr` nor by what `cover` lets through."""

    def __init__(self, values: Mapping[str, Key]) -> None:
        self._values = dict(values)
        self._logins: dict[str, Key] = {}
        self._mark()

    def _mark(self) -> None:
        marks: dict[str, str] = {}
        for name, key in (*self._values.items(), *self._logins.items()):
            value = key.reveal()
            for form in (value, json.dumps(value)[1:-1], quote(value, safe="")):  # as it is, in JSON, in an address
                marks[form] = f"[secret {name}]"
        self._marks = marks
        longest_first = sorted(marks, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if marks else None

    def hide(self, **tokens: str | None) -> None:
        """Cover these tokens of a login too, in the place of those before."""
        self._logins = {name: Key(token) for name, token in tokens.items() if token and len(token) >= SHORTEST}
        self._mark()

    def same_as(self, other: Secrets) -> bool:
        """Whether both hold the same."""
        return self._values == other._values

    def reveal(self) -> dict[str, str]:
        """All of them: for the server's environment, and nothing else."""
        return {name: key.reveal() for name, key in self._values.items()}

    def value(self, name: str) -> str:
        """One of them: for a login, and nothing else."""
        return self._values[name].reveal()

    def fill(self, template: str) -> str:
        """A header with its `${NAME}` replaced."""
        return re.sub(r"\$\{([^}]*)\}", lambda found: self._values[found[1]].reveal(), template)

    def cover(self, text: str) -> str:
        """The text with each secret replaced by its name."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: self._marks[found[0]], text)

    def cover_all(self, value: Any) -> Any:
        """JSON data with every text in it covered, keys too."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.cover(value)
        if isinstance(value, list):
            return [self.cover_all(item) for item in cast("list[Any]", value)]
        if isinstance(value, dict):
            return {self.cover(key): self.cover_all(item) for key, item in cast("dict[str, Any]", value).items()}
        return value


def has_own(server: ToolServer) -> bool:
    """Whether it gets a secret of the tenant's own."""
    return any(place.startswith(OWN) for place in server.secrets.values())


async def look_up(server: ToolServer, source: SecretSource, tenant_id: UUID | None) -> Secrets:
    """The server's secrets as they are now. Raises `ToolRefused` naming one that is not there."""
    found: dict[str, Key] = {}
    for name, place in server.secrets.items():
        key = await source(tenant_id, place)
        kind, _, at = place.partition(":")
        if not key:
            remedy = {
                "env": f"Set the variable {at}",
                "sealed": f"`stretto provider-key set {at}` sets it",
            }.get(kind, f"`stretto tools secret set {at}` sets it, as does PUT /v1/tool-secrets/{at}")
            raise ToolRefused(f"the secret {name} ({place}) of server {server.name!r} is not there. {remedy}.")
        if len(key.reveal()) < SHORTEST:
            raise ToolRefused(
                f"the secret {name} ({place}) of server {server.name!r} has fewer than {SHORTEST} characters, so that it cannot be "
                "kept out of what the server says. Use a longer one."
            )
        found[name] = key
    return Secrets(found)
