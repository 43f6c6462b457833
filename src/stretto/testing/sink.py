"""A sink that keeps what a call gives."""

from __future__ import annotations

from stretto.gateway.provider import Decision, ToolCallPiece


class KeptAnswer:
    """A `TokenSink` in memory. `can_retract` False stands for a reader who cannot take anything back."""

    def __init__(self, *, can_retract: bool = True) -> None:
        self.tokens: list[str] = []
        self.pieces: list[ToolCallPiece] = []
        self.retracted: list[tuple[str, str]] = []
        """What was taken back, and why."""
        self.decisions: list[Decision] = []
        self._can_retract = can_retract

    @property
    def text(self) -> str:
        """What stands."""
        return "".join(self.tokens)

    def write(self, tokens: list[str]) -> None:
        """Keep them."""
        self.tokens += tokens

    def tool_call(self, piece: ToolCallPiece) -> None:
        """Keep it."""
        self.pieces.append(piece)

    def retract(self, reason: str) -> bool:
        """Strike out what stands, if that can be."""
        if not self._can_retract and (self.tokens or self.pieces):
            return False
        self.retracted.append((self.text, reason))
        self.tokens.clear()
        self.pieces.clear()
        return True

    def decided(self, decision: Decision) -> None:
        """Keep it."""
        self.decisions.append(decision)
