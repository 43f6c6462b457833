"""The shared state: versioned JSON documents."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from stretto.api.body import Body, JsonRoute
from stretto.api.doors import PlatformDoor, PrincipalDoor, needs
from stretto.api.etags import set_etag
from stretto.api.once import OnceDoor
from stretto.api.paging import Limit, NameCursor, Next, VersionCursor, cursor_at, page_of
from stretto.api.problems import fails
from stretto.errors import (
    IdempotencyConflict,
    Invalid,
    PreconditionFailed,
    PreconditionNeeded,
    StateConflict,
    StateNotFound,
)
from stretto.state import ANY, Document, Expected, State, Write
from stretto.state.document import KEY_PATTERN, MAX_KEY_CHARS
from stretto.state.state import MAX_WRITES
from stretto.state.writing import Delete, Patch, Put
from stretto.store.idempotency import Once

router = APIRouter(prefix="/v1/state", tags=["state"], route_class=JsonRoute)

_ETAG = re.compile(r'"r([0-9]{1,9})"')
Key = Annotated[
    str,
    Path(
        max_length=MAX_KEY_CHARS,
        pattern=f"^{KEY_PATTERN}$",
        description="The document's key: words joined by `/`, the last of which is not `history`.",
    ),
]
Matching = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=200,
        description="The `ETag` of the version that was read, or `*` for whatever is there.",
    ),
]


async def _state(platform: PlatformDoor, principal: PrincipalDoor) -> State:
    return platform.state(principal.tenant_id)


StateDoor = Annotated[State, Depends(_state)]
"""The documents of the request's tenant."""


class DocumentVersionShown(BaseModel):
    """A version of a document: who wrote it, when, and in which step of which run."""

    model_config = ConfigDict(from_attributes=True)

    key: str
    version: int
    by: str
    at: datetime
    run_id: UUID | None
    step: str | None
    deleted: bool
    merged_from: int | None = Field(
        description="The version that its writer had seen, where others had written since and both were merged; 0: none."
    )


class DocumentShown(DocumentVersionShown):
    """A document at a version. `kept` is false where a write is answered a second time whose version is forgotten by now."""

    value: Any
    kept: bool


class DocumentList(BaseModel):
    """By key. A page ends after `limit` documents, or as soon as their values come to 1 MiB."""

    documents: list[DocumentShown]
    next: Next


class DocumentHistory(BaseModel):
    """The latest first, without the values."""

    versions: list[DocumentVersionShown]
    next: Next


class NewValue(Body):
    """What a document shall hold."""

    value: Any = Field(description="Any JSON, at most 256 KiB.")


