"""`POST /v1/chat/completions` and `POST /v1/messages`: a route of the gateway answers, or a flow."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.types import Send

from stretto.api.openai.answering import CUT, Work, send_stream, send_whole
from stretto.api.openai.flows import PREFIX, FlowCall, start_flow
from stretto.api.openai.gate import Door, caller_of, gateway_of, key_of, platform_of, priority_of, read_body
from stretto.api.openai.voice import Voice
from stretto.auth import Principal
from stretto.gateway.served import Asked, anthropic, openai
from stretto.store.ids import new_id


class ChatDoor(Door):
    """Chat Completions as OpenAI's clients speak them."""

    def read(self, body: bytes) -> Asked:
        """The request in a body."""
        return openai.read_request(body)

    def voice(self, asked: Asked, model: str) -> Voice:
        """How the answer is said."""
        answer_id = f"chatcmpl-{new_id().hex}"
        return Voice("openai", model, lambda name: openai.Speech(name, answer_id, include_usage=asked.include_usage))

    async def answer(self, request: Request, principal: Principal, send: Send) -> None:
        """Answer at once or in pieces, as the client asks."""
        asked = await read_body(request, self.read)
        headers: dict[str, str] = {}
        if asked.request.model.startswith(PREFIX):
            work = await self._flow(request, principal, asked, headers)
            model = asked.request.model
        else:
            work, model = self._model(request, principal, asked)
        voice = self.voice(asked, model)
        if asked.stream:
            await send_stream(work, voice, request.receive, send, headers, request.scope.get(CUT))
        else:
            await send_whole(work, voice, request.receive, send, headers)

    def _model(self, request: Request, principal: Principal, asked: Asked) -> tuple[Work, str]:
        gateway = gateway_of(request)
        wanted = msgspec.structs.replace(
            asked.request, caller=caller_of(request, principal), idempotency_key=key_of(request)
        )
        return (lambda sink: gateway.complete(wanted, sink)), gateway.name_at_first(wanted)

    async def _flow(self, request: Request, principal: Principal, asked: Asked, headers: dict[str, str]) -> Work:
        call = FlowCall(
            asked.request.model.removeprefix(PREFIX),
            asked.request.messages,
            asked.extra.get("input"),
            priority_of(request),
            key_of(request) or None,
        )
        answer = await start_flow(platform_of(request).runs(principal.tenant_id), call)
        headers["x-stretto-run-id"] = str(answer.run_id)
        return answer


class MessagesDoor(ChatDoor):
    """Messages as Anthropic's clients speak them."""

    dialect = "anthropic"

    def read(self, body: bytes) -> Asked:
        """The request in a body."""
        return anthropic.read_request(body)

    def voice(self, asked: Asked, model: str) -> Voice:
        """How the answer is said."""
        answer_id = f"msg_{new_id().hex}"
        return Voice("anthropic", model, lambda name: anthropic.Speech(name, answer_id))
