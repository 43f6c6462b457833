"""A line becomes a review, or tells what is wrong with it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto_reviews.imports import Product, Rejected, ReviewRow, read_row
from stretto_reviews.imports.dates import read_date

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)


def row(**fields: Any) -> ReviewRow:
    found = read_row(1, {"text": "Good.", **fields}, NOW)
    assert isinstance(found, ReviewRow), found
    return found


def wrong(**fields: Any) -> dict[str, str]:
    found = read_row(7, {"text": "Good.", **fields}, NOW)
    assert isinstance(found, list), found
    assert all(each.line == 7 and each.body for each in found)
    return {each.field: each.reason for each in found}


def test_a_source_is_measured_in_the_letters_that_are_kept() -> None:
    assert row(source="ß" * 20).source == "ss" * 20
    assert wrong(source="ß" * 21) == {"source": "has 42 characters; 40 are the most."}


def test_a_full_line_is_read() -> None:
    found = row(
        source="Amazon",
        review_id=17,
        date="2024-03-31T10:00:00+02:00",
        stars="4",
        headline=" Fine ",
        product_id="B01",
        product_name="Kettle",
        email=" Ann@Example.COM ",
        author="Ann",
        loyalty="yes",
        lat="52.5",
        lng=13.4,
        ip="10.0.0.1",
        helpful=3,
    )
    assert found == ReviewRow(
        source="amazon",
        external_id="17",
        created_at=datetime(2024, 3, 31, 8, tzinfo=UTC),
        text="Good.",
        rating=4,
        title="Fine",
        product=Product("B01", "Kettle"),
        customer_email="ann@example.com",
        customer_name="Ann",
        opted_into_loyalty=True,
        latitude=52.5,
        longitude=13.4,
        ip_address="10.0.0.1",
        metadata={"helpful": 3},
    )


def test_little_is_enough() -> None:
    found = row()
    assert (found.source, found.created_at, found.rating, found.product) == ("import", NOW, None, None)
    assert found.external_id == row().external_id
    assert found.external_id != row(rating=5).external_id


@pytest.mark.parametrize("name", ["Text", "review", "BODY", "Review Text", "reviewText", "review-body", "content"])
def test_the_text_has_many_names(name: str) -> None:
    found = read_row(1, {name: "Fine."}, NOW)
    assert isinstance(found, ReviewRow)
    assert found.text == "Fine."


def test_objects_in_a_line_are_read() -> None:
    found = row(
        customer={"email": "a@b.de", "name": "A", "id": 3},
        product={"id": 5, "title": "T"},
        location={"lat": 1, "lon": 2},
    )
    assert (found.customer_email, found.customer_name, found.latitude, found.longitude) == ("a@b.de", "A", 1.0, 2.0)
    assert found.product == Product("5", "T")
    assert found.metadata == {"customer.id": 3}


def test_a_product_with_a_name_alone_is_known_by_it() -> None:
    assert row(product="Big  Kettle").product == Product("big-kettle", "Big  Kettle")


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"text": ""}, "text", "is missing"),
        ({"text": " \x00\x07 "}, "text", "is missing"),
        ({"text": "x" * 20_001}, "text", "20,001 characters"),
        ({"text": ["a"]}, "text", "not a text"),
        ({"rating": 0}, "rating", "0 is not from 1 to 5"),
        ({"stars": "7"}, "stars", "7 is not from 1 to 5"),
        ({"rating": "4.5"}, "rating", "whole number"),
        ({"rating": "good"}, "rating", "'good' is not a number"),
        ({"rating": "nan"}, "rating", "not a number"),
        ({"rating": True}, "rating", "not a number"),
        ({"rating": 10**400}, "rating", "not a number"),
        ({"date": "yesterday"}, "date", "cannot be read as a date"),
        ({"date": "03/04/2024"}, "date", "cannot be read as a date"),
        ({"date": "2024-02-30"}, "date", "cannot be read as a date"),
        ({"date": "2025-06-03"}, "date", "in the future"),
        ({"date": "1994-12-31"}, "date", "before 1995"),
        ({"date": 0}, "date", "before 1995"),
        ({"date": 1e300}, "date", "cannot be read"),
        ({"email": "nobody"}, "email", "not an e-mail address"),
        ({"email": "a@b@c.de"}, "email", "not an e-mail address"),
        ({"email": "a\n@b.de"}, "email", "not an e-mail address"),
        ({"lat": 91, "lon": 0}, "lat", "91 is not from -90 to 90"),
        ({"lat": 9, "lon": -181}, "lon", "-181 is not from -180 to 180"),
        ({"lat": 9}, "longitude", "the other coordinate"),
        ({"lon": 9}, "latitude", "the other coordinate"),
        ({"id": "a\x00b"}, "id", "control characters"),
        ({"id": "x" * 201}, "id", "201 characters"),
        ({"id": 1.2345678901234568e29}, "id", "Write it in quotes"),
        ({"ip": "10.0.0.256"}, "ip", "not an IP address"),
        ({"loyalty": "perhaps"}, "loyalty", "neither yes nor no"),
        ({"title": "x" * 501}, "title", "501 characters"),
    ],
)
def test_each_field_tells_what_is_wrong(fields: dict[str, Any], field: str, reason: str) -> None:
    found = wrong(**fields)
    assert list(found) == [field]
    assert reason in found[field]


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert set(wrong(text="", rating=9, email="x", date="?")) == {"text", "rating", "email", "date"}


def test_control_characters_are_taken_out_of_prose() -> None:
    assert row(text="a\x00b\r\nc\td\x1b[0m \ud800e").text == "ab\nc\td[0m e"


def test_other_fields_are_kept_where_they_are_small() -> None:
    found = row(helpful=3, big="x" * 600, nul="a\x00", deep={"a": [1]})
    assert found.metadata == {"helpful": 3, "deep": {"a": [1]}, "left_out": ["big", "nul"]}
    many = row(**{f"n{number}": "y" * 300 for number in range(100)}).metadata
    assert len(str(many)) < 6_000
    assert len(many["left_out"]) == 20


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2024-12-31", "2024-12-31T00:00:00"),
        ("2024-12-31 23:59", "2024-12-31T23:59:00"),
        ("2024-12-31T23:59:59.5Z", "2024-12-31T23:59:59.500000"),
        ("2024-12-31 10:00:00 UTC", "2024-12-31T10:00:00"),
        ("2024-1-5", "2024-01-05T00:00:00"),
        ("2024/12/31", "2024-12-31T00:00:00"),
        ("20241231", "2024-12-31T00:00:00"),
        ("31.12.2024 8:15", "2024-12-31T08:15:00"),
        ("12/31/2024", "2024-12-31T00:00:00"),
        ("31/12/2024", "2024-12-31T00:00:00"),
        ("5/5/2024 1:02 PM", "2024-05-05T13:02:00"),
        ("December 31, 2024", "2024-12-31T00:00:00"),
        ("Dec 31, 2024 at 12:30 am", "2024-12-31T00:30:00"),
        ("31 December 2024", "2024-12-31T00:00:00"),
        ("3rd March 2024", "2024-03-03T00:00:00"),
        ("Tue, 31 Dec 2024 10:00:00 +0200", "2024-12-31T08:00:00"),
        (1735603200, "2024-12-31T00:00:00"),
        ("1735603200", "2024-12-31T00:00:00"),
        (1735603200000, "2024-12-31T00:00:00"),
        (1735603200.25, "2024-12-31T00:00:00.250000"),
    ],
)
def test_dates_are_read_as_they_are_written(written: object, meant: str) -> None:
    found = read_date(written)
    assert found is not None
    assert found.replace(tzinfo=None).isoformat() == meant
    assert found.tzinfo is UTC


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        "text",
        "rating",
        "date",
        "id",
        "email",
        "lat",
        "lon",
        "product",
        "customer",
        "location",
        "ip",
        "title",
        "source",
        "x",
        "",
    ]
)


@given(st.dictionaries(FIELDS | st.text(max_size=10), JSON, max_size=8))
def test_no_line_is_too_odd(body: dict[str, Any]) -> None:
    found = read_row(3, body, NOW)
    if isinstance(found, ReviewRow):
        assert found.text.strip()
        assert found.created_at.tzinfo is UTC
        assert found == read_row(3, body, NOW)
    else:
        assert found
        assert len({each.field for each in found}) == len(found)
        assert all(isinstance(each, Rejected) and "\0" not in each.field + each.reason + each.body for each in found)
        assert all((each.field + each.reason + each.body).encode() for each in found)
