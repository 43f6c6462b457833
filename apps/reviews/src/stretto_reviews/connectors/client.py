"""Requests to other systems: bounded in time and size, to allowed places only, and with errors that say whether to try again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from stretto.errors import Invalid, ToolRefused, ToolUnavailable
from stretto.events.webhooks import Places, seconds_of
from stretto.gateway.keys import Key

if TYPE_CHECKING:
    import aiohttp

MAX_ANSWER_BYTES = 1024 * 1024
MAX_TOLD_CHARS = 200
MOST_RETRY_AFTER_S = 3_600.0
_AGAIN = frozenset({408, 409, 423, 425, 429})
"""Besides 5xx. 409 and 423: somebody else has it in hand just now (Yotpo answers 423 while a customer is locked)."""
_RESETS = ("retry-after", "ratelimit-reset")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\U0010ffff]+")


class Client:
    """What a connector sends its requests through. `title` names the system in errors."""

    def __init__(self, session: aiohttp.ClientSession, places: Places, title: str, secrets: Mapping[str, Key]) -> None:
        self._session = session
        self._places = places
        self._title = title
        self._secrets = secrets

    def __repr__(self) -> str:
        return f"Client({self._title})"

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        absent: bool = False,
    ) -> Any:
        """The answer's JSON, None where there is none; with `absent` also for a 404. Raises `ToolUnavailable` or `ToolRefused`."""
        import aiohttp  # noqa: PLC0415 - loaded with the first request

        try:
            self._places.check_url(url)
        except Invalid as error:
            raise ToolRefused(f"{self._title} cannot be reached: {error.message}") from None
        sent = {
            "user-agent": "Stretto-Reviews/1",
            "accept": "application/json",
            "content-type": content_type,
            **headers,
        }
        try:
            async with self._session.request(
                method,
                url,
                params=params,
                data=None if body is None else orjson.dumps(body),
                headers=sent,
                allow_redirects=False,
            ) as answer:
                content = await self._read(answer)
                status, came = answer.status, answer.headers
                answer.close()
        except TimeoutError:
            raise ToolUnavailable(f"{self._title} has not answered in time.") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ToolUnavailable(
                f"{self._title} cannot be reached: {self._clean(str(error) or type(error).__name__)}"
            ) from None
        except ValueError:  # a header that cannot be sent
            raise ToolRefused(f"{self._title} cannot be asked: a setting holds what no request can.") from None
        if 200 <= status < 300:
            return self._json(content)
        if absent and status == 404:
            return None
        raise self._error(status, came, content)

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        found = bytearray()
        while chunk := await answer.content.read(64 * 1024):
            found += chunk
            if len(found) > MAX_ANSWER_BYTES:
                raise ToolUnavailable(f"{self._title} answers with more than {MAX_ANSWER_BYTES // 1024**2} MiB.")
        return bytes(found)

    def _json(self, content: bytes) -> Any:
        if not content.strip():
            return None
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError:
            raise ToolUnavailable(f"{self._title} answers with what is no JSON.") from None

    def _error(self, status: int, headers: Mapping[str, str], content: bytes) -> ToolUnavailable | ToolRefused:
        told = self._clean(content[:4_000].decode("utf-8", "replace"))
        told = f" It says: {told}" if told else ""
        if status >= 500 or status in _AGAIN:
            error = ToolUnavailable(f"{self._title} answers {status}.{told}")
            waits = max((seconds_of(headers.get(name)) for name in _RESETS), default=0.0)
            error.retry_after_s = min(waits, MOST_RETRY_AFTER_S) or None
            return error
        if status in (401, 403):
            names = " and ".join(sorted(self._secrets)) or "its settings"
            return ToolRefused(f"{self._title} does not accept the key ({status}). Set {names} anew.{told}")
        if 300 <= status < 400:
            return ToolRefused(f"{self._title} answers {status}: it is elsewhere. Correct its address in the settings.")
        return ToolRefused(f"{self._title} refuses ({status}).{told}")

    def _clean(self, text: str) -> str:
        """What the system says, cut short, in one line, and without our secrets, which some repeat."""
        for key in self._secrets.values():
            text = text.replace(key.reveal(), "•••")
        text = " ".join(_UNPRINTABLE.sub(" ", text).split())
        return text if len(text) <= MAX_TOLD_CHARS else text[: MAX_TOLD_CHARS - 1] + "…"


def field(body: Mapping[str, Any], name: str, title: str) -> str:
    """A text of a delivery that has to be there. Raises `ToolRefused`."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ToolRefused(f"{title} cannot be told: the delivery has no {name}.")
    return value
