"""Schedules: one run a tick, however many look, and one for all that were missed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.engine import Flows, Schedules
from stretto.engine.schedules import next_tick, start_due
from stretto.errors import FlowNotFound, InputInvalid, Invalid, NotFound
from stretto.store import DEFAULT_TENANT, Database
from tests.postgres.engine.stage import Stage, flow, until

GREET = flow({"w": {"wait": {"event": "never"}}}, flow="greet", input={"name": {"type": "string", "default": "you"}})
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
async def schedules(stage: Stage) -> Schedules:
    await Flows(stage.database, DEFAULT_TENANT).save(GREET)
    return Schedules(stage.database, DEFAULT_TENANT)


async def make_due(
    owner: AsyncConnection[TupleRow], name: str = "hello", ago: timedelta = timedelta(minutes=1)
) -> None:
    """Let the schedule's next time be in the past."""
    await owner.execute("UPDATE stretto.schedules SET next_at = %s WHERE name = %s", [datetime.now(UTC) - ago, name])


async def test_twenty_who_look_at_once_start_one_run(
    stage: Stage, schedules: Schedules, owner: AsyncConnection[TupleRow]
) -> None:
    await schedules.save("hello", "greet", "0 0 1 1 *", input={"name": "Ann"}, priority=1)
    others = [await Database.open(stage.settings) for _ in range(2)]
    try:
        for tick in range(1, 6):
            await make_due(owner)
            looks = [start_due(database, stage.hub) for database in [stage.database, *others] for _ in range(7)]
            assert sum(await asyncio.gather(*looks)) == 1
            assert len(await stage.runs.list()) == tick
    finally:
        for database in others:
            await database.close()
    run = (await stage.runs.list())[0]
    assert (run.flow_name, run.input, run.priority) == ("greet", {"name": "Ann"}, 1)
    (schedule,) = await schedules.list()
    assert schedule.next_at > datetime.now(UTC)


async def test_ticks_that_were_missed_are_made_up_for_by_one_run(
    stage: Stage, schedules: Schedules, owner: AsyncConnection[TupleRow]
) -> None:
    await schedules.save("hello", "greet", "* * * * *")
    await make_due(owner, ago=timedelta(days=3))
    assert await start_due(stage.database, stage.hub) == 1
    assert await start_due(stage.database, stage.hub) == 0
    assert len(await stage.runs.list()) == 1


async def test_a_worker_starts_what_is_due(
    stage: Stage, schedules: Schedules, owner: AsyncConnection[TupleRow]
) -> None:
    await schedules.save("hello", "greet", "0 0 1 1 *")
    await make_due(owner)
    async with stage.working(), stage.working():
        await until(lambda: stage.runs.list(status="waiting"), "it was started")
    assert len(await stage.runs.list()) == 1


async def test_a_schedule_that_cannot_start_does_not_hold_up_the_others(
    stage: Stage, schedules: Schedules, owner: AsyncConnection[TupleRow]
) -> None:
    await schedules.save("hello", "greet", "0 0 1 1 *")
    await Flows(stage.database, DEFAULT_TENANT).save(flow({"w": {"wait": {"event": "x"}}}, flow="other"))
    await schedules.save("second", "other", "0 0 1 1 *")
    changed = flow({"w": {"wait": {"event": "never"}}}, flow="greet", input={"age": {"type": "integer"}})
    await Flows(stage.database, DEFAULT_TENANT).save(changed)
    await make_due(owner, "hello", timedelta(minutes=2))
    await make_due(owner, "second")
    assert await start_due(stage.database, stage.hub) == 1
    assert [run.flow_name for run in await stage.runs.list()] == ["other"]
    assert await start_due(stage.database, stage.hub) == 0
    assert all(schedule.next_at > datetime.now(UTC) for schedule in await schedules.list())


async def test_a_schedule_is_replaced_and_removed(schedules: Schedules) -> None:
    first = await schedules.save("hello", "greet", "0 9 * * *", timezone="Europe/Berlin")
    assert first.next_at.astimezone(UTC).minute == 0
    await schedules.save("hello", "greet", "30 9 * * *")
    (schedule,) = await schedules.list()
    assert (schedule.cron, schedule.timezone, schedule.next_at.minute) == ("30 9 * * *", "UTC", 30)
    await schedules.delete("hello")
    assert await schedules.list() == []
    with pytest.raises(NotFound):
        await schedules.delete("hello")


async def test_a_schedule_that_makes_no_sense_is_refused(schedules: Schedules) -> None:
    for failing, error in (
        (schedules.save("x", "greet", "61 * * * *"), Invalid),
        (schedules.save("x", "greet", "* * *"), Invalid),
        (schedules.save("x", "greet", "0 0 30 2 *"), Invalid),
        (schedules.save("x", "greet", "* * * * *", timezone="Mars/Olympus"), Invalid),
        (schedules.save("x", "nowhere", "* * * * *"), FlowNotFound),
        (schedules.save("x", "greet", "* * * * *", input={"nam": "x"}), InputInvalid),
    ):
        with pytest.raises(error):
            await failing
    assert await schedules.list() == []


@pytest.mark.parametrize(
    ("cron", "timezone", "after", "expected"),
    [
        ("0 9 * * *", "UTC", NOON, datetime(2026, 3, 2, 9, 0, tzinfo=UTC)),
        ("0 9 * * *", "Europe/Berlin", NOON, datetime(2026, 3, 2, 8, 0, tzinfo=UTC)),
        ("0 9 * * *", "Europe/Berlin", NOON + timedelta(days=60), datetime(2026, 5, 1, 7, 0, tzinfo=UTC)),
        ("0 12 * * *", "UTC", NOON, datetime(2026, 3, 2, 12, 0, tzinfo=UTC)),
    ],
)
def test_the_next_tick_is_after_and_in_the_zone_s_own_time(
    cron: str, timezone: str, after: datetime, expected: datetime
) -> None:
    assert next_tick(cron, timezone, after) == expected


async def test_a_tenant_s_schedules_are_its_own(stage: Stage, schedules: Schedules) -> None:
    await schedules.save("hello", "greet", "* * * * *")
    stranger = Schedules(stage.database, type(DEFAULT_TENANT)(int=7))
    assert await stranger.list() == []
    with pytest.raises(NotFound):
        await stranger.delete("hello")
    assert len(await schedules.list()) == 1
