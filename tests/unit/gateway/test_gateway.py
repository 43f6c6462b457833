"""The gateway between its ports: what is tried in which order, and what a reader and the books see of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from stretto.errors import (
    BudgetExceeded,
    LimitReached,
    ModelBroken,
    ModelError,
    ModelMissing,
    ModelOverloaded,
    ModelRefused,
    RouteNotFound,
    WorkDeferred,
    WorkSkipped,
)
from stretto.gateway.answers import Answer, NoAnswers
from stretto.gateway.config import (
    Bucket,
    CacheRule,
    Deployment,
    GatewayConfig,
    Price,
    Provider,
    Route,
    Rung,
    Tier,
    Weighted,
)
from stretto.gateway.gateway import Gateway, Live
from stretto.gateway.grants import ProviderLimits, Short, Want
from stretto.gateway.provider import Caller, Embedder, Message, ModelProvider, ModelRequest, TokenCounts
from stretto.gateway.routing import Choice, Need
from stretto.testing import FixedPrices, KeptAnswer, KeptCalls, ScriptedModel

PRICE = Price(Decimal("0.000001"), Decimal("0.000002"))


@dataclass
class Granted:
    settled: list[tuple[TokenCounts, Decimal]] = field(default_factory=list[tuple[TokenCounts, Decimal]])
    waited_s: float = 0.0

    def settle(self, tokens: TokenCounts, cost_usd: Decimal) -> None:
        self.settled.append((tokens, cost_usd))


@dataclass
class Gate:
    """An admission that is short of what a test says, by deployment."""

    shorts: dict[str, Short] = field(default_factory=dict[str, Short])
    after_waiting: Short | None = None
    grants: list[Granted] = field(default_factory=list[Granted])
    asked: list[str] = field(default_factory=list[str])
    waited: list[str] = field(default_factory=list[str])

    def _grant(self, waited_s: float = 0.0) -> Granted:
        self.grants.append(Granted(waited_s=waited_s))
        return self.grants[-1]

    async def ask(self, want: Want) -> Granted | Short:
        self.asked.append(want.deployment.name)
        return self.shorts.get(want.deployment.name) or self._grant()

    async def wait(self, want: Want, limit_s: float) -> Granted | Short:
        self.waited.append(want.deployment.name)
        return self.after_waiting or self._grant(1.5)

    def observe(self, deployment: Deployment, limits: ProviderLimits) -> None:
        pass


@dataclass
class InOrder:
    """A router that takes deployments as they are written, and writes down what it is told."""

    hedge_s: float | None = None
    told: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    spoken: list[str] = field(default_factory=list[str])

    def choose(self, route: Route, need: Need) -> list[Choice]:
        return [
            Choice(weighted.deployment, tier, Decimal(10 - tier), "")
            for tier, held in enumerate(route.tiers)
            for weighted in held.deployments
        ]

    def begins(self, deployment: Deployment) -> bool:
        return True

    def spoke(self, deployment: Deployment) -> None:
        self.spoken.append(deployment.name)

    def succeeded(self, deployment: Deployment, ttft_s: float | None, duration_s: float) -> None:
        self.told.append((deployment.name, "succeeded"))

    def failed(self, deployment: Deployment, error: BaseException) -> None:
        self.told.append((deployment.name, type(error).__name__))

    def gave_up(self, deployment: Deployment) -> None:
        self.told.append((deployment.name, "gave up"))

    def resting(self, route: Route) -> str:
        return ""

    def hedge_after_s(self, route: Route, deployment: Deployment) -> float | None:
        return self.hedge_s


class Silent(ScriptedModel):
    """A model that says nothing until it is cancelled."""

    def __init__(self) -> None:
        super().__init__(["never"], gated=True)


@dataclass
class House:
    """A gateway over scripted models, one deployment each; those of a list make a tier."""

    tiers: Sequence[Sequence[ScriptedModel]]
    gate: Gate = field(default_factory=Gate)
    router: InOrder = field(default_factory=InOrder)
    ledger: KeptCalls = field(default_factory=KeptCalls)
    cache: Any = field(default_factory=NoAnswers)
    rule: CacheRule = field(default_factory=CacheRule)
    rungs: tuple[Rung, ...] | None = None

    def __post_init__(self) -> None:
        self.models: dict[str, ScriptedModel] = {}
        tiers: list[Tier] = []
        for n, models in enumerate(self.tiers):
            held: list[Weighted] = []
            for m, model in enumerate(models):
                name = f"{'abc'[n]}{m}"
                self.models[name] = model
                provider = Provider(name, "openai")
                held.append(Weighted(Deployment(name, provider, f"model-{name}", price=PRICE)))
            tiers.append(Tier(tuple(held)))
        route = Route("fast", tuple(tiers), cache=self.rule, when_short=self.rungs, bucket="posts")
        deployments = {w.deployment.name: w.deployment for tier in tiers for w in tier.deployments}
        config = GatewayConfig({"fast": route}, deployments, buckets={"posts": Bucket("posts")})
        live = Live(config, self.router, FixedPrices())
        self.gateway = Gateway(live, self, self.gate, self.ledger, self.cache, lambda _: Need(10, 20, 0.5))

    def of(self, provider: Provider) -> ModelProvider:
        return self.models[provider.name]

    def embedder_of(self, provider: Provider) -> Embedder:
        raise AssertionError("nobody asks for vectors here")

    async def ask(
        self, sink: KeptAnswer | None = None, model: str = "fast", priority: int = 2, **more: Any
    ) -> KeptAnswer:
        sink = sink or KeptAnswer()
        caller = Caller(priority=priority)
        request = ModelRequest(model=model, messages=[Message("user", "Hello?")], caller=caller, **more)
        await self.gateway.complete(request, sink)
        return sink

    def all_settled_once(self) -> bool:
        return all(len(grant.settled) == 1 for grant in self.gate.grants)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.001)


async def test_a_call_is_admitted_made_settled_and_written_down():
    house = House([[ScriptedModel(["Well, hello."])]])
    sink = await house.ask()
    assert sink.text == "Well, hello."
    (call,), (decision,), (grant,) = house.ledger.calls, sink.decisions, house.gate.grants
    assert (call.end, call.outcome, call.deployment, call.route, call.simulated) == (
        "answered",
        "admitted",
        "a0",
        "fast",
        True,
    )
    assert decision.call_id == call.id
    assert grant.settled == [(call.tokens, call.cost_usd)]
    assert call.tokens.output == 2
    assert call.ttft_s is not None
    assert call.ttft_s <= call.duration_s
    assert house.router.told == [("a0", "succeeded")]
    assert house.router.spoken == ["a0"]


async def test_the_cost_is_exact():
    house = House([[ScriptedModel(["one two three"])]])
    await house.ask()
    (call,) = house.ledger.calls
    assert call.cost_usd == Decimal("0.000001") * call.tokens.input + Decimal("0.000002") * 3


async def test_a_name_that_is_no_route_is_refused_before_anything_else():
    house = House([[ScriptedModel([])]])
    with pytest.raises(RouteNotFound, match=r"no route and no deployment 'slow'\. The routes are: fast"):
        await house.ask(model="slow")
    with pytest.raises(RouteNotFound, match=r"Did you mean 'fast'\?"):
        await house.ask(model="fsat")
    assert not house.ledger.calls


async def test_a_deployment_can_be_asked_by_its_name():
    house = House([[ScriptedModel([]), ScriptedModel(["mine"])]])
    assert (await house.ask(model="a1")).text == "mine"


@pytest.mark.parametrize("broken", [0, 1, 3])
async def test_another_deployment_answers_and_the_reader_ends_with_one_copy(broken: int):
    first = ScriptedModel([[*["one ", "two ", "three "][:broken], ModelBroken("cut")]])
    house = House([[first, ScriptedModel(["the whole answer"])]])
    sink = await house.ask()
    assert sink.text == "the whole answer"
    assert [text for text, _ in sink.retracted] == (["one two three "] if broken == 3 else ["one "] if broken else [])
    assert [(call.deployment, call.end) for call in house.ledger.calls] == [("a0", "failed"), ("a1", "answered")]
    assert house.ledger.calls[0].tokens.output == broken
    assert house.all_settled_once()


async def test_where_nothing_can_be_taken_back_the_error_is_the_callers():
    house = House([[ScriptedModel([["one ", ModelBroken("cut")]]), ScriptedModel(["other"])]])
    sink = KeptAnswer(can_retract=False)
    with pytest.raises(ModelBroken):
        await house.ask(sink)
    assert sink.text == "one "


async def test_a_request_that_is_at_fault_is_not_tried_elsewhere():
    house = House([[ScriptedModel([ModelRefused("bad")]), ScriptedModel(["other"])]])
    with pytest.raises(ModelRefused):
        await house.ask()
    assert house.gate.asked == ["a0"]


async def test_a_model_that_was_withdrawn_is_stood_in_for():
    house = House([[ScriptedModel([ModelMissing("no such model")]), ScriptedModel(["other"])]])
    await house.ask()
    assert house.gate.asked == ["a0", "a1"]


async def test_when_all_fail_the_last_error_is_raised():
    house = House([[ScriptedModel([ModelOverloaded("busy")])], [ScriptedModel([ModelBroken("cut")])]])
    with pytest.raises(ModelBroken):
        await house.ask()
    assert house.router.told == [("a0", "ModelOverloaded"), ("b0", "ModelBroken")]
    assert house.all_settled_once()


async def test_who_stands_in_for_one_that_failed_may_have_to_wait():
    house = House(
        [[ScriptedModel([ModelOverloaded("busy")]), ScriptedModel(["at last"])]],
        Gate({"a1": Short("tenant_budget", "held by others", 2.0)}),
    )
    assert (await house.ask()).text == "at last"
    assert house.gate.waited == ["a1"]
    spent = Gate({"a1": Short("run_budget", "spent")})
    broke = House([[ScriptedModel([ModelOverloaded("busy")]), ScriptedModel([])]], spent)
    with pytest.raises(ModelOverloaded):
        await broke.ask()


async def test_equal_deployments_stand_in_without_a_word():
    house = House([[ScriptedModel([]), ScriptedModel(["equal"])]], Gate({"a0": Short("requests", "60 a minute.")}))
    sink = await house.ask()
    assert (sink.text, sink.decisions[0].outcome) == ("equal", "admitted")


async def test_a_cheaper_one_is_taken_and_the_reason_told():
    house = House([[ScriptedModel([])], [ScriptedModel(["cheap"])]], Gate({"a0": Short("requests", "60 a minute.")}))
    sink = await house.ask()
    assert (sink.text, sink.decisions[0].outcome, sink.decisions[0].reason) == ("cheap", "cheaper", "60 a minute.")


@pytest.mark.parametrize(
    ("priority", "short", "error", "outcome", "waits"),
    [
        (0, Short("concurrency", "full", 1.0), None, "waited", True),
        (1, Short("bucket", "empty", 24.0, "wait"), None, "waited", True),
        (2, Short("bucket", "empty", 1800.0, "defer"), WorkDeferred, "deferred", False),
        (3, Short("bucket", "low", None, "skip"), WorkSkipped, "skipped", False),
        (2, Short("concurrency", "full", 1.0), None, "waited", True),
        (1, Short("run_budget", "spent"), BudgetExceeded, "rejected", False),
        (0, Short("tenant_budget", "spent"), BudgetExceeded, "rejected", False),
        (3, Short("step_budget", "spent"), BudgetExceeded, "rejected", False),
    ],
)
async def test_the_ladder_of_each_priority(
    priority: int, short: Short, error: type[Exception] | None, outcome: str, waits: bool
):
    house = House([[ScriptedModel(["at last"])]], Gate({"a0": short}))
    sink = KeptAnswer()
    if error is None:
        await house.ask(sink, priority=priority)
        assert house.ledger.calls[0].waited_s == 1.5
    else:
        with pytest.raises(error) as raised:
            await house.ask(sink, priority=priority)
        if isinstance(raised.value, WorkDeferred):
            assert raised.value.retry_after_s == 1800.0
        assert house.ledger.calls[0].end == "not_made"
    assert [decision.outcome for decision in sink.decisions] == [outcome]
    assert bool(house.gate.waited) == waits


async def test_who_has_waited_in_vain_goes_up_the_ladder():
    after = Short("requests", "60 a minute.", 12.0)
    house = House([[ScriptedModel([])]], Gate({"a0": after}, after_waiting=after))
    with pytest.raises(WorkDeferred) as deferred:
        await house.ask(priority=1)
    assert deferred.value.retry_after_s == 12.0
    with pytest.raises(LimitReached):
        await house.ask(priority=0)


async def test_a_ladder_that_a_route_declares_holds():
    house = House([[ScriptedModel([])]], Gate({"a0": Short("requests", "60 a minute.")}), rungs=("reject",))
    with pytest.raises(LimitReached):
        await house.ask(priority=1)
    assert not house.gate.waited


class Remembered(NoAnswers):
    """A cache with one answer."""

    def __init__(self, *, only_loosely: bool = False) -> None:
        self.kept: list[Answer] = []
        self.only_loosely = only_loosely

    async def find(
        self, tenant_id: UUID, route: Route, request: ModelRequest, *, loosely: bool = False
    ) -> Answer | None:
        if not self.kept or (self.only_loosely and not loosely):
            return None
        return self.kept[-1]

    def keep(self, tenant_id: UUID, route: Route, request: ModelRequest, answer: Answer) -> None:
        self.kept.append(answer)


async def test_an_answer_is_kept_and_given_again_as_a_stream():
    text = "word " * 200
    house = House([[ScriptedModel([text])]], cache=Remembered(), rule=CacheRule(exact_ttl_s=60))
    first = await house.ask()
    second = await house.ask()
    assert first.text == second.text == text
    assert len(second.tokens) > 100
    assert (second.decisions[0].outcome, second.decisions[0].cached) == ("cached", "exact")
    assert house.ledger.calls[1].cost_usd == 0
    assert len(house.gate.asked) == 1


async def test_when_short_the_cache_may_be_asked_loosely():
    cache = Remembered(only_loosely=True)
    house = House([[ScriptedModel(["kept"])]], cache=cache, rule=CacheRule(exact_ttl_s=60))
    await house.ask()
    house.gate.shorts["a0"] = Short("requests", "60 a minute.")
    sink = await house.ask()
    assert (sink.text, sink.decisions[0].outcome, sink.decisions[0].reason) == ("kept", "cached", "60 a minute.")


async def test_a_call_that_is_cancelled_is_settled_and_written_down():
    silent = Silent()
    house = House([[silent]])
    asking = asyncio.create_task(house.ask())
    await until(lambda: silent.active)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert house.all_settled_once()
    assert [call.end for call in house.ledger.calls] == ["cancelled"]
    assert house.router.told == [("a0", "gave up")]


async def test_a_slow_one_is_overtaken_by_a_second():
    silent = Silent()
    house = House([[silent, ScriptedModel(["quick"])]], router=InOrder(hedge_s=0.01))
    sink = await house.ask()
    assert sink.text == "quick"
    assert silent.active == 0
    assert sorted((call.deployment, call.end) for call in house.ledger.calls) == [
        ("a0", "cancelled"),
        ("a1", "answered"),
    ]
    assert house.all_settled_once()


async def test_the_first_to_speak_goes_on_alone():
    first = ScriptedModel([["a ", "b "]], gated=True)
    second = Silent()
    house = House([[first, second]], router=InOrder(hedge_s=0.01))
    asking = asyncio.create_task(house.ask())
    await until(lambda: second.active)
    first.open()
    sink = await asking
    assert sink.text == "a b "
    assert second.active == 0
    assert house.all_settled_once()


async def test_when_the_first_fails_the_second_goes_on():
    first = ScriptedModel([[ModelOverloaded("busy")]], gated=True)
    second = ScriptedModel([["late "]], gated=True)
    house = House([[first, second]], router=InOrder(hedge_s=0.01))
    asking = asyncio.create_task(house.ask())
    await until(lambda: second.active)
    first.open()
    await until(lambda: not first.active)
    second.open()
    assert (await asking).text == "late "
    assert house.all_settled_once()


async def test_when_both_fail_the_error_is_raised():
    first = ScriptedModel([[ModelOverloaded("busy")]], gated=True)
    second = ScriptedModel([[ModelBroken("cut")]], gated=True)
    house = House([[first, second]], router=InOrder(hedge_s=0.01))
    asking = asyncio.create_task(house.ask())
    await until(lambda: second.active)
    first.open()
    second.open()
    with pytest.raises(ModelError):
        await asking
    assert house.all_settled_once()
