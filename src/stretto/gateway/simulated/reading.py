"""What the simulated provider gathers from a conversation before it answers."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from stretto.gateway.provider import ModelRequest

MARK = "[simulated: no model wrote this]"
"""Stands at the start of every simulated free text."""

TAKEN_UP = "This version takes up the feedback"
"""How simulated text says that it answers feedback, so that a simulated reviewer further on sees it."""

_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_CODE = re.compile(r"\b(code[rds]?|coding|functions?|python|programs?|scripts?|implement\w*)\b", re.IGNORECASE)
_SHORT = re.compile(r"\b(translat\w+|summari[sz]\w*|brief\w*|short\w*|one sentence|one line|headline)\b", re.IGNORECASE)
_GUARD = re.compile(r"\b(guards?|sentinel|watch(es|ing)?|unsafe|dangerous|forbidden|harmful)\b", re.IGNORECASE)
_LATER = re.compile(rf"{TAKEN_UP}|\b(turn|round|attempt|version|draft) ([2-9]|\d\d)\b", re.IGNORECASE)
# A label with words behind it on its line, or a heading with a paragraph below; a label alone is an empty template.
_FEEDBACK = re.compile(
    r"^[ \t>*#-]*(?:\w+ ){0,3}(?:feedback|comments?|objections?|corrections?)\b[^\n:]{0,60}"
    r"(?::[ \t*]*(?=\S)|\n\s*(?=[^\s#]))(?!none\b|null\b|no feedback|n/a)(?P<said>[^\n]+)",
    re.IGNORECASE | re.MULTILINE,
)
_WORD = re.compile(r"[^\W\d_][\w'-]{3,23}")
_STOP_WORDS = """
about above according across actually after again against agent also although always another answer answers anything
approve approved architect asked because been before being below best better between both careful carefully cannot
clear clearly code coder comment comments complete consider could describe design does doing done down each either
else even every everything example exactly feedback first follow following format from give given goes good have
having here however improve input instead into itself json just keep know language last least less like list long
made make makes many markdown mind model more most much must need needs never next nothing notes once only other
others otherwise output over paragraph paragraphs part parts person piece place please point possible prompt provide
question read reader really reply request result return returns review reviewer same says second section sections
sentence sentences several shall short should show simple simulated since some something step steps still such
summary sure take task tasks tell text than that their them then there therefore these they thing things this those
three through together translate under until upon used user using version very want well were what when where
whether which while whole will with within without word words work would wrote write writer writes writing your
yours yourself
"""
_STOP = frozenset(_STOP_WORDS.split())


@dataclass(frozen=True, slots=True)
class Reading:
    """What a conversation is about and what it asks for."""

    words: tuple[str, ...]
    """Its topics, two at least."""
    wants_code: bool
    wants_short: bool
    goes_on: bool
    """The answer follows on from text that is kept."""
    feedback: str
    """What was said about an earlier version, or nothing."""
    approval: float
    """How likely a verdict is favourable (0-1)."""

    def word(self, n: int) -> str:
        """The n-th topic; they come round again."""
        return self.words[n % len(self.words)]


def read_request(request: ModelRequest) -> Reading:
    """Read the conversation; the last user message counts most."""
    messages = request.messages
    asked = [_clip(message.text) for message in messages if message.role != "assistant"]
    users = [index for index, message in enumerate(messages) if message.role == "user"]
    prompt = _clip(messages[users[0]].text) if users else "".join(asked)
    plain = _FENCE.sub(" ", "\n".join(asked))
    feedback = _find_feedback(prompt)
    said_before = any(message.role == "assistant" for message in messages)
    if said_before and users:
        feedback = messages[users[-1]].text
    later = bool(feedback) or said_before or _LATER.search(prompt) is not None
    return Reading(
        words=_find_topics(plain),
        wants_code=request.model == "code" or _CODE.search(plain) is not None,
        wants_short=_SHORT.search(plain) is not None,
        goes_on=said_before and "go on" in feedback.lower(),
        feedback=" ".join(feedback.split()),
        approval=0.93 if later or _GUARD.search(plain) else 0.5,
    )


def _clip(text: str, head: int = 4_000, tail: int = 12_000) -> str:
    """The beginning and the end of a long text: what a prompt asks for stands there."""
    return text if len(text) <= head + tail else f"{text[:head]}\n{text[-tail:]}"


def _find_feedback(prompt: str) -> str:
    found = _FEEDBACK.search(_FENCE.sub(" ", prompt))
    return found["said"].strip() if found else ""


def _find_topics(text: str, most: int = 8) -> tuple[str, ...]:
    text = text.replace(MARK, " ").replace(TAKEN_UP, " ")
    words = [word for word in _WORD.findall(text) if word.lower() not in _STOP]
    counts = Counter(word.lower() for word in words)
    spelling = {word.lower(): word for word in reversed(words)}
    topics = tuple(spelling[word] for word, _ in counts.most_common(most))
    return topics if len(topics) > 1 else (*topics, "the matter", "its purpose")
