"""The sealed keys: set, listed, opened, and sealed anew under another master key."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from stretto.errors import Invalid, NotFound, SettingsInvalid
from stretto.gateway.keys.key import Key
from stretto.gateway.keys.sealing import MasterKey
from stretto.store import Database
from stretto.store.sql import load_queries

QUERIES = load_queries("stretto.gateway.keys")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
MOST_CHARS = 8192


@dataclass(frozen=True, slots=True)
class SealedName:
    """A sealed key as it is listed: its name, and when it was set."""

    name: str
    updated_at: datetime


class ProviderKeys:
    """Providers' keys, sealed in the database. `get` gives what the last `load` opened, without waiting."""

    def __init__(self, database: Database, master: MasterKey) -> None:
        self._database = database
        self._master = master
        self._opened: dict[str, Key] = {}

    def get(self, name: str) -> Key | None:
        """The key of this name, as of the last `load` or `set`."""
        return self._opened.get(name)

    async def load(self) -> list[str]:
        """Open all keys. Gives the names of those that this master key does not open; they count as not there."""
        async with self._database.system() as connection:
            rows = await (await connection.execute(QUERIES["sealed_keys"])).fetchall()
        opened: dict[str, Key] = {}
        closed: list[str] = []
        for name, sealed, _ in rows:
            try:
                opened[name] = self._master.open(name, bytes(sealed))
            except SettingsInvalid:
                closed.append(name)
        self._opened = opened
        return closed

    async def set(self, name: str, key: Key) -> None:
        """Seal a key under this name, in the place of any other. Raises `Invalid`."""
        check(name, key)
        row = {
            "name": name,
            "sealed": self._master.seal(name, key),
            "master_id": self._master.id,
            "now": datetime.now(UTC),
        }
        async with self._database.system() as connection:
            await connection.execute(QUERIES["save_key"], row)
        self._opened[name] = key

    async def open(self, name: str) -> Key:
        """The key of this name, from the database. Raises `NotFound`, or `SettingsInvalid` where it cannot be opened."""
        async with self._database.system() as connection:
            rows = await (await connection.execute(QUERIES["sealed_keys"])).fetchall()
        for found, sealed, _ in rows:
            if found == name:
                return self._master.open(name, bytes(sealed))
        raise unknown(name)

    async def own(self, name: str) -> Key:
        """A random key of Stretto's own (32 bytes, hex), made where there is none. Its name begins with `*`, as no other does.

        It stands beside the providers' keys so that `rotate` covers it, and with it all that is sealed with it.
        """
        assert name.startswith("*")
        fresh = Key(secrets.token_hex(32))
        row = {"name": name, "sealed": self._master.seal(name, fresh), "master_id": self._master.id}
        async with self._database.system() as connection:
            await connection.execute(QUERIES["keep_own_key"], {**row, "now": datetime.now(UTC)})
            found = await (await connection.execute(QUERIES["own_key"], {"name": name})).fetchone()
        assert found is not None
        return self._master.open(name, bytes(found[0]))

    async def names(self) -> list[SealedName]:
        """All names, in order."""
        async with self._database.system() as connection:
            rows = await (await connection.execute(QUERIES["list_keys"])).fetchall()
        return [SealedName(name, updated_at) for name, updated_at in rows]

    async def remove(self, name: str) -> None:
        """Remove a key. Raises `NotFound`."""
        async with self._database.system() as connection:
            row = await (await connection.execute(QUERIES["delete_key"], {"name": name})).fetchone()
        self._opened.pop(name, None)
        if row is None:
            raise unknown(name)

    async def rotate(self, master: MasterKey) -> int:
        """Seal all keys anew under another master key, all or none; gives how many. Raises `SettingsInvalid` where one cannot
        be opened. Give the other processes the new master key afterwards; until then they go on with what they have opened."""
        async with self._database.system() as connection:
            rows = await (await connection.execute(QUERIES["sealed_keys_held"])).fetchall()
            # What bears the new seal already was sealed by a rotation that was cut off before its master key was put in place.
            old = [(name, bytes(sealed)) for name, sealed, by in rows if bytes(by) != master.id]
            seals = [master.seal(name, self._master.open(name, sealed)) for name, sealed in old]
            given = {"names": [name for name, _ in old], "seals": seals, "master_id": master.id}
            await connection.execute(QUERIES["reseal_keys"], given)
        self._master = master
        return len(old)


def check(name: str, key: Key) -> None:
    """Raises `Invalid` for a name or a key that cannot be used. Never repeats the key."""
    if not NAME.fullmatch(name):
        raise Invalid(f"{name!r} is no name for a key. Use up to 64 letters, digits, dots, dashes and underscores.")
    value = key.reveal()
    if not value:
        raise Invalid("The key is empty. Give it on stdin, or at the prompt.")
    if len(value) > MOST_CHARS or not value.isascii() or not value.isprintable():
        raise Invalid(
            "This is no key: it holds characters that no header can carry, or is too long. Give the key alone."
        )


def unknown(name: str) -> NotFound:
    """The error for a name that is not there."""
    return NotFound(f"There is no sealed key {name!r}. `stretto provider-key list` shows those that there are.")
