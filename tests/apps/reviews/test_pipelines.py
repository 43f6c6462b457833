"""Reviews are taken in, analysed, found again, thanked for, each by its graph."""

from __future__ import annotations

from functools import partial
from io import BytesIO
from typing import Any

import pytest

from stretto.errors import NotFound
from stretto.langgraph import hosted
from stretto.review import Filter
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT
from stretto_reviews.imports import get_import, rejects, take_in
from stretto_reviews.pipelines.action import POINTS
from stretto_reviews.pipelines.ingestion import start_ingestion
from stretto_reviews.pipelines.query import HELP
from stretto_reviews.pipelines.query import NAME as QUERY
from stretto_reviews.pipelines.router import router_graph
from tests.apps.reviews.engine import OTHER, engine, over, rows, taken, until

BATTERY = "The battery lasts two whole days, which is wonderful. I take it on every hike."
ROUTER = "The router drops the wireless connection every hour. Their support never answers, I am very disappointed."
COPY = "I take it on every hike. The battery lasts two whole days, which is really wonderful."


def review(id: str, text: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "source": "shop", "text": text, "date": "2026-05-03", **more}


async def test_what_is_taken_in_is_analysed_marked_counted_and_found(settings: Settings) -> None:
    async with engine(settings) as platform:
        found = await taken(
            platform,
            [
                review(
                    "1", BATTERY, rating=5, product={"external_id": "p1", "name": "Trail Phone"}, lat=52.52, lng=13.4
                ),
                review("2", ROUTER, rating=1, product={"external_id": "p2", "name": "Net Box"}),
                review("3", COPY, rating=5),
                review("4", "CLICK HERE www.cheap.shop http://x.top buy followers now!!!!!", rating=5),
                review("5", "", rating=9),
                review("1", "The same id again says something else."),
            ],
        )
        assert (found.rows, found.done, found.taken, found.known) == (6, 6, 4, 1)
        assert (found.duplicates, found.spam, found.rejected) == (1, 1, 1)
        assert found.finished_at is not None
        assert {(each.line, each.field) for each in await rejects(platform.database, DEFAULT_TENANT, found.id)} == {
            (5, "rating"),
            (5, "text"),
        }
        kept = {
            id: (status, sentiment, themes, cell)
            for id, status, sentiment, themes, cell in await rows(
                platform, "SELECT external_id, status, sentiment::float8, themes, h3_cell FROM stretto_reviews.reviews"
            )
        }
        assert kept["1"][0] == "analysed"
        assert kept["1"][1] > 3
        assert kept["2"][1] < 2
        assert "battery" in kept["1"][2]
        assert {"connection", "support"} <= set(kept["2"][2])
        assert kept["1"][3] is not None
        assert [kept[id][0] for id in ("3", "4")] == ["duplicate", "spam"]
        hits = (await platform.memory().search("reviews", "how long does the battery last")).hits
        assert [hit.metadata["product"] for hit in hits[:1]] == ["Trail Phone"]
        daily = "SELECT day::text, reviews, positive, negative FROM stretto_reviews.daily_sentiment"
        figures = await until(lambda: rows(platform, daily))  # made soon after, where much is to be done
        assert figures == [("2026-05-03", 2, 1, 1)]


async def test_an_import_without_lines_or_with_none_that_can_be_read_is_over(settings: Settings) -> None:
    async with engine(settings) as platform:
        empty = await taken(platform, [])
        assert (empty.rows, empty.done, empty.finished_at is not None) == (0, 0, True)
        import_id = await take_in(platform.database, DEFAULT_TENANT, "odd", BytesIO(b"5\nnonsense\n"), "jsonl")
        await over(platform, await start_ingestion(platform, DEFAULT_TENANT, import_id))
        odd = await get_import(platform.database, DEFAULT_TENANT, import_id)
        assert (odd.rows, odd.done, odd.rejected, odd.finished_at is not None) == (2, 2, 2, True)


async def test_the_same_import_again_changes_nothing(settings: Settings) -> None:
    lines = [review(str(n), f"Number {n} of these cameras takes sharp pictures in bright light.") for n in range(5)]
    async with engine(settings) as platform:
        await taken(platform, lines)
        before = await rows(platform, "SELECT id, text, taken_at FROM stretto_reviews.reviews ORDER BY id")
        again = await taken(platform, lines)
        assert (again.taken, again.known) == (0, 5)
        assert await rows(platform, "SELECT id, text, taken_at FROM stretto_reviews.reviews ORDER BY id") == before


async def test_a_question_is_answered_with_citations_and_with_figures(settings: Settings) -> None:
    async with engine(settings) as platform:
        await taken(platform, [review("1", BATTERY, rating=5), review("2", ROUTER, rating=1)])
        flow = hosted(platform.tools, QUERY).flow

        async def ask(question: str) -> dict[str, Any]:
            run = await over(platform, await platform.runs().start(flow, {"question": question}))
            assert isinstance(run.output, dict)
            return run.output

        told = (await ask("How long does the battery last?"))["answer"]
        assert told["enough"]
        assert "battery lasts two whole days" in told["text"]
        cited = {number for sentence in told["sentences"] for number in sentence["sources"]}
        assert all("battery" in source["text"] for source in told["sources"] if source["number"] in cited)
        counted = await ask("How many reviews are there?")
        assert counted["figures"]["rows"] == [[2]]
        assert "2" in counted["answer"]["text"]
        for absurd in ("", "?", "glorp blim zzz", "'; DROP TABLE reviews; --"):
            assert (await ask(absurd))["answer"]["text"] == HELP
        assert len(await rows(platform, "SELECT 1 FROM stretto_reviews.reviews")) == 2


