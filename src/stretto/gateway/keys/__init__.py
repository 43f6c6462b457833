"""Providers' keys: from the environment, or sealed in the database.

`store` and `sealing` stand apart: they load the cryptography, which only sealed keys need.
"""

from stretto.gateway.keys.key import Key
from stretto.gateway.keys.source import key_source

__all__ = ["Key", "key_source"]
