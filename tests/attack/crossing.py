"""Two tenants: the attacker uses every route and every method with the victim's ids, and nothing shows or changes."""

from __future__ import annotations

import itertools

from tests.attack.findings import Findings
from tests.attack.ground import Ground
from tests.attack.routes import Route, example
from tests.attack.sockets import by_keys

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
SAFE_STATUS = {200, 201, 202, 204}


def filled(route: Route, ground: Ground) -> list[str]:
    """The route's path with every combination of the victim's ids."""
    names = route.names("path")
    values = [ground.ids.get(name, [f"no-{name}"]) for name in names]
    found: list[str] = []
    for chosen in itertools.product(*values):
        path = route.path
        for name, value in zip(names, chosen, strict=True):
            path = path.replace(f"{{{name}}}", value)
        found.append(path)
    return found


async def cross(ground: Ground, routes: list[Route], findings: Findings) -> None:
    """Every route as declared, then every other method on every path, with the keys of all of the attacker's roles."""
    before = await ground.fingerprint()
    known = [value.encode() for values in ground.ids.values() for value in values if len(value) > 8]
    for route in routes:
        if route.method == "GET" and not route.names("path"):
            answer = await ground.ask("GET", route.path, ground.attacker["owner"])
            findings.look("lists", route.path, answer.status, answer.told)
            findings.expect("lists", route.path, not any(each in answer.told for each in known), "names the victim's")
    for route in routes:
        for path in filled(route, ground):
            for role, key in ground.attacker.items():
                body = None if route.body is None else example(route.body)
                await go(ground, findings, route, path, key, body, f"{role} of another tenant")
                for name in route.names("query"):
                    for value in (ground.ids["run_id"][0], ground.ids["name"][0]):
                        query = f"{path}?{name}={value}"
                        await go(ground, findings, route, query, key, body, f"{role} of another tenant")
    paths = sorted({path for route in routes for path in filled(route, ground)})
    for path, method in itertools.product(paths, METHODS):
        answer = await ground.ask(
            method, path, ground.attacker["owner"], body=b"{}" if method in METHODS[2:5] else None
        )
        findings.look("every method", f"{method} {path}", answer.status, answer.told)
    await by_keys(ground, findings)
    after = await ground.fingerprint()
    for table, rows in before.items():
        findings.expect("crossing", table, after[table] == rows, f"the victim's rows changed: {rows} -> {after[table]}")


async def go(ground: Ground, findings: Findings, route: Route, path: str, key: str, body: object, who: str) -> None:
    """One request with the victim's ids; a path that names one of them must not succeed."""
    answer = await ground.ask(route.method, path, key, json=body)
    findings.look("crossing", f"{route.method} {path} as {who}", answer.status, answer.told)
    # Steps are named inside of a run, keys and collections inside of a tenant: who writes there has something of his own.
    own = all(name in ("step", "key", "collection") for name in route.names("path"))
    if not own:
        findings.expect(
            "crossing", f"{route.method} {path} as {who}", answer.status not in SAFE_STATUS, f"status {answer.status}"
        )
