"""The attack suite, as `make attack` runs it: two tenants, every route, every role, forged tokens, odd words, rough clients."""

from __future__ import annotations

import pytest

from tests.attack.__main__ import ATTACKS, attack
from tests.attack.crossing import filled
from tests.attack.findings import Findings
from tests.attack.ground import prepared
from tests.attack.routes import routes_of

NOT_THE_VICTIMS = ("/v1/events/schemas/{type}", "/v1/flows/{name}/diff", "/v1/apps/reviews/data-sets/{name}")
"""Schemas and names of data sets are everybody's; a comparison needs to be told what with."""


@pytest.mark.timeout(400)  # 23,000 requests: a minute by itself
async def test_nothing_leaks_and_nothing_breaks():
    findings = await attack(ATTACKS)
    assert findings.bad == [], findings.report()
    assert set(findings.requests) >= {
        "crossing",
        "lists",
        "every method",
        "lesser roles",
        "no credentials",
        "browsers",
        "sockets",
        "replays",
        "words",
        "engine",
    }
    assert sum(findings.requests.values()) > 5_000


async def test_a_leak_would_be_seen():
    async with prepared() as ground:
        findings = Findings(ground.canary)
        for path in (f"/v1/runs/{ground.ids['run_id'][0]}", f"/v1/runs/{ground.ids['run_id'][0]}/stream", "/v1/keys"):
            answer = await ground.ask("GET", path, ground.victim["owner"])
            findings.look("control", path, answer.status, answer.told)
        assert len(findings.bad) == 3
        before = await ground.fingerprint()
        await ground.ask(
            "POST", f"/v1/runs/{ground.ids['run_id'][1]}/control", ground.victim["owner"], json={"command": "cancel"}
        )
        assert await ground.fingerprint() != before


async def test_the_attacker_knows_ids_that_lead_somewhere():
    async with prepared() as ground:
        for route in routes_of(ground.platform):
            if route.method != "GET" or not route.names("path") or route.path in NOT_THE_VICTIMS:
                continue
            found = [(await ground.ask("GET", path, ground.victim["owner"])).status for path in filled(route, ground)]
            assert 200 in found, f"nothing is there at {route.path}: {found}"
