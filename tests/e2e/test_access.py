"""Who may do what over HTTP: keys with roles and scopes, rotation, members, and what the audit log keeps of it all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from stretto.api import create_app, serving
from stretto.api.app import permissions
from stretto.auth import ROLES, AuthStore, NewKeyRow, Operator, make_first_key, new_key, role_named
from stretto.platform import Platform
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT
from stretto.testing import ScriptedModel
from stretto.testing.identity import IdentityProvider
from tests.e2e.wire import Answer, Client

ECHO: dict[str, Any] = {"flow": "echo", "steps": {"say": {"tool": "text.count", "input": {"text": "a"}}}}


@asynccontextmanager
async def server(settings: Settings, **changes: Any) -> AsyncGenerator[tuple[Client, Platform]]:
    settings = settings.model_copy(update={"port": 0, "host": "127.0.0.1", **changes})
    async with Platform.open(settings, provider=ScriptedModel({})) as platform, serving(platform) as url:
        yield Client(url), platform


async def key_for(platform: Platform, role: str, tenant: str = "ada") -> dict[str, str]:
    """Headers with a new key of this role in this tenant."""
    operator = Operator(platform.database)
    found = await operator.tenants(tenant)
    tenant_id = found[0].id if found else await operator.add_tenant(tenant)
    made = new_key()
    await AuthStore(platform.database).add_key(tenant_id, NewKeyRow(made.prefix, made.digest, role, role_named(role)))
    return {"authorization": f"Bearer {made.text}"}


async def until(met: Callable[[Answer], bool], ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Ask until the answer is as it should be; 5 s is also the time by which an ended key must be refused."""
    async with asyncio.timeout(6):
        for _ in range(1000):
            answer = await ask()
            if met(answer):
                return answer
            await asyncio.sleep(0.05)
    raise AssertionError("it never was")


async def audit(client: Client, headers: dict[str, str], query: str = "") -> list[dict[str, Any]]:
    return (await client.get(f"/v1/audit?limit=200{query}", **headers)).json["entries"]


async def test_every_route_says_what_it_needs(settings: Settings):
    async with Platform.open(settings, provider=ScriptedModel({}), worker=False) as platform:
        document = create_app(platform).openapi()
    known = permissions()
    told = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert told <= set(known), "a route that OpenAPI tells of is unknown to the table"
    assert len(known) > 30
    for (method, path), permission in known.items():
        public = not path.startswith("/v1/") or path.startswith("/v1/hooks/")
        assert (permission is None) == public, f"{method} {path} needs {permission}"


async def test_a_key_does_what_its_role_and_scopes_allow(settings: Settings):
    async with server(settings) as (client, platform):
        keys = {role: await key_for(platform, role) for role in ROLES}
        for name, headers in keys.items():
            role = role_named(name)
            me = (await client.get("/v1/me", **headers)).json
            assert (me["role"], me["via"], me["tenant"]["name"]) == (role, "key", "ada")
            assert me["permissions"] == sorted(ROLES[role])
            started = await client.post("/v1/runs", {"flow": ECHO}, **headers)
            assert started.status == (201 if "runs:start" in ROLES[role] else 403)
            seen = await client.get("/v1/audit", **headers)
            assert seen.status == (200 if "audit:read" in ROLES[role] else 403)
        refused = await client.post("/v1/runs", {"flow": ECHO}, **keys["viewer"])
        assert refused.headers["content-type"] == "application/problem+json"
        assert "runs:start" in refused.json["detail"]
        narrow = await client.post("/v1/keys", {"role": "admin", "scopes": ["runs:read", "keys:read"]}, **keys["admin"])
        assert narrow.status == 201
        only = {"authorization": f"Bearer {narrow.json['key']}"}
        assert (await client.get("/v1/runs", **only)).status == 200
        assert (await client.get("/v1/flows", **only)).status == 403
        shown = (await client.get(f"/v1/keys/{narrow.json['prefix']}", **only)).json
        assert shown["scopes"] == ["keys:read", "runs:read"]
        assert "key" not in shown


