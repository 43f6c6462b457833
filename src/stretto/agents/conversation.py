"""One attempt's conversation with a model: what was asked, what was answered, what that used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from msgspec import structs

from stretto.agents.prompting import opening, remembered, told, within
from stretto.engine.step import StepContext
from stretto.errors import ModelRefused
from stretto.flow.facts import Asked, CallDecided, ModelAnswered, ToolCalled
from stretto.flow.graph import Agent
from stretto.gateway.provider import (
    Caller,
    Completion,
    Decision,
    Message,
    ModelProvider,
    ModelRequest,
    TokenCounts,
    ToolCallPiece,
    ToolSpec,
)

CONTINUE = "Go on exactly where your text breaks off, and repeat nothing of it."
"""Asks for the rest of a text that is kept; given after the feedback, if there is any."""
ANEW = "Write the whole answer anew with this in mind."
ANEW_AFTER_KEPT = "Write your last message anew with this in mind. What stands before it stays: go on from there."


@dataclass(frozen=True, slots=True)
class Usage:
    """What the calls of one attempt used together."""

    model: str = ""
    provider: str = ""
    simulated: bool = False
    tokens: TokenCounts = field(default_factory=TokenCounts)
    cost_usd: Decimal = Decimal(0)

    def plus(self, completion: Completion) -> Usage:
        """With one more call."""
        return replace(
            self,
            model=completion.model,
            provider=completion.provider,
            simulated=self.simulated or completion.simulated,
            tokens=self.tokens.plus(completion.tokens),
            cost_usd=self.cost_usd + completion.cost_usd,
        )

    def as_dict(self) -> dict[str, Any]:
        """As a fact records it."""
        told = {"model": self.model, "provider": self.provider, "simulated": self.simulated}
        return told | counts_of(self.tokens) | {"cost_usd": plain(self.cost_usd)}


def with_ids(completion: Completion, turn: int) -> Completion:
    """Every call with an id of its own: not all providers see to that."""
    ids = [call.id for call in completion.tool_calls]
    if all(ids) and len(set(ids)) == len(ids):
        return completion
    calls = (structs.replace(call, id=f"call_{turn}_{number}") for number, call in enumerate(completion.tool_calls))
    return structs.replace(completion, tool_calls=tuple(calls))


def counts_of(tokens: TokenCounts) -> dict[str, Any]:
    """Token counts as facts hold them: all input together, then the classes that are not zero."""
    counts = {"input_tokens": tokens.all_input, "output_tokens": tokens.output}
    parts = {
        "cached_input_tokens": tokens.cached_input,
        "cache_write_tokens": tokens.cache_write,
        "reasoning_tokens": tokens.reasoning,
    }
    return counts | {name: count for name, count in parts.items() if count}


def plain(amount: Decimal) -> str:
    """An exact decimal without exponent: `0.00012`."""
    return f"{amount:f}"


@dataclass(slots=True)
class Conversation:
    """The messages of one attempt; each turn streams its answer into the step's text.

    `start` is where this attempt's own text begins (code points): what stands before is kept.
    """

    provider: ModelProvider
    ctx: StepContext
    agent: Agent
    returns: Mapping[str, Any] | None = None
    messages: list[Message] = field(default_factory=list[Message])
    usage: Usage = Usage()
    start: int = 0
    tools: tuple[ToolSpec, ...] = ()
    turns: int = 0
    """Turns that are over and written down, of all attempts."""
    heard: int = 0
    """Pieces of feedback that were given so far."""
    spent_tokens: int = 0
    spent_usd: Decimal = Decimal(0)
    base: int = 0
    """Where the text of the turns that are over ends."""
    left: tuple[Asked, ...] = ()
    """What the last of them asked for; `known` is what it was given of that."""
    known: Mapping[str, ToolCalled] = field(default_factory=dict[str, ToolCalled])
    _calls: int = 0
    _turn_start: int = 0

    def say(self, text: str) -> None:
        """Add a user message."""
        self.messages.append(Message("user", text))

    def hear(self) -> list[str]:
        """The feedback that came since the last time."""
        feedback = self.ctx.take_feedback()
        self.heard += len(feedback)
        return feedback

    async def take_turn(self, *, may_call: bool = True) -> Completion:
        """Let the model answer; its text stands in the step's text from `start` on, and in the conversation."""
        self._calls += 1
        self._turn_start = len(self.ctx.text)
        completion = with_ids(await self.provider.complete(self._request(may_call=may_call), self), self.turns + 1)
        self.spent_tokens += completion.tokens.all_input + completion.tokens.output
        self.spent_usd += completion.cost_usd
        self.usage = self.usage.plus(completion)
        if completion.stop_reason == "filter":
            raise ModelRefused(
                f"The filter of {completion.provider} cut off the answer of agent {self.agent.name!r}. Change the prompt."
            )
        self.messages.append(Message("assistant", self.answer(), completion.tool_calls))
        return completion

    async def end_turn(self, completion: Completion) -> list[Asked]:
        """Write down that a turn which asks for tools is over, so that it stays whatever happens; gives what it asked for."""
        begin = self.start
        if self.answer() and not self.answer().endswith("\n"):
            self.ctx.write(["\n\n"])  # what the next turn says is another paragraph
        self.turns += 1
        self.start = self.base = len(self.ctx.text)
        calls = [Asked(id=call.id, name=call.name, arguments=call.arguments) for call in completion.tool_calls]
        await self.ctx.write_down(
            ModelAnswered(
                step=self.ctx.path,
                attempt=self.ctx.attempt,
                turn=self.turns,
                start=begin,
                end=self.start,
                calls=calls,
                heard=self.heard,
                tokens=completion.tokens.all_input + completion.tokens.output,
                cost_usd=plain(completion.cost_usd),
            )
        )
        return calls

    def tell(self, called: Sequence[ToolCalled]) -> None:
        """Let the model read what its calls gave, in the order in which it asked."""
        self.messages += told(called)

    # The sink of a call

    def write(self, tokens: list[str]) -> None:
        """Stream what the model says."""
        self.ctx.write(tokens)

    def tool_call(self, piece: ToolCallPiece) -> None:
        """Pieces are of no use here; whole calls stand in the completion."""

    def retract(self, reason: str) -> bool:
        """Another model answers this turn."""
        self.ctx.retract(self._turn_start, reason)
        return True

    def decided(self, decision: Decision) -> None:
        """Let the run's facts tell of the call."""
        self.ctx.record(to_fact(decision, self.ctx))

    def answer(self) -> str:
        """What this attempt has written and not given up."""
        return self.ctx.text[self.start :]

    def give_up(self, reason: str) -> None:
        """Retract what this attempt has written."""
        if self.answer():
            self.ctx.retract(self.start, reason)

    def _request(self, *, may_call: bool) -> ModelRequest:
        ctx = self.ctx
        return ModelRequest(
            model=ctx.step.model or self.agent.model,
            messages=tuple(within(self.messages, self.agent.memory_chars)),
            tools=self.tools,
            tool_choice="auto" if may_call else "none",
            returns=self.returns,
            temperature=self.agent.temperature,
            max_tokens=self.agent.max_tokens,
            idempotency_key=f"{ctx.idempotency_key}/{ctx.attempt}/{self._calls}",
            caller=caller_of(ctx, self.agent.name),
        )


