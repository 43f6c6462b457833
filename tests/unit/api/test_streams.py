import asyncio
from collections.abc import AsyncGenerator, Callable

from starlette.types import Message

from stretto.api.event_stream import EventStream, OpenStreams
from stretto.api.streams import as_sse
from stretto.errors import DatabaseUnreachable
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT
from stretto.stream import Batch, Cursor, EndEvent
from tests.unit.api.asgi import scope_for


class Source:
    """Events, of which one sees how many were taken and whether the taking was closed."""

    def __init__(self, count: int, *, then: Exception | None = None, rest: bool = False) -> None:
        self.taken = 0
        self.closed = False
        self._count = count
        self._then = then
        self._rest = rest

    async def events(self) -> AsyncGenerator[Batch]:
        try:
            while self.taken < self._count:
                self.taken += 1
                yield Batch([EndEvent(cursor=Cursor(self.taken), seq=self.taken, status="completed")])
            if self._rest:
                await asyncio.Event().wait()
            if self._then:
                raise self._then
        finally:
            self.closed = True


class Client:
    """The other end of the connection; it can leave, and can stop reading."""

    def __init__(self) -> None:
        self.body = b""
        self.ended = False
        self.gone = asyncio.Event()
        self.reads = asyncio.Event()
        self.reads.set()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self.reads.wait()
        self.body += message.get("body", b"")
        self.ended = message["type"] == "http.response.body" and not message.get("more_body", False)

    def follow(self, source: Source, closing: asyncio.Event, heartbeat_s: float = 15.0) -> asyncio.Task[None]:
        streams = OpenStreams(Settings())
        streams.closing = closing
        stream = EventStream(as_sse(source.events()), streams, DEFAULT_TENANT, heartbeat_s)
        return asyncio.create_task(stream(scope_for(), self.receive, self.send))


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("this never came true")


async def test_all_events_go_out_and_the_stream_ends():
    client, source = Client(), Source(3)
    await client.follow(source, asyncio.Event())
    assert client.body.startswith(b"retry: 1000\n\nid: 1\nevent: end\ndata: {")
    assert client.body.count(b"\n\n") == 4
    assert client.ended
    assert source.closed


async def test_when_the_client_leaves_the_events_are_closed():
    client, source = Client(), Source(1, rest=True)
    following = client.follow(source, asyncio.Event())
    await until(lambda: source.taken == 1)
    client.gone.set()
    await following
    assert source.closed


async def test_a_client_that_does_not_read_takes_no_events_and_can_still_leave():
    client, source = Client(), Source(1_000_000)
    following = client.follow(source, asyncio.Event())
    await until(lambda: source.taken >= 3)
    client.reads.clear()
    for _ in range(20):
        await asyncio.sleep(0)
    taken = source.taken
    for _ in range(200):
        await asyncio.sleep(0)
    assert source.taken == taken
    client.gone.set()
    await asyncio.sleep(0)
    client.reads.set()
    await following
    assert source.closed


async def test_a_quiet_stream_shows_that_it_lives():
    client, source = Client(), Source(0, rest=True)
    following = client.follow(source, asyncio.Event(), heartbeat_s=0.005)
    await until(lambda: client.body.count(b": still here\n\n") >= 2)
    client.gone.set()
    await following


async def test_a_server_that_closes_ends_its_streams():
    client, source, closing = Client(), Source(1, rest=True), asyncio.Event()
    following = client.follow(source, closing)
    await until(lambda: source.taken == 1)
    closing.set()
    await following
    assert client.ended
    assert source.closed


async def test_a_stream_whose_events_fail_ends_without_an_end_event():
    client, source = Client(), Source(0, then=DatabaseUnreachable())
    await client.follow(source, asyncio.Event())
    assert client.body == b"retry: 1000\n\n"
    assert client.ended
    assert source.closed


async def test_a_stream_that_is_cancelled_closes_its_events():
    client, source = Client(), Source(1, rest=True)
    following = client.follow(source, asyncio.Event())
    await until(lambda: source.taken == 1)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert following.cancelled()
    assert source.closed
