"""The only Python that runs the SQL of reviews."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow, class_row

from stretto.engine.rows import json_text
from stretto.engine.store import put_signal
from stretto.review.records import (
    ClosedPlace,
    Deciding,
    Decision,
    Filter,
    Happening,
    PastDecision,
    Place,
    Review,
    Whole,
)
from stretto.store import Database, load_queries

_Q = load_queries("stretto.review")
BULK_FROM = 0.85
"""From this confidence on items may be decided together, where the flow does not say."""
_BEGINNING = Place(-1, 0.0, UUID(int=0))
_END = ClosedPlace(datetime(9999, 1, 1, tzinfo=UTC), UUID(int=0))


@dataclass(frozen=True, slots=True)
class Locked:
    """What a decision needs to know of a review that it has locked."""

    id: UUID
    run_id: UUID
    step: str
    state: str
    version: int
    content: Any
    mandatory: bool
    four_eyes: bool
    claimed_by: str | None
    claim_counts: bool | None
    claimed_until: datetime | None
    first_by: str | None
    verdict: str | None
    decided_by: str | None
    closed_at: datetime | None
    form: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands in the way of deciding a review together with others."""

    id: UUID
    state: str
    mandatory: bool
    confidence: float | None
    bulk_from: float
    claimed_by: str | None
    claimed: bool
    verdict: str | None
    decided_by: str | None
    closed_at: datetime | None


class ReviewStore:
    """Reads and writes of one tenant's reviews."""

    def __init__(self, database: Database, tenant_id: UUID) -> None:
        self.database = database
        self.tenant_id = tenant_id

    async def open(self, wanted: Filter, after: Place | None, limit: int) -> list[Review]:
        """What waits, in the inbox's order."""
        values = {**asdict(wanted), **asdict(after or _BEGINNING), "limit": limit}
        return await self._reviews("list_open", values)

    async def closed(self, wanted: Filter, before: ClosedPlace | None, limit: int) -> list[Review]:
        """What is over, the latest first."""
        values = {**asdict(wanted), **asdict(before or _END), "limit": limit}
        return await self._reviews("list_closed", values)

    async def get(self, review_id: UUID) -> Review | None:
        """One review; None where there is none."""
        found = await self._reviews("get_review", {"id": review_id})
        return found[0] if found else None

    async def whole(self, review_id: UUID) -> Whole | None:
        """A review with all that belongs to it, as it was at one moment."""
        values = {"tenant_id": self.tenant_id, "id": review_id}
        async with self.database.tenant(self.tenant_id) as connection:
            while True:
                async with connection.cursor(row_factory=class_row(Review)) as cursor:
                    review = await (await cursor.execute(_Q["get_review"], values)).fetchone()
                if review is None:
                    return None
                ((content, reason, stated, bulk_from, escalate_to, media, form),) = await fetch(
                    connection, "get_whole", values
                )
                history = [Happening(*row) for row in await fetch(connection, "get_history", values)]
                decisions = [Decision(*row) for row in await fetch(connection, "get_decisions", values)]
                if history[-1].version == review.version:  # else it was changed in between
                    rest = (content, reason, stated, bulk_from, escalate_to, media, history, decisions, form)
                    return Whole(review, *rest)

    async def find(self, ending: str) -> list[UUID]:
        """Reviews whose id ends with these characters, at most three."""
        pattern = "%" + ending.lower().replace("\\", "").replace("%", "").replace("_", "")
        return [row[0] for row in await self._all("find_reviews", pattern=pattern)]

    async def of_step(self, run_id: UUID, step: str) -> UUID | None:
        """The latest review of a step."""
        rows = await self._all("latest_of_step", run_id=run_id, step=step)
        return rows[0][0] if rows else None

    async def change(self, query: str, values: Mapping[str, Any]) -> bool:
        """Claim, release, assign or snooze; False when the review does not allow it."""
        return bool(await self._all(query, **values))

    async def standing(self, ids: Sequence[UUID]) -> list[Standing]:
        """What stands in the way of each."""
        return [Standing(*row) for row in await self._all("standing", ids=list(ids), bulk_from=BULK_FROM)]

    async def past_decisions(
        self,
        judge: str | None,
        flow: str | None,
        content_type: str | None,
        limit: int,
        since: datetime | None = None,
    ) -> list[PastDecision]:
        """The latest decisions of people about what judges had scored."""
        rows = await self._all(
            "past_decisions", judge=judge, flow=flow, content_type=content_type, limit=limit, since=since
        )
        return [PastDecision(*row) for row in rows]

    async def approved_before(self, flow: str, content_type: str) -> bool:
        """Whether a person has ever approved such content."""
        return bool((await self._all("approved_before", flow=flow, content_type=content_type))[0][0])

    async def figures(self, since: datetime) -> tuple[TupleRow, TupleRow, list[TupleRow], list[TupleRow]]:
        """What waits now; what was decided since; by whom; how often judges were overturned."""
        values = {"tenant_id": self.tenant_id, "since": since}
        async with self.database.tenant(self.tenant_id) as connection:
            (counts,) = await fetch(connection, "counts", values)
            (decided,) = await fetch(connection, "decided_figures", values)
            deciders = await fetch(connection, "deciders", values)
            return counts, decided, deciders, await fetch(connection, "overturned", values)

    async def _reviews(self, query: str, values: Mapping[str, Any]) -> list[Review]:
        async with (
            self.database.tenant(self.tenant_id) as connection,
            connection.cursor(row_factory=class_row(Review)) as cursor,
        ):
            # Not prepared: which index serves a page depends on which filters are given.
            await cursor.execute(_Q[query], {"tenant_id": self.tenant_id, **values}, prepare=False)
            return await cursor.fetchall()

    async def _all(self, query: str, **values: Any) -> list[TupleRow]:
        async with self.database.tenant(self.tenant_id) as connection:
            return await fetch(connection, query, {"tenant_id": self.tenant_id, **values})


