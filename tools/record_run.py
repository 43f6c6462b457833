"""Record a real run for the README: carry a flow out, and paint its journal as an animated SVG.

    python tools/record_run.py examples/pair-programming.yaml --input task="…" --out docs/run.svg

The run is carried out by the simulated provider in a STRETTO_HOME of its own, which is gone afterwards. The frames are
what `stretto run` paints, at the times of the journal. The picture loads nothing; where SVGs do not move, it shows one frame.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console, Group
from rich.text import Text

from stretto.cli.score import Score
from stretto.cli.stage import Stage, news_text
from stretto.flow import load_flow, validate_input
from stretto.flow.graph import Graph
from stretto.gateway.provider import ModelRequest
from stretto.gateway.simulated import SimulatedProvider
from stretto.gateway.simulated.faults import Fault
from stretto.platform import Platform
from stretto.settings import load_settings
from stretto.store.embedded import join
from stretto.stream import Row
from stretto.stream.timeline import timeline

WIDTH, HEIGHT = 92, 26
EVERY = timedelta(seconds=0.4)
PAUSE_S = 4.0
"""So long the last frame stands before all begins anew."""
POSTER = 0.62
"""Where in the run the frame is that stands for all."""
FONT = 'ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", Consolas, monospace'

_TEXT = re.compile(
    r'<text class="[^"]*-(r\d+)" (x="[^"]*" y="[^"]*" textLength="[^"]*") clip-path="[^"]*">(.*?)</text>'
)
_RECT = re.compile(r'<rect [^>]*shape-rendering="crispEdges"/>')
_RULE = re.compile(r"\.f-(r\d+) \{ (.*?) \}")
_MARK = "\x00"


@dataclass(frozen=True)
class Picture:
    """One frame: its elements, styles resolved."""

    elements: tuple[str, ...]
    width: float
    height: float
    chrome: str
    x: str
    y: str


async def carry_out(home: Path, graph: Graph, given: dict[str, object], breaks: str | None) -> tuple[str, list[Row]]:
    """Run the flow; gives the run's id and journal. The first call of the step `breaks` breaks off in mid-answer."""
    broken: set[str] = set()

    def fault(call: int, request: ModelRequest) -> Fault | None:
        step = request.caller.path
        if breaks is None or step in broken or step.rpartition(".")[2] != breaks:
            return None
        broken.add(step)
        return Fault("break", after=70)

    member = await asyncio.to_thread(join, home, remove_after=True)
    try:
        settings = load_settings(home=home)
        provider = SimulatedProvider(seed=7, faults=fault)
        async with Platform.open(settings, provider=provider) as platform:
            runs = platform.runs()
            run_id = await runs.start(graph, given)
            async for _ in runs.follow(run_id):
                pass
            return str(run_id), await runs.journal(run_id)
    finally:
        member.leave()


def paint(graph: Graph, run_id: str, rows: Sequence[Row], prompt: str) -> list[Picture]:
    """The frames: what stood on the terminal every so often."""
    score, printed = Score(graph), [Text(f"$ {prompt}", "bold")]
    clock: list[datetime] = [rows[0].at]
    stage = Stage(score, lambda: clock[0], lambda: "" if score.ended else "Ctrl-C cancels")
    printed += [Text(f"{graph.name} · run {run_id}"), Text("answers: simulated provider (no model)")]
    pictures: list[Picture] = []
    due = rows[0].at + EVERY
    for at, event in timeline(rows):
        while due <= at:
            clock[0] = due
            score.settle(due)
            pictures.append(picture(printed, stage))
            due += EVERY
        score.take(event, at)
        printed += [news_text(line, WIDTH) for line in score.take_news()]
    clock[0] = rows[-1].at
    pictures.append(picture(printed, stage))
    return pictures


def picture(printed: Sequence[Text], stage: Stage) -> Picture:
    """The last lines of the terminal, as Rich exports them."""
    screen = Console(file=io.StringIO(), width=WIDTH, height=HEIGHT, force_terminal=True, color_system="truecolor")
    lines = screen.render_lines(Group(*printed, stage), pad=False)[-HEIGHT:]
    console = Console(file=io.StringIO(), width=WIDTH, height=HEIGHT, record=True, color_system="truecolor")
    for line in lines:
        console.print(Text.assemble(*((segment.text, segment.style or "") for segment in line)), soft_wrap=True)
    for _ in range(HEIGHT - len(lines)):
        console.print()
    form = _MARK.join(
        ("{styles}", "{backgrounds}", "{matrix}", "{chrome}", "{width}", "{height}", "{terminal_x}", "{terminal_y}")
    )
    parts = console.export_svg(title="stretto", code_format=form, unique_id="f").split(_MARK)
    styles, backgrounds, matrix, chrome, width, height, x, y = parts
    css = dict(_RULE.findall(styles))
    elements = _RECT.findall(backgrounds)
    elements += [
        f'<text style="{css[name]}" {place}>{text}</text>'
        for name, place, text in _TEXT.findall(matrix)
        if text.replace("&#160;", "").strip()
    ]
    return Picture(tuple(elements), float(width), float(height), chrome, x, y)


