"""What on this machine could answer model calls: provider keys in the environment, and Ollama."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from contextlib import suppress

KEYS = (
    "ANTHROPIC_API_KEY",
    "AZURE_OPENAI_API_KEY",
    "COHERE_API_KEY",
    "DEEPSEEK_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "GROQ_API_KEY",
    "MISTRAL_API_KEY",
    "OPENAI_API_KEY",
    "OPENROUTER_API_KEY",
    "TOGETHER_API_KEY",
    "XAI_API_KEY",
)
OLLAMA = ("127.0.0.1", 11434)
OLLAMA_ANSWERS_S = 0.3


def keys_found(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The names of the provider keys that are set; never their values."""
    return [name for name in KEYS if environment.get(name, "").strip()]


async def ollama_found(host: str = OLLAMA[0], port: int = OLLAMA[1], within_s: float = OLLAMA_ANSWERS_S) -> bool:
    """Whether Ollama answers here, in time."""
    with suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
        async with asyncio.timeout(within_s):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"GET /api/version HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
                await writer.drain()
                _, _, body = (await reader.read(4096)).partition(b"\r\n\r\n")
                found: object = json.loads(body)
                return isinstance(found, dict) and "version" in found
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
    return False


def who_answers(keys: list[str], ollama: bool, *, simulated: bool = True, provider: str = "") -> str:
    """Who answers model calls, and what was found that this version does not use yet."""
    if not simulated:
        return f"answers: {provider}"
    found = [*keys, *(["Ollama"] if ollama else [])]
    if not found:
        return "answers: simulated provider (no model keys, no Ollama found)"
    return (
        f"answers: simulated provider ({', '.join(found)} found, not used yet: "
        "this version answers with the simulated provider)"
    )
