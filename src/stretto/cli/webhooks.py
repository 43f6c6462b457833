"""`stretto webhook`: where events are sent to, and what became of each."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer

from stretto.cli.exits import Exit, run_async

webhook = typer.Typer(name="webhook", help="Send events to other services.", no_args_is_help=True)

WebhookId = Annotated[UUID, typer.Argument(metavar="WEBHOOK", help="The webhook's id.", show_default=False)]


@webhook.command("list")
def list_webhooks() -> Exit:
    """List all webhooks."""
    return run_async(_list())


@webhook.command()
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to, by https.", show_default=False)],
    types: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="Such as stretto.run.failed, or stretto.run.*; may be repeated."),
    ] = None,
    description: Annotated[str, typer.Option("--description", metavar="TEXT", help="What it is for.")] = "",
) -> Exit:
    """Make a webhook and print its secret, once. Without --type it gets all events."""
    return run_async(_add(url, types or ["*"], description))


@webhook.command()
def test(webhook: WebhookId) -> Exit:
    """Send a test event; a running `stretto up` or `stretto worker` delivers it."""
    return run_async(_test(webhook))


@webhook.command()
def deliveries(
    webhook: WebhookId,
    failed: Annotated[bool, typer.Option("--failed", help="Only those that failed.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=1000, help="How many at most.")] = 20,
) -> Exit:
    """List what was sent to a webhook, or is to be, the latest first."""
    return run_async(_deliveries(webhook, failed, limit))


@webhook.command("send-again")
def send_again(
    webhook: WebhookId,
    event: Annotated[UUID | None, typer.Option("--event", metavar="EVENT", help="This event.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option("--since", metavar="TIME", help="All that failed since then (UTC), such as 2026-11-21T08:00:00."),
    ] = None,
) -> Exit:
    """Send one event again, or all that failed since a time."""
    return run_async(_send_again(webhook, event, since))


async def _list() -> Exit:
    from stretto.cli.table import print_table
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        found = await platform.webhooks().list(limit=1000)
    if not found:
        typer.echo("No webhooks yet. `stretto webhook add URL` makes one.", err=True)
        return Exit.DONE
    rows = [
        (
            str(each.id),
            "off" if not each.active else "failing" if each.failing_since else "on",
            each.url,
            " ".join(each.types),
            each.disabled_reason or each.description,
        )
        for each in found
    ]
    print_table(("webhook", "state", "url", "types", "note"), rows)
    return Exit.DONE


async def _add(url: str, types: list[str], description: str) -> Exit:
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        made, secret = await platform.webhooks().add(url, types, description=description, by="operator")
    print(secret)
    print(f"made webhook {made.id}. This is the only time that its secret is shown.", file=sys.stderr)
    return Exit.DONE


async def _test(webhook_id: UUID) -> Exit:
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        delivery = await platform.webhooks().test(webhook_id)
    print(f"event {delivery.event_id} is on its way; `stretto webhook deliveries {webhook_id}` tells what became of it")
    return Exit.DONE


async def _deliveries(webhook_id: UUID, failed: bool, limit: int) -> Exit:
    from stretto.cli.table import print_table
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        found = await platform.webhooks().deliveries(webhook_id, status="failed" if failed else None, limit=limit)
    if not found:
        typer.echo("No deliveries" + (" that failed." if failed else " yet."), err=True)
        return Exit.DONE
    rows = [
        (
            str(each.event_id),
            each.type,
            each.status,
            str(each.attempts),
            "" if each.response_code is None else str(each.response_code),
            "" if each.next_at is None else f"{each.next_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
            each.error or "",
        )
        for each in found
    ]
    print_table(("event", "type", "status", ">attempts", ">answer", "next (UTC)", "error"), rows)
    return Exit.DONE


async def _send_again(webhook_id: UUID, event_id: UUID | None, since: datetime | None) -> Exit:
    from stretto.platform import Platform

    at = since.replace(tzinfo=UTC) if since is not None and since.tzinfo is None else since
    async with Platform.open(worker=False) as platform:
        sent = await platform.webhooks().send_again(webhook_id, event_id=event_id, since=at)
    print(f"{sent} on the way again")
    return Exit.DONE
