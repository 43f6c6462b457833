"""OpenAI's Chat Completions as a server speaks it.

Source: OpenAI's API reference ("Create chat completion", "The chat completion chunk object", "Create embeddings") and what
the `openai` SDK reads and sends. Fields that mean nothing here are passed over, as OpenAI's own servers do.
"""

from __future__ import annotations

import base64
import struct
import time
from collections.abc import Sequence
from typing import Any, Literal, cast

import msgspec
import orjson

from stretto.gateway.provider import (
    Completion,
    Image,
    Message,
    ModelRequest,
    Part,
    Role,
    StopReason,
    Text,
    TokenCounts,
    TokenLogprob,
    ToolCall,
    ToolCallPiece,
    ToolSpec,
)
from stretto.gateway.served.asked import LEAST_INT, MOST_INT, Asked, image_of, passable, read, refuse, within

FINISH: dict[StopReason, str] = {
    "end": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "filter": "content_filter",
}
DONE = b"data: [DONE]\n\n"
MOST_TEXTS = 2_048
"""Most inputs of one request for embeddings, as OpenAI has it."""


class _ImageUrl(msgspec.Struct):
    url: str
    detail: str = "auto"


class _Part(msgspec.Struct):
    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: _ImageUrl | None = None


class _Function(msgspec.Struct):
    name: str
    arguments: str = ""


class _Call(msgspec.Struct):
    id: str
    function: _Function
    type: Literal["function"] = "function"


class _Message(msgspec.Struct):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[_Part] | None = None
    tool_calls: list[_Call] | None = None
    tool_call_id: str | None = None


