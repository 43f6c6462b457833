"""A hundred thousand texts remembered and searched: by Stretto's memory, and by plain SQL (`ts_rank_cd`, pgvector)."""

from __future__ import annotations

import random
import re
import resource
import time
import zipfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import psutil
import psycopg
from numpy.typing import NDArray

from bench.contender import Meter
from bench.figures import percentile
from bench.machine import ROOT
from stretto.gateway.local.minilm import DIMENSIONS, NAME, LocalEmbedder
from stretto.gateway.provider import Embeddings
from stretto.memory import Encoder, Item, Memory, Model, Place
from stretto.memory.indexes.port import Shelf
from stretto.memory.indexes.postgres import PostgresIndex
from stretto.memory.store import EVERYTHING, MemoryStore
from stretto.settings import load_settings
from stretto.store import DEFAULT_TENANT, Database

MOST_SENTENCES = 4_000
"""So many are read by the model; a text's vector is the mean of those of its sentences."""
PER_TEXT = 4
MOST_CHARS = 150
"""Of a sentence, so that no text is longer than the model reads at once."""
BATCH = 500
CITY = (40.7, -74.0)
Vectors = NDArray[np.float32]


def sources() -> list[Path]:
    """Where the sentences come from: the review engine's samples."""
    return sorted((ROOT / "apps" / "reviews" / "src" / "stretto_reviews" / "data").glob("*.zip"))


def read(path: Path) -> list[str]:
    """The sentences of annotated reviews: what stands behind the marks."""
    with zipfile.ZipFile(path) as held:
        names = sorted(name for name in held.namelist() if name.endswith(".txt") and "readme" not in name.lower())
        lines = [line for name in names for line in held.read(name).decode("utf-8", "replace").splitlines()]
    return [" ".join(line.partition("##")[2].split()) for line in lines if "##" in line]


def all_sentences() -> list[str]:
    found = dict.fromkeys(each for path in sources() for each in read(path) if 20 <= len(each) <= MOST_CHARS)
    chosen = list(found)
    random.Random(3).shuffle(chosen)
    return chosen[:MOST_SENTENCES]


async def prepare(postmaster: int, into: str) -> dict[str, float]:
    """Let the model read the sentences, and keep them with their vectors for the contenders."""
    lines = all_sentences()
    embedder = LocalEmbedder()
    await embedder.embed(["once"])
    began = time.perf_counter()
    vectors: list[Sequence[float]] = []
    for start in range(0, len(lines), BATCH):
        vectors += (await embedder.embed(lines[start : start + BATCH])).vectors
    took = time.perf_counter() - began
    await embedder.close()
    Ground(lines, np.array(vectors, dtype=np.float32)).keep(into)
    return {"sentences": len(lines), "embedded_per_s": len(lines) / took}


@dataclass(frozen=True, slots=True)
class Ground:
    """The sentences, and the texts made of them."""

    lines: list[str]
    vectors: Vectors

    def keep(self, path: str) -> None:
        np.save(f"{path}.npy", self.vectors)
        Path(f"{path}.json").write_bytes(orjson.dumps(self.lines))

    @classmethod
    def load(cls, path: str) -> Ground:
        return cls(orjson.loads(Path(f"{path}.json").read_bytes()), np.load(f"{path}.npy"))

    def items(self, start: int, stop: int) -> tuple[list[Item], Vectors]:
        """Texts of four sentences each, in a shop, with stars and a place in the city; and their vectors."""
        made: list[Item] = []
        picked: list[list[int]] = []
        for n in range(start, stop):
            chance = random.Random(n)
            chosen = chance.choices(range(len(self.lines)), k=PER_TEXT)
            place = Place(CITY[0] + chance.gauss(0, 0.3), CITY[1] + chance.gauss(0, 0.3))
            metadata = {"shop": f"shop {n % 500}", "stars": chance.randint(1, 5)}
            made.append(Item(f"item {n}", " ".join(self.lines[each] for each in chosen), metadata, place))
            picked.append(chosen)
        mixed = self.vectors[np.array(picked)].mean(axis=1)
        return made, mixed / np.linalg.norm(mixed, axis=1, keepdims=True)

    def questions(self, count: int, seed: int) -> list[str]:
        """Three to nine words of a sentence, as people ask."""
        chance = random.Random(seed)
        asked: list[str] = []
        for n in range(count):
            words = re.findall(r"[\w'-]+", chance.choice(self.lines))
            length = chance.randint(3, 9)
            start = chance.randint(0, max(0, len(words) - length))
            asked.append(f"{' '.join(words[start : start + length])} {seed}{n}")
        return asked


