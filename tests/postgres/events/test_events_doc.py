"""The program in docs/events.md works as it stands."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from stretto.events import Relay
from stretto.events.postgres import PostgresTransport
from stretto.events.store import EventStore
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT, Database

DOC = Path(__file__).parents[3] / "docs" / "events.md"


async def test_the_consumer_of_the_page(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", DOC.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(program.replace("asyncio.run(main())", ""), DOC, "exec", dont_inherit=True), names)
    monkeypatch.setenv("STRETTO_DATABASE_URL", settings.database_url or "")
    task = asyncio.create_task(names["main"]())
    transport = PostgresTransport(database)
    printed = ""
    async with asyncio.timeout(30):
        while not await transport.standings(DEFAULT_TENANT):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        data = {"run_id": str(DEFAULT_TENANT), "flow": "f", "cost_usd": "0.25"}
        await EventStore(database).put(
            DEFAULT_TENANT,
            [
                {"type": type_, "subject": "runs/1", "data": data}
                for type_ in ("stretto.run.failed", "stretto.run.completed")
            ],
        )
        await Relay(database).turn()
        while not printed:
            await asyncio.sleep(0.02)
            printed = capsys.readouterr().out
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert printed == "stretto.run.completed 0.25\n"
