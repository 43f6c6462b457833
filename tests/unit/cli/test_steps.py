"""The tree of a run's steps says how each of them went."""

from __future__ import annotations

from stretto.cli.steps import StepRow, step_rows
from stretto.engine.rows import row_fact
from stretto.flow.progress import Progress
from stretto.stream import FactEvent, Row
from tests.unit.cli.tape import Tape, flow, writers


def tree(tape: Tape, *, most_items: int | None = 40) -> list[StepRow]:
    """The tree after the tape."""
    progress = Progress(tape.graph, lambda path: "", keep_turns=True)
    rows: list[Row] = []
    for event in tape.events:
        if isinstance(event, FactEvent):
            data = dict(event.data)
            attempt = data.pop("attempt", None)
            rows.append(Row(event.seq, event.name, event.at, event.step, attempt, None, data))  # pyright: ignore[reportArgumentType]
            progress.apply(row_fact(rows[-1]))
    return step_rows(progress, rows, most_items=most_items)


def short(rows: list[StepRow]) -> list[tuple[int, str, str, str]]:
    return [(row.depth, row.name, row.status, row.told) for row in rows]


def test_attempts_times_tokens_and_cost() -> None:
    tape = Tape(writers(2)).fact("StepStarted", "w0", attempt=1).after(1)
    tape.fact("StepFailed", "w0", attempt=1, error="overloaded", retry_in_s=1.0).after(1).fact("TimerFired", "w0")
    tape.fact("StepStarted", "w0", attempt=2).after(2)
    tape.fact(
        "StepCompleted", "w0", attempt=2, of="text", usage={"output_tokens": 9, "cost_usd": 0.5}, note="cut short"
    )
    row, other = tree(tape)
    assert (row.status, row.attempts, row.seconds, row.tokens, row.cost_usd) == ("completed", 2, 4.0, 9, 0.5)
    assert (row.kind, row.told) == ("agent", "cut short")
    assert (other.status, other.attempts, other.seconds) == ("ready", 0, None)


def test_containers_hold_what_is_inside() -> None:
    graph = flow(
        {
            "again": {"loop": {"until": "v.approved", "max": 3}, "steps": {"v": {"agent": "a", "returns": "Verdict"}}},
            "fan": {"map": {"over": [1, 2]}, "steps": {"x": {"agent": "a"}}},
        }
    )
    tape = Tape(graph).fact("TurnStarted", "again", turn=1).fact("MapExpanded", "fan", items=[1, 2])
    tape.fact("StepStarted", "again[1].v", attempt=1)
    tape.fact("StepCompleted", "again[1].v", output={"approved": False, "comments": "No."})
    tape.fact("TurnStarted", "again", turn=2)
    assert short(tree(tape)) == [
        (0, "again", "running", "2 turns"),
        (1, "[1].v", "completed", "rejected: No."),
        (1, "[2].v", "ready", ""),
        (0, "fan", "running", "2 items"),
        (1, "[0].x", "ready", ""),
        (1, "[1].x", "ready", ""),
    ]


def test_of_many_items_those_that_went_well_are_counted() -> None:
    graph = flow({"fan": {"map": {"over": list(range(100)), "concurrency": 100}, "steps": {"x": {"agent": "a"}}}})
    tape = Tape(graph).fact("MapExpanded", "fan", items=list(range(100)))
    for n in range(98):
        tape.fact("StepStarted", f"fan[{n}].x", attempt=1).fact("StepCompleted", f"fan[{n}].x", output=n)
    assert short(tree(tape)) == [
        (0, "fan", "running", "100 items"),
        (1, "[98].x", "ready", ""),
        (1, "[99].x", "ready", ""),
        (1, "… 98 more completed", "completed", ""),
    ]
    assert len(tree(tape, most_items=None)) == 101


def test_the_end_of_a_run_cuts_off_what_was_at_work() -> None:
    tape = Tape(writers(3)).fact("StepStarted", "w0", attempt=1).fact("StepStarted", "w1", attempt=1).after(2)
    tape.fact("StepStopped", "w1", attempt=1, by="guard[0]").after(1).fact("RunCancelled", by="me")
    assert short(tree(tape)) == [
        (0, "w0", "cut off", ""),
        (0, "w1", "stopped", "by guard[0]"),
        (0, "w2", "not run", ""),
    ]
    assert [row.seconds for row in tree(tape)] == [3.0, 2.0, None]


def test_a_failure_tells_its_error_and_a_skipped_step_why() -> None:
    graph = flow({"a": {"agent": "a"}, "b": {"agent": "a", "when": "a == 'x'"}})
    tape = Tape(graph).fact("StepSkipped", "b", reason="`when` is false").fact("StepStarted", "a", attempt=1)
    tape.fact("StepFailed", "a", attempt=1, error="no such model").fact("RunFailed", step="a", error="no such model")
    assert short(tree(tape)) == [(0, "a", "failed", "no such model"), (0, "b", "skipped", "`when` is false")]
