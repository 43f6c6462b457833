"""Examples of memory: the newsroom keeps what it has read there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stretto.api.examples import story

_TIDES = "The moon pulls the sea towards it, and so makes the tides."
_SALT = "Rivers carry salt from the rocks into the sea."
_QUESTION = "What makes the tides?"
_WHERE: dict[str, Any] = {"shelf": "nature", "year": 2026}
_COLLECTION: dict[str, Any] = {
    "name": "articles",
    "language": "english",
    "items": 2,
    "model": "all-MiniLM-L6-v2",
    "dimensions": 384,
    "next_model": None,
    "next_dimensions": None,
    "remade": None,
    "created_at": story.SAVED_AT,
}

EXAMPLES: Mapping[str, Any] = {
    "CollectionShown": _COLLECTION,
    "WantedModel": {"model": "embeddings", "dimensions": 1024},
    "CollectionList": {"collections": [_COLLECTION], "next": None},
    "NewItems": {
        "items": [
            {"key": "tides", "text": _TIDES, "metadata": _WHERE},
            {"key": "salt", "text": _SALT, "metadata": _WHERE},
        ],
        "language": "english",
    },
    "ItemsRemembered": {"written": 2, "unchanged": 0, "embedded": 2},
    "ForgottenKeys": {"keys": ["salt"]},
    "ItemsForgotten": {"forgotten": 1},
    "LimitedSearch": {"question": _QUESTION, "filter": {"year": {"gte": 2020}}, "near": None, "limit": 10},
    "Search": {"question": _QUESTION, "filter": None, "near": None},
    "SearchResult": {
        "hits": [
            {
                "key": "tides",
                "text": _TIDES,
                "metadata": _WHERE,
                "place": None,
                "at": story.SAVED_AT,
                "score": 0.91,
                "fused": 1.0,
                "reranked": 0.78,
                "lists": [
                    {"list": "vectors", "rank": 1, "score": 0.74},
                    {"list": "text", "rank": 1, "score": 1.62},
                ],
                "passage": None,
            }
        ],
        "asked": {"vectors": 2, "text": 1},
        "notes": [],
    },
    "AnswerShown": {
        "text": f"{_TIDES} [1]",
        "enough": True,
        "by": "extract",
        "sentences": [{"text": _TIDES, "sources": [1]}],
        "sources": [{"number": 1, "key": "tides", "text": _TIDES, "metadata": _WHERE}],
        "removed": [],
        "notes": [],
    },
}
"""By the name of the schema, or by operation and place."""
