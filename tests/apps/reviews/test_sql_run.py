"""On a real server: hostile statements change nothing and see nothing of another tenant, checked or not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.apps import add_app
from stretto.errors import Invalid, NotPossible, StrettoError
from stretto.settings import Settings
from stretto.store import Database
from stretto.store.migrate import load_migrations
from stretto_reviews.figures import figures_changed
from stretto_reviews.sqlagent import CATALOGUE, Checked, ask_rows, checked
from tests.apps.reviews.sql_ground import MARK, OTHER, OWN, REVIEWS, digest, fill, hostile

CHANGING = re.compile(
    r"asking|now\(|current_|age\(|clock_|random|pg_|txid|xid|uuid\(|version|inet_|information_schema|\bshow\b|"
    r"\blo_create|\blo_from_bytea|\bdatabase_to_xml",
    re.IGNORECASE,
)
"""Statements whose answers need not be the same twice, or that tell of the server. PostgreSQL 15 gives large objects a number even where
none may be written."""

HEAVY = re.compile(r"1000000000|100000000|99999|factorial|pg_sleep|generate_series")
"""What would only take time and memory, and is refused for that."""
TIMEOUT_S = 0.25


@pytest.fixture
async def ground(database: Database, owner: AsyncConnection[TupleRow]) -> Database:
    """A database with the rows of two tenants."""
    await add_app(database, "reviews")
    await fill(database, owner)
    return database


async def answers(database: Database, statements: list[Checked], timeout_s: float) -> list[str]:
    """What comes of each, as text: its rows, or the error."""
    found: list[str] = []
    for statement in statements:
        try:
            table = await ask_rows(database, OWN, statement, timeout_s=timeout_s)
            found.append(json.dumps(table.rows))
        except StrettoError as error:
            found.append(str(error))
    return found


def taken() -> list[Checked]:
    """The statements of the list that pass the checks."""
    found: list[Checked] = []
    for _, sql in hostile():
        try:
            found.append(checked(sql))
        except Invalid:
            continue
    return found


def unchecked() -> list[Checked]:
    """All of the list, as if there were no checks; what they select is shown as a whole. Those that try to end early come as they are."""
    found = [
        Checked(f"SELECT row_to_json(x)::text AS all FROM ({sql.rstrip('; ')}\n) AS x", ("all",))
        for _, sql in hostile()
        if not HEAVY.search(sql)
    ]
    return found + [Checked(sql, ("name", "x", "text", "count")) for _, sql in hostile() if ";" in sql or "1)" in sql]


async def leave_only_own(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    """Remove the rows of the other tenant."""
    for table in ("actions", "points", "reviews", "purchases", "customers", "products", "imports"):
        await owner.execute(f"DELETE FROM stretto_reviews.{table} WHERE tenant_id = %s".encode(), [OTHER])
    await figures_changed(database)


@pytest.mark.parametrize("fenced", ["role", "settings"])
@pytest.mark.parametrize("kind", ["checked", "unchecked"])
async def test_nothing_is_changed_and_nothing_of_another_tenant_is_seen(
    ground: Database, owner: AsyncConnection[TupleRow], kind: str, fenced: str
) -> None:
    """`unchecked` are run past the checks; `settings` is a server on which no role could be made."""
    if fenced == "settings":
        await owner.execute("ALTER FUNCTION stretto_reviews.ask SECURITY INVOKER")
        await owner.execute("ALTER FUNCTION stretto_reviews.ask OWNER TO CURRENT_USER")
    statements = taken() if kind == "checked" else unchecked()
    if (kind, fenced) == ("unchecked", "settings"):
        # Without the role a statement that sets the tenant, reads through a second statement, and sets it back would come through: this
        # is what the role is for.
        statements = [
            statement for statement in statements if "_to_xml" not in statement.sql and "stretto." not in statement.sql
        ]
    before = await digest(owner)
    found = await answers(ground, statements, TIMEOUT_S)
    assert await digest(owner) == before
    assert [(sql.sql, answer) for sql, answer in zip(statements, found, strict=True) if MARK in answer] == []
    if kind == "checked":
        assert sum(answer.startswith("[[") for answer in found) >= 40, "many of these have rows"
    if (kind, fenced) == ("unchecked", "settings"):
        return
    await leave_only_own(ground, owner)
    again = await answers(ground, statements, TIMEOUT_S)
    differing = [
        (statement.sql, one, other)
        for statement, one, other in zip(statements, found, again, strict=True)
        if one != other and not CHANGING.search(statement.sql) and f"{TIMEOUT_S:g} s" not in one + other
    ]
    assert differing == [], "no figure depends on what others have"


async def test_the_role_of_questions_reads_the_catalogue_and_nothing_else(
    ground: Database, owner: AsyncConnection[TupleRow]
) -> None:
    cursor = await owner.execute(
        "SELECT n.nspname, c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = "
        "c.relnamespace WHERE n.nspname LIKE 'stretto%' AND c.relkind IN ('r', 'p', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped "
        "AND has_column_privilege('stretto_reviews_asker', c.oid, a.attnum, 'SELECT')"
    )
    readable = {(schema, table, column) for schema, table, column in await cursor.fetchall()}
    asked = {
        ("stretto_reviews", source.name, column.name) for source in CATALOGUE.values() for column in source.columns
    }
    marks = {("stretto_reviews", "asking", "xid"), ("stretto_reviews", "asking", "tenant_id")}
    assert readable == asked | marks
    cursor = await owner.execute(
        "SELECT count(*) FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm') AND relnamespace::regnamespace::text LIKE 'stretto%' "
        "AND has_table_privilege('stretto_reviews_asker', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')"
    )
    assert await cursor.fetchone() == (0,)
    cursor = await owner.execute(
        "SELECT rolsuper, rolbypassrls, rolcanlogin FROM pg_roles WHERE rolname = 'stretto_reviews_asker'"
    )
    assert await cursor.fetchone() == (False, False, False)


async def test_types_of_the_catalogue_are_those_of_the_tables(
    ground: Database, owner: AsyncConnection[TupleRow]
) -> None:
    cursor = await owner.execute(
        "SELECT attrelid::regclass::text, attname, regexp_replace(format_type(atttypid, NULL), 'timestamp with time zone', 'timestamptz') "
        "FROM pg_attribute WHERE attnum > 0 AND attrelid::regclass::text = ANY(%s)",
        [[f"stretto_reviews.{name}" for name in CATALOGUE]],
    )
    types = {(table, column): kind for table, column, kind in await cursor.fetchall()}
    for source in CATALOGUE.values():
        for column in source.columns:
            assert types[f"stretto_reviews.{source.name}", column.name] == column.type


async def test_rows_come_as_json_and_are_cut_at_a_thousand(ground: Database) -> None:
    table = await ask_rows(
        ground, OWN, checked("SELECT created_at, rating, sentiment, themes FROM reviews ORDER BY created_at LIMIT 1")
    )
    assert table.columns == ("created_at", "rating", "sentiment", "themes")
    assert table.rows == [["2024-01-30T12:00:00+00:00", 2, 1.5, ["battery", "price"]]]
    assert not table.truncated
    many = await ask_rows(ground, OWN, checked("SELECT 1 AS one FROM reviews a, reviews b, reviews c"))
    assert REVIEWS**3 > len(many.rows) == 1_000
    assert many.truncated
    exact = await ask_rows(ground, OWN, checked("SELECT 1 AS one FROM reviews a, reviews b, reviews c LIMIT 1000"))
    assert (len(exact.rows), exact.truncated) == (1_000, False)


async def test_an_answer_is_bounded_in_bytes_and_in_time(ground: Database) -> None:
    everything = checked("SELECT text FROM reviews")
    cut = await ask_rows(ground, OWN, everything, most_bytes=100)
    assert cut.truncated
    assert 0 < len(cut.rows) < REVIEWS
    with pytest.raises(NotPossible, match="more than 10 bytes"):
        await ask_rows(ground, OWN, everything, most_bytes=10)
    slow = checked("SELECT count(*) FROM " + ", ".join(f"reviews r{n}" for n in range(9)))
    with pytest.raises(NotPossible, match=r"longer than 0.2 s"):
        await ask_rows(ground, OWN, slow, timeout_s=0.2)
    assert (await ask_rows(ground, OWN, checked("SELECT 1 AS one"))).rows == [[1]]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT 1 / 0", "Division by zero"),
        ("SELECT 'x'::int", "Invalid input syntax"),
        ("SELECT sum(name) FROM products", "Function sum(text) does not exist"),
        ("SELECT text FROM reviews GROUP BY source", "must appear in the GROUP BY clause"),
    ],
)
async def test_what_postgresql_does_not_take_is_said_in_its_words(ground: Database, sql: str, said: str) -> None:
    with pytest.raises(Invalid, match=re.escape(said)):
        await ask_rows(ground, OWN, checked(sql))


async def test_an_owner_who_is_no_superuser_gets_the_role_where_he_may(own_home: Path) -> None:
    """On a server of its own, as roles belong to all databases of a server."""
    database = await Database.open(Settings(home=own_home))
    try:
        async with database.operator() as owner:
            for number, may_make_roles in enumerate((False, True)):
                await as_plain_owner(owner, f"plain_{number}", may_make_roles)
                cursor = await owner.execute(
                    "SELECT prosecdef, proowner::regrole::text FROM pg_proc WHERE oid = 'stretto_reviews.ask'::regproc"
                )
                expected = (True, "stretto_reviews_asker") if may_make_roles else (False, f"plain_{number}")
                assert await cursor.fetchone() == expected
                await fill(database, owner)
                assert (await ask_rows(database, OWN, checked("SELECT count(*) FROM products"))).rows == [[3]]
                with pytest.raises(Invalid, match="changed for whom it runs"):
                    await ask_rows(
                        database, OWN, Checked(f"SELECT set_config('stretto.tenant', '{OTHER}', true) AS x", ("x",))
                    )
                await owner.execute(
                    "DROP SCHEMA stretto_reviews CASCADE; DELETE FROM stretto.tenants WHERE name = 'MARKOFTHEOTHER'"
                )
    finally:
        await database.close()


async def as_plain_owner(owner: AsyncConnection[TupleRow], name: str, may_make_roles: bool) -> None:
    """Make the application's tables as a role that is no superuser."""
    await owner.execute(f"CREATE ROLE {name} NOSUPERUSER {'' if may_make_roles else 'NO'}CREATEROLE".encode())
    await owner.execute(f"CREATE SCHEMA stretto_reviews AUTHORIZATION {name}".encode())
    await owner.execute("GRANT USAGE ON SCHEMA stretto_reviews TO stretto_app")
    await owner.execute(f"SET ROLE {name}".encode())
    await owner.execute("SET search_path = stretto_reviews, public")
    for migration in load_migrations("stretto_reviews"):
        await owner.execute(migration.text)
    await owner.execute("RESET search_path; RESET ROLE")
