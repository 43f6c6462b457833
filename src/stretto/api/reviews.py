"""What waits for a person, and what the person decides."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from stretto.api.body import Body, JsonRoute
from stretto.api.doors import PlatformDoor, PrincipalDoor, needs
from stretto.api.etags import IfMatch, set_etag
from stretto.api.once import OnceDoor
from stretto.api.paging import CursorOf, Limit, Next, page_of
from stretto.api.problems import fails
from stretto.api.shown import FlowName, StepPath
from stretto.auth import Principal
from stretto.errors import (
    IdempotencyConflict,
    Invalid,
    NotPossible,
    PreconditionFailed,
    ReviewClaimed,
    ReviewDecided,
    ReviewNotFound,
)
from stretto.flow.facts import Verdict
from stretto.review import ClosedPlace, Edit, Filter, Link, Place, Review, Reviews, Whole

router = APIRouter(prefix="/v1/reviews", tags=["reviews"], route_class=JsonRoute)
READ, DECIDE = [needs("reviews:read")], [needs("reviews:decide")]
TAKES = fails(ReviewNotFound, ReviewDecided, PreconditionFailed)


async def _reviews(platform: PlatformDoor, principal: PrincipalDoor) -> Reviews:
    return platform.reviews(principal.tenant_id)


ReviewsDoor = Annotated[Reviews, Depends(_reviews)]
"""The reviews of the request's tenant."""


def _place(text: str) -> Place | ClosedPlace:
    return Place.parse(text) if text[:2] in ("0/", "1/") else ClosedPlace.parse(text)


PlaceCursor = Annotated[Place | ClosedPlace | None, Depends(CursorOf(_place))]
"""Lists in the order of the inbox, or of what is over."""
Name = Annotated[str | None, Query(min_length=1, max_length=200)]


class ReviewShown(BaseModel):
    """A review in the list. `excerpt` is the beginning of its content. `mandatory`: only a person can decide, by itself.

    `due_at`: when time decides `on_deadline`. `first_by`: who of two has approved.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    run_id: UUID
    step: str
    attempt: int
    flow: str
    content_type: str
    policy: str
    question: str
    excerpt: str
    judge: str | None
    confidence: float | None
    sensitive: bool
    mandatory: bool
    four_eyes: bool
    state: Literal["open", "decided", "withdrawn"]
    assignee: str | None
    claimed_by: str | None
    claimed_until: datetime | None
    snoozed_until: datetime | None
    due_at: datetime | None
    on_deadline: str | None
    escalate_at: datetime | None
    escalated_at: datetime | None
    first_by: str | None
    verdict: Verdict | None
    decided_by: str | None
    how: Literal["person", "bulk", "deadline"] | None
    created_at: datetime
    closed_at: datetime | None
    version: int


class HappeningShown(BaseModel):
    """Something that happened to a review. `version` is the review's from then on."""

    model_config = ConfigDict(from_attributes=True)

    version: int
    at: datetime
    by: str
    what: str
    detail: dict[str, Any]


class DecisionShown(BaseModel):
    """What was decided. `diff`: a unified diff (`text`) or a JSON Patch (`patch`) from what was shown to `value`.

    One that is not `final` is the first approval of two.
    """

    model_config = ConfigDict(from_attributes=True)

    how: Literal["person", "bulk", "deadline"]
    verdict: Verdict
    by: str
    comments: str
    edited: bool
    value: Any
    diff: dict[str, Any] | None
    final: bool
    at: datetime


class ReviewDetail(ReviewShown):
    """A review with all that a person needs: the content, why it came (`reason`: a judge's output), what happened so far,
    and in `next` what happens after each decision.

    `form`: a JSON Schema that what is approved must fit, where something asks in the middle of its work, as a server of tools may.
    """

    content: Any
    reason: Any
    stated: float | None
    bulk_from: float | None
    media: list[Any]
    history: list[HappeningShown]
    decisions: list[DecisionShown]
    next: dict[str, str]
    form: dict[str, Any] | None


class ReviewList(BaseModel):
    """Sensitive ones first, then the least confident, then the oldest; of what is over the latest first."""

    reviews: list[ReviewShown]
    next: Next


