"""A short form of `tests.crash.events_die`: relays and consumers are killed and stopped at random."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.settings import Settings
from stretto.store import Database
from tests.contract.redis_server import redis_server
from tests.crash.events_die import run


@pytest.mark.parametrize("transport", ["postgres", "redis"])
async def test_nothing_is_lost_nothing_happens_twice_and_the_order_is_kept(
    settings: Settings, database: Database, owner: AsyncConnection[TupleRow], transport: str
) -> None:
    with redis_server() if transport == "redis" else nullcontext() as url:
        report = await run(settings.model_copy(update={"events_url": url}), owner, database, seconds=4)
    assert report.is_well, report
    assert report.kills + report.stops > 0
    assert report.written > 100
