"""The journal's writer alone, and the plainest thing that it could be compared with."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

from bench.contender import Meter
from bench.contenders.stretto_streams import spent_per
from stretto.engine.journal import Append, Journal, Lease
from stretto.engine.rows import fact_row
from stretto.flow import facts as f
from stretto.settings import load_settings
from stretto.store import DEFAULT_TENANT, Database
from stretto.store.ids import new_id


async def group_commit(postmaster: int, url: str, runs: int, facts: int) -> dict[str, float]:
    """So many runs say two facts at a time, each the next two as soon as those before are committed."""
    database = await Database.open(load_settings(database_url=url))
    journal = Journal(database)
    journal.start()

    async def one(most: int) -> None:
        lease, seq = Lease(DEFAULT_TENANT, new_id()), 0
        loop = asyncio.get_running_loop()
        for n in range(0, most, 2):
            done: asyncio.Future[None] = loop.create_future()
            now, step = datetime.now(UTC), f"s{n}"
            rows = [
                fact_row(seq + 1, f.StepCompleted(step=step, attempt=1), now),
                fact_row(seq + 2, f.StepStarted(step=f"s{n + 1}", attempt=1), now),
            ]
            seq += 2
            journal.append(Append(lease, rows, None, lambda _, done=done: done.set_result(None), done.set_exception))
            await done

    await asyncio.gather(*(one(20) for _ in range(runs)))
    before = journal.transactions
    meter = Meter(postmaster)
    await asyncio.gather(*(one(facts // runs) for _ in range(runs)))
    spent = meter.read()
    transactions = journal.transactions - before
    await journal.close()
    await database.close()
    per = spent_per(spent, facts)
    return {
        "facts_per_s": facts / spent["wall_s"],
        "cpu_us": per["cpu_us"],
        "postgres_us": per["postgres_us"],
        "facts_per_commit": facts / transactions,
    }


async def insert_each(postmaster: int, url: str, connections: int, facts: int) -> dict[str, float]:
    """An INSERT and a commit for each fact, on several connections at once; the table as plain as can be."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(
            "CREATE TABLE facts (run_id uuid, seq int, at timestamptz, kind text, step text, body jsonb,"
            " PRIMARY KEY (run_id, seq))"
        )
    insert = "INSERT INTO facts VALUES (%s, %s, %s, %s, %s, %s)"

    async def one(count: int) -> None:
        run_id: UUID = uuid4()
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            for n in range(count):
                values = (run_id, n, datetime.now(UTC), "StepCompleted", f"s{n}", Jsonb({"attempt": 1}))
                await connection.execute(insert, values, prepare=True)

    await one(20)
    meter = Meter(postmaster)
    await asyncio.gather(*(one(facts // connections) for _ in range(connections)))
    spent = meter.read()
    per = spent_per(spent, facts)
    return {"facts_per_s": facts / spent["wall_s"], "cpu_us": per["cpu_us"], "postgres_us": per["postgres_us"]}
