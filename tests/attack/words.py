"""Words: SQL, templates, paths, Unicode and JSON of odd forms, in every string that a route takes."""

from __future__ import annotations

import json
import urllib.parse
from typing import Any, cast

from tests.attack.findings import Findings
from tests.attack.ground import Ground
from tests.attack.routes import Route, example

SQL = (
    "' OR '1'='1",
    "'; DROP TABLE runs; --",
    "1) UNION SELECT document FROM flows --",
    "\\'; SELECT set_config('stretto.tenant', '{victim}', false); --",
    "$$; SELECT pg_sleep(5); $$",
    "%' AND 1=cast((SELECT name FROM tenants LIMIT 1) AS int) --",
    "%s %(tenant_id)s {} {0} :name $1",
)
OTHERS = (
    "{{ 7*7 }}{{ ''.__class__.__mro__ }}",
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%00",
    "\r\nSet-Cookie: stolen=1",
    "<script>alert(1)</script>",
    "\u202e\u0000\ud7ff\uffff",
    "𝕏" * 3000,
    "a" * 70_000,
    "",
    " ",
    "null",
    "-1",
    "1e400",
    "99999999999999999999",
    "NaN",
)
ODD_BODIES: tuple[bytes, ...] = (
    b"",
    b"null",
    b"[]",
    b"0",
    b'"text"',
    b"{",
    b'{"a":1,}',
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    b'{"flow":{"flow":"a","steps":{"a":' + b'{"steps":{"a":' * 3_000 + b"1" + b"}}" * 3_000 + b"}}}",
    b'{"__proto__":{"a":1},"constructor":1}',
    b'{"flow":"a","flow":"b"}',
    b'{"priority":1e999}',
    b'{"input":{"\\u0000":1}}',
    b'{"input":"\\ud800"}',
    json.dumps({str(n): n for n in range(20_000)}).encode(),
    b"x" * 3_000_000,
)


async def words(ground: Ground, routes: list[Route], findings: Findings) -> None:
    """Every odd word in every path, query, header and body string; every odd body; with the attacker's owner key."""
    key, before = ground.attacker["owner"], await ground.fingerprint()
    for route in routes:
        for word in (*SQL, *OTHERS):
            await in_places(ground, route, word, key, findings)
        if route.body is not None:
            path = route.path.replace("{", "").replace("}", "")
            for body in ODD_BODIES:
                answer = await ground.ask(route.method, path, key, body=body)
                what = f"{route.id} with {body[:30]!r}"
                findings.look("odd bodies", what, answer.status, answer.told)
                refused = answer.status >= 400 or route.path.endswith("/validate")  # which says in a 200 what is wrong
                findings.expect("odd bodies", what, refused, f"accepted with {answer.status}")
            for kind in (
                "text/plain",
                "application/xml",
                "multipart/form-data",
                "application/json; charset=utf-16",
                "",
            ):
                answer = await ground.ask(route.method, path, key, body=b"{}", headers={"content-type": kind})
                findings.look("odd bodies", f"{route.id} as {kind!r}", answer.status, answer.told)
    after = await ground.fingerprint()
    for table, rows in before.items():
        findings.expect("words", table, after[table] == rows, f"the victim's rows changed: {rows} -> {after[table]}")


async def in_places(ground: Ground, route: Route, word: str, key: str, findings: Findings) -> None:
    """The word in each parameter by itself, and in all strings of the body."""
    quoted = urllib.parse.quote(word[:2000], safe="")
    plain = route.path
    for name in route.names("path"):
        plain = plain.replace(f"{{{name}}}", "a")
    cases: list[tuple[str, dict[str, str], Any]] = []
    fit = None if route.body is None else example(route.body)
    for name in route.names("path"):
        cases.append((route.path.replace(f"{{{name}}}", quoted).replace("{", "").replace("}", ""), {}, fit))
    cases += [(f"{plain}?{name}={quoted}", {}, fit) for name in route.names("query")]
    header = "".join(sign for sign in word[:2000] if sign.isascii() and sign.isprintable())
    cases += [(plain, {name: header}, fit) for name in [*route.names("header"), "x-request-id", "x-stretto-tenant"]]
    if route.body is not None:
        cases += [(plain, {}, body) for body in with_word(route, word)]
    for path, headers, body in cases:
        answer = await ground.ask(route.method, path, key, json=body, headers=headers)
        what = f"{route.method} {path[:80]} with {word[:30]!r}"
        findings.look("words", what, answer.status, answer.told)
        findings.expect("words", what, b"'set-cookie': 'stolen" not in answer.told.lower(), "a header was injected")


def with_word(route: Route, word: str) -> list[Any]:
    """Bodies with the word in all strings, in each required one, and as a key."""
    assert route.body is not None
    whole = example(route.body, word)
    fit = example(route.body)
    found = [whole]
    if isinstance(fit, dict):
        kept = cast("dict[str, Any]", fit)
        found += [{**kept, name: word} for name in kept]
        found.append({**kept, word[:1000]: word})
    return found
