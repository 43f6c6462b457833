"""Events: a tenant's log, its consumer groups, what they could not take, and the schemas of it all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, Field

from stretto.api.body import Body, JsonRoute
from stretto.api.doors import PlatformDoor, PrincipalDoor, needs
from stretto.api.paging import MAX_INT8, CursorOf, Limit, NameCursor, Next, NumberCursor, page_of
from stretto.api.problems import fails
from stretto.errors import Invalid, NotFound
from stretto.events import Event, Events
from stretto.events.asyncapi import asyncapi
from stretto.events.store import Letter

router = APIRouter(prefix="/v1/events", tags=["events"], route_class=JsonRoute)
READ, WRITE = [needs("events:read")], [needs("events:write")]


async def _events(platform: PlatformDoor, principal: PrincipalDoor) -> Events:
    return platform.events(principal.tenant_id)


EventsDoor = Annotated[Events, Depends(_events)]
"""The events of the request's tenant."""


def _read_place(text: str) -> tuple[int, str]:
    position, _, group = text.partition(" ")
    if not (position.isascii() and position.isdigit() and int(position) <= MAX_INT8) or "\0" in group:
        raise ValueError
    return int(position), group


LetterCursor = Annotated[tuple[int, str] | None, Depends(CursorOf(_read_place))]
"""Lists of letters: an event may be one of several groups'."""
GroupName = Annotated[str | None, Query(max_length=63, description="Only of this group.")]


class CloudEvent(BaseModel):
    """An event, as CloudEvents 1.0 has it."""

    specversion: Literal["1.0"]
    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    datacontenttype: str
    dataschema: str
    tenantid: UUID
    traceparent: str | None = None
    data: Mapping[str, Any]


class LoggedEvent(BaseModel):
    """An event and its position in the log."""

    position: int
    event: CloudEvent


class EventList(BaseModel):
    """Latest events first."""

    events: list[LoggedEvent]
    next: Next


class SchemaItem(BaseModel):
    """A type of event, and where the JSON Schema of its data is."""

    type: str
    meaning: str
    subject: str
    dataschema: str


class SchemaList(BaseModel):
    """All types of events."""

    types: list[SchemaItem]


class GroupItem(BaseModel):
    """How far a group is. `lag` counts positions, those of other tenants' events too."""

    group: str
    position: int
    head: int
    lag: int
    members: int
    oldest_at: datetime | None = Field(description="When the first event that it has not read was logged.")


class GroupList(BaseModel):
    """The tenant's groups, by name."""

    groups: list[GroupItem]
    next: Next


class NewReplay(Body):
    """From where a group reads again: after a position, or since a time."""

    position: int | None = Field(default=None, ge=0, le=MAX_INT8)
    since: AwareDatetime | None = Field(default=None, strict=False)


class Replayed(BaseModel):
    """Where the group goes on."""

    group: str
    position: int


class LetterItem(BaseModel):
    """An event that a group could not take."""

    group: str
    state: Literal["waiting", "dead"]
    attempts: int
    error: str
    first_at: datetime
    last_at: datetime
    due_at: datetime | None
    position: int
    event: CloudEvent


class LetterList(BaseModel):
    """Dead letters in the order of their positions."""

    letters: list[LetterItem]
    next: Next


class LettersSentAgain(BaseModel):
    """How many letters are tried again."""

    sent: int


@router.get("", dependencies=READ)
async def list_events(
    events: EventsDoor,
    before: NumberCursor,
    type: Annotated[str | None, Query(max_length=200, description="How the type begins: `stretto.run.`.")] = None,
    subject: Annotated[str | None, Query(max_length=400, description="Such as `runs/019…`.")] = None,
    since: Annotated[AwareDatetime | None, Query(description="Logged at this time or later.")] = None,
    limit: Limit = 50,
) -> EventList:
    """The tenant's events, latest first."""
    found = await events.list(type_=type, subject=subject, since=since, before=before, limit=limit + 1)
    page, following = page_of(found, limit, lambda each: each.position)
    return EventList(events=[LoggedEvent(position=each.position, event=_shown(each)) for each in page], next=following)


