"""Steps that wait for a person, without a worker: rows in `waits`, as the engine writes them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from stretto.engine.journal import Awaited, waits_statement
from stretto.engine.store import fetch
from stretto.flow.graph import Graph
from stretto.review import Filter, Review
from stretto.store import DEFAULT_TENANT
from tests.postgres.engine.stage import Stage, flow

GRAPH = flow({"ask": {"review": {"show": "x", "question": "?"}}})


def body(
    show: Any = "a draft",
    *,
    confidence: float | None = None,
    rules: dict[str, Any] | None = None,
    because: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """What the engine puts into `waits.body`; with a confidence, as a judge has said it."""
    if confidence is not None:
        judged = {"verdict": "escalate", "confidence": confidence, "judge": "scorer", "flags": [], "mandatory": False}
        because = {**judged, **(because or {})}
    plain = {"mandatory": False, "deadline_s": None, "on_deadline": None, "escalate_s": None, "escalate_to": "admin"}
    return {
        "show": show,
        "question": "Is it good?",
        "attempt": 1,
        "because": because,
        "rules": {**plain, "four_eyes": False, "bulk_from": 0.85, **(rules or {})},
        **more,
    }


async def ask(stage: Stage, asked: dict[str, Any], *, step: str = "ask", graph: Graph = GRAPH) -> Review:
    """A run of which a step waits, and its review. Nobody carries the run out."""
    run_id = await stage.runs.start(graph, {})
    return await ask_in(stage, run_id, asked, step)


async def ask_in(stage: Stage, run_id: UUID, asked: dict[str, Any], step: str) -> Review:
    """Let a step of a run wait."""
    async with stage.database.tenant(DEFAULT_TENANT) as connection:
        waits = [(run_id, Awaited(step, "review", "review", "", asked))]
        await fetch(connection, "add_waits", waits_statement(DEFAULT_TENANT, waits))
    (review,) = await stage.reviews.list(Filter(run_id=run_id, step=step))
    return review


async def signals(stage: Stage, run_id: UUID) -> list[dict[str, Any]]:
    """What the run was told of decisions."""
    async with stage.database.tenant(DEFAULT_TENANT) as connection:
        rows = await connection.execute("SELECT body FROM signals WHERE run_id = %s AND kind = 'review'", [run_id])
        return [row[0] for row in await rows.fetchall()]
