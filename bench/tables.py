"""Write docs/benchmarks.md from bench/results/latest.json: `python -m bench.tables`."""

from __future__ import annotations

import sys

import msgspec

from bench.__main__ import LATEST, machine_line
from bench.figures import Measurement, Table, figure_lines, target_text
from bench.machine import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
COLUMNS = ["what", "Stretto", "reference", "Stretto ÷ reference", "target"]
HEAD = """\
# Benchmarks

This page is written by `python -m bench.tables` from `bench/results/latest.json`, which `make bench` measures; no number in it
was typed by hand. `make bench BENCH="steps edges"` measures some of it anew, `make bench BENCH=--quick` shows that all of it works.

**How to read it.** Stretto and each reference run in turn (A B A B), each round in a process of its own with a new, empty
database, all on one embedded PostgreSQL with the settings that it is shipped with: `fsync` and `synchronous_commit` on. A cell is the
median of the rounds, with the least and the greatest in brackets. All asyncio programs run on uvloop. The ratio is what was
measured in the same run, so it says more than the numbers around it, which depend on the machine and on what else it does: the
line below each table says what that was. Each reference is used as its documentation shows; where that is not the same work as
Stretto's, the notes say so.
"""


def main() -> int:
    """Read, write, say where."""
    if not LATEST.exists():
        print(f"tables: there is no {LATEST}; measure first, with make bench", file=sys.stderr)
        return 1
    found = msgspec.json.decode(LATEST.read_bytes(), type=dict[str, Measurement])
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(list(found.values())))
    print(f"tables: wrote {PAGE.relative_to(ROOT)}")
    return 0


def page(measurements: list[Measurement]) -> str:
    """The whole page."""
    parts = [HEAD, "## At a glance\n", glance(measurements)]
    for measured in measurements:
        parts += [f"## {measured.title}\n", measured.what + "\n"]
        parts.append(markdown(COLUMNS, [line for figure in measured.figures for line in figure_lines(figure)]))
        parts += [section(table) for table in measured.tables]
        parts.append(
            "".join(f"- Simulated: {each}\n" for each in measured.simulated)
            + "".join(f"- {note}\n" for note in measured.notes)
        )
        if measured.machine is not None:
            parts.append(f"*{machine_line(measured.machine)}; {measured.seconds:g} s.*\n")
    return "\n".join(part for part in parts if part)


def glance(measurements: list[Measurement]) -> str:
    """The figures that have a target."""
    rows = [
        [measured.title, *figure_lines(figure)[0][:4], target_text(figure)]
        for measured in measurements
        for figure in measured.figures
        if figure.is_reached is not None
    ]
    return markdown(["benchmark", *COLUMNS], rows)


def section(table: Table) -> str:
    """A table under its title."""
    return f"{table.title}:\n\n{markdown(table.columns, table.rows)}"


def markdown(columns: list[str], rows: list[list[str]]) -> str:
    """A table; a first cell that repeats the one above it is left empty."""
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    before = ""
    for row in rows:
        cells = [cell.replace("|", "\\|") for cell in row]
        first = cells[0]
        lines.append(f"| {' | '.join(['' if first == before else first, *cells[1:]])} |")
        before = first
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