@router.get("/schemas", dependencies=READ)
async def list_event_schemas(events: EventsDoor) -> SchemaList:
    """All types of events."""
    return SchemaList(
        types=[
            SchemaItem(type=each.name, meaning=each.meaning, subject=each.subject, dataschema=each.schema()["$id"])
            for each in events.types()
        ]
    )


@router.get("/schemas/{type}", dependencies=READ, responses=fails(NotFound))
async def get_event_schema(type: str, events: EventsDoor) -> dict[str, Any]:
    """The JSON Schema of the data of a type."""
    return events.type(type).schema()


@router.get("/asyncapi.json", dependencies=READ)
async def get_asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3.0 document of all events."""
    return asyncapi()


@router.get("/groups", dependencies=READ)
async def list_event_groups(events: EventsDoor, after: NameCursor, limit: Limit = 50) -> GroupList:
    """The tenant's consumer groups, how far they are and how far behind."""
    page, following = page_of(await events.groups(after=after, limit=limit + 1), limit, lambda each: each.group)
    return GroupList(
        groups=[
            GroupItem(
                group=each.group,
                position=each.position,
                head=each.head,
                lag=each.lag,
                members=each.members,
                oldest_at=each.oldest_at,
            )
            for each in page
        ],
        next=following,
    )


@router.post("/groups/{group}/replay", dependencies=WRITE, responses=fails(Invalid, NotFound))
async def replay_event_group(group: str, new: NewReplay, events: EventsDoor) -> Replayed:
    """Let a group read again what came after a position, or since a time."""
    return Replayed(group=group, position=await events.replay(group, position=new.position, since=new.since))


@router.get("/dead-letters", dependencies=READ)
async def list_dead_letters(
    events: EventsDoor,
    after: LetterCursor,
    group: GroupName = None,
    limit: Limit = 50,
) -> LetterList:
    """Events that groups could not take, however often they tried."""
    found = await events.dead_letters.list(group=group, after=after, limit=limit + 1)
    page, following = page_of(found, limit, lambda each: f"{each.event.position} {each.group}")
    return LetterList(letters=[_letter(each) for each in page], next=following)


@router.get("/dead-letters/{event_id}", dependencies=READ, responses=fails(NotFound))
async def get_dead_letter(event_id: UUID, events: EventsDoor, group: GroupName = None) -> LetterList:
    """What is the matter with an event, in each group that could not take it."""
    return LetterList(letters=[_letter(each) for each in await events.dead_letters.get(event_id, group)], next=None)


@router.post("/dead-letters/{event_id}/send-again", dependencies=WRITE, responses=fails(NotFound))
async def send_dead_letter_again(event_id: UUID, events: EventsDoor, group: GroupName = None) -> LettersSentAgain:
    """Let a dead letter be tried again, from the first attempt on."""
    return LettersSentAgain(sent=await events.dead_letters.send_again(event_id, group))


@router.delete("/dead-letters/{event_id}", status_code=204, dependencies=WRITE, responses=fails(NotFound))
async def drop_dead_letter(event_id: UUID, events: EventsDoor, group: GroupName = None) -> None:
    """Forget a dead letter."""
    await events.dead_letters.drop(event_id, group)


@router.get("/{event_id}", dependencies=READ, responses=fails(NotFound))
async def get_event(event_id: UUID, events: EventsDoor) -> CloudEvent:
    """One event."""
    return _shown(await events.get(event_id))


def _shown(event: Event) -> CloudEvent:
    return CloudEvent.model_validate(event.cloudevent())


def _letter(letter: Letter) -> LetterItem:
    return LetterItem(
        group=letter.group,
        state="dead" if letter.state == "dead" else "waiting",
        attempts=letter.attempts,
        error=letter.error,
        first_at=letter.first_at,
        last_at=letter.last_at,
        due_at=letter.due_at,
        position=letter.event.position,
        event=_shown(letter.event),
    )
