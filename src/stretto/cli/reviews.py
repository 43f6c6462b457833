"""`stretto review`: what waits for a person, and the person's decision."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stretto.cli.exits import Exit, run_async
from stretto.cli.options import By, me

if TYPE_CHECKING:
    from uuid import UUID

    from stretto.flow.facts import Verdict
    from stretto.platform import Platform
    from stretto.review import Edit, Review, Whole

review = typer.Typer(name="review", help="Decide what waits for a person.", no_args_is_help=True)

ReviewId = Annotated[
    str,
    typer.Argument(metavar="ID", help="A review's id, or how it ends; or RUN/STEP.", show_default=False),
]
Comment = Annotated[str, typer.Option("--comment", metavar="TEXT", help="Why; the flow can read it.")]


@review.command("list")
def list_reviews(
    run: Annotated[str | None, typer.Option("--run", metavar="RUN", help="Only of this run.")] = None,
    flow: Annotated[str | None, typer.Option("--flow", metavar="FLOW", help="Only of this flow's runs.")] = None,
    content_type: Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Only such content.")] = None,
    sensitive: Annotated[bool, typer.Option("--sensitive", help="Only sensitive ones.")] = False,
    urgent: Annotated[bool, typer.Option("--urgent", help="Only escalated ones, or due within the hour.")] = False,
    snoozed: Annotated[bool, typer.Option("--snoozed", help="Those too that are put off.")] = False,
    decided: Annotated[bool, typer.Option("--decided", help="What was decided, the latest first.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=1000, help="How many at most.")] = 50,
) -> Exit:
    """List what waits: sensitive first, then the least confident, then the oldest."""
    wanted = {
        "flow": flow,
        "content_type": content_type,
        "sensitive": sensitive or None,
        "urgent": urgent,
        "snoozed": snoozed,
        "state": "decided" if decided else "open",
    }
    return run_async(_list(run, wanted, limit))


@review.command()
def show(review: ReviewId) -> Exit:
    """Show a review whole: the content, why it came, what happened, what comes after each decision."""
    return run_async(_show(review))


@review.command()
def approve(review: ReviewId, comment: Comment = "", by: By = "") -> Exit:
    """Let it pass as it is."""
    return run_async(_decide(review, "approve", comment, None, by or me()))


@review.command()
def reject(review: ReviewId, comment: Comment = "", by: By = "") -> Exit:
    """Do not let it pass."""
    return run_async(_decide(review, "reject", comment, None, by or me()))


@review.command()
def edit(
    review: ReviewId,
    value: Annotated[str | None, typer.Option("--value", metavar="JSON", help="What takes its place.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="A file whose text takes its place.")
    ] = None,
    comment: Comment = "",
    by: By = "",
) -> Exit:
    """Change it, and let it pass so."""
    return run_async(_edit(review, value, file, comment, by or me()))


@review.command()
def changes(
    review: ReviewId,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What should be changed.", show_default=False)],
    by: By = "",
) -> Exit:
    """Give it back to whoever made it, with what should be changed."""
    return run_async(_decide(review, "changes", text, None, by or me()))


@review.command()
def claim(review: ReviewId, by: By = "") -> Exit:
    """Take a review in hand for 15 minutes, so that nobody else decides it."""
    who = by or me()

    async def change(platform: Platform, review_id: UUID) -> str:
        claimed = await platform.reviews().claim(review_id, who)
        return f"{who} has it in hand until {claimed.claimed_until:%H:%M} UTC"

    return run_async(_change(review, change))


@review.command()
def release(review: ReviewId, by: By = "") -> Exit:
    """Give a review back that you have claimed."""
    who = by or me()

    async def change(platform: Platform, review_id: UUID) -> str:
        await platform.reviews().release(review_id, who)
        return "released"

    return run_async(_change(review, change))


@review.command()
def assign(
    review: ReviewId,
    to: Annotated[str, typer.Argument(metavar="WHO", help="Somebody, `role admin`, or - for nobody.")],
    by: By = "",
) -> Exit:
    """Give a review to somebody. Others may decide it all the same."""
    who = by or me()

    async def change(platform: Platform, review_id: UUID) -> str:
        await platform.reviews().assign(review_id, None if to == "-" else to, who)
        return "assigned to nobody" if to == "-" else f"assigned to {to}"

    return run_async(_change(review, change))


@review.command()
def snooze(
    review: ReviewId,
    length: Annotated[str, typer.Argument(metavar="FOR", help="How long, such as 2h or 3d.", show_default=False)],
    by: By = "",
) -> Exit:
    """Put a review off; lists leave it out meanwhile. Its deadline stays."""
    from datetime import UTC, datetime, timedelta

    from stretto.cli.values import seconds_of

    who, until = by or me(), datetime.now(UTC) + timedelta(seconds=seconds_of(length))

    async def change(platform: Platform, review_id: UUID) -> str:
        await platform.reviews().snooze(review_id, until, who)
        return f"put off until {until:%Y-%m-%d %H:%M} UTC"

    return run_async(_change(review, change))


@review.command()
def link(
    review: ReviewId,
    to: Annotated[str, typer.Option("--to", metavar="NAME", help="For whom, as the audit log keeps it.")] = "",
    length: Annotated[str, typer.Option("--for", metavar="LENGTH", help="How long it counts; at most 7d.")] = "24h",
    by: By = "",
) -> Exit:
    """Print a signed link with which somebody without an account may decide."""
    return run_async(_link(review, to, length, by or me()))


@review.command()
def figures(
    days: Annotated[int, typer.Option("--days", metavar="N", min=1, max=366, help="Of how many days.")] = 30,
    target: Annotated[
        float, typer.Option("--target-error", metavar="SHARE", min=0.001, max=0.49, help="For suggested thresholds.")
    ] = 0.05,
) -> Exit:
    """Show waiting times, who decides, how often judges are overturned, and thresholds that would do."""
    return run_async(_figures(days, target))


async def found_in(platform: Platform, text: str) -> UUID:
    """The review that is meant: by its id, or as RUN/STEP, where the step's plain id will do."""
    from stretto.cli.following import short
    from stretto.errors import NotPossible
    from stretto.review import Filter

    reviews = platform.reviews()
    run, slash, step = text.partition("/")
    if not slash:
        return await reviews.find(text)
    run_id = await platform.runs().find(run)
    waiting = await reviews.list(Filter(run_id=run_id, snoozed=True), limit=1000)
    fitting = [each for each in waiting if step in (each.step, plain_id(each.step))]
    if len(fitting) == 1:
        return fitting[0].id
    over = await reviews.list(Filter(state="decided", run_id=run_id), limit=1000)
    past = [each for each in over if step in (each.step, plain_id(each.step))]
    if not fitting and past:
        return past[0].id
    some = ", ".join(each.step for each in fitting or waiting) or "none"
    why = "fits several" if fitting else "does not wait for a decision (any more)"
    raise NotPossible(f"Step {step!r} of run {short(run_id)} {why}. What waits there: {some}.")


