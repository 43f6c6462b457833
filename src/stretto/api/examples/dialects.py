"""Examples of the dialects of OpenAI's and Anthropic's clients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stretto.api.examples import story
from stretto.api.examples.several import Several

_HELLO = [{"role": "user", "content": "Say hello."}]
_NEWS = [{"role": "user", "content": "The ferry goes again."}]
_MODEL = {"id": "fast", "object": "model", "created": 1735689600, "owned_by": "stretto-route"}


def _openai_error(kind: str, message: str, code: str | None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


_NO_MODEL = _openai_error(
    "invalid_request_error",
    "There is no model 'fats'. `GET /v1/models` lists what there is.",
    "model_not_found",
)

EXAMPLES: Mapping[str, Any] = {
    "create_chat_completion body": Several(
        of_a_model=("A route answers.", {"model": "fast", "messages": _HELLO}),
        of_a_flow=("A run of a flow answers.", {"model": "flow:headline", "messages": _NEWS, "stream": True}),
    ),
    "create_chat_completion 200": {
        "object": "chat.completion",
        "id": "chatcmpl-01a1fda3f6957307948d546bb4af0763",
        "created": 1795256743,
        "model": "claude-haiku-5-5",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello!", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    },
    "create_chat_completion default": _NO_MODEL,
    "create_message body": Several(
        of_a_model=("A route answers.", {"model": "fast", "max_tokens": 500, "messages": _HELLO}),
        of_a_flow=(
            "A run of a flow answers.",
            {"model": "flow:headline", "max_tokens": 500, "messages": _NEWS, "stream": True},
        ),
    ),
    "create_message 200": {
        "id": "msg_01a1fda4044372689bded4ce14c3ff34",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-5-5",
        "content": [{"type": "text", "text": "Hello!"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 10,
            "cache_read_input_tokens": 0,
            "cache_creation_input_tokens": 0,
            "output_tokens": 5,
        },
    },
    "create_message default": {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "`messages`: This is required, and is missing."},
    },
    "create_embeddings body": {"model": "embeddings", "input": ["The sea rises.", "The sea falls."]},
    "create_embeddings 200": {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.0213, -0.0457, 0.0119]},
            {"object": "embedding", "index": 1, "embedding": [0.0198, -0.0502, -0.0034]},
        ],
        "model": "all-MiniLM-L6-v2",
        "usage": {"prompt_tokens": 12, "total_tokens": 12},
    },
    "create_embeddings default": _openai_error(
        "invalid_request_error",
        "all-MiniLM-L6-v2 gives vectors of 384 numbers, not of 3. Leave `dimensions` out.",
        None,
    ),
    "list_models 200": {
        "object": "list",
        "data": [
            _MODEL,
            _MODEL | {"id": "anthropic/claude-opus-5-5", "owned_by": "stretto-deployment"},
            _MODEL | {"id": f"flow:{story.FLOW}", "owned_by": "stretto-flow"},
        ],
    },
    "list_models default": _openai_error(
        "authentication_error",
        "This key is not known here, or it was revoked. `stretto key list` shows all keys, `stretto key add` makes one.",
        "invalid_api_key",
    ),
    "get_model 200": _MODEL,
    "get_model default": _NO_MODEL,
}
"""By operation and place."""
