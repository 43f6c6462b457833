"""Check that every prompt reads only what the steps that use it give."""

from __future__ import annotations

from typing import Literal

from stretto.documents.problems import nearest
from stretto.flow.check_types import TypeChecker
from stretto.flow.drafts import DraftAgent, DraftFlow, DraftStep, NameRead, Schema, Use
from stretto.flow.infer import Types
from stretto.flow.reading import Reader, template_reads
from stretto.flow.resolve import EACH_NAMES, WATCH_NAMES
from stretto.flow.templates import Constant, Text


def check_prompts(reader: Reader, flow: DraftFlow, types: Types) -> None:
    """Notes every name that a prompt reads and a step that uses it does not give."""
    checker = TypeChecker(reader, flow, types)
    for step in flow.steps.values():
        agent = flow.agents.get(step.agent or "")
        if agent is None or step.is_unsure:
            continue
        for use in agent.uses:
            _prompt(reader, flow, types, checker, step, agent, use)


def _specials(step: DraftStep) -> tuple[str, ...]:
    return EACH_NAMES if step.each else WATCH_NAMES if step.watch else ()


def _prompt(
    reader: Reader, flow: DraftFlow, types: Types, checker: TypeChecker, step: DraftStep, agent: DraftAgent, use: Use
) -> None:
    if not isinstance(use.text, Text):
        return
    specials = _specials(step)

    def known(name: str) -> Literal["yes", "no", "maybe"]:
        if name in step.input:
            template = step.input[name]
            return "yes" if isinstance(template, Constant) and template.value is not None else "maybe"
        return "yes" if name in specials else "no"

    reads = template_reads(use.text, known)
    for read in reads:
        if read.required and known(read.name) == "no":
            _missing(reader, flow, step, agent, use, read)
        elif read.name in step.input or read.name in specials:
            checker.fields(use.path, read, _type(types, step, read.name))


def _missing(reader: Reader, flow: DraftFlow, step: DraftStep, agent: DraftAgent, use: Use, read: NameRead) -> None:
    given = [*step.input, *_specials(step)]
    close = nearest(read.name, given)
    if close:
        remedy = f"Did you mean `{close}`?"
    elif read.name in ("segment", "text", "index"):
        remedy = f"Only a step with `each` or `watch` gives it; ask with `{{% if {read.name} is defined %}}` in a prompt for several steps."
    else:
        value = read.name
        if read.name in flow.input_schema["properties"]:
            value = f"input.{read.name}"
        elif read.name != "input" and read.name not in flow.steps:
            value = "…"
        remedy = f'Add `{read.name}: "{{{{ {value} }}}}"` to the `input` of `{step.id}`.'
    key = use.path[-1]
    reader.at_value(
        use.path,
        f"the {key} of agent `{agent.name}` reads `{read.name}`, which step `{step.id}` does not give it.",
        remedy,
        read.offset,
    )


def _type(types: Types, step: DraftStep, name: str) -> Schema:
    if name not in step.input:
        return types.name(name, step, step.block)
    path = (*step.input_path, name)
    reads = [use.reads for use in step.uses if use.path == path]
    return types.template(step.input[name], reads, step, step.block)
