"""A line of what was handed in becomes a review, or tells field by field why it cannot be one.

The names of fields are taken leniently (`stars`, `Review Text`, `createdAt`), what they hold is not: a review with a wrong date
or a rating of 7 would bend every figure that it goes into.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
import orjson

from stretto_reviews.imports.dates import read_date

MAX_TEXT_CHARS = 20_000
MAX_TITLE_CHARS = 500
MAX_NAME_CHARS = 200
MAX_ID_CHARS = 200
MAX_SOURCE_CHARS = 40
MAX_EMAIL_CHARS = 254  # RFC 5321, with errata 1690
MAX_METADATA_BYTES = 4_000
MAX_METADATA_VALUE_BYTES = 500
MOST_METADATA = 20
MAX_BODY_CHARS = 2_000
EXACT = 2**53
EARLIEST = datetime(1995, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)
"""A review may be dated so far after now: clocks and time zones differ."""

_EMAIL = re.compile(
    r"[^\s@,;<>\"()\[\]\\]{1,64}@(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}"
)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROLS_OF_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BREAKS = re.compile(r"[\s\-.]+")
_NAMES: dict[str, tuple[str, ...]] = {
    "source": ("source", "platform", "channel"),
    "external_id": ("external_id", "review_id", "id"),
    "created_at": ("created_at", "review_date", "date", "time", "timestamp"),
    "rating": ("rating", "stars", "star_rating", "score"),
    "title": ("title", "review_title", "headline", "summary"),
    "text": ("text", "review_text", "review", "body", "review_body", "content", "comment"),
    "product_id": ("product_id", "product_external_id", "sku", "asin", "item_id"),
    "product_name": ("product_name", "product_title", "product"),
    "customer_email": ("customer_email", "email", "reviewer_email", "author_email"),
    "customer_name": ("customer_name", "reviewer_name", "reviewer", "author_name", "author", "user_name", "username"),
    "opted_into_loyalty": ("opted_into_loyalty", "loyalty_opt_in", "opted_in", "loyalty"),
    "latitude": ("latitude", "lat"),
    "longitude": ("longitude", "lng", "lon", "long"),
    "ip_address": ("ip_address", "ip"),
}
_NESTED = {
    "customer": {"email": "customer_email", "name": "customer_name", "opted_into_loyalty": "opted_into_loyalty"},
    "product": {"id": "product_id", "external_id": "product_id", "sku": "product_id", "name": "product_name"},
    "location": {
        "latitude": "latitude",
        "lat": "latitude",
        "longitude": "longitude",
        "lng": "longitude",
        "lon": "longitude",
    },
}
"""Objects that a line may hold, and what their fields stand for."""
_YES = frozenset({"true", "yes", "y", "1", "t", "on"})
_NO = frozenset({"false", "no", "n", "0", "f", "off"})


class Product(msgspec.Struct, frozen=True):
    """What a review is about, as the shop names it."""

    external_id: str
    name: str


class ReviewRow(msgspec.Struct, frozen=True, kw_only=True):
    """A review as it was handed in, ready to be taken."""

    source: str
    external_id: str
    created_at: datetime
    """In UTC."""
    text: str
    rating: int | None = None
    title: str = ""
    product: Product | None = None
    customer_email: str | None = None
    """In small letters."""
    customer_name: str = ""
    opted_into_loyalty: bool | None = None
    latitude: float | None = None
    longitude: float | None = None
    ip_address: str | None = None
    metadata: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    """Other fields, where they are small; `left_out` names those that are not."""


class Rejected(msgspec.Struct, frozen=True):
    """A line that cannot be taken, or one of its fields: why, and the line as it came, cut short."""

    line: int
    field: str
    reason: str
    body: str


class Unfit(ValueError):
    """What a field holds cannot be used; its text completes "rating: …"."""


def read_row(line: int, body: Mapping[str, Any], received_at: datetime | None = None) -> ReviewRow | list[Rejected]:
    """The review that a line holds, or everything that is wrong with it.

    A line without a date is of `received_at` (default: now); one without an id gets one from what it holds, so that the same
    line is the same review however often it is handed in.
    """
    now = received_at or datetime.now(UTC)
    found, others = sort_fields(body)
    values: dict[str, Any] = {}
    wrong: list[tuple[str, str]] = []
    for name, read in _READERS.items():
        key, raw = found.get(name, (name, None))
        try:
            values[name] = None if raw is None else read(raw)
        except Unfit as reason:
            wrong.append((key, str(reason)))
    if values.get("text", "") is None:
        wrong.append((found.get("text", ("text", None))[0], "is missing. A review needs some text."))
    created_at: datetime | None = values.get("created_at")
    if created_at is not None:
        if created_at > now + AHEAD:
            wrong.append((found["created_at"][0], f"{created_at:%Y-%m-%d %H:%M} is in the future."))
        elif created_at < EARLIEST:
            wrong.append((found["created_at"][0], f"{created_at:%Y-%m-%d} is before 1995, so it cannot be right."))
    if "latitude" in values and "longitude" in values and (values["latitude"] is None) != (values["longitude"] is None):
        missing = "latitude" if values["latitude"] is None else "longitude"
        wrong.append((missing, "is missing, and the other coordinate is there. Give both or none."))
    if wrong:
        cut, once = body_of(body), dict[str, str]()
        for field, reason in wrong:
            once.setdefault(_CONTROLS_OF_A_LINE.sub("", field)[:80], reason)
        return [Rejected(line, field, reason, cut) for field, reason in once.items()]
    return _row(values, found, others, now)


def _row(
    values: dict[str, Any], found: Mapping[str, tuple[str, Any]], others: Mapping[str, Any], now: datetime
) -> ReviewRow:
    product_id, product_name = values.pop("product_id"), values.pop("product_name")
    product = None
    if product_id or product_name:
        product = Product(product_id or _BREAKS.sub("-", product_name.casefold()), product_name or product_id)
    source = values.pop("source") or "import"
    external_id = values.pop("external_id") or content_id(source, found)
    values["created_at"] = values["created_at"] or now
    values["title"], values["customer_name"] = values["title"] or "", values["customer_name"] or ""
    return ReviewRow(source=source, external_id=external_id, product=product, metadata=small(others), **values)


def content_id(source: str, found: Mapping[str, tuple[str, Any]]) -> str:
    """The id of a review that came without one: a digest of what makes it this one, as it was written."""
    parts = [
        source,
        *(str(found[name][1]).strip() if name in found else "" for name in _NAMES if name != "external_id"),
    ]
    return "sha256:" + hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:40]


def sort_fields(body: Mapping[str, Any]) -> tuple[dict[str, tuple[str, Any]], dict[str, Any]]:
    """The fields that are known, each under its own name with the one it came under; and the others. Empty ones are left out."""
    there: dict[str, tuple[str, Any]] = {}
    for key, value in body.items():
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        there.setdefault(plain_name(key), (key, value))
    for outer, inner in _NESTED.items():
        nested = there.get(outer, ("", None))[1]
        if isinstance(nested, Mapping):
            came_as, _ = there.pop(outer)
            for key, value in cast("Mapping[str, Any]", nested).items():
                name = inner.get(plain_name(key), f"{outer}_{plain_name(key)}")
                if value is not None and value != "":
                    there.setdefault(name, (f"{came_as}.{key}", value))
    found: dict[str, tuple[str, Any]] = {}
    for name, aliases in _NAMES.items():
        for alias in aliases:
            if alias in there:
                found[name] = there.pop(alias)
                break
    return found, dict(there.values())


def plain_name(name: str) -> str:
    """A column's name as those of this program are written: `Review Date` and `reviewDate` are `review_date`."""
    return _BREAKS.sub("_", _CAMEL.sub("_", str(name)[:MAX_NAME_CHARS]).strip()).casefold()


