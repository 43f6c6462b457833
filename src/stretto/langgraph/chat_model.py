"""A chat model for LangChain and LangGraph, which Stretto's gateway answers: `GatewayChatModel`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Literal

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.base import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.output_parsers.openai_tools import make_invalid_tool_call, parse_tool_call
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, Field

from stretto.agents.conversation import caller_of, to_fact
from stretto.errors import ContentFiltered, Invalid
from stretto.gateway.provider import (
    Caller,
    Completion,
    Decision,
    ModelProvider,
    ModelRequest,
    ToolCallPiece,
)
from stretto.langgraph.messages import PROVIDER, to_choice, to_details, to_messages, to_spec, to_usage
from stretto.langgraph.seat import Seat, seat_now


class GatewayChatModel(BaseChatModel):
    """A chat model of LangChain on a route of the gateway: `GatewayChatModel(route="strong")`.

    In a hosted graph it asks on behalf of the step: within its budgets, at its priority, and the run's facts tell of each call.
    Anywhere else give it a `provider`, such as `platform.gateway`. Its errors are Stretto's `ModelError`s.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    route: str = "strong"
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    seed: int | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    provider: Any = Field(default=None, exclude=True, repr=False)
    """Who answers outside of hosted graphs: a `ModelProvider`."""
    caller: Any = Field(default=None, exclude=True, repr=False)
    """For whom calls outside of hosted graphs are made: a `Caller`."""

    @property
    def _llm_type(self) -> str:
        return PROVIDER

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.route, "temperature": self.temperature, "max_tokens": self.max_tokens}

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The model, with tools that it may ask for."""
        given = [convert_to_openai_tool(tool, strict=strict) for tool in tools]
        return self.bind(tools=given, tool_choice=tool_choice, parallel_tool_calls=parallel_tool_calls, **kwargs)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        answer = Answer(seat_now())
        completion = await self._complete(self._request(messages, stop, kwargs), answer)
        said = AIMessage(
            content="".join(answer.tokens),
            usage_metadata=to_usage(completion.tokens),
            response_metadata=to_details(completion),
            **_calls(completion),
        )
        return ChatResult(generations=[ChatGeneration(message=said)])

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        # Nodes that are no coroutines work in threads; the gateway is the loop's.
        seat = seat_now()
        if seat is None:
            raise Invalid("Without a hosted graph the gateway's models are async only. Use `ainvoke` or `astream`.")
        return asyncio.run_coroutine_threadsafe(self._agenerate(messages, stop, None, **kwargs), seat.loop).result()

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        answer = Answer(seat_now())
        work = self._complete(self._request(messages, stop, kwargs), answer)
        call = asyncio.create_task(work, name=f"model {self.route}")
        call.add_done_callback(lambda _: answer.some.set())
        try:
            over = False
            while not over:
                await answer.some.wait()
                over = call.done()  # before the text is taken: what comes later sets `some` again
                if text := answer.take():
                    chunk = ChatGenerationChunk(message=AIMessageChunk(content=text))
                    if run_manager is not None:
                        await run_manager.on_llm_new_token(text, chunk=chunk)
                    yield chunk
            yield ChatGenerationChunk(message=_last(call.result()))
        finally:
            call.cancel()
            await asyncio.wait([call])
            if not call.cancelled():
                call.exception()

    async def _complete(self, request: ModelRequest, answer: Answer) -> Completion:
        provider: ModelProvider | None = self.provider or (answer.seat and answer.seat.models)
        if provider is None:
            raise Invalid(
                "This model is answered by a gateway, and there is none here. Use it in a hosted graph, or give it one: "
                "`GatewayChatModel(provider=platform.gateway)`."
            )
        completion = await provider.complete(request, answer)
        if completion.stop_reason == "filter":
            raise ContentFiltered(f"The filter of {completion.provider} cut off the answer. Change the prompt.")
        return completion

    def _request(self, messages: list[BaseMessage], stop: list[str] | None, given: dict[str, Any]) -> ModelRequest:
        seat = seat_now()
        tools = tuple(map(to_spec, given.get("tools") or ()))
        form: dict[str, Any] = given.get("response_format") or {}
        return ModelRequest(
            model=self.route,
            messages=to_messages(messages),
            tools=tools,
            tool_choice=to_choice(given.get("tool_choice"), tools),
            returns=form.get("json_schema", {}).get("schema"),
            json_mode=form.get("type") == "json_object",
            parallel_tool_calls=given.get("parallel_tool_calls"),
            temperature=given.get("temperature", self.temperature),
            top_p=given.get("top_p", self.top_p),
            max_tokens=given.get("max_tokens", self.max_tokens),
            seed=given.get("seed", self.seed),
            stop=tuple(stop or ()),
            reasoning_effort=given.get("reasoning_effort", self.reasoning_effort),
            idempotency_key=f"{seat.key}/{next(seat.numbers)}" if seat else "",
            caller=caller_of(seat.ctx, seat.name) if seat else (self.caller or Caller()),
        )


class Answer:
    """The sink of one call: keeps its text for who asked, and lets the run's facts tell of the call."""

    def __init__(self, seat: Seat | None) -> None:
        self.seat = seat
        self.tokens: list[str] = []
        self.some = asyncio.Event()
        self._is_read = False

    def write(self, tokens: list[str]) -> None:
        """Keep it."""
        self.tokens += tokens
        self.some.set()

    def tool_call(self, piece: ToolCallPiece) -> None:
        """Whole calls stand in the completion."""

    def retract(self, reason: str) -> bool:
        """Another deployment answers; not once something was read."""
        if self._is_read:
            return False
        self.tokens.clear()
        return True

    def decided(self, decision: Decision) -> None:
        """Let the run's facts tell of it."""
        if self.seat is not None:
            self.seat.ctx.record(to_fact(decision, self.seat.ctx))

    def take(self) -> str:
        """What came since the last time; from now on nothing is taken back."""
        text = "".join(self.tokens)
        self.tokens.clear()
        self.some.clear()
        self._is_read = self._is_read or bool(text)
        return text


def _calls(completion: Completion) -> dict[str, Any]:
    """The tools that the model wants called, and the calls that nobody can read."""
    good: list[Any] = []
    bad: list[Any] = []
    for call in completion.tool_calls:
        raw = {"id": call.id, "function": {"name": call.name, "arguments": call.arguments}}
        try:
            good.append(parse_tool_call(raw, return_id=True))
        except Exception as error:  # what LangChain raises here differs between its releases
            bad.append(make_invalid_tool_call(raw, str(error)))
    return {"tool_calls": good, "invalid_tool_calls": bad}


def _last(completion: Completion) -> AIMessageChunk:
    return AIMessageChunk(
        content="",
        tool_call_chunks=[
            tool_call_chunk(name=call.name, args=call.arguments, id=call.id, index=number)
            for number, call in enumerate(completion.tool_calls)
        ],
        usage_metadata=to_usage(completion.tokens),
        response_metadata=to_details(completion),
        chunk_position="last",
    )
