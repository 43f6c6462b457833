"""The handler of `judge` steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from stretto.agents.conversation import open_conversation
from stretto.agents.handler import answer_in_type
from stretto.engine.step import Handler, StepContext, StepResult
from stretto.errors import OutputInvalid
from stretto.flow.graph import JudgeCall, Outcome
from stretto.gateway.provider import ModelProvider

JUDGEMENT = "Judgement"


def judge_handler(provider: ModelProvider) -> Handler:
    """The handler that lets a judge score its input and measures the confidence against the step's policy.

    The output is `{verdict, approved, confidence, comments}`, the verdict `approve`, `escalate` or `reject`.
    """

    async def judge(ctx: StepContext) -> StepResult:
        call = cast("JudgeCall", ctx.step.call)
        agent = ctx.graph.agents[call.agent]
        returns = agent.returns or JUDGEMENT
        talk = open_conversation(provider, ctx, agent, ctx.graph.types[returns])
        value = await answer_in_type(talk, returns)
        return StepResult(output=to_verdict(value, call), usage=talk.usage.as_dict())

    return judge


def to_verdict(judgement: object, call: JudgeCall) -> dict[str, Any]:
    """The judge step's output for a judgement. Raises `OutputInvalid` when it holds no confidence of 0 to 1."""
    fields: Mapping[str, object] = cast("Mapping[str, object]", judgement) if isinstance(judgement, Mapping) else {}
    confidence = fields.get("confidence")
    if isinstance(confidence, bool) or not isinstance(confidence, (int, float)) or not 0 <= confidence <= 1:
        raise OutputInvalid(
            f"The judge {call.agent!r} gave no confidence between 0 and 1, but {confidence!r}. "
            "Let its agent return the built-in type Judgement.",
            agent=call.agent,
        )
    verdict = verdict_for(float(confidence), call)
    comments = fields.get("reasons", fields.get("comments", ""))
    return {
        "verdict": verdict,
        "approved": verdict == "approve",
        "confidence": confidence,
        "comments": comments if isinstance(comments, str) else "",
    }


def verdict_for(confidence: float, call: JudgeCall) -> Outcome:
    """What the policy says to this confidence (0-1)."""
    if confidence >= call.approve:
        return "approve"
    return "reject" if confidence < call.reject else "escalate"
