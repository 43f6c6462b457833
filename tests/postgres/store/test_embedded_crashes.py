"""The embedded server when processes are killed: it goes on for those who are left, and nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from stretto.errors import DatabaseUnreachable
from stretto.settings import Settings
from stretto.store import Database
from stretto.store.cluster import OWNER
from stretto.store.embedded import Membership, join, read_orders
from tests.postgres.store.processes import User, kill, processes_of, wait_until, wait_until_gone


@pytest.fixture
def users(own_home: Path) -> Iterator[Callable[[], User]]:
    """Starts processes that use this test's server; those that are left at the end are killed."""
    started: list[User] = []

    def start() -> User:
        started.append(User(own_home))
        return started[-1]

    yield start
    for user in started:
        user.kill()


@pytest.fixture
async def embedded(own_home: Path) -> AsyncIterator[Database]:
    """A database on this test's own server."""
    database = await Database.open(Settings(home=own_home))
    yield database
    await database.close()


def ask(member: Membership, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(member.conninfo(OWNER, "postgres"), autocommit=True) as connection:
        answer = connection.execute(query.encode())
        return answer.fetchall() if answer.description else []


async def one(database: Database) -> int:
    """Ask for a one. A transaction waits for a server that is away; one that is caught in the middle is tried again."""
    for _ in range(50):
        try:
            async with database.system() as connection:
                row = await (await connection.execute("SELECT 1")).fetchone()
                assert row is not None
                return int(row[0])
        except DatabaseUnreachable:
            await asyncio.sleep(0.1)
    raise AssertionError("the database did not come back")


def test_one_of_two_users_is_killed_and_the_other_goes_on(own_home: Path, users: Callable[[], User]) -> None:
    killed, left = users(), users()
    postmaster = killed.wait()["postmaster"]
    assert left.wait()["postmaster"] == postmaster
    killed.kill()
    member = join(own_home)
    assert member.postmaster == postmaster
    assert ask(member, "SELECT 1") == [(1,)]
    member.leave()
    left.kill()
    wait_until_gone(own_home)


def test_all_users_are_killed_and_nothing_is_left(own_home: Path, users: Callable[[], User]) -> None:
    for user in [users() for _ in range(3)]:
        user.wait()
        user.kill()
    wait_until_gone(own_home)
    assert "database system is shut down" in (own_home / "postgres" / "postgres.log").read_text()


def test_everything_is_killed_at_once_and_the_data_are_there_again(own_home: Path, users: Callable[[], User]) -> None:
    user = users()
    told = user.wait()
    member = join(own_home)
    ask(member, "CREATE TABLE kept (answer integer)")
    ask(member, "INSERT INTO kept VALUES (42)")
    kill(user.process.pid, *(process.pid for process in processes_of(own_home)))
    member.leave()
    wait_until_gone(own_home)
    again = join(own_home)
    assert again.postmaster != told["postmaster"]
    assert ask(again, "SELECT answer FROM kept") == [(42,)]
    again.leave()


@pytest.mark.parametrize("order", ["keeper first", "postmaster first"])
def test_keeper_and_postmaster_are_killed_and_the_users_start_them_again(
    own_home: Path, users: Callable[[], User], order: str
) -> None:
    told = users().wait()
    pids = [told["keeper"], told["postmaster"]]
    kill(*(pids if order == "keeper first" else reversed(pids)))
    member = join(own_home)
    assert ask(member, "SELECT 1") == [(1,)]
    assert member.keeper not in pids
    member.leave()


@pytest.mark.skipif(not os.path.exists("/proc/self"), reason="only Linux tells PostgreSQL that the keeper died")  # noqa: PTH110
def test_the_keeper_is_killed_and_postgres_stops_by_itself(own_home: Path, users: Callable[[], User]) -> None:
    user = users()
    kill(user.wait()["keeper"])
    wait_until_gone(own_home)
    assert "database system is shut down" in (own_home / "postgres" / "postgres.log").read_text()


def test_a_postgres_that_lost_its_keeper_is_stopped_by_the_next(own_home: Path) -> None:
    join(own_home).leave()
    wait_until_gone(own_home)
    orders = read_orders(own_home / "postgres")
    assert orders is not None
    # Where the system does not tell PostgreSQL that its keeper died, this is what is left.
    command = [orders["postgres"], "-D", orders["data"], "-c", f"config_file={orders['config']}", "-p", "54999"]
    command += ["-c", f"hba_file={orders['hba']}", "-c", f"unix_socket_directories={orders['sockets']}"]
    orphan = subprocess.Popen(
        command,
        user=orders["uid"],
        group=orders["gid"],
        stderr=subprocess.DEVNULL,
    )
    wait_until((own_home / "postgres" / "s" / ".s.PGSQL.54999").exists, "the orphan runs")
    member = join(own_home)
    assert orphan.wait(10) == 0
    assert member.postmaster != orphan.pid
    assert ask(member, "SELECT 1") == [(1,)]
    member.leave()


def test_a_lock_file_with_the_number_of_a_stranger_does_not_keep_it_from_starting(own_home: Path) -> None:
    member = join(own_home)
    kill(member.keeper, member.postmaster)
    member.leave()
    wait_until_gone(own_home)
    file = own_home / "postgres" / "data" / "postmaster.pid"
    lines = file.read_text().splitlines()
    lock = own_home / "postgres" / "s" / f".s.PGSQL.{member.port}.lock"
    uid = (own_home / "postgres" / "data").stat().st_uid
    with subprocess.Popen(["sleep", "60"], user=uid if os.geteuid() == 0 else None) as stranger:
        file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        lock.write_text("\n".join([str(stranger.pid), *lock.read_text().splitlines()[1:]]) + "\n")
        again = join(own_home)
        assert ask(again, "SELECT 1") == [(1,)]
        assert stranger.poll() is None
        again.leave()
        stranger.kill()


def test_the_keeper_stops_in_good_order_when_the_machine_does(own_home: Path, users: Callable[[], User]) -> None:
    os.kill(users().wait()["keeper"], signal.SIGTERM)
    wait_until_gone(own_home)
    assert "database system is shut down" in (own_home / "postgres" / "postgres.log").read_text()


def test_a_stopped_user_still_counts(own_home: Path, users: Callable[[], User]) -> None:
    user = users()
    postmaster = user.wait()["postmaster"]
    user.process.send_signal(signal.SIGSTOP)
    member = join(own_home)
    member.leave()
    wait_until(lambda: psutil.Process(user.process.pid).status() == psutil.STATUS_STOPPED, "the user is stopped")
    again = join(own_home)
    assert again.postmaster == postmaster
    again.leave()
    user.process.send_signal(signal.SIGCONT)
    user.leave()
    wait_until_gone(own_home)


def test_a_user_that_leaves_before_the_server_is_ready_leaves_nothing(
    own_home: Path, users: Callable[[], User]
) -> None:
    user = users()
    wait_until((own_home / "postgres" / "keeper.sock").exists, "the keeper listens")
    user.kill()
    wait_until_gone(own_home)


async def test_a_database_outlives_its_postmaster(embedded: Database, own_home: Path) -> None:
    member = join(own_home)
    assert await one(embedded) == 1
    kill(member.postmaster)
    assert await one(embedded) == 1
    # The connections of the dead one may serve on for a moment, and the keeper needs one to notice.
    while (again := await asyncio.to_thread(join, own_home)).postmaster == member.postmaster:
        again.leave()
    assert again.keeper == member.keeper
    assert await one(embedded) == 1
    again.leave()
    member.leave()


async def test_a_database_outlives_its_keeper(embedded: Database, own_home: Path) -> None:
    member = join(own_home)
    for _ in range(2):
        before = member
        kill(member.keeper)
        member.leave()
        assert await one(embedded) == 1
        while (member := await asyncio.to_thread(join, own_home)).keeper == before.keeper:
            member.leave()
        assert await one(embedded) == 1
    member.leave()


async def test_a_database_outlives_the_death_of_all_at_once(embedded: Database, own_home: Path) -> None:
    async with embedded.system() as connection:
        await connection.execute("CREATE TEMP TABLE soon_gone ()")
    connections = [await embedded.dedicated() for _ in range(3)]
    kill(*(process.pid for process in processes_of(own_home)))
    assert await asyncio.gather(*(one(embedded) for _ in range(20))) == [1] * 20
    for connection in connections:
        with pytest.raises(psycopg.OperationalError):
            await connection.execute("SELECT 1")
        await connection.close()


async def test_databases_of_one_process_start_it_again_together(own_home: Path) -> None:
    databases = await asyncio.gather(*(Database.open(Settings(home=own_home)) for _ in range(3)))
    kill(*(process.pid for process in processes_of(own_home)))
    assert await asyncio.gather(*(one(database) for database in databases)) == [1, 1, 1]
    assert len([p for p in processes_of(own_home) if "keeper.py" in " ".join(p.cmdline())]) == 1
    for database in databases:
        await database.close()
