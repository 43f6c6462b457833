"""The keeper: a small process that runs PostgreSQL for as long as somebody uses it, and no longer.

Every process that uses the embedded server keeps a connection to the keeper's Unix socket open. The kernel closes it
when that process ends, however it ends, so the keeper always knows who is left. When the last one has gone it stops
PostgreSQL and ends. When PostgreSQL dies it starts it again. When the keeper itself dies, the kernel tells PostgreSQL
to stop (Linux); elsewhere the next keeper stops what it finds.

This file is run by its path and not imported as a part of the package: it uses only the standard library, so that it
starts in a few hundredths of a second and stays small. It is told what to do by a file of orders (`Orders`).
"""

# pathlib would add a third to the time to start.
# ruff: noqa: PTH101, PTH102, PTH105, PTH108, PTH110, PTH112, PTH115, PTH116, PTH120, PTH123, PTH208, PTH211
from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable

GRACE_S = 0.5  # after the last user has gone, for commands that follow each other
FIRST_USER_S = 5.0  # whoever started the keeper comes at once, or was killed
POLL_S = 0.01
PREDECESSOR_S = 60.0  # a keeper that is just stopping gets this long
LEFTOVERS_S = 5.0  # so do the processes of a PostgreSQL that was killed, before they are killed as well
COME_UP_S = 20.0  # a start that fails for a passing reason is tried again for so long
LAST_WORDS_S = 2.0  # whoever started the keeper is about to ask what has become of it
MOST_CRASHES = (5, 30.0)  # number, seconds
STOP_S = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
LOG_BYTES = 4_000_000  # then it becomes log.1, and a new one begins
LOG_CHECK_S = 5.0
TAIL_BYTES = 4_000
SOCKET_NAME = ".s.PGSQL.5432"  # stays the same whatever the port, so that pools find a restarted server
PR_SET_PDEATHSIG = 1


class Orders(TypedDict):
    """What the keeper is to run, and where. Written by the process that starts it."""

    postgres: str  # the program
    data: str
    config: str
    hba: str
    sockets: str  # folder of PostgreSQL's Unix socket
    control: str  # the keeper's own Unix socket
    lock: str
    log: str
    port_file: str  # remembers the port between starts
    port: int  # 0: any free one
    uid: int | None  # None: as the user who starts it
    gid: int | None
    groups: list[int]
    remove: list[str]  # folders to remove at the end


