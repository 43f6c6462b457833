"""What a question narrows its answer to: products, source, theme, time, stars, feeling, language, words of the text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from sqlglot import exp

from stretto_reviews.sqlagent.names import Names, plain
from stretto_reviews.sqlagent.times import Span, find_span, number

LANGUAGES = {
    "english": "en", "german": "de", "french": "fr", "spanish": "es", "italian": "it", "dutch": "nl", "portuguese": "pt", "polish": "pl",
    "swedish": "sv", "danish": "da", "norwegian": "no", "finnish": "fi", "japanese": "ja", "chinese": "zh", "korean": "ko",
    "russian": "ru", "turkish": "tr", "arabic": "ar", "czech": "cs", "greek": "el", "hungarian": "hu", "romanian": "ro",
}  # fmt: skip
MOST_TOGETHER = 8
"""The words of a product's name that are looked at together."""
# Words of the grammar itself: a product, source or theme of such a name is found in quotes only.
OWN_WORDS = frozenset(
    [
        "a",
        "about",
        "above",
        "after",
        "all",
        "among",
        "an",
        "and",
        "are",
        "as",
        "at",
        "average",
        "avg",
        "bad",
        "be",
        "been",
        "before",
        "below",
        "best",
        "better",
        "between",
        "bought",
        "bring",
        "brought",
        "buy",
        "by",
        "can",
        "common",
        "compare",
        "count",
        "customer",
        "customers",
        "daily",
        "day",
        "days",
        "did",
        "different",
        "do",
        "does",
        "each",
        "english",
        "ever",
        "feeling",
        "few",
        "figures",
        "find",
        "for",
        "from",
        "gave",
        "get",
        "give",
        "given",
        "good",
        "got",
        "had",
        "has",
        "have",
        "highest",
        "how",
        "i",
        "in",
        "is",
        "it",
        "items",
        "know",
        "language",
        "last",
        "latest",
        "least",
        "like",
        "list",
        "low",
        "lowest",
        "make",
        "many",
        "me",
        "mean",
        "mention",
        "mentioned",
        "mentions",
        "month",
        "monthly",
        "months",
        "more",
        "most",
        "much",
        "my",
        "need",
        "negative",
        "newest",
        "no",
        "not",
        "number",
        "of",
        "on",
        "once",
        "one",
        "order",
        "orders",
        "our",
        "out",
        "over",
        "past",
        "people",
        "per",
        "percent",
        "percentage",
        "please",
        "points",
        "positive",
        "praise",
        "product",
        "products",
        "purchase",
        "purchases",
        "quarter",
        "rate",
        "rated",
        "rating",
        "ratings",
        "recent",
        "restock",
        "review",
        "reviews",
        "revenue",
        "running",
        "sales",
        "see",
        "sell",
        "selling",
        "sentiment",
        "share",
        "should",
        "show",
        "since",
        "sold",
        "some",
        "source",
        "sources",
        "spam",
        "spend",
        "spending",
        "spent",
        "star",
        "stars",
        "stock",
        "tell",
        "than",
        "that",
        "the",
        "their",
        "them",
        "theme",
        "themes",
        "there",
        "they",
        "this",
        "time",
        "to",
        "today",
        "top",
        "topics",
        "total",
        "trend",
        "under",
        "up",
        "us",
        "versus",
        "vs",
        "was",
        "we",
        "week",
        "weekly",
        "weeks",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "whose",
        "why",
        "with",
        "within",
        "worst",
        "would",
        "write",
        "written",
        "year",
        "yearly",
        "years",
        "yesterday",
        "you",
        "your",
    ]
)


