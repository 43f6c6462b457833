"""The recorded swarm, in good weather and in bad: each scene is a real run, carried out by workers on a database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from decimal import Decimal
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from uuid import UUID

from stretto.engine import Run
from stretto.engine.rows import facts_of
from stretto.flow import load_flow
from stretto.flow.compile import compile_document
from stretto.flow.facts import Fact
from stretto.flow.graph import Graph
from stretto.gateway.config import GatewayConfig, Route, Tier, Weighted, stand_in
from stretto.gateway.prices import Price
from stretto.platform import Platform
from stretto.review import Edit
from stretto.settings import Settings
from stretto.state import Document
from stretto.stream import START, Cursor, FactEvent, Row
from tests.crash.worker import CONTEXT, QUICK
from tests.postgres.swarm.team import GOAL, PARTS, Team, TeamModel

SWARM = load_flow(Path(__file__).parents[3] / "examples" / "swarm.yaml")
KEYS = "swarms/bakery/"
MOST_S = 60.0
THINKS = 30
"""A person thinks for as long as a model needs for so many tokens."""
Person = Callable[[Platform, UUID, FactEvent], Awaitable[object]]
"""What a person does when a step of the run waits for one."""


@dataclass(frozen=True)
class Played:
    """How a scene came out."""

    graph: Graph
    run: Run
    rows: list[Row]
    parts: dict[str, list[Document]]
    """The committed parts by id, all versions of each, the first one first."""
    team: Team

    @property
    def facts(self) -> list[Fact]:
        return facts_of(self.rows)

    @property
    def texts(self) -> dict[str, str]:
        """What each part reads in the end."""
        return {part: versions[-1].value["text"] for part, versions in self.parts.items()}


async def play(
    settings: Settings,
    team: Team,
    *,
    graph: Graph = SWARM,
    person: Person | None = None,
    config: GatewayConfig | None = None,
    token_s: float = 0.0,
) -> Played:
    """Carry the swarm out to its end, here. The person edits the goal before the first decision."""
    quick = settings.model_copy(update={"linger_s": 10.0})
    provider = TeamModel(team, token_s)
    async with Platform.open(quick, provider=provider, config=config) as platform, asyncio.timeout(MOST_S):
        run_id = await platform.runs().start(graph, {"name": "bakery", "goal": GOAL})
        await attend(platform, run_id, person or decide, thinks_s=THINKS * token_s)
        return await outcome(platform, run_id, team)


async def attend(
    platform: Platform, run_id: UUID, person: Person, *, after: Cursor = START, thinks_s: float = 0.0
) -> None:
    """Be the person until the run ends; what was asked before the cursor is answered."""
    async with aclosing(platform.runs().follow(run_id, after)) as events:
        async for event in events:
            if isinstance(event, FactEvent) and event.name == "WaitStarted":
                await asyncio.sleep(thinks_s)
                await person(platform, run_id, event)


async def outcome(platform: Platform, run_id: UUID, team: Team) -> Played:
    """What the run has left behind."""
    runs, state = platform.runs(), platform.state()
    rows = await runs.journal(run_id)
    graph, _ = await runs.graph_of(rows)
    parts: dict[str, list[Document]] = {}
    for document in (await state.list(f"{KEYS}parts/", limit=100)).documents:
        key = document.key
        parts[key.rpartition("/")[2]] = [await state.at(key, n) for n in range(1, document.version + 1)]
    return Played(graph, await runs.get(run_id), rows, parts, team)


async def decide(platform: Platform, run_id: UUID, asked: FactEvent) -> None:
    """Ada lets the question pass with a change of hers, and sends back what nobody has asked the farmer about."""
    state, reviews = platform.state(), platform.reviews()
    if await state.find(f"{KEYS}goal") is None:
        await state.put(f"{KEYS}goal", f"{GOAL}, for people in a hurry", expected=None, by="Ada")
    review_id, shown = await reviews.of_step(run_id, str(asked.step)), str(asked.data["show"])
    if PARTS["question"][1] in shown:
        edit = Edit(shown.replace("of your childhood", "that you miss"))
        await reviews.decide(review_id, "approve", by="Ada", edit=edit)
    else:
        await reviews.decide(review_id, "reject", by="Ada", comments="name the farm")


async def calm(settings: Settings, token_s: float = 0.0) -> Played:
    """Nothing goes wrong but what is to be rejected."""
    return await play(settings, Team(), token_s=token_s)


async def provider_down(settings: Settings, token_s: float = 0.0) -> Played:
    """For two parts the provider does not answer, however often it is asked, until work is planned anew."""
    away = frozenset({PARTS["event"][0], PARTS["bread"][0]})
    return await play(settings, Team(away), token_s=token_s)


async def conflicting_write(settings: Settings, token_s: float = 0.0) -> Played:
    """While a part waits for a person, she writes it herself, and then lets the team's text pass as well."""

    async def write(platform: Platform, run_id: UUID, asked: FactEvent) -> None:
        if asked.data["show"] == PARTS["question"][1]:
            part = {"title": "A question to readers", "text": "What shall we bake for your birthday?"}
            await platform.state().put(f"{KEYS}parts/question", part, expected=None, by="Ada")
        await decide(platform, run_id, asked)

    return await play(settings, Team(), person=write, token_s=token_s)


