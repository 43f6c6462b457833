"""The score tells at every event what a person should see."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stretto.cli.voice import STRUCK_S, TAIL_CHARS, Voice
from tests.unit.cli.tape import BEGIN, Tape, flow, writers

TASKS = {"tasks": {"type": "array"}}


def test_a_voice_enters_writes_and_leaves_as_one_line() -> None:
    tape = Tape(writers(2)).fact("StepStarted", "w0").fact("StepStarted", "w1")
    tape.after(1).text("w0", "Rain ").text("w0", "falls.")
    assert list(tape.score.voices) == ["w0", "w1"]
    assert tape.score.voices["w0"].tail == "Rain falls."
    assert tape.news == []

    tape.after(2.25).done("w0", tokens=3)
    assert list(tape.score.voices) == ["w1"]
    assert tape.news == ["✓ w0 3.2 s · 3 tokens"]


def test_totals_add_up_and_say_that_answers_are_simulated() -> None:
    tape = Tape(writers(2)).fact("StepStarted", "w0").fact("StepStarted", "w1")
    assert not tape.score.totals.simulated
    tape.done("w0", tokens=30)
    tape.fact("StepCompleted", "w1", of="text", usage={"output_tokens": 12, "input_tokens": 5, "cost_usd": 0.25})
    totals = tape.score.totals
    assert (totals.output_tokens, totals.input_tokens, totals.cost_usd, totals.simulated) == (42, 5, 0.25, True)
    assert tape.news[1] == "✓ w1 0.0 s · 12 tokens · $0.2500"


def test_a_value_is_told_in_a_few_words() -> None:
    tape = Tape(writers(3))
    for step, output in (
        ("w0", {"approved": False, "comments": "Too long."}),
        ("w1", {"approved": True, "verdict": "escalate", "comments": ""}),
        ("w2", {"passed": True, "seconds": 0.5, "output": "…"}),
    ):
        tape.fact("StepStarted", step).fact("StepCompleted", step, output=output)
    assert tape.news == [
        "✓ w0 0.0 s · rejected: Too long.",
        "✓ w1 0.0 s · escalated",
        "✓ w2 0.0 s · passed true, seconds 0.5",
    ]


def test_retracted_text_is_struck_out_for_a_moment_and_new_text_follows_it() -> None:
    tape = Tape(writers(1)).fact("StepStarted", "w0").text("w0", "Kept. Wrong.").retract("w0", 6)
    voice = tape.score.voices["w0"]
    assert voice.parts == ("Kept. ", "Wrong.", "")
    tape.text("w0", "Right.")
    assert voice.parts == ("Kept. ", "Wrong.", "Right.")
    tape.after(STRUCK_S).score.settle(tape.now)
    assert voice.parts == ("Kept. Right.", "", "")


def test_a_failed_attempt_waits_and_the_next_one_says_its_number() -> None:
    tape = Tape(writers(1)).fact("StepStarted", "w0").text("w0", "Half")
    tape.after(1).fact("StepFailed", "w0", error="overloaded", kind="ModelOverloaded", retry_in_s=1.5)
    tape.retract("w0", 0, "overloaded")
    voice = tape.score.voices["w0"]
    assert voice.resumes is not None
    assert (voice.resumes - tape.now).total_seconds() == 1.5
    assert (voice.tail, voice.struck) == ("", "Half")
    assert tape.news == ["↻ w0 attempt 2 in 1.5 s after an error: overloaded"]

    tape.after(1.5).fact("TimerFired", "w0").fact("StepStarted", "w0").text("w0", "Whole", attempt=2)
    assert (voice.attempt, voice.resumes, voice.tail) == (2, None, "Whole")
    tape.after(1).done("w0", tokens=2)
    assert tape.news == ["✓ w0 3.5 s · attempt 2 · 2 tokens"]


def test_a_step_that_fails_for_good_says_why_and_the_run_as_well() -> None:
    tape = Tape(writers(2)).fact("StepStarted", "w0").fact("StepStarted", "w1").text("w1", "Half")
    tape.fact("StepFailed", "w0", error="no such model", kind="ModelRefused")
    tape.fact("RunFailed", step="w0", error="no such model").end("failed")
    assert tape.news == ["✗ w0 0.0 s · failed: no such model", "■ w1 0.0 s · cut off"]
    score = tape.score
    assert (score.status, score.failed_step, score.failure, score.over) == ("failed", "w0", "no such model", True)
    assert score.voices["w1"].tail == "Half", "what was shown stays"


def test_the_death_of_a_worker_is_told_and_its_phantom_text_struck_out() -> None:
    tape = Tape(writers(1)).fact("StepStarted", "w0").text("w0", "Seen, never stored")
    tape.after(5).fact("RunClaimed", worker="there/2").retract("w0", 6, "lost").fact("StepStarted", "w0")
    tape.text("w0", "and written anew", attempt=2)
    voice = tape.score.voices["w0"]
    assert voice.parts == ("Seen, ", "never stored", "and written anew")
    assert voice.attempt == 2
    assert tape.news == ["↻ interrupted; there/2 goes on"]


def test_text_that_comes_again_after_a_reconnect_is_shown_once() -> None:
    tape = Tape(writers(1)).fact("StepStarted", "w0").text("w0", "One two three")
    tape.text("w0", "two three four", offset=4)
    assert tape.score.voices["w0"].tail == "One two three four"


def test_following_from_the_middle_shows_what_comes() -> None:
    tape = Tape(writers(1)).fact("StepStarted", "w0").text("w0", "later", offset=5000)
    voice = tape.score.voices["w0"]
    assert (voice.tail, voice.end) == ("later", 5005)
    tape.retract("w0", 100)
    assert (voice.tail, voice.end, voice.struck) == ("", 100, "later")


def test_waits_say_for_what() -> None:
    graph = flow(
        {
            "ask": {"review": {"show": "x", "question": "Publish?"}},
            "call": {"wait": {"event": "phone", "key": "me", "timeout": "1h"}},
            "nap": {"wait": {"for": "90s"}},
        }
    )
    tape = Tape(graph)
    until_ms = int(BEGIN.timestamp() * 1000)
    tape.fact("WaitStarted", "ask", wait="review", show="x", question="Publish?")
    tape.fact("WaitStarted", "call", wait="event", event="phone", key="me", until_ms=until_ms + 3_600_000)
    tape.fact("WaitStarted", "nap", wait="timer", until_ms=until_ms + 90_000).fact("RunRested", status="waiting")
    assert tape.score.status == "waiting"
    assert tape.news == [
        "⏸ ask waits for a person: Publish?",
        "⏸ call waits for the event phone with key me, at most 1 h 00 min",
        "⏸ nap waits for 1 min 30 s",
    ]

    tape.after(90).fact("RunClaimed", worker="w").fact("TimerFired", "nap").fact("StepCompleted", "nap", output={})
    tape.fact("EventReceived", "call", name="phone").fact("StepCompleted", "call", output={"timed_out": False})
    tape.fact("ReviewDecided", "ask", verdict="reject", by="anna", comments="No.")
    assert tape.score.waits == {}, "nobody is asked again"
    tape.fact("StepCompleted", "ask")
    assert tape.score.waits == {}
    assert tape.score.voices == {}
    assert tape.news == [
        "✓ nap 1 min 30 s",
        "▶ call the event phone came",
        "✓ call 1 min 30 s",
        "✗ ask 1 min 30 s · rejected by anna: No.",
    ]


def test_what_is_inside_a_loop_or_map_is_known_once_it_begins() -> None:
    graph = flow(
        {
            "again": {"loop": {"until": "w.approved", "max": 3}, "steps": {"w": {"agent": "a", "returns": "Verdict"}}},
            "fan": {"map": {"over": [1, 2]}, "steps": {"x": {"agent": "a"}, "y": {"agent": "a"}}},
        }
    )
    tape = Tape(graph)
    assert tape.score.steps == (0, 2)
    tape.fact("TurnStarted", "again", turn=1).fact("MapExpanded", "fan", items=[1, 2])
    assert tape.score.steps == (0, 5)
    tape.fact("StepStarted", "again[1].w").fact(
        "StepCompleted", "again[1].w", output={"approved": False, "comments": ""}
    )
    tape.fact("TurnStarted", "again", turn=2)
    assert tape.score.steps == (1, 6)
    assert tape.news == ["▶ fan 2 items", "✓ again[1].w 0.0 s · rejected", "↻ again turn 2"]


def test_a_task_that_needs_another_is_known_once_that_is_done() -> None:
    tape = Tape(flow({"work": {"map": {"tasks": "{{ input.tasks }}"}, "steps": {"x": {"agent": "a"}}}}, input=TASKS))
    tape.fact("MapExpanded", "work", items=[{"id": "one"}, {"id": "two", "needs": ["one"]}], needs=[[], [0]])
    assert tape.score.steps == (0, 1)
    tape.fact("StepStarted", "work[0].x").done("work[0].x")
    assert tape.score.steps == (1, 2)


def test_readers_items_are_voices_and_dropped_ones_are_void() -> None:
    graph = flow({"w": {"agent": "a"}, "notes": {"agent": "a", "each": {"of": "w", "by": "sentence"}}})
    tape = Tape(graph).fact("StepStarted", "w").fact("StepStarted", "notes").text("w", "One. Two.")
    assert list(tape.score.voices) == ["w"], "a reader has no voice of its own"
    tape.fact("SegmentCut", "notes", n=0, start=0, end=5).fact("StepStarted", "notes[0]").text("notes[0]", "Hm.")
    assert list(tape.score.voices) == ["w", "notes[0]"]
    tape.retract("w", 0).fact("StepDropped", "notes[0]")
    assert list(tape.score.voices) == ["w"]
    assert tape.news == ["✗ notes[0] 0.0 s · void: what it had read was taken back"]


def test_a_cancelled_run_keeps_what_was_shown_and_a_resumed_one_goes_on() -> None:
    tape = Tape(writers(1)).fact("StepStarted", "w0").text("w0", "Half")
    tape.after(1).fact("RunCancelled", by="me", reason="Ctrl-C").end("cancelled")
    assert tape.news == ["■ w0 1.0 s · cut off", "■ cancelled by me: Ctrl-C"]
    assert (tape.score.status, tape.score.voices["w0"].tail) == ("cancelled", "Half")

    tape.fact("RunClaimed", worker="w").fact("RunRetried", by="me").retract("w0", 0).fact("StepStarted", "w0")
    assert (tape.score.status, tape.score.ended, tape.score.over) == ("running", None, False)
    assert tape.news == ["↻ what failed or was cut off is tried again by me"]


def test_control_by_others_is_told() -> None:
    tape = Tape(writers(2)).fact("StepStarted", "w0").fact("StepStarted", "w1").text("w1", "x" * 40)
    tape.fact("RunPaused", by="anna").fact("RunContinued", by="anna").fact("PrioritySet", priority=0, by="bo")
    tape.fact("PrioritySet", priority=0, by="engine").fact("FeedbackGiven", "w0", text="Shorter.", mode="now", by="bo")
    tape.fact("StepSteered", "w0", feedback="Shorter.", keep=0, by="bo").fact("StepStopped", "w1", by="guard[0]")
    assert tape.news == [
        "⏸ paused by anna; steps at work finish",
        "▶ goes on by anna",
        "▶ priority 0 by bo",
        "✎ w0 feedback by bo: Shorter.",
        "↪ w0 steered by bo: Shorter.",
        "■ w1 0.0 s · ~10 tokens · stopped by guard[0]",
    ]


def test_nodes_of_a_hosted_graph_are_told_when_they_are_done_or_fail() -> None:
    tape = Tape(writers(1)).fact("StepStarted", "w0").fact("NodeStarted", "w0", task="a", node="draft", inside="inner")
    tape.fact("NodeEnded", "w0", task="a", node="draft", inside="inner", took_s=1.5)
    tape.fact("NodeEnded", "w0", task="b", node="ask", took_s=0.5, outcome="interrupted")
    tape.fact("NodeEnded", "w0", task="c", node="send", took_s=0.5, outcome="failed", error="away")
    tape.fact("NodesPassedOver", "w0", after=500)
    assert tape.news == ["◆ w0 inner/draft · 1.5 s", "✗ w0 send · 0.5 s · away"]
    assert list(tape.score.voices) == ["w0"]


def test_a_fact_of_a_later_version_is_passed_over() -> None:
    tape = Tape(writers(1)).fact("MoonRose", phase=0.5).fact("StepStarted", "w0")
    assert list(tape.score.voices) == ["w0"]


def test_the_output_is_there_at_the_end() -> None:
    tape = Tape(writers(1)).fact("StepStarted", "w0").after(3).done("w0").fact("RunCompleted", output={"a": 1}).end()
    score = tape.score
    assert (score.status, score.output, score.over, score.voices) == ("completed", {"a": 1}, True, {})
    assert score.elapsed_s == 3
    assert score.steps == (1, 1)


def test_fifty_voices_are_kept_apart() -> None:
    tape = Tape(writers(50))
    for n in range(50):
        tape.fact("StepStarted", f"w{n}")
    for round in range(20):
        for n in range(50):
            tape.text(f"w{n}", f"{n}.{round} ")
    assert len(tape.score.voices) == 50
    for n, voice in enumerate(tape.score.voices.values()):
        assert voice.tail == "".join(f"{n}.{round} " for round in range(20))


@given(
    st.lists(
        st.one_of(
            st.text(max_size=30),
            st.integers(min_value=TAIL_CHARS // 2, max_value=3 * TAIL_CHARS).map(lambda n: "霧" * n),
            st.floats(min_value=0, max_value=1),  # retract to this share of the text
        ),
        max_size=30,
    )
)
def test_a_voice_holds_the_end_of_its_text_and_never_much_more(moves: list[str | float]) -> None:
    voice, whole = Voice("w", "agent", BEGIN), ""
    for move in moves:
        if isinstance(move, str):
            voice.write(len(whole), move)
            whole += move
        else:
            offset = int(move * len(whole))
            voice.retract(offset, "", BEGIN)
            whole = whole[:offset]
        assert voice.end == len(whole)
        assert whole.endswith(voice.tail)
        assert whole[voice.start :] == voice.tail
        assert len(voice.tail) <= 2 * TAIL_CHARS


def test_a_step_that_asks_a_person_waits_and_goes_on_with_the_answer() -> None:
    tape = Tape(writers(1)).fact("StepStarted", "w0").text("w0", "Before. ")
    tape.after(1).fact("PersonAsked", "w0", question="k", text="Send it?").fact("StepRested", "w0")
    assert tape.news == ["⏸ w0 waits for a person: Send it?"]
    assert not tape.score.voices
    assert [waiting.kind for waiting in tape.score.waits.values()] == ["review"]
    first = tape.score.waits["w0"].id
    tape.after(2).fact("PersonAnswered", "w0", question="k", verdict="approve", by="ann")
    assert not tape.score.waits
    tape.fact("StepStarted", "w0").fact("PersonAsked", "w0", question="l", text="And this?")
    assert tape.score.waits["w0"].id != first
    tape.fact("QuestionDropped", "w0", question="l")
    assert not tape.score.waits
    tape.done("w0", tokens=3)
    assert tape.news == [
        "✓ w0 approved by ann",
        "⏸ w0 waits for a person: And this?",
        "✓ w0 3.0 s · 3 tokens",
    ]
