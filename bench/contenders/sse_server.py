"""A tiny server that streams chat completions as OpenAI does, in a process of its own: for the references' clients.

Usage: python -m bench.contenders.sse_server TOKENS TOKENS_PER_S   (0 tokens/s: as fast as the client reads)
Prints its port as the first line. It stops with whoever started it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import uvloop

WORDS = [
    "The",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "the",
    "lazy",
    "dog,",
    "and",
    "the",
    "dog,",
    "being",
    "lazy,",
    "lets",
    "it",
    "pass.",
]
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
PACE_S = 0.01


def event(content: str | None) -> bytes:
    """One server-sent event of a completion; None is the last one."""
    delta = {"role": "assistant", "content": content} if content else {}
    chunk = {
        "id": "chatcmpl-8f2c1a9b3d4e5f60718293a4b5c6d7",
        "object": "chat.completion.chunk",
        "created": 1790000000,
        "model": "bench-1",
        "system_fingerprint": "fp_44709d6fcb",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None if content else "stop"}],
    }
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def framed(body: bytes) -> bytes:
    """As an HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(body), body)


EVENTS = [event(f" {word}") for word in WORDS]
FRAMES = [framed(each) for each in EVENTS]
DONE = b"data: [DONE]\n\n"
END = framed(event(None) + DONE) + framed(b"")


def counts(tokens: int) -> dict[str, int]:
    """What an answer of so many tokens used."""
    return {"prompt_tokens": 12, "completion_tokens": tokens, "total_tokens": tokens + 12}


def end_with_usage(tokens: int) -> bytes:
    """The end of a stream whose client asked what it used."""
    chunk = {"id": "chatcmpl-8f2c", "object": "chat.completion.chunk", "created": 1790000000, "model": "bench-1"}
    told = json.dumps({**chunk, "choices": [], "usage": counts(tokens)}).encode()
    return framed(event(None) + b"data: " + told + b"\n\n" + DONE) + framed(b"")


def whole(tokens: int) -> bytes:
    """An answer in one piece."""
    text = "".join(f" {WORDS[n % len(WORDS)]}" for n in range(tokens))
    message = {"role": "assistant", "content": text, "refusal": None}
    body = json.dumps(
        {
            "id": "chatcmpl-8f2c1a9b3d4e5f60718293a4b5c6d7",
            "object": "chat.completion",
            "created": 1790000000,
            "model": "bench-1",
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
            "usage": counts(tokens),
        }
    ).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


class Server:
    """Answers every request with the same number of tokens; a paced answer shares one timer with all others."""

    def __init__(self, tokens: int, tokens_per_s: float) -> None:
        self.tokens = tokens
        self.tokens_per_s = tokens_per_s
        self.whole, self.end = whole(tokens), end_with_usage(tokens)
        self.open: dict[asyncio.StreamWriter, tuple[float, int]] = {}

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read requests and stream the answers, as long as the connection lasts."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:] if b": " in line)
                body = json.loads(await reader.readexactly(int(fields.get(b"content-length", b"0"))) or b"{}")
                if not body.get("stream"):
                    writer.write(self.whole)
                    continue
                writer.write(HEAD)
                if self.tokens_per_s:
                    self.open[writer] = (asyncio.get_running_loop().time(), 0)
                    continue
                for start in range(0, self.tokens, 8):  # a read finds several events
                    count = min(8, self.tokens - start)
                    writer.write(framed(b"".join(EVENTS[(start + n) % len(EVENTS)] for n in range(count))))
                    if start % 64 == 0:
                        await writer.drain()
                writer.write(self.end if body.get("stream_options") else END)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.open.pop(writer, None)
            writer.close()

    async def pace(self) -> None:
        """Give each open answer the tokens that are due."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(PACE_S)
            now = loop.time()
            for writer, (began, sent) in list(self.open.items()):
                if writer.is_closing():  # the client has just left
                    del self.open[writer]
                    continue
                due = min(self.tokens, int((now - began) * self.tokens_per_s))
                for n in range(sent, due):
                    writer.write(FRAMES[n % len(FRAMES)])
                self.open[writer] = (began, due)
                if due == self.tokens:
                    writer.write(END)
                    del self.open[writer]


async def main(tokens: int, tokens_per_s: float) -> None:
    """Serve until killed."""
    server = Server(tokens, tokens_per_s)
    listener = await asyncio.start_server(server.answer, "127.0.0.1", 0, backlog=4096)
    print(listener.sockets[0].getsockname()[1], flush=True)
    await server.pace()


@asynccontextmanager
async def serving(tokens: int, tokens_per_s: float) -> AsyncGenerator[str]:
    """The base URL of a server in another process."""
    async with listening(tokens, tokens_per_s) as (url, _):
        yield url


@asynccontextmanager
async def listening(tokens: int, tokens_per_s: float) -> AsyncGenerator[tuple[str, int]]:
    """The base URL of a server in another process, and that process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.contenders.sse_server",
        str(tokens),
        str(tokens_per_s),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        yield f"http://127.0.0.1:{port}/v1", process.pid
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), float(sys.argv[2])))
