"""Small flows made by chance, and a world without clock or I/O in which they are carried out in any order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import Any
from zlib import crc32

from hypothesis import strategies as st

from stretto.flow import facts as f
from stretto.flow.compile import compile_document
from stretto.flow.decide import Command, Record, Start, Steer, Stop, Wait, commands, decide
from stretto.flow.graph import AgentCall, Graph
from stretto.flow.progress import Progress
from stretto.flow.scope import StepState

AGENTS = {"writer": {"model": "m", "prompt": "Write {{ about }}.\n"}}
INPUT = {"n": {"type": "integer"}}
LINES = 3
INNER = {
    "flow": "inner",
    "input": {"about": {}},
    "steps": {
        "think": {"tool": "t", "input": {"about": "{{ input.about }}"}},
        "check": {"tool": "t", "input": {"about": "{{ think }}"}},
        "fan": {"map": {"over": "{{ [0, 1] }}"}, "steps": {"part": {"tool": "t", "input": {"about": "{{ item }}"}}}},
    },
    "output": "{{ [think, check] }}",
}
Document = Mapping[str, Any]


@dataclass
class Maker:
    """Makes one flow document; every choice is drawn from `draw`."""

    draw: Callable[[st.SearchStrategy[Any]], Any]
    count: int = 0
    budget: int = 9

    def document(self) -> dict[str, Any]:
        steps = self.block([], depth=0)
        output = "{{ [" + ", ".join(steps) + "] }}"
        return {
            "flow": "made",
            "input": INPUT,
            "agents": AGENTS,
            "flows": {"inner": INNER},
            "steps": steps,
            "output": output,
        }

    def block(self, seen: list[str], depth: int) -> dict[str, Any]:
        """Some steps; `seen` are the steps outside that they may refer to."""
        steps: dict[str, Any] = {}
        readable = list(seen)
        for _ in range(self.draw(st.integers(1, 3))):
            self.budget -= 1
            before = list(steps)
            for name, step in self.steps(readable, before, depth).items():
                steps[name] = step
                readable.append(name)
            if self.budget <= 0:
                break
        return steps

    def steps(self, readable: list[str], beside: list[str], depth: int) -> dict[str, Any]:
        """One step, or a writer and who reads it."""
        self.count += 1
        name = f"s{self.count}"
        kinds = ["tool", "tool", "writer", "timer", "event", "review"]
        if depth < 2 and self.budget > 1:
            kinds += ["map", "loop", "branch"]
        kind = self.draw(st.sampled_from(kinds))
        common: dict[str, Any] = {}
        if beside and self.draw(st.booleans()):
            common["after"] = [self.draw(st.sampled_from(beside))]
        if self.draw(st.integers(0, 5)) == 0:
            common["when"] = self.draw(st.sampled_from(["input.n > 0", "input.n > 5"]))
        if self.draw(st.integers(0, 3)) == 0:
            common["optional"] = True
        refs = self.draw(st.lists(st.sampled_from(readable), max_size=2, unique=True)) if readable else []
        about = "{{ [" + ", ".join(refs) + "] }}"
        match kind:
            case "tool":
                return {name: {"tool": "t", "input": {"about": about}, **common}}
            case "writer":
                by_line = {"of": name, "by": "line", "concurrency": self.draw(st.integers(1, 3))}
                work = self.draw(st.sampled_from([{"tool": "t"}, {"flow": "inner"}]))
                reader: dict[str, Any] = {**work, "input": {"about": "{{ segment }}"}, "each": by_line}
                if self.draw(st.integers(0, 3)) == 0:
                    reader["optional"] = True  # and its items may fail for good
                return {name: {"agent": "writer", "input": {"about": about}, **common}, f"{name}_read": reader}
            case "timer":
                return {name: {"wait": {"for": "10s"}, **common}}
            case "event":
                return {name: {"wait": {"event": "e"}, **common}}
            case "review":
                return {name: {"review": {"show": about, "question": "?"}, **common}}
            case "map":
                over = "{{ " + str(list(range(self.draw(st.integers(0, 3))))) + " }}"
                spec = {"over": over, "concurrency": self.draw(st.integers(1, 2))}
                return {name: {"map": spec, "steps": self.block(readable, depth + 1), **common}}
            case "loop":
                spec = {"until": f"turn >= input.n + {self.draw(st.integers(0, 2))}", "max": 2}
                return {name: {"loop": spec, "steps": self.block(readable, depth + 1), **common}}
            case _:
                first = {
                    "when": self.draw(st.sampled_from(["input.n > 0", "input.n > 5"])),
                    "steps": self.block(readable, depth + 1),
                }
                return {name: {"branch": [first, {"steps": self.block(readable, depth + 1)}], **common}}


@st.composite
def documents(draw: Any) -> dict[str, Any]:
    """The document of a small flow."""
    return Maker(draw).document()


@lru_cache(maxsize=64)
def graph_of(document: str) -> Graph:
    """The graph of a document in JSON; the same object for the same text."""
    return compile_document(json.loads(document))


def chance_of(*words: object) -> int:
    """A number that depends on these words alone."""
    return crc32(json.dumps(words, default=str, sort_keys=True).encode())


@dataclass
class World:
    """Carries a flow out: what is done next is chosen by `chance`, what comes of it depends on the flow alone.

    A tool or writer fails once or twice before it succeeds; one that is optional may fail for good.
    """

    document: Document
    chance: Random
    facts: list[f.Fact] = field(default_factory=list[f.Fact])
    texts: dict[str, str] = field(default_factory=dict[str, str])
    at_work: dict[str, Start] = field(default_factory=dict[str, Start])
    on_fact: Callable[[World], None] | None = None

    def __post_init__(self) -> None:
        self.graph = graph_of(json.dumps(self.document))
        self.progress = Progress(self.graph, self.text_of)
        told, self.facts, texts = self.facts, [], dict(self.texts)
        for fact in told or [
            f.RunAccepted(flow="made", version=1, input={"n": 1}, priority=2),
            f.RunClaimed(worker="w"),
        ]:
            self.tell(fact)
        self.texts = texts  # which hold already what the facts told did to them

    def text_of(self, path: str) -> str:
        return self.texts.get(path, "")

    def tell(self, fact: f.Fact) -> None:
        """Something has happened."""
        self.facts.append(fact)
        self.progress.apply(fact)
        if isinstance(fact, f.TextRetracted):
            self.texts[fact.step] = self.text_of(fact.step)[: fact.position]
        if isinstance(fact, f.StepFailed) and fact.retry_in_s is None:
            inside = (f"{fact.step}.", f"{fact.step}[")
            self.at_work = {path: start for path, start in self.at_work.items() if not path.startswith(inside)}
        if isinstance(fact, f.StepDropped):
            inside = (f"{fact.step}.", f"{fact.step}[")
            gone = [path for path in self.at_work if path == fact.step or path.startswith(inside)]
            for path in gone:
                del self.at_work[path]
        if self.on_fact is not None:
            self.on_fact(self)

    def run(self, most: int = 3000) -> Any:
        """Go on until the run has ended; gives its output."""
        for _ in range(most):
            if self.progress.is_over:
                last = self.facts[-1]
                assert isinstance(last, f.RunCompleted), last
                return last.output
            assert self.step(), f"nothing is left to do, and the run has not ended: {self.open_steps()}"
        raise AssertionError("the run does not end")

    def step(self) -> bool:
        """Do one thing that can be done now; False when there is none.

        What has read text that was taken back is dropped first: nobody writes before the engine has done that.
        """
        for command in commands(self.progress):
            if isinstance(command, Record) and isinstance(command.fact, f.StepDropped):
                self.tell(command.fact)
                return True
        found = list(self.possible())
        if found:
            self.chance.choice(found)()
        return bool(found)

    def open_steps(self) -> dict[str, str]:
        return {path: state.status for path, state in self.progress.states.items() if not state.has_ended}

    def possible(self) -> Iterator[Callable[[], None]]:
        """All that can happen next, in a fixed order."""
        for command in commands(self.progress):
            yield lambda command=command: self.do(command)
        for path in self.at_work:
            yield lambda path=path: self.work_on(path)
        for state in list(self.progress.states.values()):
            if state.path in self.progress.wants:
                continue
            if state.status in ("waiting", "backing_off"):
                yield lambda state=state: self.tell(self.end_of_wait(state))
            elif state.is_reader and state.status == "running" and not state.ended and self.next_cut(state):
                yield lambda state=state: self.tell(self.next_cut(state) or f.RunPaused())

    def do(self, command: Command) -> None:
        """Carry a command out, as the engine does."""
        match command:
            case Record():
                self.tell(command.fact)
                assert command not in list(commands(self.progress)), f"asked for again: {command.fact}"
            case Start():
                if len(self.text_of(command.path)) > command.keep:
                    self.tell(f.TextRetracted(step=command.path, attempt=1, position=command.keep, reason="again"))
                self.tell(f.StepStarted(step=command.path, attempt=command.attempt))
                self.at_work[command.path] = command
            case Wait():
                kind = "review" if command.review is not None else "event" if command.event else "timer"
                self.tell(f.WaitStarted(step=command.path, wait=kind, attempt=command.attempt))
            case Stop() | Steer():
                raise AssertionError("these flows have no watchers")

    def work_on(self, path: str) -> None:
        """An attempt goes on: a writer writes a line, and whoever is done ends, well or badly."""
        start = self.at_work[path]
        luck = chance_of(start.step.id, start.input)
        written = self.text_of(path).count("\n")
        if isinstance(start.step.call, AgentCall) and written < LINES:
            fails = written == 1 and start.failures < luck % 3
            if not fails:
                self.texts[path] = self.text_of(path) + f"{start.step.id} {luck % 100} {written}\n"
                return
        else:
            fails = start.failures < luck % 3
        del self.at_work[path]
        gives_up = start.step.optional and luck % 5 == 0
        if gives_up or fails:
            if self.text_of(path):
                self.tell(f.TextRetracted(step=path, attempt=start.attempt, position=0, reason="failed"))
            again = None if gives_up else 1.0
            self.tell(f.StepFailed(step=path, attempt=start.attempt, error="no", retry_in_s=again))
        elif luck % 7 == 0 and not any(isinstance(fact, f.StepDeferred) and fact.step == path for fact in self.facts):
            if self.text_of(path):
                self.tell(f.TextRetracted(step=path, attempt=start.attempt, position=0, reason="put off"))
            self.tell(f.StepDeferred(step=path, attempt=start.attempt, reason="short", in_s=1.0))
        elif isinstance(start.step.call, AgentCall):
            self.tell(f.StepCompleted(step=path, attempt=start.attempt, of="text"))
        else:
            self.tell(f.StepCompleted(step=path, attempt=start.attempt, output=f"{start.step.id}-{luck % 1000}"))

    def end_of_wait(self, state: StepState) -> f.Fact:
        """What a step that waits has waited for."""
        if state.status == "waiting" and state.step.kind == "review":
            verdict = "approve" if chance_of(state.path) % 2 else "reject"
            return f.ReviewDecided(step=state.path, verdict=verdict, by="ann")
        if state.status == "waiting" and chance_of(state.path) % 2 and "event" in str(state.step.call):
            return f.EventReceived(step=state.path, name="e", data=chance_of(state.path))
        return f.TimerFired(step=state.path)

    def next_cut(self, reader: StepState) -> f.Fact | None:
        """The next segment for a reader of lines, if there is one; or that there are no more."""
        assert reader.step.stream_of is not None
        source = reader.frame.states[reader.step.stream_of]
        text = self.text_of(source.path)
        start = max((item.end for item in reader.items.values()), default=0)
        end = text.find("\n", start) + 1
        if end:
            return f.SegmentCut(step=reader.path, n=reader.next_n, start=start, end=end)
        return f.SegmentsEnded(step=reader.path) if source.has_ended else None

    def die(self) -> None:
        """The process dies, and another takes the run; what was written may or may not be on disk."""
        self.at_work.clear()
        self.tell(f.RunClaimed(worker="another"))


def fresh_commands(world: World) -> list[Command]:
    """What the facts so far call for, folded anew."""
    return decide(world.graph, world.facts, world.text_of)


def picture(progress: Progress) -> Mapping[str, Any]:
    """All that `commands` could change and must not."""
    return {
        "status": progress.status,
        "running": progress.running,
        "wants": {path: (want.kind, id(want)) for path, want in progress.wants.items()},
        "states": {
            path: (
                state.status,
                state.attempt,
                state.failures,
                state.keep,
                state.output,
                tuple(state.feedback),
                tuple(state.frames),
                tuple(state.items),
                tuple(state.queue),
                state.active,
                state.unfinished,
                state.ended,
            )
            for path, state in progress.states.items()
        },
    }
