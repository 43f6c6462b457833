"""Rows under headings: fitted to a terminal, or whole and aligned where there is none."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
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
    right = [heading.startswith(">") for heading in headings]
    texts = [[Text(heading.lstrip(">"), "dim") for heading in headings]]
    texts += [[cell if isinstance(cell, Text) else Text(one_line(cell, 2000)) for cell in row] for row in rows]
    most = max(12, console.width // 2) if console.is_terminal else None
    widths = [min(max(row[at].cell_len for row in texts), most or 2**31) for at in range(len(headings))]
    for row in texts:
        line = Text()
        for cell, width, to_the_right in zip(row, widths, right, strict=True):
            line.append("  " if line else "")
            fitted = cell.copy()
            if cell is not row[-1]:
                fitted.truncate(width, overflow="ellipsis")
            gap = " " * (width - fitted.cell_len)
            line.append(gap if to_the_right else "").append_text(fitted).append("" if to_the_right else gap)
        line.rstrip()
        if console.is_terminal:
            line.truncate(console.width, overflow="ellipsis")
            console.print(line, soft_wrap=True)
        else:
            sys.stdout.write(f"{line.plain}\n")


def status_text(status: str) -> Text:
    """A run's status in its colour."""
    return Text(status, STATUS_STYLES.get(status, ""))
