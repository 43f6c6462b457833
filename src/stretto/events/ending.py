"""Ending tasks for sure."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

AGAIN_S = 1.0


async def end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel tasks until all have ended: a client library may turn a cancellation into an error of its connection."""
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)
