"""The line from the simulated server to one client."""

from __future__ import annotations

from aiohttp import web

from stretto.gateway.provider import Decision, ToolCallPiece
from stretto.gateway.served import anthropic, openai
from stretto.gateway.simulated.reply import Reply

Speech = openai.Speech | anthropic.Speech


class Line:
    """The sink that puts tokens on the wire: bytes straight to the transport, since the pacer's time is shared by all.

    After the tokens of the text come the pieces of tool calls, each in the place of an empty token. A client that does not
    read is cut off once `MOST_WAITING` bytes wait for it.
    """

    MOST_WAITING = 4 * 1024 * 1024

    def __init__(self, request: web.Request, speech: Speech, reply: Reply) -> None:
        self.speech = speech
        self._transport = request.transport
        self._tokens_left = len(reply.tokens)
        self._pieces = iter(reply.pieces)
        self._has_pieces = bool(reply.pieces)
        self._logprobs = iter(reply.completion.logprobs)
        self._say = speech.text
        self._told = bool(reply.completion.logprobs)

    @property
    def is_gone(self) -> bool:
        """Whether the client has left."""
        return self._transport is None or self._transport.is_closing()

    def write(self, tokens: list[str]) -> None:
        """Say each token in an event of its own."""
        if self._has_pieces:
            self._write_both(tokens)
        else:
            self._write_text(tokens)

    def _write_text(self, tokens: list[str]) -> None:
        if self._told and isinstance(self.speech, openai.Speech):
            self.send(b"".join(self.speech.text(token, [next(self._logprobs)]) for token in tokens))
        else:
            self.send(b"".join(map(self._say, tokens)))

    def _write_both(self, tokens: list[str]) -> None:
        text = tokens[: self._tokens_left]
        self._tokens_left -= len(text)
        self._write_text(text)
        for _, piece in zip(tokens[len(text) :], self._pieces, strict=False):  # in this order, so that no piece is lost
            self.tool_call(piece)

    def tool_call(self, piece: ToolCallPiece) -> None:
        """Say a piece of a tool call."""
        self.send(self.speech.tool_call(piece))

    def retract(self, reason: str) -> bool:
        """Nothing that was sent can be taken back."""
        return False

    def decided(self, decision: Decision) -> None:
        """Nothing is decided here."""

    def send(self, said: bytes) -> None:
        """Send bytes as one chunk (RFC 9112, 7.1). Raises `ConnectionResetError` when the client has gone."""
        transport = self._transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has gone")
        if said:
            transport.write(b"%x\r\n%b\r\n" % (len(said), said))
            if transport.get_write_buffer_size() > self.MOST_WAITING:
                transport.abort()
