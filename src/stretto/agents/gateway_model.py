"""A model for agents built with pydantic-ai, which Stretto's gateway answers.

Loaded only with pydantic-ai (extra `pydantic-ai`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic_ai.messages import ModelMessage, ModelResponse, ModelResponseStreamEvent
from pydantic_ai.messages import ModelRequest as Asked
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse, check_allow_model_requests
from pydantic_ai.profiles import ModelProfile
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import RunContext

from stretto.agents.model_messages import (
    PROVIDER,
    choose_tools,
    plain,
    to_details,
    to_effort,
    to_finish,
    to_messages,
    to_parts,
    to_usage,
)
from stretto.errors import ContentFiltered
from stretto.gateway.provider import (
    Caller,
    Completion,
    Decision,
    ModelProvider,
    ModelRequest,
    TokenSink,
    ToolCallPiece,
)

PROFILE = ModelProfile(
    supports_tools=True,
    supports_json_schema_output=True,  # where a provider has no such mode, the gateway asks for it in words
    supports_image_output=False,
    supports_document_input=False,
    supports_audio_file_input=False,
    supports_video_input=False,
    supports_thinking=True,
    supported_native_tools=frozenset(),
)
"""What every route can do, whichever model answers it."""

Listener = Callable[[str | None], TokenSink]
"""Who listens to a call of the agent's run with this id."""


