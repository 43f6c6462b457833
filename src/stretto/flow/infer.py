"""What type each value in a flow has, as far as it can be known before it runs."""

from __future__ import annotations

from collections.abc import Mapping

from stretto.documents.plain import Json, is_mapping
from stretto.flow.declared_types import (
    ANYTHING,
    BUDGET,
    JUDGED,
    REVIEWED,
    TEXT,
    WAITED,
    WHOLE,
    NoSuchField,
    field_type,
    kinds_of,
    record,
)
from stretto.flow.drafts import DraftBlock, DraftFlow, DraftStep, NameRead, Schema
from stretto.flow.graph import Template
from stretto.flow.templates import Constant, Structure, Text


class Types:
    """The types of one flow's steps and of what its templates give; `ANYTHING` where nothing is known."""

    def __init__(self, flow: DraftFlow, outputs: Mapping[str, Schema]) -> None:
        self._flow = flow
        self._outputs = outputs  # of the flows that steps run, by the step's id
        self._of_step: dict[str, Schema] = {}

    def step(self, step: DraftStep) -> Schema:
        """The type of a step's value."""
        if step.id not in self._of_step:
            self._of_step[step.id] = ANYTHING  # while it is being found out, for steps that read each other
            self._of_step[step.id] = self._step(step)
        return self._of_step[step.id]

    def _step(self, step: DraftStep) -> Schema:
        value = self.each_value(step)
        return {"type": "array", "items": value} if step.each or step.kind == "map" else value

    def each_value(self, step: DraftStep) -> Schema:  # noqa: PLR0911 - one for each kind
        """The type of what a step gives once: for each segment, each item, each look."""
        match step.kind:
            case "agent" | "tool":
                return self._returned(step)
            case "judge":
                return JUDGED
            case "review":
                return REVIEWED
            case "flow":
                return self._outputs.get(step.id, ANYTHING)
            case "map" | "loop":
                return self.block(step.blocks[0])
            case "branch":
                types = [self.block(block) for block in step.blocks]
                return types[0] if types and all(each == types[0] for each in types) else ANYTHING
            case "wait":
                return WAITED
            case "emit":
                return record(dict.fromkeys(step.input, ANYTHING))
            case None:
                return ANYTHING

    def _returned(self, step: DraftStep) -> Schema:
        if step.returns is not None:
            return self._flow.types[step.returns]
        agent = self._flow.agents.get(step.agent or "")
        if step.kind == "tool" or agent is None:
            return ANYTHING
        return TEXT if agent.returns is None else self._flow.types[agent.returns]

    def block(self, block: DraftBlock) -> Schema:
        """The type of what a block gives: its `output`, or its last step's value."""
        if block.output is not None:
            reads = {use.path: use.reads for use in block.output_uses}
            return self.template(block.output, [*reads.values()], None, block)
        return self.step(list(block.steps.values())[-1]) if block.steps else ANYTHING

    def template(
        self, template: Template, reads: list[tuple[NameRead, ...]], step: DraftStep | None, block: DraftBlock
    ) -> Schema:
        """The type of what a template gives; `reads` belong to its texts, in order."""
        if isinstance(template, Constant):
            return _of_value(template.value)
        if isinstance(template, Text):
            if not template.compiled.is_value:
                return TEXT
            names = reads[0] if reads else ()
            return self.trail(names[0], step, block) if template.compiled.is_trail and len(names) == 1 else ANYTHING
        if isinstance(template, Structure):
            return (
                {"type": "array"}
                if isinstance(template.parts, tuple)
                else record(dict.fromkeys(template.parts, ANYTHING))
            )
        return ANYTHING

    def trail(self, read: NameRead, step: DraftStep | None, block: DraftBlock) -> Schema:
        """The type of `name.field[0]…`; `ANYTHING` when there is no such field, which is noted elsewhere."""
        schema = self.name(read.name, step, block)
        try:
            for part in read.trail:
                schema = field_type(schema, part, read.name)
        except NoSuchField:
            return ANYTHING
        return schema

    def name(self, name: str, step: DraftStep | None, block: DraftBlock) -> Schema:
        """The type of a name where `step` (or the end of `block`) reads it."""
        if step is not None and (step.each or step.watch):
            if name == "index":
                return WHOLE
            if name == "segment":
                return self._segment(step)
            if name == "text" and step.watch:
                return TEXT
        if name == "input":
            return self._flow.input_schema
        if name == "budget":
            return BUDGET
        for owner in block.owners():
            if owner.kind == "loop" and name == "turn":
                return WHOLE
            if owner.kind == "map" and name in (owner.item, "index", "needs"):
                return WHOLE if name == "index" else self._item(owner) if name == owner.item else ANYTHING
        target = self._flow.steps.get(name)
        return ANYTHING if target is None else self.step(target)

    def _segment(self, step: DraftStep) -> Schema:
        source = self._flow.steps.get(step.stream_of or "")
        if step.each and step.each.by.kind == "item":
            return ANYTHING if source is None else self.each_value(source)
        return TEXT

    def _item(self, step: DraftStep) -> Schema:
        """The type of one item of a map."""
        if step.over is None:
            return ANYTHING
        items: Json = self.source(step).get("items")
        return items if is_mapping(items) else ANYTHING

    def source(self, step: DraftStep) -> Schema:
        """The type of what a map goes through."""
        if step.over is None or not isinstance(step.over.text, Text):
            return ANYTHING
        return self.template(step.over.text, [step.over.reads], step, step.block)


def _of_value(value: Json) -> Schema:
    kinds = kinds_of({"const": value})
    return {"type": next(iter(kinds))} if kinds else ANYTHING
