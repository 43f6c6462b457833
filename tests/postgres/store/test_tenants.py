"""A tenant sees and writes its own rows only; who forgets the tenant sees nothing and writes nothing."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg import AsyncConnection, errors
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT, Database, uuid7_floor

OTHER = UUID("00000000-0000-7000-8000-000000000002")
RUN = UUID(int=uuid7_floor(datetime.now(UTC)).int + (7 << 76) + (2 << 62) + 1)

_REVIEW = (
    "(id, tenant_id, run_id, step, attempt, flow, content_type, policy, question, content, excerpt, sensitive, mandatory,"
    " four_eyes, media, rules, state, escalate_to, created_at)"
)
_FIRST, _SECOND = "'01900000-0000-7000-8000-000000000001'", "'01900000-0000-7000-8000-000000000002'"
_REST = "gen_random_uuid(), 's', 1, 'f', '', '', '', '1', '', false, false, false, '[]', '{}', 'open', 'admin', now()"

# A row of each table; %(t)s is the tenant, %(r)s the run.
ROWS: dict[str, LiteralString] = {
    "flows": "INSERT INTO flows VALUES (%(t)s, 'f', 1, 'd', '{}', now())",
    "runs": "INSERT INTO runs (id, tenant_id, flow_name, flow_version, status, priority, input, accepted_at, updated_at)"
    " VALUES (%(r)s, %(t)s, 'f', 1, 'accepted', 1, '{}', now(), now())",
    "journal": "INSERT INTO journal (run_id, seq, tenant_id, at, kind) VALUES (%(r)s, 1, %(t)s, now(), 'RunAccepted')",
    "idempotency": "INSERT INTO idempotency VALUES (%(t)s, 'key', 'd', %(r)s::text, now())",
    "spendings": "INSERT INTO spendings VALUES (%(t)s, 'key', %(r)s, 'step', 'shop.pay', 1, '2026-11-01', 'held', now())",
    "signals": "INSERT INTO signals (tenant_id, run_id, kind, body, created_at) VALUES (%(t)s, %(r)s, 'x', '{}', now())",
    "timers": "INSERT INTO timers VALUES (%(t)s, %(r)s, 'step', now())",
    "waits": "INSERT INTO waits (tenant_id, run_id, step, kind, name, body, since)"
    " VALUES (%(t)s, %(r)s, 'step', 'event', 'n', '{}', now())",
    "budgets": "INSERT INTO budgets VALUES (%(t)s, 'month:2026-11', 1, 0, now())",
    "budget_leases": "INSERT INTO budget_leases VALUES (%(t)s, 'month:2026-11', %(r)s, 1)",
    "calls": "INSERT INTO calls VALUES (%(r)s, %(t)s, now(), 'chat', NULL, '', '', '', 1, '', 2, 'fast', 'd', 'p', 'm',"
    " 1, 0, 0, 1, 0, false, 'v', 0, NULL, 0, 0, 'answered', 'admitted', '', '', '', false)",
    "usage_days": "INSERT INTO usage_days VALUES (%(t)s, '2026-11-21', %(r)s, 'chat', '', '', '', 'fast', 'd', 'p', 'm', 2,"
    " 'admitted', false, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0)",
    "answers": "INSERT INTO answers VALUES (%(t)s, 'fast', '\\x00', NULL, NULL, NULL, NULL, '{}', now(), now())",
    "api_keys": "INSERT INTO api_keys VALUES (gen_random_uuid(), %(t)s, gen_random_uuid()::text, 'n', '\\x00', now())",
    "members": "INSERT INTO members VALUES (gen_random_uuid(), %(t)s, 'a@b', 'owner', NULL, NULL, 1, '', now())",
    "audit": "INSERT INTO audit (tenant_id, at, actor, action, target, outcome, detail)"
    " VALUES (%(t)s, now(), 'a', 'b', 'c', 'done', '{}')",
    "sessions": "INSERT INTO sessions VALUES (gen_random_uuid(), %(t)s, uuid_send(gen_random_uuid()), 'i', 's', '', '', NULL,"
    " 'owner', now(), now(), now() + interval '1 hour')",
    "quotas": "INSERT INTO quotas VALUES (%(t)s, 'requests', '', '1/day'),"
    " ('00000000-0000-7000-8000-000000000002', 'requests', '', '1/day')",
    "request_windows": "INSERT INTO request_windows VALUES (%(t)s, 'n', 0, '{}', 0, now()),"
    " ('00000000-0000-7000-8000-000000000002', 'n', 0, '{}', 0, now())",
    "archived_flows": "INSERT INTO archived_flows VALUES (%(t)s, 'f', now())",
    "thresholds": "INSERT INTO thresholds VALUES (%(t)s, 'f', 'p', 'c', 0.9, 0.7, now())",
    "memory_collections": "INSERT INTO memory_collections (tenant_id, name, language, model, dimensions, created_at)"
    " VALUES (%(t)s, 'c', 'english', '', 0, now())",
    "memory_items": "INSERT INTO memory_items (tenant_id, collection_id, key, text, metadata, hash, words, at)"
    " VALUES (%(t)s, 1, 'k', 't', '{}', '', 1, now())",
    "memory_postings": "INSERT INTO memory_postings VALUES (%(t)s, 1, 1, 1, 'word')",
    "memory_terms": "INSERT INTO memory_terms VALUES (%(t)s, 1, 'word', 1)",
    "memory_vectors": "INSERT INTO memory_vectors VALUES (%(t)s, 1, 'm', 1, 1, '', '[1]')",
    "tool_secrets": "INSERT INTO tool_secrets VALUES (%(t)s, 'n', '', now())",
    "schedules": "INSERT INTO schedules VALUES (%(t)s, 's', 'f', '* * * * *', 'UTC', '{}', 1, now(), now())",
    "outbox": "INSERT INTO outbox (id, tenant_id, type, subject, at, data) VALUES (%(r)s, %(t)s, 'x', 's', now(), '{}')",
    "events": "INSERT INTO events VALUES (1, now(), 0, %(r)s, %(t)s, 'x', 's', now(), '{}'),"
    " (2, now(), 0, %(r)s, '00000000-0000-7000-8000-000000000002', 'x', 's', now(), '{}')",
    "event_members": "INSERT INTO event_members VALUES (%(t)s, 'g', 'm', now())",
    "event_slots": "INSERT INTO event_slots VALUES (%(t)s, 'g', 0, 0, 0, 'm', now())",
    "event_letters": "INSERT INTO event_letters VALUES (%(t)s, 'g', %(r)s, %(t)s, 's', 0, 1, '{}', 'dead', 1, NULL, 'e', now(),"
    " now())",
    "event_effects": "INSERT INTO event_effects VALUES (%(t)s, 'g', %(r)s, now())",
    "webhooks": "INSERT INTO webhooks (id, tenant_id, url, types, secret, created_at)"
    " VALUES (gen_random_uuid(), %(t)s, 'https://a.example', '{*}', '', now())",
    "webhook_deliveries": "INSERT INTO webhook_deliveries (event_id, webhook_id, tenant_id, type, body, status, created_at)"
    " VALUES (%(r)s, gen_random_uuid(), %(t)s, 'x', '{}', 'failed', now())",
    "hook_sources": "INSERT INTO hook_sources (public_id, tenant_id, name, scheme, secret, created_at)"
    " VALUES (gen_random_uuid()::text, %(t)s, 'n', 'github', '', now())",
    "state_documents": "INSERT INTO state_documents VALUES (%(t)s, 'k', 1, false, 1, now())",
    "state_versions": "INSERT INTO state_versions VALUES (%(t)s, 'k', 1, '1', false, 'me', now())",
    "reviews": f"INSERT INTO reviews {_REVIEW} VALUES ({_FIRST}, %(t)s, {_REST}), ({_SECOND},"
    f" '00000000-0000-7000-8000-000000000002', {_REST})",
    "review_deadlines": f"INSERT INTO review_deadlines VALUES (%(t)s, {_FIRST}, false, now(), 'approve'),"
    f" ('00000000-0000-7000-8000-000000000002', {_SECOND}, false, now(), 'approve')",
    "review_history": f"INSERT INTO review_history VALUES (%(t)s, {_FIRST}, 2, now(), '', 'x', '{{}}'),"
    f" ('00000000-0000-7000-8000-000000000002', {_SECOND}, 2, now(), '', 'x', '{{}}')",
    "review_decisions": "INSERT INTO review_decisions"
    " (tenant_id, review_id, n, mandatory, four_eyes, how, verdict, by, final, at)"
    f" SELECT %(t)s, CASE WHEN %(t)s::uuid = '00000000-0000-7000-8000-000000000002' THEN {_SECOND}::uuid ELSE {_FIRST}::uuid END, 1, false, false, 'person', 'approve', 'ann', true, now() WHERE true",
    "graph_checkpoints": "INSERT INTO graph_checkpoints VALUES (%(t)s, 't', '', 'c', NULL, '{}', '{}', now())",
    "graph_values": "INSERT INTO graph_values VALUES (%(t)s, 't', '', 'c', 'v', NULL, 'msgpack', '')",
    "graph_writes": "INSERT INTO graph_writes VALUES (%(t)s, 't', '', 'c', 'k', 0, '', 'n', 'msgpack', '')",
    "hook_receipts": "INSERT INTO hook_receipts VALUES (%(t)s, 's', 'k', now())",
}
CHANGES: dict[str, LiteralString] = {
    "runs": "UPDATE runs SET status = 'failed'",
    "timers": "UPDATE timers SET due_at = now()",
    "waits": "UPDATE waits SET name = 'stolen'",
    "thresholds": "UPDATE thresholds SET approve = 0.8",
    "tool_secrets": "UPDATE tool_secrets SET sealed = 'stolen'",
    "schedules": "UPDATE schedules SET cron = 'stolen'",
    "budgets": "UPDATE budgets SET spent_usd = 0",
    "budget_leases": "UPDATE budget_leases SET held_usd = 0",
    "event_members": "UPDATE event_members SET until = now()",
    "event_slots": "UPDATE event_slots SET position = 7",
    "event_letters": "UPDATE event_letters SET error = 'stolen'",
    "webhooks": "UPDATE webhooks SET url = 'stolen'",
    "webhook_deliveries": "UPDATE webhook_deliveries SET status = 'pending'",
    "state_documents": "UPDATE state_documents SET version = 7",
    "hook_sources": "UPDATE hook_sources SET name = 'stolen'",
    "graph_checkpoints": "UPDATE graph_checkpoints SET parent_id = 'stolen'",
    "graph_values": "UPDATE graph_values SET type = 'stolen'",
    "graph_writes": "UPDATE graph_writes SET type = 'stolen'",
}
ONLY_READ = ("audit", "events", "quotas", "request_windows", "reviews", "review_deadlines", "review_history")
"""Tables that the application reads, and only triggers, functions and the operator write."""
WRITTEN = sorted(set(ROWS) - set(ONLY_READ))
REMOVALS = (
    "sessions",
    "signals",
    "timers",
    "waits",
    "schedules",
    "thresholds",
    "tool_secrets",
    "archived_flows",
    "event_members",
    "event_slots",
    "event_letters",
    "webhooks",
    "hook_sources",
    "graph_checkpoints",
    "graph_values",
    "graph_writes",
)


@pytest.fixture
async def two_tenants(database: Database, owner: AsyncConnection[TupleRow]) -> Database:
    """A database with a second tenant; each table has one row of the first."""
    await owner.execute("INSERT INTO tenants VALUES (%s, 'other', now())", [OTHER])
    for statement in ROWS.values():
        await owner.execute(statement, {"t": DEFAULT_TENANT, "r": RUN})
    await owner.execute("DELETE FROM outbox WHERE type <> 'x'")  # what triggers have told of the other rows
    return database


async def count(connection: AsyncConnection[TupleRow], table: str) -> int:
    row = await (await connection.execute(SQL("SELECT count(*) FROM {}").format(Identifier(table)))).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("table", ONLY_READ)
async def test_what_only_triggers_write_is_seen_by_its_tenant_alone(two_tenants: Database, table: str) -> None:
    for tenant_id in (DEFAULT_TENANT, OTHER):
        async with two_tenants.tenant(tenant_id) as connection:
            rows = await connection.execute(SQL("SELECT DISTINCT tenant_id FROM {}").format(Identifier(table)))
            assert await rows.fetchall() == [(tenant_id,)]
        with pytest.raises(errors.InsufficientPrivilege):
            async with two_tenants.tenant(tenant_id) as connection:
                await connection.execute(ROWS[table], {"t": tenant_id, "r": RUN})
    async with two_tenants.system() as connection:
        assert await count(connection, table) == 0


async def tenant_tables(owner: AsyncConnection[TupleRow]) -> list[str]:
    """Every table of ours that says whose its rows are, partitions left out."""
    rows = await owner.execute("""
        SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
        WHERE c.relnamespace = 'stretto'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        ORDER BY 1""")
    return [name for (name,) in await rows.fetchall()]


async def test_these_tests_know_every_table(owner: AsyncConnection[TupleRow]) -> None:
    assert await tenant_tables(owner) == sorted(ROWS)


@pytest.mark.parametrize("table", WRITTEN)
async def test_rows_are_seen_by_their_tenant_only(two_tenants: Database, table: str) -> None:
    async with two_tenants.tenant(DEFAULT_TENANT) as connection:
        assert await count(connection, table) == 1
    async with two_tenants.tenant(OTHER) as connection:
        assert await count(connection, table) == 0
    async with two_tenants.system() as connection:
        assert await count(connection, table) == 0


@pytest.mark.parametrize("table", WRITTEN)
async def test_nobody_writes_rows_of_another_tenant(database: Database, table: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
        async with database.tenant(OTHER) as connection:
            await connection.execute(ROWS[table], {"t": DEFAULT_TENANT, "r": RUN})
    with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
        async with database.system() as connection:
            await connection.execute(ROWS[table], {"t": DEFAULT_TENANT, "r": RUN})


@pytest.mark.parametrize("table", WRITTEN)
async def test_a_tenant_writes_its_own_rows(two_tenants: Database, table: str) -> None:
    other_run = UUID(int=RUN.int + 1)
    async with two_tenants.tenant(OTHER) as connection:
        await connection.execute(ROWS[table], {"t": OTHER, "r": other_run})
        assert await count(connection, table) == 1


@pytest.mark.parametrize("table", sorted(CHANGES))
async def test_nobody_changes_rows_of_another_tenant(
    two_tenants: Database, owner: AsyncConnection[TupleRow], table: str
) -> None:
    async with two_tenants.tenant(OTHER) as connection:
        assert (await connection.execute(CHANGES[table])).rowcount == 0
    async with two_tenants.system() as connection:
        assert (await connection.execute(CHANGES[table])).rowcount == 0
    async with two_tenants.tenant(DEFAULT_TENANT) as connection:
        assert (await connection.execute(CHANGES[table])).rowcount == 1
    with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
        async with two_tenants.tenant(DEFAULT_TENANT) as connection:
            await connection.execute(SQL("UPDATE {} SET tenant_id = %s").format(Identifier(table)), [OTHER])
    assert await count(owner, table) == 1


@pytest.mark.parametrize("table", REMOVALS)
async def test_nobody_removes_rows_of_another_tenant(two_tenants: Database, table: str) -> None:
    for tenant_id, removed in ((OTHER, 0), (DEFAULT_TENANT, 1)):
        async with two_tenants.tenant(tenant_id) as connection:
            statement = SQL("DELETE FROM {}").format(Identifier(table))
            assert (await connection.execute(statement)).rowcount == removed


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET kind = 'Forged'",
        "DELETE FROM journal",
        "TRUNCATE journal",
        "DELETE FROM runs",
        "UPDATE flows SET document = '{}'",
        "DELETE FROM flows",
        "DELETE FROM outbox",
        "UPDATE events SET data = '{}'",
        "DELETE FROM events",
        "UPDATE state_versions SET value = '2'",
        "DELETE FROM state_versions",
        "DELETE FROM state_documents",
        "UPDATE reviews SET mandatory = false",
        "UPDATE reviews SET content = '1'",
        "DELETE FROM reviews",
        "UPDATE review_decisions SET verdict = 'reject'",
        "DELETE FROM review_decisions",
        "UPDATE review_deadlines SET due_at = now()",
        "DELETE FROM review_history",
        "UPDATE event_head SET position = 0",
        "INSERT INTO tenants VALUES (gen_random_uuid(), 'mine', now())",
        "UPDATE idempotency SET digest = ''",
        "CREATE TABLE mine ()",
        "ALTER TABLE runs DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON runs",
        "SELECT * FROM stretto.migrations",
    ],
)
async def test_what_happened_cannot_be_changed(two_tenants: Database, statement: LiteralString) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        async with two_tenants.tenant(DEFAULT_TENANT) as connection:
            await connection.execute(statement)


async def test_partitions_cannot_be_reached_past_their_table(
    two_tenants: Database, owner: AsyncConnection[TupleRow]
) -> None:
    rows = await owner.execute(
        "SELECT c.relname::text FROM pg_class c WHERE c.relispartition AND c.relkind = 'r'"
        " AND c.relnamespace = 'stretto'::regnamespace"
    )
    partitions = [name for (name,) in await rows.fetchall()]
    kinds = Counter(re.sub(r"(_\d+)+$", "", name) for name in partitions)
    months, days = {"runs", "journal", "calls"}, {"events", "event_effects", "webhook_deliveries"}
    assert kinds.keys() >= months | days
    # One more of each where midnight came between the making of the tables and this test.
    assert {kinds[name] for name in months} <= {3, 4}
    assert {kinds[name] for name in days} <= {5, 6}
    for name in partitions:
        with pytest.raises(errors.InsufficientPrivilege, match="permission denied for table"):
            async with two_tenants.tenant(DEFAULT_TENANT) as connection:
                await count(connection, name)


async def test_a_tenant_sees_itself_and_no_other(two_tenants: Database) -> None:
    async with two_tenants.tenant(OTHER) as connection:
        assert await (await connection.execute("SELECT id, name FROM tenants")).fetchall() == [(OTHER, "other")]


async def test_the_tenant_ends_with_the_transaction(settings: Settings, owner: AsyncConnection[TupleRow]) -> None:
    await owner.execute(ROWS["timers"], {"t": DEFAULT_TENANT, "r": RUN})
    database = await Database.open(settings.model_copy(update={"pool_size": 2}))
    pids: set[int] = set()
    for _ in range(3):
        async with database.tenant(DEFAULT_TENANT) as connection:
            pids.add(connection.info.backend_pid)
            assert await count(connection, "timers") == 1
        with pytest.raises(ZeroDivisionError):
            async with database.tenant(DEFAULT_TENANT) as connection:
                raise ZeroDivisionError
        async with database.system() as connection:
            assert connection.info.backend_pid in pids
            assert await count(connection, "timers") == 0
            row = await (await connection.execute("SELECT current_setting('stretto.tenant', true)")).fetchone()
            assert row in {(None,), ("",)}
    await database.close()
    assert len(pids) == 1


async def test_a_dedicated_connection_has_no_more_rights(two_tenants: Database) -> None:
    async with await two_tenants.dedicated() as connection:
        assert connection.autocommit
        assert await count(connection, "runs") == 0
        async with connection.transaction():
            await connection.execute("SELECT set_config('stretto.tenant', %s, true)", [str(DEFAULT_TENANT)])
            assert await count(connection, "runs") == 1
        assert await count(connection, "runs") == 0


async def test_a_connection_of_others_has_no_more_rights(two_tenants: Database) -> None:
    async with await psycopg.AsyncConnection.connect(two_tenants.conninfo) as connection:
        assert await count(connection, "runs") == 0
        row = await (await connection.execute("SELECT current_user::text")).fetchone()
        assert row == ("stretto_app",)


async def test_every_table_with_a_tenant_has_a_policy(owner: AsyncConnection[TupleRow]) -> None:
    rows = await owner.execute("""
        SELECT c.relname::text FROM pg_class c
        WHERE c.relnamespace = 'stretto'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND (c.relrowsecurity IS NOT TRUE OR NOT EXISTS (
            SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*' AND p.polpermissive
              AND pg_get_expr(p.polqual, c.oid) LIKE '%stretto.tenant%'
              AND coalesce(pg_get_expr(p.polwithcheck, c.oid) LIKE '%stretto.tenant%', true)))""")
    unprotected = {name for (name,) in await rows.fetchall()}
    assert unprotected == {
        *("migrations", "queue_schema"),  # which the application does not read
        *("lessees", "limits", "claims", "worker_hosts"),  # of deployments and processes
        *("price_versions", "event_head"),  # of the whole installation
        "apps",
        "app_migrations",  # of the whole installation
        "logins_used",  # of people of whom nobody knows yet who they are
    }
    assert unprotected.isdisjoint(await tenant_tables(owner))


async def test_the_application_owns_nothing_and_cannot_get_more(owner: AsyncConnection[TupleRow]) -> None:
    row = await (
        await owner.execute("""
        SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication,
            EXISTS (SELECT FROM pg_shdepend WHERE refobjid = r.oid AND deptype = 'o'),
            EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid),
            has_schema_privilege(r.oid, 'stretto', 'CREATE'), has_schema_privilege(r.oid, 'stretto_queue', 'CREATE')
        FROM pg_roles r WHERE rolname = 'stretto_app'""")
    ).fetchone()
    assert row == (False,) * 9


async def test_functions_with_the_owners_rights_look_in_fixed_schemas(owner: AsyncConnection[TupleRow]) -> None:
    rows = await owner.execute("""
        SELECT p.proname::text, p.proconfig::text FROM pg_proc p
        WHERE p.prosecdef AND p.pronamespace IN ('stretto'::regnamespace, 'stretto_queue'::regnamespace)""")
    found = dict(await rows.fetchall())
    assert {"fire_due_timers", "due_schedules"} <= set(found)
    for name, config in found.items():
        assert config is not None, name
        assert "search_path=" in config, name
        assert config.rstrip('"}').endswith("pg_temp"), name


async def test_the_public_may_not_enter_our_schemas(owner: AsyncConnection[TupleRow]) -> None:
    rows = await owner.execute("""
        SELECT nspname::text FROM pg_namespace, aclexplode(nspacl) a
        WHERE nspname IN ('stretto', 'stretto_queue') AND a.grantee = 0""")
    assert await rows.fetchall() == []
