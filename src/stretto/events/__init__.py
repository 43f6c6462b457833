"""Events: what happened, told to whoever wants to know, at least once and in the order of each subject."""

from stretto.events.consumer import Attempts, Consumer, EventHandler
from stretto.events.door import DeadLetters, Events
from stretto.events.event import Event
from stretto.events.postgres import PostgresTransport
from stretto.events.relay import Relay
from stretto.events.service import Subscription
from stretto.events.store import processed_once, put_events
from stretto.events.transport import SYSTEM, Group, Transport

__all__ = [
    "SYSTEM",
    "Attempts",
    "Consumer",
    "DeadLetters",
    "Event",
    "EventHandler",
    "Events",
    "Group",
    "PostgresTransport",
    "Relay",
    "Subscription",
    "Transport",
    "processed_once",
    "put_events",
]
