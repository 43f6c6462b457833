"""The handler of `agent` steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from stretto.agents.conversation import ANEW, ANEW_AFTER_KEPT, Conversation, open_conversation
from stretto.agents.structured import parse_answer
from stretto.engine.step import Handler, StepContext, StepResult
from stretto.errors import OutputInvalid
from stretto.flow.graph import AgentCall
from stretto.gateway.provider import Completion, ModelProvider


def agent_handler(provider: ModelProvider) -> Handler:
    """The handler that lets the agent which a step names answer through `provider`.

    The answer streams into the step. Feedback that arrives while it is written makes another turn: the
    attempt's own text is retracted and written anew. With `returns`, the output is the value in the text;
    one that does not fit is retracted and asked for once more, then `OutputInvalid` is raised. What the
    provider raises passes through; the text written until then is the engine's to retract.
    """

    async def answer(ctx: StepContext) -> StepResult:
        call = cast("AgentCall", ctx.step.call)
        agent = ctx.graph.agents[call.agent]
        returns = ctx.step.returns or agent.returns
        if returns is None:
            return await answer_in_text(open_conversation(provider, ctx, agent, None))
        talk = open_conversation(provider, ctx, agent, ctx.graph.types[returns])
        value = await answer_in_type(talk, returns)
        return StepResult(output=value, usage=talk.usage.as_dict())

    return answer


async def answer_in_text(talk: Conversation) -> StepResult:
    """Let the agent write, once more for each time that it was given feedback meanwhile."""
    completion = await talk.take_turn()
    while feedback := talk.ctx.take_feedback():
        talk.give_up("feedback")
        talk.say("\n\n".join([*feedback, ANEW_AFTER_KEPT if talk.start else ANEW]))
        completion = await talk.take_turn()
    return StepResult(is_text=True, usage=talk.usage.as_dict(), note=note_of(talk, completion))


async def answer_in_type(talk: Conversation, returns: str) -> Any:
    """Let the agent give a value of this type, with one repair turn when it does not fit."""
    value, problem, completion = await _take_value(talk)
    while feedback := talk.ctx.take_feedback():
        talk.give_up("feedback")
        talk.say("\n\n".join([*feedback, ANEW]))
        value, problem, completion = await _take_value(talk)
    if problem:
        talk.give_up(f"the answer is no {returns}")
        talk.say(f"{problem} Answer again with nothing but one JSON value that fits the schema.")
        value, problem, completion = await _take_value(talk)
    if problem:
        raise OutputInvalid(
            f"The agent {talk.agent.name!r} was asked twice and gave no {returns}. {problem} "
            + (
                f"Its answer was cut off at max_tokens ({talk.agent.max_tokens}); raise it."
                if completion.stop_reason == "length"
                else "Make the prompt plainer, or the type simpler."
            ),
            agent=talk.agent.name,
        )
    return value


async def _take_value(talk: Conversation) -> tuple[Any, str, Completion]:
    completion = await talk.take_turn()
    schema = cast("Mapping[str, Any]", talk.returns)
    value, problem = parse_answer(talk.answer(), schema)
    return value, problem, completion


def note_of(talk: Conversation, completion: Completion) -> str | None:
    """What a reader of the step should know of its text."""
    if completion.stop_reason == "length":
        return f"the answer was cut off at max_tokens ({talk.agent.max_tokens})"
    return None
