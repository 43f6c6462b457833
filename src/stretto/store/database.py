"""The database as the rest of Stretto sees it: transactions bound to a tenant, on a server that is kept fit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, LiteralString
from urllib.parse import quote, urlencode
from uuid import UUID

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from stretto.errors import DatabaseUnreachable, DiskFull, QuotaExceeded, SettingsInvalid
from stretto.settings import Settings
from stretto.store import days, partitions
from stretto.store.cluster import APP, OWNER, passwords_file, read_password
from stretto.store.embedded import Membership, join
from stretto.store.fitness import SCHEMAS, add_what_is_missing, check_fitness, check_version, look_around
from stretto.store.migrate import applied_migrations, load_migrations, migrate, migrate_queue, pending, queue_is_current
from stretto.store.pool import Pool, connect
from stretto.store.sql import load_queries

DEFAULT_TENANT = UUID("00000000-0000-7000-8000-000000000001")
DEFAULT_TENANT_NAME = "local"
QUOTA_USED_UP = "STQ01"  # as migration 0012 raises it
QUERIES = load_queries("stretto.store")
CONNECT_S = 10
IDLE_IN_TRANSACTION = "5s"  # a process that is stopped in mid-transaction holds its locks no longer than this

log = structlog.get_logger(__name__)


class Database:
    """An open database. Make one with `Database.open`, and `close` it.

    `conninfo` is how the application's role connects, for pools of others. Transactions wait up to 30 s to begin on a
    server that is away; what was begun fails with `DatabaseUnreachable` and may be tried again. When that comes from the
    end of the block, the commit may have come through.
    """

    def __init__(self, settings: Settings, member: Membership | None, owner: str, app: str) -> None:
        self.settings = settings
        self.conninfo = app
        self._member = member
        self._owner = owner
        self._pool = Pool(app, settings.pool_size)
        self._keeping: asyncio.Task[None] | None = None

    @property
    def dsn_for_people(self) -> str:
        """A URL for psql that holds no password."""
        return address_for_people(self._owner, self._member)

    @property
    def pool(self) -> Pool:
        """The connections for transactions."""
        return self._pool

    @classmethod
    async def open(cls, settings: Settings) -> Database:
        """Open the server that the settings name, or the embedded one, and bring its tables to this version.

        Raises an error of the `StoreError` tree that says what is wrong and what to do.
        """
        member = await join_server(settings) if settings.database_url is None else None
        try:
            with clear_errors():
                if member is not None:
                    await ensure_database(member)
                    owner, app, role = member.conninfo(OWNER), member.conninfo(APP), None
                    vector_schema = await set_up(owner, read_password(member.folder, APP))
                else:
                    owner = app = checked_url(settings)
                    role = APP
                    vector_schema = await set_up(owner, None)
                app = with_options(
                    app, vector_schema, role=role, idle_in_transaction_session_timeout=IDLE_IN_TRANSACTION
                )
                database = cls(settings, member, with_options(owner, vector_schema), app)
                await database._start()
                return database
        except BaseException:
            if member is not None:
                member.leave()
            raise

    async def _start(self) -> None:
        await self._pool.warm_up()
        if self._member is not None:
            self._keeping = asyncio.create_task(self._keep_server(self._member), name="keep the embedded PostgreSQL")

    async def close(self) -> None:
        """Give all connections back. The embedded server stops when its last user has closed."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        await self._pool.close()
        if self._member is not None:
            self._member.leave()

    @asynccontextmanager
    async def tenant(self, tenant_id: UUID) -> AsyncGenerator[AsyncConnection[TupleRow]]:
        """A transaction that sees and writes one tenant's rows. Commits at the end, rolls back on an exception."""
        with clear_errors():
            async with self._pool.transaction(tenant_id) as connection:
                yield connection

    async def read(self, tenant_id: UUID, *statements: tuple[LiteralString, Mapping[str, Any]]) -> list[list[TupleRow]]:
        """The rows of statements that change nothing and see one tenant's rows, all in a single round trip."""
        with clear_errors():
            return await self._pool.read(tenant_id, *statements)

    @asynccontextmanager
    async def system(self) -> AsyncGenerator[AsyncConnection[TupleRow]]:
        """A transaction without a tenant: sees no tenant's rows, but the queue and what belongs to no tenant."""
        with clear_errors():
            async with self._pool.transaction() as connection:
                yield connection

    async def apply(
        self, tenant_id: UUID, *statements: tuple[LiteralString, Mapping[str, Any]]
    ) -> list[list[TupleRow]]:
        """As `read`, for statements that change rows, and to the same effect when they are made twice: after a broken connection
        they are made anew. All of them count, or none. Who acts is not written down."""
        with clear_errors():
            return await self._pool.read(tenant_id, *statements)

    async def dedicated(self) -> AsyncConnection[TupleRow]:
        """A connection of one's own as the application's role, with autocommit. Who asked for it closes it."""
        with clear_errors():
            return await connect(self.conninfo)

    async def ensure_partitions(self, now: datetime) -> None:
        """Make the partitions of runs, journal and calls for the month of `now` and the next two, and those of events."""
        async with self._as_owner() as connection:
            await partitions.ensure_partitions(connection, now)
            await days.ensure_days(connection, now)

    async def drop_partitions(self, before: datetime) -> list[str]:
        """Drop the months that lie wholly before `before`; returns the names of the dropped partitions.

        A month with an unfinished run is kept, and the log says so. Idempotency keys older than `before` go as well.
        """
        async with self._as_owner() as connection:
            return await partitions.drop_partitions(connection, before)

    async def drop_event_days(self, before: datetime) -> list[str]:
        """Drop the days of events that lie wholly before `before`; returns the names of the dropped partitions."""
        async with self._as_owner() as connection:
            return await days.drop_days(connection, before)

    @asynccontextmanager
    async def operator(self) -> AsyncGenerator[AsyncConnection[TupleRow]]:
        """A connection with the rights of the tables' owner, who sees all tenants; autocommits.

        For what an operator does at the command line; no request ever gets here.
        """
        async with self._as_owner() as connection:
            yield connection

    @asynccontextmanager
    async def _as_owner(self) -> AsyncGenerator[AsyncConnection[TupleRow]]:
        with clear_errors():
            async with await connect(self._owner) as connection:
                yield connection

    async def _keep_server(self, member: Membership) -> None:
        """When the keeper dies, start it again, so that runs go on."""
        while True:
            await ended(member)
            member.leave()
            log.warning("the embedded PostgreSQL has lost its keeper; starting it again")
            pause_s = 0.1
            while True:
                try:
                    member = self._member = await join_server(self.settings)
                    break
                except Exception as error:
                    log.warning("the embedded PostgreSQL does not start; trying again", error=str(error))
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 2, 5.0)


