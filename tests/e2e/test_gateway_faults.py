"""Every way in which a provider can fail, at every point of a stream: whoever reads ends with exactly one copy of the text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from stretto.errors import ModelError
from stretto.gateway.assemble import Makers, OpenGateway, open_gateway
from stretto.gateway.config import Breaker, Deployment, GatewayConfig, Provider, Route, Tier, Timeouts, Weighted
from stretto.gateway.ledger import Usage
from stretto.gateway.provider import Message, ModelRequest
from stretto.gateway.simulated import SimulatedProvider
from stretto.gateway.simulated.server import SimOptions, SimServer
from stretto.gateway.simulated.wire_faults import KINDS, WireFault
from stretto.store import DEFAULT_TENANT, Database
from stretto.testing import KeptAnswer

SHORT = (24, 30)
QUICK = Timeouts(connect_s=2.0, first_token_s=1.0, between_tokens_s=0.4)
DIALECTS = ("openai", "anthropic")
TOKENS = 9
"""An answer is cut to so many tokens, which is a fault's last point."""


class Orders:
    """What the next request's fault shall be."""

    def __init__(self) -> None:
        self.next: WireFault | None = None

    def __call__(self, number: int) -> WireFault | None:
        ordered, self.next = self.next, None
        return ordered


@asynccontextmanager
async def gateway_over(
    database: Database, urls: dict[str, tuple[str, Any]], timeouts: Timeouts = QUICK
) -> AsyncGenerator[OpenGateway]:
    """A gateway with one tier for each server, in this order."""
    deployments = {
        name: Deployment(name, Provider(name, dialect, url, timeouts=timeouts), "small")
        for name, (url, dialect) in urls.items()
    }
    route = Route("fast", tuple(Tier((Weighted(each),)) for each in deployments.values()))
    providers = {each.provider.name: each.provider for each in deployments.values()}
    never = Breaker(failures=1_000_000, error_rate=1.0)
    config = GatewayConfig({"fast": route}, deployments, providers, breaker=never)
    async with open_gateway(database, config, Makers(simulated=SimulatedProvider)) as gateway:
        yield gateway


def ask(text: str = "Write about tides.") -> ModelRequest:
    return ModelRequest(model="fast", messages=(Message("user", text),), max_tokens=TOKENS)


async def until(true: Callable[[], object]) -> None:
    """Wait for what happens elsewhere."""
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.002)


def descriptors() -> int:
    """Open files and connections of this process."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_after_every_fault_at_every_point_one_copy_of_the_text_stands(database: Database, dialect: Any):
    orders = Orders()
    options = SimOptions(ttft_s=0.0, tokens_per_s=1e6, answer_tokens=SHORT)
    async with (
        SimServer(options, orders).serving() as faulty,
        SimServer(options).serving() as sound,
        gateway_over(database, {"faulty": (faulty, dialect), "sound": (sound, "openai")}) as gateway,
    ):
        expected = KeptAnswer()
        await gateway.complete(ask(), expected)
        assert len(expected.tokens) == TOKENS
        for kind in KINDS:
            for after in (0, 1, TOKENS // 2, TOKENS):
                orders.next = WireFault(kind, after=after, seconds=0.0 if kind == "drip" else 5.0, code=529)
                sink = KeptAnswer()
                completion = await gateway.complete(ask(), sink)
                assert sink.text == expected.text, (kind, after)
                assert orders.next is None
                if kind != "drip":
                    assert completion.deployment == "sound", (kind, after)
                struck = "".join(text for text, _ in sink.retracted)
                assert expected.text.startswith(struck), (kind, after)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_without_another_deployment_each_fault_is_an_error_of_the_tree(database: Database, dialect: Any):
    orders = Orders()
    options = SimOptions(ttft_s=0.0, tokens_per_s=1e6, answer_tokens=SHORT)
    raised: dict[str, str] = {}
    async with (
        SimServer(options, orders).serving() as faulty,
        gateway_over(database, {"faulty": (faulty, dialect)}) as gateway,
    ):
        for kind in sorted(set(KINDS) - {"drip"}, key=lambda kind: kind == "status"):  # a limit is rested out, so last
            orders.next = WireFault(kind, after=3, seconds=5.0, code=429, retry_after_s=7.0)
            sink = KeptAnswer()
            with pytest.raises(ModelError) as failed:
                await gateway.complete(ask(), sink)
            raised[kind] = type(failed.value).__name__
        await gateway.flush()
    assert raised == {
        "status": "ModelRateLimited",
        "cut": "ModelBroken",
        "stall": "ModelStalled",
        "malformed": "ModelBroken",
        "error": "ModelOverloaded",
        "unended": "ModelBroken",
    }
    (row,) = await Usage(database).by(DEFAULT_TENANT, [])
    assert row.calls == row.failed == len(raised)


async def test_a_thousand_cancelled_calls_leave_nothing_behind(database: Database):
    options = SimOptions(ttft_s=0.0, tokens_per_s=200.0, answer_tokens=(400, 500))
    server = SimServer(options)
    async with server.serving() as url, gateway_over(database, {"a": (url, "openai")}, Timeouts()) as gateway:

        async def begin_and_leave(n: int) -> None:
            sink = KeptAnswer()
            request = ModelRequest(model="fast", messages=(Message("user", f"Write about tides, part {n}."),))
            call = asyncio.create_task(gateway.complete(request, sink))
            await until(lambda: not n % 3 or sink.tokens)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)

        await asyncio.gather(*(begin_and_leave(n) for n in range(20)))
        await asyncio.sleep(0.2)
        tasks, files = len(asyncio.all_tasks()), descriptors()
        for start in range(0, 1000, 50):
            await asyncio.gather(*(begin_and_leave(start + n) for n in range(50)))
        await until(lambda: not server.active and len(asyncio.all_tasks()) <= tasks and descriptors() <= files + 8)
        await gateway.flush()
    (row,) = await Usage(database).by(DEFAULT_TENANT, ["deployment"])
    assert row.calls <= 1020
    assert row.calls >= 600, "those that had begun are written down"
