"""A model behind a network: one call in OpenAI's or Anthropic's dialect."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp
import orjson

from stretto.errors import ModelBroken, ModelError, ModelStalled, ModelUnreachable
from stretto.gateway.config import Provider
from stretto.gateway.provider import Completion, ModelRequest, TokenSink
from stretto.gateway.wire.anthropic_answer import AnthropicDecoder
from stretto.gateway.wire.anthropic_request import anthropic_body
from stretto.gateway.wire.connection import BROKEN, Connection, KeySource, OnLimits, read_whole
from stretto.gateway.wire.failures import texts_of
from stretto.gateway.wire.openai_answer import OpenAIDecoder
from stretto.gateway.wire.openai_request import openai_body
from stretto.gateway.wire.pushing import push
from stretto.gateway.wire.sse import SseParser, TooLong
from stretto.gateway.wire.watchdog import Silent, Watchdog

TAIL_S = 0.5
"""So long the connection may take to end after the answer has; then it is closed instead of kept."""
TOKENS_PER_S = 20.0
TOKENS_UNKNOWN = 4096
"""An answer that does not stream shows no tokens, so it gets the time in which a slow model writes it."""

OpenOrAnthropic = OpenAIDecoder | AnthropicDecoder


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call that is ready to be sent."""

    path: str
    body: bytes
    decoder: OpenOrAnthropic


class WireProvider:
    """A `ModelProvider` over the network. See `ModelProvider` for what it promises.

    `key` is asked at each call. `on_limits` is told of the provider's limits, by model, from answers and errors. `stream=False`
    is for servers that cannot stream: the answer's text then comes in one piece.

    A `ModelError` that is raised after the model had begun has `tokens`, the estimate of what was used, in its `ids`.
    """

    simulated = False

    def __init__(
        self, provider: Provider, key: KeySource, on_limits: OnLimits | None = None, *, stream: bool = True
    ) -> None:
        self.provider = provider
        self.active = 0
        """Calls in hand."""
        self._stream = stream
        self._connection = Connection(provider, key, on_limits)

    @property
    def name(self) -> str:
        """The provider's name in the configuration."""
        return self.provider.name

    async def complete(self, request: ModelRequest, sink: TokenSink) -> Completion:
        """Make one call; see `ModelProvider.complete`."""
        self.active += 1
        try:
            call = self._prepare(request, sink)
            try:
                await self._call(request, call)
                call.decoder.finish()
            except ModelError as error:
                if call.decoder.answer.model or call.decoder.answer.chars:
                    error.ids.setdefault("tokens", call.decoder.answer.counts(request))
                raise
            return self._completion(request, call.decoder)
        finally:
            self.active -= 1

    async def close(self) -> None:
        """Close the connections; calls in hand fail."""
        await self._connection.close()

    def _prepare(self, request: ModelRequest, sink: TokenSink) -> Prepared:
        if self.provider.dialect == "anthropic":
            written = anthropic_body(self.provider, request, self._stream)
            decoder = AnthropicDecoder(self.name, sink, written.answer_tool)
            return Prepared("/messages", orjson.dumps(written.body), decoder)
        body = orjson.dumps(openai_body(self.provider, request, self._stream))
        return Prepared("/chat/completions", body, OpenAIDecoder(self.name, sink))

    async def _call(self, request: ModelRequest, call: Prepared) -> None:
        timeouts, decoder = self.provider.timeouts, call.decoder
        limit_s = timeouts.first_token_s
        if not self._stream:
            limit_s += (request.max_tokens or TOKENS_UNKNOWN) / TOKENS_PER_S
        headers = {"Accept": "text/event-stream" if self._stream else "application/json"}
        if request.idempotency_key:
            headers["Idempotency-Key"] = request.idempotency_key
        begun = Begun()
        try:
            with Watchdog(limit_s) as watchdog:
                response = await self._connection.post(call.path, call.body, headers)
                try:
                    limits = self._connection.limits(request.model, response)
                    if response.status != 200:
                        raise await self._connection.failed(response, limits, texts_of(request))
                    if response.content_type == "application/json":
                        decoder.whole(await read_whole(response))
                    else:
                        await self._read(response, decoder, watchdog, begun)
                finally:
                    # Closes the connection unless the answer was read to its end.
                    if not response.content.at_eof():
                        response.close()
                    response.release()
        except Silent:
            if decoder.answer.ended:
                return  # all is there; only the connection did not end
            if not begun.text:
                raise ModelUnreachable(
                    f"{self.name} gave no token within {limit_s:g} s. The call is tried again; raise "
                    "`timeouts.first_token_s` of the provider if its models take longer.",
                    provider=self.name,
                ) from None
            raise ModelStalled(
                f"{self.name} fell silent for {timeouts.between_tokens_s:g} s in mid-answer. The call is tried again; raise "
                "`timeouts.between_tokens_s` of the provider if that is too short.",
                provider=self.name,
            ) from None
        except BROKEN as error:
            if decoder.answer.ended:
                return
            raise ModelBroken(
                f"The answer of {self.name} broke off ({type(error).__name__}). The call is tried again.",
                provider=self.name,
            ) from None

    async def _read(
        self, response: aiohttp.ClientResponse, decoder: OpenOrAnthropic, watchdog: Watchdog, begun: Begun
    ) -> None:
        """Read a stream of events to its end."""
        parser, answer = SseParser(), decoder.answer
        between_tokens_s = self.provider.timeouts.between_tokens_s

        def take(chunk: bytes) -> None:
            events = parser.feed(chunk)
            if not events or not decoder.feed(events):
                return
            if answer.ended:
                watchdog.limit(TAIL_S)
            elif begun.text:
                watchdog.stir()
            else:
                begun.text = True
                watchdog.limit(between_tokens_s)

        try:
            await push(response, take)
            if not answer.ended and (events := parser.finish()):
                decoder.feed(events)
        except TooLong:
            raise ModelBroken(f"{self.name} sent an event without end.", provider=self.name) from None
        except BROKEN:
            if answer.stop_reason is None:
                raise
        # Some servers leave out the mark of the end; why it ended is then enough.
        if not answer.ended and answer.stop_reason is None:
            raise ModelBroken(
                f"The answer of {self.name} ended before its end. The call is tried again.", provider=self.name
            )
        answer.ended = True

    def _completion(self, request: ModelRequest, decoder: OpenOrAnthropic) -> Completion:
        answer = decoder.answer
        model = answer.model.removeprefix("?") or request.model
        return Completion(
            model=model,
            provider=self.name,
            stop_reason=answer.stop_reason or "end",
            tokens=answer.counts(request),
            simulated=model.startswith("simulated"),
            tool_calls=answer.tool_calls(),
            reasoning="".join(answer.reasoning),
            logprobs=tuple(answer.logprobs),
        )


class Begun:
    """Whether the model has begun to answer."""

    __slots__ = ("text",)

    def __init__(self) -> None:
        self.text = False
