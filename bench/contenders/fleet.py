"""A fleet: many swarms side by side, each with a planner, workers and a judge, in one worker process.

Each agent works in several rounds: its planner makes tasks from what was judged in the round before, a worker does each, a judge
scores it, and what came of it is committed to the shared state, over the version that was read; ten agents count their tasks on one board.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psutil
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from bench.contender import Meter
from bench.contenders.gaps import Lag
from bench.contenders.stretto_runs import until_status
from bench.contenders.worker import working
from bench.figures import percentile
from stretto.engine import Runs
from stretto.flow.compile import compile_document
from stretto.flow.graph import Graph
from stretto.gateway.provider import Completion, ModelProvider, ModelRequest, TokenSink
from stretto.gateway.simulated import SimulatedProvider

TOKENS_PER_S = 50.0
ANSWER_TOKENS = (60, 120)
MIB = 1 << 20
BOARD = "boards/{{ input.number // 10 }}"
TASKS = "SELECT count(*) FROM journal WHERE run_id = ANY(%s) AND kind = 'StepCompleted' AND step LIKE '%%.verdict'"
FAILURES = "SELECT count(*) FROM journal WHERE run_id = ANY(%s) AND kind = 'StepFailed'"
COUNTED = (
    "SELECT sum(v.value::text::integer) FROM state_documents d JOIN state_versions v USING (tenant_id, key, version)"
    " WHERE d.key LIKE 'boards/%%'"
)
VERSIONS = "SELECT coalesce(sum(version), 0) FROM state_documents WHERE key LIKE 'fleet/%%'"
READY = (
    "SELECT run_id, step, kind, at, body->'needs' FROM journal WHERE run_id = ANY(%s)"
    " AND (kind = 'MapExpanded' OR kind = 'StepCompleted' AND (step LIKE '%%.told' OR step LIKE '%%.draft'))"
)


def swarm(turns: int) -> Graph:
    """Plans, works, judges and commits in so many turns; each turn plans anew from what was judged in the one before."""
    agents = {
        "planner": {"model": "strong", "prompt": "Goal: {{ goal }}.\nJudged: {{ judged }}\nPlan.\n", "returns": "Plan"},
        "worker": {"model": "fast", "prompt": "Do this: {{ task }}\nSeen: {{ seen }}\n"},
        "judge": {"model": "strong", "prompt": "How good is this? {{ text }}\n", "returns": "Judgement"},
    }
    key = "fleet/{{ input.number }}/{{ task.id }}"
    work = {
        "map": {"tasks": "{{ plan.tasks }}", "as": "task"},
        "steps": {
            "seen": {"tool": "state.get", "input": {"key": key}},
            "draft": {"agent": "worker", "input": {"task": "{{ task.id }}", "seen": "{{ seen.version }}"}},
            "verdict": {"judge": {"agent": "judge"}, "input": {"text": "{{ draft }}"}},
            "commit": {
                "tool": "state.put",
                "input": {
                    "key": key,
                    "value": {"text": "{{ draft }}", "confidence": "{{ verdict.confidence }}", "turn": "{{ turn }}"},
                    "version": "{{ seen.version }}",
                },
            },
            "told": {
                "tool": "state.patch",
                "input": {"key": BOARD, "changes": [{"op": "increment", "path": ""}]},
                "after": ["commit"],
            },
        },
        "output": "{{ verdict.verdict }} {{ commit.version }}",
    }
    steps = {
        "rounds": {
            "loop": {"until": f"turn >= {turns}", "max": turns},
            "steps": {
                "plan": {
                    "agent": "planner",
                    "input": {"goal": "{{ input.goal }}", "judged": "{{ work | join(', ') }}"},
                },
                "work": work,
            },
        }
    }
    given = {"goal": {"type": "string"}, "number": {"type": "integer"}}
    return compile_document({"flow": "swarm", "input": given, "agents": agents, "steps": steps})


class Asked:
    """A provider that notes when it was asked, and for which step."""

    def __init__(self, provider: ModelProvider) -> None:
        self.name, self.simulated = provider.name, provider.simulated
        self.at: dict[tuple[UUID | None, str], float] = {}
        self._provider = provider

    async def complete(self, request: ModelRequest, sink: TokenSink) -> Completion:
        """Note, and let the other one answer."""
        self.at[request.caller.run_id, request.caller.path] = time.time()
        return await self._provider.complete(request, sink)

    async def close(self) -> None:
        """Close the other one."""
        await self._provider.close()


async def live(postmaster: int, url: str, agents: int, turns: list[int]) -> dict[str, Any]:
    """So many swarms at once from start to end, in several waves through one process; each wave in so many turns.

    Gives tasks a second, CPU, memory at its highest and once all is over, how long the loop was held up, and how long tasks waited.
    """
    provider = Asked(SimulatedProvider(0, 0.2, TOKENS_PER_S, answer_tokens=ANSWER_TOKENS))
    process = psutil.Process(os.getpid())
    wall_s = cpu_s = postgres_s = 0.0
    memory: list[tuple[float, float]] = []
    ids: list[UUID] = []
    async with working(url, provider=provider, concurrent_runs=agents) as platform, asyncio.TaskGroup() as group:
        door, lag = platform.runs(), Lag()
        for board in range((agents * len(turns) + 9) // 10):
            await platform.state().put(f"boards/{board}", 0, expected=None)
        before = memory_of(process)
        watching = group.create_task(lag.watch())
        for wave, each in enumerate(turns):
            meter = Meter(postmaster)
            highest = Highest(process)
            looking = group.create_task(highest.watch())
            started = await start(door, swarm(each), wave * agents, agents)
            await until_status(door, started, "completed", every_s=0.25)
            spent = meter.read()
            looking.cancel()
            wall_s, cpu_s, postgres_s = (
                wall_s + spent["wall_s"],
                cpu_s + spent["cpu_s"],
                postgres_s + spent["postgres_s"],
            )
            ids += started
            memory.append((highest.bytes / MIB, await at_rest(process) / MIB))
        watching.cancel()
        async with door.database.tenant(door.tenant_id) as connection:
            tasks = await count(connection, TASKS, ids)
            failures = await count(connection, FAILURES, ids)
            versions, counted = await count(connection, VERSIONS), await count(connection, COUNTED)
            waits = sorted(waits_of(await (await connection.execute(READY, [ids])).fetchall(), provider.at))
    assert versions == counted == tasks, f"writes were lost: {tasks} tasks, {versions} versions, {counted} counted"
    return {
        "tasks_per_s": tasks / wall_s,
        "tasks": tasks,
        "failures": failures,
        "cpu_ms": cpu_s / tasks * 1000,
        "postgres_ms": postgres_s / tasks * 1000,
        "cores": cpu_s / wall_s,
        "kb_per_agent": max(0.0, memory[0][0] - before / MIB) * 1024 / agents,
        "lag_ms": lag.worst_s * 1000,
        "lag_p99_ms": percentile(lag.all_s, 0.99) * 1000,
        "wait_p50_ms": percentile(waits, 0.5) * 1000,
        "wait_p95_ms": percentile(waits, 0.95) * 1000,
        "wait_p99_ms": percentile(waits, 0.99) * 1000,
        "wait_max_ms": waits[-1] * 1000,
        "before_mb": before / MIB,
        "highest_mb": [highest for highest, _ in memory],
        "rest_mb": [rest for _, rest in memory],
        "wall_s": wall_s,
    }


async def start(door: Runs, graph: Graph, first: int, agents: int) -> list[UUID]:
    """Start so many swarms at once."""
    numbers = range(first, first + agents)
    return await asyncio.gather(*(door.start(graph, {"goal": f"a guide number {n}", "number": n}) for n in numbers))


async def count(connection: AsyncConnection[TupleRow], query: Any, *values: object) -> int:
    """What a query counts."""
    row = await (await connection.execute(query, values)).fetchone()
    assert row is not None
    return int(row[0])


def waits_of(rows: list[TupleRow], asked: dict[tuple[UUID | None, str], float]) -> Iterator[float]:
    """Seconds from a task being ready until a model is asked: the worker since the plan was made and the tasks that this one needs
    were over, the judge since the draft was written."""
    at = {(run_id, step): moment.timestamp() for run_id, step, _, moment, _ in rows}
    needs: dict[tuple[UUID, str], list[list[int]]] = {
        (run_id, step): needed or [] for run_id, step, kind, _, needed in rows if kind == "MapExpanded"
    }
    for (run_id, path), when in asked.items():
        assert run_id is not None
        task, _, name = path.rpartition(".")
        if name == "verdict":
            yield when - at[run_id, f"{task}.draft"]
        elif name == "draft":
            work, _, number = task.rstrip("]").rpartition("[")
            needed = needs[run_id, work]
            before = [f"{work}[{n}].told" for n in needed[int(number)]] if needed else []
            yield when - max(at[run_id, step] for step in (work, *before))


def memory_of(process: psutil.Process) -> int:
    """Bytes that belong to the process alone."""
    return int(process.memory_full_info().uss)


async def at_rest(process: psutil.Process) -> int:
    """The memory of the process once what has ended is gone."""
    await asyncio.sleep(2)
    gc.collect()
    return memory_of(process)


class Highest:
    """The most memory that was ever in use."""

    def __init__(self, process: psutil.Process) -> None:
        self.bytes = 0
        self._process = process

    async def watch(self) -> None:
        """Look twice a second, until cancelled."""
        while True:
            self.bytes = max(self.bytes, memory_of(self._process))
            await asyncio.sleep(0.5)
