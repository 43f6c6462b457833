"""The one door to models: every call is admitted, routed, streamed, counted and paid for here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Protocol

from stretto.documents.problems import nearest
from stretto.errors import (
    BudgetExceeded,
    ContextTooLong,
    LimitReached,
    ModelError,
    ModelKeyRefused,
    ModelMissing,
    ModelOverloaded,
    RouteNotFound,
    StrettoError,
    Transient,
    WorkDeferred,
    WorkSkipped,
)
from stretto.gateway.answers import Answer, AnswerCache
from stretto.gateway.call import Admitted, Books, ModelCall, Race, Relay
from stretto.gateway.calls import Ledger, Prices
from stretto.gateway.config import GatewayConfig, Provider, Route, Tier, Weighted
from stretto.gateway.embedding import Embedding
from stretto.gateway.grants import Admission, Short
from stretto.gateway.hedging import carry_out_hedged
from stretto.gateway.ladder import Kept, Ladder
from stretto.gateway.local.classical import NAME as CLASSICAL
from stretto.gateway.local.classical import Classical
from stretto.gateway.provider import (
    Caller,
    Completion,
    Embedder,
    Embeddings,
    ModelProvider,
    ModelRequest,
    Outcome,
    TokenCounts,
    TokenSink,
)
from stretto.gateway.routing import Choice, Estimate, Need, Router
from stretto.gateway.tokens import split_tokens

PLAY_TOKENS = 64
"""So many pieces of a kept answer are written at once."""

NOTHING = TokenCounts()
ZERO = Decimal(0)
OUTCOMES: Mapping[type[StrettoError], Outcome] = {WorkDeferred: "deferred", WorkSkipped: "skipped"}


class Providers(Protocol):
    """Gives whoever speaks to a provider; the same one for the same provider."""

    def of(self, provider: Provider) -> ModelProvider: ...
    def embedder_of(self, provider: Provider) -> Embedder: ...


@dataclass(frozen=True, slots=True)
class Live:
    """What the gateway goes by until the configuration is read anew. A call keeps to that with which it began."""

    config: GatewayConfig
    router: Router
    prices: Prices

    def route(self, name: str) -> Route:
        """The route of this name; a deployment's name is a route to it alone. Raises `RouteNotFound`."""
        config = self.config
        if (found := config.routes.get(name)) is not None:
            return found
        if (deployment := config.deployments.get(name)) is not None:
            return Route(name, (Tier((Weighted(deployment),)),), local=deployment.is_classical)
        if config.default_route is not None:
            return config.routes[config.default_route]
        known = ", ".join(sorted(config.routes)) or "none"
        close = nearest(name, [*config.routes, *config.deployments])
        raise RouteNotFound(
            f"There is no route and no deployment {name!r}. {f'Did you mean {close!r}? ' if close else ''}"
            f"The routes are: {known}. Add it to {config.file or 'stretto.yaml'}, or correct the name."
        )


class Gateway:
    """A `ModelProvider` whose `model` names a route.

    `complete` raises, besides what providers raise: `RouteNotFound`; `WorkDeferred`, `WorkSkipped`, `LimitReached` and
    `BudgetExceeded` as the route's ladder says. When a deployment fails, the next one answers in its place: what had been
    written is retracted first, and where the reader cannot take it back the error is raised.
    """

    def __init__(
        self,
        live: Live,
        providers: Providers,
        admission: Admission,
        ledger: Ledger,
        cache: AnswerCache,
        estimate: Estimate,
    ) -> None:
        self.live = live
        self.admission = admission
        self.ledger = ledger
        self.cache = cache
        self._providers = providers
        self._estimate = estimate

    @property
    def name(self) -> str:
        """The providers that may answer."""
        return ", ".join(sorted({each.provider.name for each in self.live.config.deployments.values()}))

    @property
    def simulated(self) -> bool:
        """Whether no model can answer, and what the classical methods leave is simulated."""
        dialects = {deployment.provider.dialect for deployment in self.live.config.deployments.values()}
        return "simulated" in dialects and dialects <= {"simulated", "classical"}

    async def close(self) -> None:
        """Nothing is the gateway's own."""

    def name_at_first(self, request: ModelRequest) -> str:
        """What a stream calls its model before it is known who answers; what no model will write says so. Raises nothing."""
        try:
            local = self.live.route(request.model).local
        except RouteNotFound:
            return request.model
        if local and (method := Classical.can_answer(request)):
            return f"{CLASSICAL}/{method}"
        return f"simulated/{request.model}" if self.simulated else request.model

    async def complete(self, request: ModelRequest, sink: TokenSink) -> Completion:
        """Let the best deployment that is to be had answer; the contract is that of `ModelProvider`."""
        await self.ledger.drain()
        live = self.live
        route = live.route(request.model)
        need = self._estimate(request)
        if route.local and (method := Classical.can_answer(request)):
            need = replace(need, method=method)
        work = _Work(self, live, route, need, request, sink)
        if route.cache.exact_ttl_s is not None or route.cache.semantic_threshold is not None:
            answer = await self.cache.find(request.caller.tenant_id, route, request)
            if answer is not None:
                return work.play(answer, "The same was asked before.")
        return await work.answer()

    async def embed(
        self, texts: Sequence[str], *, model: str, caller: Caller | None = None, dimensions: int | None = None
    ) -> Embeddings:
        """One vector for each text, from the deployments of a route; raises as `complete` does."""
        await self.ledger.drain()
        live = self.live
        work = Embedding(self.admission, self.ledger, live.prices, live.config, live.route(model), caller or Caller())
        return await work.embed(
            texts, dimensions, lambda choice: self._providers.embedder_of(choice.deployment.provider)
        )

    def provider_of(self, choice: Choice) -> ModelProvider:
        """Who speaks to this deployment."""
        return self._providers.of(choice.deployment.provider)


