"""Texts into vectors: in batches, each text once, and a few questions kept."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from uuid import UUID

from stretto.errors import Invalid, ModelBroken
from stretto.gateway.provider import Caller, Embedder, Embeddings

Vector = Sequence[float]
T = TypeVar("T")
BATCH = 64
"""Texts in one call."""
AT_ONCE = 4
"""Calls at the same time."""
KEPT_QUESTIONS = 1_024
MAX_DIMENSIONS = 4_000
"""The most that pgvector's HNSW takes of half-precision numbers."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model that makes vectors, and how many numbers they have."""

    name: str
    dimensions: int

    def __post_init__(self) -> None:
        if not self.name or not 1 <= self.dimensions <= MAX_DIMENSIONS:
            raise Invalid(f"A model for vectors needs a name and 1 to {MAX_DIMENSIONS} dimensions.")


async def together(*works: Coroutine[Any, Any, T]) -> list[T]:
    """The results of works done at once. The first that fails ends the others, and its error is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


Questions = OrderedDict[tuple[UUID | None, str, int, str], Vector]
"""The vectors of the latest questions, for each tenant and model by itself."""


class Encoder:
    """Asks an `Embedder`, and gives vectors of length 1. Raises a `ModelError` when it cannot.

    Encoders may share what they keep of `questions`.
    """

    def __init__(
        self,
        embedder: Embedder,
        ask_dimensions: bool = False,
        questions: Questions | None = None,
        *,
        is_free: bool = False,
    ) -> None:
        self.is_free = is_free
        """Whether a question may be read before it is known that its vector is wanted: nobody pays for it."""
        self._embedder = embedder
        self._ask_dimensions = ask_dimensions
        """Whether the model must be told how many numbers are wanted (models that give several lengths)."""
        self._questions = Questions() if questions is None else questions
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def question(self, text: str, model: Model, tenant_id: UUID | None = None) -> Vector:
        """The vector of a question; the latest thousand are kept, for each tenant by itself."""
        key = (tenant_id, model.name, model.dimensions, text)
        if (known := self._questions.get(key)) is None:
            known = (await self._ask([text], model))[0]
            self._questions[key] = known
            if len(self._questions) > KEPT_QUESTIONS:
                self._questions.popitem(last=False)
        else:
            self._questions.move_to_end(key)
        return known

    async def texts(self, wanted: Mapping[bytes, str], model: Model) -> dict[bytes, Vector]:
        """The vectors of texts, by the texts' hashes."""
        hashes = list(wanted)
        parts = [hashes[start : start + BATCH] for start in range(0, len(hashes), BATCH)]
        found: dict[bytes, Vector] = {}

        async def one(part: Sequence[bytes]) -> None:
            found.update(zip(part, await self._ask([wanted[each] for each in part], model), strict=True))

        await together(*map(one, parts))
        return found

    async def _ask(self, texts: Sequence[str], model: Model) -> list[Vector]:
        async with self._slots:
            dimensions = model.dimensions if self._ask_dimensions else None
            got = await self._embedder.embed(texts, model=model.name, dimensions=dimensions)
        if len(got.vectors) != len(texts):
            raise ModelBroken(f"The model {model.name!r} gave {len(got.vectors)} vectors for {len(texts)} texts.")
        return [normalised(vector, model) for vector in got.vectors]


class Embeds(Protocol):
    """What makes vectors by the name of a route: the gateway."""

    async def embed(
        self, texts: Sequence[str], *, model: str, caller: Caller | None = None, dimensions: int | None = None
    ) -> Embeddings: ...


class RouteEmbedder:
    """An `Embedder` for one tenant: its models are the one on this machine, by its name, and the routes of the gateway.

    The tenant pays for the calls of routes.
    """

    name = "gateway"

    def __init__(
        self, gateway: Embeds, tenant_id: UUID, local: Embedder | None = None, local_model: str | None = None
    ) -> None:
        self._gateway = gateway
        self._caller = Caller(tenant_id=tenant_id)
        self._local = local
        self._local_model = local_model

    async def embed(self, texts: Sequence[str], *, model: str = "", dimensions: int | None = None) -> Embeddings:
        """Raises what the gateway raises, or the model on this machine."""
        if self._local is not None and model == self._local_model:
            return await self._local.embed(texts, model=model, dimensions=dimensions)
        return await self._gateway.embed(texts, model=model, caller=self._caller, dimensions=dimensions)

    async def close(self) -> None:
        """What it asks is somebody else's."""


def normalised(vector: Vector, model: Model) -> Vector:
    """The vector with length 1. Raises `ModelBroken` for one that cannot be used."""
    if len(vector) != model.dimensions:
        raise ModelBroken(
            f"The model {model.name!r} gives vectors of {len(vector)} numbers, and {model.dimensions} were configured. "
            "Correct the setting."
        )
    length = math.sqrt(sum(value * value for value in vector))
    if not (length > 0 and math.isfinite(length)):
        raise ModelBroken(f"The model {model.name!r} gave a vector that points nowhere.")
    return vector if abs(length - 1) < 1e-4 else [value / length for value in vector]


def written(vector: Vector) -> str:
    """A vector as PostgreSQL reads it."""
    return "[" + ",".join(f"{value:.5g}" for value in vector) + "]"