class Keeper:
    """Owns one PostgreSQL server. Use: `Keeper(orders).run(announce)`."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.users: set[socket.socket] = set()
        self.server: subprocess.Popen[bytes] | None = None
        self.ready = False
        self.stopping = False
        self.port = 0
        self.log_start = 0
        self.started_at = 0.0
        self.crashes: list[float] = []
        self.alone_since = time.monotonic() + FIRST_USER_S - GRACE_S
        self.log_checked_at = time.monotonic()
        self.selector = selectors.DefaultSelector()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def run(self, announce: int) -> None:
        """Keep the server until the last user has gone. Writes a line to the pipe `announce` when users may come."""
        lock = take_lock(self.orders["lock"])
        self.wake_on_signals()
        self.make_folders()
        self.listen()
        os.write(announce, b"listening\n")
        os.close(announce)
        try:
            self.stop_leftovers()
            self.start_server()
            while not self.stopping:
                self.turn()
        except OSError as error:
            self.fail(f"{type(error).__name__}: {error}")
        finally:
            self.close()
            os.close(lock)

    def wake_on_signals(self) -> None:
        """Let signals end a wait, so that nothing needs to be polled while all is well."""
        receiver, sender = socket.socketpair()
        receiver.setblocking(False)
        sender.setblocking(False)
        signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, self.on_child)
        signal.signal(signal.SIGTERM, self.on_terminate)
        signal.signal(signal.SIGINT, self.on_terminate)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._wakeup = (receiver, sender)
        self.selector.register(receiver, selectors.EVENT_READ)

    def on_child(self, *_: object) -> None:
        """Only ends the wait; the loop looks after the child."""

    def on_terminate(self, *_: object) -> None:
        """Stop in good order when the machine shuts down."""
        self.stopping = True

    def make_folders(self) -> None:
        """Make the folders for sockets, which the keeper before this one may have removed."""
        for folder in (os.path.dirname(self.orders["control"]), self.orders["sockets"]):
            if not os.path.isdir(folder):
                os.mkdir(folder, 0o700)
                if folder == self.orders["sockets"] and self.orders["uid"] is not None:
                    os.chown(folder, self.orders["uid"], self.orders["gid"] or 0)
                elif self.orders["uid"] is not None:
                    os.chmod(folder, 0o711)  # noqa: S103 - that account has to pass through

    def listen(self) -> None:
        """Open the socket that users connect to; only this user can reach it."""
        unlink(self.orders["control"])
        mask = os.umask(0o177)
        try:
            self.listener.bind(self.orders["control"])
        finally:
            os.umask(mask)
        self.listener.listen(64)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ)

    # One turn of the loop

    def turn(self) -> None:
        """Wait until something happens, and see to it."""
        for key, _ in self.selector.select(self.longest_wait()):
            if key.fileobj is self.listener:
                self.welcome()
            elif key.fileobj in self.users:
                self.hear(key.fileobj)
            else:
                drain(self._wakeup[0])
        if self.server is not None and self.server.poll() is not None:
            self.on_server_exit()
        elif not self.ready and self.server_says_ready():
            self.on_ready()
        self.bound_log()
        if not self.users and time.monotonic() - self.alone_since >= GRACE_S:
            self.stopping = True

    def longest_wait(self) -> float:
        """How long the loop may sleep, in seconds."""
        if not self.ready:
            return POLL_S
        if not self.users:
            return max(self.alone_since + GRACE_S - time.monotonic(), 0.0)
        return LOG_CHECK_S

    def welcome(self) -> None:
        """Take in a new user."""
        try:
            user, _ = self.listener.accept()
        except OSError:
            return
        user.setblocking(False)
        self.users.add(user)
        self.selector.register(user, selectors.EVENT_READ)
        if self.ready:
            self.tell(user, self.greeting())

    def hear(self, user: object) -> None:
        """Notice that a user has gone."""
        assert isinstance(user, socket.socket)
        try:
            gone = user.recv(1024) == b""
        except BlockingIOError:
            return
        except OSError:
            gone = True
        if gone:
            self.dismiss(user)

    def dismiss(self, user: socket.socket) -> None:
        """Forget a user."""
        self.selector.unregister(user)
        self.users.discard(user)
        user.close()
        self.alone_since = time.monotonic()

    def tell(self, user: socket.socket, message: dict[str, object]) -> None:
        """Send one line; a user that cannot take it is on its way out."""
        with contextlib.suppress(OSError):
            user.send(json.dumps(message).encode() + b"\n")

    def greeting(self) -> dict[str, object]:
        """What a user is told once PostgreSQL takes connections."""
        assert self.server is not None
        return {"state": "ready", "port": self.port, "postmaster": self.server.pid, "keeper": os.getpid()}

    # The server

    def start_server(self) -> None:
        """Start PostgreSQL; `on_ready` or `on_server_exit` follows."""
        orders = self.orders
        self.ready = False
        self.port = choose_port(orders["port"], orders["port_file"])
        arguments = [orders["postgres"], "-D", orders["data"]]
        arguments += ["-c", f"config_file={orders['config']}", "-c", f"hba_file={orders['hba']}"]
        arguments += ["-c", f"unix_socket_directories={quote_folder(orders['sockets'])}", "-p", str(self.port)]
        keeper = os.getpid()
        with open(orders["log"], "ab") as log:
            self.log_start = log.tell()
            self.server = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=orders["data"],
                env={"LC_ALL": "C", "PATH": os.defpath},
                user=orders["uid"],
                group=orders["gid"],
                extra_groups=orders["groups"] if orders["uid"] is not None else None,
                preexec_fn=lambda: die_with(keeper),  # noqa: PLW1509 - this process has one thread
            )

    def server_says_ready(self) -> bool:
        """Whether PostgreSQL has written into its lock file that it takes connections."""
        assert self.server is not None
        lines = postmaster_lines(self.orders["data"])
        return len(lines) > 7 and lines[0] == str(self.server.pid) and lines[7].strip() == "ready"

    def on_ready(self) -> None:
        """Tell everybody who waits."""
        self.ready = True
        with contextlib.suppress(OSError):  # without it the next start chooses another
            write_atomically(self.orders["port_file"], str(self.port))
        link_socket(self.orders["sockets"], self.port)
        for user in self.users:
            self.tell(user, self.greeting())

    def on_server_exit(self) -> None:
        """Start PostgreSQL again if it had been up; give up, with the reason, if it does not come up."""
        if self.stopping:
            return
        if self.ready and self.may_restart():
            self.start_server()
            return
        tail = read_tail(self.orders["log"], self.log_start)
        trying_s = time.monotonic() - self.started_at
        if is_passing(tail) and trying_s < COME_UP_S:
            if trying_s > LEFTOVERS_S:
                kill_orphans(self.orders["data"])
            time.sleep(0.1)
            self.start_server()
        elif "could not bind" in tail and self.orders["port"] == 0 and self.forget_port():
            self.start_server()
        else:
            self.fail(tail)

    def fail(self, reason: str) -> None:
        """Tell everybody why PostgreSQL is not there, those included who are just coming."""
        self.stopping = True
        self.ready = False
        with contextlib.suppress(OSError):
            sys.stderr.write(f"The keeper gives up. {reason if len(reason) < 300 else ''}\n")
            sys.stderr.flush()
        told: set[socket.socket] = set()
        deadline = time.monotonic() + LAST_WORDS_S
        while time.monotonic() < deadline:
            for user in self.users - told:
                self.tell(user, {"state": "failed", "log": reason})
                told.add(user)
            if told:
                break
            for key, _ in self.selector.select(POLL_S):
                if key.fileobj is self.listener:
                    self.welcome()

    def may_restart(self) -> bool:
        """Whether a server that had been up is started again: not when it keeps dying."""
        self.started_at = time.monotonic()
        self.crashes = [at for at in self.crashes if at > self.started_at - MOST_CRASHES[1]] + [self.started_at]
        return len(self.crashes) <= MOST_CRASHES[0]

    def forget_port(self) -> bool:
        """Let the next start choose another port; false if that has been done already."""
        if not os.path.exists(self.orders["port_file"]):
            return False
        unlink(self.orders["port_file"])
        return True

    def stop_leftovers(self) -> None:
        """Stop a PostgreSQL that an earlier keeper was torn away from."""
        self.started_at = time.monotonic()
        data = self.orders["data"]
        lines = postmaster_lines(data)
        pid = int(lines[0]) if lines and lines[0].isdigit() else 0
        for number, wait_s in STOP_S:
            if not pid or not runs_on(pid, data):
                break
            kill(pid, number)
            wait_until(lambda: not runs_on(pid, data), wait_s)
        if pid and servers_in(data) == []:
            # Nothing is left of it. The numbers in its lock files may belong to strangers by now.
            unlink(f"{data}/postmaster.pid")
            for name in os.listdir(self.orders["sockets"]):
                unlink(f"{self.orders['sockets']}/{name}")

    def bound_log(self) -> None:
        """Keep the log from growing without end. PostgreSQL appends, so cutting it off is safe."""
        if time.monotonic() - self.log_checked_at < LOG_CHECK_S:
            return
        self.log_checked_at = time.monotonic()
        path = self.orders["log"]
        with contextlib.suppress(OSError):
            if os.stat(path).st_size > LOG_BYTES:
                write_atomically(f"{path}.1", read_tail(path, 0, LOG_BYTES))
                os.truncate(path, 0)
                self.log_start = 0

    def close(self) -> None:
        """Stop PostgreSQL, whatever it takes, and leave nothing behind."""
        self.stopping = True
        unlink(self.orders["control"])
        self.listener.close()
        for number, wait_s in STOP_S:
            if self.server is None or self.server.poll() is not None:
                break
            self.server.send_signal(number)
            wait_until(lambda: self.server is None or self.server.poll() is not None, wait_s)
        for user in list(self.users):
            self.dismiss(user)
        if self.orders["remove"]:
            import shutil  # noqa: PLC0415 - seldom needed, and slow to load

            for folder in self.orders["remove"]:
                shutil.rmtree(folder, ignore_errors=True)


def take_lock(path: str) -> int:
    """Be the only keeper of this data folder; waits for one that is just stopping."""
    deadline = time.monotonic() + PREDECESSOR_S
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.exists(path) and os.path.samestat(os.fstat(lock), os.stat(path)):
                return lock
        except BlockingIOError:
            if time.monotonic() > deadline:
                sys.exit("The keeper before this one does not end.")
        os.close(lock)
        time.sleep(POLL_S)


def die_with(keeper: int) -> None:
    """In the new process, before it becomes PostgreSQL: ask the kernel to stop it when the keeper dies."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0)
    if os.getppid() != keeper:
        os._exit(1)


