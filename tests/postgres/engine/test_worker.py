"""What a worker process owes the others: it hands over, survives false alarms, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.engine import journal as journal_module
from stretto.engine.journal import Append, Journal, Lease
from stretto.engine.rows import fact_row, now
from stretto.engine.run import RunTask
from stretto.errors import LeaseLost
from stretto.flow import facts as f
from stretto.flow.scope import StepState
from stretto.store import DEFAULT_TENANT
from stretto.stream.log import Row
from stretto.stream.text import StepText
from stretto.testing import ScriptedModel
from tests.postgres.engine.stage import Held, Stage, flow, until

WRITER = {"writer": {"model": "m", "prompt": "Write.\n"}}
HELD = flow({"a": {"tool": "held"}})


async def jobs(owner: AsyncConnection[TupleRow]) -> list[tuple[str, str]]:
    """(run, status) of every job."""
    found = await owner.execute("SELECT lock, status::text FROM stretto_queue.procrastinate_jobs ORDER BY id")
    return [(str(row[0]), str(row[1])) for row in await found.fetchall()]


async def test_a_run_that_has_left_the_process_leaves_nothing_behind(stage: Stage) -> None:
    def at_work() -> int:
        return sum(isinstance(each, (RunTask, StepState, StepText)) for each in gc.get_objects())

    stage.use(ScriptedModel({"code": "one two three"}), noop=lambda: 1)
    steps = {
        "code": {"agent": "writer"},
        "lines": {"tool": "noop", "each": {"of": "code", "by": "line"}},
        "again": {"loop": {"until": "turn == 3", "max": 3}, "steps": {"x": {"tool": "noop"}}, "after": ["lines"]},
        "nap": {"wait": {"for": "20ms"}, "after": ["again"]},
    }
    async with stage.working(linger_s=1.0) as worker:
        gc.collect()
        gc.disable()  # what goes now goes without it
        try:
            before = at_work()
            for _ in range(2):
                assert (await stage.carry_out(flow(steps, agents=WRITER))).status == "completed"
            resting = await stage.start(flow({"e": {"wait": {"event": "never"}}}))
            await stage.has_status(resting, "waiting")
            await until(lambda: worker.active_runs == 0, "all have left")
            await until(lambda: at_work() == before, "nothing of them is left", most_s=5)
        finally:
            gc.enable()


async def test_a_worker_that_stops_hands_its_runs_over(stage: Stage, owner: AsyncConnection[TupleRow]) -> None:
    model = ScriptedModel({"code": "one two three"}, gated=True)
    stage.use(model)
    async with stage.working():
        run_id = await stage.start(flow({"code": {"agent": "writer"}}, agents=WRITER))
        await model.release(2)
    assert (await stage.runs.get(run_id)).status == "accepted"
    assert (await stage.kinds(run_id))[-1] == "RunRested"
    assert await jobs(owner) == [(str(run_id), "todo")]
    model.open()
    async with stage.working():
        assert (await stage.ended(run_id)).output == "one two three"
    progress = await stage.runs.progress(run_id)
    state = progress.state("code")
    assert state is not None
    assert (state.attempt, state.interrupted) == (2, 0)


async def test_many_runs_are_handed_over_while_they_come_and_go(stage: Stage) -> None:
    async def quick() -> int:
        await asyncio.sleep(0)
        return 1

    stage.use(quick=quick)
    graph = flow({f"s{n}": {"tool": "quick", "after": [f"s{n - 1}"] if n else []} for n in range(6)})
    ids = await asyncio.gather(*(stage.start(graph) for _ in range(60)))
    for pause_s in (0.05, 0.1, 0.15, 0.2):
        async with stage.working(concurrent_runs=20):
            await asyncio.sleep(pause_s)
    async with stage.working():
        for run_id in ids:
            assert (await stage.ended(run_id)).status == "completed"
    for run_id in ids:
        kinds = await stage.kinds(run_id)
        assert kinds.count("StepCompleted") == 6
        assert kinds[-1] == "RunCompleted"
        assert (await stage.runs.get(run_id)).finished_at is not None


async def test_a_run_is_in_one_worker_s_hands_at_a_time(stage: Stage) -> None:
    held = Held()
    stage.use(held=held.tool)
    async with stage.working(), stage.working(), stage.working():
        ids = await asyncio.gather(*(stage.start(HELD) for _ in range(12)))
        await held.called(12)
        await asyncio.gather(*(stage.runs.set_priority(run_id, 1) for run_id in ids))
        held.let_go()
        for run_id in ids:
            await stage.ended(run_id)
    assert held.calls == 12


async def test_a_living_worker_whose_runs_are_taken_from_it_loses_nothing(
    stage: Stage, owner: AsyncConnection[TupleRow]
) -> None:
    """Others think it dead: its heart beats too seldom. Whoever gets the run, it is carried out."""
    held = Held()
    stage.use(held=held.tool)
    async with stage.working(heartbeat_s=60) as worker:
        run_id = await stage.start(HELD)
        await held.called()
        for times in (2, 3, 4):
            await owner.execute(
                "UPDATE stretto_queue.procrastinate_workers SET last_heartbeat = now() - interval '1 hour'"
            )
            await stage.happened(run_id, "RunClaimed", times=times)
            await held.called(times)
        await until(lambda: held.at_work == 1, "only the last attempt is at work")
        assert worker.active_runs == 1
        held.let_go()
        assert (await stage.ended(run_id)).status == "completed"
    assert await jobs(owner) == []


async def test_a_worker_that_was_signed_off_signs_on_again(stage: Stage, owner: AsyncConnection[TupleRow]) -> None:
    async def quick() -> int:
        return 1

    stage.use(quick=quick)
    graph = flow({"a": {"tool": "quick"}})
    async with stage.working():
        await stage.carry_out(graph)
        await owner.execute("DELETE FROM stretto_queue.procrastinate_workers")
        assert (await stage.carry_out(graph)).status == "completed"


async def test_broken_connections_are_replaced_and_runs_stay_in_memory(
    stage: Stage, owner: AsyncConnection[TupleRow]
) -> None:
    model = ScriptedModel({"code": "a b c d e f g h"}, gated=True)
    stage.use(model)
    async with stage.working() as worker:
        run_id = await stage.start(flow({"code": {"agent": "writer"}}, agents=WRITER))
        for count in range(1, 4):
            await model.release(1)
            await owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            await model.release(1)

            async def on_disk(written: int = 2 * count) -> bool:
                return len((await stage.text(run_id, "code")).split()) == written

            await until(on_disk, "what was written is on disk")
            assert worker.active_runs == 1
        model.open()
        assert (await stage.ended(run_id)).output == "a b c d e f g h"
    assert (await stage.kinds(run_id)).count("RunClaimed") == 1
    assert await stage.attempts(run_id) == ["code"]


async def test_a_signal_is_heard_although_the_listening_connection_broke(
    stage: Stage, owner: AsyncConnection[TupleRow]
) -> None:
    held = Held()
    stage.use(held=held.tool)
    async with stage.working():
        run_id = await stage.start(HELD)
        await held.called()
        await owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND pid <> pg_backend_pid()"
        )
        await stage.runs.cancel(run_id)
        assert (await stage.ended(run_id)).status == "cancelled"


async def test_a_fault_of_the_program_leaves_the_run_to_be_tried_again(
    stage: Stage, owner: AsyncConnection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def quick() -> int:
        return 1

    stage.use(quick=quick)
    load = RunTask.load
    failures = [RuntimeError("a fault of ours")]

    def load_or_fail(self: RunTask, rows: list[Row]) -> None:
        if failures:
            raise failures.pop()
        load(self, rows)

    monkeypatch.setattr(RunTask, "load", load_or_fail)
    async with stage.working():
        run_id = await stage.start(flow({"a": {"tool": "quick"}}))
        await until(lambda: not failures, "it failed")
        assert (await stage.has_status(run_id, "completed")).output == 1
    assert await jobs(owner) == []


# The journal


class Written:
    """What came of appends to a journal."""

    def __init__(self, journal: Journal, run_id: UUID) -> None:
        self.journal = journal
        self.lease = Lease(DEFAULT_TENANT, run_id)
        self.committed: list[int] = []
        self.errors: list[BaseException] = []
        self._seq = 1

    def append(self, count: int = 1, *, seq: int | None = None) -> None:
        """Write some rows."""
        first = self._seq + 1 if seq is None else seq
        rows = [fact_row(first + n, f.RunPaused(by=str(n)), now()) for n in range(count)]
        self._seq = rows[-1].seq
        append = Append(self.lease, rows, None, self._commit, self.errors.append)
        self.journal.append(append)

    def _commit(self, append: Append) -> None:
        self.committed.extend(row.seq for row in append.rows)


async def test_of_many_runs_only_the_one_whose_number_is_taken_is_lost(stage: Stage) -> None:
    graph = flow({"w": {"wait": {"event": "never"}}})
    journal = Journal(stage.database)
    journal.start()
    runs = [Written(journal, await stage.start(graph)) for _ in range(12)]
    other = Written(journal, runs[3].lease.run_id)
    other.append()
    await until(lambda: other.committed == [2], "another process has the run")
    for written in runs:
        written.append(2)
        written.append()
    await until(lambda: all(w.committed or w.errors for w in runs), "all are answered")
    await until(lambda: all(w.committed == [2, 3, 4] for w in runs if w is not runs[3]), "the others are committed")
    assert runs[3].committed == []
    assert all(isinstance(error, LeaseLost) for error in runs[3].errors)
    runs[3].append(seq=3)
    await until(lambda: len(runs[3].errors) == 3, "a lost lease stays lost")
    await journal.close()
    assert [row.seq for row in await stage.rows(runs[3].lease.run_id)] == [1, 2]


async def test_commits_whose_answer_was_lost_are_known_again(
    stage: Stage, owner: AsyncConnection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks right after the commit: the rows are ours, not another's."""
    graph = flow({"w": {"wait": {"event": "never"}}})
    journal = Journal(stage.database)
    journal.start()
    commit = journal_module._Lane._commit
    breaks = 6

    async def commit_and_break(self: Any, batch: list[Append]) -> None:
        nonlocal breaks
        await commit(self, batch)
        if breaks:
            breaks -= 1
            await self._connection.close()
            raise psycopg.OperationalError("the connection broke")

    monkeypatch.setattr(journal_module._Lane, "_commit", commit_and_break)
    runs = [Written(journal, await stage.start(graph)) for _ in range(5)]
    for written in runs:
        written.append(2)
    await until(lambda: all(w.committed == [2, 3] for w in runs), "all are known to be committed")
    await journal.close()
    assert not any(written.errors for written in runs)
    assert breaks < 6
    for written in runs:
        assert [row.seq for row in await stage.rows(written.lease.run_id)] == [1, 2, 3]
