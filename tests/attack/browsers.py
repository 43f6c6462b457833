"""A victim who is logged in with his browser: other sites' pages make it ask, and made-up cookies are tried."""

from __future__ import annotations

from urllib.parse import urljoin

import aiohttp

from stretto.api.authentication import SAFE_METHODS
from stretto.auth import Operator
from stretto.auth.sessions.session import csrf_token
from tests.attack.crossing import filled
from tests.attack.findings import Findings
from tests.attack.ground import Ground
from tests.attack.routes import Route, example
from tests.attack.sockets import by_cookies


async def log_in(ground: Ground, user: str, tenant: str) -> str:
    """The cookie of somebody who logs in, as an owner of this tenant."""
    ground.provider.add_user(user, stretto_tenant=tenant, stretto_role="owner")
    ground.provider.logs_in = user
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        url = f"{ground.url}/auth/login?next=/v1/me"
        for _ in range(3):
            async with browser.get(url, allow_redirects=False) as answer:
                url = urljoin(url, answer.headers["location"])
        return next(cookie.value for cookie in browser.cookie_jar if cookie.key == "stretto")


async def browsers(ground: Ground, routes: list[Route], findings: Findings) -> None:
    """Nothing changes unless the session's own page asks; no cookie counts but one that a login gave."""
    await Operator(ground.platform.database).add_tenant("own")  # the other one may have been renamed by other attacks
    cookie, attackers = await log_in(ground, "vera", "victim"), await log_in(ground, "mallory", "own")
    mine = {"cookie": f"stretto={cookie}"}
    me = await ground.ask("GET", "/v1/me", headers=mine)
    findings.expect("browsers", "control", me.status == 200, f"the victim is not logged in: {me.status}")
    forgeries = [
        {},
        {"x-stretto-csrf": ""},
        {"x-stretto-csrf": "null"},
        {"x-stretto-csrf": csrf_token(attackers)},
        {"x-stretto-csrf": csrf_token(cookie), "origin": "https://evil.example"},
        {"x-stretto-csrf": csrf_token(cookie), "origin": "null"},
        {"x-stretto-csrf": csrf_token(cookie), "sec-fetch-site": "cross-site"},
        {"x-stretto-csrf": csrf_token(cookie), "sec-fetch-site": "same-site"},
    ]
    cookies = ["", "0" * 64, cookie[:-1], cookie + "0", cookie.upper() + ";", "' OR '1'='1", f'"{cookie}', "é" * 64]
    before = await ground.fingerprint()
    for route in routes:
        if route.permission is None and route.path != "/auth/logout":
            continue
        body = None if route.body is None else example(route.body)
        path = filled(route, ground)[0]
        if route.method not in SAFE_METHODS:
            for forgery in forgeries:
                answer = await ground.ask(route.method, path, json=body, headers=mine | forgery)
                what = f"{route.id} with {forgery}"
                findings.look("browsers", what, answer.status, answer.told)
                findings.expect("browsers", what, answer.status == 403, f"status {answer.status}, not 403")
        for value in cookies:
            answer = await ground.ask(route.method, path, json=body, headers={"cookie": f"stretto={value}"})
            what = f"{route.id} with the cookie {value[:20]!r}"
            findings.look("cookies", what, answer.status, answer.told)
            findings.expect("cookies", what, answer.status == 401, f"status {answer.status}, not 401")
        answer = await ground.ask("GET", path, headers={"cookie": f"stretto={attackers}", "x-stretto-tenant": "victim"})
        findings.look("cookies", f"{route.id} in another tenant", answer.status, answer.told)
    await by_cookies(ground, findings, cookie, attackers)
    after = await ground.fingerprint()
    for table, rows in before.items():
        findings.expect("browsers", table, after[table] == rows, f"rows changed: {rows} -> {after[table]}")
