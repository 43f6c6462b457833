"""One attempt's conversation with a model: what was asked, what was answered, what that used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import orjson

from stretto.engine.step import StepContext
from stretto.errors import ModelRefused
from stretto.flow.facts import CallDecided
from stretto.flow.graph import Agent, Template
from stretto.gateway.provider import (
    Caller,
    Completion,
    Decision,
    Message,
    ModelProvider,
    ModelRequest,
    TokenCounts,
    ToolCallPiece,
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
    _turns: int = 0
    _turn_start: int = 0

    def say(self, text: str) -> None:
        """Add a user message."""
        self.messages.append(Message("user", text))

    async def take_turn(self) -> Completion:
        """Let the model answer; its text stands in the step's text from `start` on, and in the conversation."""
        self._turns += 1
        self._turn_start = len(self.ctx.text)
        completion = await self.provider.complete(self._request(), self)
        self.usage = self.usage.plus(completion)
        if completion.stop_reason == "filter":
            raise ModelRefused(
                f"The filter of {completion.provider} cut off the answer of agent {self.agent.name!r}. Change the prompt."
            )
        self.messages.append(Message("assistant", self.answer()))
        return completion

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

    def _request(self) -> ModelRequest:
        ctx = self.ctx
        return ModelRequest(
            model=ctx.step.model or self.agent.model,
            messages=tuple(self.messages),
            returns=self.returns,
            temperature=self.agent.temperature,
            max_tokens=self.agent.max_tokens,
            idempotency_key=f"{ctx.idempotency_key}/{ctx.attempt}/{self._turns}",
            caller=Caller(
                tenant_id=ctx.tenant_id,
                run_id=ctx.run_id,
                flow=ctx.root.name,
                path=ctx.path,
                agent=self.agent.name,
                attempt=ctx.attempt,
                priority=ctx.priority if ctx.step.priority is None else ctx.step.priority,
                run_budget_usd=exact(ctx.root.budget_usd),
                step_budget_usd=exact(ctx.step.budget_usd),
            ),
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
    """The conversation at the start of an attempt: the prompt, what is kept, and what was said about it.

    A structured answer is written whole: kept text of one is given up and stands only in the conversation.
    """
    talk = Conversation(provider, ctx, agent, returns)
    if agent.system is not None:
        talk.messages.append(Message("system", render_text(agent.system, ctx.input)))
    talk.say(render_text(agent.prompt, ctx.input))
    kept, feedback = ctx.kept, ctx.take_feedback()
    if kept:
        talk.messages.append(Message("assistant", kept))
        if returns is None:
            talk.start = len(kept)
            talk.say("\n\n".join([*feedback, CONTINUE]))
            return talk
        ctx.retract(0, "a structured answer is written whole")
        talk.say("\n\n".join([*feedback, ANEW]))
    elif feedback:
        talk.say("\n\n".join(feedback))
    return talk


def render_text(template: Template, scope: Mapping[str, Any]) -> str:
    """The template as text; a list or mapping stands as JSON, null as nothing."""
    value = template.render(scope)
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
