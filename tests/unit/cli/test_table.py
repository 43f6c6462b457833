"""A table fits the terminal, its last column giving way; without one it is whole."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from stretto.cli.table import print_table, status_text

HEADINGS = ("run", "status", ">took", "input")
ROWS = (
    ("8ac9d819", status_text("completed"), "8.7 s", '{"topics": ["rain", "霧と雨", "snow"]}' * 5),
    ("1c8007c6", status_text("failed"), "12 min 00 s", "short\nand \x1b[2Jevil"),
)


def on_terminal(width: int) -> list[str]:
    file = io.StringIO()
    print_table(
        HEADINGS, ROWS, Console(file=file, width=width, height=20, force_terminal=True, color_system="truecolor")
    )
    return Text.from_ansi(file.getvalue()).plain.splitlines()


@pytest.mark.parametrize("width", [40, 80, 200])
def test_only_the_last_column_gives_way(width: int) -> None:
    lines = on_terminal(width)
    assert len(lines) == 3
    assert all(cell_len(line) <= width for line in lines)
    assert lines[0].startswith("run       status            took  input"[:width])
    assert lines[1].startswith("8ac9d819  completed        8.7 s  {"[:width])
    assert lines[2].startswith("1c8007c6  failed     12 min 00 s  sho"[:width])
    assert lines[1].endswith("…")


def test_without_a_terminal_nothing_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(HEADINGS, ROWS, Console(file=io.StringIO(), width=40))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == f"8ac9d819  completed        8.7 s  {ROWS[0][3]}"
    assert lines[2] == "1c8007c6  failed     12 min 00 s  short and \ufffd[2Jevil"
