"""Usage at the command line and over HTTP: exact to the last digit, one tenant's alone."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from stretto.api import serving
from stretto.auth import Operator
from stretto.gateway.calls import Call
from stretto.gateway.ledger import LedgerWriter
from stretto.gateway.provider import Caller, TokenCounts
from stretto.platform import Platform
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT, Database
from stretto.store.ids import made_at, new_id
from stretto.testing import ScriptedModel
from stretto.testing.identity import IdentityProvider
from tests.e2e.command import Stretto
from tests.e2e.test_access import key_for, server
from tests.e2e.wire import Client

OTHER = UUID("00000000-0000-7000-8000-000000000002")
COSTS = [Decimal("0.0000012345678901"), Decimal("1.5"), Decimal("0.3")]


def made_calls() -> list[Call]:
    """Two models of the tenant `local`, one of them simulated once; and a call of another tenant."""

    def made(model: str, cost_usd: Decimal, tenant_id: UUID = DEFAULT_TENANT, **more: Any) -> Call:
        id_ = new_id()
        caller = Caller(tenant_id=tenant_id, flow="write", path="build[1].code", agent="coder", priority=1)
        tokens = TokenCounts(input=1000, cached_input=200, output=30, reasoning=10)
        given: dict[str, Any] = {"ttft_s": 0.25, "duration_s": 2.0} | more
        return Call(
            id=id_,
            at=made_at(id_),
            caller=caller,
            route="strong",
            deployment="d",
            provider="openai",
            model=model,
            tokens=tokens,
            cost_usd=cost_usd,
            **given,
        )

    return [
        made("gpt-5", COSTS[0]),
        made("gpt-5", COSTS[1]),
        made("gpt-5-mini", COSTS[2], end="failed"),
        made("gpt-5-mini", Decimal(0), simulated=True),
        made("gpt-5", Decimal(7), OTHER),
    ]


async def write(settings: Settings) -> None:
    """Put the calls into the ledger."""
    database = await Database.open(settings)
    async with LedgerWriter(database) as ledger:
        for call in made_calls():
            ledger.record(call)
    await database.close()


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_the_command_shows_rows_that_add_up(settings: Settings, stretto: Stretto):
    nothing = stretto.inside("usage")
    assert (nothing.code, nothing.out) == (0, "")
    assert "No calls" in nothing.err
    asyncio.run(write(settings))
    shown = stretto.inside("usage", "--by", "model", "--latency")
    assert shown.code == 0
    heading, *rows, last = [cells(line) for line in shown.out.splitlines()]
    assert heading[:7] == ["model", "calls", "failed", "input", "cached input", "output", "reasoning"]
    assert [row[0] for row in rows] == ["gpt-5", "gpt-5-mini"]
    assert rows[1][-1] == "partly simulated"
    assert "0.25 s" in rows[0]
    place = heading.index("cost")
    costs = [Decimal(row[place].removeprefix("$")) for row in (*rows, last)]
    assert costs == [COSTS[0] + COSTS[1], COSTS[2], sum(COSTS)]
    assert last[:2] == ["total", "4"]
    assert stretto.inside("usage", "--by", "model", "--flow", "read").out == ""

    told = json.loads(stretto.inside("usage", "--json").out)
    assert Decimal(told["total"]["cost_usd"]) == sum(COSTS)
    assert told["rows"][0]["keys"]["model"] == "gpt-5"
    assert date.fromisoformat(told["rows"][0]["keys"]["day"]) <= datetime.now(UTC).date()
    table = list(csv.DictReader(io.StringIO(stretto.inside("usage", "--by", "step,priority", "--csv").out)))
    assert [(row["step"], row["priority"], row["cost_usd"]) for row in table] == [("code", "1", str(sum(COSTS)))]


def test_mistakes_are_told(stretto: Stretto, tmp_path: Path):
    for arguments, told in (
        (("--by", "colour"), "colour"),
        (("--since", "yesterday"), "no time"),
        (("--json", "--csv"), "Choose one"),
        (("estimate", "unknown"), "no flow named 'unknown'"),
        (("reconcile", str(tmp_path / "none.csv"), "--provider", "openai"), "none.csv: The file cannot be read"),
        (("reconcile", "x.csv"), "--provider"),
    ):
        answer = stretto.inside("usage", *arguments)
        assert (answer.code, answer.out) == (2, ""), arguments
        assert told in answer.err


def test_an_estimate_and_an_invoice_at_the_command_line(settings: Settings, stretto: Stretto, tmp_path: Path):
    asyncio.run(write(settings))
    flow = tmp_path / "write.yaml"
    flow.write_text(
        "flow: write\nagents:\n  coder:\n    model: fast\n    prompt: |\n      Write a line.\nsteps: {code: {agent: coder}}\n"
    )
    done = stretto("run", str(flow), STRETTO_DEBUG="1")
    assert done.code == 0, done.err
    estimate = stretto.inside("usage", "estimate", "write")
    assert estimate.code == 0
    assert "little to go by" in estimate.out
    assert json.loads(stretto.inside("usage", "estimate", "write", "--json").out)["runs"] == 1

    today = datetime.now(UTC).date()
    days = {today, today - timedelta(days=1)}  # midnight may have passed since the calls
    invoice = tmp_path / "invoice.csv"
    lines = [f"{day},gpt-5,2000,400,60,{COSTS[0] + COSTS[1]}" for day in sorted(days)]
    invoice.write_text("\n".join(["day,model,input,cached_input,output,cost_usd", *lines, f"{today},o3,1,0,1,4.5"]))
    found = stretto.inside("usage", "reconcile", str(invoice), "--provider", "openai")
    assert found.code == 0
    heading, first, *_ = [cells(line) for line in found.out.splitlines()]
    assert heading[0] == "day"
    assert first[1] == "o3"
    assert first[-1] == "not in the ledger"
    assert "1 agree, 3 differ" in found.out
    assert "Is that its name" not in found.out
    assert "Is that its name" in stretto.inside("usage", "reconcile", str(invoice), "--provider", "opena").out
    told = json.loads(stretto.inside("usage", "reconcile", str(invoice), "--provider", "openai", "--json").out)
    assert {row["model"]: row["missing"] for row in told["differences"] if row["day"] == str(today)}.get(
        "o3"
    ) == "ledger"
    assert Decimal(told["difference_usd"]) == Decimal("4.5") + COSTS[0] + COSTS[1] - COSTS[2]
    invoice.write_text("day,model,cost_usd\n2026-11-01,gpt-5,much\n")
    wrong = stretto.inside("usage", "reconcile", str(invoice), "--provider", "openai")
    assert wrong.code == 2
    assert f"{invoice}:2:1: cost_usd is 'much'" in wrong.err


async def test_usage_over_http(settings: Settings):
    await write(settings)
    local = settings.model_copy(update={"port": 0, "host": "127.0.0.1"})
    async with Platform.open(local, provider=ScriptedModel({}), worker=False) as platform, serving(platform) as url:
        client = Client(url)
        answer = await client.get("/v1/usage?by=model&latency=true")
        assert answer.status == 200
        assert [row["keys"] for row in answer.json["rows"]] == [{"model": "gpt-5"}, {"model": "gpt-5-mini"}]
        assert Decimal(answer.json["total"]["cost_usd"]) == sum(COSTS)
        assert answer.json["rows"][0]["tokens"] == {
            "input": 2000,
            "cached_input": 400,
            "cache_write": 0,
            "output": 60,
            "reasoning": 20,
        }
        assert answer.json["rows"][0]["ttft_p95_s"] == 0.25
        assert (await client.get("/v1/usage?by=&model=gpt-5")).json["total"]["calls"] == 2
        assert (await client.get("/v1/usage?flow=read")).json["rows"] == []
        table = await client.get("/v1/usage?by=agent", accept="text/csv")
        assert table.headers["content-type"].startswith("text/csv")
        assert table.body.decode().splitlines()[1].startswith("coder,4,1,")
        for wrong, told in (
            ("by=colour", "colour"),
            ("since=soon", "no time"),
            ("priority=7", "mistake"),
            ("run=x", "mistake"),
        ):
            refused = await client.get(f"/v1/usage?{wrong}")
            assert refused.status == 422
            assert refused.headers["content-type"] == "application/problem+json"
            assert told in refused.json["detail"]
        missing = await client.get("/v1/usage/estimate?flow=none")
        assert (missing.status, missing.json["type"]) == (404, "urn:stretto:error:FlowNotFound")
        async with platform.database.tenant(DEFAULT_TENANT) as connection:
            await connection.execute(
                "INSERT INTO flows VALUES (%s, 'write', 1, 'digest', '{}', now())", [DEFAULT_TENANT]
            )
        estimate = await client.get("/v1/usage/estimate?flow=write")
        assert estimate.json["runs"] == 0
        assert estimate.json["cost_usd"] is None
        assert "no completed run" in estimate.json["how"]


async def test_usage_by_tenant_shows_the_tenants_of_a_member_and_no_other(settings: Settings):
    """Ada is a member of two tenants, and Bo's token names one of them; a third tenant has used the most."""
    async with IdentityProvider() as provider:
        provider.add_user("ada", email="ada@example.org")
        provider.add_user("bo", email="bo@example.org", stretto_tenant="one", stretto_role="viewer")
        changes = {"oidc_issuer": provider.issuer, "oidc_client_id": provider.client_id}
        async with server(settings, auth="required", **changes) as (client, platform):
            keys = {name: await key_for(platform, "owner", name) for name in ("one", "two", "three")}
            for name in ("one", "two"):
                for email in ("ada@example.org", "bo@example.org"):
                    await client.post("/v1/members", {"email": email, "role": "viewer"}, **keys[name])
            bearer = {user: {"authorization": f"Bearer {provider.token(user)}"} for user in ("ada", "bo")}
            for name in ("one", "two"):  # by its address a member is known in a tenant once he was there
                assert (await client.get("/v1/me", **bearer["ada"], x_stretto_tenant=name)).status == 200
            ids = {each.name: each.id for each in await Operator(platform.database).tenants()}
            await record(platform.database, {ids["one"]: 1, ids["two"]: 2, ids["three"]: 3})

            async def seen(headers: dict[str, str], by: str = "tenant") -> list[tuple[Any, Any]]:
                rows = (await client.get(f"/v1/usage?by={by}", **headers)).json["rows"]
                return [(row["keys"], row["cost_usd"]) for row in rows]

            assert await seen(bearer["ada"]) == [({"tenant": "two"}, "2"), ({"tenant": "one"}, "1")]
            both = await seen(bearer["ada"], "model,tenant")
            assert both == [({"model": "m", "tenant": "two"}, "2"), ({"model": "m", "tenant": "one"}, "1")]
            whole = (await client.get("/v1/usage?by=tenant", **bearer["ada"])).json["total"]
            assert (whole["cost_usd"], whole["calls"]) == ("3", 2)
            assert await seen(bearer["bo"]) == [({"tenant": "one"}, "1")]
            assert await seen(keys["two"]) == [({"tenant": "two"}, "2")]
            table = await client.get("/v1/usage?by=day,tenant", **bearer["ada"], accept="text/csv")
            assert table.body.decode().splitlines()[0].startswith("day,tenant,calls,")
            assert (await client.get("/v1/usage?by=tenant,colour", **bearer["ada"])).status == 422
            # Whoever is a member no longer sees nothing more.
            (ada,) = [
                each
                for each in (await client.get("/v1/members", **keys["two"])).json["members"]
                if each["email"] == "ada@example.org"
            ]
            await client.request("DELETE", f"/v1/members/{ada['id']}", keys["two"])
            assert await seen(bearer["ada"] | {"x_stretto_tenant": "one"}) == [({"tenant": "one"}, "1")]


async def record(database: Database, costs: dict[UUID, int]) -> None:
    """A call of each tenant, at this cost."""
    async with LedgerWriter(database) as ledger:
        for tenant_id, cost_usd in costs.items():
            id_ = new_id()
            ledger.record(
                Call(
                    id=id_,
                    at=made_at(id_),
                    caller=Caller(tenant_id=tenant_id, flow="write", path="code", agent="coder", priority=1),
                    route="strong",
                    deployment="d",
                    provider="openai",
                    model="m",
                    tokens=TokenCounts(input=1000, output=30),
                    cost_usd=Decimal(cost_usd),
                )
            )
