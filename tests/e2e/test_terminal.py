"""On a terminal, a person sees the voices, decides on reviews and gets the terminal back as it was."""

from __future__ import annotations

import pytest

from tests.e2e.command import Stretto, Terminal
from tests.e2e.test_run import REVIEWED, STORY, run_of, shown

DUO = """\
flow: duo
agents:
  writer: {model: fast, prompt: "Write.\\n", max_tokens: 8}
  other: {model: fast, prompt: "Write something else.\\n"}
steps:
  one: {agent: writer}
  two: {agent: other}
  ask: {review: {show: "{{ one }}", question: "Publish it?"}}
output: "{{ ask.verdict }}: {{ ask.comments }}"
"""


def as_it_was(terminal: Terminal) -> bool:
    """Whether the terminal shows what is typed, and its cursor."""
    return terminal.echoes and terminal.raw.rfind("\x1b[?25h") >= terminal.raw.rfind("\x1b[?25l")


@pytest.mark.parametrize("width", [40, 80, 200])
def test_voices_are_shown_while_they_write_and_then_the_output(stretto: Stretto, width: int) -> None:
    path = stretto.flow("story", STORY)
    with stretto.terminal("run", path, "-i", "topic=rain", width=width, sim_tokens_per_s="150") as terminal:
        terminal.wait_for("╭─ draft")
        assert not terminal.echoes, "what is typed must not spoil the picture"
        terminal.wait_for("✓ draft")
        terminal.wait_for("╭─ final")
        assert terminal.end() == 0
        told = terminal.told
        assert as_it_was(terminal)
    assert "answers: simulated provider (no model)" in told
    assert "completed · 2/2 steps" in told
    first_line = shown(stretto, run_of(stretto))["output"].split("\n")[0][: width - 1]
    assert told.rindex(first_line) > told.rindex("completed ·")


def test_a_person_decides_when_nothing_else_is_at_work(stretto: Stretto) -> None:
    with stretto.terminal("run", stretto.flow("reviewed", REVIEWED)) as terminal:
        terminal.wait_for("approve, reject, comment, or later?")
        assert "Publish it?" in terminal.told
        assert terminal.echoes
        terminal.type("what\n")
        terminal.wait_for("Type a, r, c or l")
        terminal.type("c\n")
        terminal.wait_for("comment:")
        terminal.type("Zu spät, 霧.\n")
        terminal.type("r\n")
        assert terminal.end() == 0
        assert "reject by anna: Zu spät, 霧." in terminal.told
        assert as_it_was(terminal)


def test_while_others_write_enter_opens_the_question(stretto: Stretto) -> None:
    with stretto.terminal("run", stretto.flow("duo", DUO), width=100, sim_tokens_per_s="40") as terminal:
        terminal.wait_for("Enter: decide on ask")
        assert "or later?" not in terminal.told
        terminal.type("\n")
        terminal.wait_for("or later?")
        terminal.type("a\n")
        terminal.wait_for("✓ ask")
        assert terminal.end() == 0
        assert "approve:" in terminal.told


def test_a_question_that_is_put_off_is_left_with_code_3(stretto: Stretto) -> None:
    with stretto.terminal("run", stretto.flow("reviewed", REVIEWED)) as terminal:
        terminal.wait_for("or later?")
        terminal.type("l\n")
        assert terminal.end() == 3
        assert f"stretto resume {run_of(stretto)}" in terminal.told
        assert as_it_was(terminal)


def test_a_question_that_is_decided_elsewhere_is_taken_back(stretto: Stretto) -> None:
    with stretto.terminal("run", stretto.flow("reviewed", REVIEWED)) as terminal:
        terminal.wait_for("or later?")
        assert stretto("review", "approve", f"{run_of(stretto)}/ask", "--by", "bo").code == 0
        assert terminal.end() == 0
        assert "\n✓ ask" in terminal.told
        assert "approve by bo" in terminal.told


def test_ctrl_c_cancels_and_gives_the_terminal_back(stretto: Stretto) -> None:
    path = stretto.flow("story", STORY)
    with stretto.terminal("run", path, "-i", "topic=rain", sim_tokens_per_s="25") as terminal:
        terminal.wait_for("╭─ draft")
        terminal.type("\x03")
        assert terminal.end() == 130
        assert f"stretto resume {run_of(stretto)}" in terminal.told
        assert as_it_was(terminal)


def test_ctrl_c_at_a_question_cancels_too(stretto: Stretto) -> None:
    with stretto.terminal("run", stretto.flow("reviewed", REVIEWED)) as terminal:
        terminal.wait_for("or later?")
        terminal.type("\x03")
        assert terminal.end() == 130
        assert as_it_was(terminal)
    assert shown(stretto, run_of(stretto))["status"] == "cancelled"


def test_a_wait_for_an_event_is_followed_until_it_comes(stretto: Stretto) -> None:
    text = 'flow: calls\nsteps:\n  call: {wait: {event: phone, key: me}}\noutput: "{{ call.data }}"\n'
    with stretto.terminal("run", stretto.flow("calls", text)) as terminal:
        terminal.wait_for("waiting · 0/1 steps")
        assert stretto("emit", "phone", "--key", "you", "--data", '"wrong"').code == 0
        assert stretto("emit", "phone", "--key", "me", "--data", '"hello"').code == 0
        assert terminal.end() == 0
        assert terminal.told.rstrip().endswith("hello")


def test_a_terminal_that_can_do_nothing_gets_plain_lines(stretto: Stretto) -> None:
    path = stretto.flow("story", STORY)
    with stretto.terminal("run", path, "-i", "topic=rain", TERM="dumb") as terminal:
        assert terminal.end() == 0
        assert "[draft] ✓" in terminal.told
        assert "\x1b" not in terminal.raw


def test_replay_shows_the_run_again_and_carries_nothing_out(stretto: Stretto) -> None:
    assert stretto("run", stretto.flow("story", STORY), "-i", "topic=rain").code == 0
    run = run_of(stretto)
    before = shown(stretto, run, "--facts")
    with stretto.terminal("replay", run, "--speed", "0.5") as terminal:
        terminal.wait_for("╭─ draft")
        assert terminal.end() == 0
        assert "completed · 2/2 steps" in terminal.told
    assert shown(stretto, run, "--facts") == before
