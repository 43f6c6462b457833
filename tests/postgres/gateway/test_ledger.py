"""The ledger: every call once, its sums with it, whatever happens to the database or to this process."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from structlog.testing import capture_logs

from stretto.gateway.calls import Call
from stretto.gateway.ledger import LedgerWriter, Usage, writer
from stretto.gateway.ledger.store import write_calls
from stretto.gateway.provider import Caller, TokenCounts
from stretto.store import DEFAULT_TENANT, Database
from tests.postgres.gateway.made_calls import OTHER, PRICES, any_calls, made_call, sums_and_rows

BOTH = (DEFAULT_TENANT, OTHER)


class Settled:
    """Counts what settlers are given, in the transaction: into a table that is rolled back with it."""

    def __init__(self) -> None:
        self.seen: list[tuple[UUID, UUID]] = []

    async def __call__(self, connection: AsyncConnection[TupleRow], tenant_id: UUID, calls: Sequence[Call]) -> None:
        tenant = await (await connection.execute("SELECT current_setting('stretto.tenant')")).fetchone()
        assert tenant == (str(tenant_id),)
        self.seen += [(tenant_id, call.id) for call in calls]


async def ids(owner: AsyncConnection[TupleRow]) -> list[UUID]:
    return [call_id for (call_id,) in await (await owner.execute("SELECT id FROM calls ORDER BY id")).fetchall()]


async def test_a_call_is_kept_whole(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    run_id = UUID(int=7)
    call = made_call(
        caller=Caller(
            tenant_id=OTHER, run_id=run_id, flow="write", path="build[2].code[1]", agent="coder", attempt=3, priority=1
        ),
        kind="chat",
        tokens=TokenCounts(input=1, cached_input=2, cache_write=3, output=4, reasoning=2, estimated=True),
        cost_usd=Decimal("0.000000000000000000123456789"),
        waited_s=0.25,
        end="failed",
        outcome="cheaper",
        reason="short of tokens",
        error="ModelBroken: it broke off",
        simulated=True,
    )
    async with LedgerWriter(database) as ledger:
        ledger.record(call)
    rows = await (await owner.execute("SELECT * FROM calls")).fetchall()
    assert rows == [
        (
            *(call.id, OTHER, call.at, "chat", run_id, "write", "build[2].code[1]", "code", 3, "coder", 1, "strong"),
            *("five", "openai", "gpt-5", 1, 2, 3, 4, 2, True, PRICES.version, call.cost_usd, 0.2, 1.0, 0.25),
            *("failed", "cheaper", "short of tokens", "ModelBroken: it broke off", "", True),
        )
    ]


async def test_the_sums_equal_the_rows(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    calls = any_calls(2_500, BOTH)
    async with LedgerWriter(database, flush_s=0.01) as ledger:
        for number, call in enumerate(calls):
            ledger.record(call)
            if number % 300 == 0:
                await asyncio.sleep(0.02)
        await ledger.flush()
        assert await ids(owner) == sorted(call.id for call in calls)
        kept, reckoned = await sums_and_rows(owner)
        assert kept == reckoned
        assert len(kept) < 2_500
        assert ledger.transactions < 40
        assert ledger.backlog == 0


async def test_calls_are_on_disk_soon_by_themselves(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    async with LedgerWriter(database) as ledger:
        call = made_call()
        ledger.record(call)
        for _ in range(2_000):
            if await ids(owner):
                break
            await asyncio.sleep(0.01)
        assert await ids(owner) == [call.id]


async def test_a_call_that_is_recorded_twice_counts_once(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    calls, settled = any_calls(50, BOTH), Settled()
    async with LedgerWriter(database, [settled]) as ledger:
        for call in [*calls, *calls]:
            ledger.record(call)
        await ledger.flush()
        for call in calls:
            ledger.record(call)
    async with LedgerWriter(database, [settled]) as again:
        for call in [*calls, *any_calls(10, BOTH, seed=2)]:
            again.record(call)
    kept, reckoned = await sums_and_rows(owner)
    assert kept == reckoned
    assert len(settled.seen) == len({call_id for _, call_id in settled.seen}) == 60
    assert sorted(call_id for _, call_id in settled.seen) == await ids(owner)


async def test_a_commit_that_came_through_unheard_is_not_repeated(
    database: Database, owner: AsyncConnection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, settled, times = any_calls(40, BOTH), Settled(), [0]

    async def unheard(*given: Any) -> None:
        await write_calls(*given)
        times[0] += 1
        if times[0] <= 2:
            raise psycopg.OperationalError("the connection broke while COMMIT was on its way")

    monkeypatch.setattr(writer, "write_calls", unheard)
    with capture_logs():
        async with LedgerWriter(database, [settled], prices=PRICES) as ledger:
            for call in calls:
                ledger.record(call)
    assert times[0] == 3
    assert len(settled.seen) == 40
    kept, reckoned = await sums_and_rows(owner)
    assert kept == reckoned
    assert len(await ids(owner)) == 40


async def test_the_database_is_waited_for(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    async def cut() -> None:
        await owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    calls = any_calls(600, BOTH)
    with capture_logs():
        async with LedgerWriter(database, flush_s=0.002) as ledger:
            for number, call in enumerate(calls):
                ledger.record(call)
                if number % 20 == 0:
                    await asyncio.sleep(0.004)
                if number % 150 == 75:
                    await cut()
    kept, reckoned = await sums_and_rows(owner)
    assert kept == reckoned
    assert await ids(owner) == sorted(call.id for call in calls)


async def test_a_backlog_makes_callers_wait(
    database: Database, owner: AsyncConnection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MAX_BACKLOG", 20)
    monkeypatch.setattr(writer, "MAX_ROWS", 10)
    open_again = asyncio.Event()

    async def away(*given: Any) -> None:
        if not open_again.is_set():
            raise psycopg.OperationalError("away")
        await write_calls(*given)

    monkeypatch.setattr(writer, "write_calls", away)
    calls = any_calls(50, BOTH)
    with capture_logs():
        async with LedgerWriter(database) as ledger:
            for call in calls[:5]:
                ledger.record(call)
            await ledger.drain()  # there is room
            for call in calls[5:]:
                ledger.record(call)
            waiting = asyncio.create_task(ledger.drain())
            await asyncio.sleep(0.05)
            assert not waiting.done()
            open_again.set()
            await waiting
            assert ledger.backlog < 50
    assert len(await ids(owner)) == 50


async def test_a_database_that_stays_away_does_not_hold_up_the_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*given: Any) -> None:
        raise psycopg.OperationalError("away")

    monkeypatch.setattr(writer, "write_calls", away)
    with capture_logs() as logs:
        async with LedgerWriter(database, close_s=0.05) as ledger:
            for call in any_calls(7, BOTH):
                ledger.record(call)
    assert [entry["calls"] for entry in logs if entry["log_level"] == "error"] == [7]


async def test_a_call_that_is_refused_does_not_take_others_with_it(
    database: Database, owner: AsyncConnection[TupleRow]
) -> None:
    good = any_calls(30, BOTH)
    bad = [
        made_call(cost_usd=Decimal("NaN")),
        made_call(cost_usd=Decimal(-1)),
        replace(made_call(), id=UUID(int=1)),  # no partition holds the year 1970
    ]
    odd = made_call(error="half a character \ud800 and \x00", duration_s=math.nan, ttft_s=math.inf, reason="r" * 9_000)
    with capture_logs() as logs:
        async with LedgerWriter(database) as ledger:
            for call in [*good[:10], *bad, odd, *good[10:]]:
                ledger.record(call)
    assert await ids(owner) == sorted(call.id for call in [*good, odd])
    assert {entry["call_id"] for entry in logs if entry["log_level"] == "error"} == {str(call.id) for call in bad}
    kept, reckoned = await sums_and_rows(owner)
    assert kept == reckoned
    found = await owner.execute("SELECT error, duration_s, ttft_s, length(reason) FROM calls WHERE id = %s", [odd.id])
    assert await found.fetchone() == ("half a character ? and �", 0.0, None, 2_000)


async def test_a_settler_that_fails_hides_no_cost(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    calls = any_calls(9, BOTH)
    settled: list[UUID] = []

    async def settle(connection: AsyncConnection[TupleRow], tenant_id: UUID, given: Sequence[Call]) -> None:
        if calls[4] in given:
            await connection.execute("SELECT 1 / 0")
        settled.extend(call.id for call in given)

    with capture_logs() as logs:
        async with LedgerWriter(database, [settle]) as ledger:
            for call in calls:
                ledger.record(call)
    assert len(await ids(owner)) == 9
    assert [entry["call_id"] for entry in logs if entry["log_level"] == "error"] == [str(calls[4].id)]
    kept, reckoned = await sums_and_rows(owner)
    assert kept == reckoned
    assert {call.id for call in calls} - {calls[4].id} <= set(settled)


async def test_writers_at_once_do_not_block_each_other(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    """Many writers add to the same sums of the same tenants; with rows locked in any order they would end in deadlocks."""
    writers = 6
    shares = [any_calls(400, BOTH, seed=number) for number in range(writers)]
    with capture_logs() as logs:
        async with asyncio.TaskGroup() as group:
            for share in shares:
                group.create_task(write_in_parts(database, share))
    assert not logs
    kept, reckoned = await sums_and_rows(owner)
    assert kept == reckoned
    assert len(await ids(owner)) == 400 * writers


async def write_in_parts(database: Database, calls: Sequence[Call]) -> None:
    async with LedgerWriter(database, flush_s=0.0) as ledger:
        for start in range(0, len(calls), 40):
            for call in calls[start : start + 40]:
                ledger.record(call)
            await ledger.flush()


async def test_no_tenant_sees_or_adds_to_anothers(database: Database) -> None:
    async with LedgerWriter(database) as ledger:
        for call in any_calls(40, BOTH):
            ledger.record(call)
    for tenant_id in BOTH:
        async with database.tenant(tenant_id) as connection:
            for table in ("calls", "usage_days"):
                rows = await connection.execute(f"SELECT DISTINCT tenant_id FROM {table}".encode())
                assert await rows.fetchall() == [(tenant_id,)]
    for statement in (
        f"UPDATE usage_days SET tenant_id = '{DEFAULT_TENANT}'",
        "UPDATE calls SET cost_usd = 0",
        "DELETE FROM calls",
        "DELETE FROM usage_days",
        "UPDATE price_versions SET document = '{}'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with database.tenant(OTHER) as connection:
                await connection.execute(statement.encode())


async def test_every_cost_can_be_reckoned_again(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    calls = any_calls(300, BOTH)
    async with LedgerWriter(database, prices=PRICES) as ledger:
        for call in calls:
            ledger.record(call)
    usage = Usage(database)
    for tenant_id in BOTH:
        found = await usage.recompute(tenant_id, page=37)
        assert found.calls == sum(call.caller.tenant_id == tenant_id for call in calls)
        assert (found.differing, found.unknown) == ((), 0)
    wrong = made_call(cost_usd=Decimal("0.0002250000000000000000001"))  # a wrong last digit
    unknown = made_call(price_version="of old")
    async with LedgerWriter(database) as ledger:
        ledger.record(wrong)
        ledger.record(unknown)
    found = await usage.recompute(DEFAULT_TENANT)
    assert (found.differing, found.unknown) == ((wrong.id,), 1)


async def test_calls_go_with_their_month_and_their_sums_stay(
    database: Database, owner: AsyncConnection[TupleRow]
) -> None:
    june = datetime(2021, 6, 15, 12, tzinfo=UTC)
    await database.ensure_partitions(june)
    old, young = made_call(june), made_call(june + timedelta(days=30))
    async with LedgerWriter(database) as ledger:
        ledger.record(old)
        ledger.record(young)
    usage = Usage(database)
    before = await usage.by(DEFAULT_TENANT, ["day"])
    assert [row.keys["day"] for row in before] == [old.at.date(), young.at.date()]
    assert "calls_2021_06" in await database.drop_partitions(datetime(2021, 7, 31, tzinfo=UTC))
    assert await ids(owner) == [young.id]
    assert await usage.by(DEFAULT_TENANT, ["day"]) == before
    assert len(await usage.by(DEFAULT_TENANT, ["day"], latency=True)) == 1
