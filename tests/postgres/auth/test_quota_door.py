"""The door with request limits: real keys, real counters, and the fields on every answer."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from stretto.api import quotas
from stretto.api.authentication import Authentication
from stretto.api.denials import Denials
from stretto.api.errors import map_errors
from stretto.api.quota import AddressLimit, Quota
from stretto.auth import AuthStore, NewKeyRow, new_key
from stretto.auth.quotas import Addresses, QuotaStore, limiter
from stretto.platform import Platform
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT
from tests.unit.api.asgi import Answer, call


@pytest.fixture
async def platform(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Platform]:
    monkeypatch.setattr(limiter, "KNOWN_FOR_S", 0.0)
    wanted = settings.model_copy(update={"auth": "required", "request_limit": "4/hour", "key_request_limit": "3/hour"})
    async with Platform.open(wanted, worker=False) as platform:
        yield platform


@pytest.fixture
def app(platform: Platform) -> FastAPI:
    app = FastAPI()
    app.state.platform = platform
    app.include_router(quotas.router)
    map_errors(app)
    app.add_middleware(Quota, limiter=platform.requests)
    app.add_middleware(Authentication, platform=platform, denials=Denials(platform.database))
    app.add_middleware(AddressLimit, addresses=Addresses("2/hour"))
    return app


async def new_holder(platform: Platform) -> tuple[str, str]:
    """A new key and its prefix."""
    key = new_key()
    await AuthStore(platform.database).add_key(DEFAULT_TENANT, NewKeyRow(key.prefix, key.digest))
    return key.text, key.prefix


async def ask(app: FastAPI, key: str, path: str = "/v1/quotas") -> Answer:
    return await call(app, path=path, headers={"host": "localhost", "authorization": f"Bearer {key}"})


async def test_every_answer_tells_how_the_limits_stand(app: FastAPI, platform: Platform) -> None:
    key, _ = await new_holder(platform)
    first = await ask(app, key)
    assert first.status == 200
    assert first.headers["ratelimit-policy"] == '"tenant-3600";q=4;w=3600, "key-3600";q=3;w=3600'
    assert first.headers["ratelimit"].startswith('"tenant-3600";r=3;t=36')
    names = [(each["name"], each["of"], each["most"], each["left"]) for each in first.json["requests"]]
    assert names == [("tenant-3600", "tenant", 4, 3), ("key-3600", "key", 3, 2)]
    assert first.json["runs"] == []
    missing = await ask(app, key, "/v1/nothing")
    assert (missing.status, "ratelimit" in missing.headers) == (404, True)
    assert (await ask(app, key)).status == 200
    refused = await ask(app, key)
    assert refused.status == 429
    assert refused.json["detail"].startswith("At most 3 requests in 3600 s by this key")
    assert 3500 < int(refused.headers["retry-after"]) <= 3661
    assert '"key-3600";r=0' in refused.headers["ratelimit"]
    assert "x-request-id" in refused.headers
    other, _ = await new_holder(platform)
    assert [(await ask(app, other)).status for _ in range(3)] == [200, 429, 429], "what the tenant had left"
    spoken = await ask(app, other, "/v1/chat/completions")
    assert (spoken.status, spoken.json["error"]["code"]) == (429, "rate_limit_exceeded")


async def test_quotas_of_runs_are_shown_with_what_is_used(app: FastAPI, platform: Platform) -> None:
    store = QuotaStore(platform.database)
    await store.set(DEFAULT_TENANT, "runs_per_day", "7")
    await store.set(DEFAULT_TENANT, "requests", "none")
    key, prefix = await new_holder(platform)
    await store.set(DEFAULT_TENANT, "key_requests", "none", prefix)
    answer = await ask(app, key)
    assert answer.json == {"requests": [], "runs": [{"kind": "runs_per_day", "most": 7, "used": 0}]}
    assert "ratelimit" not in answer.headers


async def test_keys_cannot_be_tried_at_full_speed(app: FastAPI, platform: Platform) -> None:
    key, _ = await new_holder(platform)
    assert (await ask(app, key)).status == 200
    assert [(await ask(app, new_key().text)).status for _ in range(4)] == [401, 401, 429, 429]
    assert (await ask(app, key)).status == 200, "whose key counted goes on"


async def test_a_revoked_key_counts_as_a_failed_attempt_and_in_no_limit(app: FastAPI, platform: Platform) -> None:
    key, prefix = await new_holder(platform)
    await AuthStore(platform.database).revoke_key_of(DEFAULT_TENANT, prefix)
    assert [(await ask(app, key)).status for _ in range(3)] == [401, 401, 429]
    fresh, _ = await new_holder(platform)
    answer = await call(app, path="/v1/quotas", headers={"host": "x", "x-api-key": fresh}, client="10.1.1.1")
    assert answer.headers["ratelimit"].startswith('"tenant-3600";r=3')
