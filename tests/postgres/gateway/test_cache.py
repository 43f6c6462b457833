"""Kept answers: found by equal and by similar requests, of one tenant and route alone, and not beyond their time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection
from psycopg.errors import InsufficientPrivilege
from psycopg.rows import TupleRow

from stretto.errors import ModelUnreachable
from stretto.gateway.answers import Answer
from stretto.gateway.cache import PostgresAnswers
from stretto.gateway.config import CacheRule, Route
from stretto.gateway.provider import Caller, Embeddings, Message, ModelRequest, ToolSpec
from stretto.gateway.simulated.vectors import simulate_vector
from stretto.store import DEFAULT_TENANT, Database

EXACT = Route("fast", (), cache=CacheRule(exact_ttl_s=3600))
SIMILAR = Route("fast", (), cache=CacheRule(semantic_threshold=0.7))
ANSWER = Answer(text="It rains.", model="m", provider="p", deployment="d")


class Words:
    """An embedder by the words that texts share."""

    name = "words"

    def __init__(self) -> None:
        self.is_away = False
        self.asked: list[str] = []

    async def embed(self, texts: Sequence[str], *, model: str = "", dimensions: int | None = None) -> Embeddings:
        if self.is_away:
            raise ModelUnreachable("away")
        self.asked += texts
        return Embeddings(vectors=[simulate_vector(text) for text in texts], model="words", provider="words")

    async def close(self) -> None:
        pass


def ask(text: str = "How is the weather in the harbour today?", **more: Any) -> ModelRequest:
    return ModelRequest(model="fast", messages=(Message("system", "Be brief."), Message("user", text)), **more)


@asynccontextmanager
async def cache_on(database: Database) -> AsyncGenerator[PostgresAnswers]:
    async with PostgresAnswers(database, Words()) as cache:
        yield cache


async def keep(
    database: Database, route: Route, request: ModelRequest, answer: Answer = ANSWER, tenant_id: UUID = DEFAULT_TENANT
) -> None:
    async with cache_on(database) as cache:
        cache.keep(tenant_id, route, request, answer)


async def find(
    database: Database, route: Route, request: ModelRequest, tenant_id: UUID = DEFAULT_TENANT, **more: Any
) -> Answer | None:
    """Ask in a process that remembers nothing."""
    async with cache_on(database) as cache:
        return await cache.find(tenant_id, route, request, **more)


@pytest.fixture
async def other_tenant(owner: AsyncConnection[TupleRow]) -> UUID:
    tenant_id = uuid4()
    await owner.execute("INSERT INTO tenants (id, name, created_at) VALUES (%s, 'other', now())", [tenant_id])
    return tenant_id


async def test_an_equal_request_finds_it_in_this_process_and_in_others(database: Database):
    async with cache_on(database) as cache:
        cache.keep(DEFAULT_TENANT, EXACT, ask(), ANSWER)
        assert await cache.find(DEFAULT_TENANT, EXACT, ask(idempotency_key="x", caller=Caller(agent="a"))) == ANSWER
        assert (cache.hits["fast"].exact, cache.hits["fast"].rate) == (1, 1.0)
    assert await find(database, EXACT, ask()) == ANSWER


@pytest.mark.parametrize("route", [EXACT, SIMILAR])
async def test_neither_another_tenant_nor_another_route_finds_it(database: Database, other_tenant: UUID, route: Route):
    await keep(database, route, ask())
    assert await find(database, route, ask()) is not None
    assert await find(database, route, ask(), other_tenant) is None
    elsewhere = Route("strong", (), cache=route.cache)
    assert await find(database, elsewhere, ask()) is None
    await keep(database, route, ask(), Answer(text="Theirs.", model="m", provider="p", deployment="d"), other_tenant)
    found = await find(database, route, ask())
    assert found is not None
    assert found.text == "It rains."


async def test_the_database_itself_hides_it_from_another_tenant(database: Database, other_tenant: UUID):
    await keep(database, EXACT, ask())
    for tenant_id, seen in ((DEFAULT_TENANT, 1), (other_tenant, 0)):
        async with database.tenant(tenant_id) as connection:
            changed = await connection.execute("UPDATE answers SET expires_at = now()")
            assert changed.rowcount == seen
    with pytest.raises(InsufficientPrivilege):
        async with database.tenant(other_tenant) as connection:
            await connection.execute(
                "INSERT INTO answers (tenant_id, route, key, answer, kept_at, expires_at) "
                "VALUES (%s, 'fast', 'x', '{}', now(), now())",
                [DEFAULT_TENANT],
            )


async def test_each_thing_that_changes_an_answer_changes_the_request(database: Database):
    await keep(database, EXACT, ask())
    others = [
        ask("Other?"),
        ask(temperature=0.0),
        ask(max_tokens=5),
        ask(stop=("x",)),
        ask(returns={"type": "object"}),
        ask(json_mode=True),
        ask(seed=1),
        ask(reasoning_effort="low"),
    ]
    assert [await find(database, EXACT, other) for other in others] == [None] * len(others)


async def test_the_order_of_a_schemas_keys_does_not_matter(database: Database):
    await keep(database, EXACT, ask(returns={"type": "object", "title": "A"}))
    assert await find(database, EXACT, ask(returns={"title": "A", "type": "object"})) == ANSWER


async def test_where_variety_is_wanted_only_what_is_short_finds_it(database: Database):
    await keep(database, EXACT, ask(temperature=0.7))
    assert await find(database, EXACT, ask(temperature=0.7)) is None
    assert await find(database, EXACT, ask(temperature=0.7), loosely=True) == ANSWER
    any_temperature = Route("fast", (), cache=CacheRule(exact_ttl_s=3600, any_temperature=True))
    assert await find(database, any_temperature, ask(temperature=0.7)) == ANSWER


async def test_nothing_with_tools_is_kept(database: Database, owner: AsyncConnection[TupleRow]):
    await keep(database, EXACT, ask(tools=(ToolSpec(name="pay"),)))
    await keep(database, EXACT, ask(top_logprobs=1))
    row = await (await owner.execute("SELECT count(*) FROM answers")).fetchone()
    assert row == (0,)


async def test_its_time_ends(database: Database, owner: AsyncConnection[TupleRow]):
    await keep(database, EXACT, ask())
    await owner.execute("UPDATE answers SET kept_at = kept_at - interval '59 minutes'")
    assert await find(database, EXACT, ask()) == ANSWER
    await owner.execute("UPDATE answers SET kept_at = kept_at - interval '2 minutes', expires_at = now()")
    assert await find(database, EXACT, ask()) is None
    async with PostgresAnswers(database) as cache:
        assert await cache._store.drop_expired() == 1


async def test_a_similar_question_finds_it_and_says_so(database: Database):
    await keep(database, SIMILAR, ask("how is the weather in the harbour today"))
    found = await find(database, SIMILAR, ask("Please tell me: how is the weather in the harbour today?"))
    assert found is not None
    assert (found.text, found.match) == ("It rains.", "semantic")
    assert await find(database, SIMILAR, ask("what does a loaf of bread cost")) is None


async def test_only_the_last_question_may_differ(database: Database):
    await keep(database, SIMILAR, ask("how is the weather in the harbour today"))
    similar = "tell me how the weather is in the harbour today"
    other_system = ModelRequest(model="fast", messages=(Message("system", "Be long."), Message("user", similar)))
    assert await find(database, SIMILAR, other_system) is None
    assert await find(database, SIMILAR, ask(similar, max_tokens=9)) is None


async def test_what_lies_close_and_means_something_else_is_a_miss(database: Database):
    await keep(database, SIMILAR, ask("how is the weather in the harbour in 2023"))
    assert await find(database, SIMILAR, ask("how is the weather in the harbour in 2024")) is None
    assert await find(database, SIMILAR, ask("how is the weather not in the harbour in 2023")) is None


async def test_a_cache_that_cannot_be_asked_gives_nothing_and_raises_nothing(database: Database):
    embedder = Words()
    embedder.is_away = True
    async with PostgresAnswers(database, embedder) as cache:
        cache.keep(DEFAULT_TENANT, SIMILAR, ask(), ANSWER)
        assert await cache.find(DEFAULT_TENANT, SIMILAR, ask()) is None


async def test_many_at_once_and_the_newest_of_equal_ones(database: Database):
    async with cache_on(database) as cache:
        for n in range(250):
            answer = Answer(text=f"{n}", model="m", provider="p", deployment="d")
            cache.keep(DEFAULT_TENANT, EXACT, ask(f"Question {n % 50}?"), answer)
            if n % 100 == 0:
                await asyncio.sleep(0)
    found = await find(database, EXACT, ask("Question 7?"))
    assert found is not None
    assert found.text == "207"


async def test_a_question_is_embedded_once_for_each_tenant(database: Database, other_tenant: UUID):
    embedder = Words()
    async with PostgresAnswers(database, embedder) as cache:
        for tenant_id in (DEFAULT_TENANT, other_tenant):
            assert await cache.find(tenant_id, SIMILAR, ask()) is None
            cache.keep(tenant_id, SIMILAR, ask(), ANSWER)
    assert embedder.asked == [ask().messages[-1].text] * 2
    assert (
        await find(database, SIMILAR, ask("Please: how is the weather in the harbour today?"), other_tenant) is not None
    )


async def test_what_cannot_be_embedded_is_kept_for_equal_requests(database: Database):
    route = Route("fast", (), cache=CacheRule(exact_ttl_s=3600, semantic_threshold=0.7))
    embedder = Words()
    embedder.is_away = True
    async with PostgresAnswers(database, embedder) as cache:
        cache.keep(DEFAULT_TENANT, route, ask(), ANSWER)
    found = await find(database, route, ask())
    assert found is not None
    assert found.match == "exact"
    assert await find(database, route, ask("Please: how is the weather in the harbour today?")) is None


async def test_a_long_message_is_never_compared(database: Database):
    long = "How is the weather in the harbour today? " * 60
    await keep(database, SIMILAR, ask(long))
    assert await find(database, SIMILAR, ask(f"Please: {long}")) is None
    await keep(database, SIMILAR, ask(long[:1900]))
    assert await find(database, SIMILAR, ask(f"Please: {long[:1900]}")) is not None
