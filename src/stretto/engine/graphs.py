"""Flows that were compiled lately, so that starting one again by its name compiles nothing."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any
from uuid import UUID

from stretto.engine.rows import json_text
from stretto.flow.compile import compile_document
from stretto.flow.graph import Graph

MOST_CHARS = 16_000_000
"""So much of documents is remembered at most; a graph takes some times its document."""

Key = tuple[UUID, str]


class CompiledFlows:
    """Graphs by their tenant and the digest of their document, which never changes; those used last stay."""

    def __init__(self, most_chars: int = MOST_CHARS) -> None:
        self._kept: OrderedDict[Key, tuple[Graph, int]] = OrderedDict()
        self._most_chars = most_chars
        self._chars = 0

    def get(self, tenant_id: UUID, digest: str) -> Graph | None:
        """The graph of this document, if it is remembered."""
        found = self._kept.get((tenant_id, digest))
        if found is None:
            return None
        self._kept.move_to_end((tenant_id, digest))
        return found[0]

    def keep(self, tenant_id: UUID, digest: str, graph: Graph, chars: int) -> None:
        """Remember a graph whose document has so many characters."""
        key = (tenant_id, digest)
        if key in self._kept or chars > self._most_chars:
            return
        self._kept[key] = (graph, chars)
        self._chars += chars
        while self._chars > self._most_chars:
            _, (_, freed) = self._kept.popitem(last=False)
            self._chars -= freed

    def of(self, tenant_id: UUID, digest: str, document: Any) -> Graph:
        """The graph of this document, compiled now if it is not remembered."""
        graph = self.get(tenant_id, digest)
        if graph is None:
            graph = compile_document(document)
            self.keep(tenant_id, digest, graph, len(json_text(document)))
        return graph


COMPILED = CompiledFlows()
"""Those of this process. What they hold follows from their keys, so that all doors may share them."""
