"""How sure a judge is: what the model states, how far its samples agree, or how likely the token of its verdict was.

`samples`: the plain share of answers that say approve. Wilson's lower bound would be more careful, but with 3 samples it never
exceeds 0.44, so that nothing would ever pass; calibration, which knows what people decided, does that work better.
`logprobs`: the probability of `approve` among `approve` and `reject` where the model begins to write its verdict.
Both ask for a verdict besides the confidence, first of all, so that it does not follow from the reasons given for it.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, cast

import msgspec

from stretto.agents.conversation import Conversation, Usage, open_conversation
from stretto.agents.handler import answer_in_type
from stretto.agents.judging.instructions import VERDICT_FIRST, add_instructions
from stretto.agents.judging.verdict import Method
from stretto.engine.step import StepContext
from stretto.errors import ModelRefused, OutputInvalid
from stretto.flow.declared_types import JUDGEMENT, record
from stretto.flow.graph import Agent, Policy
from stretto.gateway.provider import Completion, ModelProvider, ModelRequest, TokenLogprob, TokenSink

JUDGEMENT_TYPE = "Judgement"
DECIDED = record({"verdict": {"type": "string", "enum": ["approve", "reject"]}, **JUDGEMENT["properties"]})
VARIETY = 0.7
"""The temperature of samples whose agent names none: at 0 they would all be the same."""
TOP = 5
_VERDICT = re.compile(r'"verdict"\s*:\s*"')
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answered:
    """One judge's answer. `raw` (0-1) is not calibrated yet."""

    raw: float
    method: Method
    comments: str
    usages: tuple[Usage, ...]
    note: str | None = None


@dataclass(slots=True)
class Varied:
    """A `ModelProvider` that asks a little differently, and keeps what came back."""

    inner: ModelProvider
    changes: Mapping[str, Any]
    logprobs: tuple[TokenLogprob, ...] = ()
    cached: bool = False

    @property
    def name(self) -> str:
        """The name of who answers."""
        return self.inner.name

    @property
    def simulated(self) -> bool:
        """Whether who answers is simulated."""
        return self.inner.simulated

    async def complete(self, request: ModelRequest, sink: TokenSink) -> Completion:
        """Ask with the changes."""
        completion = await self.inner.complete(msgspec.structs.replace(request, **self.changes), sink)
        self.logprobs, self.cached = completion.logprobs, bool(completion.cached)
        return completion

    async def close(self) -> None:
        """Nothing is open here."""


class Aside:
    """A step's context whose text stays aside: for answers that are asked for besides the one that the step shows."""

    def __init__(self, ctx: StepContext, name: str) -> None:
        self._ctx = ctx
        self.idempotency_key = f"{ctx.idempotency_key}/{name}"
        self.kept = ""
        self.text = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ctx, name)

    def write(self, tokens: list[str]) -> None:
        """Keep it."""
        self.text += "".join(tokens)

    async def drain(self) -> None:
        """Nothing goes to the disk."""

    def retract(self, position: int, reason: str) -> None:
        """Forget the text from there on."""
        self.text = self.text[:position]

    def take_feedback(self) -> list[str]:
        """It goes to the answer that the step shows."""
        return []