class NewDecision(Body):
    """A person's verdict. `value` replaces what was shown: edit and approve. `changes` goes back with the comments."""

    verdict: Verdict
    comments: str = Field(default="", max_length=20_000)
    value: Any = None


class NewAssignment(Body):
    """To whom: somebody, `role admin`, or null for nobody."""

    assignee: Annotated[str, Field(min_length=1, max_length=200)] | None


class NewSnooze(Body):
    """Until when, at most 30 days from now."""

    until: Annotated[datetime, Field(strict=False)]


class NewBulkDecision(Body):
    """One verdict on many reviews."""

    reviews: Annotated[list[Annotated[UUID, Field(strict=False)]], Field(min_length=1, max_length=500)]
    verdict: Literal["approve", "reject"]
    comments: str = Field(default="", max_length=20_000)


class LeftShown(BaseModel):
    """A review that was left as it is, and why."""

    id: UUID
    reason: str


class BulkShown(BaseModel):
    """Which were decided, and which were not."""

    done: list[UUID]
    left: list[LeftShown]


class NewLink(Body):
    """For whom, in a few words, and for how long (at most 7 days)."""

    to: str = Field(default="", max_length=100)
    expires_in_s: int = Field(default=86_400, ge=60, le=604_800)


class LinkMade(BaseModel):
    """Whoever has this address may decide the review, as it is now."""

    url: str
    expires_at: datetime


class WaitingShown(BaseModel):
    """What waits now."""

    model_config = ConfigDict(from_attributes=True)

    open: int
    sensitive: int
    mandatory: int
    unassigned: int
    claimed: int
    snoozed: int
    escalated: int
    oldest_at: datetime | None


class DecidedShown(BaseModel):
    """What was decided, how, and how long people let it wait (null where they decided nothing)."""

    model_config = ConfigDict(from_attributes=True)

    all: int
    by_person: int
    by_bulk: int
    by_deadline: int
    approved: int
    rejected: int
    changes: int
    wait_p50_s: float | None
    wait_p95_s: float | None
    share_by_people: float | None


class DeciderShown(BaseModel):
    """Somebody who decided (time too), and how often what."""

    model_config = ConfigDict(from_attributes=True)

    by: str
    all: int
    approved: int
    rejected: int
    changes: int


class OverturnedShown(BaseModel):
    """How often people decided otherwise than a judge leaned, of one topic or (null) over all."""

    model_config = ConfigDict(from_attributes=True)

    judge: str
    topic: str | None
    decided: int
    overturned: int
    rate: float


class SuggestionShown(BaseModel):
    """Thresholds for a judge in a flow that keep the error below the target, as confidences count there (calibrated, where the judge is);
    null: none does."""

    model_config = ConfigDict(from_attributes=True)

    flow: str
    judge: str
    content_type: str
    decisions: int
    target_error: float
    approve: float | None
    reject: float | None


class FiguresShown(BaseModel):
    """How the inbox does: what waits, what was decided since and by whom (at most 100, the busiest first), how often judges were
    overturned, and thresholds that would do."""

    model_config = ConfigDict(from_attributes=True)

    since: datetime
    waiting: WaitingShown
    decided: DecidedShown
    deciders: list[DeciderShown]
    overturned: list[OverturnedShown]
    suggested: list[SuggestionShown]


