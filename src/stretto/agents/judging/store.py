"""The only Python that reads and sets the thresholds that tenants have set in place of those of their flows."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from psycopg.rows import class_row

from stretto.errors import Invalid, ThresholdNotFound
from stretto.flow.graph import Thresholds
from stretto.store import Database, load_queries

_Q = load_queries("stretto.agents.judging")

KEPT_S = 5.0
"""How long a process goes by what it has read; so late does a change count that another process made."""
MOST_KEPT = 10_000
MOST_SET = 1_000
"""So many a tenant may set."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """Thresholds as set. An empty `flow`, `policy` or `content_type` means any; None in `approve` or `reject`: as the flow says."""

    flow: str
    policy: str
    content_type: str
    approve: float | None
    reject: float | None
    updated_at: datetime

    @property
    def key(self) -> tuple[str, str, str]:
        """What they are for."""
        return self.flow, self.policy, self.content_type


class ThresholdStore:
    """The thresholds in the database; those in force are kept for some seconds (`ThresholdsInForce`)."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._kept: OrderedDict[tuple[UUID, str, str, str], tuple[float, Thresholds]] = OrderedDict()

    async def in_force(self, tenant_id: UUID, flow: str, policy: str, content_type: str) -> Thresholds:
        """For each of the two, the most precise one that is set: what names more counts first; of two that name as many, what
        names the flow, then what names the policy."""
        key, now = (tenant_id, flow, policy, content_type), self._clock()
        kept = self._kept.get(key)
        if kept is not None and now - kept[0] < KEPT_S:
            return kept[1]
        values = {"tenant_id": tenant_id, "flow": flow, "policy": policy, "content_type": content_type}
        (rows,) = await self._database.read(tenant_id, (_Q["thresholds_in_force"], values))
        found = Thresholds(
            next((approve for approve, _ in rows if approve is not None), None),
            next((reject for _, reject in rows if reject is not None), None),
        )
        self._kept[key] = (now, found)
        self._kept.move_to_end(key)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return found

    async def list(
        self, tenant_id: UUID, after: tuple[str, str, str] | None = None, limit: int = 50
    ) -> list[Threshold]:
        """What the tenant has set, by flow, policy and content type."""
        flow, policy, content_type = after or (None, None, None)
        values = {
            "tenant_id": tenant_id, "flow": flow, "policy": policy, "content_type": content_type, "limit": limit,
        }  # fmt: skip
        async with (
            self._database.tenant(tenant_id) as connection,
            connection.cursor(row_factory=class_row(Threshold)) as cursor,
        ):
            await cursor.execute(_Q["list_thresholds"], values)
            return await cursor.fetchall()

    async def put(
        self, tenant_id: UUID, key: tuple[str, str, str], approve: float | None, reject: float | None
    ) -> Threshold:
        """Set thresholds for a flow, a policy and a content type. Raises `Invalid` when they cannot hold together."""
        if approve is None and reject is None:
            raise Invalid("Neither `approve` nor `reject` is given. Give one of them, or remove the thresholds.")
        if approve is not None and reject is not None and reject > approve:
            raise Invalid(f"`reject` ({reject:g}) is above `approve` ({approve:g}). Make it smaller.")
        values = dict(zip(("flow", "policy", "content_type"), key, strict=True))
        rest = {"tenant_id": tenant_id, "approve": approve, "reject": reject, "now": datetime.now(UTC)}
        async with (
            self._database.tenant(tenant_id) as connection,
            connection.cursor(row_factory=class_row(Threshold)) as cursor,
        ):
            counted = await (await connection.execute(_Q["count_thresholds"], values | rest)).fetchone()
            if counted is not None and counted[0] >= MOST_SET:
                raise Invalid(f"A tenant sets at most {MOST_SET} thresholds. Remove some that nobody needs.")
            await cursor.execute(_Q["put_threshold"], values | rest)
            saved = await cursor.fetchone()
        assert saved is not None
        self._kept.clear()
        return saved

    async def delete(self, tenant_id: UUID, key: tuple[str, str, str]) -> None:
        """Let the flow's own hold again. Raises `ThresholdNotFound`."""
        values = dict(zip(("flow", "policy", "content_type"), key, strict=True))
        async with self._database.tenant(tenant_id) as connection:
            done = await connection.execute(_Q["delete_threshold"], values | {"tenant_id": tenant_id})
        if not done.rowcount:
            raise ThresholdNotFound
        self._kept.clear()
