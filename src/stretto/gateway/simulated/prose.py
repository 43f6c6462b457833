"""Simulated prose: readable Markdown on the words of the prompt."""

from __future__ import annotations

from random import Random

from stretto.gateway.simulated.reading import MARK, TAKEN_UP, Reading

_OPENINGS = (
    "Whoever asks about {a} soon asks about {b} as well.",
    "It helps to look at {a} first, and at {b} only then.",
    "There are two good ways into this: by {a}, and by {b}.",
    "Most of what follows turns on {a}; the rest turns on {b}.",
    "Begin with {a}, since everything else here leans on it.",
    "The short version: {a} matters more than {b}, but not by much.",
)
_SENTENCES = (
    "What counts is how {a} behaves when {b} changes.",
    "In practice {a} and {b} are rarely found apart.",
    "A small trial with {a} says more than a long debate about {b}.",
    "Where {a} is missing, {b} tends to take its place.",
    "This is the part that people remember, and it is mostly {a}.",
    "Nobody has to settle {b} before {a} can begin.",
    "The cost of {a} is easy to count; that of {b} shows up later.",
    "One could leave {b} out, yet the picture would be poorer for it.",
    "Think of {a} as the slow voice and of {b} as the quick one.",
    "Once {a} is in place, {b} follows almost by itself.",
    "The usual mistake is to treat {a} as though it were {b}.",
    "It is worth writing down what {a} is meant to do, and for whom.",
    "Seen from a distance, {a} looks simpler than it is.",
    "If there is time for one thing only, let it be {a}.",
    "Two people who look at {b} will see two things; that is useful.",
    "The plainest test is to take {a} away and see who notices.",
    "Much depends on the order: {a} early, {b} late.",
    "Here {b} is a means, and {a} is the end.",
    "Good habits around {a} make surprises in {b} rarer.",
    "None of this is new, but it is seldom said about {a} in so few words.",
    "A fair measure of {a} has to leave room for {b}.",
    "What looks like a question of {b} is often one of {a}.",
    "The edges are where {a} gets interesting.",
    "For now it is enough that {a} and {b} do not get in each other's way.",
)
_HEADINGS = ("What {a} asks for", "{A} and {b}", "How {a} comes in", "A closer look at {a}", "Where {b} fits")
_LIST_OPENINGS = ("Three things are worth keeping in mind:", "In order of weight:", "A few points on {a}:")
_ITEMS = (
    "**{A}**: keep it small and look at it often.",
    "**{A}**: decide who looks after it.",
    "**{A}** before {b}, not the other way round.",
    "**{A}**: agree on what would count as done.",
    "**{A}**: note what was tried and what came of it.",
    "**{A}** and {b} share one schedule.",
)
_CLOSINGS = (
    "That is all that {a} needs for a start.",
    "The rest of {b} can wait until this much stands.",
    "With {a} settled, the next step is plain.",
    "So much for {a}; what remains is to try it.",
)


class _Deck:
    """Deals sentences in a shuffled order, each once before any comes again."""

    def __init__(self, rng: Random, cards: tuple[str, ...], reading: Reading) -> None:
        self._rng = rng
        self._cards = cards
        self._left: list[str] = []
        self._reading = reading

    def deal(self) -> str:
        if not self._left:
            self._left = self._rng.sample(self._cards, len(self._cards))
        n = int(self._rng.random() * len(self._reading.words))
        return fill(self._left.pop(), self._reading, n)


def fill(template: str, reading: Reading, n: int) -> str:
    """Put the n-th topic and the one after it into a sentence."""
    a, b = reading.word(n), reading.word(n + 1)
    return template.format(a=a, b=b, A=a[:1].upper() + a[1:])


def write_prose(reading: Reading, rng: Random, tokens: int) -> str:
    """Several paragraphs, about `tokens` words in all; two sentences when the prompt asks for something short."""
    opening, body = _Deck(rng, _OPENINGS, reading), _Deck(rng, _SENTENCES, reading)
    first = f"{MARK} {begin(reading)}{opening.deal()}"
    if reading.wants_short:
        return f"{first} {body.deal()}\n"
    headings, items = _Deck(rng, _HEADINGS, reading), _Deck(rng, _ITEMS, reading)
    lists, closings = _Deck(rng, _LIST_OPENINGS, reading), _Deck(rng, _CLOSINGS, reading)
    paragraphs = [" ".join([first, *(body.deal() for _ in range(rng.randint(2, 3)))])]
    written = len(paragraphs[0].split())
    while written < tokens:
        if len(paragraphs) % 3 == 2:
            paragraph = "\n".join(
                [lists.deal(), "", *(f"- {item}" for item in dict.fromkeys(items.deal() for _ in range(3)))]
            )
        else:
            paragraph = " ".join(body.deal() for _ in range(rng.randint(3, 5)))
        if len(paragraphs) % 3 == 1 and tokens > 150:
            paragraph = f"## {headings.deal()}\n\n{paragraph}"
        paragraphs.append(paragraph)
        written += len(paragraph.split())
    paragraphs[-1] += ("\n\n" if "\n- " in paragraphs[-1] else " ") + closings.deal()
    return ("\n\n" if reading.goes_on else "") + "\n\n".join(paragraphs) + "\n"


def begin(reading: Reading) -> str:
    """The clause with which an answer to feedback begins."""
    if not reading.feedback:
        return ""
    said = reading.feedback.replace(MARK, "").replace("`", "").strip()
    quoted = said if len(said) <= 80 else said[:80].rsplit(" ", 1)[0] + " …"
    return f"{TAKEN_UP} “{quoted}”. "
