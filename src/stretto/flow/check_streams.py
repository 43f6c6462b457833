"""Check what `each` and `watch` read, and whether a watching step can say what `on` reacts to."""

from __future__ import annotations

from collections.abc import Mapping

from stretto.documents.problems import nearest
from stretto.flow.drafts import DraftFlow, DraftStep, Schema
from stretto.flow.graph import SegmentRule
from stretto.flow.reading import Reader


def check_streams(reader: Reader, flow: DraftFlow) -> None:
    """Notes every `each` and `watch` that cannot work."""
    for step in flow.steps.values():
        if step.stream_of is not None:
            _check_source(reader, flow, step, step.stream_of)
        if step.reactions:
            _check_verdict(reader, flow, step)


def _check_source(reader: Reader, flow: DraftFlow, step: DraftStep, name: str) -> None:
    key = "each" if step.each else "watch"
    path = (*step.path, key, "of")
    source = flow.steps.get(name)
    if source is None:
        close = nearest(name, [other for other in flow.steps if " " not in other])
        reader.at_value(
            path,
            f"there is no step `{name[:80]}`.",
            f"Did you mean `{close}`?" if close else f"`{key}` reads a step of the same block.",
        )
        return
    if source is step:
        reader.at_value(path, f"step `{name}` reads itself.", "Name another step.")
        return
    if source.block is not step.block:
        reader.at_value(
            path,
            f"step `{name}` stands in another block; `{key}` reads a step beside itself.",
            f"Put `{step.id}` beside `{name}`.",
        )
        return
    if source.kind is None or source.is_unsure or step.is_unsure:
        return
    by = (*step.path, "each", "by")
    has_items = source.each is not None or source.kind == "map"
    if step.watch is not None:
        if source.kind != "agent" or source.stream_of is not None:
            reader.at_value(
                path,
                f"step `{name}` {_what(source)}, so there is nothing to watch.",
                "Only an `agent` step writes while others look on.",
            )
    elif has_items:
        if step.has_cut and step.each is not None and step.each.by.kind != "item":
            reader.at_value(
                by,
                f"step `{name}` gives items, not a text that could be cut by `{step.each.by.kind}`.",
                "Write `by: item`, or delete `by`.",
            )
    elif source.kind != "agent" or source.watch is not None:
        reader.at_value(
            path,
            f"step `{name}` {_what(source)}, so it gives nothing to `each` before it is done.",
            f"Use `map` over `{{{{ {name} }}}}`, or read a step that is `agent`.",
        )
    elif not step.has_cut:
        reader.at_value(
            (*step.path, "each"),
            f"`each` does not say how to cut the text of `{name}`.",
            "Add `by: sentence`, `paragraph`, `line`, `code_block`, `json_item` or `{tokens: n}`.",
        )
    elif step.each is not None and step.each.by == SegmentRule("item"):
        reader.at_value(
            by,
            f"step `{name}` writes one text, not items.",
            "Cut it by `sentence`, `paragraph`, `line`, `code_block`, `json_item` or `{tokens: n}`.",
        )


def _what(source: DraftStep) -> str:
    if source.watch is not None:
        return "watches another step itself"
    if source.each is not None:
        return "works on each segment of another step"
    return f"is `{source.kind}` and writes no text bit by bit"


def returned_type(flow: DraftFlow, step: DraftStep) -> str | None:
    """The name of the type that an agent or tool step returns."""
    if step.returns is not None:
        return step.returns
    agent = flow.agents.get(step.agent) if step.agent is not None else None
    return agent.returns if agent is not None and step.kind == "agent" else None


def _check_verdict(reader: Reader, flow: DraftFlow, step: DraftStep) -> None:
    if step.kind in ("judge", "review", "flow", None):
        return
    name = returned_type(flow, step)
    if step.kind == "agent" and step.agent is None:
        return
    schema: Schema = flow.types.get(name or "", {})
    properties: Mapping[str, Schema] = schema.get("properties") or {}
    if "verdict" not in properties and "approved" not in properties:
        returns = f"returns `{name}`, which has no `approved`" if name else "returns text"
        reader.at_value(
            (*step.path, "on"),
            f"step `{step.id}` {returns}, so it gives no verdict to react to.",
            "Let its agent return `Verdict`, or make it a `judge`.",
        )
        return
    escalates = next((reaction for reaction in step.reactions if reaction.outcome == "escalate"), None)
    if escalates is not None and "verdict" not in properties:
        reader.at_key(
            (*step.path, "on", "escalate"),
            f"step `{step.id}` returns `{name}`, which approves or rejects but never escalates.",
            "Make it a `judge`, or delete this.",
        )