def plain_id(path: str) -> str:
    """The id of the step at a path, without the way to it."""
    return path.rpartition(".")[2].partition("[")[0]


async def _list(run: str | None, wanted: dict[str, Any], limit: int) -> Exit:
    from datetime import UTC, datetime

    from stretto.cli.amounts import age, brief
    from stretto.cli.following import short
    from stretto.cli.table import print_table
    from stretto.platform import Platform
    from stretto.review import Filter

    async with Platform.open(worker=False) as platform:
        run_id = None if run is None else await platform.runs().find(run)
        found = await platform.reviews().list(Filter(run_id=run_id, **wanted), limit=limit)
    if not found:
        typer.echo("Nothing waits for a person." if wanted["state"] == "open" else "Nothing was decided.", err=True)
        return Exit.DONE
    now = datetime.now(UTC)
    rows = [
        (
            short(each.id),
            f"{short(each.run_id)}/{each.step}",
            age((now - each.created_at).total_seconds()),
            "" if each.confidence is None else f"{each.confidence:.2f}",
            _marks(each),
            brief(each.question),
            brief(each.excerpt),
        )
        for each in found
    ]
    print_table(("review", "run/step", ">age", ">conf", "", "question", "shows"), rows)
    if wanted["state"] == "open":
        typer.echo("\nstretto review show ID shows one whole; approve, reject, edit or changes decides.", err=True)
    return Exit.DONE


def _marks(review: Review) -> str:
    if review.state == "decided":
        return f"{review.verdict} by {review.decided_by}"
    marks = [
        "sensitive" if review.sensitive else "",
        "mandatory" if review.mandatory else "",
        "escalated" if review.escalated_at else "",
        f"for {review.assignee}" if review.assignee else "",
    ]
    return ", ".join(mark for mark in marks if mark)


async def _show(text: str) -> Exit:
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        whole = await platform.reviews().whole(await found_in(platform, text))
    _print(whole)
    return Exit.DONE


async def _decide(text: str, verdict: Verdict, comment: str, edit: Edit | None, by: str) -> Exit:
    from stretto.cli.control import HEARD_S, heard, unheard
    from stretto.cli.following import short
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        review_id = await found_in(platform, text)
        decided = await platform.reviews().decide(review_id, verdict, by=by, comments=comment, edit=edit)
        name = short(decided.run_id)
        if decided.state == "open":
            print(f"approved {decided.step} of {name}; another person has to approve too")
            return Exit.DONE
        past = {"approve": "approved", "reject": "rejected", "changes": "gave back"}[verdict]
        print(f"{past} {decided.step} of {name}{' as edited' if edit is not None else ''}")
        if not await heard(platform, decided.run_id, HEARD_S):
            print(unheard(name))
    return Exit.DONE


