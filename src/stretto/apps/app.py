"""What an application is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from stretto.events.service import Subscription

if TYPE_CHECKING:
    from fastapi import APIRouter

    from stretto.platform import Platform

Work = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a piece of work has come: `done` of `total`, and what is going on, for people."""

    done: int
    total: int
    what: str


@dataclass(frozen=True, slots=True)
class Opened:
    """What an application that was opened adds to the platform: routes below `/v1/apps/NAME`, what takes events, and what runs
    beside each worker, by name (it goes on until it is cancelled, and is begun anew when it fails)."""

    routers: Callable[[], Sequence[APIRouter]] | None = None
    """Makes them, where there is an HTTP door."""
    examples: Callable[[], Mapping[str, Any]] | None = None
    """Examples of what these routes take and answer, for the description of the API: by the name of a schema, or by an operation and
    the status of its answer or `body` (`add_reviews body`); what is no JSON is named with its media type."""
    subscriptions: Sequence[Subscription] = ()
    beside: Mapping[str, Work] = field(default_factory=dict[str, Work])


@dataclass(frozen=True, slots=True)
class App:
    """An application. Its distribution names one under the entry points `stretto.apps`.

    `package` holds its numbered migrations in a folder `migrations`; they make tables in the schema `stretto_NAME`, which is there.
    `open` gives what it adds, for as long as its block lasts; tools are put into `platform.tools` there.
    """

    name: str
    title: str
    package: str
    open: Callable[[Platform], AbstractAsyncContextManager[Opened]]
    samples: Callable[[Platform, UUID], AsyncIterator[Progress]] | None = None
    """Takes in the sample data that it ships, for a tenant that has none; tells how far it is. Empty where there is nothing to do."""

    @property
    def schema(self) -> str:
        """Where its tables are."""
        return f"stretto_{self.name}"
