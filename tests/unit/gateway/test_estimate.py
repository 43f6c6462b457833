"""The guess of what a request takes: each sign only ever adds."""

from __future__ import annotations

from typing import Any

import pytest

from stretto.gateway.estimate import count_tokens, estimate
from stretto.gateway.provider import Image, Message, ModelRequest, Text, ToolSpec


def ask(text: str = "Say hello.", **more: Any) -> ModelRequest:
    more.setdefault("messages", (Message("user", text),))
    return ModelRequest(model="fast", **more)


@pytest.mark.parametrize(
    "harder",
    [
        ask("Say hello. " * 400),
        ask("Say hello.\n```python\nx = 1\n```"),
        ask("Say hello and explain why."),
        ask("Say hello.\n1. First\n2. Second\n3. Third"),
        ask("Say hello? And then? And after that?"),
        ask(returns={"type": "object", "properties": {"a": {"type": "string"}}}),
        ask(tools=(ToolSpec(name="look_up"),)),
        ask(reasoning_effort="high"),
        ask(messages=(Message("user", "a"), Message("assistant", "b"), Message("user", "Say hello."))),
        ask(messages=(Message("user", (Text("Say hello."), Image(url="https://example.com/a.png"))),)),
    ],
)
def test_each_sign_makes_it_harder(harder: ModelRequest):
    assert estimate(ask()).complexity < estimate(harder).complexity <= 1.0


def test_all_signs_together_stay_within_bounds():
    properties = {f"p{n}": {"type": "string"} for n in range(50)}
    text = "Why? Prove, compare, plan, design, analyse and explain ```code``` step by step.\n- a\n" * 3_000
    need = estimate(
        ask(
            messages=(Message("system", text), Message("user", (Text(text), Image(data="x", media_type="image/png")))),
            returns={"type": "object", "properties": properties},
            tools=(ToolSpec(name="look_up"),),
            reasoning_effort="high",
        )
    )
    assert 0.9 < need.complexity <= 1.0
    assert (need.tools, need.vision) == (True, True)


def test_tokens_are_counted_by_script():
    assert count_tokens("abcd" * 100) == 101
    assert 100 <= count_tokens("東京" * 50) <= 102
    assert count_tokens("é" * 400) == 101


def test_images_and_the_answer_count():
    low = Message("user", (Image(url="https://example.com/a.png", detail="low"),))
    high = Message("user", (Image(url="https://example.com/a.png"),))
    difference = estimate(ask(messages=(high,))).input_tokens - estimate(ask(messages=(low,))).input_tokens
    assert difference == 680
    assert estimate(ask(max_tokens=7)).output_tokens == 7
    assert estimate(ask()).output_tokens == 1_000


def test_a_schema_that_is_odd_does_no_harm():
    estimate(ask(returns={"properties": {"a": {"items": {"properties": [1]}}, "b": True}, "items": 3}))
