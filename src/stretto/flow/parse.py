"""Read a flow file: YAML or JSON to plain data, remembering where each part stands."""

from __future__ import annotations

from stretto.documents import parse as documents
from stretto.documents.file_places import FilePlaces
from stretto.documents.plain import Json
from stretto.documents.problems import Problems
from stretto.documents.yaml_tree import Manner

FLOW = Manner(
    noun="flow",
    begin="Begin with `flow: NAME`, then `agents:` and `steps:`.",
    too_deep="Use a sub-flow for the inner part.",
    too_large="Move long prompts into files of their own, or split the flow into sub-flows.",
    too_many="Use fewer aliases, or split the flow into sub-flows.",
)


AGENT = Manner(
    noun="agent",
    begin="Begin with `model: fast`.",
    too_deep="Make it plainer.",
    too_large="Move the prompt into a file of its own.",
    too_many="Use fewer aliases.",
)

POLICY = Manner(
    noun="policy",
    begin="Begin with `criteria: …`.",
    too_deep="Make it plainer.",
    too_large="Make it shorter.",
    too_many="Use fewer aliases.",
)


def parse(
    source: bytes, file: str, problems: Problems, manner: Manner = FLOW
) -> tuple[dict[str, Json], FilePlaces] | None:
    """The data of a flow's file (or of an agent's or a policy's) and its places; None after noting problems that leave nothing to read."""
    return documents.parse(source, file, problems, manner)
