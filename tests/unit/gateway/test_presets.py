from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from stretto.errors import Invalid
from stretto.gateway.presets import PRESETS, preset


@pytest.mark.parametrize("name", PRESETS)
def test_each_is_a_whole_provider(name: str):
    one = preset(name)
    made = one.make("mine", {})
    assert (made.name, made.preset) == ("mine", name)
    assert made.dialect in {"openai", "anthropic"}
    assert bool(made.url) is not one.needs_url
    assert not made.url.endswith("/")
    assert one.local is (urlsplit(made.url).hostname == "127.0.0.1")
    assert made.key == (f"env:{one.key_names[0]}" if one.needs_key else "")
    assert one.make(environment={}) == one.provider


def test_a_key_is_looked_for_in_order():
    gemini = preset("gemini")
    assert gemini.key({"GOOGLE_API_KEY": "b"}) == "env:GOOGLE_API_KEY"
    assert gemini.key({"GOOGLE_API_KEY": "b", "GEMINI_API_KEY": "a"}) == "env:GEMINI_API_KEY"
    assert gemini.key({"GEMINI_API_KEY": "", "GOOGLE_API_KEY": "b"}) == "env:GOOGLE_API_KEY"
    assert preset("ollama").key({"OLLAMA_API_KEY": "x"}) == "env:OLLAMA_API_KEY"


def test_an_unknown_name_is_told_the_known_ones():
    with pytest.raises(Invalid, match=r"'chatgpt'.*openai, anthropic"):
        preset("chatgpt")
