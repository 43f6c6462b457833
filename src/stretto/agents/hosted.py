"""Agents built with pydantic-ai (extra `pydantic-ai`) as tools, for steps and for other agents, as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from stretto.agents.conversation import ANEW, caller_of, to_fact
from stretto.agents.lending import lent_models
from stretto.engine.step import StepContext
from stretto.errors import (
    AgentStopped,
    ContentFiltered,
    Invalid,
    ModelError,
    OutputInvalid,
    StrettoError,
    ToolRefused,
)
from stretto.flow.graph import ToolCall
from stretto.gateway.provider import Decision, ModelProvider, ToolCallPiece
from stretto.gateway.tool_servers import AMOUNT
from stretto.tools.function import to_failure, to_json
from stretto.tools.tool import Effects

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_ai.agent import AbstractAgent

ROUTE_PREFIX = "stretto:"
DEFAULT_ROUTE = "strong"
PROMPT = "prompt"


def hosted(
    agent: AbstractAgent[Any, Any],
    *,
    name: str | None = None,
    description: str | None = None,
    effects: Effects = "writes",
    route: str | None = None,
    deps: Callable[[StepContext], Any] | None = None,
) -> HostedAgent:
    """The agent as a tool: `tools.put(hosted(agent, name="desk.answer"))`.

    Its arguments are `prompt` and the fields of the agent's deps type, a dataclass or pydantic model; where its deps are something
    else, `deps` makes them of the step's context. Its models are those of the gateway: the route is the one that the agent names as
    `stretto:ROUTE`, else `route`, else `strong`. The agent itself is not changed. Raises `Invalid` where it cannot be hosted.
    """
    name = name or (agent.name or "").lower()
    if not name:
        raise Invalid("The agent has no name. Give it one: `hosted(agent, name='desk.answer')`.")
    description = description or agent.description or f"Ask the agent {agent.name or name}."
    form = Form(name) if deps is not None else form_of(name, agent.deps_type)
    return HostedAgent(name, description, effects, agent, route_of(agent, route), form, deps)


def route_of(agent: AbstractAgent[Any, Any], route: str | None) -> str:
    """The gateway's route that answers the agent."""
    own = agent.model
    if isinstance(own, str) and own.startswith(ROUTE_PREFIX):
        return own.removeprefix(ROUTE_PREFIX)
    return route or DEFAULT_ROUTE


