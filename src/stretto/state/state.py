"""The door to a tenant's documents."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any, cast
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.errors import Invalid, StateConflict, StateNotFound
from stretto.state.document import ANY, Document, Expected, check_key, check_prefix, decode, encode
from stretto.state.rules import Rule, rule_for
from stretto.state.store import Signed, StateStore, Version
from stretto.state.writing import NOTHING, Compute, Patch, Put, Write, no_document, resolve
from stretto.store import Database
from stretto.store.acting import ACTING
from stretto.store.idempotency import MAX_KEY_CHARS, Once, claim, made_before, once

MAX_WRITES = 64
"""Documents in one transaction."""
PAGE_BYTES = 1_048_576
"""A page of a list ends when its values come to this."""
MAX_LIMIT = 1_000
PAUSE_S = 0.01
LONGEST_PAUSE_S = 0.5
LOCKED_AT = 2
"""Where many write one document, each commit makes all others' attempts vain, which cost as much: 16 writers come to several times
as many commits by waiting for the lock from the second attempt on (`bench/measured/state.py`)."""
_NEWEST = 2**31 - 1

Change = Callable[[Any], Any] | Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of documents by key; `next` is where the page after it begins."""

    documents: Sequence[Document]
    next: str | None


class State:
    """The documents of one tenant.

    Whoever writes says which version he has read. When another one is there by then, the two changes are merged by the rule of
    the document's key, where it has one that can (`rules`; default: the setting `state_rules`); else `StateConflict` is raised,
    whose `document` is the one that is there. What is written with an `idempotency_key` is written once: the same request
    under the same key gives the answer of the first and changes nothing. All writes raise `Invalid` for what cannot be kept.
    """

    def __init__(self, database: Database, tenant_id: UUID, rules: Mapping[str, Rule] | None = None) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._rules = database.settings.state_rules if rules is None else rules
        self._store = StateStore(database, tenant_id)

    async def get(self, key: str) -> Document:
        """The document of this key. Raises `StateNotFound`."""
        found = await self.find(key)
        if found is None:
            raise no_document(key)
        return found

    async def find(self, key: str) -> Document | None:
        """The document of this key; None if there is none."""
        found = await self._store.get(check_key(key))
        return None if found is None or found.deleted else found

    async def at(self, key: str, version: int) -> Document:
        """A document as it was at a version; one that removed it has no value. Raises `StateNotFound`."""
        found = await self._store.get(check_key(key), version) if 0 < version <= _NEWEST else None
        if found is None:
            raise StateNotFound(
                f"There is no version {version} of {key!r}, or it is forgotten: the latest "
                f"{self._database.settings.state_versions} of each document are kept.",
                key=key,
            )
        return found

    async def list(self, prefix: str = "", after: str | None = None, limit: int = 50) -> Listing:
        """Documents whose keys begin with `prefix`, by key, after one of them. A page ends after `limit`, or 1 MiB."""
        limit = max(1, min(limit, MAX_LIMIT))
        place = None if after is None else check_prefix(after)
        found = await self._store.list(check_prefix(prefix), place, limit + 1, PAGE_BYTES)
        page = [document for document, fits in found[:limit] if fits]
        return Listing(page, page[-1].key if len(found) > len(page) else None)

    async def history(self, key: str, before: int | None = None, limit: int = 50) -> Sequence[Document]:
        """Who wrote which version, the latest first, without the values; `at` has those. Raises `StateNotFound`."""
        last = _NEWEST if before is None else max(0, min(before, _NEWEST))
        found = await self._store.history(check_key(key), last, max(1, min(limit, MAX_LIMIT)))
        if not found and before is None:
            raise no_document(key)
        return found

    async def put(
        self,
        key: str,
        value: Any,
        *,
        expected: Expected,
        by: str | None = None,
        run_id: UUID | None = None,
        step: str | None = None,
        idempotency_key: str | None = None,
    ) -> Document:
        """Write a value over the version that was read (None: there is none yet; `ANY`: whatever is there).

        Raises `StateConflict` when another version is there and the two cannot be merged.
        """
        write = Write.put(key, value, expected=expected)
        return (await self.commit([write], by=by, run_id=run_id, step=step, idempotency_key=idempotency_key))[0]

    async def patch(
        self,
        key: str,
        patch: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        expected: Expected = ANY,
        by: str | None = None,
        run_id: UUID | None = None,
        step: str | None = None,
        idempotency_key: str | None = None,
    ) -> Document:
        """Change what is there: by a JSON merge patch (RFC 7396), or a list of operations (RFC 6902, and `increment`).

        A merge patch makes the document where there is none. Raises as `put` does, `StateConflict` also when a `test` of the
        operations fails, and `StateNotFound` for operations on nothing.
        """
        write = Write.patch(key, patch, expected=expected)
        return (await self.commit([write], by=by, run_id=run_id, step=step, idempotency_key=idempotency_key))[0]

    async def delete(
        self,
        key: str,
        *,
        expected: Expected = ANY,
        by: str | None = None,
        run_id: UUID | None = None,
        step: str | None = None,
        idempotency_key: str | None = None,
    ) -> Document:
        """Remove a document; that is a version, too. Raises `StateConflict`, never merges; `StateNotFound`."""
        write = Write.delete(key, expected=expected)
        return (await self.commit([write], by=by, run_id=run_id, step=step, idempotency_key=idempotency_key))[0]

    async def commit(
        self,
        writes: Sequence[Write],
        *,
        by: str | None = None,
        run_id: UUID | None = None,
        step: str | None = None,
        idempotency_key: str | None = None,
    ) -> Sequence[Document]:
        """Write several documents, all or none, and give their new versions in the same order.

        Raises what `put`, `patch` and `delete` raise, for the first that cannot be written; then nothing has changed.
        """
        asked = None if idempotency_key is None else asked_once(idempotency_key, *map(_asked, writes))
        return await self.commit_once(writes, asked, by=by, run_id=run_id, step=step)

    async def update(
        self,
        key: str,
        change: Change,
        *,
        attempts: int = 8,
        by: str | None = None,
        run_id: UUID | None = None,
        step: str | None = None,
        idempotency_key: str | None = None,
    ) -> Document:
        """Write what `change` makes of the value (None: there is none); when somebody else was faster, ask it again.

        The second attempt of a plain function is made while the document is locked, so that it succeeds however many write; it
        should not take long. A coroutine function is not called with a lock held: it is asked again after growing pauses of
        random length, and after `attempts` the `StateConflict` is raised. Nothing is merged here, since `change` sees all.
        """
        asked = asked_once(idempotency_key, "update", key)
        plain = not inspect.iscoroutinefunction(change)
        for attempt in count(1):
            if plain and attempt >= LOCKED_AT:
                break
            found = await self.find(key)
            value: object = change(None if found is None else found.value)
            if inspect.isawaitable(value):
                plain, value = False, cast("object", await value)
            write = Write(key, Put(value), None if found is None else found.version, merging=False)
            try:
                return (await self.commit_once([write], asked, by=by, run_id=run_id, step=step))[0]
            except StateConflict:
                if plain:
                    continue
                if attempt >= attempts:
                    raise
                await asyncio.sleep(random.uniform(0, min(LONGEST_PAUSE_S, PAUSE_S * 2**attempt)))
        last = Write(key, Compute(change), ANY)
        return (await self.commit_once([last], asked, by=by, run_id=run_id, step=step))[0]

    async def commit_once(
        self,
        writes: Sequence[Write],
        asked: Once | None,
        *,
        by: str | None = None,
        run_id: UUID | None = None,
        step: str | None = None,
    ) -> Sequence[Document]:
        """As `commit`, for a request whose key and digest are known already, such as one of the HTTP API."""
        _check(writes)
        acting = ACTING.get()
        signed = Signed(by or (acting.by if acting else "operator"), datetime.now(UTC), run_id, step)
        async with self._database.tenant(self._tenant_id) as connection:
            found = await self._store.lock(connection, {write.key: write.seen for write in writes})
            # With the documents locked, the same request cannot be under way elsewhere.
            earlier = await made_before(connection, self._tenant_id, asked)
            if earlier is not None:
                return await self._answer_again(connection, earlier, signed)
            versions: list[Version] = []
            for write in writes:
                here = found.get(write.key)
                made = resolve(write, rule_for(self._rules, write.key), here)
                value = None if made.value is NOTHING else encode(write.key, made.value)
                number = 1 if here is None else here.document.version + 1
                versions.append(Version(write.key, number, value, made.merged_from))
            await self._store.write(connection, versions, signed)
            made_id = " ".join([signed.at.isoformat(), *(f"{each.key}#{each.version}" for each in versions)])
            await claim(connection, self._tenant_id, asked, "state", made_id, at=signed.at)
        return [_written(each, signed) for each in versions]

    async def _answer_again(
        self, connection: AsyncConnection[TupleRow], earlier: str, signed: Signed
    ) -> Sequence[Document]:
        """What the same request was answered before."""
        at, *made = earlier.split(" ")
        answer: list[Document] = []
        for each in made:
            key, _, version = each.rpartition("#")
            document = await self._store.get_in(connection, key, int(version))
            if document is None:
                then = replace(signed, at=datetime.fromisoformat(at))
                document = replace(_written(Version(key, int(version), None, None), then), deleted=False, kept=False)
            answer.append(document)
        return answer


