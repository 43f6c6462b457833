"""The recorded schema: what pg_dump says of a database that was migrated from nothing.

    .venv/bin/python -m tests.postgres.store.record_schema

records it anew, in the folder `schema` next to this file; a test compares.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import tempfile
from pathlib import Path

from stretto.settings import Settings
from stretto.store import Database
from stretto.store.places import wheel_folder

RECORD = Path(__file__).with_name("schema")
HEADER = (
    "-- Recorded by `python -m tests.postgres.store.record_schema`; compared by test_schema.py. Not edited by hand.\n\n"
)
# The queue's tables are Procrastinate's, and the partitions are those of the month.
PARTITIONS = "stretto.(runs|journal|calls|events|event_effects|webhook_deliveries)_[0-9]*"
PASSING = re.compile(r"^(\\(un)?restrict .*|-- Dumped .*|-- Name: .*|SET transaction_timeout.*|--)\n", re.MULTILINE)


def dump(url: str) -> str:
    """The schema `stretto` of a database, without what changes from dump to dump."""
    command = [wheel_folder() / "bin" / "pg_dump", "--schema-only", "--schema=stretto", f"--exclude-table={PARTITIONS}"]
    text = subprocess.run([*command, f"--dbname={url}"], capture_output=True, check=True, text=True).stdout
    return re.sub(r"\n{2,}", "\n", PASSING.sub("", text)).strip() + "\n"


def parts(text: str) -> dict[str, str]:
    """The dump as files: functions, tables, and the rules that come after them.

    A table whose rows functions return stands among the functions; those that come after it are a file of their own.
    """
    after = text.index("CREATE TABLE ")
    tables = text.index("CREATE TABLE ", text.rindex("CREATE FUNCTION "))
    rules = text.index("ALTER TABLE ONLY ", tables)
    named = {
        "functions.sql": text[:after],
        "functions_after_limits.sql": text[after:tables],
        "tables.sql": text[tables:rules],
        "rules.sql": text[rules:],
    }
    return {name: HEADER + part for name, part in named.items()}


def recorded() -> dict[str, str]:
    """What is recorded."""
    return {path.name: path.read_text() for path in RECORD.glob("*.sql")}


async def record(home: Path) -> None:
    """Migrate a new database and write its schema down."""
    database = await Database.open(Settings(home=home))
    RECORD.mkdir(exist_ok=True)
    for name, part in parts(await asyncio.to_thread(dump, database.dsn_for_people)).items():
        (RECORD / name).write_text(part)
    await database.close()


def main() -> None:
    """Use a server of its own, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="stretto-tests-", ignore_cleanup_errors=True) as name:
        os.chmod(name, 0o755)  # noqa: PTH101 - PostgreSQL's account has to pass through
        asyncio.run(record(Path(name)))


if __name__ == "__main__":
    main()
