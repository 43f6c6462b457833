"""Feed `each` and `watch` steps with segments of a stream while it is being written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from stretto.flow import facts as f
from stretto.flow.progress import Progress
from stretto.flow.scope import StepState, TextOf
from stretto.stream.segment import Segment, Segmenter, segmenter

Emit = Callable[[f.Fact], None]


@dataclass(slots=True, eq=False)
class Feed:
    """Cuts the stream of one step for one reader.

    An `each` reader gets every segment. A `watch` reader gets one window at a time: what was written
    since the last one, up to the last full segment, so that a slow watcher reads more at once.
    """

    reader: StepState
    source: str
    emit: Emit
    cutter: Segmenter = field(init=False)
    window: tuple[int, int] | None = None
    window_of: int = field(init=False)
    window_has: int = 0
    reached: int = 0
    finished: bool = False

    def __post_init__(self) -> None:
        step = self.reader.step
        rule = step.watch.every if step.watch else step.each.by if step.each else None
        assert rule is not None
        # The cutter counts tokens; of other kinds, a window takes so many segments.
        self.cutter = segmenter(rule.kind, rule.n if rule.kind == "tokens" else None)
        self.window_of = rule.n or 1 if rule.kind != "tokens" else 1

    def open(self, text: str, ended: bool) -> None:
        """Begin with the text that there is; segments that were cut before are not cut again."""
        # Of what was retracted the drops may still be to come: it is to be cut anew, however the text goes on.
        self.reached = max((item.end for item in self.reader.items.values() if not item.is_void), default=0)
        self.feed(text)
        if ended:
            self.finish()

    def feed(self, text: str) -> None:
        for segment in self.cutter.feed(text):
            self._take(segment)

    def finish(self, *, stopped: bool = False) -> None:
        """The stream has ended; what a watcher has not seen of a stopped one needs no watching."""
        if self.finished:
            return
        self.finished = True
        if stopped and self.reader.step.watch is not None:
            self.window, self.window_has = None, 0
        else:
            for segment in self.cutter.finish():
                self._take(segment)
        self.item_ended()

    def item_ended(self) -> None:
        """A watcher is free again, or the stream has ended: give the window that gathered."""
        self._give_window()
        if self.finished and self.window is None and not self.reader.ended:
            self.emit(f.SegmentsEnded(step=self.reader.path))

    def restart(self, text: str) -> None:
        """The stream was cut back to this text; segments of it that were cut stand."""
        self.window, self.window_has, self.finished = None, 0, False
        self.reached = max((i.end for i in self.reader.items.values() if i.end <= len(text)), default=0)
        for segment in self.cutter.retract(len(text), lambda start, end: text[start:end]):
            self._take(segment)

    def _take(self, segment: Segment) -> None:
        if segment.end <= self.reached:
            return
        if self.reader.step.watch is None:
            self._cut(segment.start, segment.end)
            return
        start = self.window[0] if self.window else max(segment.start, self.reached)
        self.window = (start, segment.end)
        self.window_has += 1
        self._give_window()

    def _give_window(self) -> None:
        """Give the watcher what gathered, if it is free, and enough gathered or the stream has ended."""
        full = self.window_has >= self.window_of or self.finished
        if self.window is not None and full and self.reader.unfinished == 0:
            start, end = self.window
            self.window, self.window_has = None, 0
            self._cut(start, end)

    def _cut(self, start: int, end: int) -> None:
        self.reached = end
        self.emit(f.SegmentCut(step=self.reader.path, n=self.reader.next_n, start=start, end=end))


class Readers:
    """All feeds of one run, by the stream that they read."""

    def __init__(self, progress: Progress, text_of: TextOf, emit: Emit) -> None:
        """`emit` is given the facts in order; what a segment refers to must be in the journal before it."""
        self._progress = progress
        self._text_of = text_of
        self._emit = emit
        self._feeds: dict[str, dict[str, Feed]] = {}

    def source_of(self, reader_path: str) -> str:
        """Path of the step that a reader reads."""
        reader = self._progress.state(reader_path)
        assert reader is not None
        assert reader.step.stream_of is not None
        return reader.frame.path(reader.step.stream_of)

    def open(self, reader: StepState) -> None:
        """Begin to feed a reader (not one that reads items: those need no cutting)."""
        if reader.step.each is not None and reader.step.each.by.kind == "item":
            return
        source = self._progress.state(self.source_of(reader.path))
        assert source is not None
        feed = Feed(reader, source.path, self._emit)
        self._feeds.setdefault(source.path, {})[reader.path] = feed
        feed.open(self._text_of(source.path), source.has_ended)

    def open_all(self) -> None:
        """Begin to feed every reader that is at work, as after a restart."""
        for state in list(self._progress.states.values()):
            if state.is_reader and state.status == "running" and not state.ended:
                self.open(state)

    def wrote(self, path: str, text: str) -> bool:
        """The step at this path has streamed text; tells whether anybody here reads it."""
        feeds = self._feeds.get(path)
        if not feeds:
            return False
        for feed in list(feeds.values()):
            feed.feed(text)
        return True

    def retracted(self, path: str) -> None:
        """The stream of the step at this path was cut back."""
        for feed in list(self._feeds.get(path, {}).values()):
            feed.restart(self._text_of(path))

    def ended(self, state: StepState) -> None:
        """A step has ended: its stream is whole; if it was a reader, it needs no more segments."""
        if state.reader is not None:
            self.item_ended(state.reader.path)
            return
        for feed in list(self._feeds.get(state.path, {}).values()):
            feed.finish(stopped=state.status == "stopped")
        if state.is_reader:
            self._feeds.get(self.source_of(state.path), {}).pop(state.path, None)

    def forget_under(self, prefixes: tuple[str, ...]) -> None:
        """The steps whose path begins with one of these were dropped, with all that reads them."""
        for source in [source for source in self._feeds if source.startswith(prefixes)]:
            del self._feeds[source]

    def item_ended(self, reader_path: str) -> None:
        """An item of this reader has ended or was dropped."""
        feed = self._feeds.get(self.source_of(reader_path), {}).get(reader_path)
        if feed is not None:
            feed.item_ended()
