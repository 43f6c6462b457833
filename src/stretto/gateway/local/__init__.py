"""What this machine answers by itself, without a model of language: embeddings, and methods of old."""

from stretto.gateway.local.phrases import key_phrases, themes_of
from stretto.gateway.local.sentiment import Rating, rate
from stretto.gateway.local.words import sentences_of

__all__ = ["Rating", "key_phrases", "rate", "sentences_of", "themes_of"]
