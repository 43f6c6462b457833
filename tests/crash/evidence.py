"""What must hold of a run whatever died meanwhile."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from stretto.engine import Runs
from stretto.engine.rows import facts_of, texts_of
from stretto.flow.progress import Progress
from stretto.platform import Platform
from stretto.stream.log import TEXT, Row
from tests.crash.grand import GRAND
from tests.crash.worker import Death, Workers, over


@dataclass(frozen=True)
class Effect:
    """One call of the tool `note`."""

    step: str
    text: str
    pid: int


@dataclass(frozen=True)
class Snapshot:
    """The journal and the effects at one moment."""

    rows: Sequence[Row]
    effects: Sequence[Effect]

    @property
    def completed(self) -> set[str]:
        """Steps whose completion is committed."""
        return {str(row.step) for row in self.rows if row.kind == "StepCompleted"}

    @property
    def in_flight(self) -> set[str]:
        """Steps that were started and have not ended."""
        return {str(row.step) for row in self.rows if row.kind == "StepStarted"} - self.completed


async def take(runs: Runs, run_id: UUID, effects: Path) -> Snapshot:
    """How things stand now."""
    return Snapshot(await runs.journal(run_id), effects_of(effects, run_id))


def effects_of(path: Path, run_id: UUID) -> list[Effect]:
    """The calls of `note` for a run, in order. Fails for a key that is not the run's id and the step's path."""
    found: list[Effect] = []
    for line in path.read_text().splitlines() if path.exists() else []:
        key, text, pid = line.split("\t")
        run, step = key.split("/", 1)
        if run == str(run_id):
            found.append(Effect(step, text, int(pid)))
    return found


def results(rows: Sequence[Row]) -> dict[str, Any]:
    """The output of the run, and the text of every step that is no segment's."""
    texts = texts_of(rows)
    progress = Progress(GRAND, lambda path: texts[path].slice(0) if path in texts else "", keep_turns=True)
    progress.apply_all(facts_of(rows))
    plain = {path for path, state in progress.states.items() if state.reader is None}
    assert rows[-1].kind == "RunCompleted"
    found: dict[str, Any] = {path: text.slice(0) for path, text in texts.items() if path in plain}
    return {**found, "": (rows[-1].body or {})["output"]}


def check_order(rows: Sequence[Row]) -> None:
    """The rows are numbered without a gap; nothing begins or ends twice."""
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    done: set[str] = set()
    for row in rows:
        step = str(row.step)
        if row.kind in ("StepStarted", "StepCompleted", TEXT):
            assert step not in done, f"{row.kind} of {step} after its end, in row {row.seq}"
        if row.kind in ("StepCompleted", "StepSkipped", "StepStopped"):
            done.add(step)
    starts: dict[str, list[int | None]] = {}
    for row in rows:
        if row.kind == "StepStarted":
            starts.setdefault(str(row.step), []).append(row.attempt)
    for step, attempts in starts.items():
        assert attempts == list(range(1, len(attempts) + 1)), f"attempts of {step}"


def check_went_on(before: Snapshot, after: Snapshot) -> None:
    """What was committed stands, and no completed step's tool was called again."""
    assert list(after.rows[: len(before.rows)]) == list(before.rows)
    again = {effect.step for effect in after.effects[len(before.effects) :]} & before.completed
    assert not again, f"completed steps ran again: {again}"
    by_step: dict[str, set[str]] = {}
    for effect in after.effects:
        by_step.setdefault(effect.step, set()).add(effect.text)
    differing = {step: texts for step, texts in by_step.items() if len(texts) > 1}
    assert not differing, f"one key with different arguments: {differing}"


def check(what: object, before: Snapshot, after: Snapshot, expected: dict[str, Any]) -> None:
    """All that must hold of a run that went on; a failure tells what happened, and the journal."""
    try:
        check_order(after.rows)
        check_went_on(before, after)
        assert results(after.rows) == expected
    except AssertionError as error:
        lines = (f"{row.seq} {row.kind} {row.step} {row.attempt} {row.body or row.text}" for row in after.rows)
        raise AssertionError(f"{what}: {error}\n" + "\n".join(lines)) from error


def read_count(commits: Path) -> int:
    """How many commits a worker has counted."""
    return int(commits.read_text())


class Lane:
    """One database, and one run after another on it."""

    def __init__(self, workers: Workers, platform: Platform) -> None:
        self.workers = workers
        self.runs = platform.runs()

    async def start(self) -> UUID:
        return await self.runs.start(GRAND, {"task": "it"})

    async def snapshot(self, run_id: UUID) -> Snapshot:
        return await take(self.runs, run_id, self.workers.effects)

    async def uninterrupted(self, commits: Path) -> tuple[dict[str, Any], int]:
        """What the run comes to, and how many commits it takes, when nothing dies."""
        run_id = await self.start()
        assert await over(self.workers.start(run_id, commits=commits)) == 0
        rows = (await self.snapshot(run_id)).rows
        check_order(rows)
        return results(rows), read_count(commits)

    async def killed(self, death: Death, expected: dict[str, Any]) -> bool:
        """Let a worker die, and another go on; tells whether it died."""
        run_id = await self.start()
        died = await over(self.workers.start(run_id, death=death)) == -signal.SIGKILL
        before = await self.snapshot(run_id)
        if died:
            assert (await self.runs.get(run_id)).id == run_id
            assert await over(self.workers.start(run_id)) == 0
        after = await self.snapshot(run_id)
        try:
            check_order(after.rows)
            check_went_on(before, after)
            assert results(after.rows) == expected
        except AssertionError as error:
            journal = "\n".join(
                f"{row.seq} {row.kind} {row.step} {row.attempt} {row.body or row.text}" for row in after.rows
            )
            raise AssertionError(f"{death}: {error}\n{journal}") from error
        assert (await self.runs.get(run_id)).status == "completed"
        return died
