import pytest

from stretto.engine.step import StepContext
from stretto.flow.graph import AgentCall, Step
from stretto.testing import FakeContext, Retraction

STEP = Step(id="code", kind="agent", call=AgentCall("coder"))


def test_it_is_a_step_context():
    context: StepContext = FakeContext(STEP)  # checked by the type checker
    assert context.path == "code"


def test_text_is_what_was_written_after_what_is_kept():
    context = FakeContext(STEP, kept="One ")
    context.write(["two ", "three"])
    assert context.text == "One two three"
    assert context.tokens == ["two ", "three"]


def test_retracted_text_is_gone_and_on_record():
    context = FakeContext(STEP)
    context.write(["🦊 fox"])
    context.retract(2, "wrong")
    assert context.text == "🦊 "
    assert context.retractions == [Retraction(2, "wrong", "fox")]


@pytest.mark.parametrize("position", [-1, 4])
def test_only_what_is_there_can_be_retracted(position: int):
    context = FakeContext(STEP, kept="abc")
    with pytest.raises(ValueError, match="no position"):
        context.retract(position, "x")


def test_feedback_is_taken_once():
    context = FakeContext(STEP, feedback=["a"])
    context.give_feedback("b")
    assert context.take_feedback() == ["a", "b"]
    assert context.take_feedback() == []


def test_the_idempotency_key_is_the_same_in_every_attempt_and_another_in_another_step():
    key = FakeContext(STEP, attempt=1).idempotency_key
    assert FakeContext(STEP, attempt=2).idempotency_key == key
    assert FakeContext(STEP, path="build[2].code").idempotency_key != key
