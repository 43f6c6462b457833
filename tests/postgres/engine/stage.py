"""Workers in this process on a test's own database, and what tests want to know of their runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from stretto.agents import agent_handler, judge_handler
from stretto.engine import Run, Runs, Worker
from stretto.engine.rows import row_fact, texts_of
from stretto.engine.schedules import start_due
from stretto.engine.step import Handler
from stretto.flow.compile import compile_document
from stretto.flow.facts import Fact, Verdict
from stretto.flow.graph import Graph
from stretto.gateway.provider import ModelProvider
from stretto.review import Edit, Reviews, tend_deadlines
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT, Database
from stretto.stream import Hub
from stretto.stream.log import TEXT, Row
from stretto.tools import Tools, tool_handler

PATIENCE_S = 90.0
"""How long a test waits for something that should come at once; only a broken engine makes it that long."""


def flow(steps: Mapping[str, Any], **rest: Any) -> Graph:
    """The graph of a flow with these steps."""
    return compile_document({"flow": "test", "steps": steps, **rest})


async def until(
    true: Callable[[], Awaitable[object] | object], what: str, *, every_s: float = 0.01, most_s: float = PATIENCE_S
) -> None:
    """Wait for something that happens elsewhere."""
    try:
        async with asyncio.timeout(most_s):
            while True:
                found = true()
                if await found if isinstance(found, Awaitable) else found:
                    return
                await asyncio.sleep(every_s)
    except TimeoutError:
        raise AssertionError(f"it did not happen within {most_s:g} s: {what}") from None


@dataclass
class Stage:
    """A database, a hub, and the handlers that workers of this test use."""

    database: Database
    hub: Hub
    settings: Settings
    handlers: dict[str, Handler] = field(default_factory=dict[str, Handler])

    @property
    def runs(self) -> Runs:
        return Runs(self.database, self.hub, DEFAULT_TENANT)

    @property
    def reviews(self) -> Reviews:
        return Reviews(self.database, DEFAULT_TENANT)

    async def decide(
        self, run_id: UUID, step: str, verdict: Verdict, *, by: str, comments: str = "", edit: Edit | None = None
    ) -> None:
        """Decide on what a step of a run asks."""
        review_id = await self.reviews.of_step(run_id, step)
        await self.reviews.decide(review_id, verdict, by=by, comments=comments, edit=edit)

    def use(self, model: ModelProvider | None = None, **tools: Callable[..., Any]) -> None:
        """Answer model calls with this model, and tool calls with these functions (`a_b` is the tool `a.b`)."""
        known = Tools({name.replace("_", "."): tool for name, tool in tools.items()})
        if model is not None:
            self.handlers |= {"agent": agent_handler(model, known), "judge": judge_handler(model)}
        self.handlers["tool"] = tool_handler(known)

    @asynccontextmanager
    async def working(self, **changes: object) -> AsyncGenerator[Worker]:
        """A worker at work, with these changes to the settings."""
        settings = self.settings.model_copy(update=changes)
        worker = Worker(self.database, self.hub, self.handlers, settings, [self._start_due, self._tend_deadlines])
        task = asyncio.create_task(worker.run())
        await worker.ready()
        try:
            yield worker
        finally:
            worker.stop()
            async with asyncio.timeout(PATIENCE_S):
                await task

    async def _start_due(self) -> int:
        return await start_due(self.database, self.hub)

    async def _tend_deadlines(self) -> int:
        return await tend_deadlines(self.database)

    async def start(self, graph: Graph, **input: Any) -> UUID:
        return await self.runs.start(graph, input)

    async def carry_out(self, graph: Graph, **input: Any) -> Run:
        """Start a run and wait for its end; a worker has to be at work."""
        return await self.ended(await self.start(graph, **input))

    async def ended(self, run_id: UUID) -> Run:
        """The run, once it has ended."""
        async with asyncio.timeout(PATIENCE_S), aclosing(self.runs.follow(run_id)) as events:
            async for event in events:
                if event.event == "end":
                    return await self.runs.get(run_id)
        raise AssertionError("the stream ended before the run")

    async def has_status(self, run_id: UUID, status: str) -> Run:
        """The run, once the list shows it so."""

        async def shows() -> bool:
            return (await self.runs.get(run_id)).status == status

        await until(shows, f"run {run_id} is {status}")
        return await self.runs.get(run_id)

    async def rows(self, run_id: UUID) -> list[Row]:
        return await self.runs.journal(run_id)

    async def facts(self, run_id: UUID) -> list[Fact]:
        return [row_fact(row) for row in await self.rows(run_id) if row.kind != TEXT]

    async def kinds(self, run_id: UUID, step: str | None = None) -> list[str]:
        """Names of the run's facts, or of one step's, in order."""
        rows = await self.rows(run_id)
        return [row.kind for row in rows if row.kind != TEXT and step in (None, row.step)]

    async def attempts(self, run_id: UUID) -> list[str]:
        """The steps that were started, in order, once for each attempt."""
        return [str(row.step) for row in await self.rows(run_id) if row.kind == "StepStarted"]

    async def text(self, run_id: UUID, step: str) -> str:
        """What the step's stream holds."""
        text = texts_of(await self.rows(run_id)).get(step)
        return "" if text is None else text.slice(0)

    async def happened(self, run_id: UUID, kind: str, step: str | None = None, times: int = 1) -> None:
        """Wait for a fact to be in the journal so many times."""

        async def seen() -> bool:
            rows = await self.rows(run_id)
            return sum(row.kind == kind and step in (None, row.step) for row in rows) >= times

        await until(seen, f"{kind} of {step}")


class Held:
    """A tool whose calls wait until they are let go. Its output is the number of the call, from 1."""

    def __init__(self) -> None:
        self.calls = 0
        self.at_work = 0
        self.most_at_work = 0
        self._gate = asyncio.Event()

    async def __call__(self) -> int:
        self.calls += 1
        call = self.calls
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        try:
            await self._gate.wait()
        finally:
            self.at_work -= 1
        return call

    @property
    def tool(self) -> Callable[..., Any]:
        """The function to register."""

        async def held() -> int:
            return await self()

        return held

    def let_go(self) -> None:
        """Let all calls end, also those to come."""
        self._gate.set()

    async def called(self, times: int = 1) -> None:
        """Wait until it was called so often."""
        await until(lambda: self.calls >= times, f"called {times} times")
