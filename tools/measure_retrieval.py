"""Measure what memory finds: nDCG@10 on CACM, hybrid against each list alone, ts_rank_cd and a library's BM25, all in one run.

Usage: python tools/measure_retrieval.py DOCUMENTS TOPICS QRELS [--speed ITEMS]

DOCUMENTS is a folder of `CACM-NNNN.html`; TOPICS and QRELS are TREC files (castorini/anserini-tools: topics/topics.cacm.txt,
qrels/qrels.cacm.txt). The library's BM25 needs `pip install bm25s`. --speed measures searches in a collection of so many items,
made by recombining the documents' sentences, instead.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import math
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from stretto.gateway.local.minilm import DIMENSIONS, NAME, LocalEmbedder
from stretto.gateway.simulated.vectors import SimulatedEmbedder
from stretto.memory import Encoder, Item, Memory, Model, Place, Ranking
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT, Database

Search = Callable[[str], Awaitable[Sequence[str]]]
Judged = Mapping[str, Mapping[str, int]]

BY_RANK = """SELECT i.key FROM memory_items i,
    (SELECT replace(plainto_tsquery('english', %(question)s)::text, '&', '|')::tsquery AS wanted) q
WHERE to_tsvector('english', i.text) @@ q.wanted
ORDER BY ts_rank_cd(to_tsvector('english', i.text), q.wanted) DESC, i.key LIMIT 10"""
BATCH = 500


def read_documents(folder: Path) -> list[Item]:
    """Title, abstract, authors and keywords of each document; not the numbers of what cites it."""
    items: list[Item] = []
    for path in sorted(folder.glob("*.html")):
        text = html.unescape(re.sub(r"<[^>]+>", " ", path.read_text(encoding="latin-1")))
        lines = [line for line in text.splitlines() if not re.fullmatch(r"[\d\s.]+", line)]
        items.append(Item(path.stem, "\n".join(lines).strip()))
    return items


def read_topics(path: Path) -> dict[str, str]:
    """Questions by number."""
    found = re.findall(r"<DOCNO>\s*(\S+)\s*</DOCNO>(.*?)</DOC>", path.read_text(), re.DOTALL)
    return {number: " ".join(text.split()) for number, text in found}


def read_qrels(path: Path) -> Judged:
    """Which documents answer a question."""
    judged: dict[str, dict[str, int]] = {}
    for line in path.read_text().splitlines():
        topic, _, document, grade = line.split()
        judged.setdefault(topic, {})[document] = int(grade)
    return judged


def ndcg(found: Sequence[str], grades: Mapping[str, int], depth: int = 10) -> float:
    """Järvelin and Kekäläinen 2002, with gain = grade and the logarithm of base 2."""
    gained = sum(grades.get(key, 0) / math.log2(rank + 1) for rank, key in enumerate(found[:depth], start=1))
    ideal = sorted(grades.values(), reverse=True)[:depth]
    return gained / sum(grade / math.log2(rank + 1) for rank, grade in enumerate(ideal, start=1))


def library_bm25(items: Sequence[Item]) -> Search | None:
    """The BM25 of bm25s, with its English stop words and our stemming left out; None when it is not installed."""
    try:
        bm25s: Any = import_module("bm25s")
    except ImportError:
        return None
    texts: Any = bm25s.tokenize([item.text for item in items], stopwords="en", show_progress=False)
    index: Any = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    index.index(texts, show_progress=False)

    async def search(question: str) -> Sequence[str]:
        asked: Any = bm25s.tokenize(question, stopwords="en", show_progress=False)
        found, _ = index.retrieve(asked, k=10, show_progress=False)
        return [items[int(each)].key for each in found[0]]

    return search


def by_ranking(database: Database, encoder: Encoder, model: Model, ranking: Ranking) -> Search:
    """Memory, ordering its hits so."""
    memory = Memory(database, DEFAULT_TENANT, encoder, model, ranking=ranking)

    async def search(question: str) -> Sequence[str]:
        return [hit.key for hit in (await memory.search("cacm", question)).hits]

    return search


async def measure_quality(options: argparse.Namespace, database: Database) -> None:
    """Print nDCG@10 of each way to search."""
    items = read_documents(options.documents)
    topics, judged = read_topics(options.topics), read_qrels(options.qrels)
    encoder, model = Encoder(LocalEmbedder()), Model(NAME, DIMENSIONS)
    memory = Memory(database, DEFAULT_TENANT, encoder, model)
    began = time.monotonic()
    for start in range(0, len(items), BATCH):
        await memory.remember("cacm", items[start : start + BATCH])
    print(f"{len(items)} documents remembered in {time.monotonic() - began:.0f} s; {len(judged)} judged questions")

    async def by_rank(question: str) -> Sequence[str]:
        async with database.tenant(DEFAULT_TENANT) as connection:
            rows = await (await connection.execute(BY_RANK, {"question": question})).fetchall()
        return [row[0] for row in rows]

    ways: dict[str, Search | None] = {
        "BM25 of bm25s (no stemmer)": library_bm25(items),
        "ts_rank_cd": by_rank,
        "full text alone (BM25 in SQL)": by_ranking(database, encoder, model, Ranking({"text": 1.0}, fused=1)),
        "vectors alone": by_ranking(database, encoder, model, Ranking({"vector": 1.0}, fused=1)),
        "hybrid, fused": by_ranking(database, encoder, model, Ranking(fused=1)),
        "hybrid, fused and re-ranked": by_ranking(database, encoder, model, Ranking()),
    }
    for name, search in ways.items():
        if search is None:
            print(f"{name:34} not installed")
            continue
        scores = [ndcg(await search(topics[topic]), grades) for topic, grades in judged.items()]
        print(f"{name:34} nDCG@10 {statistics.mean(scores):.4f}")


def recombined(items: Sequence[Item], count: int) -> list[Item]:
    """Items made of the documents' sentences, each with a place in a city, a shop and stars."""
    chance = random.Random(7)
    lines = [line for item in items for line in item.text.splitlines() if len(line) > 30]
    made: list[Item] = []
    for n in range(count):
        place = Place(40 + chance.gauss(0, 0.3), -74 + chance.gauss(0, 0.3))
        metadata = {"shop": f"shop {n % 500}", "stars": chance.randint(1, 5)}
        made.append(Item(f"item {n}", "\n".join(chance.choices(lines, k=4)), metadata, place))
    return made


