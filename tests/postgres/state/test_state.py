"""Documents: versions, conflicts, merges, several at once, once and no more, and what is kept."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.errors import IdempotencyConflict, Invalid, StateConflict, StateNotFound
from stretto.events.catalogue import BY_NAME
from stretto.settings import Settings
from stretto.state import ANY, State, Write
from stretto.state.document import MAX_BYTES
from stretto.state.store import forget_removed
from stretto.store import DEFAULT_TENANT, Database
from stretto.store.acting import acting

RUN = UUID("01a1fda3-e3c4-7792-b326-861f8d4a064f")
RULES: dict[str, Any] = {
    "m/": "merge",
    "log/": "append",
    "n/": "counter",
    "s/": "set_union",
    "max/": "max",
    "m/no/": "replace",
}


@pytest.fixture
def state(database: Database) -> State:
    return State(database, DEFAULT_TENANT, RULES)


def there(error: pytest.ExceptionInfo[StateConflict]) -> Any:
    """The document that the conflict names."""
    return error.value.document


async def test_a_document_is_written_read_and_removed(state: State) -> None:
    with pytest.raises(StateNotFound, match="no document 'plan/a'"):
        await state.get("plan/a")
    first = await state.put("plan/a", {"goal": "tides", "n": [1, 2.5, None, True, "é"]}, expected=None, by="ada")
    assert (first.version, first.by, first.merged_from) == (1, "ada", None)
    assert await state.get("plan/a") == first
    second = await state.put("plan/a", "over", expected=1, by="bob", run_id=RUN, step="build[2].code")
    assert second == await state.find("plan/a")
    assert (second.run_id, second.step) == (RUN, "build[2].code")
    gone = await state.delete("plan/a", expected=2)
    assert gone.deleted
    assert gone.version == 3
    assert await state.find("plan/a") is None
    with pytest.raises(StateNotFound):
        await state.delete("plan/a")
    assert (await state.put("plan/a", 1, expected=None)).version == 4
    assert [(each.version, each.deleted, each.value) for each in await state.history("plan/a")] == [
        (4, False, None),
        (3, True, None),
        (2, False, None),
        (1, False, None),
    ]
    assert [each.version for each in await state.history("plan/a", before=3, limit=1)] == [2]
    assert await state.at("plan/a", 1) == first
    assert (await state.at("plan/a", 3)).deleted
    with pytest.raises(StateNotFound, match="no version 9"):
        await state.at("plan/a", 9)


async def test_who_has_seen_another_version_changes_nothing(state: State) -> None:
    await state.put("a", 1, expected=None)
    await state.put("a", 2, expected=1, by="ada")
    for expected in (1, 3, None):
        with pytest.raises(StateConflict, match="at version 2, written by ada") as error:
            await state.put("a", 3, expected=expected)
        assert there(error) == await state.get("a")
    with pytest.raises(StateConflict, match="no document 'b' any more") as error:
        await state.put("b", 1, expected=1)
    assert there(error) is None
    with pytest.raises(StateConflict):
        await state.delete("a", expected=1)
    assert (await state.put("a", 3, expected=ANY)).version == 3
    assert len(await state.history("a")) == 3


@pytest.mark.parametrize(
    ("key", "ancestor", "theirs", "mine", "merged"),
    [
        (
            "m/x",
            {"a": 1, "b": {"c": 1}},
            {"a": 2, "b": {"c": 1}},
            {"a": 1, "b": {"c": 1, "d": 3}},
            {"a": 2, "b": {"c": 1, "d": 3}},
        ),
        ("log/x", [1], [1, 2], [1, 3], [1, 2, 3]),
        ("n/x", 10, 7, 15, 12),
        ("s/x", ["a", "b"], ["b", "c"], ["a", "b", "d"], ["b", "c", "d"]),
        ("max/x", 1, 9, 5, 9),
    ],
)
async def test_changes_that_can_be_merged_are(
    state: State, key: str, ancestor: Any, theirs: Any, mine: Any, merged: Any
) -> None:
    await state.put(key, ancestor, expected=None)
    await state.put(key, theirs, expected=1)
    written = await state.put(key, mine, expected=1)
    assert (written.value, written.version, written.merged_from) == (merged, 3, 1)
    assert await state.get(key) == written


async def test_two_who_both_begin_a_document_are_merged_too(state: State) -> None:
    await state.put("log/new", ["a"], expected=None)
    written = await state.put("log/new", ["b"], expected=None)
    assert (written.value, written.merged_from) == (["a", "b"], 0)
    await state.patch("n/new", [{"op": "increment", "path": "", "by": 3}], expected=ANY)
    assert (await state.patch("n/new", [{"op": "increment", "path": ""}])).value == 4


async def test_what_cannot_be_merged_is_told_why(state: State) -> None:
    await state.put("m/x", {"a": 1}, expected=None)
    await state.put("m/x", {"a": 2}, expected=1)
    with pytest.raises(StateConflict, match="both have changed /a"):
        await state.put("m/x", {"a": 3}, expected=1)
    await state.put("m/no/x", {"a": 1}, expected=None)
    await state.put("m/no/x", {"a": 1, "b": 1}, expected=1)
    with pytest.raises(StateConflict):  # the longest prefix counts
        await state.put("m/no/x", {"a": 1, "c": 1}, expected=1)
    with pytest.raises(Invalid, match="rule of 'n/x' is 'counter', so its value is a number"):
        await state.put("n/x", "many", expected=None)
    await state.delete("m/x")
    with pytest.raises(StateConflict, match="any more"):
        await state.put("m/x", {"a": 2, "b": 1}, expected=2)


async def test_patches(state: State) -> None:
    made = await state.patch("p", {"a": {"b": 1, "c": 2}})
    assert made.version == 1
    assert (await state.patch("p", {"a": {"b": None}, "d": [1]})).value == {"a": {"c": 2}, "d": [1]}
    operations = [
        {"op": "test", "path": "/d/0", "value": 1},
        {"op": "add", "path": "/d/-", "value": {"x": 1}},
        {"op": "increment", "path": "/a/c", "by": 5},
        {"op": "move", "from": "/d/0", "path": "/first"},
    ]
    assert (await state.patch("p", operations, expected=2)).value == {"a": {"c": 7}, "d": [{"x": 1}], "first": 1}
    with pytest.raises(StateConflict, match="/d/0 is not what"):
        await state.patch("p", operations)
    with pytest.raises(Invalid, match="'p': Operation 1 of the patch cannot be done: there is no '/zz'"):
        await state.patch("p", [{"op": "remove", "path": "/zz"}])
    with pytest.raises(StateNotFound):
        await state.patch("q", [{"op": "add", "path": "/a", "value": 1}])
    assert (await state.get("p")).version == 3


async def test_several_are_written_all_or_none(state: State) -> None:
    await state.put("b", 1, expected=None)
    with pytest.raises(StateConflict):
        await state.commit([Write.put("a", 1, expected=None), Write.put("b", 2, expected=7)])
    assert await state.find("a") is None
    done = await state.commit(
        [Write.put("c", 1, expected=None), Write.delete("b", expected=1), Write.patch("a", {"x": 1})]
    )
    assert [(each.key, each.version, each.deleted) for each in done] == [
        ("c", 1, False),
        ("b", 2, True),
        ("a", 1, False),
    ]
    with pytest.raises(Invalid, match="written twice"):
        await state.commit([Write.put("c", 2, expected=1), Write.put("c", 3, expected=1)])
    with pytest.raises(Invalid, match="1 to 64"):
        await state.commit([])


async def test_a_write_that_comes_again_is_answered_and_not_made(state: State) -> None:
    first = await state.put("a", {"x": 1}, expected=None, idempotency_key="run/step")
    await state.put("a", {"x": 2}, expected=1)
    assert await state.put("a", {"x": 1}, expected=None, idempotency_key="run/step") == first
    with pytest.raises(IdempotencyConflict):
        await state.put("a", {"x": 3}, expected=None, idempotency_key="run/step")
    with pytest.raises(StateConflict):  # changed nothing, so it may come again
        await state.put("a", {"x": 4}, expected=1, idempotency_key="other")
    assert (await state.put("a", {"x": 4}, expected=2, idempotency_key="other")).version == 3
    long = "x" * 400
    one = await state.patch("a", {"y": 1}, idempotency_key=long)
    assert await state.patch("a", {"y": 1}, idempotency_key=long) == one
    assert (await state.get("a")).version == 4


async def test_the_same_request_many_times_at_once_is_made_once(state: State) -> None:
    answers = await asyncio.gather(
        *(state.patch("n/hits", [{"op": "increment", "path": ""}], idempotency_key="once") for _ in range(8))
    )
    assert [each.version for each in answers] == [1] * 8
    assert (await state.get("n/hits")).value == 1


async def test_an_update_asks_again_until_it_comes_through(state: State) -> None:
    await state.put("a", 0, expected=None)
    seen: list[int] = []

    async def slow(value: int) -> int:
        seen.append(value)
        if len(seen) < 3:
            await state.put("a", value + 10, expected=ANY)
        return value + 1

    assert (await state.update("a", slow)).value == 21
    assert seen == [0, 10, 20]

    async def never(value: int) -> int:
        await state.put("a", value + 1, expected=ANY)
        return 0

    with pytest.raises(StateConflict):
        await state.update("a", never, attempts=2)
    assert (await state.update("fresh", lambda value: [value], attempts=1)).value == [None]


async def test_an_update_under_a_key_is_made_once(state: State) -> None:
    for _ in range(3):
        await state.update("n/x", lambda value: (value or 0) + 1, idempotency_key="k")
    assert (await state.get("n/x")).value == 1


async def test_documents_are_listed_in_pages_by_number_and_by_size(state: State) -> None:
    for key in ("a/1", "a/2", "a/3", "ab", "b"):
        await state.put(key, key, expected=None)
    await state.delete("a/2")
    page = await state.list("a/", limit=1)
    assert ([each.key for each in page.documents], page.next) == (["a/1"], "a/1")
    page = await state.list("a/", page.next)
    assert ([each.value for each in page.documents], page.next) == (["a/3"], None)
    assert [each.key for each in (await state.list()).documents] == ["a/1", "a/3", "ab", "b"]
    assert [each.key for each in (await state.list("a")).documents] == ["a/1", "a/3", "ab"]
    for number in range(7):
        await state.put(f"big/{number}", "x" * (MAX_BYTES - 2), expected=None)
    page = await state.list("big/")
    assert [each.key for each in page.documents] == ["big/0", "big/1", "big/2", "big/3"]
    assert [each.key for each in (await state.list("big/", page.next)).documents] == ["big/4", "big/5", "big/6"]


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("", 1, "cannot be the key"),
        ("/a", 1, "cannot be the key"),
        ("a//b", 1, "cannot be the key"),
        ("a/../b", 1, "cannot be the key"),
        ("a\n", 1, "cannot be the key"),
        ("x" * 201, 1, "cannot be the key"),
        ("a/history", 1, "stands for a document's history"),
        ("a", float("nan"), "holds nan"),
        ("a", [{"b": "\0"}], r"U\+0000"),
        ("a", {"\0": 1}, r"U\+0000"),
        ("a", "x" * MAX_BYTES, "262,146 bytes"),
        ("a", 2**70, "no plain JSON"),
        ("a", {1: 2}, "no plain JSON"),
        ("a", datetime.now(UTC), "no plain JSON"),
        ("a", "\ud800", "no plain JSON"),
    ],
)
async def test_what_cannot_be_kept_is_refused(state: State, key: str, value: Any, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        await state.put(key, value, expected=None)
    deep: Any = 1
    for _ in range(150):
        deep = [deep]
    with pytest.raises(Invalid, match="levels deep"):
        await state.put("deep", deep, expected=None)
    assert not (await state.list()).documents


async def test_numbers_and_places_that_cannot_be_are_refused(state: State) -> None:
    await state.put("a", 1, expected=None)
    for version in (0, -1, 2**31, 2**70):
        with pytest.raises(Invalid, match="cannot be at version"):
            await state.put("a", 2, expected=version)
        with pytest.raises(StateNotFound):
            await state.at("a", version)
    assert len(await state.history("a", before=2**70)) == 1
    assert not await state.history("a", before=-(2**70))
    with pytest.raises(Invalid, match="cannot begin a key"):
        await state.list("", after="\0")
    with pytest.raises(Invalid, match="cannot begin a key"):
        await state.list("%\0")


async def test_old_versions_are_forgotten_but_the_last_ones_stay(settings: Settings) -> None:
    database = await Database.open(settings.model_copy(update={"state_versions": 5}))
    state = State(database, DEFAULT_TENANT, RULES)
    first = await state.put("log/x", [], expected=None, idempotency_key="first")
    for number in range(1, 70):
        await state.put("log/x", list(range(number)), expected=number)
        assert len(await state.history("log/x", limit=1000)) <= 5 + 16
    kept = [each.version for each in await state.history("log/x", limit=1000)]
    assert kept == list(range(70, 59, -1))
    with pytest.raises(StateNotFound):
        await state.at("log/x", 10)
    with pytest.raises(StateConflict):  # the common ancestor is forgotten
        await state.put("log/x", ["y"], expected=10)
    again = await state.put("log/x", [], expected=None, idempotency_key="first")
    assert (again.version, again.at, again.kept, again.value) == (1, first.at, False, None)
    assert (await state.get("log/x")).version == 70
    await database.close()


async def test_removed_documents_are_forgotten_after_their_time(state: State, database: Database) -> None:
    await state.put("a", 1, expected=None)
    await state.put("b", 1, expected=None)
    await state.delete("a")
    await forget_removed(database, datetime.now(UTC) - timedelta(hours=1))
    assert len(await state.history("a")) == 2
    await forget_removed(database, datetime.now(UTC) + timedelta(hours=1))
    with pytest.raises(StateNotFound):
        await state.history("a")
    assert (await state.get("b")).version == 1


async def test_every_version_is_told_in_its_transaction(state: State, owner: AsyncConnection[TupleRow]) -> None:
    with acting("key 12ab"):
        await state.put("n/a", 1, expected=None)
    await state.put("n/a", 2, expected=1, by="ada", run_id=RUN, step="s")
    with pytest.raises(Invalid):
        await state.put("n/a", "x", expected=2)
    await state.put("n/a", 5, expected=1)
    await state.delete("n/a")
    rows = await (await owner.execute("SELECT type, subject, data FROM outbox ORDER BY n")).fetchall()
    assert {(row[0], row[1]) for row in rows} == {("stretto.state.changed", "state/n/a")}
    told = [row[2] for row in rows]
    assert [(each["version"], each["by"], each["merged"], each["deleted"]) for each in told] == [
        (1, "key 12ab", False, False),
        (2, "ada", False, False),
        (3, "operator", True, False),
        (4, "operator", False, True),
    ]
    assert (told[1]["run_id"], told[1]["step"]) == (str(RUN), "s")
    known = BY_NAME["stretto.state.changed"]
    assert all(set(known.fields) <= set(each) <= set(known.fields) | set(known.more) for each in told)
    assert not any("value" in each for each in told)


async def test_another_tenant_has_documents_of_its_own(
    state: State, database: Database, owner: AsyncConnection[TupleRow]
) -> None:
    other = UUID("00000000-0000-7000-8000-000000000002")
    await owner.execute("INSERT INTO tenants VALUES (%s, 'other', now())", [other])
    theirs = State(database, other)
    await state.put("a", "mine", expected=None, idempotency_key="k")
    assert await theirs.find("a") is None
    assert not (await theirs.list()).documents
    with pytest.raises(StateNotFound):
        await theirs.history("a")
    assert (await theirs.put("a", "theirs", expected=None, idempotency_key="k")).version == 1
    async with database.tenant(other) as connection:
        await connection.execute("SELECT trim_state('a', 99)")
    assert (await state.get("a")).value == "mine"
    assert (await theirs.get("a")).value == "theirs"
