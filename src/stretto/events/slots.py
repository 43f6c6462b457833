"""What a consumer knows of the slots that it holds: how far they are read, and which events are still in hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from stretto.events.transport import Held, Move


@dataclass(slots=True)
class SlotWork:
    """One slot under one epoch. `open` holds the positions in hand, in ascending order."""

    slot: int
    epoch: int
    acked: int
    read_to: int
    open: dict[int, None] = field(default_factory=dict[int, None])
    admitted: bool = False
    """Whether its letters are known, so that one may read."""
    leaving: bool = False
    touched: bool = False
    """Whether an event was in hand since the last ack."""

    @property
    def done_to(self) -> int:
        """Everything up to here is done."""
        return next(iter(self.open)) - 1 if self.open else self.read_to


class Slots:
    """The slots that are held now."""

    def __init__(self) -> None:
        self._held: dict[int, SlotWork] = {}

    def __contains__(self, slot: int) -> bool:
        return slot in self._held

    def __len__(self) -> int:
        return len(self._held)

    @property
    def numbers(self) -> list[int]:
        """All that are held."""
        return list(self._held)

    @property
    def reading(self) -> dict[int, int]:
        """Where to read on, in the slots that may be read and are not being given back."""
        return {slot: work.read_to for slot, work in self._held.items() if work.admitted and not work.leaving}

    @property
    def in_hand(self) -> int:
        """Events that were read and are not done yet."""
        return sum(len(work.open) for work in self._held.values())

    def epoch(self, slot: int) -> int | None:
        """Under which epoch a slot is held; None when it is not."""
        work = self._held.get(slot)
        return None if work is None else work.epoch

    def update(self, held: Iterable[Held], fair: int) -> list[int]:
        """What the transport says that is held; gives the slots that are to be admitted. Too many of them begin to leave."""
        found = {each.slot: each for each in held}
        for slot in [slot for slot, work in self._held.items() if slot not in found or found[slot].epoch != work.epoch]:
            del self._held[slot]
        for slot, each in found.items():
            if slot not in self._held:
                self._held[slot] = SlotWork(slot, each.epoch, each.position, each.position)
        staying = [work for work in self._held.values() if not work.leaving]
        for work in staying[fair:]:
            work.leaving = True
        return [slot for slot, work in self._held.items() if not work.admitted]

    def lose(self, moves: Iterable[Move]) -> None:
        """These were refused: the slots are another's by now, unless they are held anew already."""
        for move in moves:
            if self.epoch(move.slot) == move.epoch:
                del self._held[move.slot]

    def admit(self, slots: Iterable[int]) -> None:
        """The letters of these slots are known: they may be read."""
        for slot in slots:
            if slot in self._held:
                self._held[slot].admitted = True

    def read(self, positions: Sequence[tuple[int, int]], asked: Iterable[int], upto: int) -> None:
        """These (slot, position) were read and are in hand; the slots that were asked for have nothing else up to `upto`."""
        for slot, position in positions:
            work = self._held.get(slot)
            if work is not None:
                work.open[position] = None
                work.touched = True
        for slot in asked:
            work = self._held.get(slot)
            if work is not None:
                work.read_to = max(work.read_to, upto)

    def done(self, slot: int, epoch: int, position: int) -> None:
        """An event is done, or set aside."""
        work = self._held.get(slot)
        if work is not None and work.epoch == epoch:
            work.open.pop(position, None)

    def moves(self, *, idle_too: bool) -> list[Move]:
        """Which slots have got further; those where nothing was in hand only with `idle_too`."""
        return [
            Move(work.slot, work.epoch, work.done_to)
            for work in self._held.values()
            if work.done_to > work.acked and (work.touched or idle_too or work.leaving)
        ]

    def acked(self, moves: Iterable[Move]) -> None:
        """These moves are kept by the transport."""
        for move in moves:
            work = self._held.get(move.slot)
            if work is not None and work.epoch == move.epoch:
                work.acked = max(work.acked, move.position)
                work.touched = bool(work.open)

    def left(self) -> list[int]:
        """Slots to be given back in which nothing is in hand any more, all of it acked; they are held no longer."""
        over = [
            slot for slot, work in self._held.items() if work.leaving and not work.open and work.acked >= work.read_to
        ]
        for slot in over:
            del self._held[slot]
        return over
