"""The port to another system that is told something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

import msgspec


class Delivery(msgspec.Struct, frozen=True):
    """What one system is to be told, once, under its key. `attempts` counts this one."""

    tenant_id: UUID
    key: str
    connector: str
    body: Mapping[str, Any]
    attempts: int = 1


class Connector(Protocol):
    """Tells one system, for one tenant.

    `send` returns when the system has taken what was said. It raises `ToolUnavailable` (transient; with `retry_after_s` where
    the system asks for a pause) when it may take it later, `ToolRefused` (permanent) when it will not. After a transient error the
    same delivery is sent again: the connector says it under the delivery's key in such a way that it counts once, as far as
    the system's interface allows. No error holds a secret.
    """

    @property
    def name(self) -> str:
        """Under which deliveries name it."""
        ...

    async def send(self, delivery: Delivery) -> None:
        """Tell it."""
        ...
