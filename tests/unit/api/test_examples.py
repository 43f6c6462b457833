"""Examples in OpenAPI: there for every body and answer, fitting their schemas, and as true as what the server says."""

import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any, cast

import jsonschema_rs
import pytest
from fastapi import Request

from stretto.api.drawn import graph_shown
from stretto.api.examples import EXAMPLES, Several
from stretto.api.examples.story import DOCUMENT, FIRST_DIGEST, FIRST_VERSION
from stretto.api.examples.table import GROUPS
from stretto.api.flow_source import flow_text
from stretto.api.flows import _compare, validate_flow
from stretto.api.schedules import TICKS_SHOWN
from stretto.auth.roles import MEANINGS, ROLES
from stretto.engine.schedules import next_tick
from stretto.events.catalogue import BY_NAME
from stretto.flow.compile import compile_document, compile_source
from stretto.flow.facts import fact_fields, fact_from
from stretto.gateway.ledger.shown import COUNTS, usage_csv
from stretto.gateway.ledger.usage import UsageRow
from stretto.gateway.provider import TokenCounts
from tests.unit.api.test_docs_page import app, get

Json = dict[str, Any]


def operations() -> Iterator[tuple[str, Json]]:
    for path, operations in app().openapi()["paths"].items():
        for method, operation in operations.items():
            yield f"{method.upper()} {path}", operation


def places() -> Iterator[tuple[str, str, Json]]:
    """Every body and every answer that is no problem document: operation, place (JSON is not named there), media type object."""
    for _, operation in operations():
        for place, body in [("body", operation.get("requestBody", {})), *operation["responses"].items()]:
            for kind, media in body.get("content", {}).items():
                if kind != "application/problem+json":
                    yield operation["operationId"], place if kind == "application/json" else f"{place} {kind}", media


def examples_of(media: Json) -> list[Any]:
    named = [each["value"] for each in media.get("examples", {}).values()]
    return named + ([media["example"]] if "example" in media else [])


def one(name: str) -> Any:
    example = EXAMPLES[name]
    assert not isinstance(example, Several)
    return example


def variant(name: str, which: str) -> Any:
    example = EXAMPLES[name]
    assert isinstance(example, Several)
    return example.named[which][1]


def test_every_body_and_answer_has_an_example_that_fits():
    document = app().openapi()
    wrong: list[str] = []
    for operation, place, media in places():
        found = examples_of(media)
        if not found:
            wrong.append(f"{operation} {place}: has no example")
        # OpenAPI 3.1's schemas are JSON Schema 2020-12; the references lead into the whole document.
        schema = {**media.get("schema", {}), "components": document["components"]}
        fits = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        wrong += [f"{operation} {place}: {error}" for example in found for error in fits.iter_errors(example)]
        assert not {"example", "examples"} <= media.keys(), "OpenAPI allows one of them"
    assert not wrong, "\n".join(wrong)


def test_examples_say_no_field_that_the_schema_does_not_know():
    schemas = app().openapi()["components"]["schemas"]
    for operation, place, media in places():
        for example in examples_of(media):
            assert not list(strange(example, media.get("schema", {}), schemas)), (operation, place)


def strange(value: Any, schema: Json, schemas: Json) -> Iterator[str]:
    """Fields of an example that its schema does not name; only schemas that name fields are asked."""
    schema = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from strange(item, schema.get("items", {}), schemas)
    elif isinstance(value, dict) and "properties" in schema and not schema.get("additionalProperties"):
        for name, inner in cast("Json", value).items():
            if name not in schema["properties"]:
                yield name
            else:
                yield from strange(inner, schema["properties"][name], schemas)


def test_every_example_is_used():
    used: set[str] = set()
    for operation, place, media in places():
        own, schema = f"{operation} {place}", str(media.get("schema", {}).get("$ref", "")).rpartition("/")[2]
        used.add(own if own in EXAMPLES else schema)
    assert set(EXAMPLES) == used
    assert sum(map(len, GROUPS)) == len(EXAMPLES), "one name twice"


def test_every_parameter_says_what_it_is():
    silent = [
        f"{where}: {parameter['name']}"
        for where, operation in operations()
        for parameter in operation.get("parameters", [])
        if not parameter.get("description")
    ]
    assert not silent, "\n".join(silent)


async def test_the_page_shows_them():
    _, page = await get("/docs")
    assert '"question": "Shall this be published?"' in page.text
    assert "Example: End the run." in page.text


# What examples say is what the server would say.


def as_stored(value: Any) -> Any:
    """As PostgreSQL's jsonb gives it back: short names first."""
    if isinstance(value, dict):
        pairs = sorted(cast("Json", value).items(), key=lambda pair: (len(pair[0]), pair[0]))
        return {name: as_stored(inner) for name, inner in pairs}
    return [as_stored(item) for item in cast("list[Any]", value)] if isinstance(value, list) else value


