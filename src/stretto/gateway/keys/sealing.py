"""Sealing with AES-256-GCM, and the master key that it is done with.

A nonce is drawn at random for each sealing (96 bits, NIST SP 800-38D §8.2.2): safe for 2³² keys under one master key. The
name is bound as associated data, so that no sealed key opens under another's name.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stretto.errors import FolderForbidden, SettingsInvalid
from stretto.gateway.keys.key import Key

VARIABLE = "STRETTO_SECRET_KEY"
FILE = "secret.key"
KEY_BYTES = 32
NONCE_BYTES = 12
PURPOSE = b"stretto provider key\0"


class MasterKey:
    """The key that seals the others. `id` tells two apart and says nothing about them."""

    __slots__ = ("_cipher", "id")

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise SettingsInvalid(
                f"A master key has {KEY_BYTES} bytes, and this one {len(secret)}. `openssl rand -base64 32` makes one."
            )
        self._cipher = AESGCM(secret)
        self.id = hmac.digest(secret, b"stretto master key id", hashlib.sha256)[:8]

    def seal(self, name: str, key: Key) -> bytes:
        """The key, sealed under its name."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key.reveal().encode(), PURPOSE + name.encode())

    def open(self, name: str, sealed: bytes) -> Key:
        """The key that was sealed under this name. Raises `SettingsInvalid` where this is not what it was sealed with."""
        try:
            opened = self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], PURPOSE + name.encode())
        except (InvalidTag, ValueError):
            raise SettingsInvalid(
                f"The sealed key {name!r} cannot be opened with this master key. Give the {VARIABLE} (or the {FILE}) that it "
                f"was sealed with, or set the key anew: stretto provider-key set {name}"
            ) from None
        return Key(opened.decode())

    def __repr__(self) -> str:
        return f"MasterKey({self.id.hex()})"


def load_master(home: Path, environment: Mapping[str, str] | None = None) -> MasterKey:
    """The master key of the environment, or of `secret.key` in the data folder, which is made if it is not there.

    With several machines on one database give all of them the same `STRETTO_SECRET_KEY`.
    """
    given = (os.environ if environment is None else environment).get(VARIABLE, "").strip()
    if given:
        return MasterKey(decoded(given, VARIABLE))
    return MasterKey(read_file(home / FILE) or make_file(home / FILE))


def decoded(text: str, place: str) -> bytes:
    """32 bytes from base64. Raises `SettingsInvalid`, which does not repeat the text."""
    try:
        secret = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES:
        raise SettingsInvalid(f"{place} is no base64 of {KEY_BYTES} bytes. `openssl rand -base64 32` makes one.")
    return secret


def read_file(path: Path) -> bytes | None:
    """The secret that the file holds; None if there is no file. Others than its owner must not be able to read it."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(1024)
    except FileNotFoundError:
        return None
    except PermissionError:
        raise FolderForbidden(f"{path} cannot be read. Grant this user the right, or set {VARIABLE}.") from None
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise FolderForbidden(f"Others can read {path}. Take that right from them: chmod 600 {path}")
    return decoded(text.decode("ascii", "replace").strip(), str(path))


def make_file(path: Path) -> bytes:
    """Make the file with a new secret, readable for its owner alone. Where two processes do, both end with the same one."""
    secret = secrets.token_bytes(KEY_BYTES)
    draft = write_draft(path, secret)
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        found = read_file(path)
        assert found is not None
        return found
    finally:
        draft.unlink()
    return secret


def replace_file(path: Path, secret: bytes) -> None:
    """Put another secret into the file, at once or not at all."""
    write_draft(path, secret).replace(path)


def write_draft(path: Path, secret: bytes) -> Path:
    """A file beside `path`, whole and on disk, that can take its place."""
    draft = path.with_name(f"{path.name}.{uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(base64.b64encode(secret) + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except PermissionError:
        raise FolderForbidden(f"{path} cannot be written. Grant this user the right, or set {VARIABLE}.") from None
    return draft
