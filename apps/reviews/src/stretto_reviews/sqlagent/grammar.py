"""Common questions in English, understood without a model.

    how many reviews [of PRODUCT] [about THEME] [from SOURCE] [in TIME] [with STARS] [positive|negative] [in LANGUAGE] [by DIMENSION]
    how many products | customers | purchases | spam | duplicates
    average rating | sentiment [narrowed as above] [by DIMENSION]
    share of negative | positive reviews [...] [by DIMENSION]
    top | worst N products | sources | themes [by rating | sentiment | number of reviews]
    most mentioned themes [of PRODUCT], what people complain about | praise
    trend of sentiment | rating | reviews [...] [by day | week | month | year]
    best customers [by spending | points | reviews], points given, total revenue [by month | product]
    products low in stock | out of stock
    compare A and B, A vs B
    latest N reviews [...]

DIMENSION is product, source, theme, language, stars, day, week, month, quarter or year. TIME is a day, month, quarter or year, `last N
days`, `since`, `before` or `between`. A question with a word that nothing here knows is not understood, rather than half understood.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date

from sqlglot import exp

from stretto_reviews.sqlagent.names import Names
from stretto_reviews.sqlagent.reading import Reading, feels, in_span, read, text
from stretto_reviews.sqlagent.times import NUMBER, number

LONGEST_QUESTION = 300
MOST_LISTED = 100
# What may be left over when all else of a question has been read.
_FILLERS = frozenset(
    [
        "a",
        "all",
        "an",
        "and",
        "any",
        "are",
        "at",
        "be",
        "been",
        "can",
        "could",
        "did",
        "do",
        "does",
        "each",
        "every",
        "find",
        "for",
        "from",
        "get",
        "give",
        "given",
        "had",
        "has",
        "have",
        "i",
        "in",
        "is",
        "it",
        "list",
        "many",
        "me",
        "my",
        "of",
        "on",
        "our",
        "out",
        "please",
        "s",
        "show",
        "so",
        "tell",
        "that",
        "the",
        "their",
        "there",
        "these",
        "they",
        "this",
        "to",
        "us",
        "was",
        "we",
        "were",
        "what",
        "which",
        "who",
        "whose",
        "with",
        "written",
        "you",
        "your",
        "about",
        "by",
        "figures",
        "figure",
        "data",
        "reviews",
        "review",
        "been",
        "ever",
        "so",
        "far",
        "currently",
        "now",
        "see",
        "want",
        "know",
        "like",
        "would",
        "much",
        "overall",
        "per",
        "customers",
        "people",
        "have",
        "posted",
        "left",
        "received",
        "products",
        "product",
        "how",
        "mention",
        "mentions",
        "mentioning",
        "contain",
        "contains",
        "speak",
        "talk",
    ]
)
_LEFT_OUT = " (duplicates and spam left out)"


@dataclass(frozen=True, slots=True)
class Understood:
    """A question as a statement, and a sentence that says how it was understood."""

    sql: str
    said: str


@dataclass(frozen=True, slots=True)
class _Dimension:
    """What figures are told apart by: an expression over reviews `r`, its name, and what has to be joined for it."""

    name: str
    expression: str
    join: str = ""
    in_time: bool = False


_DIMENSIONS: dict[str, _Dimension] = {
    "product": _Dimension("product", "p.name", "product"),
    "source": _Dimension("source", "r.source"),
    "theme": _Dimension("theme", "t.theme", "theme"),
    "language": _Dimension("language", "r.language"),
    "stars": _Dimension("stars", "r.rating"),
    "day": _Dimension("day", "to_char(r.created_at, 'YYYY-MM-DD')", in_time=True),
    "week": _Dimension("week", "to_char(date_trunc('week', r.created_at), 'YYYY-MM-DD')", in_time=True),
    "month": _Dimension("month", "to_char(r.created_at, 'YYYY-MM')", in_time=True),
    "quarter": _Dimension("quarter", "to_char(date_trunc('quarter', r.created_at), 'YYYY-MM')", in_time=True),
    "year": _Dimension("year", "to_char(r.created_at, 'YYYY')", in_time=True),
}
_DIMENSION_WORDS = {
    "topic": "theme",
    "channel": "source",
    "item": "product",
    "star": "stars",
    "rating": "stars",
    "platform": "source",
}
_ADVERBS = {
    "daily": "day",
    "weekly": "week",
    "monthly": "month",
    "quarterly": "quarter",
    "yearly": "year",
    "annual": "year",
}
_COUNT, _RATING, _SENTIMENT = "count(*)", "round(avg(r.rating), 2)", "round(avg(r.sentiment), 2)"


def understand(question: str, names: Names, today: date) -> Understood | None:
    """The statement for a question, or None where it is not one of the common ones. Times count in UTC. Never raises."""
    if not question.strip() or len(question) > LONGEST_QUESTION:
        return None
    reading = read(question, names, today)
    for rule in _RULES:
        rest = copy(reading)  # a rule takes from it what it knows
        found = rule(rest)
        if found is not None and _FILLERS.issuperset(rest.text.split()):
            return found
    return None


def _sql(query: exp.Select) -> str:
    return query.sql("postgres")


def _reviews(
    reading: Reading, dimension: _Dimension | None, figures: Sequence[str], *, feeling: bool = True
) -> exp.Select:
    """Figures over the reviews that a question means, told apart by a dimension if there is one."""
    query = exp.select(
        *([f"{dimension.expression} AS {dimension.name}"] if dimension else []), *figures, dialect="postgres"
    )
    query = query.from_("reviews AS r", dialect="postgres")
    if dimension is not None:
        if dimension.join == "product":
            query = query.join("products AS p", on="p.id = r.product_id", dialect="postgres")
        elif dimension.join == "theme":
            query = query.join("LATERAL unnest(r.themes) AS t(theme)", join_type="cross", dialect="postgres")
        query = query.group_by(dimension.expression, dialect="postgres")
    return query.where(*reading.conditions(feeling=feeling))


def _dimension(reading: Reading) -> _Dimension | None:
    """What the figures are to be told apart by."""
    words = "|".join([*_DIMENSIONS, *_DIMENSION_WORDS])
    if found := reading.take(
        rf"(?:(?:broken down |grouped |split )?(?:by|per|for each|for every|in each|across|each|every)) (?:the )?({words})s?"
    ):
        word = found[1]
    elif found := reading.take("|".join(_ADVERBS)):
        word = _ADVERBS[found[0]]
    elif found := reading.take(
        rf"(?:which|what) ({words})s?(?: (?:has|have|had|got|get|gets|received|is|are|was|were))?"
    ):
        word = found[1]
    else:
        return None
    return _DIMENSIONS[_DIMENSION_WORDS.get(word, word)]


def _limit(reading: Reading, otherwise: int) -> int:
    """How many rows are asked for."""
    found = reading.take(rf"(?<!\d )({NUMBER})(?= |$)")
    return max(1, min(number(found[1]), MOST_LISTED)) if found else otherwise


def _compare(reading: Reading) -> Understood | None:
    if len(reading.products) < 2 or not (
        reading.take("compare|compared|comparison|versus|vs|against|or|and|difference") is not None
    ):
        return None
    reading.take("compare|comparison|difference")
    reading.take("which(?: one)? is (?:better|best|worse|rated better)|better|worse|between|to|with|against|vs|versus")
    reading.take("rating|ratings|sentiment|sentiments")
    figures = (f"{_COUNT} AS reviews", f"{_RATING} AS avg_rating", f"{_SENTIMENT} AS avg_sentiment")
    query = _reviews(reading, _DIMENSIONS["product"], figures).order_by(
        "avg_sentiment DESC NULLS LAST, product", dialect="postgres"
    )
    return Understood(_sql(query), f"Reviews, stars and sentiment{reading.said()}, beside each other{_LEFT_OUT}.")


def _latest(reading: Reading) -> Understood | None:
    if reading.take("latest|newest|most recent|recent") is None and not (
        reading.has(rf"last {NUMBER} reviews?|last reviews?") and reading.take("last")
    ):
        return None
    if not reading.has("reviews?"):
        return None
    count = _limit(reading, 10)
    columns = (
        "r.created_at",
        "r.source",
        "p.name AS product",
        "r.rating",
        "r.sentiment",
        "r.title",
        "left(r.text, 500) AS text",
    )
    query = exp.select(*columns, dialect="postgres").from_("reviews AS r", dialect="postgres")
    query = query.join("products AS p", on="p.id = r.product_id", join_type="left", dialect="postgres")
    query = query.where(*reading.conditions()).order_by("r.created_at DESC, r.id", dialect="postgres").limit(count)
    return Understood(_sql(query), f"The {count} latest reviews{reading.said()}{_LEFT_OUT}.")


def _stock(reading: Reading) -> Understood | None:
    out = reading.take("out of stock|sold out|not in stock") is not None
    if not out and reading.take(
        "(?:running )?low (?:in|on) stock|low stock|low inventory|(?:running|run) (?:low|out)(?: of stock)?|"
        "(?:need|needs)(?: to be)? (?:re ?stocking|re ?stocked|re ?ordered)|(?:should|must) (?:we |i |be )*(?:re ?stock|re ?order)(?:ed)?|re ?stock|re ?order"
    ) is None:  # fmt: skip
        return None
    reading.take("need|should|stock|soon")
    condition = "p.inventory_quantity <= 0" if out else "p.inventory_quantity <= p.low_stock_threshold"
    query = (
        exp.select("p.name", "p.sku", "p.inventory_quantity", "p.low_stock_threshold")
        .from_("products AS p")
        .where(condition)
    )
    if reading.products:
        query = query.where(exp.column("name", "p").isin(*reading.products))
    query = query.order_by("p.inventory_quantity, p.name")
    return Understood(
        _sql(query),
        "The products that are out of stock." if out else "The products whose stock is at or below their threshold.",
    )


def _customers(reading: Reading) -> Understood | None:
    superlative = reading.take("best|top|most valuable|biggest|most loyal|most active|vip")
    whose = reading.take(
        "who(?: has| have)? (?:spent|spend|spends|bought|buys|paid|wrote|writes|written|got|has|earned|have)(?: (?:the )?most)?|which customers?"
    )
    if not (reading.has("customers?|buyers?|shoppers?") and superlative) and not whose:
        return None
    if reading.is_narrowed or reading.span is not None:
        return None
    reading.take("customers?|buyers?|shoppers?")
    said = f"{whose[0] if whose else ''} {superlative[0] if superlative else ''} {reading.text}"
    count = _limit(reading, 10)
    reading.take("most|highest|best")
    if "point" in said or "loyal" in said:
        reading.take("(?:loyalty )?points?")
        query = (
            exp.select("c.name", "c.email", "c.loyalty_points")
            .from_("customers AS c")
            .order_by("c.loyalty_points DESC, c.email")
        )
        return Understood(_sql(query.limit(count)), f"The {count} customers with the most loyalty points.")
    if "review" in said or "wrote" in said or "writ" in said or "active" in said:
        query = (
            exp.select("c.name", "c.email", "count(*) AS reviews")
            .from_("reviews AS r")
            .join("customers AS c", on="c.id = r.customer_id")
        )
        query = query.where(*reading.conditions()).group_by("c.id, c.name, c.email").order_by("reviews DESC, c.email")
        return Understood(_sql(query.limit(count)), f"The {count} customers with the most reviews{_LEFT_OUT}.")
    reading.take("spending|spend|spent|revenue|money|purchases|ltv|life ?time value|value|orders?|bought")
    query = exp.select("c.name", "c.email", "l.total_spent", "l.total_purchases").from_("customer_ltv AS l")
    query = query.join("customers AS c", on="c.id = l.customer_id").order_by(
        "l.total_spent DESC NULLS LAST, c.email", dialect="postgres"
    )
    return Understood(_sql(query.limit(count)), f"The {count} customers who have spent the most.")


def _money(reading: Reading) -> Understood | None:
    if (
        reading.take(
            "(?:total )?(?:revenue|sales|turnover|income)|how much (?:was|have|did|has) (?:\\w+ ){0,2}(?:spend|spent|sold|sell|earned|earn)|total spent"
        )
        is None
    ):
        return None
    if reading.is_narrowed and not reading.products:
        return None
    dimension = _dimension(reading)
    figures = ("sum(b.total_amount) AS revenue", "sum(b.quantity) AS sold")
    query = exp.select(*figures).from_("purchases AS b")
    if dimension is not None:
        if dimension.name != "product" and not dimension.in_time:
            return None
        expression = dimension.expression.replace("r.created_at", "b.purchased_at")
        query = exp.select(f"{expression} AS {dimension.name}", *figures, dialect="postgres").from_("purchases AS b")
        query = query.group_by(expression, dialect="postgres")
        query = query.order_by(dimension.name if dimension.in_time else "revenue DESC NULLS LAST", dialect="postgres")
    if reading.products or (dimension is not None and dimension.name == "product"):
        query = query.join("products AS p", on="p.id = b.product_id")
    if reading.products:
        query = query.where(exp.column("name", "p").isin(*reading.products))
    if conditions := in_span(reading.span, exp.column("purchased_at", "b")):
        query = query.where(*conditions)
    by = f", by {dimension.name}" if dimension else ""
    return Understood(_sql(query), f"What was paid and how many were sold{reading.said()}{by}.")


def _points(reading: Reading) -> Understood | None:
    if reading.take("(?:loyalty )?points?") is None or reading.is_narrowed:
        return None
    reading.take("how many|total|number of|sum of")
    reading.take("awarded|given|gave|earned|granted|give out|award")
    query = exp.select("coalesce(sum(g.points), 0) AS points", "count(*) AS times").from_("points AS g")
    if conditions := in_span(reading.span, exp.column("at", "g")):
        query = query.where(*conditions)
    return Understood(_sql(query), f"The loyalty points that were given{reading.said()}.")


def _share(reading: Reading) -> Understood | None:
    if reading.take("(?:share|percentage|percent|proportion|fraction|part|rate)(?: of)?") is None:
        return None
    found = reading.take("(positive|negative|happy|unhappy|neutral)(?: sentiment)?")
    if found is None:
        return None
    feeling = {"happy": "positive", "unhappy": "negative"}.get(found[1], found[1])
    dimension = _dimension(reading)
    asked = feels(feeling).sql("postgres")
    share = f"round(100.0 * count(*) FILTER (WHERE {asked}) / nullif(count(r.sentiment), 0), 1) AS percent_{feeling}"
    query = _reviews(reading, dimension, (share, f"{_COUNT} AS reviews"))
    if dimension is not None:
        query = query.order_by(
            dimension.name if dimension.in_time else f"percent_{feeling} DESC NULLS LAST", dialect="postgres"
        )
    what = {"positive": "above 3", "negative": "below 2"}.get(feeling, "from 2 to 3")
    return Understood(
        _sql(query),
        f"How many in a hundred analysed reviews{reading.said()} have a sentiment {what}{_by(dimension)}{_LEFT_OUT}.",
    )


def _by(dimension: _Dimension | None) -> str:
    return f", by {dimension.name}" if dimension else ""


_COMPLAINT = (
    "(?:what|which things?) (?:do|did|are|have) (?:the )?(?:people|customers|reviewers|users|they|buyers) "
    "(?:complain|complaining|complained|dislike|hate)(?: most| mostly)?(?: about)?|(?:top |most (?:common|frequent) |main |biggest )?complaints?"
)
_PRAISE = (
    "(?:what|which things?) (?:do|did|are|have) (?:the )?(?:people|customers|reviewers|users|they|buyers) "
    "(?:praise|praising|like|liked|love|loved|enjoy)(?: most| best)?(?: about)?|(?:top |most (?:common|frequent) |main )?praises?"
)


def _themes(reading: Reading) -> Understood | None:
    if reading.take(_COMPLAINT):
        reading.feeling, said = "negative", "The themes of negative reviews"
    elif reading.take(_PRAISE):
        reading.feeling, said = "positive", "The themes of positive reviews"
    elif (
        reading.has("themes?|topics?")
        and not reading.has("(?:by|per|each|across) (?:theme|topic)|average|trend|worst|highest|lowest|best")
    ) or reading.take(
        "what (?:do|are|did) (?:people|customers|reviewers|users|they) (?:talk|talking|write|writing|say|saying)(?: about)?"
    ):
        said = "The themes of reviews"
    else:
        return None
    reading.take("themes?|topics?")
    reading.take(
        "most (?:mentioned|common|frequent|often mentioned|discussed|talked about)|top|main|popular|frequent|most"
    )
    reading.take("mentioned|discussed|most|often")
    count = _limit(reading, 10)
    query = _reviews(reading, _DIMENSIONS["theme"], (f"{_COUNT} AS reviews", f"{_SENTIMENT} AS avg_sentiment"))
    query = query.order_by("reviews DESC, theme").limit(count)
    understood = Understood(
        _sql(query), f"{said}{reading.said(feeling=False)}, the {count} most mentioned first{_LEFT_OUT}."
    )
    return understood


def _trend(reading: Reading) -> Understood | None:
    if (
        reading.take(
            "trends?|over time|(?:development|evolution|history|course)(?: of)?|(?:changed?|changing|developed|evolved)(?: over time)?|progress"
        )
        is None
    ):
        return None
    reading.take("over time|over the")
    dimension = _dimension(reading) or _DIMENSIONS["month"]
    if not dimension.in_time:
        return None
    reading.take(
        "(?:average |mean )?(?:sentiment|rating|ratings|stars)(?: and (?:rating|sentiment))?|(?:number|volume) of(?: reviews)?|volume"
    )
    figures = (f"{_COUNT} AS reviews", f"{_SENTIMENT} AS avg_sentiment", f"{_RATING} AS avg_rating")
    query = _reviews(reading, dimension, figures).order_by(dimension.name)
    return Understood(_sql(query), f"Reviews, sentiment and stars{reading.said()}, by {dimension.name}{_LEFT_OUT}.")


def _measure(reading: Reading) -> tuple[str, str, str] | None:
    """Which figure is meant: its expression, its name, and how it is called."""
    if reading.take("sentiments?|feelings?|mood"):
        return _SENTIMENT, "avg_sentiment", "mean sentiment (0 to 5)"
    if reading.take("ratings?|stars?|scores?|rated"):
        return _RATING, "avg_rating", "mean of the stars (1 to 5)"
    return None


def _average(reading: Reading) -> Understood | None:
    led = reading.take("averages?|avg|mean") is not None
    dimension = _dimension(reading)
    measure = _measure(reading)
    if measure is None or (not led and reading.has("top|best|worst|highest|lowest|how many|number|most")):
        return None
    expression, name, said = measure
    query = _reviews(reading, dimension, (f"{expression} AS {name}", f"{_COUNT} AS reviews"))
    if dimension is not None:
        query = query.order_by(
            dimension.name if dimension.in_time else f"{name} DESC NULLS LAST, {dimension.name}", dialect="postgres"
        )
    return Understood(_sql(query), f"The {said} of reviews{reading.said()}{_by(dimension)}{_LEFT_OUT}.")


def _ranking(reading: Reading) -> Understood | None:
    words = "|".join(["product", "source", "theme", "item", "topic", "channel", "platform"])
    single = reading.has(rf"(?:which|what)(?: is| was)?(?: the| our)?(?: \w+){{0,2}} (?:{words})(?!s)\b")
    order = reading.take(
        "(?:top|best|worst|highest|lowest|most|least|poorest|favou?rite|popular)(?: (?:rated|reviewed|popular|liked|loved|hated|negative|positive|selling|sold))?"
    )
    found = reading.take(rf"(?:which |what |our )?({words})s?(?: (?:has|have|had|gets?|got|is|are|was|were))?(?: the)?")
    if order is None or found is None:
        return None
    count = _limit(reading, 1 if single else 10)
    word = order[0]
    reading.take("top|best|worst|highest|lowest|most|least")
    if "sell" in word or "sold" in word:
        return None
    dimension = _DIMENSIONS[_DIMENSION_WORDS.get(found[1], found[1])]
    by_count = word.startswith(("most", "least", "popular")) and not any(
        part in word for part in ("rated", "liked", "loved", "hated", "negative", "positive")
    )
    measure = _measure(reading)
    if measure is None and "rated" in word:
        measure = _RATING, "avg_rating", "mean of the stars (1 to 5)"
    reading.take("average|mean|by|customers?|people")
    if measure is None:
        by_count = (
            by_count or reading.take("(?:number|count|volume) of reviews|review (?:count|volume)|mentions") is not None
        )
        measure = (_COUNT, "reviews", "number") if by_count else (_SENTIMENT, "avg_sentiment", "mean sentiment")
    falling = not any(part in word for part in ("worst", "lowest", "least", "poorest", "hated", "most negative"))
    expression, name, said = measure
    figures = [f"{expression} AS {name}"] + ([] if name == "reviews" else [f"{_COUNT} AS reviews"])
    query = _reviews(reading, dimension, figures).order_by(
        f"{name} {'DESC' if falling else 'ASC'} NULLS LAST, {dimension.name}", dialect="postgres"
    )
    which = "highest" if falling else "lowest"
    some, plural = (f"{count} ", "s") if count != 1 else ("", "")
    return Understood(
        _sql(query.limit(count)),
        f"The {some}{dimension.name}{plural} with the {which} {said} of reviews{reading.said()}{_LEFT_OUT}.",
    )


def _best_selling(reading: Reading) -> Understood | None:
    if (
        reading.take("best ?selling|best ?sellers?|most (?:sold|bought|purchased)|top selling|sell(?:s)? (?:best|most)")
        is None
        or reading.is_narrowed
    ):
        return None
    reading.take("products?|items?")
    reading.take("top|best")
    count = _limit(reading, 10)
    query = exp.select("p.name AS product", "sum(b.quantity) AS sold", "sum(b.total_amount) AS revenue").from_(
        "purchases AS b"
    )
    query = query.join("products AS p", on="p.id = b.product_id").group_by("p.name").order_by("sold DESC, p.name")
    if conditions := in_span(reading.span, exp.column("purchased_at", "b")):
        query = query.where(*conditions)
    return Understood(_sql(query.limit(count)), f"The {count} products that were sold most{reading.said()}.")


_COUNTED = {
    "products?|items?": ("products", "created_at", "products"),
    "customers?|buyers?": ("customers", "created_at", "customers"),
    "purchases?|orders?|sales": ("purchases", "purchased_at", "lines of orders"),
}


def _count_others(reading: Reading) -> Understood | None:
    if not reading.has("how many|number of|count(?: of)?") or reading.has("reviews?") or reading.is_narrowed:
        return None
    reading.take("how many|number of|count(?: of)?")
    for pattern, (table, time, said) in _COUNTED.items():
        if reading.take(pattern):
            query = exp.select("count(*)").from_(f"{table} AS n")
            if conditions := in_span(reading.span, exp.column(time, "n")):
                query = query.where(*conditions)
            return Understood(_sql(query), f"The number of {said}{reading.said()}.")
    return None


def _set_aside(reading: Reading) -> Understood | None:
    found = reading.take("spam|duplicates?|duplicated|repeated")
    if found is None or reading.take("how many|number of|count(?: of)?") is None:
        return None
    status = "spam" if found[0] == "spam" else "duplicate"
    conditions = [exp.column("status", "r").eq(text(status)), *reading.conditions()[1:]]
    query = exp.select("count(*) AS reviews").from_("reviews AS r").where(*conditions)
    return Understood(
        _sql(query),
        f"The number of reviews{reading.said()} that are held for {status}{'s' if status == 'duplicate' else ''}.",
    )


def _count(reading: Reading) -> Understood | None:
    asked = reading.take(
        "how many(?: reviews?)?|(?:the )?(?:total )?(?:number|count|amount|volume)(?: of)?(?: reviews?)?"
    )
    reviews = (asked is not None and "review" in asked[0]) or reading.has("reviews?|feedback")
    dimension = _dimension(reading)
    if not reviews or (asked is None and dimension is None):
        return None
    reading.take("feedback")
    reading.take("do we have|are there|were there|have we|did we get")
    query = _reviews(reading, dimension, (f"{_COUNT} AS reviews",))
    if dimension is not None:
        query = query.order_by(
            dimension.name if dimension.in_time else f"reviews DESC, {dimension.name}", dialect="postgres"
        )
    return Understood(_sql(query), f"The number of reviews{reading.said()}{_by(dimension)}{_LEFT_OUT}.")


_RULES: tuple[Callable[[Reading], Understood | None], ...] = (
    _compare, _latest, _stock, _best_selling, _customers, _money, _points, _share, _set_aside, _themes, _trend, _ranking, _average,
    _count_others, _count,
)  # fmt: skip
