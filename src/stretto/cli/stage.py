"""A score as a picture for the terminal: the voices at work side by side, what waits, and how far the run is.

Pure: a renderable for Rich, made anew from the score at each repaint. What has ended is not here; it is printed
above, one line each (`news_text`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from stretto.cli.amounts import count, dollars, duration, span
from stretto.cli.safe_text import safe
from stretto.cli.score import Line, Score, Tone
from stretto.cli.voice import Voice

NARROWEST = 36
"""Columns of the terminal that a voice takes at least, if there are so many."""
MOST_LINES = 12
"""Lines of text that a voice shows at most."""
FEWEST_LINES = 3
MOST_WAITS = 6
BAR_WIDTH = 10

COLORS = ("cyan", "magenta", "green", "blue", "yellow", "bright_cyan", "bright_magenta", "bright_green")
TONES: dict[Tone, str] = {"good": "green", "bad": "bold red", "quiet": "dim", "wait": "yellow", "warn": "yellow"}
STATUS_STYLES = {"completed": "green", "failed": "red", "cancelled": "yellow", "waiting": "yellow", "paused": "yellow"}


class Stage:
    """The picture of a score at the moment when it is painted."""

    def __init__(self, score: Score, clock: Callable[[], datetime], hint: Callable[[], str] = lambda: "") -> None:
        """`hint` says, in a few words, what the person can do now."""
        self._score = score
        self._clock = clock
        self._hint = hint
        self._colors: dict[str, str] = {}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        now = self._clock()
        width, height = options.max_width, max(4, console.height - 1)
        foot = [*waiting_lines(self._score, now, width), status_line(self._score, now, width, self._hint())]
        quiet = [voice for voice in self._score.voices.values() if not _speaks(voice)]
        speaking = [voice for voice in self._score.voices.values() if _speaks(voice)]
        lines = [quiet_line(voice, now, width) for voice in quiet[: max(1, height // 4)]]
        room = height - len(foot) - len(lines)
        shown, grid = self._panels(console, speaking, now, width, room - 1)
        if grid is not None:
            yield grid
        yield from lines
        hidden = [voice.path for voice in (*speaking[shown:], *quiet[len(lines) :])]
        if hidden:
            yield _cut(Text(f"+ {len(hidden)} more at work: {', '.join(hidden[:20])}", "dim"), width)
        yield from foot

    def _panels(
        self, console: Console, voices: Sequence[Voice], now: datetime, width: int, room: int
    ) -> tuple[int, RenderableType | None]:
        """As many voices as there is room for, and how many those are."""
        columns = max(1, min(len(voices), width // NARROWEST))
        rows = min(-(-len(voices) // columns), room // (FEWEST_LINES + 2))
        if not voices or rows < 1:
            return 0, None
        tallest = min(MOST_LINES, room // rows - 2)
        shown = voices[: rows * columns]
        grids: list[RenderableType] = []
        for at in range(0, len(shown), columns):
            row = shown[at : at + columns]
            each = width // len(row)
            grid = Table.grid(padding=0)
            for _ in row:
                grid.add_column(width=each)
            texts = [tail_lines(console, voice, each - 4, tallest) for voice in row]
            lines = max(2, *map(len, texts))
            grid.add_row(
                *(self._panel(voice, text, now, each, lines + 2) for voice, text in zip(row, texts, strict=True))
            )
            grids.append(grid)
        return len(shown), Group(*grids)

    def _panel(self, voice: Voice, lines: list[Text], now: datetime, width: int, height: int) -> Panel:
        color = self._color(voice.path)
        attempt = f" · attempt {voice.attempt}" if voice.attempt > 1 else ""
        took = duration(span(voice.since, now).total_seconds())
        told = f"taken back: {safe(voice.struck_why)}" if voice.struck else f"~{count(voice.tokens, 'token')}"
        return Panel(
            Text("\n").join(lines),
            title=_fit_left(Text.assemble((f"{voice.path}{attempt}", f"not dim bold {color}")), width - 6),
            title_align="left",
            subtitle=_cut(
                Text.assemble((f"{took} · {told}", "not dim yellow" if voice.struck else "default")), width - 6
            ),
            subtitle_align="right",
            border_style=f"dim {color}",
            width=width,
            height=height,
        )

    def _color(self, path: str) -> str:
        """The same colour for a step in all its turns and items."""
        name = path.rpartition(".")[2].partition("[")[0]
        return self._colors.setdefault(name, COLORS[len(self._colors) % len(COLORS)])


def _speaks(voice: Voice) -> bool:
    """Whether a voice gets a panel: it has something to show, or is about to."""
    return bool(voice.tail or voice.struck) or (voice.resumes is None and voice.kind in ("agent", "judge"))


def tail_lines(console: Console, voice: Voice, width: int, most: int) -> list[Text]:
    """The last lines of a voice's text, wrapped; what was taken back stands at the end, struck out."""
    room = width * most
    before, struck, after = voice.parts
    text = Text(safe(before[-room:]).expandtabs(4))
    if struck:
        text.append(safe(struck[-room // 2 :]).expandtabs(4), "strike dim")
        text.append(safe(after[-room:]).expandtabs(4))
    if not text.plain.strip():
        return [Text("…", "dim")]
    lines = list(text.wrap(console, max(1, width), overflow="fold"))
    while lines and not lines[-1].plain.strip():
        lines.pop()
    return lines[-most:]


def quiet_line(voice: Voice, now: datetime, width: int) -> Text:
    """A step at work that writes no text, or one between two attempts."""
    if voice.resumes is not None:
        left = duration(span(now, voice.resumes).total_seconds())
        return _cut(
            Text(f"↻ {voice.path} · attempt {voice.attempt + 1} in {left} after: {voice.error}", "yellow"), width
        )
    took = duration(span(voice.since, now).total_seconds())
    return _cut(Text.assemble(("▶ ", "cyan"), (voice.path, "bold"), (f" · {voice.kind} · {took}", "dim")), width)


def waiting_lines(score: Score, now: datetime, width: int) -> list[Text]:
    """The steps that wait, one line each."""
    lines: list[Text] = []
    for waiting in list(score.waits.values())[:MOST_WAITS]:
        left = f", {duration(span(now, waiting.until).total_seconds())} left" if waiting.until is not None else ""
        lines.append(_cut(Text(f"⏸ {waiting.path} · {waiting.told}{left}", "yellow"), width))
    if len(score.waits) > MOST_WAITS:
        lines.append(_cut(Text(f"⏸ {len(score.waits) - MOST_WAITS} more steps wait", "yellow"), width))
    return lines


def status_line(score: Score, now: datetime, width: int, hint: str = "") -> Text:
    """How far the run is: a bar, status, steps, time, cost, tokens, and the hint; of these, what fits."""
    done, known = score.steps
    full = round(BAR_WIDTH * done / known) if known else 0
    status = "waits for a worker" if score.status == "accepted" else score.status
    took = span(score.started, score.ended or now).total_seconds()
    tokens = score.totals.output_tokens
    pieces = {
        "bar": Text.assemble(("━" * full, "green"), ("━" * (BAR_WIDTH - full), "dim")),
        "status": Text(status, STATUS_STYLES.get(score.status, "cyan")),
        "steps": Text(f"{done}/{known} steps"),
        "time": Text(duration(took)),
        "cost": Text(dollars(score.totals.cost_usd)),
        "tokens": Text(count(tokens, "token") if tokens else "", "dim"),
        "hint": Text(hint, "dim"),
    }
    shown = {name: piece for name, piece in pieces.items() if piece.plain}
    for name in ("tokens", "bar", "time", "hint", "cost", "steps"):
        if sum(piece.cell_len + 3 for piece in shown.values()) - 3 > width:
            shown.pop(name, None)
    line = Text()
    for piece in shown.values():
        line.append(" · " if line else "", "dim").append_text(piece)
    return _cut(line, width)


def news_text(line: Line, width: int) -> Text:
    """One thing that has happened; only what went wrong may take more than one line of the terminal."""
    style = TONES[line.tone]
    text = Text.assemble((f"{line.sign} ", style), (safe(line.path), "bold" if line.tone != "quiet" else "dim"))
    told = f" · {line.told}" if line.path and line.told else line.told
    text.append(safe(told), style if line.tone != "good" else "")
    return text if line.tone == "bad" else _cut(text, width)


def _cut(text: Text, width: int) -> Text:
    text.truncate(max(1, width), overflow="ellipsis")
    text.no_wrap = True
    return text


def _fit_left(text: Text, width: int) -> Text:
    """Cut on the left: the end of a path tells most."""
    if text.cell_len <= width:
        return text
    cut = 0
    while cut < len(text) and cell_len(text.plain[cut:]) > width - 1:
        cut += 1
    return Text.assemble("…", text[cut:], style=text.style)
