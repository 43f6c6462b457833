"""An agent with tools: model, tools, model, until there is an answer."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from msgspec import structs

from stretto.agents import agent_handler
from stretto.errors import AgentStopped, ToolUnavailable
from stretto.flow.facts import Asked, ModelAnswered, ToolCalled
from stretto.gateway.provider import Completion, ModelRequest, TokenSink
from stretto.testing import Asks, ScriptedModel
from stretto.tools import Tools
from tests.unit.agents.made import context_for

COUNT = ("count", {"text": "a b"})


def count(text: str) -> int:
    """Count the words.

    Args:
        text: what to count.
    """
    return len(text.split())


def roles(model: ScriptedModel, request: int = -1) -> list[str]:
    """Who speaks, in the messages of a request."""
    return [message.role for message in model.requests[request].messages]


async def work(
    model: ScriptedModel, tools: Tools | None = None, *, agent: dict[str, Any] | None = None, **context: Any
):
    """An answer of the writer with these tools, and its context."""
    known = tools or Tools({"count": count})
    ctx = context_for(agent={"tools": ["count"]} | (agent or {}), **context)
    return await agent_handler(model, known)(ctx), ctx


async def test_a_tool_is_called_and_its_result_read() -> None:
    model = ScriptedModel([Asks(COUNT, text="Let me count."), "Two."])
    result, ctx = await work(model)
    assert (result.output, result.is_text) == ("Two.", False)
    assert ctx.text == "Let me count.\n\nTwo."
    spec = model.requests[0].tools[0]
    assert (spec.name, spec.description) == ("count", "Count the words.")
    assert spec.parameters["properties"]["text"] == {"type": "string", "description": "what to count."}
    assert roles(model) == ["user", "assistant", "tool"]
    assert model.requests[1].messages[2].text == "2"
    assert model.requests[1].messages[1].text == "Let me count."
    answered, called = ctx.written
    assert isinstance(answered, ModelAnswered)
    assert (answered.turn, answered.start, answered.end, len(answered.calls)) == (1, 0, len("Let me count.\n\n"), 1)
    assert isinstance(called, ToolCalled)
    assert (called.tool, called.output, called.error) == ("count", 2, "")


async def test_what_it_says_is_its_answer_when_it_says_nothing_on_the_way() -> None:
    result, ctx = await work(ScriptedModel([Asks(COUNT), "Two."]))
    assert result.is_text
    assert ctx.text == "Two."


async def test_independent_calls_are_made_together_and_told_in_order() -> None:
    meet = asyncio.Barrier(3)

    async def wait(n: int) -> int:
        await asyncio.wait_for(meet.wait(), 5)
        await asyncio.sleep(0.001 * (3 - n))
        return n

    model = ScriptedModel([Asks(("wait", {"n": 1}), ("wait", {"n": 2}), ("wait", {"n": 3})), "Done."])
    await work(model, Tools({"wait": wait}), agent={"tools": ["*"]})
    assert [message.text for message in model.requests[1].messages if message.role == "tool"] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (("count", "{"), "The arguments are no JSON"),
        (("count", "[1]"), "no JSON object"),
        (("count", {"texts": ""}), "argument text: Field required; argument texts: Extra inputs are not permitted"),
        (("cuont", {}), "There is no tool 'cuont'. There are: count."),
    ],
)
async def test_a_call_that_cannot_be_made_is_told_to_the_model(call: Any, told: str) -> None:
    model = ScriptedModel([Asks(call), "Sorry."])
    result, ctx = await work(model)
    assert ctx.text == "Sorry."
    assert result.is_text
    said = model.requests[1].messages[-1].text
    assert said.startswith("Error: ")
    assert told in said


async def test_a_tool_that_fails_is_told_and_one_that_is_away_is_asked_once_more() -> None:
    tries: list[str] = []

    async def away(idempotency_key: str) -> str:
        tries.append(idempotency_key)
        if len(tries) == 1:
            raise ToolUnavailable("not yet", retry_after_s=0.001)
        return "here"

    def broken() -> None:
        raise ValueError("no such page")

    model = ScriptedModel([Asks(("away", {}), ("broken", {})), "So be it."])
    _, ctx = await work(model, Tools({"away": away, "broken": broken}), agent={"tools": ["away", "broken"]})
    texts = [message.text for message in model.requests[1].messages if message.role == "tool"]
    assert texts == ["here", "Error: The tool 'broken' failed: ValueError: no such page"]
    assert tries == [f"{ctx.idempotency_key}/1.0"] * 2


async def test_the_turns_that_are_over_are_not_taken_again() -> None:
    calls: list[str] = []

    def note(text: str, idempotency_key: str) -> str:
        calls.append(idempotency_key)
        return text.upper()

    said = "I look at both.\n\n"
    asked = [
        Asked(id="x", name="note", arguments='{"text": "a"}'),
        Asked(id="y", name="note", arguments='{"text": "b"}'),
    ]
    history = [
        ModelAnswered(step="essay", attempt=1, turn=1, start=0, end=len(said), calls=asked, heard=1, tokens=10),
        ToolCalled(step="essay", attempt=1, turn=1, call="y", tool="note", output="B"),
    ]
    model = ScriptedModel(["Both are letters."])
    result, ctx = await work(
        model,
        Tools({"note": note}),
        agent={"tools": ["note"]},
        attempt=2,
        kept=said,
        history=history,
        feedback=["Be brief.", "And kind."],
    )
    assert calls == [f"{ctx.idempotency_key}/1.0"]  # only what had not been done
    assert [fact.call for fact in ctx.written if isinstance(fact, ToolCalled)] == ["x"]
    told = [(message.role, message.text) for message in model.requests[0].messages]
    assert told == [
        ("user", "Write about tides."),
        ("user", "Be brief."),
        ("assistant", "I look at both."),
        ("tool", "A"),
        ("tool", "B"),
        ("user", "And kind."),
    ]
    assert ctx.retractions == []
    assert result.output == "Both are letters."
    assert ctx.text == said + "Both are letters."


async def test_a_turn_that_was_cut_off_goes_on_where_its_text_ends() -> None:
    asked = [Asked(id="x", name="count", arguments='{"text": "a"}')]
    history = [
        ModelAnswered(step="essay", attempt=1, turn=1, start=0, end=0, calls=asked),
        ToolCalled(step="essay", attempt=1, turn=1, call="x", tool="count", output=1),
    ]
    model = ScriptedModel([" word."])
    result, ctx = await work(model, attempt=2, kept="It is one", history=history, feedback=["Shorter."])
    assert roles(model) == ["user", "assistant", "tool", "assistant", "user"]
    assert ctx.text == "It is one word."
    assert result.is_text


async def test_feedback_is_heard_at_the_next_turn() -> None:
    model = ScriptedModel([Asks(("speak", {})), "As you wish."])
    tools = Tools()
    ctx = context_for(agent={"tools": ["speak"]})

    @tools.tool("speak")
    async def speak() -> str:
        ctx.give_feedback("In German, please.")
        return "said"

    await agent_handler(model, tools)(ctx)
    assert roles(model) == ["user", "assistant", "tool", "user"]
    assert model.requests[1].messages[-1].text == "In German, please."
    assert ctx.text == "As you wish."


async def test_a_value_of_a_type_is_the_last_turn_alone() -> None:
    model = ScriptedModel([Asks(COUNT, text="Hm."), "not JSON", {"words": 2}])
    result, ctx = await work(model, agent={"returns": "Words"}, types={"Words": {"words": "integer"}})
    assert result.output == {"words": 2}
    assert ctx.text == 'Hm.\n\n{"words":2}'
    assert [each.reason for each in ctx.retractions] == ["the answer is no Words"]


async def test_the_last_turn_has_no_tools() -> None:
    model = ScriptedModel([Asks(COUNT), Asks(COUNT), "Two, I think."])
    result, _ = await work(model, agent={"limits": {"turns": 3}})
    assert [request.tool_choice for request in model.requests] == ["auto", "auto", "none"]
    assert model.requests[2].messages[-1].text.startswith("You have no more turns.")
    assert result.note == "answered in its last turn of 3"
    with pytest.raises(AgentStopped, match=r"'writer' came to its limit of 1 turns in turn 1"):
        await work(ScriptedModel([Asks(COUNT)]), agent={"limits": {"turns": 1}})


async def test_tokens_and_time_are_limits_too() -> None:
    with pytest.raises(AgentStopped, match=r"limit of 3 tokens \(it used "):
        await work(ScriptedModel([Asks(COUNT), "Never."]), agent={"limits": {"tokens": 3}})

    async def sleep() -> None:
        await asyncio.sleep(30)

    slow = ScriptedModel([Asks(("sleep", {})), "Never."])
    with pytest.raises(AgentStopped, match=r"limit of 0\.05 s in turn 2"):
        await work(slow, Tools({"sleep": sleep}), agent={"tools": ["sleep"], "limits": {"time": "50ms"}})


async def test_an_agent_remembers_as_much_as_it_may() -> None:
    def page(n: int) -> str:
        return str(n) * 600

    model = ScriptedModel([*(Asks(("page", {"n": n})) for n in (1, 2, 3)), "Read."])
    await work(model, Tools({"page": page}), agent={"tools": ["page"], "memory": {"window": 1300}})
    shown = [message.text[:12] for message in model.requests[3].messages if message.role == "tool"]
    assert shown == ["[This result", "222222222222", "333333333333"]


async def test_a_long_result_is_shortened() -> None:
    model = ScriptedModel([Asks(("page", {})), "Read."])
    _, ctx = await work(model, Tools({"page": lambda: "x" * 60_000}), agent={"tools": ["page"]})
    text = model.requests[1].messages[-1].text
    assert text.endswith("[10,000 more characters were left out. Ask for less at once.]")
    called = ctx.written[1]
    assert isinstance(called, ToolCalled)
    assert called.output == text


async def test_names_that_look_alike_to_a_model_are_told_apart() -> None:
    tools = Tools({"a.b": lambda: "dot", "a_b": lambda: "line"})
    model = ScriptedModel([Asks(("a_b", {}), ("a_b_2", {})), "Both."])
    _, ctx = await work(model, tools, agent={"tools": ["*"]})
    assert [(fact.tool, fact.output) for fact in ctx.written if isinstance(fact, ToolCalled)] == [
        ("a.b", "dot"),
        ("a_b", "line"),
    ]


async def test_without_the_tool_nothing_is_asked() -> None:
    model = ScriptedModel(["x"])
    with pytest.raises(Exception, match="There is no tool 'find'"):
        await work(model, agent={"tools": ["find"]})
    assert model.requests == []


async def test_a_result_is_plain_json() -> None:
    model = ScriptedModel([Asks(("facts", {})), "x"])
    await work(model, Tools({"facts": lambda: {"a": [1, None]}}), agent={"tools": ["facts"]})
    assert orjson.loads(model.requests[1].messages[-1].text) == {"a": [1, None]}
    odd = ScriptedModel([Asks(("odd", {})), "x"])
    await work(odd, Tools({"odd": object}), agent={"tools": ["odd"]})
    assert "which JSON cannot hold" in odd.requests[1].messages[-1].text


async def test_calls_without_ids_get_some() -> None:
    class Nameless(ScriptedModel):
        async def complete(self, request: ModelRequest, sink: TokenSink) -> Completion:
            completion = await super().complete(request, sink)
            calls = tuple(structs.replace(call, id="same") for call in completion.tool_calls)
            return structs.replace(completion, tool_calls=calls)

    model = Nameless([Asks(COUNT, ("count", {"text": "a b c"})), "Five."])
    await work(model)
    asked = model.requests[1].messages[1].tool_calls
    assert [call.id for call in asked] == ["call_1_0", "call_1_1"]
    assert [(m.tool_call_id, m.text) for m in model.requests[1].messages[2:]] == [("call_1_0", "2"), ("call_1_1", "3")]
