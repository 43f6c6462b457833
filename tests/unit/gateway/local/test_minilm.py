"""Embeddings on this machine are those that the model is known for."""

from __future__ import annotations

import math
import sys

import pytest

from stretto.errors import ModelRefused
from stretto.gateway.local.minilm import DIMENSIONS, LocalEmbedder, MiniLM

# What sentence-transformers gives for this sentence, as its model card shows it, to four places.
KNOWN = [0.0677, 0.0635, 0.0487, 0.0793, 0.0374, 0.0027, 0.0394, -0.0071, 0.0593, 0.0315]


@pytest.fixture(scope="module")
def network() -> MiniLM:
    return MiniLM.load()


def cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_a_known_sentence_has_its_known_vector(network: MiniLM):
    (vector,), tokens = network.encode(["This is an example sentence"])
    assert vector[:10] == pytest.approx(KNOWN, abs=2e-4)
    assert len(vector) == DIMENSIONS
    assert math.isclose(cosine(vector, vector), 1.0, rel_tol=1e-5)
    assert tokens == 7


def test_a_text_has_the_same_vector_in_whatever_company(network: MiniLM):
    texts = ["Rain.", "The harbour lies quiet in the rain. " * 20, "", "Tax law in three volumes", "Rain.", "雨" * 300]
    together, _ = network.encode(texts)
    for text, vector in zip(texts, together, strict=True):
        alone, _ = network.encode([text])
        assert vector == pytest.approx(alone[0], abs=2e-5)


def test_what_means_alike_lies_close(network: MiniLM):
    texts = [
        "How do I reset my password?",
        "I forgot my password, how can I change it?",
        "The cat sleeps on the sofa.",
        "A kitten is napping on the couch.",
    ]
    (a, b, c, d), _ = network.encode(texts)
    assert min(cosine(a, b), cosine(c, d)) > 0.6
    assert max(cosine(a, c), cosine(b, d)) < 0.3


async def test_it_is_an_embedder():
    embedder = LocalEmbedder()
    try:
        found = await embedder.embed(["one", "two"])
        assert (found.model, found.provider, len(found.vectors)) == ("all-MiniLM-L6-v2", "local", 2)
        with pytest.raises(ModelRefused, match="vectors of 384 numbers, not of 8"):
            await embedder.embed(["one"], dimensions=8)
    finally:
        await embedder.close()


def test_nothing_of_torch_is_loaded(network: MiniLM):
    assert "torch" not in sys.modules
    assert "sentence_transformers" not in sys.modules
