"""The steps of a run as a tree, from its journal: state, attempts, times, tokens and cost of each. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from stretto.cli.amounts import brief, count, span
from stretto.engine.records import Record, records_of
from stretto.flow.graph import LoopCall, MapCall
from stretto.flow.progress import Progress
from stretto.flow.scope import Frame, StepState
from stretto.stream import Row


@dataclass(frozen=True, slots=True)
class StepRow:
    """One line of the tree. `depth` counts from 0; `name` is the path below the line above it."""

    path: str
    name: str
    depth: int
    kind: str
    status: str
    attempts: int
    seconds: float | None
    tokens: int
    cost_usd: float
    told: str


def step_rows(progress: Progress, rows: Sequence[Row], *, most_items: int | None = 40) -> list[StepRow]:
    """The tree, flattened in the order written.

    Of a map or reader with more than `most_items` items, those that are completed are counted in one line.
    """
    records = records_of(rows)
    now = rows[-1].at
    return list(_frame(progress, progress.root, records, now, 0, "", most_items)) if progress.root else []


def _frame(
    progress: Progress,
    frame: Frame,
    records: dict[str, Record],
    now: datetime,
    depth: int,
    above: str,
    most: int | None,
) -> Iterator[StepRow]:
    for state in frame.states.values():
        yield from _state(progress, state, records, now, depth, above, most)


def _state(
    progress: Progress,
    state: StepState,
    records: dict[str, Record],
    now: datetime,
    depth: int,
    above: str,
    most: int | None,
) -> Iterator[StepRow]:
    yield _row(progress, state, records.get(state.path) or Record(), now, depth, above)
    quiet = 0
    many = most is not None and len(state.frames) + len(state.items) > most
    for _, item in sorted(state.items.items()):
        if many and item.status == "completed":
            quiet += 1
        else:
            yield from _state(progress, item, records, now, depth + 1, state.path, most)
    for _, inner in sorted(state.frames.items()):
        if many and inner.open_steps == 0:
            quiet += 1
        else:
            yield from _frame(progress, inner, records, now, depth + 1, state.path, most)
    if quiet:
        told = f"… {quiet} more completed"
        yield StepRow(state.path, told, depth + 1, "", "completed", 0, None, 0, 0.0, "")


def _row(progress: Progress, state: StepState, record: Record, now: datetime, depth: int, above: str) -> StepRow:
    status = str(state.status)
    if progress.is_over and status in ("running", "waiting", "ready", "pending", "backing_off"):
        status = "cut off" if record.started is not None else "not run"
    ended = record.ended or (None if record.started is None or state.has_ended else now)
    seconds = None if record.started is None or ended is None else span(record.started, ended).total_seconds()
    return StepRow(
        path=state.path,
        name=state.path.removeprefix(above).lstrip("."),
        depth=depth,
        kind=state.step.kind,
        status=status,
        attempts=record.attempts,
        seconds=seconds,
        tokens=int(record.usage.get("output_tokens") or 0),
        cost_usd=float(record.usage.get("cost_usd") or 0),
        told=_told(state, record),
    )


def _told(state: StepState, record: Record) -> str:
    if state.error and state.status in ("failed", "backing_off"):
        return state.error
    if state.status == "stopped":
        return f"by {record.by}"
    if state.status == "skipped":
        return record.note
    parts = [record.note]
    if isinstance(state.step.call, LoopCall) and state.reader is None and state.frames:
        parts.append(count(len(state.frames), "turn"))
    elif isinstance(state.step.call, MapCall) and state.values is not None:
        parts.append(count(len(state.values), "item"))
    elif state.is_reader and state.items:
        parts.append(count(len(state.items), "item"))
    elif state.status == "completed" and state.of == "value":
        parts.append(brief(state.output))
    return " · ".join(part for part in parts if part)
