"""The provider `classical` answers what it was made for, says how, and leaves everything else to others."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.errors import ModelRefused
from stretto.gateway.local.classical import EXTRACTED, FILLED, NOT_FOUND, Classical
from stretto.gateway.provider import Completion, Image, Message, ModelRequest, Text, ToolSpec
from stretto.testing import KeptAnswer

REVIEW = "The battery life is great, but the waiter at the shop was rude and the case broke."
SCORE = {"type": "number", "minimum": 0, "maximum": 5}
LABEL = {"type": "string", "enum": ["positive", "neutral", "negative"]}
STRINGS = {"type": "array", "items": {"type": "string"}}
PASSAGES = "[1] The warranty lasts two years. Keep the receipt.\n[2] The battery charges in 90 minutes."


def returns(**properties: object) -> dict[str, Any]:
    """The schema of an object with all of these."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def asked(text: str, schema: dict[str, Any] | None = None, *, system: str = "", **more: Any) -> ModelRequest:
    """A request of one message, perhaps with a system message."""
    before = [Message("system", system)] if system else []
    return ModelRequest(model="methods", messages=[*before, Message("user", text)], returns=schema, **more)


async def answer(request: ModelRequest) -> tuple[str, Completion]:
    """The text and how it ended."""
    sink = KeptAnswer()
    completion = await Classical().complete(request, sink)
    return sink.text, completion


V1 = asked(
    f"Judge this review.\n\n<review>{REVIEW}</review>",
    returns(sentiment=SCORE, themes=STRINGS, method={"type": "string"}),
    system="You work for a review engine.",
)
V2 = asked(
    f"Question: How long does the warranty last?\n\n{PASSAGES}",
    returns(answer={"type": "string"}, citations=STRINGS, found={"type": "boolean"}),
)


async def test_a_review_is_judged_and_its_themes_are_named() -> None:
    text, completion = await answer(V1)
    value = json.loads(text)
    jsonschema_rs.validate(dict(V1.returns or {}), value)
    assert value["sentiment"] < 2.5
    assert "battery life" in value["themes"]
    assert value["method"] == completion.model == "classical/lexicon-sentiment+themes"
    assert (completion.provider, completion.simulated, completion.stop_reason) == ("classical", False, "end")


async def test_a_question_is_answered_by_a_passage_with_its_citation() -> None:
    text, completion = await answer(V2)
    assert json.loads(text) == {
        "answer": f"{EXTRACTED} The warranty lasts two years.",
        "citations": ["1"],
        "found": True,
    }
    assert completion.model == "classical/extraction"


async def test_a_long_text_is_answered_as_a_short_one() -> None:
    short, _ = await answer(asked(f"task: sentiment\n{REVIEW}"))
    long, _ = await answer(asked("task: sentiment\n" + f"{REVIEW}\n" * 100))
    assert long == short


async def test_what_the_passages_do_not_say_is_not_found() -> None:
    schema = returns(answer={"type": "string"}, citations={"type": "array", "items": {"type": "integer"}})
    text, _ = await answer(asked(f"Question: Who is the president of France?\n{PASSAGES}", schema))
    assert json.loads(text) == {"answer": f"{EXTRACTED} {NOT_FOUND}", "citations": []}


@pytest.mark.parametrize(
    ("request_", "method", "said"),
    [
        (asked(f"task: sentiment\n{REVIEW}"), "lexicon-sentiment", f"{EXTRACTED} negative"),
        (asked(REVIEW, system="task: themes\nBe brief."), "themes", "battery life"),
        (asked(f"task: key phrases\n\n{REVIEW}"), "key-phrases", "battery life"),
        (asked(f"task: answer\nQuestion: How fast does the battery charge?\n{PASSAGES}"), "extraction", "[2]"),
        (
            asked('task: fill\ntemplate: {name} costs {price.usd} dollars.\n{"name": "Tea", "price": {"usd": 2.5}}'),
            "filling",
            f"{FILLED} Tea costs 2.5 dollars.",
        ),
        (asked(f"Text: {REVIEW}", returns(sentiment=LABEL)), "lexicon-sentiment", '"negative"'),
        (asked(f"Review:\n{REVIEW}", returns(keywords={**STRINGS, "maxItems": 1})), "key-phrases", "battery life"),
        (
            asked(
                "<text>I love it, it is excellent.</text>",
                returns(sentiment={"type": "integer", "description": "0 to 5"}),
            ),
            "lexicon-sentiment",
            '{"sentiment":5}',
        ),
    ],
)
async def test_every_way_to_ask_is_answered(request_: ModelRequest, method: str, said: str) -> None:
    assert Classical.can_answer(request_) == method
    text, completion = await answer(request_)
    assert said in text
    assert completion.model == f"classical/{method}"
    assert request_.returns is not None or text.startswith((EXTRACTED, FILLED))