class GatewayModel(Model[None]):
    """A model of pydantic-ai whose requests a `ModelProvider` answers: as a rule Stretto's gateway, by its route.

    `caller` says for whom; `key` is what the calls' idempotency keys begin with. Its errors are Stretto's `ModelError`s. While nothing of an
    answer has been read, the gateway may take it back and let another deployment answer; an answer that is not streamed is read
    when it is over, so that is always possible.
    """

    unsupported_settings = frozenset(
        {"extra_body", "extra_headers", "logit_bias", "max_retries", "service_tier", "timeout", "top_k"}
    )

    def __init__(
        self,
        provider: ModelProvider,
        route: str,
        *,
        caller: Caller | None = None,
        key: str = "",
        listen: Listener | None = None,
        settings: ModelSettings | None = None,
    ) -> None:
        super().__init__(settings=settings, profile=PROFILE)
        self._models = provider
        self._route = route
        self._caller = caller or Caller()
        self._key = key
        self._listen = listen
        self._calls = 0

    def __eq__(self, other: object) -> bool:
        return self is other  # two that ask the same route still ask for somebody else

    def __hash__(self) -> int:
        return id(self)

    @property
    def model_name(self) -> str:
        """The route."""
        return self._route

    @property
    def system(self) -> str:
        """Who answers, for traces."""
        return PROVIDER

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Ask, and give the whole answer. Raises `ModelError`."""
        settings, asked = self.prepare_request(model_settings, model_request_parameters)
        answer = _Answer(self._listener(messages))
        completion = await self._complete(messages, settings, asked, answer)
        return ModelResponse(
            parts=to_parts(completion, "".join(answer.tokens)),
            usage=to_usage(completion.tokens),
            model_name=completion.model,
            provider_name=PROVIDER,
            provider_details=to_details(completion),
            finish_reason=to_finish(completion.stop_reason),
        )

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """Ask, and give the answer as it is written. Leaving ends the call."""
        settings, asked = self.prepare_request(model_settings, model_request_parameters)
        answer = _Answer(self._listener(messages))
        call = asyncio.create_task(self._complete(messages, settings, asked, answer), name=f"model {self._route}")
        call.add_done_callback(lambda _: answer.some.set())
        try:
            yield _Stream(asked, answer, call, self._route)
        finally:
            await _end(call)

    async def _complete(
        self,
        messages: Sequence[ModelMessage],
        settings: ModelSettings | None,
        asked: ModelRequestParameters,
        answer: _Answer,
    ) -> Completion:
        if not self._models.simulated:
            check_allow_model_requests()
        completion = await self._models.complete(self._to_request(messages, plain(settings), asked), answer)
        if completion.stop_reason == "filter":
            raise ContentFiltered(f"The filter of {completion.provider} cut off the answer. Change the prompt.")
        return completion

    def _to_request(
        self, messages: Sequence[ModelMessage], settings: Mapping[str, Any], asked: ModelRequestParameters
    ) -> ModelRequest:
        self._calls += 1
        tools, choice = choose_tools(settings, asked)
        form = asked.output_object if asked.output_mode == "native" else None
        instructions = self._get_instruction_parts(messages, asked) or []
        return ModelRequest(
            model=self._route,
            messages=to_messages(messages, [part.content for part in instructions]),
            returns=None if form is None else form.json_schema,
            returns_name=(form and form.name) or "answer",
            tools=tools,
            tool_choice=choice if tools else "auto",
            parallel_tool_calls=settings.get("parallel_tool_calls"),
            temperature=settings.get("temperature"),
            top_p=settings.get("top_p"),
            max_tokens=settings.get("max_tokens"),
            stop=tuple(settings.get("stop_sequences") or ()),
            seed=settings.get("seed"),
            presence_penalty=settings.get("presence_penalty"),
            frequency_penalty=settings.get("frequency_penalty"),
            reasoning_effort=to_effort(asked.thinking),
            idempotency_key=f"{self._key}/{self._calls}" if self._key else "",
            caller=self._caller,
        )

    def _listener(self, messages: Sequence[ModelMessage]) -> TokenSink | None:
        if self._listen is None:
            return None
        return self._listen(next((each.run_id for each in reversed(messages) if isinstance(each, Asked)), None))


class _Answer:
    """The sink of one call: keeps its text for who asked, and lets the listener hear it."""

    def __init__(self, listener: TokenSink | None) -> None:
        self.tokens: list[str] = []
        self.some = asyncio.Event()
        self._listener = listener
        self._is_read = False

    def write(self, tokens: list[str]) -> None:
        self.tokens += tokens
        if self._listener is not None:
            self._listener.write(tokens)
        self.some.set()

    def tool_call(self, piece: ToolCallPiece) -> None:
        """Whole calls stand in the completion."""

    def retract(self, reason: str) -> bool:
        if self._is_read or (self._listener is not None and not self._listener.retract(reason)):
            return False
        self.tokens.clear()
        return True

    def decided(self, decision: Decision) -> None:
        if self._listener is not None:
            self._listener.decided(decision)

    def take(self) -> str:
        """What came since the last time; from now on nothing is taken back."""
        text = "".join(self.tokens)
        self.tokens.clear()
        self.some.clear()
        self._is_read = self._is_read or bool(text)
        return text


@dataclass
class _Stream(StreamedResponse):
    """An answer as it is written: what came together is one event."""

    _answer: _Answer
    _call: asyncio.Task[Completion]
    _name: str
    _begun: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def _get_event_iterator(self) -> AsyncIterator[ModelResponseStreamEvent]:
        over = False
        while not over:
            await self._answer.some.wait()
            over = self._call.done()  # before the text is taken: what comes later sets `some` again
            if text := self._answer.take():
                for event in self._parts_manager.handle_text_delta(vendor_part_id="text", content=text):
                    yield event
        if self._call.cancelled():  # by `close_stream`
            return
        completion = self._call.result()
        self._name = completion.model
        self._usage = to_usage(completion.tokens)
        self.finish_reason = to_finish(completion.stop_reason)
        self.provider_details = to_details(completion)
        for number, part in enumerate(to_parts(completion, "")):
            yield self._parts_manager.handle_part(vendor_part_id=number, part=part)

    async def close_stream(self) -> None:
        """End the call."""
        await _end(self._call)

    @property
    def model_name(self) -> str:
        return self._name

    @property
    def provider_name(self) -> str:
        return PROVIDER

    @property
    def provider_url(self) -> None:
        return None

    @property
    def timestamp(self) -> datetime:
        return self._begun


async def _end(call: asyncio.Task[Completion]) -> None:
    """End a call and wait until it has; what it raised was told to who read it, or nobody wants it any more."""
    call.cancel()
    await asyncio.wait([call])
    if not call.cancelled():
        call.exception()
