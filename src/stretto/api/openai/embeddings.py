"""`POST /v1/embeddings`: texts into vectors, as numbers or as base64 of little-endian 32-bit floats."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.types import Send

from stretto.api.openai.answering import client_left, send_json
from stretto.api.openai.gate import Door, caller_of, gateway_of, read_body
from stretto.auth import Principal
from stretto.gateway.served.openai import read_texts, say_vectors


class EmbeddingsDoor(Door):
    """One vector for each text of `input`."""

    async def answer(self, request: Request, principal: Principal, send: Send) -> None:
        """Give them. A client that leaves cancels the call."""
        asked = await read_body(request, read_texts)
        gateway, caller = gateway_of(request), caller_of(request, principal)
        call = asyncio.create_task(
            gateway.embed(asked.texts, model=asked.model, caller=caller, dimensions=asked.dimensions),
            name="door embeddings",
        )
        leaving = asyncio.create_task(client_left(request.receive), name="door client")
        try:
            await asyncio.wait((call, leaving), return_when=asyncio.FIRST_COMPLETED)
            if call.done():
                found = call.result()
                body = say_vectors(asked, found.model or asked.model, found.vectors, found.tokens)
                await send_json(200, body, send, {})
        finally:
            call.cancel()
            leaving.cancel()
            await asyncio.gather(call, leaving, return_exceptions=True)
