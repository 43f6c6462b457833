"""The provider `classical`: methods without a model, for the few tasks that they do well (`tasks.py` says which).

Nothing that it gives pretends to come from a model: the model is named after the method, such as `classical/lexicon-sentiment`,
and text begins with a mark.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from stretto.errors import ModelRefused
from stretto.gateway.local.extraction import extract
from stretto.gateway.local.filling import fill
from stretto.gateway.local.phrases import key_phrases, themes_of
from stretto.gateway.local.sentiment import rate
from stretto.gateway.local.tasks import Kind, Task, read_task
from stretto.gateway.provider import Completion, ModelRequest, TokenCounts, TokenSink
from stretto.gateway.tokens import split_tokens

NAME = "classical"
EXTRACTED = "[extracted, no model wrote this]"
FILLED = "[filled in, no model wrote this]"
"""Stand at the start of text, of which nothing else would tell where it comes from."""
LONG = 4_000
"""Characters; more would hold the event loop up for over 3 ms, so a thread reads them."""
NOT_FOUND = "The passages do not answer this."


class Classical:
    """A `ModelProvider` for what classical methods do well; it refuses everything else."""

    name = NAME
    simulated = False

    @staticmethod
    def can_answer(request: ModelRequest) -> str | None:
        """The method that answers this request, such as `lexicon-sentiment` or `lexicon-sentiment+themes`; None: none does."""
        task = read_task(request)
        return None if task is None else "+".join(task.methods)

    async def complete(self, request: ModelRequest, sink: TokenSink) -> Completion:
        """Answer at once. Raises `ModelRefused` when no method answers such a request."""
        task = read_task(request)
        if task is None:
            raise ModelRefused(
                "Classical methods do not answer this request. Mark the task and the text as docs/gateway.md says, "
                "or add a model to the route."
            )
        length = sum(len(message.text) for message in request.messages)
        text = await asyncio.to_thread(_answer, task) if length > LONG else _answer(task)
        tokens = split_tokens(text)
        whole = len(tokens)
        if request.max_tokens is not None:
            tokens = tokens[: request.max_tokens]
        if tokens:
            sink.write(tokens)
        return Completion(
            model=_model(task),
            provider=NAME,
            stop_reason="end" if len(tokens) == whole else "length",
            tokens=TokenCounts(
                input=sum(len(message.text) // 4 + 1 for message in request.messages), output=len(tokens)
            ),
        )

    async def close(self) -> None:
        """Nothing is held."""


def _answer(task: Task) -> str:
    return msgspec.json.encode(_values(task)).decode() if task.fields else _text(task)


def _values(task: Task) -> dict[str, Any]:
    known = _judgements(task) if task.text else _extracts(task)
    values: dict[str, Any] = {}
    for name, (kind, most) in task.fields.items():
        value = known[kind]
        values[name] = value[:most] if isinstance(value, list) else value
    return values


def _judgements(task: Task) -> dict[Kind, Any]:
    rating = rate(task.text)
    kinds = {kind for kind, _ in task.fields.values()}
    return {
        "score": round(rating.score, 2),
        "whole score": round(rating.score),
        "label": rating.label,
        "themes": themes_of(task.text) if "themes" in kinds else [],
        "phrases": key_phrases(task.text) if "phrases" in kinds else [],
        "method": _model(task),
    }


def _extracts(task: Task) -> dict[Kind, Any]:
    found = extract(task.question, task.passages)
    said = " ".join(sentence for _, sentence in found.sentences) or NOT_FOUND
    names_method = any(kind == "method" for kind, _ in task.fields.values())
    return {
        "answer": said if names_method else f"{EXTRACTED} {said}",
        "citations": found.citations,
        "numbers": [int(id_) for id_ in found.citations if id_.isdecimal()],
        "found": bool(found.sentences),
        "method": _model(task),
    }


def _model(task: Task) -> str:
    return f"{NAME}/{'+'.join(task.methods)}"


def _text(task: Task) -> str:
    match task.methods[0]:
        case "lexicon-sentiment":
            rating = rate(task.text)
            return f"{EXTRACTED} {rating.label}, {rating.score:.1f} of 5"
        case "themes":
            return f"{EXTRACTED} {', '.join(themes_of(task.text)) or 'none'}"
        case "key-phrases":
            return f"{EXTRACTED} {', '.join(key_phrases(task.text)) or 'none'}"
        case "extraction":
            found = extract(task.question, task.passages)
            said = " ".join(f"{sentence} [{id_}]" for id_, sentence in found.sentences)
            return f"{EXTRACTED} {said or NOT_FOUND}"
        case _:
            return f"{FILLED} {fill(task.template, task.data)}"
