"""What happens in a run: facts, in past tense, the only state there is.

A fact's class name is its name everywhere: in the journal's column `kind`, in the SSE event
`fact`, in the dashboard. Paths name steps: `design`, `build[2].code` (turn 2 of a loop),
`fan[0].write` (item 0 of a map), `notes[3]` (segment 3 of an `each`), `route.mail` (inside a
branch or sub-flow). A path is never used again: a segment that is cut anew gets a new number.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Verdict = Literal["approve", "reject", "changes"]
"""What a person decides: let it pass, do not, or give it back to be changed."""


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The root of all facts."""


class RunAccepted(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """The run is durable from here on. Always the first fact. `traceparent`: the request that started it (W3C Trace Context)."""

    flow: str
    version: int
    input: dict[str, Any]
    priority: int
    parent: str | None = None
    edits: dict[str, Any] = {}
    traceparent: str = ""


class RunClaimed(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A worker carries the run on; whatever was at work before was interrupted."""

    worker: str


class RunRested(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """Nothing is at work: the run waits (or is paused, or handed over), and no process with it."""

    status: Literal["waiting", "paused", "accepted"]


class RunPaused(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """No new step starts; those at work finish."""

    by: str = ""


class RunContinued(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """The pause is over."""

    by: str = ""


class RunCancelled(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """The run is over; what was shown stays."""

    by: str = ""
    reason: str = ""


class RunRetried(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """Failed steps are tried again: `step`, or all that failed."""

    step: str | None = None
    by: str = ""


class PrioritySet(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """What is more urgent from now on: 0 comes first, 3 last."""

    priority: int
    by: str = ""


class SignalPassedOver(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody told the run something that no longer fitted its state."""

    signal: str


class RunCompleted(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """The run is over; `output` is the flow's."""

    output: Any = None


class RunFailed(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """The run is over because this step failed for good; it can be retried."""

    step: str
    error: str


class StepFact(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A fact about one step."""

    step: str


class StepStarted(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """An attempt begins, or a reader (`each`, `watch`) begins to read."""

    attempt: int


class StepCompleted(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """The step is done and never runs again.

    `of` tells where its output is: `value` (in `output`), `text` (its stream), `items` (the outputs of
    its items, in order), `last` (its last item's), `body` (its body's).
    """

    attempt: int = 1
    of: Literal["value", "text", "items", "last", "body"] = "value"
    output: Any = None
    usage: dict[str, Any] | None = None
    note: str | None = None


class StepFailed(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """An attempt failed; it is made again `retry_in_s` seconds later, or never when that is None."""

    attempt: int
    error: str
    kind: str = "StepError"
    retry_in_s: float | None = None


class StepDeferred(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """An attempt was put off, since something that it needs is short; it is no failure. It is made `in_s` seconds later."""

    attempt: int
    reason: str
    in_s: float


class CallDecided(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """What was decided about a call that this attempt made of a model, why, and what it came to. `decide` passes over it.

    `outcome`: admitted, waited, cheaper, cached, deferred, skipped, rejected. `cost_usd` is an exact decimal.
    """

    attempt: int
    call: str
    route: str
    outcome: str
    reason: str
    deployment: str = ""
    provider: str = ""
    model: str = ""
    waited_s: float = 0.0
    usage: dict[str, Any] = {}
    cost_usd: str = "0"
    cached: str = ""
    error: str = ""
    error_kind: str = ""


class Asked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tool that a model wants called. `name` is the tool's, `arguments` JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


class ModelAnswered(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """A turn of an agent's work is over and stays: what it wrote stands from `start` to `end` of the step's text (code points),
    and `calls` are to be made. Turns count from 1 over all attempts; `heard` says how much feedback it had been given."""

    attempt: int
    turn: int
    start: int
    end: int
    calls: list[Asked]
    heard: int = 0
    tokens: int = 0
    cost_usd: str = "0"


class ToolCalled(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """A call that `turn` asked for was made, and is not made again. `error` says why it gave nothing."""

    attempt: int
    turn: int
    call: str
    tool: str
    output: Any = None
    error: str = ""
    took_s: float = 0.0


class NodeFact(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """A fact about a node of a graph that the step hosts. `decide` passes over it.

    `task` is short, and the same when the node is taken up again; `inside` names the sub-graphs around it (`ingestion/validate`),
    and first the graph where an agent called it as a tool. Nothing is told of what a node got and gave.
    """

    attempt: int
    task: str
    node: str
    inside: str = ""


class NodeStarted(NodeFact, frozen=True, kw_only=True, omit_defaults=True):
    """A node begins its work. It may never end: then its process died, or its step ended around it."""


class NodeEnded(NodeFact, frozen=True, kw_only=True, omit_defaults=True):
    """A node works no more: it is done, has failed (`error`), was interrupted by a question of its own, so that it begins again
    with the answer, or was cut off, since one beside it failed."""

    took_s: float = 0.0
    outcome: Literal["done", "failed", "interrupted", "cut_off"] = "done"
    error: str = ""


class NodesPassedOver(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """So many nodes of this attempt were told of; of the others only failures are, by `NodeEnded` alone."""

    attempt: int
    after: int


class StepSkipped(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """The step's `when` did not hold, or what it needs is short and it may be left out; its value is null."""

    reason: str


class StepStopped(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """The step was cut off and counts as done with the text that it had written."""

    attempt: int
    by: str


class StepSteered(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """The attempt was cut off; the next one gets the feedback and goes on after the first `keep` characters."""

    attempt: int
    feedback: str
    keep: int
    by: str


class StepDropped(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """The text that this step had read was retracted, so its work is void."""


class TextRetracted(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """The text from `position` (code points) on was given up."""

    attempt: int
    position: int
    reason: str


class TextKept(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """The first `keep` characters stand whatever becomes of the attempt: the work that said them is stored, and not done again."""

    attempt: int
    keep: int


class SegmentCut(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """A reader (`step`) gets the text from `start` to `end` of the stream that it reads as item `n`."""

    n: int
    start: int
    end: int


class SegmentsEnded(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """The stream that this reader reads has ended; there are no more segments."""


class BranchTaken(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """`case` counts from 0 in the order written; -1 when no condition held."""

    case: int


class TurnStarted(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """A loop begins a turn; turns count from 1."""

    turn: int


class MapExpanded(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """What a map runs over; `needs` holds, for each task of a plan, the indices of those that it needs.

    In a later turn of a loop the plan may have changed: `added` and `dropped` name tasks by their ids, `reason` says why.
    """

    items: list[Any]
    needs: list[list[int]] | None = None
    added: list[str] = []
    dropped: list[str] = []
    reason: str = ""


class FlowEntered(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """A sub-flow begins with this input."""

    input: dict[str, Any]


class WaitStarted(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """The step waits, and no process with it. `until_ms`: Unix time of its timer, if it has one.

    `review`: why a person is asked, and the rules until somebody has decided.
    """

    wait: Literal["timer", "event", "review"]
    attempt: int = 1
    until_ms: int | None = None
    event: str | None = None
    key: str = ""
    show: Any = None
    question: str = ""
    review: dict[str, Any] = {}


class TimerFired(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """The time that the step waited for has come."""


class EventReceived(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """The event that the step waited for has come."""

    name: str
    data: Any = None


class ReviewDecided(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """A person (or a deadline) has decided; `value` is what was shown, or what the person made of it."""

    verdict: Verdict
    by: str
    comments: str = ""
    value: Any = None
    review: str = ""


class PersonAsked(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """Something that the step has called asks a person in the middle of its work. The attempt stays at work meanwhile, or else
    `StepRested` follows.

    `question` is the same in every attempt that asks it again, so that nobody is asked twice. `review`: what else the person
    sees, the form to fill in, and the rules until somebody has decided.
    """

    attempt: int
    question: str
    text: str
    show: Any = None
    review: dict[str, Any] = {}


class StepRested(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """The attempt has ended until a person has answered; then the next one begins, after the text that stands (`TextKept`)."""

    attempt: int


class PersonAnswered(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """A person (or, where `how` says `deadline`, time) has answered it: `value` is the form as the person approved it.

    It counts for every attempt that asks the same.
    """

    question: str
    verdict: Verdict
    by: str
    comments: str = ""
    value: Any = None
    review: str = ""
    how: str = "person"


class QuestionDropped(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """Nobody waits for the answer any more: the call that asked is over."""

    question: str


class FeedbackGiven(StepFact, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody has something to say to a step at work: `next` at its next turn, `now` cuts it off."""

    text: str
    mode: Literal["next", "now"]
    by: str = ""


Aside = CallDecided | NodeStarted | NodeEnded | NodesPassedOver
"""What an attempt tells of besides its work; no decision depends on it."""


def _tree(root: type[Fact]) -> list[type[Fact]]:
    return [leaf for child in root.__subclasses__() for leaf in (_tree(child) or [child])]


FACTS: dict[str, type[Fact]] = {fact.__name__: fact for fact in _tree(Fact)}
"""Every fact by its name."""


def fact_fields(fact: Fact) -> dict[str, Any]:
    """The fact's fields as plain data; those that have their default are left out."""
    return msgspec.to_builtins(fact)


def fact_from(name: str, fields: dict[str, Any]) -> Fact:
    """The fact of this name from plain data. Raises `msgspec.ValidationError` when it does not fit."""
    return msgspec.convert(fields, FACTS[name])
