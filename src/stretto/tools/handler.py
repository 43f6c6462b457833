"""The handler of `tool` steps."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import orjson

from stretto.engine.step import Handler, StepContext, StepResult
from stretto.errors import (
    OutputInvalid,
    Permanent,
    StrettoError,
    ToolFailed,
    ToolRefused,
    ToolUnavailable,
    Transient,
)
from stretto.flow.graph import ToolCall
from stretto.flow.inputs import validate_output
from stretto.tools.registry import KEY_PARAMETER, Tool, Tools


def tool_handler(tools: Tools) -> Handler:
    """The handler that calls the tool which a step names, with the step's input as arguments.

    Raises `ToolNotFound`, `OutputInvalid` when the arguments or the result do not fit, and `ToolFailed` for
    whatever the function raises: `ToolUnavailable` when that was `Transient`, `ToolRefused` when `Permanent`.
    An async function that is cancelled ends at once; a sync one runs on in its thread, its result is dropped.
    """

    async def call_tool(ctx: StepContext) -> StepResult:
        call = cast("ToolCall", ctx.step.call)
        tool = tools.get(call.tool)
        arguments = tool.bind(ctx.input)
        if tool.wants_key:
            arguments[KEY_PARAMETER] = ctx.idempotency_key
        if tool.context_parameter:
            arguments[tool.context_parameter] = ctx
        try:
            if tool.is_async:
                result = await tool.function(**arguments)
            else:
                result = await asyncio.to_thread(tool.function, **arguments)
        except Exception as error:
            raise to_failure(tool, error) from error
        output = to_json(tool, result)
        check_result(ctx, tool, output)
        return StepResult(output=output)

    return call_tool


def to_failure(tool: Tool, error: Exception) -> StrettoError:
    """The error of the tree for what a tool raised; one that is in the tree stays as it is."""
    if isinstance(error, StrettoError):
        return error
    kind = ToolUnavailable if isinstance(error, Transient) else ToolFailed
    kind = ToolRefused if isinstance(error, Permanent) else kind
    message = f"The tool {tool.name!r} failed: {type(error).__name__}: {error}"
    failure = kind(message.rstrip(": "), tool=tool.name)
    if isinstance(failure, ToolUnavailable):
        failure.retry_after_s = getattr(error, "retry_after_s", None)
    return failure


def to_json(tool: Tool, result: object) -> Any:
    """The result as plain JSON data: dataclasses, models, dates and the like become what JSON has."""
    if result is None:
        return None
    from pydantic_core import PydanticSerializationError, to_jsonable_python  # noqa: PLC0415

    try:
        plain = to_jsonable_python(result, inf_nan_mode="strings")
        return orjson.loads(orjson.dumps(plain))
    except (PydanticSerializationError, ValueError, TypeError, RecursionError) as error:
        raise OutputInvalid(
            f"The tool {tool.name!r} returned {type(result).__name__}, which JSON cannot hold: {error}. "
            "Return text, numbers, lists, dicts, dataclasses or pydantic models.",
            tool=tool.name,
        ) from None


def check_result(ctx: StepContext, tool: Tool, output: object) -> None:
    """Raise `OutputInvalid` when the step declares a type and the output does not fit it."""
    if ctx.step.returns is not None:
        validate_output(ctx.graph.types[ctx.step.returns], output, f"output of tool {tool.name}")
