"""What a server may ask in the middle of a call: a model (sampling), or a person (elicitation). Ports that the platform fills."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from stretto.engine.step import StepContext
from stretto.gateway.provider import Message

CODE_REFUSED = -1
"""The code by which the protocol says that a person, or who stands for one, refused a sampling."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and for whose call. `tool` is the tool's whole name, `route` what the server's configuration names."""

    server: str
    tool: str
    ctx: StepContext
    key: str
    """The call's idempotency key; with `number`, it tells the questions of a call apart."""
    number: int = 0
    route: str = ""


@dataclass(frozen=True, slots=True)
class ModelAsked:
    """What a server asks of a model."""

    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelSaid:
    """What it said. `stop` is the protocol's word: `endTurn`, `stopSequence`, `maxTokens`."""

    text: str
    model: str
    stop: str = "endTurn"


@dataclass(frozen=True, slots=True)
class PersonAsked:
    """What a server asks of a person: a form (`schema`), or to go to an address (`url`)."""

    message: str
    schema: Mapping[str, Any] | None = None
    url: str = ""
    before: int = 0
    """How often the call has asked the very same before."""
    within_s: float = 0.0
    """So long it can wait for the answer."""


@dataclass(frozen=True, slots=True)
class PersonSaid:
    """What came of it. `why` tells why nobody said anything."""

    action: Literal["accept", "decline", "cancel"]
    content: Mapping[str, Any] | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a call is. `total` None: the server does not say of how much."""

    tool: str
    done: float
    total: float | None
    message: str

    def __str__(self) -> str:
        part = f"{self.done:g}" if self.total is None else f"{self.done:g} of {self.total:g}"
        return f"{self.tool}: {part}" + (f" – {self.message}" if self.message else "")


OnSample = Callable[[Asker, ModelAsked], Awaitable[ModelSaid]]
"""Lets a model answer. Raises a `StepError` when none does: the server is told so, and its call goes on."""
OnElicit = Callable[[Asker, PersonAsked], Awaitable[PersonSaid]]
Visit = Callable[[str], Awaitable[str]]
"""Lets a person log in at an address; gives the whole address to which the page then sends him."""
OnProgress = Callable[[StepContext, Progress], None]


async def nobody_answers(asker: Asker, asked: PersonAsked) -> PersonSaid:
    """Decline: the call is of no run, so there is no inbox where the question could stand."""
    return PersonSaid("decline", why="No person can be asked here: only the calls of a run are heard in the inbox.")


def tell_step(ctx: StepContext, progress: Progress) -> None:
    """Show progress where it does no harm: in the text of a `tool` step, which is not its output."""
    if hasattr(ctx.step.call, "tool"):
        ctx.write([f"{progress}\n"])


@dataclass(frozen=True, slots=True)
class Ports:
    """Whom servers reach through us. Without `on_sample`, no server may ask for a model."""

    on_sample: OnSample | None = None
    on_elicit: OnElicit = nobody_answers
    on_progress: OnProgress = field(default=tell_step)
    on_login: Visit | None = None
    """Only where a person sits in front of it; else a server that wants a login is refused until somebody has logged in."""
