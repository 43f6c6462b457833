"""Write docs/command-line.md from the help of the commands, so that the two never differ. `--check` only compares."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from stretto.cli.app import app
from stretto.cli.exits import MEANINGS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "command-line.md"

HEAD = """\
# The command line

<!-- Made by `python tools/command_help.py` from the commands' own help. Change that, not this page. -->

{summary}

    stretto run examples/pair-programming.yaml --input task="Write a queue"

`RUN` is a run's id or its ending, as `stretto runs` shows it. `STEP` is a step's path, such as `build[2].code` (turn 2 of
a loop), `fan[0].write` (item 0 of a map) or `notes[3]` (segment 3 of an `each`).

## Where output goes

`stretto run` writes the flow's output to stdout and everything else to stderr, so that `stretto run f.yaml > out.md`
holds the output and nothing else. On a terminal the voices stand side by side while they write; what has ended is one
line each:

| sign | means |
|---|---|
| ✓ | done: seconds, tokens, cost, what it gave |
| ⏸ | waits: for a person, an event or a time |
| ↻ | tried again after an error, or the next turn of a loop |
| ■ | stopped by another step, or cut off at the end of the run |
| ↪ | steered: cut off and given feedback |
| ✗ | failed, rejected, or void because what it had read was taken back |
| ~~text~~ | taken back; shown struck out for a moment, then the new text |

Without a terminal (a pipe, a log, `TERM=dumb`) it writes plain lines, `[path] text`, without control codes. With `--json`
every event of the run's stream is one line of JSON on stdout, the same events as over HTTP.

## When a run waits

- **For a person**: on a terminal the question is asked there; while other steps write, Enter opens it. Without a terminal,
  or when the question is put off, the command leaves with code 3 and says how to go on: `stretto review approve RUN/STEP`,
  then `stretto resume RUN`, unless a worker is at work (`stretto up`, `stretto worker`).
- **For an event**: followed on a terminal; otherwise left with code 3. `stretto emit EVENT` sends one.
- **For a time**, or for the next attempt after an error: sat out.

## Ctrl-C

The first Ctrl-C cancels the run and keeps what was shown; `stretto resume RUN` goes on with it and repeats no finished step. The
second leaves at once: the run is safe, and `stretto resume RUN` or any worker takes it up again. SIGTERM leaves without cancelling.

## Exit codes

| code | meaning |
|---|---|
{codes}

Every error is one message on stderr. `STRETTO_DEBUG=1` adds the traceback.

## Completion by the shell

`stretto --install-completion` installs completion for bash, zsh, fish or PowerShell; open a new shell afterwards.
`stretto --show-completion` prints the script instead. Commands, options, statuses and flow files are completed.

## Logs

Logs go to stderr: readable on a terminal, one JSON object a line otherwise. `stretto run` logs warnings, `up` and `worker` also
what they do. Keys and passwords are never logged.

## Commands
"""


def main() -> int:
    """Write the page, or compare it; gives the exit code."""
    page = make_page()
    if "--check" in sys.argv[1:]:
        same = PAGE.exists() and PAGE.read_text() == page
        print(
            "docs/command-line.md is true" if same else "docs/command-line.md is out of date: run tools/command_help.py"
        )
        return 0 if same else 1
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page)
    return 0


def make_page() -> str:
    """The whole page."""
    root: Any = typer.main.get_command(app)
    codes = "\n".join(f"| {code.value} | {meaning} |" for code, meaning in MEANINGS.items())
    head = HEAD.format(summary=root.help, codes=codes)
    parts = [part for name, command in root.commands.items() for part in describe(f"stretto {name}", command)]
    return "\n".join([head, *parts]).rstrip() + "\n"


def describe(path: str, command: Any) -> Iterator[str]:
    """A command's section, and those of its own commands."""
    inner: dict[str, Any] = getattr(command, "commands", {})
    if not inner or command.invoke_without_command:
        context = typer.Context(command, info_name=path)
        usage = " ".join(filter(None, map(usage_of, command.params)))
        rows = [row for parameter in command.params if (row := describe_parameter(parameter, context))]
        yield f"### {path}\n"
        yield f"    {path} {usage}".rstrip() + "\n"
        yield "\n\n".join(" ".join(paragraph.split()) for paragraph in (command.help or "").split("\n\n")) + "\n"
        if rows:
            yield "\n".join(["| option | meaning |", "|---|---|", *rows]) + "\n"
    for name, below in inner.items():
        yield from describe(f"{path} {name}", below)


def usage_of(parameter: Any) -> str:
    """An argument, or an option that must be given, as it stands in the usage line."""
    if parameter.param_type_name == "argument":
        return parameter.metavar if parameter.required else f"[{parameter.metavar}]"
    return f"{parameter.opts[0]} {parameter.metavar}" if parameter.required else ""


def describe_parameter(parameter: Any, context: Any) -> str:
    """A row for an argument or option; nothing for what is hidden, and for --help."""
    if getattr(parameter, "hidden", False) or parameter.name == "help":
        return ""
    if parameter.param_type_name == "argument":
        return f"| `{parameter.metavar}` | {cell(parameter.help)} |"
    names = [*parameter.opts, *parameter.secondary_opts]
    metavar = (
        "" if parameter.is_flag else " " + (parameter.metavar or parameter.display_type(context)).replace("|", "\\|")
    )
    default = parameter.default
    shown = "" if default is None or isinstance(default, bool) or default == "" else f" Default: {default}."
    required = " Required." if parameter.required else ""
    return f"| `{', '.join(names)}{metavar}` | {cell(parameter.help)}{required}{shown} |"


def cell(text: str | None) -> str:
    """Text for one cell of a table."""
    return " ".join((text or "").split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
