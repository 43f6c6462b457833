"""Where a provider's key comes from, as `Provider.key` says it."""

from __future__ import annotations

import os
from collections.abc import Callable

from stretto.gateway.keys.key import Key

Sealed = Callable[[str], Key | None]
"""Gives a sealed key by its name, as `ProviderKeys.get` does."""


def key_source(key: str, sealed: Sealed | None = None) -> Callable[[], Key | None]:
    """Gives the key that `env:NAME` or `sealed:NAME` names, as it is at the time of each call; None where there is none."""
    kind, _, name = key.partition(":")

    def from_environment() -> Key | None:
        return Key(os.environ.get(name, "")) or None

    def from_database() -> Key | None:
        return None if sealed is None else sealed(name)

    def nothing() -> None:
        return None

    return {"env": from_environment, "sealed": from_database}.get(kind, nothing)
