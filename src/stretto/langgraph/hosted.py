"""Compiled LangGraph graphs as flows, as they are: `host`."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, cast
from uuid import UUID
from weakref import WeakKeyDictionary

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphRecursionError
from langgraph.pregel import Pregel  # pyright: ignore[reportMissingTypeStubs] - typed, without the mark
from langgraph.types import Command, Interrupt, StateSnapshot

from stretto.agents.lending import lent_models
from stretto.engine.step import StepContext
from stretto.errors import AgentStopped, ArgumentsInvalid, Invalid, StrettoError, ToolRefused
from stretto.flow.builder import Flow, tool
from stretto.flow.drawing import Inside
from stretto.flow.graph import Graph, ToolCall
from stretto.gateway.tool_servers import AMOUNT
from stretto.langgraph.checkpoint import Knowledge, StrettoSaver
from stretto.langgraph.nodes import MODES, Nodes
from stretto.langgraph.parts import parts_of
from stretto.langgraph.people import Asker, Resume, askers_of, key_of, question_of, resume_with
from stretto.langgraph.seat import Seat, seated
from stretto.langgraph.voices import Voices
from stretto.store import Database
from stretto.tools.function import to_failure, to_json
from stretto.tools.lending import lent_database
from stretto.tools.registry import Tools
from stretto.tools.tool import Effects

STATE = "state"
"""The argument that holds the graph's whole input, where its fields cannot be arguments."""
STEP = "graph"
MOST_SAVERS = 32
KNOWN_BYTES = 8 << 20
"""What a process remembers for hosted graphs: of so many tenants so many bytes of values."""
_PLAIN = ("string", "integer", "number", "boolean", "array", "object")

Compiled = Pregel[Any, Any, Any, Any]
Durability = Literal["sync", "async", "exit"]


def host(  # noqa: PLR0913 - each has its own default, and is named
    graph: Compiled,
    *,
    name: str | None = None,
    description: str | None = None,
    input: Mapping[str, Mapping[str, Any]] | None = None,
    resume: Resume = resume_with,
    rules: Mapping[str, Any] | None = None,
    config: RunnableConfig | None = None,
    durability: Durability = "sync",
    effects: Effects = "writes",
) -> HostedGraph:
    """Make a compiled graph a tool and a flow.

    `platform.tools.put(desk := host(graph, name="desk"))`, and start `desk.flow`.
    `input` gives the JSON Schemas of the fields that it takes (else those of its input type); `resume` makes of a person's
    decision what `interrupt()` gives, and `rules` are the review's (`deadline_s`, `mandatory` and so on). The graph itself is
    not changed; a checkpointer that it has is not used. Raises `Invalid` where it has no name.
    """
    found = (name or (graph.name if graph.name != "LangGraph" else "") or "").lower()
    if not found:
        raise Invalid("The graph has no name. Give it one: `host(graph, name='desk')`.")
    return HostedGraph(
        found,
        description or f"Let the graph {found} work.",
        effects,
        graph,
        _fields(graph) if input is None else dict(input),
        resume,
        dict(rules or {}),
        dict(cast("dict[str, Any]", config or {})),
        durability,
    )


