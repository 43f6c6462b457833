"""Checkpoints in PostgreSQL: what is stored at once goes in one round trip, of many threads together."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, LiteralString, NamedTuple, cast
from uuid import UUID

from psycopg import DatabaseError
from psycopg.rows import TupleRow

from stretto.errors import StrettoError
from stretto.store import Database
from stretto.store.sql import load_queries

_Q = load_queries("stretto.langgraph")
AT_ONCE = 2
"""How many round trips store something at a time. What comes meanwhile goes together with the next."""
MOST_BYTES = 8 << 20
"""About how much goes in one round trip."""


class Value(NamedTuple):
    """A version of a channel's value: the whole, or with a `base` the change of that version."""

    thread_id: str
    ns: str
    channel: str
    version: str
    base: str | None
    type: str
    value: bytes


class Head(NamedTuple):
    """A checkpoint; `refs` says which versions of which channels it consists of. Metadata and `refs` are JSON."""

    thread_id: str
    ns: str
    id: str
    parent_id: str | None
    metadata: str
    refs: str


class Write(NamedTuple):
    """What a task has written into a channel."""

    thread_id: str
    ns: str
    checkpoint_id: str
    task_id: str
    idx: int
    task_path: str
    channel: str
    type: str
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What is to be stored at once. `replacing`: the writes go in place of those that are there."""

    heads: Sequence[Head] = ()
    values: Sequence[Value] = ()
    writes: Sequence[Write] = ()
    replacing: bool = False

    @property
    def bytes(self) -> int:
        """About how many bytes it has."""
        return sum(len(each.value) for each in (*self.values, *self.writes)) + 1000


@dataclass(slots=True)
class Found:
    """Checkpoints with the values that they need, and what their tasks have written."""

    heads: list[Head] = field(default_factory=list[Head])
    values: dict[tuple[str, str, str, str], Value] = field(default_factory=dict[tuple[str, str, str, str], Value])
    writes: dict[tuple[str, str, str], list[Write]] = field(default_factory=dict[tuple[str, str, str], list[Write]])


class Control(NamedTuple):
    """What has happened to a task: it has asked (`__interrupt__`), it was resumed (`__resume__`), or it has failed (`__error__`)."""

    ns: str
    task_id: str
    channel: str
    type: str
    value: bytes


class CheckpointStore:
    """One tenant's checkpoints. `close` it when nobody stores anything any more."""

    def __init__(self, database: Database, tenant_id: UUID) -> None:
        self.database = database
        self._tenant_id = tenant_id
        self._pending: list[tuple[Given, asyncio.Future[set[tuple[str, ...]]]]] = []
        self._flights: set[asyncio.Task[None]] = set()

    async def put(self, given: Given) -> set[tuple[str, ...]]:
        """Store it; once this returns it is on disk. Gives the keys of values whose base is gone, which are not stored."""
        done: asyncio.Future[set[tuple[str, ...]]] = asyncio.get_running_loop().create_future()
        self._pending.append((given, done))
        if len(self._flights) < AT_ONCE:
            self._flights.add(asyncio.create_task(self._fly(), name="store checkpoints"))
        return await done

    async def close(self) -> None:
        """Wait until all is stored."""
        while self._flights:
            await asyncio.gather(*self._flights, return_exceptions=True)

    async def _fly(self) -> None:
        try:
            await asyncio.sleep(0)  # whoever is about to store something comes along
            await self._store_pending()
        finally:
            # At once, not when the loop comes to it: whoever stores something until then would wait for a flight that is over.
            self._flights.remove(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _store_pending(self) -> None:
        while self._pending:
            batch, size = list[tuple[Given, asyncio.Future[set[tuple[str, ...]]]]](), 0
            while self._pending and size < MOST_BYTES:
                batch.append(self._pending.pop(0))
                size += batch[-1][0].bytes
            try:
                lost = await self._store([given for given, _ in batch])
            except (DatabaseError, StrettoError, ValueError) as error:
                await self._each_alone(batch, error)
            except BaseException as error:
                for _, done in (*batch, *self._pending):
                    if not done.done():
                        done.set_exception(error if isinstance(error, Exception) else ConnectionError("stopped"))
                self._pending.clear()
                raise
            else:
                for _, done in batch:
                    if not done.done():
                        done.set_result(lost)

    async def _each_alone(
        self, batch: Sequence[tuple[Given, asyncio.Future[set[tuple[str, ...]]]]], error: Exception
    ) -> None:
        """Something in the batch cannot be stored: that shall not be the others' fault."""
        for given, done in batch:
            try:
                result = await self._store([given]) if len(batch) > 1 else None
            except (DatabaseError, StrettoError, ValueError) as own:
                error, result = own, None
            if done.done():
                continue
            if result is None:
                done.set_exception(error)
            else:
                done.set_result(result)

    async def _store(self, batch: Sequence[Given]) -> set[tuple[str, ...]]:
        """Store all of them in one transaction and one round trip."""
        heads = {each[:3]: each for given in batch for each in given.heads}
        values = {each[:4]: each for given in reversed(batch) for each in given.values}  # the first one stays
        added = {each[:5]: each for given in reversed(batch) if not given.replacing for each in given.writes}
        set_ = {each[:5]: each for given in batch if given.replacing for each in given.writes}
        columns: dict[str, dict[str, Any]] = {}
        if heads or values:
            columns["put"] = _put_values(heads.values(), values.values())
        for query, writes in (("put_writes", added), ("set_writes", set_)):
            if writes:
                in_order = sorted(writes.values(), key=attrgetter(*Write._fields[:5]))
                columns[query] = _columns(_WRITES, in_order)
        statements: list[tuple[LiteralString, Mapping[str, Any]]] = [
            (_Q[query], {"tenant_id": self._tenant_id, **given}) for query, given in columns.items()
        ]
        rows = await self.database.apply(self._tenant_id, *statements)
        return set(rows[0]) if heads or values else set()

    async def get(self, thread_id: str, ns: str, id: str | None, known: Mapping[str, str]) -> Found:
        """The checkpoint with this id, or the latest; of its channels those whose version is not `known`."""
        versions = {"channels": list(known), "versions": list(known.values())}
        return _found(await self._read("get", thread_id=thread_id, ns=ns, id=id, **versions))

    async def list(self, limit: int, last: Head | None, **wanted: Any) -> Found:
        """A page of checkpoints, the latest first, after the `last` one of the page before."""
        after = {"after_id": None, "after_thread": None, "after_ns": None}
        if last is not None:
            after = {"after_id": last.id, "after_thread": last.thread_id, "after_ns": last.ns}
        return _found(await self._read("list", limit=limit, **after, **wanted))

    async def controls(self, thread_id: str) -> list[Control]:
        """What has happened to the tasks at the latest checkpoint of each namespace of the thread."""
        return [Control(*row) for row in await self._read("controls", thread_id=thread_id)]

    async def with_deltas(self, thread_ids: Sequence[str]) -> list[str]:
        """Those of the threads that have a DeltaChannel."""
        return sorted(row[0] for row in await self._read("with_deltas", thread_ids=list(thread_ids)))

    async def delete(self, thread_ids: Sequence[str]) -> None:
        """Forget threads."""
        await self._change("delete", thread_ids=list(thread_ids))

    async def delete_for_runs(self, run_ids: Sequence[str]) -> list[str]:
        """Forget what these runs have made; gives their threads."""
        return [row[0] for row in await self._change("delete_for_runs", run_ids=list(run_ids))]

    async def keep_latest(self, thread_ids: Sequence[str]) -> None:
        """Forget all checkpoints but the latest of each namespace."""
        await self._change("keep_latest", thread_ids=list(thread_ids))

    async def forget_values(self, thread_ids: Sequence[str]) -> None:
        """Forget what no checkpoint needs any more."""
        await self._change("forget_values", thread_ids=list(thread_ids))

    async def copy(self, source: str, target: str) -> None:
        """Add all of a thread to another."""
        await self._change("copy", source=source, target=target)

    async def _read(self, query: str, **values: Any) -> list[TupleRow]:
        return (await self.database.read(self._tenant_id, (_Q[query], {"tenant_id": self._tenant_id, **values})))[0]

    async def _change(self, query: str, **values: Any) -> list[TupleRow]:
        async with self.database.tenant(self._tenant_id) as connection:
            cursor = await connection.execute(_Q[query], {"tenant_id": self._tenant_id, **values})
            return await cursor.fetchall() if cursor.description else []


_HEADS = ("c_threads", "c_ns", "c_ids", "c_parents", "c_metadata", "c_refs")
_VALUES = ("v_threads", "v_ns", "v_channels", "v_versions", "v_bases", "v_types", "v_values")
_WRITES = ("threads", "ns", "checkpoints", "tasks", "idx", "paths", "channels", "types", "values")


def _put_values(heads: Any, values: Any) -> dict[str, Any]:
    return _columns(_HEADS, sorted(heads, key=attrgetter("thread_id", "ns", "id"))) | _columns(
        _VALUES, sorted(values, key=attrgetter("thread_id", "ns", "channel", "version"))
    )


def _columns(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    """The rows as one list per column. Sorted rows, so that two who store the same never wait for each other in a circle."""
    return dict(zip(names, map(list, zip(*rows, strict=True)) if rows else ([] for _ in names), strict=True))


def _found(rows: Sequence[TupleRow]) -> Found:
    found = Found()
    for kind, *row in rows:
        if kind == "c":
            found.heads.append(Head(*row[:6]))
        elif kind == "v":
            value = Value(*row[:7])
            found.values[value[:4]] = value
        else:
            thread_id, ns, checkpoint_id, task_id, channel, type_, value, idx, path = row
            write = Write(thread_id, ns, checkpoint_id, task_id, idx, path, channel, type_, value)
            found.writes.setdefault(write[:3], []).append(write)
    found.heads.sort(key=attrgetter("id", "thread_id", "ns"), reverse=True)
    for writes in found.writes.values():
        writes.sort(key=attrgetter("task_path", "task_id", "idx"))
    return found
