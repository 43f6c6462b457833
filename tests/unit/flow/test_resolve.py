"""References become dependencies of the right steps in the right blocks."""

from __future__ import annotations

import pytest

from stretto.flow.graph import LoopCall
from tests.unit.flow.sketch import find, graph, problems


def test_a_reference_to_a_sibling_waits_for_it() -> None:
    root = graph("""
        a: {agent: writer}
        b: {agent: writer, input: {topic: "{{ a }}"}}
        c: {agent: writer, input: {topic: "x {{ a | upper }} {% if b %}y{% endif %}"}, after: [a]}
    """).root
    assert root.steps["a"].after == ()
    assert root.steps["b"].after == ("a",)
    assert set(root.steps["c"].after) == {"a", "b"}
    assert root.steps["c"].names == {"a", "b"}


def test_conditions_and_other_templates_wait_too() -> None:
    root = graph("""
        check: {agent: critic}
        plan: {agent: planner}
        mend: {agent: writer, when: "!check.approved"}
        fan: {map: {tasks: "{{ plan.tasks }}"}, steps: {one: {agent: writer}}}
        show: {review: {show: "{{ fan }}", question: Well?}}
        until: {wait: {until: "{{ show.value }}"}}
        tell: {emit: {event: x, key: "{{ mend }}"}}
        route: {branch: [{when: show.approved, steps: {two: {agent: writer}}}]}
    """).root
    assert {name: step.after for name, step in root.steps.items()} == {
        "check": (), "plan": (), "mend": ("check",), "fan": ("plan",), "show": ("fan",), "until": ("show",), "tell": ("mend",),
        "route": ("show",),
    }  # fmt: skip


def test_in_a_loop_what_stands_further_down_is_read_from_the_turn_before() -> None:
    loop = graph("""
        polish:
          loop: {until: check.approved, max: 3}
          steps:
            draft: {agent: writer, input: {topic: "{{ check.comments }} {{ draft }}"}}
            check: {agent: critic, input: {draft: "{{ draft }}"}}
    """).root.steps["polish"]
    assert isinstance(loop.call, LoopCall)
    body = loop.call.body
    assert body.is_loop
    assert body.steps["draft"].after == ()
    assert body.steps["draft"].previous == {"check", "draft"}
    assert body.steps["check"].after == ("draft",)
    assert body.steps["check"].previous == frozenset()


def test_a_declared_dependency_turns_the_order_of_a_loop_round() -> None:
    step = find(
        graph("""
            polish:
              loop: {until: check.approved, max: 3}
              steps:
                draft: {agent: writer, input: {topic: "{{ check.comments }}"}, after: [check]}
                check: {agent: critic}
        """).root,
        "draft",
    )
    assert (step.after, step.previous) == (("check",), frozenset())


def test_a_container_inside_a_loop_carries_what_its_steps_read_from_the_turn_before() -> None:
    root = graph("""
        polish:
          loop: {until: check.approved, max: 3}
          steps:
            route:
              branch:
                - when: "turn == 1"
                  steps: {first: {agent: writer}}
                - steps: {again: {agent: writer, input: {topic: "{{ check.comments }} {{ first }}"}}}
            check: {agent: critic, input: {draft: "{{ again }}"}}
    """).root
    assert find(root, "route").previous == {"check", "first"}
    assert find(root, "again").previous == frozenset()
    assert find(root, "check").after == ("route",)
    assert isinstance(root.steps["polish"].call, LoopCall)
    assert root.steps["polish"].call.body.inner == {"first": ("route",), "again": ("route",)}


def test_from_inside_a_body_the_container_waits_for_the_outer_step() -> None:
    root = graph("""
        outer: {agent: writer}
        other: {agent: critic}
        polish:
          loop: {until: "check.approved && other.approved", max: 3}
          steps:
            fan:
              map: {over: [1, 2]}
              steps: {one: {agent: writer, input: {topic: "{{ outer }} {{ item }} {{ turn }} {{ index }}"}}}
            check: {agent: critic}
    """).root
    assert set(root.steps["polish"].after) == {"outer", "other"}
    assert find(root, "fan").after == ()
    assert find(root, "one").after == ()


def test_from_outside_a_step_inside_is_read_through_its_container() -> None:
    compiled = graph(
        """
        polish:
          loop: {until: check.approved, max: 3}
          steps:
            inner:
              loop: {until: "turn == 2", max: 2}
              steps: {draft: {agent: writer}}
            check: {agent: critic, input: {draft: "{{ draft }}"}}
        send: {tool: mail.send, input: {text: "{{ draft }}"}}
        """,
        more='output: "{{ check.comments }}"',
    )
    assert compiled.root.steps["send"].after == ("polish",)
    assert compiled.root.inner == {"draft": ("polish", "inner"), "check": ("polish",)}
    assert isinstance(compiled.root.steps["polish"].call, LoopCall)
    assert compiled.root.steps["polish"].call.body.inner == {"draft": ("inner",)}


