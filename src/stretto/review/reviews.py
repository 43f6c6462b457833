"""The door to a tenant's reviews: see what waits for a person, take it in hand, decide."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from stretto.errors import Invalid, NotPossible, PreconditionFailed, ReviewClaimed, ReviewDecided, ReviewNotFound
from stretto.flow.facts import Verdict
from stretto.review.difference import difference
from stretto.review.figures import MOST_DECISIONS, CountsAs, Figures, as_stated, figures_of, suggestions
from stretto.review.filled import check_form
from stretto.review.records import (
    Bulk,
    ClosedPlace,
    Deciding,
    Edit,
    Filter,
    PastDecision,
    Place,
    Review,
    Whole,
)
from stretto.review.store import (
    Locked,
    ReviewStore,
    Standing,
    Written,
    decide_bulk,
    first_approval,
    lock,
    write_decision,
)
from stretto.store import Database
from stretto.store.idempotency import Once, claim

CLAIM_S = 900.0
"""So long a claim counts; then others may take the review in hand."""
LONGEST_SNOOZE = timedelta(days=30)
MOST_AT_ONCE = 500
"""So many reviews one bulk decision takes."""
IN_HAND = "somebody is deciding it just now"
_plain = msgspec.json.Encoder(order="sorted").encode


class Reviews:
    """What one tenant can do with reviews.

    Every method that names a review raises `ReviewNotFound` for one that the tenant does not have. A decision writes the
    review, its history, the audit log, the event and the signal to the run in one transaction.
    """

    def __init__(self, database: Database, tenant_id: UUID, counts_as: CountsAs | None = None) -> None:
        """`counts_as` tells what judges' confidences come to (default: as stated); only figures ask it."""
        self.database = database
        self.tenant_id = tenant_id
        self._counts_as = counts_as or as_stated
        self._store = ReviewStore(database, tenant_id)

    # Look

    async def list(
        self, wanted: Filter | None = None, *, after: Place | ClosedPlace | None = None, limit: int = 50
    ) -> list[Review]:
        """What waits: sensitive first, then the least confident, then the oldest. What is over: the latest first."""
        wanted = wanted or Filter()
        if wanted.state == "open":
            return await self._store.open(wanted, after if isinstance(after, Place) else None, limit)
        return await self._store.closed(wanted, after if isinstance(after, ClosedPlace) else None, limit)

    async def get(self, review_id: UUID) -> Review:
        """One review as the list shows it."""
        found = await self._store.get(review_id)
        if found is None:
            raise _unknown(review_id)
        return found

    async def linkable(self, review_id: UUID) -> Review:
        """One review that a link may be made for. Raises `ReviewDecided`, or `NotPossible` where two must log in."""
        review = await self.get(review_id)
        if review.state != "open":
            raise _over(review)
        if review.four_eyes:
            raise NotPossible(
                "Two different people must approve this review, and a link does not tell who opens it. "
                "Let both log in, or give each a key.",
                review_id=review_id,
            )
        return review

    async def whole(self, review_id: UUID) -> Whole:
        """One review with its content, reasons, history and decisions."""
        found = await self._store.whole(review_id)
        if found is None:
            raise _unknown(review_id)
        return found

    async def find(self, text: str) -> UUID:
        """The review with this id, or whose id ends so (as `stretto review list` shows it)."""
        try:
            return UUID(text)
        except ValueError:
            found = await self._store.find(text)
        if len(found) == 1:
            return found[0]
        told = "several reviews" if found else "no review"
        raise ReviewNotFound(f"{text!r} fits {told}. `stretto review list` lists them; give more of the id.")

    async def of_step(self, run_id: UUID, step: str) -> UUID:
        """The latest review of a run's step."""
        found = await self._store.of_step(run_id, step)
        if found is None:
            raise ReviewNotFound(
                f"Step {step!r} of run {run_id} has asked nobody. `stretto review list` shows what does."
            )
        return found

    async def decisions(
        self,
        *,
        judge: str | None = None,
        flow: str | None = None,
        content_type: str | None = None,
        limit: int = MOST_DECISIONS,
    ) -> Sequence[PastDecision]:
        """What people decided, each by himself, about what judges had scored; the latest first."""
        return await self._store.past_decisions(judge, flow, content_type, limit)

    async def approved_before(self, flow: str, content_type: str) -> bool:
        """Whether a person has ever approved such content of this flow."""
        return await self._store.approved_before(flow, content_type)

    async def figures(self, *, since: datetime | None = None, target_error: float = 0.05) -> Figures:
        """How the inbox does: since then (default: the last 30 days)."""
        since = since or datetime.now(UTC) - timedelta(days=30)
        counts, decided, deciders, overturned = await self._store.figures(since)
        past = await self._store.past_decisions(None, None, None, MOST_DECISIONS, since)
        suggested = await suggestions(past, self._counts_as, target_error)
        return figures_of(since, counts, decided, deciders, overturned, suggested)

    # Take in hand

    async def claim(self, review_id: UUID, by: str, *, version: int | None = None) -> Review:
        """Take a review in hand for 15 minutes, or for as long again. `ReviewClaimed` when somebody else has it."""
        until = datetime.now(UTC) + timedelta(seconds=CLAIM_S)
        return await self._change("claim", review_id, {"by": by, "until": until, "version": version})

    async def release(self, review_id: UUID, by: str, *, version: int | None = None) -> Review:
        """Give a review back that one has claimed."""
        return await self._change("release", review_id, {"by": by, "version": version})

    async def assign(self, review_id: UUID, assignee: str | None, by: str, *, version: int | None = None) -> Review:
        """Give a review to somebody, a role (`role admin`) or nobody. Others may decide it all the same."""
        return await self._change("assign", review_id, {"assignee": assignee, "by": by, "version": version})

    async def snooze(self, review_id: UUID, until: datetime, by: str, *, version: int | None = None) -> Review:
        """Put a review off; lists leave it out until then. Its deadline stays. Raises `Invalid`."""
        now = datetime.now(UTC)
        if not now < until <= now + LONGEST_SNOOZE:
            raise Invalid("A review is put off until a time to come, at most 30 days from now.")
        return await self._change("snooze", review_id, {"until": until, "by": by, "version": version})

    async def _change(self, query: str, review_id: UUID, values: dict[str, object]) -> Review:
        done = await self._store.change(query, {"id": review_id, **values})
        review = await self.get(review_id)
        version = values["version"]
        if done:
            return review
        if review.state != "open":
            raise _over(review)
        if version is not None and version != review.version:
            raise PreconditionFailed
        if query == "claim":
            raise _claimed(review_id, review.claimed_by, review.claimed_until)
        if query == "release":
            holder = f"{review.claimed_by} has it" if review.claimed_by else "nobody has it"
            raise NotPossible(f"You have not claimed review {review_id}; {holder}.", review_id=review_id)
        return review  # it was so already

    # Decide

    async def decide(
        self,
        review_id: UUID,
        verdict: Verdict,
        *,
        by: str,
        comments: str = "",
        edit: Edit | None = None,
        version: int | None = None,
        once: Once | None = None,
    ) -> Review:
        """A person's decision; `edit` replaces what was shown. Of two decisions the first counts.

        Raises `ReviewDecided` for one that is over, `ReviewClaimed` while somebody else has it in hand, `PreconditionFailed`
        when it is not that `version` any more, `NotPossible` where another person must approve, and `Invalid` where what is
        approved does not fill in the form that was asked for.
        """
        said = Deciding(verdict, by, comments, edit, version)
        if verdict == "changes" and not comments.strip():
            raise Invalid("Say in the comments what should be changed; they go back to whoever made it.")
        async with self.database.tenant(self.tenant_id) as connection:
            if await claim(connection, self.tenant_id, once, "review", str(review_id)) is None:
                review, key = await lock(connection, self.tenant_id, review_id)
                _check(review_id, review, said)
                assert review is not None
                first = await first_approval(connection, self.tenant_id, review_id) if review.first_by else None
                written = _written(review, said, first)
                if key is None or not await write_decision(connection, self.tenant_id, review, written, key):
                    raise NotPossible(f"The run of review {review_id} takes no decision any more.", review_id=review_id)
        return await self.get(review_id)

    async def decidable(self, ids: Sequence[UUID], by: str) -> Bulk:
        """Which of these one could decide together now, and why not the others. Changes nothing."""
        asked = list(dict.fromkeys(ids))
        standing = {each.id: each for each in await self._store.standing(asked)}
        left = {review_id: _obstacle(standing.get(review_id), by) for review_id in asked}
        why = {review_id: reason for review_id, reason in left.items() if reason is not None}
        return Bulk([review_id for review_id in asked if review_id not in why], why)

    async def decide_many(
        self, ids: Sequence[UUID], verdict: Verdict, *, by: str, comments: str = "", once: Once | None = None
    ) -> Bulk:
        """Decide many items at once: those that are open, not mandatory, and of enough confidence. The others stay as they are."""
        if verdict == "changes":
            raise Invalid("Many reviews can be approved or rejected at once; ask for changes one by one.")
        if len(ids) > MOST_AT_ONCE:
            raise Invalid(f"One request decides at most {MOST_AT_ONCE} reviews, not {len(ids):,}. Send several.")
        said, at = Deciding(verdict, by, comments), datetime.now(UTC)
        asked = list(dict.fromkeys(ids))
        done: set[UUID] = set()
        async with self.database.tenant(self.tenant_id) as connection:
            if await claim(connection, self.tenant_id, once, "review", "many") is None:
                done = await decide_bulk(connection, self.tenant_id, asked, said, at)
        rest = [review_id for review_id in asked if review_id not in done]
        standing = {each.id: each for each in await self._store.standing(rest)} if rest else {}
        if once is not None and once.replayed:  # what the same request did before
            done = {at.id for at in standing.values() if (at.decided_by, at.verdict) == (by, verdict)}
            rest = [review_id for review_id in rest if review_id not in done]
        return Bulk(
            [review_id for review_id in asked if review_id in done],
            {review_id: _obstacle(standing.get(review_id), by) or IN_HAND for review_id in rest},
        )


