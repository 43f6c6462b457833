"""Vectors made anew with another model, while the old ones go on being searched."""

from __future__ import annotations

from stretto.errors import Invalid, MemoryNotFound
from stretto.memory.encoder import BATCH, Model, written
from stretto.memory.indexes.port import Point, Shelf
from stretto.memory.indexes.postgres import PostgresIndex
from stretto.memory.memory import Memory

ROWS = 4 * BATCH


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
    if not await memory.store.set_next_model(collection, None if same else model):
        raise MemoryNotFound(f"There is no collection {collection!r}.")


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
                return made
            after = 0  # somebody has remembered something meanwhile
            continue
        after = rows[-1][0]
        found = await memory.store.known_vectors(model, [row[2] for row in rows])
        lacking = {row[2]: row[1] for row in rows if row[2] not in found}
        fresh = await memory.encoder.texts(lacking, model) if lacking else {}
        made += len(fresh)
        vectors = {**found, **{hash_: written(vector) for hash_, vector in fresh.items()}}
        await memory.store.put_vectors(collection, model, {row[0]: row[2] for row in rows}, vectors)
        if not isinstance(memory.index, PostgresIndex):
            texts = await memory.store.texts([row[0] for row in rows])
            points = [
                Point(row[0], [float(each) for each in vectors[row[2]].strip("[]").split(",")], texts[row[0]][3])
                for row in rows
                if row[0] in texts
            ]
            await memory.index.put(Shelf(memory.tenant_id, known.id, model), points)
