"""The queue gives the next job by its index, however many wait, and however little the planner knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from stretto.engine.queue import OPTIONS, QUEUE, Jobs
from stretto.store import DEFAULT_TENANT, Database, new_id
from stretto.store.sql import load_queries

MANY = 2000


async def put(owner: AsyncConnection[TupleRow], run_ids: list[UUID], priority: int) -> None:
    """Let these runs wait for a worker."""
    await owner.execute(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args)"
        " SELECT %s, 'run', %s, run::text, run::text, jsonb_build_object('tenant_id', %s::text, 'run_id', run::text)"
        " FROM unnest(%s::uuid[]) AS run",
        (QUEUE, priority, str(DEFAULT_TENANT), run_ids),
    )


def read(plan: Mapping[str, Any]) -> float:
    """How many rows of jobs a plan has looked at."""
    own = 0.0
    if plan.get("Relation Name") == "procrastinate_jobs" and "Scan" in plan["Node Type"]:
        own = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    return own + sum(read(each) for each in plan.get("Plans", ()))


async def test_the_next_of_many_jobs_costs_as_much_as_the_next_of_few(
    database: Database, owner: AsyncConnection[TupleRow]
) -> None:
    await put(owner, [new_id() for _ in range(MANY)], 1)
    queue = Jobs(database)
    worker_id = await queue.register()
    fetch: LiteralString = load_queries("stretto.engine")["fetch_job"]
    explain: LiteralString = f"EXPLAIN (ANALYZE, FORMAT JSON) {fetch}"
    options = f"{conninfo_to_dict(database.conninfo).get('options', '')} {OPTIONS}"
    async with await AsyncConnection.connect(make_conninfo(database.conninfo, options=options)) as connection:
        row = await (await connection.execute(explain, {"queue": QUEUE, "worker_id": worker_id})).fetchone()
    await queue.close()
    assert row is not None
    assert 0 < read(row[0][0]["Plan"]) <= 10


async def test_the_most_urgent_comes_first_and_no_run_is_given_twice(
    database: Database, owner: AsyncConnection[TupleRow]
) -> None:
    late, urgent, held = new_id(), new_id(), new_id()
    await put(owner, [held], 3)
    queue = Jobs(database)
    worker_id = await queue.register()
    first = await queue.fetch(worker_id)
    await put(owner, [late], 1)
    await put(owner, [held], 3)  # it was woken again while it is carried out
    await put(owner, [urgent], 2)
    given = [first, await queue.fetch(worker_id), await queue.fetch(worker_id), await queue.fetch(worker_id)]
    assert [job and job.run_id for job in given] == [held, urgent, late, None]
    assert first is not None
    await queue.finish(first)
    again = await queue.fetch(worker_id)
    assert again is not None
    assert again.run_id == held
    await queue.close()