def asked_once(idempotency_key: str | None, *request: object) -> Once | None:
    """A write under a key. Keys of steps are told apart from those of requests, whose words they might share."""
    if idempotency_key is None:
        return None
    key = f"state/{idempotency_key}"
    if len(key) > MAX_KEY_CHARS:
        key = f"state/{hashlib.sha256(idempotency_key.encode()).hexdigest()}"
    return once(key, *request)


def _asked(write: Write) -> tuple[object, ...]:
    change = write.change
    what = change.value if isinstance(change, Put) else change.patch if isinstance(change, Patch) else None
    encoded = decode(encode(check_key(write.key), what))
    return type(change).__name__, write.key, encoded, str(write.expected)


def _check(writes: Sequence[Write]) -> None:
    """Raises `Invalid` for what is a mistake whatever the documents are."""
    if not 0 < len(writes) <= MAX_WRITES:
        raise Invalid(f"One transaction writes 1 to {MAX_WRITES} documents; this has {len(writes)}.")
    keys: set[str] = set()
    for write in writes:
        if check_key(write.key) in keys:
            raise Invalid(f"The document {write.key!r} is written twice in one transaction. Write it once.")
        keys.add(write.key)
        if write.seen is not None and not 0 < write.seen <= _NEWEST:
            raise Invalid(
                f"{write.key!r} cannot be at version {write.seen}. Versions are 1, 2, 3 …; read the document first."
            )
        if isinstance(write.change, Put | Patch):
            encode(write.key, write.change.value if isinstance(write.change, Put) else write.change.patch)


def _written(version: Version, signed: Signed) -> Document:
    return Document(
        version.key,
        None if version.value is None else decode(version.value),
        version.version,
        signed.by,
        signed.at,
        run_id=signed.run_id,
        step=signed.step,
        deleted=version.value is None,
        merged_from=version.merged_from,
    )


__all__ = ["Change", "Listing", "State", "asked_once"]
