"""What a person is told when the embedded server cannot start: one clear message each, and nothing left running."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from stretto.errors import (
    DatabaseUnreachable,
    DataFolderUnfit,
    DiskFull,
    FolderForbidden,
    PortTaken,
    StoreError,
)
from stretto.settings import Settings
from stretto.store import Database
from stretto.store.cluster import passwords_file
from stretto.store.embedded import join
from tests.postgres.store.processes import processes_of, wait_until, wait_until_gone


@pytest.fixture
def stopped(own_home: Path) -> Path:
    """The folder of a server that has been made and stopped."""
    join(own_home).leave()
    wait_until_gone(own_home)
    return own_home / "postgres"


def refused(home: Path, kind: type[StoreError], *words: str, port: int = 0) -> None:
    """Starting fails with this error and these words, and nothing is left running."""
    with pytest.raises(StoreError) as caught:
        join(home, port).leave()
    assert type(caught.value) is kind, caught.value
    for word in words:
        assert word in str(caught.value)
    if passwords_file(home / "postgres").exists():
        for line in passwords_file(home / "postgres").read_text().splitlines():
            assert line.rpartition(":")[2] not in str(caught.value)
    wait_until_gone(home)


def test_a_port_that_another_program_uses(own_home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused(own_home, PortTaken, f"Port {port} of 127.0.0.1 is in use", "STRETTO_POSTGRES_PORT", port=port)
        join(own_home, 0).leave()  # another port, and all is well


def test_the_last_port_was_taken_meanwhile(stopped: Path) -> None:
    port = int((stopped / "port").read_text())
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        member = join(stopped.parent)
    assert member.port != port
    member.leave()


def test_a_data_folder_of_another_version(stopped: Path) -> None:
    (stopped / "data" / "PG_VERSION").write_text("16\n")
    refused(stopped.parent, DataFolderUnfit, f"{stopped}/data was made by PostgreSQL 16", "pg_dump", "STRETTO_HOME")


def test_a_data_folder_with_a_damaged_heart(stopped: Path) -> None:
    control = stopped / "data" / "global" / "pg_control"
    control.write_bytes(b"\xff" * control.stat().st_size)
    refused(stopped.parent, DataFolderUnfit, f"{stopped}/data is damaged", "backup", "STRETTO_HOME")


def test_a_data_folder_whose_log_is_gone(stopped: Path) -> None:
    for segment in (stopped / "data" / "pg_wal").iterdir():
        if segment.is_file():
            segment.unlink()
    refused(stopped.parent, DataFolderUnfit, f"{stopped}/data is damaged", "backup", "STRETTO_HOME")


def test_a_data_folder_without_its_tables(stopped: Path) -> None:
    shutil.rmtree(stopped / "data" / "pg_xact")
    refused(stopped.parent, DataFolderUnfit, f"{stopped}/data is damaged")


def test_a_setting_of_ones_own_that_postgres_does_not_know(stopped: Path) -> None:
    (stopped / "local.conf").write_text("shared_bufers = 1GB\n")
    refused(
        stopped.parent, DatabaseUnreachable, "does not start", 'unrecognized configuration parameter "shared_bufers"'
    )


def test_a_home_that_is_a_file(new_home: Path) -> None:
    file = new_home / "file"
    file.touch()
    refused(file, FolderForbidden, str(file), "STRETTO_HOME")
    refused(file / "below", FolderForbidden, str(file), "STRETTO_HOME")


@contextmanager
def without_rights() -> Generator[None]:
    """Be somebody who may not write into this test's folders."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_home_that_one_may_not_write(new_home: Path) -> None:
    new_home.chmod(0o555)
    with without_rights():
        refused(new_home, FolderForbidden, str(new_home), "Permission denied", "STRETTO_HOME")
        refused(new_home / "new", FolderForbidden, str(new_home / "new"), "Permission denied")
    new_home.chmod(0o755)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_server_of_another_user(own_home: Path) -> None:
    member = join(own_home)
    with without_rights(), pytest.raises(FolderForbidden, match="Permission denied"):
        join(own_home)
    member.leave()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_data_folder_that_postgres_may_not_read(stopped: Path) -> None:
    tables = stopped / "data" / "global"
    os.chown(tables, 0, 0)
    tables.chmod(0o700)
    refused(stopped.parent, FolderForbidden, "Permission denied")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts PostgreSQL under another account")
def test_a_settled_folder_that_the_account_can_no_longer_reach(stopped: Path) -> None:
    home = stopped.parent
    home.chmod(0o700)
    refused(home, FolderForbidden, f"cannot reach {stopped}", f"({home}: chmod o+x)", "STRETTO_HOME")


@pytest.fixture
def small_disk(new_home: Path) -> Iterator[Path]:
    """A folder on a disk of 80 MB."""
    disk = new_home / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=80m,mode=755", "none", str(disk)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root can make a small disk, and not everywhere")
    yield disk
    wait_until_gone(disk)
    # The system closes the files of a process a little after the process has gone.
    wait_until(lambda: subprocess.run(["umount", str(disk)], check=False).returncode == 0, f"{disk} is let go")


def fill(disk: Path, leave_bytes: int) -> Path:
    """Leave only so much room on a disk; returns the file that takes the rest."""
    ballast = disk / "ballast"
    ballast.write_bytes(b"\0" * (shutil.disk_usage(disk).free - leave_bytes))
    return ballast


def test_a_disk_too_full_to_begin(small_disk: Path) -> None:
    ballast = fill(small_disk, 20_000_000)
    refused(small_disk / "home", DiskFull, "is full", "Make room", "STRETTO_HOME")
    ballast.unlink()
    join(small_disk / "home").leave()


def test_a_disk_without_any_room(small_disk: Path) -> None:
    ballast = fill(small_disk, 0)
    refused(small_disk / "home", DiskFull, "is full")
    ballast.unlink()
    join(small_disk / "home").leave()


async def write_much(database: Database) -> None:
    """Write more than fits on the small disk."""
    for _ in range(100):
        async with database.system() as connection:
            await connection.execute(
                "INSERT INTO kept SELECT repeat(md5(n::text), 100) FROM generate_series(1, 1000) n"
            )


async def test_a_disk_that_fills_while_in_use_loses_nothing(small_disk: Path) -> None:
    settings = Settings(home=small_disk / "home")
    database = await Database.open(settings)
    owner = await psycopg.AsyncConnection.connect(database._owner, autocommit=True)
    await owner.execute("CREATE TABLE public.kept (words text); GRANT ALL ON public.kept TO stretto_app")
    await owner.close()
    async with database.system() as connection:
        await connection.execute("INSERT INTO kept VALUES ('before')")
    ballast = fill(small_disk, 100_000)
    with pytest.raises(StoreError):
        await write_much(database)
    await database.close()
    wait_until_gone(small_disk)
    refused(small_disk / "home", DiskFull, "is full", "Make room")
    ballast.unlink()
    database = await Database.open(settings)
    async with database.system() as connection:
        rows = await (await connection.execute("SELECT count(*) FROM kept WHERE words = 'before'")).fetchone()
    assert rows == (1,)
    await database.close()


def test_a_keeper_that_cannot_start(stopped: Path) -> None:
    (stopped / "keeper.lock").unlink()
    (stopped / "keeper.lock").mkdir()
    refused(stopped.parent, DatabaseUnreachable, "does not start", "keeper.lock")


def test_nothing_runs_after_a_refusal(stopped: Path) -> None:
    (stopped / "data" / "PG_VERSION").write_text("12\n")
    refused(stopped.parent, DataFolderUnfit)
    assert processes_of(stopped.parent) == []
