"""The HTTP API on a real server and a real database, with a client that keeps losing its connection."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from stretto.api import serving
from stretto.api.openai.refusals import DIALECTS
from stretto.errors import ModelOverloaded, SettingsInvalid
from stretto.platform import Platform
from stretto.settings import Settings
from stretto.testing import ScriptedModel
from tests.e2e.wire import Answer, Client, Reader

NOTES = [f"Nº {n}: 🎻 " for n in range(12)]
SCORE = "".join(NOTES)
DUET: dict[str, Any] = {
    "flow": "duet",
    "input": {"topic": {"type": "string", "default": "tides"}},
    "agents": {
        "singer": {"model": "strong", "prompt": "Sing of {{ topic }}."},
        "echo": {"model": "fast", "prompt": "Answer {{ segment }}"},
    },
    "steps": {
        "lead": {
            "agent": "singer",
            "input": {"topic": "{{ input.topic }}"},
            "retry": {"attempts": 3, "backoff": "10ms"},
        },
        "second": {"agent": "echo", "each": {"of": "lead", "by": {"tokens": 4}}},
        "last": {"agent": "singer", "input": {"topic": "{{ second }}"}},
    },
    "output": "{{ lead }}",
}
REVIEWED: dict[str, Any] = {
    "flow": "reviewed",
    "agents": {"writer": {"model": "strong", "prompt": "Write.\n"}},
    "steps": {
        "draft": {"agent": "writer"},
        "turns": {
            "loop": {"until": "check.approved", "max": 2},
            "steps": {"check": {"review": {"show": "{{ draft }}", "question": "Good?"}}},
        },
    },
    "output": "{{ check.value }}",
}


def choir() -> ScriptedModel:
    """The first lead breaks off in its first attempt, so that text is taken back."""
    broken = [*NOTES[:5], ModelOverloaded("too loud")]
    return ScriptedModel({"lead": [broken, *[NOTES] * 20], "second": "la la ", "last": "coda", "draft": "a draft"})


@asynccontextmanager
async def server(settings: Settings, model: ScriptedModel | None = None) -> AsyncGenerator[tuple[Client, Platform]]:
    settings = settings.model_copy(update={"port": 0, "host": "127.0.0.1"})
    async with Platform.open(settings, provider=model or choir()) as platform, serving(platform) as url:
        yield Client(url), platform


async def start(client: Client, flow: Any = DUET, **fields: Any) -> str:
    answer = await client.post("/v1/runs", {"flow": flow, **fields})
    assert answer.status == 201, answer.body
    assert answer.headers["location"] == f"/v1/runs/{answer.json['id']}"
    return answer.headers["location"]


async def until_status(client: Client, run: str, status: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(2500):
        found = (await client.get(run)).json
        if found["status"] == status:
            return found
        if (status, found["status"]) == ("completed", "failed"):
            break
        await asyncio.sleep(0.02)
    raise AssertionError(f"never {status}: {found}")


def ids_of(answer: Answer) -> list[tuple[str, str]]:
    return [(run["id"], run["updated_at"]) for run in answer.json["runs"]]


async def first_fact(client: Client, run: str, name: str) -> dict[str, Any]:
    async with aclosing(client.events(f"{run}/stream")) as events:
        async for event in events:
            if event.event == "fact" and event.data["name"] == name:
                return event.data["data"]
    raise AssertionError(f"the run ended without {name}")


async def test_a_run_is_started_followed_and_looked_at(settings: Settings):
    async with server(settings) as (client, platform):
        run = await start(client, input={"topic": "bells"}, priority=1)
        events = await client.some_events(f"{run}/stream")
        reader = Reader().take_all(events)
        assert reader.status == "completed"
        assert reader.texts["lead"] == SCORE
        assert any(event.event == "retract" and event.data["step"] == "lead" for event in events)

        found = (await client.get(run)).json
        assert (found["status"], found["output"], found["priority"]) == ("completed", SCORE, 1)
        assert found["input"] == {"topic": "bells"}
        assert found["cost_usd"] == "0"
        facts = (await client.get(f"{run}/facts")).json
        told = [
            fact for fact in facts["facts"] if fact["name"] != "TextRetracted"
        ]  # in the stream it has its own event
        assert told == [event.data for event in events if event.event == "fact"]
        assert len(told) < len(facts["facts"])
        assert facts["next"] is None
        paged, page = [], {"next": None}
        while page["next"] or not paged:
            path = f"{run}/facts?limit=7" + (f"&cursor={page['next']}" if page["next"] else "")
            page = (await client.get(path)).json
            paged += page["facts"]
        assert paged == facts["facts"]

        # The end has the id of the fact that brought it. Whoever comes back with that may not have seen the end.
        again = await client.some_events(f"{run}/stream", reader.last_id)
        assert [(event.event, event.data) for event in again] == [("end", events[-1].data)]
        (listed,) = (await client.get("/v1/flows")).json["flows"]
        assert (listed["name"], listed["version"], listed["archived_at"]) == ("duet", 1, None)
        assert (await client.get("/v1/flows/duet")).json["document"]["flow"] == "duet"
        assert platform.hub.is_followed(next(iter(await platform.runs().list())).id) is False


async def test_a_finished_run_can_be_gone_on_with_from_every_event(settings: Settings):
    async with server(settings) as (client, _):
        run = await start(client)
        live = await client.some_events(f"{run}/stream")
        whole = Reader().take_all(live)
        for place, event in enumerate(live[:-1]):
            reader = Reader().take_all(live[: place + 1])
            assert reader.last_id == event.id
            reader.take_all(await client.some_events(f"{run}/stream", event.id))
            assert (reader.texts, reader.status) == (whole.texts, "completed"), event.id


@pytest.mark.parametrize("most", [1, 2, 7])
async def test_a_client_that_keeps_losing_its_connection_misses_and_repeats_nothing(settings: Settings, most: int):
    model = choir()
    model.gated = True
    async with server(settings, model) as (client, _):
        run = await start(client)

        async def let_sing() -> None:
            for _ in range(24):
                await model.release()
                await asyncio.sleep(0.005)
            model.open()

        singing = asyncio.create_task(let_sing())
        reader, by_query = Reader(), Reader()
        while reader.status is None:
            reader.take_all(await client.some_events(f"{run}/stream", reader.last_id, most))
        while by_query.status is None:
            by_query.take_all(await client.some_events(f"{run}/stream?after={by_query.last_id}", most=most))
        await singing
        stored = Reader().take_all(await client.some_events(f"{run}/stream"))
        standing = {step: text for step, text in stored.texts.items() if text}
        assert standing["lead"] == SCORE
        for each in (reader, by_query):
            assert {step: text for step, text in each.texts.items() if text} == standing
            assert each.facts == stored.facts


async def test_a_header_counts_more_than_the_query(settings: Settings):
    async with server(settings) as (client, _):
        run = await start(client)
        events = await client.some_events(f"{run}/stream")
        rest = await client.some_events(f"{run}/stream?after={events[0].id}", events[-3].id)
        assert [event.id for event in rest] == [event.id for event in events[-2:]]


@asynccontextmanager
async def other_process(settings: Settings) -> AsyncGenerator[Client]:
    environment = os.environ | {"STRETTO_HOME": str(settings.home), "STRETTO_DATABASE_URL": settings.database_url or ""}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.e2e.follower",
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            yield Client((await process.stdout.readline()).decode().strip())
        _, _ = await process.communicate(b"")
        assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_run_is_followed_from_a_process_that_does_not_carry_it_out(settings: Settings):
    model = choir()
    model.gated = True
    async with server(settings, model) as (here, _), other_process(settings) as there:
        run = await start(there)
        reader = Reader()
        sides = [there, here]

        async def let_sing() -> None:
            for _ in range(10):
                await model.release()
                await asyncio.sleep(0.02)
            model.open()

        singing = asyncio.create_task(let_sing())
        while reader.status is None:  # each connection goes to the other server
            sides.reverse()
            reader.take_all(await sides[0].some_events(f"{run}/stream", reader.last_id, 5))
        await singing
        assert reader.texts["lead"] == SCORE
        whole = Reader().take_all(await there.some_events(f"{run}/stream"))
        assert (whole.texts["lead"], whole.status) == (SCORE, "completed")
        assert (await here.get("/readyz")).status == 200
        unready = await there.get("/readyz")
        assert unready.status == 503
        assert [each["part"] for each in unready.json["errors"]] == ["worker"]
        assert (await there.get("/healthz")).status == 200


async def test_bad_requests_get_the_right_problem_and_change_nothing(settings: Settings):
    async with server(settings) as (client, platform):
        run = await start(client)
        await until_status(client, run, "completed")
        nobody = f"/v1/runs/{uuid4()}"
        before = ids_of(await client.get("/v1/runs"))
        gets = [
            ("/v1/runs?cursor=first", 422, "RequestInvalid"),
            ("/v1/runs?limit=0", 422, "RequestInvalid"),
            ("/v1/runs?status=asleep", 422, "RequestInvalid"),
            ("/v1/runs?flow=%00", 400, "BadRequest"),
            ("/v1/runs/not-a-uuid", 422, "RequestInvalid"),
            ("/v1/runs/not-a-uuid/stream", 422, "RequestInvalid"),
            (nobody, 404, "RunNotFound"),
            (f"{nobody}/facts", 404, "RunNotFound"),
            (f"{nobody}/stream", 404, "RunNotFound"),
            (f"{run}/facts?cursor=LTE", 422, "RequestInvalid"),
            (f"{run}/facts?limit=9999", 422, "RequestInvalid"),
            ("/v1/runs?cursor=AAAA", 422, "RequestInvalid"),
            (f"{run}/stream?after=abc", 422, "Invalid"),
            (f"{run}/stream?after=12!", 422, "Invalid"),
            (f"{run}/stream?after=99999", 422, "Invalid"),
            (f"{run}/stream?after={'1' * 3000}", 422, "Invalid"),
            ("/v1/flows/nothing", 404, "FlowNotFound"),
            ("/v1/reviews?run_id=x", 422, "RequestInvalid"),
            ("/v2", 404, "NotFound"),
        ]
        posts: list[tuple[str, Any, int, str]] = [
            ("/v1/runs", b"{", 400, "BadRequest"),
            ("/v1/runs", b"", 400, "BadRequest"),
            ("/v1/runs", [], 422, "RequestInvalid"),
            ("/v1/runs", {}, 422, "RequestInvalid"),
            ("/v1/runs", {"flow": 1}, 422, "RequestInvalid"),
            ("/v1/runs", {"flow": "duet", "input": "text"}, 422, "RequestInvalid"),
            ("/v1/runs", {"flow": "duet", "priority": "1"}, 422, "RequestInvalid"),
            ("/v1/runs", {"flow": "duet", "priority": 4}, 422, "RequestInvalid"),
            ("/v1/runs", {"flow": "duet", "colour": "red"}, 422, "RequestInvalid"),
            ("/v1/runs", {"flow": "nothing"}, 404, "FlowNotFound"),
            ("/v1/runs", {"flow": "du\0et"}, 422, "RequestInvalid"),
            ("/v1/runs", {"flow": "duet", "input": {"topic": 1}}, 422, "InputInvalid"),
            ("/v1/runs", {"flow": "duet", "input": {"tpic": "x"}}, 422, "InputInvalid"),
            ("/v1/runs", {"flow": {"flow": "x", "steps": {"a": {"agent": "b"}}}}, 422, "FlowInvalid"),
            ("/v1/flows", {"flow": "x", "steps": {}}, 422, "FlowInvalid"),
            ("/v1/flows", "text", 422, "RequestInvalid"),
            (f"{run}/control", {"command": "dance"}, 422, "RequestInvalid"),
            (f"{run}/control", {"command": "inject", "step": "lead"}, 422, "RequestInvalid"),
            (f"{run}/control", {"command": "inject", "step": "lead", "text": " "}, 409, "NotPossible"),
            (f"{run}/control", {"command": "inject", "step": "no", "text": "hm"}, 404, "StepNotFound"),
            (f"{run}/control", {"command": "pause"}, 409, "NotPossible"),
            (f"{run}/control", {"command": "retry"}, 409, "NotPossible"),
            (f"{nobody}/control", {"command": "cancel"}, 404, "RunNotFound"),
            (f"{run}/fork", {"step": "no"}, 404, "StepNotFound"),
            (f"{run}/fork", {}, 422, "RequestInvalid"),
            (f"{nobody}/fork", {"step": "lead"}, 404, "RunNotFound"),
            (f"{run}/fork", {"step": "lead", "input": {"topic": 1}}, 422, "InputInvalid"),
            (f"/v1/reviews/{uuid4()}/decision", {"verdict": "approve"}, 404, "ReviewNotFound"),
            (f"/v1/reviews/{uuid4()}/decision", {"verdict": "maybe"}, 422, "RequestInvalid"),
            (f"/v1/reviews/{uuid4()}/claim", {}, 404, "ReviewNotFound"),
            ("/v1/reviews/bulk", {"reviews": [], "verdict": "approve"}, 422, "RequestInvalid"),
        ]
        answers = [((path, status, name), await client.get(path)) for path, status, name in gets]
        answers += [((path, body, status, name), await client.post(path, body)) for path, body, status, name in posts]
        for case, answer in answers:
            *_, status, name = case
            assert answer.headers["content-type"] == "application/problem+json", case
            found = answer.json
            assert (answer.status, found["type"]) == (status, f"urn:stretto:error:{name}"), (case, found)
            assert found["status"] == status
            assert found["detail"]
        assert ids_of(await client.get("/v1/runs")) == before
        assert [flow["name"] for flow in (await client.get("/v1/flows")).json["flows"]] == ["duet"]
        assert not await platform.reviews().list()


async def test_without_the_database_the_server_says_so_and_lives(settings: Settings):
    settings = settings.model_copy(update={"port": 0})
    async with Platform.open(settings, worker=False) as platform, serving(platform) as url:
        client = Client(url)
        assert (await client.get("/v1/runs")).status == 200
        await platform.database.close()
        unready = await client.get("/readyz")
        assert (unready.status, [each["part"] for each in unready.json["errors"]]) == (503, ["database", "worker"])
        for answer in (await client.get("/v1/runs"), await client.post("/v1/runs", {"flow": "duet"})):
            assert (answer.status, answer.json["type"]) == (503, "urn:stretto:error:DatabaseUnreachable")
            assert answer.headers["retry-after"] == "1"
        assert (await client.get("/healthz")).status == 200


async def test_what_is_not_of_this_machine_is_refused(settings: Settings):
    async with server(settings) as (client, _):
        for headers in ({"origin": "https://evil.example"}, {"origin": "null"}, {"host": "evil.example"}):
            answer = await client.post("/v1/runs", {"flow": DUET}, **headers)
            assert answer.status == 403
            assert answer.headers["content-type"] == "application/problem+json"
        assert (await client.request("POST", "/v1/runs", {"content_length": str(3 << 20)})).status == 413
        assert (await client.get("/v1/runs")).json == {"runs": [], "next": None}
        assert (await client.post("/v1/runs", {"flow": DUET}, origin=f"http://{client.host}")).status == 201


async def test_a_server_that_others_could_reach_does_not_start(settings: Settings):
    async with Platform.open(settings.model_copy(update={"port": 0}), provider=choir(), worker=False) as platform:
        async with serving(platform) as url:
            taken = int(url.rpartition(":")[2])
            platform.settings = settings.model_copy(update={"port": taken})
            with pytest.raises(SettingsInvalid, match=f"Port {taken}.*in use.*STRETTO_PORT"):
                async with serving(platform):
                    pass
        platform.settings = settings.model_copy(update={"host": "0.0.0.0"})
        with pytest.raises(SettingsInvalid, match=r"STRETTO_HOST.*nobody is asked.*STRETTO_AUTH=required"):
            async with serving(platform):
                pass


async def test_an_idempotency_key_stands_for_one_run(settings: Settings):
    async with server(settings) as (client, _):
        new = {"flow": DUET, "input": {"topic": "a"}}
        first = await client.post("/v1/runs", new, idempotency_key="k-1")
        again = await client.post("/v1/runs", new, idempotency_key="k-1")
        assert (first.status, again.status) == (201, 201)
        assert first.json["id"] == again.json["id"]
        assert first.headers["location"] == again.headers["location"]
        assert [each.headers.get("idempotency-replayed") for each in (first, again)] == [None, "true"]
        other = await client.post("/v1/runs", new | {"input": {"topic": "b"}}, idempotency_key="k-1")
        assert (other.status, other.json["type"]) == (409, "urn:stretto:error:IdempotencyConflict")
        too_long = await client.post("/v1/runs", new, idempotency_key="k" * 256)
        assert (too_long.status, too_long.json["type"]) == (422, "urn:stretto:error:RequestInvalid")
        both = await asyncio.gather(*[client.post("/v1/runs", new, idempotency_key="k-2") for _ in range(8)])
        assert len({answer.json["id"] for answer in both}) == 1
        assert len((await client.get("/v1/runs")).json["runs"]) == 2


async def test_runs_are_listed_in_pages(settings: Settings):
    async with server(settings) as (client, _):
        started = [(await start(client)).rpartition("/")[2] for _ in range(5)]
        await client.post("/v1/runs", {"flow": REVIEWED})
        seen: list[str] = []
        path = "/v1/runs?flow=duet&limit=2"
        page = (await client.get(path)).json
        sizes = [len(page["runs"])]
        seen += [run["id"] for run in page["runs"]]
        while page["next"]:
            page = (await client.get(f"{path}&cursor={page['next']}")).json
            sizes.append(len(page["runs"]))
            seen += [run["id"] for run in page["runs"]]
        assert (seen, sizes) == (started[::-1], [2, 2, 1])
        for run in started:
            await until_status(client, f"/v1/runs/{run}", "completed")
        assert len((await client.get("/v1/runs?status=completed")).json["runs"]) == 5
        assert (await client.get("/v1/runs?status=failed")).json == {"runs": [], "next": None}


async def test_a_person_decides_once(settings: Settings):
    async with server(settings) as (client, _):
        run = await start(client, REVIEWED)
        await until_status(client, run, "waiting")
        (waiting,) = (await client.get("/v1/reviews")).json["reviews"]
        assert waiting["run_id"] == run.rpartition("/")[2]
        assert (waiting["step"], waiting["excerpt"], waiting["question"]) == ("turns[1].check", "a draft", "Good?")
        door = f"/v1/reviews/{waiting['id']}/decision"
        assert (await client.post(door, {"verdict": "approve", "comments": "ok", "value": "better"})).status == 202
        again = await client.post(door, {"verdict": "reject"})
        assert (again.status, again.json["type"]) == (409, "urn:stretto:error:ReviewDecided")
        assert "approve by local at" in again.json["detail"]
        assert (await until_status(client, run, "completed"))["output"] == "better"
        facts = (await client.get(f"{run}/facts")).json["facts"]
        (decided,) = [fact["data"] for fact in facts if fact["name"] == "ReviewDecided"]
        told = {"verdict": "approve", "by": "local", "comments": "ok", "value": "better", "review": waiting["id"]}
        assert decided == told


async def test_a_run_takes_commands(settings: Settings):
    async with server(settings) as (client, _):
        run = await start(client, REVIEWED)
        await until_status(client, run, "waiting")
        for command, status in (
            ({"command": "pause"}, "paused"),
            ({"command": "resume"}, "waiting"),
            ({"command": "cancel", "reason": "enough"}, "cancelled"),
        ):
            answer = await client.post(f"{run}/control", command)
            assert (answer.status, answer.json["id"]) == (202, run.rpartition("/")[2])
            await until_status(client, run, status)
        stream = Reader().take_all(await client.some_events(f"{run}/stream"))
        assert stream.status == "cancelled"
        assert (await client.post(f"{run}/control", {"command": "resume"})).status == 202
        await until_status(client, run, "waiting")
        assert (await client.post(f"{run}/control", {"command": "priority", "priority": 0})).status == 202
        assert await first_fact(client, run, "PrioritySet") == {"priority": 0, "by": "local"}
        assert (await client.get(run)).json["priority"] == 0
        facts = (await client.get(f"{run}/facts")).json["facts"]
        told = [(fact["name"], fact["data"].get("by"), fact["data"].get("reason")) for fact in facts]
        assert ("RunPaused", "local", None) in told
        assert ("RunCancelled", "local", "enough") in told


async def test_a_step_at_work_gets_feedback(settings: Settings):
    model = choir()
    model.gated = True
    async with server(settings, model) as (client, _):
        run = await start(client)
        await model.release(2, of="lead")
        feedback = {"command": "inject", "step": "lead", "text": "Softer.", "mode": "now"}
        assert (await client.post(f"{run}/control", feedback)).status == 202
        assert await first_fact(client, run, "FeedbackGiven") == {"text": "Softer.", "mode": "now", "by": "local"}
        model.open()
        await until_status(client, run, "completed")
        assert any("Softer." in message.text for asked in model.requests for message in asked.messages)


async def test_a_run_can_be_forked(settings: Settings):
    async with server(settings) as (client, _):
        run = await start(client, REVIEWED)
        await until_status(client, run, "waiting")
        forked = await client.post(f"{run}/fork", {"step": "draft", "outputs": {"draft": "another draft"}})
        assert forked.status == 201
        assert forked.json["parent_id"] == run.rpartition("/")[2]
        await until_status(client, forked.headers["location"], "waiting")
        shown = (await client.get(f"/v1/reviews?run_id={forked.json['id']}")).json["reviews"]
        assert [each["excerpt"] for each in shown] == ["another draft"]


async def test_a_server_with_open_streams_ends_at_once(settings: Settings):
    model = choir()
    model.gated = True
    async with server(settings, model) as (client, _):
        run = await start(client)
        following = asyncio.create_task(client.some_events(f"{run}/stream"))
        await model.release(3)
    events = await following
    assert events
    assert all(event.event != "end" for event in events)


async def test_the_page_and_the_description_are_served(settings: Settings):
    async with server(settings) as (client, _):
        for path in ("/", "/runs/0198", "/reviews"):
            page = await client.get(path)
            assert page.headers["content-type"].startswith("text/html")
            policy = page.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
        assert (await client.get("/nothing")).status == 404
        assert (await client.get("/assets/../app.py")).status == 404
        assert (await client.get("/assets/no.js")).json["title"]
        description = (await client.get("/openapi.json")).json
        for path, operations in description["paths"].items():
            for operation in operations.values():
                if path.removesuffix("/{model}") not in DIALECTS:
                    assert "default" not in operation["responses"], path
                    told = [answer for status, answer in operation["responses"].items() if status >= "400"]
                    assert len(told) >= 3
                    assert all(answer["content"]["application/problem+json"]["examples"] for answer in told), path
        assert {"/v1/runs", "/v1/runs/{run_id}/stream", "/v1/reviews/{review_id}/decision"} <= set(description["paths"])
