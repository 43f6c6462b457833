"""Documents, their canonical form and digest, and what is stored."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from stretto.documents.plain import Json
from stretto.errors import FlowInvalid
from stretto.flow import compile_document, load_flow
from stretto.flow.document import document_digest, ordered_document
from stretto.flow.graph import AgentCall, FlowCall
from tests.unit.flow.sketch import document, graph

STEPS = """
draft: {agent: writer}
polish:
  loop: {until: check.approved, max: 3}
  steps:
    better: {agent: writer, input: {topic: "{{ check.comments }}"}}
    check: {agent: critic}
route: {branch: [{when: check.approved, steps: {b: {tool: x.y}, a: {tool: x.y}}}]}
"""


def keys_sorted(value: Json) -> Json:
    """As a store of JSON may give it back: keys in another order, lists as they were."""
    return json.loads(json.dumps(value, sort_keys=True))


def test_a_stored_document_gives_the_same_graph_without_any_file() -> None:
    compiled = graph(STEPS)
    stored = keys_sorted(compiled.document)
    again = compile_document(stored)
    assert again == compiled
    assert list(again.root.steps) == ["draft", "polish", "route"]


def test_the_digest_is_known() -> None:
    digest = document_digest({"flow": "a", "steps": {"b": {"tool": "x.y"}, "a": {"tool": "x.y"}}})
    canonical = '{"flow":"a","steps":[{"id":"b","tool":"x.y"},{"id":"a","tool":"x.y"}]}'
    assert digest == hashlib.sha256(canonical.encode()).hexdigest()
    assert digest == document_digest({"steps": {"b": {"tool": "x.y"}, "a": {"tool": "x.y"}}, "flow": "a"})
    assert digest == document_digest({"flow": "a", "steps": [{"id": "b", "tool": "x.y"}, {"tool": "x.y", "id": "a"}]})


def test_the_order_of_steps_means_something_and_that_of_keys_does_not() -> None:
    one = document("a: {tool: x.y, timeout: 5s, retry: 2}\nb: {tool: x.y}")
    turned = document("b: {tool: x.y}\na: {tool: x.y, timeout: 5s, retry: 2}")
    mixed = document("a: {retry: 2, timeout: 5s, tool: x.y}\nb: {tool: x.y}")
    assert document_digest(one) == document_digest(mixed)
    assert document_digest(one) != document_digest(turned)


def test_ordering_leaves_what_is_no_step_alone() -> None:
    flow = document('a: {tool: x.y, input: {steps: {b: 1}, branch: [{steps: 3}]}}\nc: {tool: x.y, input: {flows: "x"}}')
    assert ordered_document(flow)["steps"][0]["input"] == {"steps": {"b": 1}, "branch": [{"steps": 3}]}
    assert ordered_document(ordered_document(flow)) == ordered_document(flow)


def test_a_file_with_prompts_and_flows_beside_it_becomes_one_document(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "one.md").write_text("Write one line.", encoding="utf-8")
    (tmp_path / "prompts" / "two.md").write_text("\ufeffWrite on {{ topic }}.\r\n", encoding="utf-8")
    (tmp_path / "book.yaml").write_text(
        "flow: book\nx-note: for people\n"
        "agents: {a: {model: fast, prompt: prompts/one.md, system: prompts/two.md}}\n"
        "steps: {a: {agent: a, input: {topic: rain}}, b: {flow: chapter}}\n",
        encoding="utf-8",
    )
    (tmp_path / "chapter.yml").write_text("flow: chapter\nsteps: {c: {flow: page}}\n", encoding="utf-8")
    (tmp_path / "page.json").write_text('{"flow": "page", "steps": {"d": {"tool": "x.y"}}}', encoding="utf-8")
    compiled = load_flow(tmp_path / "book.yaml")
    assert compiled.document == {
        "flow": "book",
        "agents": {"a": {"model": "fast", "prompt": "Write one line.\n", "system": "Write on {{ topic }}.\n"}},
        "steps": [{"id": "a", "agent": "a", "input": {"topic": "rain"}}, {"id": "b", "flow": "chapter"}],
        "flows": {
            "chapter": {"flow": "chapter", "steps": [{"id": "c", "flow": "page"}]},
            "page": {"flow": "page", "steps": [{"id": "d", "tool": "x.y"}]},
        },
    }
    assert compile_document(compiled.document) == compiled
    inner = compiled.root.steps["b"].call
    assert isinstance(inner, FlowCall)
    assert inner.graph == load_flow(tmp_path / "chapter.yml")
    assert isinstance(compiled.root.steps["a"].call, AgentCall)
    assert compiled.agents["a"].prompt.render({}) == "Write one line.\n"


def test_a_flow_file_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "essay.yaml").write_text("flow: essay\nsteps: {a: {tool: x.y}}\n", encoding="utf-8")
    with pytest.raises(FlowInvalid) as caught:
        load_flow("esay.yaml")
    assert (
        str(caught.value) == "esay.yaml: the flow cannot be read: no such file or directory. Did you mean `essay.yaml`?"
    )
    with pytest.raises(FlowInvalid, match="is a directory"):
        load_flow(tmp_path)


@pytest.mark.parametrize("name", ["../outside.md", "/etc/hostname", "link.md", "folder", "\x00", "x" * 300])
def test_prompts_are_read_only_from_the_flows_own_folder(name: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "folder").mkdir(parents=True)
    (tmp_path / "outside.md").write_text("a secret\n", encoding="utf-8")
    (home / "link.md").symlink_to(tmp_path / "outside.md")
    flow = {"flow": "a", "agents": {"a": {"model": "fast", "prompt": name}}, "steps": {"s": {"agent": "a"}}}
    (home / "a.json").write_text(json.dumps(flow), encoding="utf-8")
    with pytest.raises(FlowInvalid) as caught:
        load_flow(home / "a.json")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is empty"), (b" \n", "is empty"), (b"a\n\xff", "not UTF-8"), (b"x" * (2 << 20), "more than")],
)
def test_prompt_files_that_cannot_be_used(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "p.md").write_bytes(content)
    (tmp_path / "a.yaml").write_text(
        "flow: a\nagents: {a: {model: fast, prompt: p.md}}\nsteps: {s: {agent: a}}\n", encoding="utf-8"
    )
    with pytest.raises(FlowInvalid, match=said) as caught:
        load_flow(tmp_path / "a.yaml")
    (problem,) = caught.value.problems
    assert problem.file.endswith("p.md")


def test_without_a_file_a_problem_names_the_path_in_the_document() -> None:
    flow = {"flow": "a", "steps": {"b": {"branch": [{"when": "x", "steps": {"c": {"tool": "t", "timeout": 5}}}]}}}
    with pytest.raises(FlowInvalid) as caught:
        compile_document(flow, "flow.json")
    assert str(caught.value).split("\n") == [
        "flow.json, at steps.b.branch[0].steps.c.timeout: `timeout`: `5` has no unit. Write `5s` for seconds or `5m` for minutes.",
        "flow.json, at steps.b.branch[0].when: there is no step or name `x`. There are `input`, `budget`, `b` and `c`.",
    ]


def test_defaults_of_the_flow_reach_its_steps() -> None:
    compiled = graph(
        """
        a: {agent: writer}
        b: {tool: x.y, timeout: 5s, retry: {attempts: 2, backoff: 2m, jitter: 0}, budget: $0.50, priority: 1, optional: true}
        c: {review: {show: a, question: b}}
        """,
        "timeout: 1m\nretry: 5\npriority: 3\nbudget: 2 usd\nconcurrency: 7\ndescription: What it does.",
    )
    a, b, c = compiled.root.steps.values()
    assert (a.timeout_s, a.retry.attempts, a.priority, a.optional) == (60, 5, None, False)
    assert (b.timeout_s, b.retry.attempts, b.retry.backoff_s, b.retry.max_backoff_s, b.retry.jitter) == (
        5,
        2,
        120,
        120,
        0,
    )
    assert (b.budget_usd, b.priority, b.optional) == (0.5, 1, True)
    assert c.timeout_s is None
    assert (compiled.priority, compiled.budget_usd, compiled.concurrency, compiled.description) == (
        3,
        2,
        7,
        "What it does.",
    )


def test_input_may_be_plain_data_with_templates_inside() -> None:
    step = graph(
        'a: {agent: writer}\nb: {tool: x.y, input: {n: 3, l: [1, "{{ a }}", {k: "<{{ a }}>"}], m: {x: null, y: "{{ a }}"}, e: []}}'
    ).root.steps["b"]
    scope = {"a": [1, 2]}
    assert {name: template.render(scope) for name, template in step.input.items()} == {
        "n": 3,
        "l": [1, [1, 2], {"k": "<[1, 2]>"}],
        "m": {"x": None, "y": [1, 2]},
        "e": [],
    }
    assert step.after == ("a",)
