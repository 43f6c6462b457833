"""Reading Anthropic's dialect: the events of a message, and a message as a whole.

Source: https://docs.anthropic.com/en/docs/build-with-claude/streaming. Events of kinds that are new are passed over, as it asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import orjson

from stretto.errors import ModelBroken
from stretto.gateway.provider import StopReason, TokenCounts, TokenSink
from stretto.gateway.wire.answer import Answer, count
from stretto.gateway.wire.failures import failure, said

STOPS: Mapping[str, StopReason] = {
    "end_turn": "end",
    "pause_turn": "end",
    "stop_sequence": "stop_sequence",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "filter",
}


class Block(msgspec.Struct, gc=False):
    """A block of content: text, thinking, or the call of a tool."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    id: str | None = None
    name: str | None = None
    input: Any = None


class Delta(msgspec.Struct, gc=False):
    """What is new in a block, or about the message."""

    type: str = ""
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    stop_reason: str | None = None


class Whole(msgspec.Struct, gc=False):
    """A message: at the start of a stream, or an answer that did not stream."""

    model: str = ""
    content: list[Block] | None = None
    stop_reason: str | None = None
    usage: dict[str, Any] | None = None
    type: str = ""
    error: Any = None


class Event(msgspec.Struct, gc=False):
    """An event of a stream; which fields it has depends on its type."""

    type: str
    delta: Delta | None = None
    index: int = 0
    content_block: Block | None = None
    message: Whole | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


decode_event = msgspec.json.Decoder(Event).decode
decode_whole = msgspec.json.Decoder(Whole).decode


class AnthropicDecoder:
    """Reads one answer in Anthropic's dialect. What `answer_tool` is called with is the answer's text."""

    __slots__ = ("_answer_block", "_answer_tool", "_empty_calls", "_provider", "_usage", "answer")

    def __init__(self, provider: str, sink: TokenSink, answer_tool: str = "") -> None:
        self._provider = provider
        self._answer_tool = answer_tool
        self._answer_block = -1
        self._empty_calls: dict[int, Any] = {}  # inputs that came with a block's start, in case nothing follows
        self._usage: dict[str, Any] = {}
        self.answer = Answer(sink)

    def feed(self, events: list[bytes]) -> bool:
        """Read the data of events; see `Decoder`."""
        answer, progress = self.answer, False
        text = answer.text
        try:
            for data in events:
                event = decode_event(data)
                delta = event.delta
                if delta is not None and delta.text:
                    text(delta.text)
                    progress = True
                elif self._other(event):
                    progress = True
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ModelBroken(
                f"{self._provider} sent an event that cannot be read ({type(error).__name__}). The call is tried again."
            ) from None
        finally:
            answer.push()
        return progress

    def whole(self, body: bytes) -> None:
        """Read an answer that did not stream."""
        answer = self.answer
        try:
            message = decode_whole(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ModelBroken(
                f"{self._provider} sent an answer that cannot be read ({type(error).__name__}). Check the provider's `url`; "
                "the call is tried again."
            ) from None
        if message.error is not None:
            raise failure(self._provider, None, said({"error": message.error}))
        if message.content is None:
            raise ModelBroken(f"{self._provider} sent an answer without content. Check the provider's `url`.")
        self._started(message)
        for index, block in enumerate(message.content):
            self._block(index, block)
            self._block_ended(index)
        answer.stop_reason = STOPS.get(message.stop_reason or "", "end")
        answer.ended = True
        answer.push()

    def finish(self) -> None:
        """Look at the whole: the call of the tool that stands for the answer is no call of a tool."""
        answer = self.answer
        if self._answer_block >= 0 and answer.stop_reason == "tool_calls" and not answer.has_tool_calls:
            answer.stop_reason = "end"

    def _other(self, event: Event) -> bool:
        """Take an event that holds no text. True if it is progress."""
        answer = self.answer
        match event.type:
            case "content_block_delta":
                return event.delta is not None and self._delta(event.index, event.delta)
            case "content_block_start" if event.content_block is not None:
                self._block(event.index, event.content_block)
                return True
            case "content_block_stop":
                self._block_ended(event.index)
                return True
            case "message_start" if event.message is not None:
                self._started(event.message)
                return False  # the provider has taken the call, the model has not begun
            case "message_delta":
                if event.usage is not None:
                    self._count(event.usage)
                if event.delta is not None and event.delta.stop_reason is not None:
                    answer.stop_reason = STOPS.get(event.delta.stop_reason, "end")
                return True
            case "message_stop":
                answer.ended = True
                return True
            case "error":
                raise failure(self._provider, None, said({"error": event.error}))
            case "ping":
                return answer.thinking  # a model that thinks unseen says nothing else
            case _:
                return False

    def _started(self, message: Whole) -> None:
        self.answer.model = message.model
        if message.usage is not None:
            self._count(message.usage)

    def _block(self, index: int, block: Block) -> None:
        answer = self.answer
        if block.type == "text":
            if block.text:
                answer.text(block.text)
        elif block.type in {"thinking", "redacted_thinking"}:
            answer.thinking = True
            if block.thinking:
                answer.think(block.thinking)
        elif block.type == "tool_use":
            if block.name == self._answer_tool and self._answer_tool:
                self._answer_block = index
            else:
                answer.tool(index, block.id or "", block.name or "", "")
            self._empty_calls[index] = block.input

    def _delta(self, index: int, delta: Delta) -> bool:
        answer = self.answer
        if delta.partial_json:
            self._empty_calls.pop(index, None)
            if index == self._answer_block:
                answer.text(delta.partial_json)
            else:
                answer.tool(index, "", "", delta.partial_json)
            return True
        if delta.thinking:
            answer.think(delta.thinking)
            return True
        return delta.type != "text_delta"

    def _block_ended(self, index: int) -> None:
        answer = self.answer
        answer.thinking = False
        given = self._empty_calls.pop(index, None)
        if given:
            arguments = orjson.dumps(given).decode()
            if index == self._answer_block:
                answer.text(arguments)
            else:
                answer.tool(index, "", "", arguments)

    def _count(self, usage: Mapping[str, Any]) -> None:
        """Counts at the end of a stream are of the whole, and leave out what has not changed."""
        self._usage.update({name: value for name, value in usage.items() if value is not None})
        self.answer.tokens = read_usage(self._usage)


def read_usage(usage: Mapping[str, Any]) -> TokenCounts:
    """Tokens by classes. `input_tokens` holds neither those from nor those into the cache."""
    output = count(usage, "output_tokens")
    return TokenCounts(
        input=count(usage, "input_tokens"),
        cached_input=count(usage, "cache_read_input_tokens"),
        cache_write=count(usage, "cache_creation_input_tokens"),
        output=output,
        reasoning=min(output, count(usage, "output_tokens_details", "thinking_tokens")),
    )
