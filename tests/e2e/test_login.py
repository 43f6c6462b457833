"""Logging in with a browser: over real HTTP, at a provider that speaks the true protocol, and misbehaves when told to."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import aiohttp
import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from yarl import URL

from stretto.api import serving
from stretto.auth import AuthStore, Operator, role_named
from stretto.auth.login.attempt import Attempt
from stretto.auth.store import NewMemberRow
from stretto.platform import Platform
from stretto.settings import Settings
from stretto.store.ids import new_id
from stretto.testing import ScriptedModel
from stretto.testing.identity import IdentityProvider

HTML = {"accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


@dataclass
class Page:
    """What a browser got."""

    status: int
    url: str
    headers: Any
    text: str
    json: Any


@dataclass
class Browser:
    """Keeps cookies as browsers do, and follows redirects only when told to."""

    url: str
    client: aiohttp.ClientSession
    headers: dict[str, str] = field(default_factory=lambda: dict(HTML))

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Page:
        """A `cookie` among the headers goes alone, without those that the browser keeps."""
        if "cookie" in headers:
            async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
                return await self._ask(client, method, path, body, headers)
        return await self._ask(self.client, method, path, body, headers)

    async def _ask(
        self, client: aiohttp.ClientSession, method: str, path: str, body: Any, headers: Mapping[str, str]
    ) -> Page:
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        url = urljoin(self.url, path)
        async with client.request(method, url, json=body, headers=sent, allow_redirects=False) as answer:
            text = await answer.text()
            json = await answer.json(content_type=None) if "json" in answer.headers.get("content-type", "") else None
            return Page(answer.status, url, answer.headers, text, json)

    async def get(self, path: str, **headers: str) -> Page:
        return await self.ask("GET", path, **headers)

    async def go(self, path: str) -> list[Page]:
        """Follow redirects from here on; all pages, the last one last."""
        pages = [await self.get(path)]
        while "location" in pages[-1].headers and len(pages) < 8:
            pages.append(await self.get(urljoin(pages[-1].url, pages[-1].headers["location"])))
        return pages

    async def to_callback(self, path: str = "/auth/login") -> str:
        """Log in, but stop before the last step; gives the address that the provider sends the browser to."""
        begun = await self.get(path)
        assert begun.status == 303, begun.text
        sent_back = await self.get(begun.headers["location"])
        assert sent_back.status == 302, sent_back.text
        return sent_back.headers["location"]

    def cookie(self, name: str) -> str:
        return next((each.value for each in self.client.cookie_jar if each.key == name), "")


@asynccontextmanager
async def browser(url: str) -> AsyncGenerator[Browser]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        yield Browser(url, client)


@pytest.fixture
async def provider() -> AsyncGenerator[IdentityProvider]:
    async with IdentityProvider(client_secret="a client:secret+%") as found:
        found.add_user("ada", email="ada@example.org", name="Ada <b>")
        yield found


@asynccontextmanager
async def server(
    settings: Settings, provider: IdentityProvider, **changes: Any
) -> AsyncGenerator[tuple[Platform, str]]:
    """A server whose tenants are `one` and `two`; Ada is an owner of the first, and reviews for the second."""
    changes = {
        "port": 0,
        "auth": "required",
        "oidc_issuer": provider.issuer,
        "oidc_client_id": provider.client_id,
        "oidc_client_secret": provider.client_secret,
        **changes,
    }
    settings = Settings.model_validate(settings.model_dump() | changes)
    async with Platform.open(settings, provider=ScriptedModel({}), worker=False) as platform:
        for name, role in (("one", "owner"), ("two", "reviewer")):
            tenant_id = await Operator(platform.database).add_tenant(name)
            async with platform.database.tenant(tenant_id) as connection:
                ada = NewMemberRow(new_id(), "ada@example.org", role_named(role), "test")
                await AuthStore(platform.database).add_member_in(connection, tenant_id, ada)
        async with serving(platform) as url:
            yield platform, url


async def test_a_browser_logs_in_changes_something_and_logs_out(settings: Settings, provider: IdentityProvider):
    async with server(settings, provider) as (_, url), browser(url) as ada:
        assert (await ada.get("/v1/me")).status == 401
        *_, came_back, page = await ada.go("/auth/login?next=/v1/me%3Fa=b")
        assert came_back.headers["location"] == "/v1/me?a=b"
        assert (page.json["by"], page.json["via"], page.json["role"]) == ("user ada@example.org", "session", "owner")
        told = came_back.headers.getall("set-cookie")
        assert [each.split("=")[0] for each in told] == ["stretto", "stretto-login"]
        for each in told:
            assert {"httponly", "path=/", "samesite=lax"} <= {one.strip().lower() for one in each.split(";")}

        session = (await ada.get("/auth/session")).json
        assert (session["tenant"], session["name"]) == ("one", "Ada <b>")
        new = {"name": "mine", "role": "viewer"}
        token = session["csrf_token"]
        assert (await ada.ask("POST", "/v1/keys", new)).status == 403
        assert (await ada.ask("POST", "/v1/keys", new, x_stretto_csrf=token[:-1] + "x")).status == 403
        assert (await ada.ask("POST", "/v1/keys", new, x_stretto_csrf=token, sec_fetch_site="cross-site")).status == 403
        assert (
            await ada.ask("POST", "/v1/keys", new, x_stretto_csrf=token, origin="https://evil.example")
        ).status == 403
        made = await ada.ask("POST", "/v1/keys", new, x_stretto_csrf=token, sec_fetch_site="same-origin", origin=url)
        assert made.status == 201
        entries = {entry["action"]: entry for entry in (await ada.get("/v1/audit")).json["entries"]}
        assert entries["session.created"]["actor"] == entries["key.created"]["actor"] == "user ada@example.org"
        assert entries["session.created"]["address"] == "127.0.0.1"
        assert ada.cookie("stretto") not in str(entries)

        assert (await ada.ask("POST", "/auth/logout")).status == 403
        cookie = ada.cookie("stretto")
        assert (await ada.ask("POST", "/auth/logout", x_stretto_csrf=token)).status == 204
        assert ada.cookie("stretto") == ""
        assert (await ada.get("/v1/me", cookie=f"stretto={cookie}")).status == 401
        key = {"authorization": f"Bearer {made.json['key']}", "cookie": f"stretto={cookie}"}
        assert (await ada.get("/v1/me", **key)).json["via"] == "key"


async def test_one_chooses_the_tenant_when_logging_in(settings: Settings, provider: IdentityProvider):
    async with server(settings, provider) as (_, url), browser(url) as ada:
        page = (await ada.go("/auth/login?next=/v1/me&tenant=two"))[-1]
        assert (page.json["tenant"]["name"], page.json["role"]) == ("two", "reviewer")
        assert (await ada.get("/v1/me", x_stretto_tenant="two")).status == 200
        assert (await ada.get("/v1/me", x_stretto_tenant="one")).status == 403
        page = (await ada.go("/auth/login?tenant=three"))[-1]
        assert page.status == 403
        assert "no member of the tenant" in page.text


async def test_an_answer_counts_once_and_in_its_own_browser(settings: Settings, provider: IdentityProvider):
    async with server(settings, provider) as (_, url), browser(url) as ada, browser(url) as eve:
        begun = await ada.get("/auth/login")
        attempt = ada.cookie("stretto-login")
        callback = (await ada.get(begun.headers["location"])).headers["location"]
        await eve.get("/auth/login")
        for intruder in (eve, Browser(url, eve.client, {})):
            refused = await intruder.get(callback)
            assert refused.status == 401
            assert eve.cookie("stretto") == ""
        assert (await ada.get(callback)).status == 303
        first = ada.cookie("stretto")
        assert ada.cookie("stretto-login") == ""
        again = {"cookie": f"stretto-login={attempt}"}
        assert (await eve.get(callback, **again)).status == 401, "the provider takes no code twice"
        fresh = (await ada.get(begun.headers["location"])).headers["location"]
        used = await eve.get(fresh, **again)
        assert used.status == 401
        assert "used already" in used.text
        assert (await eve.get("/v1/me")).status == 401
        assert (await ada.get("/v1/me")).status == 200
        assert first == ada.cookie("stretto")


async def test_answers_that_were_tampered_with_are_refused(settings: Settings, provider: IdentityProvider):
    async with server(settings, provider) as (_, url), browser(url) as ada:
        callback = await ada.to_callback()
        right = {name: values[0] for name, values in parse_qs(urlsplit(callback).query).items()}
        attempt = ada.cookie("stretto-login")
        secret, until, goal = attempt.split(".")
        late = Attempt(secret, int(time.time()) - 1, "/", "")
        future = Attempt(secret, int(time.time()) + 86_400, "/", "")

        def changed(**changes: str) -> str:
            return f"/auth/callback?{urlencode(right | changes)}"

        for path, cookie in [
            (changed(state=right["state"][:-1] + "x"), attempt),
            (changed(state=""), attempt),
            (changed(state="ä€\ud83d\ude00".encode("utf-8", "replace").decode()), attempt),
            (f"{changed()}&state=another", attempt),
            (changed(iss="https://evil.example"), attempt),
            (changed(iss=""), attempt),
            (f"{changed()}&iss=another", attempt),
            (changed(code=""), attempt),
            (changed(code="another"), attempt),
            (changed(code="x" * 5000), attempt),
            (f"{changed()}&code=another", attempt),
            (changed(), ""),
            (changed(), "nonsense"),
            (changed(), f"{secret}.{int(until) + 1}.{goal}"),
            (changed(), f"{secret}.{until}.L2V2aWwK"),
            (changed(), f"{'0' * 64}.{until}.{goal}"),
            (changed(state=late.state), late.cookie),
            (changed(state=future.state), future.cookie),
        ]:
            refused = await ada.get(path, cookie=f"stretto-login={cookie}")
            assert refused.status == 401, path
            assert "set-cookie" not in refused.headers or "stretto=" not in str(refused.headers.getall("set-cookie"))
        assert ada.cookie("stretto") == ""
        assert (await ada.get(callback, cookie=f"stretto-login={attempt}")).status == 303, "nothing was used up by that"


@pytest.mark.parametrize(
    ("answers", "status", "told"),
    [
        ({"error": "access_denied"}, 401, "did not let you in"),
        ({"error": "<script>alert(1)</script>"}, 401, "error of its own"),
        ({"/token": 500}, 503, "cannot be asked"),
        ({"/token": 302}, 503, "cannot be asked"),
        ({"/token": 400}, 401, "does not take"),
        ({"id_token": {"nonce": "another"}}, 401, "another login"),
        ({"id_token": {"nonce": None}}, 401, "another login"),
        ({"id_token": {"aud": "another"}}, 401, "audience"),
        ({"id_token": {"aud": ["stretto", "another"], "azp": "another"}}, 401, "another client"),
        ({"id_token": {"iss": "https://evil.example"}}, 401, "issuer"),
        ({"id_token": {"exp": 1}}, 401, "expired"),
        ({"id_token": {"sub": None}}, 401, "sub"),
        ({"iss": "https://evil.example"}, 401, "another identity provider"),
    ],
)
async def test_a_provider_that_misbehaves_logs_nobody_in(
    settings: Settings, provider: IdentityProvider, answers: dict[str, Any], status: int, told: str
):
    async with server(settings, provider) as (_, url), browser(url) as ada:
        provider.answers = answers
        page = (await ada.go("/auth/login"))[-1]
        assert page.status == status
        assert told in page.text
        assert page.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "<script" not in page.text
        assert (ada.cookie("stretto"), ada.cookie("stretto-login")) == ("", "")
        provider.answers = {}
        assert (await ada.go("/auth/login?next=/v1/me"))[-1].status == 200


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({}, 200),
        ({"email_verified": False}, 403),
        ({"email_verified": "true"}, 403),
        ({"sub": "somebody else"}, 403),
        ({"email": ["ada@example.org"]}, 403),
    ],
)
async def test_an_address_may_be_told_apart_from_the_token_but_only_of_the_same_person(
    settings: Settings, provider: IdentityProvider, told: dict[str, Any], status: int
):
    provider.answers = {"userinfo": told}
    async with server(settings, provider) as (_, url), browser(url) as ada:
        assert (await ada.go("/auth/login?next=/v1/me"))[-1].status == status


@pytest.mark.parametrize("methods", [None, ["client_secret_post"], ["client_secret_basic", "client_secret_post"]])
async def test_the_client_shows_its_secret_as_the_provider_wants_it(
    settings: Settings, provider: IdentityProvider, methods: list[str] | None
):
    provider.answers = {"document": {"token_endpoint_auth_methods_supported": methods}}
    async with server(settings, provider) as (platform, url), browser(url) as ada:
        assert (await ada.go("/auth/login?next=/v1/me"))[-1].status == 200
        assert "a client:secret" not in repr(vars(platform.login))
        provider.client_secret = "another-secret"
        page = (await ada.go("/auth/login"))[-1]
        assert (page.status, "secret" in page.text) == (401, False)


async def test_who_is_no_member_is_told_so_in_the_form_that_he_reads(settings: Settings, provider: IdentityProvider):
    provider.add_user("eve", email="eve<i>@example.org")
    provider.logs_in = "eve"
    async with server(settings, provider) as (_, url), browser(url) as eve:
        page = (await eve.go("/auth/login"))[-1]
        assert page.status == 403
        assert "eve&lt;i&gt;@example.org" in page.text
        eve.headers = {"accept": "application/json"}
        page = (await eve.go("/auth/login"))[-1]
        assert page.status == 403
        assert page.headers["content-type"] == "application/problem+json"
        assert page.json["type"] == "urn:stretto:error:NotAllowed"
        assert eve.cookie("stretto") == ""


async def test_a_session_ends_by_time_with_its_member_and_follows_his_role(
    settings: Settings, provider: IdentityProvider, owner: AsyncConnection[TupleRow]
):
    async with server(settings, provider) as (platform, url), browser(url) as ada:
        assert platform.sessions is not None
        platform.sessions._known_for_s = 0

        async def status() -> int:
            return (await ada.get("/v1/me")).status

        for ending in (
            "UPDATE sessions SET ends_at = now()",
            "UPDATE sessions SET seen_at = now() - interval '61 minutes'",
            "UPDATE sessions SET issuer = 'https://former.example'",
            "DELETE FROM sessions",
        ):
            assert (await ada.go("/auth/login?next=/v1/me"))[-1].status == 200
            await owner.execute(ending)
            assert await status() == 401, ending
        await ada.go("/auth/login")
        await owner.execute("UPDATE sessions SET seen_at = now() - interval '59 minutes'")
        assert await status() == 200
        rows = await owner.execute("SELECT count(*) FROM sessions WHERE seen_at > now() - interval '2 minutes'")
        assert await rows.fetchone() == (1,), "who comes back in time stays"
        await owner.execute("UPDATE members SET role = 'viewer'")
        assert (await ada.get("/v1/me")).json["role"] == "viewer"
        await owner.execute("DELETE FROM members")
        assert await status() == 401


async def test_a_session_has_the_role_that_the_token_names(settings: Settings, provider: IdentityProvider):
    provider.add_user("bo", stretto_tenant="two", stretto_role="operator")
    provider.logs_in = "bo"
    async with server(settings, provider) as (_, url), browser(url) as bo:
        me = (await bo.go("/auth/login?next=/v1/me"))[-1].json
        assert (me["tenant"]["name"], me["role"], me["by"]) == ("two", "operator", "user id-of-bo")


async def test_a_login_ends_the_former_session_and_takes_no_planted_cookie(
    settings: Settings, provider: IdentityProvider, owner: AsyncConnection[TupleRow]
):
    async with server(settings, provider) as (_, url), browser(url) as ada:
        planted = "0" * 64
        ada.client.cookie_jar.update_cookies({"stretto": planted}, URL(url))
        await ada.go("/auth/login")
        first = ada.cookie("stretto")
        assert first != planted
        await ada.go("/auth/login")
        assert ada.cookie("stretto") not in (first, planted)
        assert (await ada.get("/v1/me", cookie=f"stretto={first}")).status == 401
        for _ in range(22):
            ada.client.cookie_jar.clear()
            await ada.go("/auth/login")
        rows = await owner.execute("SELECT count(*), count(DISTINCT digest) FROM sessions")
        assert await rows.fetchone() == (20, 20), "one person has no more than that"
        assert (await ada.get("/v1/me")).status == 200


async def test_by_https_cookies_are_held_to_the_host(settings: Settings, provider: IdentityProvider):
    public = "https://stretto.example.org"
    async with server(settings, provider, public_url=public) as (_, url), browser(url) as ada:
        elsewhere = await ada.get("/auth/login?next=/x")
        assert elsewhere.headers["location"] == f"{public}/auth/login?next=%2Fx&tenant="
        begun = await ada.get("/auth/login?next=/x", host="stretto.example.org")
        asked = parse_qs(urlsplit(begun.headers["location"]).query)
        assert asked["redirect_uri"] == [f"{public}/auth/callback"]
        callback = (await ada.get(begun.headers["location"])).headers["location"]
        attempt = begun.headers["set-cookie"].split(";")[0]
        assert attempt.startswith("__Host-stretto-login=")
        done = await ada.get(callback.replace(public, url), host="stretto.example.org", cookie=attempt)
        assert done.status == 303
        for each in done.headers.getall("set-cookie"):
            assert each.startswith("__Host-stretto")
            assert {"secure", "httponly", "path=/", "samesite=lax"} <= {one.strip().lower() for one in each.split(";")}
            assert "domain" not in each.lower()


async def test_a_host_that_somebody_names_is_not_come_back_to(settings: Settings, provider: IdentityProvider):
    async with server(settings, provider) as (_, url), browser(url) as eve:
        refused = await eve.get("/auth/login", host="evil.example")
        assert refused.status == 409
        assert "location" not in refused.headers


async def test_where_nothing_is_set_up(settings: Settings, provider: IdentityProvider):
    nothing = {"oidc_issuer": None, "oidc_client_id": None, "oidc_client_secret": None}
    async with server(settings, provider, **nothing) as (_, url), browser(url) as ada:
        for path in ("/auth/login", "/auth/callback"):
            assert (await ada.get(path)).status == 404
        assert (await ada.get("/auth/session")).status == 401
    async with browser(url) as ada, server_on_this_machine(settings) as url:
        ada.url = url
        assert (await ada.get("/auth/login")).headers["location"] == "/"
        assert (await ada.get("/auth/session")).status == 404
        assert (await ada.ask("POST", "/auth/logout")).status == 204


@asynccontextmanager
async def server_on_this_machine(settings: Settings) -> AsyncGenerator[str]:
    settings = settings.model_copy(update={"port": 0})
    async with Platform.open(settings, provider=ScriptedModel({}), worker=False) as platform, serving(platform) as url:
        yield url