@dataclass(frozen=True)
class Form:
    """What a call of a hosted agent has to hold: a prompt, and the fields of its deps."""

    tool: str
    deps: TypeAdapter[Any] | None = None
    fields: Mapping[str, Any] | None = None
    """The JSON Schema of the deps."""

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the arguments."""
        fields = self.fields or {}
        prompt = {"type": "string", "description": "What the agent is asked."}
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {PROMPT: prompt, **fields.get("properties", {})},
            "required": [PROMPT, *fields.get("required", [])],
            "additionalProperties": fields.get("additionalProperties", False),
        }
        return schema | ({"$defs": fields["$defs"]} if "$defs" in fields else {})

    def bind(self, arguments: Mapping[str, Any]) -> tuple[str, Any]:
        """The prompt and the deps. Raises `OutputInvalid` naming each argument that does not fit."""
        from pydantic import ValidationError

        schema, wrong = self.schema, list[str]()
        if not isinstance(arguments.get(PROMPT), str):
            wrong.append(f"argument {PROMPT}: must be a text")
        if schema["additionalProperties"] is False:
            unknown = [argument for argument in arguments if argument not in schema["properties"]]
            wrong += [f"argument {argument}: there is none of this name" for argument in unknown]
        deps: Any = None
        if self.deps is not None:
            try:
                deps = self.deps.validate_python({name: arguments[name] for name in arguments if name != PROMPT})
            except ValidationError as error:
                wrong += [
                    f"argument {'.'.join(map(str, each['loc'])) or '?'}: {each['msg']}" for each in error.errors()
                ]
        if wrong:
            raise OutputInvalid(
                f"The tool {self.tool!r} cannot take these arguments. {'; '.join(wrong)}. Correct the step's input.",
                tool=self.tool,
            )
        return arguments[PROMPT], deps


def form_of(tool: str, deps_type: type) -> Form:
    """The form for an agent with deps of this type. Raises `Invalid` where a flow cannot give such deps."""
    from pydantic import BaseModel, PydanticUserError, TypeAdapter
    from pydantic.errors import PydanticSchemaGenerationError

    if deps_type in (object, type(None)):
        return Form(tool)
    remedy = f"Let `hosted(agent, name={tool!r}, deps=...)` make them: a function of the step's context."
    kind = deps_type.__name__
    if not is_dataclass(deps_type) and not issubclass(deps_type, BaseModel):
        raise Invalid(f"The deps of {tool!r} are of {kind}, which has no fields that a flow could give. {remedy}")
    try:
        adapter = TypeAdapter[Any](deps_type)
        fields = adapter.json_schema()
    except (PydanticSchemaGenerationError, PydanticUserError, NameError) as error:
        said = str(error).splitlines()[0]
        raise Invalid(f"The deps of {tool!r}, {kind}, are no plain data: {said} {remedy}") from None
    if "$ref" in fields:  # a type that holds itself stands among the definitions
        fields = fields["$defs"][fields["$ref"].rpartition("/")[2]] | {"$defs": fields["$defs"]}
    if PROMPT in fields.get("properties", {}):
        raise Invalid(
            f"The deps of {tool!r} have a field `prompt`, which is what the agent is asked. Rename it, or: {remedy}"
        )
    return Form(tool, adapter, fields)


@dataclass(frozen=True, eq=False)
class HostedAgent:
    """A pydantic-ai agent as a tool. `route` names the models that answer it, at the gateway that carries the step out."""

    name: str
    description: str
    effects: Effects
    agent: AbstractAgent[Any, Any]
    route: str
    form: Form
    make_deps: Callable[[StepContext], Any] | None = None
    amount: str = AMOUNT

    @property
    def schema(self) -> Mapping[str, Any]:
        """The JSON Schema of the arguments."""
        return self.form.schema

    async def call(self, ctx: StepContext, arguments: Mapping[str, Any], key: str) -> Any:
        """Let the agent answer, and give its output as plain JSON.

        In a step of its own it writes into the step's text and hears its feedback; an agent that calls it gets the output alone.
        What it raises is of the tree: `ModelError` as the gateway raises it, `OutputInvalid` when the agent gave no output that
        fits, `AgentStopped` at its limits. Cancelling ends it.
        """
        provider = lent_models(f"The agent {self.name!r}")
        prompt, deps = self.form.bind(arguments)
        try:
            if self.make_deps is not None:
                deps = self.make_deps(ctx)
            call = ctx.step.call
            if isinstance(call, ToolCall) and call.tool == self.name:
                output = await self._answer(ctx, provider, prompt, deps, key)
            else:
                output = (await self._run(ctx, provider, [prompt], deps, f"{key}/{ctx.attempt}", speaks=False)).output
        except Exception as error:
            raise to_error(self.name, error) from error
        return to_json(self.name, self._plain(output))

    async def _answer(self, ctx: StepContext, provider: ModelProvider, prompt: str, deps: Any, key: str) -> Any:
        """Answer in the step's text, anew each time that somebody says something to it meanwhile."""
        asked, history, turn = [prompt], None, 0
        if ctx.kept:
            ctx.retract(0, "the agent answers anew")
            asked.append(f"You had begun to answer:\n\n{ctx.kept}")
        if feedback := ctx.take_feedback():
            asked += [*feedback, ANEW]
        while True:
            turn += 1
            start = len(ctx.text)
            result = await self._run(ctx, provider, asked, deps, f"{key}/{ctx.attempt}.{turn}", history=history)
            feedback = ctx.take_feedback()
            if not feedback:
                return result.output
            ctx.retract(start, "feedback")
            asked, history = [*feedback, ANEW], result.all_messages()

    async def _run(
        self,
        ctx: StepContext,
        provider: ModelProvider,
        asked: Sequence[str],
        deps: Any,
        key: str,
        *,
        speaks: bool = True,
        history: Any = None,
    ) -> Any:
        from stretto.agents.gateway_model import GatewayModel

        listen = Voice(ctx) if speaks else partial(Listening, ctx, speaks=False)
        model = GatewayModel(provider, self.route, caller=caller_of(ctx, self.name), key=key, listen=listen)
        prompt = asked[0] if len(asked) == 1 else asked
        return await self.agent.run(prompt, model=model, deps=deps, message_history=history, infer_name=False)

    def _plain(self, output: object) -> object:
        from pydantic_ai import DeferredToolRequests

        if isinstance(output, DeferredToolRequests):
            wanted = ", ".join(call.tool_name for call in (*output.approvals, *output.calls))
            raise ToolRefused(
                f"The agent {self.name!r} wants tools approved or called elsewhere ({wanted}), which a step cannot give it. "
                "Let it call them itself, and put a `review` step before it.",
                tool=self.name,
            )
        return output


