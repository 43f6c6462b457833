"""The first key: made when Stretto starts on a database that has never had one."""

from __future__ import annotations

from stretto.auth.keys import new_key
from stretto.auth.store import NewKeyRow, Operator
from stretto.store import DEFAULT_TENANT, Database


async def make_first_key(database: Database) -> str | None:
    """An owner key of the first tenant, which is shown once; None when this database has, or ever had, a key."""
    made = new_key()
    row = NewKeyRow(made.prefix, made.digest, "first key", "owner", by="first start")
    return made.text if await Operator(database).add_first_key(DEFAULT_TENANT, row) else None
