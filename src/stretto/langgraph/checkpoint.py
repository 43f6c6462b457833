"""A checkpointer for LangGraph that stores what changed: `StrettoSaver`."""

from __future__ import annotations

import asyncio
import math
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from uuid import UUID

import orjson
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    get_checkpoint_id,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from stretto.errors import Invalid, StoreError
from stretto.langgraph.changes import Document, apply_change, cut_change, diff_document, patch_document
from stretto.langgraph.store import CheckpointStore, Found, Given, Head, Value, Write
from stretto.store import DEFAULT_TENANT, Database

DOCUMENT = ""
"""The channel of a checkpoint's document: all of it but the values of channels that are stored for themselves."""
JSON = "json"
MOST_INLINE = 200
"""Texts up to so many characters stand in the document; so do numbers, as each row has its price."""
MOST_CHAIN = 16
"""After so many changes of changes a value is stored as a whole, so that reading it takes no more rows than that."""
MOST_KNOWN = 64 << 20
"""How many bytes of values a saver remembers, to tell what changes. What it does not remember is stored as a whole."""
PAGE = 20
_OPTIONS = orjson.OPT_NON_STR_KEYS

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Known:
    """A version of a channel that is stored: its value, and after how many changes, with how many bytes, it is read."""

    version: str
    type: str
    value: bytes | Document
    bytes: int
    depth: int = 0
    changed: int = 0


class Knowledge:
    """What is stored last of channels, thread by thread (with its namespace); of threads used longest ago it forgets all."""

    def __init__(self, most_bytes: int = MOST_KNOWN) -> None:
        self._most = most_bytes
        self._bytes = 0
        self._known: OrderedDict[tuple[str, str], dict[str, Known]] = OrderedDict()

    def of(self, thread: tuple[str, str]) -> Mapping[str, Known]:
        """What is remembered of a thread's channels."""
        if (known := self._known.get(thread)) is None:
            return {}
        self._known.move_to_end(thread)
        return known

    def put(self, thread: tuple[str, str], known: Mapping[str, Known]) -> None:
        """Remember what was stored."""
        self.drop(thread, known)
        self._known.setdefault(thread, {}).update(known)
        self._known.move_to_end(thread)
        self._bytes += sum(each.bytes for each in known.values())
        while self._bytes > self._most and self._known:
            oldest = next(iter(self._known))
            self.drop(oldest, list(self._known[oldest]))

    def drop(self, thread: tuple[str, str], channels: Iterable[str]) -> None:
        """Forget channels."""
        known = self._known.get(thread, {})
        for channel in channels:
            if (gone := known.pop(channel, None)) is not None:
                self._bytes -= gone.bytes
        if not known:
            self._known.pop(thread, None)

    def clear(self) -> None:
        """Forget all."""
        self._known.clear()
        self._bytes = 0


