"""Statements are refused, or taken and written anew."""

from __future__ import annotations

import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stretto.errors import Invalid
from stretto_reviews.sqlagent import CATALOGUE, checked, describe
from tests.apps.reviews.sql_ground import hostile


def test_hostile_statements_are_refused_and_odd_ones_taken(caplog: pytest.LogCaptureFixture) -> None:
    statements = hostile()
    assert len(statements) >= 200
    wrong: list[str] = []
    with caplog.at_level(logging.WARNING):
        for expected, sql in statements:
            try:
                checked(sql)
                got = "ok"
            except Invalid as error:
                got = "no" if error.message.endswith(".") else error.message
            if expected not in {got, "??"}:
                wrong.append(f"{got}: {sql}")
    assert wrong == []
    assert caplog.records == [], "what came from outside is not written to the log"


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("SELECT count(*) FROM reviews", ("count",)),
        ("SELECT count(*), count(rating), avg(rating)::int FROM reviews", ("count", "count_2", "avg")),
        ("SELECT p.name, c.name FROM products p, customers c", ("name", "name_2")),
        ("SELECT name AS a, name AS a, name AS a_2 FROM products", ("a", "a_2", "a_2_2")),
        ("SELECT * FROM daily_themes", ("day", "theme", "reviews", "avg_sentiment")),
        ("SELECT rating + 1, 'x' FROM reviews", ("value", "value_2")),
        ("SELECT name FROM products UNION SELECT email FROM customers", ("name",)),
    ],
)
def test_columns_have_names_of_their_own(sql: str, columns: tuple[str, ...]) -> None:
    assert checked(sql).columns == columns


def test_what_runs_names_the_schema_and_is_bounded() -> None:
    found = checked("select name from products -- all of them").sql
    assert (
        found
        == 'SELECT * FROM (SELECT "products"."name" AS "name" FROM "stretto_reviews"."products" AS "products") AS asked LIMIT 1001'
    )


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT tenant_id FROM reviews", "'tenant_id'"),
        ("SELECT stars FROM reviews", "no column 'stars' that may be asked here. reviews has: id, created_at"),
        (
            "SELECT r.stars FROM reviews r",
            "Unknown column: stars. reviews has: id, created_at, source",
        ),
        ("SELECT * FROM pg_class", "no table 'pg_class' that may be asked. There are: reviews, customers"),
        ("SELECT pg_sleep(1)", "function pg_sleep may not be used. There are: count, sum"),
        ("SELECT string_agg(text, ',') FROM reviews", "function string_agg may not be used"),
        ("DELETE FROM reviews", "Only a SELECT may be asked"),
        ("SELECT 1; SELECT 2", "several statements"),
        ("SELECT * FROM reviews FOR UPDATE", "LOCKS may not be used"),
        ("SELECT 'x'::regclass", "A cast to a reg… type may not be used"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_what_there_is(sql: str, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        checked(sql)
    assert said in caught.value.message


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + "(" * 3_000 + "1" + ")" * 3_000,
        "SELECT " + "(" * 500 + "1" + ")" * 500,
        "SELECT " + "-" * 2_001 + "1",
        "SELECT " + "- " * 1_000 + "1",
        "SELECT " + "NOT " * 1_200 + "true",
        "SELECT " + "1 + " * 700 + "1",
        "SELECT '" + "x" * 501 + "'",
        "SELECT '" + "x" * 20_000 + "'",
        "SELECT " + ", ".join(["*"] * 300) + " FROM reviews",
        "SELECT " + ", ".join(f"a{n}.id" for n in range(11)) + " FROM " + ", ".join(f"reviews a{n}" for n in range(11)),
        "SELECT " + " || ".join(["text"] * 10) + " FROM reviews",
        "WITH a AS (SELECT text || text AS t FROM reviews)"
        + "".join(f", b{n} AS (SELECT t || t AS t FROM {'a' if n == 0 else f'b{n - 1}'})" for n in range(9))
        + " SELECT length(t) FROM b8",
        "WITH a AS (SELECT * FROM reviews)"
        + "".join(f", b{n} AS (SELECT * FROM {'a' if n == 0 else f'b{n - 1}'} x, reviews y)" for n in range(6))
        + " SELECT * FROM b5",
        "SELECT " + ", ".join(f"{'1' if n == 0 else f'c{n - 1} + c{n - 1}'} AS c{n}" for n in range(40)),
        "SELECT \ud800",
        "SELECT 1\0",
    ],
)
def test_what_is_too_big_or_broken_is_refused(sql: str) -> None:
    with pytest.raises(Invalid):
        checked(sql)


_FRAGMENTS = (
    "SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "HAVING", "LIMIT", "UNION", "ALL", "DISTINCT", "ON", "AS", "JOIN", "LATERAL", "WITH",
    "(", ")", ",", ".", "*", ";", "--", "/*", "*/", "'", '"', "''", "$$", "::", "=", "<", "||", "[", "]", "{", "}", "@", ":", "?", "\\", "E'",
    "reviews", "products", "r", "p", "id", "name", "text", "themes", "rating", "tenant_id", "pg_class", "ctid", "stretto", "asking", "NULL",
    "count", "max", "unnest", "set_config", "current_setting", "pg_sleep", "extract", "interval", "cast", "case", "when", "then", "end",
    "1", "2.5", "1e9", "'a'", "'month'", "date_trunc", "over", "partition by", "filter", "within group", "any", "exists", "in", "not", "and",
    "INTO", "FOR UPDATE", "DELETE", "INSERT", "VALUES", "TABLE", "ONLY", "USING", "NATURAL", "regclass", "int", "timestamptz", "ü", "😀", "\n",
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(_FRAGMENTS), max_size=25))
def test_whatever_is_put_together_is_refused_or_names_nothing_else(words: list[str]) -> None:
    refused_or_clean("SELECT " + " ".join(words))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_refused_or_clean(sql: str) -> None:
    refused_or_clean(sql)


# An alias may be called as it likes: it is in quotes, and stands for what was asked.
_NEVER = (
    'tenant_id', '"ctid"', 'set_config(', 'current_setting(', 'pg_sleep(', '"."pg_', '"stretto"."', '"."asking"', 'as regclass', ";", "--",
    "for update",
)  # fmt: skip


def refused_or_clean(sql: str) -> None:
    """Nothing but `Invalid` comes of it, or a statement that names none of what may not be asked outside of quotes."""
    try:
        found = checked(sql).sql
    except Invalid:
        return
    bare = "".join(part for index, part in enumerate(found.split("'")) if index % 2 == 0).lower()
    for word in _NEVER:
        assert word not in bare, (word, sql)


def test_the_catalogue_in_words_has_every_column_and_nothing_internal() -> None:
    words = describe()
    assert all(
        f"  {column.name} {column.type}: " in words for source in CATALOGUE.values() for column in source.columns
    )
    assert "tenant_id" not in words
