"""Lending the database to the work of a step: tools that keep something of their own there find it here."""

from __future__ import annotations

from stretto.engine.lending import Loan
from stretto.engine.step import Handler
from stretto.store import Database

_LOAN: Loan[Database] = Loan(
    "stretto.database",
    "keeps something in the database, and none is lent here. Call it in a step of a platform, or wrap the handler: "
    "`lend_database(database, tool_handler(tools))`.",
)


def lend_database(database: Database, handler: Handler) -> Handler:
    """The handler, with `database` at hand for whatever it calls: `lent_database` gives it there."""
    return _LOAN.lend(database, handler)


def lent_database(what: str) -> Database:
    """The database of the step at work. Raises `Invalid` for `what` where none is lent."""
    return _LOAN.borrowed(what)
