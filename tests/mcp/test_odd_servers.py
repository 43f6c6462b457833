"""Servers that die, babble, lie, answer too much, or never: each is told clearly, and none takes others with it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
import structlog
from structlog.testing import capture_logs
from structlog.typing import EventDict

from stretto.errors import OutputInvalid, ToolFailed, ToolNotFound, ToolRefused, ToolUnavailable
from stretto.flow.compile import compile_document
from stretto.gateway.tool_servers import ToolServer
from stretto.testing import FakeContext
from stretto.tools.mcp import Asker, ModelAsked, ModelSaid, PersonAsked, PersonSaid, PoolLimits, Ports, stdio
from tests.mcp.conftest import SECRET, Caller, context_for, pool_of

Odd = Callable[..., ToolServer]
WAIT_S = 20.0


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def lines(notes: Path, word: str) -> list[str]:
    return [line for line in notes.read_text().splitlines() if line.startswith(word)]


async def test_all_pages_are_read_and_what_cannot_be_used_is_left_out(odd: Odd, notes: Path):
    async with pool_of(odd()) as caller:
        names = {tool.name for tool in await caller.pool.find(caller.ctx.tenant_id, "odd.*")}
        assert {"odd.slow", "odd.child", "odd.steps"} <= names
        assert not {"odd.bad schema", "odd.far_schema"} & names
        assert len(lines(notes, "list")) == 5


async def test_a_server_killed_in_the_middle_of_a_call_is_started_anew(odd: Odd, notes: Path):
    async with pool_of(odd()) as caller:
        with pytest.raises(ToolUnavailable, match=r"ended \(exit 3\); its last words: I cannot go on"):
            await caller.call("odd.die")
        assert int(await caller.call("odd.pid")) > 0
        working = asyncio.create_task(caller.call("odd.slow"))
        await until(lambda: lines(notes, "call slow"))
        os.kill(int(await caller.call("odd.pid")), signal.SIGKILL)
        with pytest.raises(ToolUnavailable, match="signal 9"):
            await working
        assert len(lines(notes, "start")) == 2


async def test_a_call_that_wrote_when_its_server_died_is_not_said_to_be_harmless(odd: Odd):
    async with pool_of(odd()) as caller:
        with pytest.raises(ToolFailed, match="Whether it did its work is not known") as caught:
            await caller.call("odd.die_writing")
        assert not isinstance(caught.value, ToolUnavailable)


async def test_other_calls_do_not_suffer_from_lines_that_are_no_messages(odd: Odd):
    async with pool_of(odd()) as caller:
        assert await caller.call("odd.garbage") == "after all"


async def test_a_program_that_only_babbles_is_no_server(odd: Odd):
    async with pool_of(odd("babble")) as caller:
        with pytest.raises(ToolUnavailable, match="wrote 100 lines that are no messages"):
            await caller.call("odd.pid")


async def test_a_program_that_does_not_start_rests_before_it_is_tried_again(odd: Odd, notes: Path):
    async with pool_of(odd("dead"), ToolServer("none", ("/no/such/program",))) as caller:
        with pytest.raises(ToolUnavailable, match=r"exit 7\); its last words: no way without a token"):
            await caller.call("odd.pid")
        with pytest.raises(ToolUnavailable, match="rests for") as caught:
            await caller.call("odd.pid")
        assert caught.value.retry_after_s is not None
        assert 0 < caught.value.retry_after_s <= 0.5
        with pytest.raises(ToolUnavailable, match="there is no program '/no/such/program'"):
            await caller.call("none.x")


async def test_results_that_break_the_protocol_or_the_tools_own_schema(odd: Odd):
    async with pool_of(odd()) as caller:
        with pytest.raises(ToolFailed, match="no result of MCP"):
            await caller.call("odd.bad_result")
        with pytest.raises(OutputInvalid, match=r"breaks its own schema.*'seven' is not of type 'integer'"):
            await caller.call("odd.breaks_schema")
        with pytest.raises(ToolRefused, match="what is that"):
            await caller.call("odd.unknown_arguments")


async def test_arguments_are_checked_before_anything_is_sent(odd: Odd, notes: Path):
    async with pool_of(odd()) as caller:
        with pytest.raises(OutputInvalid, match=r'bytes: "many" is not of type "integer"'):
            await caller.call("odd.big", bytes="many")
        with pytest.raises(OutputInvalid, match='"bytes" is a required property'):
            await caller.call("odd.big")
        assert not lines(notes, "call")


async def test_what_is_too_large_is_an_error_of_that_call_alone(odd: Odd):
    async with pool_of(odd()) as caller:
        working = asyncio.create_task(caller.call("odd.slow"))
        assert len(await caller.call("odd.big", bytes=1_000_000)) == 1_000_000
        with pytest.raises(OutputInvalid, match=r"gave 2.0 MiB, but a result may have 1 MiB"):
            await caller.call("odd.big", bytes=2 << 20)
        with pytest.raises(ToolFailed, match="more than 4 MiB"):
            await caller.call("odd.big", bytes=9 << 20)
        assert await caller.call("odd.big", bytes=3) == "xxx"
        assert not working.done()
        working.cancel()


async def test_a_cancelled_call_is_cancelled_at_the_server(odd: Odd, notes: Path):
    async with pool_of(odd()) as caller:
        working = asyncio.create_task(caller.call("odd.slow"))
        await until(lambda: lines(notes, "call slow"))
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        await until(lambda: lines(notes, "cancelled slow"))
        assert int(await caller.call("odd.pid")) > 0


async def test_a_call_that_takes_too_long_is_given_up_and_cancelled(odd: Odd, notes: Path):
    async with pool_of(odd(timeout_s=0.2)) as caller:
        with pytest.raises(ToolUnavailable, match=r"no answer within 0.2 s"):
            await caller.call("odd.slow")
        await until(lambda: lines(notes, "cancelled slow"))


async def test_keys_reach_who_takes_them_and_are_not_asked_of_callers(odd: Odd):
    async with pool_of(odd(effects={"meta": "reads"})) as caller:
        (tool,) = await caller.pool.find(caller.ctx.tenant_id, "odd.keys")
        assert tool.schema["required"] == ["text"]
        assert "idempotency_key" not in tool.schema["properties"]
        assert tool.effects == "writes"
        seen = json.loads(await caller.call("odd.keys", text="hello"))
        assert seen == {"arguments": {"text": "hello", "idempotency_key": "the-key"}, "key": "the-key"}
        assert json.loads(await caller.call("odd.meta")) == {"arguments": {}, "key": None}  # it only reads


@pytest.fixture
def all_logs() -> Generator[list[EventDict]]:
    """What is logged from `debug` on, whatever another test has made of logging."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    try:
        with capture_logs() as logs:
            yield logs
    finally:
        structlog.configure(**before)


