"""Writer → translator → editor → checker: each step as soon as a paragraph is there, or when all of it is."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from bench.contenders.worker import working
from stretto.flow.compile import compile_document
from stretto.flow.graph import Graph
from stretto.gateway.provider import Completion, ModelRequest, TokenCounts, TokenSink
from stretto.gateway.simulated.pacer import Pacer
from stretto.gateway.tokens import split_tokens

SENTENCE = "The quick brown fox jumps over the lazy dog, and the dog, being lazy, lets it pass. "
MARK = "\n---\n"
"""What a prompt says before its text, and a prompt without it asks for the writer's own."""
LATER = ("translator", "editor", "checker")


class Proportional:
    """A `ModelProvider` at a model's pace whose answer is as long as the text that it is given.

    So both flows stream exactly the same tokens in each of the four steps, and only the waiting differs.
    """

    name = "simulated"
    simulated = True

    def __init__(self, ttft_s: float, tokens_per_s: float, paragraphs: int, sentences: int) -> None:
        self._ttft_s = ttft_s
        self._tokens_per_s = tokens_per_s
        self._essay = "\n\n".join([(SENTENCE * sentences).strip()] * paragraphs)
        self._pacer: Pacer | None = None
        self.tokens = 0

    async def complete(self, request: ModelRequest, sink: TokenSink) -> Completion:
        """Write the essay, or the text after the mark."""
        if self._pacer is None:
            self._pacer = Pacer(asyncio.get_running_loop(), self._tokens_per_s)
        _, marked, text = request.messages[-1].text.partition(MARK)
        tokens = split_tokens(text.strip() if marked else self._essay)
        self.tokens += len(tokens)
        await self._pacer.play(tokens, sink, delay_s=self._ttft_s)
        return Completion(model="simulated", provider=self.name, tokens=TokenCounts(output=len(tokens)), simulated=True)

    async def close(self) -> None:
        """Nothing is held."""


def pipeline(edge: str) -> Graph:
    """The four agents with `each` edges or with `after` edges."""
    name = "segment" if edge == "each" else "text"
    agents: dict[str, Any] = {"writer": {"model": "strong", "prompt": "Write an essay of some paragraphs.\n"}}
    agents |= {each: {"model": "fast", "prompt": f"You are the {each}.{MARK}{{{{ {name} }}}}\n"} for each in LATER}
    steps: dict[str, Any] = {"writer_": {"agent": "writer"}}
    before = "writer_"
    for agent in LATER:
        step: dict[str, Any] = {"agent": agent}
        if edge == "each":
            step["each"] = {"of": before, "by": "paragraph" if before == "writer_" else "item"}
        else:
            step["input"] = {"text": f"{{{{ {before} }}}}"}
        before = f"{agent}_"
        steps[before] = step
    return compile_document(
        {"flow": f"pipeline-{edge}", "agents": agents, "steps": steps, "output": f"{{{{ {before} }}}}"}
    )


async def run(
    postmaster: int, url: str, edge: str, paragraphs: int, sentences: int, ttft_s: float, tokens_per_s: float
) -> dict[str, float]:
    """Seconds from `start` until the final text is there (the run is completed), and the tokens of all four."""
    provider = Proportional(ttft_s, tokens_per_s, paragraphs, sentences)
    async with working(url, provider=provider) as platform:
        door = platform.runs()
        graph = pipeline(edge)
        began = time.perf_counter()
        run_id = await door.start(graph, {})
        async for _ in door.follow(run_id):
            pass
        took = time.perf_counter() - began
        found = await door.get(run_id)
        assert found.status == "completed", found.error
    return {"seconds": took, "tokens": provider.tokens}
