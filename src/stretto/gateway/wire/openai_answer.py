"""Reading OpenAI's dialect: chat.completion.chunk and chat.completion, and what other servers make of them.

Source: https://platform.openai.com/docs/api-reference/chat/streaming and the servers named beside each difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec
import orjson

from stretto.errors import ContentFiltered, ModelBroken
from stretto.gateway.provider import StopReason, TokenCounts, TokenLogprob, TokenSink
from stretto.gateway.wire.answer import Answer, count
from stretto.gateway.wire.failures import MOST_CHARS, failure, said

DONE = b"[DONE]"
STOPS: Mapping[str, StopReason] = {
    "stop": "end",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "filter",
}


class Function(msgspec.Struct, gc=False):
    """A piece of a function's call; Ollama has given the arguments as an object."""

    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class Tool(msgspec.Struct, gc=False):
    """A piece of a tool call. Only whole messages lack `index` by right; Gemini leaves it out in streams too."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Delta(msgspec.Struct, gc=False):
    """What is new, or a whole message. Reasoning: `reasoning_content` (DeepSeek, vLLM), `reasoning` (OpenRouter, Ollama)."""

    content: str | list[Any] | None = None
    tool_calls: list[Tool] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class Top(msgspec.Struct, gc=False):
    """One of the likeliest tokens."""

    token: str
    logprob: float


class Logprob(msgspec.Struct, gc=False):
    """A token of the answer and its probability."""

    token: str
    logprob: float
    top_logprobs: list[Top] | None = None


class Logprobs(msgspec.Struct, gc=False):
    """Probabilities of some tokens."""

    content: list[Logprob] | None = None


class Choice(msgspec.Struct, gc=False):
    """One of the answers; we ask for one. vLLM says in `stop_reason` at which of `stop` it ended."""

    index: int | None = 0
    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: str | None = None
    stop_reason: Any = None
    logprobs: Logprobs | None = None


class Chunk(msgspec.Struct, gc=False):
    """An event of a stream."""

    choices: list[Choice] | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


class FirstChunk(Chunk, gc=False):
    """The first event, or a whole answer. Only this one is asked for the model."""

    model: str | None = None


decode_first = msgspec.json.Decoder(FirstChunk).decode
decode_chunk = msgspec.json.Decoder(Chunk).decode


class OpenAIDecoder:
    """Reads one answer in OpenAI's dialect."""

    __slots__ = ("_provider", "answer")

    def __init__(self, provider: str, sink: TokenSink) -> None:
        self._provider = provider
        self.answer = Answer(sink)

    def feed(self, events: list[bytes]) -> bool:
        """Read the data of events; see `Decoder`."""
        answer, progress = self.answer, False
        text = answer.text
        try:
            for event in events:
                if event == DONE:
                    answer.ended = True
                    break
                if not answer.model:
                    chunk: Chunk = self._first(event)
                else:
                    chunk = decode_chunk(event)
                choices = chunk.choices
                if choices:
                    choice = choices[0]
                    delta = choice.delta
                    if delta is not None:
                        content = delta.content
                        if content:
                            progress = True
                            if content.__class__ is str:
                                text(content)  # pyright: ignore[reportArgumentType]
                            else:
                                self._parts(cast("list[Any]", content))
                        if (delta.tool_calls or delta.reasoning_content or delta.reasoning or delta.refusal) and (
                            self._rest(delta)
                        ):
                            progress = True
                    if choice.finish_reason is not None or choice.logprobs is not None or chunk.usage is not None:
                        self._end(choice, chunk)
                        progress = True
                elif chunk.usage is not None:
                    answer.tokens = read_usage(chunk.usage)
                    progress = True
                if chunk.error is not None or choices is None:
                    self._odd(chunk, event)
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
            chunk = decode_first(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ModelBroken(
                f"{self._provider} sent an answer that cannot be read ({type(error).__name__}). Check the provider's `url`; "
                "the call is tried again."
            ) from None
        if chunk.error is not None or not chunk.choices:
            self._odd(chunk, body)
            raise ModelBroken(f"{self._provider} sent an answer without choices. Check the provider's `url`.")
        answer.model = chunk.model or ""
        choice = chunk.choices[0]
        message = choice.message or choice.delta or Delta()
        self._rest(message)
        if isinstance(message.content, str):
            if message.content:
                answer.text(message.content)
        elif message.content:
            self._parts(message.content)
        self._end(choice, chunk)
        answer.stop_reason = answer.stop_reason or ("tool_calls" if answer.has_tool_calls else "end")
        answer.ended = True
        answer.push()

    def finish(self) -> None:
        """Look at the whole: a refusal is an error, and a call of tools is one by whatever name."""
        answer = self.answer
        if answer.refusal:
            words = "".join(answer.refusal)[:MOST_CHARS]
            raise ContentFiltered(f"The model of {self._provider} will not answer: {words}", provider=self._provider)
        if answer.has_tool_calls and answer.stop_reason == "end":
            answer.stop_reason = "tool_calls"  # Ollama and Gemini have said `stop`

    def _first(self, event: bytes) -> Chunk:
        first = decode_first(event)
        # A server that names no model is asked once only.
        self.answer.model = first.model or ("?" if first.choices else "")
        return first

    def _rest(self, delta: Delta) -> bool:
        """Take what is not text. True if there was something."""
        answer, before = self.answer, self.answer.chars
        if thought := delta.reasoning_content or delta.reasoning:
            answer.think(thought)
        if delta.refusal:
            answer.refusal.append(delta.refusal)
            answer.chars += len(delta.refusal)
        for call in delta.tool_calls or ():
            function = call.function or Function()
            arguments = function.arguments or ""
            if not isinstance(arguments, str):
                arguments = orjson.dumps(arguments).decode()
            answer.tool(call.index, call.id or "", function.name or "", arguments)
        return answer.chars > before or bool(delta.tool_calls)

    def _parts(self, parts: list[Any]) -> None:
        """Take content in parts, as Mistral's reasoning models send it."""
        for part in parts:
            if isinstance(part, dict):
                found = cast("dict[str, Any]", part)
                if isinstance(words := found.get("text"), str) and words:
                    self.answer.text(words)
                elif isinstance(inner := found.get("thinking"), list):
                    for each in cast("list[Any]", inner):
                        if isinstance(each, dict) and (thought := cast("dict[str, Any]", each).get("text")):
                            self.answer.think(str(thought))

    def _end(self, choice: Choice, chunk: Chunk) -> None:
        """Take what comes rarely: why it ended, probabilities, counts."""
        answer = self.answer
        if choice.finish_reason:
            answer.stop_reason = STOPS.get(choice.finish_reason, "end")
            if answer.stop_reason == "end" and isinstance(choice.stop_reason, str):
                answer.stop_reason = "stop_sequence"
        if choice.logprobs is not None and choice.logprobs.content:
            answer.logprobs += [
                TokenLogprob(
                    each.token, each.logprob, tuple((top.token, top.logprob) for top in each.top_logprobs or ())
                )
                for each in choice.logprobs.content
            ]
        if chunk.usage is not None:
            answer.tokens = read_usage(chunk.usage)

    def _odd(self, chunk: Chunk, event: bytes) -> None:
        """An event that is no chunk: an error, or something to pass over."""
        if chunk.error is not None:
            raise failure(self._provider, None, said({"error": chunk.error}))
        value = msgspec.json.decode(event)
        if isinstance(value, dict) and cast("dict[str, Any]", value).get("object") == "error":  # vLLM
            raise failure(self._provider, None, said(value))


def read_usage(usage: Mapping[str, Any]) -> TokenCounts:
    """Tokens by classes. `prompt_tokens` includes those from and into the cache; `completion_tokens` those of reasoning.

    xAI and Gemini leave reasoning out of `completion_tokens` but not out of `total_tokens`.
    """
    prompt, completion = count(usage, "prompt_tokens"), count(usage, "completion_tokens")
    cached = max(
        count(usage, "prompt_tokens_details", "cached_tokens"),
        count(usage, "prompt_cache_hit_tokens"),  # DeepSeek
        count(usage, "cache_read_input_tokens"),  # LiteLLM
    )
    written = max(
        count(usage, "prompt_tokens_details", "cache_write_tokens"),
        count(usage, "cache_creation_input_tokens"),  # LiteLLM
    )
    cached = min(cached, prompt)
    written = min(written, prompt - cached)
    hidden = max(0, count(usage, "total_tokens") - prompt - completion)
    reasoning = max(count(usage, "completion_tokens_details", "reasoning_tokens"), hidden)
    output = completion + hidden
    return TokenCounts(
        input=prompt - cached - written,
        cached_input=cached,
        cache_write=written,
        output=output,
        reasoning=min(reasoning, output),
    )
