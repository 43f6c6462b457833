"""The fixtures themselves: a database of its own for each test, and nothing left of a session that was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg

from stretto.settings import Settings
from stretto.store import Database
from tests.conftest import HOME, PREFIX, TEMPLATE, Server
from tests.postgres.store.processes import processes_of, wait_until, wait_until_gone

ROOT = Path(__file__).parents[3]
HANG = """
import os, time
from pathlib import Path

async def test_that_hangs(database):
    told = Path(os.environ["TOLD"])
    told.with_suffix(".new").write_text(os.environ["STRETTO_TEST_HOME"])
    told.with_suffix(".new").rename(told)
    time.sleep(600)
"""


async def test_each_test_has_an_empty_database_of_its_own(database: Database, server: Server) -> None:
    async with database._as_owner() as owner:
        name = owner.info.dbname
        await owner.execute("CREATE TABLE stretto.of_this_test ()")
    assert name.startswith("test_")
    with server.connect() as connection:
        names = {name for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall()}
    assert {name, TEMPLATE} <= names


def test_settings_lead_other_processes_to_it_by_environment(settings: Settings) -> None:
    assert settings.database_url is not None
    code = (
        "import asyncio; from stretto.settings import load_settings; from stretto.store import Database\n"
        "async def main():\n"
        "    database = await Database.open(load_settings())\n"
        "    async with database.system() as c: print((await (await c.execute('SELECT current_database()')).fetchone())[0])\n"
        "    await database.close()\n"
        "asyncio.run(main())\n"
    )
    environment = {**os.environ, "STRETTO_DATABASE_URL": settings.database_url, "STRETTO_HOME": str(settings.home)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    with psycopg.connect(settings.database_url) as connection:
        assert done.stdout.strip() == connection.info.dbname


def test_a_killed_session_leaves_nothing(tmp_path: Path) -> None:
    test = tmp_path / "test_hang.py"
    test.write_text(HANG)
    told = tmp_path / "told"
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), f"--rootdir={ROOT}"]
    command += ["-p", "no:cacheprovider", "-p", "tests.conftest", str(test)]
    environment = {**os.environ, "TOLD": str(told)}
    output = tmp_path / "output"
    with output.open("wb") as file:
        session = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: told.exists() or session.poll() is not None, "the test hangs", 60)
        assert session.poll() is None, output.read_text()
        home = Path(told.read_text())
        assert home.name.startswith(PREFIX)
        assert str(home) != os.environ[HOME]
        assert processes_of(home) != []
    finally:
        session.kill()
        session.wait()
    wait_until_gone(home)
    wait_until(lambda: not home.exists(), "the folder is removed")
