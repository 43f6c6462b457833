"""The page that tells who may do what is made from the table that decides it."""

from tools.roles_page import PAGE, page


def test_the_page_is_up_to_date():
    text = PAGE.read_text()
    assert "| `runs:start` |" in text
    assert page(text) == text, "Run `python tools/roles_page.py`."
