"""Reviews in many hands at once: whatever flows and judges say, and whoever does what and when, nothing mandatory is released
but by a person who looked at it by itself, and no decision is applied twice: `python -m tests.attack.reviews --seconds 60`."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from stretto.engine.journal import Awaited, waits_statement
from stretto.engine.store import fetch
from stretto.errors import StrettoError
from stretto.flow.facts import Verdict
from stretto.review import Edit, Reviews, tend_deadlines
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT, Database
from stretto.store.idempotency import Once, once
from stretto.store.ids import new_id
from stretto.stream import Hub
from tests.attack.review_laws import Evidence, broken, must_be_seen
from tests.postgres.engine.stage import Stage
from tests.postgres.review.asking import GRAPH, body

PEOPLE = ("ann", "bob", "eve")
SHOWN = ("a draft", "", None, 7, [True], {"text": "a"}, "ü\n\t")
RULES: dict[str, Sequence[Any]] = {
    "mandatory": (True, False, False, False, "true", None, 1),
    "four_eyes": (True, False, False, False),
    "deadline_s": (0, 0, 0.0, None, -1, "soon", 3600),
    "on_deadline": ("approve", "approve", "reject", None, "publish"),
    "escalate_s": (None, 0),
    "bulk_from": (0, 0.5, 0.85, 0.95, 0.95, None, 2, "low"),
}
PLAIN = {"mandatory": False, "four_eyes": False, "deadline_s": 3600, "escalate_s": None}
THEMES: dict[str, dict[str, Any]] = {
    "wild": {},
    "plain": PLAIN,
    "due": PLAIN | {"deadline_s": 0},
    "eyes": {"four_eyes": True},
}
"""What all that is asked in a round has in common."""
CONFIDENCE = (0.0, 0.4, 0.7, 0.85, 0.9, 0.9, 0.9, 0.99, 1, None, "high", 7)
ACTIONS = (
    *("approve", "approve", "edit", "reject", "changes", "stale", "repeat", "repeat"),
    *("bulk", "bulk", "bulk again", "time", "time", "claim", "claim", "release", "assign", "snooze"),
    *("expire", "withdraw", "again"),
)

QUICK = "fsync = off\nfull_page_writes = off\n"
"""The machine will not lose power meanwhile."""


class Round:
    """Some reviews, some people who do something with them at the same time, and what they were told."""

    def __init__(self, stage: Stage, chance: random.Random) -> None:
        self.stage = stage
        self.chance = chance
        self.asked: dict[tuple[UUID, str], dict[str, Any]] = {}
        self.ids: list[UUID] = []
        self.told: Counter[UUID] = Counter()
        self.seen: list[tuple[UUID, str, int]] = []
        self.wrong: list[str] = []
        self._since = 0

    @property
    def reviews(self) -> Reviews:
        return self.stage.reviews

    async def play(self) -> list[str]:
        """Play it; gives the laws that were broken."""
        async with self.stage.database.operator() as connection:
            await connection.execute("TRUNCATE outbox")
            rows = await connection.execute("SELECT coalesce(max(id), 0) FROM audit")
            self._since = (await rows.fetchall())[0][0]
        theme = self.chance.choice(list(THEMES))
        # Few kinds of actions at a time meet each other more often (swarm testing, Groce et al. 2012).
        kinds = [*self.chance.sample(ACTIONS, self.chance.randint(2, 8)), "approve"]
        for _ in range(self.chance.randint(1, 3)):
            run_id = await self.stage.runs.start(GRAPH, {})
            for step in ("ask", "other")[: self.chance.randint(1, 2)]:
                self.asked[run_id, step] = self.made_up(theme)
                await self.wait_for(run_id, step)
        people = [self.chance.choices(kinds, k=self.chance.randint(1, 6)) for _ in range(5)]
        await asyncio.gather(*(self.live(actions, self.chance.choice(PEOPLE)) for actions in people))
        await tend_deadlines(self.stage.database)  # and in the end time does all that it can
        await self.decide_many(list(self.ids), "approve", "eve")
        await self.forge()
        found = broken(await self.evidence())
        async with self.stage.database.tenant(DEFAULT_TENANT) as connection:
            await connection.execute("DELETE FROM waits")
        return found + self.wrong

    def made_up(self, theme: str) -> dict[str, Any]:
        """What a flow may ask, sound or not."""
        rules = {name: self.chance.choice(values) for name, values in RULES.items()} | THEMES[theme]
        judged: dict[str, Any] = {
            "confidence": self.chance.choice(CONFIDENCE),
            "mandatory": theme == "wild" and self.chance.choice((True, False, False, None)),
            "sensitive": self.chance.choice((True, False)),
            "judge": "critic",
        }
        because = self.chance.choice((*[judged] * 6, None, "no judge"))
        return body(self.chance.choice(SHOWN), rules=rules) | {"because": because}

    async def wait_for(self, run_id: UUID, step: str) -> None:
        """Let a step wait, as the engine does, and remember what it asks."""
        awaited = Awaited(step, "review", "review", "", self.asked[run_id, step])
        async with self.stage.database.tenant(DEFAULT_TENANT) as connection:
            await fetch(connection, "add_waits", waits_statement(DEFAULT_TENANT, [(run_id, awaited)]))
        self.ids.append(await self.reviews.of_step(run_id, step))

    # What people and time do

    async def live(self, actions: Sequence[str], by: str) -> None:
        """One thing after the other; what is refused is none."""
        for action in actions:
            await asyncio.sleep(self.chance.choice((0, 0, 0.002)))
            try:
                await self.act(action, self.chance.choice(self.ids), by)
            except StrettoError:
                continue

    async def act(self, action: str, review_id: UUID, by: str) -> None:
        reviews = self.reviews
        match action:
            case "approve" | "reject" | "changes" as verdict:
                await self.decide(review_id, verdict, by)
            case "edit":
                await self.decide(review_id, "approve", by, Edit(self.chance.choice(({"by": by}, "same", "a draft"))))
            case "stale":
                version = self.chance.randint(1, 3)
                await reviews.decide(review_id, "approve", by=by, version=version)
                self.told[review_id] += 1
                self.seen.append((review_id, by, version))
            case "repeat":
                await self.repeat(review_id, by)
            case "bulk":
                await self.decide_many(
                    self.chance.sample(self.ids, self.chance.randint(1, len(self.ids))), "approve", by
                )
            case "bulk again":
                await self.decide_many([*self.ids, *self.ids, new_id()], "reject", by)
            case "time":
                await tend_deadlines(self.stage.database)
            case "claim":
                await reviews.claim(review_id, by)
            case "release":
                await reviews.release(review_id, by)
            case "assign":
                await reviews.assign(review_id, self.chance.choice((by, None)), by)
            case "snooze":
                await reviews.snooze(review_id, datetime.now(UTC) + timedelta(minutes=5), by)
            case _:
                await self.happen(action, review_id)

    async def decide(self, review_id: UUID, verdict: Verdict, by: str, edit: Edit | None = None) -> None:
        await self.reviews.decide(review_id, verdict, by=by, comments="because", edit=edit)
        self.told[review_id] += 1

    async def decide_many(self, ids: list[UUID], verdict: Verdict, by: str) -> None:
        found = await self.reviews.decide_many(ids, verdict, by=by)
        assert sorted([*found.done, *found.left]) == sorted(set(ids)), "each is done or left, once"
        self.told.update(found.done)

    async def repeat(self, review_id: UUID, by: str) -> None:
        """The same request several times at once: by a client that was not sure that it had come through."""
        request = once(f"{new_id()}", str(review_id), by)
        assert request is not None
        again = [once(request.key, str(review_id), by) for _ in range(3)]
        results = await asyncio.gather(
            *(self.reviews.decide(review_id, "approve", by=by, once=each) for each in again), return_exceptions=True
        )
        for each in results:
            if isinstance(each, BaseException) and not isinstance(each, StrettoError):
                raise each
        if any(not isinstance(each, BaseException) for each in results):
            self.told[review_id] += 1
            await self.heard_again(review_id, by, once(request.key, str(review_id), by))

    async def heard_again(self, review_id: UUID, by: str, request: Once | None) -> None:
        """Who asks once more hears that it has come through."""
        try:
            await self.reviews.decide(review_id, "approve", by=by, once=request)
        except StrettoError as error:
            self.wrong.append(
                f"{review_id}: a request that came through is refused when it comes again: {error.message}"
            )

    async def happen(self, action: str, review_id: UUID) -> None:
        """What neither people nor deadlines do."""
        review = await self.reviews.get(review_id)
        if action == "expire":
            async with self.stage.database.operator() as connection:
                await connection.execute(
                    "UPDATE reviews SET claimed_until = clock_timestamp() - interval '1 ms', changed_by = claimed_by"
                    " WHERE id = %s AND state = 'open' AND claimed_by IS NOT NULL",
                    [review_id],
                )
        elif action == "withdraw":
            async with self.stage.database.tenant(DEFAULT_TENANT) as connection:
                await connection.execute(
                    "DELETE FROM waits WHERE run_id = %s AND step = %s", [review.run_id, review.step]
                )
        elif review.state != "open":  # again: the step is asked anew, and nobody else has asked it meanwhile
            try:
                await self.wait_for(review.run_id, review.step)
            except psycopg.errors.UniqueViolation:
                return

    # What nobody may write, not even the tables' owner

    async def forge(self) -> None:
        """Try to write what breaks a law. All of it is rolled back; what was not refused is a broken law."""
        review_id = self.chance.choice(self.ids)
        whole = await self.reviews.whole(review_id)
        review = whole.review
        row = "INSERT INTO review_decisions (tenant_id, review_id, n, mandatory, four_eyes, how, verdict, by, first_by, final, at)"
        own = [DEFAULT_TENANT, review_id]
        tries: list[tuple[str, str, list[Any]]] = []
        if review.mandatory:
            for must in (True, False):
                tries.append(
                    ("a deadline", "INSERT INTO review_deadlines VALUES (%s, %s, %s, now(), 'approve')", [*own, must])
                )
                for how in ("bulk", "deadline"):
                    values = f"{row} VALUES (%s, %s, 900, %s, %s, %s, 'reject', 'x', NULL, true, now())"
                    tries.append((f"a release by {how}", values, [*own, must, review.four_eyes, how]))
        if review.four_eyes:
            for first in (None, "x"):
                values = f"{row} VALUES (%s, %s, 900, true, true, 'person', 'approve', 'x', %s, true, now())"
                tries.append(("an approval by one of two", values, [*own, first]))
        else:
            values = f"{row} VALUES (%s, %s, 900, %s, false, 'person', 'approve', 'x', NULL, false, now())"
            tries.append(("half an approval", values, [*own, review.mandatory]))
        if review.state == "decided":
            values = f"{row} VALUES (%s, %s, 900, %s, %s, 'person', 'reject', 'x', NULL, true, now())"
            tries.append(("a second decision", values, [*own, review.mandatory, review.four_eyes]))
        if review.state != "open":
            values = "UPDATE reviews SET state = 'open', closed_at = NULL, verdict = NULL WHERE id = %s"
            tries.append(("a review opened again", values, [review_id]))
        as_owner = self.stage.database.operator
        for what, statement, values in tries:
            await self.forge_one(as_owner, what, statement, values)
        for statement in (
            "UPDATE reviews SET mandatory = false WHERE id = %s",
            "UPDATE reviews SET bulk_from = 0 WHERE id = %s",
            "UPDATE review_decisions SET by = 'x' WHERE review_id = %s",
            "DELETE FROM review_decisions WHERE review_id = %s",
            "DELETE FROM review_history WHERE review_id = %s",
            "UPDATE review_deadlines SET due_at = now() WHERE review_id = %s",
        ):
            await self.forge_one(self.as_application, statement.partition(" WHERE")[0], statement, [review_id])

    @asynccontextmanager
    async def as_application(self) -> AsyncGenerator[psycopg.AsyncConnection[TupleRow]]:
        async with self.stage.database.tenant(DEFAULT_TENANT) as connection:
            yield connection

    async def forge_one(self, opened: Callable[[], Any], what: str, statement: str, values: Sequence[Any]) -> None:
        try:
            async with opened() as connection:
                await connection.execute(statement.encode(), values)
                raise Forged
        except Forged:
            self.wrong.append(f"the tables take {what}")
        except (psycopg.errors.IntegrityError, psycopg.errors.InsufficientPrivilege):
            pass

    # What has come of it

    async def evidence(self) -> list[Evidence]:
        """All that is written about this round's reviews."""
        runs = list({run_id for run_id, _ in self.asked})
        async with self.stage.database.operator() as connection:

            async def rows(statement: str, *values: Any) -> list[TupleRow]:
                return await (await connection.execute(statement.encode(), values)).fetchall()

            reviews = await rows("SELECT to_jsonb(r) FROM reviews r WHERE run_id = ANY(%s) ORDER BY created_at", runs)
            ids = [UUID(each[0]["id"]) for each in reviews]
            decisions = await rows(
                "SELECT to_jsonb(d) FROM review_decisions d WHERE review_id = ANY(%s) ORDER BY n", ids
            )
            history = await rows("SELECT to_jsonb(h) FROM review_history h WHERE review_id = ANY(%s) ORDER BY n", ids)
            deadlines = await rows("SELECT review_id FROM review_deadlines WHERE review_id = ANY(%s)", ids)
            signals = await rows("SELECT body FROM signals WHERE run_id = ANY(%s) AND kind = 'review'", runs)
            waits = await rows("SELECT run_id, step FROM waits WHERE run_id = ANY(%s)", runs)
            audit = await rows("SELECT target FROM audit WHERE id > %s AND action = 'review.decided'", self._since)
            events = await rows("SELECT data ->> 'review_id' FROM outbox WHERE type = 'stretto.review.decided'")
        latest = {(each["run_id"], each["step"]): each["id"] for (each,) in reviews}
        waiting = {latest.get((str(run), step)) for run, step in waits}
        told_of = Counter(each[0].partition("/")[2] for each in audit)
        announced = Counter(each[0] for each in events)
        return [
            Evidence(
                asked=self.asked[UUID(review["run_id"]), review["step"]],
                review=review,
                decisions=[each[0] for each in decisions if each[0]["review_id"] == review["id"]],
                history=[each[0] for each in history if each[0]["review_id"] == review["id"]],
                has_deadline=any(str(each[0]) == review["id"] for each in deadlines),
                signals=[each[0] for each in signals if each[0]["review"] == review["id"]],
                waits=review["id"] in waiting,
                told=self.told[UUID(review["id"])],
                seen=[(by, version) for of, by, version in self.seen if str(of) == review["id"]],
                audited=told_of[review["id"]],
                announced=announced[review["id"]],
            )
            for (review,) in reviews
        ]


