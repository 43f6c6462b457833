"""The attack suite, as `make attack` runs it: two tenants, every route, every role, forged tokens, odd words, rough clients."""

from __future__ import annotations

from tests.attack.__main__ import ATTACKS, attack
from tests.attack.findings import Findings
from tests.attack.ground import prepared


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
        "words",
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
