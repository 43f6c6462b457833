"""STRETTO_DATABASE_URL: what is asked of a server of one's own, and how each lack is told and mended."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier, Literal

from stretto.errors import DatabaseUnfit, DatabaseUnreachable
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT, Database
from stretto.store.cluster import APP, read_password
from stretto.store.places import server_account
from tests.conftest import PREFIX, Server
from tests.postgres.store.processes import wait_until

SECRET = "s3cret/with:signs"
DEBIAN = Path("/usr/lib/postgresql/15/bin")


class Person:
    """A login of one's own on the session's server, with a database, as a hosting service hands them out."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.name, self.database = f"user_{uuid4().hex[:8]}", f"test_{uuid4().hex}"
        self.app = ""
        with server.connect() as admin:
            admin.execute(SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(Identifier(self.name), Literal(SECRET)))
            admin.execute(SQL("CREATE DATABASE {} OWNER {}").format(Identifier(self.database), Identifier(self.name)))

    @property
    def settings(self) -> Settings:
        """What this person puts into the environment."""
        port, password = self.server.member.port, quote(SECRET, safe="")
        return Settings(database_url=f"postgresql://{self.name}:{password}@127.0.0.1:{port}/{self.database}")

    def as_admin(self) -> psycopg.Connection[TupleRow]:
        """A superuser's connection to this person's database."""
        return psycopg.connect(self.server.url(self.database), autocommit=True)

    def remove(self) -> None:
        """Remove login and database."""
        with self.server.connect() as admin:
            admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(self.database)))
            admin.execute(SQL("DROP OWNED BY {}").format(Identifier(self.name)))
            admin.execute(SQL("DROP ROLE {}").format(Identifier(self.name)))


@pytest.fixture
def person(server: Server) -> Iterator[Person]:
    """A person with a database and no other rights; `vector` and the role are there, but not for this person."""
    assert server.member, "passed over where the server is none of ours"
    made = Person(server)
    yield made
    made.remove()


def remedies(error: DatabaseUnfit) -> list[str]:
    """The SQL that a message tells to run: what stands after the last colon of each line."""
    return [re.split(r": (?=[A-Z]+ )", line)[-1] for line in str(error).splitlines()[1:]]


async def test_a_person_without_rights_is_told_what_to_run_and_then_it_works(person: Person) -> None:
    with pytest.raises(DatabaseUnfit) as caught:
        await Database.open(person.settings)
    message = str(caught.value)
    assert "The extension `vector` has not been created" in message
    assert f'The user "{person.name}" may not become stretto_app' in message
    assert SECRET not in message
    assert len(remedies(caught.value)) == 2
    with person.as_admin() as admin:
        assert admin.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'stretto%'").fetchall() == []
        for statement in remedies(caught.value):
            admin.execute(statement.encode())
    database = await Database.open(person.settings)
    async with database.tenant(DEFAULT_TENANT) as connection:
        row = await (await connection.execute("SELECT current_user::text, session_user::text FROM tenants")).fetchone()
    assert row == ("stretto_app", person.name)
    await database.close()


async def test_a_person_who_may_not_make_schemas_is_told(person: Person) -> None:
    with person.as_admin() as admin:
        admin.execute(SQL("ALTER DATABASE {} OWNER TO stretto").format(Identifier(person.database)))
        admin.execute("CREATE EXTENSION vector")
        admin.execute(SQL("GRANT stretto_app TO {}").format(Identifier(person.name)))
    with pytest.raises(DatabaseUnfit, match="may not make schemas") as caught:
        await Database.open(person.settings)
    with person.as_admin() as admin:
        for statement in remedies(caught.value):
            admin.execute(statement.encode())
    await (await Database.open(person.settings)).close()


async def test_a_person_who_does_not_own_the_schemas_is_told(person: Person) -> None:
    with person.as_admin() as admin:
        admin.execute("CREATE EXTENSION vector; CREATE SCHEMA stretto; CREATE SCHEMA stretto_queue")
        admin.execute(SQL("GRANT stretto_app TO {}").format(Identifier(person.name)))
    with pytest.raises(DatabaseUnfit, match=r"stretto and stretto_queue belongs? to another user") as caught:
        await Database.open(person.settings)
    with person.as_admin() as admin:
        for statement in remedies(caught.value)[0].split(";")[:-1]:
            admin.execute(statement.encode())
    await (await Database.open(person.settings)).close()


async def test_vector_may_live_in_a_schema_of_its_own(person: Person) -> None:
    with person.as_admin() as admin:
        admin.execute("CREATE SCHEMA extensions; GRANT USAGE ON SCHEMA extensions TO PUBLIC")
        admin.execute("CREATE EXTENSION vector SCHEMA extensions")
        admin.execute(SQL("GRANT stretto_app TO {}").format(Identifier(person.name)))
    database = await Database.open(person.settings)
    async with database.system() as connection:
        row = await (await connection.execute("SELECT '[1,2]'::vector <-> '[1,3]'::vector")).fetchone()
    assert row == (1.0,)
    await database.close()


async def test_a_superuser_is_bound_by_row_level_security_as_well(settings: Settings) -> None:
    database = await Database.open(settings)  # the session's server is reached as its superuser, by URL
    async with database.system() as connection:
        row = await (
            await connection.execute("SELECT session_user::text, current_user::text, count(*) FROM tenants")
        ).fetchone()
        assert row == ("stretto", "stretto_app", 0)
    await database.close()


