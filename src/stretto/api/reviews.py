"""What waits for a person, and what the person decides."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from stretto.api.body import Body, JsonRoute
from stretto.api.doors import PrincipalDoor, RunsDoor, needs
from stretto.api.problems import fails
from stretto.api.shown import RunDetail
from stretto.engine import Awaiting
from stretto.errors import NotPossible, RunNotFound
from stretto.flow.facts import Verdict

router = APIRouter(prefix="/v1/reviews", tags=["reviews"], route_class=JsonRoute)


class ReviewList(BaseModel):
    """Oldest first."""

    reviews: list[Awaiting]


class Decision(Body):
    """A person's verdict. `value` replaces what was shown."""

    verdict: Verdict
    comments: str = ""
    value: Any = None


@router.get("", dependencies=[needs("reviews:read")])
async def list_reviews(
    runs: RunsDoor,
    run_id: Annotated[UUID | None, Query(description="Of this run alone.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many at most.")] = 100,
) -> ReviewList:
    """Steps that wait for a decision, of all runs or of one."""
    return ReviewList(reviews=await runs.reviews(run_id, limit))


@router.post(
    "/{run_id}/{step:path}",
    status_code=202,
    responses=fails(RunNotFound, NotPossible),
    dependencies=[needs("reviews:decide")],
)
async def decide(run_id: UUID, step: str, decision: Decision, runs: RunsDoor, principal: PrincipalDoor) -> RunDetail:
    """Decide, durably. Of two decisions the first counts; the second gets a 409."""
    await runs.get(run_id)
    await runs.decide(run_id, step, decision.verdict, by=principal.by, comments=decision.comments, value=decision.value)
    return RunDetail.model_validate(await runs.get(run_id))