@dataclass(frozen=True, eq=False)
class HostedGraph:
    """A graph of LangGraph as a tool. `flow` is a flow of one step that calls it."""

    name: str
    description: str
    effects: Effects
    graph: Compiled
    fields: Mapping[str, Mapping[str, Any]] | None
    resume: Resume
    rules: Mapping[str, Any]
    config: Mapping[str, Any]
    durability: Durability
    amount: str = AMOUNT

    @property
    def schema(self) -> Mapping[str, Any]:
        """The JSON Schema of the arguments."""
        fields = {STATE: {"type": "object"}} if self.fields is None else dict(self.fields)
        return {"type": "object", "properties": fields, "additionalProperties": False}

    @cached_property
    def flow(self) -> Graph:
        """The flow that starts it, with the graph's input as its own."""
        fields: Mapping[str, Any] = self.schema["properties"]
        steps = {STEP: tool(self.name, input={each: f"{{{{ input.{each} }}}}" for each in fields})}
        given = {
            each: schema if "default" in schema or not _may_be_null(schema) else {**schema, "default": None}
            for each, schema in fields.items()
        }
        name = self.name.replace(".", "-")
        return Flow(name, description=self.description, input=given, steps=steps, output=f"{{{{ {STEP} }}}}").graph()

    @cached_property
    def _parts(self) -> Inside:
        return parts_of(self.graph)

    def parts(self) -> Inside:
        """The graph's nodes and edges, as they are drawn in a flow that calls it."""
        return self._parts

    async def call(self, ctx: StepContext, arguments: Mapping[str, Any], key: str) -> Any:
        """Let the graph work to its end, and give its state as plain JSON.

        `key` names its thread: whoever calls again under it goes on from the last checkpoint. What its models say is the step's
        text, and what it asks with `interrupt()` a review. Cancelling ends the work; raises errors of the tree.
        """
        what = f"The graph {self.name!r}"
        models, database = lent_models(what), lent_database(what)
        given = self._input(arguments)
        saver = saver_for(database, ctx.tenant_id)
        seat = Seat(ctx, self.name, models, f"{key}/{ctx.attempt}", asyncio.get_running_loop())
        work = _Work(self, ctx, self.graph.copy({"checkpointer": saver}), saver, key)
        try:
            with seated(seat):
                output = await work.run(given)
        except Exception as error:
            raise to_error(self.name, error) from error
        return to_json(self.name, output)

    def _input(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        known: Mapping[str, Any] = self.schema["properties"]
        if unknown := [name for name in arguments if name not in known]:
            raise ArgumentsInvalid(
                f"The graph {self.name!r} takes no {', '.join(unknown)}. It takes: {', '.join(known) or 'nothing'}.",
                tool=self.name,
            )
        given = arguments.get(STATE) if self.fields is None else arguments
        return {name: value for name, value in (given or {}).items() if value is not None}


def hosted(tools: Tools, name: str) -> HostedGraph:
    """The graph that was put among a platform's tools under this name: `hosted(platform.tools, "desk").flow`.

    Raises `ToolNotFound`, and `Invalid` for a tool that is no graph.
    """
    found = tools.get(name)
    if not isinstance(found, HostedGraph):
        raise Invalid(
            f"The tool {name!r} is no graph of LangGraph. Put one among the tools: `host(graph, name={name!r})`."
        )
    return found


@dataclass
class _Work:
    """One attempt of a hosted graph."""

    hosted: HostedGraph
    ctx: StepContext
    graph: Compiled
    saver: StrettoSaver
    thread: str
    config: RunnableConfig = field(init=False)

    def __post_init__(self) -> None:
        own = self.hosted.config
        self.config = cast(
            "RunnableConfig",
            {
                **own,
                "configurable": {**own.get("configurable", {}), "thread_id": self.thread},
                "metadata": {**own.get("metadata", {}), "run_id": str(self.ctx.run_id)},
            },
        )

    @property
    def _alone(self) -> bool:
        """Whether the graph is all that the step does; an agent may have other tools at work."""
        return isinstance(self.ctx.step.call, ToolCall)

    async def run(self, given: dict[str, Any]) -> Any:
        """Work to the end, from where an earlier attempt came to."""
        state = await self.graph.aget_state(self.config)
        if state.created_at is None:
            state = await self._advance(given)
        elif await self._goes_on(state):
            state = await self._advance(None)
        while state.next or state.interrupts:
            state = await self._advance(await self._ask(state))
        return _output(self.graph, state)

    async def _advance(self, given: Any) -> StateSnapshot:
        """Work until the end, or until somebody must be asked."""
        voices, nodes = Voices(self.ctx), Nodes(self.ctx, self.hosted.name)
        modes = ["messages", *MODES]
        stream = cast("Any", self.graph).astream(
            given, self.config, stream_mode=modes, subgraphs=True, durability=self.hosted.durability
        )
        try:
            async for space, mode, payload in stream:
                if mode == "messages":
                    voices.hear(payload[0])
                elif nodes.hear(space, mode, payload) and self._is_node(space):
                    voices.end()
                    if self._alone and self.hosted.durability == "sync":
                        self.ctx.keep_text()
        finally:
            nodes.end()
        voices.end()
        return await self.graph.aget_state(self.config)

    def _is_node(self, space: Sequence[str]) -> bool:
        """Whether this sub-graph is a node by itself. One that a node's code calls is called anew, and so is that code."""
        graph: Any = self.hosted.graph
        for part in space:
            node = graph.nodes.get(part.partition(":")[0])
            bound: object = None if node is None else node.bound
            if not isinstance(bound, Pregel):
                return False
            graph = cast("Any", bound)
        return True

    async def _goes_on(self, state: StateSnapshot) -> bool:
        """Whether the graph goes on by itself from where an earlier attempt came to; else it has ended, or somebody is asked."""
        if not state.interrupts:
            asked = self.ctx.has_answer(self._stop_key(state)) or self._may_stop(state.next)
            return bool(state.next) and not asked
        # Who has failed since he asked has used the answer already, unless it is still to be given to him.
        askers = await self._askers()
        failed = any(askers.get(interrupt.id, Asker()).failed for interrupt in state.interrupts)
        return failed and not all(self.ctx.has_answer(key) for key in self._keys(state, askers).values())

    def _may_stop(self, nodes: Sequence[str]) -> bool:
        """Whether the graph may have been compiled to stop here. The state tells nothing of stops after a node or in a sub-graph."""
        before = self.graph.interrupt_before_nodes
        if self.graph.interrupt_after_nodes or before == "*" or any(node in before for node in nodes):
            return True
        inner: list[Any] = [each for _, each in cast("Any", self.graph).get_subgraphs(recurse=True)]
        return any(
            isinstance(each, Pregel) and (each.interrupt_before_nodes or each.interrupt_after_nodes) for each in inner
        )

    def _stop_key(self, state: StateSnapshot) -> str:
        return key_of(self.thread, Interrupt("", id=" and ".join(state.next)), _checkpoint_id(state), "")

    async def _askers(self) -> dict[str, Asker]:
        return askers_of(await self.saver.store.controls(self.thread), self.saver.serde)

    def _keys(self, state: StateSnapshot, askers: Mapping[str, Asker]) -> dict[str, str]:
        """The questions' keys, by the ids of the interrupts."""
        at = _checkpoint_id(state)
        return {
            interrupt.id: key_of(self.thread, interrupt, at, askers.get(interrupt.id, Asker()).resumed)
            for interrupt in state.interrupts
        }

    async def _ask(self, state: StateSnapshot) -> Command[Any] | None:
        """What the graph is resumed with, once people have decided."""
        name = self.hosted.name
        keys = self._keys(state, await self._askers()) if state.interrupts else {}
        answers: dict[str, Any] = {}
        for interrupt in state.interrupts:
            question = question_of(name, interrupt, keys[interrupt.id], self.hosted.rules)
            answer = await self.ctx.ask(question, rest=self._alone)
            answers[interrupt.id] = self.hosted.resume(interrupt.value, answer)
        if answers:
            return Command(resume=answers)
        # The graph was compiled with `interrupt_before` or `interrupt_after`.
        before = " and ".join(state.next)
        stop = Interrupt(f"The graph {name!r} stops before {before}. Shall it go on?", id=before)
        question = question_of(name, stop, self._stop_key(state), self.hosted.rules)
        shown: dict[str, Any] = to_json(name, state.values)
        answer = await self.ctx.ask(replace(question, show=shown), rest=self._alone)
        if answer.verdict != "approve":
            said = f": {answer.comments}" if answer.comments else "."
            raise ToolRefused(f"{answer.by} did not let the graph {name!r} go on before {before}{said}", tool=name)
        return None


_SAVERS: WeakKeyDictionary[Database, OrderedDict[UUID, StrettoSaver]] = WeakKeyDictionary()


def saver_for(database: Database, tenant_id: UUID) -> StrettoSaver:
    """The checkpointer of a tenant's hosted graphs in this process, so that what many runs store goes together."""
    savers = _SAVERS.setdefault(database, OrderedDict())
    if tenant_id not in savers:
        savers[tenant_id] = StrettoSaver(database, tenant_id, known=Knowledge(KNOWN_BYTES))
    savers.move_to_end(tenant_id)
    while len(savers) > MOST_SAVERS:
        savers.popitem(last=False)
    return savers[tenant_id]


def to_error(name: str, error: Exception) -> StrettoError:
    """The error of the tree for what a graph raised; one that is in the tree stays as it is."""
    if isinstance(error, ExceptionGroup):
        group = cast("ExceptionGroup[Exception]", error)
        return to_error(name, (group.subgroup(StrettoError) or group).exceptions[0])
    if isinstance(error, GraphRecursionError):
        return AgentStopped(f"The graph {name!r}: {error}", graph=name)
    return to_failure(name, error)


def _checkpoint_id(state: StateSnapshot) -> str:
    return state.config["configurable"]["checkpoint_id"] if "configurable" in state.config else ""


def _output(graph: Compiled, state: StateSnapshot) -> Any:
    """What the graph gives: of its state the channels of its output."""
    channels = graph.output_channels
    values = cast("Any", state).values
    if isinstance(channels, str) or not isinstance(values, dict):
        return values
    return {channel: values[channel] for channel in channels if channel in values}  # pyright: ignore[reportUnknownVariableType]


def _fields(graph: Compiled) -> dict[str, Mapping[str, Any]] | None:
    """What the graph takes, field by field; None where its input is no mapping of plain names."""
    try:
        found: Mapping[str, Any] = graph.get_input_jsonschema().get("properties") or {}
    except Exception:  # pydantic cannot tell the schema of every type that LangGraph takes
        found = {channel: {} for channel in graph.stream_channels_list}
    if not found or not all(name.isidentifier() and name.islower() for name in found):
        return None
    return {name: _field(schema) for name, schema in found.items()}


def _may_be_null(schema: Mapping[str, Any]) -> bool:
    """Whether a field may be left out: its schema takes null, or any type."""
    return "type" not in schema or "null" in cast("list[str]", schema["type"])


def _field(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """What can be said of a field without the graph's own types. Nobody has to give it: a node may, as well."""
    kept = {key: schema[key] for key in ("description",) if isinstance(schema.get(key), str)}
    return kept | ({"type": [schema["type"], "null"]} if schema.get("type") in _PLAIN else {})
