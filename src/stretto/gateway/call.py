"""One call of one deployment: its tokens on their way, and what it came to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from stretto.errors import ModelError, StrettoError
from stretto.gateway.answers import Answer
from stretto.gateway.calls import Call, CallEnd, Ledger, Prices
from stretto.gateway.config import Deployment, Route
from stretto.gateway.grants import Grant
from stretto.gateway.provider import (
    Completion,
    Decision,
    ModelProvider,
    ModelRequest,
    Outcome,
    TokenCounts,
    TokenSink,
    ToolCallPiece,
)
from stretto.gateway.routing import Choice, Need, Router
from stretto.store.ids import made_at, new_id

MOST_KEPT_CHARS = 1_000_000
"""Longest answer that is kept for the cache."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A call that may be made: of which deployment, by which grant, and how that was decided."""

    choice: Choice
    grant: Grant
    outcome: Outcome
    reason: str


class Relay:
    """Passes what a provider gives on to the reader, and notes when it began and how much it was.

    With a `race`, nothing passes until this call has won it. `spoke` is called with the first that comes.
    """

    __slots__ = ("_chars", "_race", "_sink", "_spoke", "_write", "count", "first_at", "kept", "pieces")

    def __init__(
        self, sink: TokenSink, spoke: Callable[[], None], *, keep: bool = False, race: Race | None = None
    ) -> None:
        self._sink = sink
        self._write = sink.write
        self._race = race
        self._spoke = spoke
        self._chars = 0
        self.first_at: float | None = None
        self.count = 0
        self.pieces = 0
        self.kept: list[str] | None = [] if keep else None

    @property
    def has_begun(self) -> bool:
        """Whether the reader has got anything."""
        return self.first_at is not None

    def _begin(self) -> bool:
        self._spoke()
        if self._race is not None and not self._race.won_by(self):
            return False
        self.first_at = time.monotonic()
        return True

    def write(self, tokens: list[str]) -> None:
        """Pass text on."""
        if self.first_at is None and not self._begin():
            return
        self.count += len(tokens)
        if self.kept is not None:
            self.kept += tokens
            self._chars += sum(map(len, tokens))
            if self._chars > MOST_KEPT_CHARS:
                self.kept = None
        self._write(tokens)

    def tool_call(self, piece: ToolCallPiece) -> None:
        """Pass a piece of a tool call on."""
        if self.first_at is None and not self._begin():
            return
        self.pieces += 1
        self._sink.tool_call(piece)

    def retract(self, reason: str) -> bool:
        """Void what was passed on."""
        if self._sink.retract(reason):
            self.first_at = None
            return True
        return False

    def decided(self, decision: Decision) -> None:
        """Pass a decision on."""
        self._sink.decided(decision)


@dataclass(slots=True, eq=False)
class Race:
    """Which of several calls spoke first; the others are cancelled."""

    winner: Relay | None = None
    runners: dict[Relay, asyncio.Task[Completion]] = field(default_factory=dict["Relay", "asyncio.Task[Completion]"])

    def won_by(self, relay: Relay) -> bool:
        """Let this call win if none has."""
        if self.winner is None:
            self.winner = relay
            for other, task in self.runners.items():
                if other is not relay:
                    task.cancel()
        return self.winner is relay


@dataclass(slots=True, eq=False)
class Books:
    """Where a call is written down."""

    ledger: Ledger
    prices: Prices

    def enter(self, call: Call, sink: TokenSink) -> None:
        """Write a call down, and let its reader know what was decided."""
        self.ledger.record(call)
        sink.decided(
            Decision(
                call_id=call.id,
                route=call.route,
                outcome=call.outcome,
                reason=call.reason,
                deployment=call.deployment,
                provider=call.provider,
                model=call.model,
                waited_s=call.waited_s,
                tokens=call.tokens,
                cost_usd=call.cost_usd,
                cached=call.cached,
                simulated=call.simulated,
                error=call.error,
                error_kind=call.error_kind,
            )
        )

    def not_made(
        self,
        request: ModelRequest,
        route: Route,
        sink: TokenSink,
        outcome: Outcome,
        reason: str,
        kept: Answer | None = None,
    ) -> UUID:
        """Write down a call that needed no deployment, for which `kept` stands in, or that got none. Costs nothing."""
        id_ = new_id()
        call = Call(
            id=id_,
            at=made_at(id_),
            caller=request.caller,
            route=route.name,
            model="" if kept is None else kept.model,
            provider="" if kept is None else kept.provider,
            tokens=TokenCounts() if kept is None else kept.tokens,
            end="not_made",
            outcome=outcome,
            reason=reason,
            cached="" if kept is None else kept.match,
            simulated=kept is not None and kept.simulated,
        )
        self.enter(call, sink)
        return id_


