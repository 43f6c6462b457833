"""The team of the recorded swarm: planner, workers and judge whose answers depend on nothing but what they are asked.

So it does not matter which process asks, or how often. All of it is simulated, and says so.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import orjson

from stretto.errors import ModelUnreachable
from stretto.gateway.provider import Completion, ModelRequest, TokenCounts, TokenSink
from stretto.gateway.tokens import split_tokens

GOAL = "the first newsletter of a small bakery"
PARTS: dict[str, tuple[str, str]] = {
    "greeting": (
        "A greeting",
        "Good morning! From today on a letter comes to you once a month, short enough for one cup of coffee.",
    ),
    "bread": (
        "The bread of the month",
        "Our walnut rye rests for two nights. That makes it dark, a little sour, and good for a whole week.",
    ),
    "recipe": (
        "A recipe",
        "Dice old bread, roast it in butter with a little salt, and you have what every soup in November asks for.",
    ),
    "baker": (
        "Who bakes",
        "Mira begins at three. She says that the first loaf out of the oven sounds like rain on a tin roof.",
    ),
    "farmer": (
        "Where the flour comes from",
        "The rye grows eleven kilometres from here, on the slope that you can see from our window.",
    ),
    "hours": ("When we are open", "Tuesday to Saturday from seven to six. On Sundays from eight until all is gone."),
    "prices": ("What things cost", "The walnut rye costs what it did in spring. The coffee costs twenty cents more."),
    "event": (
        "An evening at the oven",
        "On the last Friday you can bake with us. Bring an apron; we have the dough and the stories.",
    ),
    "question": (
        "A question to readers",
        "Which bread of your childhood is nowhere to be had? Write to us, and we try to bake it.",
    ),
    "season": (
        "What comes next",
        "In December there is stollen again, cut thick, and for the impatient already at the end of this month.",
    ),
    "summary": (
        "What is in this letter, in a sentence",
        "In this letter: a dark bread, old bread made new, and an evening at the oven.",
    ),
    "subject": ("The subject line", "Walnut rye, and an evening at the oven"),
}
NEEDS = {"summary": ["bread", "recipe", "event"], "subject": ["bread"]}
EXTRA = (
    "postcard",
    "A card to cut out",
    "Cut here. For a friend: one coffee, one roll, and half an hour without a telephone.",
)
TASKS: list[dict[str, Any]] = [
    {"id": part, "title": title} | ({"needs": NEEDS[part]} if part in NEEDS else {})
    for part, (title, _) in PARTS.items()
]
NEAR_END_USD = 0.025

AGAIN = {"too long": "shorter", "too dry": "more warmly", "name the farm": "with the farm's name"}
"""What the planner makes of a reason: how the part is to be done the next time."""
BETTER = {
    "more warmly": "Nothing costs more than in spring but the coffee, and that by twenty cents. The smell is still free.",
    "with the farm's name": "Our rye comes from the Lindner farm, eleven kilometres from here. You can see its slope from our window.",
}

_LEFT = re.compile(r"There are ([0-9.e-]+) US dollars left")
_JUDGED = re.compile(r"^- ([a-z]+): (taken|not taken)(?: \((.*)\))?$", re.MULTILINE)
_TEXTS = dict(PARTS.values()) | {EXTRA[1]: EXTRA[2]}


class Team:
    """Answers to what planner, workers and judge are asked.

    Parts whose titles are in `away` cannot be written until work is planned anew; with less than `near_end_usd` left, the
    planner plans nothing more.
    """

    def __init__(self, away: frozenset[str] = frozenset(), near_end_usd: float = NEAR_END_USD) -> None:
        self.away = away
        self.near_end_usd = near_end_usd
        self.asked: dict[str, list[str]] = {"planner": [], "worker": [], "judge": []}
        """What each was asked, in order."""

    def __call__(self, request: ModelRequest) -> str | Mapping[str, Any]:
        said, agent = request.messages[-1].text, request.caller.agent
        self.asked[agent].append(said)
        match agent:
            case "planner":
                return self.plan(said)
            case "worker":
                return self.write(said)
            case _:
                return self.judge(said)

    def plan(self, said: str) -> Mapping[str, Any]:
        """All parts at first; then what was not taken, and a new one; then nothing."""
        left = _LEFT.search(said)
        if left is not None and float(left[1]) < self.near_end_usd:
            return {"tasks": [], "reason": "the budget is nearly spent", "done": True}
        if "what became of the tasks" not in said:
            done = set(re.findall(r"/parts/([a-z]+)$", said, re.MULTILINE))
            tasks = [task for task in TASKS if task["id"] not in done]
            tasks = [task | {"needs": [each for each in task.get("needs", []) if each not in done]} for task in tasks]
            return {"tasks": tasks, "reason": "what the goal needs" if not done else "what is left", "done": not tasks}
        missing = [(part, why) for part, became, why in _JUDGED.findall(said) if became == "not taken"]
        if not missing:
            return {"tasks": [], "reason": "all is done", "done": True}
        self.away = frozenset()
        again = [
            {"id": part, "title": PARTS[part][0] + (f" ({AGAIN[why]})" if why in AGAIN else "")}
            for part, why in missing
        ]
        if f"/parts/{EXTRA[0]}" not in said:
            again.append({"id": EXTRA[0], "title": EXTRA[1]})
        told = "; ".join(f"{part}: {why}" for part, why in missing)
        return {"tasks": again, "reason": told, "done": False}

    def write(self, said: str) -> str:
        """The part's text; one that is there already is built upon."""
        title, _, how = _found(r"Your part: (.*)", said).rstrip(")").partition(" (")
        if title in self.away:
            raise ModelUnreachable("The provider does not answer.")
        text = BETTER.get(how) or _TEXTS[title]
        if "as it stands now" in said:
            there = orjson.loads(_found(r"keep what is right in it:\n(.*)", said))
            return f"{there['text']} {text}"
        return f"{text} And all of it once again, in other words: {text}" if (title, how) == ("A recipe", "") else text

    def judge(self, said: str) -> Mapping[str, Any]:
        """Rejects what is too long or too dry, and is in doubt of two parts."""
        title = _found(r'One of its parts, "(.*)", reads:', said)
        confidence, reasons = 0.95, ""
        if "once again" in said:
            confidence, reasons = 0.2, "too long"
        elif title == "What things cost":
            confidence, reasons = 0.3, "too dry"
        elif title == "A question to readers":
            confidence, reasons = 0.6, "may be too personal"
        elif title == "Where the flour comes from":
            confidence, reasons = 0.7, "nobody knows whose rye it is"
        return {"confidence": confidence, "reasons": reasons}


def _found(pattern: str, said: str) -> str:
    found = re.search(pattern, said)
    assert found is not None, f"{pattern} is not in what was asked: {said}"
    return found[1]


class TeamModel:
    """The `ModelProvider` whose models are this team. `token_s` is the pause after each token."""

    name = "team"
    simulated = True

    def __init__(self, team: Team, token_s: float = 0.0) -> None:
        self.team = team
        self._token_s = token_s

    async def complete(self, request: ModelRequest, sink: TokenSink) -> Completion:
        """Answer; the contract is that of `ModelProvider`."""
        answer = self.team(request)
        tokens = split_tokens(answer if isinstance(answer, str) else orjson.dumps(answer).decode())
        for token in tokens:
            sink.write([token])
            await asyncio.sleep(self._token_s)
        read = sum(len(split_tokens(message.text)) for message in request.messages)
        counts = TokenCounts(input=read, output=len(tokens))
        return Completion(model="team-1", provider=self.name, tokens=counts, simulated=True)

    async def close(self) -> None:
        """Nothing is held."""
