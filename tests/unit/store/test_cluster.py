"""What is made of PostgreSQL's last words."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from stretto.errors import (
    DatabaseUnreachable,
    DataFolderUnfit,
    DiskFull,
    FolderForbidden,
    PortTaken,
    StoreError,
)
from stretto.store.cluster import APP, OWNER, check_data, explain, passwords_file, read_password, write_passwords


@pytest.mark.parametrize(
    ("log", "kind", "words"),
    [
        ("FATAL:  could not write lock file: No space left on device", DiskFull, "Make room"),
        (
            'LOG:  could not bind IPv4 address "127.0.0.1": Address already in use\nFATAL:  could not create any',
            PortTaken,
            "Port 5433 of 127.0.0.1 is in use by another program. Choose another with STRETTO_POSTGRES_PORT",
        ),
        ('FATAL:  could not open file "base/1/1259": Permission denied', FolderForbidden, "base/1/1259"),
        ("PANIC:  could not locate a valid checkpoint record", DataFolderUnfit, "is damaged"),
        ("FATAL:  incorrect checksum in control file", DataFolderUnfit, "is damaged"),
        ("Data page checksums are enabled.\ninitdb: error: something else", DatabaseUnreachable, "something else"),
        ("", DatabaseUnreachable, "(empty)"),
    ],
)
def test_each_way_to_fail_has_its_error(tmp_path: Path, log: str, kind: type[StoreError], words: str) -> None:
    error = explain(log, tmp_path, 5433)
    assert type(error) is kind
    assert words in str(error)


def test_only_the_end_of_a_long_log_is_told(tmp_path: Path) -> None:
    message = str(explain("\n".join(f"line {n}" for n in range(100)), tmp_path, 0))
    assert "line 99" in message
    assert "line 80" not in message


def test_passwords_are_long_different_and_for_their_owner_only(tmp_path: Path) -> None:
    owner = write_passwords(tmp_path)
    file = passwords_file(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_password(tmp_path, OWNER) == owner
    assert len({owner, read_password(tmp_path, APP)}) == 2
    assert len(owner) >= 32
    with pytest.raises(DataFolderUnfit, match="has no line for nobody"):
        read_password(tmp_path, "nobody")


def data_folder(tmp_path: Path, version: str = "18") -> Path:
    data = tmp_path / "data"
    (data / "global").mkdir(parents=True)
    (data / "global" / "pg_control").touch()
    (data / "PG_VERSION").write_text(f"{version}\n")
    write_passwords(tmp_path)
    return data


def test_a_whole_data_folder_passes(tmp_path: Path) -> None:
    check_data(data_folder(tmp_path))


def test_a_data_folder_of_another_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataFolderUnfit, match="was made by PostgreSQL 16, and this Stretto brings PostgreSQL 18"):
        check_data(data_folder(tmp_path, "16"))


@pytest.mark.parametrize("file", ["PG_VERSION", "global/pg_control"])
def test_a_data_folder_with_missing_files_is_refused(tmp_path: Path, file: str) -> None:
    data = data_folder(tmp_path)
    (data / file).unlink()
    with pytest.raises(DataFolderUnfit, match="is damaged: files are missing from it"):
        check_data(data)


def test_a_data_folder_without_its_passwords_is_refused(tmp_path: Path) -> None:
    data = data_folder(tmp_path)
    passwords_file(tmp_path).unlink()
    with pytest.raises(DataFolderUnfit, match="passwords is gone"):
        check_data(data)


def test_a_file_in_the_place_of_the_data_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(DataFolderUnfit, match="is not a folder"):
        check_data(tmp_path / "data")
