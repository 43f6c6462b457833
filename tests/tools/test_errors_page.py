"""The page of problems is made from the errors themselves."""

from tools.errors_page import PAGE, errors_page


def test_the_page_is_up_to_date():
    text = PAGE.read_text(encoding="utf-8")
    assert "\n### FlowNotFound\n" in text
    assert text == errors_page(), "Run `python -m tools.errors_page`."