async def test_flows_are_flows():
    versions = {each["version"]: each for each in one("VersionList")["versions"]}
    now = compile_document(one("save_flow body"))
    assert (now.name, now.digest) == (one("StoredFlow")["name"], versions[2]["digest"])
    assert dict(now.document) == one("StoredFlow")["document"]
    for which in ("fits", "has_a_mistake"):
        checked = await validate_flow(variant("validate_flow body", which), Request({"type": "http"}), {}.get)
        assert checked.model_dump(by_alias=True) == variant("Checked", which)
    assert flow_text(now.document) == EXAMPLES["get_flow 200 application/yaml"]
    for operation in ("save_flow", "validate_flow"):
        assert compile_source(EXAMPLES[f"{operation} body application/yaml"].encode()).digest == now.digest
    compile_document(variant("NewRun", "of_a_document")["flow"])
    assert graph_shown(now).model_dump(by_alias=True) == one("GraphShown")


async def test_versions_differ_as_it_says():
    assert compile_document(FIRST_VERSION).digest == FIRST_DIGEST
    patch, lines = _compare(as_stored(FIRST_VERSION), as_stored(DOCUMENT))
    assert (patch, lines) == (one("Difference")["patch"], one("Difference")["lines"])


def test_facts_are_facts():
    for fact in one("FactList")["facts"]:
        told = fact["data"] if fact["step"] is None else {"step": fact["step"], **fact["data"]}
        assert fact_fields(fact_from(fact["name"], told)) == told


@pytest.mark.parametrize("name", ["ScheduleDetail", "pause_schedule 200", "resume_schedule 200"])
def test_schedules_tick_as_they_say(name: str):
    shown = one(name)
    times = [datetime.fromisoformat(time) for time in shown["next_times"]]
    assert len(times) == TICKS_SHOWN
    assert times[0] == datetime.fromisoformat(shown["next_at"])
    for before, after in pairwise(times):
        assert next_tick(shown["cron"], shown["timezone"], before) == after


def test_events_are_of_their_types():
    events = [each["event"] for each in one("EventList")["events"]]
    events += [one("CloudEvent"), one("LetterList")["letters"][0]["event"], one("test_webhook 202")["event"]]
    for event in events:
        assert not list(jsonschema_rs.Draft202012Validator(BY_NAME[event["type"]].schema()).iter_errors(event["data"]))
    shown = one("get_event_schema 200")
    assert shown == BY_NAME[shown["title"]].schema()


def test_streams_tell_the_same():
    told = [part for part in one("stream_run 200 text/event-stream").split("\n\n") if part.startswith("id: ")]
    written = ""
    for kind, data in ([line.partition(": ")[2] for line in part.splitlines()[1:]] for part in told):
        event = json.loads(data)
        if kind == "fact":
            assert event in one("FactList")["facts"]
        elif kind == "text":
            assert event["offset"] == len(written)
            written += event["text"]
    assert written
    assert one("RunDetail")["output"].startswith(written)


def test_tables_and_lines_tell_the_same():
    lines = one("export_audit 200 application/x-ndjson").splitlines()
    assert [json.loads(line) for line in lines] == one("AuditList")["entries"]
    rows = [
        UsageRow(
            keys={"day": date.fromisoformat(row["keys"]["day"]), "model": row["keys"]["model"]},
            tokens=TokenCounts(**row["tokens"]),
            cost_usd=Decimal(row["cost_usd"]),
            **{name: row[name] for name in COUNTS},
        )
        for row in variant("UsageList", "by_model")["rows"]
    ]
    assert usage_csv(["day", "model"], rows) == one("get_usage 200 text/csv")


def data_of(stream: str) -> list[Json]:
    return [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: {")]


def test_doors_stream_what_they_answer_at_once():
    answer, chunks = one("create_chat_completion 200"), data_of(one("create_chat_completion 200 text/event-stream"))
    assert {chunk["id"] for chunk in chunks} == {answer["id"]}
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert "".join(delta.get("content", "") for delta in deltas) == answer["choices"][0]["message"]["content"]
    message, events = one("create_message 200"), data_of(one("create_message 200 text/event-stream"))
    assert events[0]["message"]["id"] == message["id"]
    texts = [event["delta"]["text"] for event in events if event["type"] == "content_block_delta"]
    assert "".join(texts) == message["content"][0]["text"]
    assert [event["usage"] for event in events if event["type"] == "message_delta"] == [message["usage"]]


def test_money_adds_up():
    total, rows = variant("UsageList", "by_model")["total"], variant("UsageList", "by_model")["rows"]
    assert sum(Decimal(row["cost_usd"]) for row in rows) == Decimal(total["cost_usd"])
    assert {kind: sum(row["tokens"][kind] for row in rows) for kind in total["tokens"]} == total["tokens"]
    steps = [Decimal(step["usage"]["cost_usd"]) for step in one("StepList")["steps"] if step["usage"]]
    assert sum(steps) == Decimal(one("RunDetail")["cost_usd"]) == Decimal(total["cost_usd"])


def test_roles_allow_what_it_says():
    for each in one("RolesTable")["permissions"]:
        assert each["allows"] == MEANINGS[each["permission"]]
        assert each["roles"] == [role for role, allowed in ROLES.items() if each["permission"] in allowed]
    assert set(one("Me")["permissions"]) <= ROLES[one("Me")["role"]]


def test_no_two_schemas_share_a_name():
    """Pydantic would put the module before both of them, and clients would have to be renamed with our folders."""
    assert not [name for name in app().openapi()["components"]["schemas"] if "__" in name]
