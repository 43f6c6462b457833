"""Memory: collections of texts, searched by meaning, words and place, and answers with checked citations."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from stretto.api.body import Body, JsonRoute
from stretto.api.doors import PlatformDoor, PrincipalDoor, needs
from stretto.api.paging import Limit, NameCursor, Next, page_of
from stretto.api.problems import fails
from stretto.errors import Invalid, MemoryNotFound, ModelError, NotPossible
from stretto.memory import Item, Memory, Model, Place, answer, change_model, try_model
from stretto.memory.encoder import MAX_DIMENSIONS
from stretto.memory.item import MAX_KEY_CHARS, MAX_NAME_CHARS, MAX_TEXT_CHARS
from stretto.memory.memory import MAX_LIMIT, MAX_QUESTION_CHARS

router = APIRouter(prefix="/v1/memory", tags=["memory"], route_class=JsonRoute)

MAX_ITEMS = 200
NAME_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._-]*$"
Name = Annotated[str, Path(max_length=MAX_NAME_CHARS, pattern=NAME_PATTERN, description="The collection's name.")]


async def _memory(platform: PlatformDoor, principal: PrincipalDoor) -> Memory:
    return platform.memory(principal.tenant_id)


MemoryDoor = Annotated[Memory, Depends(_memory)]
"""The memory of the request's tenant."""


class PlaceShown(BaseModel):
    """A place, in degrees (WGS 84)."""

    model_config = ConfigDict(from_attributes=True, extra="forbid")

    latitude: float = Field(ge=-90, le=90, allow_inf_nan=False)
    longitude: float = Field(ge=-180, le=180, allow_inf_nan=False)

    def place(self) -> Place:
        """The same, as the room `memory` has it."""
        return Place(self.latitude, self.longitude)


class NewItem(Body):
    """A text to be remembered; one that is there under the same key is replaced."""

    key: str = Field(min_length=1, max_length=MAX_KEY_CHARS, description="The item's name in the collection.")
    text: str = Field(min_length=1, max_length=MAX_TEXT_CHARS)
    metadata: dict[str, Any] = Field(default={}, description="Any JSON object, at most 16 KiB; filters look at it.")
    place: PlaceShown | None = None


class NewItems(Body):
    """Items to be remembered, all or none."""

    items: list[NewItem] = Field(min_length=1, max_length=MAX_ITEMS)
    language: str = Field(
        default="english",
        max_length=64,
        description="A text search configuration of PostgreSQL, such as `german` or `simple`; counts for a new collection.",
    )


class ItemsRemembered(BaseModel):
    """How many items are new or changed, how many were there just so, and how many texts the model had to read."""

    model_config = ConfigDict(from_attributes=True)

    written: int
    unchanged: int
    embedded: int


class ForgottenKeys(Body):
    """Items to be removed, by their keys."""

    keys: list[str] = Field(min_length=1, max_length=MAX_ITEMS)


class ItemsForgotten(BaseModel):
    """How many of the items were there."""

    forgotten: int


class CollectionShown(BaseModel):
    """A collection. `next_model` makes its vectors anew, while those of `model` are searched; empty without one.

    `remade` says how many of the items have vectors of the next model already; lists of collections do without it.
    """

    model_config = ConfigDict(from_attributes=True)

    name: str
    language: str
    items: int
    model: str
    dimensions: int
    next_model: str | None
    next_dimensions: int | None
    remade: int | None = None
    created_at: datetime


class WantedModel(Body):
    """What shall make a collection's vectors: the model on this machine by its name, or a route of the gateway."""

    model: str = Field(min_length=1, max_length=200)
    dimensions: int = Field(ge=1, le=MAX_DIMENSIONS, description="How many numbers its vectors have.")


class CollectionList(BaseModel):
    """By name."""

    collections: list[CollectionShown]
    next: Next


class Search(Body):
    """What is looked for."""

    question: str = Field(default="", max_length=MAX_QUESTION_CHARS)
    filter: dict[str, Any] | None = Field(
        default=None,
        description="Conditions on the metadata, all of which must hold: a value, or an object with `eq`, `ne`, `gt`, `gte`, `lt`, "
        "`lte` or `in`.",
    )
    near: PlaceShown | None = Field(default=None, description="What lies near this place is preferred.")


class LimitedSearch(Search):
    """What is looked for, and how much of it."""

    limit: int = Field(default=10, ge=1, le=MAX_LIMIT)


class ListedShown(BaseModel):
    """A list that has a hit, at which rank (1 is the best). `score`: the cosine, BM25, or the distance in km."""

    model_config = ConfigDict(from_attributes=True)

    list: str
    rank: int
    score: float


class PieceShown(BaseModel):
    """The piece of a long text that answers best, and where it stands in the text, in characters."""

    model_config = ConfigDict(from_attributes=True)

    text: str
    begins: int
    ends: int


class HitShown(BaseModel):
    """An item that was found, and why: `score` is the fusion of the lists and what the re-ranker says, weighed."""

    model_config = ConfigDict(from_attributes=True)

    key: str
    text: str
    metadata: dict[str, Any]
    place: PlaceShown | None
    at: datetime
    score: float
    fused: float
    reranked: float
    lists: list[ListedShown]
    passage: PieceShown | None = None


