"""What time does with reviews: it hands late ones to others, and decides what it may. A chore of every worker."""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

from stretto.review.store import carry_out, due_reviews
from stretto.store import Database

BY = "deadline"
"""Who has decided, where time has."""
BATCH = 200
_QUERIES = {"deadline": "decide_due", "escalation": "escalate"}


async def tend_deadlines(database: Database) -> int:
    """Do what is due; gives how much it was. Several workers at once share it without doing anything twice.

    Mandatory reviews have no deadline: the table cannot hold one for them, nor can a decision by time be written.
    """
    done = 0
    while True:
        due = await due_reviews(database, BATCH)
        by_tenant: defaultdict[tuple[UUID, str], list[UUID]] = defaultdict(list)
        for tenant_id, review_id, what in due:
            by_tenant[tenant_id, what].append(review_id)
        now = 0
        for (tenant_id, what), ids in by_tenant.items():
            async with database.tenant(tenant_id) as connection:
                now += await carry_out(connection, tenant_id, _QUERIES[what], ids, BY)
        done += now
        if now == 0 or len(due) < BATCH:  # nothing left, or others have it in hand
            return done
