"""What could answer model calls is looked for and honestly told."""

from __future__ import annotations

import asyncio

from stretto.cli.found import keys_found, ollama_found, who_answers


def test_keys_are_found_by_name_and_never_shown() -> None:
    found = keys_found({"OPENAI_API_KEY": "sk-secret", "GROQ_API_KEY": " ", "ANTHROPIC_API_KEY": "x", "HOME": "/"})
    assert found == ["ANTHROPIC_API_KEY", "OPENAI_API_KEY"]
    assert "sk-secret" not in who_answers(found, ollama=False)


def test_what_is_found_is_said_not_to_be_used_yet() -> None:
    assert who_answers([], False) == "answers: simulated provider (no model keys, no Ollama found)"
    assert who_answers(["OPENAI_API_KEY"], True) == (
        "answers: simulated provider (OPENAI_API_KEY, Ollama found, not used yet: "
        "this version answers with the simulated provider)"
    )


async def answer_with(reply: bytes | None) -> bool:
    """Whether a server that gives this reply (None: never any) counts as Ollama."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if reply is None:
            await reader.read()
        else:
            writer.write(reply)
            await writer.drain()
        writer.close()
        await writer.wait_closed()
        served.set()

    served = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        found = await ollama_found(port=server.sockets[0].getsockname()[1], within_s=0.2)
        await served.wait()
        return found


async def test_ollama_is_who_answers_as_it_does() -> None:
    assert await answer_with(b'HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{"version":"0.5.1"}')
    assert not await answer_with(b"HTTP/1.0 200 OK\r\n\r\n<html>")
    assert not await answer_with(b'HTTP/1.0 200 OK\r\n\r\n{"error":"not found"}')
    assert not await answer_with(b"")
    assert not await answer_with(None)


async def test_where_nobody_listens_there_is_no_ollama() -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    assert not await ollama_found(port=port)
