"""What the steps of one run have written, in memory, and on its way to the journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stretto.engine.attempt import clock_ms
from stretto.engine.flusher import Flusher
from stretto.stream.text import StepText, TextChunk


class Texts:
    """The text of every step, by path. What was written goes to `save` within the flusher's interval."""

    def __init__(self, flusher: Flusher, save: Callable[[TextChunk], None], sent: Callable[[], None]) -> None:
        """`save` numbers a chunk; `sent` is called after a round of them."""
        self._texts: dict[str, StepText] = {}
        self._dirty: set[str] = set()
        self._flusher = flusher
        self._save = save
        self._sent = sent

    def load(self, texts: Mapping[str, StepText]) -> None:
        """Begin with what the journal holds."""
        self._texts.update(texts)

    def of(self, path: str) -> str:
        """All that the step at this path has written."""
        text = self._texts.get(path)
        return "" if text is None else text.slice(0)

    def length(self, path: str) -> int:
        """How many code points the step at this path has written."""
        text = self._texts.get(path)
        return 0 if text is None else text.length

    def get(self, path: str) -> StepText | None:
        return self._texts.get(path)

    def paths_under(self, prefixes: tuple[str, ...]) -> list[str]:
        """The steps with a text whose path begins with one of these."""
        return [path for path in self._texts if path.startswith(prefixes)]

    def begin(self, path: str, attempt: int) -> StepText:
        """The text that an attempt goes on writing."""
        text = self._texts.get(path)
        if text is None:
            text = self._texts[path] = StepText(path, attempt=attempt, now_ms=clock_ms())
        else:
            self.flush(path)
            text.start_attempt(attempt, clock_ms())
        return text

    def note(self, path: str) -> None:
        """The step at this path has written."""
        if path not in self._dirty:
            self._dirty.add(path)
            self._flusher.note(self)

    def flush(self, path: str) -> None:
        """Save what this step has written and is not saved."""
        self._dirty.discard(path)
        text = self._texts.get(path)
        chunk = None if text is None else text.take_pending()
        if chunk is not None:
            self._save(chunk)

    def flush_text(self) -> None:
        """Save what any step has written."""
        for path in list(self._dirty):
            self.flush(path)
        self._sent()

    def send_soon(self) -> None:
        """What was numbered goes out with the next text, within the flusher's interval: for what is frequent, and urgent to nobody."""
        self._flusher.note(self)

    def keep_only(self, wanted: Callable[[str], bool]) -> None:
        """Let go of the text of all other paths."""
        for path in [path for path in self._texts if not wanted(path)]:
            del self._texts[path]

    def close(self) -> None:
        """Nothing is written here any more."""
        self._flusher.forget(self)
        self._texts.clear()
