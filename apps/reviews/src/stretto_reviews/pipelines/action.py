"""The action pipeline: who wrote a good review gets points and a letter, once; what looks like fraud is decided by a person.

    rules -> fraud -> award -> (doubtful? one: person -> award or deny; several: a run for each)

Points, decisions and letters are rows under the review's id: however often a node begins again, each is there once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

import orjson
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from psycopg.rows import dict_row

from stretto import Platform
from stretto.engine import PersonAnswered
from stretto.events import Event, put_events
from stretto.langgraph import HostedGraph, current_step, host, hosted
from stretto_reviews.connectors import plan
from stretto_reviews.pipelines.fraud import DOUBTFUL, fraud_score
from stretto_reviews.pipelines.state import ActionState
from stretto_reviews.pipelines.taking import QUERIES

NAME = "reviews-action"
POINTS = 100
"""For a review of four or five stars."""
CAMPAIGN = "thank-you-for-your-review"
AWARDED = "app.reviews.points_awarded"


def action_graph(platform: Platform) -> HostedGraph:
    """The pipeline, to be put among the platform's tools."""
    work = Action(platform)
    graph = StateGraph(ActionState)
    graph.add_node("rules", work.rules)
    graph.add_node("award", work.award)
    graph.add_node("share", work.share)
    graph.add_node("person", work.person)
    graph.add_node("settle", work.settle)
    graph.add_edge(START, "rules")
    graph.add_edge("rules", "award")
    graph.add_conditional_edges("award", work.who_decides, {"person": "person", "share": "share", "end": END})
    graph.add_edge("share", END)
    graph.add_edge("person", "settle")
    graph.add_edge("settle", END)
    return host(
        graph.compile(name=NAME),
        name=NAME,
        description="Thank who wrote reviews: rules, fraud, a person where in doubt, points, a letter.",
        input={"review_ids": {"type": "array", "items": {"type": "string"}, "description": "The reviews."}},
        resume=lambda value, answer: decided(answer),
    )


def decided(answer: PersonAnswered) -> dict[str, Any]:
    """What the graph hears of a person's decision."""
    return {"approved": answer.verdict == "approve", "by": answer.by, "comments": answer.comments or ""}