async def test_nobody_grants_what_he_does_not_have(settings: Settings):
    async with server(settings) as (client, platform):
        owner, admin = await key_for(platform, "owner"), await key_for(platform, "admin")
        prefix = owner["authorization"].split("_")[1]
        assert (await client.post("/v1/keys", {"role": "owner"}, **admin)).status == 403
        assert (await client.post(f"/v1/keys/{prefix}/rotate", {}, **admin)).status == 403
        assert (await client.request("DELETE", f"/v1/keys/{prefix}", admin)).status == 403
        assert (await client.post("/v1/members", {"email": "a@b.example", "role": "owner"}, **admin)).status == 403
        boss = await client.post("/v1/members", {"email": "boss@b.example", "role": "owner"}, **owner)
        assert (await patch(client, boss.headers["location"], {"role": "viewer"}, admin)).status == 403
        denied = {entry["action"] for entry in (await until_denied(client, owner, 5))}
        assert denied == {"tenant:write"}


async def until_denied(client: Client, headers: dict[str, str], times: int) -> list[dict[str, Any]]:
    answer = await until(
        lambda it: sum(entry["times"] for entry in it.json["entries"]) >= times,
        lambda: client.get("/v1/audit?outcome=denied", **headers),
    )
    return answer.json["entries"]


async def patch(client: Client, path: str, body: Any, headers: dict[str, str], **more: str) -> Answer:
    raw = json.dumps(body).encode()
    return await client.request("PATCH", path, {"content_type": "application/json"} | headers | more, raw)


async def test_a_rotated_key_goes_on_for_the_overlap_and_a_revoked_one_ends(settings: Settings):
    async with server(settings) as (client, platform):
        owner, admin = await key_for(platform, "owner"), await key_for(platform, "admin")
        prefix = admin["authorization"].split("_")[1]
        made = await client.post(f"/v1/keys/{prefix}/rotate", {"overlap_s": 3600}, **owner)
        new = {"authorization": f"Bearer {made.json['key']}"}
        assert (made.status, made.json["role"]) == (201, "admin")
        for headers in (admin, new):
            assert (await client.get("/v1/me", **headers)).status == 200
        old = (await client.get(f"/v1/keys/{prefix}", **new)).json
        assert old["replaced_by"] == made.json["prefix"]
        left = datetime.fromisoformat(old["expires_at"]) - datetime.now(UTC)
        assert timedelta(minutes=55) < left <= timedelta(minutes=60)
        again = await client.post(f"/v1/keys/{made.json['prefix']}/rotate", {"overlap_s": 0}, **owner)
        await until(lambda it: it.status == 401, lambda: client.get("/v1/me", **new))
        assert (await client.post(f"/v1/keys/{made.json['prefix']}/rotate", {}, **owner)).status == 409
        assert (await client.request("DELETE", f"/v1/keys/{prefix}", owner)).status == 204
        await until(lambda it: it.status == 401, lambda: client.get("/v1/me", **admin))
        actions = [entry["action"] for entry in await audit(client, owner, "&action=key.")]
        assert actions.count("key.revoked") == 1
        assert actions.count("key.created") == 4
        assert again.json["key"].split("_")[2] not in str(await audit(client, owner))


async def test_a_key_that_has_expired_is_refused(settings: Settings):
    async with server(settings) as (client, platform):
        owner = await key_for(platform, "owner")
        soon = (datetime.now(UTC) + timedelta(seconds=1.5)).isoformat()
        made = await client.post("/v1/keys", {"expires_at": soon}, **owner)
        headers = {"authorization": f"Bearer {made.json['key']}"}
        assert (await client.get("/v1/me", **headers)).status == 200
        await until(lambda it: it.status == 401, lambda: client.get("/v1/me", **headers))
        past = await client.post("/v1/keys", {"expires_at": "2020-01-01T00:00:00Z"}, **owner)
        assert (past.status, "past" in past.json["detail"]) == (422, True)