class Given:
    """An `Embedder` that has the vectors of some texts already, and asks the model for the others."""

    name = "given"

    def __init__(self) -> None:
        self.known: dict[str, Sequence[float]] = {}
        self.model = LocalEmbedder()
        self.took_s = 0.0

    async def embed(self, texts: Sequence[str], *, model: str = "", dimensions: int | None = None) -> Embeddings:
        began = time.perf_counter()
        if all(text in self.known for text in texts):
            found = Embeddings(vectors=[self.known[text] for text in texts], model=NAME, provider=self.name)
        else:
            found = await self.model.embed(texts)
        self.took_s += time.perf_counter() - began
        return found

    async def close(self) -> None:
        await self.model.close()


async def timed(asked: Sequence[str], search: Callable[[str], Awaitable[Any]]) -> list[float]:
    """How many milliseconds each takes, one after the other."""
    took: list[float] = []
    for question in asked:
        began = time.perf_counter()
        await search(question)
        took.append((time.perf_counter() - began) * 1000)
    return took


def spread(name: str, took: Sequence[float]) -> dict[str, float]:
    return {f"{name}_p50_ms": percentile(took, 0.5), f"{name}_p95_ms": percentile(took, 0.95)}


def postgres_mb(postmaster: int) -> float:
    """What PostgreSQL's processes have for themselves, with what they share counted once."""
    total = 0
    for each in psutil.Process(postmaster).children():
        try:
            total += each.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total / 2**20


ASKED: Mapping[str, Mapping[str, Any]] = {
    "hybrid": {},
    "near": {"near": Place(*CITY)},
    "shop": {"filter": {"shop": "shop 7"}},
    "stars": {"filter": {"stars": {"gte": 4}}},
}