async def _filter(  # noqa: PLR0913, PLR0917 - one for each parameter of the list
    principal: PrincipalDoor,
    state: Annotated[
        Literal["open", "decided", "withdrawn"], Query(description="What waits, what was decided, or what went away.")
    ] = "open",
    run_id: Annotated[UUID | None, Query(description="Of this run alone.")] = None,
    step: Annotated[StepPath | None, Query(description="Of this step of the run.")] = None,
    flow: Annotated[FlowName | None, Query(description="Of runs of this flow.")] = None,
    content_type: Annotated[Name, Query(description="Of this kind of content.")] = None,
    policy: Annotated[Name, Query(description="Judged by this policy.")] = None,
    mine: Annotated[bool, Query(description="Assigned to you or your role, or claimed by you.")] = False,
    unassigned: Annotated[bool, Query(description="Assigned to nobody.")] = False,
    unclaimed: Annotated[bool, Query(description="That nobody has in hand.")] = False,
    sensitive: Annotated[bool | None, Query(description="Only sensitive ones, or only others.")] = None,
    urgent: Annotated[bool, Query(description="Escalated, or time decides within the hour.")] = False,
    snoozed: Annotated[bool, Query(description="Those too that are put off.")] = False,
    confidence_from: Annotated[
        float | None, Query(ge=0, le=1, description="Only those that a judge is at least so confident of.")
    ] = None,
) -> Filter:
    return Filter(
        state=state,
        run_id=run_id,
        step=step,
        flow=flow,
        content_type=content_type,
        policy=policy,
        mine=names_of(principal) if mine else None,
        unassigned=unassigned,
        unclaimed=unclaimed,
        sensitive=sensitive,
        urgent=urgent,
        snoozed=snoozed,
        confidence_from=confidence_from,
    )


@router.get("", dependencies=READ, responses=fails(Invalid))
async def list_reviews(
    reviews: ReviewsDoor, wanted: Annotated[Filter, Depends(_filter)], place: PlaceCursor, limit: Limit = 50
) -> ReviewList:
    """What waits for a person: sensitive first, then the least confident, then the oldest."""
    kind = Place if wanted.state == "open" else ClosedPlace
    if place is not None and type(place) is not kind:
        raise Invalid(f"The cursor is of another list than the one with state={wanted.state}. Send `next` of this one.")
    page, following = page_of(await reviews.list(wanted, after=place, limit=limit + 1), limit, kind.of)
    return ReviewList(reviews=[ReviewShown.model_validate(each) for each in page], next=following)


@router.get("/figures", dependencies=READ, responses=fails(Invalid))
async def review_figures(
    reviews: ReviewsDoor,
    days: Annotated[int, Query(ge=1, le=366, description="Of how many days.")] = 30,
    target_error: Annotated[
        float, Query(gt=0, lt=0.5, description="How much error the suggested thresholds may leave.")
    ] = 0.05,
    since: Annotated[datetime | None, Query(description="Since this time, with its zone, in place of `days`.")] = None,
) -> FiguresShown:
    """Waiting times, who decides, how often judges were overturned, and thresholds that would do."""
    if since is not None and since.tzinfo is None:
        raise Invalid("`since` needs a time zone. Write it like `2030-01-31T00:00:00Z`.")
    since = since or datetime.now(UTC) - timedelta(days=days)
    return FiguresShown.model_validate(await reviews.figures(since=since, target_error=target_error))


@router.post("/bulk", dependencies=DECIDE, responses=fails(Invalid, IdempotencyConflict))
async def decide_reviews(
    new: NewBulkDecision, reviews: ReviewsDoor, principal: PrincipalDoor, once: OnceDoor
) -> BulkShown:
    """Decide many at once: those that are open, not mandatory, and of enough confidence. Says why others were left."""
    found = await reviews.decide_many(new.reviews, new.verdict, by=principal.by, comments=new.comments, once=once)
    left = [LeftShown(id=review_id, reason=reason) for review_id, reason in found.left.items()]
    return BulkShown(done=list(found.done), left=left)


@router.get("/{review_id}", dependencies=READ, responses=fails(ReviewNotFound))
async def get_review(review_id: UUID, reviews: ReviewsDoor, response: Response) -> ReviewDetail:
    """One review with all that a person needs to decide."""
    return _detail(await reviews.whole(review_id), response)


@router.post(
    "/{review_id}/decision",
    status_code=202,
    dependencies=DECIDE,
    responses=fails(
        Invalid, ReviewNotFound, ReviewDecided, ReviewClaimed, NotPossible, IdempotencyConflict, PreconditionFailed
    ),
)
async def decide_review(
    review_id: UUID,
    new: NewDecision,
    reviews: ReviewsDoor,
    principal: PrincipalDoor,
    version: IfMatch,
    once: OnceDoor,
    response: Response,
) -> ReviewDetail:
    """Decide, durably; the run goes on. Of two decisions the first counts; the second gets a 409 that says who and when."""
    await reviews.decide(
        review_id,
        new.verdict,
        by=principal.by,
        comments=new.comments,
        edit=Edit(new.value) if "value" in new.model_fields_set else None,
        version=version,
        once=once,
    )
    return _detail(await reviews.whole(review_id), response)


