"""How connection strings are made, and that none of them gives a password away."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from stretto.errors import SettingsInvalid
from stretto.settings import Settings
from stretto.store.database import address_for_people, checked_url, with_options

SECRET = "correct-horse"


def test_session_settings_are_added_to_those_that_are_there() -> None:
    url = f"postgresql://ann:{SECRET}@db:5433/shop?options=-c%20work_mem%3D1MB"
    found = conninfo_to_dict(with_options(url, "extensions", role="stretto_app"))
    assert found["options"] == (
        "-c work_mem=1MB -c search_path=stretto,stretto_queue,public,extensions -c timezone=UTC -c role=stretto_app"
    )
    assert (found["host"], found["port"], found["user"], found["dbname"]) == ("db", "5433", "ann", "shop")


def test_the_address_for_people_has_no_password() -> None:
    address = address_for_people(f"postgresql://ann:{SECRET}@db:5433/shop?sslmode=require", None)
    assert SECRET not in address
    parts = conninfo_to_dict(address)
    assert parts == {"host": "db", "port": "5433", "user": "ann", "dbname": "shop", "sslmode": "require"}


@pytest.mark.parametrize("url", [f"postgresql://ann:{SECRET}@db:54x3:9/shop?nonsense", f"host=db pasword={SECRET}"])
def test_an_unreadable_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(SettingsInvalid, match="STRETTO_DATABASE_URL cannot be read") as caught:
        checked_url(Settings(database_url=url))
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_silent_host_is_given_up_after_a_while() -> None:
    assert conninfo_to_dict(checked_url(Settings(database_url="postgresql://db/shop")))["connect_timeout"] == "10"
    url = "postgresql://db/shop?connect_timeout=3"
    assert conninfo_to_dict(checked_url(Settings(database_url=url)))["connect_timeout"] == "3"
