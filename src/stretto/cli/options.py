"""Arguments and options that several commands share, and how the shell completes them."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

ENDINGS = (".yaml", ".yml", ".json")


def complete_flow_file(incomplete: str) -> list[str]:
    """Folders and flow files that begin as typed; a folder ends with a slash, so that one types on."""
    folder, _, start = incomplete.rpartition("/")
    where = Path(folder + "/" if incomplete.startswith("/") else folder or ".").expanduser()
    try:
        entries = sorted(where.iterdir(), key=lambda entry: entry.name)
    except OSError:
        return []
    head = f"{folder}/" if "/" in incomplete else ""
    found: list[str] = []
    for entry in entries:
        if not entry.name.startswith(start) or (entry.name.startswith(".") and not start):
            continue
        if entry.is_dir():
            found.append(f"{head}{entry.name}/")
        elif entry.suffix in ENDINGS:
            found.append(head + entry.name)
    return found


def me() -> str:
    """Who is at the keyboard: the name that the journal keeps for a decision."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "command line"


FlowFile = Annotated[
    Path,
    typer.Argument(metavar="FLOW.yaml", help="A flow file.", autocompletion=complete_flow_file, show_default=False),
]
FlowFiles = Annotated[
    list[Path],
    typer.Argument(metavar="FLOW.yaml...", help="Flow files.", autocompletion=complete_flow_file, show_default=False),
]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or how it ends.", show_default=False)]
StepPath = Annotated[
    str, typer.Argument(metavar="STEP", help="A step's path, such as build[2].code, or its id.", show_default=False)
]
By = Annotated[
    str,
    typer.Option(
        "--by", metavar="NAME", help="Who does this, as the journal keeps it; default: you.", show_default=False
    ),
]
Input = Annotated[
    list[str] | None,
    typer.Option(
        "--input", "-i", metavar="NAME=VALUE", help="One input; text as it is, anything else as JSON. Repeat for more."
    ),
]
InputFile = Annotated[
    Path | None, typer.Option("--input-file", metavar="F.json", help="All inputs as one JSON object; - reads stdin.")
]
Priority = Annotated[
    int | None,
    typer.Option("--priority", metavar="N", min=0, max=3, help="From 0 (first) to 3 (last); default: the flow's."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Give the run's events as lines of JSON, and nothing else.")]
Follow = Annotated[bool, typer.Option("--follow/--no-follow", help="Carry the run out here and show it.")]
