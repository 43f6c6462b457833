"""Reviews taken in: by the review engine's ingestion pipeline, and by a loop that stores one after the other."""

from __future__ import annotations

import asyncio
import random
import resource
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg

from bench.contender import Meter
from stretto import Platform
from stretto.apps import add_app, opening
from stretto.settings import load_settings
from stretto.store import DEFAULT_TENANT
from stretto_reviews.analysis import complexity_of, language_of, spam_in
from stretto_reviews.analysis.themes import themes_in
from stretto_reviews.duplicates import ALIKE, bands_of, similarity
from stretto_reviews.imports import ReviewRow, begin_import, get_import, put_rows, read_row
from stretto_reviews.pipelines.ingestion import start_ingestion
from stretto_reviews.pipelines.reading import sentiment_of
from stretto_reviews.places import cell_of
from stretto_reviews.samples import sample_reviews

AT_ONCE = 1_000
PRODUCTS = 14


def recombined(count: int) -> Iterator[dict[str, Any]]:
    """Reviews of three to eight sentences of the sample's, with stars, a day of two years, a product, a place and a customer."""
    told = [sentence.text for review in sample_reviews(whole=False) for sentence in review.sentences]
    chance = random.Random(1)
    for n in range(1, count + 1):
        product = chance.randrange(PRODUCTS)
        yield {
            "id": str(n),
            "text": " ".join(chance.choice(told) for _ in range(chance.randint(3, 8))),
            "rating": chance.randint(1, 5),
            "date": f"202{chance.randint(4, 5)}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}",
            "product": {"external_id": f"p{product}", "name": f"Product {product}"},
            "lat": round(50 + chance.gauss(0, 2), 4),
            "lng": round(10 + chance.gauss(0, 3), 4),
            "customer": {"email": f"c{chance.randrange(max(count // 3, 1))}@example.org", "opted_into_loyalty": True},
        }


async def stretto(postmaster: int, url: str, reviews: int) -> dict[str, float]:
    """Hand all of it in as one import, then let the pipeline take it up, until the import is over: all is analysed, but not embedded."""

    @asynccontextmanager
    async def with_reviews(platform: Platform) -> AsyncGenerator[None]:
        await add_app(platform.database, "reviews")
        async with opening(platform):
            yield

    async with Platform.open(load_settings(database_url=url), extend=with_reviews) as platform:
        import_id = await begin_import(platform.database, DEFAULT_TENANT, "bench")
        some: list[tuple[int, dict[str, Any]]] = []
        for numbered in enumerate(recombined(reviews), start=1):
            some.append(numbered)
            if len(some) == AT_ONCE:
                await put_rows(platform.database, DEFAULT_TENANT, import_id, some)
                some.clear()
        await put_rows(platform.database, DEFAULT_TENANT, import_id, some)
        meter = Meter(postmaster)
        await start_ingestion(platform, DEFAULT_TENANT, import_id)
        while (  # noqa: ASYNC110 - as a client would
            found := await get_import(platform.database, DEFAULT_TENANT, import_id)
        ).finished_at is None:
            await asyncio.sleep(0.1)
        assert found.taken == found.done == reviews
        return told(meter.read(), reviews)


PLAIN = (
    "CREATE TABLE reviews (id bigint PRIMARY KEY, created_at timestamptz, product text, customer text, text text, rating smallint,"
    " language text, latitude float8, longitude float8, h3_cell text, duplicate_of bigint, spam_score real, complexity real,"
    " sentiment numeric(3, 2), themes text[])",
    "CREATE INDEX ON reviews (created_at DESC)",
    "CREATE INDEX ON reviews (product, created_at DESC)",
    "CREATE INDEX ON reviews (h3_cell)",
    "CREATE TABLE bands (band bigint, review bigint, PRIMARY KEY (band, review))",
)


async def plain(postmaster: int, url: str, reviews: int) -> dict[str, float]:
    """The same analysis in a loop: one review after the other, each stored by itself. No tenants, events, points, or progress; what is
    cut off begins anew."""
    lines = list(recombined(reviews))
    now = datetime.now(UTC)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        for statement in PLAIN:
            await connection.execute(statement)
        meter = Meter(postmaster)
        for n, line in enumerate(lines, start=1):
            row = read_row(n, line, now)
            assert isinstance(row, ReviewRow)
            (bands,) = bands_of([row.text])
            cursor = await connection.execute("SELECT DISTINCT review FROM bands WHERE band = ANY(%s) LIMIT 5", [bands])
            candidates = [id for (id,) in await cursor.fetchall()]
            cursor = await connection.execute("SELECT id, text FROM reviews WHERE id = ANY(%s)", [candidates])
            alike = next((id for id, text in await cursor.fetchall() if similarity(row.text, text) >= ALIKE), None)
            language = language_of(row.text)
            async with connection.transaction():
                await connection.execute(
                    "INSERT INTO reviews VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                    [
                        *(n, row.created_at, row.product and row.product.external_id, row.customer_email, row.text),
                        *(row.rating, language, row.latitude, row.longitude),
                        None if row.latitude is None or row.longitude is None else cell_of(row.latitude, row.longitude),
                        *(alike, spam_in(row.text).score, complexity_of(row.text, language)),
                        *(sentiment_of(row.text), themes_in(row.text)),
                    ],
                )
                if alike is None:
                    await connection.execute(
                        "INSERT INTO bands SELECT unnest(%s::bigint[]), %s ON CONFLICT DO NOTHING", [bands, n]
                    )
        return told(meter.read(), reviews)


def told(spent: dict[str, float], reviews: int) -> dict[str, float]:
    """What it took, per review."""
    return {
        "reviews_per_s": reviews / spent["wall_s"],
        "cpu_us": spent["cpu_s"] / reviews * 1e6,
        "postgres_us": spent["postgres_s"] / reviews * 1e6,
        "process_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
