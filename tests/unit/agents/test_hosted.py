"""Agents built with pydantic-ai, as tools and as steps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import pytest

pytest.importorskip("pydantic_ai", reason="the extra pydantic-ai is not installed")

from pydantic import BaseModel
from pydantic_ai import Agent, AgentStreamEvent, DeferredToolRequests, ModelRetry, NativeOutput, RunContext, UsageLimits
from pydantic_ai.capabilities import ProcessEventStream
from pydantic_ai.models import Model
from pydantic_ai.models.test import TestModel

from stretto.agents import agent_handler, hosted, lend_models
from stretto.agents.hosted import to_error
from stretto.engine.step import StepContext
from stretto.errors import (
    AgentStopped,
    BudgetExceeded,
    Invalid,
    ModelOverloaded,
    OutputInvalid,
    StrettoError,
    ToolFailed,
    ToolRefused,
)
from stretto.flow.compile import compile_document
from stretto.gateway.provider import Decision, ModelProvider, ModelRequest, TokenSink
from stretto.testing import Asks, FakeContext, ScriptedModel
from stretto.tools import Tools, tool_handler
from tests.unit.agents.made import context_for


class Place(BaseModel):
    """Where it is."""

    city: str
    people: int


@dataclass
class Shop:
    """Deps as plain data."""

    city: str
    hours: int = 8


def context_of(tool: str, **context: Any) -> FakeContext:
    """A context for a step that calls this tool."""
    names = context.get("input", {"prompt": "Say it."})
    graph = compile_document({"flow": "test", "budget": "1 usd", "steps": {"say": {"tool": tool, "input": names}}})
    return FakeContext(graph.root.steps["say"], graph=graph, **({"input": names} | context))


async def work(
    agent: Agent[Any, Any],
    model: ModelProvider,
    *,
    deps: Callable[[StepContext], Any] | None = None,
    **context: Any,
):
    """The output of a step of the agent's own, and its context."""
    tools = Tools()
    tools.put(hosted(agent, name="say", deps=deps))
    ctx = context_of("say", **context)
    result = await lend_models(model, tool_handler(tools))(ctx)
    return result.output, ctx


def roles(request: ModelRequest) -> list[str]:
    """Who speaks, in the messages of a request."""
    return [message.role for message in request.messages]


async def test_an_agent_writes_into_its_step() -> None:
    agent = Agent(instructions="Be brief.", name="Host")
    model = ScriptedModel({"say": "Hello there, all of you."})
    output, ctx = await work(agent, model)
    assert output == ctx.text == "Hello there, all of you."
    assert len(ctx.chunks) > 3  # as it was written, not at once
    (request,) = model.requests
    assert [(message.role, message.text) for message in request.messages] == [
        ("system", "Be brief."),
        ("user", "Say it."),
    ]
    assert request.model == "strong"
    assert request.caller.run_id == ctx.run_id
    assert (request.caller.path, request.caller.agent, request.caller.flow) == ("say", "say", "test")
    assert str(request.caller.run_budget_usd) == "1.0"
    assert request.idempotency_key == f"{ctx.idempotency_key}/1.1/1"
    assert agent.model is None  # it is as it was


async def test_text_is_in_the_step_while_the_agent_writes() -> None:
    model = ScriptedModel(["One two three four."], gated=True)
    tools = Tools()
    tools.put(hosted(Agent(), name="say"))
    ctx = context_of("say")
    at_work = asyncio.ensure_future(lend_models(model, tool_handler(tools))(ctx))
    await model.release(2)
    assert ctx.text == "One two"
    model.open()
    assert (await at_work).output == "One two three four."


async def test_its_own_tools_run_as_they_are() -> None:
    agent = Agent()
    seen: list[str] = []

    @agent.tool_plain
    def count(text: str) -> int:
        """Count the words.

        Args:
            text: what to count.
        """
        seen.append(text)
        return len(text.split())

    model = ScriptedModel([Asks(("count", {"text": "a b"}), text="Let me count."), "Two."])
    output, ctx = await work(agent, model)
    assert (output, seen) == ("Two.", ["a b"])
    assert ctx.text == "Let me count.\n\nTwo."
    first, second = model.requests
    assert [(tool.name, tool.description) for tool in first.tools] == [("count", "Count the words.")]
    assert first.tool_choice == "auto"
    assert first.tools[0].parameters["properties"]["text"]["description"] == "what to count."
    assert roles(second) == ["user", "assistant", "tool"]
    assert (second.messages[1].text, second.messages[2].text) == ("Let me count.", "2")
    assert second.messages[2].tool_call_id == second.messages[1].tool_calls[0].id
    assert second.idempotency_key == f"{ctx.idempotency_key}/1.1/2"