@router.post("/{review_id}/claim", dependencies=DECIDE, responses=TAKES | fails(ReviewDecided, ReviewClaimed))
async def claim_review(
    review_id: UUID, reviews: ReviewsDoor, principal: PrincipalDoor, version: IfMatch, response: Response
) -> ReviewShown:
    """Take a review in hand for 15 minutes, so that nobody else decides it meanwhile. Again: for as long from now."""
    return _shown(await reviews.claim(review_id, principal.by, version=version), response)


@router.post("/{review_id}/release", dependencies=DECIDE, responses=TAKES | fails(ReviewDecided, NotPossible))
async def release_review(
    review_id: UUID, reviews: ReviewsDoor, principal: PrincipalDoor, version: IfMatch, response: Response
) -> ReviewShown:
    """Give a review back that you have claimed."""
    return _shown(await reviews.release(review_id, principal.by, version=version), response)


@router.post("/{review_id}/assign", dependencies=DECIDE, responses=TAKES)
async def assign_review(
    review_id: UUID,
    new: NewAssignment,
    reviews: ReviewsDoor,
    principal: PrincipalDoor,
    version: IfMatch,
    response: Response,
) -> ReviewShown:
    """Give a review to somebody, to a role or to nobody. Others may decide it all the same."""
    return _shown(await reviews.assign(review_id, new.assignee, principal.by, version=version), response)


@router.post("/{review_id}/snooze", dependencies=DECIDE, responses=TAKES | fails(Invalid))
async def snooze_review(
    review_id: UUID,
    new: NewSnooze,
    reviews: ReviewsDoor,
    principal: PrincipalDoor,
    version: IfMatch,
    response: Response,
) -> ReviewShown:
    """Put a review off: lists leave it out until then. Its deadline stays."""
    if new.until.tzinfo is None:
        raise Invalid("`until` needs a time zone. Write it like `2030-01-31T09:00:00Z`.")
    return _shown(await reviews.snooze(review_id, new.until, principal.by, version=version), response)


@router.post(
    "/{review_id}/link",
    status_code=201,
    dependencies=DECIDE,
    responses=fails(ReviewNotFound, ReviewDecided, NotPossible),
)
async def link_review(
    review_id: UUID,
    new: NewLink,
    reviews: ReviewsDoor,
    platform: PlatformDoor,
    principal: PrincipalDoor,
    request: Request,
) -> LinkMade:
    """Make a link with which somebody without an account may decide this review. A later change of the review ends it, and so
    does the end of the key, or of the membership, that made it."""
    review = await reviews.linkable(review_id)
    expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=new.expires_in_s)
    by = f"link of {principal.by}" + (f" for {new.to.strip()}" if new.to.strip() else "")
    grantor = await platform.grantors.of(principal)
    link = Link(principal.tenant_id, review_id, review.version, int(expires_at.timestamp()), by, grantor)
    here = platform.settings.public_url or str(request.base_url)
    url = f"{here.rstrip('/')}/reviews/link/{await platform.links.sign(link)}"
    return LinkMade(url=url, expires_at=expires_at)


def names_of(principal: Principal) -> list[str]:
    """The names under which something may be assigned to somebody."""
    return [principal.by, principal.by.partition(" ")[2] or principal.by, f"role {principal.role}"]


def _shown(review: Review, response: Response) -> ReviewShown:
    set_etag(response, review.version)
    return ReviewShown.model_validate(review)


def _detail(whole: Whole, response: Response) -> ReviewDetail:
    shown: Mapping[str, Any] = _shown(whole.review, response).model_dump()
    return ReviewDetail(
        **shown,
        content=whole.content,
        reason=whole.reason,
        stated=whole.stated,
        bulk_from=whole.bulk_from,
        media=list(whole.media),
        history=[HappeningShown.model_validate(each) for each in whole.history],
        decisions=[DecisionShown.model_validate(each) for each in whole.decisions],
        next=dict(whole.next),
        form=None if whole.form is None else dict(whole.form),
    )
