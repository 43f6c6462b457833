"""Using the embedded PostgreSQL: start it, or join those who use it already."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from psycopg.conninfo import make_conninfo

from stretto.errors import DatabaseUnreachable, DiskFull, FolderForbidden
from stretto.store import keeper
from stretto.store.cluster import APP, OWNER, ensure_data, explain, passwords_file, write_config
from stretto.store.keeper import read_tail
from stretto.store.places import (
    find_folder,
    settle_folder,
    settle_programs,
    settle_sockets,
)

ORDERS = "keeper.json"
START_S = 120.0  # crash recovery of a large database takes a while
KEEPER_S = 90.0
MOST_TRIES = 10


@dataclass(slots=True)
class Membership:
    """The use of the embedded server by this process. It lasts until `leave`, or until the process ends."""

    line: socket.socket  # open as long as the membership; ends when the keeper does
    folder: Path
    sockets: Path
    port: int
    postmaster: int
    keeper: int

    def conninfo(self, role: str = APP, database: str = OWNER) -> str:
        """How libpq connects; holds no secret, for the password is in the file that it names."""
        return make_conninfo(
            host=str(self.sockets),
            port=5432,  # the socket has this name whatever the TCP port is
            user=role,
            dbname=database,
            passfile=str(passwords_file(self.folder)),
            application_name="stretto",
        )

    def hear(self, news: bytes) -> None:
        """Note what the keeper says: it greets again when it has started PostgreSQL again."""
        for line in news.splitlines():
            greeting = json.loads(line)
            if greeting["state"] == "ready":
                self.port, self.postmaster = greeting["port"], greeting["postmaster"]

    def leave(self) -> None:
        """Stop using the server. It stops when nobody uses it any more."""
        self.line.close()


def join(home: Path, port: int = 0, *, remove_after: bool = False) -> Membership:
    """Use the embedded server of this STRETTO_HOME; starts it if nobody does yet. Blocks, for about a second at worst.

    `port` is the TCP port on 127.0.0.1 if the server is not running yet; 0 takes any free one. With `remove_after` the
    one who starts the server has the whole of `home` removed when the last user leaves: for tests.
    Raises an error of the `StoreError` tree that says what is wrong and what to do.
    """
    deadline = time.monotonic() + START_S
    with clear_errors(home):
        home.mkdir(parents=True, exist_ok=True)
        for _ in range(MOST_TRIES):
            orders = read_orders(find_folder(home))
            line = call(orders)
            if line is None:
                with start_lock(home, deadline) as lock:
                    orders = read_orders(find_folder(home))
                    line = call(orders)
                    if line is None:
                        orders = prepare(home, port, lock, remove_after=remove_after)
                        start_keeper(orders)
                        line = call(orders)
            if line is not None and orders is not None:
                member = await_greeting(line, orders, deadline)
                if member is not None:
                    return member
            time.sleep(0.05)  # the keeper that we called was just ending
        log = read_tail(str(find_folder(home) / "postgres.log"), 0)
        raise explain(log, find_folder(home) / "data", port)


@contextlib.contextmanager
def clear_errors(home: Path) -> Generator[None]:
    """Turn what the system says about files into our errors."""
    try:
        yield
    except OSError as error:
        place = error.filename or home
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFull(
                f"The disk that holds {place} is full. Make room, or put the data elsewhere with STRETTO_HOME."
            ) from error
        if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}:
            raise FolderForbidden(
                f"{place} cannot be used ({os.strerror(error.errno)}). "
                "Grant this user the right to write there, or choose another folder with STRETTO_HOME."
            ) from error
        raise


@contextlib.contextmanager
def start_lock(home: Path, deadline: float) -> Generator[int]:
    """Only one process at a time starts the server. Yields the lock's handle."""
    lock = take_start_lock(home, deadline)
    try:
        yield lock
    finally:
        os.close(lock)


def take_start_lock(home: Path, deadline: float) -> int:
    """Wait for the lock; closing the handle gives it back."""
    path = home / "postgres.lock"
    while True:
        home.mkdir(parents=True, exist_ok=True)  # it may have been removed while we waited
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(os.fstat(lock), path.stat()):
                return lock
        except BlockingIOError:
            pass
        os.close(lock)
        if time.monotonic() > deadline:
            raise DatabaseUnreachable(
                f"Another process has been starting the embedded PostgreSQL for {START_S:g} s without end. "
                f"It holds {path} open; look what it does, or end it."
            )
        time.sleep(0.01)


