"""Laws of verdicts, over all that can be found and stated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from stretto.agents.judging.money import read_amount
from stretto.agents.judging.verdict import (
    MANDATORY,
    SAMPLED,
    Bounds,
    Flag,
    How,
    Scored,
    is_mandatory,
    output_of,
    verdict_for,
)
from stretto.flow.declared_types import JUDGED
from stretto.flow.inputs import validate_output
from tests.unit.agents.judging.judged import context, judge, saying

shares = st.floats(0, 1, allow_nan=False)
flags = st.lists(
    st.builds(
        Flag, st.sampled_from(["politics", "money", SAMPLED, MANDATORY]), st.sampled_from(get_args(How)), st.text()
    ),
    max_size=4,
)
bounds = st.builds(Bounds, shares, shares)
ORDER = {"reject": 0, "escalate": 1, "approve": 2}


@given(shares, shares, flags, bounds)
def test_more_confidence_never_makes_the_verdict_worse(one: float, other: float, found: Sequence[Flag], limits: Bounds):
    low, high = sorted((one, other))
    assert ORDER[verdict_for(low, found, limits)] <= ORDER[verdict_for(high, found, limits)]


@given(st.none() | shares, flags, bounds)
def test_nothing_mandatory_is_ever_approved(confidence: float | None, found: Sequence[Flag], limits: Bounds):
    output = output_of(
        verdict_for(confidence, found, limits),
        Scored(confidence, "stated", confidence),
        found,
        limits,
        policy="publish",
        content_type="post",
        judge="critic",
    )
    assert not (output["approved"] and output["mandatory"])
    assert output["mandatory"] == is_mandatory(found)
    assert output["mandatory"] or not output["sensitive"]
    validate_output(JUDGED, output)


@given(st.none() | shares, flags, bounds)
def test_a_failed_check_or_too_little_confidence_rejects_whatever_else(
    confidence: float | None, found: Sequence[Flag], limits: Bounds
):
    failed = any(flag.how == "check" for flag in found) or (confidence is not None and confidence < limits.reject)
    assert (verdict_for(confidence, found, limits) == "reject") == failed


@given(flags, bounds)
def test_no_confidence_approves_nothing(found: Sequence[Flag], limits: Bounds):
    assert verdict_for(None, found, limits) != "approve"


POSTS = st.sampled_from(["Vote for him.", "A kite.", "Sue them!", "Take two pills.", "Buy bitcoin.", "See you there."])
POLICIES = st.fixed_dictionaries(
    {
        "topics": st.lists(st.sampled_from(["politics", "health", "finance", "legal"]), unique=True),
        "first_time": st.sampled_from(["review", "pass"]),
        "approve": st.floats(0.5, 1, allow_nan=False),
        "reject": st.floats(0, 0.5, allow_nan=False),
        "sample": shares,
        "review": st.fixed_dictionaries({"mandatory": st.booleans()}),
        "money": st.just({"limit": "5 usd", "amount": "{{ fee }}"}),
    }
)


@given(POLICIES, POSTS, shares, st.integers(0, 10), st.sampled_from(["post", ""]))
async def test_no_policy_lets_a_judge_approve_what_is_mandatory(
    policy: dict[str, Any], post: str, confidence: float, fee: int, kind: str
):
    told = {"content": "post"} | ({"content_type": kind} if kind else {})
    output = await judge(context(policy, judge=told, post=post, fee=fee), saying(confidence))
    hows = {flag["how"] for flag in output["flags"]}
    must = bool(hows & {"keyword", "meaning", "first_time", "money"}) or policy["review"]["mandatory"]
    assert output["mandatory"] == must
    assert (fee > 5) == ("money" in hows)
    assert (kind == "post" and policy["first_time"] == "review") == ("first_time" in hows)
    assert not (must and output["approved"])


@given(st.floats() | st.integers() | st.text() | st.booleans() | st.none())
def test_an_amount_is_never_negative_and_never_endless(value: object):
    amount = read_amount(value)
    assert amount is None or (amount.is_finite() and amount >= 0)
