"""Questions that lie close and mean something else."""

from __future__ import annotations

import pytest

from stretto.gateway.cache.near_misses import means_the_same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is the tax in 2023?", "What is the tax in 2024?"),
        ("Is this mushroom safe to eat?", "Is this mushroom not safe to eat?"),
        ("Is it safe?", "Isn't it safe?"),
        ("Who is the mayor of Berlin?", "Who is the mayor of Hamburg?"),
        ("Translate 'open' to French", "Translate 'close' to French"),
        ("How do I enable the firewall?", "How do I disable the firewall?"),
        ("Convert 10 km to miles", "Convert 10.5 km to miles"),
        ("Does it start at 9:00?", "Does it start at 9:30?"),
        ("Is 5% more than this?", "Is 5% less than this?"),
    ],
)
def test_these_differ(one: str, other: str):
    assert not means_the_same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I reset my password?", "how can I reset my password"),
        ("What is the capital of France?", "Tell me what the capital of France is."),
        ("Is it safe? Tell me.", "Tell me: is it safe"),
        ("Don’t I need one?", "Don't I need one?"),
    ],
)
def test_these_do_not(one: str, other: str):
    assert means_the_same(one, other)
