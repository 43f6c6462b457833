"""Looking at runs and telling them something, from processes of their own."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from tests.e2e.command import Stretto
from tests.e2e.test_run import REVIEWED, STORY, events, printed, run_of, shown, texts
from tests.postgres.store.processes import wait_until

NAPS = """\
flow: naps
agents:
  writer: {model: fast, prompt: "Write.\\n"}
steps:
  nap: {wait: {event: morning}}
  after: {agent: writer, after: [nap]}
output: "{{ after }}"
"""


def test_show_tells_where_a_run_stands_and_stood(stretto: Stretto) -> None:
    assert stretto("run", stretto.flow("story", STORY), "-i", "topic=rain").code == 0
    run = run_of(stretto)
    told = stretto.inside("show", run)
    assert told.code == 0
    assert "story (version 1) · completed" in told.out
    assert "✓ draft" in told.out
    assert "answers: simulated provider (no model)" in told.out
    now = shown(stretto, run, "--facts")
    names = [fact["name"] for fact in now["facts"]]
    assert names[0] == "RunAccepted"
    assert names[-1] == "RunCompleted"
    assert "Text" not in names

    (done,) = [fact["seq"] for fact in now["facts"] if fact["name"] == "StepCompleted" and fact["step"] == "draft"]
    then = shown(stretto, run, "--at", str(done))
    assert then["status"] == "running"
    assert [step["status"] for step in then["steps"]] == ["completed", "ready"]
    assert then["output"] is None
    earlier = shown(stretto, run, "--at", str(done - 1))
    assert [step["status"] for step in earlier["steps"]] == ["running", "pending"]
    assert "RunCompleted" in stretto.inside("show", run, "--facts").out

    assert stretto.inside("show", "no-such-run").code == 2
    full_id = now["run"]
    assert shown(stretto, full_id)["run"] == full_id


def test_runs_can_be_chosen(stretto: Stretto) -> None:
    assert stretto("run", stretto.flow("story", STORY), "-i", "topic=rain").code == 0
    assert stretto("run", stretto.flow("reviewed", REVIEWED)).code == 3
    listed = stretto.inside("runs").out.splitlines()
    assert [line.split()[1] for line in listed[1:]] == ["reviewed", "story"]
    assert [line.split()[1] for line in stretto.inside("runs", "--status", "waiting").out.splitlines()[1:]] == [
        "reviewed"
    ]
    assert [line.split()[1] for line in stretto.inside("runs", "--flow", "story").out.splitlines()[1:]] == ["story"]
    assert len(stretto.inside("runs", "--limit", "1").out.splitlines()) == 2
    assert stretto.inside("runs", "--status", "failed").out == ""


def test_replay_gives_the_same_events_and_carries_nothing_out(stretto: Stretto) -> None:
    live = stretto("run", stretto.flow("story", STORY), "-i", "topic=rain", "--json")
    run = run_of(stretto)
    before = shown(stretto, run, "--facts")
    replayed = stretto.inside("replay", run, "--speed", "0", "--json")
    assert replayed.code == 0, replayed.err
    once, again = events(live.out), events(replayed.out)
    assert texts(again) == texts(once)
    facts = [[event for event in found if event["event"] in ("fact", "end")] for found in (once, again)]
    assert [(e.get("name"), e.get("step"), e["seq"]) for e in facts[0]] == [
        (e.get("name"), e.get("step"), e["seq"]) for e in facts[1]
    ]
    assert stretto.inside("replay", run, "--speed", "0").out == printed(before["output"])
    assert shown(stretto, run, "--facts") == before


def test_a_run_is_written_to_a_file_that_is_replayed_without_a_database(stretto: Stretto) -> None:
    assert stretto("run", stretto.flow("story", STORY), "-i", "topic=rain").code == 0
    run, file = run_of(stretto), stretto.folder / "story.jsonl"
    wrote = stretto.inside("show", run, "--export", file)
    assert (wrote.code, wrote.out) == (0, "")
    assert f"stretto replay {file}" in wrote.err
    assert stretto.inside("show", run, "--export", "-").out == file.read_text()
    before = stretto.inside("replay", run, "--speed", "0", "--json")
    elsewhere = Stretto(
        stretto.folder, stretto.environment | {"STRETTO_DATABASE_URL": "postgresql://127.0.0.1:1/nothing"}
    )
    assert elsewhere.inside("show", run).code == 4
    after = elsewhere.inside("replay", file, "--speed", "0", "--json")
    assert (after.code, after.out) == (0, before.out), after.err
    assert "answers: simulated provider (no model)" in after.err + elsewhere.inside("replay", file, "--speed", "0").err

    part = stretto.inside("show", run, "--export", "-", "--at", "6").out
    assert file.read_text().startswith(part)
    assert part.count("\n") == 7
    file.write_text(part + "more")
    for name, told in ((file, f"{file}:8:1: This is no row"), ("nothing.jsonl", "It cannot be read")):
        refused = elsewhere.inside("replay", name)
        assert refused.code == 2
        assert told in refused.err


def test_the_recordings_beside_the_examples_can_be_watched(stretto: Stretto) -> None:
    for file in sorted((Path(__file__).parents[2] / "examples" / "recordings").glob("*.jsonl")):
        done = stretto.inside("replay", file, "--speed", "0")
        assert done.code == 0, done.err
        assert "simulated provider" in done.err


def test_a_run_that_is_not_over_is_replayed_as_far_as_it_went(stretto: Stretto) -> None:
    assert stretto("run", stretto.flow("reviewed", REVIEWED)).code == 3
    done = stretto.inside("replay", run_of(stretto), "--speed", "0")
    assert (done.code, done.out) == (0, "")
    assert "the run is not over" in done.err


def test_a_fork_goes_on_from_a_step_with_edits(stretto: Stretto) -> None:
    assert stretto("run", stretto.flow("story", STORY), "-i", "topic=rain").code == 0
    run = run_of(stretto)
    fork = stretto("fork", run, "--from", "draft", "--set", "draft=Snow falls on snow.", "--set", "input.parts=5")
    assert fork.code == 0, fork.err
    new = shown(stretto, run_of(stretto))
    assert new["parent"] == shown(stretto, run)["run"]
    assert new["input"] == {"topic": "rain", "parts": 5}
    assert [(step["attempts"], step["status"]) for step in new["steps"]] == [(0, "completed"), (1, "completed")]
    assert fork.out == printed(new["output"])
    assert new["output"] != shown(stretto, run)["output"]

    quiet = stretto("fork", run, "--from", "final", "--no-follow")
    assert quiet.code == 0
    assert shown(stretto, quiet.out.strip())["status"] == "accepted"
    assert "No worker is at work" in quiet.err
    for wrong in (["--from", "nothing"], ["--from", "final", "--set", "draft=x"], ["--from", "final", "--set", "x"]):
        assert stretto.inside("fork", run, *wrong).code == 2


def test_a_resting_run_is_cancelled_although_nobody_is_at_work(stretto: Stretto) -> None:
    assert stretto("run", stretto.flow("reviewed", REVIEWED)).code == 3
    run = run_of(stretto)
    done = stretto("cancel", run)
    assert (done.code, done.out) == (0, f"cancelled {run}; `stretto resume {run}` goes on with it\n")
    assert shown(stretto, run)["status"] == "cancelled"
    assert stretto.inside("review", "list").out == ""
    again = stretto.inside("cancel", run)
    assert again.code == 2
    assert "is cancelled" in again.err


def test_a_run_is_paused_steered_and_resumed_while_another_process_carries_it_out(stretto: Stretto) -> None:
    path = stretto.flow("story", STORY)
    with stretto.started("run", path, "-i", "topic=rain", "--json", sim_tokens_per_s="3") as running:
        running.wait_for('"text"')
        run = run_of(stretto)
        assert stretto("priority", run, "0").out == f"{run} has priority 0\n"
        assert stretto("pause", run).out.startswith(f"paused {run}")
        assert stretto("inject", run, "draft", "Shorter, please.", "--now").out == f"draft of {run} has been told\n"
        running.wait_for('"status":"paused"')
        done = running.end()
    assert done.code == 3
    found = events(done.out)
    (steered,) = [event for event in found if event.get("name") == "StepSteered"]
    assert steered["data"]["feedback"] == "Shorter, please."
    assert shown(stretto, run)["priority"] == 0
    assert [step["status"] for step in shown(stretto, run)["steps"]] == ["ready", "pending"]
    for wrong in (["inject", run, "nothing", "x"], ["inject", run, "draft", " "], ["priority", run, "7"]):
        assert stretto.inside(*wrong).code == 2
    resumed = stretto("resume", run)
    assert (resumed.code, resumed.out) == (0, printed(shown(stretto, run)["output"])), resumed.err


def test_a_wait_for_an_event_is_left_and_taken_up_by_a_worker(stretto: Stretto) -> None:
    left = stretto("run", stretto.flow("naps", NAPS))
    run = run_of(stretto)
    assert left.code == 3
    assert "stretto emit morning" in left.err
    with stretto.started("worker") as worker:
        worker.wait_for("worker ready")
        assert stretto.inside("emit", "morning", "--data", "{").code == 2
        assert stretto("emit", "morning", "--data", '{"sun": true}').code == 0
        wait_until(lambda: shown(stretto, run)["status"] == "completed", "the worker goes on with it", every_s=0.2)
        worker.tell(signal.SIGTERM)
        ended = worker.end()
    assert ended.code == 0
    assert ended.out == ""
    assert all(json.loads(line)["level"] in ("info", "warning") for line in ended.err.splitlines())


def test_schedules_are_added_listed_and_deleted(stretto: Stretto) -> None:
    path = stretto.flow("story", STORY)
    assert stretto.inside("schedule", "list").out == ""
    added = stretto(
        "schedule", "add", "daily", path, "--cron", "0 7 * * *", "--timezone", "Europe/Berlin", "-i", "topic=rain"
    )
    assert added.code == 0, added.err
    assert added.out.startswith("daily: story at 0 7 * * * (Europe/Berlin); next at ")
    assert stretto("schedule", "add", "again", "story", "--cron", "5 4 * * sun", "-i", "topic=x").code == 0
    rows = [line.split()[:2] for line in stretto.inside("schedule", "list").out.splitlines()[1:]]
    assert rows == [["again", "story"], ["daily", "story"]]
    for wrong in (
        [path, "--cron", "61 * * * *"],
        [path, "--cron", "0 7 * * *", "--timezone", "Mars"],
        ["no-such-flow", "--cron", "0 7 * * *"],
        [path, "--cron", "0 7 * * *", "-i", "topc=rain"],
    ):
        done = stretto.inside("schedule", "add", "bad", *wrong)
        assert (done.code, done.out) == (2, "")
    assert stretto.inside("schedule", "delete", "daily").code == 0
    assert stretto.inside("schedule", "delete", "daily").code == 2
    assert len(stretto.inside("schedule", "list").out.splitlines()) == 2
