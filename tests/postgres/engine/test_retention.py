"""Old months go as a whole, but never with a run that has not ended."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from stretto.engine import runs as runs_module
from stretto.errors import RunNotFound
from stretto.store.ids import new_id
from tests.postgres.engine.stage import Stage, flow

JUNE = datetime(2021, 6, 15, tzinfo=UTC)
JULY = datetime(2021, 7, 15, tzinfo=UTC)
ASK = flow({"ask": {"review": {"show": "x", "question": "?"}}}, output="{{ ask.by }}")
QUICK = flow({"a": {"tool": "quick"}})


async def quick() -> int:
    return 1


async def test_a_month_goes_when_its_last_run_has_ended(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count()
    month = JUNE

    def old_run_id() -> UUID:
        return new_id(int(month.timestamp() * 1000) + next(ticks))

    stage.use(quick=quick)
    long_ago = datetime.now(UTC) - timedelta(days=90)
    await stage.database.ensure_partitions(JUNE)
    with monkeypatch.context() as patch:
        patch.setattr(runs_module, "new_id", old_run_id)
        june = await stage.runs.start(QUICK, idempotency_key="june")
        waiting = await stage.runs.start(ASK)
        month = JULY
        july = await stage.runs.start(QUICK, idempotency_key="july")
    new = await stage.runs.start(QUICK, idempotency_key="new")
    async with stage.working():
        for run_id in (june, july, new):
            await stage.ended(run_id)
        await stage.has_status(waiting, "waiting")
        dropped = await stage.database.drop_partitions(long_ago)
        assert {"runs_2021_07", "journal_2021_07"} <= set(dropped)
        assert "runs_2021_06" not in dropped
        with pytest.raises(RunNotFound):
            await stage.runs.get(july)
        assert (await stage.runs.get(june)).output == 1
        await stage.decide(waiting, "ask", "approve", by="ann")
        assert (await stage.ended(waiting)).output == "ann"
        assert {"runs_2021_06", "journal_2021_06"} <= set(await stage.database.drop_partitions(long_ago))
    for run_id in (june, waiting):
        with pytest.raises(RunNotFound):
            await stage.runs.get(run_id)
    assert [run.id for run in await stage.runs.list()] == [new]
    assert await stage.runs.start(QUICK, idempotency_key="new") == new
    assert await stage.runs.start(QUICK, idempotency_key="july") != july
