"""A flow between document and graph: what was read, with places, before references are resolved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from stretto.documents.plain import Json
from stretto.documents.problems import Path
from stretto.flow.graph import Block, Call, Each, Expression, Limits, Policy, Reaction, Retry, StepKind, Template, Watch

Schema = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class NameRead:
    """A name, and the fields of it, that a template or expression reads at `offset` of its text."""

    name: str
    trail: tuple[str | int, ...]
    where: int | Callable[[], int]  # finding it takes time, and is needed for messages only
    required: bool = True

    @property
    def offset(self) -> int:
        """Where in the text the name stands, in characters from its start."""
        return self.where if isinstance(self.where, int) else self.where()


@dataclass(frozen=True, slots=True)
class Use:
    """One text of a step or block that reads names: a template or a condition."""

    path: Path
    reads: tuple[NameRead, ...]
    text: Template | Expression
    role: Literal["input", "when", "other", "feedback"] = "other"


@dataclass(slots=True, eq=False)
class DraftStep:
    """A step as written. `kind` is None when it could not be made out; the step still counts as known."""

    id: str
    path: Path
    block: DraftBlock
    order: int
    kind: StepKind | None = None
    make_call: Callable[[list[Block]], Call] | None = None
    blocks: list[DraftBlock] = field(default_factory=list["DraftBlock"])
    uses: list[Use] = field(default_factory=list[Use])
    until: list[Use] = field(default_factory=list[Use])  # seen from inside the body
    input: dict[str, Template] = field(default_factory=dict[str, Template])
    declared_after: list[tuple[str, Path]] = field(default_factory=list[tuple[str, Path]])
    when: Expression | None = None
    each: Each | None = None
    is_unsure: bool = False  # part of it could not be read: what it gives is not known for certain
    has_cut: bool = False  # `each` says by what to cut
    watch: Watch | None = None
    reactions: tuple[Reaction, ...] = ()
    retry: Retry | None = None
    timeout_s: float | None = None
    optional: bool = False
    budget_usd: float | None = None
    priority: int | None = None
    model: str | None = None
    returns: str | None = None
    agent: str | None = None
    policy: str | None = None
    judged: str | None = None  # judge: the input that is the content
    flow: str | None = None
    over: Use | None = None  # map: the list it goes through
    is_planned: bool = False  # map: over `tasks`
    item: str = "item"

    # Filled in by `resolve`.
    after: dict[str, Path] = field(default_factory=dict[str, Path])
    previous: set[str] = field(default_factory=set[str])

    @property
    def stream_of(self) -> str | None:
        """The step whose stream it reads."""
        return self.each.of if self.each else self.watch.of if self.watch else None

    @property
    def input_path(self) -> Path:
        return (*self.path, "input")


@dataclass(slots=True, eq=False)
class DraftBlock:
    """Steps as written. `owner` is the loop, map or branch whose body this is."""

    path: Path
    owner: DraftStep | None
    steps: dict[str, DraftStep] = field(default_factory=dict[str, DraftStep])
    output: Template | None = None
    output_uses: list[Use] = field(default_factory=list[Use])
    inner: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    @property
    def is_loop(self) -> bool:
        return self.owner is not None and self.owner.kind == "loop"

    def owners(self) -> Iterator[DraftStep]:
        """The containers around it, from the inside out."""
        owner = self.owner
        while owner is not None:
            yield owner
            owner = owner.block.owner

    @property
    def depth(self) -> int:
        """How many containers stand around it."""
        return sum(1 for _ in self.owners())


@dataclass(slots=True)
class DraftAgent:
    """An agent as written."""

    name: str
    path: Path
    model: str | None = None
    prompt: Template | None = None
    system: Template | None = None
    uses: list[Use] = field(default_factory=list[Use])
    returns: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    tools: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    memory_chars: int | None = None


@dataclass(slots=True)
class DraftPolicy:
    """A policy as written. `uses` are the texts of it that read names."""

    policy: Policy
    path: Path
    uses: list[Use] = field(default_factory=list[Use])


@dataclass(slots=True)
class DraftFlow:
    """A flow as written."""

    name: str
    description: str
    input_schema: Schema
    types: dict[str, Schema]
    agents: dict[str, DraftAgent]
    root: DraftBlock
    steps: dict[str, DraftStep]
    retry: Retry | None = None
    timeout_s: float | None = None
    priority: int = 2
    budget_usd: float | None = None
    concurrency: int | None = None
    policies: dict[str, DraftPolicy] = field(default_factory=dict[str, DraftPolicy])
    remember: Template | None = None
