"""Processes that write are killed in mid-commit and started again: all of a commit is there, or none, and once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, Process

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.settings import Settings
from stretto.state import State
from stretto.store import DEFAULT_TENANT, Database
from tests.postgres.state import writing_process
from tests.postgres.state.writing_process import KEYS

NAMES = ("p", "q")
WRITERS = 4
WRITES = 6

# Makes every commit last, so that a kill falls in the middle of one.
SLOW = """
CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END $$;
CREATE TRIGGER linger BEFORE INSERT ON state_versions FOR EACH ROW EXECUTE FUNCTION linger();
"""


async def start(name: str, settings: Settings) -> Process:
    environment = os.environ | {"STRETTO_DATABASE_URL": settings.database_url or "", "STRETTO_HOME": str(settings.home)}
    words = (sys.executable, "-m", writing_process.__name__, name, str(WRITERS), str(WRITES))
    return await asyncio.create_subprocess_exec(*words, stdout=PIPE, env=environment)


async def lines(process: Process, most: int) -> list[str]:
    """The next lines that a process prints."""
    assert process.stdout is not None
    found: list[str] = []
    while len(found) < most and (line := await process.stdout.readline()):
        found.append(line.decode().strip())
    return found


async def test_a_killed_writer_leaves_nothing_half_done(
    settings: Settings, database: Database, owner: AsyncConnection[TupleRow]
) -> None:
    await owner.execute(SLOW)
    state = State(database, DEFAULT_TENANT, {})
    for key in KEYS:
        await state.put(key, {"sum": 0, "tags": []}, expected=None)
    said: set[str] = set()
    processes: list[Process] = []
    try:
        processes = list(await asyncio.gather(*(start(name, settings) for name in NAMES)))
        process = processes[0]
        said.update(await lines(process, 5))
        process.kill()  # its four writers are in the middle of a commit, or wait for one
        said.update(await lines(process, 100))
        await process.wait()
        one, other = [await state.get(key) for key in KEYS]
        assert one.value["tags"] == other.value["tags"]
        assert one.value["sum"] == -other.value["sum"]
        processes[0] = await start(NAMES[0], settings)
        for process in processes:
            said.update(await lines(process, 1000))
            assert await process.wait() == 0
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    everything = {
        f"{name}-{writer}-{number}" for name in NAMES for writer in range(WRITERS) for number in range(WRITES)
    }
    assert said == everything
    one, other = [await state.get(key) for key in KEYS]
    assert sorted(one.value["tags"]) == sorted(everything)
    assert one.value["tags"] == other.value["tags"]
    total = len(NAMES) * WRITERS * sum(range(1, WRITES + 1))
    assert (one.value["sum"], other.value["sum"]) == (-total, total)
    assert one.version == other.version == len(everything) + 1
    row = await (await owner.execute("SELECT count(*) FROM outbox WHERE type = 'stretto.state.changed'")).fetchone()
    assert row == (2 * (len(everything) + 1),)
