"""`stretto events`: what happened, who has read how far, and what could not be taken."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from stretto.cli.exits import Exit, run_async

events = typer.Typer(name="events", help="See events, replay groups, send dead letters again.", no_args_is_help=True)

EventId = Annotated[UUID, typer.Argument(metavar="EVENT", help="The event's id.", show_default=False)]
OnlyGroup = Annotated[
    str | None, typer.Option("--group", metavar="NAME", help="Only of this group.", show_default=False)
]


@events.command("list")
def list_events(
    type: Annotated[
        str | None, typer.Option("--type", metavar="START", help="How the type begins, such as stretto.run.")
    ] = None,
    subject: Annotated[str | None, typer.Option("--subject", metavar="SUBJECT", help="Such as runs/019….")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=1000, help="How many at most.")] = 20,
) -> Exit:
    """List the latest events, the newest first."""
    return run_async(_list(type, subject, limit))


@events.command()
def show(event: EventId) -> Exit:
    """Show one event as CloudEvents JSON."""
    return run_async(_show(event))


@events.command()
def groups() -> Exit:
    """List consumer groups and how far behind they are."""
    return run_async(_groups())


@events.command()
def replay(
    group: Annotated[str, typer.Argument(metavar="GROUP", help="The group's name.", show_default=False)],
    position: Annotated[int | None, typer.Option("--after", metavar="N", min=0, help="Go on after a position.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option("--since", metavar="TIME", help="Go on from a time (UTC), such as 2026-11-21T08:00:00."),
    ] = None,
) -> Exit:
    """Let a group read again from a position or a time."""
    return run_async(_replay(group, position, since))


@events.command("dead-letters")
def dead_letters(group: OnlyGroup = None) -> Exit:
    """List events that groups could not take."""
    return run_async(_dead_letters(group))


@events.command("send-again")
def send_again(
    event: Annotated[
        UUID | None, typer.Argument(metavar="[EVENT]", help="The event's id; without it, all.", show_default=False)
    ] = None,
    group: OnlyGroup = None,
) -> Exit:
    """Let dead letters be tried again: one, all of a group, or all."""
    return run_async(_send_again(event, group))


async def _list(type_: str | None, subject: str | None, limit: int) -> Exit:
    from stretto.cli.table import print_table
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        found = await platform.events().list(type_=type_, subject=subject, limit=limit)
    if not found:
        typer.echo("No events" + (" like that." if type_ or subject else " yet."), err=True)
        return Exit.DONE
    rows = [
        (str(each.position), f"{each.at:%Y-%m-%d %H:%M:%S}", each.type, each.subject, str(each.id)) for each in found
    ]
    print_table((">position", "at (UTC)", "type", "subject", "event"), rows)
    return Exit.DONE


async def _show(event_id: UUID) -> Exit:
    import orjson

    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        event = await platform.events().get(event_id)
    print(orjson.dumps(event.cloudevent(), option=orjson.OPT_INDENT_2).decode())
    return Exit.DONE


async def _groups() -> Exit:
    from datetime import UTC

    from stretto.cli.amounts import age
    from stretto.cli.table import print_table
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        found = await platform.events().groups()
    if not found:
        typer.echo("No consumer groups yet. A program makes one when it begins to consume.", err=True)
        return Exit.DONE
    now = datetime.now(UTC)
    rows = [
        (
            each.group,
            str(each.position),
            str(each.lag),
            str(each.members),
            age((now - each.oldest_at).total_seconds()) if each.oldest_at else "-",
        )
        for each in found
    ]
    print_table(("group", ">position", ">lag", ">members", ">oldest unread"), rows)
    return Exit.DONE


async def _replay(group: str, position: int | None, since: datetime | None) -> Exit:
    from datetime import UTC

    from stretto.platform import Platform

    at = since.replace(tzinfo=UTC) if since is not None and since.tzinfo is None else since
    async with Platform.open(worker=False) as platform:
        after = await platform.events().replay(group, position=position, since=at)
    print(f"{group} goes on after position {after}")
    return Exit.DONE


async def _dead_letters(group: str | None) -> Exit:
    from stretto.cli.amounts import brief
    from stretto.cli.table import print_table
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        found = await platform.events().dead_letters.list(group=group, limit=1000)
    if not found:
        typer.echo("No dead letters.", err=True)
        return Exit.DONE
    rows = [
        (
            each.group,
            str(each.event.id),
            each.event.type,
            str(each.attempts),
            f"{each.last_at:%m-%d %H:%M}",
            brief(each.error),
        )
        for each in found
    ]
    print_table(("group", "event", "type", ">attempts", "last at", "error"), rows)
    return Exit.DONE


async def _send_again(event_id: UUID | None, group: str | None) -> Exit:
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        sent = await platform.events().dead_letters.send_again(event_id, group)
    print(f"{sent} dead letter{'' if sent == 1 else 's'} will be tried again")
    return Exit.DONE