async def stretto(postmaster: int, url: str, ground: str, items: int, searches: int) -> dict[str, float]:
    """Remember, then search: questions whose vectors are known, and new ones."""
    held = Ground.load(ground)
    database = await Database.open(load_settings(database_url=url))
    given = Given()
    memory = Memory(database, DEFAULT_TENANT, Encoder(given, is_free=True), Model(NAME, DIMENSIONS))
    taken_s, found = 0.0, dict[str, float]()
    meter = Meter(postmaster)
    for start in range(0, items, BATCH):
        some, vectors = held.items(start, min(start + BATCH, items))
        given.known = dict(zip((item.text for item in some), vectors.tolist(), strict=True))
        given.took_s, began = 0.0, time.perf_counter()
        await memory.remember("many", some)
        taken_s += time.perf_counter() - began - given.took_s
    spent = meter.read()
    found["items_per_s"] = items / taken_s
    found["cpu_us"], found["postgres_us"] = (spent[name] / items * 1e6 for name in ("cpu_s", "postgres_s"))
    given.known = {}
    await settle(url)
    for text in held.questions(20, 1):
        await memory.search("many", text)
    for number, (name, more) in enumerate(ASKED.items(), start=2):

        async def search(text: str, more: Mapping[str, Any] = more) -> None:
            await memory.search("many", text, **more)

        asked = held.questions(searches, number)
        found |= spread(f"{name}_new", await timed(asked, search))
        found |= spread(name, await timed(asked, search))
    found["recall"] = await recall(memory, held.questions(min(searches, 50), 9))
    found["process_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found["postgres_mb"] = postgres_mb(postmaster)
    await database.close()
    await given.close()
    return found


async def recall(memory: Memory, asked: Sequence[str]) -> float:
    """How many of the ten nearest vectors the index finds."""
    known = await memory.collection("many")
    assert memory.encoder is not None
    model = Model(known.model, known.dimensions)
    store, index = MemoryStore(memory.store.database, DEFAULT_TENANT), PostgresIndex(memory.store.database)
    shelf = Shelf(DEFAULT_TENANT, known.id, model, known.items)
    hits = 0
    for text in asked:
        vector = await memory.encoder.question(text, model, DEFAULT_TENANT)
        exact = await store.by_vector(known.id, model, vector, EVERYTHING, 10, True)
        got = await index.search(shelf, vector, EVERYTHING, 100)
        hits += len({each.id for each in exact} & {each.id for each in got[:10]})
    return hits / (10 * len(asked))


async def settle(url: str) -> None:
    """What autovacuum does within a minute, now."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("VACUUM ANALYZE")


PLAIN = (
    "CREATE EXTENSION IF NOT EXISTS vector",
    "CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text UNIQUE, text text, metadata jsonb,"
    " words tsvector GENERATED ALWAYS AS (to_tsvector('english', text)) STORED, embedding vector(384))",
    "CREATE INDEX ON items USING gin (words)",
    "CREATE INDEX ON items USING hnsw (embedding vector_cosine_ops)",
)
PLAIN_SEARCH = """WITH wanted AS (SELECT replace(plainto_tsquery('english', %(question)s)::text, '&', '|')::tsquery AS q),
near AS (SELECT id, row_number() OVER (ORDER BY distance) AS rank FROM (
    SELECT id, embedding <=> %(vector)s::vector AS distance FROM items ORDER BY embedding <=> %(vector)s::vector LIMIT 100) n),
told AS (SELECT id, row_number() OVER (ORDER BY score DESC) AS rank FROM (
    SELECT id, ts_rank_cd(words, q) AS score FROM items, wanted WHERE words @@ q ORDER BY score DESC LIMIT 100) t),
best AS (SELECT id, sum(part) AS score FROM (
    SELECT id, 0.5 / (60 + rank) AS part FROM near UNION ALL SELECT id, 0.3 / (60 + rank) FROM told) b
    GROUP BY id ORDER BY score DESC LIMIT 10)
SELECT i.key, i.text, i.metadata, best.score FROM best JOIN items i USING (id) ORDER BY best.score DESC"""


async def plain(postmaster: int, url: str, ground: str, items: int, searches: int) -> dict[str, float]:
    """The same in plain SQL as tutorials have it: one table, a GIN and an HNSW index, no tenants, no counts, no re-ranker."""
    held = Ground.load(ground)
    found = dict[str, float]()
    embedder = Given()
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        for statement in PLAIN:
            await connection.execute(statement)
        await connection.execute("SET hnsw.ef_search = 100")
        taken_s = 0.0
        meter = Meter(postmaster)
        for start in range(0, items, BATCH):
            some, vectors = held.items(start, min(start + BATCH, items))
            numbers = vectors.tolist()
            began = time.perf_counter()
            async with (
                connection.transaction(),
                connection.cursor() as cursor,
                cursor.copy("COPY items (key, text, metadata, embedding) FROM STDIN") as copy,
            ):
                for item, vector in zip(some, numbers, strict=True):
                    told = "[" + ",".join(f"{value:.5g}" for value in vector) + "]"
                    await copy.write_row((item.key, item.text, orjson.dumps(item.metadata).decode(), told))
            taken_s += time.perf_counter() - began
        spent = meter.read()
        found["items_per_s"] = items / taken_s
        found["cpu_us"], found["postgres_us"] = (spent[name] / items * 1e6 for name in ("cpu_s", "postgres_s"))
        await settle(url)
        known: dict[str, str] = {}

        async def search(text: str) -> None:
            if text not in known:
                known[text] = str(list((await embedder.embed([text])).vectors[0]))
            await (await connection.execute(PLAIN_SEARCH, {"question": text, "vector": known[text]})).fetchall()

        await timed(held.questions(20, 1), search)
        asked = held.questions(searches, 2)
        found |= spread("hybrid_new", await timed(asked, search))
        found |= spread("hybrid", await timed(asked, search))
        found["process_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        found["postgres_mb"] = postgres_mb(postmaster)
    await embedder.close()
    return found
