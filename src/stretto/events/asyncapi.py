"""The AsyncAPI 3.0 document of all events, made from the catalogue."""

from __future__ import annotations

from typing import Any

from stretto.events.catalogue import TYPES, EventType
from stretto.events.event import CONTENT_TYPE

_CLOUDEVENT: dict[str, Any] = {
    "type": "object",
    "required": [
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "datacontenttype",
        "dataschema",
        "tenantid",
        "data",
    ],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "format": "uuid", "description": "The same however often the event is delivered."},
        "source": {"type": "string", "format": "uri-reference", "examples": ["/v1/tenants/{tenantid}"]},
        "type": {"type": "string"},
        "subject": {"type": "string", "description": "Events of one subject come in order."},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "dataschema": {"type": "string", "format": "uri-reference"},
        "tenantid": {"type": "string", "format": "uuid"},
        "traceparent": {
            "type": "string",
            "description": "W3C Trace Context of what caused the event: the trace of its run, or of the request.",
        },
        "data": {"type": "object"},
    },
}


def asyncapi() -> dict[str, Any]:
    """The document (https://www.asyncapi.com/docs/reference/specification/v3.0.0). Stretto sends; readers receive."""
    names = {each.name: each.name.replace(".", "_") for each in TYPES}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Stretto's events",
            "version": "1",
            "description": "CloudEvents 1.0 in structured JSON, at least once, in the order of each subject.",
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {
            "events": {
                "address": "/v1/events",
                "description": "The log of a tenant's events; webhooks send the same objects.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names.values()},
            }
        },
        "operations": {
            "sendEvents": {
                "action": "send",
                "channel": {"$ref": "#/channels/events"},
                "messages": [{"$ref": f"#/channels/events/messages/{name}"} for name in names.values()],
            }
        },
        "components": {
            "messages": {names[each.name]: _message(each, names[each.name]) for each in TYPES},
            "schemas": {"cloudevent": _CLOUDEVENT, **{names[each.name]: _data(each) for each in TYPES}},
        },
    }


def _message(each: EventType, name: str) -> dict[str, Any]:
    known: dict[str, Any] = {"const": each.name} if "." in each.name else {"pattern": f"^{each.name}\\."}
    return {
        "name": each.name,
        "title": each.name,
        "summary": each.meaning,
        "contentType": CONTENT_TYPE,
        "payload": {
            "allOf": [
                {"$ref": "#/components/schemas/cloudevent"},
                {"properties": {"type": known, "data": {"$ref": f"#/components/schemas/{name}"}}},
            ]
        },
    }


def _data(each: EventType) -> dict[str, Any]:
    schema = each.schema()
    del schema["$schema"], schema["$id"]
    return schema