async def fetch(connection: AsyncConnection[TupleRow], query: str, values: Mapping[str, Any]) -> list[TupleRow]:
    """Run one of the queries in a transaction that somebody else holds."""
    cursor = await connection.execute(_Q[query], values)
    return await cursor.fetchall() if cursor.description else []


async def lock(
    connection: AsyncConnection[TupleRow], tenant_id: UUID, review_id: UUID
) -> tuple[Locked | None, str | None]:
    """The review, locked, and the key of what its step waits for; None when that waits no more. The wait is locked first,
    as the engine does."""
    values = {"tenant_id": tenant_id, "id": review_id}
    waits = await fetch(connection, "lock_wait", values)
    rows = await fetch(connection, "lock_review", values)
    return (Locked(*rows[0]) if rows else None), (waits[0][0] if waits else None)


async def first_approval(
    connection: AsyncConnection[TupleRow], tenant_id: UUID, review_id: UUID
) -> tuple[Any, bool] | None:
    """What the first of two made of the content, and whether he edited it."""
    rows = await fetch(connection, "first_approval", {"tenant_id": tenant_id, "id": review_id})
    return (rows[0][0], rows[0][1]) if rows else None


@dataclass(frozen=True, slots=True)
class Written:
    """A decision as it is written down."""

    said: Deciding
    edited: bool
    value: Any
    diff: Any
    final: bool
    first_by: str | None
    at: datetime


async def write_decision(
    connection: AsyncConnection[TupleRow], tenant_id: UUID, review: Locked, written: Written, key: str
) -> bool:
    """Write a decision and what follows from it; False when the run is over, and takes none. `key`: of the wait."""
    said = written.said
    values = {
        "tenant_id": tenant_id,
        "id": review.id,
        "run_id": review.run_id,
        "step": review.step,
        "version": review.version,
        "mandatory": review.mandatory,
        "four_eyes": review.four_eyes,
        "verdict": said.verdict,
        "by": said.by,
        "first_by": written.first_by,
        "comments": said.comments,
        "edited": written.edited,
        "value": json_text(written.value) if written.edited else None,
        "diff": json_text(written.diff) if written.edited else None,
        "final": written.final,
        "at": written.at,
    }
    await fetch(connection, "add_decision", values)
    if not written.final:
        await fetch(connection, "approve_once", values)
        return True
    await fetch(connection, "close_review", values)
    await fetch(connection, "end_wait", values)
    by = said.by if written.first_by is None else f"{written.first_by}, {said.by}"
    body = {
        "step": review.step,
        "verdict": said.verdict,
        "by": by,
        "comments": said.comments,
        "value": written.value if written.edited else review.content,
        "review": str(review.id),
        "key": key,
    }
    return await put_signal(connection, review.run_id, "review", body)


async def decide_bulk(
    connection: AsyncConnection[TupleRow], tenant_id: UUID, ids: Sequence[UUID], said: Deciding, at: datetime
) -> set[UUID]:
    """Decide those that may be decided together; gives them."""
    values = {
        "tenant_id": tenant_id,
        "ids": list(ids),
        "verdict": said.verdict,
        "by": said.by,
        "comments": said.comments,
        "bulk_from": BULK_FROM,
        "at": at,
    }
    return set((await fetch(connection, "decide_bulk", values))[0][0])


async def carry_out(
    connection: AsyncConnection[TupleRow], tenant_id: UUID, what: str, ids: Sequence[UUID], by: str
) -> int:
    """What time does with these: `decide_due` or `escalate`; gives with how many it did."""
    values = {"tenant_id": tenant_id, "ids": list(ids), "by": by, "at": datetime.now(UTC)}
    return int((await fetch(connection, what, values))[0][0])


async def due_reviews(database: Database, most: int) -> list[tuple[UUID, UUID, str]]:
    """(tenant, review, what) of all tenants: what time does now."""
    async with database.system() as connection:
        return [(row[0], row[1], row[2]) for row in await fetch(connection, "due_reviews", {"most": most})]
