from dataclasses import replace
from typing import Any

import pytest

from stretto.agents import judge_handler
from stretto.errors import OutputInvalid
from stretto.testing import ScriptedModel
from tests.unit.agents.made import context_for

JUDGE = {"judge": {"agent": "writer", "approve": 0.9, "reject": 0.7}}
JUDGING = {"returns": "Judgement"}


@pytest.mark.parametrize(
    ("confidence", "verdict"),
    [(1, "approve"), (0.9, "approve"), (0.8999, "escalate"), (0.7, "escalate"), (0.6999, "reject"), (0, "reject")],
)
async def test_the_confidence_is_measured_against_the_policy(confidence: float, verdict: str):
    model = ScriptedModel([{"confidence": confidence, "reasons": "because"}])
    ctx = context_for(JUDGE, agent=JUDGING)
    result = await judge_handler(model)(ctx)
    assert result.output == {
        "verdict": verdict,
        "approved": verdict == "approve",
        "confidence": confidence,
        "comments": "because",
    }
    assert result.usage is not None
    assert model.requests[0].returns == ctx.graph.types["Judgement"]


async def test_a_judgement_that_does_not_fit_is_repaired_once():
    model = ScriptedModel([{"confidence": 7, "reasons": ""}, {"confidence": 0.95, "reasons": ""}])
    ctx = context_for(JUDGE, agent=JUDGING)
    assert (await judge_handler(model)(ctx)).output["verdict"] == "approve"
    assert len(ctx.retractions) == 1


@pytest.mark.parametrize("confidence", [None, True, "high", -0.1, 1.1])
async def test_a_looser_type_must_hold_a_confidence_all_the_same(confidence: Any):
    model = ScriptedModel([{"confidence": confidence}])
    ctx = context_for(JUDGE, agent=JUDGING)
    ctx.graph = replace(ctx.graph, types={"Judgement": {"type": "object"}})
    with pytest.raises(OutputInvalid, match="no confidence between 0 and 1"):
        await judge_handler(model)(ctx)
