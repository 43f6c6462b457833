"""What is read against what is given: declared types, built-in outputs, prompts, sub-flows."""

from __future__ import annotations

import pytest

from stretto.flow.declared_types import BUILT_IN
from tests.unit.flow.sketch import document, graph, problems, problems_of

TYPES = """
input: {names: {type: array, items: {type: string}}, n: {type: integer, default: 1}, mood: {enum: [glad, sad]}, any: {}}
types:
  Idea: {title: string, parts: [Part], tags?: [string]}
  Part: {words: integer, text: string}
  Open: {type: object, properties: {a: {type: string}}, additionalProperties: true}
  Either: {anyOf: [{type: string}, {type: object}]}
"""
STEPS = """
idea: {tool: t.idea, returns: Idea}
open: {tool: t.open, returns: Open}
either: {tool: t.either, returns: Either}
unknown: {tool: t.unknown}
draft: {agent: writer}
check: {agent: critic}
score: {judge: {agent: scorer}, input: {draft: "{{ draft }}"}}
asked: {review: {show: "{{ draft }}", question: Well?}}
lines: {agent: critic, each: {of: draft, by: line}}
fan: {map: {over: "{{ input.names }}"}, steps: {part: {tool: t.part, returns: Part}}}
looped: {loop: {until: inner.approved, max: 2}, steps: {inner: {agent: critic}}}
ended: {wait: {event: x}}
told: {emit: {event: x}, input: {text: a}}
"""


def said(step: str) -> list[str]:
    return [f"{problem.message} {problem.remedy}".strip() for problem in problems(STEPS + step, TYPES)]


@pytest.mark.parametrize(
    "template",
    [
        "idea.title", "idea.parts[0].words", "idea.tags[1]", "idea.parts | map(attribute='words') | list", "open.a", "open.b.c", "either.x",
        "unknown.x[3].y", "draft", "draft[0]", "check.approved", "score.verdict", "score.confidence", "asked.by", "asked.value.x",
        "lines[0].comments", "fan[0].text", "looped.comments", "inner.comments", "ended.data.x", "ended.timed_out", "told.text", "input.n", "input.names[0]", "input.any.thing",
        "idea['title']", "idea[draft]", "check.nothing if false else ''" if False else "check.comments",
    ],
)  # fmt: skip
def test_fields_that_are_there(template: str) -> None:
    assert said(f'x: {{tool: t.x, input: {{a: "{{{{ {template} }}}}"}}}}') == []


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("idea.titel", "`idea` has no field `titel`. Did you mean `title`?"),
        ("idea.parts[0].word", "`idea.parts[0]` has no field `word`. Did you mean `words`?"),
        ("idea.parts.words", "`idea.parts` is a list and has no field `words`. Take an item, like `idea.parts[0].words`, or go through it with `for`."),
        ("idea.title.length", "`idea.title` is a text and has no field `length`."),
        ("idea.parts[0].words.x", "`idea.parts[0].words` is a whole number and has no field `x`."),
        ("idea[0]", "`idea` is no list and has no item `[0]`. Read one of its fields by name."),
        ("input.n[0]", "`input.n` is a whole number and has no item `[0]`."),
        ("draft.title", "`draft` is a text and has no field `title`. Read `draft` as a whole, or give agent `writer` a type with `returns`."),
        ("check.score", "`check` has no field `score`. It has `approved` and `comments`."),
        ("score.comment", "`score` has no field `comment`. Did you mean `comments`?"),
        ("asked.verdit", "`asked` has no field `verdit`. Did you mean `verdict`?"),
        ("lines.comments", "`lines` is a list and has no field `comments`. Take an item, like `lines[0].comments`, or go through it with `for`."),
        ("fan[0].txt", "`fan[0]` has no field `txt`. Did you mean `text`?"),
        ("looped.aproved", "`looped` has no field `aproved`. Did you mean `approved`?"),
        ("ended.text", "`ended` has no field `text`. It has `timed_out` and `data`."),
        ("told.txt", "`told` has no field `txt`. Did you mean `text`?"),
        ("input.nam", "`input` has no field `nam`. Did you mean `names`?"),
        ("input.zebra", "`input` has no field `zebra`. Describe it under `input:`, or correct the name."),
        ("check.aproved | default('')", "`check` has no field `aproved`. Did you mean `approved`?"),
        ("'x' ~ check.aproved", "`check` has no field `aproved`. Did you mean `approved`?"),
    ],
)  # fmt: skip
def test_fields_that_no_value_will_have(template: str, message: str) -> None:
    assert said(f'x: {{tool: t.x, input: {{a: "{{{{ {template} }}}}"}}}}') == [message]


