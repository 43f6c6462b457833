"""Migrating from nothing ends at exactly the recorded schema, whoever migrates and however many at once."""

from __future__ import annotations

import asyncio
import importlib.metadata
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from stretto.errors import DatabaseUnfit
from stretto.settings import Settings
from stretto.store import Database
from stretto.store.migrate import Migration, applied_migrations, load_migrations, migrate
from tests.conftest import Server
from tests.postgres.store.record_schema import dump, parts, recorded


@pytest.fixture
def empty(server: Server) -> Iterator[Settings]:
    """Settings for a database in which there is nothing yet."""
    name = f"test_{uuid4().hex}"
    with server.connect() as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    yield Settings(home=Path("/nonexistent"), database_url=server.url(name))
    with server.connect() as connection:
        connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


async def test_migrating_from_nothing_ends_at_the_recorded_schema(empty: Settings) -> None:
    assert empty.database_url is not None
    await (await Database.open(empty)).close()
    found = await asyncio.to_thread(dump, empty.database_url)
    assert parts(found) == recorded(), (
        "The migrations no longer make the recorded schema. If the change is meant, record it: "
        "python -m tests.postgres.store.record_schema"
    )


def test_the_record_depends_neither_on_the_month_nor_on_the_dump() -> None:
    text = "".join(recorded().values())
    assert "PARTITION BY RANGE (id)" in text
    assert not re.search(r"runs_\d{4}_\d{2}|restrict|Dumped by", text)


async def test_processes_that_start_together_migrate_once(empty: Settings) -> None:
    databases = await asyncio.gather(*(Database.open(empty) for _ in range(5)))
    async with databases[0]._as_owner() as owner:
        applied = await applied_migrations(owner)
    assert sorted(applied) == [migration.number for migration in load_migrations()]
    for database in databases:
        await database.close()


async def test_opening_again_changes_nothing(empty: Settings) -> None:
    assert empty.database_url is not None
    await (await Database.open(empty)).close()
    before = await asyncio.to_thread(dump, empty.database_url)
    await (await Database.open(empty)).close()
    assert await asyncio.to_thread(dump, empty.database_url) == before


async def test_a_migration_that_fails_leaves_nothing_of_itself(
    settings: Settings, owner: AsyncConnection[TupleRow]
) -> None:
    known = load_migrations()
    last = known[-1].number
    good = Migration(last + 1, "good", "CREATE TABLE good (); GRANT SELECT ON good TO stretto_app")
    bad = Migration(last + 2, "bad", "CREATE TABLE bad (); SELECT 1 / 0")
    with pytest.raises(psycopg.errors.DivisionByZero):
        await migrate(owner, [*known, good, bad])
    row = await (
        await owner.execute("SELECT to_regclass('stretto.good') IS NULL, to_regclass('stretto.bad')")
    ).fetchone()
    assert row == (False, None)
    assert sorted(await applied_migrations(owner)) == [migration.number for migration in [*known, good]]
    repaired = Migration(bad.number, "bad", "CREATE TABLE bad ()")
    assert await migrate(owner, [*known, good, repaired]) == [repaired]


async def test_a_database_newer_than_the_program_is_refused(
    settings: Settings, owner: AsyncConnection[TupleRow]
) -> None:
    await owner.execute("INSERT INTO stretto.migrations VALUES (9999, 'from_afar', 'x', now())")
    with pytest.raises(DatabaseUnfit, match="The database is newer than this Stretto: it has migration 9999_from_afar"):
        await Database.open(settings)


async def test_an_edited_migration_is_refused(settings: Settings, owner: AsyncConnection[TupleRow]) -> None:
    await owner.execute("UPDATE stretto.migrations SET checksum = 'other' WHERE number = 1")
    with pytest.raises(DatabaseUnfit, match="Migration 0001_ground was applied to the database with another text"):
        await Database.open(settings)


async def test_the_queue_has_the_schema_of_the_installed_procrastinate(owner: AsyncConnection[TupleRow]) -> None:
    row = await (await owner.execute("SELECT version FROM stretto.queue_schema")).fetchone()
    assert row == (importlib.metadata.version("procrastinate"),)
    row = await (await owner.execute("SELECT to_regclass('stretto_queue.procrastinate_jobs') IS NOT NULL")).fetchone()
    assert row == (True,)


async def test_the_queue_follows_a_newer_procrastinate(settings: Settings, owner: AsyncConnection[TupleRow]) -> None:
    # As if the tables had been made by 3.3.0: what 3.4.0 added is not there, and comes back.
    await owner.execute("DROP FUNCTION stretto_queue.procrastinate_retry_job_v2")
    await owner.execute("ALTER TYPE stretto_queue.procrastinate_job_event_type RENAME VALUE 'retried' TO 'unknown'")
    await owner.execute("UPDATE stretto.queue_schema SET version = '3.3.0'")
    await (await Database.open(settings)).close()
    row = await (
        await owner.execute("""
        SELECT (SELECT version FROM stretto.queue_schema), has_function_privilege('stretto_app', p.oid, 'EXECUTE')
        FROM pg_proc p WHERE proname = 'procrastinate_retry_job_v2'""")
    ).fetchone()
    assert row == (importlib.metadata.version("procrastinate"), True)


async def test_opening_makes_the_partitions_of_the_month(settings: Settings, owner: AsyncConnection[TupleRow]) -> None:
    now = datetime.now(UTC)
    name = Identifier("stretto", f"runs_{now:%Y_%m}")
    await owner.execute(SQL("DROP TABLE {}").format(name))
    await (await Database.open(settings)).close()
    await owner.execute(SQL("SELECT * FROM {}").format(name))
