"""`Idempotency-Key`: a request that creates something, sent twice, creates it once."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Request

from stretto.api.body import ONCE, JsonRequest
from stretto.store.idempotency import MAX_KEY_CHARS, Once, once


async def _once(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=MAX_KEY_CHARS,
            pattern="^[!-~]+$",
            description="Any text of your own, such as a UUID. The same request under the same key is carried out once: "
            "when it comes again, the answer shows what the first one made as it is now, and has the header "
            "`Idempotency-Replayed: true`. Another request under the key gets a 409. Keys are kept as long as runs.",
        ),
    ] = None,
) -> Once | None:
    body = await request.json() if isinstance(request, JsonRequest) else None
    asked = once(idempotency_key, request.method, request.url.path, body)
    request.scope[ONCE] = asked
    return asked


OnceDoor = Annotated[Once | None, Depends(_once)]
"""The request, if it has an `Idempotency-Key`: for `stretto.store.idempotency.claim` in the transaction that creates.
A `JsonRoute` says in the answer that it came before."""