@pytest.mark.parametrize(
    "condition",
    ["check.approved", "!check.approved && input.n > 1", "input.n == 1.5", "size(draft) > 3", 'input.mood == "sad"', 'score.verdict in ["approve"]', "unknown", "either", "check == null", "draft != ''", "has(idea.tags)", "idea.parts.exists(p, p.words > 3)", "input.any", "turn_free == 1" if False else "open.b"],
)  # fmt: skip
def test_conditions_that_make_sense(condition: str) -> None:
    assert said(f"x: {{tool: t.x, when: '{condition.replace(chr(39), chr(39) * 2)}'}}") == []


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("check", "`when` needs true or false, but `check` is a mapping. Did you mean `check.approved`?"),
        ("draft", "`when` needs true or false, but `draft` is a text. Compare it, like `size(draft) > 0`."),
        ("!input.n", "`!` needs true or false, but `input.n` is a whole number. Compare it, like `input.n > 0`."),
        ("check.approved && draft", "`&&` needs true or false, but `draft` is a text. Compare it, like `size(draft) > 0`."),
        ("size(draft)", "the condition gives a number, not true or false. Compare it with something."),
        ('check.approved == "yes"', "`check.approved` is true or false and is compared (`==`) with the text `yes`. Write just `check.approved` or `!check.approved`."),
        ('input.n > "3"', "`input.n` is a whole number and is compared (`>`) with the text `3`. Write the number without quotes."),
        ("draft == check.approved", "`draft` is a text and is compared (`==`) with `check.approved`, which is true or false. Put both on the same footing."),
        ('input.mood == "angry"', "`input.mood` is never `angry`. It is one of `glad` and `sad`."),
        ('score.verdict == "reejct"', "`score.verdict` is never `reejct`. Did you mean `reject`?"),
        ('has(check.aproved)', "`check` has no field `aproved`. Did you mean `approved`?"),
        ("false", "this is never true, so what follows is never reached. Correct the condition, or delete the step."),
    ],
)  # fmt: skip
def test_conditions_that_can_never_hold(condition: str, message: str) -> None:
    assert said(f"x: {{tool: t.x, when: '{condition.replace(chr(39), chr(39) * 2)}'}}") == [message]


def test_the_short_form_of_types_is_written_out() -> None:
    types = graph(STEPS, TYPES).types
    assert types["Part"] == {
        "type": "object",
        "properties": {"words": {"type": "integer"}, "text": {"type": "string"}},
        "required": ["words", "text"],
        "additionalProperties": False,
    }
    assert types["Idea"]["required"] == ["title", "parts"]
    assert types["Idea"]["properties"]["parts"] == {"type": "array", "items": types["Part"]}
    assert types["Open"]["additionalProperties"] is True
    assert types.keys() >= BUILT_IN.keys() == {"Verdict", "Judgement", "Plan"}


@pytest.mark.parametrize(
    ("written", "fields"),
    [
        ("{type: string, name: string}", ["type", "name"]),
        ("{items: [string], note?: string}", ["items", "note"]),
        ("{properties: string}", ["properties"]),
        ("{title: string, required: boolean}", ["title", "required"]),
        ("{enum: string}", ["enum"]),
        ("{type: string}", None),
        ("{type: [string, 'null'], maxLength: 3}", None),
        ("{type: array, items: {type: string}}", None),
        ("{properties: {a: {type: string}}}", None),
        ("{enum: [a, b]}", None),
        ("{anyOf: [{type: string}]}", None),
        ("{const: 3}", None),
        ("{}", None),
    ],
)
def test_which_mappings_are_schemas_and_which_the_short_form(written: str, fields: list[str] | None) -> None:
    schema = graph("a: {tool: x.y}", f"types: {{X: {written}}}").types["X"]
    if fields is None:
        assert schema.get("additionalProperties") is not False
    else:
        assert list(schema["properties"]) == fields


def test_a_misspelt_keyword_does_not_make_a_schema_a_short_form() -> None:
    (problem,) = problems("a: {tool: x.y}", "types: {X: {type: object, propertes: {a: {type: string}}}}")
    assert str(problem).endswith("JSON Schema has no keyword `propertes`. Did you mean `properties`?")