def small(others: Mapping[str, Any]) -> dict[str, Any]:
    """Other fields as far as they are small; the names of the rest under `left_out`."""
    kept: dict[str, Any] = {}
    left_out: list[str] = []
    room = MAX_METADATA_BYTES
    for key, value in others.items():
        name = _CONTROLS_OF_A_LINE.sub("", key)[:80]
        try:
            encoded = orjson.dumps(value)
        except (TypeError, ValueError):
            encoded = b""
        fits = encoded and len(encoded) <= MAX_METADATA_VALUE_BYTES and b"\\u0000" not in encoded
        if fits and len(encoded) + len(name) <= room and len(kept) < MOST_METADATA:
            kept[name] = value
            room -= len(encoded) + len(name)
        elif len(left_out) < MOST_METADATA:
            left_out.append(name)
    if left_out:
        kept["left_out"] = left_out
    return kept


def body_of(body: object) -> str:
    """A line as it came, cut short, in a form that PostgreSQL can keep."""
    if isinstance(body, str):
        text = body
    else:
        try:
            text = orjson.dumps(body, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        except (TypeError, ValueError):
            text = str(body)
    return text[:MAX_BODY_CHARS].encode("utf-8", "replace").decode().replace("\0", "")


# What each field may hold


def _prose(most: int) -> Callable[[object], str | None]:
    """Text of several lines. Control characters in it say nothing, so they are left out."""

    def read(value: object) -> str | None:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise Unfit("is not a text.")
        text = _CONTROLS.sub("", str(value).replace("\r\n", "\n").replace("\r", "\n")).strip()
        if len(text) > most:
            raise Unfit(f"has {len(text):,} characters; {most:,} are the most.")
        return text or None

    return read


def _line(most: int) -> Callable[[object], str | None]:
    """Text of one line, which names something: with control characters it would name something else."""

    def read(value: object) -> str | None:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise Unfit("is not a text.")
        if isinstance(value, float):
            if abs(value) >= EXACT:  # JSON's readers round such numbers: two ids could become one
                raise Unfit("is too long to be a number. Write it in quotes.")
            value = int(value) if value.is_integer() else value
        text = str(value).strip()
        if len(text) > most:
            raise Unfit(f"has {len(text):,} characters; {most:,} are the most.")
        if _CONTROLS_OF_A_LINE.search(text):
            raise Unfit("has control characters in it.")
        return text or None

    return read


def _source(value: object) -> str | None:
    """In small letters, of which there may be more than of large ones."""
    return _line(MAX_SOURCE_CHARS)(value.casefold() if isinstance(value, str) else value)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Unfit("is not a number.")
    try:
        number = float(value) if not isinstance(value, str) or len(value) < 50 else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise Unfit(f"{shown(value)} is not a number.")
    return number


def _rating(value: object) -> int:
    number = _number(value)
    if not 1 <= number <= 5:
        raise Unfit(f"{number:g} is not from 1 to 5.")
    if number != int(number):
        raise Unfit(f"{number:g} is not a whole number; ratings are 1, 2, 3, 4 or 5.")
    return int(number)


def _degrees(most: int) -> Callable[[object], float]:
    def read(value: object) -> float:
        number = _number(value)
        if not -most <= number <= most:
            raise Unfit(f"{number:g} is not from -{most} to {most}.")
        return number

    return read


def _date(value: object) -> datetime:
    found = read_date(value)
    if found is None:
        raise Unfit(f"{shown(value)} cannot be read as a date. Write it as 2025-03-31 or 2025-03-31T14:05:00Z.")
    return found


def _email(value: object) -> str:
    text = value.strip().casefold() if isinstance(value, str) else ""
    if len(text) > MAX_EMAIL_CHARS or not _EMAIL.fullmatch(text) or _CONTROLS_OF_A_LINE.search(text):
        raise Unfit("is not an e-mail address.")
    return text


def _yes(value: object) -> bool:
    text = str(value).strip().casefold() if isinstance(value, str | int) else ""
    if text not in _YES and text not in _NO:
        raise Unfit(f"{shown(value)} is neither yes nor no.")
    return text in _YES


def _address(value: object) -> str:
    try:
        return str(ipaddress.ip_address(value.strip() if isinstance(value, str) else ""))
    except ValueError:
        raise Unfit(f"{shown(value)} is not an IP address.") from None


def shown(value: object) -> str:
    """A value in a sentence, cut short."""
    text = _CONTROLS_OF_A_LINE.sub("", str(value))
    return repr(text if len(text) <= 40 else text[:39] + "…")


_READERS: dict[str, Callable[[object], Any]] = {
    "source": _source,
    "external_id": _line(MAX_ID_CHARS),
    "created_at": _date,
    "rating": _rating,
    "title": _prose(MAX_TITLE_CHARS),
    "text": _prose(MAX_TEXT_CHARS),
    "product_id": _line(MAX_ID_CHARS),
    "product_name": _line(MAX_NAME_CHARS),
    "customer_email": _email,
    "customer_name": _line(MAX_NAME_CHARS),
    "opted_into_loyalty": _yes,
    "latitude": _degrees(90),
    "longitude": _degrees(180),
    "ip_address": _address,
}
