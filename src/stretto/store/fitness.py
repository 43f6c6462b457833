"""Is this PostgreSQL fit for Stretto? And if it only lacks what we may add ourselves, add it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import LiteralString

from psycopg import AsyncConnection
from psycopg.errors import DuplicateObject, UniqueViolation
from psycopg.rows import TupleRow, class_row
from psycopg.sql import SQL, Composable, Identifier, Literal

from stretto.errors import DatabaseUnfit
from stretto.store.sql import load_queries

QUERIES = load_queries("stretto.store")
LEAST_VERSION = 15
APP = "stretto_app"
SCHEMAS = ("stretto", "stretto_queue")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a server and the user that we are there look like."""

    version: int
    database: str
    user: str
    superuser: bool
    createrole: bool
    may_create_schemas: bool
    vector_schema: str | None
    vector_available: bool
    app_exists: bool
    app_logs_in: bool
    app_bypasses: bool
    app_member: bool
    schemas: list[str]
    foreign_schemas: list[str]


async def look_around(connection: AsyncConnection[TupleRow]) -> Surroundings:
    """Read what the server and the user are."""
    async with connection.cursor(row_factory=class_row(Surroundings)) as cursor:
        await cursor.execute(QUERIES["look_around"])
        found = await cursor.fetchone()
    assert found is not None
    return found


def check_version(server_version: int) -> None:
    """Raise for a server that is too old; `server_version` is as libpq has it, such as 150004."""
    if server_version < LEAST_VERSION * 10000:
        raise DatabaseUnfit(
            f"The server is PostgreSQL {server_version // 10000}, and Stretto needs {LEAST_VERSION} or newer. "
            "Upgrade it, or leave STRETTO_DATABASE_URL unset to use the embedded one."
        )


def check_fitness(found: Surroundings) -> None:
    """Raise `DatabaseUnfit` that names each thing lacking, with the SQL that mends it."""
    problems: list[str] = []
    me, database = quoted(found.user), quoted(found.database)
    if found.vector_schema is None and not found.vector_available:
        problems.append(
            "The extension `vector` is not installed on the server. Install pgvector there "
            f"(on Debian: the package postgresql-{found.version}-pgvector), then run as a superuser in {database}: "
            "CREATE EXTENSION vector;"
        )
    elif found.vector_schema is None and not found.superuser:
        problems.append(
            f"The extension `vector` has not been created. Run as a superuser in {database}: CREATE EXTENSION vector;"
        )
    if set(SCHEMAS) - set(found.schemas) and not found.may_create_schemas:
        problems.append(
            f"The user {me} may not make schemas. Run as the database's owner: "
            f"GRANT CREATE ON DATABASE {database} TO {me};"
        )
    if found.foreign_schemas:
        problems.append(
            f"The schema {' and '.join(found.foreign_schemas)} belongs to another user than {me}. Connect as its owner, or run: "
            + " ".join(f"ALTER SCHEMA {quoted(name)} OWNER TO {me};" for name in found.foreign_schemas)
        )
    if found.user == APP:
        problems.append(
            f"STRETTO_DATABASE_URL connects as {APP}, the role that must not own the tables. Connect as another user."
        )
    elif not found.app_exists and not (found.superuser or found.createrole):
        problems.append(
            f"The role {APP}, under which Stretto works so that row-level security holds, is missing. "
            f"Run as a superuser: CREATE ROLE {APP} NOLOGIN; GRANT {APP} TO {me};"
        )
    elif found.app_bypasses:
        problems.append(
            f"The role {APP} bypasses row-level security. Run as a superuser: ALTER ROLE {APP} NOSUPERUSER NOBYPASSRLS;"
        )
    elif found.app_exists and not found.app_member and not found.superuser:
        problems.append(f"The user {me} may not become {APP}. Run as a superuser: GRANT {APP} TO {me};")
    if problems:
        raise DatabaseUnfit("The database lacks something that Stretto needs.\n" + "\n".join(problems))


def quoted(name: str) -> str:
    """An identifier as it is written in SQL, for messages."""
    return '"' + name.replace('"', '""') + '"'


async def add_what_is_missing(
    connection: AsyncConnection[TupleRow], found: Surroundings, password: str | None = None
) -> None:
    """Make role, schemas and extension. `password` lets the role log in; None makes one to be assumed with SET ROLE."""
    async with connection.transaction():
        if not found.app_exists:
            with suppress(DuplicateObject, UniqueViolation):  # made for another database of this server just now
                async with connection.transaction():
                    await execute(connection, "CREATE ROLE {} NOLOGIN NOSUPERUSER NOBYPASSRLS", Identifier(APP))
        if password is not None and not found.app_logs_in:
            # The password travels hashed, as the server keeps it, so that it is in no log.
            verifier = connection.pgconn.encrypt_password(password.encode(), APP.encode(), b"scram-sha-256").decode()
            await execute(connection, "ALTER ROLE {} LOGIN PASSWORD {}", Identifier(APP), Literal(verifier))
        if not (found.app_member or found.superuser):
            await execute(connection, "GRANT {} TO {}", Identifier(APP), Identifier(found.user))
        for name in SCHEMAS:
            if name not in found.schemas:
                await execute(connection, "CREATE SCHEMA {}", Identifier(name))
            await execute(connection, "GRANT USAGE ON SCHEMA {} TO {}", Identifier(name), Identifier(APP))
        if found.vector_schema is None:
            await execute(connection, "CREATE EXTENSION vector SCHEMA public")
        await connection.execute(QUERIES["make_records"])


async def execute(connection: AsyncConnection[TupleRow], statement: LiteralString, *parts: Composable) -> None:
    """Run a statement about names, which cannot be parameters."""
    await connection.execute(SQL(statement).format(*parts))
