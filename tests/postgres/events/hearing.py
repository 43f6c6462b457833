"""What was told, read from the log and held against the catalogue."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import jsonschema_rs

from stretto.events.catalogue import find_type
from stretto.events.event import Event
from stretto.events.store import EventStore
from stretto.store import DEFAULT_TENANT, Database


async def heard(database: Database, subject: str | None = None, tenant_id: UUID = DEFAULT_TENANT) -> list[Event]:
    """The tenant's events in order, once all that was told is in the log; all of them fit the catalogue."""
    store = EventStore(database)
    await store.relay("test", 60, 1000)
    events = await store.events(tenant_id, type_=None, subject=subject, since=None, before=None, limit=1000)
    for event in events:
        type_ = find_type(event.type)
        assert type_ is not None, event.type
        jsonschema_rs.Draft202012Validator(type_.schema(), validate_formats=True).validate(event.data)
        assert set(event.data) <= {*type_.fields, *type_.more}
        assert event.subject == type_.subject.format(**event.data)
        assert event.id.version == 7
    return events[::-1]


async def told(
    database: Database, subject: str | None = None, tenant_id: UUID = DEFAULT_TENANT
) -> list[tuple[str, dict[str, Any]]]:
    """Types and data of what was told, in order."""
    return [
        (event.type.removeprefix("stretto."), dict(event.data)) for event in await heard(database, subject, tenant_id)
    ]