async def test_members_are_edited_by_who_has_seen_them_last(settings: Settings):
    async with server(settings) as (client, platform):
        owner = await key_for(platform, "owner")
        made = await client.post("/v1/members", {"email": "Bo@b.example", "role": "owner"}, **owner)
        where, tag = made.headers["location"], made.headers["etag"]
        assert made.status == 201
        assert (await client.post("/v1/members", {"email": "bo@B.example"}, **owner)).status == 409
        assert (await client.post("/v1/members", {"email": "nonsense"}, **owner)).status == 422
        last = await patch(client, where, {"role": "viewer"}, owner, if_match=tag)
        assert (last.status, "last owner" in last.json["detail"]) == (409, True)
        assert (await client.request("DELETE", where, owner)).status == 409
        await client.post("/v1/members", {"email": "cy@b.example", "role": "owner"}, **owner)
        changed = await patch(client, where, {"role": "viewer"}, owner, if_match=tag)
        assert (changed.status, changed.json["role"]) == (200, "viewer")
        assert changed.headers["etag"] != tag
        stale = await patch(client, where, {"role": "admin"}, owner, if_match=tag)
        assert stale.status == 412
        assert (await client.get(where, **owner)).json["role"] == "viewer"
        assert (await client.request("DELETE", where, owner | {"if_match": changed.headers["etag"]})).status == 204
        assert (await client.get(where, **owner)).status == 404


async def test_two_owners_who_demote_each_other_leave_one(settings: Settings):
    async with server(settings) as (client, platform):
        owner = await key_for(platform, "owner")
        for _ in range(5):
            made = [
                await client.post("/v1/members", {"email": f"{name}@b.example", "role": "owner"}, **owner)
                for name in ("bo", "cy")
            ]
            paths = [answer.headers["location"] for answer in made]
            ended = await asyncio.gather(*(client.request("DELETE", path, owner) for path in paths))
            assert sorted(answer.status for answer in ended) == [204, 409]
            (left,) = [path for path, answer in zip(paths, ended, strict=True) if answer.status == 409]
            await client.post("/v1/members", {"email": "di@b.example", "role": "owner"}, **owner)
            assert (await client.request("DELETE", left, owner)).status == 204
            (di,) = (await client.get("/v1/members", **owner)).json["members"]
            async with platform.database.operator() as connection:
                await connection.execute("DELETE FROM members WHERE id = %s", [di["id"]])


async def test_a_change_stands_in_the_audit_log_with_who_made_it(settings: Settings):
    async with server(settings) as (client, platform):
        owner, other = await key_for(platform, "owner"), await key_for(platform, "owner", "bob")
        started = await client.post("/v1/runs", {"flow": ECHO}, **owner, x_request_id="my-request")
        assert started.headers["x-request-id"] == "my-request"
        run = started.json["id"]
        await client.post(f"/v1/runs/{run}/control", {"command": "priority", "priority": 0}, **owner)
        by = f"key {owner['authorization'].split('_')[1]}"
        entries = {entry["action"]: entry for entry in await audit(client, owner, f"&actor={by.replace(' ', '%20')}")}
        assert entries["run.started"]["target"] == f"runs/{run}"
        assert entries["run.started"]["request_id"] == "my-request"
        assert entries["run.started"]["address"] == "127.0.0.1"
        assert entries["flow.created"]["detail"]["version"] == 1
        assert not [entry for entry in await audit(client, other) if run in entry["target"]]
        lines = (await client.get("/v1/audit/export", **owner)).body.splitlines()
        assert [json.loads(line)["id"] for line in lines] == [entry["id"] for entry in await audit(client, owner)]


async def test_attempts_beyond_ones_rights_are_written_down(settings: Settings):
    async with server(settings) as (client, platform):
        owner, viewer, bob = [await key_for(platform, *who) for who in (("owner",), ("viewer",), ("viewer", "bob"))]
        run = (await client.post("/v1/runs", {"flow": ECHO}, **owner)).headers["location"]
        for _ in range(3):
            assert (await client.post("/v1/runs", {"flow": ECHO}, **viewer)).status == 403
        assert (await client.get(run, **bob)).status == 404
        assert (await client.get("/v1/runs/00000000-0000-7000-8000-00000000dead", **bob)).status == 404
        assert (await client.get(run, authorization="Bearer st_wrong")).status == 401
        entries = await until_denied(client, owner, 3)
        assert [(entry["action"], entry["target"]) for entry in entries] == [("runs:start", "POST /v1/runs")]
        bobs = await key_for(platform, "admin", "bob")
        (foreign,) = await until_denied(client, bobs, 1)
        assert (foreign["action"], foreign["target"]) == ("foreign run", f"GET {run}")
        async with platform.database.operator() as connection:
            rows = await connection.execute(
                "SELECT action FROM audit WHERE tenant_id = '00000000-0000-0000-0000-000000000000'"
            )
            assert await rows.fetchall() == [("login",)]


