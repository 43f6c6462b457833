"""Searching and asking the reviews."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from stretto.api import Body, JsonRoute, PlatformDoor, PrincipalDoor, fails, needs
from stretto.errors import Invalid, MemoryNotFound, NotPossible
from stretto.langgraph import hosted
from stretto.memory import Place
from stretto_reviews.pipelines.ingestion import COLLECTION
from stretto_reviews.pipelines.query import NAME

router = APIRouter(prefix="/v1/apps/reviews", tags=["review engine"], route_class=JsonRoute)
WAIT_S = 60.0


class NearPlace(BaseModel):
    """A place, in degrees (WGS 84)."""

    model_config = ConfigDict(extra="forbid")

    latitude: float = Field(ge=-90, le=90, allow_inf_nan=False)
    longitude: float = Field(ge=-180, le=180, allow_inf_nan=False)


class ReviewSearch(Body):
    """What is looked for."""

    question: str = Field(default="", max_length=4_000)
    filter: dict[str, Any] | None = Field(
        default=None,
        description="Conditions on `product`, `source`, `stars`, `sentiment`, `themes`, `language` and `day` (20261121): a value, or an "
        "object with `eq`, `ne`, `gt`, `gte`, `lt`, `lte` or `in`.",
    )
    near: NearPlace | None = None
    limit: int = Field(default=10, ge=1, le=100)


class FoundList(BaseModel):
    """A list that has a hit, and its rank there."""

    model_config = ConfigDict(from_attributes=True)

    list: str
    rank: int
    score: float


class FoundReview(BaseModel):
    """A review that was found, why, and what it is filtered by."""

    id: str
    text: str
    score: float
    metadata: dict[str, Any]
    lists: list[FoundList]


class FoundReviews(BaseModel):
    """The best first. `notes` say what the search had to do without."""

    hits: list[FoundReview]
    notes: list[str]


class ReviewQuestion(Body):
    """A question about the reviews, in words."""

    question: str = Field(max_length=4_000)
    filter: dict[str, Any] | None = None
    near: NearPlace | None = None


class AnswerSentence(BaseModel):
    """A sentence, and the numbers of the sources that say it."""

    text: str
    sources: list[int]


class AnswerSource(BaseModel):
    """A review that the answer may cite, by its number."""

    number: int
    id: str
    text: str
    metadata: dict[str, Any]


class AnswerRemoved(BaseModel):
    """A sentence of a model that no source supports, and why it was removed."""

    text: str
    reason: str


class CountedFigures(BaseModel):
    """What was counted: how the question was understood, and the table."""

    understood: str
    sentence: str
    columns: list[str]
    rows: list[list[Any]]
    truncated: bool
    sql: str
    by: Literal["grammar", "model"]


class ReviewAnswer(BaseModel):
    """An answer with checked citations, and figures where the question asks for some. `run_id` is the run that found it."""

    text: str
    enough: bool
    sentences: list[AnswerSentence]
    sources: list[AnswerSource]
    removed: list[AnswerRemoved]
    understood: str
    figures: CountedFigures | None
    notes: list[str]
    run_id: UUID


@router.post("/search", dependencies=[needs("apps:read")], responses=fails(Invalid))
async def search_reviews(platform: PlatformDoor, principal: PrincipalDoor, body: ReviewSearch) -> FoundReviews:
    """Find reviews by meaning, words, place and conditions; each hit says which lists have it."""
    near = None if body.near is None else Place(body.near.latitude, body.near.longitude)
    memory = platform.memory(principal.tenant_id)
    try:
        found = await memory.search(COLLECTION, body.question, filter=body.filter, near=near, limit=body.limit)
    except MemoryNotFound:
        return FoundReviews(hits=[], notes=["There are no reviews yet. Import some first."])
    hits = [
        FoundReview(
            id=hit.key,
            text=hit.text,
            score=hit.score,
            metadata=dict(hit.metadata),
            lists=[FoundList.model_validate(each) for each in hit.lists],
        )
        for hit in found.hits
    ]
    return FoundReviews(hits=hits, notes=list(found.notes))


@router.post("/ask", dependencies=[needs("apps:read")], responses=fails(Invalid, NotPossible))
async def ask_reviews(platform: PlatformDoor, principal: PrincipalDoor, body: ReviewQuestion) -> ReviewAnswer:
    """Ask the reviews. The query pipeline answers, as a run of its own that can be looked at afterwards."""
    runs = platform.runs(principal.tenant_id)
    near = None if body.near is None else body.near.model_dump()
    given = {"question": body.question, "filter": body.filter, "near": near}
    run_id = await runs.start(hosted(platform.tools, NAME).flow, given, priority=0)
    with suppress(TimeoutError):
        async with asyncio.timeout(WAIT_S), aclosing(runs.follow(run_id)) as events:
            async for _ in events:
                pass
    run = await runs.get(run_id)
    if run.status != "completed":
        told = run.error.get("message") if run.error else "it takes longer than a minute"
        raise NotPossible(f"The question was not answered: {told}. The run {run_id} tells more.")
    return _shown(run.output, run_id)


def _shown(output: Any, run_id: UUID) -> ReviewAnswer:
    told: dict[str, Any] = output["answer"]
    return ReviewAnswer(
        text=told["text"],
        enough=told["enough"],
        sentences=[AnswerSentence(text=each["text"], sources=list(each["sources"])) for each in told["sentences"]],
        sources=[
            AnswerSource(number=each["number"], id=each["key"], text=each["text"], metadata=each["metadata"])
            for each in told["sources"]
        ],
        removed=[AnswerRemoved(text=each["text"], reason=each["reason"]) for each in told["removed"]],
        understood=output.get("understood", ""),
        figures=output.get("figures"),
        notes=output.get("notes") or [],
        run_id=run_id,
    )
