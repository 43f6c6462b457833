"""Documents made to break the compiler: large, deep, circular, or no flow at all."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stretto.documents.plain import Json
from stretto.documents.problems import MOST_PROBLEMS
from stretto.errors import FlowInvalid
from stretto.flow import compile_document, load_flow
from stretto.flow.schema import flow_schema
from tests.unit.flow.sketch import document, problems_of

STEPS = 10_000
SCHEMA = jsonschema_rs.Draft202012Validator(flow_schema())


def test_ten_thousand_steps_compile(tmp_path: Path) -> None:
    lines = [f'  s{n}: {{tool: x.y, input: {{a: "{{{{ s{n - 1} }}}}"}}, when: s{n - 1}.ok}}' for n in range(1, STEPS)]
    path = tmp_path / "long.yaml"
    path.write_text("\n".join(["flow: long", "steps:", "  s0: {tool: x.y}", *lines]), encoding="utf-8")
    graph = load_flow(path)
    assert len(graph.root.steps) == STEPS
    assert graph.root.steps["s9999"].after == ("s9998",)


@pytest.mark.parametrize(
    "step",
    [
        {"tool": "x.y", "after": ["sNEXT"]},
        {"tool": "x.y", "after": ["missingTHIS"]},
        {"tool": "x.y", "input": {"a": "{{ missingTHIS }}"}},
        {"tool": "x.y", "timout": "5s"},
        {"agent": "missingTHIS"},
        {"tool": "x.y", "when": "sTHIS.ok &&"},
        None,
    ],
    ids=["a cycle", "unknown after", "unknown names", "misspelt keys", "unknown agents", "bad conditions", "nothing"],
)
def test_ten_thousand_mistakes_end_soon_and_in_a_message_of_some_size(step: Json) -> None:
    text = json.dumps(step)
    steps = {
        f"s{n}": json.loads(text.replace("THIS", f"{n}").replace("NEXT", f"{(n + 1) % STEPS}")) for n in range(STEPS)
    }
    found = problems_of(document("a: {tool: x.y}") | {"steps": steps})
    assert 1 <= len(found) <= MOST_PROBLEMS + 1
    if len(found) > MOST_PROBLEMS:
        assert str(found[-1]) == f"flow: there are more problems than these. Mend these {MOST_PROBLEMS} first."


def nested(levels: int) -> dict[str, Json]:
    steps: dict[str, Json] = {"innermost": {"tool": "x.y"}}
    for level in range(levels):
        steps = {f"l{level}": {"loop": {"until": "turn > 1", "max": 2}, "steps": steps}}
    return {"flow": "deep", "steps": steps}


def test_nesting_is_possible_and_bounded() -> None:
    graph = compile_document(nested(38))
    assert compile_document(graph.document).digest == graph.digest
    assert [problem.message for problem in problems_of(nested(5000))] == ["this is nested more than 80 levels deep."]


def circular() -> dict[str, Json]:
    flow: dict[str, Json] = {"flow": "round"}
    flow["steps"] = flow
    return flow


class _Odd:
    pass


@pytest.mark.parametrize(
    "flow",
    [
        circular(),
        {"flow": "a", "steps": {"a": {"tool": "x", "input": {"n": 10**400}}}},
        {"flow": "a", "steps": {"a": {"tool": "x", "input": {"n": float("nan")}}}},
        {"flow": "a", "steps": {"a": {"tool": "x", "input": {"n": "\x00"}}}},
        {"flow": "a", "steps": {"a": {"tool": "x", "input": {"n": "\ud800"}}}},
        {"flow": "a", "steps": {"a": {"tool": "x", "input": {"n": _Odd()}}}},
        {"flow": "a", "steps": {"a": {"tool": "x", "input": {1: 2}}}},
        {"flow": "a", "steps": {"a": {"tool": "x", "input": {"n": b"bytes"}}}},
        {"flow": "a", "steps": {"a": {"tool": "x", "input": {"n": ["x" * 1000] * 10_000}}}},
        {"flow": "a", "steps": {"a": {"tool": "x", "input": {"n": [0] * 300_000}}}},
        {"flow": "a", "flows": {"b": {"flow": "c"}, "d": []}, "steps": {"a": {"flow": "b"}, "e": {"flow": "d"}}},
        {"flow": "a", "flows": [], "steps": {"a": {"tool": "x"}}},
        {f"k{n}": n for n in range(1000)},
        {},
    ],
    ids=range(14),
)
def test_what_is_no_document_is_refused(flow: dict[str, Json]) -> None:
    with pytest.raises(FlowInvalid):
        compile_document(flow)


@pytest.mark.parametrize("flow", [None, [], "flow: a", 5])
def test_what_is_no_mapping_is_refused(flow: Json) -> None:
    with pytest.raises(FlowInvalid, match="a flow is a mapping"):
        compile_document(flow)


def test_flows_that_run_each_other_too_deeply_are_refused() -> None:
    flows: dict[str, Json] = {f"f{n}": {"flow": f"f{n}", "steps": {"a": {"flow": f"f{n + 1}"}}} for n in range(200)}
    flows["f200"] = {"flow": "f200", "steps": {"a": {"tool": "x.y"}}}
    found = problems_of({"flow": "top", "flows": flows, "steps": {"a": {"flow": "f0"}}})
    assert {problem.message for problem in found} == {"flows run each other more than 16 levels deep."}


_WHOLE = document(
    """
    plan: {agent: planner, input: {goal: "{{ input.goal }}"}, retry: {attempts: 2, backoff: 1s}, timeout: 5m, budget: 1 usd}
    fan:
      map: {tasks: "{{ plan.tasks }}", concurrency: 2, as: task}
      steps: {part: {agent: writer, input: {topic: "{{ task.id }} {{ needs }}"}}}
      output: "{{ part }}"
    draft: {agent: writer, input: {topic: "{{ fan | join(' ') }}"}, optional: true}
    notes: {agent: reader, each: {of: draft, by: {tokens: 50}, concurrency: 2}}
    guard: {agent: sentinel, watch: {of: draft, every: sentence}, on: {reject: {steer: draft, feedback: "{{ guard.comments }}"}}}
    polish:
      loop: {until: "check.approved || turn > 2", max: 4}
      steps:
        better: {agent: writer, input: {topic: "{{ draft }} {{ check.comments }}"}}
        check: {judge: {agent: scorer, approve: 0.8, reject: 0.5}, input: {draft: "{{ better }}"}}
    ask: {review: {show: {text: "{{ better }}"}, question: Well?}, when: "!check.approved"}
    route:
      branch:
        - {when: ask.approved, steps: {send: {emit: {event: sent, key: "{{ input.goal }}"}, input: {text: "{{ better }}"}}}}
        - {steps: {pause: {wait: {event: paid, timeout: 1h}}}}
    inner: {flow: sub, input: {n: 3}}
    """,
    """
    input: {goal: {type: string, default: x}}
    types: {Note: {title: string, tags?: [string]}}
    flows: {sub: {flow: sub, input: {n: {type: integer}}, steps: {a: {tool: x.y, input: {n: "{{ input.n }}"}}}}}
    output: {text: "{{ better }}", by: "{{ ask.by }}"}
    """,
)


def test_the_whole_language_compiles() -> None:
    graph = compile_document(_WHOLE)
    assert compile_document(graph.document) == graph


def paths(value: Json, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path] if path else []
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in entries:
        found += paths(item, (*path, key))
    return found


PATHS = paths(_WHOLE)
ODD: list[Json] = [
    None, True, False, 0, -1, 3, 10**9, 0.5, "", " ", "draft", "plan", "{{ draft }}", "{{ draft", "{{ nothing }}", "{{ check.aproved }}",
    "5m", "5", "x y", "\n", "é" * 200, [], ["draft"], [[]], [None], {}, {"of": "draft"}, {"agent": "writer"}, {"a": {"b": []}},
    {"type": "string"}, {"type": "strin"}, {"$ref": "#/nowhere"}, {"$ref": "http://example.com"}, "true", "1 +", "turn > 'a'", "input", "code_block",
    {"stop": "draft"}, {"tokens": 0}, {"when": "true", "steps": {"q": {"tool": "t"}}}, "approved", {"id": "x"},
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PATHS), st.sampled_from(["set", "drop", "rename", "copy"]), st.sampled_from(ODD), st.sampled_from(PATHS)), min_size=1, max_size=4))  # fmt: skip
def test_a_mutated_document_compiles_and_fits_the_schema_or_is_invalid(
    changes: list[tuple[tuple[str | int, ...], str, Json, tuple[str | int, ...]]],
) -> None:
    flow: Json = copy.deepcopy(_WHOLE)
    for path, change, odd, other in changes:
        try:
            at: Json = flow
            for part in path[:-1]:
                at = at[part]
            if change == "set":
                at[path[-1]] = copy.deepcopy(odd)
            elif change == "drop":
                del at[path[-1]]
            elif change == "rename":
                at[f"{path[-1]}x"] = at.pop(path[-1])
            else:
                value: Json = flow
                for part in other:
                    value = value[part]
                at[path[-1]] = copy.deepcopy(value)
        except (LookupError, TypeError, AttributeError):
            continue
    if not problems_of(flow):
        graph = compile_document(flow)
        assert compile_document(graph.document).digest == graph.digest
        assert [error.message for error in SCHEMA.iter_errors(flow)] == []
