"""Whose request it is: tenants and their keys."""

from stretto.auth.keys import Holder, Keys, is_key
from stretto.auth.store import KeyRow, KeyStore, Tenant

__all__ = ["Holder", "KeyRow", "KeyStore", "Keys", "Tenant", "is_key"]
