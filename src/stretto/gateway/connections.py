"""Who speaks to each provider: one `ModelProvider` for each, made when it is first needed."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol

from stretto.gateway.config import Provider
from stretto.gateway.provider import Embedder, ModelProvider


class Closable(Protocol):
    """What is closed when it is no longer needed."""

    async def close(self) -> None: ...


@dataclass(slots=True)
class Connections:
    """The providers and embedders in use, by the provider's entry in the configuration.

    `make` and `make_embedder` make one for an entry. An entry that has changed gets a new one; the old one is closed with
    the gateway, since calls may still be under way.
    """

    make: Callable[[Provider], ModelProvider]
    make_embedder: Callable[[Provider], Embedder]
    _providers: dict[str, tuple[Provider, ModelProvider]] = field(
        default_factory=dict[str, "tuple[Provider, ModelProvider]"]
    )
    _embedders: dict[str, tuple[Provider, Embedder]] = field(default_factory=dict[str, "tuple[Provider, Embedder]"])
    _retired: list[Closable] = field(default_factory=list[Closable])

    def of(self, provider: Provider) -> ModelProvider:
        """Who speaks to this provider."""
        found = self._providers.get(provider.name)
        if found is not None and found[0] == provider:
            return found[1]
        if found is not None:
            self._retired.append(found[1])
        made = self.make(provider)
        self._providers[provider.name] = (provider, made)
        return made

    def embedder_of(self, provider: Provider) -> Embedder:
        """Who asks this provider for vectors."""
        found = self._embedders.get(provider.name)
        if found is not None and found[0] == provider:
            return found[1]
        if found is not None:
            self._retired.append(found[1])
        made = self.make_embedder(provider)
        self._embedders[provider.name] = (provider, made)
        return made

    async def close(self, *, spare: Closable | None = None) -> None:
        """Close all of them but `spare`, which is somebody else's."""
        held: list[Collection[Closable]] = [
            [made for _, made in self._providers.values()],
            [made for _, made in self._embedders.values()],
            self._retired,
        ]
        for some in held:
            for each in some:
                if each is not spare:
                    await each.close()
        self._providers.clear()
        self._embedders.clear()
        self._retired.clear()
