"""How models are reached over the network: OpenAI's and Anthropic's dialects, on aiohttp."""

from stretto.gateway.wire.embeddings import WireEmbedder
from stretto.gateway.wire.provider import WireProvider

__all__ = ["WireEmbedder", "WireProvider"]
