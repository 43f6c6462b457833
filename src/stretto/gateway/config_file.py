"""Where the gateway's configuration is, and who answers by it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from stretto.errors import ConfigInvalid, Problem
from stretto.gateway.config import Deployment, GatewayConfig, Route
from stretto.gateway.found import found_config, keys_found, ollama_found
from stretto.gateway.read_config import read_config
from stretto.settings import Settings

NAME = "stretto.yaml"
MOST_BYTES = (1 << 20) + 1
"""One more than may be: enough to tell that there is too much."""
MOST_ROUTES = 8
"""So many routes are told one by one."""


async def load_config(settings: Settings) -> GatewayConfig:
    """The configuration to begin with: the file's, or what was found on this machine.

    Raises `ConfigInvalid` when there is a file and it has problems.
    """
    path = await asyncio.to_thread(config_path, settings)
    if path is None:
        return found_config(keys_found(), await ollama_found(), os.environ)
    source = await asyncio.to_thread(read_source, path)
    return read_config(source, shown(path))


def config_path(settings: Settings) -> Path | None:
    """The file: `STRETTO_CONFIG`, else `stretto.yaml` here, else in STRETTO_HOME; None when there is none."""
    if settings.config not in (None, Path()):  # set, and not to an empty text
        assert settings.config is not None
        return settings.config.expanduser()
    for path in (Path(NAME), settings.home_path / NAME):
        if path.is_file():
            return path
    return None


def read_source(path: Path) -> bytes:
    """What stands in the file. Raises `ConfigInvalid` when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        remedy = "Correct STRETTO_CONFIG, or make the file readable."
        raise ConfigInvalid([Problem(shown(path), 0, 0, f"the configuration cannot be read: {why}.", remedy)]) from None


def shown(path: Path) -> str:
    """The file's name as a person would write it: from where they stand, when it is below."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def who_answers(config: GatewayConfig, environment: Mapping[str, str] | None = None, *, to_owner: bool = True) -> str:
    """What answers each route, in one line; simulated text is said to be simulated. The machine's owner is also told which file
    says so, and which keys are missing."""
    if all(each.provider.dialect in ("simulated", "classical") for each in config.deployments.values()):
        return "answers: simulated provider" + (f" ({config.file})" if to_owner else "")
    told = [f"{route.name}: {_asked(route)}" for route in list(config.routes.values())[:MOST_ROUTES]]
    if len(config.routes) > MOST_ROUTES:
        told.append(f"{len(config.routes) - MOST_ROUTES} more routes")
    if not to_owner:
        return f"answers: {'; '.join(told)}"
    values = os.environ if environment is None else environment
    places = sorted(
        {each.provider.key.removeprefix("env:") for each in _in_use(config) if each.provider.key.startswith("env:")}
    )
    missing = [name for name in places if not values.get(name)]
    lack = f"; {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set" if missing else ""
    return f"answers: {'; '.join(told)} ({config.file}{lack})"


def _in_use(config: GatewayConfig) -> list[Deployment]:
    return [held.deployment for route in config.routes.values() for tier in route.tiers for held in tier.deployments]


def _asked(route: Route) -> str:
    names: dict[str, None] = {}
    for tier in route.tiers:
        for held in tier.deployments:
            mark = " (simulated)" if held.deployment.provider.dialect == "simulated" else ""
            names[held.deployment.name + mark] = None
    return ", ".join(names)
