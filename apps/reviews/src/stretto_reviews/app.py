"""The application as Stretto sees it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from stretto import Platform
from stretto.apps import App, Opened


@asynccontextmanager
async def opened(platform: Platform) -> AsyncGenerator[Opened]:
    """What the review engine adds to the platform."""
    yield Opened()


APP = App("reviews", "Review engine", "stretto_reviews", opened)
"""The application, as `stretto app add reviews` finds it."""
