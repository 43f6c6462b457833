"""Vectors made anew with another model, while the old ones go on being searched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import psycopg
import structlog

from stretto.errors import Invalid, MemoryNotFound, ModelRefused, NotPossible, StrettoError
from stretto.memory.encoder import BATCH, Model, written
from stretto.memory.indexes.port import Shelf
from stretto.memory.indexes.postgres import PostgresIndex
from stretto.memory.memory import Memory, hashed_pieces, points_of
from stretto.memory.store import claim, collections_to_reembed, embedded_of
from stretto.store import Database

log = structlog.get_logger(__name__)

ROWS = 4 * BATCH
"""Items whose vectors are made and written together: what is lost when a process is killed."""
AT_ONCE = 100
"""Collections that are looked for at once."""
EVERY_S = 5.0
"""How often a worker looks whether a collection has another model."""


async def change_model(memory: Memory, collection: str, model: Model) -> None:
    """Say that a collection shall be searched with another model. `reembed` does it; searches go on as before meanwhile.

    Raises `MemoryNotFound` when there is no such collection.
    """
    known = await memory.collection(collection)
    same = (known.model, known.dimensions) == (model.name, model.dimensions)
    if known.model == model.name and not same:
        raise Invalid(
            f"The model {model.name!r} gives vectors of {known.dimensions} numbers already. Name the new one otherwise."
        )
    if known.next_model and known.next_dimensions and known.next_model != model.name:
        begun = Model(known.next_model, known.next_dimensions)
        await memory.index.drop(Shelf(memory.tenant_id, known.id, begun))
    if not await memory.store.set_next_model(collection, None if same else model):
        raise MemoryNotFound(f"There is no collection {collection!r}.")


async def try_model(memory: Memory, model: Model) -> None:
    """Raise `NotPossible` without an encoder, `Invalid` where the model does not give such vectors, and another `ModelError` where it
    does not answer."""
    if memory.encoder is None:
        raise NotPossible(
            "There is no model for vectors here. Set STRETTO_MEMORY_MODEL to a route, or `pip install 'stretto[local]'`."
        )
    try:
        await memory.encoder.texts({b"": "One text, to see whether it can be read."}, model)
    except ModelRefused as error:
        raise Invalid(f"The model {model.name!r} cannot be used: {error}") from error


async def carry_forward(database: Database, memories: Callable[[UUID], Memory], every_s: float = EVERY_S) -> None:
    """Make the vectors of all collections that have another model, of all tenants, until cancelled.

    Each collection is one process's at a time; when that is killed, the next goes on where it was.
    """
    while True:
        try:
            for tenant_id, collection, name in await collections_to_reembed(database, AT_ONCE):
                try:
                    async with claimed(database, collection) as mine:
                        if mine:
                            made = await reembed(memories(tenant_id), name)
                            log.info("a collection has another model", collection=name, vectors=made)
                except (StrettoError, psycopg.Error) as error:
                    log.warning("vectors could not be made anew; trying again", collection=name, error=str(error))
        except (StrettoError, psycopg.Error) as error:
            log.warning("could not look for vectors to be made anew; trying again", error=str(error).strip())
        except Exception:
            log.exception("could not make vectors anew; trying again")
        await asyncio.sleep(every_s)


@asynccontextmanager
async def claimed(database: Database, collection: int) -> AsyncGenerator[bool]:
    """Whether this process may make the vectors of a collection. The claim ends with its connection, and so with the process."""
    connection = await database.dedicated()
    try:
        yield await claim(connection, collection)
    finally:
        await connection.close()


async def reembed(memory: Memory, collection: str) -> int:
    """Make the vectors that lack for the collection's next model, then search with them; gives how many were made.

    May be stopped at any point and called again: it goes on with what lacks. Raises a `ModelError` when the model fails.
    """
    if memory.encoder is None:
        raise Invalid("There is no model for vectors here. Give the memory an encoder.")
    made, after = 0, 0
    while True:
        known = await memory.collection(collection)
        if known.next_model is None or known.next_dimensions is None:
            return made
        model = Model(known.next_model, known.next_dimensions)
        rows = await memory.store.without_vector(known.id, model, after, ROWS)
        if not rows:
            if await memory.store.switch_model(collection, model):
                if known.model:
                    await memory.index.drop(Shelf(memory.tenant_id, known.id, Model(known.model, known.dimensions)))
                return made
            after = 0  # somebody has remembered something meanwhile
            continue
        after = rows[-1][0]
        texts = {row[0]: row[1] for row in rows}
        held = [each for id_, text, hash_ in rows for each in embedded_of(id_, hash_, hashed_pieces(text, hash_))]
        found = await memory.store.known_vectors(model, list({each.hash for each in held}))
        lacking = {each.hash: texts[each.item][each.span[0] : each.span[1]] for each in held if each.hash not in found}
        fresh = await memory.encoder.texts(lacking, model) if lacking else {}
        made += len(fresh)
        vectors = {**found, **{hash_: written(vector) for hash_, vector in fresh.items()}}
        if not isinstance(memory.index, PostgresIndex):
            there = await memory.store.texts(list(texts))
            held = [each for each in held if each.item in there]
            points = points_of(held, vectors, {id_: row[3] for id_, row in there.items()})
            await memory.index.put(Shelf(memory.tenant_id, known.id, model), points)
        # Last, since what is written here is not looked at again.
        await memory.store.put_vectors(collection, model, held, vectors)
