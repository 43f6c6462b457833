"""Secrets that tenants give to servers of tools: sealed, each tenant's own, and never read back."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from uuid import UUID

import aiohttp
import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.auth import Operator
from stretto.cli import main
from stretto.cli.exits import Exit
from stretto.errors import Invalid, NotFound, NotPossible
from stretto.gateway.keys import Key
from stretto.platform import sealed_keys
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT, Database
from stretto.store.acting import acting
from stretto.testing import ScriptedModel
from stretto.tools.mcp import PoolLimits, ServerPool
from stretto.tools.secret_store import ToolSecrets
from tests.e2e.doors import door
from tests.mcp.conftest import Caller
from tests.mcp.test_in_runs import Odd, carry_out, platform_of
from tests.mcp.test_odd_servers import until

OURS, THEIRS = "ours-0123456789", "theirs-0123456789"
STEPS = {"steps": {"work": {"tool": "odd.leak"}}, "output": "{{ work }}"}


async def key_of_one() -> bytes:
    return b"1" * 32


async def key_of_another() -> bytes:
    return b"2" * 32


async def test_each_tenant_has_its_own(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    secrets = ToolSecrets(database, key_of_one)
    other = await Operator(database).add_tenant("other")
    with acting("ann"):
        await secrets.set(DEFAULT_TENANT, "issues", Key(OURS))
        await secrets.set(other, "issues", Key(THEIRS))
        await secrets.set(other, "more", Key(THEIRS))
    found = await secrets.find(DEFAULT_TENANT, "issues")
    assert found is not None
    assert found.reveal() == OURS
    assert await secrets.find(DEFAULT_TENANT, "more") is None
    assert [each.name for each in await secrets.names(DEFAULT_TENANT)] == ["issues"]
    rows = await (await owner.execute("SELECT tenant_id, name, sealed FROM stretto.tool_secrets")).fetchall()
    assert len(rows) == 3
    assert not any(OURS.encode() in bytes(row[2]) or THEIRS.encode() in bytes(row[2]) for row in rows)
    # What is copied into another tenant's or name's place does not open there.
    await owner.execute(
        "UPDATE stretto.tool_secrets t SET sealed = s.sealed FROM stretto.tool_secrets s"
        " WHERE t.tenant_id = %s AND s.tenant_id = %s AND s.name = 'more'",
        (DEFAULT_TENANT, other),
    )
    await owner.commit()
    with pytest.raises(NotPossible, match="Set it anew"):
        await secrets.find(DEFAULT_TENANT, "issues")
    with pytest.raises(NotPossible):
        await ToolSecrets(database, key_of_another).find(other, "more")
    with acting("ann"):
        await secrets.remove(other, "more")
    with pytest.raises(NotFound):
        await secrets.remove(other, "more")
    audit = await (
        await owner.execute(
            "SELECT actor, action, target, detail FROM stretto.audit WHERE action LIKE 'secret.%' ORDER BY id"
        )
    ).fetchall()
    assert [row[:3] for row in audit] == [
        ("ann", "secret.created", "secrets/issues"),
        ("ann", "secret.created", "secrets/issues"),
        ("ann", "secret.created", "secrets/more"),
        ("operator", "secret.changed", "secrets/issues"),
        ("ann", "secret.removed", "secrets/more"),
    ]
    assert all(row[3] == {} for row in audit)


@pytest.mark.parametrize("name", ["", "*own", "a b", "a" * 65, "../x"])
async def test_names_that_cannot_be_are_refused(database: Database, name: str) -> None:
    with pytest.raises(Invalid, match="cannot name a secret"):
        await ToolSecrets(database, key_of_one).set(DEFAULT_TENANT, name, Key(OURS))


@pytest.mark.parametrize("secret", ["short", "x" * 9_000, "two\nlines"])
async def test_secrets_that_cannot_be_kept_are_refused_without_repeating_them(database: Database, secret: str) -> None:
    with pytest.raises(Invalid) as refused:
        await ToolSecrets(database, key_of_one).set(DEFAULT_TENANT, "n", Key(secret))
    assert secret not in refused.value.message


async def test_a_run_gets_its_tenants_secret_or_the_houses(settings: Settings, odd: Odd) -> None:
    own, either = (
        odd(name="own", secrets={"TOKEN": "tenant:issues"}),
        odd(name="either", secrets={"TOKEN": "secret:issues"}),
    )
    async with platform_of(settings, ScriptedModel({}), own, either) as platform:

        async def leaked(server: str) -> str:
            steps = {"work": {"tool": f"{server}.leak"}}
            run, facts = await carry_out(platform, {"steps": steps, "output": "{{ work }}"})
            assert OURS not in str(run) + str(facts)
            return str(run.error if run.output is None else json.dumps(run.output))

        told = await leaked("own")
        assert "the secret TOKEN (tenant:issues) of server 'own' is not there" in told
        assert "stretto tools secret set issues" in told
        await sealed_keys(settings, platform.database).set("issues", Key(THEIRS))
        assert "[secret TOKEN]" in await leaked("either")
        assert "is not there" in await leaked("own")
        await platform.tool_secrets.set(DEFAULT_TENANT, "issues", Key(OURS))
        assert "[secret TOKEN]" in await leaked("own")


async def test_a_server_is_started_anew_when_its_secret_changes_or_goes(odd: Odd) -> None:
    held: dict[str, Key] = {"issues": Key(OURS)}

    async def find(tenant_id: UUID | None, place: str) -> Key | None:
        assert tenant_id is not None
        return held.get(place.partition(":")[2])

    server = odd(secrets={"TOKEN": "tenant:issues"})
    async with ServerPool({"odd": server}, find, limits=PoolLimits(idle_s=0.4)).open() as pool:
        caller = Caller(pool)
        first = await caller.call("odd.pid")
        held["issues"] = Key(THEIRS)
        await until(lambda: not pool._slots)
        assert await caller.call("odd.pid") != first


async def test_at_the_http_door(settings: Settings) -> None:
    async with door(settings, None) as (_, base), aiohttp.ClientSession() as session:
        url = f"{base}/v1/tool-secrets"
        async with session.put(f"{url}/issues", json={"secret": OURS}) as answer:
            assert (answer.status, await answer.text()) == (204, "")
        async with session.get(url) as answer:
            body = await answer.text()
            assert [each["name"] for each in json.loads(body)["secrets"]] == ["issues"]
            assert OURS not in body
        async with session.put(f"{url}/issues", json={"secret": "short"}) as answer:
            assert answer.status == 422
        async with session.get(f"{base}/v1/audit") as answer:
            body = await answer.text()
            assert "secret.created" in body
            assert OURS not in body
        for status in (204, 404):
            async with session.delete(f"{url}/issues") as answer:
                assert answer.status == status


def test_at_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings: Settings
) -> None:
    import io  # noqa: PLC0415

    monkeypatch.setenv("STRETTO_HOME", str(tmp_path))
    monkeypatch.setenv("STRETTO_DATABASE_URL", str(settings.database_url))
    monkeypatch.setattr(sys, "stdin", io.StringIO(OURS + "\n"))
    assert main(["tools", "secret", "set", "issues"]) == Exit.DONE
    assert main(["tools", "secret", "list"]) == Exit.DONE
    assert main(["tools", "secret", "remove", "issues"]) == Exit.DONE
    assert main(["tools", "secret", "remove", "issues"]) == Exit.BAD_INPUT
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "sealed issues"
    assert out.splitlines()[-1] == "removed issues"
    assert OURS not in out + err
