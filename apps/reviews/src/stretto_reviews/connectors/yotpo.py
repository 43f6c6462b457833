"""Yotpo Loyalty: points of a customer.

https://loyaltyapi.yotpo.com/reference/adjust-a-customers-point-balance. It has no idempotency keys. So the title in the
customer's history ends with a mark of the delivery, and what is sent again is first looked for there: after an answer that
was lost, points are not given twice.
"""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from stretto.errors import ToolRefused
from stretto.gateway.keys import Key
from stretto_reviews.connectors.client import Client, field
from stretto_reviews.connectors.port import Delivery

URL = "https://loyalty.yotpo.com"
TITLE = "Thank you for your review"


class Yotpo:
    """Tells Yotpo. A body has `email`, `points`, and if wanted `reason`, which the customer sees."""

    name = "yotpo"

    def __init__(self, client: Client, key: Key, guid: Key, url: str = URL) -> None:
        self._client = client
        self._key = key
        self._guid = guid
        self._url = url.rstrip("/")

    async def send(self, delivery: Delivery) -> None:
        """Adjust the balance, unless an earlier attempt has done it."""
        email, points = field(delivery.body, "email", "Yotpo"), delivery.body.get("points")
        if isinstance(points, bool) or not isinstance(points, int):
            raise ToolRefused("Yotpo cannot be told: the delivery has no whole number of points.")
        if not points or (delivery.attempts > 1 and await self._has(email, mark_of(delivery.key))):
            return
        reason = delivery.body.get("reason")
        title = reason if isinstance(reason, str) and reason else TITLE
        body = {
            "customer_email": email,
            "point_adjustment_amount": points,
            "apply_adjustment_to_points_earned": True,
            "history_title": f"{title[:100]} {mark_of(delivery.key)}",
            "visible_to_customer": True,
        }
        await self._client.call("POST", f"{self._url}/api/v2/points/adjust", headers=self._headers(), body=body)

    async def _has(self, email: str, mark: str) -> bool:
        """Whether the customer's history has an entry with this mark, in whichever of its fields."""
        found: Any = await self._client.call(
            "GET",
            f"{self._url}/api/v2/customers",
            headers=self._headers(),
            params={"customer_email": email, "with_history": "true"},
            absent=True,
        )
        return found is not None and mark.encode() in orjson.dumps(found)

    def _headers(self) -> dict[str, str]:
        return {"x-guid": self._guid.reveal(), "x-api-key": self._key.reveal()}


def mark_of(key: str) -> str:
    """A short mark of a delivery, as it stands in the customer's history."""
    return f"(#{hashlib.sha256(key.encode()).hexdigest()[:10]})"
