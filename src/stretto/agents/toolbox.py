"""The tools of one agent in one attempt: what the model is told of them, and calling them."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from typing import Any

import orjson

from stretto.documents.plain import is_mapping
from stretto.engine.step import StepContext
from stretto.errors import LeaseLost, StrettoError, ToolUnavailable
from stretto.flow.facts import Asked, ToolCalled
from stretto.gateway.provider import ToolSpec
from stretto.tools import Tool

MOST_AT_ONCE = 8
"""So many calls of one turn are made together."""
MOST_CHARS = 50_000
"""So much of a result the model sees: about 12,000 tokens, well within the smallest context of today's models."""
MOST_PAUSE_S = 10.0
"""A tool that cannot work now is asked once more after its own pause, at most this long."""
_NO_MODEL_NAME = re.compile(r"[^A-Za-z0-9_-]")
_MOST_NAME = 64  # what both dialects allow


class Toolbox:
    """Tools under the names that models can say: a dot becomes an underscore."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            self._tools[self._free_name(tool.name)] = tool
        self.specs = tuple(
            ToolSpec(name=name, description=tool.description, parameters=tool.schema)
            for name, tool in self._tools.items()
        )

    def _free_name(self, name: str) -> str:
        plain = _NO_MODEL_NAME.sub("_", name)[:_MOST_NAME]
        number, free = 1, plain
        while free in self._tools:
            number += 1
            free = f"{plain[: _MOST_NAME - 4]}_{number}"
        return free

    def name_of(self, said: str) -> str:
        """The tool's own name for the one that the model said."""
        return self._tools[said].name if said in self._tools else said

    async def call_all(self, ctx: StepContext, turn: int, calls: Sequence[tuple[int, Asked]]) -> list[ToolCalled]:
        """Make these calls of a turn (each with its number in it) together, and write down each as it ends.

        What goes wrong with a call is told to the model; only the loss of the run ends the others.
        """
        places = asyncio.Semaphore(MOST_AT_ONCE)

        async def one(number: int, asked: Asked) -> ToolCalled:
            async with places:
                begun = time.monotonic()
                output, error = await self._try(ctx, asked, f"{ctx.idempotency_key}/{turn}.{number}")
                took_s = round(time.monotonic() - begun, 3)
            fact = ToolCalled(
                step=ctx.path,
                attempt=ctx.attempt,
                turn=turn,
                call=asked.id,
                tool=self.name_of(asked.name),
                output=output,
                error=error,
                took_s=took_s,
            )
            await ctx.write_down(fact)
            return fact

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(number, asked), name=f"tool {asked.name}") for number, asked in calls]
        except* LeaseLost as lost:
            raise lost.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _try(self, ctx: StepContext, asked: Asked, key: str) -> tuple[Any, str]:
        """The result, and in words what went wrong: one of the two is empty."""
        tool = self._tools.get(asked.name)
        if tool is None:
            return None, f"There is no tool {asked.name!r}. There are: {', '.join(self._tools) or 'none'}."
        try:
            arguments = orjson.loads(asked.arguments or "{}")
        except orjson.JSONDecodeError as error:
            return None, f"The arguments are no JSON: {error}. Call the tool again with one JSON object."
        if not is_mapping(arguments):
            return None, "The arguments are no JSON object. Call the tool again with one."
        try:
            try:
                return shortened(await tool.call(ctx, arguments, key)), ""
            except ToolUnavailable as error:
                await asyncio.sleep(min(error.retry_after_s or 1.0, MOST_PAUSE_S))
                return shortened(await tool.call(ctx, arguments, key)), ""
        except LeaseLost:
            raise
        except StrettoError as error:
            return None, error.message


def shortened(result: Any) -> Any:
    """The result as it is, or the beginning of its text where it is too long for a model."""
    text = as_text(result)
    if len(text) <= MOST_CHARS:
        return result
    return f"{text[:MOST_CHARS]}\n[{len(text) - MOST_CHARS:,} more characters were left out. Ask for less at once.]"


def as_text(result: Any) -> str:
    """What the model reads of a result."""
    return result if isinstance(result, str) else orjson.dumps(result).decode()
