"""`stretto show`: where a run stands, or stood at any row of its journal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stretto.cli.exits import Exit, run_async
from stretto.cli.options import RunId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stretto.cli.steps import StepRow
    from stretto.engine import Run
    from stretto.flow.progress import Progress
    from stretto.stream import Row

SIGNS = {
    "completed": ("✓", "green"),
    "failed": ("✗", "bold red"),
    "stopped": ("■", "yellow"),
    "cut off": ("■", "yellow"),
    "skipped": ("–", "dim"),
    "dropped": ("✗", "dim"),
    "running": ("▶", "cyan"),
    "waiting": ("⏸", "yellow"),
    "backing_off": ("↻", "yellow"),
}


def show(
    run: RunId,
    at: Annotated[
        int | None, typer.Option("--at", metavar="SEQ", min=1, help="As it stood after this row of its journal.")
    ] = None,
    facts: Annotated[bool, typer.Option("--facts", help="List the facts of its journal, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Give all of it as one JSON object.")] = False,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export",
            metavar="FILE.jsonl",
            help="Write its flow and journal to a file instead, for `stretto replay FILE.jsonl`; - is stdout.",
        ),
    ] = None,
) -> Exit:
    """Show where a run stands, or stood.

    Its status, its steps as a tree with attempts, times, tokens and cost, its output, and its error with the remedy.
    """
    return run_async(_show(run, at, facts, as_json) if export is None else _export(run, at, export))


async def _export(text: str, at: int | None, file: Path) -> Exit:
    from stretto.engine.recording import recording_lines
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        runs = platform.runs()
        run_id = await runs.find(text)
        rows = await runs.journal(run_id)
        graph, _ = await runs.graph_of(rows)
    lines = recording_lines(run_id, graph, (row for row in rows if at is None or row.seq <= at))
    if str(file) == "-":
        sys.stdout.buffer.writelines(lines)
        return Exit.DONE
    with file.open("wb") as out:
        out.writelines(lines)
    print(f"wrote {file}; `stretto replay {file}` shows it", file=sys.stderr)
    return Exit.DONE


async def _show(text: str, at: int | None, facts: bool, as_json: bool) -> Exit:
    import msgspec

    from stretto.cli.steps import step_rows
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        runs = platform.runs()
        run_id = await runs.find(text)
        run = await runs.get(run_id)
        rows = await runs.journal(run_id)
        progress = await runs.progress(run_id, at_seq=at)
    if at is not None:
        rows = [row for row in rows if row.seq <= at]
    steps = step_rows(progress, rows, most_items=None if as_json else 40)
    if as_json:
        print(msgspec.json.encode(_as_json(run, progress, steps, rows, at, facts)).decode())
        return Exit.DONE
    _print(run, progress, steps, rows, at)
    if facts:
        print()
        _print_facts(rows)
    return Exit.DONE


def status_of(run: Run, progress: Progress, at: int | None) -> str:
    """The run's status, then or now."""
    return run.status if at is None else {"new": "accepted"}.get(progress.status, progress.status)


