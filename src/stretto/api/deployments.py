"""Who answers model calls: the deployments and routes of the configuration, and a call to try one."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel

from stretto.api.doors import PlatformDoor, PrincipalDoor, needs
from stretto.api.problems import fails
from stretto.api.shown import Money
from stretto.errors import RouteNotFound, StrettoError
from stretto.gateway.config import Deployment, GatewayConfig, Provider
from stretto.gateway.config_file import who_answers
from stretto.gateway.prices import PriceTable
from stretto.gateway.provider import Caller, Decision, Message, ModelRequest, TokenCounts, ToolCallPiece

router = APIRouter(prefix="/v1/deployments", tags=["limits"])

Kind = Literal["simulated", "classical", "ollama", "provider"]

TEST_TOKENS = 16
TEST_WITHIN_S = 30
TEST_PROMPT = "Say hello in three words."
_MILLION = 1_000_000


class PriceShown(BaseModel):
    """US dollars for a million tokens, as decimal text."""

    input_usd: Money
    cached_input_usd: Money
    output_usd: Money


class DeploymentListed(BaseModel):
    """A model at a provider. `routes` are the names by which flows reach it, `price` is null where it is not known; `state` is
    that of its breaker, as this process sees it."""

    name: str
    kind: Kind
    provider: str
    model: str
    routes: list[str]
    simulated: bool
    context_tokens: int | None
    output_tokens: int | None
    tools: bool
    vision: bool
    price: PriceShown | None
    state: str
    last_error: str


class RouteListed(BaseModel):
    """A name that flows use, and who may answer it: tiers, and in each its deployments."""

    name: str
    tiers: list[list[str]]


class DeploymentList(BaseModel):
    """All of them by name. `answers` says in a sentence who answers, `kind` whether that is a model at all."""

    answers: str
    kind: Literal["simulated", "ollama", "provider"]
    deployments: list[DeploymentListed]
    routes: list[RouteListed]


class Tried(BaseModel):
    """How a small call went. `ttft_s`: until its first text; `error` says why it was no success, and what to do."""

    ok: bool
    took_s: float
    ttft_s: float | None
    text: str
    error: str | None


@router.get("", dependencies=[needs("limits:read")])
async def list_deployments(platform: PlatformDoor) -> DeploymentList:
    """Who answers model calls: deployments and routes, with their prices and how they are doing."""
    gateway = platform.gateway
    config, prices = gateway.config, PriceTable(gateway.config)
    states = {each.deployment: each for each in gateway.conditions()}
    routes = {name: _tiers(config, name) for name in config.routes}
    listed: list[DeploymentListed] = []
    for name, deployment in sorted(config.deployments.items()):
        state = states.get(name)
        listed.append(
            DeploymentListed(
                name=name,
                kind=kind_of(deployment.provider),
                provider=deployment.provider.name,
                model=deployment.model,
                routes=[route for route, tiers in routes.items() if any(name in tier for tier in tiers)],
                simulated=deployment.provider.dialect == "simulated",
                context_tokens=deployment.context_tokens,
                output_tokens=deployment.output_tokens,
                tools=deployment.tools,
                vision=deployment.vision,
                price=_price(prices, deployment),
                state="closed" if state is None else state.state,
                last_error="" if state is None else state.last_error,
            )
        )
    return DeploymentList(
        answers=who_answers(config, to_owner=platform.settings.auth == "local"),
        kind=who(config),
        deployments=listed,
        routes=[RouteListed(name=name, tiers=tiers) for name, tiers in routes.items()],
    )


@router.post("/{name:path}/test", responses=fails(RouteNotFound), dependencies=[needs("models:call")])
async def test_deployment(
    name: Annotated[str, Path(max_length=200, description="The deployment's name.")],
    platform: PlatformDoor,
    principal: PrincipalDoor,
) -> Tried:
    """Ask this deployment, and no other, for a few words. The call is counted and paid like any other."""
    gateway = platform.gateway
    if name not in gateway.config.deployments:
        raise RouteNotFound(f"There is no deployment {name!r}. `GET /v1/deployments` lists them.")
    heard = _Heard()
    request = ModelRequest(
        model=name,
        messages=(Message("user", TEST_PROMPT),),
        max_tokens=TEST_TOKENS,
        caller=Caller(tenant_id=principal.tenant_id),
    )
    error: str | None = None
    try:
        async with asyncio.timeout(TEST_WITHIN_S):
            await gateway.complete(request, heard)
    except StrettoError as failed:
        error = failed.message
    except TimeoutError:
        error = f"There was no whole answer within {TEST_WITHIN_S} s. See whether the provider is up, and try again."
    return Tried(ok=error is None, took_s=heard.since(), ttft_s=heard.ttft_s, text=heard.text, error=error)


def kind_of(provider: Provider) -> Kind:
    """Who is behind a provider."""
    if provider.dialect in ("simulated", "classical"):
        return "simulated" if provider.dialect == "simulated" else "classical"
    return "ollama" if provider.preset == "ollama" else "provider"


def who(config: GatewayConfig) -> Literal["simulated", "ollama", "provider"]:
    """Who answers, on the whole: a provider where one may, else Ollama, else nobody real."""
    kinds = {kind_of(each.provider) for each in config.deployments.values()}
    if "provider" in kinds:
        return "provider"
    return "ollama" if "ollama" in kinds else "simulated"


def _tiers(config: GatewayConfig, route: str) -> list[list[str]]:
    return [[held.deployment.name for held in tier.deployments] for tier in config.routes[route].tiers]


def _price(prices: PriceTable, deployment: Deployment) -> PriceShown | None:
    if not prices.knows(deployment):
        return None

    def of_a_million(tokens: TokenCounts) -> Decimal:
        return prices.cost(deployment, tokens) * _MILLION  # of one at a time: a long prompt may have a price of its own

    return PriceShown(
        input_usd=of_a_million(TokenCounts(input=1)),
        cached_input_usd=of_a_million(TokenCounts(cached_input=1)),
        output_usd=of_a_million(TokenCounts(output=1)),
    )


class _Heard:
    """Keeps what a call says, and when it began to."""

    def __init__(self) -> None:
        self.text = ""
        self.ttft_s: float | None = None
        self._began = time.monotonic()

    def since(self) -> float:
        return round(time.monotonic() - self._began, 4)

    def write(self, tokens: list[str]) -> None:
        if self.ttft_s is None:
            self.ttft_s = self.since()
        self.text += "".join(tokens)

    def tool_call(self, piece: ToolCallPiece) -> None:
        pass

    def retract(self, reason: str) -> bool:
        self.text = ""
        return True

    def decided(self, decision: Decision) -> None:
        pass
