"""Questions to the gateway: new ones, the same again, and others that mean the same."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from bench.contenders.worker import config_before
from bench.figures import percentile
from stretto.gateway.local.minilm import LocalEmbedder
from stretto.gateway.provider import Message, ModelRequest
from stretto.platform import Platform
from stretto.settings import load_settings
from stretto.testing import KeptAnswer

TASKS = (
    "bake sourdough bread", "mend a bicycle tyre", "prune an apple tree", "learn to play the violin", "write a will",
    "descale a kettle", "train for a marathon", "photograph the moon", "brew green tea", "build a bird house",
    "tune a guitar", "remove red wine from a carpet", "plan a wedding", "grow tomatoes on a balcony", "fold a paper crane",
    "insulate an attic", "apply for a passport", "teach a dog to sit", "knit a woollen scarf", "invest in index funds",
    "repair a dripping tap", "pack for a week in Iceland", "start a podcast", "keep bees", "sharpen a kitchen knife",
    "paint a wooden fence", "read a balance sheet", "treat a sunburn", "choose a telescope", "season a cast iron pan",
    "set up a home network", "make goat cheese", "restore an old clock", "hang wallpaper", "cook rice for ten people",
    "sail against the wind", "solve a cubic equation", "store winter clothes", "polish silver", "hire a gardener",
)  # fmt: skip
ROUTES = (
    "{exact: {deployments: [bench/small], cache: {exact: 1h}}, "
    "similar: {deployments: [bench/small], cache: {semantic: {similarity: 0.9, for: 1h}}}}"
)
NEW, OTHER = "How do I {}?", "How can I {}?"


async def ask(platform: Platform, route: str, form: str, found: Counter[str]) -> list[float]:
    """Milliseconds of each question in this form, one after the other; `found` counts where the answers came from."""
    took: list[float] = []
    for task in TASKS:
        request = ModelRequest(model=route, messages=(Message("user", form.format(task)),))
        began = time.perf_counter()
        completion = await platform.gateway.complete(request, KeptAnswer())
        took.append((time.perf_counter() - began) * 1000)
        found[completion.cached or "miss"] += 1
    return took


def told(name: str, took: list[float]) -> dict[str, float]:
    """Percentiles under this name."""
    return {f"{name}_p50_ms": percentile(took, 0.5), f"{name}_p95_ms": percentile(took, 0.95)}


async def fill(postmaster: int, url: str, base: str) -> dict[str, float]:
    """All questions for the first time, and again in the same process."""
    async with Platform.open(
        load_settings(database_url=url), config=config_before(base, ROUTES), worker=False
    ) as platform:
        found: Counter[str] = Counter()
        await ask(platform, "similar", NEW, found)
        misses = await ask(platform, "exact", NEW, found)
        again: Counter[str] = Counter()
        hits = [each for _ in range(5) for each in await ask(platform, "exact", NEW, again)]
        await asyncio.sleep(1.0)  # what waits is written
    if found["miss"] != 2 * len(TASKS) or again["exact"] != 5 * len(TASKS):
        raise RuntimeError(f"the cache answered otherwise than it should: {found}, then {again}")
    return {**told("miss", misses), **told("memory", hits)}


async def find(postmaster: int, url: str, base: str) -> dict[str, float]:
    """The same questions in a process that has not seen them, and others that mean the same."""
    async with Platform.open(
        load_settings(database_url=url), config=config_before(base, ROUTES), worker=False
    ) as platform:
        exact: Counter[str] = Counter()
        stored = await ask(platform, "exact", NEW, exact)
        similar: Counter[str] = Counter()
        await ask(platform, "similar", OTHER, Counter())  # loads the network
        meant = await ask(platform, "similar", OTHER, similar)
    if exact["exact"] != len(TASKS):
        raise RuntimeError(f"of equal questions, {exact}")
    embedder = LocalEmbedder()
    try:
        await embedder.embed([NEW])
        began = time.perf_counter()
        for task in TASKS:
            await embedder.embed([OTHER.format(task)])
        embedding_ms = (time.perf_counter() - began) / len(TASKS) * 1000
    finally:
        await embedder.close()
    share = similar["semantic"] / len(TASKS)
    return {**told("stored", stored), **told("similar", meant), "similar_share": share, "embedding_ms": embedding_ms}