def choose_port(wanted: int, port_file: str) -> int:
    """The wanted port; or, for 0, the one used last time if it is free, or else any free one."""
    if wanted:
        return wanted
    last = read_tail(port_file, 0).strip()
    for port in ([int(last)] if last.isdigit() else []) + [0]:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(trial.getsockname()[1])
    return int(last or 5432)  # not reached in practice: PostgreSQL then says what is wrong


def link_socket(folder: str, port: int) -> None:
    """Give PostgreSQL's socket, which is named for its port, the name that never changes."""
    name = f".s.PGSQL.{port}"
    if name == SOCKET_NAME:
        return
    fresh = f"{folder}/.fresh"
    unlink(fresh)
    os.symlink(name, fresh)
    os.replace(fresh, f"{folder}/{SOCKET_NAME}")


def quote_folder(path: str) -> str:
    """A folder as an entry of one of PostgreSQL's lists."""
    return '"' + path.replace('"', '""') + '"'


def postmaster_lines(data: str) -> list[str]:
    """The lines of PostgreSQL's lock file; none if there is no such file."""
    return read_tail(f"{data}/postmaster.pid", 0).splitlines()


def is_passing(tail: str) -> bool:
    """Whether a start failed because the processes of a server that was killed are still ending."""
    return "pre-existing shared memory block" in tail or 'lock file "postmaster.pid" already exists' in tail


