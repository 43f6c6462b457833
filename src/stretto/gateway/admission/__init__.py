"""Admission: one decision before each call, over all processes together.

The database keeps what there is; each process leases a little of it ahead and grants calls out of that, so that a call costs
no round trip. What has neither limit nor budget costs none at all.

**Why limits hold.** Tokens of a rate are taken from the one level in the database before a call is granted, and the level
fills by the database's clock alone. So in any time of T seconds all processes together grant at most capacity + T x refill, and
what they had leased before it: each at most a quarter of a second's refill, and nothing ahead where that is less than
one token. Slots are counted by lease: a process grants within those that it holds, and only while the database counts it
among the living (it stops by its own clock before others may have its slots). What a call uses beyond its estimate is charged
when it ends, also below zero. What a dead process had leased of a rate counts as used; its slots come back after 10 s.

**Why money holds.** For every budget, spent + the sum of what processes hold <= limit whenever something is leased, because leasing locks the
budget's row. A process grants a call only when its estimate is left in what it holds: held = reserved by calls + spent and not
yet written down + free. The ledger adds a cost to `spent` and lowers `held` by the same amount in one transaction, so their
sum stays. A call that costs more than its estimate makes `free` negative, which the next lease pays first. So what is spent
exceeds a budget at most by what the calls in flight, when it ran out, cost beyond their estimates. When a process dies, all that it
still held counts as spent (`presumed`): its calls may be billed, and nobody can tell which. What lies free for a second is given back,
so that this is little more than what was in flight.

**Who goes first.** See `line.py`. Over processes there is no one line: each takes what is there when it asks, shared by the number
of processes that wait; a process holds on to slots only up to its part while others wait. A process whose calls are
all P0 does not go before another's P3, except in buckets, whose reserve is kept in the database for P0.

**When the database is away.** Grants within what is leased go on (slots for 10 s at most). Calls that need more wait for 5 s, then
`DatabaseUnreachable` is raised. An exchange of which nobody knows whether it was carried out is taken as if its leases had
been granted and its returns had not.
"""

from stretto.gateway.admission.limits import Limits
from stretto.gateway.admission.shown import BudgetNow, LimitNow

__all__ = ["BudgetNow", "LimitNow", "Limits"]
