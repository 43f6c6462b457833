"""Webhooks that come in: deliveries sent again, altered, stale, and signed by others. Whoever listens in on the wire has all of
a delivery but the secret."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass

from stretto.auth import Operator
from tests.attack.findings import Findings
from tests.attack.ground import Ground, rest

SCHEMES = {
    "standard-webhooks": "webhook-signature",
    "github": "x-hub-signature-256",
    "shopify": "x-shopify-hmac-sha256",
    "stripe": "stripe-signature",
    "slack": "x-slack-signature",
}
"""Each scheme, and the header of its signature."""
TIMED = {"standard-webhooks": "webhook-timestamp", "slack": "x-slack-request-timestamp"}
UNTIMED = ("github", "shopify")
SECRETS = {"victim": base64.b64encode(b"v" * 32).decode(), "attacker": base64.b64encode(b"a" * 32).decode()}
AT_ONCE = 20


@dataclass(frozen=True)
class Delivery:
    """What goes over the wire."""

    body: bytes
    headers: dict[str, str]


def sign(scheme: str, secret: str, body: bytes, at: float, key: str = "msg_1") -> Delivery:
    """A delivery as its sender makes it."""
    when, raw = str(int(at)), secret.encode()
    match scheme:
        case "standard-webhooks":
            digest = hmac.digest(base64.b64decode(secret), f"{key}.{when}.".encode() + body, hashlib.sha256)
            headers = {"webhook-id": key, "webhook-timestamp": when}
            headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
        case "github":
            digest = hmac.digest(raw, body, hashlib.sha256)
            headers = {
                "x-hub-signature-256": f"sha256={digest.hex()}",
                "x-github-delivery": key,
                "x-github-event": "push",
            }
        case "shopify":
            digest = hmac.digest(raw, body, hashlib.sha256)
            headers = {"x-shopify-hmac-sha256": base64.b64encode(digest).decode(), "x-shopify-webhook-id": key}
        case "stripe":
            digest = hmac.digest(raw, f"{when}.".encode() + body, hashlib.sha256)
            headers = {"stripe-signature": f"t={when},v1={digest.hex()}"}
        case _:
            digest = hmac.digest(raw, f"v0:{when}:".encode() + body, hashlib.sha256)
            headers = {"x-slack-request-timestamp": when, "x-slack-signature": f"v0={digest.hex()}"}
    return Delivery(body, headers)


async def replays(ground: Ground, findings: Findings) -> None:
    """A source of each scheme: one delivery counts, once, and nothing that is made of it."""
    (victim,) = await Operator(ground.platform.database).tenants("victim")
    paths: dict[str, str] = {}
    captured: dict[str, Delivery] = {}
    for scheme in SCHEMES:
        source = ground.platform.hook_sources(victim.id)
        paths[scheme] = f"/v1/hooks/{await source.add(f'from-{scheme}', scheme, SECRETS['victim'])}"
        captured[scheme] = sign(scheme, SECRETS["victim"], body_of(ground, scheme), time.time())
        answer = await send(ground, paths[scheme], captured[scheme])
        findings.expect("replays", f"control {scheme}", answer == 202, f"a true delivery got {answer}")
    gone = ground.platform.hook_sources(victim.id)
    removed = f"/v1/hooks/{await gone.add('from-yesterday', 'github', SECRETS['victim'])}"
    await gone.remove("from-yesterday")
    await rest(ground)
    before = await ground.fingerprint()
    for scheme, path in paths.items():
        genuine = captured[scheme]
        again = await asyncio.gather(*(send(ground, path, genuine) for _ in range(AT_ONCE)))
        findings.expect("replays", f"{scheme} again", again == [200] * AT_ONCE, f"statuses {again}")
        for what, delivery, wanted in (*forged(scheme, genuine), *swapped(scheme, captured), *renamed(scheme, genuine)):
            await expect(ground, findings, f"{scheme} {what}", path, delivery, wanted)
        odd_paths = [path[:-1], f"{path}x", f"{path}/", f"{path}%20", f"/v1/hooks/{path[10:].swapcase()}"]
        for odd in (*odd_paths, "/v1/hooks/" + "x" * 32, removed):
            answer = await ground.ask("POST", odd, body=genuine.body, headers=genuine.headers)
            findings.look("replays", f"{scheme} at {odd}", answer.status, answer.told)
            findings.expect("replays", f"{scheme} at {odd}", answer.status in (401, 404), f"status {answer.status}")
    await rest(ground)
    after = await ground.fingerprint()
    for table, rows in before.items():
        findings.expect("replays", table, after[table] == rows, f"rows changed: {rows} -> {after[table]}")


def body_of(ground: Ground, scheme: str) -> bytes:
    """A body with the ids that senders put there."""
    told = {"id": f"evt_{scheme}", "event_id": f"Ev{scheme}", "type": "order.paid", "note": ground.canary, "sum": 1}
    return json.dumps(told).encode()


def forged(scheme: str, genuine: Delivery) -> list[tuple[str, Delivery, int]]:
    """Altered, stale, unsigned, or signed by somebody else."""
    body, headers, now = genuine.body, genuine.headers, time.time()
    name = SCHEMES[scheme]
    other = body.replace(b'"sum": 1', b'"sum": 9')
    found = [
        ("altered", Delivery(other, headers), 401),
        ("lengthened", Delivery(body + b" ", headers), 401),
        ("cut", Delivery(body[:-1], headers), 401),
        ("emptied", Delivery(b"", headers), 401),
        ("of another's secret", sign(scheme, SECRETS["attacker"], other, now), 401),
        ("of no secret", sign(scheme, "", other, now), 401),
        ("unsigned", Delivery(other, {each: value for each, value in headers.items() if each != name}), 401),
    ]
    signature = headers[name]
    for wrong in (
        "",
        " ",
        signature[:-1],
        signature + "0",
        signature.swapcase(),
        signature[::-1],
        f"{signature}," * 30,
    ):
        found.append((f"with the signature {wrong[:30]!r}", Delivery(other, headers | {name: wrong}), 401))
    if scheme not in UNTIMED:
        for late_s in (-86_400, -301, 330, 86_400):
            stale = sign(scheme, SECRETS["victim"], other, now + late_s, "msg_2")
            found.append((f"{late_s} s off", stale, 401))
    if scheme in TIMED:
        for moved in (str(int(now) + 1), f"0{headers[TIMED[scheme]]}", "", "-1", "1e9"):
            found.append((f"with the time {moved!r}", Delivery(body, headers | {TIMED[scheme]: moved}), 401))
    if scheme == "stripe":
        told, digest = signature.split(",")
        for times in (
            f"t={int(now) + 1},{digest}",
            f"{told},t={int(now) + 1},{digest}",
            f"t=0,{told},{digest}",
            digest,
        ):
            found.append((f"with the times {times[:30]!r}", Delivery(body, {name: times}), 401))
    return found


def swapped(scheme: str, captured: dict[str, Delivery]) -> list[tuple[str, Delivery, int]]:
    """True deliveries of the victim's other sources, which have the same secret."""
    return [(f"of {other}", delivery, 401) for other, delivery in captured.items() if other != scheme]


