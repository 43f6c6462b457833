"""What `decide` calls for, kind of step by kind of step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from stretto.flow import facts as f
from stretto.flow.compile import compile_document
from stretto.flow.decide import Command, Record, Start, Steer, Stop, Wait, decide
from stretto.flow.progress import Progress
from stretto.flow.structure import MAX_INTERRUPTIONS, MAX_STEERS

AGENTS = {
    "writer": {"model": "m", "prompt": "Write.\n"},
    "guard": {"model": "m", "prompt": "{{ text }}\n", "returns": "Verdict"},
}
TOOL: Mapping[str, Any] = {"tool": "t"}
READS = {"tool": "t", "input": {"got": "{{ segment }}"}, "each": {"of": "w", "by": "line", "concurrency": 2}}


def begun(**input: Any) -> list[f.Fact]:
    return [f.RunAccepted(flow="x", version=1, input=input, priority=2), f.RunClaimed(worker="w")]


def started(*steps: str, attempt: int = 1) -> list[f.Fact]:
    return [f.StepStarted(step=step, attempt=attempt) for step in steps]


def done(step: str, output: Any = None, **more: Any) -> f.Fact:
    return f.StepCompleted(step=step, output=output, **more)


def said(commands: Sequence[Command]) -> list[Any]:
    """Commands in short: the facts to record, and what else is asked of whom."""
    found: list[Any] = []
    for command in commands:
        match command:
            case Record():
                found.append(command.fact)
            case Start():
                found.append(("start", command.path, command.attempt, dict(command.input)))
            case Wait():
                found.append(("wait", command.path, command.for_s or command.until or command.event or command.show))
            case Stop():
                found.append(("stop", command.path, command.by))
            case Steer():
                found.append(("steer", command.path, command.feedback, command.keep))
    return found


def asked(
    steps: Mapping[str, Any], facts: Sequence[f.Fact], texts: Mapping[str, str] | None = None, **rest: Any
) -> list[Any]:
    """What these facts of a flow with these steps call for."""
    graph = compile_document({"flow": "x", "agents": AGENTS, "steps": steps, **rest})
    return said(decide(graph, facts, lambda path: (texts or {}).get(path, "")))


LOOP = {"l": {"loop": {"until": "a == 3", "max": 2}, "steps": {"a": {"tool": "t", "input": {"before": "{{ a }}"}}}}}
MAP = {"m": {"map": {"over": "{{ input.list }}", "concurrency": 2, "max": 3}, "steps": {"a": TOOL}}}
PLAN = {"p": {"map": {"tasks": "{{ input.list }}"}, "steps": {"a": {"tool": "t", "input": {"had": "{{ needs }}"}}}}}
BRANCH = {"b": {"branch": [{"when": "input.list == 1", "steps": {"a": TOOL}}, {"steps": {"c": TOOL}}]}}
EACH = {"w": {"agent": "writer"}, "r": READS}
WATCH = {
    "w": {"agent": "writer"},
    "g": {"agent": "guard", "watch": {"of": "w", "every": "line"}, "on": {"reject": {"stop": "w"}}},
}
STEER = {**WATCH, "g": {**WATCH["g"], "on": {"reject": {"steer": "w"}}}}
WRITING: list[f.Fact] = [*started("w", "r"), f.SegmentCut(step="r", n=0, start=0, end=2)]
WATCHING: list[f.Fact] = [
    *started("w", "g"),
    f.SegmentCut(step="g", n=0, start=0, end=2),
    *started("g[0]"),
    done("g[0]", {"approved": False, "comments": "no"}),
]
ONE = {"a": TOOL}
TWO = {"a": TOOL, "b": {"tool": "t", "input": {"x": "{{ a }}"}}}
WAITS = {
    "t": {"wait": {"for": "10s"}},
    "e": {"wait": {"event": "e"}},
    "q": {"review": {"show": "{{ input.list }}", "question": "?"}},
}
PLANNED = [{"id": "x"}, {"id": "y", "needs": ["x"]}]


@pytest.mark.parametrize(
    ("steps", "facts", "expected"),
    [
        pytest.param(ONE, [], [("start", "a", 1, {})], id="the first step"),
        pytest.param(ONE, started("a"), [], id="nothing while it is at work"),
        pytest.param(ONE, [*started("a"), done("a", 7)], [f.RunCompleted(output=7)], id="the end"),
        pytest.param(TWO, [*started("a"), done("a", 7)], [("start", "b", 1, {"x": 7})], id="what depends on it"),
        pytest.param(
            {"a": {**TOOL, "when": "input.list == 2"}},
            [],
            [f.StepSkipped(step="a", reason="`when: input.list == 2` does not hold")],
            id="skip",
        ),
        pytest.param(TWO, [f.StepSkipped(step="a", reason="")], [("start", "b", 1, {"x": None})], id="skipped is null"),
        pytest.param(
            ONE,
            [*started("a"), f.StepFailed(step="a", attempt=1, error="no", retry_in_s=1)],
            [],
            id="nothing while it backs off",
        ),
        pytest.param(
            ONE,
            [*started("a"), f.StepFailed(step="a", attempt=1, error="no", retry_in_s=1), f.TimerFired(step="a")],
            [("start", "a", 2, {})],
            id="again after the pause",
        ),
        pytest.param(
            ONE,
            [*started("a"), f.StepFailed(step="a", attempt=1, error="no")],
            [f.RunFailed(step="a", error="no")],
            id="failed for good",
        ),
        pytest.param(
            {"a": {**TOOL, "optional": True}, "b": {**TWO["b"]}},
            [*started("a"), f.StepFailed(step="a", attempt=1, error="no")],
            [("start", "b", 1, {"x": None})],
            id="optional",
        ),
        pytest.param(ONE, [*started("a"), f.RunClaimed(worker="v")], [("start", "a", 2, {})], id="interrupted"),
        pytest.param(ONE, [*started("a"), f.RunRested(status="accepted")], [("start", "a", 2, {})], id="handed over"),
        pytest.param(ONE, [f.RunPaused()], [], id="paused"),
        pytest.param(ONE, [f.RunPaused(), f.RunContinued()], [("start", "a", 1, {})], id="continued"),
        pytest.param(ONE, [*started("a"), f.RunPaused(), done("a", 7)], [], id="paused before its end"),
        pytest.param(
            ONE,
            [*started("a"), f.RunPaused(), done("a", 7), f.RunContinued()],
            [f.RunCompleted(output=7)],
            id="its end",
        ),
        pytest.param(
            ONE,
            [*started("a"), f.RunPaused(), f.StepFailed(step="a", attempt=1, error="no")],
            [],
            id="paused, and failed",
        ),
        pytest.param(ONE, [*started("a"), f.RunCancelled()], [], id="cancelled"),
        pytest.param(
            ONE, [*started("a"), f.RunCancelled(), f.RunRetried()], [("start", "a", 2, {})], id="cancelled and resumed"
        ),
        pytest.param(WAITS, [], [("wait", "t", 10.0), ("wait", "e", "e"), ("wait", "q", 1)], id="time, event, person"),
        pytest.param(
            {"t": WAITS["t"]},
            [f.WaitStarted(step="t", wait="timer"), f.TimerFired(step="t")],
            [done("t", {"timed_out": True, "data": None})],
            id="time is up",
        ),
        pytest.param(
            {"e": WAITS["e"]},
            [f.WaitStarted(step="e", wait="event"), f.EventReceived(step="e", name="e", data=5)],
            [done("e", {"timed_out": False, "data": 5})],
            id="the event came",
        ),
        pytest.param(LOOP, [], [f.TurnStarted(step="l", turn=1)], id="first turn"),
        pytest.param(
            LOOP, [f.TurnStarted(step="l", turn=1)], [("start", "l[1].a", 1, {"before": None})], id="nothing before"
        ),
        pytest.param(
            LOOP,
            [f.TurnStarted(step="l", turn=1), *started("l[1].a"), done("l[1].a", 1)],
            [f.TurnStarted(step="l", turn=2)],
            id="another turn",
        ),
        pytest.param(
            LOOP,
            [f.TurnStarted(step="l", turn=1), done("l[1].a", 1), f.TurnStarted(step="l", turn=2)],
            [("start", "l[2].a", 1, {"before": 1})],
            id="the last turn's value",
        ),
        pytest.param(
            LOOP, [f.TurnStarted(step="l", turn=1), done("l[1].a", 3)], [done("l", of="body")], id="until holds"
        ),
        pytest.param(
            MAP,
            [f.MapExpanded(step="m", items=[1, 2, 3])],
            [("start", "m[0].a", 1, {}), ("start", "m[1].a", 1, {})],
            id="two items at once",
        ),
        pytest.param(
            MAP,
            [f.MapExpanded(step="m", items=[1, 2, 3]), *started("m[0].a", "m[1].a"), done("m[1].a")],
            [("start", "m[2].a", 1, {})],
            id="the next item",
        ),
        pytest.param(MAP, [f.MapExpanded(step="m", items=[])], [done("m", of="items")], id="no item"),
        pytest.param(
            PLAN,
            [f.MapExpanded(step="p", items=PLANNED, needs=[[], [0]]), *started("p[0].a")],
            [],
            id="what it needs is not done",
        ),
        pytest.param(
            PLAN,
            [f.MapExpanded(step="p", items=PLANNED, needs=[[], [0]]), *started("p[0].a"), done("p[0].a", 5)],
            [("start", "p[1].a", 1, {"had": {"x": 5}})],
            id="what it needs is done",
        ),
        pytest.param(BRANCH, [], [f.BranchTaken(step="b", case=0)], id="the case that holds"),
        pytest.param(BRANCH, [f.BranchTaken(step="b", case=1)], [("start", "b.c", 1, {})], id="otherwise"),
        pytest.param(BRANCH, [f.BranchTaken(step="b", case=-1)], [done("b")], id="no case"),
        pytest.param(
            EACH, [], [("start", "w", 1, {}), f.StepStarted(step="r", attempt=1)], id="a writer and its reader"
        ),
        pytest.param(EACH, WRITING, [("start", "r[0]", 1, {"got": "a\n"})], id="a segment"),
        pytest.param(
            EACH,
            [*WRITING, *started("r[0]"), f.SegmentsEnded(step="r"), done("w", of="text")],
            [],
            id="a segment is at work",
        ),
        pytest.param(
            EACH,
            [*WRITING, *started("r[0]"), done("r[0]", 1), f.SegmentsEnded(step="r"), done("w", of="text")],
            [done("r", of="items")],
            id="all segments are read",
        ),
        pytest.param(
            EACH,
            [*WRITING, *started("r[0]"), f.TextRetracted(step="w", attempt=1, position=1, reason="")],
            [f.StepDropped(step="r[0]")],
            id="its text was taken back",
        ),
        pytest.param(
            EACH,
            [*WRITING, *started("r[0]"), f.TextRetracted(step="w", attempt=1, position=2, reason="")],
            [],
            id="its text stands",
        ),
        pytest.param(WATCH, [*WATCHING], [("stop", "w", "g[0]")], id="stop"),
        pytest.param(STEER, [*WATCHING], [("steer", "w", "no", 0)], id="steer"),
        pytest.param(
            STEER,
            [*WATCHING, f.StepSteered(step="w", attempt=1, feedback="no", keep=0, by="g[0]")],
            [("start", "w", 2, {})],
            id="steered",
        ),
        pytest.param(
            WATCH,
            [*WATCHING, f.StepStopped(step="w", attempt=1, by="g[0]"), f.SegmentsEnded(step="g")],
            [done("g", of="last")],
            id="stopped",
        ),
        pytest.param(
            {"w": {"agent": "writer"}},
            [*started("w"), f.FeedbackGiven(step="w", text="no", mode="now")],
            [("steer", "w", "no", None)],
            id="feedback now",
        ),
        pytest.param(
            {"w": {"agent": "writer"}},
            [*started("w"), f.FeedbackGiven(step="w", text="no", mode="next")],
            [],
            id="feedback next",
        ),
    ],
)
def test_what_is_called_for(steps: Mapping[str, Any], facts: list[f.Fact], expected: list[Any]) -> None:
    found = asked(steps, [*begun(list=1), *facts], {"w": "a\nb\n"}, input={"list": {}})
    assert found == expected


def test_a_step_that_is_interrupted_again_and_again_is_given_up() -> None:
    deaths: list[f.Fact] = []
    for attempt in range(1, MAX_INTERRUPTIONS + 2):
        deaths += [*started("a", attempt=attempt), f.RunClaimed(worker="w")]
    (failed,) = asked(ONE, [*begun(), *deaths])
    assert isinstance(failed, f.StepFailed)
    assert failed.kind == "Interrupted"
    assert "the process died 6 times" in failed.error


def test_a_step_that_comes_on_between_its_interruptions_is_not_given_up() -> None:
    deaths: list[f.Fact] = []
    for attempt in range(1, 3 * MAX_INTERRUPTIONS):
        deaths += [*started("a", attempt=attempt), f.TextKept(step="a", attempt=attempt, keep=attempt)]
        deaths.append(f.RunClaimed(worker="w"))
    ((kind, path, *_),) = asked(ONE, [*begun(), *deaths])
    assert (kind, path) == ("start", "a")


def test_a_step_rests_until_it_is_answered_and_no_timer_ends_that() -> None:
    question = f.PersonAsked(step="a", attempt=1, question="k", text="?")
    rests: list[f.Fact] = [*begun(), *started("a"), question, f.StepRested(step="a", attempt=1)]
    assert asked(ONE, rests) == []
    assert asked(ONE, [*rests, f.RunRested(status="waiting"), f.RunClaimed(worker="w"), f.TimerFired(step="a")]) == []
    answer = f.PersonAnswered(step="a", question="k", verdict="approve", by="ann")
    assert asked(ONE, [*rests, answer]) == [("start", "a", 2, {})]


def test_a_step_that_was_handed_over_again_and_again_is_not() -> None:
    moves: list[f.Fact] = []
    for attempt in range(1, 20):
        moves += [*started("a", attempt=attempt), f.RunRested(status="accepted"), f.RunClaimed(worker="w")]
    assert asked(ONE, [*begun(), *moves]) == [("start", "a", 20, {})]


def test_a_watcher_steers_only_so_often() -> None:
    facts: list[f.Fact] = [*begun(), *started("w", "g")]
    for n in range(MAX_STEERS + 1):
        facts += [f.SegmentCut(step="g", n=n, start=0, end=2), *started(f"g[{n}]")]
        facts.append(done(f"g[{n}]", {"approved": False, "comments": "no"}))
        if n < MAX_STEERS:
            assert asked(STEER, facts, {"w": "a\n"}) == [("steer", "w", "no", 0)]
            facts.append(f.StepSteered(step="w", attempt=n + 1, feedback="no", keep=0, by=f"g[{n}]"))
            facts += [f.StepDropped(step=f"g[{n}]"), *started("w", attempt=n + 2)]
    (failed,) = asked(STEER, facts, {"w": "a\n"})
    assert isinstance(failed, f.StepFailed)
    assert (failed.step, failed.kind) == ("w", "Rejected")


def test_at_most_so_many_steps_are_at_work() -> None:
    steps = {f"s{n}": TOOL for n in range(4)}
    assert len(asked(steps, begun(), concurrency=2)) == 2
    assert len(asked(steps, [*begun(), *started("s0")], concurrency=2)) == 1
    assert asked(steps, [*begun(), *started("s0", "s1")], concurrency=2) == []


def test_a_segment_that_waits_for_a_place_is_dropped_with_the_others() -> None:
    """Its place comes free when the first is dropped; it must not be started then."""
    cuts: list[f.Fact] = [f.SegmentCut(step="r", n=n, start=2 * n, end=2 * n + 2) for n in range(4)]
    facts = [*begun(), *started("w", "r"), *cuts, *started("r[0]", "r[1]")]
    facts.append(f.TextRetracted(step="w", attempt=1, position=0, reason=""))
    graph = compile_document({"flow": "x", "agents": AGENTS, "steps": EACH})
    dropped: list[str] = []
    while commands := said(decide(graph, facts)):
        assert isinstance(commands[0], f.StepDropped)
        dropped.append(commands[0].step)
        facts.append(commands[0])
    assert sorted(dropped) == ["r[0]", "r[1]", "r[2]", "r[3]"]


RETRACTED = f.TextRetracted(step="w", attempt=1, position=0, reason="")
READING: list[f.Fact] = [*WRITING, *started("r[0]")]
SHOWN = {"w": EACH["w"], "r": {"review": {"show": "{{ segment }}", "question": "?"}, "each": {"of": "w", "by": "line"}}}
SHOWING: list[f.Fact] = [*WRITING, f.WaitStarted(step="r[0]", wait="review")]
GONE = f.StepFailed(step="r[0]", attempt=1, error="no")


@pytest.mark.parametrize(
    ("steps", "before", "fact"),
    [
        pytest.param(EACH, WRITING, *started("r[0]"), id="starts"),
        pytest.param(EACH, READING, done("r[0]", 1), id="is done"),
        pytest.param(EACH, READING, f.StepSkipped(step="r[0]", reason=""), id="is left out"),
        pytest.param(EACH, READING, f.StepFailed(step="r[0]", attempt=1, error="no", retry_in_s=1), id="fails"),
        pytest.param(EACH, READING, f.StepDeferred(step="r[0]", attempt=1, reason="", in_s=1), id="is put off"),
        pytest.param(EACH, READING, f.FeedbackGiven(step="r[0]", text="no", mode="now"), id="gets feedback"),
        pytest.param(SHOWN, WRITING, SHOWING[-1], id="waits"),
        pytest.param(SHOWN, SHOWING, f.ReviewDecided(step="r[0]", verdict="approve", by="ann"), id="is decided"),
    ],
)
def test_what_happens_to_an_item_and_the_end_of_its_text_may_come_in_either_order(
    steps: Mapping[str, Any], before: list[f.Fact], fact: f.Fact
) -> None:
    for order in ([fact, RETRACTED], [RETRACTED, fact]):
        assert asked(steps, [*begun(), *before, *order]) == [f.StepDropped(step="r[0]")]


@pytest.mark.parametrize("order", [[GONE, RETRACTED], [RETRACTED, GONE]], ids=["fails first", "retracted first"])
def test_an_item_that_fails_for_good_fails_its_reader_and_is_dropped_when_the_run_is_retried(
    order: list[f.Fact],
) -> None:
    facts = [*begun(), *READING, *order]
    (failed,) = asked(EACH, facts)
    assert (type(failed), failed.step) == (f.StepFailed, "r")
    facts += [failed, f.RunFailed(step="r", error=""), f.RunClaimed(worker="v"), f.RunRetried()]
    assert f.StepDropped(step="r[0]") in asked(EACH, facts)
    facts += [f.StepDropped(step="r[0]"), *started("w", attempt=2), done("w", of="text"), f.SegmentsEnded(step="r")]
    assert asked(EACH, facts) == [done("r", of="items")]


def test_a_journal_in_which_a_failed_item_was_dropped_can_still_be_retried() -> None:
    facts = [*begun(), *READING, GONE, RETRACTED, f.StepDropped(step="r[0]")]
    (failed,) = asked(EACH, facts)
    assert (type(failed), failed.step) == (f.StepFailed, "r")
    facts += [failed, f.RunFailed(step="r", error=""), f.RunClaimed(worker="v"), f.RunRetried()]
    facts += [*started("w", attempt=2), done("w", of="text"), f.SegmentsEnded(step="r")]
    assert asked(EACH, facts) == [done("r", of="items")]


INNER = {
    "flow": "inner",
    "agents": AGENTS,
    "steps": {
        "a": {"tool": "t"},
        "c": {"wait": {"for": "10s"}},
        "m": {"map": {"over": "{{ [1] }}"}, "steps": {"d": {"tool": "t"}}},
        "w": {"agent": "writer"},
        "r": {"tool": "t", "input": {"got": "{{ segment }}"}, "each": {"of": "w", "by": "line"}},
        "b": {"tool": "t", "after": ["a"]},
    },
}
EACH_FLOW = {"w": EACH["w"], "r": {"flow": "inner", "each": {"of": "w", "by": "line", "concurrency": 1}}}
INSIDE: list[f.Fact] = [
    *WRITING,
    f.FlowEntered(step="r[0]", input={}),
    *started("r[0].a", "r[0].w", "r[0].r"),
    f.WaitStarted(step="r[0].c", wait="timer"),
    f.MapExpanded(step="r[0].m", items=[1]),
    *started("r[0].m[0].d"),
    f.SegmentCut(step="r[0].r", n=0, start=0, end=2),
    *started("r[0].r[0]"),
]
LATE: list[f.Fact] = [
    done("r[0].a", 1),
    f.StepFailed(step="r[0].a", attempt=1, error="no"),
    f.StepFailed(step="r[0].a", attempt=1, error="no", retry_in_s=1),
    f.FeedbackGiven(step="r[0].a", text="no", mode="now"),
    f.TimerFired(step="r[0].c"),
    done("r[0].m[0].d", 1),
    f.TextRetracted(step="r[0].w", attempt=1, position=0, reason=""),
    f.SegmentCut(step="r[0].r", n=1, start=2, end=4),
    done("r[0].r[0]", 1),
    f.RunClaimed(worker="v"),
]


def asked_of_items(facts: list[f.Fact]) -> list[Any]:
    """What is asked of a sub-flow that is carried out for each line; not what is asked of the writer."""
    found = asked(EACH_FLOW, facts, {"w": "a\n", "r[0].w": "b\nc\n"}, flows={"inner": INNER}, concurrency=9)
    return [one for one in found if not isinstance(one, tuple) or one[1] != "w"]


@pytest.mark.parametrize("late", LATE, ids=lambda fact: f"{type(fact).__name__} {getattr(fact, 'step', '')}")
def test_what_happens_inside_an_item_and_the_end_of_its_text_may_come_in_either_order(late: f.Fact) -> None:
    for order in ([late, RETRACTED], [RETRACTED, late]):
        assert asked_of_items([*begun(), *INSIDE, *order]) == [f.StepDropped(step="r[0]")]


@pytest.mark.parametrize("late", LATE, ids=lambda fact: f"{type(fact).__name__} {getattr(fact, 'step', '')}")
def test_all_that_an_item_holds_ends_with_it(late: f.Fact) -> None:
    facts = [*begun(), *INSIDE, RETRACTED, f.StepDropped(step="r[0]"), late]
    assert asked_of_items(facts) == []
    facts.append(f.SegmentCut(step="r", n=1, start=0, end=2))
    assert f.FlowEntered(step="r[1]", input={}) in asked_of_items(facts)


def test_what_a_dropped_item_held_leaves_its_places_to_others() -> None:
    facts = [*begun(), *INSIDE, RETRACTED]
    document = {"flow": "x", "agents": AGENTS, "steps": EACH_FLOW, "flows": {"inner": INNER}}
    progress = Progress(compile_document(document), lambda path: "")
    progress.apply_all(facts)
    assert progress.running == 5
    progress.apply(f.StepDropped(step="r[0]"))
    assert progress.running == 1
    assert set(progress.states) == {"w", "r"}


def test_an_item_that_failed_inside_is_dropped_when_the_run_is_retried() -> None:
    facts = [*begun(), *INSIDE, f.StepFailed(step="r[0].a", attempt=1, error="no")]
    facts += [f.StepFailed(step="r[0]", attempt=1, error=""), RETRACTED, f.StepFailed(step="r", attempt=1, error="")]
    facts += [f.RunFailed(step="r", error=""), f.RunClaimed(worker="v"), f.RunRetried()]
    assert asked_of_items(facts) == [f.StepDropped(step="r[0]")]


def test_a_watcher_s_word_on_text_that_was_taken_back_does_not_count() -> None:
    facts = [*begun(), *WATCHING[:-1], f.TextRetracted(step="w", attempt=1, position=0, reason=""), WATCHING[-1]]
    assert asked(WATCH, facts, {"w": ""}) == [f.StepDropped(step="g[0]")]


def test_a_retried_run_goes_on_with_the_end_that_had_failed() -> None:
    steps = {"m": {"map": {"over": "{{ [1] }}"}, "steps": {"a": TOOL}, "output": "{{ a.x.y }}"}}
    facts = [*begun(), f.MapExpanded(step="m", items=[1]), *started("m[0].a"), done("m[0].a", {})]
    (failed,) = asked(steps, facts)
    assert isinstance(failed, f.StepFailed)
    facts += [failed, f.RunFailed(step="m", error=""), f.RunClaimed(worker="v"), f.RunRetried()]
    (again,) = asked(steps, facts)
    assert (again.step, again.error) == (failed.step, failed.error)


def test_a_retried_run_goes_on_with_its_output_when_that_had_failed() -> None:
    facts = [*begun(), *started("a"), done("a", {})]
    (failed,) = asked(ONE, facts, output="{{ a.x.y }}")
    assert isinstance(failed, f.RunFailed)
    assert asked(ONE, [*facts, failed, f.RunClaimed(worker="v"), f.RunRetried()], output="{{ a.x.y }}") == [failed]


def test_an_output_that_was_set_before_its_turn_stands() -> None:
    facts = [*begun(), done("b", "set"), *started("a"), done("a", 1)]
    assert asked(TWO, facts) == [f.RunCompleted(output="set")]


@pytest.mark.parametrize("until", ["2026-02-31T09:00:00Z", "tomorrow", "2026-01-31", ""])
def test_a_time_that_is_none_fails_the_step(until: str) -> None:
    steps = {"t": {"wait": {"until": "{{ input.at }}"}}}
    (failed,) = asked(steps, begun(at=until), input={"at": {"type": "string"}})
    assert isinstance(failed, f.StepFailed)
    assert "needs a time such as" in failed.error