class _FunctionSpec(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class _Tool(msgspec.Struct):
    function: _FunctionSpec
    type: Literal["function"] = "function"


class _Named(msgspec.Struct):
    name: str


class _Choice(msgspec.Struct):
    function: _Named
    type: Literal["function"] = "function"


class _Schema(msgspec.Struct):
    name: str
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class _Format(msgspec.Struct):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: _Schema | None = None


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class _Body(msgspec.Struct):
    model: str
    messages: list[_Message]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    n: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | _Choice | None = None
    parallel_tool_calls: bool | None = None
    response_format: _Format | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    functions: Any = None
    function_call: Any = None
    input: dict[str, Any] | None = None


def read_request(body: bytes) -> Asked:
    """The request of a body. Raises `RequestUnread` naming the field that cannot be used."""
    asked = read(body, _Body)
    _check(asked)
    form = asked.response_format
    schema = form.json_schema if form is not None and form.type == "json_schema" else None
    stop = (asked.stop,) if isinstance(asked.stop, str) else tuple(asked.stop or ())
    top = asked.top_logprobs
    request = ModelRequest(
        model=asked.model,
        messages=[_message(f"messages[{n}]", message) for n, message in enumerate(asked.messages)],
        returns=None if schema is None else schema.schema or {},
        returns_name="answer" if schema is None else schema.name,
        json_mode=form is not None and form.type == "json_object",
        tools=tuple(_tool(f"tools[{n}].function", tool.function) for n, tool in enumerate(asked.tools or ())),
        tool_choice=_choice(asked),
        parallel_tool_calls=asked.parallel_tool_calls,
        temperature=asked.temperature,
        top_p=asked.top_p,
        max_tokens=asked.max_completion_tokens or asked.max_tokens,
        stop=stop,
        seed=asked.seed,
        presence_penalty=asked.presence_penalty,
        frequency_penalty=asked.frequency_penalty,
        reasoning_effort=asked.reasoning_effort,
        top_logprobs=(top or 0) if asked.logprobs else None,
    )
    return Asked(
        request,
        stream=bool(asked.stream),
        include_usage=bool(asked.stream_options and asked.stream_options.include_usage),
        extra={} if asked.input is None else {"input": asked.input},
    )


def _check(asked: _Body) -> None:
    if not asked.model.strip():
        refuse("model", "The name of the model is empty.")
    if not asked.messages:
        refuse("messages", "There is no message. Send one at least.")
    if asked.functions is not None or asked.function_call is not None:
        refuse("functions", "`functions` and `function_call` are out of use. Send `tools` and `tool_choice`.")
    if asked.n not in (None, 1):
        refuse("n", "One answer is given to a request. Leave `n` out, or ask several times.")
    for name, value in (("max_tokens", asked.max_tokens), ("max_completion_tokens", asked.max_completion_tokens)):
        within(name, value, 1, 10_000_000)
    within("temperature", asked.temperature, 0, 2)
    within("top_p", asked.top_p, 0, 1)
    within("presence_penalty", asked.presence_penalty, -2, 2)
    within("frequency_penalty", asked.frequency_penalty, -2, 2)
    within("top_logprobs", asked.top_logprobs, 0, 20)
    if asked.seed is not None and not LEAST_INT <= asked.seed <= MOST_INT:
        refuse("seed", "A seed is an integer of 64 bits.")
    if asked.top_logprobs is not None and not asked.logprobs:
        refuse("top_logprobs", "This needs `logprobs: true`.")
    if isinstance(asked.stop, list) and len(asked.stop) > 4:
        refuse("stop", "At most four stop sequences are taken.")
    form = asked.response_format
    if form is not None and form.type == "json_schema" and form.json_schema is None:
        refuse("response_format.json_schema", "The type `json_schema` needs a schema here.")
    if form is not None and form.json_schema is not None:
        passable("response_format.json_schema.schema", form.json_schema.schema)


def _choice(asked: _Body) -> str:
    choice = asked.tool_choice
    if choice is None:
        return "auto"
    names = [tool.function.name for tool in asked.tools or ()]
    if isinstance(choice, _Choice):
        if choice.function.name not in names:
            refuse("tool_choice.function.name", f"There is no tool {choice.function.name!r} among `tools`.")
        return choice.function.name
    if choice not in ("auto", "none", "required"):
        refuse("tool_choice", f"{choice!r} is none of `auto`, `none`, `required`.")
    if choice == "required" and not names:
        refuse("tool_choice", "`required` needs `tools`.")
    return choice


def _tool(place: str, spec: _FunctionSpec) -> ToolSpec:
    passable(f"{place}.parameters", spec.parameters)
    return ToolSpec(
        name=spec.name,
        description=spec.description or "",
        parameters=spec.parameters or {"type": "object", "properties": {}},
        strict=bool(spec.strict),
    )


def _message(place: str, message: _Message) -> Message:
    role: Role = "system" if message.role == "developer" else message.role
    content = message.content
    parts: str | tuple[Part, ...]
    if isinstance(content, list):
        parts = tuple(_part(f"{place}.content[{n}]", part) for n, part in enumerate(content))
        if role != "user" and any(isinstance(part, Image) for part in parts):
            refuse(f"{place}.content", "Only messages of the user hold images.")
    else:
        parts = content or ""
    if content is None and not message.tool_calls and role != "assistant":
        refuse(f"{place}.content", "The message has no content.")
    if role == "tool" and not message.tool_call_id:
        refuse(f"{place}.tool_call_id", "The answer of a tool names the call that it answers.")
    calls = tuple(ToolCall(call.id, call.function.name, call.function.arguments) for call in message.tool_calls or ())
    return Message(role, parts, calls, message.tool_call_id or "")


def _part(place: str, part: _Part) -> Part:
    if part.type == "text" and part.text is not None:
        return Text(part.text)
    if part.type == "refusal" and part.refusal is not None:
        return Text(part.refusal)
    if part.type == "image_url" and part.image_url is not None:
        return image_of(f"{place}.image_url.url", part.image_url.url, part.image_url.detail)
    refuse(place, f"A part of type {part.type!r} with what it holds cannot be used here; text and image_url can.")


# Answers


def usage_of(tokens: TokenCounts) -> dict[str, Any]:
    """OpenAI's usage: what was read from the cache is a part of the prompt's tokens."""
    return {
        "prompt_tokens": tokens.all_input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.all_input + tokens.output,
        "prompt_tokens_details": {"cached_tokens": tokens.cached_input},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
    }


def logprobs_of(logprobs: Sequence[TokenLogprob]) -> dict[str, Any] | None:
    """OpenAI's log-probabilities; None where there are none."""
    if not logprobs:
        return None
    return {"content": [_logprob(each.token, each.logprob) | {"top_logprobs": _top(each)} for each in logprobs]}


def _top(each: TokenLogprob) -> list[dict[str, Any]]:
    return [_logprob(token, logprob) for token, logprob in each.top]


def _logprob(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}


def _tool_calls(calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
    return [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in calls
    ]


class Speech:
    """Says one answer. `text` costs a formatting of bytes, whatever the rest of a chunk holds."""

    def __init__(self, model: str, answer_id: str, *, include_usage: bool = False, created: int | None = None) -> None:
        self._include_usage = include_usage
        self._head = {"id": answer_id, "created": int(time.time()) if created is None else created, "model": model}
        head = orjson.dumps({"id": answer_id, "object": "chat.completion.chunk"} | self._head)[:-1]
        usage = b',"usage":null' if include_usage else b""
        self._prefix = b"data: " + head + usage + b',"choices":[{"index":0,"delta":'
        self._text_prefix = self._prefix + b'{"content":'
        self._suffix = b',"logprobs":null,"finish_reason":null}]}\n\n'
        self._text_suffix = b"}" + self._suffix
        self._started = False
        self._told_logprobs = False

    def _start(self) -> bytes:
        if self._started:
            return b""
        self._started = True
        return self._prefix + b'{"role":"assistant","content":"","refusal":null}' + self._suffix

    def text(self, text: str, logprobs: Sequence[TokenLogprob] = ()) -> bytes:
        """A piece of the text, as an event; the first comes with the event that begins the stream."""
        if logprobs:
            self._told_logprobs = True
            said = orjson.dumps(logprobs_of(logprobs))
            end = b'},"logprobs":' + said + b',"finish_reason":null}]}\n\n'
            return self._start() + self._text_prefix + orjson.dumps(text) + end
        if self._started:
            return self._text_prefix + orjson.dumps(text) + self._text_suffix
        return self._start() + self._text_prefix + orjson.dumps(text) + self._text_suffix

    def tool_call(self, piece: ToolCallPiece) -> bytes:
        """A piece of a tool call, as an event."""
        function: dict[str, Any] = {"arguments": piece.arguments}
        told: dict[str, Any] = {"index": piece.index, "function": function}
        if piece.id or piece.name:
            function["name"] = piece.name
            told |= {"id": piece.id, "type": "function"}
        return self._start() + self._prefix + orjson.dumps({"tool_calls": [told]}) + self._suffix

    def end(self, completion: Completion) -> bytes:
        """The end of the stream: why it ended, what it used (if that was asked for), and that it is done."""
        finish = orjson.dumps(FINISH[completion.stop_reason])
        # Where they are known only now, all log-probabilities come with the last choice.
        said = b"null" if self._told_logprobs else orjson.dumps(logprobs_of(completion.logprobs))
        told = self._start() + self._prefix + b'{},"logprobs":' + said + b',"finish_reason":' + finish + b"}]}\n\n"
        if self._include_usage:
            usage: dict[str, Any] = {
                "object": "chat.completion.chunk",
                **self._head,
                "choices": [],
                "usage": usage_of(completion.tokens),
            }
            told += b"data: " + orjson.dumps(usage) + b"\n\n"
        return told + DONE

    def broken(self, error: dict[str, Any]) -> bytes:
        """The end of a stream that cannot go on; `error` is OpenAI's error object."""
        return b"data: " + orjson.dumps({"error": error}) + b"\n\n" + DONE

    def whole(self, text: str, completion: Completion) -> bytes:
        """The answer in one piece."""
        message: dict[str, Any] = {"role": "assistant", "content": text or None, "refusal": None}
        if completion.tool_calls:
            message["tool_calls"] = _tool_calls(completion.tool_calls)
        else:
            message["content"] = text
        if completion.reasoning:
            message["reasoning_content"] = completion.reasoning
        choice = {
            "index": 0,
            "message": message,
            "logprobs": logprobs_of(completion.logprobs),
            "finish_reason": FINISH[completion.stop_reason],
        }
        told = {"object": "chat.completion", **self._head, "choices": [choice], "usage": usage_of(completion.tokens)}
        return orjson.dumps(told)


# Embeddings and models


class _EmbeddingsBody(msgspec.Struct):
    model: str
    input: str | list[Any]
    dimensions: int | None = None
    encoding_format: Literal["float", "base64"] | None = None


class TextsAsked(msgspec.Struct, frozen=True):
    """What is to be turned into vectors, and how the vectors are sent."""

    model: str
    texts: list[str]
    dimensions: int | None
    base64: bool


def read_texts(body: bytes) -> TextsAsked:
    """The request for embeddings in a body. Raises `RequestUnread`."""
    asked = read(body, _EmbeddingsBody)
    texts: list[Any] = [asked.input] if isinstance(asked.input, str) else asked.input
    if not texts:
        refuse("input", "There is no text. Send one at least.")
    if len(texts) > MOST_TEXTS:
        refuse("input", f"At most {MOST_TEXTS} texts are taken at once, and this has {len(texts)}.")
    for n, text in enumerate(texts):
        if not isinstance(text, str):
            refuse(f"input[{n}]", "Only texts are taken, no numbers of tokens.")
        if not text:
            refuse(f"input[{n}]", "The text is empty.")
    within("dimensions", asked.dimensions, 1, 100_000)
    return TextsAsked(asked.model, cast("list[str]", texts), asked.dimensions, asked.encoding_format == "base64")


def say_vectors(asked: TextsAsked, model: str, vectors: Sequence[Sequence[float]], tokens: TokenCounts) -> bytes:
    """The answer to a request for embeddings."""
    data = [
        {"object": "embedding", "index": n, "embedding": _packed(vector) if asked.base64 else list(vector)}
        for n, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens.all_input, "total_tokens": tokens.all_input}
    return orjson.dumps({"object": "list", "data": data, "model": model, "usage": usage})


def _packed(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def say_models(names: Sequence[str], created: int = 0) -> bytes:
    """The list of models."""
    return orjson.dumps({"object": "list", "data": [model_of(name, created) for name in names]})


def model_of(name: str, created: int = 0) -> dict[str, Any]:
    """One model of the list."""
    return {"id": name, "object": "model", "created": created, "owned_by": "stretto"}