def priced(per_million_usd: str, month_usd: str | None = None) -> GatewayConfig:
    """The team's answers at a price per million tokens, and what a month may cost."""
    config = stand_in("team", "simulated")
    per_token = Decimal(per_million_usd) / 1_000_000
    price = Price(per_token, per_token)
    deployment = replace(config.deployments["team"], price=price)
    route = Route("default", (Tier((Weighted(deployment),)),))
    month = None if month_usd is None else Decimal(month_usd)
    return replace(
        config,
        routes={"default": route},
        deployments={"team": deployment},
        budgets=replace(config.budgets, month_usd=month),
        digest=f"{per_million_usd} {month_usd}",
    )


def with_budget(budget: str) -> Graph:
    """The swarm, with another budget for a run."""
    document: dict[str, Any] = {**SWARM.document, "budget": budget}
    return compile_document(document)


async def budget_spent(settings: Settings, token_s: float = 0.0) -> Played:
    """What a run may cost is nearly spent after the first round; the planner is told, and lets it be enough."""
    return await play(settings, Team(), graph=with_budget("0.036 usd"), config=priced("10"), token_s=token_s)


async def worker_killed(settings: Settings, token_s: float = 0.0) -> Played:
    """A worker process is killed in the middle of the work, and another one while it plans anew; a third goes on."""
    quick = settings.model_copy(update=QUICK)
    workers = [start_worker(quick, token_s)]
    try:
        async with Platform.open(quick, worker=False) as platform, asyncio.timeout(MOST_S):
            runs = platform.runs()
            run_id = await runs.start(SWARM, {"name": "bakery", "goal": GOAL})
            attending = asyncio.create_task(attend(platform, run_id, decide, thinks_s=THINKS * token_s))
            for fact, step, times in (("StepCompleted", "commit", 3), ("StepStarted", "plan", 2)):
                await happened(platform, run_id, fact, step, times)
                workers[-1].kill()
                await asyncio.to_thread(workers[-1].join)
                workers.append(start_worker(quick, token_s))
            await attending
            return await outcome(platform, run_id, Team())
    finally:
        for worker in workers:
            worker.kill()
            worker.join()
            worker.close()


async def happened(platform: Platform, run_id: UUID, fact: str, step: str, times: int) -> None:
    """Wait until steps of this id have told this fact so often."""
    async with aclosing(platform.runs().follow(run_id)) as events:
        async for event in events:
            if isinstance(event, FactEvent) and event.name == fact and (event.step or "").endswith(f".{step}"):
                times -= 1
                if not times:
                    return
    raise AssertionError(f"the run ended before {fact} of {step}")


def start_worker(settings: Settings, token_s: float) -> BaseProcess:
    """A worker in a process of its own, until it is killed."""
    process = CONTEXT.Process(target=work, args=(settings.model_dump(exclude_unset=True), token_s), daemon=True)
    process.start()
    return process


def work(settings: dict[str, Any], token_s: float) -> None:
    """Carry runs out."""

    async def working() -> None:
        async with Platform.open(Settings(**settings), provider=TeamModel(Team(), token_s)):
            await asyncio.Event().wait()

    asyncio.run(working())
