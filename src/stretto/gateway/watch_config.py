"""The configuration's file is looked at every second; what changes in it counts from the next call on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from stretto.errors import ConfigInvalid, StrettoError
from stretto.gateway.config import GatewayConfig
from stretto.gateway.config_file import config_path, read_source, shown
from stretto.gateway.read_config import digest_of, read_config
from stretto.settings import Settings

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0
Reconfigure = Callable[[GatewayConfig], Awaitable[None]]
Stamp = tuple[str, int, int, int]
"""The file's name, its inode, when it was written and its size."""


async def watch_config(
    settings: Settings, running: GatewayConfig, reconfigure: Reconfigure, every_s: float = LOOK_EVERY_S
) -> None:
    """Look until cancelled, and hand each sound configuration that says something new to `reconfigure`.

    A broken file leaves the running configuration as it is; its problems are logged once. So does a file that is gone.
    """
    watch = ConfigWatch(settings, running.digest, reconfigure)
    while True:
        await asyncio.sleep(every_s)
        try:
            await watch.look()
        except Exception:
            log.exception("could not look at the configuration; trying again")


@dataclass(slots=True)
class ConfigWatch:
    """What was seen of the file last. `digest` is that of the text that counts, or that was refused."""

    settings: Settings
    digest: str
    reconfigure: Reconfigure
    _stamp: Stamp | None = field(default=None, init=False)
    _told: str = field(default="", init=False)

    async def look(self) -> bool:
        """Look once; whether another configuration counts from now on."""
        seen = await asyncio.to_thread(self._read_if_changed)
        if seen is None:
            return False
        path, stamp, source = seen
        digest = digest_of(source)
        if digest == self.digest:
            self._stamp = stamp
            return False
        try:
            config = read_config(source, shown(path))
        except ConfigInvalid as error:
            self._stamp, self.digest = stamp, digest
            self._tell(digest, error)
            return False
        try:
            await self.reconfigure(config)
        except StrettoError as error:  # the database is away, perhaps: the file is looked at again
            self._tell(digest, error)
            return False
        self._stamp, self.digest, self._told = stamp, digest, ""
        return True

    def _tell(self, digest: str, error: StrettoError) -> None:
        if self._told != digest:
            self._told = digest
            log.error("the new configuration does not count; the gateway goes on with the one before", why=str(error))

    def _read_if_changed(self) -> tuple[Path, Stamp, bytes] | None:
        """The file as it is, when anything about it has changed since it was last understood."""
        path = config_path(self.settings)
        if path is None:
            return None
        try:
            found = path.stat()
            stamp = (str(path), found.st_ino, found.st_mtime_ns, found.st_size)
            return None if stamp == self._stamp else (path, stamp, read_source(path))
        except (OSError, ConfigInvalid):  # gone, or just being replaced
            return None
