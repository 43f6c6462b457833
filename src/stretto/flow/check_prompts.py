"""Check that every prompt reads only what the steps that use it give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from stretto.documents.problems import nearest, suggest
from stretto.flow.check_types import TypeChecker
from stretto.flow.drafts import DraftFlow, DraftStep, NameRead, Schema, Use
from stretto.flow.graph import Checks
from stretto.flow.infer import Types
from stretto.flow.reading import Reader, template_reads
from stretto.flow.resolve import EACH_NAMES, WATCH_NAMES
from stretto.flow.templates import Constant, Text


def check_prompts(reader: Reader, flow: DraftFlow, types: Types) -> None:
    """Notes every name that a prompt reads and a step that uses it does not give."""
    checker = TypeChecker(reader, flow, types)
    for step in flow.steps.values():
        if step.is_unsure:
            continue
        for whose, use in _texts_of(flow, step):
            _prompt(reader, flow, types, checker, step, whose, use)
        _content(reader, flow, step)


def _texts_of(flow: DraftFlow, step: DraftStep) -> Iterator[tuple[str, Use]]:
    """The prompts of the agents that work in a step, and what its policy reads; each with whose it is, in words."""
    policy = flow.policies.get(step.policy or "")
    money = policy.policy.money if policy is not None else None
    for name in dict.fromkeys((step.agent, money.judge if money else None)):
        if name is not None and name in flow.agents:
            yield from ((f"agent `{name}`", use) for use in flow.agents[name].uses)
    if policy is not None:
        yield from ((f"policy `{policy.policy.name}`", use) for use in policy.uses)


def _content(reader: Reader, flow: DraftFlow, step: DraftStep) -> None:
    """Notes it when a judge cannot know which of several inputs is the content that its policy checks."""
    if step.kind != "judge":
        return
    path, given = (*step.path, "judge"), [*step.input, *_specials(step)]
    content = step.judged
    if content is not None and content not in given:
        remedy = suggest(content, given, f'Add `{content[:60]}: "{{{{ … }}}}"` to the `input` of `{step.id}`.')
        reader.at_value(
            (*path, "content"), f"step `{step.id}` is not given `{content[:80]}`, which it shall judge.", remedy
        )
    policy = flow.policies.get(step.policy or "")
    if content is None and policy is not None and policy.policy.checks != Checks() and len(step.input) > 1:
        reader.at_key(
            path,
            f"policy `{policy.policy.name}` checks the content, but `{step.id}` has {len(step.input)} inputs.",
            f"Say which one is judged: `content: {next(iter(step.input))}`.",
        )


def _specials(step: DraftStep) -> tuple[str, ...]:
    return EACH_NAMES if step.each else WATCH_NAMES if step.watch else ()


def _prompt(
    reader: Reader, flow: DraftFlow, types: Types, checker: TypeChecker, step: DraftStep, whose: str, use: Use
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
            _missing(reader, flow, step, whose, use, read)
        elif read.name in step.input or read.name in specials:
            checker.fields(use.path, read, _type(types, step, read.name))


def _missing(reader: Reader, flow: DraftFlow, step: DraftStep, whose: str, use: Use, read: NameRead) -> None:
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
        f"the {key} of {whose} reads `{read.name}`, which step `{step.id}` does not give it.",
        remedy,
        read.offset,
    )


def _type(types: Types, step: DraftStep, name: str) -> Schema:
    if name not in step.input:
        return types.name(name, step, step.block)
    path = (*step.input_path, name)
    reads = [use.reads for use in step.uses if use.path == path]
    return types.template(step.input[name], reads, step, step.block)