async def join_server(settings: Settings) -> Membership:
    """Join the embedded server from a thread; when cancelled meanwhile, leaves it again."""
    joining = asyncio.create_task(asyncio.to_thread(join, settings.home_path, settings.postgres_port))
    try:
        return await asyncio.shield(joining)
    except asyncio.CancelledError:
        results = await asyncio.gather(joining, return_exceptions=True)
        if isinstance(results[0], Membership):
            results[0].leave()
        raise


async def ended(member: Membership) -> None:
    """Wait until the keeper is gone, and note meanwhile what it says."""
    loop = asyncio.get_running_loop()
    member.line.setblocking(False)
    with suppress(OSError):
        while news := await loop.sock_recv(member.line, 4096):
            member.hear(news)


async def ensure_database(member: Membership) -> None:
    """Make Stretto's database on the embedded server if it is not there."""
    try:
        async with await connect(member.conninfo(OWNER)):
            return
    except psycopg.OperationalError as error:
        if "does not exist" not in str(error):
            raise
    async with await connect(member.conninfo(OWNER, "postgres")) as connection:
        with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):  # another process was faster
            await connection.execute(SQL("CREATE DATABASE {}").format(Identifier(OWNER)))


async def set_up(owner: str, password: str | None) -> str:
    """Check that the server is fit, and make and migrate what is Stretto's. Returns the schema of `vector`."""
    known = load_migrations()
    async with await connect(with_options(owner, "public")) as connection:
        check_version(connection.info.server_version)
        found = await look_around(connection)
        check_fitness(found)
        applied = await applied_migrations(connection)
        locked_out = password is not None and not found.app_logs_in
        if locked_out or pending(known, applied) or not await queue_is_current(connection):
            await connection.execute(QUERIES["lock_setup"])
            await add_what_is_missing(connection, await look_around(connection), password)
            await migrate_queue(connection)
            await migrate(connection, known, found.vector_schema or "public")
            values = {"tenant_id": DEFAULT_TENANT, "name": DEFAULT_TENANT_NAME}
            await connection.execute(QUERIES["add_tenant"], values)
        await partitions.ensure_partitions(connection, datetime.now(UTC))
        await days.ensure_days(connection, datetime.now(UTC))
        return found.vector_schema or "public"


