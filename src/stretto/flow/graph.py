"""What a flow is once it is understood: frozen records that `decide` and the engine read.

A `Graph` holds one root `Block`; loops, maps and branch cases hold blocks of their own.
A block's steps depend on each other only inside the block: a reference across blocks has
been turned into a dependency of the container (see `flow/resolve.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from stretto.documents.plain import Json

SegmentKind = Literal["sentence", "paragraph", "line", "code_block", "json_item", "tokens", "item"]
StepKind = Literal["agent", "tool", "judge", "review", "map", "flow", "branch", "loop", "wait", "emit"]
Outcome = Literal["approve", "reject", "escalate"]


class Template(Protocol):
    """A compiled sandboxed Jinja template; one that is a single `{{ … }}` keeps the value's type."""

    @property
    def source(self) -> str: ...
    @property
    def names(self) -> frozenset[str]:
        """Top-level names that it reads."""
        ...

    def render(self, scope: Mapping[str, Json]) -> Json:
        """The value for these names. Raises `OutputInvalid` naming the template when it cannot be rendered."""
        ...


class Expression(Protocol):
    """A compiled CEL expression."""

    @property
    def source(self) -> str: ...
    @property
    def names(self) -> frozenset[str]: ...
    def test(self, scope: Mapping[str, Json]) -> bool:
        """Whether it holds. A missing field or null counts as false. Raises `OutputInvalid` when not a bool."""
        ...


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and after which pause an attempt is made again.

    The pause before attempt n+1 is `backoff_s * factor**(n-1)`, at most `max_backoff_s`, of which a
    random part of up to `jitter` (0–1) is taken off (AWS architecture blog, "Exponential backoff and jitter").
    """

    attempts: int = 3
    backoff_s: float = 1.0
    factor: float = 2.0
    max_backoff_s: float = 60.0
    jitter: float = 0.5


@dataclass(frozen=True, slots=True)
class SegmentRule:
    """How a stream is cut: by sentence, line …, by n tokens, or by the items of an `each` or `map` step."""

    kind: SegmentKind
    n: int | None = None


@dataclass(frozen=True, slots=True)
class Each:
    """Run the step for every segment of another step's stream, in order, at most `concurrency` at once."""

    of: str
    by: SegmentRule
    concurrency: int = 4


@dataclass(frozen=True, slots=True)
class Watch:
    """Run the step every so often while another writes; it reads the text so far."""

    of: str
    every: SegmentRule


@dataclass(frozen=True, slots=True)
class Reaction:
    """What a watching step's outcome does to the step it watches."""

    outcome: Outcome
    action: Literal["stop", "steer"]
    step: str
    feedback: Template | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How far an agent may go in one step. `tokens` counts what it reads and writes in all its turns together."""

    turns: int = 20
    tokens: int | None = None
    cost_usd: float | None = None
    time_s: float | None = None


@dataclass(frozen=True, slots=True)
class Agent:
    """A prompt, the model that answers it, and what it may do.

    `tools` are names, or patterns with `*`. Of the results of tools, the model sees the last `memory_chars` characters
    whole; of older ones it sees that they were there.
    """

    name: str
    model: str
    prompt: Template
    system: Template | None = None
    returns: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    tools: tuple[str, ...] = ()
    limits: Limits = Limits()
    memory_chars: int | None = None


@dataclass(frozen=True, slots=True)
class Topic:
    """A sensitive topic. A name that is built in may get more `keywords` and `examples`; any other has only these.

    `threshold` is the likeness (cosine, 0-1) to one of the examples from which a sentence counts as of this topic.
    """

    name: str
    keywords: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Checks:
    """What content must be before any model is asked. Lengths are in characters, patterns regular expressions."""

    schema: Mapping[str, Json] | None = None
    min_chars: int | None = None
    max_chars: int | None = None
    must_match: tuple[str, ...] = ()
    must_not_match: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which confidence on is approved, and below which rejected; None: what stands above it says so."""

    approve: float | None = None
    reject: float | None = None


@dataclass(frozen=True, slots=True)
class MoneyRule:
    """More than `limit_usd` is for a person; `judge` names an agent that looks at every amount."""

    limit_usd: float
    amount: Template
    judge: str | None = None


@dataclass(frozen=True, slots=True)
class ReviewRules:
    """What holds for a review under this policy, where its step does not say otherwise."""

    mandatory: bool = False
    deadline_s: float | None = None
    on_deadline: Literal["approve", "reject"] | None = None
    escalate_s: float | None = None
    escalate_to: str = "admin"
    four_eyes: bool = False
    bulk_from: float | None = None


