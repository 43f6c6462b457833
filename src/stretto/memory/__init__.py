"""Memory: texts that are found again by meaning, by words, by place, and by all together."""

from stretto.memory.answers import NOT_ENOUGH, Answer, Source, Writer, answer
from stretto.memory.citations import Entails, Removed, Sentence
from stretto.memory.encoder import Encoder, Model
from stretto.memory.item import Collection, Found, Hit, Item, Listed, Passage, Place, Remembered
from stretto.memory.memory import MAX_ITEMS, Memory
from stretto.memory.ranking import Ranking
from stretto.memory.reembed import carry_forward, change_model, try_model
from stretto.memory.rerank import Candidate, Reranker

__all__ = [
    "MAX_ITEMS",
    "NOT_ENOUGH",
    "Answer",
    "Candidate",
    "Collection",
    "Encoder",
    "Entails",
    "Found",
    "Hit",
    "Item",
    "Listed",
    "Memory",
    "Model",
    "Passage",
    "Place",
    "Ranking",
    "Remembered",
    "Removed",
    "Reranker",
    "Sentence",
    "Source",
    "Writer",
    "answer",
    "carry_forward",
    "change_model",
    "try_model",
]
