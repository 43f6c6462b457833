"""Where one reader of a run's stream is, and what a row or live text means to it.

A reader learns of text twice: live, and later as a row. `Reading` decides what is new. It is pure:
no clock, no I/O, no tasks.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from stretto.stream import cursor as cursors
from stretto.stream.cursor import Cursor
from stretto.stream.events import EndEvent, Event, FactEvent, RetractEvent, TextEvent
from stretto.stream.log import ENDS, RETRACTED, TEXT, Row


class LiveText(msgspec.Struct, frozen=True):
    """Text that was just written and has no row yet.

    It goes out only after row `after_seq`: the fact that began its attempt, or the retraction that it follows.
    """

    step: str
    attempt: int
    offset: int
    text: str
    at: datetime
    after_seq: int = 0

    @property
    def end(self) -> int:
        """Offset after its last character."""
        return self.offset + len(self.text)


class Reading:
    """What one reader has seen. Feed it every row in order, and between them live text as it comes.

    Guarantees about the events that it gives: a step's text begins at the offset where what was given
    before ended, or where a retraction cut it; every event's cursor leads another `Reading` to the same place.
    """

    def __init__(self, after: Cursor) -> None:
        self.seq = after.seq
        self.ended: str | None = None
        """The run's end status when the last row was such an end."""
        self._behind: dict[str, int] = {}  # steps whose live text was passed over, and the row that it waits for
        self._cuts: dict[str, int] = {}  # last retraction of a step: text that follows no row since is void
        self._from = after.seq
        self._live = dict(after.live)  # text seen that no row up to seq holds: (attempt, offset)
        self._marks: dict[str, tuple[int, int]] = {}  # end of the text seen, where it is known
        self._stored: dict[str, int] = {}  # end of the text in the rows seen
        self._room = cursors.MAX_CHARS - 11 - sum(map(cursors.entry_chars, self._live))

    @property
    def cursor(self) -> Cursor:
        """The cursor of one who has seen all this."""
        return Cursor(self.seq, dict(self._live)) if self._live else Cursor(self.seq)

    def is_at(self, other: Reading) -> bool:
        """Whether both have seen the same."""
        return self.seq == other.seq and self._live == other._live

    def resume(self, row: Row) -> None:
        """Look at the row that the cursor names: it was seen, but it tells whether the run is over."""
        self.ended = ENDS.get(row.kind)
        self.learn([row])

    def learn(self, rows: list[Row]) -> None:
        """Learn from rows that were seen earlier how long the steps' texts are, where that is unknown."""
        ends: dict[str, tuple[int, int]] = {}
        for row in rows:
            if row.step is not None and row.kind == TEXT:
                ends[row.step] = (row.attempt or 0, _end(row))
            elif row.step is not None and row.kind == RETRACTED:
                ends[row.step] = (row.attempt or 0, cut_of(row))
                self._cuts[row.step] = max(row.seq, self._cuts.get(row.step, 0))
        for step, end in ends.items():
            self._stored.setdefault(step, end[1])
            self._marks.setdefault(step, self._live.get(step, end))

    def take_row(self, row: Row) -> list[Event]:
        """Take the next row of the journal; a row that was seen already gives nothing."""
        if row.seq <= self.seq:
            return []
        self.ended = ENDS.get(row.kind)
        if row.kind == TEXT:
            return self._take_text_row(row)
        self.seq = row.seq
        if row.kind == RETRACTED and row.step is not None:
            position = cut_of(row)
            self._cuts[row.step] = row.seq
            self._stored[row.step] = position
            return [self._cut_back(row.step, row.attempt or 0, position, str((row.body or {}).get("reason", "")))]
        return [FactEvent(cursor=self.cursor, seq=row.seq, name=row.kind, step=row.step, data=row.data, at=row.at)]

    def take_text(self, live: LiveText) -> TextEvent | None:
        """Take live text; None when it was seen, is void, or cannot go out before a row that is still to come."""
        step, attempt, offset, end = live.step, live.attempt, live.offset, live.end
        if live.after_seq < self._cuts.get(step, 0):
            return None
        if live.after_seq > self.seq:
            self._behind[step] = live.after_seq
            return None
        entry = self._live.get(step)
        mark = entry or self._marks.get(step)
        if mark is None and not offset and live.after_seq >= self._from:
            mark = (attempt, 0)
        if mark is not None and (attempt < mark[0] or end <= mark[1]):
            return None
        if mark is None or not self._follows(live, mark, entry):
            self._behind[step] = 0
            return None
        if entry is None:
            self._room -= cursors.entry_chars(step)
        self._behind.pop(step, None)
        self._live[step] = self._marks[step] = (attempt, end)
        new = live.text[mark[1] - offset :]
        return TextEvent(cursor=self.cursor, step=step, attempt=attempt, offset=mark[1], text=new, at=live.at)

    def catching_up(self, row: Row) -> list[str]:
        """Steps whose live text was passed over, and may be taken now that this row was."""
        if not self._behind:
            return []
        return [step for step, waits in self._behind.items() if step == row.step or waits == row.seq]

    def _follows(self, live: LiveText, mark: tuple[int, int], entry: tuple[int, int] | None) -> bool:
        if live.offset > mark[1]:
            return False
        if entry is not None:
            # A new attempt begins after all text of the one before has its row. If some has none, its
            # writer died; rows will tell where the new one went on.
            return live.attempt == entry[0]
        return (live.attempt == mark[0] or live.offset == mark[1]) and cursors.entry_chars(live.step) <= self._room

    def phantoms(self) -> list[str]:
        """Steps of whose text something was seen that no row holds."""
        return list(self._live)

    def stored_end(self, step: str) -> int | None:
        """Where the step's text ends in the journal; None when no row seen tells."""
        return self._stored.get(step)

    def give_up(self, step: str, position: int) -> Event | None:
        """Take back what was seen of a step beyond `position` and will never get a row."""
        attempt, offset = self._live[step]
        if offset > position:
            return self._cut_back(step, attempt, position, "lost")
        self._forget_live(step)
        return None

    def end(self) -> EndEvent:
        """Tell that the run is over."""
        return EndEvent(cursor=self.cursor, seq=self.seq, status=self.ended or "")

    def _take_text_row(self, row: Row) -> list[Event]:
        step, attempt, position, text = row.step or "", row.attempt or 0, row.position or 0, row.text or ""
        end = position + len(text)
        events: list[Event] = []
        self._stored[step] = end
        seen = position
        entry = self._live.get(step)
        if entry is not None:
            if attempt > entry[0] and position < entry[1]:
                # What was seen beyond was never stored: its writer died, and another went on from here.
                events.append(self._cut_back(step, attempt, position, "lost"))
            elif end >= entry[1]:
                seen = max(position, entry[1])
                self._forget_live(step)
            else:
                seen = end
        self.seq = row.seq
        self._marks[step] = self._live.get(step, (attempt, end))
        if seen < end:
            cursor, new = self.cursor, text[seen - position :]
            events.append(TextEvent(cursor=cursor, step=step, attempt=attempt, offset=seen, text=new, at=row.at))
        return events

    def _cut_back(self, step: str, attempt: int, position: int, reason: str) -> RetractEvent:
        self._forget_live(step)
        self._marks[step] = (attempt, position)
        return RetractEvent(cursor=self.cursor, seq=self.seq, step=step, from_offset=position, reason=reason)

    def _forget_live(self, step: str) -> None:
        if self._live.pop(step, None) is not None:
            self._room += cursors.entry_chars(step)


def cut_of(row: Row) -> int:
    """Give the offset that a `TextRetracted` row cuts back to."""
    position = (row.body or {}).get("position", 0)
    return position if isinstance(position, int) else 0


def _end(row: Row) -> int:
    return (row.position or 0) + len(row.text or "")