def caller_of(ctx: StepContext, agent: str) -> Caller:
    """For whom a step's calls are made: whose they are, what they are counted under, how urgent they are."""
    return Caller(
        tenant_id=ctx.tenant_id,
        run_id=ctx.run_id,
        flow=ctx.root.name,
        path=ctx.path,
        agent=agent,
        attempt=ctx.attempt,
        priority=ctx.priority if ctx.step.priority is None else ctx.step.priority,
        run_budget_usd=exact(ctx.root.budget_usd),
        step_budget_usd=exact(ctx.step.budget_usd),
    )


def exact(amount: float | None) -> Decimal | None:
    """A budget as a flow says it, as the decimal that was meant."""
    return None if amount is None else Decimal(str(amount))


def to_fact(decision: Decision, ctx: StepContext) -> CallDecided:
    """A decision of the gateway as a fact of the run."""
    return CallDecided(
        step=ctx.path,
        attempt=ctx.attempt,
        call=str(decision.call_id),
        route=decision.route,
        outcome=decision.outcome,
        reason=decision.reason,
        deployment=decision.deployment,
        provider=decision.provider,
        model=decision.model,
        waited_s=round(decision.waited_s, 3),
        usage=counts_of(decision.tokens) | {"simulated": decision.simulated},
        cost_usd=plain(decision.cost_usd),
        cached=decision.cached,
        error=decision.error,
        error_kind=decision.error_kind,
    )


def open_conversation(
    provider: ModelProvider, ctx: StepContext, agent: Agent, returns: Mapping[str, Any] | None
) -> Conversation:
    """The conversation at the start of an attempt of an agent without tools; see `begin` and `resume`."""
    talk, feedback = begin(provider, ctx, agent, returns)
    resume(talk, feedback)
    return talk


def begin(
    provider: ModelProvider,
    ctx: StepContext,
    agent: Agent,
    returns: Mapping[str, Any] | None,
    tools: tuple[ToolSpec, ...] = (),
) -> tuple[Conversation, list[str]]:
    """The prompt, and the turns that are over; with the feedback that came after them."""
    talk = Conversation(provider, ctx, agent, returns, tools=tools)
    talk.messages += opening(agent, ctx.input)
    feedback = talk.hear()
    return talk, feedback[remember(talk, feedback) :]


def resume(talk: Conversation, feedback: Sequence[str]) -> None:
    """What is kept of the turn that was cut off, and what was said about it.

    A structured answer is written whole: kept text of one is given up and stands only in the conversation.
    """
    kept = talk.ctx.kept[talk.base :]
    if kept:
        talk.messages.append(Message("assistant", kept))
        if talk.returns is None:
            talk.start = len(talk.ctx.kept)
            talk.say("\n\n".join([*feedback, CONTINUE]))
            return
        talk.ctx.retract(talk.base, "a structured answer is written whole")
        talk.say("\n\n".join([*feedback, ANEW]))
    elif feedback:
        talk.say("\n\n".join(feedback))


def remember(talk: Conversation, feedback: Sequence[str]) -> int:
    """Take up the turns of earlier attempts; gives how much of the feedback belongs before the last of them.

    What the last of them asked for is left to be told: not all of it may have been done.
    """
    past = remembered(talk.ctx.history, talk.ctx.kept, feedback)
    talk.messages += past.messages
    talk.turns, talk.left, talk.known = past.turns, past.left, past.known
    talk.start = talk.base = past.base
    talk.spent_tokens += past.tokens
    talk.spent_usd += past.cost_usd
    return past.said
