"""A data folder for the embedded PostgreSQL: made once, configured at each start, and judged when it does not start."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
from pathlib import Path

from stretto.errors import DatabaseUnreachable, DataFolderUnfit, DiskFull, FolderForbidden, PortTaken, StoreError
from stretto.store.places import MAJOR, Account, give, sync_folder

OWNER = "stretto"
APP = "stretto_app"
LEAST_FREE_BYTES = 8_000_000
DAMAGE = re.compile(
    r"PANIC:|incorrect checksum|invalid (primary )?checkpoint|could not locate a valid checkpoint|need to initdb|"
    r"not a valid data directory|invalid page|could not access status|could not (open|read) file \"?(base|global|pg_)",
    re.IGNORECASE,
)

CONFIG = """\
# Written by Stretto at each start. Put your own settings into local.conf next to this file.
listen_addresses = '127.0.0.1'
unix_socket_permissions = 0700
max_connections = 100
superuser_reserved_connections = 3
password_encryption = scram-sha-256

# Nothing that was accepted may be lost.
fsync = on
synchronous_commit = on
full_page_writes = on

# A small server that shares its machine.
shared_buffers = 64MB
work_mem = 8MB
maintenance_work_mem = 64MB
effective_cache_size = 512MB
max_worker_processes = 4
max_parallel_workers = 2
max_parallel_workers_per_gather = 1
max_parallel_maintenance_workers = 1
autovacuum_max_workers = 2
autovacuum_naptime = 5s
max_logical_replication_workers = 0
io_method = sync
jit = off
random_page_cost = 1.1
wal_level = minimal
max_wal_senders = 0
min_wal_size = 32MB
max_wal_size = 256MB
checkpoint_timeout = 5min

timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
log_destination = 'stderr'
logging_collector = off
log_line_prefix = '%m [%p] %q%u@%d '
log_checkpoints = off
cluster_name = ''

include = 'local.conf'
"""

HBA = """\
# Written by Stretto at each start.
local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
"""


def ensure_data(folder: Path, programs: Path, account: Account | None, lock: int) -> Path:
    """The data folder, made if there is none. It appears whole or not at all.

    initdb inherits the handle of the start lock: if we are killed meanwhile, the next one waits until it has ended.
    """
    data = folder / "data"
    if data.exists():
        check_data(data)
        return data
    fresh, words = folder / "data.new", folder / "words.new"
    shutil.rmtree(fresh, ignore_errors=True)
    words.unlink(missing_ok=True)
    password = write_passwords(folder)
    fresh.mkdir(mode=0o700)
    give(fresh, account)
    write_private(words, password)
    give(words, account)
    try:
        make_data(fresh, words, programs, account, lock)
    finally:
        words.unlink(missing_ok=True)
    fresh.rename(data)
    sync_folder(folder)
    return data


def make_data(fresh: Path, words: Path, programs: Path, account: Account | None, lock: int) -> None:
    """Run initdb, which also brings all to disk."""
    command = [programs / "bin" / "initdb", "-D", fresh, "-U", OWNER, f"--pwfile={words}", "--auth=scram-sha-256"]
    command += ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    command += ["--wal-segsize=4", "--no-instructions"]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"LC_ALL": "C", "PATH": os.defpath},
        cwd="/",
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=account.groups if account else None,
        pass_fds=[lock],
        start_new_session=True,
        check=False,
    )
    if done.returncode != 0:
        raise explain(done.stdout.decode(errors="replace"), fresh, 0)


def check_data(data: Path) -> None:
    """Raise when this PostgreSQL cannot work on the data folder."""
    if data.is_symlink() or not data.is_dir():
        raise DataFolderUnfit(f"{data} is not a folder. Move it away, or choose another folder with STRETTO_HOME.")
    if os.geteuid() not in {0, data.stat().st_uid}:
        raise FolderForbidden(
            f"{data} belongs to another user (number {data.stat().st_uid}). "
            "Start Stretto as that user, or choose another folder with STRETTO_HOME."
        )
    try:
        version = (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        version = ""
    if version and version != str(MAJOR):
        raise DataFolderUnfit(
            f"{data} was made by PostgreSQL {version}, and this Stretto brings PostgreSQL {MAJOR}. "
            f"Carry the data over with pg_dump of version {version} and psql of version {MAJOR}, "
            "or choose another folder with STRETTO_HOME."
        )
    if not version or not (data / "global" / "pg_control").exists():
        raise DataFolderUnfit(damaged(data, "files are missing from it"))
    if not passwords_file(data.parent).exists():
        raise DataFolderUnfit(
            f"{passwords_file(data.parent)} is gone, and without it nobody can enter {data}. "
            "Bring it back from a backup, or choose another folder with STRETTO_HOME."
        )


def damaged(data: Path, reason: str) -> str:
    """What to say of a folder that PostgreSQL cannot read."""
    return (
        f"{data} is damaged: {reason}. Bring it back from a backup, "
        f"or start with an empty one: move {data} away, or choose another folder with STRETTO_HOME."
    )


def write_config(folder: Path) -> tuple[Path, Path]:
    """Write what PostgreSQL reads at each start; it lies outside the data folder, which PostgreSQL's account owns."""
    paths = folder / "postgresql.conf", folder / "pg_hba.conf"
    for path, text in zip(paths, (CONFIG, HBA), strict=True):
        path.write_text(text)
        path.chmod(0o644)
    local = folder / "local.conf"
    if not local.exists():
        local.write_text("# Your own settings for the embedded PostgreSQL; Stretto leaves this file alone.\n")
    return paths