async def test_where_everybody_must_show_who_he_is_nobody_is_let_in_for_being_here(settings: Settings):
    async with server(settings, auth="required") as (client, platform):
        assert (await client.get("/healthz")).status == 200
        for path in ("/v1/runs", "/v1/nothing", "/v1/chat/completions", "/v1/models"):
            answer = await client.get(path)
            assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert "error" in (await client.get("/v1/models")).json
        key = await make_first_key(platform.database)
        assert key is not None
        assert await make_first_key(platform.database) is None
        me = (await client.get("/v1/me", authorization=f"Bearer {key}")).json
        assert (me["role"], me["tenant"]["id"]) == ("owner", str(DEFAULT_TENANT))


async def test_processes_that_start_together_make_one_first_key(settings: Settings):
    async with Platform.open(settings, provider=ScriptedModel({}), worker=False) as platform:
        made = await asyncio.gather(*(make_first_key(platform.database) for _ in range(8)))
        assert len([key for key in made if key]) == 1


async def test_a_server_for_others_listens_where_it_is_told_to(settings: Settings):
    async with server(settings, auth="required", host="0.0.0.0") as (client, _):
        assert client.host.startswith("127.0.0.1:")
        assert (await client.get("/v1/runs", host="stretto.example:80")).status == 401
    async with server(settings, auth="required", public_url="https://stretto.example") as (client, _):
        assert (await client.get("/v1/runs", host="stretto.example")).status == 401
        assert (await client.get("/v1/runs", host="evil.example")).status == 403


async def test_the_role_table_is_told_as_it_is(settings: Settings):
    async with server(settings) as (client, _):
        told = (await client.get("/v1/roles")).json
        assert told["roles"] == list(ROLES)
        for row in told["permissions"]:
            assert row["roles"] == [role for role in ROLES if row["permission"] in ROLES[role]]


async def test_a_token_opens_the_tenant_that_it_names_or_that_its_bearer_is_a_member_of(settings: Settings):
    async with IdentityProvider() as provider:
        provider.add_user("ada", email="ada@example.org", stretto_tenant="ada", stretto_role="operator")
        provider.add_user("bo", email="Bo@example.org")
        changes = {"oidc_issuer": provider.issuer, "oidc_client_id": provider.client_id}
        async with server(settings, auth="required", **changes) as (client, platform):
            owner, bobs = await key_for(platform, "owner"), await key_for(platform, "owner", "bob")

            def bearer(user: str, **changed: Any) -> dict[str, str]:
                return {"authorization": f"Bearer {provider.token(user, **changed)}"}

            me = (await client.get("/v1/me", **bearer("ada"))).json
            assert (me["tenant"]["name"], me["role"], me["by"]) == ("ada", "operator", "user ada@example.org")
            assert (await client.get("/v1/me", **bearer("ada", stretto_tenant="nobody"))).status == 403
            assert (await client.get("/v1/me", **bearer("ada"), x_stretto_tenant="bob")).status == 403
            assert (await client.get("/v1/me", **bearer("ada", exp=1))).status == 401

            assert (await client.get("/v1/me", **bearer("bo"))).status == 403
            for headers, role in ((owner, "viewer"), (bobs, "reviewer")):
                await client.post("/v1/members", {"email": "bo@example.org", "role": role}, **headers)
            invited = bearer("bo", email_verified=False)
            assert (await client.get("/v1/me", **invited)).status == 403, (
                "an address that nobody verified invites nobody"
            )
            for tenant, role in (("ada", "viewer"), ("bob", "reviewer")):
                answer = await client.get("/v1/me", **bearer("bo"), x_stretto_tenant=tenant)
                assert (answer.json["tenant"]["name"], answer.json["role"]) == (tenant, role)
            mine = (await client.get("/v1/tenants", **bearer("bo"), x_stretto_tenant="bob")).json["tenants"]
            assert mine == [{"name": "bob", "role": "reviewer"}, {"name": "ada", "role": "viewer"}]
            joined = (await client.get("/v1/members", **owner)).json["members"]
            assert [member["joined"] for member in joined] == [True]
            # From now on it is the subject that counts, not the address.
            assert (await client.get("/v1/me", **bearer("bo", email="new@example.org"))).json["role"] == "viewer"
            assert (
                await client.get("/v1/me", **bearer("ada", sub="2", email="bo@example.org", stretto_tenant=None))
            ).status == 403
