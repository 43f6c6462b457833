"""Checking a token: PyJWT does the cryptography, this pins what it may do.

The algorithms are those of the settings, never what the token asks for; HS256 is taken only with the secret of the settings
and never with a published key, so that neither `none` nor a public key used as a secret gets anybody in (RFC 8725, 2.1 and 3.1).
Keys come from the issuer's own document; `jku`, `x5u` and `jwk` in a header are never looked at.
"""

from __future__ import annotations

from typing import Any

import jwt
from jwt import exceptions as j

from stretto.auth.tokens.claims import Claimed, read_claims
from stretto.auth.tokens.issuer import Issuer
from stretto.errors import SettingsInvalid, TokenRefused
from stretto.settings import Settings

LEEWAY_S = 30
MOST_BYTES = 8_192
ASYMMETRIC = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
REQUIRED = ["exp", "iss", "aud", "sub"]
SECRET_BYTES = 32
"""A shared secret has at least as many bytes as the digest (RFC 7518, 3.2)."""


class TokenVerifier:
    """Says who somebody is by his token. Raises `SettingsInvalid` where the settings do not say whose tokens count."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.issuer: Issuer | None = None
        if settings.oidc_issuer is not None:
            self.issuer = Issuer(settings.oidc_issuer)
            self._audience = settings.oidc_audience or settings.oidc_client_id
            if not self._audience:
                raise SettingsInvalid(
                    "STRETTO_OIDC_ISSUER is set, but not for whom its tokens are. Set STRETTO_OIDC_CLIENT_ID, or "
                    "STRETTO_OIDC_AUDIENCE where tokens name another audience."
                )
            if unknown := sorted(set(settings.oidc_algorithms) - ASYMMETRIC):
                raise SettingsInvalid(
                    f"STRETTO_OIDC_ALGORITHMS names {unknown[0]!r}. Choose among {', '.join(sorted(ASYMMETRIC))}."
                )
        if settings.jwt_secret is not None:
            if len(settings.jwt_secret.get_secret_value().encode()) < SECRET_BYTES:
                raise SettingsInvalid(f"STRETTO_JWT_SECRET has fewer than {SECRET_BYTES} bytes. Use a longer one.")
            if not settings.jwt_issuer:
                raise SettingsInvalid("STRETTO_JWT_SECRET is set; name the issuer of its tokens in STRETTO_JWT_ISSUER.")

    async def verify(self, token: str) -> Claimed:
        """Who the token is about. Raises `TokenRefused`, or `IssuerUnreachable` when no key can be had."""
        return await self._verify(token, None)

    async def verify_login(self, token: str, nonce: str) -> Claimed:
        """As `verify`, for the ID token of a login, which is for our client and carries the login's own nonce."""
        return await self._verify(token, nonce)

    async def _verify(self, token: str, nonce: str | None) -> Claimed:
        if len(token) > MOST_BYTES or not token.isascii():
            raise TokenRefused(f"The token is longer than {MOST_BYTES:,} bytes, or no token at all.")
        try:
            header = jwt.get_unverified_header(token)
        except j.PyJWTError:
            raise TokenRefused("The token is no JWT: it has no header that can be read.") from None
        if "crit" in header:
            raise TokenRefused("The token demands extensions (`crit`) that are not known here.")
        if header.get("alg") == "HS256" and self._settings.jwt_secret is not None and nonce is None:
            claims = self._decode_shared(token)
        else:
            claims = await self._decode_signed(token, header, nonce)
        try:
            return read_claims(claims, self._settings.tenant_claim, self._settings.role_claim)
        except (ValueError, OverflowError, OSError):  # an end beyond all times
            raise TokenRefused("The token's signature or form is wrong.") from None

    def _decode_shared(self, token: str) -> dict[str, Any]:
        assert self._settings.jwt_secret is not None
        secret = self._settings.jwt_secret.get_secret_value()
        return _decode(token, secret, ["HS256"], self._settings.jwt_issuer, self._settings.jwt_audience)

    async def _decode_signed(self, token: str, header: dict[str, Any], nonce: str | None) -> dict[str, Any]:
        algorithms = self._settings.oidc_algorithms
        if self.issuer is None or header.get("alg") not in algorithms:
            raise TokenRefused(f"The token is signed by {str(header.get('alg'))[:20]!r}, which does not count here.")
        key_id = header.get("kid")
        if key_id is not None and not isinstance(key_id, str):
            raise TokenRefused("The token's `kid` is no text.")
        key = await self.issuer.key(key_id)
        if key is None:
            raise TokenRefused("The token is signed by a key that its issuer does not publish.")
        if key.key_type == "oct":
            raise TokenRefused("The token's issuer publishes a secret as a key; such a key never counts.")
        audience = self._settings.oidc_client_id if nonce is not None else self._audience
        claims = _decode(token, key.key, algorithms, self.issuer.url, audience)
        if nonce is not None and claims.get("nonce") != nonce:
            raise TokenRefused("The token is of another login (`nonce`).")
        if nonce is not None and claims.get("azp", audience) != audience:  # OpenID Connect Core 1.0, 3.1.3.7
            raise TokenRefused("The token was made for another client (`azp`).")
        return claims


def _decode(token: str, key: Any, algorithms: list[str], issuer: str | None, audience: str | None) -> dict[str, Any]:
    try:
        return jwt.decode(
            token,
            key,
            algorithms=algorithms,
            issuer=issuer,
            audience=audience,
            leeway=LEEWAY_S,
            options={"require": REQUIRED, "verify_signature": True},
        )
    except j.ExpiredSignatureError:
        raise TokenRefused("The token has expired. Log in again.") from None
    except (j.ImmatureSignatureError, j.InvalidIssuedAtError):
        raise TokenRefused("The token does not count yet. Compare the clocks of issuer and server.") from None
    except j.InvalidIssuerError:
        raise TokenRefused("The token is of another issuer than this server is set to.") from None
    except j.InvalidAudienceError:
        raise TokenRefused("The token is for another audience than this server.") from None
    except j.MissingRequiredClaimError as error:
        raise TokenRefused(f"The token lacks the claim `{error.claim}`.") from None
    except j.PyJWTError:
        raise TokenRefused("The token's signature or form is wrong.") from None
    except (TypeError, ValueError, OverflowError):  # a claim of an odd type, or a key of another kind
        raise TokenRefused("The token's signature or form is wrong.") from None
