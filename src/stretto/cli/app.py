"""The command `stretto`: its commands, and how each of them ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from stretto.cli import control
from stretto.cli.apps import apps
from stretto.cli.bulk import bulk
from stretto.cli.events import events
from stretto.cli.exits import MEANINGS, Exit, report, say_error
from stretto.cli.forks import fork
from stretto.cli.keys import key, tenant
from stretto.cli.limits import limits
from stretto.cli.lint import lint
from stretto.cli.listing import runs
from stretto.cli.memory import memory
from stretto.cli.provider_keys import provider_key
from stretto.cli.quotas import quota
from stretto.cli.recall import recall
from stretto.cli.replay import replay
from stretto.cli.reviews import review
from stretto.cli.run import run
from stretto.cli.schedules import schedule
from stretto.cli.show import show
from stretto.cli.sim import sim
from stretto.cli.state import state
from stretto.cli.tools import tools
from stretto.cli.up import up
from stretto.cli.usage import usage
from stretto.cli.webhooks import webhook
from stretto.cli.worker import worker

EXIT_CODES = "\b\nExit codes:\n" + "\n".join(f"  {code.value:<3}  {meaning}" for code, meaning in MEANINGS.items())

app = typer.Typer(
    name="stretto",
    help="Durable, streaming flows of agents, on nothing but Python and an embedded PostgreSQL.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: it appears at once
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"stretto {version('stretto')}")
        raise typer.Exit


@app.callback()
def stretto(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Durable, streaming flows of agents, on nothing but Python and an embedded PostgreSQL."""


# In the order in which one needs them.
app.command()(up)
for command in (run, lint, runs, recall, show, replay, fork):
    app.command()(command)
for command in (control.pause, control.resume, control.cancel, control.retry, control.inject, control.priority):
    app.command()(command)
review.command()(bulk)
app.add_typer(review)
app.command()(control.emit)
app.add_typer(schedule)
app.add_typer(state)
app.add_typer(memory)
app.add_typer(events)
app.add_typer(webhook)
app.add_typer(provider_key)
app.add_typer(tools)
app.add_typer(apps)
app.command()(limits)
tenant.command()(quota)
for group in (usage, tenant, key):
    app.add_typer(group)
app.command()(worker)
app.command()(sim)


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; gives the exit code. Every error is one message on stderr."""
    if callable(reconfigure := getattr(sys.stdout, "reconfigure", None)):
        reconfigure(errors="backslashreplace")  # no character of an output shall end the command
    try:
        code: object = typer.main.get_command(app)(
            args=list(sys.argv[1:] if arguments is None else arguments), prog_name="stretto", standalone_mode=False
        )
    except (Exception, KeyboardInterrupt) as error:
        # Typer's own errors say which argument is wrong.
        usage = getattr(error, "format_message", None)
        return report(error) if usage is None else _usage(error, str(usage()))
    return int(code) if isinstance(code, int) else Exit.DONE


def _usage(error: BaseException, message: str) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":  # `stretto` alone: show what there is
        print(message)
        return Exit.BAD_INPUT
    context: typer.Context | None = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "stretto"
    told = message.replace("Value error, ", "").removesuffix(".")  # Pydantic's words, which tell a person nothing
    say_error(f"{told}{'' if told.endswith('?') else '.'} `{path} --help` shows how it is used.")
    return Exit.BAD_INPUT
