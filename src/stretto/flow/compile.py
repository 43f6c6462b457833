"""From a flow file or document to its graph: every mistake found at once, or the frozen records that run."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path as FilePath

from stretto.documents.plain import Json, is_mapping, kind_of
from stretto.documents.problems import Enough, Places, PlacesWithin, Problems
from stretto.errors import FlowInvalid
from stretto.flow.check_prompts import check_prompts
from stretto.flow.check_streams import check_streams
from stretto.flow.check_types import TypeChecker, check_inner_input
from stretto.flow.cycles import check_cycles
from stretto.flow.document import document_digest, ordered_document, plain_document
from stretto.flow.drafts import DraftAgent, DraftBlock, DraftFlow, DraftStep, Schema
from stretto.flow.files import files_beside, read_flow_file, sub_flow_steps
from stretto.flow.graph import Agent, Block, FlowCall, Graph, Retry, Step
from stretto.flow.infer import Types
from stretto.flow.parse import parse
from stretto.flow.read_flow import read_flow
from stretto.flow.reading import Reader
from stretto.flow.resolve import Resolver

MAX_NESTED_FLOWS = 16
WORKS = frozenset({"agent", "tool", "judge"})
"""Kinds that a flow-wide `timeout` holds for; the others wait for people, events and steps of their own."""


def load_flow(path: FilePath | str) -> Graph:
    """The graph of a flow file, its prompts and sub-flows read from beside it. Raises `FlowInvalid` with every mistake."""
    problems = Problems()
    graph, file = None, str(path)
    with suppress(Enough):
        read = read_flow_file(FilePath(path), problems)
        if read is not None:
            document, places = read
            file = places.file
            graph = _Compiler(document, places, problems, files_beside(FilePath(path))).root()
    problems.raise_if_any(file, FlowInvalid)
    assert graph is not None
    return graph


def compile_document(document: Mapping[str, Json], file: str = "flow") -> Graph:
    """The graph of a document, such as `Graph.document` of an earlier one; no file is read. Raises `FlowInvalid` with every mistake.

    Prompts are texts in it, and the flows that it runs stand under `flows`.
    """
    problems = Problems()
    places = Places(file)
    graph = None
    with suppress(Enough):
        plain = plain_document(document, places, problems)
        graph = _Compiler(plain, places, problems).root() if plain is not None else None
    problems.raise_if_any(file, FlowInvalid)
    assert graph is not None
    return graph


def compile_source(source: bytes, file: str = "flow.yaml") -> Graph:
    """The graph of a flow's text, YAML or JSON; no other file is read. Raises `FlowInvalid` with every mistake at its line.

    Prompts are texts in it, and the flows that it runs stand under `flows`.
    """
    problems = Problems()
    graph = None
    with suppress(Enough):
        read = parse(source, file, problems)
        graph = _Compiler(*read, problems).root() if read is not None else None
    problems.raise_if_any(file, FlowInvalid)
    assert graph is not None
    return graph


class _Compiler:
    """Compiles one document and the flows inside it, each once."""

    def __init__(
        self, document: Mapping[str, Json], places: Places, problems: Problems, beside: frozenset[str] = frozenset()
    ) -> None:
        self._document = document
        self._places = places
        self._problems = problems
        self._beside = beside
        self._flows = self._inlined(Reader(places, problems))
        self._graphs: dict[str, Graph | None] = {}
        self._signatures: dict[str, tuple[Schema, Schema]] = {}
        self._open: list[str] = []

    def _inlined(self, reader: Reader) -> dict[str, Mapping[str, Json]]:
        """The flows that stand in the document, by name."""
        flows: dict[str, Mapping[str, Json]] = {}
        raw = reader.mapping(("flows",), self._document.get("flows"), "`flows`", "flows: {chapter: {flow: chapter, …}}")
        for name, flow in (raw or {}).items():
            if not is_mapping(flow):
                reader.at_value(("flows", name), f"flow `{name[:80]}` is a mapping, but this is {kind_of(flow)}.")
                continue
            flows[name] = flow
            called: Json = flow.get("flow")
            if isinstance(called, str) and called != name:
                reader.at_value(
                    ("flows", name, "flow"),
                    f"this flow is called `{called[:80]}`, but stands under the name `{name[:80]}`.",
                    "Give both the same name.",
                )
        return flows

    def root(self) -> Graph | None:
        """The graph of the document itself; None, problems noted, when it has any."""
        name: Json = self._document.get("flow")
        self._open.append(name if isinstance(name, str) else "")
        graph = self._compile(self._document, self._places)
        for unused in self._flows:
            if unused not in self._graphs:
                self._sub(unused)  # so that its mistakes are told; no step runs it, and the document goes without it
        return graph

    def _compile(self, document: Mapping[str, Json], places: Places, name: str = "") -> Graph | None:
        reader = Reader(places, self._problems)
        before = len(self._problems.found)
        flow = read_flow(reader, document, frozenset(self._flows) | frozenset(self._open[:1]), self._beside)
        inner = {
            step.id: graph
            for step in flow.steps.values()
            if step.flow is not None and (graph := self._inner(reader, step, step.flow))
        }
        Resolver(reader, flow).resolve()
        check_streams(reader, flow)
        check_cycles(reader, flow)
        self._check_values(reader, flow, name)
        if len(self._problems.found) > before:
            return None
        return _graph(flow, self._with_flows(document), inner)

    def _check_values(self, reader: Reader, flow: DraftFlow, name: str) -> None:
        runs = {step.id: self._signatures[step.flow] for step in flow.steps.values() if step.flow in self._signatures}
        types = Types(flow, {step: output for step, (_, output) in runs.items()})
        TypeChecker(reader, flow, types).check()
        check_prompts(reader, flow, types)
        for step in flow.steps.values():
            if step.flow is not None and step.id in runs:
                check_inner_input(reader, step, step.flow, runs[step.id][0], types)
        self._signatures[name] = flow.input_schema, types.block(flow.root)

    def _inner(self, reader: Reader, step: DraftStep, name: str) -> Graph | None:
        """The graph of the flow that a step runs."""
        path = (*step.path, "flow")
        if name in self._open:
            circle = " → ".join(f"`{each}`" for each in [*self._open[self._open.index(name) :], name])
            reader.at_value(
                path, f"this flow would run itself without end: {circle}.", "Use a `loop` with `until` and `max`."
            )
            return None
        if name in self._graphs:
            return self._graphs[name]
        if len(self._open) >= MAX_NESTED_FLOWS:
            reader.at_value(
                path, f"flows run each other more than {MAX_NESTED_FLOWS} levels deep.", "Bring some of them together."
            )
            return None
        return self._sub(name)

    def _sub(self, name: str) -> Graph | None:
        self._open.append(name)
        self._graphs[name] = self._compile(self._flows[name], PlacesWithin(self._places, ("flows", name)), name)
        self._open.pop()
        return self._graphs[name]

    def _with_flows(self, document: Mapping[str, Json]) -> dict[str, Json]:
        """The document with exactly the flows that it runs, in canonical order."""
        needed: dict[str, Json] = {}
        todo = [document]
        while todo:
            for _, name in sub_flow_steps(todo.pop()):
                if name not in needed and name in self._flows:
                    needed[name] = {
                        key: value
                        for key, value in self._flows[name].items()
                        if key != "flows" and not key.startswith("x-")
                    }
                    todo.append(self._flows[name])
        plain = {key: value for key, value in document.items() if key != "flows" and not key.startswith("x-")}
        if needed:
            plain["flows"] = needed
        return ordered_document(plain)


def _graph(flow: DraftFlow, document: dict[str, Json], inner: Mapping[str, Graph]) -> Graph:
    return Graph(
        name=flow.name,
        digest=document_digest(document),
        document=document,
        input_schema=flow.input_schema,
        types=flow.types,
        agents={name: _agent(agent) for name, agent in flow.agents.items()},
        root=_block(flow.root, flow, inner),
        description=flow.description,
        concurrency=flow.concurrency,
        priority=flow.priority,
        budget_usd=flow.budget_usd,
        policies={name: draft.policy for name, draft in flow.policies.items()},
        remember=flow.remember,
    )


def _agent(agent: DraftAgent) -> Agent:
    assert agent.model is not None
    assert agent.prompt is not None
    return Agent(
        name=agent.name,
        model=agent.model,
        prompt=agent.prompt,
        system=agent.system,
        returns=agent.returns,
        temperature=agent.temperature,
        max_tokens=agent.max_tokens,
        tools=agent.tools,
        limits=agent.limits,
        memory_chars=agent.memory_chars,
    )


def _block(block: DraftBlock, flow: DraftFlow, inner: Mapping[str, Graph]) -> Block:
    return Block(
        steps={step.id: _step(step, flow, inner) for step in block.steps.values()},
        output=block.output,
        inner=dict(block.inner),
        is_loop=block.is_loop,
    )


def _step(step: DraftStep, flow: DraftFlow, inner: Mapping[str, Graph]) -> Step:
    assert step.kind is not None
    if step.flow is not None:
        call = FlowCall(step.flow, inner[step.id])
    else:
        assert step.make_call is not None
        call = step.make_call([_block(block, flow, inner) for block in step.blocks])
    return Step(
        id=step.id,
        kind=step.kind,
        call=call,
        input=dict(step.input),
        after=tuple(step.after),
        previous=frozenset(step.previous),
        when=step.when,
        each=step.each,
        watch=step.watch,
        reactions=step.reactions,
        retry=step.retry or flow.retry or Retry(),
        timeout_s=step.timeout_s if step.timeout_s is not None or step.kind not in WORKS else flow.timeout_s,
        optional=step.optional,
        budget_usd=step.budget_usd,
        priority=step.priority,
        model=step.model,
        returns=step.returns,
        names=frozenset(read.name for use in [*step.uses, *step.until] for read in use.reads),
    )
