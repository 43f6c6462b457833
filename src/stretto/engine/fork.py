"""Fork a run: a new run that keeps everything of the old one that does not depend on a step, and goes on from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from stretto.engine.flows import check_startable
from stretto.engine.journal import Awaited, waits_statement
from stretto.engine.rows import fact_row, facts_of, json_text, row_fact
from stretto.engine.runs import Runs
from stretto.engine.store import fetch, insert_run
from stretto.errors import NotPossible, StepNotFound
from stretto.flow import facts as f
from stretto.flow.graph import Graph
from stretto.flow.inputs import validate_input
from stretto.flow.progress import Progress
from stretto.flow.scope import Frame, StepState
from stretto.store.idempotency import Once, claim
from stretto.store.ids import made_at, new_id
from stretto.stream.log import Row


@dataclass(frozen=True, slots=True)
class Edits:
    """What a fork changes: fields of the run's input, and outputs of steps (which are then not run again)."""

    input: Mapping[str, Any] = field(default_factory=dict[str, Any])
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def parse(cls, edits: Mapping[str, Any]) -> Edits:
        """From `{"input.NAME": value, "STEP": value}`, as the command line has it."""
        given = {name.removeprefix("input."): value for name, value in edits.items() if name.startswith("input.")}
        return cls(given, {name: value for name, value in edits.items() if not name.startswith("input.")})


async def fork(runs: Runs, run_id: UUID, step: str, edits: Edits | None = None, once: Once | None = None) -> UUID:
    """Start a run that goes on from `step` of another one.

    Everything that does not depend on the step is kept as it happened and not run again; the step and
    what depends on it run anew. `edits` may change the input, which counts for what runs from here on,
    and may set outputs, also that of the step itself. A request that came before, by `once`, gives the run that it made.
    Raises `StepNotFound`, `InputInvalid`, `FlowArchived` or `NotPossible`.
    """
    edits = edits or Edits()
    rows = await runs.journal(run_id)
    graph, version = await runs.graph_of(rows)
    progress = await runs.progress(run_id)
    origin = _origin(progress, step)
    gone = _downstream(origin)
    kept = [row for row in rows if _keeps(row, gone) and not _is_half_done(row, progress)]
    accepted = row_fact(rows[0])
    assert isinstance(accepted, f.RunAccepted)
    given = validate_input(graph, {**accepted.input, **edits.input}) if edits.input else accepted.input
    for path in edits.outputs:
        if path not in {origin.path, origin.step.id, *gone.paths}:
            raise NotPossible(
                f"The fork from {origin.path} does not run {path!r} again, so its output cannot be set. "
                "Fork from that step."
            )
    fork_id = new_id()
    at = made_at(fork_id)
    told = {**{f"input.{name}": value for name, value in edits.input.items()}, **edits.outputs}
    first = f.RunAccepted(
        flow=accepted.flow,
        version=version,
        input=given,
        priority=accepted.priority,
        parent=str(run_id),
        edits=told,
    )
    new_rows = [fact_row(1, first, at)]
    for row in kept[1:]:
        new_rows.append(msgspec.structs.replace(row, seq=len(new_rows) + 1))
    for name, value in edits.outputs.items():
        path = origin.path if name == origin.step.id else name
        new_rows.append(fact_row(len(new_rows) + 1, f.StepCompleted(step=path, output=value, note="set by fork"), at))
    return await _save(runs, (run_id, fork_id), first, new_rows, _check(graph, new_rows), once)


@dataclass(frozen=True, slots=True)
class _Gone:
    """What a fork leaves out: these steps, everything inside them, and these later turns."""

    paths: frozenset[str]
    prefixes: tuple[str, ...]
    after_turn: Mapping[str, int]


def _origin(progress: Progress, step: str) -> StepState:
    state = progress.state(step)
    if state is None:
        named = [s for s in progress.states.values() if s.step.id == step and s.reader is None]
        if not named:
            raise StepNotFound(f"The run has no step {step!r}. `stretto show RUN` lists its steps.")
        state = named[-1]
    return state.reader or state


