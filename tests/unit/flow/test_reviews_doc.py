"""What docs/reviews.md shows is a flow, and names every key."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from stretto.flow.compile import compile_document
from stretto.flow.graph import ReviewCall
from stretto.flow.vocabulary import REVIEW_KEYS

PAGE = (Path(__file__).parents[3] / "docs/reviews.md").read_text(encoding="utf-8")


def test_the_example_is_sound() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    graph = compile_document(yaml.safe_load(block))
    (turns,) = graph.root.steps.values()
    call = turns.call.body.steps["asked"].call  # type: ignore[union-attr]
    assert isinstance(call, ReviewCall)
    assert call.policy == "publish"


def test_every_key_is_explained() -> None:
    assert all(f"`{key}" in PAGE for key in REVIEW_KEYS)
