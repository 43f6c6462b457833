"""The configuration's file is followed: a sound one counts, a broken one is told once."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from stretto.errors import DatabaseUnreachable
from stretto.gateway.config import GatewayConfig
from stretto.gateway.config_file import load_config
from stretto.gateway.watch_config import ConfigWatch, watch_config
from stretto.settings import Settings

ONE, TWO, BROKEN = (
    f"routes: {{{name}: [{model}]}}\n"
    for name, model in (("one", "openai/gpt-5"), ("two", "openai/gpt-5"), ("x", "nowhere"))
)


class Taken:
    """Keeps what it is told to go by."""

    def __init__(self) -> None:
        self.routes: list[str] = []
        self.refusing = False

    async def reconfigure(self, config: GatewayConfig) -> None:
        if self.refusing:
            raise DatabaseUnreachable("the database is away.")
        self.routes += config.routes


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "own.yaml"


def write(path: Path, text: str) -> None:
    """As editors do it: another file takes the place of the first."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def remove(path: Path) -> None:
    path.unlink()


async def watching(path: Path, taken: Taken) -> ConfigWatch:
    settings = Settings(home=path.parent, config=path)
    return ConfigWatch(settings, (await load_config(settings)).digest, taken.reconfigure)


async def test_what_changes_counts_and_what_does_not_is_let_be(path: Path) -> None:
    write(path, ONE)
    taken = Taken()
    watch = await watching(path, taken)
    assert not await watch.look()
    write(path, ONE)
    assert not await watch.look(), "the same text"
    write(path, TWO)
    assert await watch.look()
    assert not await watch.look()
    write(path, ONE)
    assert await watch.look()
    assert taken.routes == ["two", "one"]


async def test_a_broken_file_is_told_once_and_changes_nothing(path: Path) -> None:
    write(path, ONE)
    taken = Taken()
    watch = await watching(path, taken)
    write(path, BROKEN)
    with capture_logs() as logs:
        for _ in range(3):
            assert not await watch.look()
            write(path, BROKEN)
    (told,) = logs
    assert told["log_level"] == "error"
    assert told["why"] == (
        "own.yaml:1:14: there is no deployment `nowhere`. Declare it under `deployments`, or write `provider/model`."
    )
    remove(path)
    assert not await watch.look()
    assert taken.routes == []
    write(path, ONE)
    assert await watch.look()
    assert taken.routes == ["one"]


async def test_what_could_not_be_taken_over_is_tried_again(path: Path) -> None:
    write(path, ONE)
    taken = Taken()
    watch = await watching(path, taken)
    write(path, TWO)
    taken.refusing = True
    with capture_logs() as logs:
        assert not await watch.look()
        assert not await watch.look()
    assert len(logs) == 1
    taken.refusing = False
    assert await watch.look()
    assert taken.routes == ["two"]


async def test_a_file_that_comes_later_counts(path: Path) -> None:
    taken = Taken()
    watch = ConfigWatch(Settings(home=path.parent), "stand-in", taken.reconfigure)
    assert not await watch.look()
    write(path.parent / "stretto.yaml", TWO)
    assert await watch.look()
    assert taken.routes == ["two"]


async def test_the_watch_goes_on_until_it_is_cancelled(path: Path) -> None:
    write(path, ONE)
    settings = Settings(home=path.parent, config=path)
    taken, done = Taken(), asyncio.Event()

    async def reconfigure(config: GatewayConfig) -> None:
        await taken.reconfigure(config)
        done.set()

    watching = asyncio.create_task(watch_config(settings, await load_config(settings), reconfigure, every_s=0.01))
    write(path, TWO)
    async with asyncio.timeout(10):
        await done.wait()
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    assert taken.routes == ["two"]