async def test_a_structured_output_is_plain_json() -> None:
    model = ScriptedModel([Asks(("final_result", {"city": "Kiel", "people": 250_000}))])
    output, _ = await work(Agent(output_type=Place), model)
    assert output == {"city": "Kiel", "people": 250_000}
    (request,) = model.requests
    assert (request.tool_choice, request.returns) == ("required", None)
    assert set(request.tools[0].parameters["properties"]) == {"city", "people"}


async def test_a_native_schema_is_asked_for_as_such() -> None:
    agent = Agent(output_type=NativeOutput(Place))

    @agent.tool_plain
    def look() -> str:
        return "Kiel, 5"

    model = ScriptedModel([Asks(("look", {})), {"city": "Kiel", "people": 5}])
    output, _ = await work(agent, model)
    assert output == {"city": "Kiel", "people": 5}
    for request in model.requests:
        assert request.returns is not None
        assert set(request.returns["properties"]) == {"city", "people"}
        assert (request.returns_name, request.tool_choice) == ("Place", "auto")


async def test_an_output_that_does_not_fit_is_asked_for_again_by_the_agents_own_retries() -> None:
    wrong = Asks(("final_result", {"city": "Kiel", "people": "many"}))
    model = ScriptedModel([wrong, Asks(("final_result", {"city": "Kiel", "people": 5}))])
    output, _ = await work(Agent(output_type=Place), model)
    assert output["people"] == 5
    assert "people" in model.requests[1].messages[-1].text
    with pytest.raises(OutputInvalid, match="'say'"):
        await work(Agent(output_type=Place, retries=2), ScriptedModel([wrong, wrong, wrong]))


async def test_deps_are_arguments() -> None:
    agent = Agent(deps_type=Shop)

    @agent.instructions
    def where(ctx: RunContext[Shop]) -> str:
        return f"{ctx.deps.city}, {ctx.deps.hours + 1}"

    tool = hosted(agent, name="say")
    assert tool.schema["required"] == ["prompt", "city"]
    assert list(tool.schema["properties"]) == ["prompt", "city", "hours"]
    model = ScriptedModel({"say": "Yes."})
    await work(agent, model, input={"prompt": "Open?", "city": "Kiel", "hours": "7"})
    assert model.requests[0].messages[0].text == "Kiel, 8"
    with pytest.raises(OutputInvalid) as wrong:
        await work(agent, model, input={"prompt": 5, "hours": "many", "town": "Kiel"})
    for name in ("prompt", "city", "hours", "town"):
        assert f"argument {name}: " in wrong.value.message


async def test_deps_that_are_no_data_are_made_of_the_context() -> None:
    class Connection:
        def __init__(self, run: str) -> None:
            self.run = run

    agent = Agent(deps_type=Connection)

    @agent.instructions
    def where(ctx: RunContext[Connection]) -> str:
        return ctx.deps.run

    model = ScriptedModel({"say": "Yes."})
    _, ctx = await work(agent, model, deps=lambda ctx: Connection(str(ctx.run_id)))
    assert model.requests[0].messages[0].text == str(ctx.run_id)


class Odd(BaseModel):
    prompt: str


