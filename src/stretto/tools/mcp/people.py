"""Lets servers of tools ask a person in the middle of a call: as a review of the run whose call it is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, cast

import jsonschema_rs
import orjson

from stretto.engine.step import Question
from stretto.tools.mcp.asks import Asker, PersonAsked, PersonSaid
from stretto.tools.mcp.offered import refuse

CONTENT_TYPE = "question of a tool"
MOST_FORM = 16_384
"""Most bytes of JSON that a form may have."""


async def ask_in_inbox(asker: Asker, asked: PersonAsked) -> PersonSaid:
    """Put the question into the run's inbox, and wait for whoever decides there.

    Approved is `accept`, rejected `decline`; when nobody decides in time it is `cancel`. The attempt stays at work meanwhile.
    The same question of the same call is asked once, whatever becomes of the process.
    """
    if why := unfit(asked):
        return PersonSaid("decline", why=why)
    form: Mapping[str, Any]
    if asked.schema is None:
        shown, form = asked.url, {"type": "string", "const": asked.url}
    else:
        shown, form = defaults_of(asked.schema), asked.schema
    told = (
        f"The server {asker.server!r} asks this in the middle of a call of {asker.tool!r}, and gets what you approve."
    )
    if asked.url:
        told += " It wants you to open the address; approve once you have."
    answer = await asker.ctx.ask(
        Question(
            key=key_of(asker, asked),
            text=asked.message,
            show=shown,
            review={
                "form": dict(form),
                "content_type": CONTENT_TYPE,
                "because": {"reasons": [told], "server": asker.server, "tool": asker.tool},
                "rules": {"deadline_s": asked.within_s, "on_deadline": "reject"},
            },
        )
    )
    if answer.verdict == "approve":
        return PersonSaid("accept", cast("dict[str, Any]", answer.value) if asked.schema is not None else None)
    if answer.how == "deadline":
        return PersonSaid("cancel", why="Nobody answered in time.")
    said = f": {answer.comments}" if answer.comments else "."
    return PersonSaid("decline", why=f"{answer.by} declined{said}")


def key_of(asker: Asker, asked: PersonAsked) -> str:
    """What tells this question from others of the step, and is the same when the call is made again."""
    words = orjson.dumps([asked.message, asked.schema, asked.url], option=orjson.OPT_SORT_KEYS)
    return f"{asker.key}?{hashlib.sha256(words).hexdigest()[:16]}.{asked.before}"


def unfit(asked: PersonAsked) -> str:
    """Why nobody can be asked this; empty when somebody can."""
    if asked.schema is None:
        sound = asked.url.startswith(("https://", "http://")) and asked.url.isprintable() and len(asked.url) <= 2_000
        return "" if sound else "The address is none that a person can open."
    if len(orjson.dumps(asked.schema)) > MOST_FORM:
        return f"The form has more than {MOST_FORM >> 10} KiB."
    if not isinstance(asked.schema.get("properties", {}), dict):
        return "The form's `properties` is no object."
    try:
        jsonschema_rs.validator_for(dict(asked.schema), retriever=refuse)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        return f"The form cannot be used: {str(error).partition(chr(10))[0][:300]}."
    return ""


def defaults_of(form: Mapping[str, Any]) -> dict[str, Any]:
    """What a form says of fields that are left out."""
    fields: Mapping[str, Any] = form.get("properties", {})
    return {name: field["default"] for name, field in fields.items() if isinstance(field, dict) and "default" in field}
