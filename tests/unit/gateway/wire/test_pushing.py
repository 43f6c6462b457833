"""Bytes are pushed as they come, by the short way where aiohttp allows it and by the plain one where not."""

import asyncio
import gc
import weakref
from typing import Any

import aiohttp
import pytest

from stretto.gateway.wire import pushing
from stretto.gateway.wire.pushing import Pushed, push
from tests.unit.gateway.wire.raw_server import Asked, Line, raw_server


def refuse_all(_: object) -> bool:
    return False


@pytest.fixture(params=["short", "plain"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "plain":
        monkeypatch.setattr(pushing, "has_place", refuse_all)
    return request.param


async def gather(url: str, take: Any) -> None:
    async with aiohttp.ClientSession() as session, session.post(url, data=b"{}") as response:
        await push(response, take)
        assert response.content.at_eof()


async def test_all_that_comes_is_given_in_order(way: str):
    sent = [bytes([65 + n % 26]) * (1 + 997 * n % 70_000) for n in range(200)]  # 7 MB: more than any buffer holds
    got: list[bytes] = []

    async def play(line: Line, asked: Asked) -> None:
        line.head()
        for piece in sent:
            line.send(piece)
            await asyncio.sleep(0)
        line.end()

    async with raw_server(play) as server:
        await gather(server.url, got.append)
    assert b"".join(got) == b"".join(sent)
    assert all(got)


async def test_an_empty_body(way: str):
    async def play(line: Line, asked: Asked) -> None:
        line.head()
        line.end()

    async with raw_server(play) as server:
        await gather(server.url, pytest.fail)


async def test_what_the_taker_raises_comes_out(way: str):
    async def play(line: Line, asked: Asked) -> None:
        line.head()
        line.send(b"x")

    def refuse(_: bytes) -> None:
        raise LookupError("no")

    async with raw_server(play) as server:
        with pytest.raises(LookupError, match="no"):
            await gather(server.url, refuse)


async def refused(url: str) -> weakref.ref[object]:
    """Read with a taker that refuses; the reference is to it."""

    def refuse(_: bytes) -> None:
        raise LookupError("no")

    try:
        await gather(url, refuse)
    except LookupError:
        return weakref.ref(refuse)
    raise AssertionError("it was taken")


async def test_a_reading_that_failed_is_let_go_without_the_collector(way: str):
    async def play(line: Line, asked: Asked) -> None:
        line.head()
        line.send(b"x")

    async with raw_server(play) as server:
        gc.disable()
        try:
            assert (await refused(server.url))() is None
        finally:
            gc.enable()


async def test_a_line_that_breaks(way: str):
    got: list[bytes] = []

    async def play(line: Line, asked: Asked) -> None:
        line.head()
        line.send(b"one")
        await asyncio.sleep(0.01)
        line.cut()

    async with raw_server(play) as server:
        with pytest.raises(aiohttp.ClientPayloadError):
            await gather(server.url, got.append)
    assert got == [b"one"]


async def test_a_body_that_is_no_http():
    got: list[bytes] = []

    async def play(line: Line, asked: Asked) -> None:
        line.head()
        line.send(b"one")
        await asyncio.sleep(0.01)
        line.transport.write(b"this is no chunk\r\n")

    async with raw_server(play) as server:
        with pytest.raises(aiohttp.ClientPayloadError):
            await asyncio.wait_for(gather(server.url, got.append), 5)
    assert got == [b"one"]


async def test_cancelled_it_takes_no_more(way: str):
    got: list[bytes] = []
    some = asyncio.Event()

    def take(piece: bytes) -> None:
        got.append(piece)
        some.set()

    async def play(line: Line, asked: Asked) -> None:
        line.head()
        while True:
            line.send(b"x")
            await asyncio.sleep(0)

    async with raw_server(play) as server:
        reading = asyncio.create_task(gather(server.url, take))
        await some.wait()
        reading.cancel()
        await asyncio.wait([reading])
        assert reading.cancelled()
        count = len(got)
        await asyncio.sleep(0.05)
        assert len(got) == count


async def test_this_aiohttp_allows_the_short_way(monkeypatch: pytest.MonkeyPatch):
    used: list[bool] = []
    wait = Pushed.wait

    async def noted(self: Pushed) -> None:
        used.append(True)
        await wait(self)

    monkeypatch.setattr(Pushed, "wait", noted)

    async def play(line: Line, asked: Asked) -> None:
        line.answer(200, b"x")

    async with raw_server(play) as server:
        await gather(server.url, [].append)
    assert used == [True]
