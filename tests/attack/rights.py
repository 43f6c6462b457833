"""Keys of lesser roles and tokens that do not count, on every route."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt

from stretto.auth import ROLES
from stretto.testing.identity import signing_key
from tests.attack.crossing import filled
from tests.attack.findings import Findings
from tests.attack.ground import Ground
from tests.attack.routes import Route, example


async def lesser_roles(ground: Ground, routes: list[Route], findings: Findings) -> None:
    """Each role of the victim's own tenant: what it may not do is 403, and nothing changes by it."""
    before = await ground.fingerprint()
    for route in routes:
        if route.permission is None:
            continue
        for role, key in ground.victim.items():
            if route.permission in ROLES[role]:
                continue
            body = None if route.body is None else example(route.body)
            for path in filled(route, ground)[:1]:
                answer = await ground.ask(route.method, path, key, json=body)
                findings.look("lesser roles", f"{route.id} as {role}", answer.status, answer.told, own=True)
                findings.expect(
                    "lesser roles", f"{route.id} as {role}", answer.status == 403, f"status {answer.status}, not 403"
                )
    after = await ground.fingerprint()
    for table, rows in before.items():
        findings.expect("lesser roles", table, after[table] == rows, f"rows changed: {rows} -> {after[table]}")


async def no_credentials(ground: Ground, routes: list[Route], findings: Findings) -> None:
    """Without credentials, and with those that do not count: 401 everywhere but on public paths."""
    right = ground.victim["owner"]
    wrong = [
        "",
        "Bearer",
        "Bearer ",
        f"Basic {right}",
        f"Bearer {right[:-1]}",
        f"Bearer {right}0",
        f"Bearer {right.upper()}",
    ]
    wrong += [f"Bearer st_{'0' * 12}_{'0' * 64}", f"Token {right}", f"Bearer {right[3:]}", "Bearer " + "é" * 10]
    wrong += [f"Bearer {token}" for token in forged(ground)]
    for route in routes:
        if route.permission is None:
            continue
        body = None if route.body is None else example(route.body)
        path = filled(route, ground)[0]
        for value in wrong:
            answer = await ground.ask(route.method, path, json=body, headers={"authorization": value} if value else {})
            what = f"{route.id} with {value[:40]!r}"
            findings.look("no credentials", what, answer.status, answer.told)
            findings.expect("no credentials", what, answer.status == 401, f"status {answer.status}, not 401")


def forged(ground: Ground) -> list[str]:
    """Tokens that must not count: unsigned, signed by others, swapped algorithms, stale, for others, or of a strange user."""
    provider = ground.provider
    claims: dict[str, Any] = provider.claims("mallory") | {"stretto_tenant": "victim", "stretto_role": "owner"}
    own, kid = signing_key(), provider.keys[0].id

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    confused = f"{part({'alg': 'HS256', 'kid': kid})}.{part(claims)}"
    digest = hmac.new(provider.keys[0].public_pem.encode(), confused.encode(), hashlib.sha256).digest()
    head, _, signature = provider.token("mallory").split(".")
    return [
        f"{part({'alg': 'none'})}.{part(claims)}.",
        f"{part({'alg': 'None', 'kid': kid})}.{part(claims)}.",
        f"{confused}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}",
        jwt.encode(claims, own.pem, "RS256", headers={"kid": kid}),
        jwt.encode(claims, own.pem, "RS256", headers={"kid": own.id, "jwk": own.jwk, "jku": f"{provider.issuer}/mine"}),
        jwt.encode(claims, provider.keys[0].pem, "RS512", headers={"kid": kid}),
        f"{head}.{part(claims)}.{signature}",
        f"{head}.{part(claims)}.",
        provider.sign(claims | {"exp": int(time.time()) - 3600}),
        provider.sign(claims | {"nbf": int(time.time()) + 3600}),
        provider.sign(claims | {"aud": "another"}),
        provider.sign(claims | {"iss": "https://evil.example"}),
        provider.sign(claims | {"exp": None}),
        provider.sign(claims | {"sub": None}),
        "eyJ.eyJ.eyJ",
        "eyJ" + "a" * 9000 + ".b.c",
    ]
