"""Vectors from an OpenAI-compatible server.

Source: https://platform.openai.com/docs/api-reference/embeddings/create.
"""

from __future__ import annotations

import base64
import binascii
import sys
from array import array
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import orjson

from stretto.errors import ModelBroken, ModelStalled
from stretto.gateway.config import Provider
from stretto.gateway.provider import Embeddings, TokenCounts
from stretto.gateway.wire.answer import CHARS_PER_TOKEN, count
from stretto.gateway.wire.connection import BROKEN, Connection, KeySource, OnLimits, read_whole
from stretto.gateway.wire.watchdog import Silent, Watchdog

MOST_TEXTS = 256
MOST_CHARS = 400_000
"""In one request. OpenAI takes 2,048 texts and 300,000 tokens; other servers take fewer."""


class Vector(msgspec.Struct):
    """A vector: little-endian float32 in base64, or numbers where a server knows no base64."""

    embedding: str | list[float]
    index: int | None = None


class Answer(msgspec.Struct):
    """An answer to one request."""

    data: list[Vector]
    model: str = ""
    usage: dict[str, Any] | None = None


decode = msgspec.json.Decoder(Answer).decode


class WireEmbedder:
    """An `Embedder` over the network. `model` answers where a call names none."""

    def __init__(self, provider: Provider, key: KeySource, model: str = "", on_limits: OnLimits | None = None) -> None:
        self.provider = provider
        self._model = model
        self._connection = Connection(provider, key, on_limits)

    @property
    def name(self) -> str:
        """The provider's name in the configuration."""
        return self.provider.name

    async def embed(self, texts: Sequence[str], *, model: str = "", dimensions: int | None = None) -> Embeddings:
        """One vector for each text, in order; many texts go in several requests, one after the other."""
        model = model or self._model
        vectors: list[Sequence[float]] = []
        tokens, used, estimated = 0, "", False
        for batch in batches(texts):
            answer = await self._ask(batch, model, dimensions)
            vectors += vectors_of(self.name, answer, len(batch))
            counted = count(answer.usage or {}, "prompt_tokens")
            estimated = estimated or not counted
            tokens += counted or -(-sum(map(len, batch)) // CHARS_PER_TOKEN)
            used = answer.model or used
        if len({len(vector) for vector in vectors}) > 1:
            raise ModelBroken(f"{self.name} gave vectors of different lengths.", provider=self.name)
        counts = TokenCounts(input=tokens, estimated=estimated)
        return Embeddings(vectors=vectors, model=used or model, provider=self.name, tokens=counts)

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    async def _ask(self, texts: list[str], model: str, dimensions: int | None) -> Answer:
        request: dict[str, Any] = {"model": model, "input": texts, "encoding_format": "base64"}
        if dimensions is not None:
            request["dimensions"] = dimensions
        limit_s = self.provider.timeouts.first_token_s
        try:
            with Watchdog(limit_s):
                response = await self._connection.post("/embeddings", orjson.dumps(request))
                try:
                    limits = self._connection.limits(model, response)
                    if response.status != 200:
                        raise await self._connection.failed(response, limits, texts)
                    body = await read_whole(response)
                finally:
                    if not response.content.at_eof():
                        response.close()
                    response.release()
            return decode(body)
        except Silent:
            raise ModelStalled(
                f"{self.name} gave no vectors within {limit_s:g} s. The call is tried again.", provider=self.name
            ) from None
        except (*BROKEN, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ModelBroken(
                f"The vectors of {self.name} could not be read ({type(error).__name__}). The call is tried again.",
                provider=self.name,
            ) from None


def batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in as many requests as they need."""
    batch: list[str] = []
    chars = 0
    for text in texts:
        if batch and (len(batch) == MOST_TEXTS or chars + len(text) > MOST_CHARS):
            yield batch
            batch, chars = [], 0
        batch.append(text)
        chars += len(text)
    if batch:
        yield batch


def vectors_of(provider: str, answer: Answer, count: int) -> list[Sequence[float]]:
    """The vectors in the order of the texts. Raises `ModelBroken` where one is missing."""
    found: dict[int, Sequence[float]] = {}
    for position, each in enumerate(answer.data):
        found[position if each.index is None else each.index] = numbers(provider, each.embedding)
    if found.keys() != set(range(count)) or len(answer.data) != count:
        raise ModelBroken(f"{provider} gave {len(answer.data)} vectors for {count} texts.", provider=provider)
    return [found[index] for index in range(count)]


def numbers(provider: str, embedding: str | list[float]) -> Sequence[float]:
    """A vector as numbers of 4 bytes each."""
    if not isinstance(embedding, str):
        return array("f", embedding)
    vector = array("f")
    try:
        vector.frombytes(base64.b64decode(embedding, validate=True))
    except (binascii.Error, ValueError):
        raise ModelBroken(f"{provider} gave a vector that is no base64 of numbers.", provider=provider) from None
    if sys.byteorder == "big":
        vector.byteswap()
    return vector
