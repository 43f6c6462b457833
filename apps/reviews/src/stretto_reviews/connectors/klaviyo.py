"""Klaviyo: an event of a customer, which starts a flow of letters there.

https://developers.klaviyo.com/en/reference/create_event. `unique_id` is the delivery's key: an event of the same profile and
metric that comes under it again is the same event.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stretto.gateway.keys import Key
from stretto_reviews.connectors.client import Client, field
from stretto_reviews.connectors.port import Delivery

URL = "https://a.klaviyo.com"
REVISION = "2026-04-15"
METRIC = "Review rewarded"
_OWN = frozenset({"email", "name", "metric", "time", "value"})


class Klaviyo:
    """Tells Klaviyo. A body has `email`, and if wanted `metric`, `name`, `value` and `time`; the rest are properties."""

    name = "klaviyo"

    def __init__(self, client: Client, key: Key, url: str = URL) -> None:
        self._client = client
        self._key = key
        self._url = url.rstrip("/")

    async def send(self, delivery: Delivery) -> None:
        """Create the event."""
        headers = {
            "authorization": f"Klaviyo-API-Key {self._key.reveal()}",
            "revision": REVISION,
            "accept": "application/vnd.api+json",
        }
        await self._client.call(
            "POST",
            f"{self._url}/api/events",
            headers=headers,
            body=event_of(delivery),
            content_type="application/vnd.api+json",
        )


def event_of(delivery: Delivery) -> dict[str, Any]:
    """The delivery as Klaviyo's JSON:API has events."""
    body = delivery.body
    profile: dict[str, Any] = {"email": field(body, "email", "Klaviyo")}
    if body.get("name"):
        profile["first_name"] = body["name"]
    metric: Mapping[str, Any] = {"data": {"type": "metric", "attributes": {"name": body.get("metric") or METRIC}}}
    attributes: dict[str, Any] = {
        "properties": {name: value for name, value in body.items() if name not in _OWN},
        "metric": metric,
        "profile": {"data": {"type": "profile", "attributes": profile}},
        "unique_id": delivery.key,
    }
    for name in ("time", "value"):
        if body.get(name) is not None:
            attributes[name] = body[name]
    return {"data": {"type": "event", "attributes": attributes}}
