"""An event: what it holds, and how it looks to the world, as CloudEvents 1.0 in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

CONTENT_TYPE = "application/cloudevents+json"
SCHEMAS_PATH = "/v1/events/schemas"
APP_PREFIX = "app."
HOOK_PREFIX = "hook."


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened. Its id stays the same however often it is delivered.

    `subject` names what it is about (`runs/019…`); events of one subject of one tenant come in the order in which they
    happened. `position` is its place in the log, over all tenants; `slot` is the part of the log that its subject belongs to.
    """

    id: UUID
    tenant_id: UUID
    type: str
    subject: str
    at: datetime
    data: Mapping[str, Any]
    traceparent: str | None = None
    position: int = 0
    slot: int = 0

    def cloudevent(self) -> dict[str, Any]:
        """The event as a CloudEvents 1.0 object (https://github.com/cloudevents/spec), ready for JSON."""
        found: dict[str, Any] = {
            "specversion": "1.0",
            "id": str(self.id),
            "source": f"/v1/tenants/{self.tenant_id}",
            "type": self.type,
            "subject": self.subject,
            "time": self.at.isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "dataschema": schema_path(self.type),
            "tenantid": str(self.tenant_id),
            "data": dict(self.data),
        }
        if self.traceparent is not None:
            found["traceparent"] = self.traceparent
        return found


def schema_path(type_: str) -> str:
    """Where the JSON Schema of the data of such events is."""
    return f"{SCHEMAS_PATH}/{entry_of(type_)}"


def entry_of(type_: str) -> str:
    """The catalogue's entry of a type: the flows' own events share one, and so do incoming webhooks."""
    if type_.startswith((APP_PREFIX, HOOK_PREFIX)):
        return type_.partition(".")[0]
    return type_
