"""Rows under headings: fitted to a terminal, or whole and aligned where there is none."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stretto.cli.safe_text import one_line

STATUS_STYLES = {
    "completed": "green",
    "failed": "bold red",
    "cancelled": "yellow",
    "waiting": "yellow",
    "paused": "yellow",
    "running": "cyan",
}


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str | Text]], console: Console | None = None) -> None:
    """Print to stdout. The last column gives way on a narrow terminal; without a terminal nothing is cut.

    A heading that begins with `>` stands for a column of numbers, set to the right.
    """
    console = console or Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        _print_plain(headings, rows)
        return
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for index, heading in enumerate(headings):
        table.add_column(
            Text(heading.lstrip(">")),
            justify="right" if heading.startswith(">") else "left",
            no_wrap=True,
            overflow="ellipsis",
            ratio=1 if index == len(headings) - 1 else None,
        )
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(one_line(cell, 500)) for cell in row))
    console.print(table)


def status_text(status: str) -> Text:
    """A run's status in its colour."""
    return Text(status, STATUS_STYLES.get(status, ""))


def _print_plain(headings: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> None:
    texts = [[heading.lstrip(">") for heading in headings]]
    texts += [[cell.plain if isinstance(cell, Text) else one_line(cell, 2000) for cell in row] for row in rows]
    widths = [max(cell_len(row[at]) for row in texts) for at in range(len(headings))]
    for row in texts:
        cells = [
            " " * (width - cell_len(cell)) + cell if heading.startswith(">") else cell + " " * (width - cell_len(cell))
            for heading, cell, width in zip(headings, row, widths, strict=True)
        ]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")