class Forged(Exception):
    """A statement that breaks a law was not refused; this rolls it back."""


async def play(stage: Stage, *, seconds: float, seed: int, most_rounds: int = 1_000_000) -> tuple[int, Counter[str]]:
    """Rounds until the time is over, or a law is broken; gives how many and what happened in them. Raises `AssertionError`."""
    deadline, rounds, happened = time.monotonic() + seconds, 0, Counter[str]()
    while rounds < most_rounds and time.monotonic() < deadline:
        chance = random.Random(f"{seed}/{rounds}")
        played = Round(stage, chance)
        found = await played.play()
        assert not found, f"round {rounds} of seed {seed}: " + "; ".join(found)
        rounds += 1
        for each in await played.evidence():
            happened[f"{each.review['state']} {each.review['how'] or ''}".strip()] += 1
            happened["mandatory"] += must_be_seen(each.asked)
    return rounds, happened


@asynccontextmanager
async def ground() -> AsyncGenerator[Stage]:
    """A database of one's own."""
    with tempfile.TemporaryDirectory(prefix="stretto-attack-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - PostgreSQL's account has to pass through
        (cluster := Path(folder) / "postgres").mkdir()
        (cluster / "local.conf").write_text(QUICK)
        settings = Settings(home=Path(folder), pool_size=8)
        database = await Database.open(settings)
        try:
            async with Hub() as hub:
                yield Stage(database, hub, settings)
        finally:
            await database.close()


async def attack(seconds: float, seed: int) -> None:
    """Play for so long, and tell of it."""
    async with ground() as stage:
        rounds, happened = await play(stage, seconds=seconds, seed=seed)
    told = ", ".join(f"{count:,} {what}" for what, count in happened.most_common())
    print(f"{rounds:,} rounds, no law broken: {told}")


def main(words: Sequence[str] | None = None) -> None:
    """Attack for a while."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(words)
    work: Awaitable[None] = attack(chosen.seconds, chosen.seed)
    asyncio.run(work)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