@dataclass(slots=True)
class Reading:
    """What is left of a question, and what was read from it so far."""

    text: str
    products: list[str] = field(default_factory=list[str])
    source: str | None = None
    theme: str | None = None
    span: Span | None = None
    stars: tuple[int, int] | None = None
    feeling: str | None = None
    language: str | None = None
    holding: str | None = None

    def take(self, pattern: str) -> re.Match[str] | None:
        """The first place where this stands; it is taken out of the text."""
        found = re.search(rf"\b(?:{pattern})\b", self.text)
        if found is not None:
            self.text = f"{self.text[: found.start()]} {self.text[found.end() :]}"
            self.text = " ".join(self.text.split())
        return found

    def has(self, pattern: str) -> bool:
        """Whether this stands somewhere."""
        return re.search(rf"\b(?:{pattern})\b", self.text) is not None

    def conditions(self, table: str = "r", *, feeling: bool = True) -> list[exp.Expr]:
        """The conditions on reviews, built as a tree: what came from the question is a value in it, never text."""
        column = _columns_of(table)
        found: list[exp.Expr] = [column("status").isin("duplicate", "spam").not_()]
        if self.products:
            named = exp.select("p.id").from_("products AS p").where(exp.column("name", "p").isin(*self.products))
            found.append(column("product_id").isin(query=named))
        if self.source is not None:
            found.append(column("source").eq(text(self.source)))
        if self.theme is not None:
            found.append(exp.EQ(this=text(self.theme), expression=exp.Any(this=exp.paren(column("themes")))))
        if self.stars is not None:
            found.append(column("rating").between(*self.stars))
        if self.feeling is not None and feeling:
            found.append(feels(self.feeling, table))
        if self.language is not None:
            found.append(column("language").eq(text(LANGUAGES[self.language])))
        if self.holding is not None:
            found.append(
                exp.GT(
                    this=exp.func("strpos", exp.Lower(this=column("text")), text(self.holding), dialect="postgres"),
                    expression=exp.Literal.number(0),
                )
            )
        return [*found, *in_span(self.span, column("created_at"))]

    def said(self, *, feeling: bool = True) -> str:
        """The same in words, as the end of a sentence."""
        parts: list[str] = []
        if self.feeling is not None and feeling:
            parts.append(
                {"positive": "with a sentiment above 3", "negative": "with a sentiment below 2"}.get(
                    self.feeling, "with a sentiment from 2 to 3"
                )
            )
        if self.stars is not None:
            low, high = self.stars
            parts.append(f"with {low} star{'s' * (low != 1)}" if low == high else f"with {low} to {high} stars")
        if self.products:
            parts.append("of " + " and ".join(f"“{name}”" for name in self.products))
        if self.theme is not None:
            parts.append(f"that speak of “{self.theme}”")
        if self.holding is not None:
            parts.append(f"whose text holds “{self.holding}”")
        if self.source is not None:
            parts.append(f"from “{self.source}”")
        if self.language is not None:
            parts.append(f"in {self.language.capitalize()}")
        if self.span is not None:
            parts.append(self.span.said)
        return "".join(f" {part}" for part in parts)

    @property
    def is_narrowed(self) -> bool:
        """Whether anything besides time was read."""
        return bool(
            self.products or self.source or self.theme or self.stars or self.feeling or self.language or self.holding
        )


_HOLDING = re.compile(r"\b(?:mention|contain|say|hold|word|phrase|text|about)\w*\W*$", re.IGNORECASE)


def _columns_of(table: str) -> Callable[[str], exp.Column]:
    return lambda name: exp.column(name, table)


def text(value: str) -> exp.Expr:
    """A value in a statement."""
    return exp.Literal.string(value)


def feels(feeling: str, table: str = "r") -> exp.Expr:
    """The condition that a review is positive, negative or neither."""
    sentiment = exp.column("sentiment", table)
    if feeling == "positive":
        return sentiment > 3
    if feeling == "negative":
        return sentiment < 2
    return sentiment.between(2, 3)


def in_span(span: Span | None, column: exp.Column) -> list[exp.Expr]:
    """The conditions that a time lies in these days (UTC)."""
    if span is None:
        return []
    found: list[exp.Expr] = []
    if span.first is not None:
        found.append(column >= exp.cast(text(f"{span.first} 00:00+00"), "timestamptz"))
    if span.last is not None:
        day_after = exp.cast(text(f"{span.last} 00:00+00"), "timestamptz") + exp.Interval(
            this=text("1"), unit=exp.var("DAY")
        )
        found.append(column.copy() < day_after)
    return found


def read(question: str, names: Names, today: date) -> Reading:
    """What a question narrows its answer to; `text` is what is left of it."""
    reading = Reading("")
    reading.text = _normal(_quoted(question, names, reading))
    products = names.product_forms
    for look in (products.find, products.find_near):
        _find_products(reading, look, products.longest + 1)
    reading.span, reading.text = find_span(reading.text, today)
    reading.text = " ".join(reading.text.split())
    _find_stars(reading)
    _find_feeling(reading)
    _find_source(reading, names)
    if found := reading.take(rf"(?:written )?(?:in |the )?({'|'.join(LANGUAGES)})(?: language)?"):
        reading.language = found[1]
    _find_products(reading, products.find_long_part, products.longest)
    _find_theme(reading, names)
    _find_products(reading, products.find_part, products.longest)  # the least sure of all, so it comes last
    if found := reading.take(
        r"(?:that |which )?(?:mention|mentions|mentioning|contain|contains|containing|say|saying) (?:the words? )?((?!how|what)\w[\w-]*)"
    ):
        reading.holding = found[1]
    return reading


def _normal(question: str) -> str:
    lowered = question.casefold().replace("’", "'").replace("what's", "what is").replace("who's", "who is")
    lowered = re.sub(r"'s\b|(?<=\d)(?:st|nd|rd|th)\b", "", lowered)
    lowered = lowered.replace("%", " percent ").replace("★", " stars ")
    lowered = re.sub(r"(?<!\d)-|-(?!\d)", " ", lowered)
    return " ".join(re.findall(r"[^\W_]+(?:-[^\W_]+)*", lowered))