def animate(pictures: Sequence[Picture]) -> str:
    """One SVG that shows the frames one after the other. What stands in several frames is in it once."""
    seen: dict[str, list[int]] = {}
    for number, each in enumerate(pictures):
        for element in each.elements:
            seen.setdefault(element, []).append(number)
    whole_s = len(pictures) * EVERY.total_seconds() + PAUSE_S
    poster = int(len(pictures) * POSTER)
    groups: dict[tuple[int, ...], list[str]] = {}
    for element, frames in seen.items():
        groups.setdefault(tuple(frames), []).append(element)
    rules: list[str] = []
    body: list[str] = []
    styles: dict[str, str] = {}
    for number, (frames, elements) in enumerate(groups.items()):
        always = len(frames) == len(pictures)
        if not always:
            shown = "" if poster in frames else "opacity:0;"
            rules.append(f".g{number}{{{shown}animation:k{number} {whole_s:.1f}s steps(1,end) infinite}}")
            rules.append(f"@keyframes k{number}{{{keyframes(frames, len(pictures), whole_s)}}}")
        inner = "".join(styled(element, styles) for element in elements)
        body.append(f"<g>{inner}</g>" if always else f'<g class="g{number}">{inner}</g>')
    rules += [f".{name}{{{css}}}" for css, name in styles.items()]
    first = pictures[0]
    return "\n".join(
        (
            f'<svg viewBox="0 0 {first.width:g} {first.height:g}" xmlns="http://www.w3.org/2000/svg">',
            "<title>stretto run, in a terminal</title>",
            f"<style>text{{font-family:{FONT};font-size:20px;white-space:pre}}.f-title{{font-family:sans-serif;font-size:18px}}",
            *rules,
            "@media (prefers-reduced-motion:reduce){g{animation:none!important}}</style>",
            first.chrome,
            f'<g transform="translate({first.x}, {first.y})">',
            *body,
            "</g></svg>\n",
        )
    )


def styled(element: str, styles: dict[str, str]) -> str:
    """The element with a class in place of its style."""

    def name(found: re.Match[str]) -> str:
        css = found[1].strip().rstrip(";")
        return f'class="{styles.setdefault(css, f"s{len(styles)}")}"'

    return re.sub(r'style="([^"]*)"', name, element)


def keyframes(frames: Sequence[int], count: int, whole_s: float) -> str:
    """When something is seen: in these frames, the last of which lasts until the end."""
    steps: list[str] = []
    before = None
    for number in range(count):
        now = number in frames
        if now != before:
            part = 100 * number * EVERY.total_seconds() / whole_s
            steps.append(f"{part:.2f}%{{opacity:{int(now)}}}")
        before = now
    return "".join(steps) + f"100%{{opacity:{int(bool(before))}}}"


def main() -> None:
    """Carry the flow out and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("flow", type=Path)
    parser.add_argument("--input", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--out", type=Path, default=Path("docs/run.svg"))
    parser.add_argument(
        "--breaks", metavar="STEP", help="let the first answer of this step break off, to show a retraction"
    )
    asked = parser.parse_args()
    graph = load_flow(asked.flow)
    given = validate_input(graph, dict(pair.split("=", 1) for pair in asked.input))
    home = Path(tempfile.mkdtemp(prefix="stretto-record-"))
    home.chmod(0o755)  # PostgreSQL may have to work under another account
    run_id, rows = asyncio.run(carry_out(home, graph, given, asked.breaks))
    inputs = " ".join(f"--input {name}={json.dumps(value, ensure_ascii=False)}" for name, value in given.items())
    pictures = paint(graph, run_id, rows, f"stretto run {asked.flow.name} {inputs}")
    svg = animate(pictures)
    asked.out.write_text(svg)
    print(f"{asked.out}: {len(pictures)} frames, {len(svg) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
