"""Lets servers of tools ask a model in the middle of a call: through the gateway, for the run whose call it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stretto.agents.conversation import exact, to_fact
from stretto.engine.step import StepContext
from stretto.gateway.provider import Caller, Decision, ModelProvider, ModelRequest, StopReason, ToolCallPiece
from stretto.tools.mcp import Asker, ModelAsked, ModelSaid
from stretto.tools.mcp.asks import OnSample

MOST_TOKENS = 4_096
"""Most that one answer may have, whatever the server asks for."""
STOP_WORDS: Mapping[StopReason, str] = {"end": "endTurn", "stop_sequence": "stopSequence", "length": "maxTokens"}


@dataclass(slots=True)
class Said:
    """Takes what the model says; none of it is the step's text."""

    ctx: StepContext
    pieces: list[str] = field(default_factory=list[str])

    def write(self, tokens: list[str]) -> None:
        """Keep it."""
        self.pieces += tokens

    def tool_call(self, piece: ToolCallPiece) -> None:
        """No tools were offered."""

    def retract(self, reason: str) -> bool:
        """Another model answers."""
        self.pieces.clear()
        return True

    def decided(self, decision: Decision) -> None:
        """Let the run's facts tell of the call."""
        self.ctx.record(to_fact(decision, self.ctx))


def model_for_servers(provider: ModelProvider) -> OnSample:
    """What answers when a server asks for a model: the route that its configuration names.

    The call counts for the tenant, the run and the step, with their budgets, as the step's own calls do.
    """

    async def answer(asker: Asker, asked: ModelAsked) -> ModelSaid:
        ctx = asker.ctx
        said = Said(ctx)
        request = ModelRequest(
            model=asker.route,
            messages=asked.messages,
            temperature=asked.temperature,
            max_tokens=max(1, min(asked.max_tokens, MOST_TOKENS)),
            stop=asked.stop,
            idempotency_key=f"{asker.key}/ask{asker.number}",
            caller=Caller(
                tenant_id=ctx.tenant_id,
                run_id=ctx.run_id,
                flow=ctx.root.name,
                path=ctx.path,
                agent=asker.tool,
                attempt=ctx.attempt,
                priority=ctx.priority if ctx.step.priority is None else ctx.step.priority,
                run_budget_usd=exact(ctx.root.budget_usd),
                step_budget_usd=exact(ctx.step.budget_usd),
            ),
        )
        completion = await provider.complete(request, said)
        return ModelSaid("".join(said.pieces), completion.model, STOP_WORDS.get(completion.stop_reason, "endTurn"))

    return answer
