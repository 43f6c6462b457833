"""Past runs, found by what is to be done."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from stretto.api.body import Body, JsonRoute
from stretto.api.doors import PlatformDoor, RunsDoor, needs
from stretto.api.problems import fails
from stretto.api.shown import FlowName, RunSummary, with_usage
from stretto.api.usage import UsageDoor
from stretto.errors import Invalid, ModelError, NotPossible
from stretto.recall.episodes import MOST_RECALLED, MOST_TASK_CHARS

router = APIRouter(prefix="/v1/runs", tags=["runs"], route_class=JsonRoute)


class WantedTask(Body):
    """What is to be done."""

    task: str = Field(min_length=1, max_length=MOST_TASK_CHARS, description="In words.")
    flow: FlowName | None = Field(default=None, description="Only runs of this flow.")
    within_s: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="Only runs that ended in the last so many seconds."
    )
    limit: int = Field(default=5, ge=1, le=MOST_RECALLED)


class EpisodeShown(BaseModel):
    """A past run that is like what is to be done."""

    run: RunSummary
    task: str = Field(description="What it was about.")
    score: float = Field(description="What they are ordered by, from 0 to 1.")
    similarity: float | None = Field(description="The cosine between both tasks; null where words alone have found it.")


class EpisodeList(BaseModel):
    """The most similar first. `notes` say what the search had to do without."""

    episodes: list[EpisodeShown]
    notes: list[str]


@router.post("/recall", responses=fails(Invalid, NotPossible, ModelError), dependencies=[needs("runs:read")])
async def recall_runs(task: WantedTask, platform: PlatformDoor, runs: RunsDoor, usage: UsageDoor) -> EpisodeList:
    """Completed runs that did something like this, of flows that say with `remember` what their runs are about."""
    found = await platform.episodes(runs.tenant_id).recall(
        task.task, flow=task.flow, within_s=task.within_s, limit=task.limit
    )
    used = await usage.of_runs(runs.tenant_id, [each.run.id for each in found.episodes])
    return EpisodeList(
        episodes=[
            EpisodeShown(
                run=with_usage(RunSummary.model_validate(each.run), used),
                task=each.task,
                score=each.score,
                similarity=each.similarity,
            )
            for each in found.episodes
        ],
        notes=list(found.notes),
    )
