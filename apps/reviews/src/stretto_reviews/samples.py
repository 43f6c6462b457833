"""The sample reviews: real texts (see `data/README.md`), with made-up customers, places, purchases and days around them."""

from __future__ import annotations

import asyncio
import random
import re
import zipfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from io import BytesIO
from typing import Any
from uuid import UUID, uuid5

import orjson

from stretto import Platform
from stretto.apps import Progress
from stretto.errors import StrettoError
from stretto.store import load_queries
from stretto_reviews.figures import figures_changed
from stretto_reviews.imports import begin_import, get_import, put_rows
from stretto_reviews.pipelines.ingestion import start_ingestion

QUERIES = load_queries("stretto_reviews")
SEED = 2004
NAME = "sample reviews"
DAYS = 365
LOOK_S = 0.3
EDITED, ADVERTISED = 12, 6

_FILES = ("product_reviews_1.zip", "product_reviews_2.zip")
_ANNOTATION = re.compile(r"\[([+-][1-3])\]")
_CITIES = (
    ("Berlin", 52.520, 13.405),
    ("Hamburg", 53.551, 9.994),
    ("Vienna", 48.208, 16.373),
    ("Zurich", 47.377, 8.541),
    ("Paris", 48.857, 2.352),
    ("Lyon", 45.764, 4.836),
    ("Amsterdam", 52.368, 4.904),
    ("London", 51.507, -0.128),
    ("Dublin", 53.350, -6.260),
    ("Madrid", 40.417, -3.704),
    ("Milan", 45.464, 9.190),
    ("Copenhagen", 55.676, 12.568),
)
_FIRST = [
    "Ada",
    "Ben",
    "Cora",
    "Dan",
    "Eva",
    "Finn",
    "Gus",
    "Hana",
    "Ivo",
    "Jana",
    "Kim",
    "Leo",
    "Mia",
    "Noah",
    "Ola",
    "Pia",
    "Rosa",
    "Sam",
    "Tom",
    "Uma",
    "Vera",
    "Will",
    "Yara",
    "Zoe",
]
_LAST = ["Adler", "Braun", "Costa", "Dubois", "Ekman", "Fischer", "Garcia", "Hansen", "Ivanov", "Jansen"]
_ADVERTISEMENTS = (
    "CLICK HERE www.cheap-cameras.shop for the best price!!!!! promo code SAVE90",
    "Earn $500 a day, work from home, write to me on Telegram or visit my site easy-money.biz",
    "best best best best best best best best best shop best best best visit our shop",
    "Free iPhone for everybody who signs up at http://free-gifts.top and http://free-gifts.xyz",
    "Buy followers now, 10000 for $9, whatsapp +49 170 1234 5678",
    "Casino bonus, click the link www.lucky.ru, make money tonight",
)
_HASTY = (
    "Great product, I love it.",
    "Very good, works fine for me.",
    "Best one that I ever had!",
    "Super quality, fast delivery.",
    "Perfect, would buy again.",
    "Nice, five stars from me.",
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with how the annotators judged what it says: values from -3 to 3, none where it judges nothing."""

    text: str
    polarities: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SampleReview:
    """A review as the data have it."""

    product: str
    number: int
    title: str
    sentences: tuple[Sentence, ...]

    @property
    def text(self) -> str:
        """Its sentences, with the blanks taken out that the annotators' tools put before signs."""
        return " ".join(sentence.text for sentence in self.sentences)

    @property
    def polarity(self) -> float | None:
        """The mean of all that was annotated, -3 to 3."""
        found = [value for sentence in self.sentences for value in sentence.polarities]
        return sum(found) / len(found) if found else None


def sample_reviews(*, whole: bool = True) -> Iterator[SampleReview]:
    """The reviews of the data, file by file; with `whole` only of files that mark where each begins."""
    for name in _FILES:
        with zipfile.ZipFile(BytesIO(files("stretto_reviews").joinpath("data", name).read_bytes())) as archive:
            for member in sorted(archive.namelist()):
                if member.endswith(".txt") and not member.endswith("README.txt"):
                    found = list(_reviews(member, archive.read(member).decode("utf-8", "replace")))
                    yield from found if len(found) > 1 or not whole else ()


def _reviews(member: str, text: str) -> Iterator[SampleReview]:
    product = member.rpartition("/")[2].removesuffix(".txt").replace("_", " ")
    title, sentences, number = "", list[Sentence](), 0
    for line in text.splitlines():
        if line.startswith("[t]"):
            if sentences:
                number += 1
                yield SampleReview(product, number, title, tuple(sentences))
            title, sentences = tidy(line[3:]), []
        elif "##" in line:
            marks, _, said = line.partition("##")
            if said.strip():
                sentences.append(Sentence(tidy(said), tuple(map(int, _ANNOTATION.findall(marks)))))
    if sentences:
        yield SampleReview(product, number + 1, title, tuple(sentences))


def tidy(text: str) -> str:
    """A sentence without the blanks that the annotators' tools put between words and signs, and with its large letters again."""
    text = re.sub(r"\s+([.,;:!?%)\]])", r"\1", text.strip())
    text = re.sub(r"([(\[$])\s+", r"\1", text)
    text = re.sub(r"\s+('(?:s|m|d|ll|re|ve|t)\b|n't\b)", r"\1", text)
    text = re.sub(r"\bi\b(?!\.)", "I", re.sub(r"\s+", " ", text))
    return text[:1].upper() + text[1:]


def stars_of(review: SampleReview) -> int:
    """One to five, from the mean polarity; three where nothing was annotated."""
    mean = review.polarity
    return 3 if mean is None else min(max(round(3 + mean), 1), 5)


def made_up(now: datetime) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of the import, and purchases that go with them; the same each time, but for the days, which end with `now`.

    Most customers bought what they write of and were known for long; a few are new, so that people have something to decide.
    """
    chance = random.Random(SEED)
    customers = [
        {
            "name": f"{first} {last}",
            "email": f"{first}.{last}@example.org".lower(),
            "opted_into_loyalty": chance.random() < 0.6,
        }
        for first in _FIRST
        for last in _LAST
    ]
    rows: list[dict[str, Any]] = []
    purchases: list[dict[str, Any]] = []
    reviews = list(sample_reviews())
    for n, review in enumerate(reviews):
        _, latitude, longitude = chance.choice(_CITIES)
        customer = chance.choice(customers)
        written = now - timedelta(seconds=chance.randrange(DAYS * 86_400))
        product_id = review.product.lower().replace(" ", "-")
        rows.append(
            {
                "source": chance.choice(("shop", "google", "yelp")),
                "external_id": f"sample-{product_id}-{review.number}",
                "created_at": written.isoformat(),
                "rating": stars_of(review),
                "title": review.title,
                "text": review.text[:20_000],
                "product": {"external_id": product_id, "name": review.product},
                "customer": customer,
                "latitude": round(latitude + chance.gauss(0, 0.03), 5),
                "longitude": round(longitude + chance.gauss(0, 0.04), 5),
            }
        )
        since = written - timedelta(days=chance.randint(60, 900) if chance.random() < 0.9 else 0)
        if chance.random() < 0.85:
            quantity = 1 if chance.random() < 0.9 else 2
            purchases.append(
                {
                    **customer,
                    "since": since.isoformat(),
                    "product_id": product_id,
                    "product": review.product,
                    "order_id": f"sample-order-{n}",
                    "quantity": quantity,
                    "total_amount": round(quantity * (20 + 480 * random.Random(product_id).random()), 2),
                    "purchased_at": (written - timedelta(days=chance.randint(2, 60))).isoformat(),
                }
            )
    rows += _edited(rows, reviews, chance) + _advertised(rows, chance) + _hasty(now)
    return rows, purchases


def _edited(rows: list[dict[str, Any]], reviews: list[SampleReview], chance: random.Random) -> list[dict[str, Any]]:
    """Copies of reviews by other people: sentences in another order, one left out."""
    found: list[dict[str, Any]] = []
    for n, at in enumerate(chance.sample([i for i, each in enumerate(reviews) if len(each.sentences) > 6], EDITED)):
        sentences = [sentence.text for sentence in reviews[at].sentences]
        chance.shuffle(sentences)
        other = {
            "customer": chance.choice(rows)["customer"],
            "external_id": f"sample-copy-{n}",
            "text": " ".join(sentences[1:]),
        }
        found.append({**rows[at], **other})
    return found


def _hasty(now: datetime) -> list[dict[str, Any]]:
    """Praise in few words by somebody new who bought nothing, all within an hour: people decide about the points."""
    products = sorted({review.product for review in sample_reviews()})
    customer = {"name": "Max Quick", "email": "max.quick@example.org", "opted_into_loyalty": True}
    return [
        {
            "source": "shop",
            "external_id": f"sample-hasty-{n}",
            "created_at": (now - timedelta(days=1, minutes=60 - 9 * n)).isoformat(),
            "rating": 5,
            "text": text,
            "product": {"external_id": product.lower().replace(" ", "-"), "name": product},
            "customer": customer,
        }
        for n, (product, text) in enumerate(zip(products, _HASTY, strict=False))
    ]


def _advertised(rows: list[dict[str, Any]], chance: random.Random) -> list[dict[str, Any]]:
    return [
        {**chance.choice(rows), "external_id": f"sample-advertisement-{n}", "text": text, "title": "", "rating": 5}
        for n, text in enumerate(_ADVERTISEMENTS[:ADVERTISED])
    ]


async def take_samples(platform: Platform, tenant_id: UUID) -> AsyncIterator[Progress]:
    """Take the samples in, unless the tenant has them; goes on where an earlier start was cut off."""
    database, import_id = platform.database, uuid5(tenant_id, NAME)
    async with database.tenant(tenant_id) as connection:
        row = await (await connection.execute(QUERIES["sampled"], {"import_id": import_id})).fetchone()
    if row is None or not row[0]:
        yield Progress(0, 1, "reading the samples")
        rows, purchases = await asyncio.to_thread(made_up, datetime.now(UTC).replace(microsecond=0))
        async with database.tenant(tenant_id) as connection:
            values = {"tenant_id": tenant_id, "rows": orjson.dumps(purchases).decode()}
            for statement in ("put_customers", "put_products", "put_purchases"):
                await connection.execute(QUERIES[statement], values)
        if row is None:
            await begin_import(database, tenant_id, NAME, import_id=import_id)
            await put_rows(database, tenant_id, import_id, list(enumerate(rows, start=1)))
        run_id = await start_ingestion(platform, tenant_id, import_id)
        while True:
            known = await get_import(database, tenant_id, import_id)
            yield Progress(known.done, known.rows, "taking in the sample reviews")
            if known.finished_at is not None:
                break
            run = await platform.runs(tenant_id).get(run_id)
            if run.finished_at is not None:
                raise StrettoError(
                    f"The samples were not taken in: run {run_id} is {run.status}. `stretto retry {run_id}` tries again."
                )
            await asyncio.sleep(LOOK_S)
        await figures_changed(database)
        yield Progress(known.rows, known.rows, "the sample reviews are there")
