"""Shopify: tags of a customer, by the GraphQL Admin API.

https://shopify.dev/docs/api/admin-graphql. `tagsAdd` adds a tag once, however often it is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from stretto.errors import ToolRefused, ToolUnavailable
from stretto.gateway.keys import Key
from stretto_reviews.connectors.client import Client, field
from stretto_reviews.connectors.port import Delivery

VERSION = "2026-07"
SHOP = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com")
MOST_TAGS = 20
THROTTLED_PAUSE_S = 5.0
FIND_CUSTOMER = "query ($email: String!) { customerByIdentifier(identifier: {emailAddress: $email}) { id } }"
ADD_TAGS = (
    "mutation ($id: ID!, $tags: [String!]!) { tagsAdd(id: $id, tags: $tags) { node { id } userErrors { message } } }"
)


class Shopify:
    """Tells Shopify. A body has `email` and `tags`."""

    name = "shopify"

    def __init__(self, client: Client, key: Key, url: str) -> None:
        self._client = client
        self._key = key
        self._url = f"{url.rstrip('/')}/admin/api/{VERSION}/graphql.json"

    async def send(self, delivery: Delivery) -> None:
        """Add tags to the customer of an address. Who is no customer there is not told of."""
        email, tags = field(delivery.body, "email", "Shopify"), delivery.body.get("tags")
        if not isinstance(tags, list) or not tags or len(cast("list[object]", tags)) > MOST_TAGS:
            raise ToolRefused(f"Shopify cannot be told: the delivery has no list of at most {MOST_TAGS} tags.")
        found = await self._ask(FIND_CUSTOMER, {"email": email})
        customer = found.get("customerByIdentifier")
        if not isinstance(customer, dict):
            raise ToolRefused("Shopify has no customer of this address.")
        done = await self._ask(ADD_TAGS, {"id": cast("dict[str, Any]", customer)["id"], "tags": tags})
        added = done.get("tagsAdd")
        wrong = cast("dict[str, Any]", added).get("userErrors") if isinstance(added, dict) else None
        if wrong:
            raise ToolRefused(f"Shopify does not add the tags: {str(cast('list[Any]', wrong)[0])[:200]}")

    async def _ask(self, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"x-shopify-access-token": self._key.reveal()}
        found: Any = await self._client.call(
            "POST", self._url, headers=headers, body={"query": query, "variables": variables}
        )
        answer = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        errors = answer.get("errors")
        if errors:
            # Faults of GraphQL come with 200, and so does the limit of its cost.
            if "THROTTLED" in str(errors):
                error = ToolUnavailable("Shopify asks for a pause: its limit of cost is reached.")
                error.retry_after_s = THROTTLED_PAUSE_S
                raise error
            raise ToolRefused(f"Shopify refuses: {str(errors)[:200]}")
        data = answer.get("data")
        if not isinstance(data, dict):
            raise ToolUnavailable("Shopify answers without data.")
        return cast("dict[str, Any]", data)
