"""Examples of webhooks, out and in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stretto.api.examples import story

_URL = "https://acme.example/stretto"
_TYPES = ["stretto.run.*", "stretto.review.requested"]
_WEBHOOK: dict[str, Any] = {
    "id": story.WEBHOOK_ID,
    "url": _URL,
    "types": _TYPES,
    "description": "The newsroom's chat",
    "active": True,
    "disabled_reason": None,
    "failing_since": None,
    "revision": 1,
    "created_by": story.OWNER,
    "created_at": "2026-11-20T08:11:02.391008Z",
    "rotated_at": None,
    "before_until": None,
}
_EXAMPLE = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
_CHANGED = _WEBHOOK | {"types": ["stretto.run.completed"], "revision": 2}
_ROTATED = _WEBHOOK | {
    "revision": 2,
    "rotated_at": "2026-11-21T10:45:43.541405Z",
    "before_until": "2026-11-21T11:45:43.541405Z",
    "secret": _EXAMPLE,
}

_DELIVERED: dict[str, Any] = {
    "event_id": story.EVENT_ID,
    "webhook_id": story.WEBHOOK_ID,
    "type": "stretto.run.completed",
    "status": "succeeded",
    "attempts": 1,
    "next_at": None,
    "created_at": "2026-11-21T10:31:14.961828Z",
    "last_at": "2026-11-21T10:31:15.140713Z",
    "response_code": 200,
    "response_text": "ok",
    "duration_ms": 118,
    "error": None,
}
_FAILING = _DELIVERED | {
    "event_id": "01a1fda3-f7d4-7bbd-9de6-44ec91fb27f6",
    "type": "stretto.review.requested",
    "status": "pending",
    "attempts": 2,
    "next_at": "2026-11-21T10:55:49.480139Z",
    "created_at": "2026-11-21T10:25:43.921370Z",
    "last_at": "2026-11-21T10:25:49.204709Z",
    "response_code": 503,
    "response_text": "back in a minute",
    "duration_ms": 74,
}
_AGAIN = _DELIVERED | {"status": "pending", "attempts": 0, "next_at": "2026-11-21T10:50:02.117436Z"}
_TEST_ID = "01a1fdb1-38ab-7fc3-8c7e-7405c96cc9b0"
_TESTED = _DELIVERED | {
    "event_id": _TEST_ID,
    "type": "stretto.webhook.tested",
    "status": "pending",
    "attempts": 0,
    "next_at": "2026-11-21T10:40:12.459828Z",
    "created_at": "2026-11-21T10:40:12.459828Z",
    "last_at": None,
    "response_code": None,
    "response_text": None,
    "duration_ms": None,
    "event": story.event(
        "stretto.webhook.tested",
        f"webhooks/{story.WEBHOOK_ID}",
        _TEST_ID,
        "2026-11-21T10:40:12.459252Z",
        webhook_id=story.WEBHOOK_ID,
    ),
}

_SOURCE = {"name": "github", "scheme": "github", "path": "/v1/hooks/jF4Wnwv7gsgGVlU4r_sLkbCFXjgqHLjF"}
_BODY_DIGEST = "sha256:64134b202db5d325802c7f4061ea29164261ebe929e15982004504ce5ca04722"

EXAMPLES: Mapping[str, Any] = {
    "NewWebhook": {"url": _URL, "types": _TYPES, "description": "The newsroom's chat"},
    "WebhookMade": _WEBHOOK | {"secret": _EXAMPLE},
    "WebhookShown": _WEBHOOK,
    "WebhookList": {"webhooks": [_WEBHOOK], "next": None},
    "WebhookChange": {"types": ["stretto.run.completed"]},
    "change_webhook 200": _CHANGED,
    "SecretRotation": {"overlap_s": 3600},
    "rotate_webhook 200": _ROTATED,
    "test_webhook 202": _TESTED,
    "FailedSince": {"since": "2026-11-21T08:00:00Z"},
    "send_failed_again 202": {"sent": 14},
    "DeliveryList": {"deliveries": [_DELIVERED, _FAILING], "next": None},
    "DeliveryDetail": _DELIVERED | {"event": story.COMPLETED},
    "send_delivery_again 202": _AGAIN | {"event": story.COMPLETED},
    "NewSource": {"name": "github", "scheme": "github", "secret": "it is known to GitHub alone"},
    "SourceMade": _SOURCE,
    "SourceList": {
        "sources": [
            {**_SOURCE, "active": True, "created_by": story.OWNER, "created_at": "2026-11-20T08:20:43.548405Z"}
        ],
        "schemes": ["standard-webhooks", "github", "shopify", "stripe", "slack"],
        "next": None,
    },
    "HookReceived": {"delivery": _BODY_DIGEST, "repeated": False},
    "receive_hook 200": {"delivery": _BODY_DIGEST, "repeated": True},
}
"""By the name of the schema, or by operation and place."""
