"""Turn references into dependencies.

A name that a template or condition reads is looked up from the inside out: what an `each` or `watch` step gets, then
`input`, then `turn` and `item` of the loops and maps around, then the steps of the whole flow. A reference between two blocks
becomes a dependency inside the innermost block that holds both: of the step there that contains the reader, on the step
there that contains what is read. Inside a loop, what is written further down has only its last turn's value.
"""

from __future__ import annotations

from collections.abc import Iterator

from stretto.documents.problems import Path, nearest, suggest
from stretto.flow.drafts import DraftBlock, DraftFlow, DraftStep, NameRead, Use
from stretto.flow.reading import Reader
from stretto.flow.vocabulary import SPECIAL_NAMES

EACH_NAMES = ("segment", "index")
WATCH_NAMES = ("text", "segment", "index")


def special_names(step: DraftStep | None, block: DraftBlock) -> Iterator[str]:
    """The names beside steps that can be read here."""
    if step is not None:
        yield from EACH_NAMES if step.each else WATCH_NAMES if step.watch else ()
    yield "input"
    yield "budget"
    for owner in block.owners():
        if owner.kind == "loop":
            yield "turn"
        elif owner.kind == "map":
            yield owner.item
            yield "index"
            if owner.is_planned:
                yield "needs"


_SPECIAL_HINTS = {
    "item": "It is there inside a `map`.",
    "index": "It is there inside a `map`, and in a step with `each` or `watch`.",
    "needs": "It is there inside a `map` over `tasks`.",
    "turn": "It is there inside a `loop`.",
    "segment": "It is there in a step with `each` or `watch`.",
    "text": "It is there in a step with `watch`.",
}
_OTHER_HINTS = {
    "True": "Write `true`.",
    "False": "Write `false`.",
    "None": "Write `null`.",
    "inputs": "Did you mean `input`?",
}