def renamed(scheme: str, genuine: Delivery) -> list[tuple[str, Delivery, int]]:
    """What is not signed is told anew, so that a repetition might seem a new one."""
    changes = {
        "github": {"x-github-delivery": "msg_9", "x-github-event": "release"},
        "shopify": {"x-shopify-webhook-id": "msg_9", "x-shopify-topic": "orders/paid"},
    }.get(scheme, {"x-github-delivery": "msg_9", "idempotency-key": "msg_9", "x-request-id": "msg_9"})
    found = [("under another name", Delivery(genuine.body, genuine.headers | changes), 200)]
    if scheme == "standard-webhooks":
        found.append(("under another id", Delivery(genuine.body, genuine.headers | {"webhook-id": "msg_9"}), 401))
    return found


async def send(ground: Ground, path: str, delivery: Delivery) -> int:
    """The status that a delivery gets."""
    return (await ground.ask("POST", path, body=delivery.body, headers=delivery.headers)).status


async def expect(ground: Ground, findings: Findings, what: str, path: str, delivery: Delivery, wanted: int) -> None:
    """Send it; any other answer is a finding."""
    answer = await ground.ask("POST", path, body=delivery.body, headers=delivery.headers)
    findings.look("replays", what, answer.status, answer.told)
    findings.expect("replays", what, answer.status == wanted, f"status {answer.status}, not {wanted}")
