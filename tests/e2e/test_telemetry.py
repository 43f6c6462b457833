"""What a running Stretto tells of itself: one trace for a run that two processes carried out, and metrics that add up."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import signal
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import promql_parser
import pytest
import structlog
import yaml
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from stretto.api import serving
from stretto.auth import Operator
from stretto.auth.quotas import QuotaStore
from stretto.engine.step import StepContext, StepResult
from stretto.engine.trace_ids import trace_id_of, traceparent_of
from stretto.errors import ModelOverloaded, ModelStalled
from stretto.platform import Platform
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT
from stretto.telemetry.exposition import TOLD
from stretto.telemetry.logs import report_errors
from stretto.testing import ScriptedModel
from tests.e2e.collector import Collector, Kept
from tests.e2e.command import Stretto
from tests.e2e.test_access import key_for
from tests.e2e.wire import Client
from tests.postgres.store.processes import wait_until_gone
from tools.dashboards import DASHBOARDS
from tools.dashboards import text as dashboard_text

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
DUET: dict[str, Any] = {
    "flow": "duet",
    "agents": {name: {"model": "fast", "prompt": f"Write as {name}.\n"} for name in ("lead", "second")},
    "steps": {
        "lead": {"agent": "lead"},
        "loud": {"tool": "text.count", "input": {"text": "{{ lead }}"}, "after": ["lead"]},
        "second": {"agent": "second", "after": ["loud"]},
    },
    "output": "{{ second }}",
}


async def completed(client: Client, run: str) -> None:
    found: Any = None
    for _ in range(1000):
        found = (await client.get(run)).json
        if found["status"] == "completed":
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"never completed: {found}")


def by_name(spans: list[Kept]) -> dict[str, list[Kept]]:
    found: dict[str, list[Kept]] = {}
    for span in spans:
        found.setdefault(span.name, []).append(span)
    return found


async def test_one_trace_shows_a_run_that_two_processes_carried_out(at_home: Stretto, own_home: Path) -> None:
    async with Collector() as collector:
        env = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "sim_tokens_per_s": "25",
            "lease_s": "1",
            "heartbeat_s": "0.3",
        }
        with at_home.started("up", "--port", "0", **env) as first:
            await asyncio.to_thread(first.wait_for, "ready at")
            client = Client(re.findall(r"ready at (\S+)", first.told)[0])
            started = await client.post("/v1/runs", {"flow": DUET}, traceparent=f"00-{TRACE}-{CALLER}-01")
            run = started.headers["location"]
            for _ in range(600):
                facts = (await client.get(f"{run}/facts")).json["facts"]
                if any(fact["name"] == "StepStarted" and fact["step"] == "second" for fact in facts):
                    break
                await asyncio.sleep(0.05)
            with at_home.started("worker", **env | {"sim_tokens_per_s": "500"}) as second:
                await asyncio.to_thread(second.wait_for, "worker ready")
                first.tell(signal.SIGKILL)
                run_id = run.rpartition("/")[2]
                trace = f"{trace_id_of(UUID(run_id)):032x}"

                def whole() -> bool:
                    return any(span.name == "invoke_workflow duet" for span in collector.spans)

                for _ in range(600):
                    if whole():
                        break
                    await asyncio.sleep(0.05)
                second.tell(signal.SIGTERM)
                await asyncio.to_thread(second.end)
    await asyncio.to_thread(wait_until_gone, own_home)

    spans = [span for span in collector.spans if span.trace_id == trace]
    named = by_name(spans)
    (root,) = named["invoke_workflow duet"]
    assert root.parent == ""
    assert traceparent_of(UUID(run_id)) == f"00-{trace}-{root.id}-01"  # to which the run's events lead
    assert root.attributes["stretto.run.outcome"] == "completed"
    assert len({span.id for span in spans}) == len(spans), "a span was exported twice"
    (tool,) = named["execute_tool text.count"]
    (lead,) = named["invoke_agent lead"]
    cut, whole_again = sorted(named["invoke_agent second"], key=lambda span: span.start_ns)
    for span in (tool, lead, cut, whole_again):
        assert span.parent == root.id
        assert root.start_ns <= span.start_ns <= span.end_ns <= root.end_ns
    assert cut.failed
    assert cut.attributes["error.type"] == "interrupted"
    assert not whole_again.failed
    chats = {span.parent: span for span in spans if span.attributes.get("gen_ai.operation.name") == "chat"}
    assert set(chats) == {lead.id, whole_again.id}
    for chat in chats.values():
        assert chat.kind == 3  # client
        assert chat.attributes["gen_ai.provider.name"]
        assert chat.attributes["gen_ai.usage.output_tokens"] > 0
        assert chat.attributes["stretto.simulated"] is True
    told = sum(chat.attributes["gen_ai.usage.output_tokens"] for chat in chats.values())
    assert root.attributes["gen_ai.usage.output_tokens"] == told
    # The run is linked to the request that started it, and that request to its caller and to the run.
    ((linked_trace, _),) = root.links
    assert linked_trace == TRACE


async def test_a_request_is_a_span_of_its_callers_trace_and_a_dead_collector_harms_nobody(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    async with Collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        local = settings.model_copy(update={"port": 0, "host": "127.0.0.1"})
        model = ScriptedModel({"lead": "a b", "second": [[ModelOverloaded("busy")], "c"]})
        async with Platform.open(local, provider=model) as platform, serving(platform) as url:
            client = Client(url)
            started = await client.post("/v1/runs", {"flow": DUET}, traceparent=f"00-{TRACE}-{CALLER}-01")
            await completed(client, started.headers["location"])
            for _ in range(500):
                if any(span.name == "invoke_workflow duet" for span in collector.spans):
                    break
                await asyncio.sleep(0.02)
            collector.status = 503
            assert (await client.get("/v1/runs")).status == 200
        assert platform.telemetry is not None
    named = by_name(collector.spans)
    (request,) = named["POST /v1/runs"]
    assert (request.trace_id, request.parent, request.kind) == (TRACE, CALLER, 2)
    (root,) = named["invoke_workflow duet"]
    assert root.links == ((TRACE, request.id),)
    assert request.links == ((root.trace_id, root.id),)
    failed = [span for span in named["invoke_agent second"] if span.failed]
    assert [span.attributes["error.type"] for span in failed] == ["ModelOverloaded"]
    assert "a b" not in str(collector.spans), "content is off unless it is asked for"


def figures(text: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def total(found: dict[tuple[str, frozenset[tuple[str, str]]], float], name: str, **labels: str) -> float:
    return sum(
        value for (each, given), value in found.items() if each == name and labels.items() <= dict(given).items()
    )


async def test_metrics_add_up(settings: Settings):
    local = settings.model_copy(update={"port": 0, "host": "127.0.0.1"})
    model = ScriptedModel({"lead": ["a", ["b", ModelOverloaded("busy")], "d"], "second": "c"})
    async with Platform.open(local, provider=model) as platform, serving(platform) as url:
        client = Client(url)
        for _ in range(2):
            run = (await client.post("/v1/runs", {"flow": DUET})).headers["location"]
            await completed(client, run)
        answer = await client.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain")
        found = figures(answer.body)
        assert total(found, "stretto_runs_ended_total", flow="duet", outcome="completed") == 2
        assert total(found, "stretto_steps_ended_total", outcome="completed") == 6
        assert total(found, "stretto_steps_ended_total", outcome="failed") == 1
        assert total(found, "stretto_step_duration_seconds_count", outcome="completed") == 6
        assert total(found, "stretto_model_calls_total", end="answered") == 4
        assert total(found, "stretto_model_calls_total", end="failed") == 1
        assert total(found, "stretto_admissions_total", outcome="admitted") == 5
        assert total(found, "stretto_retractions_total") == 1
        assert total(found, "stretto_http_requests_total", route="/v1/runs", method="POST", status="201") == 2
        assert total(found, "stretto_http_requests_total", route="/v1/runs/{run_id}") >= 2
        assert total(found, "stretto_workers") == 1
        assert total(found, "stretto_database_up") == 1
        assert total(found, "stretto_queue_depth") == 0
        assert total(found, "stretto_database_pool_size") == local.pool_size
        ids = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}")
        assert not [given for _, given in found if any(ids.search(value) for _, value in given)], "an id in a label"
        open_metrics = await client.get("/metrics", accept="application/openmetrics-text")
        assert open_metrics.body.endswith(b"# EOF\n")


async def test_open_streams_and_requests_that_limits_hold_up_are_counted(settings: Settings):
    local = settings.model_copy(update={"port": 0, "auth": "required", "address_limit": "2/hour"})
    token = Settings(metrics_token="scrape-me-please").metrics_token  # pyright: ignore[reportArgumentType]
    local = local.model_copy(update={"metrics_token": token, "key_request_limit": "6/hour"})
    waits: dict[str, Any] = {"flow": "waits", "steps": {"ask": {"review": {"show": "a", "question": "Good?"}}}}
    async with Platform.open(local, provider=ScriptedModel({})) as platform, serving(platform) as url:
        client, scraper = Client(url), {"authorization": "Bearer scrape-me-please"}
        key = await key_for(platform, "owner")

        async def now() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
            return figures((await client.get("/metrics", **scraper)).body)

        found = await now()
        for by in ("tenant", "key", "address", "streams", "server", "quota"):
            assert ("stretto_requests_refused_total", frozenset({("by", by)})) in found, "a rate needs its zero"
        run = (await client.post("/v1/runs", {"flow": waits}, **key)).headers["location"]
        async with aiohttp.ClientSession(headers=key) as session:
            assert total(await now(), "stretto_streams_open") == 0
            async with session.get(f"{url}{run}/stream") as stream, session.ws_connect(f"{url}{run}/control"):
                assert stream.status == 200
                assert total(await now(), "stretto_streams_open") == 2
            for _ in range(250):
                if not total(await now(), "stretto_streams_open"):
                    break
                await asyncio.sleep(0.02)
            else:
                pytest.fail("the streams have ended and are still counted")
        statuses = [(await client.get("/v1/me", **key)).status for _ in range(8)]
        refused = statuses.count(429)
        assert refused >= 5
        for _ in range(4):
            await client.get("/v1/me", authorization="Bearer st_x")
        found = await now()
        assert total(found, "stretto_requests_refused_total", by="key") == refused
        assert total(found, "stretto_requests_refused_total", by="address") == 2


async def test_streams_messages_and_runs_that_limits_hold_up_are_counted(settings: Settings):
    changes = {
        "port": 0,
        "host": "127.0.0.1",
        "auth": "required",
        "key_request_limit": "9/hour",
        "tenant_streams": 1,
        "streams": 2,
    }
    token = Settings(metrics_token="scrape-me-please").metrics_token  # pyright: ignore[reportArgumentType]
    local = settings.model_copy(update={**changes, "metrics_token": token})
    waits: dict[str, Any] = {"flow": "waits", "steps": {"ask": {"review": {"show": "a", "question": "Good?"}}}}
    async with Platform.open(local, provider=ScriptedModel({})) as platform, serving(platform) as url:
        client, scraper = Client(url), {"authorization": "Bearer scrape-me-please"}
        ada, bob, eve = [await key_for(platform, "owner", tenant) for tenant in ("ada", "bob", "eve")]

        async def refused() -> dict[str, float]:
            found = figures((await client.get("/metrics", **scraper)).body)
            return {
                by: total(found, "stretto_requests_refused_total", by=by)
                for by in ("key", "streams", "server", "quota")
            }

        runs = {
            name: (await client.post("/v1/runs", {"flow": waits}, **key)).headers["location"]
            for name, key in (("ada", ada), ("bob", bob), ("eve", eve))
        }
        (tenant,) = await Operator(platform.database).tenants("eve")
        await QuotaStore(platform.database).set(tenant.id, "unfinished_runs", "1")
        assert (await client.post("/v1/runs", {"flow": waits}, **eve)).status == 429
        assert await refused() == {"key": 0, "streams": 0, "server": 0, "quota": 1}
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{url}{runs['ada']}/stream", headers=ada) as stream,
            session.ws_connect(f"{url}{runs['bob']}/control", headers=bob) as socket,
        ):
            assert stream.status == 200
            assert (await client.get(f"{runs['ada']}/stream", **ada)).status == 429
            assert (await client.get(f"{runs['eve']}/stream", **eve)).status == 503
            told: list[str] = []
            for _ in range(9):  # the run and the socket itself have counted, too
                await socket.send_json({"command": "unwatch"})
                told.append((await socket.receive_json())["event"])
            assert told == ["done"] * 7 + ["problem"] * 2
        assert await refused() == {"key": 2, "streams": 1, "server": 1, "quota": 1}


async def test_a_flood_of_names_does_not_flood_the_labels(settings: Settings):
    local = settings.model_copy(update={"port": 0, "host": "127.0.0.1"})
    async with Platform.open(local, provider=ScriptedModel({}), worker=True) as platform, serving(platform) as url:
        client = Client(url)
        for n in range(150):
            await client.get(f"/v1/nothing-{n}")
        routes = {dict(given).get("route") for _, given in figures((await client.get("/metrics")).body)}
        assert "other" in routes
        assert len(routes) < 10


async def test_metrics_of_all_tenants_are_for_who_has_the_token(settings: Settings):
    local = settings.model_copy(update={"port": 0, "auth": "required"})
    async with Platform.open(local, provider=ScriptedModel({})) as platform, serving(platform) as url:
        assert (await Client(url).get("/metrics")).status == 401
    token = Settings(metrics_token="scrape-me-please").metrics_token  # pyright: ignore[reportArgumentType]
    local = local.model_copy(update={"metrics_token": token})
    async with Platform.open(local, provider=ScriptedModel({})) as platform, serving(platform) as url:
        client = Client(url)
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "scrape-me-please"}):
            assert (await client.get("/metrics", **headers)).status == 401
        assert (await client.get("/metrics", authorization="Bearer scrape-me-please")).status == 200


def test_metrics_of_all_processes_come_together(at_home: Stretto, own_home: Path) -> None:
    with at_home.started("up", "--workers", "2", "--port", "0", sim_tokens_per_s="1000") as up:
        up.wait_for("worker ready")
        up.wait_for("ready at")
        client = Client(re.findall(r"ready at (\S+)", up.told)[0])

        async def ask() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
            runs = [(await client.post("/v1/runs", {"flow": DUET})).headers["location"] for _ in range(12)]
            for run in runs:
                await completed(client, run)
            return figures((await client.get("/metrics")).body)

        found = asyncio.run(ask())
        assert total(found, "stretto_runs_ended_total", outcome="completed") == 12
        assert total(found, "stretto_workers") == 2
        up.tell(signal.SIGINT)
        up.end()
    assert not list(own_home.glob("metrics-*"))
    wait_until_gone(own_home)


async def test_log_lines_name_run_step_and_request(settings: Settings):
    async def talk(ctx: StepContext) -> StepResult:
        structlog.get_logger("tool").warning("at work")
        return StepResult({})

    local = settings.model_copy(update={"port": 0, "host": "127.0.0.1"})
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        async with (
            Platform.open(local, provider=ScriptedModel({}), handlers={"tool": talk}) as platform,
            serving(platform) as url,
        ):
            client = Client(url)
            flow = {"flow": "talk", "steps": {"say": {"tool": "noop", "input": {}}}}
            run = (await client.post("/v1/runs", {"flow": flow})).headers["location"]
            await completed(client, run)
    (line,) = [line for line in lines if line["event"] == "at work"]
    assert (f"/v1/runs/{line['run_id']}", line["step"]) == (run, "say")
    assert line["tenant_id"] == str(DEFAULT_TENANT)


def queries() -> dict[str, str]:
    """Every query of the dashboards and alert rules, by where it stands."""
    found: dict[str, str] = {}
    for path in sorted((DEPLOY / "grafana").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                found[f"{path.name}: {panel['title']} {target['refId']}"] = target["expr"]
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        found[f"alerts.yaml: {rule['alert']}"] = rule["expr"]
    return found


def selectors(query: str) -> list[tuple[str, set[str]]]:
    """The metrics that a query reads, each with the labels that it chooses by. Raises for what is no PromQL."""
    parsed = promql_parser.parse(query)
    text = parsed.prettify()
    found: list[tuple[str, set[str]]] = []
    for name, chosen in re.findall(r"(stretto_[a-z_]+)(?:\{([^}]*)\})?", text):
        found.append((name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", chosen))))
    return found


async def test_every_query_reads_metrics_that_exist(settings: Settings):
    local = settings.model_copy(update={"port": 0, "host": "127.0.0.1"})
    model = ScriptedModel({"lead": [["b", ModelStalled("silent")], "d"], "second": "c"})
    async with Platform.open(local, provider=model) as platform, serving(platform) as url:
        client = Client(url)
        run = (await client.post("/v1/runs", {"flow": DUET})).headers["location"]
        await completed(client, run)
        reviewed: dict[str, Any] = {"flow": "asks", "steps": {"ask": {"review": {"show": "a", "question": "Good?"}}}}
        asks = (await client.post("/v1/runs", {"flow": reviewed})).headers["location"]
        await client.post("/v1/runs", {"flow": reviewed})
        while not (waiting := (await client.get(f"/v1/reviews?run_id={asks[9:]}")).json["reviews"]):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await client.post(f"/v1/reviews/{waiting[0]['id']}/decision", {"verdict": "approve"})
        await completed(client, asks)
        await asyncio.sleep(3.1)  # so long figures of the database are kept
        found = figures((await client.get("/metrics")).body)
    labels: dict[str, set[str]] = {}
    for name, given in found:
        labels.setdefault(name, set()).update(label for label, _ in given)
    told = {name for name, _, _ in TOLD.values()}
    unlabelled = {
        "stretto_cache_hits_total": {"route", "kind"}
    }  # counted only when a cache answers, which none does here
    for where, query in queries().items():
        for name, chosen in selectors(query):
            assert name in labels or name in unlabelled, f"{where} reads {name}, which does not exist"
            known = labels[name] if name in labels else unlabelled[name]
            assert chosen <= known, f"{where} chooses by {chosen - known}, which {name} does not have"
        for inner in re.findall(r"by \(([^)]*)\)", query):
            for label in (each.strip() for each in inner.split(",")):
                names = [name for name, _ in selectors(query)]
                has = any(label in (labels.get(name) or unlabelled.get(name, set())) for name in names)
                assert has or label == "instance", f"{where} tells apart by {label}, which {names} do not have"
    assert {f"stretto_{name}" for name in told} <= set(labels), "a figure of the database is missing"
    assert len(queries()) > 45


def test_the_dashboards_are_those_of_the_tool_and_every_alert_has_its_remedy():
    for name in DASHBOARDS:
        assert (DEPLOY / "grafana" / f"{name}.json").read_text() == dashboard_text(name), (
            "Run `python tools/dashboards.py`."
        )
    page = (DEPLOY.parent / "docs" / "operations.md").read_text()
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        assert f"### {rule['alert']}\n" in page
        assert rule["annotations"]["runbook"].endswith("#" + rule["alert"].lower())


async def test_errors_reach_sentry_without_secrets(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    envelopes: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        raw = await request.read()
        envelopes.append(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
        return web.json_response({"id": "1"})

    app = web.Application()
    app.router.add_post("/api/1/envelope/", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setenv("SENTRY_DSN", f"http://public@127.0.0.1:{runner.addresses[0][1]}/1")
    before = structlog.get_config()
    try:
        async with Platform.open(settings, provider=ScriptedModel({})):
            structlog.configure(
                processors=[structlog.stdlib.add_log_level, report_errors, structlog.dev.ConsoleRenderer()]
            )
            try:
                raise ValueError("the key sk-proj-abcdefgh12345678 of ada@example.org")
            except ValueError:
                structlog.get_logger().exception("it broke", run_id="7", password="hunter2")
            structlog.get_logger().warning("only a warning")
    finally:
        structlog.configure(**before)
        await runner.cleanup()
    told = b"".join(envelopes).decode()
    assert told.count('"type":"event"') + told.count('"type": "event"') == 1
    assert "ValueError" in told
    assert '"run_id":"7"' in told.replace(": ", ":")
    for secret in ("abcdefgh12345678", "ada@example.org", "hunter2"):
        assert secret not in told
