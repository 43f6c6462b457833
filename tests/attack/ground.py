"""Where the attacks take place: a real server, a victim whose data hold a canary, and an attacker with a tenant of his own."""

from __future__ import annotations

import asyncio
import io
import os
import secrets
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from psycopg.sql import SQL, Identifier

from stretto.api import serving
from stretto.apps import add_app, opening
from stretto.auth import ROLES, AuthStore, NewKeyRow, Operator, Role, new_key
from stretto.events import Attempts, Consumer, Event, Group
from stretto.platform import Platform
from stretto.settings import Settings
from stretto.store.ids import new_id
from stretto.testing import ScriptedModel
from stretto.testing.identity import IdentityProvider

Json = dict[str, Any]
KNOWN_FLOW = "flow-of-the-victim"
"""The attacker knows this name (also of a schedule and a source) and all ids; what he must never see is the canary."""
KNOWN_KEY = f"plans/{KNOWN_FLOW}"
GROUP = "readers-of-the-victim"


@dataclass
class Answer:
    """What a server said: `told` is its head and body as bytes."""

    status: int
    told: bytes
    json: Any = None
    headers: dict[str, str] = field(default_factory=dict[str, str])


@dataclass
class Ground:
    """The server, both tenants' keys by role, and the victim's ids by the names of path parameters."""

    url: str
    platform: Platform
    provider: IdentityProvider
    session: aiohttp.ClientSession
    canary: str
    victim: dict[Role, str] = field(default_factory=dict[Role, str])
    attacker: dict[Role, str] = field(default_factory=dict[Role, str])
    ids: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    async def ask(
        self,
        method: str,
        path: str,
        key: str | None = None,
        *,
        json: Any = None,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        most_s: float = 10.0,
    ) -> Answer:
        """One request; what streams is read for a moment only."""
        head = dict(headers or {})
        if key is not None:
            head.setdefault("authorization", f"Bearer {key}")
        if body is not None:
            head.setdefault("content-type", "application/json")
        async with (
            asyncio.timeout(most_s),
            self.session.request(
                method,
                f"{self.url}{path}",
                json=json,
                data=None if body is None else io.BytesIO(body),
                headers=head,
                allow_redirects=False,
            ) as answer,
        ):
            told = str(answer.headers).encode()
            streams = answer.headers.get("content-type", "").startswith("text/event-stream")
            if streams:
                try:
                    async with asyncio.timeout(0.3):
                        async for chunk in answer.content.iter_any():
                            told += chunk
                except TimeoutError:
                    pass
                answer.close()
            else:
                told += await answer.read()
            plain = answer.content_type in ("application/json", "application/problem+json") and method != "HEAD"
            value = await answer.json(content_type=None) if plain else None
            return Answer(answer.status, told, value, {name.lower(): each for name, each in answer.headers.items()})

    async def fingerprint(self) -> dict[str, tuple[int, str]]:
        """How many rows the victim has in each table, and a digest of them. The audit log may grow."""
        found: dict[str, tuple[int, str]] = {}
        async with self.platform.database.operator() as connection:
            names = await connection.execute(
                "SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'"
                " WHERE n.nspname IN ('stretto', 'stretto_reviews') AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
            )
            for schema, name in await names.fetchall():
                if name == "audit":
                    continue
                row = await connection.execute(
                    SQL(
                        "SELECT count(*), coalesce(md5(string_agg(md5((to_jsonb(t) - 'last_used_at' - 'seen_at')::text), '' ORDER BY"
                        " to_jsonb(t)::text)), '') FROM {} t WHERE tenant_id = (SELECT id FROM tenants WHERE name = 'victim')"
                    ).format(Identifier(schema, name))
                )
                count, digest = (await row.fetchall())[0]
                found[f"{schema}.{name}"] = (int(count), str(digest))
        return found


@asynccontextmanager
async def with_reviews(platform: Platform) -> AsyncGenerator[None]:
    """The platform with the application `reviews`."""
    await add_app(platform.database, "reviews")
    async with opening(platform):
        yield


