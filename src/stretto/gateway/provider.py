"""The port to models: one call, text pushed into a sink as it arrives.

Text is pushed (`sink.write`), not pulled, so that a token on the wire costs one plain
function call and no task switch. The same port stands before the gateway (where `model` names
a route) and behind it (where `model` is the provider's own name).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, Protocol
from uuid import UUID

import msgspec

LOCAL_TENANT = UUID("00000000-0000-7000-8000-000000000001")

Role = Literal["system", "user", "assistant", "tool"]
StopReason = Literal["end", "stop_sequence", "length", "tool_calls", "filter"]
"""Why an answer ended: by itself, at one of `stop`, at its limit of tokens, to have tools called, cut off by a filter."""


class Text(msgspec.Struct, frozen=True, tag="text"):
    """A part of a message that is text."""

    text: str


class Image(msgspec.Struct, frozen=True, tag="image"):
    """A part of a message that is an image: `url` (http, https), or `data` in base64 with its `media_type`."""

    url: str = ""
    media_type: str = ""
    data: str = ""
    detail: Literal["auto", "low", "high"] = "auto"


Part = Text | Image


class ToolCall(msgspec.Struct, frozen=True):
    """A tool that the model wants called; `arguments` is JSON text as the model wrote it, and may be invalid."""

    id: str
    name: str
    arguments: str


class ToolCallPiece(msgspec.Struct, frozen=True):
    """A piece of a tool call on its way; `index` tells parallel calls apart, `id` and `name` come with the first piece."""

    index: int
    arguments: str = ""
    id: str = ""
    name: str = ""


class Message(msgspec.Struct, frozen=True):
    """One turn of a conversation. `tool_calls` stand with the assistant, `tool_call_id` with the tool's answer."""

    role: Role
    content: str | tuple[Part, ...]
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""

    @property
    def text(self) -> str:
        """The message's text; parts are joined without anything between them, images left out."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content if isinstance(part, Text))


class ToolSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that the model may ask for. `parameters` is a JSON Schema of an object."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = {}
    strict: bool = False


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """For whom a call is made: who pays, what it is counted under, and how urgent it is.

    `priority` 0 (first) to 3 (last). `run_budget_usd` and `step_budget_usd` are the flow's limits, which hold over all
    calls of the run, and of the step (by `step_id`) in the run. `path` is the step's path, such as `build[2].code`.
    """

    tenant_id: UUID = LOCAL_TENANT
    run_id: UUID | None = None
    flow: str = ""
    path: str = ""
    agent: str = ""
    attempt: int = 1
    priority: int = 2
    run_budget_usd: Decimal | None = None
    step_budget_usd: Decimal | None = None

    @property
    def step_id(self) -> str:
        """The step's id: `code` of `build[2].code`."""
        return self.path.rpartition(".")[2].partition("[")[0]


class ModelRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is asked. `returns` is the JSON Schema of a structured answer; `json_mode` asks for any JSON object.

    `tool_choice` is one of the words or the name of a tool. `top_logprobs` None: no log-probabilities; 0: of the tokens
    chosen; n: of the n likeliest as well. None leaves a value to the provider.
    """

    model: str
    messages: Sequence[Message]
    returns: Mapping[str, Any] | None = None
    returns_name: str = "answer"
    json_mode: bool = False
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: Literal["auto", "none", "required"] | str = "auto"
    parallel_tool_calls: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    top_logprobs: int | None = None
    idempotency_key: str = ""
    caller: Caller = Caller()


class TokenCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of a call by the classes that are priced apart. No token is counted in two of them, but `reasoning`,
    which is the part of `output` that was not shown.

    `input`: read anew, neither from nor into the provider's cache. `estimated`: the provider did not say (the call broke off).
    """

    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    estimated: bool = False

    @property
    def all_input(self) -> int:
        """All that the model read."""
        return self.input + self.cached_input + self.cache_write

    def plus(self, other: TokenCounts) -> TokenCounts:
        """Both together."""
        return TokenCounts(
            input=self.input + other.input,
            cached_input=self.cached_input + other.cached_input,
            cache_write=self.cache_write + other.cache_write,
            output=self.output + other.output,
            reasoning=self.reasoning + other.reasoning,
            estimated=self.estimated or other.estimated,
        )


class TokenLogprob(msgspec.Struct, frozen=True):
    """A token's natural-log probability, and those of the likeliest at its place."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """How a call ended. The text went through the sink; what does not stream stands here.

    `model` is what the provider says that it used. `cached`: the answer came from our cache and cost nothing.
    """

    model: str
    provider: str
    deployment: str = ""
    stop_reason: StopReason = "end"
    tokens: TokenCounts = TokenCounts()
    cost_usd: Decimal = Decimal(0)
    simulated: bool = False
    cached: Literal["", "exact", "semantic"] = ""
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str = ""
    logprobs: tuple[TokenLogprob, ...] = ()
    call_id: UUID | None = None


Outcome = Literal["admitted", "waited", "cheaper", "cached", "deferred", "skipped", "rejected"]
"""What admission said to a call: at once; after waiting; by a cheaper deployment, or by the cache, since the wanted one was
short; put off; left out; refused."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway decided about a call and why, and what came of it. It reaches the run's journal and the ledger."""

    call_id: UUID
    route: str
    outcome: Outcome
    reason: str
    deployment: str = ""
    provider: str = ""
    model: str = ""
    waited_s: float = 0.0
    tokens: TokenCounts = TokenCounts()
    cost_usd: Decimal = Decimal(0)
    cached: Literal["", "exact", "semantic"] = ""
    simulated: bool = False
    error: str = ""
    error_kind: str = ""


class TokenSink(Protocol):
    """Takes what a call gives, as it arrives. Nothing here blocks or raises, but `write` may raise to end the call."""

    def write(self, tokens: list[str]) -> None:
        """Take these pieces of text, in order. Empty pieces are never given."""
        ...

    def tool_call(self, piece: ToolCallPiece) -> None:
        """Take a piece of a tool call. The whole calls stand in `Completion.tool_calls` too."""
        ...

    def retract(self, reason: str) -> bool:
        """Void all that this call has given, since another model answers in its place. False where that is not possible:
        then the call ends with its error. Only the gateway calls this, never a provider."""
        ...

    def decided(self, decision: Decision) -> None:
        """Take note of what was decided. Only the gateway calls this: once for each deployment that was tried, and for
        each call that no deployment got."""
        ...


class ModelProvider(Protocol):
    """A model that answers.

    Contract: `complete` pushes the answer's text into `sink` as it arrives, in order, and returns once
    it has ended. It raises a `ModelError` (`Transient` when trying again is sensible), also after text
    was written: the caller retracts. Cancelling it ends the call and closes its connection. It keeps
    no state of the call and may be used by many tasks at once.
    """

    @property
    def name(self) -> str: ...
    @property
    def simulated(self) -> bool: ...
    async def complete(self, request: ModelRequest, sink: TokenSink) -> Completion: ...
    async def close(self) -> None: ...


class Embeddings(msgspec.Struct, frozen=True, kw_only=True):
    """One vector for each text, in order, all of one length."""

    vectors: Sequence[Sequence[float]]
    model: str
    provider: str
    tokens: TokenCounts = TokenCounts()
    cost_usd: Decimal = Decimal(0)


class Embedder(Protocol):
    """Turns texts into vectors. Raises a `ModelError`."""

    @property
    def name(self) -> str: ...
    async def embed(self, texts: Sequence[str], *, model: str = "", dimensions: int | None = None) -> Embeddings: ...
    async def close(self) -> None: ...
