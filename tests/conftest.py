"""One embedded server for the whole session, shared by all xdist workers, and a database cloned from a template for each test.

The server removes its folder when the last process of the session has ended, however it ended.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from stretto.settings import Settings
from stretto.store import Database
from stretto.store.cluster import OWNER, passwords_file
from stretto.store.embedded import Membership, join
from tests.postgres.store.processes import processes_of, wait_until_gone

PREFIX = "stretto-tests-"
HOME = "STRETTO_TEST_HOME"  # tells the workers of a session which folder is theirs
STALE_S = 7200  # no session lasts that long, and other sessions come and go meanwhile
TEMPLATE = "stretto_template"
OUTSIDE = "STRETTO_TEST_DATABASE_URL"
"""Tests use the server at this URL, if it is set; its user is a superuser, `stretto`."""
# The machine will not lose power between two tests, and each test has a database of its own.
LOCAL_CONF = "fsync = off\nfull_page_writes = off\nautovacuum = off\nmax_connections = 200\n"


def pytest_configure(config: pytest.Config) -> None:
    """Name the session's folder, and remove those of sessions that were killed together with their keeper."""
    if not hasattr(config, "workerinput"):
        remove_stale_homes()
        os.environ[HOME] = str(Path(tempfile.gettempdir()) / f"{PREFIX}{uuid4().hex[:12]}")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Wait until the server has ended, so that a finished session has left nothing behind."""
    if not hasattr(config, "workerinput"):
        home, deadline = Path(os.environ[HOME]), time.monotonic() + 20
        while home.exists() and time.monotonic() < deadline:
            time.sleep(0.02)


def remove_stale_homes() -> None:
    """Remove the folders of tests that were killed together with their keeper: old ones for which nothing runs."""
    for home in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(FileNotFoundError):  # another session removes its own meanwhile
            if time.time() - home.stat().st_mtime > STALE_S and not processes_of(home):
                if (home / "disk").is_mount():
                    subprocess.run(["umount", str(home / "disk")], check=False)
                shutil.rmtree(home, ignore_errors=True)


@dataclass(frozen=True)
class Server:
    """The session's server: an embedded one, or `outside` the one at a URL."""

    embedded: Membership | None
    outside: str = ""

    @property
    def member(self) -> Membership:
        """Of the embedded server; tests that need one are passed over where there is none."""
        if self.embedded is None:
            pytest.skip("needs the embedded server")
        return self.embedded

    def url(self, database: str) -> str:
        """A STRETTO_DATABASE_URL for one of its databases, as their owner."""
        if self.embedded is None:
            return urlsplit(self.outside)._replace(path=f"/{database}").geturl()
        place = {
            "host": str(self.embedded.sockets),
            "port": "5432",
            "passfile": str(passwords_file(self.embedded.folder)),
        }
        return f"postgresql://{OWNER}@/{database}?{urlencode(place, quote_via=quote)}"

    def connect(self) -> psycopg.Connection[TupleRow]:
        """A connection for making and dropping databases."""
        return psycopg.connect(self.url("postgres"), autocommit=True)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The session's server, with the template in place. With OUTSIDE it is one of another version, say, and no other session uses it."""
    if url := os.environ.get(OUTSIDE):
        server = Server(None, url)
        drop_template(server)
        make_template(server)
        yield server
        drop_template(server)
        return
    home = Path(os.environ[HOME])
    folder = home / "postgres"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "local.conf").write_text(LOCAL_CONF)
    member = join(home, remove_after=True)
    try:
        server = Server(member)
        make_template(server)
        yield server
    finally:
        member.leave()


def make_template(server: Server) -> None:
    """Make the database that tests clone, once in a session."""
    with server.connect() as connection:
        connection.execute("SELECT pg_advisory_lock(1)")
        done = connection.execute("SELECT datistemplate FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone()
        if done and done[0]:
            return
        name = Identifier(TEMPLATE)
        connection.execute(SQL("DROP DATABASE IF EXISTS {}").format(name))
        connection.execute(SQL("CREATE DATABASE {}").format(name))
        asyncio.run(migrate_template(Settings(database_url=server.url(TEMPLATE))))
        connection.execute(SQL("ALTER DATABASE {} IS_TEMPLATE true ALLOW_CONNECTIONS false").format(name))


def drop_template(server: Server) -> None:
    """Remove the database that tests clone, where it is there."""
    with server.connect() as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone():
            name = Identifier(TEMPLATE)
            connection.execute(SQL("ALTER DATABASE {} IS_TEMPLATE false").format(name))
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(name))


async def migrate_template(settings: Settings) -> None:
    """Let Stretto make its tables."""
    database = await Database.open(settings)
    await database.close()


@pytest.fixture
def settings(server: Server) -> Iterator[Settings]:
    """Settings that lead to a fresh database of this test's own; they also work in another process, by environment."""
    name = f"test_{uuid4().hex}"
    with server.connect() as connection:
        connection.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(TEMPLATE)))
    yield Settings(home=Path(os.environ[HOME]), database_url=server.url(name))
    with server.connect() as connection:
        connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """An open database of this test's own."""
    database = await Database.open(settings)
    yield database
    await database.close()


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[AsyncConnection[TupleRow]]:
    """A connection with the rights of the tables' owner, who sees all tenants. Autocommits."""
    async with database._as_owner() as connection:
        yield connection


@pytest.fixture
def new_home() -> Iterator[Path]:
    """An empty STRETTO_HOME of this test's own, for an embedded server of its own. Fails if a process is left behind.

    Not below `tmp_path`, which is closed to the account that PostgreSQL works under when root runs the tests.
    """
    with temporary_home() as home:
        yield home


@pytest.fixture(scope="session")
def prepared_home() -> Iterator[Path]:
    """A STRETTO_HOME with a migrated database, in use by nobody."""
    with temporary_home() as home:
        asyncio.run(migrate_template(Settings(home=home)))
        wait_until_gone(home)
        yield home


@pytest.fixture
def own_home(new_home: Path, prepared_home: Path) -> Path:
    """As `new_home`, but with a migrated database in it, which saves a second. Nothing runs there yet."""
    (new_home / "postgres").mkdir()
    for name in ("data", "passwords"):
        subprocess.run(["cp", "-a", prepared_home / "postgres" / name, new_home / "postgres" / name], check=True)
    return new_home


@contextmanager
def temporary_home() -> Generator[Path]:
    """A folder that is gone afterwards, as are the processes that run for it."""
    home = Path(tempfile.gettempdir()) / f"{PREFIX}{uuid4().hex[:12]}"
    home.mkdir()
    try:
        yield home
        wait_until_gone(home)
    finally:
        for process in processes_of(home):
            process.kill()
        shutil.rmtree(home, ignore_errors=True)
