"""Memory: texts that are found again by meaning, by words, by place, and by all together."""

from stretto.memory.encoder import Encoder, Model
from stretto.memory.item import Collection, Found, Hit, Item, Listed, Place, Remembered
from stretto.memory.memory import Memory
from stretto.memory.ranking import Ranking
from stretto.memory.rerank import Candidate, Reranker

__all__ = [
    "Candidate",
    "Collection",
    "Encoder",
    "Found",
    "Hit",
    "Item",
    "Listed",
    "Memory",
    "Model",
    "Place",
    "Ranking",
    "Remembered",
    "Reranker",
]
