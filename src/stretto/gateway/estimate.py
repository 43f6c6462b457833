"""A documented guess of what a request takes, made before it is sent; replaceable (`Platform.open(..., estimate=)`).

Tokens: four characters of Latin text make a token (OpenAI, "What are tokens and how to count them"), one of Chinese, Japanese
or Korean; each message adds four (OpenAI's cookbook, "How to count tokens with tiktoken"). An image counts 85 tokens at low
detail, 765 otherwise (OpenAI's vision guide: a square image of 1,024 pixels). An answer counts as long as `max_tokens`
allows, but no longer than `USUAL_OUTPUT` unless a long one is asked for.

Complexity, 0 to 1, is a sum of signs, each of which only ever adds:

| sign | adds |
|---|---|
| length: tokens / 4,000 | up to 0.25 |
| code: fences, or words of programming | 0.15 |
| reasoning: why, prove, compare, plan, design, step by step … | 0.05 each, up to 0.20 |
| several things asked: questions, numbered or bulleted demands | 0.02 each, up to 0.10 |
| a structured answer: 0.05, and 0.01 for each property | up to 0.15 |
| tools | 0.10 |
| turns before this one | 0.01 each, up to 0.05 |
| images | 0.10 |
| reasoning effort medium, high | 0.10, 0.20 |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from stretto.gateway.provider import Image, Message, ModelRequest
from stretto.gateway.routing import Need

CHARS_PER_TOKEN = 4
MESSAGE_TOKENS = 4
IMAGE_TOKENS = {"low": 85, "auto": 765, "high": 765}
USUAL_OUTPUT = 1_000
MOST_READ = 16_000
"""So many characters of a long text are looked at for signs: its beginning and its end."""

_WIDE = re.compile("[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
_CODE = (
    "```",
    " def ",
    " class ",
    " function",
    " import ",
    " algorithm",
    " regex",
    " refactor",
    " debug",
    " python",
    " sql ",
)
_REASONING = (
    *(" why", " prove", " derive", " compar", " analy", " evaluat", " plan", " design", " architect", " trade-off"),
    *(" step by step", " reason", " explain", " justif", " optimi", " diagnos"),
)
"""Beginnings of words; looked for one by one, which is ten times as fast as one regular expression."""
_DEMAND = re.compile(r"\n[ \t]*(?:[-*]|\d+[.)])[ \t]")
_EFFORT = {"medium": 0.10, "high": 0.20, "xhigh": 0.20}


def estimate(request: ModelRequest) -> Need:
    """What the request takes, as the table says."""
    texts = [message.text for message in request.messages]
    images = [part for message in request.messages for part in parts_of(message) if isinstance(part, Image)]
    tokens = sum(count_tokens(text) for text in texts) + MESSAGE_TOKENS * len(texts)
    tokens += sum(IMAGE_TOKENS[image.detail] for image in images)
    tokens += sum(len(tool.description) + _size(tool.parameters) for tool in request.tools) // CHARS_PER_TOKEN
    if request.returns is not None:
        tokens += _size(request.returns) // CHARS_PER_TOKEN
    return Need(
        input_tokens=tokens,
        output_tokens=request.max_tokens if request.max_tokens is not None else USUAL_OUTPUT,
        complexity=complexity(request, tokens, has_images=bool(images)),
        tools=bool(request.tools),
        vision=bool(images),
        logprobs=request.top_logprobs is not None,
    )


def complexity(request: ModelRequest, tokens: int, *, has_images: bool = False) -> float:
    """The sum of the signs, 0 to 1."""
    read = "".join(f"\n{clip(message.text)}" for message in request.messages if message.role in ("system", "user"))
    turns = sum(message.role == "assistant" for message in request.messages)
    total = min(tokens / 4_000, 1.0) * 0.25
    words = f" {' '.join(read.lower().split())} "
    total += 0.15 if any(sign in words for sign in _CODE) else 0.0
    total += min(0.05 * sum(sign in words for sign in _REASONING), 0.20)
    total += min(0.02 * max(read.count("?") + len(_DEMAND.findall(read)) - 1, 0), 0.10)
    if request.returns is not None:
        total += min(0.05 + 0.01 * count_properties(request.returns), 0.15)
    total += 0.10 if request.tools else 0.0
    total += min(0.01 * turns, 0.05)
    total += 0.10 if has_images else 0.0
    total += _EFFORT.get(request.reasoning_effort or "", 0.0)
    return min(total, 1.0)


def count_tokens(text: str) -> int:
    """About how many tokens a text has."""
    if text.isascii():
        return len(text) // CHARS_PER_TOKEN + 1
    wide = len(_WIDE.findall(text))
    return wide + (len(text) - wide) // CHARS_PER_TOKEN + 1


def clip(text: str) -> str:
    """The beginning and the end of a long text."""
    half = MOST_READ // 2
    return text if len(text) <= MOST_READ else f"{text[:half]}\n{text[-half:]}"


def parts_of(message: Message) -> tuple[object, ...]:
    """The parts of a message, none where it is plain text."""
    return () if isinstance(message.content, str) else message.content


def count_properties(schema: object, depth: int = 0) -> int:
    """How many properties a schema names, down to five levels."""
    if not isinstance(schema, Mapping) or depth > 5:
        return 0
    read = cast("Mapping[str, object]", schema)
    properties = read.get("properties")
    inner = list(cast("Mapping[str, object]", properties).values()) if isinstance(properties, Mapping) else []
    return len(inner) + sum(count_properties(each, depth + 1) for each in [*inner, read.get("items")])


def _size(schema: Mapping[str, Any]) -> int:
    return len(repr(schema))
