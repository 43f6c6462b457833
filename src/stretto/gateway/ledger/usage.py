"""What was used: tokens, money and time, by whatever one asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, get_args
from uuid import UUID

from psycopg.sql import SQL, Composable, Identifier, Placeholder

from stretto.errors import Invalid
from stretto.gateway.ledger import store
from stretto.gateway.ledger.estimate import Estimate, make_estimate
from stretto.gateway.ledger.reconcile import Reconciliation, reconcile
from stretto.gateway.prices import FREE, Scale, add_up, cost_of, read_document
from stretto.gateway.provider import TokenCounts
from stretto.store import Database, uuid7_floor

UsageKey = Literal[
    "day",
    "flow",
    "step",
    "run",
    "attempt",
    "agent",
    "route",
    "deployment",
    "provider",
    "model",
    "priority",
    "outcome",
]
"""What usage can be told apart by. `step` is a step's id, `day` a day in UTC."""
USAGE_KEYS: tuple[UsageKey, ...] = get_args(UsageKey)
RowKey = UsageKey | Literal["tenant"]
"""What a row can be told apart by: also by tenant, where several are looked at."""
KeyValue = str | int | date | UUID | None
"""None: the call belongs to no run."""

MAX_ROWS = 10_000
"""More rows than this are not given at once."""
_ONLY_IN_CALLS: frozenset[UsageKey] = frozenset({"run", "attempt"})
_IN_CALLS: Mapping[UsageKey, Composable] = {"day": SQL("(at AT TIME ZONE 'UTC')::date"), "run": Identifier("run_id")}
_NOTHING = TokenCounts()
_A_DAY = timedelta(days=1)
_FIRST, _LAST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """What the calls of one kind came to. `keys` holds what was asked for, in that order.

    `calls` counts all entries of the ledger; of these `not_made` are those that admission did not let through or that the cache
    answered (`cached`), whose tokens are not counted. `estimated`: calls whose tokens the provider did not tell. The latencies, in seconds, are those of answered
    calls, None where they were not asked for or nothing was answered.
    """

    keys: Mapping[RowKey, KeyValue] = field(default_factory=dict[RowKey, KeyValue])
    calls: int = 0
    failed: int = 0
    cancelled: int = 0
    not_made: int = 0
    cached: int = 0
    estimated: int = 0
    simulated_calls: int = 0
    tokens: TokenCounts = _NOTHING
    cost_usd: Decimal = Decimal(0)
    ttft_p50_s: float | None = None
    ttft_p95_s: float | None = None
    duration_p50_s: float | None = None
    duration_p95_s: float | None = None

    @property
    def simulated(self) -> Literal["no", "partly", "yes"]:
        """Whether no real model answered these calls."""
        if not self.simulated_calls:
            return "no"
        return "yes" if self.simulated_calls >= self.calls else "partly"


