"""Pages of an inbox with very many open reviews: the first, those far behind, and those that filters leave."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace

from stretto.review import Filter, Place, Reviews
from stretto.settings import load_settings
from stretto.store import DEFAULT_TENANT, Database

PAGE = 50
# As many flows as a large tenant has, one of them rare; every twentieth is sensitive, every tenth has no confidence.
FILL = """
INSERT INTO stretto.reviews (id, tenant_id, run_id, step, attempt, flow, content_type, policy, question, content, excerpt,
    reason, judge, confidence, stated, sensitive, mandatory, four_eyes, bulk_from, media, rules, state, assignee, escalate_to,
    created_at)
SELECT stretto.new_event_id(), %(tenant)s, gen_random_uuid(), 'approve', 1,
    CASE WHEN n %% 10000 = 0 THEN 'rare' ELSE 'flow-' || n %% 40 END, 'post', 'publish', 'Shall this go out?',
    to_jsonb(repeat('What is shown, in some words. ', 60)), repeat('What is shown, in some words. ', 16),
    '{"verdict": "escalate", "flags": []}', 'scorer', CASE WHEN n %% 10 <> 0 THEN random() END, NULL, n %% 20 = 0, n %% 20 = 0,
    false, 0.85, '[]', '{}', 'open', CASE WHEN n %% 50 = 0 THEN 'user ada@acme.example' END, 'admin', now()
FROM generate_series(1, %(count)s) n
"""
DUE = """
INSERT INTO stretto.review_deadlines (tenant_id, review_id, due_at, verdict)
SELECT tenant_id, id, now() + random() * interval '20 hours' + interval '2 hours', 'approve' FROM stretto.reviews
WHERE NOT mandatory
"""


async def pages(postmaster: int, url: str, reviews: int, samples: int) -> dict[str, float]:
    """The time of a page of each kind, in ms."""
    database = await Database.open(load_settings(database_url=url))
    try:
        await fill(database, reviews)
        door = Reviews(database, DEFAULT_TENANT)
        (middle,) = await door.list(after=Place(1, 0.5, DEFAULT_TENANT), limit=1)
        asked = {
            "first": (Filter(), None),
            "deep": (Filter(), Place.of(middle)),
            "sensitive": (Filter(sensitive=True), None),
            "mine": (Filter(mine=["user ada@acme.example", "role reviewer"]), None),
            "flow": (Filter(flow="flow-7"), None),
            "rare": (Filter(flow="rare"), None),
        }
        found: dict[str, float] = {}
        for name, (wanted, place) in asked.items():
            took: list[float] = []
            for _ in range(samples):
                began = time.perf_counter()
                shown = await door.list(replace(wanted), after=place, limit=PAGE + 1)
                took.append((time.perf_counter() - began) * 1000)
                assert shown
            found[f"{name}_p95_ms"] = statistics.quantiles(took, n=20)[-1]
        began = time.perf_counter()
        await door.figures()
        return found | {"figures_ms": (time.perf_counter() - began) * 1000}
    finally:
        await database.close()


async def fill(database: Database, reviews: int) -> None:
    """Open reviews, without what triggers would tell of each."""
    async with database.operator() as connection:
        await connection.execute("ALTER TABLE stretto.reviews DISABLE TRIGGER note")
        await connection.execute(FILL, {"tenant": DEFAULT_TENANT, "count": reviews})
        await connection.execute(DUE)
        await connection.execute("ALTER TABLE stretto.reviews ENABLE TRIGGER note")
        await connection.execute("VACUUM (ANALYZE) stretto.reviews, stretto.review_deadlines")
