"""Logins at servers of tools: done once by a person, kept sealed for the tenant, renewed by whoever needs them."""

from __future__ import annotations

import asyncio
import socket

import httpx2
import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.auth import Operator
from stretto.cli.tool_logins import come_back
from stretto.errors import ToolRefused, ToolUnavailable
from stretto.gateway.keys import Key
from stretto.gateway.tool_servers import OAuth, ToolServer
from stretto.store import DEFAULT_TENANT, Database
from stretto.tools.mcp import Ports, ServerPool
from stretto.tools.secret_store import ToolSecrets
from tests.mcp.conformance_client import log_in
from tests.mcp.conftest import SECRET, Caller, secret_of
from tests.mcp.guarded_server import REFRESH, TOKEN, Guarded, guarded
from tests.mcp.test_tenant_secrets import key_of_one

YOU = "you, with [secret access_token]"
"""What the server says of who calls: the token is not shown."""


def server_of(place: Guarded, oauth: OAuth | None = None) -> ToolServer:
    return ToolServer("crm", url=f"{place.url}/mcp", oauth=oauth or OAuth("authorization_code"), timeout_s=10.0)


async def whoami(server: ToolServer, logins: ToolSecrets | None, ports: Ports | None = None) -> str:
    async with ServerPool({"crm": server}, secret_of, ports, logins=logins).open() as pool:
        caller = Caller(pool)
        caller.ctx.tenant_id = DEFAULT_TENANT
        return await caller.call("crm.whoami")


async def test_a_login_is_done_once_and_kept_for_its_tenant(
    database: Database, owner: AsyncConnection[TupleRow]
) -> None:
    logins = ToolSecrets(database, key_of_one)
    async with guarded() as place:
        server = server_of(place)
        with pytest.raises(ToolRefused, match=r"nobody has logged in there\. `stretto tools login crm` does"):
            await whoami(server, logins)
        assert place.grants == []
        assert await whoami(server, logins, Ports(on_login=log_in)) == YOU
        assert await whoami(server, logins) == YOU
        assert place.grants == ["authorization_code"]
        assert await logins.names(DEFAULT_TENANT) == []
        rows = await (await owner.execute("SELECT name, sealed FROM stretto.tool_secrets")).fetchall()
        assert [row[0] for row in rows] == ["*login crm"]
        assert TOKEN.encode() not in bytes(rows[0][1])
        other = await Operator(database).add_tenant("other")
        async with ServerPool({"crm": server}, secret_of, logins=logins).open() as pool:
            with pytest.raises(ToolRefused, match="nobody has logged in"):
                await pool.find(other, "crm.whoami")
        with pytest.raises(ToolRefused, match="nobody has logged in"):  # a login counts at its address alone
            await whoami(ToolServer("crm", url="http://127.0.0.1:9/mcp", oauth=server.oauth), logins)


async def test_tokens_that_end_are_renewed_and_when_that_fails_a_person_is_needed(database: Database) -> None:
    logins = ToolSecrets(database, key_of_one)
    async with guarded() as place:
        place.expires_in_s = 0
        server = server_of(place)
        await whoami(server, logins, Ports(on_login=log_in))
        place.grants.clear()
        place.expires_in_s = 3600
        for _ in range(2):
            assert await whoami(server, logins) == YOU
            assert place.grants == ["refresh_token"]
        place.token, place.takes_refresh = "ended", False
        with pytest.raises(ToolUnavailable, match="stretto tools login crm") as caught:
            await whoami(server, logins)
        assert TOKEN not in caught.value.message
        assert REFRESH not in caught.value.message


async def test_a_machine_logs_in_by_itself_and_only_where_its_credentials_belong() -> None:
    async with guarded() as place:
        oauth = OAuth("client_credentials", "us", "CRM", issuer=f"{place.url}/as")
        server = ToolServer("crm", url=f"{place.url}/mcp", oauth=oauth, secrets={"CRM": "env:TOKEN"})
        assert await whoami(server, None) == YOU
        assert place.grants == ["client_credentials"]
        elsewhere = OAuth("client_credentials", "us", "CRM", issuer="https://login.example.com")
        server = ToolServer("crm", url=f"{place.url}/mcp", oauth=elsewhere, secrets={"CRM": "env:TOKEN"})
        with pytest.raises(ToolUnavailable, match="cannot log in") as caught:
            await whoami(server, None)
        assert SECRET not in caught.value.message
        assert place.grants == ["client_credentials"]


async def test_the_command_hears_where_the_page_sends_the_person(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{free.getsockname()[1]}"
    coming = asyncio.create_task(come_back(f"{base}/callback", "https://login.example.com/\x1b[31m?x=1"))
    async with httpx2.AsyncClient() as client, asyncio.timeout(10):
        while True:
            try:
                assert (await client.get(f"{base}/favicon.ico")).status_code == 404
                break
            except httpx2.ConnectError:
                await asyncio.sleep(0.01)
        answer = await client.get(f"{base}/callback?code=c&state=s")
        assert (answer.status_code, "close this page" in answer.text) == (200, True)
        assert await coming == f"{base}/callback?code=c&state=s"
    assert "\x1b" not in capsys.readouterr().err


async def test_what_is_kept_is_no_secret_that_servers_get(database: Database) -> None:
    logins = ToolSecrets(database, key_of_one)
    await logins.keep(DEFAULT_TENANT, "*login crm", Key("x" * 10))
    found = await logins.find(DEFAULT_TENANT, "*login crm")
    assert found is not None
    assert repr(found) == "•••"
