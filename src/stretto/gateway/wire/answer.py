"""What a call has given so far, whichever dialect it is in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from uuid import uuid4

import orjson

from stretto.errors import ModelBroken
from stretto.gateway.provider import (
    Image,
    Message,
    ModelRequest,
    StopReason,
    TokenCounts,
    TokenLogprob,
    TokenSink,
    ToolCall,
    ToolCallPiece,
)

CHARS_PER_TOKEN = 4  # rule of thumb for English, https://help.openai.com/en/articles/4936856
IMAGE_TOKENS = 1000  # about what a picture of a megapixel counts for at both vendors
MOST_CHARS = 64 * 1024 * 1024
"""More than this no answer holds: the longest outputs that models have are of some hundred thousand tokens."""


class OpenCall:
    """A tool call on its way."""

    __slots__ = ("arguments", "id", "name")

    def __init__(self, id: str, name: str) -> None:
        self.id = id
        self.name = name
        self.arguments: list[str] = []


class Answer:
    """What a call has given so far. Text and pieces of tool calls wait here for `push`, once for each chunk of the network."""

    __slots__ = (
        "_by_index", "_calls", "_pieces", "_sink", "_texts", "chars", "ended", "logprobs", "model", "reasoning", "refusal",
        "stop_reason", "thinking", "tokens",
    )  # fmt: skip

    def __init__(self, sink: TokenSink) -> None:
        self._sink = sink
        self._texts: list[str] = []
        self._pieces: list[ToolCallPiece] = []
        self._calls: list[OpenCall] = []
        self._by_index: dict[int, int] = {}
        self.chars = 0
        """Characters given, of text, tool calls and reasoning."""
        self.model = ""
        self.tokens: TokenCounts | None = None
        """As the provider counts them, once it has said so."""
        self.stop_reason: StopReason | None = None
        self.ended = False
        """The mark of the end has come."""
        self.thinking = False
        """The model thinks where we do not see it: then signs of life count as progress."""
        self.reasoning: list[str] = []
        self.refusal: list[str] = []
        self.logprobs: list[TokenLogprob] = []

    def text(self, text: str) -> None:
        """Take a piece of text."""
        self._texts.append(text)

    def think(self, text: str) -> None:
        """Take a piece of reasoning."""
        self.reasoning.append(text)
        self.chars += len(text)

    def tool(self, index: int | None, id: str, name: str, arguments: str) -> None:
        """Take a piece of a tool call.

        Servers differ: some give no index, some the same one for all calls, some no id, some repeat id and name with every
        piece. A new id with a name always begins a new call; a piece without an index belongs to the latest one.
        """
        position = self._by_index.get(index) if index is not None else len(self._calls) - 1
        if position is None or position < 0 or (id and name and self._calls[position].id != id):
            position = len(self._calls)
            self._calls.append(OpenCall(id or f"call_{uuid4().hex[:24]}", name))
            piece = ToolCallPiece(position, arguments, self._calls[position].id, name)
        else:
            call = self._calls[position]
            late = "" if call.name else name
            call.name = call.name or name
            piece = ToolCallPiece(position, arguments, "", late)
        if index is not None:
            self._by_index[index] = position
        if arguments:
            self._calls[position].arguments.append(arguments)
            self.chars += len(arguments)
        if arguments or piece.id or piece.name:
            self._pieces.append(piece)

    def push(self) -> None:
        """Give to the sink what has come."""
        if self._texts:
            texts, self._texts = self._texts, []
            self.chars += sum(map(len, texts))
            self._sink.write(texts)
        if self._pieces:
            pieces, self._pieces = self._pieces, []
            for piece in pieces:
                self._sink.tool_call(piece)
        if self.chars > MOST_CHARS:
            raise ModelBroken(f"The answer is longer than {MOST_CHARS} characters, so it was cut off.")

    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tool calls, whole. A tool that takes nothing is called with an empty object."""
        return tuple(ToolCall(call.id, call.name, "".join(call.arguments) or "{}") for call in self._calls)

    @property
    def has_tool_calls(self) -> bool:
        """Whether a tool is called."""
        return bool(self._calls)

    def counts(self, request: ModelRequest) -> TokenCounts:
        """The provider's own counts, or an estimate where it gave none."""
        if self.tokens is not None and self.ended:
            return self.tokens
        output = -(-self.chars // CHARS_PER_TOKEN)
        reasoning = -(-sum(map(len, self.reasoning)) // CHARS_PER_TOKEN)
        if self.tokens is None:
            return TokenCounts(input=estimate_input(request), output=output, reasoning=reasoning, estimated=True)
        known = self.tokens
        return TokenCounts(
            input=known.input,
            cached_input=known.cached_input,
            cache_write=known.cache_write,
            output=max(known.output, output),
            reasoning=max(known.reasoning, reasoning),
            estimated=True,
        )


class Decoder(Protocol):
    """Reads one answer of a dialect into `answer`. Raises a `ModelError`, also a `ModelBroken` for what it cannot read."""

    @property
    def answer(self) -> Answer: ...

    def feed(self, events: list[bytes]) -> bool:
        """Read the data of events. True if the model has made progress; a sign of life alone is none."""
        ...

    def whole(self, body: bytes) -> None:
        """Read an answer that did not stream."""
        ...


def estimate_input(request: ModelRequest) -> int:
    """About how many tokens a request holds: a fourth of its characters, and 1,000 for each image."""
    chars = sum(size_of(message) for message in request.messages)
    for given in (request.returns, *(tool.parameters for tool in request.tools)):
        if given:
            chars += len(orjson.dumps(given))
    return -(-chars // CHARS_PER_TOKEN)


def size_of(message: Message) -> int:
    """A message's characters, images as so many as make their tokens."""
    chars = len(message.text) + sum(len(call.name) + len(call.arguments) for call in message.tool_calls)
    if not isinstance(message.content, str):
        chars += CHARS_PER_TOKEN * IMAGE_TOKENS * sum(isinstance(part, Image) for part in message.content)
    return chars


MOST_TOKENS = 100_000_000
"""No call uses more: a larger count is a provider's mistake, and the sums of a day would not fit into their columns."""


def count(usage: Mapping[str, Any], *path: str) -> int:
    """A count in a provider's usage; 0 where it does not say, or says what no call can have used."""
    value: Any = usage
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return int(value) if isinstance(value, int | float) and 0 <= value <= MOST_TOKENS else 0
