"""The one server that all contenders of a run share, and the processes in which they run."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from psycopg.sql import SQL, Identifier

from bench.machine import ROOT
from bench.until import until
from stretto.settings import Settings
from stretto.store import Database
from stretto.store.cluster import OWNER, passwords_file
from stretto.store.embedded import Membership, join

SHOWN = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "wal_level", "max_wal_size")
CONTENDER_S = 300.0
"""Longest time that a contender may take for one round."""


class ContenderFailed(Exception):
    """A contender's process ended without a result."""


@dataclass(frozen=True)
class Ground:
    """An embedded server in a folder of its own, with its shipped settings."""

    home: Path
    member: Membership
    postgres: str
    settings: dict[str, str]

    def url(self, database: str) -> str:
        """The address of a database on the server, with the rights of its owner."""
        place = {"host": str(self.member.sockets), "port": "5432", "passfile": str(passwords_file(self.member.folder))}
        return f"postgresql://{OWNER}@/{database}?{urlencode(place, quote_via=quote)}"

    def fresh(self, database: str) -> str:
        """The address of a new, empty database of this name."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(database)))
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(database)))
        return self.url(database)

    async def contend(
        self, function: str, database: str = "", /, *, within_s: float = CONTENDER_S, **given: object
    ) -> Any:
        """What a contender's function (`module:function`) returns for these parameters, in a process of its own.

        With `database` it gets the `url` of a new, empty database of that name, so that no round finds what
        another has left.
        """
        parameters: dict[str, object] = {"postmaster": self.member.postmaster, **given}
        if database:
            parameters["url"] = await asyncio.to_thread(self.fresh, database)
        return await run_apart(function, parameters, {"STRETTO_HOME": str(self.home)}, within_s)


async def run_apart(
    function: str, parameters: Mapping[str, object], environment: Mapping[str, str], timeout_s: float = CONTENDER_S
) -> Any:
    """Run a contender's function in a new process and give its result. Raises `ContenderFailed`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.contender",
        function,
        json.dumps(parameters),
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, errors = await asyncio.wait_for(process.communicate(), timeout_s)
    except TimeoutError:
        raise ContenderFailed(f"{function} took longer than {timeout_s:g} s") from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # a contender leaves nothing behind
        await process.wait()
    lines = out.decode().splitlines()
    if process.returncode or not lines:
        raise ContenderFailed(f"{function} ended with {process.returncode}:\n{errors.decode()[-3000:]}")
    return json.loads(lines[-1])


def new_home(prefix: str) -> Path:
    """A new folder for a server. PostgreSQL's own account may pass through it; or, for root, its data would lie elsewhere."""
    home = Path(tempfile.mkdtemp(prefix=prefix))
    home.chmod(0o711)
    return home


@asynccontextmanager
async def open_ground() -> AsyncGenerator[Ground]:
    """Start a server in a new folder; at the end it stops, and the folder goes with it."""
    home = new_home("stretto-bench-")
    member = await asyncio.to_thread(join, home, remove_after=True)
    try:
        database = await Database.open(Settings(home=home))  # so that no round pays for making the tables
        await database.close()
        shown: dict[str, str] = {}
        with psycopg.connect(Ground(home, member, "", {}).url("postgres"), autocommit=True) as connection:
            for name in SHOWN:
                row = connection.execute(SQL("SHOW {}").format(Identifier(name))).fetchone()
                shown[name] = str(row[0]) if row else ""
            major, minor = divmod(connection.info.server_version, 10000)
        yield Ground(home, member, f"{major}.{minor}", shown)
    finally:
        member.leave()
        await until(lambda: not home.exists())  # the keeper stops PostgreSQL, then removes the folder