def total(rows: Sequence[UsageRow]) -> UsageRow:
    """The exact sum of rows; latencies have none."""
    return UsageRow(
        calls=sum(row.calls for row in rows),
        failed=sum(row.failed for row in rows),
        cancelled=sum(row.cancelled for row in rows),
        not_made=sum(row.not_made for row in rows),
        cached=sum(row.cached for row in rows),
        estimated=sum(row.estimated for row in rows),
        simulated_calls=sum(row.simulated_calls for row in rows),
        tokens=TokenCounts(
            input=sum(row.tokens.input for row in rows),
            cached_input=sum(row.tokens.cached_input for row in rows),
            cache_write=sum(row.tokens.cache_write for row in rows),
            output=sum(row.tokens.output for row in rows),
            reasoning=sum(row.tokens.reasoning for row in rows),
            estimated=any(row.tokens.estimated for row in rows),
        ),
        cost_usd=add_up(row.cost_usd for row in rows),
    )


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What the costs of a tenant's calls come to when they are reckoned again; `differing` are the ids that do not agree.

    `unknown`: calls of which the prices are not kept.
    """

    calls: int
    differing: tuple[UUID, ...]
    unknown: int


class Usage:
    """Reads the ledger. Every method sees one tenant's calls alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def by(
        self,
        tenant_id: UUID,
        keys: Sequence[UsageKey] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        filters: Mapping[UsageKey, KeyValue] | None = None,
        *,
        latency: bool = False,
    ) -> Sequence[UsageRow]:
        """What was used from `since` up to `until`, told apart by `keys`; with `day` the oldest first, else the dearest.

        Read from the sums by day where these hold it: whole days (UTC), and neither run nor attempt nor latency asked for.
        Otherwise from the calls, which are kept as long as runs are. Raises `Invalid` for an unknown key or too many rows.
        """
        filters = filters or {}
        for key in (*keys, *filters):
            if key not in USAGE_KEYS:
                raise Invalid(f"Usage cannot be told apart by {key!r}. Choose of {', '.join(USAGE_KEYS)}.")
        keys = tuple(dict.fromkeys(keys))
        from_calls = latency or bool(_ONLY_IN_CALLS & {*keys, *filters}) or not (_whole(since) and _whole(until))
        columns = {key: _column(key, from_calls) for key in (*keys, *filters)}
        parts: dict[str, Composable] = {
            "keys": SQL("").join(SQL("{}, ").format(columns[key]) for key in keys),
            "group": SQL("GROUP BY {}").format(SQL(", ").join(columns[key] for key in keys)) if keys else SQL(""),
            "order": _order([columns[key] for key in keys], columns["day"] if "day" in keys else None),
            "filters": SQL("").join(_filter(columns[key], key, value) for key, value in filters.items()),
        }
        values: dict[str, Any] = {f"is_{key}": value for key, value in filters.items()}
        values |= {"tenant_id": tenant_id, "limit": MAX_ROWS + 1, "since": since, "until": until}
        if from_calls:
            first, last = since or _FIRST, until or _LAST
            values |= {"since": first, "until": last}
            # The id's time lies within a day of the call's, so that other months need not be looked at.
            values |= {"first_id": uuid7_floor(max(first, _FIRST) - _A_DAY), "last_id": uuid7_floor(last + _A_DAY)}
        rows = await store.read_usage(
            self._database, "usage_from_calls" if from_calls else "usage_from_days", parts, values
        )
        if len(rows) > MAX_ROWS:
            raise _too_many()
        return [_row(keys, row) for row in rows if row[len(keys)]]

    async def by_tenant(
        self,
        tenants: Mapping[UUID, str],
        keys: Sequence[RowKey],
        since: datetime | None = None,
        until: datetime | None = None,
        filters: Mapping[UsageKey, KeyValue] | None = None,
        *,
        latency: bool = False,
    ) -> Sequence[UsageRow]:
        """As `by`, of several tenants with their names: `keys` holds `tenant`. Raises `Invalid` for too many rows in all.

        Each is asked for in a transaction of its own, because none sees two tenants.
        """
        inner: list[UsageKey] = [key for key in keys if key != "tenant"]
        found: list[UsageRow] = []
        for tenant_id, name in tenants.items():
            rows = await self.by(tenant_id, inner, since, until, filters, latency=latency)
            told: Mapping[RowKey, str] = {"tenant": name}
            found += [replace(row, keys={key: (told | dict(row.keys))[key] for key in keys}) for row in rows]
            if len(found) > MAX_ROWS:
                raise _too_many()
        found.sort(key=lambda row: (-row.cost_usd, -row.tokens.output, str(row.keys["tenant"])))
        if "day" in keys:
            found.sort(key=lambda row: str(row.keys["day"]))
        return found

    async def of_runs(self, tenant_id: UUID, run_ids: Sequence[UUID]) -> dict[UUID, UsageRow]:
        """What the calls of each of these runs came to, without latencies; runs that made none are left out. One query."""
        rows = await store.used_by_runs(self._database, tenant_id, run_ids) if run_ids else []
        return {
            run_id: UsageRow(
                keys={"run": run_id},
                calls=calls,
                simulated_calls=simulated,
                tokens=TokenCounts(
                    input=int(plain), cached_input=int(cached), cache_write=int(written), output=int(output)
                ),
                cost_usd=cost_usd,
            )
            for run_id, calls, simulated, plain, cached, written, output, cost_usd in rows
        }

    async def of_agents(self, tenant_id: UUID, since: datetime) -> dict[str, tuple[int, int]]:
        """By agent, of the steps that it worked on: how many got an answer of a model, and how many none."""
        rows = await store.agents_since(self._database, tenant_id, since, uuid7_floor(since - _A_DAY))
        return {agent: (answered, unanswered) for agent, answered, unanswered in rows}

    async def estimate(self, tenant_id: UUID, flow: str) -> Estimate:
        """What a run of this flow may cost, by its past runs. Raises `FlowNotFound`."""
        return await make_estimate(self._database, tenant_id, flow)

    async def reconcile(self, tenant_id: UUID, provider: str, csv_path: Path) -> Reconciliation:
        """Compare a provider's invoice with the ledger, by day and model; changes nothing.

        `provider` is its name in the configuration. Raises `DocumentInvalid` with the place of each mistake in the file.
        """
        return await reconcile(self._database, tenant_id, provider, csv_path)

    async def recompute(self, tenant_id: UUID, page: int = 5_000) -> Recomputed:
        """Reckon the cost of every call again, by the prices of its time."""
        scales: dict[str, dict[str, Scale]] = {}
        differing: list[UUID] = []
        calls = unknown = 0
        after = UUID(int=0)
        while True:
            rows, documents = await store.calls_after(self._database, tenant_id, after, page)
            scales |= {version: read_document(documents[version]) for version in documents.keys() - scales.keys()}
            for call_id, deployment, version, uncached, cached, written, output, reasoning, cost_usd, free in rows:
                scale = FREE if free else scales.get(version, {}).get(deployment)
                if scale is None:
                    unknown += 1
                    continue
                tokens = TokenCounts(
                    input=uncached, cached_input=cached, cache_write=written, output=output, reasoning=reasoning
                )
                if cost_of(scale, tokens) != cost_usd:
                    differing.append(call_id)
            calls += len(rows)
            if len(rows) < page:
                return Recomputed(calls, tuple(differing), unknown)
            after = rows[-1][0]


