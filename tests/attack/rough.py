"""Rough handling of the connection: raw paths, doubled and broken headers, slow clients, floods; others are still served."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from urllib.parse import urlsplit

from tests.attack.findings import Findings
from tests.attack.ground import Ground

RAW: tuple[bytes, ...] = (
    b"GET /../../etc/passwd HTTP/1.1\r\nHost: {host}\r\n\r\n",
    b"GET /assets/../../../etc/passwd HTTP/1.1\r\nHost: {host}\r\n\r\n",
    b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: {host}\r\n\r\n",
    b"GET //evil.example/v1/runs HTTP/1.1\r\nHost: {host}\r\n\r\n",
    b"GET http://evil.example/v1/runs HTTP/1.1\r\nHost: {host}\r\n\r\n",
    b"GET /v1/runs HTTP/1.1\r\n\r\n",
    b"GET /v1/runs HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET /v1/runs HTTP/1.1\r\nHost: {host}\r\nX-Request-ID: a\x01b\r\n\r\n",
    b"GET /v1/runs HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer \xff\xfe\r\n\r\n",
    b"GET /v1/runs HTTP/1.1\r\nHost: {host}\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    b"GET /v1/runs?" + b"a=1&" * 20_000 + b" HTTP/1.1\r\nHost: {host}\r\n\r\n",
    b"POST /v1/runs HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET",
    b"POST /v1/runs HTTP/1.1\r\nHost: {host}\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/runs HTTP/1.1\r\nHost: {host}\r\nContent-Length: 99999999999\r\n\r\n",
    b"POST /v1/runs HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFF\r\n",
    b"NONSENSE\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET /v1/runs HTTP/9.9\r\nHost: {host}\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
)
SLOW_CLIENTS = 150
ASKED = 30


async def raw(ground: Ground, findings: Findings) -> None:
    """Bytes that no client sends; each gets a refusal or a closed connection, never a fault."""
    parts = urlsplit(ground.url)
    for text in RAW:
        told = b""
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        with suppress(ConnectionError, TimeoutError):
            writer.write(text.replace(b"{host}", parts.netloc.encode()))
            await writer.drain()
            async with asyncio.timeout(1):
                told = await reader.read(65_536)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        status = int(told[9:12]) if told[:5] == b"HTTP/" else 0
        findings.look("raw bytes", repr(text[:60]), status, told)
        findings.expect("raw bytes", repr(text[:60]), not 200 <= status < 300 or b"/v1/" not in text[:30], f"{status}")
        findings.expect("raw bytes", repr(text[:60]), b"root:" not in told, "a file of the machine")


async def slow(ground: Ground, findings: Findings) -> None:
    """Many clients that send their request byte by byte: others are served, and the slow ones are cut in the end."""
    parts = urlsplit(ground.url)
    key = ground.attacker["owner"]
    heads = (
        f"POST /v1/runs HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {key}\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n".encode(),
        f"GET /v1/runs HTTP/1.1\r\nHost: {parts.netloc}\r\nX-Slow: ".encode(),
    )

    async def drip(head: bytes) -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            writer.write(head)
            while not reader.at_eof():
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.2)
        except ConnectionError:
            pass
        finally:
            writer.close()

    tasks = [asyncio.create_task(drip(heads[n % 2])) for n in range(SLOW_CLIENTS)]
    try:
        await asyncio.sleep(0.5)
        for _ in range(ASKED):
            began = time.monotonic()
            answer = await ground.ask("GET", "/v1/runs", key)
            findings.look("beside slow clients", "GET /v1/runs", answer.status, answer.told)
            findings.expect("beside slow clients", "GET /v1/runs", answer.status == 200, f"status {answer.status}")
            findings.expect("beside slow clients", "GET /v1/runs", time.monotonic() - began < 5, "waited over 5 s")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