def passwords_file(folder: Path) -> Path:
    """The file of generated passwords, in the format that libpq reads (passfile)."""
    return folder / "passwords"


def write_passwords(folder: Path) -> str:
    """Make new passwords for the owner and the application; returns the owner's."""
    owner, app = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    path = passwords_file(folder)
    path.unlink(missing_ok=True)
    write_private(path, f"*:*:*:{OWNER}:{owner}\n*:*:*:{APP}:{app}\n")
    return owner


def read_password(folder: Path, role: str) -> str:
    """The generated password of a role."""
    for line in passwords_file(folder).read_text().splitlines():
        *_, name, password = line.split(":")
        if name == role:
            return password
    raise DataFolderUnfit(f"{passwords_file(folder)} has no line for {role}. Bring the file back from a backup.")


def write_private(path: Path, text: str) -> None:
    """Write a new file that only its owner may read."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(handle)


def explain(log: str, data: Path, port: int) -> StoreError:
    """The one error that says why PostgreSQL did not come up, from what it wrote to its log."""
    lines = "\n".join(log.strip().splitlines()[-8:])
    usage = shutil.disk_usage(data if data.exists() else data.parent)
    if "No space left on device" in log or "Disk quota exceeded" in log or usage.free < LEAST_FREE_BYTES:
        return DiskFull(
            f"The disk that holds {data} is full ({usage.free // 1_000_000} MB free). "
            "Make room, or put the data elsewhere with STRETTO_HOME."
        )
    if "could not bind" in log and "Address already in use" in log:
        return PortTaken(
            f"Port {port} of 127.0.0.1 is in use by another program. "
            "Choose another with STRETTO_POSTGRES_PORT, or 0 for any free one."
        )
    if "Permission denied" in log or "has wrong ownership" in log or "has invalid permissions" in log:
        return FolderForbidden(f"PostgreSQL may not use its folder {data}. Grant it the right that it misses:\n{lines}")
    if DAMAGE.search(log):
        return DataFolderUnfit(damaged(data, f"PostgreSQL says\n{lines}\n"))
    return DatabaseUnreachable(f"The embedded PostgreSQL does not start. The end of its log:\n{lines or '(empty)'}")
