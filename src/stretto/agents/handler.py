"""The handler of `agent` steps: model → tools → model, until there is an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from stretto.agents.conversation import ANEW, ANEW_AFTER_KEPT, Conversation, begin, exact, resume
from stretto.agents.structured import parse_answer
from stretto.agents.toolbox import Toolbox
from stretto.engine.step import Handler, StepContext, StepResult
from stretto.errors import AgentStopped, OutputInvalid
from stretto.flow.facts import ToolCalled
from stretto.flow.graph import AgentCall
from stretto.gateway.provider import Completion, ModelProvider
from stretto.tools import Tools

LAST_TURN = "You have no more turns. Answer now, with what you have."


def agent_handler(provider: ModelProvider, tools: Tools | None = None) -> Handler:
    """The handler that lets the agent which a step names answer through `provider`, calling its `tools` on the way.

    All its text streams into the step. A turn that asks for tools is written down before any of them is called, and so is what
    each gives: an attempt that is made again goes on after the last turn that was over, pays for none of them again, and calls no
    tool again that has answered. Feedback that arrives is heard at the next turn; where the answer was just written,
    that is retracted and written anew. With `returns`, the output is the value in the text; one that does not fit is retracted and
    asked for once more, then `OutputInvalid` is raised. Raises `AgentStopped` at the agent's limits. What the provider raises passes
    through; the text of the turn that was cut off is the engine's to retract.
    """
    known = tools or Tools()

    async def answer(ctx: StepContext) -> StepResult:
        call = cast("AgentCall", ctx.step.call)
        agent = ctx.graph.agents[call.agent]
        name = ctx.step.returns or agent.returns
        box = Toolbox(await known.find_for(ctx.tenant_id, agent.tools))
        talk, feedback = begin(provider, ctx, agent, None if name is None else ctx.graph.types[name], box.specs)
        timer = asyncio.timeout(agent.limits.time_s)
        try:
            async with timer:
                await take_up(talk, box)
                resume(talk, feedback)
                if name is None:
                    return await answer_in_text(talk, box)
                value = await answer_in_type(talk, name, box)
                return StepResult(output=value, usage=talk.usage.as_dict())
        except TimeoutError:
            if not timer.expired():
                raise
            raise stopped(talk, f"limit of {agent.limits.time_s:g} s") from None

    return answer


def stopped(talk: Conversation, limit: str) -> AgentStopped:
    """The error of an agent that came to a limit."""
    return AgentStopped(
        f"Agent {talk.agent.name!r} came to its {limit} in turn {talk.turns + 1}, before it had an answer. "
        "Raise it under `limits`, or make the task smaller.",
        agent=talk.agent.name,
    )


async def take_up(talk: Conversation, box: Toolbox) -> None:
    """Call what the last turn of an earlier attempt asked for and did not get, and let the model read all of it."""
    missing = [(number, asked) for number, asked in enumerate(talk.left) if asked.id not in talk.known]
    called: dict[str, ToolCalled] = dict(talk.known)
    called.update((fact.call, fact) for fact in await box.call_all(talk.ctx, talk.turns, missing))
    talk.tell([called[asked.id] for asked in talk.left])


async def reply(talk: Conversation, box: Toolbox | None) -> Completion:
    """Let the model answer, with as many turns of tools before as it asks for and may have."""
    limits = talk.agent.limits
    while True:
        check_limits(talk)
        is_last = bool(talk.tools) and talk.turns + 1 >= limits.turns
        if is_last and talk.turns:
            talk.say(LAST_TURN)
        completion = await talk.take_turn(may_call=not is_last)
        if box is None or is_last or not completion.tool_calls:
            if is_last and not talk.answer().strip():
                raise stopped(talk, f"limit of {limits.turns} turns")
            return completion
        calls = await talk.end_turn(completion)
        talk.tell(await box.call_all(talk.ctx, talk.turns, list(enumerate(calls))))
        if feedback := talk.hear():
            talk.say("\n\n".join(feedback))


def check_limits(talk: Conversation) -> None:
    """Raise `AgentStopped` when another turn would begin beyond what the agent may use."""
    limits = talk.agent.limits
    if limits.tokens is not None and talk.spent_tokens >= limits.tokens:
        raise stopped(talk, f"limit of {limits.tokens:,} tokens (it used {talk.spent_tokens:,})")
    cost = exact(limits.cost_usd)
    if cost is not None and talk.spent_usd >= cost:
        raise stopped(talk, f"limit of ${cost:f} (it used ${talk.spent_usd:f})")


async def answer_in_text(talk: Conversation, box: Toolbox | None = None) -> StepResult:
    """Let the agent write, once more for each time that it was given feedback meanwhile."""
    completion = await reply(talk, box)
    while feedback := talk.hear():
        talk.give_up("feedback")
        talk.say("\n\n".join([*feedback, ANEW_AFTER_KEPT if talk.start > talk.base else ANEW]))
        completion = await reply(talk, box)
    usage, note = talk.usage.as_dict(), note_of(talk, completion)
    if not talk.base:
        return StepResult(is_text=True, usage=usage, note=note)
    return StepResult(output=talk.ctx.text[talk.base :], usage=usage, note=note)  # what it said on the way is no answer


async def answer_in_type(talk: Conversation, returns: str, box: Toolbox | None = None) -> Any:
    """Let the agent give a value of this type, with one repair turn when it does not fit."""
    value, problem, completion = await _take_value(talk, box)
    while feedback := talk.hear():
        talk.give_up("feedback")
        talk.say("\n\n".join([*feedback, ANEW]))
        value, problem, completion = await _take_value(talk, box)
    if problem:
        talk.give_up(f"the answer is no {returns}")
        talk.say(f"{problem} Answer again with nothing but one JSON value that fits the schema.")
        value, problem, completion = await _take_value(talk, box)
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


async def _take_value(talk: Conversation, box: Toolbox | None) -> tuple[Any, str, Completion]:
    completion = await reply(talk, box)
    schema = cast("Mapping[str, Any]", talk.returns)
    value, problem = parse_answer(talk.answer(), schema)
    return value, problem, completion


def note_of(talk: Conversation, completion: Completion) -> str | None:
    """What a reader of the step should know of its text."""
    if completion.stop_reason == "length":
        return f"the answer was cut off at max_tokens ({talk.agent.max_tokens})"
    if talk.tools and talk.turns + 1 >= talk.agent.limits.turns:
        return f"answered in its last turn of {talk.agent.limits.turns}"
    return None
