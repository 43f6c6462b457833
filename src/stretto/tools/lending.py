"""Lending the database to the work of a step: tools that keep something of their own there find it here."""

from __future__ import annotations

from contextvars import ContextVar

from stretto.engine.step import Handler, StepContext, StepResult
from stretto.errors import Invalid
from stretto.store import Database

_lent: ContextVar[Database | None] = ContextVar("stretto.database", default=None)


def lend_database(database: Database, handler: Handler) -> Handler:
    """The handler, with `database` at hand for whatever it calls: `lent_database` gives it there."""

    async def lending(ctx: StepContext) -> StepResult:
        token = _lent.set(database)
        try:
            return await handler(ctx)
        finally:
            _lent.reset(token)

    return lending


def lent_database(what: str) -> Database:
    """The database of the step at work. Raises `Invalid` for `what` where none is lent."""
    database = _lent.get()
    if database is None:
        raise Invalid(
            f"{what} keeps something in the database, and none is lent here. Call it in a step of a platform, or wrap the handler: "
            "`lend_database(database, tool_handler(tools))`."
        )
    return database
