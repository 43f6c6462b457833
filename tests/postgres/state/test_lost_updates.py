"""Sixteen writers at once, over all rules: whatever was said to be written is there, once, and nothing else is."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from stretto.errors import StateConflict
from stretto.settings import Settings
from stretto.state import ANY, Document, Expected, Rule, State, Write
from stretto.store import DEFAULT_TENANT, Database

WRITERS = 16
WRITES = 12
RULES: dict[str, Rule] = {
    "merge/": "merge",
    "append/": "append",
    "counter/": "counter",
    "set_union/": "set_union",
    "max/": "max",
}
KINDS = [*RULES, "replace/"]


@pytest.fixture
async def state(settings: Settings) -> AsyncIterator[State]:
    """Documents over sixteen connections."""
    database = await Database.open(settings.model_copy(update={"pool_size": WRITERS, "state_versions": 10_000}))
    yield State(database, DEFAULT_TENANT, RULES)
    await database.close()


class Writer:
    """Writes at random, from what it read a while ago, and keeps in mind what it was told to be written."""

    def __init__(self, state: State, number: int, chance: random.Random, keys: list[str]) -> None:
        self.state = state
        self.number = number
        self.chance = chance
        self.seen: dict[str, Document | None] = dict.fromkeys(keys)
        self.written: dict[str, list[Any]] = {key: [] for key in keys}
        self.conflicts = 0
        self.merges = 0

    async def work(self) -> None:
        for _ in range(WRITES):
            await self.write(self.chance.choice(list(self.seen)))

    async def write(self, key: str) -> None:
        """Write until it comes through; each time from what was seen last."""
        while True:
            seen = self.seen[key]
            value, said = self.change(key, None if seen is None else seen.value)
            expected: Expected = None if seen is None else seen.version
            try:
                done = await self.state.put(key, value, expected=expected, by=f"writer {self.number}")
            except StateConflict as conflict:
                self.conflicts += 1
                found: Any = conflict.document
                self.seen[key] = found
                continue
            self.written[key].append(said)
            self.merges += done.merged_from is not None
            if (
                self.chance.random() < 0.5
            ):  # else it goes on with what it knew before: the next write is merged, or fails
                self.seen[key] = done
            return

    def change(self, key: str, value: Any) -> tuple[Any, Any]:
        """A value made of the one that was seen, and what was changed."""
        tag = f"{self.number}-{len(self.written[key])}-{self.chance.randrange(10**6)}"
        match key.split("/", maxsplit=1)[0]:
            case "counter":
                by = self.chance.randint(-3, 5)
                return (value or 0) + by, by
            case "append" | "replace":
                return [*(value or []), tag], tag
            case "set_union":
                mine = [each for each in value or [] if each.startswith(f"{self.number}-")]
                if mine and self.chance.random() < 0.3:
                    gone = self.chance.choice(mine)
                    return [each for each in value if each != gone], ("-", gone)
                return [*(value or []), tag], ("+", tag)
            case "max":
                number = self.chance.randrange(10**6)
                return max(number, value or 0), number
            case _:
                fields = dict(value or {})
                if self.chance.random() < 0.3:  # a field that all change
                    return {**fields, "all": fields.get("all", 0) + 1}, "all"
                return {**fields, f"of{self.number}": tag}, tag


@pytest.mark.parametrize("seed", range(3))
async def test_no_update_is_lost_whoever_writes(state: State, seed: int) -> None:
    chance = random.Random(seed)
    keys = [f"{kind}{number}" for kind in KINDS for number in range(chance.choice([1, 2]))]
    writers = [Writer(state, number, random.Random(chance.random()), keys) for number in range(WRITERS)]
    async with asyncio.TaskGroup() as group:
        for writer in writers:
            group.create_task(writer.work())
    assert sum(writer.conflicts for writer in writers) > WRITERS
    assert sum(writer.merges for writer in writers) > WRITERS
    for key in keys:
        said = [each for writer in writers for each in writer.written[key]]
        if not said:
            continue
        history = [await state.at(key, each.version) for each in reversed(await state.history(key, limit=1000))]
        assert [each.version for each in history] == list(range(1, len(said) + 1)), key
        assert Counter(each.by for each in history) == Counter(
            {f"writer {writer.number}": len(writer.written[key]) for writer in writers if writer.written[key]}
        )
        check(key, history[-1].value, said, writers)


def check(key: str, value: Any, said: list[Any], writers: list[Writer]) -> None:
    match key.split("/", maxsplit=1)[0]:
        case "counter":
            assert value == sum(said)
        case "append" | "replace":
            assert sorted(value) == sorted(said)
            for writer in writers:
                own = [each for each in value if each.startswith(f"{writer.number}-")]
                assert own == writer.written[key]
        case "set_union":
            added = {tag for sign, tag in said if sign == "+"}
            assert set(value) == added - {tag for sign, tag in said if sign == "-"}
            assert len(value) == len(set(value))
        case "max":
            assert value == max(said)
        case _:
            assert value.get("all", 0) == said.count("all")
            for writer in writers:
                own = [each for each in writer.written[key] if each != "all"]
                assert value.get(f"of{writer.number}") == (own[-1] if own else None)


async def test_updates_come_through_however_many_there_are(state: State) -> None:
    async def later(value: int | None) -> int:
        await asyncio.sleep(0)
        return (value or 0) + 1

    def now(value: int | None) -> int:
        return (value or 0) + 1

    def write(number: int) -> Awaitable[Document]:
        if number % 4 == 0:
            return state.update("replace/n", later, attempts=200)
        return state.update("replace/n", now)

    await asyncio.gather(*(write(number) for number in range(WRITERS * 4)))
    assert (await state.get("replace/n")).value == WRITERS * 4


async def test_money_that_goes_from_one_document_to_another_stays_the_same(state: State) -> None:
    names = [f"replace/{number}" for number in range(5)]
    await state.commit([Write.put(name, 100, expected=None) for name in names])
    seen_wrong: list[int] = []

    async def move(chance: random.Random) -> None:
        for _ in range(6):
            while True:
                one, other = chance.sample(names, 2)
                first, second = await state.get(one), await state.get(other)
                amount = chance.randint(1, 20)
                writes = [
                    Write.put(one, first.value - amount, expected=first.version),
                    Write.put(other, second.value + amount, expected=second.version),
                ]
                try:
                    await state.commit(writes)
                except StateConflict:
                    continue
                break

    async def look(done: Callable[[], bool]) -> None:
        while not done():
            total = sum(each.value for each in (await state.list("replace/")).documents)
            if total != 500:
                seen_wrong.append(total)

    async with asyncio.TaskGroup() as group:
        movers = [group.create_task(move(random.Random(number))) for number in range(WRITERS)]
        group.create_task(look(lambda: all(each.done() for each in movers)))
    assert seen_wrong == []
    versions = sum([(await state.get(name)).version for name in names])
    assert versions == len(names) + 2 * WRITERS * 6


async def test_whoever_writes_many_documents_in_any_order_comes_through(state: State) -> None:
    names = [f"replace/{number}" for number in range(6)]

    async def write(chance: random.Random) -> None:
        for _ in range(5):
            chosen = chance.sample(names, 4)
            await state.commit([Write.patch(name, {"by": chance.random()}, expected=ANY) for name in chosen])

    await asyncio.gather(*(write(random.Random(number)) for number in range(WRITERS)))
    assert sum([(await state.get(name)).version for name in names]) == WRITERS * 5 * 4
