from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from stretto.settings import Settings
from stretto.store import Database
from stretto.stream import Hub
from tests.postgres.engine.stage import Stage


@pytest.fixture
async def stage(database: Database, settings: Settings) -> AsyncIterator[Stage]:
    """A database of the test's own, and workers on demand, whose times are short."""
    quick = settings.model_copy(update={"sweep_s": 0.05, "flush_s": 0.01, "linger_s": 0.0, "pool_size": 6})
    async with Hub(poll_s=0.02) as hub:
        yield Stage(database, hub, quick)
