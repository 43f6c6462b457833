"""The page on connecting names every setting, and the whole way from a sender to a purchase is gone."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from stretto import Platform
from stretto.api import serving
from stretto.apps import add_app
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT, Database
from stretto.testing import ScriptedModel
from stretto_reviews.connectors.configured import ALSO, NEEDED
from stretto_reviews.imports import imports, subscriptions
from stretto_reviews.imports.rows import MAX_TEXT_CHARS, MAX_TITLE_CHARS
from stretto_reviews.qrvey import SETS
from tests.apps.reviews.test_hooks import ORDER, SECRET, SYNUP
from tests.e2e.wire import Client

PAGE = Path(__file__).parents[3] / "apps" / "reviews" / "CONNECTING.md"


def test_the_page_names_every_setting_and_set() -> None:
    text = PAGE.read_text()
    names = [
        f"`reviews-{name}-{field}`" for table in (NEEDED, ALSO) for name, fields in table.items() for field in fields
    ]
    assert [name for name in names if name not in text] == []
    for each in SETS.values():
        assert f"| `{each.name}` | " + ", ".join(f"`{field}`" for field in each.unique) in text
    assert f"up to {MAX_TEXT_CHARS:,} characters" in text
    assert f"up to {MAX_TITLE_CHARS} characters" in text


async def test_from_a_sender_to_purchases_and_imports(settings: Settings, database: Database, tmp_path: Path) -> None:
    await add_app(database, "reviews")
    begun = asyncio.Event()

    async def begin(tenant_id: object, import_id: object) -> None:
        begun.set()

    @asynccontextmanager
    async def extend(platform: Platform) -> AsyncGenerator[None]:
        platform.subscriptions.extend(subscriptions(platform, begin))
        yield

    settings = settings.model_copy(update={"home": tmp_path, "port": 0, "host": "127.0.0.1"})
    async with (
        Platform.open(settings, provider=ScriptedModel({}), extend=extend) as platform,
        serving(platform) as url,
        asyncio.timeout(20),
    ):
        client = Client(url)
        assert (await client.get("/v1/hook-sources")).json["schemes"].count("synup") == 1
        for scheme, payload in (("shopify", ORDER), ("synup", SYNUP)):
            made = await client.post("/v1/hook-sources", {"name": scheme, "scheme": scheme, "secret": SECRET})
            body = json.dumps(payload).encode()
            digest = hmac.digest(SECRET.encode(), body, hashlib.sha256)
            headers = {
                "x-shopify-hmac-sha256": base64.b64encode(digest).decode(),
                "x-shopify-topic": "orders/create",
                "x-synup-signature": digest.hex(),
            }
            for status in (202, 200):
                assert (await client.request("POST", made.json["path"], headers, body)).status == status
        await begun.wait()
        tenant_id = DEFAULT_TENANT
        (there,) = await imports(platform.database, tenant_id)
        assert (there.name, there.rows) == ("synup", 1)
        count = 0
        while not count:
            async with platform.database.tenant(tenant_id) as connection:
                row = await (await connection.execute("SELECT count(*) FROM stretto_reviews.purchases")).fetchone()
            count = row[0] if row else 0
            await asyncio.sleep(0.05)
        assert count == len(ORDER["line_items"])