def _downstream(origin: StepState) -> _Gone:
    """The step, what depends on it in its block, the containers around it, and what depends on those."""
    paths: set[str] = set()
    prefixes: set[str] = set()
    after_turn: dict[str, int] = {}

    def add(state: StepState) -> None:
        paths.add(state.path)
        prefixes.update((f"{state.path}.", f"{state.path}["))

    state: StepState | None = origin
    add(origin)
    while state is not None:
        frame = state.frame
        for name in _dependents(frame, state.step.id):
            add(frame.states[name])
        owner = frame.owner
        if owner is not None:
            paths.add(owner.path)
            turn = frame.specials.get("turn")
            if isinstance(turn, int):
                after_turn[owner.path] = turn
        state = owner
    return _Gone(frozenset(paths), tuple(sorted(prefixes)), after_turn)


def _dependents(frame: Frame, origin: str) -> list[str]:
    """Ids of the steps of the block that depend on `origin`, directly or not."""
    found = {origin}
    grew = True
    while grew:
        grew = False
        for step in frame.block.steps.values():
            if step.id not in found and (found & set(step.after) or step.stream_of in found):
                found.add(step.id)
                grew = True
    return sorted(found - {origin})


_HALF_DONE = {f.StepRested.__name__, f.TextKept.__name__}
_OF_THE_RUN = {fact.__name__ for fact in f.Fact.__subclasses__() if fact is not f.StepFact} - {"RunAccepted"}


def _keeps(row: Row, gone: _Gone) -> bool:
    if row.kind in _OF_THE_RUN:
        return False
    step = row.step
    if step is None:
        return True
    if step in gone.after_turn:
        # Of a container around the origin, keep that it was entered and its turns so far.
        turn = (row.body or {}).get("turn")
        return row.kind == "TurnStarted" and isinstance(turn, int) and turn <= gone.after_turn[step]
    for owner, turn in gone.after_turn.items():
        if step.startswith(f"{owner}[") and int(step[len(owner) + 1 :].split("]", 1)[0]) > turn:
            return False
    if step in gone.paths:
        return row.kind in ("BranchTaken", "MapExpanded", "FlowEntered") and any(
            path.startswith((f"{step}.", f"{step}[")) for path in gone.paths
        )
    return not step.startswith(gone.prefixes)


def _is_half_done(row: Row, progress: Progress) -> bool:
    """Whether it says how far a step at work has come with what it stores elsewhere, which belongs to its run alone."""
    if row.kind not in _HALF_DONE or row.step is None:
        return False
    state = progress.state(row.step)
    return state is not None and not state.has_ended


def _check(graph: Graph, rows: list[Row]) -> list[Awaited]:
    """The kept facts must fold; a fork that would not is a fault of ours, found before anything is written.

    Returns what steps that are kept wait for.
    """
    progress = Progress(graph, lambda path: "")
    facts = facts_of(rows)
    progress.apply_all(facts)
    waits = [fact for fact in facts if isinstance(fact, f.WaitStarted)]
    open_waits = [fact for fact in waits if (state := progress.state(fact.step)) and state.status == "waiting"]
    return [awaited for fact in open_waits if (awaited := Awaited.of(fact)) is not None]


async def _save(
    runs: Runs, ids: tuple[UUID, UUID], first: f.RunAccepted, rows: list[Row], waits: list[Awaited], once: Once | None
) -> UUID:
    """Write the fork, unless the same request made one before; gives its id."""
    parent_id, run_id = ids
    async with runs.database.tenant(runs.tenant_id) as connection:
        if (earlier := await claim(connection, runs.tenant_id, once, "run", str(run_id))) is not None:
            return UUID(earlier)
        await check_startable(connection, runs.tenant_id, first.flow)
        values = {
            "tenant_id": runs.tenant_id,
            "run_id": run_id,
            "flow_name": first.flow,
            "flow_version": first.version,
            "priority": first.priority,
            "input": json_text(first.input),
            "parent_id": parent_id,
            "at": rows[0].at,
        }
        await insert_run(connection, values, [(run_id, row) for row in rows])
        if waits:
            await fetch(connection, "add_waits", waits_statement(runs.tenant_id, [(run_id, wait) for wait in waits]))
    return run_id
