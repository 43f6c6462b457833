import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel

from stretto.engine.step import StepContext
from stretto.errors import (
    OutputInvalid,
    Permanent,
    StepTimedOut,
    ToolFailed,
    ToolNotFound,
    ToolRefused,
    ToolUnavailable,
    Transient,
)
from stretto.flow.compile import compile_document
from stretto.testing import FakeContext
from stretto.tools import Tools, builtin_tools, tool_handler


def context_for(tool: str = "work", *, returns: str | None = None, **arguments: Any) -> FakeContext:
    step: dict[str, Any] = {"tool": tool, "input": arguments} | ({"returns": returns} if returns else {})
    graph = compile_document({"flow": "test", "steps": {"work": step}})
    return FakeContext(graph.root.steps["work"], graph=graph, input=arguments)


async def run(function: Callable[..., Any], **arguments: Any) -> Any:
    return (await tool_handler(Tools({"work": function}))(context_for(**arguments))).output


async def test_a_sync_function_runs_in_a_thread():
    assert await run(lambda: threading.current_thread() is threading.main_thread()) is False


async def test_an_async_function_runs_in_the_loop():
    async def here() -> bool:
        return threading.current_thread() is threading.main_thread()

    assert await run(here) is True


async def test_the_step_gives_its_key_and_its_context_to_who_declares_them():
    seen: list[Any] = []

    def work(n: int, idempotency_key: str, context: StepContext) -> int:
        seen.extend([idempotency_key, context])
        return n + 1

    ctx = context_for(n=1)
    result = await tool_handler(Tools({"work": work}))(ctx)
    assert result.output == 2
    assert seen == [ctx.idempotency_key, ctx]


async def test_an_input_cannot_pass_for_the_key():
    def work(idempotency_key: str) -> str:
        return idempotency_key

    with pytest.raises(OutputInvalid, match="argument idempotency_key: Extra"):
        await run(work, idempotency_key="forged")


class Temporary(Transient, Exception):
    retry_after_s = 7.0


class Final(Permanent, Exception):
    pass


@pytest.mark.parametrize(
    ("raised", "kind", "words"),
    [
        (ValueError("no such city"), ToolFailed, "'work' failed: ValueError: no such city"),
        (KeyError(), ToolFailed, "'work' failed: KeyError"),
        (Temporary("later"), ToolUnavailable, "Temporary: later"),
        (Final("never"), ToolRefused, "Final: never"),
    ],
)
async def test_what_a_tool_raises_is_told_with_its_type(raised: Exception, kind: type[ToolFailed], words: str):
    def work() -> None:
        raise raised

    with pytest.raises(ToolFailed, match=words) as caught:
        await run(work)
    assert type(caught.value) is kind
    assert isinstance(caught.value, Transient) == isinstance(raised, Transient)
    assert caught.value.__cause__ is raised
    if isinstance(caught.value, Transient):
        assert caught.value.retry_after_s == 7.0


async def test_an_error_of_the_tree_stays_as_it_is():
    error = StepTimedOut("too slow")

    async def work() -> None:
        raise error

    with pytest.raises(StepTimedOut) as caught:
        await run(work)
    assert caught.value is error


async def test_cancelling_reaches_an_async_tool():
    ended = asyncio.Event()
    began = asyncio.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    attempt = asyncio.create_task(run(work))
    await began.wait()
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    assert ended.is_set()


@dataclass
class Point:
    x: int


class Named(BaseModel):
    name: str


@pytest.mark.parametrize(
    ("result", "output"),
    [
        (None, None),
        ("text", "text"),
        ((1, 2), [1, 2]),
        ({"p": Point(1)}, {"p": {"x": 1}}),
        (Named(name="a"), {"name": "a"}),
        ([datetime(2026, 1, 31, tzinfo=UTC)], ["2026-01-31T00:00:00Z"]),
    ],
)
async def test_results_become_plain_json(result: object, output: object):
    assert await run(lambda: result) == output


@pytest.mark.parametrize("result", [object(), lambda: 1, {"x": object()}])
async def test_a_result_that_json_cannot_hold_is_refused(result: object):
    with pytest.raises(OutputInvalid, match="which JSON cannot hold"):
        await run(lambda: result)


async def test_a_result_is_held_against_the_steps_type():
    tools = Tools({"work": lambda: {"approved": "maybe", "comments": ""}})
    with pytest.raises(OutputInvalid, match=r"output of tool work does not fit.*approved"):
        await tool_handler(tools)(context_for(returns="Verdict"))
    fine = Tools({"work": lambda: {"approved": True, "comments": ""}})
    assert (await tool_handler(fine)(context_for(returns="Verdict"))).output["approved"] is True


async def test_an_unknown_tool():
    with pytest.raises(ToolNotFound, match=r"Did you mean 'python\.test'"):
        await tool_handler(builtin_tools())(context_for("python.tset"))


async def test_the_small_built_in_tools():
    handler = tool_handler(builtin_tools())
    counted = await handler(context_for("text.count", text="One two.\n\nThree."))
    assert counted.output == {"characters": 16, "words": 3, "lines": 3, "paragraphs": 2}
    assert (await handler(context_for("noop", a=1, b=[None]))).output == {"a": 1, "b": [None]}
