"""A worker that takes an import up is killed, again and again: nothing is lost, nothing is there twice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT
from stretto_reviews.imports import begin_import, get_import, put_rows
from stretto_reviews.pipelines.action import POINTS
from stretto_reviews.pipelines.ingestion import start_ingestion
from tests.apps.reviews.engine import engine, rows, until

LINES = 240
KILLS = 3
SUBJECTS = ("lens", "zoom", "battery", "flash", "menu", "strap", "screen", "shutter", "grip", "case")


@contextmanager
def worker(settings: Settings) -> Generator[subprocess.Popen[bytes]]:
    """A worker process; killed at the end."""
    own = {
        "STRETTO_HOME": str(settings.home),
        "STRETTO_DATABASE_URL": str(settings.database_url),
        "STRETTO_LEASE_S": "2",
        "STRETTO_HEARTBEAT_S": "0.5",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "stretto.cli", "worker"],
        env={**os.environ, **own},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def line(n: int) -> dict[str, object]:
    """A review of its own words; every fourth is by somebody new."""
    chance = random.Random(n)
    words = " ".join(chance.choice(SUBJECTS) + str(chance.randrange(1000)) for _ in range(12))
    customer = {"email": f"c{n // 4}@example.org", "name": f"C {n // 4}", "opted_into_loyalty": True}
    return {
        "id": str(n),
        "text": f"Good and solid: {words}.",
        "rating": 5,
        "date": "2026-05-03",
        "customer": customer,
        "product": {"external_id": "p", "name": "Camera"},
    }


async def test_an_import_survives_being_killed(settings: Settings) -> None:
    async with engine(settings, worker=False) as platform:
        async with platform.database.tenant(DEFAULT_TENANT) as connection:
            # Known for long, and each bought the camera: nobody is doubted.
            await connection.execute(
                "WITH c AS (INSERT INTO stretto_reviews.customers (tenant_id, email, opted_into_loyalty, created_at) "
                "SELECT %(tenant)s, 'c' || n || '@example.org', true, '2020-01-01' FROM generate_series(0, %(most)s) n RETURNING id, email), "
                "p AS (INSERT INTO stretto_reviews.products (tenant_id, external_id, name) VALUES (%(tenant)s, 'p', 'Camera') RETURNING id) "
                "INSERT INTO stretto_reviews.purchases (tenant_id, customer_id, product_id, order_id, quantity, total_amount, purchased_at) "
                "SELECT %(tenant)s, c.id, p.id, c.email, 1, 100, '2026-01-01' FROM c, p",
                {"tenant": DEFAULT_TENANT, "most": LINES // 4},
            )
        import_id = await begin_import(platform.database, DEFAULT_TENANT, "killed")
        await put_rows(platform.database, DEFAULT_TENANT, import_id, [(n, line(n)) for n in range(1, LINES + 1)])
        run_id = await start_ingestion(platform, DEFAULT_TENANT, import_id)
        chance = random.Random(11)
        for _ in range(KILLS):
            with worker(settings):
                await asyncio.sleep(chance.uniform(1.0, 4.0))

        async def is_over() -> bool:
            acted = (await rows(platform, "SELECT count(*) FROM stretto_reviews.actions"))[0][0]
            return (await platform.runs().get(run_id)).status == "completed" and acted == LINES

        with worker(settings):
            await until(is_over, 90)
        known = await get_import(platform.database, DEFAULT_TENANT, import_id)
        assert (known.rows, known.done, known.taken, known.rejected, known.known) == (LINES, LINES, LINES, 0, 0)
        statement = "SELECT count(*), count(DISTINCT external_id), bool_and(indexed_at IS NOT NULL) FROM stretto_reviews.reviews"
        assert await rows(platform, statement) == [(LINES, LINES, True)]
        assert (await platform.memory().collection("reviews")).items == LINES
        given = await rows(platform, "SELECT count(*), sum(points) FROM stretto_reviews.points")
        assert given == [(LINES, LINES * POINTS)]
        assert await rows(platform, "SELECT sum(loyalty_points) FROM stretto_reviews.customers") == [(LINES * POINTS,)]
        assert await rows(platform, "SELECT count(*) FROM stretto_reviews.deliveries") == [(2 * LINES,)]