async def test_secrets_reach_the_server_and_come_back_covered(
    odd: Odd, all_logs: list[EventDict], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    server = odd(secrets={"TOKEN": "env:TOKEN"})
    shown = "[secret TOKEN]"
    async with pool_of(server) as caller:
        assert await caller.call("odd.leak") == {"token": shown, shown: [f"Bearer {shown}!"]}
        with pytest.raises(ToolFailed) as caught:
            await caller.call("odd.fails")
        assert caught.value.message.endswith(f"no luck with {shown}")
        told = repr(caller.link()) + repr(caller.link().secrets) + repr(server)
    out = capfd.readouterr()
    assert SECRET not in caplog.text + str(all_logs) + out.out + out.err + told
    assert {
        "event": "a server of tools says",
        "server": "odd",
        "line": f"the token is {shown}",
        "log_level": "debug",
    } in all_logs


async def test_a_secret_that_is_not_there_is_named(odd: Odd, notes: Path):
    async with pool_of(odd(secrets={"KEY": "sealed:gone"})) as caller:
        with pytest.raises(ToolRefused, match=r"the secret KEY \(sealed:gone\).*`stretto provider-key set gone`"):
            await caller.call("odd.pid")
        assert not lines(notes, "start")


async def test_only_what_is_allowed_is_seen(odd: Odd):
    async with pool_of(odd(allow=("p*", "s*"))) as caller:
        found = await caller.pool.find(caller.ctx.tenant_id, "odd.*")
        assert {tool.name for tool in found} == {"odd.pid", "odd.slow", "odd.steps"}
        with pytest.raises(ToolNotFound, match="`allow`"):
            await caller.call("odd.die")
        with pytest.raises(ToolNotFound, match=r"Did you mean odd.steps"):
            await caller.call("odd.step")


async def test_new_tools_are_found_when_the_server_says_so(odd: Odd):
    async with pool_of(odd()) as caller:
        await caller.call("odd.grow")
        await until(lambda: "grown" in caller.link().tools)


async def test_progress_is_passed_on(odd: Odd):
    seen: list[str] = []
    async with pool_of(odd(), ports=Ports(on_progress=lambda _, progress: seen.append(str(progress)))) as caller:
        assert await caller.call("odd.steps") == "done"
        assert seen[0] == "odd.steps: 1 of 3 – step 1"
        assert seen[-1] == "odd.steps: 3 of 3 – step 3"


async def test_a_tool_step_shows_progress_and_an_agents_step_does_not(odd: Odd):
    async with pool_of(odd()) as caller:
        await caller.call("odd.steps")
        assert "step 3" in caller.ctx.text
        caller.ctx = agents_context()
        await caller.call("odd.steps")
        assert caller.ctx.text == ""


def agents_context() -> FakeContext:
    ctx = context_for()
    agents = {"a": {"model": "fast", "prompt": "Hello\n"}}
    graph = compile_document({"flow": "test", "agents": agents, "steps": {"work": {"agent": "a"}}})
    ctx.step, ctx.graph = graph.root.steps["work"], graph
    return ctx


async def test_a_server_asks_a_model_for_the_call_at_work(odd: Odd):
    asked: list[tuple[Asker, ModelAsked]] = []

    async def answer(asker: Asker, question: ModelAsked) -> ModelSaid:
        asked.append((asker, question))
        return ModelSaid("Four.", "small", "endTurn")

    async with pool_of(odd(sampling="fast"), ports=Ports(on_sample=answer)) as caller:
        result = json.loads(await caller.call("odd.ask_model"))
        assert result["content"] == {"type": "text", "text": "Four."}
        ((asker, question),) = asked
        assert (asker.tool, asker.route, asker.number, asker.ctx) == ("odd.ask_model", "fast", 1, caller.ctx)
        assert question.messages[0].text == "Two and two?"
        # Before 2026-07-28 no server says for which call it asks; so there is never more than one.
        results = await asyncio.gather(*(caller.call("odd.ask_model") for _ in range(5)))
        assert len(results) == 5
        assert len(asked) == 6


async def test_no_model_without_a_route(odd: Odd):
    async def answer(asker: Asker, question: ModelAsked) -> ModelSaid:
        raise AssertionError("nobody said that it may")

    async with pool_of(odd(), ports=Ports(on_sample=answer)) as caller:
        assert "not" in json.loads(await caller.call("odd.ask_model"))["message"]


async def test_a_person_is_not_asked_unless_somebody_is_there(odd: Odd):
    async with pool_of(odd()) as caller:
        result = json.loads(await caller.call("odd.ask_person"))
        assert result["action"] == "decline"
        assert "only the calls of a run" in result["_meta"]["stretto/reason"]

    async def answer(asker: Asker, question: PersonAsked) -> PersonSaid:
        assert question.message == "Who are you?"
        return PersonSaid("accept", {"name": "Ada"})

    async with pool_of(odd(), ports=Ports(on_elicit=answer)) as caller:
        assert json.loads(await caller.call("odd.ask_person")) == {"action": "accept", "content": {"name": "Ada"}}


async def test_tenants_have_servers_of_their_own_unless_they_share(odd: Odd):
    async with pool_of(odd(), odd(name="shared", per_tenant=False)) as caller:
        other = Caller(caller.pool)
        other.ctx.tenant_id = uuid4()
        own = {await each.call("odd.pid") for each in (caller, other, caller, other)}
        shared = {await each.call("shared.pid") for each in (caller, other)}
        assert (len(own), len(shared)) == (2, 1)


async def test_there_are_never_more_connections_than_may_be(odd: Odd, notes: Path):
    servers = [odd(name=f"s{number}") for number in range(3)]
    async with pool_of(*servers, limits=PoolLimits(connections=2)) as caller:
        first = int(await caller.call("s0.pid"))
        working = asyncio.create_task(caller.call("s1.slow"))
        await until(lambda: lines(notes, "call slow"))
        await caller.call("s2.pid")  # in the place of the one without work
        await until(lambda: not is_alive(first))
        busy = asyncio.create_task(caller.call("s2.slow"))
        await until(lambda: len(lines(notes, "call slow")) == 2)
        with pytest.raises(ToolUnavailable, match="All 2 connections"):
            await caller.call("s0.pid")
        working.cancel()
        busy.cancel()


async def test_who_is_idle_is_stopped(odd: Odd, notes: Path):
    async with pool_of(odd(), limits=PoolLimits(idle_s=0.2)) as caller:
        pid = int(await caller.call("odd.pid"))
        await until(lambda: not is_alive(pid))
        assert lines(notes, "input closed")
        assert int(await caller.call("odd.pid")) != pid


async def test_another_configuration_counts_from_the_next_call_on(odd: Odd, notes: Path):
    async with pool_of(odd()) as caller:
        working = asyncio.create_task(caller.call("odd.slow"))
        await until(lambda: lines(notes, "call slow"))
        pid = int(await caller.call("odd.pid"))
        caller.pool.reconfigure({"odd": odd(allow=("pid",))})
        assert int(await caller.call("odd.pid")) != pid
        assert is_alive(pid)  # it still works
        working.cancel()
        await until(lambda: not is_alive(pid))
        caller.pool.reconfigure({})
        assert await caller.pool.find(caller.ctx.tenant_id, "odd.pid") == []


async def test_nothing_is_left_of_a_server_that_does_not_want_to_end(odd: Odd, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stdio, "STOP_S", 0.2)
    async with pool_of(odd("stubborn")) as caller:
        pids = [int(await caller.call("odd.pid")), int(await caller.call("odd.child")), caller.link().pid]
        assert all(map(is_alive, pids))
    await until(lambda: not any(map(is_alive, pids)))  # killed by now; the system may need a moment to see them off


async def test_nothing_is_left_when_the_guard_is_killed(odd: Odd, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stdio, "STOP_S", 0.2)
    async with pool_of(odd("stubborn")) as caller:
        pids = [int(await caller.call("odd.pid")), int(await caller.call("odd.child"))]
        guard: Any = caller.link().pid
        os.kill(guard, signal.SIGKILL)
        await until(lambda: not any(map(is_alive, pids)))
        assert int(await caller.call("odd.pid")) not in pids
