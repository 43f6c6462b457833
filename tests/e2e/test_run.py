"""`stretto run` and what follows a run: streams, exit codes, waiting, Ctrl-C, resume."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from typing import Any

import psycopg
import pytest

from stretto.settings import Settings
from tests.e2e.command import COMMAND, Stretto

STORY = """\
flow: story
input: {topic: {type: string}, parts: {type: integer, default: 2}}
agents:
  writer: {model: fast, prompt: "Write on {{ topic }}.\\n"}
steps:
  draft: {agent: writer, input: {topic: "{{ input.topic }}"}}
  final: {agent: writer, input: {topic: "{{ draft }}"}}
output: "{{ final }}"
"""
REVIEWED = """\
flow: reviewed
agents:
  writer: {model: fast, prompt: "Write.\\n"}
steps:
  draft: {agent: writer}
  ask: {review: {show: "{{ draft }}", question: "Publish it?"}}
output: "{{ ask.verdict }} by {{ ask.by }}: {{ ask.comments }}"
"""
SLOW = {"sim_tokens_per_s": "25"}


def events(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def texts(found: list[dict[str, Any]]) -> dict[str, str]:
    """The text of each step, as one who reads the events has it."""
    whole: dict[str, str] = {}
    for event in found:
        if event["event"] == "text":
            assert event["offset"] == len(whole.get(event["step"], ""))
            whole[event["step"]] = whole.get(event["step"], "") + event["text"]
        elif event["event"] == "retract":
            whole[event["step"]] = whole.get(event["step"], "")[: event["from_offset"]]
    return whole


def printed(text: str) -> str:
    """A text as it stands on stdout: it ends its last line."""
    return text if text.endswith("\n") else f"{text}\n"


def run_of(stretto: Stretto) -> str:
    """The newest run's id, as the list shows it."""
    return stretto.inside("runs").out.splitlines()[1].split()[0]


def shown(stretto: Stretto, run: str, *more: str) -> dict[str, Any]:
    done = stretto.inside("show", run, "--json", *more)
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_the_output_goes_to_stdout_and_all_else_to_stderr(stretto: Stretto) -> None:
    done = stretto("run", stretto.flow("story", STORY), "--input", "topic=rain")
    assert done.code == 0, done.err
    run = shown(stretto, run_of(stretto))
    assert done.out == printed(run["output"])
    assert run["input"] == {"topic": "rain", "parts": 2}
    assert run["simulated"] is True
    assert "answers: simulated provider (no model)" in done.err
    assert "[draft] ✓" in done.err
    assert "[final] ✓" in done.err
    assert "completed · 2 steps" in done.err
    assert "\x1b" not in done.out + done.err


def test_json_gives_the_events_and_nothing_else(stretto: Stretto) -> None:
    done = stretto("run", stretto.flow("story", STORY), "-i", "topic=rain", "--json")
    assert (done.code, done.err) == (0, "")
    found = events(done.out)
    assert found[0]["name"] == "RunAccepted"
    assert {**found[-1], "id": "", "seq": 0} == {"event": "end", "id": "", "seq": 0, "status": "completed"}
    (output,) = [event["data"]["output"] for event in found if event.get("name") == "RunCompleted"]
    assert texts(found)["final"] == output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-i", "parts=many", "-i", "topic=x"], "error: Input 'parts': 'many' is no integer."),
        (["-i", "topc=rain"], "error: The input does not fit"),
        ([], "error: The input does not fit"),
        (["--input-file", "no.json"], "error: The input file no.json cannot be used"),
        (["-i", "topic=x", "--priority", "9"], "error: Invalid value for '--priority'"),
    ],
)
def test_bad_input_changes_nothing(stretto: Stretto, arguments: list[str], message: str) -> None:
    done = stretto.inside("run", stretto.flow("story", STORY), *arguments)
    assert done.code == 2
    assert message in done.err
    assert done.out == ""
    assert stretto.inside("runs").err == "No runs yet. `stretto run FLOW.yaml` starts one.\n"


def test_a_broken_flow_is_told_with_every_place(stretto: Stretto) -> None:
    path = stretto.flow("broken", STORY.replace("agent: writer", "agent: writr"))
    for command in ("run", "lint"):
        done = stretto.inside(command, path)
        assert done.code == 2
        told = done.out + done.err
        assert "broken.yaml:6:" in told
        assert "broken.yaml:7:" in told
        assert "`writer`" in told
    good = stretto("lint", stretto.flow("story", STORY), path)
    assert good.code == 2
    assert "story.yaml: ok (story, 2 steps)" in good.out


def test_the_same_key_starts_one_run(stretto: Stretto) -> None:
    path = stretto.flow("story", STORY)
    first, again = (stretto("run", path, "-i", "topic=rain", "--idempotency-key", "k") for _ in range(2))
    assert (first.code, again.code) == (0, 0)
    assert first.out == again.out
    assert len(stretto.inside("runs").out.splitlines()) == 2
    other = stretto("run", path, "-i", "topic=snow", "--idempotency-key", "k")
    assert other.code == 2
    assert "Idempotency-Key" in other.err