class StatePatch(Body):
    """A change: one of the two."""

    merge: dict[str, Any] | None = Field(
        default=None, description="A JSON merge patch (RFC 7396): fields to set; null removes one."
    )
    operations: list[dict[str, Any]] | None = Field(
        default=None,
        min_length=1,
        max_length=1_000,
        description="A JSON Patch (RFC 6902); besides, `increment` adds `by` to the number at `path`.",
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> StatePatch:
        if (self.merge is None) == (self.operations is None):
            raise ValueError("give one of `merge` and `operations`")
        return self


class OneWrite(Body):
    """One document, and what is to become of it: one of `value`, `merge`, `operations` and `delete`."""

    key: str = Field(max_length=MAX_KEY_CHARS, pattern=f"^{KEY_PATTERN}$")
    version: int | None = Field(
        default=None,
        ge=0,
        lt=2**31,
        description="The version that was read, 0 where there is none yet; `value` needs it. Null: whatever is there.",
    )
    value: Any = Field(default=None, description="Any JSON, at most 256 KiB.")
    merge: dict[str, Any] | None = Field(default=None, description="A JSON merge patch (RFC 7396).")
    operations: list[dict[str, Any]] | None = Field(
        default=None, min_length=1, max_length=1_000, description="A JSON Patch (RFC 6902), and `increment`."
    )
    delete: bool = Field(default=False, description="Remove the document.")

    @model_validator(mode="after")
    def _one_of_them(self) -> OneWrite:
        puts = "value" in self.model_fields_set
        if puts + (self.merge is not None) + (self.operations is not None) + self.delete != 1:
            raise ValueError("give one of `value`, `merge`, `operations` and `delete`")
        if puts and self.version is None:
            raise ValueError("`value` needs `version`, the one that was read, or 0 where there is none yet")
        return self

    def write(self) -> Write:
        """What the room `state` makes of it."""
        expected: Expected = ANY if self.version is None else self.version or None
        if self.delete:
            return Write(self.key, Delete(), expected)
        if self.merge is None and self.operations is None:
            return Write(self.key, Put(self.value), expected)
        return Write(self.key, Patch(self.merge if self.operations is None else self.operations), expected)


class SeveralWrites(Body):
    """Documents to be written in one transaction, each once."""

    writes: list[OneWrite] = Field(min_length=1, max_length=MAX_WRITES)


class DocumentsWritten(BaseModel):
    """The new versions, in the order of the writes."""

    documents: list[DocumentShown]


@router.get("", responses=fails(Invalid), dependencies=[needs("state:read")])
async def list_documents(
    state: StateDoor,
    after: NameCursor,
    prefix: Annotated[str, Query(max_length=MAX_KEY_CHARS, description="How the keys begin.")] = "",
    limit: Limit = 50,
) -> DocumentList:
    """The documents whose keys begin with `prefix`, by key."""
    page = await state.list(prefix, after, limit)
    return DocumentList(
        documents=[DocumentShown.model_validate(each) for each in page.documents],
        next=None if page.next is None else cursor_at(page.next),
    )


@router.post(
    "",
    responses=fails(Invalid, StateNotFound, StateConflict, IdempotencyConflict),
    dependencies=[needs("state:write")],
)
async def write_documents(
    several: SeveralWrites, state: StateDoor, principal: PrincipalDoor, once: OnceDoor
) -> DocumentsWritten:
    """Write several documents, all or none. The answer shows their new versions in the same order."""
    written = await state.commit_once([each.write() for each in several.writes], once, by=principal.by)
    return DocumentsWritten(documents=[DocumentShown.model_validate(each) for each in written])


@router.get("/{key:path}/history", responses=fails(Invalid, StateNotFound), dependencies=[needs("state:read")])
async def get_document_history(key: Key, state: StateDoor, before: VersionCursor, limit: Limit = 50) -> DocumentHistory:
    """Who wrote which version of a document. The latest hundred are kept, unless `STRETTO_STATE_VERSIONS` says otherwise."""
    found = await state.history(key, before, limit + 1)
    page, following = page_of(found, limit, lambda each: each.version)
    return DocumentHistory(versions=[DocumentVersionShown.model_validate(each) for each in page], next=following)


@router.get("/{key:path}", responses=fails(Invalid, StateNotFound), dependencies=[needs("state:read")])
async def get_document(
    key: Key,
    state: StateDoor,
    response: Response,
    version: Annotated[
        int | None, Query(ge=1, lt=2**31, description="As it was at this version; else as it is.")
    ] = None,
) -> DocumentShown:
    """A document. Its `ETag` is that of the version shown."""
    return _shown(await state.get(key) if version is None else await state.at(key, version), response)


@router.put(
    "/{key:path}",
    responses={
        201: {"description": "The document is new.", "model": DocumentShown},
        **fails(Invalid, PreconditionFailed, PreconditionNeeded, IdempotencyConflict),
    },
    dependencies=[needs("state:write")],
)
async def put_document(
    key: Key,
    new: NewValue,
    state: StateDoor,
    principal: PrincipalDoor,
    response: Response,
    once: OnceDoor,
    if_match: Matching = None,
    if_none_match: Annotated[
        str | None, Header(max_length=200, description="`*`: only if there is no such document yet.")
    ] = None,
) -> DocumentShown:
    """Write a document. Over one that is there it needs `If-Match`; what somebody else has written since is merged by the rule
    of the key, where it has one that can, and left alone otherwise."""
    if if_none_match is not None and if_none_match.strip() != "*":
        raise Invalid("`If-None-Match` takes `*` here: only if there is no such document yet.")
    expected = None if if_match is None else _expected(if_match)
    write = Write(key, Put(new.value), expected, merging=if_match is not None)
    try:
        written = await _commit(state, write, principal.by, once)
    except PreconditionFailed as failed:
        if if_match is None and if_none_match is None:
            raise PreconditionNeeded(
                f"There is a document {key!r} already. Read it, and send `If-Match` with its `ETag`.", key=key
            ) from failed
        raise
    if written.version == 1:
        response.status_code = 201
        response.headers["Location"] = f"/v1/state/{key}"
    return _shown(written, response)


@router.patch(
    "/{key:path}",
    responses=fails(Invalid, StateNotFound, PreconditionFailed, IdempotencyConflict),
    dependencies=[needs("state:write")],
)
async def patch_document(
    key: Key,
    change: StatePatch,
    state: StateDoor,
    principal: PrincipalDoor,
    response: Response,
    once: OnceDoor,
    if_match: Matching = None,
) -> DocumentShown:
    """Change parts of a document as it is now, or, with `If-Match`, as it was read. A merge patch makes one that is not there."""
    patch = Patch(change.merge if change.operations is None else change.operations)
    write = Write(key, patch, ANY if if_match is None else _expected(if_match))
    return _shown(await _commit(state, write, principal.by, once), response)


@router.delete(
    "/{key:path}",
    status_code=204,
    responses=fails(Invalid, StateNotFound, PreconditionFailed),
    dependencies=[needs("state:write")],
)
async def delete_document(key: Key, state: StateDoor, principal: PrincipalDoor, if_match: Matching = None) -> None:
    """Remove a document. Its history stays as long as runs are kept."""
    await _commit(state, Write(key, Delete(), ANY if if_match is None else _expected(if_match)), principal.by, None)


async def _commit(state: State, write: Write, by: str, once: Once | None) -> Document:
    try:
        return (await state.commit_once([write], once, by=by))[0]
    except StateConflict as conflict:
        raise PreconditionFailed(conflict.message, **conflict.ids) from conflict


def _expected(if_match: str) -> Expected:
    if if_match.strip() == "*":
        return ANY
    found = _ETAG.fullmatch(if_match.strip())
    if found is None or int(found[1]) == 0:
        raise PreconditionFailed  # a tag that we never gave names nothing that is there
    return int(found[1])


def _shown(document: Document, response: Response) -> DocumentShown:
    set_etag(response, document.version)
    return DocumentShown.model_validate(document)
