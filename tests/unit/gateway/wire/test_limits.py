from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.gateway.grants import ProviderLimits
from stretto.gateway.wire.limits import LONGEST_S, pause_s, read_limits, span_s

NOW = 1_763_700_000.0  # 2025-11-21T04:40:00Z


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"content-type": "x"}, None),
        # https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers
        (
            {"x-ratelimit-limit-requests": "60", "x-ratelimit-limit-tokens": "150000", "x-ratelimit-remaining-requests": "59", "x-ratelimit-remaining-tokens": "149984", "x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0s"},
            ProviderLimits(60, 59, 1, 150_000, 149_984, 360),
        ),
        # https://docs.anthropic.com/en/api/rate-limits#response-headers
        (
            {"anthropic-ratelimit-requests-limit": "50", "anthropic-ratelimit-requests-remaining": "49", "anthropic-ratelimit-requests-reset": "2025-11-21T04:40:02Z", "anthropic-ratelimit-tokens-limit": "80000", "anthropic-ratelimit-tokens-remaining": "0", "anthropic-ratelimit-tokens-reset": "2025-11-21T04:41:00Z", "anthropic-ratelimit-input-tokens-limit": "1", "retry-after": "9"},
            ProviderLimits(50, 49, 2, 80_000, 0, 60, 9),
        ),
        # OpenRouter: milliseconds since 1970
        ({"x-ratelimit-limit": "20", "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW + 15) * 1000)}, ProviderLimits(20, 0, 15)),
        ({"retry-after": "Fri, 21 Nov 2025 04:40:30 GMT"}, ProviderLimits(retry_after_s=30)),
        ({"retry-after-ms": "1500", "retry-after": "2"}, ProviderLimits(retry_after_s=1.5)),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "99999999"}, ProviderLimits(retry_after_s=LONGEST_S)),
    ],
)  # fmt: skip
def test_headers(headers: dict[str, str], expected: ProviderLimits | None):
    assert read_limits(headers, NOW) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("20ms", 0.02), ("1h2m3s", 3723), ("1.5s", 1.5), ("1m30.25s", 90.25), ("0", 0), ("7", 7), ("", None), ("1x", None), ("s", None), ("2025-11-21T04:39:00Z", 0)],
)  # fmt: skip
def test_spans(text: str, expected: float | None):
    assert span_s(text, NOW) == (None if expected is None else pytest.approx(expected))


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms", "x-ratelimit-reset-requests", "anthropic-ratelimit-requests-limit", "anthropic-ratelimit-tokens-reset"]), st.text(max_size=12)))  # fmt: skip
def test_any_header_is_taken(headers: dict[str, str]):
    found = read_limits(headers, NOW)
    for each in ("requests_reset_s", "tokens_reset_s", "retry_after_s"):
        value: Any = None if found is None else getattr(found, each)
        assert value is None or 0 <= value <= LONGEST_S


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (None, None),
        (ProviderLimits(), None),
        (ProviderLimits(requests_left=0, requests_reset_s=5, tokens_left=0, tokens_reset_s=9), 9),
        (ProviderLimits(requests_left=3, requests_reset_s=5, tokens_left=0, tokens_reset_s=9), 9),
        (ProviderLimits(requests_left=3, requests_reset_s=5, tokens_left=7, tokens_reset_s=9), 5),
        (ProviderLimits(requests_left=0, requests_reset_s=5, retry_after_s=1), 1),
    ],
)
def test_how_long_to_wait(limits: ProviderLimits | None, expected: float | None):
    assert pause_s(limits) == expected
