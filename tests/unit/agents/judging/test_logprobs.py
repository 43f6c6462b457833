"""The probability of the verdict's token: where it stands, how it may be cut, and what is done where there is none."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import pytest

from stretto.agents.judging.confidence import approval_probability
from stretto.errors import ModelRefused
from stretto.gateway.provider import Completion, ModelRequest, TokenLogprob, TokenSink
from stretto.testing import ScriptedModel
from tests.unit.agents.judging.judged import NO_FLAGS, context, judge

POLICY = NO_FLAGS | {"confidence": "logprobs"}
SAID: dict[str, object] = {"verdict": "approve", "confidence": 0.99, "reasons": "r"}


def token(text: str, p: float, *others: tuple[str, float]) -> TokenLogprob:
    return TokenLogprob(text, math.log(p), tuple((other, math.log(q)) for other, q in others))


def sure(*texts: str) -> list[TokenLogprob]:
    return [TokenLogprob(text, 0.0) for text in texts]


BEFORE = sure('{"', "verdict", '":', ' "')


@pytest.mark.parametrize(
    ("tokens", "probability"),
    [
        ([*BEFORE, token("approve", 0.8, ("approve", 0.8), ("reject", 0.2)), *sure('"}')], 0.8),
        ([*BEFORE, token("reject", 0.6, ("reject", 0.6), ("approve", 0.3), ("maybe", 0.1))], 1 / 3),
        ([*BEFORE, token("app", 0.9, ("app", 0.9), ("re", 0.1)), *sure("rove")], 0.9),
        ([*BEFORE[:-1], token(' "app', 0.7, (' "app', 0.7), (' "rej', 0.1), (" app", 0.2)), *sure("rove")], 0.875),
        ([*BEFORE, token("approve", 0.9)], 0.9),  # none but the chosen one is told
        ([*BEFORE, token("reject", 0.9)], 0.1),
        ([*BEFORE, token("maybe", 1.0)], None),
        ([*BEFORE], None),
        ([], None),
        (sure("no", " verdict"), None),
    ],
)
def test_the_probability_of_approval(tokens: Sequence[TokenLogprob], probability: float | None):
    assert approval_probability(tokens) == (None if probability is None else pytest.approx(probability))


def said(request: ModelRequest) -> dict[str, object]:
    wanted = request.returns or {}
    return SAID if "verdict" in wanted["properties"] else {"confidence": 0.99, "reasons": "r"}


class Telling(ScriptedModel):
    """A scripted model that gives log-probabilities when it is asked for them."""

    def __init__(self, tokens: Sequence[TokenLogprob]) -> None:
        super().__init__(said)
        self.tokens = tuple(tokens)

    async def complete(self, request: ModelRequest, sink: TokenSink) -> Completion:
        completion = await super().complete(request, sink)
        return msgspec.structs.replace(completion, logprobs=self.tokens if request.top_logprobs else ())


class Refusing(Telling):
    """A route none of whose models gives log-probabilities."""

    async def complete(self, request: ModelRequest, sink: TokenSink) -> Completion:
        if request.top_logprobs is not None:
            raise ModelRefused("No deployment of the route can answer this request.")
        return await super().complete(request, sink)


async def test_confidence_by_logprobs():
    output = await judge(context(POLICY), Telling([*BEFORE, token("approve", 0.8, ("approve", 0.8), ("reject", 0.2))]))
    assert (output["method"], output["confidence"], output["verdict"]) == ("logprobs", pytest.approx(0.8), "escalate")


@pytest.mark.parametrize("model", [Telling([]), Refusing([])], ids=["none given", "refused"])
async def test_without_logprobs_the_stated_confidence_counts_and_it_says_so(model: ScriptedModel):
    output = await judge(context(POLICY), model)
    assert (output["method"], output["confidence"], output["verdict"]) == ("stated", 0.99, "approve")
