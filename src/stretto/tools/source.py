"""Where tools come from that are not known beforehand, and may differ from tenant to tenant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from stretto.tools.tool import Tool


class ToolSource(Protocol):
    """Finds tools while a run goes on, such as those of MCP servers."""

    async def find(self, tenant_id: UUID, pattern: str) -> Sequence[Tool]:
        """The tools whose name fits: a name, or one with `*` in it. None of them may be the source's own.

        Raises `ToolNotFound` with the nearest names for a name in the source's own part that is not there, and
        `ToolUnavailable` when one that may have fitting tools cannot be asked.
        """
        ...