class StrettoSaver(BaseCheckpointSaver[str]):
    """LangGraph's checkpoints in Stretto's database, of one tenant and under its row-level security.

    Make it inside a running loop: `graph = builder.compile(checkpointer=StrettoSaver(database))`. Each version of a channel is
    stored once, as what differs from the version before; so is the rest of a checkpoint. What many threads store at the
    same time goes in one transaction, and no thread waits for another's lock. The sync methods are for other threads than
    the loop's. LangGraph's suite of conformance holds for it.
    """

    def __init__(
        self,
        database: Database,
        tenant_id: UUID = DEFAULT_TENANT,
        *,
        serde: SerializerProtocol | None = None,
        known: Knowledge | None = None,
    ) -> None:
        super().__init__(serde=serde)
        self.store = CheckpointStore(database, tenant_id)
        self._known = known or Knowledge()
        self._loop = asyncio.get_running_loop()

    async def aclose(self) -> None:
        """Wait until all is stored."""
        await self.store.close()

    def get_next_version(self, current: str | None, channel: None) -> str:
        """Versions sort by their number; two branches of a thread never give the same one to different values."""
        number = 0 if current is None else int(str(current).partition(".")[0], 16)
        return f"{number + 1:08x}.{secrets.token_hex(5)}"

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint; of its channels those that are new."""
        thread_id, ns, parent_id = _place(config)
        packed = self._pack(thread_id, ns, checkpoint, new_versions)
        told = orjson.dumps(get_serializable_checkpoint_metadata(config, metadata), option=_OPTIONS, default=str)
        head = Head(thread_id, ns, checkpoint["id"], parent_id, told.decode(), packed.refs)
        try:
            lost = await self.store.put(Given(heads=(head,), values=[value for value, _ in packed.values]))
            if lost := [known for value, known in packed.values if value[:4] in lost]:
                # Somebody has deleted the thread meanwhile. What is left of it shall be readable.
                await self.store.put(Given(values=[_whole(thread_id, ns, channel, one) for channel, one in lost]))
        except BaseException:
            self._known.drop((thread_id, ns), [value.channel for value, _ in packed.values])
            raise
        self._known.put((thread_id, ns), dict(known for _, known in packed.values))
        return _config(thread_id, ns, checkpoint["id"])

    def _pack(self, thread_id: str, ns: str, checkpoint: Checkpoint, new_versions: ChannelVersions) -> Packed:
        # In the loop, not in a thread: the serialiser holds the interpreter's lock, so that a thread would only cost more.
        inline: dict[str, Any] = {}
        refs: dict[str, str] = {}
        values: list[tuple[Value, tuple[str, Known]]] = []
        versions = checkpoint["channel_versions"]
        for channel, value in checkpoint["channel_values"].items():
            if _is_small(value):
                inline[channel] = value
                continue
            if channel in versions:
                refs[channel] = str(versions[channel])
            if channel in new_versions:
                version = new_versions[channel]
                type_, data = self.serde.dumps_typed(value)
                changes = isinstance(version, str)  # others may give one number to different values
                values.append(self._change_of(thread_id, ns, channel, str(version), type_, data, changes=changes))
        seen = {
            node: dict(versions) for node, versions in checkpoint["versions_seen"].items()
        }  # the loop goes on with its own
        nested = {"channel_values": inline, "channel_versions": dict(versions), "versions_seen": seen}
        document: Document = {**checkpoint, **nested}
        refs[DOCUMENT] = f"{checkpoint['id']}.{secrets.token_hex(3)}"
        values.append(self._document(thread_id, ns, refs[DOCUMENT], document))
        return Packed(values, orjson.dumps(refs).decode())

    def _change_of(
        self, thread_id: str, ns: str, channel: str, version: str, type_: str, data: bytes, *, changes: bool
    ) -> tuple[Value, tuple[str, Known]]:
        before = self._known.of((thread_id, ns)).get(channel) if changes else None
        if before is not None and isinstance(before.value, bytes) and _may_follow(before, type_, version):
            change = cut_change(before.value, data)
            if change is not None and before.changed + len(change) <= max(len(data), 4096):
                known = Known(version, type_, data, len(data), before.depth + 1, before.changed + len(change))
                return Value(thread_id, ns, channel, version, before.version, type_, change), (channel, known)
        known = Known(version, type_, data, len(data))
        return Value(thread_id, ns, channel, version, None, type_, data), (channel, known)

    def _document(self, thread_id: str, ns: str, version: str, document: Document) -> tuple[Value, tuple[str, Known]]:
        whole = orjson.dumps(document, option=_OPTIONS, default=str)
        before = self._known.of((thread_id, ns)).get(DOCUMENT)
        if before is not None and isinstance(before.value, dict) and before.depth < MOST_CHAIN:
            change = orjson.dumps(diff_document(before.value, document), option=_OPTIONS, default=str)
            if before.changed + len(change) <= 4 * len(whole) and len(change) < len(whole):
                known = Known(version, JSON, document, len(whole), before.depth + 1, before.changed + len(change))
                return Value(thread_id, ns, DOCUMENT, version, before.version, JSON, change), (DOCUMENT, known)
        known = Known(version, JSON, document, len(whole))
        return Value(thread_id, ns, DOCUMENT, version, None, JSON, whole), (DOCUMENT, known)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a task has written."""
        thread_id, ns, checkpoint_id = _place(config)
        if checkpoint_id is None:
            raise Invalid("Writes belong to a checkpoint. Give its `checkpoint_id` in the configuration.")
        rows = [
            Write(
                thread_id,
                ns,
                checkpoint_id,
                task_id,
                WRITES_IDX_MAP.get(channel, index),
                task_path,
                channel,
                *self.serde.dumps_typed(value),
            )
            for index, (channel, value) in enumerate(writes)
        ]
        replacing = all(channel in WRITES_IDX_MAP for channel, _ in writes)
        if rows:
            await self.store.put(Given(writes=rows, replacing=replacing))

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint that `checkpoint_id` names, else the thread's latest."""
        thread_id, ns, _ = _place(config)
        # Of a version that is remembered nothing is read again: it never changes, and no other has its name.
        remembered = {
            channel: each for channel, each in self._known.of((thread_id, ns)).items() if _is_random(each.version)
        }
        versions = {channel: each.version for channel, each in remembered.items()}
        found = await self.store.get(thread_id, ns, get_checkpoint_id(config), versions)
        if not found.heads:
            return None
        read = self._channels(found, found.heads[0], remembered)
        self._known.put((thread_id, ns), {channel: each for channel, each in read.items() if each is not None})
        return self._tuple(found, found.heads[0], read)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Checkpoints, the latest first."""
        wanted = config["configurable"] if config and "configurable" in config else {}
        thread_id = wanted.get("thread_id")
        values = {
            "thread_id": None if thread_id is None else str(thread_id),
            "ns": wanted.get("checkpoint_ns"),
            "id": wanted.get("checkpoint_id"),
            "before": get_checkpoint_id(before) if before else None,
            "filter": orjson.dumps(filter or {}, option=_OPTIONS, default=str).decode(),
        }
        left, last = math.inf if limit is None else limit, None
        while left > 0:
            size = int(min(left, PAGE))
            found = await self.store.list(size, last, **values)
            for head in found.heads:
                yield self._tuple(found, head, self._channels(found, head, {}))
            if len(found.heads) < size:
                return
            left, last = left - size, found.heads[-1]

    def _channels(self, found: Found, head: Head, remembered: Mapping[str, Known]) -> dict[str, Known | None]:
        """The channels of a checkpoint; None for one whose value is gone."""
        refs: dict[str, str] = orjson.loads(head.refs)
        return {
            channel: known
            if (known := remembered.get(channel)) is not None and known.version == version
            else self._read(found, head, channel, version)
            for channel, version in refs.items()
        }

    def _tuple(self, found: Found, head: Head, read: Mapping[str, Known | None]) -> CheckpointTuple:
        document = read.get(DOCUMENT)
        if document is None:
            raise StoreError(
                f"Checkpoint {head.id} of thread {head.thread_id!r} is incomplete. Go back to an earlier one."
            )
        values = {
            channel: self.serde.loads_typed((known.type, cast("bytes", known.value)))
            for channel, known in read.items()
            if known is not None and channel != DOCUMENT
        }
        # The document may be remembered: LangGraph gets parts of its own.
        checkpoint = dict(cast("Document", document.value))
        checkpoint["channel_values"] = {**checkpoint["channel_values"], **values}
        checkpoint["channel_versions"] = dict(checkpoint["channel_versions"])
        checkpoint["versions_seen"] = {node: dict(seen) for node, seen in checkpoint["versions_seen"].items()}
        return CheckpointTuple(
            _config(head.thread_id, head.ns, head.id),
            cast("Checkpoint", checkpoint),
            orjson.loads(head.metadata),
            _config(head.thread_id, head.ns, head.parent_id) if head.parent_id else None,
            [
                (write.task_id, write.channel, self.serde.loads_typed((write.type, write.value)))
                for write in found.writes.get(head[:3], ())
            ],
        )

    def _read(self, found: Found, head: Head, channel: str, version: str) -> Known | None:
        """A value, put together of its last whole and the changes since."""
        chain: list[Value] = []
        wanted: str | None = version
        while wanted is not None:
            value = found.values.get((head.thread_id, head.ns, channel, wanted))
            if value is None:
                return None
            chain.append(value)
            wanted = value.base
        changed = sum(len(each.value) for each in chain[:-1])
        first, depth = chain.pop(), len(chain)
        if channel == DOCUMENT:
            document: Document = orjson.loads(first.value)
            for each in reversed(chain):
                document = patch_document(document, orjson.loads(each.value))
            return Known(version, JSON, document, len(first.value), depth, changed)
        data = first.value
        for each in reversed(chain):
            data = apply_change(data, each.value)
        return Known(version, first.type, data, len(data), depth, changed)

    async def adelete_thread(self, thread_id: str) -> None:
        """Forget a thread."""
        self._known.clear()
        await self.store.delete([str(thread_id)])

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Forget the checkpoints whose metadata say that one of these runs has made them."""
        self._known.clear()
        await self.store.forget_values(await self.store.delete_for_runs([str(each) for each in run_ids]))

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Add all of a thread to another."""
        await self.store.copy(str(source_thread_id), str(target_thread_id))

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Forget all but the latest checkpoint of each namespace (`keep_latest`), or all (`delete`).

        Raises `NotImplementedError` for threads with a DeltaChannel, whose latest value is rebuilt from what came before.
        """
        if isinstance(thread_ids, str):
            raise TypeError("thread_ids must be a sequence of thread IDs, not a str")
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f"Unknown prune strategy: {strategy!r}")
        threads = [str(each) for each in thread_ids]
        self._known.clear()
        if strategy == "delete":
            await self.store.delete(threads)
            return
        if deltas := await self.store.with_deltas(threads):
            raise NotImplementedError(f"keep_latest can't prune threads that use a DeltaChannel: {', '.join(deltas)}")
        await self.store.keep_latest(threads)
        await self.store.forget_values(threads)

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            here = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            here = False
        if here:
            work.close()
            raise asyncio.InvalidStateError(
                "This would block the loop that does the work. Use the async method, or another thread."
            )
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """As `aput`, from another thread than the loop's."""
        return self._wait_for(self.aput(config, checkpoint, metadata, new_versions))

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """As `aput_writes`, from another thread than the loop's."""
        self._wait_for(self.aput_writes(config, writes, task_id, task_path))

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """As `aget_tuple`, from another thread than the loop's."""
        return self._wait_for(self.aget_tuple(config))

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """As `alist`, from another thread than the loop's."""
        found = self.alist(config, filter=filter, before=before, limit=limit)
        while (one := self._wait_for(_next(found))) is not None:
            yield one

    def delete_thread(self, thread_id: str) -> None:
        """As `adelete_thread`, from another thread than the loop's."""
        self._wait_for(self.adelete_thread(thread_id))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """As `adelete_for_runs`, from another thread than the loop's."""
        self._wait_for(self.adelete_for_runs(run_ids))

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """As `acopy_thread`, from another thread than the loop's."""
        self._wait_for(self.acopy_thread(source_thread_id, target_thread_id))

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """As `aprune`, from another thread than the loop's."""
        self._wait_for(self.aprune(thread_ids, strategy=strategy))

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """As `aget_delta_channel_history`, from another thread than the loop's."""
        return self._wait_for(self.aget_delta_channel_history(config=config, channels=channels))


