"""The catalogue of events, and what is made from it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import jsonschema_rs
import pytest

from stretto.engine import announced
from stretto.events.asyncapi import asyncapi
from stretto.events.catalogue import BY_NAME, TYPES, EventType, find_type
from stretto.events.event import Event

EVENT = Event(
    id=UUID("01a1fd34-7e45-75b3-a647-993646a079b6"),
    tenant_id=UUID(int=1),
    type="stretto.run.completed",
    subject="runs/01a1fd34-7e45-75b3-a647-993646a079b7",
    at=datetime(2026, 11, 21, 8, 30, tzinfo=UTC),
    data={"run_id": "01a1fd34-7e45-75b3-a647-993646a079b7", "flow": "f", "cost_usd": "0.5"},
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)


@pytest.mark.parametrize("type_", TYPES, ids=lambda type_: type_.name)
def test_each_type_has_a_schema_that_is_one(type_: EventType) -> None:
    schema = type_.schema()
    jsonschema_rs.meta.validate(schema)
    assert schema["required"]
    assert re.fullmatch(r"app|hook|stretto\.[a-z]+\.[a-z]+(ed|en|wn)", type_.name)
    assert all(name in type_.fields for name in re.findall(r"{(\w+)}", type_.subject))


def test_what_the_engine_tells_is_in_the_catalogue() -> None:
    source = announced.__loader__.get_source(announced.__name__)  # type: ignore[union-attr]
    names = set(re.findall(r'"(stretto\.[a-z.]+)"', source or ""))
    assert len(names) == 10
    assert names <= set(BY_NAME)


def test_the_flows_own_events_share_an_entry_and_so_do_incoming_webhooks() -> None:
    assert find_type("app.order.paid") is BY_NAME["app"]
    assert find_type("hook.shop") is BY_NAME["hook"]
    assert find_type("stretto.run.melted") is None


def test_an_event_is_a_cloudevent() -> None:
    shown = EVENT.cloudevent()
    jsonschema_rs.validate(asyncapi()["components"]["schemas"]["cloudevent"], shown, validate_formats=True)
    assert shown["time"] == "2026-11-21T08:30:00Z"
    assert shown["source"] == "/v1/tenants/00000000-0000-0000-0000-000000000001"
    assert shown["dataschema"] == "/v1/events/schemas/stretto.run.completed"
    # Names of attributes: small letters and digits only (CloudEvents 1.0, 3.1).
    assert all(re.fullmatch("[a-z0-9]+", name) for name in shown)


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        found = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return found + [each for value in node.values() for each in references(value)]
    return [each for value in node for each in references(value)] if isinstance(node, list) else []


def test_the_asyncapi_document_names_every_type_and_leads_nowhere_else() -> None:
    document = asyncapi()
    assert document["asyncapi"] == "3.0.0"
    assert {message["name"] for message in document["components"]["messages"].values()} == set(BY_NAME)
    assert set(document["channels"]["events"]["messages"]) == set(document["components"]["messages"])
    assert document["operations"]["sendEvents"]["action"] == "send"
    for reference in references(document):
        node: Any = document
        for part in reference.removeprefix("#/").split("/"):
            assert part in node, reference
            node = node[part]


@pytest.mark.parametrize(("change", "fits"), [({}, True), ({"cost_usd": "cheap"}, False), ({"later": 1}, True)])
def test_a_message_describes_an_event_as_it_is_sent(change: dict[str, Any], fits: bool) -> None:
    document = asyncapi()
    schema = {
        **document["components"]["messages"]["stretto_run_completed"]["payload"],
        "components": document["components"],
    }
    shown = EVENT.cloudevent()
    shown["data"] |= change
    assert jsonschema_rs.is_valid(schema, shown) is fits
    assert not jsonschema_rs.is_valid(schema, {**shown, "type": "stretto.run.failed"})


@pytest.mark.parametrize("entry", ["app", "hook"])
def test_a_message_that_types_share_describes_each_of_them(entry: str) -> None:
    known = asyncapi()["components"]["messages"][entry]["payload"]["allOf"][1]["properties"]["type"]
    assert jsonschema_rs.is_valid(known, f"{entry}.shop")
    assert not jsonschema_rs.is_valid(known, entry)
    assert not jsonschema_rs.is_valid(known, f"other.{entry}.shop")
