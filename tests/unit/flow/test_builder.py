"""Flows written in Python are the very same as those written in YAML."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from stretto.flow import Flow, builder, load_flow
from stretto.flow.builder import (
    Agent,
    agent,
    branch,
    case,
    emit,
    flow,
    judge,
    loop,
    map_,
    otherwise,
    review,
    tool,
    wait,
)

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_pair_programming_both_ways() -> None:
    prompts = Path("prompts")
    built = Flow(
        "pair-programming",
        input={"task": {"type": "string", "maxLength": 4000}},
        agents={
            "architect": Agent(model="strong", prompt=prompts / "architect.md"),
            "coder": Agent(model="code", prompt=prompts / "coder.md"),
            "reviewer": Agent(model="strong", prompt=prompts / "reviewer.md", returns="Verdict"),
            "sentinel": Agent(model="fast", prompt=prompts / "sentinel.md", returns="Verdict"),
        },
        steps={
            "design": agent("architect", input={"task": "{{ input.task }}"}),
            "build": loop(
                until="review.approved",
                max=3,
                steps={
                    "code": agent("coder", input={"design": "{{ design }}", "feedback": "{{ review.comments }}"}),
                    "notes": agent("reviewer", each={"of": "code", "by": "code_block"}),
                    "guard": agent(
                        "sentinel", watch={"of": "code", "every": {"tokens": 200}}, on={"reject": {"stop": "code"}}
                    ),
                    "review": agent("reviewer", input={"code": "{{ code }}", "notes": "{{ notes }}"}),
                },
            ),
            "test": tool("python.test", input={"code": "{{ code }}"}, after=["build"]),
        },
        output="{{ code }}",
    ).graph(EXAMPLES)
    written = load_flow(EXAMPLES / "pair-programming.yaml")
    assert built.digest == written.digest
    assert built == written


YAML = """
flow: everything
description: All words once.
input: {goal: {type: string, default: x}}
types: {Note: {title: string}}
agents:
  planner: {model: strong, prompt: "Plan {{ goal }}", returns: Plan, temperature: 0.5, max_tokens: 100}
  writer: {model: fast, prompt: "Write {{ topic | default('') }}", system: "You write.\\n"}
  scorer: {model: strong, prompt: "Score {{ draft | default('') }}", returns: Judgement}
timeout: 5m
retry: {attempts: 5, backoff: 2s}
priority: 1
budget: 2 usd
concurrency: 9
steps:
  plan: {agent: planner, input: {goal: "{{ input.goal }}"}, model: code, returns: Plan, retry: 2, timeout: 10s, budget: 1 usd, priority: 0}
  fan:
    map: {tasks: "{{ plan.tasks }}", concurrency: 2, max: 10, as: task}
    steps: {part: {agent: writer, input: {topic: "{{ task.id }}"}}}
    output: "{{ part }}!"
  twice: {map: {over: [1, 2]}, steps: {one: {tool: x.y, input: {n: "{{ item }}"}, optional: true}}}
  score: {judge: {agent: scorer, approve: 0.8, reject: 0.2}, input: {draft: "{{ fan }}"}}
  plain: {judge: {agent: scorer}, when: score.approved}
  ask: {review: {show: "{{ fan }}", question: Well?}, after: [plain]}
  route:
    branch:
      - {when: ask.approved, steps: {told: {emit: {event: told, key: k}, input: {a: 1}}}, output: done}
      - {steps: {paused: {wait: {for: 10s}}}}
  paid: {wait: {event: paid, key: "{{ input.goal }}", timeout: 1h}, after: [route]}
  begun: {wait: {until: "2030-01-31T09:00:00Z"}, optional: true}
  inner: {flow: sub, input: {n: 3}, after: [paid]}
output: {all: "{{ inner }}"}
flows: {sub: {flow: sub, input: {n: {type: integer}}, steps: {a: {tool: x.y, returns: Verdict}}}}
"""


def test_every_word_both_ways(tmp_path: Path) -> None:
    path = tmp_path / "everything.yaml"
    path.write_text(YAML, encoding="utf-8")
    sub = Flow("sub", input={"n": {"type": "integer"}}, steps={"a": tool("x.y", returns="Verdict")})
    built = Flow(
        "everything",
        description="All words once.",
        input={"goal": {"type": "string", "default": "x"}},
        types={"Note": {"title": "string"}},
        agents={
            "planner": Agent("strong", "Plan {{ goal }}", returns="Plan", temperature=0.5, max_tokens=100),
            "writer": Agent("fast", "Write {{ topic | default('') }}", system="You write."),
            "scorer": Agent("strong", "Score {{ draft | default('') }}", returns="Judgement"),
        },
        timeout="5m",
        retry={"attempts": 5, "backoff": "2s"},
        priority=1,
        budget="2 usd",
        concurrency=9,
        steps={
            "plan": agent(
                "planner", input={"goal": "{{ input.goal }}"}, model="code", returns="Plan", retry=2, timeout="10s",
                budget="1 usd", priority=0,
            ),
            "fan": map_(
                tasks="{{ plan.tasks }}", concurrency=2, max=10, as_="task",
                steps={"part": agent("writer", input={"topic": "{{ task.id }}"})}, output="{{ part }}!",
            ),
            "twice": map_(over=(1, 2), steps={"one": tool("x.y", input={"n": "{{ item }}"}, optional=True)}),
            "score": judge("scorer", approve=0.8, reject=0.2, input={"draft": "{{ fan }}"}),
            "plain": judge("scorer", when="score.approved"),
            "ask": review(show="{{ fan }}", question="Well?", after=("plain",)),
            "route": branch(
                case("ask.approved", {"told": emit("told", key="k", input={"a": 1})}, output="done"),
                otherwise({"paused": wait(for_="10s")}),
            ),
            "paid": wait(event="paid", key="{{ input.goal }}", timeout="1h", after=["route"]),
            "begun": wait(until="2030-01-31T09:00:00Z", optional=True),
            "inner": flow("sub", input={"n": 3}, after=["paid"]),
        },
        output={"all": "{{ inner }}"},
        flows=[sub],
    ).graph()  # fmt: skip
    written = load_flow(path)
    assert built.digest == written.digest
    assert built == written


def test_building_needs_neither_jinja_nor_cel_nor_yaml() -> None:
    code = "import sys, stretto, stretto.flow.builder; print(*(name for name in ('jinja2', 'cel_expr_python', 'yaml', 'jsonschema_rs') if name in sys.modules))"
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert printed.stdout.strip() == ""


def test_the_example_in_the_docstring_works() -> None:
    assert builder.__doc__ is not None
    lines = builder.__doc__.split("\n")
    example = textwrap.dedent("\n".join(line for line in lines if line.startswith("    ") or not line))
    names: dict[str, object] = {}
    exec(example, names)
    assert getattr(names["graph"], "name", None) == "haiku"
