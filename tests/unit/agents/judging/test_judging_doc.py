"""The examples in docs/judging.md work, and its tables name what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from stretto.flow import compile_document
from stretto.flow.declared_types import JUDGED
from stretto.flow.policies import BUILT_IN_TOPICS, CHECK_KEYS, POLICY_KEYS, REVIEW_KEYS
from stretto.flow.read_kind import JUDGE_KEYS

TEXT = (Path(__file__).parents[4] / "docs/judging.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL))
def test_examples(example: str) -> None:
    assert compile_document(yaml.safe_load(example)).policies


def test_every_word_is_named() -> None:
    review = [key for key in REVIEW_KEYS if key != "escalate_to"]
    for word in (*POLICY_KEYS, *CHECK_KEYS, *JUDGE_KEYS, *review, *BUILT_IN_TOPICS, *JUDGED["properties"]):
        assert re.search(rf"`[^`\n]*\b{word}\b[^`\n]*`", TEXT), word
