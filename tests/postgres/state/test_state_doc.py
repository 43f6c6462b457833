"""What docs/state.md shows works as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from stretto.documents.problems import Problems
from stretto.flow import compile_document
from stretto.flow.parse import parse
from stretto.settings import Settings
from stretto.state.rules import RULES

DOC = Path(__file__).parents[3] / "docs" / "state.md"


async def test_the_program_of_the_page(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", DOC.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(program.replace("asyncio.run(main())", ""), DOC, "exec", dont_inherit=True), names)
    monkeypatch.setenv("STRETTO_DATABASE_URL", settings.database_url or "")
    monkeypatch.setenv("STRETTO_HOME", str(settings.home))
    await names["main"]()
    assert capsys.readouterr().out == "2 waves\n[(4, 'operator'), (3, 'operator')]\n"


def test_the_flow_of_the_page() -> None:
    (flow,) = re.findall(r"```yaml\n(.*?)```", DOC.read_text(), re.DOTALL)
    problems = Problems()
    read = parse(flow.encode(), "docs/state.md", problems)
    assert read is not None
    assert problems.found == []
    assert set(compile_document(read[0]).root.steps) == {"count", "read"}


def test_the_page_names_every_rule() -> None:
    assert re.findall(r"^\| `(\w+)` \|", DOC.read_text().split("## When two")[1], re.MULTILINE) == list(RULES)