def test_an_each_step_waits_for_what_it_references_but_not_for_its_source() -> None:
    root = graph("""
        style: {agent: writer}
        draft: {agent: writer}
        notes: {agent: reader, each: {of: draft, by: line}, input: {style: "{{ style }}", at: "{{ index }} {{ segment }}"}}
        sum: {agent: writer, input: {topic: "{{ notes }}"}}
        again: {agent: reader, each: {of: notes}}
        more: {agent: reader, each: {of: notes, by: item}}
    """).root
    assert root.steps["notes"].after == ("style",)
    assert root.steps["notes"].stream_of == "draft"
    assert root.steps["sum"].after == ("notes",)
    assert root.steps["again"].after == ()
    assert root.steps["again"].each == root.steps["more"].each
    assert root.steps["again"].each is not None
    assert root.steps["again"].each.by.kind == "item"


def test_a_watching_step_may_read_its_own_verdict_in_feedback() -> None:
    root = graph("""
        draft: {agent: writer}
        guard:
          agent: sentinel
          watch: {of: draft, every: {sentences: 3}}
          on: {reject: {steer: draft, feedback: "{{ guard.comments }} after {{ text }}"}}
    """).root
    reaction = root.steps["guard"].reactions[0]
    assert (reaction.outcome, reaction.action, reaction.step) == ("reject", "steer", "draft")
    assert reaction.feedback is not None
    assert reaction.feedback.render({"guard": {"comments": "no"}, "text": "abc"}) == "no after abc"
    assert root.steps["guard"].after == ()


def test_a_map_names_its_item() -> None:
    root = graph("""
        plan: {agent: planner}
        fan:
          map: {tasks: "{{ plan.tasks }}", as: task}
          steps: {one: {agent: writer, input: {topic: "{{ task.id }} {{ index }} {{ needs }}"}}}
          output: "{{ one }} for {{ task.id }}"
    """).root
    assert find(root, "one").after == ()
    assert root.steps["fan"].after == ("plan",)


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ('a: {agent: writer, input: {topic: "{{ a }}"}}', "step `a` reads its own value."),
        ("a: {agent: writer, after: [a]}", "step `a` waits for itself."),
        (
            "a: {agent: writer, after: [b]}\nb: {agent: writer, after: [a]}",
            "these steps wait for each other: `a` → `b` → `a`.",
        ),
        (
            'draft: {agent: writer, input: {topic: "{{ notes }}"}}\nnotes: {agent: reader, each: {of: draft, by: line}}',
            "these steps wait for each other: `draft` → `notes` → `draft`.",
        ),
        (
            'fan: {map: {over: [1]}, steps: {one: {agent: writer}}}\ntwo: {agent: writer, input: {topic: "{{ one }}"}}',
            "step `one` runs once for each item of map `fan`, so it has no single value out here.",
        ),
        (
            'fan: {map: {over: [1]}, steps: {one: {agent: writer, input: {topic: "{{ fan }}"}}}}',
            "`fan` is the map that stands around this, and has no value before it is done.",
        ),
        (
            'fan: {map: {over: "{{ one }}"}, steps: {one: {tool: x.y}}}',
            "step `one` runs once for each item of map `fan`, so it has no single value out here.",
        ),
        (
            'route: {branch: [{when: one == "", steps: {one: {agent: writer}}}]}',
            "step `route` needs step `one`, which stands inside it.",
        ),
        (
            "draft: {agent: writer}\nroute: {branch: [{steps: {a: {agent: reader, each: {of: draft, by: line}}}}]}",
            "step `draft` stands in another block; `each` reads a step beside itself.",
        ),
    ],
)
def test_references_that_cannot_be_followed(steps: str, said: str) -> None:
    assert [problem.message for problem in problems(steps)] == [said]


def test_an_item_cannot_hide_a_step() -> None:
    found = problems(
        'draft: {agent: writer}\nfan: {map: {over: [1], as: draft}, steps: {a: {tool: x.y, input: {a: "{{ draft }}"}}}}'
    )
    assert [problem.message for problem in found] == ["`draft` is the name of a step already."]


def test_a_cycle_through_containers_is_found_in_the_block_where_it_closes() -> None:
    found = problems("""
        first:
          branch: [{when: "true", steps: {a: {agent: writer, input: {topic: "{{ b }}"}}}}]
        second:
          loop: {until: "turn == 2", max: 2}
          steps: {b: {agent: writer, input: {topic: "{{ a }}"}}}
    """)
    assert [problem.message for problem in found] == ["these steps wait for each other: `first` → `second` → `first`."]


@pytest.mark.parametrize(
    "name",
    ["filter", "size", "has", "all", "duration", "block", "run", "output", "flow", "steps", "test", "agent", "end"],
)
def test_words_that_may_name_a_step(name: str) -> None:
    compiled = graph(f'{name}: {{tool: x.y}}\nb: {{tool: x.y, when: {name}.ok, input: {{a: "{{{{ {name}.ok }}}}"}}}}')
    step = compiled.root.steps["b"]
    assert step.after == (name,)
    assert step.when is not None
    assert step.when.test({name: {"ok": True}})
    assert step.input["a"].render({name: {"ok": 3}}) == 3
