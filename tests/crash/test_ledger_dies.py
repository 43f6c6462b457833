"""A process is killed while it writes calls down: what it knew to be on disk is there, and the sums equal the rows."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from multiprocessing.connection import Connection
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.gateway.ledger import LedgerWriter
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT, Database
from tests.postgres.gateway.made_calls import OTHER, any_calls, sums_and_rows

CONTEXT = multiprocessing.get_context("forkserver")


def write_until_killed(settings: dict[str, Any], seed: int, told: Connection) -> None:
    """Record calls for ever, and tell the ids of those that are on disk."""
    asyncio.run(_write(Settings(**settings), seed, told))


async def _write(settings: Settings, seed: int, told: Connection) -> None:
    database = await Database.open(settings)
    async with LedgerWriter(database, flush_s=0.001) as ledger:
        while True:
            seed += 1
            calls = any_calls(30, (DEFAULT_TENANT, OTHER), seed)
            for call in calls[:20]:
                ledger.record(call)
            await ledger.flush()
            for call in calls[20:]:  # on their way when the end comes
                ledger.record(call)
            told.send([call.id for call in calls[:20]])
            await asyncio.sleep(0.002)


@pytest.mark.parametrize("batches", [1, 4, 9])
async def test_what_was_flushed_outlives_the_process(
    settings: Settings, owner: AsyncConnection[TupleRow], batches: int
) -> None:
    here, there = CONTEXT.Pipe()
    process = CONTEXT.Process(
        target=write_until_killed, args=(settings.model_dump(exclude_unset=True), batches * 1000, there)
    )
    process.start()
    there.close()
    try:
        known: set[UUID] = set()
        for _ in range(batches):
            assert await asyncio.to_thread(here.poll, 60)
            known.update(here.recv())
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        await asyncio.to_thread(process.join)
        while here.poll():
            try:
                known.update(here.recv())
            except EOFError:
                break
    finally:
        process.kill()
        process.join()
        process.close()
        here.close()
    await no_one_writes(owner)
    rows = {call_id for (call_id,) in await (await owner.execute("SELECT id FROM calls")).fetchall()}
    assert known <= rows
    kept, reckoned = await sums_and_rows(owner)
    assert kept == reckoned


async def no_one_writes(owner: AsyncConnection[TupleRow]) -> None:
    """Wait until the server has noticed that the process is gone."""
    async with asyncio.timeout(30):
        while True:
            busy = await owner.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'"
                " AND pid <> pg_backend_pid()"
            )
            if await busy.fetchone() == (0,):
                return
            await asyncio.sleep(0.02)
