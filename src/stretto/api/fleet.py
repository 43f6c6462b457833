"""The fleet: who is at work, what waits, and what agents do, as the request's tenant may see it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import cast

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from stretto.api.doors import PlatformDoor, PrincipalDoor, needs
from stretto.api.shown import Status
from stretto.api.usage import UsageDoor
from stretto.engine.fleet import fleet_of

router = APIRouter(prefix="/v1/fleet", tags=["fleet"])

LATELY = timedelta(hours=1)


class WorkerShown(BaseModel):
    """A process that carries runs out. `runs` counts those of this tenant alone; `alive`: it was heard of in the last 10 s.

    `host`, `pid`, `version` (of Stretto) and `started_at` are those of the process; null for one of an older release.
    """

    model_config = ConfigDict(from_attributes=True)

    id: int
    last_heartbeat: datetime
    alive: bool
    runs: int
    host: str | None
    pid: int | None
    version: str | None
    started_at: datetime | None


class QueueShown(BaseModel):
    """Runs of this tenant that wait for a worker, of one priority. `oldest_at`: since when the first of them."""

    model_config = ConfigDict(from_attributes=True)

    priority: int
    depth: int
    oldest_at: datetime | None


class AgentShown(BaseModel):
    """The steps of an agent: how many are at work, how many wait (for time, an event or a person), and of those that it worked on
    in the last hour, how many got an answer of a model (`done`), and how many none (`failed`)."""

    agent: str
    at_work: int
    waiting: int
    done: int
    failed: int


class FleetShown(BaseModel):
    """All of it. `runs` counts those that go on, and of those accepted in the last 24 hours those that have ended."""

    workers: list[WorkerShown]
    queue: list[QueueShown]
    runs: dict[Status, int]
    agents: list[AgentShown]
    complete: bool = Field(description="False: of agents, only the latest 100 running runs were looked at.")


@router.get("", dependencies=[needs("fleet:read")])
async def get_fleet(platform: PlatformDoor, usage: UsageDoor, principal: PrincipalDoor) -> FleetShown:
    """Workers, the queue, runs by status, and agents by what they do."""
    now = await fleet_of(platform.database, principal.tenant_id)
    lately = await usage.of_agents(principal.tenant_id, datetime.now(UTC) - LATELY)
    agents: list[AgentShown] = []
    for name in sorted({*now.agents, *lately}):
        steps = now.agents.get(name, Counter())
        done, failed = lately.get(name, (0, 0))
        agents.append(
            AgentShown(agent=name, at_work=steps["at_work"], waiting=steps["waiting"], done=done, failed=failed)
        )
    return FleetShown(
        workers=[WorkerShown.model_validate(each) for each in now.workers],
        queue=[QueueShown.model_validate(each) for each in now.queue],
        runs=cast("dict[Status, int]", now.runs),
        agents=agents,
        complete=now.complete,
    )