@dataclass
class Held:
    lock: asyncio.Lock


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: hosted(Agent()), "no name"),
        (lambda: hosted(Agent(deps_type=str), name="say"), "no fields"),
        (lambda: hosted(Agent(deps_type=Held), name="say"), "no plain data"),
        (lambda: hosted(Agent(deps_type=Odd), name="say"), "a field `prompt`"),
    ],
)
def test_what_cannot_be_hosted(make: Callable[[], object], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        make()


@pytest.mark.parametrize(
    ("model", "route", "asked"),
    [
        ("stretto:fast", None, "fast"),
        ("stretto:fast", "cheap", "fast"),
        (None, "cheap", "cheap"),
        (TestModel(), None, "strong"),
        ("openai:gpt-5", None, "strong"),
    ],
)
def test_routes(model: Any, route: str | None, asked: str) -> None:
    assert hosted(Agent(model, defer_model_check=True), name="say", route=route).route == asked


async def test_feedback_is_heard_at_the_next_attempt_and_text_begins_anew() -> None:
    model = ScriptedModel({"say": "Hi."})
    output, ctx = await work(Agent(), model, kept="Hello, I", feedback=["Be shorter."], attempt=2)
    assert output == ctx.text == "Hi."
    assert [retracted.text for retracted in ctx.retractions] == ["Hello, I"]
    (message,) = model.requests[0].messages
    told = message.text
    assert told.index("Say it.") < told.index("Hello, I") < told.index("Be shorter.")


async def test_feedback_that_comes_while_it_works_is_heard_before_it_is_done() -> None:
    agent = Agent(instructions="Be kind.")
    ctx = context_of("say")

    def answer(request: ModelRequest) -> str:
        if len(request.messages) == 2:
            ctx.give_feedback("Be shorter.")
            return "Hello, all of you."
        return "Hi."

    model = ScriptedModel(answer)
    tools = Tools()
    tools.put(hosted(agent, name="say"))
    result = await lend_models(model, tool_handler(tools))(ctx)
    assert result.output == ctx.text == "Hi."
    assert roles(model.requests[1]) == ["system", "user", "assistant", "user"]
    assert model.requests[1].messages[3].text.startswith("Be shorter.")
    assert [retracted.reason for retracted in ctx.retractions] == ["feedback"]


async def test_cancelling_the_step_ends_the_agent_and_its_call() -> None:
    model = ScriptedModel(["One two three."], gated=True)
    at_work = asyncio.ensure_future(work(Agent(), model))
    await model.release(1)
    assert model.active == 1
    at_work.cancel()
    with suppress(asyncio.CancelledError):
        await at_work
    assert at_work.cancelled()
    assert model.active == 0


def fail_with(error: Exception) -> Callable[[], str]:
    def fails() -> str:
        raise error

    return fails


@pytest.mark.parametrize(
    ("answers", "tool_error", "kind"),
    [
        ([["On", ModelOverloaded("busy")]], None, ModelOverloaded),
        ([BudgetExceeded("spent")], None, BudgetExceeded),
        ([Asks(("fails", {}))], ModelOverloaded("busy"), ModelOverloaded),
        ([Asks(("fails", {}))], ValueError("no such page"), ToolFailed),
        ([Asks(("fails", {}))] * 3, ModelRetry("again"), OutputInvalid),
        ([Asks(("nothing", {}))] * 3, None, OutputInvalid),
    ],
)
async def test_what_fails_is_told_as_it_is(
    answers: Any, tool_error: Exception | None, kind: type[StrettoError]
) -> None:
    agent = Agent()
    if tool_error is not None:
        agent.tool_plain(name="fails")(fail_with(tool_error))
    with pytest.raises(StrettoError) as failed:
        await work(agent, ScriptedModel(answers))
    assert type(failed.value) is kind


def test_our_error_is_found_in_a_group() -> None:
    ours = ModelOverloaded("busy")
    group = ExceptionGroup("all", [ValueError("odd"), ExceptionGroup("inner", [OSError("gone"), ours])])
    assert to_error("say", group) is ours
    assert "odd" in to_error("say", ExceptionGroup("all", [ValueError("odd")])).message


async def test_limits_of_the_agent_hold() -> None:
    class Limited(Agent[Any, Any]):
        async def run(self, *args: Any, **more: Any) -> Any:
            return await super().run(*args, **more, usage_limits=UsageLimits(request_limit=2))

    agent = Limited()
    agent.tool_plain(name="look")(lambda: "more")
    with pytest.raises(AgentStopped, match="request_limit"):
        await work(agent, ScriptedModel([Asks(("look", {}))] * 3))


async def test_tools_that_somebody_else_has_to_approve_are_refused() -> None:
    agent = Agent(output_type=[str, DeferredToolRequests])
    agent.tool_plain(name="send", requires_approval=True)(lambda: "sent")
    with pytest.raises(ToolRefused, match="send"):
        await work(agent, ScriptedModel([Asks(("send", {}))]))


async def test_another_agent_may_call_it_and_gets_the_output_alone() -> None:
    tools = Tools()
    tools.put(hosted(Agent(), name="desk.ask", effects="reads"))
    model = ScriptedModel({"writer": [Asks(("desk.ask", {"prompt": "How?"})), "So."], "desk.ask": "Like this."})
    ctx = context_for(agent={"tools": ["desk.*"]}, feedback=[])
    result = await lend_models(model, agent_handler(model, tools))(ctx)
    assert (result.is_text, ctx.text) == (True, "So.")
    assert [request.caller.agent for request in model.requests] == ["writer", "desk.ask", "writer"]
    assert model.requests[2].messages[-1].text == "Like this."


async def test_an_agent_that_it_asks_in_turn_goes_through_the_gateway_but_is_not_heard() -> None:
    inner, outer = Agent(instructions="inner"), Agent(instructions="outer")

    @outer.tool
    async def ask(ctx: RunContext[Any]) -> str:
        assert isinstance(ctx.model, Model)
        return (await inner.run("How?", model=ctx.model, usage=ctx.usage)).output

    def answer(request: ModelRequest) -> Any:
        if request.messages[0].text == "inner":
            return "Like this."
        return "So." if request.messages[-1].role == "tool" else Asks(("ask", {}))

    model = ScriptedModel(answer)
    output, ctx = await work(outer, model)
    assert (output, ctx.text, len(model.requests)) == ("So.", "So.", 3)


async def test_a_deployment_that_fails_is_replaced_and_its_text_taken_back() -> None:
    class Failing(ScriptedModel):
        async def complete(self, request: ModelRequest, sink: TokenSink) -> Any:
            sink.write(["Hel", "lo"])
            assert sink.retract("another answers")
            return await super().complete(request, sink)

    output, ctx = await work(Agent(), Failing(["Good day."]))
    assert output == ctx.text == "Good day."
    assert [retracted.text for retracted in ctx.retractions] == ["Hello"]


async def test_what_the_gateway_decides_is_told_to_the_run() -> None:
    class Deciding(ScriptedModel):
        async def complete(self, request: ModelRequest, sink: TokenSink) -> Any:
            sink.decided(Decision(call_id=ctx.run_id, route=request.model, outcome="admitted", reason="room"))
            return await super().complete(request, sink)

    ctx = context_of("say")
    tools = Tools()
    tools.put(hosted(Agent(), name="say", route="fast"))
    await lend_models(Deciding(["Hi."]), tool_handler(tools))(ctx)
    (call,) = ctx.calls
    assert (call.step, call.route, call.outcome) == ("say", "fast", "admitted")


async def test_an_agent_that_looks_at_its_own_events_is_heard_as_well() -> None:
    seen: list[str] = []

    async def look(_: RunContext[Any], events: AsyncIterable[AgentStreamEvent]) -> None:
        seen.extend([type(event).__name__ async for event in events])

    agent: Agent[Any, Any] = Agent(capabilities=[ProcessEventStream(look)])
    agent.tool_plain(name="look")(lambda: "a house")
    output, ctx = await work(agent, ScriptedModel([Asks(("look", {}), text="I look."), "It is a house."]))
    assert (output, ctx.text) == ("It is a house.", "I look.\n\nIt is a house.")
    assert "PartStartEvent" in seen


async def test_an_override_of_the_users_own_goes_first() -> None:
    agent = Agent()
    model = ScriptedModel([])
    with agent.override(model=TestModel(custom_output_text="Tested.")):
        output, _ = await work(agent, model)
    assert (output, model.requests) == ("Tested.", [])


async def test_without_models_at_hand_it_says_so() -> None:
    tool = hosted(Agent(), name="say")
    with pytest.raises(Invalid, match="none are lent here"):
        await tool.call(context_of("say"), {"prompt": "Hi"}, "key")


@pytest.mark.parametrize("effects", ["reads", "writes", "spends"])
def test_it_is_a_tool(effects: Literal["reads", "writes", "spends"]) -> None:
    tools = Tools()
    tools.put(hosted(Agent(name="Front.Desk"), effects=effects))
    tool = tools.get("front.desk")
    assert (tool.effects, tool.description) == (effects, "Ask the agent Front.Desk.")
    assert tool.schema["required"] == ["prompt"]
