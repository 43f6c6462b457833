"""The language of a review: small words tell English, the identifier all others."""

from __future__ import annotations

import pytest

from stretto_reviews.analysis import language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The battery lasts two days and this is the best of it. They have sent it to you.", "en"),
        ("Very good phone, lovely screen, poor battery.", "en"),
        ("Der Akku hält zwei Tage, was ich so nicht erwartet hätte, and the phone is ok.", "de"),
        ("La batterie dure deux jours, ce qui est merveilleux, mais le support ne répond jamais.", "fr"),
        ("De batterij gaat twee dagen mee en dat is geweldig, maar het scherm was kapot. This and that.", "nl"),
        ("La batería dura dos días, es muy buena y la pantalla también.", "es"),
        ("Good.", ""),
        ("5 5 5 !!!", ""),
    ],
)
def test_the_language_is_told(text: str, language: str) -> None:
    assert language_of(text) == language
