"""A consumer: one process's part in a group that takes events, one subject at a time and in order.

An event that cannot be taken is set aside as a letter and tried again after a pause; the later ones of its subject wait behind
it, all others go on. When its attempts are used up it is a dead letter, and its subject goes on without it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

import structlog

from stretto.errors import Permanent, StrettoError, Transient
from stretto.events.ending import end
from stretto.events.event import Event
from stretto.events.postgres import AWAY
from stretto.events.relay import process_name
from stretto.events.slots import Slots
from stretto.events.store import EventStore, Letter, Parked
from stretto.events.transport import Group, Transport
from stretto.store import Database

log = structlog.get_logger(__name__)

EventHandler = Callable[[Event], Awaitable[None]]
"""Takes one event. What it raises says that the event could not be taken: `Permanent` errors make it a dead letter at once."""
Subject = tuple[UUID, str]

LEASE_S = 6.0
POLL_S = 1.0
ACK_EVERY_S = 0.1
IDLE_ACK_EVERY_S = 5.0
DUE_EVERY_S = 0.5
SENT_AGAIN_EVERY_S = 2.0
TEND_EVERY_S = 10.0
MOST_READ = 500
MOST_IN_HAND = 1_000
MOST_SUBJECTS_PARKED = 10_000
"""With more subjects than this set aside, nothing new is read: something is wrong with all of them, and memory is bounded."""
MAX_ERROR_CHARS = 2_000
LEAVE_S = 5.0
"""How long a consumer that is stopped waits for what it has in hand."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often an event is tried, and the pauses between: `first_s`, growing by `factor` up to `longest_s`, less jitter.

    The default tries eight times within about an hour. An attempt that lasts longer than `timeout_s` has failed.
    """

    most: int = 8
    first_s: float = 1.0
    factor: float = 4.0
    longest_s: float = 1800.0
    jitter: float = 0.3
    timeout_s: float = 60.0

    def pause_s(self, failures: int, error: BaseException) -> float | None:
        """Seconds until the next attempt after this many failures; None when there is none."""
        if failures >= self.most or isinstance(error, Permanent):
            return None
        pause_s = min(self.first_s * self.factor ** (failures - 1), self.longest_s)
        pause_s -= pause_s * self.jitter * random.random()
        asked_s = error.retry_after_s if isinstance(error, Transient) else None
        return max(pause_s, asked_s or 0.0)


@dataclass(slots=True)
class _Task:
    """An event in hand: fresh from the log under an epoch of its slot, or a letter."""

    event: Event
    epoch: int = 0
    letter: Letter | None = None


class Consumer:
    """Takes a group's events with a handler, as one of its members, until it is cancelled.

    `types` are the beginnings of the types to take (default: all); others are passed over. Up to `concurrency` subjects are
    at work at once. Delivery is at least once: a handler whose effects must happen once calls `processed_once`.
    """

    def __init__(
        self,
        database: Database,
        transport: Transport,
        group: Group,
        handler: EventHandler,
        *,
        types: Sequence[str] = ("",),
        attempts: Attempts = Attempts(),
        concurrency: int = 16,
        lease_s: float = LEASE_S,
    ) -> None:
        self.group = group
        self.name = process_name()
        self._transport = transport
        self._store = EventStore(database)
        self._handler = handler
        self._types = tuple(types)
        self._attempts = attempts
        self._concurrency = concurrency
        self._lease_s = lease_s
        self._slots = Slots()
        self._lease_until = 0.0
        self._queues: dict[Subject, deque[_Task]] = {}  # subjects at work or about to be
        self._ready: asyncio.Queue[Subject] = asyncio.Queue()
        self._parked: dict[Subject, int] = {}  # with their slots
        self._parking: dict[Subject, int] = {}  # events on their way aside
        self._letters = asyncio.Lock()  # what is set aside and what is taken up again, one after the other
        self._room = asyncio.Event()
        self._news_aside = asyncio.Event()
        self._stopping = False
        self._tended_at = time.monotonic()

    async def run(self) -> None:
        """Take events until it is cancelled; then finish what is in hand and give the slots back."""
        workers = [
            asyncio.create_task(self._work(), name=f"events {self.group.name}") for _ in range(self._concurrency)
        ]
        loops = [
            asyncio.create_task(loop(), name=f"events {self.group.name} {loop.__name__}")
            for loop in (self._beat, self._read, self._ack, self._take_due)
        ]
        try:
            done, _ = await asyncio.wait([*workers, *loops], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # none of them ends by itself: let its fault be known
        finally:
            self._stopping = True
            await end(loops[1:])
            with suppress(TimeoutError):
                async with asyncio.timeout(LEAVE_S):
                    await self._leave_well()
            await end([*workers, loops[0]])
            with suppress(*AWAY):
                await self._transport.leave(self.group, self.name)

    async def _leave_well(self) -> None:
        while self._queues:  # noqa: ASYNC110 - that a dict is empty is no event
            await asyncio.sleep(0.02)
        for _ in range(3):  # the loops that were cut off may have cut off this, too
            with suppress(*AWAY):
                await self._transport.ack(self.group, self.name, self._slots.moves(idle_too=True))
                return

    @property
    def _holds(self) -> bool:
        return time.monotonic() < self._lease_until

    # The lease

    async def _beat(self) -> None:
        while True:
            try:
                await self._join()
            except AWAY as error:
                log.warning("no connection to events; trying again", group=self.group.name, error=str(error).strip())
            await asyncio.sleep(self._lease_s / 4 if self._holds else 0.2)

    async def _join(self) -> None:
        asked = time.monotonic()
        share = await self._transport.join(self.group, self.name, self._lease_s)
        new = self._slots.update(share.held, share.fair)
        # A margin, so that nobody else takes the slots before this process knows that it has lost them.
        self._lease_until = asked + self._lease_s * 0.8
        # Now and then for all: a letter that another process set aside just when the one before it was settled has no time.
        tended = time.monotonic() > self._tended_at + TEND_EVERY_S
        if new or tended:
            self._tended_at = time.monotonic() if tended else self._tended_at
            async with self._letters:
                self._parked |= await self._store.take_up(self.group, self._slots.numbers if tended else new)
            self._slots.admit(new)
            self._room.set()
        for subject in [subject for subject, slot in self._parked.items() if slot not in self._slots]:
            del self._parked[subject]

    # Reading

    async def _read(self) -> None:
        while not self._stopping:
            after = self._slots.reading if self._holds else {}
            epochs = {slot: self._slots.epoch(slot) for slot in after}
            if not after or self._slots.in_hand >= MOST_IN_HAND or len(self._parked) > MOST_SUBJECTS_PARKED:
                await self._wait_for_room()
                continue
            try:
                batch = await self._transport.read(self.group, after, MOST_READ)
                same = {slot: epoch for slot, epoch in epochs.items() if epoch and self._slots.epoch(slot) == epoch}
                await self._sort(batch.events, same, batch.upto)
                if len(batch.events) < MOST_READ:
                    await self._transport.wait(batch.upto, POLL_S)
            except AWAY as error:
                log.warning("no connection to events; trying again", group=self.group.name, error=str(error).strip())
                await asyncio.sleep(0.2)

    async def _wait_for_room(self) -> None:
        self._room.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await self._room.wait()

    async def _sort(self, events: Sequence[Event], epochs: dict[int, int], upto: int) -> None:
        """Give events to their subjects' queues, or set them aside behind others of their subject."""
        mine = [event for event in events if event.slot in epochs and event.type.startswith(self._types)]
        self._slots.read([(event.slot, event.position) for event in mine], epochs, upto)
        aside: list[_Task] = []
        for event in mine:
            subject = (event.tenant_id, event.subject)
            task = _Task(event, epochs[event.slot])
            if subject in self._parked or subject in self._parking:
                self._parking[subject] = self._parking.get(subject, 0) + 1
                aside.append(task)
            else:
                self._queue(subject, task)
        if aside:
            await self._set_aside(aside, [Parked(task.event) for task in aside])

    def _queue(self, subject: Subject, task: _Task) -> None:
        queue = self._queues.get(subject)
        if queue is None:
            self._queues[subject] = deque([task])
            self._ready.put_nowait(subject)
        else:
            queue.append(task)

    # Working

    async def _work(self) -> None:
        while True:
            subject = await self._ready.get()
            queue = self._queues[subject]
            while queue:
                try:
                    await self._take(subject, queue)
                except AWAY as error:
                    log.warning("no connection; trying again", group=self.group.name, error=str(error).strip())
                    await asyncio.sleep(0.2)
            del self._queues[subject]
            self._room.set()

    async def _take(self, subject: Subject, queue: deque[_Task]) -> None:
        """Take the first event of a queue. It stays there until it is done or set aside."""
        task = queue[0]
        while not self._holds and not self._stopping:  # noqa: ASYNC110 - time is no event
            await asyncio.sleep(0.05)  # the beat is late; it tells whether the slot is still held
        if self._stopping or not self._is_mine(task):
            queue.popleft()  # whoever has the slot next takes it
            return
        error = await self._handle(task.event)
        if error is None:
            await self._taken(subject, queue, task)
        else:
            await self._failed(subject, queue, task, error)

    def _is_mine(self, task: _Task) -> bool:
        epoch = self._slots.epoch(task.event.slot)
        return epoch is not None and (task.letter is not None or epoch == task.epoch)

    async def _handle(self, event: Event) -> Exception | None:
        try:
            async with asyncio.timeout(self._attempts.timeout_s):
                await self._handler(event)
        except TimeoutError:
            return TimeoutError(f"The handler took longer than {self._attempts.timeout_s:g} s.")
        except Exception as error:
            return error
        return None

    async def _taken(self, subject: Subject, queue: deque[_Task], task: _Task) -> None:
        if task.letter is None:
            self._done(task)
            queue.popleft()
            return
        async with self._letters:
            following = await _surely(lambda letter: self._store.settle(self.group, letter), task.letter)
            self._go_on(subject, queue, following)

    async def _failed(self, subject: Subject, queue: deque[_Task], task: _Task, error: Exception) -> None:
        failures = 1 if task.letter is None else task.letter.attempts + 1
        pause_s = self._attempts.pause_s(failures, error)
        told = _told(error)
        log.warning(
            "an event could not be taken" if pause_s is not None else "an event has become a dead letter",
            group=self.group.name,
            event_id=str(task.event.id),
            type=task.event.type,
            attempts=failures,
            again_in_s=None if pause_s is None else round(pause_s, 1),
            error=told,
        )
        if task.letter is not None:
            async with self._letters:
                following = await _surely(
                    lambda letter: self._store.fail_again(self.group, letter, told, pause_s), task.letter
                )
                self._go_on(subject, queue, following)
            return
        first = Parked(task.event, failures, pause_s, told)
        if pause_s is None:
            await self._set_aside([task], [first], counted=False)
            queue.popleft()
            return
        self._parked[subject] = task.event.slot  # what is read from now on waits behind this one
        tasks = list(queue)
        await self._set_aside(
            tasks, [first, *(Parked(behind.event, behind=True) for behind in tasks[1:])], counted=False
        )
        for _ in tasks:
            queue.popleft()

    def _go_on(self, subject: Subject, queue: deque[_Task], following: Letter | None) -> None:
        """Go on with the next letter of the subject, or with what comes fresh when there is none."""
        queue.popleft()
        if following is None:
            self._parked.pop(subject, None)
        elif following.due_at is not None and following.attempts == 0 and not any(task.letter for task in queue):
            queue.appendleft(_Task(following.event, letter=following))

    async def _set_aside(self, tasks: Sequence[_Task], parked: Sequence[Parked], *, counted: bool = True) -> None:
        """Put events among the letters; only then are they done with. Waits while the database is away."""
        async with self._letters:
            while True:
                try:
                    await self._store.park(self.group, parked)
                    break
                except AWAY as error:
                    log.warning("no connection; trying again", group=self.group.name, error=str(error).strip())
                    await asyncio.sleep(0.2)
            for task, each in zip(tasks, parked, strict=True):
                subject = (task.event.tenant_id, task.event.subject)
                if each.pause_s is not None:
                    self._parked[subject] = task.event.slot
                    self._news_aside.set()
                if counted:
                    self._parking[subject] -= 1
                    if not self._parking[subject]:
                        del self._parking[subject]
                self._done(task)

    def _done(self, task: _Task) -> None:
        self._slots.done(task.event.slot, task.epoch, task.event.position)
        if self._slots.in_hand < MOST_IN_HAND:
            self._room.set()

    # Letters that are due, and positions

    async def _take_due(self) -> None:
        while not self._stopping:
            if not self._parked:  # then only those can be due that somebody sends again
                self._news_aside.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(SENT_AGAIN_EVERY_S):
                        await self._news_aside.wait()
            await asyncio.sleep(min(DUE_EVERY_S, self._attempts.first_s) * (0.5 + random.random()))
            if not self._holds or not len(self._slots):
                continue
            try:
                async with self._letters:  # or a letter that is settled meanwhile would be taken once more
                    due = await self._store.due(self.group, self._slots.numbers, MOST_READ)
                    for letter in due:
                        subject = (letter.event.tenant_id, letter.event.subject)
                        if subject not in self._queues:
                            self._parked[subject] = letter.event.slot
                            self._queue(subject, _Task(letter.event, letter=letter))
            except AWAY as error:
                log.warning("no connection; trying again", group=self.group.name, error=str(error).strip())

    async def _ack(self) -> None:
        idle_at = time.monotonic()
        while not self._stopping:
            await asyncio.sleep(ACK_EVERY_S)
            idle = time.monotonic() - idle_at > IDLE_ACK_EVERY_S
            if idle:
                idle_at = time.monotonic()
            try:
                if moves := self._slots.moves(idle_too=idle):
                    lost = await self._transport.ack(self.group, self.name, moves)
                    self._slots.acked(move for move in moves if move.slot not in lost)
                    self._slots.lose(move for move in moves if move.slot in lost)
                if left := self._slots.left():
                    await self._transport.release(self.group, self.name, left)
            except AWAY as error:
                log.warning("no connection; trying again", group=self.group.name, error=str(error).strip())


async def _surely(do: Callable[[Letter], Awaitable[Letter | None]], letter: Letter) -> Letter | None:
    """Write down what became of a letter; wait while the database is away."""
    while True:
        try:
            return await do(letter)
        except AWAY as error:
            log.warning("no connection; trying again", error=str(error).strip())
            await asyncio.sleep(0.2)


def _told(error: Exception) -> str:
    message = error.message if isinstance(error, StrettoError) else str(error)
    return f"{type(error).__name__}: {message}"[:MAX_ERROR_CHARS]