@asynccontextmanager
async def prepared() -> AsyncGenerator[Ground]:
    """A ground with its victim settled in; all of it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="stretto-attack-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - PostgreSQL's account has to pass through
        async with IdentityProvider() as provider:
            provider.add_user("mallory", email="mallory@example.org")
            settings = Settings(
                home=Path(folder),
                port=0,
                auth="required",
                request_limit="none",
                address_limit="none",
                oidc_issuer=provider.issuer,
                oidc_client_id=provider.client_id,
            )
            canary = f"canary{secrets.token_hex(8)}"
            model = ScriptedModel({"writer": [f"{canary} is secret"] * 50})
            async with (
                Platform.open(settings, provider=model, extend=with_reviews) as platform,
                serving(platform) as url,
                aiohttp.ClientSession() as session,
            ):
                ground = Ground(url, platform, provider, session, canary)
                for name, keys in (("victim", ground.victim), ("attacker", ground.attacker)):
                    tenant_id = await Operator(platform.database).add_tenant(name)
                    for role in ROLES:
                        made = new_key()
                        row = NewKeyRow(made.prefix, made.digest, f"{role} {canary if name == 'victim' else ''}", role)
                        await AuthStore(platform.database).add_key(tenant_id, row)
                        keys[role] = made.text
                await settle(ground)
                yield ground


def flow(canary: str) -> Json:
    """A flow that runs to its end, and one part that waits for a person."""
    return {
        "flow": KNOWN_FLOW,
        "input": {"topic": {"type": "string"}},
        "agents": {"writer": {"model": "fast", "prompt": f"Write of {canary} and {{{{ topic }}}}."}},
        "steps": {
            "write": {"agent": "writer", "input": {"topic": "{{ input.topic }}"}},
            "look": {"review": {"show": "{{ write }}", "question": f"Is {canary} good?"}, "after": ["write"]},
        },
        "output": "{{ write }}",
    }


async def settle(ground: Ground) -> None:
    """Let the victim have something of everything."""
    owner, canary = ground.victim["owner"], ground.canary
    done = await ground.ask("POST", "/v1/flows", owner, json=flow(canary))
    assert done.status == 201, done.told
    runs: list[str] = []
    for _ in range(2):
        started = await ground.ask("POST", "/v1/runs", owner, json={"flow": KNOWN_FLOW, "input": {"topic": canary}})
        assert started.status == 201, started.told
        runs.append(str(started.json["id"]))
    for run in runs:
        await until(ground, f"/v1/runs/{run}", "waiting")
    waiting = await ground.ask("GET", "/v1/reviews", owner)
    reviews = {str(each["run_id"]): str(each["id"]) for each in waiting.json["reviews"]}
    door = f"/v1/reviews/{reviews[runs[0]]}/decision"
    decided = await ground.ask("POST", door, owner, json={"verdict": "approve"})
    assert decided.status == 202, decided.told
    await until(ground, f"/v1/runs/{runs[0]}", "completed")
    webhook_id, sent_id = await with_webhooks(ground)
    scheduled = {"flow": KNOWN_FLOW, "cron": "0 0 1 1 *", "input": {"topic": canary}, "paused": True}
    saved = await ground.ask("PUT", f"/v1/schedules/{KNOWN_FLOW}", owner, json=scheduled)
    assert saved.status == 201, saved.told
    document = await ground.ask("PUT", f"/v1/state/{KNOWN_KEY}", owner, json={"value": canary})
    assert document.status == 201, document.told
    source = {"name": KNOWN_FLOW, "scheme": "github", "secret": f"{canary} is secret"}
    hook = await ground.ask("POST", "/v1/hook-sources", owner, json=source)
    assert hook.status == 201, hook.told
    member = await ground.ask("POST", "/v1/members", owner, json={"email": f"{canary}@example.org", "role": "viewer"})
    imports, engine_reviews = await with_engine_reviews(ground)
    await rest(ground)
    letter = await with_dead_letter(ground)
    items = {"items": [{"key": KNOWN_KEY, "text": f"{canary} is remembered."}]}
    kept = await ground.ask("POST", f"/v1/memory/{KNOWN_FLOW}/items", owner, json=items)
    assert kept.status == 200, kept.told
    ground.ids = {
        "run_id": runs,
        "collection": [KNOWN_FLOW],
        "name": [KNOWN_FLOW],
        "step": ["look", "write"],
        "key": [KNOWN_KEY],
        "review_id": [*(reviews[run] for run in runs), *engine_reviews],
        "import_id": imports,
        "prefix": [ground.victim["viewer"].split("_")[1]],
        "member_id": [str(member.json["id"])],
        "model": [f"flow:{KNOWN_FLOW}"],
        "webhook_id": [webhook_id],
        "event_id": [letter, sent_id],
        "group": [GROUP],
        "public_id": [hook.json["path"].rpartition("/")[2]],
    }


async def with_engine_reviews(ground: Ground) -> tuple[list[str], list[str]]:
    """Reviews of both tenants in the review engine: one plain, its copy, spam, and a line that is refused. Gives the ids of the
    victim's imports and of some of its reviews."""
    for owner, word in ((ground.attacker["owner"], "plain"), (ground.victim["owner"], ground.canary)):
        text = f"The {word} kettle boils quickly, is easy to clean and looks very good beside the stove in our kitchen."
        customer = {"email": f"{word}@example.org", "name": word, "opted_into_loyalty": True}
        product = {"external_id": word, "name": f"Kettle {word}"}
        some: list[Json] = [
            {"text": text, "rating": 5, "customer": customer, "product": product, "latitude": 51.5, "longitude": -0.1},
            {"text": f"{text} Yes!", "rating": 5, "source": word},
            {"text": f"BUY {word} NOW!!! http://a.example http://b.example cheap cheap cheap free money $$$"},
        ]
        made = await ground.ask("POST", "/v1/apps/reviews/reviews", owner, json={"reviews": some, "name": word})
        assert made.status == 202, made.told
        lines = b"\n".join([b'{"text": "", "id": "%s"}' % word.encode(), b'{"text": "It is good."}'])
        told = {"content-type": "application/x-ndjson"}
        path = f"/v1/apps/reviews/imports?format=jsonl&name={word}"
        file = await ground.ask("POST", path, owner, body=lines, headers=told)
        assert file.status == 202, file.told
        for each in (made, file):
            await until(ground, f"/v1/runs/{each.json['run_id']}", "completed", owner)
    await thanked(ground)
    listed = await ground.ask("GET", "/v1/apps/reviews/reviews", ground.victim["owner"])
    return [str(made.json["id"]), str(file.json["id"])], [str(each["id"]) for each in listed.json["reviews"]][:2]


