"""How hard a text is to read, from 0 to 1: decides whether a model is asked for it, and which."""

from __future__ import annotations

import re

ASK_A_MODEL = 0.3
"""What is simpler is left to the methods of this machine."""
_ENDS = re.compile(r"[.!?]+")


def complexity_of(text: str, language: str) -> float:
    """0.3 for over 100 words, 0.2 for over five sentences, 0.2 for questions, 0.5 for another language than English; 1 at most."""
    score = 0.3 * (len(text.split()) > 100) + 0.2 * (len(_ENDS.findall(text)) > 5) + 0.2 * ("?" in text)
    return min(score + 0.5 * (language not in ("en", "")), 1.0)