def _too_many() -> Invalid:
    return Invalid(f"That is over {MAX_ROWS:,} rows. Tell usage apart by fewer keys, or ask for a shorter time.")


def _whole(at: datetime | None) -> bool:
    return at is None or at.astimezone(UTC).timetz() == time(0, tzinfo=UTC)


def _column(key: UsageKey, from_calls: bool) -> Composable:
    return _IN_CALLS.get(key, Identifier(key)) if from_calls else Identifier(key)


def _filter(column: Composable, key: UsageKey, value: KeyValue) -> Composable:
    if value is None:
        return SQL("AND {} IS NULL ").format(column)
    return SQL("AND {} = {} ").format(column, Placeholder(f"is_{key}"))


def _order(columns: Sequence[Composable], day: Composable | None) -> Composable:
    order = [*([day] if day is not None else []), SQL("sum(cost_usd) DESC"), SQL("sum(output_tokens) DESC"), *columns]
    return SQL(", ").join(order)


def _row(keys: Sequence[UsageKey], row: Sequence[Any]) -> UsageRow:
    values = row[len(keys) :]
    calls, failed, cancelled, not_made, cached, estimated, simulated = map(int, values[:7])
    uncached, cached_input, cache_write, output, reasoning = map(int, values[7:12])
    ttft, duration = values[13] or (None, None), values[14] or (None, None)
    return UsageRow(
        keys=dict(zip(keys, row, strict=False)),
        calls=calls,
        failed=failed,
        cancelled=cancelled,
        not_made=not_made,
        cached=cached,
        estimated=estimated,
        simulated_calls=simulated,
        tokens=TokenCounts(
            input=uncached,
            cached_input=cached_input,
            cache_write=cache_write,
            output=output,
            reasoning=reasoning,
            estimated=estimated > 0,
        ),
        cost_usd=values[12],
        ttft_p50_s=ttft[0],
        ttft_p95_s=ttft[1],
        duration_p50_s=duration[0],
        duration_p95_s=duration[1],
    )
