"""Wait for what nobody announces."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(holds: Callable[[], bool], every_s: float = 0.02, most_s: float = 120.0) -> None:
    """Look again and again until it holds. Raises `TimeoutError` after `most_s`."""
    async with asyncio.timeout(most_s):
        while not holds():  # noqa: ASYNC110  (a benchmark looks from outside; there is no event to wait for)
            await asyncio.sleep(every_s)
