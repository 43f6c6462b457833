"""The handler of `judge` steps: checks, topics, first times and money, then the model; and from all that the verdict."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from stretto.agents.conversation import Usage
from stretto.agents.judging.calibration import Calibrations
from stretto.agents.judging.checks import failed_checks, words_in
from stretto.agents.judging.confidence import Answered, Aside, Asking
from stretto.agents.judging.money import amount_of, money_flag
from stretto.agents.judging.ports import NoPastDecisions, NoThresholds, PastDecisions, ThresholdsInForce
from stretto.agents.judging.topics import TopicFinder
from stretto.agents.judging.verdict import (
    MANDATORY,
    SAMPLED,
    Bounds,
    Flag,
    Scored,
    output_of,
    verdict_for,
)
from stretto.engine.step import Handler, StepContext, StepResult
from stretto.flow.graph import JudgeCall, MoneyRule, Policy, Thresholds
from stretto.flow.policies import APPROVE, REJECT
from stretto.gateway.provider import ModelProvider


@dataclass(slots=True)
class Judging:
    """What judges share: what people decided before, what the tenants have set, and what finds sensitive topics."""

    past: PastDecisions = field(default_factory=NoPastDecisions)
    thresholds: ThresholdsInForce = field(default_factory=NoThresholds)
    topics: TopicFinder = field(default_factory=TopicFinder)
    calibrations: Calibrations = field(init=False)

    def __post_init__(self) -> None:
        self.calibrations = Calibrations(self.past)


def judge_handler(provider: ModelProvider, judging: Judging | None = None) -> Handler:
    """The handler that lets a judge score its input and measures it against the step's policy.

    The output is what docs/judging.md shows. A failed check rejects without asking a model; what a person must see is never
    approved. Raises what the provider and `judging` raise: a judge that cannot know lets nothing pass.
    """
    shared = judging or Judging()

    async def judge(ctx: StepContext) -> StepResult:
        return await _Judge(provider, shared, ctx, cast("JudgeCall", ctx.step.call)).judge()

    return judge


@dataclass(slots=True)
class _Judge:
    provider: ModelProvider
    shared: Judging
    ctx: StepContext
    call: JudgeCall
    policy: Policy | None = None

    async def judge(self) -> StepResult:
        call, ctx = self.call, self.ctx
        self.policy = policy = ctx.graph.policies[call.policy] if call.policy is not None else None
        bounds = await self._bounds()
        content = content_of(ctx, call)
        failed = failed_checks(policy.checks, content) if policy is not None else []
        if failed:
            return self._result(Scored(None, "checks"), failed, bounds)
        flags = await self._flags(policy, content) if policy is not None else []
        asking = Asking(self.provider, ctx, ctx.graph.agents[call.agent], policy)
        answered = await asking.ask()
        scored = await self._calibrated(answered)
        usages = list(answered.usages)
        if policy is not None and policy.money is not None:
            scored, more = await self._with_money_judge(policy.money, scored, flags, bounds)
            usages += more
        if policy is not None and is_sampled(ctx.idempotency_key, policy.sample):
            flags.append(Flag(SAMPLED, "rule", "It is one of the passes that a person sees all the same."))
        return self._result(scored, flags, bounds, usages, answered.note)

    async def _bounds(self) -> Bounds:
        """The tenant's thresholds, else the step's, else those of the policy for the content type, else the policy's."""
        call, policy = self.call, self.policy
        levels = [
            await self.shared.thresholds.in_force(
                self.ctx.tenant_id, self.ctx.root.name, call.policy or "", call.content_type
            ),
            Thresholds(call.approve, call.reject),
        ]
        if policy is not None:
            levels += [policy.by_content_type.get(call.content_type, Thresholds()), policy.thresholds]
        approve = next((each.approve for each in levels if each.approve is not None), APPROVE)
        reject = next((each.reject for each in levels if each.reject is not None), REJECT)
        return Bounds(approve, reject)

    async def _flags(self, policy: Policy, content: Any) -> list[Flag]:
        flags = await self.shared.topics.find(words_in(content), policy.topics) if policy.topics else []
        if policy.first_time == "review" and self.call.content_type and not await self._approved_before():
            words = f"It is the first {self.call.content_type} here that a person has not approved yet."
            flags.append(Flag(self.call.content_type, "first_time", words))
        if policy.money is not None and (flag := money_flag(policy.money, amount_of(policy.money, self.ctx.input))):
            flags.append(flag)
        if policy.review.mandatory:
            flags.append(Flag(MANDATORY, "rule", f"Under the policy {policy.name}, a person decides everything."))
        return flags

    async def _approved_before(self) -> bool:
        return await self.shared.past.approved_before(self.ctx.tenant_id, self.ctx.root.name, self.call.content_type)

    async def _calibrated(self, answered: Answered) -> Scored:
        ctx = self.ctx
        learned = await self.shared.calibrations.of(ctx.tenant_id, ctx.root.name, self.call.agent)
        confidence = answered.raw if learned is None else round(learned(answered.raw), 6)
        return Scored(confidence, answered.method, answered.raw, learned is not None, answered.comments)

    async def _with_money_judge(
        self, rule: MoneyRule, scored: Scored, flags: Sequence[Flag], bounds: Bounds
    ) -> tuple[Scored, Sequence[Usage]]:
        """Every amount above zero passes the money's own judge too; the lower confidence counts."""
        amount = amount_of(rule, self.ctx.input)
        doubtful = verdict_for(scored.confidence, flags, bounds) == "reject"
        if rule.judge is None or amount == 0 or doubtful:
            return scored, ()
        aside = cast("StepContext", Aside(self.ctx, "money"))
        asking = Asking(self.provider, aside, self.ctx.graph.agents[rule.judge], None)
        answered = await asking.ask_once(aside)
        if scored.confidence is not None and answered.raw >= scored.confidence:
            return scored, answered.usages
        words = f"{rule.judge}: {answered.comments}" if answered.comments else ""
        both = "\n".join(filter(None, (scored.comments, words)))
        return replace(scored, confidence=answered.raw, comments=both), answered.usages

    def _result(
        self,
        scored: Scored,
        flags: Sequence[Flag],
        bounds: Bounds,
        usages: Sequence[Usage] = (),
        note: str | None = None,
    ) -> StepResult:
        call = self.call
        output = output_of(
            verdict_for(scored.confidence, flags, bounds),
            scored,
            flags,
            bounds,
            policy=call.policy or "",
            content_type=call.content_type,
            judge=call.agent,
        )
        return StepResult(output=output, usage=used_together(usages).as_dict() if usages else None, note=note)


def content_of(ctx: StepContext, call: JudgeCall) -> Any:
    """What is judged: the input that the step names, the only one, what it reads of another step, or all inputs."""
    if call.content is not None:
        return ctx.input.get(call.content)
    given: Mapping[str, Any] = {name: ctx.input[name] for name in ctx.step.input if name in ctx.input}
    if not given:
        given = {name: ctx.input[name] for name in ("segment", "text") if name in ctx.input}
        given = given if len(given) < 2 else {"segment": given["segment"]}
    return next(iter(given.values())) if len(given) == 1 else given


def is_sampled(key: str, share: float) -> bool:
    """Whether this is one of the share of passes that a person sees; the same in every attempt of the step."""
    drawn = int.from_bytes(hashlib.sha256(f"sample/{key}".encode()).digest()[:8]) / 2**64
    return drawn < share


def used_together(usages: Sequence[Usage]) -> Usage:
    """What all conversations of a judge used."""
    total = usages[0]
    for usage in usages[1:]:
        total = replace(
            total,
            simulated=total.simulated or usage.simulated,
            tokens=total.tokens.plus(usage.tokens),
            cost_usd=total.cost_usd + usage.cost_usd,
        )
    return total
