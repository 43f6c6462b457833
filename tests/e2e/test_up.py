"""`stretto up` with an embedded PostgreSQL of its own: it serves, shares its runs, and leaves nothing running."""

from __future__ import annotations

import json
import re
import signal
import socket
import urllib.request
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from stretto.flow import load_flow
from stretto.platform import Platform
from stretto.settings import load_settings
from tests.e2e.command import Running, Stretto
from tests.e2e.test_run import REVIEWED, STORY, events, printed, run_of, shown, texts
from tests.postgres.store.processes import wait_until, wait_until_gone


def address(running: Running) -> str:
    """Where the server is, once it says that it is ready."""
    running.wait_for("ready at ")
    found = re.search(r"ready at (http://127\.0\.0\.1:\d+) · ", running.told)
    assert found is not None
    return found[1]


def answer(url: str | urllib.request.Request) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=20) as response:
        return cast("dict[str, Any]", json.load(response))


def workers_of(running: Running) -> list[psutil.Process]:
    """The worker processes that `up` has started."""
    children = psutil.Process(running.process.pid).children()
    return [child for child in children if "--until-eof" in child.cmdline()]


def test_up_serves_shares_runs_and_leaves_nothing(at_home: Stretto, own_home: Path) -> None:
    with at_home.started("up", "--workers", "2", "--port", "0", OPENAI_API_KEY="sk-secret") as up:
        url = address(up)
        assert "answers: simulated provider (" in up.told
        assert "sk-secret" not in up.told
        assert answer(f"{url}/readyz")["status"] == "ready"
        up.wait_for("worker ready")
        (worker,) = workers_of(up)

        # A run that is started elsewhere, with the same home: whoever takes it carries it out.
        done = at_home("run", at_home.flow("story", STORY), "-i", "topic=rain")
        assert done.code == 0, done.err
        assert done.out == printed(shown(at_home, run_of(at_home))["output"])

        # Left by its own command, a run goes on here as soon as it may.
        assert at_home("run", at_home.flow("reviewed", REVIEWED)).code == 3
        run = run_of(at_home)
        decided = at_home("review", "approve", f"{run}/ask")
        assert decided.out == f"approved ask of {run}\n", "somebody is at work, so there is nothing more to do"
        wait_until(lambda: shown(at_home, run)["status"] == "completed", "the run is completed", every_s=0.3)

        up.tell(signal.SIGINT)
        ended = up.end()
    assert ended.code == 0, ended.err
    assert ended.out.count("\n") == 1
    assert not worker.is_running()
    wait_until_gone(own_home)


async def test_a_run_is_followed_from_a_process_that_does_not_carry_it_out(at_home: Stretto, own_home: Path) -> None:
    """The follower reads along in the log, whoever writes it."""
    path = at_home.flow("story", STORY)
    with at_home.started("worker", sim_tokens_per_s="300") as worker:
        worker.wait_for("worker ready")
        async with Platform.open(load_settings(home=own_home), worker=False) as platform:
            run_id = await platform.runs().start(load_flow(path), {"topic": "rain"})
            found = [event async for event in platform.runs().follow(run_id)]
            claimed = [event for event in found if getattr(event, "name", "") == "RunClaimed"]
            output = (await platform.runs().get(run_id)).output
        assert str(claimed[0].data["worker"]).endswith(f"/{worker.process.pid}")  # pyright: ignore[reportAttributeAccessIssue]
        told = at_home("resume", str(run_id))
        assert told.code == 2, "a run that is over has nothing to go on with"
        replayed = at_home("replay", str(run_id), "--speed", "0", "--json")
        assert texts(events(replayed.out))["final"] == output
        worker.tell(signal.SIGTERM)
        assert worker.end().code == 0
    wait_until_gone(own_home)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_process_that_started_them(
    at_home: Stretto, own_home: Path, number: signal.Signals
) -> None:
    with at_home.started("up", "--workers", "3", "--port", "0") as up:
        address(up)
        wait_until(lambda: len(workers_of(up)) == 2, "two further workers are started")
        workers = workers_of(up)
        up.tell(number)
        up.end()
    wait_until(lambda: not any(worker.is_running() for worker in workers), "the workers have ended", every_s=0.1)
    wait_until_gone(own_home)


def test_a_worker_that_dies_is_replaced(at_home: Stretto, own_home: Path) -> None:
    with at_home.started("up", "--workers", "2", "--port", "0") as up:
        address(up)
        up.wait_for("worker ready")
        (worker,) = workers_of(up)
        worker.kill()
        up.wait_for("a worker process has ended")
        wait_until(lambda: [found.pid for found in workers_of(up)] not in ([], [worker.pid]), "another is started")
        up.tell(signal.SIGTERM)
        assert up.end().code == 0
    wait_until_gone(own_home)


def test_a_port_that_is_taken_is_said_to_be(at_home: Stretto, own_home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = at_home("up", "--port", str(port))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: Port {port} of 127.0.0.1 is in use.")
    assert "Traceback" not in done.err
    wait_until_gone(own_home)


def test_the_first_key_is_shown_once_on_a_terminal_and_opens_the_door(at_home: Stretto, own_home: Path) -> None:
    with at_home.terminal("up", "--port", "0", auth="required") as up:
        up.wait_for("ready at")
        (key,) = re.findall(r"shown only this once: (st_\w+)", up.told)
        url = re.findall(r"ready at (\S+)", up.told)[0]
        asked = urllib.request.Request(f"{url}/v1/me", headers={"Authorization": f"Bearer {key}"})
        assert answer(asked)["role"] == "owner"
        up.type("\x03")
        assert up.end() == 0
    with at_home.terminal("up", "--port", "0") as up:
        up.wait_for("ready at")
        assert "owner key" not in up.told
        up.type("\x03")
        up.end()
    wait_until_gone(own_home)