def test_a_run_that_waits_for_a_person_is_left_with_code_3_and_goes_on_when_it_is_resumed(stretto: Stretto) -> None:
    done = stretto("run", stretto.flow("reviewed", REVIEWED))
    run = run_of(stretto)
    assert (done.code, done.out) == (3, "")
    assert f"stretto review approve {run}/ask" in done.err
    assert f"stretto resume {run}" in done.err

    listed = stretto.inside("review", "list")
    review, step = listed.out.splitlines()[1].split()[:2]
    assert step == f"{run}/ask"
    assert "Publish it?" in stretto.inside("review", "show", review).out
    assert stretto.inside("review", "claim", review, "--by", "bo").code == 0
    taken = stretto.inside("review", "reject", review, "--by", "eve")
    assert (taken.code, "bo has review" in taken.err) == (2, True)
    decided = stretto("review", "approve", f"{run}/ask", "--comment", "Fine.", "--by", "bo")
    assert decided.code == 0, decided.err
    assert f"stretto resume {run}" in decided.out, "nobody is at work, and it says so"
    second = stretto.inside("review", "reject", review)
    assert second.code == 2
    assert "was decided already: approve by bo at" in second.err

    resumed = stretto("resume", run)
    assert (resumed.code, resumed.out) == (0, "approve by bo: Fine.\n"), resumed.err
    assert "[draft] ✓" in resumed.err
    assert "[draft] [simulated" not in resumed.err, "its text was shown before"


def test_ctrl_c_cancels_cleanly_and_resume_repeats_nothing_that_was_done(stretto: Stretto) -> None:
    brief = STORY.replace('Write on {{ topic }}.\\n"}', 'Write on {{ topic }}.\\n", max_tokens: 40}')
    with stretto.started("run", stretto.flow("story", brief), "-i", "topic=rain", sim_tokens_per_s="12") as running:
        running.wait_for("[draft] ✓")
        running.tell(signal.SIGINT)
        done = running.end()
    run = run_of(stretto)
    assert (done.code, done.out) == (130, "")
    assert f"stretto resume {run}" in done.err
    assert shown(stretto, run)["status"] == "cancelled"

    resumed = stretto("resume", run, "--json")
    assert resumed.code == 0, resumed.err
    run_now = shown(stretto, run)
    assert run_now["status"] == "completed"
    assert [step["attempts"] for step in run_now["steps"]] == [1, 2]
    assert texts(events(resumed.out))["final"] == run_now["output"]


def test_a_second_ctrl_c_leaves_at_once_and_the_run_is_safe(stretto: Stretto, settings: Settings) -> None:
    path = stretto.flow("story", STORY)
    with (
        stretto.started("run", path, "-i", "topic=rain", **SLOW) as running,
        psycopg.connect(settings.database_url or "") as connection,
    ):
        running.wait_for("[draft]")
        # As long as this holds, nobody can tell the run to end.
        connection.execute("LOCK TABLE stretto.signals")
        running.tell(signal.SIGINT)
        time.sleep(0.3)
        assert running.process.poll() is None
        running.tell(signal.SIGINT)
        done = running.end()
    run = run_of(stretto)
    assert done.code == 130
    assert f"Left at once. The run is safe: `stretto show {run}`, `stretto resume {run}`." in done.err
    resumed = stretto("resume", run, lease_s="1")
    assert resumed.code == 0, resumed.err
    assert resumed.out == printed(shown(stretto, run)["output"])


def test_being_told_to_end_hands_the_run_over(stretto: Stretto) -> None:
    path = stretto.flow("story", STORY)
    with stretto.started("run", path, "-i", "topic=rain", **SLOW) as running:
        running.wait_for("[draft]")
        running.tell(signal.SIGTERM)
        done = running.end()
    run = run_of(stretto)
    assert (done.code, done.out) == (3, "")
    assert f"stretto resume {run}" in done.err
    assert shown(stretto, run)["status"] == "accepted"
    assert stretto("resume", run).code == 0


def test_a_reader_that_goes_away_ends_the_command_and_not_the_run(stretto: Stretto) -> None:
    path = stretto.flow("story", STORY)
    done = subprocess.run(
        ["bash", "-c", f"{COMMAND} run {path} -i topic=rain --json | head -n 5; echo code ${{PIPESTATUS[0]}}"],
        env=stretto.environment | {"STRETTO_SIM_TOKENS_PER_S": "25"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines()[5:] == ["code 3"]
    assert "Traceback" not in done.stderr
    assert stretto("resume", run_of(stretto)).code == 0


def test_a_failed_run_says_why_and_can_be_tried_again(stretto: Stretto) -> None:
    text = """\
flow: failing
steps:
  go: {tool: python.test, input: {code: 3}, retry: 1}
"""
    done = stretto("run", stretto.flow("failing", text))
    run = run_of(stretto)
    assert done.code == 1, done.err
    assert "error: step go failed: " in done.err
    assert f"stretto retry {run}" in done.err
    told = stretto.inside("show", run)
    assert "✗ go" in told.out
    assert "error: step go:" in told.out
    assert stretto.inside("retry", run, "--step", "nothing").code == 2
    assert stretto("retry", run).code == 1
    assert shown(stretto, run)["steps"][0]["attempts"] == 2


def test_a_wait_for_a_time_is_sat_out(stretto: Stretto) -> None:
    text = "flow: naps\nsteps:\n  nap: {wait: {for: 2500ms}}\noutput: rested\n"
    done = stretto("run", stretto.flow("naps", text))
    assert (done.code, done.out) == (0, "rested\n"), done.err
    assert "[nap] ⏸ waits for 2.5 s" in done.err


def test_a_database_that_cannot_be_used_is_code_4(stretto: Stretto) -> None:
    done = stretto("runs", database_url="postgresql://u:secret@127.0.0.1:1/d")
    assert done.code == 4
    assert done.err.startswith("error: ")
    assert "secret" not in done.err
    assert "Traceback" not in done.err
