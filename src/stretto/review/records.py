"""What a review is, what may be decided, and what was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from stretto.flow.facts import Verdict

State = Literal["open", "decided", "withdrawn"]
How = Literal["person", "bulk", "deadline"]


@dataclass(frozen=True, slots=True)
class Review:
    """Something that waits for a person, or did, as the inbox shows it.

    `mandatory`: neither time nor a bulk decision releases it. `version` grows with each change.
    """

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
    state: State
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
    how: How | None
    created_at: datetime
    closed_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to a review. `version` is the review's from then on."""

    version: int
    at: datetime
    by: str
    what: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided. `value` is what he made of the content, where he `edited` it, and `diff` how it differs.

    One that is not `final` is the first approval of two.
    """

    how: How
    verdict: Verdict
    by: str
    comments: str
    edited: bool
    value: Any
    diff: Mapping[str, Any] | None
    final: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Whole:
    """A review with everything that a person needs to decide."""

    review: Review
    content: Any
    reason: Any
    stated: float | None
    bulk_from: float | None
    escalate_to: str
    media: Sequence[Any]
    history: Sequence[Happening]
    decisions: Sequence[Decision]
    form: Mapping[str, Any] | None = None
    """A JSON Schema: what is approved must fit it. Something in the middle of its work asks then, and gets what is approved."""

    @property
    def reasons(self) -> list[str]:
        """Why a person is asked, in the judge's words."""
        said: Any = self.reason
        told = (said.get("reasons") or said.get("comments")) if isinstance(said, dict) else None  # pyright: ignore
        return [str(each) for each in told] if isinstance(told, list) else [str(told)] if told else []  # pyright: ignore

    @property
    def proposed(self) -> Decision | None:
        """The first approval of two, which waits for the second."""
        if self.review.state != "open" or not self.decisions or self.review.first_by is None:
            return None
        return self.decisions[-1]

    @property
    def next(self) -> Mapping[str, str]:
        """What happens after each decision, in a sentence."""
        if self.form is not None:
            return self._answers
        eyes = self.review.four_eyes and self.review.first_by is None
        passed = "It waits for a second person's approval." if eyes else "The run goes on with the content."
        told = {
            "approve": passed,
            "edit": passed.replace("the content", "what you make of the content"),
            "reject": "The run goes on without it; the flow reads your reason in `comments`.",
            "changes": "It goes back with your comments; where the flow has a loop, it is made anew and asked again.",
        }
        if self.review.due_at is not None:
            told["nothing"] = f"Time decides `{self.review.on_deadline}` at {self.review.due_at:%Y-%m-%d %H:%M} UTC."
        elif self.review.mandatory:
            told["nothing"] = "It waits: only a person can decide."
        else:
            told["nothing"] = "It waits."
        return told

    @property
    def _answers(self) -> dict[str, str]:
        """`next` of what is asked in the middle of a call."""
        told = {
            "approve": "Whoever asks gets the content as it is shown; it must fill in the form.",
            "edit": "Whoever asks gets what you fill in.",
            "reject": "Whoever asks is told that you decline; the call goes on without an answer.",
            "changes": "As reject.",
        }
        if self.review.due_at is not None:
            told["nothing"] = (
                f"From {self.review.due_at:%Y-%m-%d %H:%M} UTC on, whoever asks is told that nobody answers."
            )
        return told


@dataclass(frozen=True, slots=True)
class Filter:
    """Which reviews a list shows. `mine`: the names of who asks, to whom they are assigned or who has claimed them.

    `urgent`: escalated, or time decides within the hour. `snoozed`: those too that are put off. `confidence_from`: those that a
    judge is at least so confident of.
    """

    state: State = "open"
    ids: Sequence[UUID] | None = None
    run_id: UUID | None = None
    step: str | None = None
    flow: str | None = None
    content_type: str | None = None
    policy: str | None = None
    mine: Sequence[str] | None = None
    unassigned: bool = False
    unclaimed: bool = False
    sensitive: bool | None = None
    urgent: bool = False
    snoozed: bool = False
    confidence_from: float | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of the inbox ended: in its order, sensitive first, then least confident, then oldest."""

    rank: int
    trust: float
    id: UUID

    @classmethod
    def of(cls, review: Review) -> Place:
        """Where this review stands."""
        return cls(0 if review.sensitive else 1, review.confidence or 0.0, review.id)

    @classmethod
    def parse(cls, text: str) -> Place:
        """From its text. Raises `ValueError`."""
        rank, trust, id_ = text.split("/")
        if rank not in ("0", "1") or not 0 <= float(trust) <= 1:
            raise ValueError
        return cls(int(rank), float(trust), UUID(id_))

    def __str__(self) -> str:
        return f"{self.rank}/{self.trust!r}/{self.id}"


@dataclass(frozen=True, slots=True)
class ClosedPlace:
    """Where a page of what is over ended: the latest come first."""

    at: datetime
    id: UUID

    @classmethod
    def of(cls, review: Review) -> ClosedPlace:
        """Where this review stands."""
        assert review.closed_at is not None
        return cls(review.closed_at, review.id)

    @classmethod
    def parse(cls, text: str) -> ClosedPlace:
        """From its text. Raises `ValueError`."""
        at, id_ = text.split("/")
        found = cls(datetime.fromisoformat(at), UUID(id_))
        if found.at.tzinfo is None:
            raise ValueError
        return found

    def __str__(self) -> str:
        return f"{self.at.isoformat()}/{self.id}"


@dataclass(frozen=True, slots=True)
class Edit:
    """What a person made of the content, which may be anything, also null."""

    value: Any


@dataclass(frozen=True, slots=True)
class Deciding:
    """What a person decides about one review. `version`: only if it is still the one that he saw."""

    verdict: Verdict
    by: str
    comments: str = ""
    edit: Edit | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Bulk:
    """Which of many were decided, and why the others were not."""

    done: Sequence[UUID]
    left: Mapping[UUID, str] = field(default_factory=dict[UUID, str])


@dataclass(frozen=True, slots=True)
class PastDecision:
    """What a person decided about what a judge had scored. `stated` is the judge's own confidence, before calibration."""

    judge: str
    content_type: str
    stated: float
    approved: bool
    at: datetime
    flow: str = ""
