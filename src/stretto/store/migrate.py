"""Migrations: plain numbered SQL files, each applied once, in order, in a transaction of its own.

A file that has been applied is never edited: its checksum is kept in the database and compared at each start.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import LiteralString, cast

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from stretto.errors import DatabaseUnfit
from stretto.store.sql import load_queries

QUERIES = load_queries("stretto.store")
FILE_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
QUEUE_FILE_NAME = re.compile(r"(\d+)\.(\d+)\.(\d+)_\d+_.*\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered SQL file."""

    number: int
    name: str
    text: LiteralString

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def load_migrations(package: str = "stretto.store") -> list[Migration]:
    """The migrations that this version of Stretto, or of an application's package, knows, in order."""
    found: list[Migration] = []
    for file in (resources.files(package) / "migrations").iterdir():
        if name := FILE_NAME.fullmatch(file.name):
            # The files are a part of the program, as literals in the code would be.
            text = cast("LiteralString", file.read_text(encoding="utf-8").replace("\r\n", "\n"))
            found.append(Migration(int(name[1]), name[2], text))
    return sorted(found, key=lambda migration: migration.number)


async def applied_migrations(connection: AsyncConnection[TupleRow]) -> dict[int, tuple[str, str]]:
    """Name and checksum of the applied migrations, by number; empty for a database that is new."""
    row = await (await connection.execute(QUERIES["migrations_exist"])).fetchone()
    if not row or not row[0]:
        return {}
    rows = await (await connection.execute(QUERIES["applied_migrations"])).fetchall()
    return {number: (name, checksum) for number, name, checksum in rows}


def pending(
    known: Sequence[Migration], applied: dict[int, tuple[str, str]], program: str = "Stretto"
) -> list[Migration]:
    """The migrations still to be applied. Raises `DatabaseUnfit` when database and program do not belong together."""
    by_number = {migration.number: migration for migration in known}
    for number, (name, checksum) in sorted(applied.items()):
        migration = by_number.get(number)
        if migration is None:
            raise DatabaseUnfit(
                f"The database is newer than this {program}: it has migration {number:04}_{name}, "
                f"and this version knows them up to {max(by_number, default=0):04}. Use the newer version of {program}."
            )
        if migration.checksum != checksum:
            raise DatabaseUnfit(
                f"Migration {number:04}_{name} was applied to the database with another text than this {program} has. "
                f"Use the version of {program} that made this database; an applied migration is never edited."
            )
    return [migration for migration in known if migration.number not in applied]


async def migrate(
    connection: AsyncConnection[TupleRow], known: Sequence[Migration], vector_schema: str = "public"
) -> list[Migration]:
    """Bring the database to this version of Stretto; returns what was applied.

    `connection` has the owner's rights, autocommits and holds the set-up lock; the schemas and the role are there.
    """
    todo = pending(known, await applied_migrations(connection))
    for migration in todo:
        async with connection.transaction():
            path = SQL("SET LOCAL search_path = stretto, stretto_queue, public, {}").format(Identifier(vector_schema))
            await connection.execute(path)
            await connection.execute(migration.text)
            values = {"number": migration.number, "name": migration.name, "checksum": migration.checksum}
            await connection.execute(QUERIES["record_migration"], values)
    return todo


async def migrate_app(
    connection: AsyncConnection[TupleRow], app: str, schema: str, known: Sequence[Migration]
) -> list[Migration]:
    """Bring an application's tables to its version; returns what was applied. As `migrate`, under a lock of the caller's."""
    rows = await (await connection.execute(QUERIES["applied_app_migrations"], {"app": app})).fetchall()
    todo = pending(known, {number: (name, checksum) for number, name, checksum in rows}, f"application {app!r}")
    for migration in todo:
        async with connection.transaction():
            await connection.execute(SQL("SET LOCAL search_path = {}, public").format(Identifier(schema)))
            await connection.execute(migration.text)
            values = {"number": migration.number, "name": migration.name, "checksum": migration.checksum}
            await connection.execute(QUERIES["record_app_migration"], {"app": app, **values})
    return todo


# The queue's tables are Procrastinate's; it brings its own schema and the steps between its versions.


def installed_queue_version() -> str:
    """The version of Procrastinate that is installed."""
    return importlib.metadata.version("procrastinate")


def queue_steps(recorded: str, names: Sequence[str]) -> list[str]:
    """Procrastinate's migration files that come after the recorded version, in order."""
    since = version_numbers(recorded)
    found: list[tuple[tuple[int, ...], str]] = []
    for name in names:
        if parts := QUEUE_FILE_NAME.fullmatch(name):
            found.append((tuple(map(int, parts.groups())), name))
    return [name for version, name in sorted(found) if version > since]


def version_numbers(version: str) -> tuple[int, ...]:
    """The first three numbers of a version."""
    numbers = [int(number) for number in re.findall(r"\d+", version)[:3]]
    return tuple(numbers + [0] * (3 - len(numbers)))


async def queue_is_current(connection: AsyncConnection[TupleRow]) -> bool:
    """Whether the queue's tables are those of the installed Procrastinate, or of a newer one."""
    recorded = await recorded_queue_version(connection)
    return recorded is not None and version_numbers(recorded) >= version_numbers(installed_queue_version())


async def recorded_queue_version(connection: AsyncConnection[TupleRow]) -> str | None:
    """The version of Procrastinate that the queue's tables belong to; None if there are none."""
    row = await (await connection.execute(QUERIES["queue_version"])).fetchone()
    return row[0] if row else None


async def migrate_queue(connection: AsyncConnection[TupleRow]) -> None:
    """Bring the queue's tables to the installed Procrastinate. Conditions as for `migrate`, and after it."""
    if await queue_is_current(connection):
        return
    recorded = await recorded_queue_version(connection)
    folder = resources.files("procrastinate") / "sql"
    files = [folder / "schema.sql"]
    if recorded is not None:
        steps = folder / "migrations"
        files = [steps / name for name in queue_steps(recorded, [file.name for file in steps.iterdir()])]
    async with connection.transaction():
        await connection.execute(SQL("SET LOCAL search_path = stretto_queue, public"))
        for file in files:
            await connection.execute(cast("LiteralString", file.read_text(encoding="utf-8")))
        for grant in QUEUE_GRANTS:
            await connection.execute(SQL(grant).format(Identifier("stretto_queue"), Identifier("stretto_app")))
        await connection.execute(QUERIES["record_queue_version"], {"version": installed_queue_version()})


QUEUE_GRANTS: tuple[LiteralString, ...] = (
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {} TO {}",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA {} TO {}",
    "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {} TO {}",
)