async def measure_speed(options: argparse.Namespace, database: Database) -> None:
    """Print how fast a large collection takes items in, and answers."""
    documents, topics = read_documents(options.documents), read_topics(options.topics)
    items = recombined(documents, options.speed)
    taking = Memory(database, DEFAULT_TENANT, Encoder(SimulatedEmbedder()), Model(NAME, DIMENSIONS))
    embedding = 0.0
    began = time.monotonic()
    for start in range(0, len(items), BATCH):
        await taking.remember("many", items[start : start + BATCH])
        if start % 10_000 == 0:
            print(f"  {start + BATCH} items, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    took = time.monotonic() - began
    print(f"{len(items)} items in {took:.0f} s: {len(items) / (took - embedding):.0f}/s with simulated vectors")
    async with database.operator() as owner:
        await owner.execute("ANALYZE")
    memory = Memory(database, DEFAULT_TENANT, Encoder(LocalEmbedder()), Model(NAME, DIMENSIONS))
    asked: dict[str, Mapping[str, Any]] = {
        "hybrid": {},
        "hybrid near a place": {"near": Place(40.1, -74.1)},
        "hybrid, one shop of 500": {"filter": {"shop": "shop 7"}},
        "hybrid, 4 stars or more": {"filter": {"stars": {"gte": 4}}},
    }
    for name, more in asked.items():
        times: list[float] = []
        for round_ in range(4):
            for text in topics.values():
                began = time.perf_counter()
                # A question never asked before, so that its vector is made, too.
                await memory.search("many", f"{text[:300]} {name} {round_}", **more)
                times.append(1000 * (time.perf_counter() - began))
        times = sorted(times[10:])
        print(
            f"{name:26} p50 {statistics.median(times):.1f} ms, p95 {times[int(len(times) * 0.95)]:.1f} ms, "
            f"most {times[-1]:.1f} ms ({len(times)} searches)"
        )


async def main() -> None:
    """Open a database of its own, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", type=Path)
    parser.add_argument("topics", type=Path)
    parser.add_argument("qrels", type=Path)
    parser.add_argument("--speed", type=int)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stretto-retrieval-") as folder:
        database = await Database.open(Settings(home=Path(folder)))
        try:
            await (measure_quality if options.speed is None else measure_speed)(options, database)
        finally:
            await database.close()


if __name__ == "__main__":
    asyncio.run(main())