class Resolver:
    """Fills in `after` and `previous` of every step, and `inner` of every block."""

    def __init__(self, reader: Reader, flow: DraftFlow) -> None:
        self._reader = reader
        self._steps = flow.steps
        self._flow = flow

    def resolve(self) -> None:
        """Resolves the whole flow, noting references that lead nowhere."""
        self._block(self._flow.root)
        for step in self._flow.steps.values():
            self._step(step)
            if step.kind == "map" and step.item in self._flow.steps:
                remedy = "Choose another name for the item."
                self._reader.at_value(
                    (*step.path, "map", "as"), f"`{step.item}` is the name of a step already.", remedy
                )
            for block in step.blocks:
                self._block(block)

    def _block(self, block: DraftBlock) -> None:
        for use in block.output_uses:
            self._use(use, None, block)

    def _step(self, step: DraftStep) -> None:
        for name, path in step.declared_after:
            self._declared(step, name, path)
        for use in step.until:
            self._use(use, None, step.blocks[0])
        for use in step.uses:
            self._use(use, step, step.block)

    def _declared(self, step: DraftStep, name: str, path: Path) -> None:
        target = self._steps.get(name)
        if target is None:
            close = nearest(name, [key for key in self._steps if " " not in key])
            remedy = f"Did you mean `{close}`?" if close else "`after` takes the ids of steps."
            self._reader.at_value(path, f"there is no step `{name[:80]}`.", remedy)
        elif target is step:
            self._reader.at_value(path, f"step `{name}` waits for itself.", "Delete it from `after`.")
        elif name == step.stream_of:
            way = "each" if step.each else "watch"
            self._reader.at_value(
                path,
                f"step `{step.id}` reads `{name}` while it is being written, so it cannot also wait until it is done.",
                f"Delete `{way}`, or `{name}` from `after`.",
            )
        else:
            self._link(step, step.block, target, path, None, declared=True)

    def _use(self, use: Use, step: DraftStep | None, block: DraftBlock) -> None:
        specials = tuple(dict.fromkeys(special_names(step, block)))  # in one order, for messages
        for read in use.reads:
            if read.name in specials:
                continue
            target = self._steps.get(read.name)
            if target is None:
                self._unknown(use, read, step, block, specials)
            elif target is step and use.role == "feedback":
                continue  # its own verdict, which it has just given
            elif step is not None and read.name == step.stream_of:
                special = "segment" if step.each else "text"
                self._reader.at_value(
                    use.path,
                    f"step `{step.id}` reads `{read.name}` while it is being written; its value is not there yet.",
                    f"Use `{special}`" + (", the part at hand." if step.each else ", all of it so far."),
                    read.offset,
                )
            else:
                self._link(step, block, target, use.path, read)

    def _unknown(
        self, use: Use, read: NameRead, step: DraftStep | None, block: DraftBlock, specials: tuple[str, ...]
    ) -> None:
        name = read.name[:80]
        if name in SPECIAL_NAMES:
            if step is not None and step.is_unsure and name in WATCH_NAMES:
                return
            owner = next((owner for owner in block.owners() if owner.kind == "map"), None)
            remedy = (
                f"Here it is called `{owner.item}`." if name == "item" and owner is not None else _SPECIAL_HINTS[name]
            )
            self._reader.at_value(use.path, f"`{name}` means nothing here.", remedy, read.offset)
        else:
            self._reader.at_value(
                use.path, f"there is no step or name `{name}`.", self._suggest(read.name, specials), read.offset
            )

    def _suggest(self, name: str, specials: tuple[str, ...]) -> str:
        if name in _OTHER_HINTS:
            return _OTHER_HINTS[name]
        if name in self._flow.input_schema["properties"]:
            return f"Did you mean `input.{name}`?"
        known = [*specials, *(key for key in self._steps if " " not in key)]
        return suggest(name, known)

    def _link(
        self,
        step: DraftStep | None,
        block: DraftBlock,
        target: DraftStep,
        path: Path,
        read: NameRead | None,
        declared: bool = False,
    ) -> None:
        """Notes that what stands in `block` (in `step`, or at the block's end) needs `target`."""
        shared, reader_at, target_at = _meet(step, block, target)
        if target_at is not target:
            way = _way(shared, target)
            mapped = next((each for each in way if each.kind == "map"), None)
            if mapped is not None:
                self._reader.at_value(
                    path,
                    f"step `{target.id}` runs once for each item of map `{mapped.id}`, so it has no single value out here.",
                    f"Use `{mapped.id}`, the list of each item's output.",
                    read.offset if read else None,
                )
                return
            shared.inner[target.id] = tuple(each.id for each in way)
        if reader_at is None:
            return  # the end of the block: everything in it is done
        further_down = target_at.order >= reader_at.order
        if shared.is_loop and further_down and not declared and not _is_declared(reader_at, target_at):
            reader_at.previous.add(target.id)
            return
        if target_at is reader_at:
            self._reader.at_value(path, *_own(reader_at, target, step), read.offset if read else None)
            return
        reader_at.after.setdefault(target_at.id, path)


def _is_declared(reader_at: DraftStep, target_at: DraftStep) -> bool:
    return any(name == target_at.id for name, _ in reader_at.declared_after)


def _own(container: DraftStep, target: DraftStep, step: DraftStep | None) -> tuple[str, str]:
    if target is container:
        if step is container:
            return (
                f"step `{target.id}` reads its own value.",
                "Only inside a loop a step can read what it gave in the turn before.",
            )
        return (
            f"`{target.id}` is the {container.kind} that stands around this, and has no value before it is done.",
            "Read one of the steps inside it.",
        )
    if container.kind == "branch" and step is not container:
        return (
            f"step `{target.id}` stands in another case, and only one case runs.",
            "Read it after the branch, or put the step before the branch.",
        )
    return f"step `{container.id}` needs step `{target.id}`, which stands inside it.", "Read a step that comes before."


def _meet(
    step: DraftStep | None, block: DraftBlock, target: DraftStep
) -> tuple[DraftBlock, DraftStep | None, DraftStep]:
    """The innermost block that holds both, and the steps in it that contain (or are) reader and target."""
    reader_at, target_at = step, target
    here, there = block, target.block
    here_depth, there_depth = here.depth, there.depth
    while here is not there:
        if here_depth >= there_depth:
            assert here.owner is not None
            reader_at, here = here.owner, here.owner.block
            here_depth -= 1
        else:
            assert there.owner is not None
            target_at, there = there.owner, there.owner.block
            there_depth -= 1
    return here, reader_at, target_at


def _way(block: DraftBlock, target: DraftStep) -> list[DraftStep]:
    """The containers from `block` down to where `target` stands."""
    way: list[DraftStep] = []
    at = target.block
    while at is not block:
        assert at.owner is not None
        way.append(at.owner)
        at = at.owner.block
    way.reverse()
    return way
