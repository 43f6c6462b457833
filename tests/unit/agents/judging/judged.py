"""Judge steps for the tests of this folder, and people who have decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from stretto.agents.judging import Judging, PastDecision, judge_handler
from stretto.flow.compile import compile_document
from stretto.flow.graph import Thresholds
from stretto.gateway.provider import ModelProvider
from stretto.testing import FakeContext, ScriptedModel

NO_FLAGS: dict[str, Any] = {"topics": [], "first_time": "pass"}
"""A policy under which nothing but confidence counts."""


@dataclass
class People:
    """What people decided: `PastDecisions` in memory."""

    made: Sequence[PastDecision] = ()
    approved: set[str] = field(default_factory=set[str])
    asked: int = 0

    async def decisions(
        self, tenant_id: UUID, *, judge: str | None, flow: str | None, content_type: str | None, limit: int
    ) -> Sequence[PastDecision]:
        self.asked += 1
        return [each for each in self.made if judge in (None, each.judge)][:limit]

    async def approved_before(self, tenant_id: UUID, flow: str, content_type: str) -> bool:
        return content_type in self.approved


@dataclass
class Fixed:
    """The same thresholds for all."""

    thresholds: Thresholds

    async def in_force(self, tenant_id: UUID, flow: str, policy: str, content_type: str) -> Thresholds:
        return self.thresholds


def decided(*outcomes: tuple[float, bool], judge: str = "critic") -> list[PastDecision]:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return [PastDecision(judge, "post", stated, approved, at) for stated, approved in outcomes]


def context(
    policy: Mapping[str, Any] | None = None,
    *,
    judge: Mapping[str, Any] | None = None,
    path: str = "score",
    kept: str = "",
    **given: Any,
) -> FakeContext:
    """A context for the step `score`, which judges its input `post` under `policy`."""
    given = given or {"post": "A kite for every child."}
    critic: dict[str, Any] = {"model": "strong", "prompt": "Judge {{ post }}", "returns": "Judgement"}
    document: dict[str, Any] = {
        "flow": "campaign",
        "agents": {"critic": critic, "cfo": critic | {"prompt": "May we pay? {{ post }}"}},
        "policies": {} if policy is None else {"publish": policy},
        "steps": {
            "score": {
                "judge": {"agent": "critic"} | ({} if policy is None else {"policy": "publish"}) | dict(judge or {}),
                "input": given,
            }
        },
    }
    graph = compile_document(document)
    return FakeContext(graph.root.steps["score"], graph=graph, input=given, path=path, kept=kept)


async def judge(ctx: FakeContext, model: ModelProvider, judging: Judging | None = None) -> Mapping[str, Any]:
    """The output of the judge."""
    return (await judge_handler(model, judging)(ctx)).output


def saying(confidence: float, reasons: str = "") -> ScriptedModel:
    """A judge who always says the same."""
    answer = {"confidence": confidence, "reasons": reasons}
    return ScriptedModel({"critic": answer, "cfo": answer, "strong": answer})