def _print(run: Run, progress: Progress, steps: Sequence[StepRow], rows: Sequence[Row], at: int | None) -> None:
    from rich.text import Text

    from stretto.cli.amounts import brief, count, dollars, duration, plain, span
    from stretto.cli.following import short
    from stretto.cli.safe_text import safe
    from stretto.cli.table import print_table

    status = status_of(run, progress, at)
    cost = sum(step.cost_usd for step in steps)
    tokens = sum(step.tokens for step in steps)
    took = span(rows[0].at, run.finished_at if at is None and run.finished_at else rows[-1].at).total_seconds()
    print(f"{run.flow_name} (version {run.flow_version}) · {status}" + (f" at row {at}" if at is not None else ""))
    print(f"run {run.id}" + (f" · forked from {run.parent_id}" if run.parent_id else ""))
    parts = [
        f"accepted {run.accepted_at:%Y-%m-%d %H:%M:%S} UTC",
        f"took {duration(took)}" if progress.is_over else f"for {duration(took)} so far",
        count(tokens, "token"),
        dollars(cost),
        f"priority {progress.priority}",
    ]
    print(" · ".join(parts))
    if is_simulated(rows):
        print("answers: simulated provider (no model)")
    if run.input:
        print(f"input: {brief(run.input, 300)}")
    print()
    table: list[list[str | Text]] = []
    for step in steps:
        sign, style = SIGNS.get(step.status, ("·", "dim"))
        name = Text.assemble("  " * step.depth, (f"{sign} ", style), step.name)
        took_text = "" if step.seconds is None else duration(step.seconds)
        tries = str(step.attempts) if step.attempts > 1 else ""
        money = dollars(step.cost_usd) if step.cost_usd else ""
        number = f"{step.tokens:,}" if step.tokens else ""
        state = Text(step.status if step.kind else "", style)
        table.append([name, step.kind, state, tries, took_text, number, money, step.told])
    headings = ("step", "kind", "state", ">tries", ">time", ">tokens", ">cost", "result")
    kept = [n for n in range(len(headings)) if n in (0, 2, 7) or any(str(row[n]) for row in table)]
    print_table([headings[n] for n in kept], [[row[n] for n in kept] for row in table])
    if at is not None:
        return
    if run.status == "completed" and run.output is not None:
        print(f"\noutput:\n{safe(plain(run.output)).rstrip()}")
    elif run.error:
        name = short(run.id)
        print(f"\nerror: step {run.error.get('step')}: {safe(str(run.error.get('error')))}")
        print(f"`stretto retry {name}` tries it again; `stretto fork {name} --from STEP` with edits.")
    elif run.status in ("waiting", "paused", "cancelled"):
        print(f"\n`stretto resume {short(run.id)}` goes on with it.")


def _print_facts(rows: Sequence[Row]) -> None:
    import json

    from stretto.cli.table import print_table
    from stretto.stream.log import TEXT

    begin = rows[0].at
    table = [
        (
            str(row.seq),
            f"{(row.at - begin).total_seconds():.3f}",
            row.kind,
            row.step or "",
            json.dumps(row.body, ensure_ascii=False) if row.body else "",
        )
        for row in rows
        if row.kind != TEXT
    ]
    print_table((">row", ">seconds", "fact", "step", "data"), table)


def _as_json(
    run: Run, progress: Progress, steps: Sequence[StepRow], rows: Sequence[Row], at: int | None, facts: bool
) -> dict[str, Any]:
    told: dict[str, Any] = {
        "run": str(run.id),
        "flow": run.flow_name,
        "version": run.flow_version,
        "status": status_of(run, progress, at),
        "at": rows[-1].seq,
        "priority": progress.priority,
        "input": run.input,
        "parent": None if run.parent_id is None else str(run.parent_id),
        "accepted_at": run.accepted_at,
        "finished_at": run.finished_at if at is None else None,
        "cost_usd": sum(step.cost_usd for step in steps),
        "simulated": is_simulated(rows),
        "output": run.output if at is None else None,
        "error": run.error if at is None else None,
        "steps": [
            {
                "path": step.path,
                "kind": step.kind,
                "status": step.status,
                "attempts": step.attempts,
                "seconds": step.seconds,
                "output_tokens": step.tokens,
                "cost_usd": step.cost_usd,
                "result": step.told,
            }
            for step in steps
        ],
    }
    if facts:
        told["facts"] = [
            {
                "seq": row.seq,
                "at": row.at,
                "name": row.kind,
                "step": row.step,
                "attempt": row.attempt,
                "data": row.data,
            }
            for row in rows
            if row.text is None
        ]
    return told


def is_simulated(rows: Sequence[Row]) -> bool:
    """Whether answers of the run came from no model."""
    for row in rows:
        usage = (row.body or {}).get("usage")
        if isinstance(usage, dict) and usage.get("simulated"):  # pyright: ignore[reportUnknownMemberType]
            return True
    return False
