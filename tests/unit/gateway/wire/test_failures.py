from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.errors import (
    ContentFiltered,
    ContextTooLong,
    ModelError,
    ModelKeyRefused,
    ModelMissing,
    ModelOverloaded,
    ModelRateLimited,
    ModelRefused,
)
from stretto.gateway.grants import ProviderLimits
from stretto.gateway.wire.failures import MOST_CHARS, clean, failure, read_error


def openai(message: str, type: str | None = "invalid_request_error", code: Any = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": type, "param": None, "code": code}}


def anthropic(type: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": type, "message": message}, "request_id": "req_1"}


# What the vendors' documentation and servers really say.
TABLE: list[tuple[int, Any, type[ModelError]]] = [
    (400, openai("This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.", code="context_length_exceeded"), ContextTooLong),
    (400, openai("Your input exceeds the context window of this model. Please adjust your input and try again."), ContextTooLong),
    (400, anthropic("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"), ContextTooLong),
    (400, anthropic("invalid_request_error", "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000"), ContextTooLong),
    (413, anthropic("request_too_large", "Request exceeds the maximum size"), ContextTooLong),
    (400, [{"error": {"code": 400, "message": "The input token count (2000000) exceeds the maximum number of tokens allowed (1048575).", "status": "INVALID_ARGUMENT"}}], ContextTooLong),
    (400, {"object": "error", "message": "This model's maximum context length is 4096 tokens.", "type": "BadRequestError", "code": 400}, ContextTooLong),
    (400, {"error": {"message": "request (5000 tokens) exceeds the available context size (4096 tokens)", "type": "exceed_context_size_error"}}, ContextTooLong),
    (400, openai("The response was filtered due to the prompt triggering Azure OpenAI's content management policy.", None, "content_filter"), ContentFiltered),
    (400, openai("Your request was rejected as a result of our safety system.", code="content_policy_violation"), ContentFiltered),
    (403, {"error": {"code": 403, "message": "Your chosen model requires moderation and your input was flagged", "metadata": {"reasons": ["violence"]}}}, ContentFiltered),
    (400, anthropic("invalid_request_error", "Output blocked by content filtering policy"), ContentFiltered),
    (401, openai("Incorrect API key provided: sk-abcd********wxyz.", code="invalid_api_key"), ModelKeyRefused),
    (401, anthropic("authentication_error", "invalid x-api-key"), ModelKeyRefused),
    (403, anthropic("permission_error", "Your API key does not have permission"), ModelKeyRefused),
    (400, [{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT"}}], ModelKeyRefused),
    (429, openai("You exceeded your current quota, please check your plan and billing details.", "insufficient_quota", "insufficient_quota"), ModelKeyRefused),
    (402, openai("Insufficient Balance", "unknown_error"), ModelKeyRefused),
    (402, {"error": {"code": 402, "message": "This request requires more credits"}}, ModelKeyRefused),
    (429, openai("Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 29000", "tokens", "rate_limit_exceeded"), ModelRateLimited),
    (429, openai("Request too large for gpt-4o: too many tokens. Limit 30000", "tokens", "rate_limit_exceeded"), ModelRateLimited),
    (429, anthropic("rate_limit_error", "This request would exceed your organization's rate limit"), ModelRateLimited),
    (429, b"slow down", ModelRateLimited),
    (529, anthropic("overloaded_error", "Overloaded"), ModelOverloaded),
    (500, anthropic("api_error", "Internal server error"), ModelOverloaded),
    (500, {"detail": "CUDA out of memory"}, ModelOverloaded),
    (502, b"<html>Bad gateway</html>", ModelOverloaded),
    (503, openai("That model is currently overloaded with other requests.", "server_error"), ModelOverloaded),
    (504, anthropic("timeout_error", "Timed out"), ModelOverloaded),
    (408, b"", ModelOverloaded),
    (404, {"error": {"message": "The model `gpt-9` does not exist", "type": "invalid_request_error", "code": "model_not_found"}}, ModelMissing),
    (404, anthropic("not_found_error", "model: claude-9"), ModelMissing),
    (404, {"error": "model 'llama9' not found"}, ModelMissing),
    (400, openai("Unsupported parameter: 'max_tokens' is not supported with this model.", code="unsupported_parameter"), ModelRefused),
    (422, {"detail": [{"loc": ["body", "messages"], "msg": "field required"}]}, ModelRefused),
    (400, b"\xff\xfe", ModelRefused),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind"), TABLE)
def test_each_error_is_of_its_kind(status: int, body: Any, kind: type[ModelError]):
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    error = failure("acme", status, read_error(raw))
    assert type(error) is kind
    assert str(status) in error.message
    assert "sk-abcd" not in error.message
    assert "<" not in error.message


@given(st.integers(300, 599), st.recursive(st.none() | st.booleans() | st.integers(-9, 600) | st.text(max_size=9), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["error", "type", "code", "message", "status", "detail", "details"]), inner, max_size=4)))  # fmt: skip
def test_any_body_is_some_error(status: int, body: Any):
    assert isinstance(failure("acme", status, read_error(orjson.dumps(body))), ModelError)


def test_how_long_to_wait():
    body = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "quota", "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}]}}  # fmt: skip
    assert failure("gemini", 429, read_error(orjson.dumps([body]))).__dict__["retry_after_s"] == 34.5
    limits = ProviderLimits(requests_left=0, requests_reset_s=12, tokens_left=9, tokens_reset_s=99)
    assert failure("acme", 429, read_error(b""), limits).__dict__["retry_after_s"] == 12
    assert failure("acme", 529, read_error(b""), limits).__dict__["retry_after_s"] is None
    assert failure("acme", 529, read_error(b""), ProviderLimits(retry_after_s=3)).__dict__["retry_after_s"] == 3


SECRET = "The merger with Halcyon Freight closes on the ninth of May for 41 million, tell nobody about it."


@pytest.mark.parametrize(
    "message",
    [
        f"Invalid value: '{SECRET}'",
        f"Cannot parse {SECRET[10:70]!r} as JSON",
        f"bad input: {SECRET} and again {SECRET[5:50]}",
        "Invalid key the-key given with " + SECRET[:45],
    ],
)
def test_an_error_repeats_nothing_of_the_request(message: str):
    said = clean(message, ["the-key", SECRET])
    assert "Halcyon Freight" not in said
    assert "the-key" not in said
    assert said[:3] == message[:3]


@given(st.text(max_size=400), st.text(max_size=100), st.text(max_size=60))
def test_no_long_echo_is_left(before: str, secret: str, after: str):
    said = clean(f"{before}{secret}{after}", [secret])
    assert len(said) <= MOST_CHARS
    plain = " ".join(secret.split())
    assert not any(plain[start : start + 36] in said for start in range(len(plain) - 36 + 1))


def test_words_are_bounded():
    assert len(clean("word " * 1000)) == MOST_CHARS
    assert clean("  a\n\nb  ") == "a b"
