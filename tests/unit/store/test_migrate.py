"""Which migrations are still to be applied, and when program and database do not belong together."""

from __future__ import annotations

import pytest

from stretto.errors import DatabaseUnfit
from stretto.store.migrate import Migration, load_migrations, pending, queue_steps

ONE, TWO = Migration(1, "one", "SELECT 1"), Migration(2, "two", "SELECT 2")


def applied(*migrations: Migration) -> dict[int, tuple[str, str]]:
    return {migration.number: (migration.name, migration.checksum) for migration in migrations}


def test_what_has_been_applied_is_not_applied_again() -> None:
    assert pending([ONE, TWO], {}) == [ONE, TWO]
    assert pending([ONE, TWO], applied(ONE)) == [TWO]
    assert pending([ONE, TWO], applied(ONE, TWO)) == []


def test_an_edited_migration_is_refused() -> None:
    with pytest.raises(DatabaseUnfit, match="Migration 0001_one was applied to the database with another text"):
        pending([Migration(1, "one", "SELECT 3"), TWO], applied(ONE))


def test_a_newer_database_is_refused() -> None:
    with pytest.raises(DatabaseUnfit, match=r"newer than this Stretto: it has migration 0002_two, .* up to 0001"):
        pending([ONE], applied(ONE, TWO))


def test_the_files_are_numbered_without_a_gap() -> None:
    assert [migration.number for migration in load_migrations()] == list(range(1, len(load_migrations()) + 1))


def test_the_queue_takes_the_steps_after_its_version_in_order() -> None:
    names = [
        "03.11.00_50_post_b.sql",
        "03.11.00_01_pre_a.sql",
        "03.10.00_01_pre_old.sql",
        "03.02.00_01_pre_older.sql",
        "__init__.py",
    ]
    assert queue_steps("3.10.0", names) == ["03.11.00_01_pre_a.sql", "03.11.00_50_post_b.sql"]
    assert queue_steps("3.2.1", names)[0] == "03.10.00_01_pre_old.sql"
    assert queue_steps("3.11", names) == []