@dataclass(slots=True)
class Asking:
    """Asks one agent about what a step is given, in the policy's way."""

    provider: ModelProvider
    ctx: StepContext
    agent: Agent
    policy: Policy | None
    _talks: list[Conversation] = field(default_factory=list[Conversation])

    async def ask(self) -> Answered:
        """The judge's answer. Raises what the provider raises, and `OutputInvalid` for an answer that holds no confidence."""
        method = self.policy.confidence if self.policy is not None else "stated"
        if method == "samples" and self.policy is not None:
            return await self._samples(self.policy.samples)
        if method == "logprobs":
            return await self._logprobs()
        return await self.ask_once(self.ctx)

    async def ask_once(self, ctx: StepContext, note: str | None = None) -> Answered:
        """The confidence that the model states itself."""
        value = await self._judgement(self.provider, ctx, decides=False)
        return self._answered(confidence_in(value, self.agent.name), "stated", value, note)

    async def _samples(self, count: int) -> Answered:
        samples = [Varied(self.provider, self._variety(n)) for n in range(count)]
        contexts = [self.ctx, *(cast("StepContext", Aside(self.ctx, f"sample{n}")) for n in range(1, count))]
        values = await together(
            [self._judgement(each, ctx, decides=True) for each, ctx in zip(samples, contexts, strict=True)]
        )
        # An answer out of the cache is one that was given before, not another sample.
        anew = [value for n, value in enumerate(values) if not samples[n].cached] or list(values[:1])
        passing = [verdict_in(value, self.agent.name) == "approve" for value in anew]
        shown = (
            values[0]
            if verdict_in(values[0], self.agent.name) == ("approve" if sum(passing) * 2 >= len(anew) else "reject")
            else anew[-1]
        )
        return self._answered(sum(passing) / len(anew), "samples", shown)

    def _variety(self, n: int) -> Mapping[str, Any]:
        warm = {} if self.agent.temperature else {"temperature": VARIETY}
        return {"seed": n + 1, **warm}

    async def _logprobs(self) -> Answered:
        provider = Varied(self.provider, {"top_logprobs": TOP})
        try:
            value = await self._judgement(provider, self.ctx, decides=True)
        except ModelRefused:  # no deployment gives them
            return await self.ask_once(
                self.ctx, "no model of the route gives log-probabilities; the stated confidence counts"
            )
        probability = approval_probability(provider.logprobs)
        if probability is None:
            note = "the model gave no log-probabilities; the stated confidence counts"
            return self._answered(confidence_in(value, self.agent.name), "stated", value, note)
        return self._answered(probability, "logprobs", value)

    async def _judgement(self, provider: ModelProvider, ctx: StepContext, *, decides: bool) -> Mapping[str, Any]:
        returns = self.agent.returns or JUDGEMENT_TYPE
        talk = open_conversation(provider, ctx, self.agent, DECIDED if decides else ctx.graph.types[returns])
        self._talks.append(talk)
        if self.policy is not None:
            add_instructions(talk.messages, self.policy, VERDICT_FIRST if decides else "")
        value = await answer_in_type(talk, returns)
        return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}

    def _answered(
        self,
        raw: float,
        method: Literal["stated", "samples", "logprobs"],
        value: Mapping[str, Any],
        note: str | None = None,
    ) -> Answered:
        comments = value.get("reasons", value.get("comments", ""))
        words = comments if isinstance(comments, str) else ""
        return Answered(raw, method, words, tuple(talk.usage for talk in self._talks), note)


async def together(works: Sequence[Awaitable[T]]) -> list[T]:
    """All of them at once; when one fails the others end, and its error is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_wait_for(work)) for work in works]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


async def _wait_for(work: Awaitable[T]) -> T:
    return await work


def confidence_in(value: Mapping[str, Any], agent: str) -> float:
    """The confidence of a judgement. Raises `OutputInvalid` when it holds none from 0 to 1."""
    confidence = value.get("confidence")
    if isinstance(confidence, bool) or not isinstance(confidence, (int, float)) or not 0 <= confidence <= 1:
        raise OutputInvalid(
            f"The judge {agent!r} gave no confidence between 0 and 1, but {confidence!r}. "
            "Let its agent return the built-in type Judgement.",
            agent=agent,
        )
    return float(confidence)


def verdict_in(value: Mapping[str, Any], agent: str) -> str:
    """The verdict of a judgement that holds one. Raises `OutputInvalid`."""
    verdict = value.get("verdict")
    if verdict not in ("approve", "reject"):
        raise OutputInvalid(
            f"The judge {agent!r} gave no verdict, but {verdict!r}. Make its prompt plainer.", agent=agent
        )
    return verdict


def approval_probability(logprobs: Sequence[TokenLogprob]) -> float | None:
    """How likely `approve` was against `reject`, where the verdict begins; None where that cannot be told."""
    text = "".join(each.token for each in logprobs)
    found = _VERDICT.search(text)
    if found is None:
        return None
    at = 0
    for each in logprobs:
        if at + len(each.token) > found.end():
            return _approval_at(each, found.end() - at)
        at += len(each.token)
    return None


def _approval_at(token: TokenLogprob, skipped: int) -> float | None:
    """The same of one token, whose verdict begins after `skipped` characters."""
    head = token.token[:skipped]
    masses = {"approve": 0.0, "reject": 0.0}
    options = dict([(token.token, token.logprob), *token.top])
    for text, logprob in options.items():
        rest = text[skipped:].partition('"')[0]
        for word in masses:
            if text.startswith(head) and rest and (word.startswith(rest) or rest.startswith(word)):
                masses[word] += math.exp(min(0.0, logprob))
    chosen = token.token[skipped:]
    if not any(masses.values()):
        return None
    if all(masses.values()) or len(options) > 1:
        return masses["approve"] / sum(masses.values())
    p = math.exp(min(0.0, token.logprob))
    return p if "approve".startswith(chosen.partition('"')[0]) else 1.0 - p
