"""Where the doors are: plain ASGI endpoints, with neither validation nor dependencies between them and the server."""

from __future__ import annotations

from starlette.convertors import PathConvertor, register_url_convertor
from starlette.routing import Route

from stretto.api.openai.chat import ChatDoor, MessagesDoor
from stretto.api.openai.embeddings import EmbeddingsDoor
from stretto.api.openai.models import ModelList, OneModel


class AnyPath(PathConvertor):
    """As `path`, but for line breaks, too: such a name is not there, and the door says so in its dialect."""

    regex = "(?s:.*)"


register_url_convertor("anypath", AnyPath())
ROUTES = (
    Route("/v1/chat/completions", ChatDoor(), methods=["POST"]),
    Route("/v1/messages", MessagesDoor(), methods=["POST"]),
    Route("/v1/embeddings", EmbeddingsDoor(), methods=["POST"]),
    Route("/v1/models", ModelList(), methods=["GET"]),
    Route("/v1/models/{model:anypath}", OneModel(), methods=["GET"]),
)
