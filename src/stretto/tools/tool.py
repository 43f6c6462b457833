"""What a tool is, wherever it comes from: a name, a JSON Schema of its arguments, its effects, and a way to call it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol, runtime_checkable

from stretto.engine.step import StepContext
from stretto.flow.drawing import Inside

Effects = Literal["reads", "writes", "spends"]
"""What a call changes outside: nothing, something, or somebody's money. What writes or spends gets the idempotency key."""


class Tool(Protocol):
    """Something that a step or an agent can have done.

    `name` is lower-case words joined by dots. `schema` is the JSON Schema of the arguments, an object.
    """

    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str:
        """What it does, for models and people."""
        ...

    @property
    def effects(self) -> Effects: ...
    @property
    def amount(self) -> str:
        """Of a tool that spends: the argument that says how much, in US dollars."""
        ...

    @property
    def schema(self) -> Mapping[str, Any]: ...
    async def call(self, ctx: StepContext, arguments: Mapping[str, Any], key: str) -> Any:
        """Do it, and give the result as plain JSON data. `key` stays the same when the same call is made again.

        Raises `ArgumentsInvalid` or `OutputInvalid` when arguments or result do not fit, and `ToolFailed` (`ToolUnavailable`, `ToolRefused`)
        when it could not be done. Cancelling it ends the call.
        """
        ...


@runtime_checkable
class Composed(Protocol):
    """A tool that is made of parts, and tells which, so that they are drawn in the flows that call it."""

    def parts(self) -> Inside:
        """Its parts. May take its time the first time; asked in a thread."""
        ...
