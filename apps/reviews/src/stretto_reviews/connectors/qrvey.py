"""Qrvey: records of a data set, by the Post Data API of its Data Router.

https://partners.qrvey.com/docs/guides/api-tutorials/posting-data-api. Records are upserted: with the data set's unique ids set
as `stretto_reviews.qrvey` says, what is sent again replaces itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from uuid import UUID

from stretto.errors import ToolRefused
from stretto.gateway.keys import Key
from stretto_reviews.connectors.client import Client, field
from stretto_reviews.connectors.port import Delivery

RECORDS_AT_ONCE = 500
Pages = Callable[[UUID, str, int], AsyncIterator[list[dict[str, Any]]]]
"""A tenant's records of a data set, in pages of at most so many."""


class Qrvey:
    """Pushes data sets. A body has `dataset`: what is pushed are its records of the moment when it is sent."""

    name = "qrvey"

    def __init__(self, client: Client, key: Key, url: str, datasets: Mapping[str, str], pages: Pages) -> None:
        self._client = client
        self._key = key
        self._url = f"{url.rstrip('/')}/postdata"
        self._datasets = datasets
        self._pages = pages

    async def send(self, delivery: Delivery) -> None:
        """Push all records of the data set."""
        dataset = field(delivery.body, "dataset", "Qrvey")
        dataset_id = self._datasets.get(dataset)
        if dataset_id is None:
            raise ToolRefused(
                f"Qrvey's id of the data set {dataset[:40]} is not set: reviews-qrvey-{dataset[:40].replace('_', '-')}."
            )
        async for page in self._pages(delivery.tenant_id, dataset, RECORDS_AT_ONCE):
            body = {"datasetId": dataset_id, "documentUpdateMethod": "upsert", "data": page}
            await self._client.call("POST", self._url, headers={"x-api-key": self._key.reveal()}, body=body)