def is_alive(pid: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def runs_on(pid: int, data: str) -> bool:
    """Whether this process is a PostgreSQL on this data folder, and not a stranger that got its number."""
    if not is_alive(pid):
        return False
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().decode(errors="replace").split("\0")
    except OSError:
        if sys.platform.startswith("linux"):
            return False
        words = subprocess.run(
            ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout.split(" ")
    return "postgres" in words[0] and data in " ".join(words)


def servers_in(data: str) -> list[int] | None:
    """The processes of PostgreSQL at work in a data folder; None where the system does not tell."""
    if not sys.platform.startswith("linux"):
        return None
    found: list[int] = []
    folder = os.path.realpath(data)
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.readlink(f"/proc/{name}/cwd") == folder:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    if b"postgres" in file.read(4096).split(b"\0")[0]:
                        found.append(int(name))
        except OSError:
            continue
    return found


def kill_orphans(data: str) -> None:
    """End what a killed PostgreSQL has left and what does not end by itself."""
    for pid in servers_in(data) or []:
        kill(pid, signal.SIGKILL)


def kill(pid: int, number: int) -> None:
    """Send a signal to a process that may have ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def wait_until(done: Callable[[], bool], wait_s: float) -> None:
    """Wait for something that cannot announce itself."""
    deadline = time.monotonic() + wait_s
    while not done() and time.monotonic() < deadline:
        time.sleep(POLL_S)


def drain(receiver: socket.socket) -> None:
    """Empty the socket that signals write to."""
    try:
        while receiver.recv(1024):
            pass
    except BlockingIOError:
        pass


def unlink(path: str) -> None:
    """Remove a file that may not be there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def read_tail(path: str, start: int, most: int = TAIL_BYTES) -> str:
    """The end of a file from `start` on; empty if there is none."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(start if start <= size else 0, size - most))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def write_atomically(path: str, text: str) -> None:
    """Replace a small file in one step."""
    with os.fdopen(os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    os.replace(f"{path}.new", path)


def main() -> None:
    """Read the orders, leave the caller's process tree, and keep the server."""
    orders_path, announce = sys.argv[1], int(sys.argv[2])
    with open(orders_path) as file:
        orders: Orders = json.load(file)
    if os.fork():
        os._exit(0)
    os.chdir("/")
    Keeper(orders).run(announce)


if __name__ == "__main__":
    main()