def read_orders(folder: Path) -> keeper.Orders | None:
    """The orders of the keeper that was started last; not those that came with a copy of another folder."""
    try:
        orders = cast("keeper.Orders", json.loads((folder / ORDERS).read_text()))
    except (FileNotFoundError, ValueError):
        return None
    return orders if orders["lock"] == str(folder / "keeper.lock") else None


def call(orders: keeper.Orders | None) -> socket.socket | None:
    """A connection to the keeper; None if there is none at work."""
    if orders is None:
        return None
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.connect(orders["control"])
    except (FileNotFoundError, ConnectionRefusedError):
        line.close()
        return None
    except BaseException:
        line.close()
        raise
    return line


def prepare(home: Path, port: int, lock: int, *, remove_after: bool) -> keeper.Orders:
    """Make sure of everything on disk, and write the keeper's orders. Call under the start lock."""
    folder, account = settle_folder(home)
    programs = settle_programs(folder, account)
    data = ensure_data(folder, programs, account, lock)
    config, hba = write_config(folder)
    before = read_orders(folder)
    near = settle_sockets(folder, Path(before["control"]).parent if before and before["remove"] else None)
    remove = [str(near)] if near != folder else []  # it holds nothing but sockets
    if remove_after or (before and str(home) in before["remove"]):
        remove += [str(home), str(folder)]
    orders: keeper.Orders = {
        "postgres": str(programs / "bin" / "postgres"),
        "data": str(data),
        "config": str(config),
        "hba": str(hba),
        "sockets": str(near / "s"),
        "control": str(near / "keeper.sock"),
        "lock": str(folder / "keeper.lock"),
        "log": str(folder / "postgres.log"),
        "port_file": str(folder / "port"),
        "port": port,
        "uid": account.uid if account else None,
        "gid": account.gid if account else None,
        "groups": list(account.groups) if account else [],
        "remove": remove,
    }
    keeper.write_atomically(str(folder / ORDERS), json.dumps(orders, indent=1))
    return orders


def start_keeper(orders: keeper.Orders) -> None:
    """Start the keeper, out of reach of this process's terminal, and wait until it may be called."""
    listening, announce = os.pipe()
    folder = Path(orders["lock"]).parent
    try:
        with os.fdopen(os.open(orders["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as log:
            start = log.tell()
            subprocess.run(
                [sys.executable, "-I", "-S", keeper.__file__, str(folder / ORDERS), str(announce)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[announce],
                start_new_session=True,
                check=False,
            )
        os.close(announce)
        announce = -1
        poll = select.poll()
        poll.register(listening, select.POLLIN)
        listens = poll.poll(KEEPER_S * 1000) and os.read(listening, 16)
        if not listens and Path(orders["data"]).exists():  # if not, the keeper before it has just removed all
            raise explain(read_tail(orders["log"], start), Path(orders["data"]), orders["port"])
    finally:
        os.close(listening)
        if announce != -1:
            os.close(announce)


def await_greeting(line: socket.socket, orders: keeper.Orders, deadline: float) -> Membership | None:
    """Wait until PostgreSQL takes connections; None if the keeper was just ending."""
    received = b""
    try:
        while not received.endswith(b"\n"):
            line.settimeout(max(deadline - time.monotonic(), 0.01))
            piece = line.recv(65536)
            if not piece:
                line.close()
                return None
            received += piece
        greeting = json.loads(received.splitlines()[-1])
        if greeting["state"] == "failed":
            raise explain(greeting["log"], Path(orders["data"]), orders["port"])
        line.settimeout(None)
        return Membership(
            line=line,
            folder=Path(orders["lock"]).parent,
            sockets=Path(orders["sockets"]),
            port=greeting["port"],
            postmaster=greeting["postmaster"],
            keeper=greeting["keeper"],
        )
    except ConnectionResetError:
        line.close()
        return None
    except TimeoutError:
        line.close()
        raise DatabaseUnreachable(
            f"The embedded PostgreSQL did not come up within {START_S:g} s. Look into {orders['log']}."
        ) from None
    except BaseException:
        line.close()
        raise
