"""Every example in docs/flows.md works, and its tables name what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stretto.documents.problems import Problems
from stretto.flow import Graph, compile_document
from stretto.flow.parse import parse
from stretto.flow.template_filters import FILTERS
from stretto.flow.vocabulary import AGENT_KEYS, COMMON_KEYS, FLOW_KEYS, KINDS, OUTCOMES, SEGMENTS, SPECIAL_NAMES

TEXT = (Path(__file__).parents[3] / "docs/flows.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.split("\n")[0] for example in EXAMPLES])
def test_yaml_examples(example: str) -> None:
    problems = Problems()
    read = parse(example.encode(), "docs/flows.md", problems)
    assert read is not None
    assert problems.found == []
    assert compile_document(read[0]).root.steps


@pytest.mark.parametrize("example", PYTHON)
def test_python_examples(example: str) -> None:
    names: dict[str, object] = {}
    exec(example, names)
    assert isinstance(names["graph"], Graph)


def test_every_word_is_named() -> None:
    for word in (*FLOW_KEYS, *AGENT_KEYS, *COMMON_KEYS, *KINDS, *SEGMENTS, *OUTCOMES, *SPECIAL_NAMES):
        assert re.search(rf"`[^`\n]*\b{word}\b[^`\n]*`", TEXT), word


def test_the_filters_are_those_that_there_are() -> None:
    listed = TEXT.split("and these filters:\n\n")[1].split("\n\n")[0]
    assert re.findall(r"`(\w+)`", listed) == sorted(FILTERS)
