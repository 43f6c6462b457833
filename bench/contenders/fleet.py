"""A fleet: many swarms side by side, each with a planner, workers and a judge, in one worker process."""

from __future__ import annotations

import asyncio
import os

import psutil

from bench.contender import Meter
from bench.contenders.gaps import Lag
from bench.contenders.stretto_runs import until_status
from bench.contenders.worker import working
from stretto.flow.compile import compile_document
from stretto.flow.graph import Graph
from stretto.gateway.simulated import SimulatedProvider

TOKENS_PER_S = 50.0
ANSWER_TOKENS = (60, 120)


def swarm(turns: int) -> Graph:
    """Plans, works and judges in so many turns; each turn plans anew from what was judged in the one before."""
    agents = {
        "planner": {"model": "strong", "prompt": "Goal: {{ goal }}.\nJudged: {{ judged }}\nPlan.\n", "returns": "Plan"},
        "worker": {"model": "fast", "prompt": "Do this: {{ task }}\n"},
        "judge": {"model": "strong", "prompt": "How good is this? {{ text }}\n", "returns": "Judgement"},
    }
    work = {
        "map": {"tasks": "{{ plan.tasks }}", "as": "task"},
        "steps": {
            "draft": {"agent": "worker", "input": {"task": "{{ task.id }}"}},
            "verdict": {"judge": {"agent": "judge"}, "input": {"text": "{{ draft }}"}},
        },
    }
    steps = {
        "rounds": {
            "loop": {"until": f"turn >= {turns}", "max": turns},
            "steps": {
                "plan": {
                    "agent": "planner",
                    "input": {
                        "goal": "{{ input.goal }}",
                        "judged": "{{ work | map(attribute='verdict') | join(' ') }}",
                    },
                },
                "work": work,
            },
        }
    }
    document = {"flow": "swarm", "input": {"goal": {"type": "string"}}, "agents": agents, "steps": steps}
    return compile_document(document)


async def live(postmaster: int, url: str, agents: int, turns: int) -> dict[str, float]:
    """So many swarms from start to end: tasks judged a second, memory, and the longest time that the loop was held up."""
    provider = SimulatedProvider(0, 0.2, TOKENS_PER_S, answer_tokens=ANSWER_TOKENS)
    process = psutil.Process(os.getpid())
    async with working(url, provider=provider, concurrent_runs=agents) as platform, asyncio.TaskGroup() as group:
        door, graph, lag = platform.runs(), swarm(turns), Lag()
        before = process.memory_full_info().uss
        watching = group.create_task(lag.watch())
        meter = Meter(postmaster)
        ids = await asyncio.gather(*(door.start(graph, {"goal": f"a guide number {n}"}) for n in range(agents)))
        peak = group.create_task(highest(process))
        await until_status(door, ids, "completed", every_s=0.25)
        spent = meter.read()
        peak.cancel()
        watching.cancel()
        async with door.database.tenant(door.tenant_id) as connection:
            query = (
                "SELECT count(*) FILTER (WHERE kind = 'StepCompleted' AND step LIKE '%%.verdict'), count(*)"
                " FROM journal WHERE run_id = ANY(%s)"
            )
            row = await (await connection.execute(query, [ids])).fetchone()
    assert row is not None
    tasks = int(row[0])
    return {
        "tasks_per_s": tasks / spent["wall_s"],
        "tasks": tasks,
        "cpu_ms": spent["cpu_s"] / tasks * 1000,
        "postgres_ms": spent["postgres_s"] / tasks * 1000,
        "cores": spent["cpu_s"] / spent["wall_s"],
        "kb_per_agent": max(0, HIGHEST[0] - before) / agents / 1024,
        "lag_ms": lag.worst_s * 1000,
        "wall_s": spent["wall_s"],
    }


HIGHEST = [0]


async def highest(process: psutil.Process) -> None:
    """Note the most memory that was ever in use."""
    while True:
        HIGHEST[0] = max(HIGHEST[0], process.memory_full_info().uss)
        await asyncio.sleep(0.5)
