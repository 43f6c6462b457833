"""Read the top of a flow document: name, input, types, agents and defaults."""

from __future__ import annotations

from collections.abc import Mapping

from stretto.documents.plain import Json, kind_of
from stretto.flow.declared_types import TypeReader, check_schema
from stretto.flow.drafts import DraftBlock, DraftFlow, Schema
from stretto.flow.graph import Template
from stretto.flow.json_schema import misfits
from stretto.flow.policies import read_policies
from stretto.flow.read_agent import plain_name, read_agents
from stretto.flow.read_step import StepReader, read_retry
from stretto.flow.reading import NAME, WORD, Reader
from stretto.flow.vocabulary import FLOW_KEYS

ANYTHING_AT_ALL: Schema = {"type": "object", "properties": {}, "required": [], "additionalProperties": True}


def read_flow(
    reader: Reader, document: Mapping[str, Json], flow_names: frozenset[str], files_beside: frozenset[str] = frozenset()
) -> DraftFlow:
    """Everything that stands in a document, problems noted; references are not looked at yet."""
    read = {key: value for key, value in document.items() if not key.startswith("x-")}
    document = reader.known_keys((), read, FLOW_KEYS, "a flow")
    name = _name(reader, document)
    types = TypeReader(
        reader, reader.mapping(("types",), document.get("types"), "`types`", "types: {Note: {title: string}}") or {}
    ).read()
    agents = read_agents(reader, document, types)
    policies = read_policies(reader, document, agents)
    steps = StepReader(reader, agents, types, flow_names, files_beside, policies)
    root = DraftBlock((), None)
    if "steps" in document:
        steps.read_steps(("steps",), document["steps"], root)
    else:
        reader.at_key((), "the flow has no `steps`.", "Add them: `steps: {draft: {agent: writer}}`.")
    if "output" in document:
        root.output, root.output_uses = reader.template(("output",), document["output"], "`output`")
    remember = _remember(reader, document, root)
    draft = DraftFlow(
        name, _description(reader, document), _input(reader, document), types, agents or {}, root, steps.known
    )
    draft.policies = policies or {}
    draft.remember = remember
    _defaults(reader, document, draft)
    return draft


def _name(reader: Reader, document: Mapping[str, Json]) -> str:
    if "flow" not in document:
        reader.at_key((), "the flow has no name.", "Begin the file with `flow: NAME`.")
        return "unnamed"
    name = reader.text(("flow",), document["flow"], "the flow's name")
    if name is None:
        return "unnamed"
    if not NAME.fullmatch(name):
        reader.at_value(
            ("flow",),
            f"`{name[:80]}` cannot name a flow.",
            f"Write it like `{plain_name(name, '-')}`: small letters, digits and `-`, at most 63.",
        )
    return name


def _description(reader: Reader, document: Mapping[str, Json]) -> str:
    value = document.get("description")
    if value is None or isinstance(value, str):
        return value or ""
    reader.at_value(("description",), f"`description` is a text, but this is {kind_of(value)}.", "Put it in quotes.")
    return ""


def _input(reader: Reader, document: Mapping[str, Json]) -> Schema:
    fields = reader.mapping(("input",), document.get("input"), "`input`", "input: {task: {type: string}}")
    if fields is None:
        return ANYTHING_AT_ALL
    properties: dict[str, Schema] = {}
    for name, schema in fields.items():
        path = ("input", name)
        if not WORD.fullmatch(name):
            reader.at_key(path, f"`{name[:80]}` cannot name an input.", f"Write it like `{plain_name(name, '_')}`.")
        properties[name] = check_schema(reader, schema, path)
        if "default" in properties[name]:
            _check_default(reader, properties[name], (*path, "default"))
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name, schema in properties.items() if "default" not in schema],
        "additionalProperties": False,
    }


def _check_default(reader: Reader, schema: Schema, path: tuple[str, ...]) -> None:
    for misfit in misfits(schema, schema["default"], most=1):
        reader.at_value((*path, *misfit.path), f"the default {misfit.message}.", "Correct the default or its schema.")


def _remember(reader: Reader, document: Mapping[str, Json], root: DraftBlock) -> Template | None:
    if document.get("remember") is None:
        return None
    path = ("remember",)
    text = reader.text(path, document["remember"], "`remember`")
    if text is None:
        return None
    template, uses = reader.template(path, text, "`remember`")
    if template is not None and template.names != frozenset({"input"}):
        reader.at_value(
            path,
            "`remember` says what a run is about, in words of its `input` alone.",
            'Write it like `remember: "{{ input.task }}"`.',
        )
        return None
    root.output_uses = [*root.output_uses, *uses]  # what it reads of the input is checked as for `output`
    return template


def _defaults(reader: Reader, document: Mapping[str, Json], draft: DraftFlow) -> None:
    if "retry" in document:
        draft.retry = read_retry(reader, ("retry",), document["retry"])
    if "timeout" in document:
        draft.timeout_s = reader.duration(("timeout",), document["timeout"], "`timeout`")
    if "budget" in document:
        draft.budget_usd = reader.money(("budget",), document["budget"], "`budget`")
    if "concurrency" in document:
        draft.concurrency = reader.whole(("concurrency",), document["concurrency"], "`concurrency`", 1, 10_000)
    if "priority" in document:
        priority = reader.whole(("priority",), document["priority"], "`priority`", 0, 3)
        draft.priority = 2 if priority is None else priority
