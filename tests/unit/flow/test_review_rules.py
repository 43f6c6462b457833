"""What a review's step says, its policy says, and what holds where neither does."""

from __future__ import annotations

from typing import Any

import pytest

from stretto.errors import FlowInvalid
from stretto.flow.compile import compile_document
from stretto.flow.decide import Wait, decide
from stretto.flow.facts import RunAccepted


def waits(review: dict[str, Any], **document: Any) -> dict[str, Any]:
    """What the step `ask` waits with."""
    steps = {"ask": {"review": {"show": "x", "question": "?", **review}}}
    graph = compile_document({"flow": "f", "steps": steps, **document})
    (command,) = decide(graph, [RunAccepted(flow="f", version=1, input={}, priority=2)])
    assert isinstance(command, Wait)
    assert command.review is not None
    return command.review


def rules(review: dict[str, Any], **document: Any) -> dict[str, Any]:
    return waits(review, **document)["rules"]


def test_time_approves_after_a_day_where_nothing_is_said() -> None:
    found = rules({})
    assert (found["mandatory"], found["deadline_s"], found["on_deadline"]) == (False, 86_400, "approve")
    assert (found["bulk_from"], found["escalate_s"], found["escalate_to"]) == (0.85, None, "admin")


@pytest.mark.parametrize("review", [{"mandatory": True}, {"four_eyes": True}])
def test_time_decides_nothing_that_people_must(review: dict[str, Any]) -> None:
    found = rules(review)
    assert (found["mandatory"], found["deadline_s"], found["on_deadline"]) == (True, None, None)
    assert found["bulk_from"] is None


def test_never_means_never() -> None:
    found = rules({"deadline": "never"})
    assert (found["mandatory"], found["deadline_s"], found["bulk_from"]) == (False, None, 0.85)


def test_a_step_says_otherwise_than_its_policy_but_takes_nothing_mandatory_back() -> None:
    policies = {
        "easy": {"review": {"deadline": "2h", "on_deadline": "reject", "escalate_after": "1h", "escalate_to": "owner"}},
        "strict": {"review": {"four_eyes": True}},
    }
    found = rules({"policy": "easy", "deadline": "3h"}, policies=policies)
    assert (found["deadline_s"], found["on_deadline"]) == (10_800, "reject")
    assert (found["escalate_s"], found["escalate_to"]) == (3_600, "owner")
    found = rules({"policy": "strict", "mandatory": False}, policies=policies)
    assert (found["four_eyes"], found["mandatory"], found["deadline_s"]) == (True, True, None)


@pytest.mark.parametrize(
    ("review", "told"),
    [
        ({"mandatory": True, "deadline": "1h"}, "`mandatory: true` says that people decide, so time never does."),
        ({"four_eyes": True, "on_deadline": "approve"}, "`four_eyes: true` says that people decide"),
        ({"deadline": "never", "on_deadline": "reject"}, "`deadline: never` means that time decides nothing."),
        ({"deadline": 5}, "`5` has no unit"),
        ({"on_deadline": "publish"}, "`on_deadline` is `approve` or `reject`."),
        ({"escalate_to": "owner"}, "`escalate_to` needs to know when."),
        ({"escalate_to": "viewer", "escalate_after": "1h"}, "nobody of the role `viewer` decides reviews."),
        ({"policy": "publsh"}, "there is no policy `publsh`."),
        ({"content_type": "a post!"}, "`a post!` cannot name a content type."),
        ({"bulk_from": 2}, "`bulk_from` is 2, but must be from 0 to 1."),
        ({"mandatory": "yes"}, "`mandatory` is `true` or `false`"),
    ],
)
def test_mistakes_are_told_before_any_run(review: dict[str, Any], told: str) -> None:
    steps = {"ask": {"review": {"show": "x", "question": "?", **review}}}
    with pytest.raises(FlowInvalid) as caught:
        compile_document({"flow": "f", "steps": steps})
    assert told in str(caught.value)
