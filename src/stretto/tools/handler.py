"""The handler of `tool` steps."""

from __future__ import annotations

from typing import cast

from stretto.engine.step import Handler, StepContext, StepResult
from stretto.flow.graph import ToolCall
from stretto.flow.inputs import validate_output
from stretto.tools.registry import Tools


def tool_handler(tools: Tools) -> Handler:
    """The handler that calls the tool which a step names, with the step's input as arguments.

    Raises `ToolNotFound`, and what the tool's call raises; `OutputInvalid` also when the step declares a type that the
    result does not fit.
    """

    async def call_tool(ctx: StepContext) -> StepResult:
        call = cast("ToolCall", ctx.step.call)
        tool = await tools.get_for(ctx.tenant_id, call.tool)
        output = await tool.call(ctx, ctx.input, ctx.idempotency_key)
        if ctx.step.returns is not None:
            validate_output(ctx.graph.types[ctx.step.returns], output, f"output of tool {tool.name}")
        return StepResult(output=output)

    return call_tool