async def test_an_empty_engine_says_what_to_do(settings: Settings) -> None:
    async with engine(settings) as platform:
        run = await over(
            platform, await platform.runs().start(hosted(platform.tools, QUERY).flow, {"question": "Is it good?"})
        )
        assert isinstance(run.output, dict)
        assert "Import some" in run.output["answer"]["text"]


async def test_points_are_given_once_and_doubts_are_decided_by_a_person(settings: Settings) -> None:
    good = {"rating": 5, "product": {"external_id": "p", "name": "Pan"}}
    joined = {"name": "Ada", "email": "ada@example.org", "opted_into_loyalty": True}
    stranger = {"name": "Ben", "email": "ben@example.org", "opted_into_loyalty": True}
    third = {"name": "Cora", "email": "cora@example.org", "opted_into_loyalty": False}
    complaint = "Terrible, awful, broken, I hate this horrible pan and want my money back, a disgrace it is."
    async with engine(settings) as platform:
        async with platform.database.tenant(DEFAULT_TENANT) as connection:
            await connection.execute(
                "INSERT INTO stretto_reviews.customers (tenant_id, email, opted_into_loyalty, created_at) "
                "VALUES (%s, 'ada@example.org', true, '2020-01-01')",
                [DEFAULT_TENANT],
            )
        await taken(
            platform,
            [
                review(
                    "1",
                    "A very good pan, heavy and even, nothing sticks, and cleaning takes a minute.",
                    customer=joined,
                    **good,
                ),
                review("2", complaint, customer=stranger, **good),
                review(
                    "3",
                    "I like this pan a lot, it heats fast and the handle stays cool all the time.",
                    customer=third,
                    **good,
                ),
            ],
        )
        waiting = await until(lambda: platform.reviews().list(Filter()))
        assert len(waiting) == 1
        assert "Shall the customer get 100 points" in waiting[0].question
        assert await rows(platform, "SELECT email, loyalty_points FROM stretto_reviews.customers ORDER BY email") == [
            ("ada@example.org", POINTS),
            ("ben@example.org", 0),
            ("cora@example.org", 0),
        ]
        await platform.reviews().decide(waiting[0].id, "approve", by="mia")
        await until(lambda: rows(platform, "SELECT 1 FROM stretto_reviews.actions WHERE decided_by = 'mia'"))
        decided = await rows(
            platform, "SELECT outcome, points, decided_by FROM stretto_reviews.actions ORDER BY points DESC, decided_by"
        )
        assert decided == [("awarded", POINTS, "mia"), ("awarded", POINTS, "rules"), ("denied", 0, "rules")]
        assert await rows(platform, "SELECT sum(points) FROM stretto_reviews.points") == [(2 * POINTS,)]
        # The same reviews once more, through the router: everything was decided already.
        ids = [str(id) for (id,) in await rows(platform, "SELECT id FROM stretto_reviews.reviews")]
        await over(
            platform, await platform.runs().start(router_graph(platform).flow, {"request": "action", "review_ids": ids})
        )
        assert await rows(platform, "SELECT sum(points) FROM stretto_reviews.points") == [(2 * POINTS,)]
        letters = await rows(
            platform, "SELECT connector, count(*) FROM stretto_reviews.deliveries GROUP BY 1 ORDER BY 1"
        )
        assert letters == [("klaviyo", 2), ("yotpo", 2)]


async def test_the_router_says_which_requests_it_takes(settings: Settings) -> None:
    async with engine(settings) as platform:
        flow = router_graph(platform).flow
        run_id = await platform.runs().start(flow, {"request": "query"})
        async for _ in platform.runs().follow(run_id):
            pass
        run = await platform.runs().get(run_id)
        assert run.status == "failed"
        assert run.error is not None
        assert "needs `question`" in str(run.error)


async def test_two_tenants_never_meet(settings: Settings) -> None:
    async with engine(settings) as platform:
        mine = await taken(platform, [review("1", BATTERY)])
        theirs = await taken(platform, [review("1", BATTERY + " Also the secret word is xylophone.")], OTHER)
        assert (mine.taken, theirs.taken, theirs.duplicates) == (1, 1, 0)
        found = await platform.memory().search("reviews", "battery xylophone")
        assert len(found.hits) == 1
        assert "xylophone" not in found.hits[0].text
        for table in ("reviews", "imports", "review_keys", "review_bands", "daily_sentiment", "daily_themes"):
            seen = partial(rows, platform, f"SELECT DISTINCT tenant_id FROM stretto_reviews.{table}", OTHER)
            assert await until(seen) == [(OTHER,)], table
        with pytest.raises(NotFound):
            await rejects(platform.database, DEFAULT_TENANT, theirs.id)
        run = await over(
            platform,
            await platform.runs(OTHER).start(
                hosted(platform.tools, QUERY).flow, {"question": "How many reviews are there?"}
            ),
            OTHER,
        )
        assert isinstance(run.output, dict)
        assert run.output["figures"]["rows"] == [[1]]
