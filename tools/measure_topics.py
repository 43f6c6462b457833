"""Measure how well sensitive topics are found: the numbers of docs/judging.md.

    .venv/bin/python tools/measure_topics.py [--prompts xstest_prompts.csv] [--plain SENTENCES.txt …]

measures on the part `test` of the labelled sentences; with `--prompts` also over-blocking on XSTest (Röttger et al. 2024), with
`--plain` on files with one sentence a line that are of no topic. `--learn SENTENCES.txt` learns the thresholds anew from the part
`learn` and such a file, and prints them: of each topic the lowest that flags at most 1 % of the plain sentences.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from stretto.agents.judging.topics import Meanings, built_in, find_keywords, learn, pieces_of, score_pieces, vectors
from stretto.flow.graph import Topic
from stretto.flow.policies import BUILT_IN_TOPICS
from stretto.gateway.local.minilm import LocalEmbedder

LABELLED = Path(__file__).parent.parent / "tests/unit/agents/judging/labelled.yaml"
TOPICS = tuple(map(Topic, BUILT_IN_TOPICS))
NONE = "none"
MOST_PLAIN = 0.01
Hits = Mapping[str, set[str]]


async def scores_of(embedder: LocalEmbedder, meanings: Meanings, texts: Sequence[str]) -> list[dict[str, float]]:
    """For each text, how like its likest piece is to each topic."""
    pieces = [(n, piece) for n, text in enumerate(texts) for piece in pieces_of(text) or [text]]
    rows = score_pieces(await vectors(embedder, [piece for _, piece in pieces]), meanings)
    found: list[dict[str, float]] = [dict.fromkeys(rows, 0.0) for _ in texts]
    for topic, row in rows.items():
        for (n, _), score in zip(pieces, row, strict=True):
            found[n][topic] = max(found[n][topic], score)
    return found


def hits_of(text: str, scores: Mapping[str, float], thresholds: Mapping[str, float]) -> Hits:
    """What is found in a text, by each way."""
    words = {flag.topic for flag in find_keywords(text, TOPICS)}
    meant = {topic for topic, score in scores.items() if score >= thresholds[topic]}
    return {"keywords": words, "meaning": meant, "both": words | meant}


def show_labelled(labels: Sequence[str], hits: Sequence[Hits]) -> None:
    """Precision and recall, per topic and of all together."""
    for way in ("keywords", "meaning", "both"):
        for topic in (*BUILT_IN_TOPICS, "any"):
            said = [topic in hit[way] or (topic == "any" and bool(hit[way])) for hit in hits]
            true = [label == topic or (topic == "any" and label != NONE) for label in labels]
            both = sum(a and b for a, b in zip(said, true, strict=True))
            precision, recall = both / max(1, sum(said)), both / sum(true)
            print(f"{way:9} {topic:9} precision {precision:.3f} recall {recall:.3f} ({both} of {sum(true)})")
        plain = [bool(hit[way]) for label, hit in zip(labels, hits, strict=True) if label == NONE]
        print(f"{way:9} flags {sum(plain)} of {len(plain)} that are of no topic")


def show_plain(name: str, hits: Sequence[Hits]) -> None:
    """The share of texts that are flagged."""
    shares = {way: sum(bool(hit[way]) for hit in hits) / len(hits) for way in ("keywords", "meaning", "both")}
    print(f"{name} ({len(hits)}): " + ", ".join(f"{way} {share:.3f}" for way, share in shares.items()))


def prompts_in(path: Path) -> dict[str, list[str]]:
    """XSTest's prompts by their type; those that are unsafe stand under `contrast_…`."""
    found: dict[str, list[str]] = {}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["type"], []).append(row["prompt"])
    return found


def thresholds_from(labelled: Mapping[str, Sequence[str]], scores: Sequence[dict[str, float]]) -> dict[str, float]:
    """The lowest that flag few enough of the plain texts, whose scores stand last."""
    plain = scores[sum(len(some) for label, some in labelled.items() if label != NONE) :]
    return {
        topic: min(
            step / 100
            for step in range(15, 71)
            if sum(each[topic] >= step / 100 for each in plain) <= MOST_PLAIN * len(plain)
        )
        for topic in BUILT_IN_TOPICS
    }


async def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=Path)
    parser.add_argument("--plain", type=Path, nargs="*", default=[])
    parser.add_argument("--learn", type=Path)
    asked = parser.parse_args()
    parts: Mapping[str, Mapping[str, list[str]]] = yaml.safe_load(LABELLED.read_text(encoding="utf-8"))
    embedder = LocalEmbedder()
    meanings = await learn(embedder, TOPICS)
    if asked.learn is not None:
        told = [text for some in parts["learn"].values() for text in some] + lines_of(asked.learn)
        print("learned:", thresholds_from(parts["learn"], await scores_of(embedder, meanings, told)))
    thresholds = {name: topic.threshold or 0.0 for name, topic in built_in().topics.items()}

    async def hits(texts: Sequence[str]) -> list[Hits]:
        scores = await scores_of(embedder, meanings, texts)
        return [hits_of(text, score, thresholds) for text, score in zip(texts, scores, strict=True)]

    labels = [label for label, some in parts["test"].items() for _ in some]
    show_labelled(labels, await hits([text for some in parts["test"].values() for text in some]))
    for path in asked.plain:
        show_plain(path.stem, await hits(lines_of(path)))
    if asked.prompts is not None:
        by_type = {kind: await hits(texts) for kind, texts in prompts_in(asked.prompts).items()}
        for kind, found in by_type.items():
            show_plain(kind, found)
        show_plain(
            "all safe prompts", [hit for kind, some in by_type.items() if "contrast" not in kind for hit in some]
        )
        show_plain("all unsafe prompts", [hit for kind, some in by_type.items() if "contrast" in kind for hit in some])
    await embedder.close()


def lines_of(path: Path) -> list[str]:
    """The lines of a file that are not empty."""
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


if __name__ == "__main__":
    asyncio.run(main())
