"""Key phrases and themes are the text's own words, the weightiest first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stretto.gateway.local.phrases import key_phrases, themes_of

REVIEW = (
    "The battery life is great and the screen is very bright. However, the battery life is short with the GPS module on. "
    "Customer service was rude."
)


def test_themes_are_what_is_judged_the_most_frequent_first() -> None:
    assert themes_of(REVIEW)[0] == "battery life"
    assert {"screen", "gps module", "customer service"} <= set(themes_of(REVIEW))
    assert not {"great", "rude", "bright"} & set(themes_of(REVIEW))
    assert themes_of("Great battery life!") == ["battery life"]


def test_longer_phrases_weigh_more() -> None:
    text = "Linear Diophantine equations are solved over natural numbers. Equations over numbers."
    assert key_phrases(text)[0] == "linear diophantine equations"
    assert "natural numbers" in key_phrases(text)
    assert len(key_phrases(text, 1)) == 1


@given(st.text(max_size=300))
def test_every_phrase_stands_in_the_text(text: str) -> None:
    for found in (key_phrases(text), themes_of(text)):
        assert len(found) == len(set(found)) <= 8
        words = set(text.lower().replace("’", "'").replace("'s", " ").split()) if text.isascii() else None
        if words is not None:
            joined = " ".join(sorted(words))
            assert all(word in joined for phrase in found for word in phrase.split())