async def thanked(ground: Ground) -> None:
    """Wait until the review engine has nothing left to do by itself: points are decided, and letters settled."""
    async with ground.platform.database.operator() as connection, asyncio.timeout(30):
        while True:
            cursor = await connection.execute(
                "SELECT EXISTS (SELECT FROM stretto_reviews.reviews r WHERE r.customer_id IS NOT NULL AND r.status = 'analysed'"
                " AND NOT EXISTS (SELECT FROM stretto_reviews.actions a WHERE a.review_id = r.id))"
                " OR EXISTS (SELECT FROM stretto_reviews.deliveries WHERE state = 'planned')"
            )
            if (await cursor.fetchall())[0] == (False,):
                return
            await asyncio.sleep(0.05)


async def with_webhooks(ground: Ground) -> tuple[str, str]:
    """A webhook that no event goes to, and a delivery as if one had; gives their ids."""
    url = f"https://hooks.example.org/{ground.canary}"
    new = {"url": url, "types": ["stretto.schedule.fired"], "description": ground.canary}
    made = await ground.ask("POST", "/v1/webhooks", ground.victim["owner"], json=new)
    assert made.status == 201, made.told
    sent_id = new_id()
    async with ground.platform.database.operator() as connection:
        await connection.execute(
            "INSERT INTO webhook_deliveries (event_id, webhook_id, tenant_id, type, body, status, attempts, created_at)"
            " SELECT %s, id, tenant_id, 'stretto.schedule.fired', %s, 'succeeded', 1, now() FROM webhooks WHERE id = %s",
            [sent_id, orjson.dumps({"data": ground.canary}).decode(), made.json["id"]],
        )
    return str(made.json["id"]), str(sent_id)


async def with_dead_letter(ground: Ground) -> str:
    """A group of the victim's that could not take an event; gives the event's id. Nobody reads for it any more."""
    (victim,) = await Operator(ground.platform.database).tenants("victim")
    group, platform = Group(GROUP, victim.id), ground.platform

    async def refuse(event: Event) -> None:
        raise ValueError(ground.canary)

    await platform.transport.replay(group, 0)
    consumer = Consumer(
        platform.database, platform.transport, group, refuse, types=["stretto.flow.saved"], attempts=Attempts(most=1)
    )
    task = asyncio.create_task(consumer.run())
    try:
        for _ in range(500):
            if letters := await platform.events(victim.id).dead_letters.list():
                return str(letters[0].event.id)
            await asyncio.sleep(0.02)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    raise AssertionError("no letter is dead")


async def rest(ground: Ground) -> None:
    """Wait until calls are written down and events are in the log, so that what changes later was changed by somebody."""
    await ground.platform.gateway.flush()
    for _ in range(500):
        async with ground.platform.database.operator() as connection:
            rows = await connection.execute("SELECT EXISTS (SELECT FROM outbox)")
            if (await rows.fetchall()) == [(False,)]:
                return
        await asyncio.sleep(0.02)
    raise AssertionError("the outbox never was empty")


async def until(ground: Ground, path: str, status: str, key: str | None = None) -> None:
    """Wait until a run stands so; the victim's, without a key."""
    found: Any = None
    for _ in range(500):
        answer = await ground.ask("GET", path, key or ground.victim["owner"])
        found = answer.json
        if found["status"] == status:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{path} never was {status}: {found}")
