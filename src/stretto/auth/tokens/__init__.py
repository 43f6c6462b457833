"""Tokens of an identity provider: JWTs that say who somebody is. Loaded only where an issuer is configured."""

from stretto.auth.tokens.claims import Claimed
from stretto.auth.tokens.issuer import Issuer
from stretto.auth.tokens.verifier import TokenVerifier

__all__ = ["Claimed", "Issuer", "TokenVerifier"]
