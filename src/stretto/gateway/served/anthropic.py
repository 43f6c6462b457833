"""Anthropic's Messages as a server speaks them.

Source: Anthropic's API reference ("Messages", "Streaming messages", "Errors") and what the `anthropic` SDK reads and sends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import orjson

from stretto.gateway.provider import (
    Completion,
    Image,
    Message,
    ModelRequest,
    Part,
    StopReason,
    Text,
    TokenCounts,
    ToolCall,
    ToolCallPiece,
    ToolSpec,
)
from stretto.gateway.served.asked import Asked, image_of, inline_image, passable, read, refuse, within

STOP: dict[StopReason, str] = {
    "end": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "filter": "refusal",
}


class _Source(msgspec.Struct):
    type: Literal["base64", "url"]
    media_type: str = ""
    data: str = ""
    url: str = ""


class _Block(msgspec.Struct):
    type: str
    text: str | None = None
    source: _Source | None = None
    id: str | None = None
    name: str | None = None
    input: Any = None
    tool_use_id: str | None = None
    content: str | list[_Block] | None = None


class _Message(msgspec.Struct):
    role: Literal["user", "assistant", "system"]
    content: str | list[_Block]


class _Tool(msgspec.Struct):
    name: str
    type: str | None = None
    description: str | None = None
    input_schema: dict[str, Any] | None = None
    strict: bool | None = None


class _Choice(msgspec.Struct):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class _Format(msgspec.Struct):
    type: str
    schema: dict[str, Any] | None = None


class _OutputConfig(msgspec.Struct):
    format: _Format | None = None
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None


class _Thinking(msgspec.Struct):
    type: str
    budget_tokens: int | None = None


class _Body(msgspec.Struct):
    model: str
    messages: list[_Message]
    max_tokens: int
    system: str | list[_Block] | None = None
    stream: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop_sequences: list[str] | None = None
    tools: list[_Tool] | None = None
    tool_choice: _Choice | None = None
    thinking: _Thinking | None = None
    output_config: _OutputConfig | None = None
    output_format: _Format | None = None


def read_request(body: bytes) -> Asked:
    """The request of a body. Raises `RequestUnread` naming the field that cannot be used."""
    asked = read(body, _Body)
    if not asked.model.strip():
        refuse("model", "The name of the model is empty.")
    if not asked.messages:
        refuse("messages", "There is no message. Send one at least.")
    within("max_tokens", asked.max_tokens, 1, 10_000_000)
    within("temperature", asked.temperature, 0, 1)
    within("top_p", asked.top_p, 0, 1)
    form = asked.output_format or (asked.output_config.format if asked.output_config else None)
    if form is not None:
        passable("output_config.format.schema", form.schema)
    messages: list[Message] = []
    system = (
        asked.system if isinstance(asked.system, str) else "".join(block.text or "" for block in asked.system or ())
    )
    if system:
        messages.append(Message("system", system))
    for n, message in enumerate(asked.messages):
        messages += _messages(f"messages[{n}]", message)
    choice = asked.tool_choice
    request = ModelRequest(
        model=asked.model,
        messages=messages,
        returns=form.schema if form is not None and form.type == "json_schema" else None,
        tools=tuple(_tool(f"tools[{n}]", tool) for n, tool in enumerate(asked.tools or ())),
        tool_choice=_choice(asked),
        parallel_tool_calls=False if choice is not None and choice.disable_parallel_tool_use else None,
        temperature=asked.temperature,
        top_p=asked.top_p,
        max_tokens=asked.max_tokens,
        stop=tuple(asked.stop_sequences or ()),
        reasoning_effort=_effort(asked),
    )
    return Asked(request, stream=bool(asked.stream), include_usage=True)


def _effort(asked: _Body) -> Literal["low", "medium", "high", "xhigh"] | None:
    """How hard to think, where thinking is on: as it is said, else by the budget; without either it is high, as Anthropic has it."""
    thinking = asked.thinking
    if thinking is None or thinking.type == "disabled":
        return None
    said = asked.output_config.effort if asked.output_config else None
    if said is not None:
        return "xhigh" if said == "max" else said
    budget = thinking.budget_tokens
    if budget is None:
        return "high"
    return "low" if budget <= 2_048 else "medium" if budget <= 8_192 else "high"


def _choice(asked: _Body) -> str:
    choice = asked.tool_choice
    if choice is None or choice.type == "auto":
        return "auto"
    if choice.type == "any":
        if not asked.tools:
            refuse("tool_choice", "`any` needs `tools`.")
        return "required"
    if choice.type == "none":
        return "none"
    if choice.name is None or choice.name not in [tool.name for tool in asked.tools or ()]:
        refuse("tool_choice.name", f"There is no tool {choice.name!r} among `tools`.")
    return choice.name


def _tool(place: str, tool: _Tool) -> ToolSpec:
    if tool.type not in (None, "custom"):
        refuse(f"{place}.type", f"{tool.type!r} would be carried out by Anthropic. Only tools of your own are taken.")
    passable(f"{place}.input_schema", tool.input_schema)
    return ToolSpec(
        name=tool.name,
        description=tool.description or "",
        parameters=tool.input_schema or {"type": "object", "properties": {}},
        strict=bool(tool.strict),
    )


def _messages(place: str, message: _Message) -> list[Message]:
    """One message of theirs is several of ours where it holds answers of tools."""
    if isinstance(message.content, str):
        return [Message(message.role, message.content)]
    answers: list[Message] = []
    parts: list[Part] = []
    calls: list[ToolCall] = []
    for n, block in enumerate(message.content):
        where = f"{place}.content[{n}]"
        match block.type:
            case "text" if block.text is not None:
                parts.append(Text(block.text))
            case "image" if block.source is not None:
                parts.append(_image(where, block.source))
            case "tool_use" if block.id and block.name:
                passable(f"{where}.input", block.input)
                calls.append(ToolCall(block.id, block.name, orjson.dumps(block.input or {}).decode()))
            case "tool_result" if block.tool_use_id:
                answers.append(
                    Message("tool", _answer(f"{where}.content", block.content), tool_call_id=block.tool_use_id)
                )
            case "thinking" | "redacted_thinking":
                pass  # what a model thought is its own; it is not sent to another
            case _:
                refuse(where, f"A block of type {block.type!r} with what it holds cannot be used here.")
    if parts or calls or not answers:
        answers.append(Message(message.role, tuple(parts), tuple(calls)))
    return answers


def _image(place: str, source: _Source) -> Image:
    if source.type == "url":
        return image_of(f"{place}.source.url", source.url)
    return inline_image(f"{place}.source", source.media_type, source.data)


def _answer(place: str, content: str | list[_Block] | None) -> str | tuple[Part, ...]:
    """What a tool answered: text where that is all there is, else text and images."""
    if content is None or isinstance(content, str):
        return content or ""
    parts: list[Part] = []
    for n, block in enumerate(content):
        if block.type == "text" and block.text is not None:
            parts.append(Text(block.text))
        elif block.type == "image" and block.source is not None:
            parts.append(_image(f"{place}[{n}]", block.source))
        else:
            refuse(f"{place}[{n}]", f"A tool's answer holds text and images here, no block of type {block.type!r}.")
    if any(isinstance(part, Image) for part in parts):
        return tuple(parts)
    return "".join(part.text for part in parts if isinstance(part, Text))


# Answers


def usage_of(tokens: TokenCounts) -> dict[str, Any]:
    """Anthropic's usage: what was read from the cache is not a part of the input's tokens."""
    return {
        "input_tokens": tokens.input,
        "cache_read_input_tokens": tokens.cached_input,
        "cache_creation_input_tokens": tokens.cache_write,
        "output_tokens": tokens.output,
    }


def event(name: str, data: dict[str, Any]) -> bytes:
    """One event of a stream."""
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps({"type": name} | data) + b"\n\n"


class Speech:
    """Says one answer. `tokens` is what is known of the usage when the stream begins."""

    def __init__(self, model: str, answer_id: str, tokens: TokenCounts | None = None) -> None:
        self._id = answer_id
        self._model = model
        self._tokens = tokens or TokenCounts()
        self._index = -1
        self._open: str | int = ""
        self._blocks: dict[int, int] = {}
        self._started = False
        self._text_prefix = b""

    def _message(self, content: list[dict[str, Any]], stop: str | None, tokens: TokenCounts) -> dict[str, Any]:
        return {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": usage_of(tokens),
        }

    def _start(self) -> bytes:
        if self._started:
            return b""
        self._started = True
        return event("message_start", {"message": self._message([], None, self._tokens)})

    def _enter(self, block: str | int, content: dict[str, Any]) -> bytes:
        """Begin a block, unless it is the one that is open."""
        if self._open == block:
            return b""
        told = self._start() + self._close()
        self._index += 1
        self._open = block
        data = {"index": self._index, "delta": {"type": "text_delta", "text": ""}}
        line = orjson.dumps({"type": "content_block_delta"} | data)
        self._text_prefix = b"event: content_block_delta\ndata: " + line[: line.rindex(b'""')]
        return told + event("content_block_start", {"index": self._index, "content_block": content})

    def _close(self) -> bytes:
        return event("content_block_stop", {"index": self._index}) if self._open != "" else b""

    def text(self, text: str) -> bytes:
        """A piece of the text, as an event."""
        said = orjson.dumps(text) + b"}}\n\n"
        if self._open == "text":
            return self._text_prefix + said
        return self._enter("text", {"type": "text", "text": ""}) + self._text_prefix + said

    def tool_call(self, piece: ToolCallPiece) -> bytes:
        """A piece of a tool call, as an event.

        Each call is a block, closed when the next begins. A piece that comes later than that still names its own block,
        since clients gather pieces by their index.
        """
        told = b""
        block = self._blocks.get(piece.index)
        if block is None:
            told = self._enter(piece.index, {"type": "tool_use", "id": piece.id, "name": piece.name, "input": {}})
            block = self._blocks[piece.index] = self._index
        if piece.arguments:
            delta = {"type": "input_json_delta", "partial_json": piece.arguments}
            told += event("content_block_delta", {"index": block, "delta": delta})
        return told

    def end(self, completion: Completion) -> bytes:
        """The end of the stream: why it ended, and what it used."""
        told = self._start() + self._close()
        delta = {"stop_reason": STOP[completion.stop_reason], "stop_sequence": None}
        told += event("message_delta", {"delta": delta, "usage": usage_of(completion.tokens)})
        return told + event("message_stop", {})

    def broken(self, error: dict[str, Any]) -> bytes:
        """The end of a stream that cannot go on; `error` is Anthropic's error object."""
        return event("error", {"error": error})

    def whole(self, text: str, completion: Completion) -> bytes:
        """The answer in one piece."""
        content: list[dict[str, Any]] = [{"type": "text", "text": text}] if text or not completion.tool_calls else []
        content += [
            {"type": "tool_use", "id": call.id, "name": call.name, "input": _arguments(call)}
            for call in completion.tool_calls
        ]
        return orjson.dumps(self._message(content, STOP[completion.stop_reason], completion.tokens))


def say_models(names: Sequence[str]) -> bytes:
    """The list of models, on one page."""
    data = [{"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"} for name in names]
    ends = {"first_id": names[0] if names else None, "last_id": names[-1] if names else None}
    return orjson.dumps({"data": data, "has_more": False, **ends})


def _arguments(call: ToolCall) -> Any:
    try:
        return orjson.loads(call.arguments or "{}")
    except orjson.JSONDecodeError:
        return {"unread": call.arguments}