ConfidenceMethod = Literal["stated", "samples", "logprobs"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a judge measures against, and what goes to a person.

    `samples` counts the answers that `confidence: {samples: n}` compares; `sample` is the share of passes (0-1) that a person
    sees all the same.
    """

    name: str
    criteria: tuple[str, ...] = ()
    persona: str = ""
    rules: tuple[str, ...] = ()
    topics: tuple[Topic, ...] = ()
    first_time: Literal["review", "pass"] = "review"
    checks: Checks = Checks()
    confidence: ConfidenceMethod = "stated"
    samples: int = 1
    thresholds: Thresholds = Thresholds()
    by_content_type: Mapping[str, Thresholds] = field(default_factory=dict[str, Thresholds])
    money: MoneyRule | None = None
    sample: float = 0.0
    review: ReviewRules = ReviewRules()


@dataclass(frozen=True, slots=True)
class AgentCall:
    """An agent works."""

    agent: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool is called."""

    tool: str


@dataclass(frozen=True, slots=True)
class JudgeCall:
    """An agent that returns a confidence; at least `approve` passes, below `reject` fails, between is escalated.

    What stands here goes before what the policy says. `content` names the input that is judged; None: all of it.
    """

    agent: str
    approve: float | None = None
    reject: float | None = None
    policy: str | None = None
    content_type: str = ""
    content: str | None = None


@dataclass(frozen=True, slots=True)
class ReviewCall:
    """A person decides on what is shown. What the step does not say (None), its policy may; `never`: it has no deadline."""

    show: Template
    question: str
    because: Template | None = None
    content_type: str = ""
    policy: str = ""
    media: Template | None = None
    mandatory: bool = False
    deadline_s: float | None = None
    never: bool = False
    on_deadline: Literal["approve", "reject"] | None = None
    escalate_s: float | None = None
    escalate_to: str = "admin"
    four_eyes: bool = False
    bulk_from: float | None = None
    assignee: str | None = None


@dataclass(frozen=True, slots=True)
class MapCall:
    """The body once for each item of `over`, or for each task of `tasks` as soon as what it `needs` is done."""

    body: Block
    over: Template | None = None
    tasks: Template | None = None
    concurrency: int = 8
    max_items: int = 1000
    item: str = "item"
    reason: Template | None = None  # why the tasks are what they are


@dataclass(frozen=True, slots=True)
class FlowCall:
    """Another flow's graph, carried out inside this run."""

    flow: str
    graph: Graph


@dataclass(frozen=True, slots=True)
class Case:
    """One way of a branch."""

    when: Expression | None  # None: otherwise
    body: Block


@dataclass(frozen=True, slots=True)
class BranchCall:
    """The first case whose condition holds is taken."""

    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class LoopCall:
    """The body again and again until the condition holds, at most `max_turns` times."""

    until: Expression
    max_turns: int
    body: Block


@dataclass(frozen=True, slots=True)
class WaitCall:
    """Exactly one of `for_s`, `until` (ISO 8601) or `event` is set; `timeout_s` only with `event`."""

    for_s: float | None = None
    until: Template | None = None
    event: str | None = None
    key: Template | None = None
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class EmitCall:
    """An event for those who wait for it; its data is the step's input."""

    event: str
    key: Template | None = None


Call = AgentCall | ToolCall | JudgeCall | ReviewCall | MapCall | FlowCall | BranchCall | LoopCall | WaitCall | EmitCall


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a block.

    `after` names every step of the same block that must have ended before (declared or implied by a
    reference). `previous` names steps whose last turn's value is read (inside a loop, a step written
    further down, or the step itself). `stream_of` is the step of the same block read while it writes.
    """

    id: str
    kind: StepKind
    call: Call
    input: Mapping[str, Template] = field(default_factory=dict[str, Template])
    after: tuple[str, ...] = ()
    previous: frozenset[str] = frozenset()
    when: Expression | None = None
    each: Each | None = None
    watch: Watch | None = None
    reactions: tuple[Reaction, ...] = ()
    retry: Retry = Retry()
    timeout_s: float | None = None
    optional: bool = False
    budget_usd: float | None = None
    priority: int | None = None
    model: str | None = None
    returns: str | None = None
    names: frozenset[str] = frozenset()  # all names that its templates and expressions read

    @property
    def stream_of(self) -> str | None:
        if self.each:
            return self.each.of
        return self.watch.of if self.watch else None


@dataclass(frozen=True, slots=True)
class Block:
    """Steps in the order written. `inner` tells, for a step inside one of them, the way to it:
    `{"code": ("build",)}` means that `code` stands in the body of this block's step `build`."""

    steps: Mapping[str, Step]
    output: Template | None = None  # None: the value of the last step
    inner: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    is_loop: bool = False


@dataclass(frozen=True, slots=True)
class Graph:
    """A whole flow. `document` is the plain data it was made from, prompts inside; `digest` its SHA-256."""

    name: str
    digest: str
    document: Mapping[str, Json]
    input_schema: Mapping[str, Json]
    types: Mapping[str, Mapping[str, Json]]
    agents: Mapping[str, Agent]
    root: Block
    description: str = ""
    concurrency: int | None = None
    priority: int = 2
    budget_usd: float | None = None
    policies: Mapping[str, Policy] = field(default_factory=dict[str, Policy])
    remember: Template | None = None
    """What a run was about, as a text of its `input`: under it the run is found again."""