async def _edit(text: str, value: str | None, file: Path | None, comment: str, by: str) -> Exit:
    from stretto.cli.values import json_value
    from stretto.errors import Invalid
    from stretto.review import Edit

    if (value is None) == (file is None):
        raise Invalid("Give what takes its place: --value JSON, or --file FILE.")
    if value is not None:
        made: object = json_value(value, "--value")
    else:
        assert file is not None
        try:
            made = await asyncio.to_thread(file.read_text, encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Invalid(f"The file {file} cannot be read: {error}.") from None
    return await _decide(text, "approve", comment, Edit(made), by)


async def _change(text: str, change: Callable[[Platform, UUID], Awaitable[str]]) -> Exit:
    from stretto.cli.following import short
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        review_id = await found_in(platform, text)
        print(f"{short(review_id)}: {await change(platform, review_id)}")
    return Exit.DONE


async def _link(text: str, to: str, length: str, by: str) -> Exit:
    from datetime import UTC, datetime

    from stretto.cli.values import seconds_of
    from stretto.platform import Platform
    from stretto.review import Link

    until = int(datetime.now(UTC).timestamp() + seconds_of(length))
    async with Platform.open(worker=False) as platform:
        reviews = platform.reviews()
        waiting = await reviews.linkable(await found_in(platform, text))
        who = f"link of {by}" + (f" for {to}" if to else "")
        token = await platform.links.sign(Link(reviews.tenant_id, waiting.id, waiting.version, until, who))
        settings = platform.settings
        here = settings.public_url or f"http://{settings.host}:{settings.port}"
    print(f"{here.rstrip('/')}/reviews/link/{token}")
    return Exit.DONE


async def _figures(days: int, target: float) -> Exit:
    from datetime import UTC, datetime, timedelta

    from stretto.cli.amounts import age, count
    from stretto.cli.table import print_table
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        since = datetime.now(UTC) - timedelta(days=days)
        found = await platform.reviews().figures(since=since, target_error=target)
    waiting, decided = found.waiting, found.decided
    print(f"waiting   {count(waiting.open, 'review')}, {waiting.sensitive} sensitive, {waiting.mandatory} mandatory")
    share = "" if decided.share_by_people is None else f", {decided.share_by_people:.0%} by people"
    print(f"decided   {count(decided.all, 'review')} in {count(days, 'day')}{share}")
    if decided.wait_p50_s is not None and decided.wait_p95_s is not None:
        print(f"waited    {age(decided.wait_p50_s)} (p50), {age(decided.wait_p95_s)} (p95)")
    if found.overturned:
        rows = [(each.judge, each.topic or "all", str(each.decided), f"{each.rate:.1%}") for each in found.overturned]
        print()
        print_table(("judge", "topic", ">decided", ">overturned"), rows)
    if found.suggested:
        told = [
            (
                each.flow,
                each.judge,
                each.content_type or "all",
                str(each.decisions),
                _threshold(each.approve),
                _threshold(each.reject),
            )
            for each in found.suggested
        ]
        print()
        print_table(("flow", "judge", "content", ">decisions", ">approve from", ">reject below"), told)
    return Exit.DONE


def _threshold(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def fields_of(form: Mapping[str, Any]) -> list[str]:
    """A form's fields, a line each."""
    required: list[str] = form.get("required", [])
    fields: Mapping[str, dict[str, Any] | bool] = form.get("properties", {})
    lines: list[str] = []
    for name, field in fields.items():
        told = {} if isinstance(field, bool) else field
        kind = " | ".join(map(str, told["enum"])) if "enum" in told else str(told.get("type", "any"))
        words = ": ".join(str(told[key]) for key in ("title", "description") if key in told)
        lines.append(f"  {name} ({kind}{'' if name in required else ', optional'}) {words}".rstrip())
    return lines or ["  nothing: approve says yes"]


def _print(whole: Whole) -> None:
    from stretto.cli.amounts import plain
    from stretto.cli.following import short
    from stretto.cli.safe_text import safe

    review = whole.review
    lines = [f"{review.step} of {short(review.run_id)} ({review.flow}): {review.question or 'Approve this?'}", ""]
    if whole.content is not None:
        lines += [plain(whole.content).rstrip(), ""]
    if whole.form is not None:
        lines += ["to fill in (edit ID --value JSON):", *fields_of(whole.form), ""]
    if review.confidence is not None:
        lines.append(f"{review.judge or 'a judge'} is confident by {review.confidence:.2f}")
    lines += [f"  {reason}" for reason in whole.reasons]
    if marks := _marks(review):
        lines.append(marks)
    lines += [f"media: {each}" for each in whole.media]
    for each in whole.history:
        lines.append(f"{each.at:%Y-%m-%d %H:%M:%S}  {each.what}{f' by {each.by}' if each.by else ''}")
    for each in whole.decisions:
        lines.append(f"{each.verdict} by {each.by}{f': {each.comments}' if each.comments else ''}")
        if each.diff is not None and "text" in each.diff:
            lines.append(str(each.diff["text"]))
    print(safe("\n".join(lines)))
    if review.state == "open":
        told = "\n".join(f"{what:8} {text}" for what, text in whole.next.items())
        typer.echo(
            safe(f"\n{told}\n\nstretto review approve {short(review.id)}    (or reject, edit, changes)"), err=True
        )
