"""Bytes stored for a run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import psycopg
from psycopg.sql import SQL, Identifier

from bench.figures import STRETTO, Figure, Measurement, Table, show
from bench.ground import Ground
from bench.rounds import say

NAME = "sizes"
DBOS, LANGGRAPH = "DBOS", "LangGraph, PostgreSQL"
TABLES = """
SELECT n.nspname, c.relname, pg_total_relation_size(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""
TOKENS = 500


async def measure(ground: Ground, quick: bool) -> Measurement:
    """Runs of 1, 10, 100 steps, a loop of 200 turns, and a step that streams."""
    shapes = {"1 step": (1, 400), "10 steps": (10, 100), "100 steps": (100, 40), "200 turns of a loop": (200, 20)}
    rows: list[list[str]] = []
    disk: dict[str, dict[str, float]] = {}
    for shape, (length, runs) in shapes.items():
        count = max(2, runs // 20) if quick else runs
        given = {"length": length}
        contenders = {
            STRETTO: ("stretto_runs:store", "bench_stretto", {**given, "loop": "turns" in shape}),
            DBOS: ("dbos_runs:store", "bench_dbos", given),
            LANGGRAPH: ("langgraph_runs:store", "bench_langgraph", given),
        }
        for who, (function, database, parameters) in contenders.items():
            on_disk, in_rows, table_rows = await bytes_per_run(ground, function, database, parameters, count)
            disk.setdefault(who, {})[shape] = on_disk
            rows.append([shape, who, show(on_disk), show(in_rows), show(table_rows), show(on_disk / length)])
            say(f"{shape}, {who}: {show(on_disk)} bytes a run on disk, {show(in_rows)} in rows")
    streamed, in_rows, table_rows = await bytes_per_run(
        ground, "stretto_streams:store", "bench_stretto", {"tokens": TOKENS}, 4 if quick else 40
    )
    rows.append([f"a step that streams {TOKENS} tokens", STRETTO, show(streamed), show(in_rows), show(table_rows), "—"])
    figures = [
        Figure(
            name=f"bytes on disk for a run: {shape}",
            unit="bytes",
            better="less",
            rounds={who: [found[shape]] for who, found in disk.items()},
        )
        for shape in shapes
    ]
    growth = {who: [found["100 steps"] / found["10 steps"]] for who, found in disk.items()}
    figures.append(
        Figure(
            name="growth from 10 to 100 steps (linear is at most 10)", unit="×", better="less", rounds=growth, target=10
        )
    )
    figures.append(
        Figure(
            name="bytes on disk for a token streamed at 50 a second",
            unit="bytes",
            better="less",
            rounds={STRETTO: [(streamed - disk[STRETTO]["1 step"]) / TOKENS]},
        )
    )
    return Measurement(
        name=NAME,
        title="Bytes stored for a run",
        what=(
            "What all tables of the database have grown by, divided by the runs (20 to 400 of them): on disk with indexes, "
            "TOAST and what updates have left behind (`pg_total_relation_size`), and the rows alone (`pg_column_size`). "
            "Every step gives a text of 100 characters, another one each time; LangGraph keeps them as a growing list in its state, as its agents keep "
            "their messages. The loop is one step in a body, 200 times."
        ),
        figures=figures,
        tables=[
            Table(
                title="By shape",
                columns=["run", "who", "bytes on disk", "bytes in rows", "rows", "bytes on disk per step"],
                rows=rows,
            )
        ],
        notes=["Counted once, not timed: the numbers hardly change from round to round, and do not depend on load."],
        simulated=[f"The {TOKENS} streamed tokens come from the simulated provider at 50 tokens/s."],
    )


async def bytes_per_run(
    ground: Ground, function: str, database: str, parameters: Mapping[str, object], runs: int
) -> tuple[float, float, float]:
    """(bytes on disk, bytes in rows, rows) of one run, over so many."""
    await ground.contend(function, database, runs=1, **parameters)  # makes the tables
    url = ground.url(database)
    before = await asyncio.to_thread(count_bytes, url)
    await ground.contend(function, url=url, runs=runs, **parameters)
    after = await asyncio.to_thread(count_bytes, url)
    disk, in_rows, rows = ((b - a) / runs for a, b in zip(before, after, strict=True))
    return disk, in_rows, rows


def count_bytes(url: str) -> tuple[int, int, int]:
    """(bytes on disk, bytes in rows, rows) of all tables of a database."""
    disk = in_rows = rows = 0
    with psycopg.connect(url, autocommit=True) as connection:
        for schema, table, size in connection.execute(TABLES).fetchall():
            name = SQL("{}.{}").format(Identifier(schema), Identifier(table))
            found = connection.execute(
                SQL("SELECT coalesce(sum(pg_column_size(t.*)), 0)::bigint, count(*) FROM {} t").format(name)
            ).fetchone()
            disk += size
            if found is not None:
                in_rows, rows = in_rows + found[0], rows + found[1]
    return disk, in_rows, rows