MARKED = f"<text>{REVIEW}</text>"


@pytest.mark.parametrize(
    "request_",
    [
        asked("Write a poem about the sea."),
        asked(f"What is the sentiment of this? {REVIEW}"),
        asked("Tell me of your task: sentiment or themes?"),
        asked(f"task: translate\n{REVIEW}"),
        asked(REVIEW, returns(sentiment=SCORE)),  # which text is meant?
        asked(f"{MARKED} {MARKED}", returns(sentiment=SCORE)),
        asked(f"<text>Great. {MARKED}", returns(sentiment=SCORE)),
        asked(f"<text>{REVIEW}", returns(sentiment=SCORE)),
        asked(MARKED, returns(sentiment=SCORE, summary={"type": "string"})),
        asked(MARKED, returns(sentiment={"type": "number"})),  # on which scale?
        asked(MARKED, returns(sentiment={"type": "number", "minimum": 0, "maximum": 10})),
        asked(MARKED, returns(sentiment={"type": "string"})),
        asked(MARKED, returns(sentiment={"type": "string", "enum": ["happy", "angry"]})),
        asked(MARKED, returns(themes={"type": "array", "items": {"type": "string", "enum": ["food", "price"]}})),
        asked(MARKED, returns(themes={**STRINGS, "minItems": 3})),
        asked(MARKED, returns(method={"type": "string"})),
        asked(MARKED, {"$ref": "#/$defs/Review"}),
        asked("<text>The phone arrived on Tuesday at noon.</text>", returns(sentiment=SCORE)),  # no opinion
        asked("<text>Das Essen war kalt und der Kellner sehr unfreundlich.</text>", returns(sentiment=SCORE)),
        asked("<text> </text>", returns(sentiment=SCORE)),
        asked(f"<text>{REVIEW * 400}</text>", returns(sentiment=SCORE)),
        asked("Question: How long?", returns(answer={"type": "string"}, citations=STRINGS)),  # no passages
        asked(PASSAGES, returns(answer={"type": "string"}, citations=STRINGS)),  # no question
        asked(f"Question: a?\nQuestion: b?\n{PASSAGES}", returns(answer={"type": "string"}, citations=STRINGS)),
        asked(f"Question: a?\n{PASSAGES}\n[1] Again.", returns(answer={"type": "string"}, citations=STRINGS)),
        asked(f"Question: How long?\n{PASSAGES}", returns(answer={"type": "string"})),
        asked('task: fill\ntemplate: {name} and {other}.\n{"name": "Tea"}'),
        asked('task: fill\ntemplate: {name}.\n["Tea"]'),
        asked("task: fill\ntemplate: {name}.\nTea"),
        msgspec.structs.replace(V1, tools=(ToolSpec(name="look"),)),
        msgspec.structs.replace(V1, top_logprobs=0),
        msgspec.structs.replace(V1, stop=("}",)),
        msgspec.structs.replace(V1, messages=[*V1.messages, Message("assistant", "{}"), V1.messages[-1]]),
        msgspec.structs.replace(V1, messages=[Message("user", (Text(MARKED), Image(url="https://a.example/b")))]),
        msgspec.structs.replace(V1, messages=[]),
    ],
)
async def test_in_doubt_it_does_not_answer(request_: ModelRequest) -> None:
    assert Classical.can_answer(request_) is None
    with pytest.raises(ModelRefused, match="Classical methods do not answer this"):
        await Classical().complete(request_, KeptAnswer())


async def test_an_answer_is_cut_where_it_may_be_no_longer() -> None:
    text, completion = await answer(asked(f"task: sentiment\n{REVIEW}", max_tokens=2))
    assert (text, completion.stop_reason, completion.tokens.output) == ("[extracted, no", "length", 2)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["type", "properties", "items", "sentiment", "themes", "enum", "minimum", "answer"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    ),
    st.text(max_size=100),
)
def test_no_request_makes_it_stumble(schema: Any, text: str) -> None:
    for value in (
        schema,
        {"type": "object", "properties": schema},
        {"type": "object", "properties": {"themes": schema}},
    ):
        wanted = value if isinstance(value, dict) else {"type": value}
        Classical.can_answer(asked(f"<text>{text}</text>", wanted))
    Classical.can_answer(asked(f"task: fill\n{text}"))
