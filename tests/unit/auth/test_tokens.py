"""Tokens: what is forged, stale, for others or signed in another way never counts, and says nothing of itself in the error."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from stretto.auth.tokens import TokenVerifier
from stretto.auth.tokens import issuer as issuing
from stretto.auth.tokens.claims import at_path
from stretto.errors import IssuerUnreachable, SettingsInvalid, TokenRefused
from stretto.settings import Settings
from stretto.testing.identity import IdentityProvider, signing_key

SECRET = "supabase-like-secret-of-at-least-32-bytes"
SUPABASE = "https://project.supabase.co/auth/v1"


@pytest.fixture
async def provider() -> AsyncGenerator[IdentityProvider]:
    async with IdentityProvider() as found:
        found.add_user("ada", email="ada@example.org", stretto_tenant="analytics", stretto_role="operator")
        yield found


def verifier(provider: IdentityProvider, **changes: Any) -> TokenVerifier:
    return TokenVerifier(Settings(oidc_issuer=provider.issuer, oidc_client_id=provider.client_id, **changes))


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def test_a_right_token_says_who_somebody_is(provider: IdentityProvider):
    who = await verifier(provider).verify(provider.token("ada"))
    assert (who.issuer, who.subject, who.email) == (provider.issuer, "id-of-ada", "ada@example.org")
    assert (who.tenant, who.role, who.by) == ("analytics", "operator", "user ada@example.org")
    unverified = await verifier(provider).verify(provider.token("ada", email_verified=False))
    assert unverified.by == "user id-of-ada"


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"exp": 1}, "expired"),
    "not yet": ({"nbf": time.time() + 3600}, "yet"),
    "made tomorrow": ({"iat": time.time() + 86_400}, "yet"),
    "another issuer": ({"iss": "https://evil.example"}, "issuer"),
    "a longer issuer": ({"iss": "http://127.0.0.1:1/"}, "issuer"),
    "another audience": ({"aud": "another"}, "audience"),
    "audiences of others": ({"aud": ["a", "b"]}, "audience"),
    "no audience": ({"aud": None}, "aud"),
    "no end": ({"exp": None}, "exp"),
    "no subject": ({"sub": None}, "sub"),
    "an empty subject": ({"sub": ""}, "sub"),
    "a subject of control characters": ({"sub": "a\nb"}, "sub"),
    "no issuer": ({"iss": None}, "iss"),
    "an end that is no number": ({"exp": "soon"}, "form"),
    "an end beyond all times": ({"exp": 10**30}, "form"),
    "a tenant that is no text": ({"stretto_tenant": ["a"]}, "tenant"),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_claims_that_do_not_count(provider: IdentityProvider, name: str):
    changes, told = CHANGES[name]
    token = provider.token("ada", **changes)
    with pytest.raises(TokenRefused, match=told) as refused:
        await verifier(provider).verify(token)
    assert token not in str(refused.value)


def forge_none(provider: IdentityProvider) -> str:
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(provider.claims('ada'))}."


def forge_with_the_public_key_as_secret(provider: IdentityProvider) -> str:
    head = part({"alg": "HS256", "kid": provider.keys[0].id})
    signed = f"{head}.{part(provider.claims('ada'))}"
    digest = hmac.new(provider.keys[0].public_pem.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{part(digest)}"


def forge_with_an_own_key(provider: IdentityProvider) -> str:
    return jwt.encode(provider.claims("ada"), signing_key().pem, "RS256", headers={"kid": provider.keys[0].id})


def forge_with_a_key_in_the_header(provider: IdentityProvider) -> str:
    key = signing_key()
    header = {"kid": key.id, "jwk": key.jwk, "jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/x"}
    return jwt.encode(provider.claims("ada"), key.pem, "RS256", headers=header)


def forge_with_another_curve(provider: IdentityProvider) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(provider.claims("ada"), key, "ES256", headers={"kid": provider.keys[0].id})


def forge_with_an_algorithm_that_is_not_pinned(provider: IdentityProvider) -> str:
    return jwt.encode(provider.claims("ada"), provider.keys[0].pem, "RS512", headers={"kid": provider.keys[0].id})


def forge_critical(provider: IdentityProvider) -> str:
    return provider.sign(provider.claims("ada"), crit=["exp"])


def change_the_claims(provider: IdentityProvider) -> str:
    head, _, signature = provider.token("ada").split(".")
    return f"{head}.{part(provider.claims('ada') | {'stretto_role': 'owner'})}.{signature}"


def cut_the_signature(provider: IdentityProvider) -> str:
    return provider.token("ada").rpartition(".")[0] + "."


def another_key_id(provider: IdentityProvider) -> str:
    return provider.sign(provider.claims("ada"), kid="another")


def grow(provider: IdentityProvider) -> str:
    return provider.token("ada", more="x" * 20_000)


FORGERIES = [
    forge_none,
    forge_with_the_public_key_as_secret,
    forge_with_an_own_key,
    forge_with_a_key_in_the_header,
    forge_with_another_curve,
    forge_with_an_algorithm_that_is_not_pinned,
    forge_critical,
    change_the_claims,
    cut_the_signature,
    another_key_id,
    grow,
]


@pytest.mark.parametrize("forge", FORGERIES)
@pytest.mark.parametrize("shared", [None, SECRET])
async def test_forged_tokens_do_not_count(
    provider: IdentityProvider, forge: Callable[[IdentityProvider], str], shared: str | None
):
    checks = verifier(provider, jwt_secret=shared, jwt_issuer=SUPABASE)
    with pytest.raises(TokenRefused):
        await checks.verify(forge(provider))


async def test_tokens_of_a_shared_secret(provider: IdentityProvider):
    checks = verifier(
        provider,
        jwt_secret=SECRET,
        jwt_issuer=SUPABASE,
        role_claim="app_metadata.role",
        tenant_claim="app_metadata.org",
    )
    claims = {
        "iss": SUPABASE,
        "aud": "authenticated",
        "sub": "7",
        "role": "authenticated",
        "exp": time.time() + 60,
        "app_metadata": {"org": "shop", "role": ["editor", "reviewer"]},
    }
    who = await checks.verify(jwt.encode(claims, SECRET, "HS256"))
    assert (who.issuer, who.tenant, who.role) == (SUPABASE, "shop", "reviewer")
    for wrong in (
        jwt.encode(claims, "another-secret-that-is-also-32-bytes-long", "HS256"),
        jwt.encode(claims | {"iss": provider.issuer}, SECRET, "HS256"),
        jwt.encode(claims | {"aud": provider.client_id}, SECRET, "HS256"),
        provider.sign(claims),
    ):
        with pytest.raises(TokenRefused):
            await checks.verify(wrong)


@given(st.text(max_size=300) | st.binary(max_size=200).map(lambda raw: f"eyJ{part(raw)}.{part(raw)}.{part(raw)}"))
def test_nonsense_is_refused(text: str):
    async def check() -> None:
        checks = TokenVerifier(Settings(jwt_secret=SECRET, jwt_issuer=SUPABASE))  # pyright: ignore[reportArgumentType]
        with pytest.raises(TokenRefused):
            await checks.verify(text)

    asyncio.run(check())


async def test_keys_that_are_rotated_are_fetched_again_and_floods_of_ids_are_not(
    provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
):
    checks = verifier(provider)
    await checks.verify(provider.token("ada"))
    for _ in range(50):
        with pytest.raises(TokenRefused):
            await checks.verify(another_key_id(provider))
    assert provider.fetches == 1
    provider.rotate()
    with pytest.raises(TokenRefused):
        await checks.verify(provider.token("ada"))
    monkeypatch.setattr(issuing, "ASK_AGAIN_S", 0.0)
    await asyncio.gather(*(checks.verify(provider.token("ada")) for _ in range(20)))
    assert provider.fetches <= 21


async def test_while_the_provider_is_away_known_keys_count(provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(issuing, "ASK_AGAIN_S", 0.0)
    monkeypatch.setattr(issuing, "KEPT_S", 0.0)
    checks = verifier(provider)
    await checks.verify(provider.token("ada"))
    provider.answers["/keys"] = 500
    await checks.verify(provider.token("ada"))
    assert provider.fetches > 1
    with pytest.raises(IssuerUnreachable):
        await verifier(provider).verify(provider.token("ada"))


async def test_a_provider_that_is_away_is_left_in_peace_and_its_document_kept(
    provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
):
    away = {"/.well-known/openid-configuration": 500}
    provider.answers = away
    issuer = issuing.Issuer(provider.issuer)
    found = await asyncio.gather(*(issuer.document() for _ in range(50)), return_exceptions=True)
    assert {type(each) for each in found} == {IssuerUnreachable}
    assert provider.documents == 1
    provider.answers = {}
    monkeypatch.setattr(issuing, "AWAY_S", 0.0)
    monkeypatch.setattr(issuing, "DOCUMENT_S", 0.0)
    issuer = issuing.Issuer(provider.issuer)
    document = await issuer.document()
    provider.answers = away
    assert await issuer.document() == document, "an old one is better than none"
    assert provider.documents == 3


async def test_a_document_of_another_issuer_is_not_believed(provider: IdentityProvider):
    provider.answers["document"] = {"issuer": "https://evil.example"}
    with pytest.raises(IssuerUnreachable, match="evil"):
        await verifier(provider).verify(provider.token("ada"))
    provider.answers["document"] = {"jwks_uri": "http://evil.example/keys"}
    with pytest.raises(IssuerUnreachable, match="jwks_uri"):
        await verifier(provider).verify(provider.token("ada"))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"oidc_issuer": "http://id.example", "oidc_client_id": "a"}, "https"),
        ({"oidc_issuer": "https://id.example"}, "CLIENT_ID"),
        ({"oidc_issuer": "https://id.example", "oidc_client_id": "a", "oidc_algorithms": ["none"]}, "none"),
        ({"oidc_issuer": "https://id.example", "oidc_client_id": "a", "oidc_algorithms": ["HS256"]}, "HS256"),
        ({"jwt_secret": "short", "jwt_issuer": "a"}, "32 bytes"),
        ({"jwt_secret": SECRET}, "JWT_ISSUER"),
    ],
)
def test_settings_that_would_let_strangers_in_are_refused(changes: dict[str, Any], told: str):
    with pytest.raises(SettingsInvalid, match=told):
        TokenVerifier(Settings(**changes))


def test_a_claim_is_found_by_its_name_or_by_its_path():
    claims = {"https://a.example/role": 1, "a": {"b": {"c": 2}}, "a.b.c": 3, "t": "text"}
    assert at_path(claims, "https://a.example/role") == 1
    assert at_path(claims, "a.b.c") == 3
    assert at_path({"a": {"b": {"c": 2}}}, "a.b.c") == 2
    assert at_path(claims, "t.x") is None
    assert at_path(claims, "nothing") is None
