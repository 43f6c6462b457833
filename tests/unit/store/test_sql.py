"""Named queries: what the format is, and what is said of a file that does not keep to it."""

from __future__ import annotations

import pytest

from stretto.errors import StoreError
from stretto.store.sql import load_queries, parse_queries

FILE = """\
-- Words about the file.

-- first --
-- What the first is for,
-- in two lines.
SELECT 1  -- and why

-- second_2 --
-- What the second is for.
SELECT '-- no_name --',
    2;
"""


def test_queries_are_found_by_name_without_their_purpose() -> None:
    assert parse_queries(FILE, "x.sql") == {
        "first": "SELECT 1  -- and why",
        "second_2": "SELECT '-- no_name --',\n    2;",
    }


def test_a_file_without_queries_has_none() -> None:
    assert parse_queries("-- Nothing yet.\n", "x.sql") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT 1", "x.sql:1: a query starts with a line '-- name --'. Put one above this line."),
        (
            "-- one --\nSELECT 1",
            "x.sql:1: query 'one' has no purpose. Say below its name what it is for.",
        ),
        (
            "-- one --\n-- For nothing.\n\n-- two --\n-- For something.\nSELECT 2",
            "x.sql:1: query 'one' has no statement. Write one, or remove the name.",
        ),
        (
            "-- one --\n-- A.\nSELECT 1\n-- one --\n-- B.\nSELECT 2",
            "x.sql:4: there are two queries 'one'. Rename one.",
        ),
    ],
)
def test_a_file_of_another_form_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(StoreError) as caught:
        parse_queries(text, "x.sql")
    assert str(caught.value) == message


def test_a_package_has_its_file() -> None:
    queries = load_queries("stretto.store")
    assert "look_around" in queries
    with pytest.raises(TypeError):
        queries["look_around"] = ""  # type: ignore[index]


def test_a_package_without_a_file_says_so() -> None:
    with pytest.raises(StoreError, match=r"stretto/store/migrations/queries\.sql is missing"):
        load_queries("stretto.store.migrations")
