"""Lending something to the work of a step: what a handler calls finds it there, without being handed it through others' code."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Generic, TypeVar

from stretto.engine.step import Handler, StepContext, StepResult
from stretto.errors import Invalid

T = TypeVar("T")


class Loan(Generic[T]):
    """One kind of thing that handlers are lent. `missing` says, after the name of who asks, what is not there and what to do."""

    def __init__(self, name: str, missing: str) -> None:
        self._lent: ContextVar[T | None] = ContextVar(name, default=None)
        self._missing = missing

    def lend(self, thing: T, handler: Handler) -> Handler:
        """The handler, with `thing` at hand for whatever it calls."""

        async def lending(ctx: StepContext) -> StepResult:
            token = self._lent.set(thing)
            try:
                return await handler(ctx)
            finally:
                self._lent.reset(token)

        return lending

    def borrowed(self, what: str) -> T:
        """What the step at work was lent. Raises `Invalid` for `what` where there is nothing."""
        thing = self._lent.get()
        if thing is None:
            raise Invalid(f"{what} {self._missing}")
        return thing