@dataclass(frozen=True, slots=True)
class Packed:
    """A checkpoint as it is stored: each new value with what is known once it is, and which versions it consists of."""

    values: Sequence[tuple[Value, tuple[str, Known]]]
    refs: str


def _place(config: RunnableConfig) -> tuple[str, str, str | None]:
    """Thread, namespace and checkpoint that a configuration names."""
    named = config.get("configurable") or {}
    if "thread_id" not in named:
        raise Invalid("A checkpointer needs to know the thread. Give a `thread_id` in the configuration.")
    return str(named["thread_id"]), named.get("checkpoint_ns", ""), get_checkpoint_id(config)


def _config(thread_id: str, ns: str, checkpoint_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": ns, "checkpoint_id": checkpoint_id}}


def _may_follow(before: Known, type_: str, version: str) -> bool:
    return before.type == type_ and before.version != version and before.depth < MOST_CHAIN


def _is_random(version: str) -> bool:
    """Whether it is a version of `get_next_version`, not one that a caller has counted by himself."""
    return "." in version


def _is_small(value: object) -> bool:
    """Whether a value stands in the document: what JSON gives back as it was."""
    if value is None or isinstance(value, bool):
        return True
    if type(value) is int:
        return -(2**53) < value < 2**53
    if type(value) is float:
        return math.isfinite(value)
    return type(value) is str and len(value) <= MOST_INLINE and value.isprintable()


def _whole(thread_id: str, ns: str, channel: str, known: Known) -> Value:
    data = known.value if isinstance(known.value, bytes) else orjson.dumps(known.value, option=_OPTIONS, default=str)
    return Value(thread_id, ns, channel, known.version, None, known.type, data)


async def _next(found: AsyncIterator[CheckpointTuple]) -> CheckpointTuple | None:
    return await anext(found, None)