class Action:
    """The nodes."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def rules(self, state: ActionState) -> dict[str, Any]:
        """Who may get points by the rules, and what speaks for fraud."""
        tenant_id = current_step().tenant_id
        values = {"tenant_id": tenant_id, "ids": [UUID(id) for id in state.get("review_ids", [])]}
        database = self._platform.database
        async with database.tenant(tenant_id) as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(QUERIES["eligible"], values)
            rows = await cursor.fetchall()
        clean: list[dict[str, Any]] = []
        doubtful: list[dict[str, Any]] = []
        denied: list[dict[str, Any]] = []
        for row in rows:
            found = {"review_id": str(row["id"]), "customer_id": str(row["customer_id"]), "points": POINTS}
            if not row["passes"]:
                denied.append({**found, "points": 0, "outcome": "denied", "fraud_score": None, "reasons": why_not(row)})
                continue
            score, reasons = fraud_score(row)
            found |= {"outcome": "awarded", "fraud_score": score, "reasons": reasons}
            if score > DOUBTFUL:
                shown = {
                    "product": row["product"],
                    "stars": row["rating"],
                    "text": row["text"],
                    "customer": row["name"],
                }
                doubtful.append({**found, "shown": shown})
            else:
                clean.append(found)
        return {"clean": clean, "doubtful": doubtful, "denied": denied}

    async def award(self, state: ActionState) -> dict[str, Any]:
        """Points for those without doubt; the others get their reasons."""
        return {"awarded": await self._decide([*state["clean"], *state["denied"]], "rules")}

    def who_decides(self, state: ActionState) -> Literal["person", "share", "end"]:
        """One that is in doubt is decided here, several in a run for each, so that people see them all at once."""
        if not state["doubtful"]:
            return "end"
        return "person" if len(state["doubtful"]) == 1 else "share"

    async def share(self, state: ActionState) -> dict[str, Any]:
        """A run for each that is in doubt; the same one when this begins again."""
        runs = self._platform.runs(current_step().tenant_id)
        flow = hosted(self._platform.tools, NAME).flow
        for each in state["doubtful"]:
            await runs.start(
                flow, {"review_ids": [each["review_id"]]}, idempotency_key=f"reviews-action/{each['review_id']}"
            )
        return {}

    async def person(self, state: ActionState) -> dict[str, Any]:
        """Somebody decides."""
        [doubt] = state["doubtful"]
        decision: dict[str, Any] = interrupt(
            {
                "question": f"Shall the customer get {doubt['points']} points for this review? "
                f"What speaks against it: {'; '.join(doubt['reasons'])}.",
                **doubt["shown"],
                "fraud_score": doubt["fraud_score"],
            }
        )
        found = {name: value for name, value in doubt.items() if name != "shown"}
        if not decision["approved"]:
            found |= {
                "outcome": "denied",
                "points": 0,
                "reasons": [*doubt["reasons"], decision["comments"] or "not approved"],
            }
        return {"clean": [found], "decided_by": decision["by"]}

    async def settle(self, state: ActionState) -> dict[str, Any]:
        """Carry out what was decided."""
        awarded = await self._decide(state["clean"], state["decided_by"])
        return {"awarded": [*state.get("awarded", []), *awarded]}

    async def _decide(self, rows: Sequence[Mapping[str, Any]], by: str) -> list[str]:
        """Decisions, points, letters and events in one transaction; gives the reviews that points were given for just now."""
        if not rows:
            return []
        tenant_id = current_step().tenant_id
        async with self._platform.database.tenant(tenant_id) as connection:
            values = {"tenant_id": tenant_id, "by": by, "rows": orjson.dumps(list(rows)).decode()}
            found = await (await connection.execute(QUERIES["decide"], values)).fetchall()
            given = [(review, customer, points) for review, customer, outcome, points in found if outcome == "awarded"]
            if not given:
                return []
            reviews, customers, points = zip(*given, strict=True)
            columns = {"reviews": list(reviews), "customers": list(customers), "points": list(points)}
            cursor = await connection.execute(QUERIES["give_points"], {"tenant_id": tenant_id, **columns})
            told = await cursor.fetchall()
            await plan(connection, tenant_id, [letter for row in told for letter in letters(*row)])
            await put_events(connection, [awarded_event(*row) for row in told])
        return [str(review) for review, *_ in told]


def why_not(row: Mapping[str, Any]) -> list[str]:
    """The rules that a review does not meet."""
    rules = [
        (not row["opted_into_loyalty"], "the customer has not joined the programme"),
        (row["account_status"] != "active", f"the customer's account is {row['account_status']}"),
        (row["rating"] is None or row["rating"] < 4, "fewer than four stars"),
        (row["status"] != "analysed", f"the review is {row['status']}"),
    ]
    return [reason for holds, reason in rules if holds]


def letters(review_id: UUID, points: int, email: str, balance: int) -> list[tuple[str, str, dict[str, Any]]]:
    """What other systems are told of points: key, connector, and what is said."""
    body = {"email": email, "points": points, "balance": balance, "review_id": str(review_id)}
    return [
        (f"points/{review_id}", "yotpo", body),
        (f"campaign/{CAMPAIGN}/{review_id}", "klaviyo", {**body, "campaign": CAMPAIGN}),
    ]


def awarded_event(review_id: UUID, points: int, email: str, balance: int) -> dict[str, Any]:
    """The event of points that were given; without the customer's address, as events go to many."""
    return {"type": AWARDED, "subject": f"reviews/{review_id}", "data": {"points": points, "review_id": str(review_id)}}


def started_by(platform: Platform) -> Any:
    """What starts the pipeline for each batch that was analysed."""

    async def start(event: Event) -> None:
        ids = list(event.data.get("reviews", []))
        if ids:
            flow = hosted(platform.tools, NAME).flow
            await platform.runs(event.tenant_id).start(
                flow, {"review_ids": ids}, idempotency_key=f"reviews-action/{event.id}"
            )

    return start