@dataclass(slots=True, eq=False)
class ModelCall:
    """Makes one call that was admitted, and settles it however it ends.

    What the provider does not say of a call that broke off is estimated: what was read, and a token for each piece of text.
    """

    books: Books
    router: Router
    provider: ModelProvider
    route: Route
    need: Need
    admitted: Admitted
    request: ModelRequest
    relay: Relay
    id: UUID = field(default_factory=new_id)
    began_at: float = field(default_factory=time.monotonic)
    is_settled: bool = False

    def abandon(self) -> None:
        """Settle a call that was never begun."""
        if not self.is_settled:
            self.is_settled = True
            self.admitted.grant.settle(TokenCounts(), Decimal(0))
            self.router.gave_up(self.admitted.choice.deployment)

    async def carry_out(self) -> Completion:
        """Make the call. Raises what the provider raises."""
        deployment = self.admitted.choice.deployment
        asked = msgspec.structs.replace(
            self.request,
            model=deployment.model or self.request.model,
            max_tokens=clamp(self.request.max_tokens, deployment),
        )
        try:
            completion = await self.provider.complete(asked, self.relay)
        except BaseException as error:
            self._settle_failure(error)
            raise
        tokens = completion.tokens
        if not tokens.all_input and not tokens.output:
            tokens = self._estimated()
        cost_usd = self._cost(tokens, completion.simulated)
        ended_at = time.monotonic()
        self.router.succeeded(deployment, self._ttft_s(), ended_at - self.began_at)
        self._enter(tokens, cost_usd, "answered", model=completion.model, simulated=completion.simulated)
        return msgspec.structs.replace(
            completion, deployment=deployment.name, tokens=tokens, cost_usd=cost_usd, call_id=self.id
        )

    def _settle_failure(self, error: BaseException) -> None:
        deployment = self.admitted.choice.deployment
        if isinstance(error, ModelError):
            self.router.failed(deployment, error)
        else:
            self.router.gave_up(deployment)
        known = error.ids.get("tokens") if isinstance(error, StrettoError) else None
        if isinstance(known, TokenCounts):
            tokens = known
        elif self.relay.count or self.relay.pieces or not isinstance(error, Exception):
            tokens = self._estimated()  # cut off by us, or in mid-answer: the provider bills what it has done
        else:
            tokens = TokenCounts()
        simulated = self.provider.simulated
        cost_usd = self._cost(tokens, simulated)
        end: CallEnd = "failed" if isinstance(error, Exception) else "cancelled"
        model = deployment.model or self.request.model
        self._enter(tokens, cost_usd, end, model=model, simulated=simulated, error=error)

    def _cost(self, tokens: TokenCounts, simulated: bool) -> Decimal:
        """What the call costs; nothing when it is simulated, unless the configuration gives the deployment a price."""
        deployment = self.admitted.choice.deployment
        if simulated and deployment.price is None:
            return Decimal(0)
        return self.books.prices.cost(deployment, tokens)

    def _estimated(self) -> TokenCounts:
        return TokenCounts(input=self.need.input_tokens, output=self.relay.count + self.relay.pieces, estimated=True)

    def _ttft_s(self) -> float | None:
        return None if self.relay.first_at is None else self.relay.first_at - self.began_at

    def _enter(
        self,
        tokens: TokenCounts,
        cost_usd: Decimal,
        end: CallEnd,
        *,
        model: str,
        simulated: bool,
        error: BaseException | None = None,
    ) -> None:
        admitted = self.admitted
        kind = "" if error is None else type(error).__name__
        self.is_settled = True
        admitted.grant.settle(tokens, cost_usd)
        call = Call(
            id=self.id,
            at=datetime.now(UTC),
            caller=self.request.caller,
            route=self.route.name,
            deployment=admitted.choice.deployment.name,
            provider=admitted.choice.deployment.provider.name,
            model=model,
            tokens=tokens,
            price_version=self.books.prices.version,
            cost_usd=cost_usd,
            ttft_s=self._ttft_s(),
            duration_s=time.monotonic() - self.began_at,
            waited_s=admitted.grant.waited_s,
            end=end,
            outcome=admitted.outcome,
            reason=admitted.reason,
            error=error.message if isinstance(error, StrettoError) else kind,
            error_kind=kind,
            simulated=simulated,
        )
        self.books.enter(call, self.relay)


def clamp(max_tokens: int | None, deployment: Deployment) -> int | None:
    """What may be asked for, within what the deployment can give."""
    if max_tokens is None or deployment.output_tokens is None:
        return max_tokens
    return min(max_tokens, deployment.output_tokens)
