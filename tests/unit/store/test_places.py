"""Where the embedded PostgreSQL may live."""

from __future__ import annotations

import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stretto.errors import FolderForbidden
from stretto.store.places import (
    LONGEST_SOCKET,
    Account,
    can_reach,
    find_folder,
    first_barrier,
    settle_sockets,
    wheel_folder,
)

STRANGER = Account("stranger", 64123, 64124, (64124, 64125))


@pytest.fixture
def below() -> Iterator[Path]:
    """A folder two levels deep that a stranger can reach, though pytest makes its folders for one user only."""
    with tempfile.TemporaryDirectory() as name:
        outer = Path(name)
        outer.chmod(0o755)
        if not can_reach(STRANGER, outer):
            pytest.skip("the folder for temporary files is closed to others here")
        inner = outer / "inner"
        inner.mkdir()
        yield inner


def test_everybody_reaches_open_folders(below: Path) -> None:
    assert can_reach(STRANGER, below)
    assert can_reach(STRANGER, below / "not there yet")


def test_the_closed_folder_on_the_way_is_named(below: Path) -> None:
    below.parent.chmod(0o700)
    assert first_barrier(STRANGER, below) == below.parent
    assert not can_reach(STRANGER, below / "not there yet")


def test_groups_count(below: Path) -> None:
    below.parent.chmod(0o710)
    gid = below.parent.stat().st_gid
    assert not can_reach(STRANGER, below)
    assert can_reach(Account("member", 64123, gid, (gid,)), below)


def test_who_owns_a_folder_needs_the_owners_right(below: Path) -> None:
    below.parent.chmod(0o077)
    owner = Account("owner", below.stat().st_uid, 64124, (64124,))
    assert first_barrier(owner, below) == below.parent
    below.parent.chmod(0o700)


def test_a_folder_that_was_settled_elsewhere_is_found_there(tmp_path: Path) -> None:
    assert find_folder(tmp_path) == tmp_path / "postgres"
    (tmp_path / "postgres.where").write_text("/var/lib/stretto/abc\n")
    assert find_folder(tmp_path) == Path("/var/lib/stretto/abc")


def test_sockets_lie_in_the_folder_if_its_name_is_short() -> None:
    assert settle_sockets(Path("/home/ann/.stretto/postgres"), None) == Path("/home/ann/.stretto/postgres")


def test_sockets_of_a_deep_folder_lie_among_the_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    deep = Path("/home") / ("x" * LONGEST_SOCKET)
    found = settle_sockets(deep, None)
    assert found.parent == tmp_path
    assert stat.S_IMODE(found.stat().st_mode) & 0o066 == 0
    assert settle_sockets(deep, None) == found
    assert settle_sockets(deep.with_name("other" * LONGEST_SOCKET), None) != found


def test_sockets_are_not_put_into_a_folder_that_others_may_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    deep = Path("/home") / ("x" * LONGEST_SOCKET)
    settle_sockets(deep, None).chmod(0o777)
    with pytest.raises(FolderForbidden, match="belongs to somebody else"):
        settle_sockets(deep, None)


def test_the_wheel_has_the_programs() -> None:
    for name in ("postgres", "initdb", "pg_dump"):
        assert (wheel_folder() / "bin" / name).exists()