PROMPT = """
{% if segment is defined %}Block {{ index }}: {{ segment }}{% else %}Whole: {{ code }}{% endif %}
{{ mood | default("calm") }}{% if extra is defined and extra %}{{ extra }}{% endif %}{{ "" if style is undefined else style }}
"""


def prompt_flow(prompt: str, step: str) -> list[str]:
    flow = document(f"draft: {{agent: writer}}\nx: {step}")
    flow["agents"]["one"] = {"model": "fast", "prompt": prompt}
    return [problem.message for problem in problems_of(flow)]


def test_one_prompt_serves_steps_that_give_different_things() -> None:
    assert prompt_flow(PROMPT, "{agent: one, each: {of: draft, by: line}}") == []
    assert prompt_flow(PROMPT, "{agent: one, input: {code: x, style: y}}") == []
    assert prompt_flow(PROMPT, "{agent: one}") == [
        "the prompt of agent `one` reads `code`, which step `x` does not give it."
    ]


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("{agent: one, input: {cod: a}}", "the prompt of agent `one` reads `code`, which step `x` does not give it."),
        ('{agent: one, input: {code: "{{ draft }}"}}', "`code` is a text and has no field `body`."),
        ("{judge: {agent: one}}", "a judge's agent returns `Judgement`, but `one` returns text."),
        (
            "{agent: one, watch: {of: draft, every: line}, input: {code: a}}",
            "`code` is a text and has no field `body`.",
        ),
    ],
)
def test_a_prompt_reads_what_its_steps_give(step: str, message: str) -> None:
    assert message in prompt_flow("{{ code.body }}", step)


def test_asking_for_the_truth_of_a_name_reads_it() -> None:
    assert prompt_flow("{% if feedbak %}{{ feedbak }}{% endif %}", "{agent: one, input: {feedback: x}}") == [
        "the prompt of agent `one` reads `feedbak`, which step `x` does not give it."
    ]


def test_a_prompt_does_not_see_steps_and_inputs_themselves() -> None:
    assert prompt_flow("{{ draft }}{{ input.x }}", "{agent: one}") == [
        "the prompt of agent `one` reads `draft`, which step `x` does not give it.",
        "the prompt of agent `one` reads `input`, which step `x` does not give it.",
    ]


SUB = """
flows:
  sub:
    flow: sub
    input: {title: {type: string}, n: {type: integer, default: 1}}
    types: {Out: {text: string}}
    steps: {a: {tool: t.a, returns: Out, input: {title: "{{ input.title }}"}}}
"""


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("x: {flow: sub}", "flow `sub` needs the input `title`."),
        ("x: {flow: sub, input: {title: a, nn: 3}}", "flow `sub` has no input `nn`."),
        ("x: {flow: sub, input: {titel: a}}", "flow `sub` has no input `titel`."),
        ("x: {flow: sub, input: {title: 5}}", "input `title` of flow `sub` must be a text, but is 5."),
        ('x: {flow: sub, input: {title: a, n: "{{ draft }}"}}\ndraft: {agent: writer}', "input `n` of flow `sub` must be a whole number, but this is a text."),
        ('x: {flow: sub, input: {title: a}}\ny: {tool: t.y, input: {a: "{{ x.txt }}"}}', "`x` has no field `txt`."),
        ("x: {flow: sub, input: {title: a}}\ny: {tool: t.y, after: [a]}", "there is no step `a`."),
        ('x: {flow: sub, input: {title: "{{ 1 + 1 }}"}}', None),
    ],
)  # fmt: skip
def test_the_input_and_output_of_a_flow_inside(steps: str, message: str | None) -> None:
    assert [problem.message for problem in problems(steps, SUB)] == ([message] if message else [])


def test_what_a_watching_step_must_return_for_reactions() -> None:
    watch = "watch: {of: draft, every: line}, on: {reject: {stop: draft}}"
    assert problems(f"draft: {{agent: writer}}\nx: {{agent: critic, {watch}}}") == []
    assert problems(f"draft: {{agent: writer}}\nx: {{judge: {{agent: scorer}}, {watch}}}") == []
    assert problems(f"draft: {{agent: writer}}\nx: {{review: {{show: a, question: b}}, {watch}}}") == []
    (problem,) = problems(f"draft: {{agent: writer}}\nx: {{tool: t.x, returns: Plan, {watch}}}")
    assert problem.message == "step `x` returns `Plan`, which has no `approved`, so it gives no verdict to react to."