@dataclass(slots=True, eq=False)
class _Work:
    """One request on its way to an answer."""

    gateway: Gateway
    live: Live
    route: Route
    need: Need
    request: ModelRequest
    sink: TokenSink
    failure: ModelError | None = None
    """Of the deployment that was called last."""

    async def answer(self) -> Completion:
        """Call one deployment after the other until one answers."""
        try:
            return await self._answer()
        finally:
            self.failure = None  # its traceback leads back here; the call would stay until Python's collector comes by

    async def _answer(self) -> Completion:
        choices = self.live.router.choose(self.route, self.need)
        while choices:
            got = await self._admit(choices, self.failure)
            if got is None:
                break
            if isinstance(got, Kept):
                return self.play(got.answer, got.reason)
            choices = [choice for choice in choices if choice is not got.choice]
            if not self.live.router.begins(got.choice.deployment):  # another call has just taken its probe
                got.grant.settle(NOTHING, ZERO)
                continue
            relays: list[Relay] = []
            try:
                call, completion = await self._call(got, choices, relays)
            except ModelError as error:
                self.failure = error
                if not choices or not may_fall_back(error):
                    raise
                spoke = any(relay.has_begun for relay in relays)
                if spoke and not self.sink.retract(f"{got.choice.deployment.name} failed: {error.message}"):
                    raise
                continue
            self._keep(call, completion)
            return completion
        if self.failure is not None:
            raise self.failure
        raise self._none_is_up()

    async def _admit(self, choices: Sequence[Choice], failure: ModelError | None) -> Admitted | Kept | None:
        ladder = self._ladder()
        if failure is not None:
            return await ladder.stand_in(choices)
        try:
            return await ladder.climb(choices)
        except (WorkDeferred, WorkSkipped, BudgetExceeded, LimitReached) as error:
            self._books().not_made(
                self.request, self.route, self.sink, OUTCOMES.get(type(error), "rejected"), error.message
            )
            raise

    async def _call(
        self, admitted: Admitted, others: Sequence[Choice], relays: list[Relay]
    ) -> tuple[ModelCall, Completion]:
        after_s = self.live.router.hedge_after_s(self.route, admitted.choice.deployment) if others else None
        if after_s is None:
            call = self._model_call(admitted, relays)
            return call, await call.carry_out()
        race = Race()

        async def second() -> ModelCall | None:
            for choice in others:
                got = await self._ladder().ask(choice, because="The first to be asked is slow to begin.")
                if isinstance(got, Short):
                    continue
                if self.live.router.begins(choice.deployment):
                    return self._model_call(got, relays, race)
                got.grant.settle(NOTHING, ZERO)
            return None

        return await carry_out_hedged(self._model_call(admitted, relays, race), race, after_s, second)

    def _model_call(self, admitted: Admitted, relays: list[Relay], race: Race | None = None) -> ModelCall:
        spoke = partial(self.live.router.spoke, admitted.choice.deployment)
        relay = Relay(self.sink, spoke, keep=self._is_kept(), race=race)
        relays.append(relay)
        return ModelCall(
            self._books(),
            self.live.router,
            self.gateway.provider_of(admitted.choice),
            self.route,
            self.need,
            admitted,
            self.request,
            relay,
        )

    def _ladder(self) -> Ladder:
        return Ladder(self.gateway.admission, self.live.config, self.route, self.need, self.request, self._find_loosely)

    async def _find_loosely(self) -> Answer | None:
        return await self.gateway.cache.find(self.request.caller.tenant_id, self.route, self.request, loosely=True)

    def _books(self) -> Books:
        return Books(self.gateway.ledger, self.live.prices)

    def _is_kept(self) -> bool:
        rule = self.route.cache
        return (rule.exact_ttl_s is not None or rule.semantic_threshold is not None) and not self.request.tools

    def _keep(self, call: ModelCall, completion: Completion) -> None:
        if call.relay.kept is None or completion.stop_reason not in ("end", "stop_sequence") or completion.tool_calls:
            return
        answer = Answer(
            text="".join(call.relay.kept),
            model=completion.model,
            provider=completion.provider,
            deployment=completion.deployment,
            stop_reason=completion.stop_reason,
            tokens=completion.tokens,
            simulated=completion.simulated,
        )
        self.gateway.cache.keep(self.request.caller.tenant_id, self.route, self.request, answer)

    def play(self, answer: Answer, reason: str) -> Completion:
        """Give a kept answer as a stream. It costs nothing."""
        tokens = split_tokens(answer.text)
        for start in range(0, len(tokens), PLAY_TOKENS):
            self.sink.write(tokens[start : start + PLAY_TOKENS])
        call_id = self._books().not_made(self.request, self.route, self.sink, "cached", reason, answer)
        return Completion(
            model=answer.model,
            provider=answer.provider,
            deployment=answer.deployment,
            stop_reason=answer.stop_reason,
            tokens=answer.tokens,
            simulated=answer.simulated,
            cached=answer.match,
            call_id=call_id,
        )

    def _none_is_up(self) -> ModelOverloaded:
        resting = self.live.router.resting(self.route)
        message = (
            f"All deployments of the route {self.route.name!r} rest: {resting}. Mend the cause, or try again then."
        )
        self._books().not_made(self.request, self.route, self.sink, "rejected", message)
        return ModelOverloaded(message)


def may_fall_back(error: ModelError) -> bool:
    """Whether another deployment may do better: not where the request itself is at fault."""
    return isinstance(error, Transient | ContextTooLong | ModelKeyRefused | ModelMissing)
