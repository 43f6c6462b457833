"""The simulated provider: answers like a model in form and pace, and says that none wrote them."""

from __future__ import annotations

import asyncio
import json
from hashlib import blake2b
from random import Random

from stretto.errors import ModelError, SettingsInvalid
from stretto.gateway.provider import Completion, ModelRequest, TokenCounts, TokenSink
from stretto.gateway.simulated.code import write_code
from stretto.gateway.simulated.faults import Fault, FaultPlan, draw_fault, plan_fault
from stretto.gateway.simulated.pacer import Pacer
from stretto.gateway.simulated.prose import write_prose
from stretto.gateway.simulated.reading import read_request
from stretto.gateway.simulated.value import write_value
from stretto.gateway.tokens import split_tokens

ANY_OBJECT = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
"""What is made up where any JSON object will do."""


class SimulatedProvider:
    """A `ModelProvider` without a model: the same seed and messages give the same text.

    Times in seconds. `error_rate` and `stall_rate` are shares of calls (0-1) that fail by chance, drawn
    anew for each call so that trying again helps; `faults` names calls that fail in a chosen way and comes
    first. `answer_tokens` bounds the length of free text. Hundreds of calls at once cost one timer.
    """

    name = "simulated"
    simulated = True

    def __init__(
        self,
        seed: int = 0,
        ttft_s: float = 0.2,
        tokens_per_s: float = 60.0,
        *,
        error_rate: float = 0.0,
        stall_rate: float = 0.0,
        stall_s: float = 30.0,
        faults: FaultPlan | None = None,
        answer_tokens: tuple[int, int] = (120, 360),
    ) -> None:
        if ttft_s < 0 or tokens_per_s <= 0 or stall_s < 0:
            raise SettingsInvalid("The simulated provider needs ttft_s >= 0, tokens_per_s > 0 and stall_s >= 0.")
        if min(error_rate, stall_rate) < 0 or error_rate + stall_rate > 1:
            raise SettingsInvalid(
                "The simulated provider's error_rate and stall_rate are shares of calls, 0 to 1 in all."
            )
        self._seed = seed
        self._ttft_s = ttft_s
        self._tokens_per_s = tokens_per_s
        self._error_rate = error_rate
        self._stall_rate = stall_rate
        self._stall_s = stall_s
        self._faults = faults
        self._answer_tokens = answer_tokens
        self._calls = 0
        self._pacer: Pacer | None = None
        self._closed = False

    @property
    def active(self) -> int:
        """How many calls are writing now."""
        return self._pacer.active if self._pacer else 0

    async def complete(self, request: ModelRequest, sink: TokenSink) -> Completion:
        """Answer the request; the contract is that of `ModelProvider`."""
        if self._closed:
            raise ModelError("The simulated provider is closed. Make a new one.")
        self._calls += 1
        call = self._calls
        tokens = split_tokens(simulate_text(self._seed, request, self._answer_tokens))
        whole = len(tokens)
        if request.max_tokens is not None:
            tokens = tokens[: max(0, request.max_tokens)]
        fault = plan_fault(self._faults, call, request)
        if fault is None and (self._error_rate or self._stall_rate):
            rng = Random(f"{self._seed}/fault/{call}")
            fault = draw_fault(rng, self._error_rate, self._stall_rate, len(tokens))
        if fault is not None:
            raise await self._fail(fault, tokens, sink)
        await self._play(tokens, sink)
        return Completion(
            model=f"simulated/{request.model}",
            provider=self.name,
            stop_reason="end" if len(tokens) == whole else "length",
            tokens=TokenCounts(
                input=sum(len(message.text) // 4 + 1 for message in request.messages), output=len(tokens)
            ),
            simulated=True,
        )

    async def close(self) -> None:
        """End all calls with an error; later ones fail at once."""
        self._closed = True
        if self._pacer is not None:
            self._pacer.close(ModelError("The simulated provider was closed while it answered. Make a new one."))

    async def _play(self, tokens: list[str], sink: TokenSink) -> None:
        loop = asyncio.get_running_loop()
        if self._pacer is None or self._pacer.loop is not loop:
            self._pacer = Pacer(loop, self._tokens_per_s)
        if tokens:
            await self._pacer.play(tokens, sink, delay_s=self._ttft_s)
        else:
            await asyncio.sleep(self._ttft_s)

    async def _fail(self, fault: Fault, tokens: list[str], sink: TokenSink) -> ModelError:
        if fault.kind in ("overload", "refuse"):
            await asyncio.sleep(self._ttft_s)
            return fault.to_error(0)
        tokens = tokens[: fault.after]
        await self._play(tokens, sink)
        if fault.kind == "stall":
            await asyncio.sleep(self._stall_s if fault.stall_s is None else fault.stall_s)
        return fault.to_error(len(tokens))


def simulate_text(seed: int, request: ModelRequest, answer_tokens: tuple[int, int]) -> str:
    """The whole answer to a request: JSON when it has `returns` or wants an object, code or prose otherwise.

    Only what the conversation says counts, so another attempt at the same request gives the same text.
    """
    returns = dict(request.returns) if request.returns is not None else ANY_OBJECT if request.json_mode else None
    asked = [seed, request.model, [[message.role, message.text] for message in request.messages], returns]
    digest = blake2b(json.dumps(asked, sort_keys=True).encode(), digest_size=16).digest()
    rng = Random(int.from_bytes(digest, "big"))
    reading = read_request(request)
    if returns is not None:
        return write_value(returns, reading, rng)
    if reading.wants_code:
        return write_code(reading, rng)
    return write_prose(reading, rng, rng.randint(*answer_tokens))
