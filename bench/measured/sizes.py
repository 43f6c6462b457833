"""Bytes stored for a run."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Mapping
from typing import NamedTuple

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
SHAPES = {"1 step": (1, 400), "10 steps": (10, 100), "100 steps": (100, 40), "200 turns of a loop": (200, 20)}
"""How many steps, and how many runs of them are counted."""
COLUMNS = ["run", "who", "bytes on disk", "bytes in rows", "rows", "bytes on disk per step"]


class Size(NamedTuple):
    """What one run takes."""

    disk: float
    in_rows: float
    rows: float


async def measure(ground: Ground, quick: bool) -> Measurement:
    """Runs of 1, 10, 100 steps, a loop of 200 turns, and a step that streams."""
    rounds = 1 if quick else 3
    rows: list[list[str]] = []
    disk: dict[str, dict[str, list[float]]] = {STRETTO: {}, DBOS: {}, LANGGRAPH: {}}
    for shape, (length, runs) in SHAPES.items():
        sizes = await sizes_of(ground, shape, length, max(2, runs // 20) if quick else runs, rounds)
        for who, found in sizes.items():
            disk[who][shape] = [size.disk for size in found]
            rows.append([shape, who, *cells(found, length)])
            say(f"{shape}, {who}: {' | '.join(rows[-1][2:])}")
    streams = [
        await size_of_run(ground, "stretto_streams:store", "bench_stretto", {"tokens": TOKENS}, 4 if quick else 40)
        for _ in range(rounds)
    ]
    rows.append([f"a step that streams {TOKENS} tokens", STRETTO, *cells(streams, 1)])
    return Measurement(
        name=NAME,
        title="Bytes stored for a run",
        what=(
            "What all tables of the database have grown by, divided by the runs (20 to 400 of them): on disk with indexes, "
            "TOAST and what updates have left behind (`pg_total_relation_size`), and the rows alone (`pg_column_size`). "
            "Every step gives a text of 100 characters, another one each time; LangGraph keeps them as a growing list in "
            "its state, as its agents keep their messages. The loop is one step in a body, 200 times."
        ),
        figures=figures(disk, streams),
        tables=[Table(title="By shape, medians of the rounds", columns=COLUMNS, rows=rows)],
        notes=[
            "Counted, not timed: load hardly matters. Bytes in rows are the same in every round; those on disk vary with what "
            "PostgreSQL happened to clean up and use again in the meantime.",
            "A token that is streamed slowly costs more bytes than one in a burst: text goes to disk every 50 ms, and each "
            "time it takes a row of its own.",
        ],
        simulated=[f"The {TOKENS} streamed tokens come from the simulated provider at 50 tokens/s."],
    )


async def sizes_of(ground: Ground, shape: str, length: int, runs: int, rounds: int) -> dict[str, list[Size]]:
    """The sizes of one shape of run, in interleaved rounds."""
    given = {"length": length}
    contenders: dict[str, tuple[str, str, Mapping[str, object]]] = {
        STRETTO: ("stretto_runs:store", "bench_stretto", {**given, "loop": "turns" in shape}),
        DBOS: ("dbos_runs:store", "bench_dbos", given),
        LANGGRAPH: ("langgraph_runs:store", "bench_langgraph", given),
    }
    sizes: dict[str, list[Size]] = {who: [] for who in contenders}
    for _ in range(rounds):
        for who, (function, database, parameters) in contenders.items():
            sizes[who].append(await size_of_run(ground, function, database, parameters, runs))
    return sizes


def figures(disk: dict[str, dict[str, list[float]]], streams: list[Size]) -> list[Figure]:
    """Bytes on disk by shape, how they grow, and what a token takes."""
    found = [
        Figure(
            name=f"bytes on disk for a run: {shape}",
            unit="bytes",
            better="less",
            rounds={who: by_shape[shape] for who, by_shape in disk.items()},
        )
        for shape in SHAPES
    ]
    growth = {
        who: [after / before for before, after in zip(by_shape["10 steps"], by_shape["100 steps"], strict=True)]
        for who, by_shape in disk.items()
    }
    linear = "growth from 10 to 100 steps (linear is at most 10)"
    single = statistics.median(disk[STRETTO]["1 step"])
    per_token = {STRETTO: [(size.disk - single) / TOKENS for size in streams]}
    slow = "bytes on disk for a token streamed at 50 a second"
    return [
        *found,
        Figure(name=linear, unit="×", better="less", rounds=growth, target=10),
        Figure(name=slow, unit="bytes", better="less", rounds=per_token),
    ]


def cells(sizes: list[Size], length: int) -> list[str]:
    """The medians: bytes on disk, bytes in rows, rows, bytes on disk per step."""
    disk = statistics.median(size.disk for size in sizes)
    in_rows, rows = (statistics.median(column) for column in zip(*((s.in_rows, s.rows) for s in sizes), strict=True))
    return [show(disk), show(in_rows), show(rows), show(disk / length)]


async def size_of_run(
    ground: Ground, function: str, database: str, parameters: Mapping[str, object], runs: int
) -> Size:
    """The size of one run, over so many."""
    await ground.contend(function, database, runs=1, **parameters)  # makes the tables
    url = ground.url(database)
    before = await asyncio.to_thread(count_bytes, url)
    await ground.contend(function, url=url, runs=runs, **parameters)
    after = await asyncio.to_thread(count_bytes, url)
    return Size(*((b - a) / runs for a, b in zip(before, after, strict=True)))


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