class Voice:
    """Lets a step say what its agent says: the agent whose run asks first. Agents that it asks in turn are not heard."""

    def __init__(self, ctx: StepContext) -> None:
        self._ctx = ctx
        self._run: str | None = None

    def __call__(self, run: str | None) -> Listening:
        """Who listens to a call of the agent's run with this id."""
        self._run = self._run or run
        return Listening(self._ctx, run, speaks=run == self._run)


class Listening:
    """The sink of one call: its text goes into the step's, if it speaks; what was decided about it into the run's facts."""

    def __init__(self, ctx: StepContext, run: str | None, *, speaks: bool) -> None:
        self._ctx = ctx
        self._speaks = speaks
        self._start: int | None = None

    def write(self, tokens: list[str]) -> None:
        """Say it; what a later turn says is another paragraph."""
        if not self._speaks:
            return
        if self._start is None:
            text = self._ctx.text
            self._start = len(text)
            if text and not text.endswith("\n"):
                tokens = ["\n\n", *tokens]
        self._ctx.write(tokens)

    def tool_call(self, piece: ToolCallPiece) -> None:
        """Tools are called by the agent."""

    def retract(self, reason: str) -> bool:
        """Another deployment answers."""
        if self._start is not None:
            self._ctx.retract(self._start, reason)
            self._start = None
        return True

    def decided(self, decision: Decision) -> None:
        """Let the run's facts tell of the call."""
        self._ctx.record(to_fact(decision, self._ctx))


def to_error(name: str, error: Exception) -> StrettoError:
    """The error of the tree for what a run of an agent raised; one that is in the tree stays as it is."""
    from pydantic_ai import exceptions as raised

    if isinstance(error, ExceptionGroup):  # tool sets that hold connections raise in groups
        group = cast("ExceptionGroup[Exception]", error)
        ours = group.subgroup(StrettoError)
        return to_error(name, (ours or group).exceptions[0])
    if isinstance(error, StrettoError):
        return error
    said = f"The agent {name!r}: {error}"
    if isinstance(error, raised.UsageLimitExceeded):
        return AgentStopped(f"{said} Raise its usage limits, or make the task smaller.", agent=name)
    if isinstance(error, raised.ContentFilterError):
        return ContentFiltered(f"{said} Change the prompt.", agent=name)
    if isinstance(error, raised.UnexpectedModelBehavior):
        return OutputInvalid(f"{said} Make its prompt plainer or its output type simpler.", agent=name)
    if isinstance(error, raised.UserError):
        return ToolRefused(said, tool=name)
    if isinstance(error, raised.ModelAPIError):  # of a model that the agent asks past the gateway
        return ModelError(said, agent=name)
    return to_failure(name, error)
