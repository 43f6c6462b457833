"""`stretto review bulk`: one decision for many, after a look at what it takes in and what it leaves."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from stretto.cli.exits import Exit, run_async
from stretto.cli.options import By, me

if TYPE_CHECKING:
    from uuid import UUID

    from stretto.review import Bulk, Review, Reviews

MOST_PAGES = 20
"""So many pages of the inbox are looked through for what may be decided together."""
MOST_TOLD = 50
"""So many of those that are left are told of one by one."""


def bulk(  # noqa: PLR0913, PLR0917 - one for each option
    verdict: Annotated[Literal["approve", "reject"], typer.Argument(help="What is decided.", show_default=False)],
    reviews: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Reviews, as in the other commands.", show_default=False),
    ] = None,
    all_over: Annotated[
        float | None,
        typer.Option(
            "--all-over",
            metavar="CONFIDENCE",
            min=0.0,
            max=1.0,
            help="All that a judge is at least so confident of, from 0 to 1.",
        ),
    ] = None,
    run: Annotated[str | None, typer.Option("--run", metavar="RUN", help="Of these, only those of this run.")] = None,
    flow: Annotated[str | None, typer.Option("--flow", metavar="FLOW", help="Only those of this flow's runs.")] = None,
    content_type: Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Only such content.")] = None,
    comment: Annotated[str, typer.Option("--comment", metavar="TEXT", help="Why; the flows can read it.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    by: By = "",
) -> Exit:
    """Decide many at once, after showing which. What is mandatory, doubtful or in somebody's hand is left, with the reason."""
    given = {"run": run, "flow": flow, "content_type": content_type}
    return run_async(_bulk(verdict, reviews or [], all_over, given, comment, yes, by or me()))


async def _bulk(
    verdict: Literal["approve", "reject"],
    named: list[str],
    all_over: float | None,
    given: dict[str, str | None],
    comment: str,
    yes: bool,
    by: str,
) -> Exit:
    from stretto.cli.amounts import count
    from stretto.cli.reviews import found_in
    from stretto.errors import Invalid
    from stretto.platform import Platform
    from stretto.review import Filter

    if bool(named) == (all_over is not None):
        raise Invalid("Say which: either reviews by their ids, or --all-over CONFIDENCE.")
    if named and any(given.values()):
        raise Invalid("--run, --flow and --type go with --all-over. Leave them out, or the ids.")
    async with Platform.open(worker=False) as platform:
        reviews = platform.reviews()
        if named:
            preview = await reviews.decidable([await found_in(platform, text) for text in named], by)
        else:
            run_id = None if given["run"] is None else await platform.runs().find(given["run"])
            wanted = Filter(
                run_id=run_id, flow=given["flow"], content_type=given["content_type"], confidence_from=all_over
            )
            preview = await _chosen(reviews, wanted, by)
        await _show(reviews, preview, verdict)
        if not preview.done:
            typer.echo("Nothing was decided.", err=True)
            return Exit.BAD_INPUT if named else Exit.DONE
        if not (yes or _confirmed(f"{verdict.capitalize()} {count(len(preview.done), 'review')}?")):
            typer.echo("Nothing was decided.", err=True)
            return Exit.DONE
        found = await reviews.decide_many(preview.done, verdict, by=by, comments=comment)
    past = {"approve": "approved", "reject": "rejected"}[verdict]
    print(f"{past} {count(len(found.done), 'review')}")
    _tell_left(found, "meanwhile: ")
    return Exit.DONE


async def _chosen(reviews: Reviews, wanted: Any, by: str) -> Bulk:
    """As many of those wanted as one decision takes, and what was passed over on the way."""
    from stretto.review import Bulk, Place
    from stretto.review.reviews import MOST_AT_ONCE

    done: list[UUID] = []
    left: dict[UUID, str] = {}
    after: Place | None = None
    for _ in range(MOST_PAGES):
        page = await reviews.list(wanted, after=after, limit=MOST_AT_ONCE)
        found = await reviews.decidable([each.id for each in page], by)
        done += found.done
        left |= found.left
        if len(page) < MOST_AT_ONCE:
            break
        after = Place.of(page[-1])
        if len(done) >= MOST_AT_ONCE:
            break
    if len(done) > MOST_AT_ONCE or after is not None:
        typer.echo(f"There may be more; one decision takes {MOST_AT_ONCE}. Say it again for the rest.", err=True)
    return Bulk(done[:MOST_AT_ONCE], left)


async def _show(reviews: Reviews, preview: Bulk, verdict: str) -> None:
    """What would be decided, and what would be left with the reason."""
    from stretto.cli.amounts import brief
    from stretto.cli.following import short
    from stretto.cli.table import print_table
    from stretto.review import Filter

    rows: list[Review] = []
    if preview.done:
        rows = await reviews.list(Filter(ids=preview.done, snoozed=True), limit=len(preview.done))
    if rows:
        told = [
            (
                short(each.id),
                f"{short(each.run_id)}/{each.step}",
                "" if each.confidence is None else f"{each.confidence:.2f}",
                brief(each.question),
                brief(each.excerpt),
            )
            for each in rows
        ]
        print_table((verdict, "run/step", ">conf", "question", "shows"), told)
    _tell_left(preview, "")


def _tell_left(found: Bulk, when: str) -> None:
    from stretto.cli.following import short
    from stretto.cli.safe_text import one_line

    for review_id, reason in list(found.left.items())[:MOST_TOLD]:
        typer.echo(f"left {short(review_id)}: {when}{one_line(reason, 500)}", err=True)
    if len(found.left) > MOST_TOLD:
        typer.echo(f"left {len(found.left) - MOST_TOLD:,} more", err=True)


def _confirmed(question: str) -> bool:
    """Whether who sits at the terminal says yes. Raises `Invalid` where nobody does."""
    from stretto.errors import Invalid

    if not sys.stdin.isatty():
        raise Invalid(f"{question} Nobody can be asked here, so nothing was decided. Say --yes to do it.")
    return typer.confirm(question, err=True)
