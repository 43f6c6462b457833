"""Whatever stands in a configuration, it is read or refused; nothing else happens, and no key is shown."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stretto.documents.parse import parse
from stretto.documents.problems import MOST_PROBLEMS, Problems
from stretto.errors import ConfigInvalid
from stretto.gateway.config import GatewayConfig
from stretto.gateway.read_config import CONFIGURATION, read_config
from stretto.gateway.reading import words
from tests.unit.gateway.test_read_config import FULL

SECRET = "sk-s3cr3ts3cr3t"
WORDS = sorted({word for name, held in vars(words).items() if name.isupper() for word in held})
LEAF = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 200),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        [*WORDS, "1h", "20 usd", "openai/gpt-5", "p95", "", "/", "env:", "$X", "http://[", "http://a:b", "fast"]
    ),
)
VALUE = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from([*WORDS, "fast", "", "a b"]), inner, max_size=4)
    ),
    max_leaves=12,
)


def whole() -> Any:
    found = parse(FULL.encode(), "a", Problems(), CONFIGURATION)
    assert found is not None
    return json.loads(json.dumps(found[0]))


def spots(value: Any) -> list[tuple[Any, Any]]:
    """All places of a document, each as what holds it and the key there."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [spot for key in keys for spot in [(value, key), *spots(value[key])]]


def taken(document: Any) -> GatewayConfig | ConfigInvalid:
    try:
        return read_config(json.dumps(document), "any.yaml", {})
    except ConfigInvalid as error:
        return error


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_part_may_be_anything(data: st.DataObject) -> None:
    document = whole()
    for _ in range(data.draw(st.integers(1, 3))):
        holder, key = data.draw(st.sampled_from(spots(document)))
        holder[key] = data.draw(VALUE)
    got = taken(document)
    if isinstance(got, GatewayConfig):
        for route in got.routes.values():
            assert route.tiers
            assert all(tier.deployments for tier in route.tiers)
            ends = [tier.max_complexity for tier in route.tiers]
            assert ends == sorted(ends)
            assert route.bucket is None or route.bucket in got.buckets
            held = [each for tier in route.tiers for each in tier.deployments]
            assert all(got.deployments[each.deployment.name] is each.deployment and each.weight > 0 for each in held)
        assert got.default_route is None or got.default_route in got.routes


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(WORDS), VALUE, max_size=6))
def test_any_document(document: dict[str, Any]) -> None:
    taken(document)


def test_a_key_in_the_place_of_any_provider_value_is_not_shown() -> None:
    for place in ("", "key", "api_key", "apikey", "token", "url", "headers", "timeouts", "stream_usage"):
        document = whole()
        document["providers"]["mine"] = {"dialect": "openai", place: SECRET} if place else SECRET
        if place == "headers":
            document["providers"]["mine"][place] = {"X-Api-Key": SECRET, "Authorization": f"Bearer {SECRET}"}
        got = taken(document)
        assert isinstance(got, ConfigInvalid), place
        if place not in ("timeouts", "stream_usage"):
            assert SECRET not in str(got), place


def test_a_thousand_mistakes_end_at_two_hundred() -> None:
    got = taken({"routes": {f"r{n}": [] for n in range(1000)}})
    assert isinstance(got, ConfigInvalid)
    assert len(got.problems) == MOST_PROBLEMS + 1
