from hypothesis import given
from hypothesis import strategies as st

from stretto.gateway.tokens import split_tokens


@given(st.text())
def test_tokens_joined_are_exactly_the_text(text: str):
    tokens = split_tokens(text)
    assert "".join(tokens) == text
    assert all(tokens)


def test_a_word_keeps_the_space_before_it():
    assert split_tokens("The tide  comes\n\nin. ") == ["The", " tide", "  comes", "\n\nin.", " "]


def test_text_without_spaces_is_cut_too():
    assert max(map(len, split_tokens("潮" * 100))) == 16