class SearchResult(BaseModel):
    """The hits, best first; `asked` says how many each list gave, `notes` what the search had to do without."""

    model_config = ConfigDict(from_attributes=True)

    hits: list[HitShown]
    asked: dict[str, int]
    notes: list[str]


class SentenceShown(BaseModel):
    """A sentence, and the numbers of the sources that support it."""

    model_config = ConfigDict(from_attributes=True)

    text: str
    sources: list[int]


class RemovedShown(SentenceShown):
    """A sentence that no source supports, and what is wrong with its citation."""

    fault: str


class PassageShown(BaseModel):
    """An item that an answer may cite by its number."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    key: str
    text: str
    metadata: dict[str, Any]


class AnswerShown(BaseModel):
    """An answer whose citations were checked. `enough` is false where there is too little to answer from."""

    model_config = ConfigDict(from_attributes=True)

    text: str
    enough: bool
    by: str = Field(description="`extract`: sentences of the sources; `model`: a model's, held to the sources.")
    sentences: list[SentenceShown]
    sources: list[PassageShown]
    removed: list[RemovedShown]
    notes: list[str]


@router.get("", responses=fails(Invalid), dependencies=[needs("memory:read")])
async def list_collections(memory: MemoryDoor, after: NameCursor, limit: Limit = 50) -> CollectionList:
    """The collections, by name."""
    found = await memory.collections(after or "", limit + 1)
    page, following = page_of(found, limit, lambda each: each.name)
    return CollectionList(collections=[CollectionShown.model_validate(each) for each in page], next=following)


@router.get("/{collection}", responses=fails(Invalid, MemoryNotFound), dependencies=[needs("memory:read")])
async def get_collection(collection: Name, memory: MemoryDoor) -> CollectionShown:
    """A collection."""
    return await _shown(memory, collection)


async def _shown(memory: Memory, name: str) -> CollectionShown:
    known = await memory.collection(name)
    shown = CollectionShown.model_validate(known)
    shown.remade = await memory.remade(known)
    return shown


@router.put(
    "/{collection}/model",
    responses=fails(Invalid, MemoryNotFound, NotPossible, ModelError),
    dependencies=[needs("memory:write")],
)
async def change_collection_model(collection: Name, wanted: WantedModel, memory: MemoryDoor) -> CollectionShown:
    """Have a collection's vectors made by another model. A worker does it; until all are made, the old ones are searched.

    The model is asked for one vector first. Asking for the model that the collection has ends what was begun.
    """
    model = Model(wanted.model, wanted.dimensions)
    await memory.collection(collection)
    await try_model(memory, model)
    await change_model(memory, collection, model)
    return await _shown(memory, collection)


@router.delete(
    "/{collection}", status_code=204, responses=fails(Invalid, MemoryNotFound), dependencies=[needs("memory:write")]
)
async def drop_collection(collection: Name, memory: MemoryDoor) -> None:
    """Remove a collection with all that is in it."""
    await memory.drop(collection)


@router.post("/{collection}/items", responses=fails(Invalid, NotPossible), dependencies=[needs("memory:write")])
async def remember_items(collection: Name, new: NewItems, memory: MemoryDoor) -> ItemsRemembered:
    """Remember items, all or none. The first ones make the collection; the same again changes nothing."""
    items = [
        Item(each.key, each.text, each.metadata, None if each.place is None else each.place.place())
        for each in new.items
    ]
    return ItemsRemembered.model_validate(await memory.remember(collection, items, language=new.language))


@router.post("/{collection}/forget", responses=fails(Invalid, MemoryNotFound), dependencies=[needs("memory:write")])
async def forget_items(collection: Name, gone: ForgottenKeys, memory: MemoryDoor) -> ItemsForgotten:
    """Remove items; those that are not there are passed over."""
    return ItemsForgotten(forgotten=await memory.forget(collection, gone.keys))


@router.post(
    "/{collection}/search", responses=fails(Invalid, MemoryNotFound, NotPossible), dependencies=[needs("memory:read")]
)
async def search_memory(collection: Name, search: LimitedSearch, memory: MemoryDoor) -> SearchResult:
    """What answers a question best, with the reason for each hit. An empty question with `near` finds the nearest."""
    near = None if search.near is None else search.near.place()
    found = await memory.search(collection, search.question, filter=search.filter, near=near, limit=search.limit)
    return SearchResult.model_validate(found)


@router.post(
    "/{collection}/answer", responses=fails(Invalid, MemoryNotFound, NotPossible), dependencies=[needs("memory:read")]
)
async def answer_from_memory(collection: Name, search: Search, memory: MemoryDoor) -> AnswerShown:
    """Answer a question in the words of the items, each sentence with its source; says so where there is too little."""
    near = None if search.near is None else search.near.place()
    return AnswerShown.model_validate(
        await answer(memory, collection, search.question, filter=search.filter, near=near)
    )
