"""`python -m bench [NAME …] [--quick]`: measure, print, and keep the results."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table as Grid

from bench.figures import Measurement, figure_lines
from bench.ground import ContenderFailed, Ground, open_ground
from bench.machine import Machine, look_at_machine
from bench.measured import BENCHMARKS

RESULTS = Path(__file__).resolve().parent / "results"
LATEST = RESULTS / "latest.json"
QUICK = RESULTS / "quick.json"
WIDTH = 150


def main(arguments: list[str]) -> int:
    """Parse, measure, keep."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Stretto beside the references.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which of {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="one short round each: does it work? Not for numbers.")
    asked = parser.parse_args(arguments)
    if unknown := [name for name in asked.names if name not in BENCHMARKS]:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    failed = asyncio.run(measure_all(asked.names or list(BENCHMARKS), quick=asked.quick))
    for name in failed:
        print(f"bench: {name} failed", file=sys.stderr)
    return 1 if failed else 0


async def measure_all(names: list[str], *, quick: bool) -> list[str]:
    """Measure these on one server; each result is kept at once. Returns the names of those that failed."""
    failed: list[str] = []
    async with open_ground() as ground:
        for name in names:
            print(f"{name}: measuring", flush=True)
            try:
                measured = await measure_one(name, ground, quick=quick)
            except ContenderFailed as error:
                print(f"{name}: {error}", file=sys.stderr, flush=True)
                failed.append(name)
                continue
            show(measured)
            keep(measured, QUICK if quick else LATEST)
    return failed


async def measure_one(name: str, ground: Ground, *, quick: bool) -> Measurement:
    """One benchmark, with what the machine did before and after it."""
    machine = await asyncio.to_thread(look_at_machine, ground.postgres, ground.settings, ground.home)
    began = time.monotonic()
    measured = await BENCHMARKS[name].measure(ground, quick)
    machine.load_after = round(os.getloadavg()[0], 2)
    measured.machine, measured.seconds = machine, round(time.monotonic() - began, 1)
    return measured


def show(measured: Measurement) -> None:
    """Print a result."""
    console = Console(width=WIDTH)
    grid = Grid(title=f"{measured.title} ({measured.seconds:g} s)", title_justify="left")
    for column in ("what", "Stretto", "reference", "ratio", "target"):
        grid.add_column(column)
    for figure in measured.figures:
        for line in figure_lines(figure):
            grid.add_row(*line)
    console.print(grid)
    for table in measured.tables:
        grid = Grid(*table.columns, title=table.title, title_justify="left")
        for row in table.rows:
            grid.add_row(*row)
        console.print(grid)
    if measured.machine is not None:
        print(machine_line(measured.machine))
    for note in (*measured.notes, *(f"Simulated: {each}" for each in measured.simulated)):
        console.print(f"· {note}", highlight=False, markup=False)


def machine_line(machine: Machine) -> str:
    """The machine in a line."""
    settings = ", ".join(f"{name}={value}" for name, value in machine.settings.items())
    return (
        f"{machine.at} · commit {machine.commit} · {machine.cores} cores ({machine.cpu}) · Python {machine.python} · "
        f"PostgreSQL {machine.postgres} ({settings}) · fsync of 8 kB {machine.fsync_ms} ms · load {machine.load_before} before, "
        f"{machine.load_after} after; {machine.busy_before:.0%} of the cores were busy with other work just before"
    )


def keep(measured: Measurement, path: Path) -> None:
    """Put a result into the file, in place of the one of the same name."""
    path.parent.mkdir(exist_ok=True)
    found = msgspec.json.decode(path.read_bytes(), type=dict[str, Measurement]) if path.exists() else {}
    found[measured.name] = measured
    ordered = {name: found[name] for name in BENCHMARKS if name in found}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(ordered), indent=1) + b"\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
