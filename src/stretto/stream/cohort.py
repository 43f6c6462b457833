"""Followers who have seen the same read the ring once for all of them, and share what it gives, encoded once.

With a hundred clients on a run, what a token costs is then the hundred sends, and not a hundred times the work before.
"""

from __future__ import annotations

from stretto.stream.channel import Channel
from stretto.stream.events import Batch, Event
from stretto.stream.reading import LiveText, Reading

MOST_BATCHES = 256
"""Batches kept for those of a cohort who are behind; who is further behind goes on from the log."""


class Cohort:
    """The followers of a channel who have caught up with it and whose clients have seen the same.

    Batches have running numbers; each member knows which it takes next.
    """

    def __init__(self, channel: Channel, reading: Reading) -> None:
        """Begin at the top of the ring, up to where `reading` has read it."""
        self.members = 0
        self.reading = reading
        self.over = False
        """Whether the last batch ended with the run's end."""
        self.broken = False
        """Whether the ring has moved past the cohort's place: its members go on from the log."""
        self.first = 0
        self._place = channel.top
        self._channel = channel
        self._batches: list[Batch] = []
        self._chars = 0

    @property
    def next_number(self) -> int:
        """Of the batch that comes next."""
        return self.first + len(self._batches)

    def batch(self, number: int) -> Batch:
        """The batch of this number, which must be there."""
        return self._batches[number - self.first]

    def catch_up(self) -> None:
        """Read what has come into the ring since."""
        channel, reading = self._channel, self.reading
        if self.over or self.broken or self._place == channel.top:
            return
        if self._place < channel.base:
            self.broken = True
            return
        events = drain(channel, reading, self._place)
        self._place = channel.top
        if reading.ended is not None:
            if reading.phantoms():
                self.broken = True  # what was shown in vain is for each to take back, with the log's help
            else:
                self.over = True
                events.append(reading.end())
        if events:
            self._keep(Batch(events, shared=True))

    def _keep(self, batch: Batch) -> None:
        self._batches.append(batch)
        self._chars += batch.chars
        surplus = len(self._batches) - MOST_BATCHES
        while surplus > 0 or (self._chars > self._channel.max_chars and len(self._batches) > 1):
            self._chars -= self._batches.pop(0).chars
            self.first += 1
            surplus -= 1


def drain(channel: Channel, reading: Reading, place: int) -> list[Event]:
    """Let `reading` take what the ring holds from `place` on."""
    events: list[Event] = []
    texts: list[LiveText] = []
    for index in range(place - channel.base, len(channel.items)):
        item = channel.items[index]
        if isinstance(item, LiveText):
            texts.append(item)
            continue
        events += take_texts(reading, texts)
        texts = []
        events += reading.take_row(item)
        if steps := reading.catching_up(item):
            before = channel.items[:index]
            events += take_texts(reading, [x for x in before if isinstance(x, LiveText) and x.step in steps])
    return events + take_texts(reading, texts)


def take_texts(reading: Reading, texts: list[LiveText]) -> list[Event]:
    """Let `reading` take live text that came in one go."""
    if not texts:
        return []
    return [event for live in _merge(texts) if (event := reading.take_text(live)) is not None]


def _merge(texts: list[LiveText]) -> list[LiveText]:
    """Join what one step wrote in one go; the steps keep the order in which they began."""
    if len(texts) == 1:
        return texts
    runs: dict[str, list[list[LiveText]]] = {}
    for live in texts:
        of_step = runs.setdefault(live.step, [])
        if of_step and _goes_on(of_step[-1][-1], live):
            of_step[-1].append(live)
        else:
            of_step.append([live])
    return [_joined(run) for of_step in runs.values() for run in of_step]


def _goes_on(before: LiveText, live: LiveText) -> bool:
    return before.end == live.offset and before.attempt == live.attempt and before.after_seq == live.after_seq


def _joined(run: list[LiveText]) -> LiveText:
    head = run[0]
    if len(run) == 1:
        return head
    text = "".join([live.text for live in run])
    return LiveText(head.step, head.attempt, head.offset, text, head.at, head.after_seq)
