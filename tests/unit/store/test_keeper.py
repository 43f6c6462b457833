"""Parts of the keeper that need no PostgreSQL. The whole is tried in tests/postgres/store."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from stretto.store import keeper
from stretto.store.keeper import Keeper, Orders


@pytest.fixture
def idle(tmp_path: Path) -> Keeper:
    """A keeper that has not been started."""
    names = ("postgres", "data", "config", "hba", "sockets", "control", "lock", "log", "port_file")
    places = {name: str(tmp_path / name) for name in names}
    orders = Orders(**places, port=0, uid=None, gid=None, groups=[], remove=[])  # type: ignore[typeddict-item]
    made = Keeper(orders)
    made.listener.close()
    made.selector.close()
    return made


def test_the_log_is_cut_off_when_it_is_long(idle: Keeper) -> None:
    log = Path(idle.orders["log"])
    log.write_bytes(b"old\n" + b"x" * keeper.LOG_BYTES + b"\nlast line\n")
    idle.log_checked_at -= keeper.LOG_CHECK_S
    with log.open("ab") as postgres:
        idle.bound_log()
        postgres.write(b"next line\n")
    assert log.read_bytes() == b"next line\n"
    before = log.with_name("log.1")
    assert before.stat().st_size <= keeper.LOG_BYTES
    assert before.read_bytes().endswith(b"\nlast line\n")


def test_a_short_log_is_left_alone(idle: Keeper) -> None:
    log = Path(idle.orders["log"])
    log.write_text("a line\n")
    idle.log_checked_at -= keeper.LOG_CHECK_S
    idle.bound_log()
    assert log.read_text() == "a line\n"


def test_a_server_that_keeps_dying_is_given_up(idle: Keeper) -> None:
    allowed = [idle.may_restart() for _ in range(keeper.MOST_CRASHES[0] + 1)]
    assert allowed == [True] * keeper.MOST_CRASHES[0] + [False]


def test_the_last_port_is_taken_again_if_it_is_free(tmp_path: Path) -> None:
    file = tmp_path / "port"
    first = keeper.choose_port(0, str(file))
    file.write_text(str(first))
    assert keeper.choose_port(0, str(file)) == first
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first))
        taken.listen()
        assert keeper.choose_port(0, str(file)) != first
    assert keeper.choose_port(5999, str(file)) == 5999


def test_the_socket_keeps_its_name_whatever_the_port(tmp_path: Path) -> None:
    for port in (40001, 40002):
        keeper.link_socket(str(tmp_path), port)
        assert (tmp_path / ".s.PGSQL.5432").readlink() == Path(f".s.PGSQL.{port}")
    assert len(list(tmp_path.iterdir())) == 1
    keeper.link_socket(str(tmp_path), 5432)


def test_a_process_is_only_taken_for_postgres_if_it_is_one(tmp_path: Path) -> None:
    assert not keeper.runs_on(os.getpid(), str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", "input()", str(tmp_path)], stdin=subprocess.PIPE) as other:
        assert not keeper.runs_on(other.pid, str(tmp_path))
        other.communicate()
    assert not keeper.runs_on(other.pid, str(tmp_path))


def test_the_keeper_loads_nothing_but_the_standard_library() -> None:
    code = (
        "import runpy, sys; runpy.run_path(sys.argv[1]);"
        "sys.exit(','.join(m for m in sys.modules if m.split('.')[0] not in sys.stdlib_module_names"
        " and not m.startswith('__')) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, keeper.__file__], capture_output=True, text=True, check=False
    )
    assert done.stderr.strip() == ""
    assert done.returncode == 0