def _quoted(question: str, names: Names, reading: Reading) -> str:
    """Take names in quotes out of the question."""

    def look(found: re.Match[str]) -> str:
        words = plain(found[1])
        if (product := names.product_forms.find(words)) is not None:
            reading.products.append(product)
        elif reading.theme is None and (theme := names.theme_forms.find(words)) is not None:
            reading.theme = theme
        elif reading.source is None and (source := names.source_forms.find(words)) is not None:
            reading.source = source
        elif words and reading.holding is None and _HOLDING.search(question[: found.start()]):
            reading.holding = " ".join(found[1].split()).lower()
        else:
            return found[0]
        return " "

    return re.sub(r"[\"“”]([^\"“”]{1,100})[\"“”]", look, question)


def _find_products(reading: Reading, look: Callable[[str], str | None], longest: int) -> None:
    """The products, by the longest run of words that names one."""
    while (found := _longest(reading.text, look, longest)) is not None:
        name, reading.text = found
        if name not in reading.products:
            reading.products.append(name)


def _longest(words: str, look: Callable[[str], str | None], longest: int) -> tuple[str, str] | None:
    """What the longest run of words means, and the words without it."""
    parts = words.split()
    for size in range(min(longest, MOST_TOGETHER, len(parts)), 0, -1):
        for start in range(len(parts) - size + 1):
            run = parts[start : start + size]
            if all(_is_own(word) for word in run):
                continue
            if (name := look(plain(" ".join(run)))) is not None:
                return name, " ".join([*parts[:start], *parts[start + size :]])
    return None


def _is_own(word: str) -> bool:
    return word in OWN_WORDS or word in LANGUAGES or word.isdigit()


def _find_stars(reading: Reading) -> None:
    number_said = r"([1-5]|one|two|three|four|five)"
    stars = r"(?: stars?| star rating| stars? or \w+)"
    bounds: tuple[tuple[str, Callable[[int], tuple[int, int]]], ...] = (
        (rf"{number_said} stars? or (?:more|better|higher|above)", lambda n: (n, 5)),
        (rf"{number_said} stars? or (?:less|fewer|worse|lower|below)", lambda n: (1, n)),
        (rf"(?:below|under|less than|fewer than|lower than) {number_said}{stars}?", lambda n: (1, n - 1)),
        (rf"(?:above|over|more than|better than|higher than) {number_said}{stars}?", lambda n: (n + 1, 5)),
        (rf"(?:at least|min|minimum) {number_said}{stars}?", lambda n: (n, 5)),
        (rf"(?:at most|up to|max|maximum) {number_said}{stars}?", lambda n: (1, n)),
        (rf"(?:with |of |a )*(?:rating (?:of )?|rated ){number_said}{stars}?", lambda n: (n, n)),
        (rf"(?:with |of |a )*{number_said} stars?(?: ratings?)?", lambda n: (n, n)),
    )
    if found := reading.take(rf"(?:with |of )*(?:between )?{number_said} (?:to|and|or) {number_said} stars?"):
        low, high = sorted((number(found[1]), number(found[2])))
        reading.stars = (low, high)
        return
    for pattern, bounds_of in bounds:
        if found := reading.take(f"(?:with |a |of |ratings? |rated )*{pattern}"):
            reading.stars = bounds_of(number(found[1]))
            return


def _find_feeling(reading: Reading) -> None:
    if reading.has("share|percent|percentage|proportion|fraction|rate|complain|complaints?|praise"):
        return
    if found := reading.take(
        r"(?:with )?(?:a )?(positive|happy|negative|unhappy|critical|neutral|mixed)(?: sentiment| feeling)?(?= |$)(?=.*\breviews?\b|$)"
    ):
        word = found[1]
        reading.feeling = (
            "positive" if word in {"positive", "happy"} else "neutral" if word in {"neutral", "mixed"} else "negative"
        )


def _find_source(reading: Reading, names: Names) -> None:
    if reading.source is not None:
        return
    parts = reading.text.split()
    forms = names.source_forms
    for size in range(min(forms.longest, 4), 0, -1):
        for start in range(len(parts) - size + 1):
            run = parts[start : start + size]
            led = start > 0 and parts[start - 1] in {"from", "on", "via", "at", "source"}
            if size == 1 and _is_own(run[0]):
                continue
            words = plain(" ".join(run))
            name = forms.find(words) or (forms.find_near(words) if led else None)
            if name is not None:
                reading.source = name
                reading.text = " ".join([*parts[: start - led], *parts[start + size :]])
                return


def _find_theme(reading: Reading, names: Names) -> None:
    forms = names.theme_forms
    for look in (forms.find, forms.find_near):
        if reading.theme is None and (found := _longest(reading.text, look, forms.longest)) is not None:
            reading.theme, reading.text = found
