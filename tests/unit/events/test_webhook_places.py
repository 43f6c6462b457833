"""Where webhooks may go."""

from __future__ import annotations

import asyncio
import socket
import threading
from ipaddress import ip_address

import aiohttp
import pytest

from stretto.errors import Invalid
from stretto.events.webhooks.places import Places
from stretto.events.webhooks.resolver import CheckedResolver
from stretto.events.webhooks.sender import open_session

PUBLIC, LOCAL, PRIVATE = Places(), Places(local=True), Places(private=True)
NEVER = [
    *("0.0.0.0", "0.1.2.3", "100.64.0.1", "169.254.169.254", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.0.8"),
    *("::", "fe80::1", "ff02::1", "fd00:ec2::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"),
]
INNER = ["10.0.0.1", "172.16.0.1", "192.168.1.1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::"]
HERE = ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "::127.0.0.1"]


@pytest.mark.parametrize("address", NEVER)
def test_some_addresses_are_never_reached(address: str) -> None:
    assert not any(places.allows(ip_address(address)) for places in (PUBLIC, LOCAL, PRIVATE))


@pytest.mark.parametrize("address", INNER)
def test_private_networks_only_where_they_are_allowed(address: str) -> None:
    assert [places.allows(ip_address(address)) for places in (PUBLIC, LOCAL, PRIVATE)] == [False, False, True]


@pytest.mark.parametrize("address", HERE)
def test_this_machine_only_where_it_is_allowed(address: str) -> None:
    assert [places.allows(ip_address(address)) for places in (PUBLIC, LOCAL, PRIVATE)] == [False, True, True]


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8"])
def test_public_addresses_are_reached(address: str) -> None:
    assert all(places.allows(ip_address(address)) for places in (PUBLIC, LOCAL, PRIVATE))


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.org", "//example.org", "https://", "https:///x", "ftp://example.org", "file:///etc/passwd"),
        *("http://example.org", "https://me:secret@example.org", "https://@example.org", "https://a@127.0.0.1"),
        *("https://127.0.0.1", "https://[::1]/", "https://localhost", "https://10.1.2.3", "https://[::ffff:7f00:1]"),
        *(
            "https://example.org:22",
            "https://example.org:99999",
            "https://example.org:-1",
            "https://[::1",
            "https://a b",
        ),
        *(
            "https://example.org\r\nx: y",
            "https://example.org/#x",
            "https://example.org\\@127.0.0.1",
            "https://exämple.org",
        ),
        *(
            "https://127.1",
            "https://2130706433",
            "https://0x7f000001",
            "https://127.0.0.1.",
            "https://a.0x7f",
            "https://1.2.3",
        ),
        *("https://[::1%25lo]/", "https://127.0.0.1:8443", "https://0177.0.0.1"),
        "https://example.org/" + "a" * 2_000,
    ],
)
def test_a_url_that_nothing_may_be_sent_to_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        PUBLIC.check_url(url)


@pytest.mark.parametrize("url", ["https://example.org", "https://example.org:443/a?b=c", "https://8.8.8.8:8443/"])
def test_a_public_url_is_taken(url: str) -> None:
    PUBLIC.check_url(url)


def test_http_leads_to_this_machine_only_and_only_for_trying_out() -> None:
    LOCAL.check_url("http://127.0.0.1:9000/x")
    LOCAL.check_url("http://localhost:9000/x")
    for places, url in ((PUBLIC, "http://127.0.0.1:9000"), (LOCAL, "http://example.org"), (PRIVATE, "http://10.0.0.1")):
        with pytest.raises(Invalid):
            places.check_url(url)


@pytest.mark.parametrize("name", ["localhost", "127.1", "2130706433", "0x7f000001"])
async def test_a_name_that_leads_inside_is_not_resolved(name: str) -> None:
    with pytest.raises(OSError, match="may not go to"):
        await CheckedResolver(PUBLIC).resolve(name, 443)
    assert {each["host"] for each in await CheckedResolver(LOCAL).resolve(name, 443)} <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.1"])
async def test_a_connection_to_this_machine_is_not_made_even_past_the_check_of_the_url(host: str) -> None:
    came: list[object] = []
    listener = await asyncio.start_server(lambda reader, writer: came.append(writer.close()), "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with listener, open_session(PUBLIC, 5) as session:
        with pytest.raises((aiohttp.ClientError, OSError)):
            await session.post(f"http://{host}:{port}/")
    assert came == []


async def test_where_it_is_allowed_the_same_connection_is_made() -> None:
    came: list[object] = []
    listener = await asyncio.start_server(lambda reader, writer: came.append(writer.close()), "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with listener, open_session(LOCAL, 5) as session:
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await session.post(f"http://localhost:{port}/")
    assert len(came) == 1


async def test_names_that_nobody_answers_hold_up_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def silent(*_: object, **__: object) -> list[object]:
        answered.wait(30)
        raise socket.gaierror("no answer")

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    waiting = [asyncio.create_task(CheckedResolver(PUBLIC).resolve(f"{n}.example.org", 443)) for n in range(40)]
    try:
        await asyncio.sleep(0.05)
        assert await asyncio.wait_for(asyncio.to_thread(str.upper, "compiled"), 20) == "COMPILED"
        assert not any(task.done() for task in waiting)
    finally:
        answered.set()
        results = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(each) for each in results} == {socket.gaierror}
