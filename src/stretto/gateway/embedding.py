"""Vectors for texts: admitted, counted and paid for as every other call."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from stretto.errors import ModelError, StrettoError, Transient
from stretto.gateway.answers import Answer
from stretto.gateway.call import Admitted
from stretto.gateway.calls import Call, CallEnd, Ledger, Prices
from stretto.gateway.config import GatewayConfig, Route
from stretto.gateway.grants import Admission
from stretto.gateway.ladder import Kept, Ladder
from stretto.gateway.provider import Caller, Embedder, Embeddings, ModelRequest, TokenCounts
from stretto.gateway.routing import Choice, Need
from stretto.store.ids import new_id

CHARS_PER_TOKEN = 4
"""A rough count for admission; the provider's own is what is paid for."""


EmbedderOf = Callable[[Choice], Embedder]


async def _nothing() -> Answer | None:
    return None


@dataclass(slots=True)
class Embedding:
    """Asks the deployments of a route for vectors, one after the other until one gives them."""

    admission: Admission
    ledger: Ledger
    prices: Prices
    config: GatewayConfig
    route: Route
    caller: Caller

    async def embed(self, texts: Sequence[str], dimensions: int | None, embedder_of: EmbedderOf) -> Embeddings:
        """Raises what the ladder says, or what the last of the deployments raises."""
        need = Need(sum(len(text) // CHARS_PER_TOKEN + 1 for text in texts), 0, 0.0)
        counts = TokenCounts(input=need.input_tokens)
        choices = [
            Choice(weighted.deployment, tier, self.prices.cost(weighted.deployment, counts), "")
            for tier, held in enumerate(self.route.tiers)
            for weighted in held.deployments
        ]
        request = ModelRequest(model=self.route.name, messages=(), caller=self.caller)
        ladder = Ladder(self.admission, self.config, self.route, need, request, _nothing)
        while True:
            got = await ladder.climb(choices)
            assert not isinstance(got, Kept)
            choices = [choice for choice in choices if choice is not got.choice]
            try:
                return await self._ask(got, embedder_of(got.choice), texts, dimensions, counts)
            except ModelError as error:
                if not choices or not isinstance(error, Transient):
                    raise

    async def _ask(
        self, got: Admitted, embedder: Embedder, texts: Sequence[str], dimensions: int | None, counts: TokenCounts
    ) -> Embeddings:
        deployment = got.choice.deployment
        began_at, error = time.monotonic(), ""
        end: CallEnd = "failed"
        tokens, cost_usd = TokenCounts(), Decimal(0)
        model = deployment.model
        try:
            found = await embedder.embed(texts, model=deployment.model, dimensions=dimensions)
            tokens = found.tokens if found.tokens.input else msgspec.structs.replace(counts, estimated=True)
            cost_usd, end, model = self.prices.cost(deployment, tokens), "answered", found.model
            return msgspec.structs.replace(found, tokens=tokens, cost_usd=cost_usd)
        except StrettoError as failure:
            error = failure.message
            raise
        except BaseException as failure:
            end, error = "cancelled", type(failure).__name__
            raise
        finally:
            self._enter(got, model, tokens, cost_usd, end, error, time.monotonic() - began_at)

    def _enter(
        self,
        got: Admitted,
        model: str,
        tokens: TokenCounts,
        cost_usd: Decimal,
        end: CallEnd,
        error: str,
        duration_s: float,
    ) -> None:
        got.grant.settle(tokens, cost_usd)
        self.ledger.record(
            Call(
                id=new_id(),
                at=datetime.now(UTC),
                caller=self.caller,
                kind="embeddings",
                route=self.route.name,
                deployment=got.choice.deployment.name,
                provider=got.choice.deployment.provider.name,
                model=model,
                tokens=tokens,
                price_version=self.prices.version,
                cost_usd=cost_usd,
                duration_s=duration_s,
                waited_s=got.grant.waited_s,
                end=end,
                outcome=got.outcome,
                reason=got.reason,
                error=error,
            )
        )
