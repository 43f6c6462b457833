"""A tool of a server, as steps and agents have it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stretto.engine.step import StepContext
from stretto.tools.function import KEY_PARAMETER
from stretto.tools.mcp.offered import Offered
from stretto.tools.tool import Effects

if TYPE_CHECKING:
    from stretto.tools.mcp.pool import ServerPool


@dataclass(frozen=True)
class ServerTool:
    """A tool of a server, called over the tenant's connection. Keep none: ask the pool anew for each attempt."""

    offered: Offered
    pool: ServerPool

    @property
    def name(self) -> str:
        """`SERVER.TOOL`."""
        return self.offered.full_name

    @property
    def description(self) -> str:
        """What the server says of it."""
        return self.offered.description

    @property
    def effects(self) -> Effects:
        """What the configuration says, else the server."""
        return self.offered.effects

    @property
    def amount(self) -> str:
        """What the configuration says."""
        return self.offered.amount

    @property
    def schema(self) -> Mapping[str, Any]:
        """The arguments, without the idempotency key, which is filled in."""
        return self.offered.schema

    async def call(self, ctx: StepContext, arguments: Mapping[str, Any], key: str) -> Any:
        """Check the arguments, then have the server do it. Cancelling it tells the server."""
        given = dict(arguments)
        if self.offered.wants_key:
            given[KEY_PARAMETER] = key
        self.offered.check(given)
        return await self.pool.call(ctx.tenant_id, self.offered, given, ctx, key)