def checked_url(settings: Settings) -> str:
    """STRETTO_DATABASE_URL, if it can be read. The error does not repeat it: it may hold a password."""
    url = settings.database_url or ""
    try:
        return make_conninfo(url, connect_timeout=conninfo_to_dict(url).get("connect_timeout", CONNECT_S))
    except psycopg.ProgrammingError:
        raise SettingsInvalid(
            "STRETTO_DATABASE_URL cannot be read. It looks like postgresql://user:password@host:5432/database "
            "(special characters in the password written as %XX)."
        ) from None


def with_options(conninfo: str, vector_schema: str, **settings: str | None) -> str:
    """The connection string with the session settings that our connections need, besides those it has already."""
    path = dict.fromkeys([*SCHEMAS, "public", vector_schema])
    wanted = {"search_path": ",".join(path), "timezone": "UTC", **settings}
    before = conninfo_to_dict(conninfo).get("options")
    words = [str(before)] if before else []
    words += [f"-c {name}={value}" for name, value in wanted.items() if value is not None]
    return make_conninfo(conninfo, options=" ".join(words))


def address_for_people(owner: str, member: Membership | None) -> str:
    """A URL for psql that holds no password."""
    if member is not None:
        query = urlencode({"passfile": str(passwords_file(member.folder))}, quote_via=quote)
        return f"postgresql://{OWNER}@127.0.0.1:{member.port}/{OWNER}?{query}"
    parts = conninfo_to_dict(owner)
    named = {
        name: str(parts[name]) for name in ("host", "port", "user", "dbname", "sslmode", "passfile") if name in parts
    }
    return f"postgresql://?{urlencode(named, quote_via=quote)}"


def quota_exceeded(error: psycopg.DatabaseError) -> QuotaExceeded:
    """What the trigger on runs says of a quota, in words."""
    told = json.loads(error.diag.message_detail or "{}")
    most, ask = told["most"], "or ask whoever runs this server for more."
    if told["kind"] == "runs_per_day":
        message = f"The tenant may start {most} runs a day (UTC), and has. Try again tomorrow, {ask}"
    else:
        message = f"The tenant may have {most} unfinished runs, and has. Wait until one ends, cancel one, {ask}"
    return QuotaExceeded(message, told["retry_after_s"], quota=told["kind"])


@contextmanager
def clear_errors() -> Generator[None]:
    """Turn what psycopg says of a server that is away, or of a full disk, into our errors; the rest goes through."""
    try:
        yield
    except psycopg.errors.DiskFull as error:
        raise DiskFull(f"The database's disk is full: {error.diag.message_primary}. Make room there.") from error
    except psycopg.errors.IdleInTransactionSessionTimeout as error:
        raise DatabaseUnreachable(
            f"The transaction was ended because it stood idle for over {IDLE_IN_TRANSACTION}. It may be tried again."
        ) from error
    except psycopg.DatabaseError as error:
        if error.sqlstate == QUOTA_USED_UP:
            raise quota_exceeded(error) from None
        if not isinstance(error, psycopg.OperationalError):
            raise
        if error.sqlstate is None or error.sqlstate.startswith(("08", "57P")):
            raise DatabaseUnreachable(f"No connection to the database: {str(error).strip()}") from error
        raise