async def test_the_application_role_itself_is_no_owner(settings: Settings, server: Server) -> None:
    assert settings.database_url is not None
    url = settings.database_url.replace("postgresql://stretto@", "postgresql://stretto_app@")
    with server.connect() as admin:
        password = read_password(server.member.folder, APP)
        admin.execute(SQL("ALTER ROLE stretto_app LOGIN PASSWORD {}").format(Literal(password)))
    with pytest.raises(DatabaseUnfit, match="the role that must not own the tables"):
        await Database.open(Settings(database_url=url))


async def test_a_wrong_password_is_told_without_it(person: Person) -> None:
    url = str(person.settings.database_url).replace("s3cret", "s3cretly")
    with pytest.raises(DatabaseUnreachable, match="password authentication failed") as caught:
        await Database.open(Settings(database_url=url))
    assert "s3cret" not in str(caught.value)


async def test_a_server_that_is_not_there_is_told_at_once() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # and not listening
        port = reserved.getsockname()[1]
        with pytest.raises(DatabaseUnreachable, match="Connection refused") as caught:
            await Database.open(
                Settings(database_url=f"postgresql://ann:{quote(SECRET, safe='')}@127.0.0.1:{port}/shop")
            )
    assert SECRET not in str(caught.value)


async def test_the_address_for_people_names_the_place_only(person: Person) -> None:
    with person.as_admin() as admin:
        admin.execute("CREATE EXTENSION vector")
        admin.execute(SQL("GRANT stretto_app TO {}").format(Identifier(person.name)))
    database = await Database.open(person.settings)
    assert person.name in database.dsn_for_people
    assert quote(SECRET, safe="") not in database.dsn_for_people
    assert SECRET not in database.dsn_for_people
    await database.close()


# A PostgreSQL 15 as Debian packages it, without pgvector.


@pytest.fixture(scope="module")
def debian() -> Iterator[Callable[[str, str], str]]:
    """Gives URLs to a PostgreSQL 15 of this module's own."""
    if not (DEBIAN / "postgres").exists():
        pytest.skip("there is no PostgreSQL 15 of the system here")
    folder = Path(tempfile.gettempdir()) / f"{PREFIX}{uuid4().hex[:12]}"
    folder.mkdir()
    account = server_account(folder / "data")
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    uid, gid = (account.uid, account.gid) if account else (None, None)
    data = folder / "data"
    subprocess.run(
        [DEBIAN / "initdb", "-D", data, "-U", "admin", "--auth=trust", "--encoding=UTF8", "--no-sync"],
        check=True,
        capture_output=True,
        user=uid,
        group=gid,
        cwd=folder,
    )
    settings = ["listen_addresses=", "fsync=off", f"unix_socket_directories={folder}"]
    server = subprocess.Popen(
        [DEBIAN / "postgres", "-D", data, *(word for setting in settings for word in ("-c", setting))],
        stderr=subprocess.DEVNULL,
        user=uid,
        group=gid,
        cwd=folder,
    )
    try:
        ready = data / "postmaster.pid"
        wait_until(lambda: ready.exists() and "ready" in ready.read_text(), "PostgreSQL 15 runs")
        yield lambda user, database: f"postgresql://{user}@/{database}?host={quote(str(folder), safe='')}"
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree(folder)


async def test_a_server_without_vector_is_told_how_to_get_it(debian: Callable[[str, str], str]) -> None:
    with pytest.raises(DatabaseUnfit, match="`vector` is not installed on the server") as caught:
        await Database.open(Settings(database_url=debian("admin", "postgres")))
    assert "postgresql-15-pgvector" in str(caught.value)
    with psycopg.connect(debian("admin", "postgres")) as connection:
        rows = connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'stretto%'").fetchall()
    assert rows == []


async def test_all_that_a_server_lacks_is_told_at_once(debian: Callable[[str, str], str]) -> None:
    with psycopg.connect(debian("admin", "postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE ann LOGIN")
    with pytest.raises(DatabaseUnfit) as caught:
        await Database.open(Settings(database_url=debian("ann", "postgres")))
    with psycopg.connect(debian("admin", "postgres"), autocommit=True) as connection:
        connection.execute("DROP ROLE ann")
    message = str(caught.value)
    assert message.count("\n") == 3
    for words in ("pgvector", 'GRANT CREATE ON DATABASE "postgres" TO "ann";', "CREATE ROLE stretto_app NOLOGIN;"):
        assert words in message


async def test_postgres_15_runs_our_migrations(debian: Callable[[str, str], str]) -> None:
    # pgvector is the only thing that this server lacks: an extension stands in that holds no more than the type.
    share = Path("/usr/share/postgresql/15/extension")
    if not os.access(share, os.W_OK) or (share / "vector.control").exists():
        pytest.skip("the extension folder of PostgreSQL 15 cannot be added to here")
    control, script = share / "vector.control", share / "vector--0.sql"
    with psycopg.connect(debian("admin", "postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE fit")
    try:
        control.write_text("default_version = '0'\nrelocatable = true\n")
        script.write_text("CREATE DOMAIN vector AS real[];")
        database = await Database.open(Settings(database_url=debian("admin", "fit")))
        async with database.tenant(DEFAULT_TENANT) as connection:
            row = await (await connection.execute("SELECT name, current_user::text FROM tenants")).fetchone()
            assert row == ("local", "stretto_app")
            assert await (await connection.execute("SELECT count(*) FROM runs")).fetchone() == (0,)
        await database.close()
    finally:
        control.unlink(missing_ok=True)
        script.unlink(missing_ok=True)
        with psycopg.connect(debian("admin", "postgres"), autocommit=True) as connection:
            connection.execute("DROP DATABASE fit")
            connection.execute("DROP ROLE IF EXISTS stretto_app")
