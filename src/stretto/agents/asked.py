"""What the model of a step was asked, for who looks back at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stretto.agents.judging.instructions import VERDICT_FIRST, add_instructions
from stretto.agents.prompting import answered, opening, remembered, told, within
from stretto.flow.graph import AgentCall, JudgeCall
from stretto.gateway.provider import Message

if TYPE_CHECKING:
    from stretto.flow.facts import Fact
    from stretto.flow.graph import Graph, Step


def asked_of(
    graph: Graph, step: Step, given: Mapping[str, Any], history: Sequence[Fact], text: str, feedback: Sequence[str]
) -> list[Message]:
    """What the model of a step is asked by its latest turn; nothing where the step asks none.

    `graph` is the one that the step stands in. A repair turn is not told again: no fact keeps what was wrong.
    Raises `OutputInvalid` where the prompt cannot be rendered.
    """
    call = step.call
    if not isinstance(call, AgentCall | JudgeCall):
        return []
    agent = graph.agents[call.agent]
    messages = opening(agent, given)
    past = remembered(history, text, feedback)
    messages += past.messages + told(answered(past))
    if rest := feedback[past.said :]:
        messages.append(Message("user", "\n\n".join(rest)))
    if isinstance(call, JudgeCall) and call.policy is not None:
        policy = graph.policies[call.policy]
        add_instructions(messages, policy, VERDICT_FIRST if policy.confidence != "stated" else "")
    return list(within(messages, agent.memory_chars))