class PastReviews:
    """What people decided before, of whatever tenant: what judges are calibrated by."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def decisions(
        self, tenant_id: UUID, *, judge: str | None, flow: str | None, content_type: str | None, limit: int
    ) -> Sequence[PastDecision]:
        """The latest decisions, each made by a person by himself; of any judge, flow or content type where None is given."""
        reviews = Reviews(self._database, tenant_id)
        return await reviews.decisions(judge=judge, flow=flow, content_type=content_type, limit=limit)

    async def approved_before(self, tenant_id: UUID, flow: str, content_type: str) -> bool:
        """Whether a person has approved content of this type in this flow."""
        return await Reviews(self._database, tenant_id).approved_before(flow, content_type)


def _check(review_id: UUID, review: Locked | None, said: Deciding) -> None:
    """Raises what stands in the way of this decision."""
    if review is None:
        raise _unknown(review_id)
    if review.state != "open":
        raise _over(review)
    if said.version is not None and said.version != review.version:
        raise PreconditionFailed
    if review.claim_counts and review.claimed_by != said.by:
        raise _claimed(review_id, review.claimed_by, review.claimed_until)
    if review.four_eyes and said.verdict == "approve" and review.first_by == said.by:
        raise NotPossible(
            f"You have approved review {review_id} already; two different people must. Let somebody else look at it.",
            review_id=review_id,
        )


def _written(review: Locked, said: Deciding, first: tuple[object, bool] | None) -> Written:
    """The decision, with what it makes of the content. Two who approve must mean the same content."""
    shown = review.content
    proposed = first[0] if first is not None and first[1] else shown
    approves = said.verdict == "approve"
    value = said.edit.value if said.edit is not None else proposed if approves else shown
    if review.form is not None and approves:
        check_form(review.id, review.form, value)
    edited = _plain(value) != _plain(shown)
    agrees = first is not None and _plain(value) == _plain(proposed)
    final = not (review.four_eyes and approves) or agrees
    return Written(
        said,
        edited,
        value,
        difference(shown, value) if edited else None,
        final,
        review.first_by if final and approves else None,
        datetime.now(UTC),
    )


def _unknown(review_id: UUID) -> ReviewNotFound:
    return ReviewNotFound(f"There is no review {review_id}. `stretto review list` lists them.", review_id=review_id)


def _over(review: Review | Locked) -> ReviewDecided:
    if review.state == "withdrawn":
        told = f"Review {review.id} waits no more: its run ended, or went on without it"
    else:
        at = "" if review.closed_at is None else f" at {review.closed_at:%Y-%m-%d %H:%M:%S} UTC"
        told = f"Review {review.id} was decided already: {review.verdict} by {review.decided_by}{at}"
    return ReviewDecided(f"{told}. Nothing was changed.", review_id=review.id)


def _claimed(review_id: UUID, by: str | None, until: datetime | None) -> ReviewClaimed:
    at = "" if until is None else f" until {until:%H:%M:%S} UTC"
    return ReviewClaimed(
        f"{by} has review {review_id} in hand{at}. Wait until it is released, or take another.", review_id=review_id
    )


def _obstacle(found: Standing | None, by: str) -> str | None:
    """Why one of many is left as it is; None where nothing stands in the way."""
    if found is None:
        return "there is no such review"
    if found.state == "withdrawn":
        return "it waits no more"
    if found.state == "decided":
        return f"it was decided already: {found.verdict} by {found.decided_by}"
    if found.mandatory:
        return "it is mandatory: a person must look at it by itself"
    if found.confidence is None:
        return "no judge has said how confident it is"
    if found.confidence < found.bulk_from:
        return f"its confidence is {found.confidence:g}, less than {found.bulk_from:g}"
    if found.claimed and found.claimed_by != by:
        return f"{found.claimed_by} has it in hand"
    return None
