"""Two tenants with the same kinds of rows, one of them marked all over, for the tests of questions."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from stretto.store import DEFAULT_TENANT, Database
from stretto_reviews.figures import figures_changed

OWN = DEFAULT_TENANT
OTHER = UUID("00000000-0000-7000-8000-0000000000b2")
MARK = "MARKOFTHEOTHER"
REVIEWS = 12

_FILL = """
INSERT INTO stretto_reviews.products (tenant_id, external_id, name, sku, price, inventory_quantity, low_stock_threshold)
SELECT %(tenant)s, %(mark)s || n, %(mark)s || (ARRAY['Coffee Mill', 'Garden Hose', 'Desk Lamp'])[n], %(mark)s || 's' || n, n * 10, n * 8, 10
FROM generate_series(1, 3) n;
INSERT INTO stretto_reviews.customers (tenant_id, email, name, loyalty_points)
SELECT %(tenant)s, %(mark)s || n || '@example.org', %(mark)s || 'Customer ' || n, n * 100 FROM generate_series(1, 3) n;
INSERT INTO stretto_reviews.purchases (tenant_id, customer_id, product_id, order_id, quantity, total_amount, purchased_at)
SELECT %(tenant)s, c.id, p.id, %(mark)s || 'o' || p.name || c.email, 2, 20.5, timestamptz '2024-02-03 10:00+00'
FROM stretto_reviews.customers c, stretto_reviews.products p WHERE c.tenant_id = %(tenant)s AND p.tenant_id = %(tenant)s;
INSERT INTO stretto_reviews.reviews (id, tenant_id, created_at, source, external_id, product_id, customer_id, title, text, rating, language,
                                     status, sentiment, themes, similarity, spam_reasons)
SELECT gen_random_uuid(), %(tenant)s, timestamptz '2024-01-10 12:00+00' + n * interval '20 days', %(mark)s || (ARRAY['shop', 'mail'])[1 + n %% 2],
       %(mark)s || n, (SELECT id FROM stretto_reviews.products WHERE tenant_id = %(tenant)s ORDER BY name OFFSET n %% 3 LIMIT 1),
       (SELECT id FROM stretto_reviews.customers WHERE tenant_id = %(tenant)s ORDER BY name OFFSET n %% 3 LIMIT 1),
       %(mark)s || 'Title', %(mark)s || 'It works a little.', 1 + n %% 5, 'en',
       CASE n WHEN 11 THEN 'spam' WHEN 12 THEN 'duplicate' ELSE 'analysed' END, (n %% 5) + 0.5, ARRAY[%(mark)s || 'battery', %(mark)s || 'price'], 0, '{}'
FROM generate_series(1, 12) n;
INSERT INTO stretto_reviews.points (tenant_id, customer_id, review_id, reason, points)
SELECT %(tenant)s, customer_id, id, %(mark)s || 'review', 50 FROM stretto_reviews.reviews WHERE tenant_id = %(tenant)s;
INSERT INTO stretto_reviews.actions (tenant_id, customer_id, review_id, outcome, reasons, points, decided_by)
SELECT %(tenant)s, customer_id, id, 'awarded', ARRAY[%(mark)s || 'fine'], 50, %(mark)s || 'rules' FROM stretto_reviews.reviews
WHERE tenant_id = %(tenant)s;
INSERT INTO stretto_reviews.imports (id, tenant_id, name) VALUES (gen_random_uuid(), %(tenant)s, %(mark)s || 'import')
"""


async def fill(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    """Give both tenants their rows, and the figures over them."""
    await owner.execute("INSERT INTO stretto.tenants (id, name, created_at) VALUES (%s, %s, now())", [OTHER, MARK])
    for tenant, mark in ((OWN, ""), (OTHER, MARK)):
        for statement in _FILL.split(";\n"):
            await owner.execute(statement.encode(), {"tenant": tenant, "mark": mark})
    await figures_changed(database)


async def digest(owner: AsyncConnection[TupleRow]) -> dict[str, str]:
    """What all tables and sequences of the database hold, in short."""
    cursor = await owner.execute(
        "SELECT n.nspname, c.relname, c.relkind = 'S' FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind IN ('r', 'S', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
    )
    found: dict[str, str] = {}
    for schema, name, counts in await cursor.fetchall():
        rows = SQL("SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} t")
        statement = (SQL("SELECT last_value::text FROM {}") if counts else rows).format(Identifier(schema, name))
        row = await (await owner.execute(statement)).fetchone()
        assert row is not None
        found[f"{schema}.{name}"] = row[0]
    row = await (
        await owner.execute("SELECT string_agg(rolname || rolsuper, ',' ORDER BY rolname) FROM pg_roles")
    ).fetchone()
    assert row is not None
    return {**found, "roles": row[0]}


def hostile() -> list[tuple[str, str]]:
    """The statements of `hostile.sql.txt`, each with what is to come of it."""
    lines = (Path(__file__).parent / "hostile.sql.txt").read_text().splitlines()
    found = [re.fullmatch(r"(no|ok|\?\?) (.*)", line) for line in lines]
    return [(line[1], line[2].replace("{other}", str(OTHER)).replace("{own}", str(OWN))) for line in found if line]
