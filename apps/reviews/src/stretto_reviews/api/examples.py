"""Examples of what the routes take and answer, as `/openapi.json` shows them: a shop of outdoor things."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_IMPORT, _RUN = "01997a3e-5d00-7c5e-9d56-0a4b2f6b1d01", "01997a3e-5d10-7c5e-9d56-0a4b2f6b1d02"
_REVIEW, _COPY, _ADA = (
    "5b9f0f0a-7c1e-5c7d-8f7e-2f4d1a6b3c01",
    "5b9f0f0a-7c1e-5c7d-8f7e-2f4d1a6b3c02",
    "0e6a1f52-3f44-4c55-9a51-6c1f0e9d7b03",
)
_AT, _LATER = "2026-05-03T10:20:00Z", "2026-05-03T10:21:00Z"
_TEXT = "The battery lasts two whole days, which is wonderful. I take it on every hike."
_CELL: dict[str, Any] = {
    "cell": "851f1d4bfffffff",
    "latitude": 52.47,
    "longitude": 13.35,
    "corners": [[52.54, 13.42], [52.55, 13.29], [52.48, 13.22], [52.4, 13.28], [52.39, 13.41], [52.46, 13.48]],
    "reviews": 12,
    "sentiment": 3.4,
}
_COUNTS: dict[str, Any] = {"reviews": 12, "sentiment": 3.4}
_SHOWN_IMPORT: dict[str, Any] = {
    "id": _IMPORT,
    "name": "may.csv",
    "rows": 1200,
    "done": 1200,
    "taken": 1180,
    "known": 12,
    "duplicates": 9,
    "spam": 4,
    "rejected": 8,
    "created_at": _AT,
    "finished_at": _LATER,
}
_SHOWN_REVIEW: dict[str, Any] = {
    "id": _REVIEW,
    "created_at": _AT,
    "source": "shop",
    "external_id": "4711",
    "product": "Trail Phone",
    "customer": "Ada",
    "title": "",
    "text": _TEXT,
    "rating": 5,
    "language": "en",
    "latitude": 52.52,
    "longitude": 13.4,
    "h3_cell": "891f1d48863ffff",
    "status": "analysed",
    "duplicate_of": None,
    "similarity": None,
    "spam_score": 0.0,
    "spam_reasons": [],
    "taken_back_by": None,
    "sentiment": 4.3,
    "themes": ["battery"],
    "analysed_by": "lexicon",
    "indexed": True,
}
_METADATA: dict[str, Any] = {"product": "Trail Phone", "source": "shop", "stars": 5, "sentiment": 4.3, "day": 20260503}
_SENTENCE = "The battery lasts two whole days, which is wonderful."

EXAMPLES: Mapping[str, Any] = {
    "ImportShown": _SHOWN_IMPORT,
    "ImportList": {"imports": [_SHOWN_IMPORT], "next": None},
    "ImportBegun": {"id": _IMPORT, "run_id": _RUN, "refused": []},
    "add_import body text/csv": f'id,text,rating,date\n4711,"{_TEXT}",5,2026-05-03\n',
    "add_import body application/x-ndjson": f'{{"id": "4711", "text": "{_TEXT}", "rating": 5, "date": "2026-05-03"}}\n',
    "get_rejects 200 text/csv": "line,field,reason,body\n17,rating,has to be a whole number from 1 to 5,...\n",
    "NewReviews": {
        "reviews": [
            {
                "text": _TEXT,
                "rating": 5,
                "source": "shop",
                "external_id": "4711",
                "created_at": _AT,
                "product": {"external_id": "p1", "name": "Trail Phone"},
                "customer": {"email": "ada@example.org", "name": "Ada", "opted_into_loyalty": True},
                "latitude": 52.52,
                "longitude": 13.4,
            }
        ],
        "name": "shop",
    },
    "AsideTaken": {"ids": [_COPY]},
    "TakenBackShown": {"id": _IMPORT, "run_id": _RUN, "taken": 1},
    "EngineReview": _SHOWN_REVIEW,
    "EngineReviewList": {"reviews": [_SHOWN_REVIEW], "next": None},
    "export_data_set 200 text/csv": "day,source,reviews,avg_sentiment,avg_rating,positive,negative\n2026-05-03,shop,12,3.4,3.9,8,2\n",
    "export_data_set 200": [{"day": "2026-05-03", "source": "shop", "reviews": 12, "avg_sentiment": 3.4}],
    "Overview": {
        "totals": {
            "reviews": 1180,
            "analysed": 1167,
            "duplicates": 9,
            "spam": 4,
            "indexed": 1167,
            "sentiment": 3.4,
            "rating": 3.9,
            "positive": 801,
            "negative": 188,
        },
        "days": [{"day": "2026-05-03", **_COUNTS, "rating": 3.9, "positive": 8, "negative": 2}],
        "themes": [{"theme": "battery", **_COUNTS, "months": [{"month": "2026-05-01", **_COUNTS}]}],
        "products": [
            {
                "external_id": "p1",
                "name": "Trail Phone",
                "sku": "TP-1",
                "price": 349.0,
                "inventory_quantity": 4,
                "low_stock": True,
                **_COUNTS,
                "rating": 3.9,
            }
        ],
    },
    "MapShown": {"resolution": 5, "cells": [_CELL], "left_off": 0},
    "PairList": {
        "pairs": [
            {
                "similarity": 0.86,
                "copy": {
                    "id": _COPY,
                    "created_at": _LATER,
                    "source": "shop",
                    "text": f"{_TEXT} Really!",
                    "customer": None,
                },
                "original": {"id": _REVIEW, "created_at": _AT, "source": "shop", "text": _TEXT, "customer": "Ada"},
            }
        ],
        "next": None,
    },
    "CustomerList": {
        "customers": [
            {
                "id": _ADA,
                "name": "Ada",
                "email": "ada@example.org",
                "opted_into_loyalty": True,
                "account_status": "active",
                "loyalty_points": 100,
                "created_at": _AT,
                "purchases": 2,
                "spent": 398.0,
                "average_order": 199.0,
                "daily_value": 4.42,
                "reviews": 1,
            }
        ],
        "next": None,
    },
    "ActionList": {
        "actions": [
            {
                "review_id": _REVIEW,
                "customer": "Ada",
                "outcome": "awarded",
                "reasons": [],
                "fraud_score": 0.1,
                "points": 100,
                "decided_by": "rules",
                "at": _LATER,
            }
        ]
    },
    "ReviewSearch": {
        "question": "How long does the battery last?",
        "filter": {"stars": {"gte": 4}},
        "near": None,
        "limit": 10,
    },
    "FoundReviews": {
        "hits": [
            {
                "id": _REVIEW,
                "text": _TEXT,
                "score": 0.91,
                "metadata": _METADATA,
                "lists": [{"list": "vectors", "rank": 1, "score": 0.74}, {"list": "text", "rank": 1, "score": 1.62}],
            }
        ],
        "notes": [],
    },
    "ReviewQuestion": {"question": "What do people say of the battery?", "filter": None, "near": None},
    "ReviewAnswer": {
        "text": f"{_SENTENCE} [1]",
        "enough": True,
        "sentences": [{"text": _SENTENCE, "sources": [1]}],
        "sources": [{"number": 1, "id": _REVIEW, "text": _TEXT, "metadata": _METADATA}],
        "removed": [],
        "understood": "What is said of the battery.",
        "figures": None,
        "notes": [],
        "run_id": _RUN,
    },
}
"""By the name of the schema, or by operation and place."""
