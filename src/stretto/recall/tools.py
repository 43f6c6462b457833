"""Past runs as a tool, for steps and agents: `runs.recall`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import orjson

from stretto.engine.step import StepContext
from stretto.recall.episodes import Episodes
from stretto.tools.registry import Tools

MOST_RUNS = 10
CHARS_PER_RUN = 4_000
"""Of what a run gave, as JSON; of a longer one its beginning is told as a text."""


def recall_tools(episodes: Callable[[UUID], Episodes]) -> Tools:
    """A registry with the tool on the past runs of the step's tenant."""
    tools = Tools()

    @tools.tool("runs.recall", effects="reads")
    async def recall(  # pyright: ignore[reportUnusedFunction]
        ctx: StepContext, task: str, flow: str | None = None, within_s: float | None = None, limit: int = 3
    ) -> dict[str, Any]:
        """Find past runs that did something like this, with what they gave.

        Args:
            task: what is to be done, in words.
            flow: only runs of this flow.
            within_s: only runs that ended in the last so many seconds.
            limit: how many at most, up to 10.
        """
        found = await episodes(ctx.tenant_id).recall(
            task, flow=flow, within_s=within_s, limit=max(1, min(limit, MOST_RUNS))
        )
        return {
            "runs": [
                {
                    "run": str(each.run.id),
                    "flow": each.run.flow_name,
                    "task": each.task[:CHARS_PER_RUN],
                    "output": _cut(each.run.output),
                    "score": round(each.score, 4),
                    "similarity": None if each.similarity is None else round(each.similarity, 4),
                    "at": (each.run.finished_at or each.run.accepted_at).isoformat(),
                    "cost_usd": f"{each.run.cost_usd.normalize():f}",
                }
                for each in found.episodes
            ],
            "notes": list(found.notes),
        }

    return tools


def _cut(output: Any) -> Any:
    text = orjson.dumps(output, default=str).decode()
    return output if len(text) <= CHARS_PER_RUN else text[: CHARS_PER_RUN - 1] + "…"
