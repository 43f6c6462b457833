"""A LangGraph graph with an interrupt, unmodified, as a flow: `python examples/langgraph_desk.py` (extra `langgraph`)."""
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false

from __future__ import annotations

import asyncio
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from stretto import Platform
from stretto.langgraph import host


class Letter(TypedDict):
    topic: str
    draft: str
    sent: bool


def write(state: Letter) -> dict[str, Any]:
    return {"draft": f"Dear reader, some words on {state['topic']}."}


def ask(state: Letter) -> dict[str, Any]:
    return {"sent": interrupt({"question": "Send it?", "draft": state["draft"]})}


graph = StateGraph(Letter)
graph.add_node("write", write)
graph.add_node("ask", ask)
graph.add_edge(START, "write")
graph.add_edge("write", "ask")
graph.add_edge("ask", END)
compiled = graph.compile()


async def main() -> Any:
    async with Platform.open() as platform:
        platform.tools.put(desk := host(compiled, name="desk"))
        run_id = await platform.runs().start(desk.flow, {"topic": "tides"})
        # Those three lines are all. What follows stands for somebody at the inbox: `stretto review list`, or the dashboard.
        async for _ in platform.runs().follow(run_id):
            for review in await platform.reviews().list():
                await platform.reviews().decide(review.id, "approve", by="somebody")
        return (await platform.runs().get(run_id)).output


if __name__ == "__main__":
    print(asyncio.run(main()))
