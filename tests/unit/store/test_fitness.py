"""What is said of a server that lacks something: the thing, and the SQL that mends it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stretto.errors import DatabaseUnfit
from stretto.store.fitness import Surroundings, check_fitness, check_version

FIT = Surroundings(
    version=17,
    database="shop",
    user="ann",
    superuser=False,
    createrole=False,
    may_create_schemas=False,
    vector_schema="public",
    vector_available=True,
    app_exists=True,
    app_logs_in=False,
    app_bypasses=False,
    app_member=True,
    schemas=["stretto", "stretto_queue"],
    foreign_schemas=[],
)
NEW = replace(FIT, superuser=True, may_create_schemas=True, vector_schema=None, app_exists=False, schemas=[])


@pytest.mark.parametrize(
    "found",
    [FIT, NEW, replace(FIT, app_exists=False, app_member=False, createrole=True, schemas=[], may_create_schemas=True)],
)
def test_a_fit_server_passes(found: Surroundings) -> None:
    check_fitness(found)


@pytest.mark.parametrize(
    ("found", "mends"),
    [
        (replace(FIT, vector_schema=None, vector_available=False), "CREATE EXTENSION vector;"),
        (replace(FIT, vector_schema=None), "CREATE EXTENSION vector;"),
        (replace(FIT, schemas=["stretto"]), 'GRANT CREATE ON DATABASE "shop" TO "ann";'),
        (replace(FIT, foreign_schemas=["stretto"]), 'ALTER SCHEMA "stretto" OWNER TO "ann";'),
        (replace(FIT, app_exists=False), 'CREATE ROLE stretto_app NOLOGIN; GRANT stretto_app TO "ann";'),
        (replace(FIT, app_bypasses=True), "ALTER ROLE stretto_app NOSUPERUSER NOBYPASSRLS;"),
        (replace(FIT, app_member=False), 'GRANT stretto_app TO "ann";'),
        (replace(FIT, user="stretto_app"), "Connect as another user"),
    ],
)
def test_each_lack_is_one_message_with_its_remedy(found: Surroundings, mends: str) -> None:
    with pytest.raises(DatabaseUnfit) as caught:
        check_fitness(found)
    head, *problems = str(caught.value).splitlines()
    assert head == "The database lacks something that Stretto needs."
    assert len(problems) == 1
    assert mends in problems[0]


def test_all_lacks_are_told_at_once() -> None:
    with pytest.raises(DatabaseUnfit) as caught:
        check_fitness(replace(FIT, vector_schema=None, app_member=False, schemas=[]))
    assert len(str(caught.value).splitlines()) == 4


def test_an_old_server_is_refused() -> None:
    check_version(150000)
    with pytest.raises(DatabaseUnfit, match="The server is PostgreSQL 14, and Stretto needs 15 or newer"):
        check_version(140013)
