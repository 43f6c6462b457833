"""What Synup and Shopify send becomes reviews, orders and products.

Both are taken in by hook sources whose names begin with `synup` or `shopify` (docs/webhooks.md): the signature is checked on the
raw body there, and what comes from there are events `hook.NAME`. Shopify's scheme is among Stretto's own. Synup publishes no
way of signing reviews that it sends, so its scheme here is plain: `X-Synup-Signature`, HMAC-SHA256 of the body as hex, which a
relay in front of it can add.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast

import msgspec

from stretto.errors import Invalid, Permanent, SignatureRefused
from stretto.events.webhooks import Request, Verified, register_scheme
from stretto_reviews.imports.dates import read_date
from stretto_reviews.imports.rows import MAX_ID_CHARS, MAX_NAME_CHARS, Rejected, ReviewRow, read_row

MOST_LINES = 1_000
MOST_AMOUNT = Decimal(10) ** 9
MOST_PIECES = 1_000_000
_SYNUP_NAMES = {
    "external_id": ("review_id", "interaction_id", "id"),
    "source": ("source", "site_name", "siteName", "site"),
    "text": ("text", "content", "review", "comment"),
    "title": ("title",),
    "rating": ("rating", "stars"),
    "created_at": ("created_at", "date", "review_date", "createdAt", "timestamp"),
    "customer_name": ("reviewer_name", "author_name", "userName", "user_name", "author"),
}


class PayloadUnread(Permanent, Invalid):
    """A webhook does not hold what its sender says that it holds. The message names the field."""


class OrderLine(msgspec.Struct, frozen=True):
    """A line of an order. `total` is what was paid for all its pieces, less discounts."""

    line: str
    product_id: str | None
    name: str
    sku: str
    quantity: int
    price: Decimal
    total: Decimal


class OrderRow(msgspec.Struct, frozen=True):
    """An order as it is now. One that was cancelled has no lines."""

    order_id: str
    customer_email: str | None
    customer_name: str
    purchased_at: datetime
    lines: tuple[OrderLine, ...]


class ProductRow(msgspec.Struct, frozen=True):
    """A product as it is now. `quantity` is that of all its variants; None where the shop does not count them."""

    external_id: str
    name: str
    sku: str
    price: Decimal | None
    quantity: int | None
    updated_at: datetime


def synup(secret: str, request: Request) -> Verified:
    """`X-Synup-Signature: hex` over the body; no time and no id are signed, so a repetition is known by the body."""
    given = request.headers.get("x-synup-signature", "").strip().lower().removeprefix("sha256=")
    wanted = hmac.digest(secret.encode(), request.body, hashlib.sha256).hex()
    if not hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace")):
        raise SignatureRefused
    return Verified()


register_scheme("synup", synup)


# Synup


def synup_fields(payload: Mapping[str, Any], received_at: datetime | None = None) -> dict[str, Any]:
    """A review that Synup tells of, with the names that `read_row` knows; what it does not know stays beside them."""
    inner = next(
        (payload[name] for name in ("review", "interaction", "data") if isinstance(payload.get(name), Mapping)), None
    )
    found = {**payload, **cast("Mapping[str, Any]", inner)} if inner is not None else dict(payload)
    if inner is not None:
        for name in ("review", "interaction", "data"):
            if payload.get(name) is inner:
                found.pop(name, None)
    fields: dict[str, Any] = {}
    for name, aliases in _SYNUP_NAMES.items():
        for alias in aliases:
            value = found.get(alias)
            if value is not None and value != "":
                fields[name] = found.pop(alias)
                break
    fields.setdefault("source", "synup")
    if "created_at" not in fields and received_at is not None:
        fields["created_at"] = received_at.isoformat()
    return {**found, **fields}


def from_synup(payload: Mapping[str, Any], received_at: datetime | None = None) -> ReviewRow:
    """The review that Synup tells of. Raises `PayloadUnread`."""
    row = read_row(1, synup_fields(payload, received_at), received_at)
    if isinstance(row, list):
        raise PayloadUnread("Synup's review cannot be taken. " + " ".join(told(each) for each in row))
    return row


def told(rejected: Rejected) -> str:
    """A reason as a sentence."""
    return f"{rejected.field} {rejected.reason}"


# Shopify


def from_shopify_order(payload: Mapping[str, Any]) -> OrderRow:
    """The order of a webhook of Shopify (topics `orders/…`). Raises `PayloadUnread`.

    https://shopify.dev/docs/api/webhooks; amounts are texts there, such as "59.99".
    """
    order_id = _id(payload, "id")
    customer = _mapping(payload.get("customer"))
    email = next(
        (_email(each) for each in (payload.get("email"), payload.get("contact_email"), customer.get("email")) if each),
        None,
    )
    name = " ".join(filter(None, (_text(customer.get("first_name")), _text(customer.get("last_name")))))
    at = read_date(payload.get("processed_at") or payload.get("created_at"))
    if at is None:
        raise PayloadUnread("created_at of the order cannot be read as a date.")
    lines: dict[str, OrderLine] = {}
    if not payload.get("cancelled_at"):
        given = payload.get("line_items")
        if not isinstance(given, list) or len(cast("list[object]", given)) > MOST_LINES:
            raise PayloadUnread(f"line_items of the order is no list of at most {MOST_LINES:,} lines.")
        for place, each in enumerate(cast("list[object]", given)):
            line = _order_line(_mapping(each), place)
            if line.quantity:
                lines[line.line] = line
    return OrderRow(order_id, email, name[:MAX_NAME_CHARS], at, tuple(lines.values()))


def _order_line(item: Mapping[str, Any], place: int) -> OrderLine:
    where = f"line_items[{place}]"
    line = _id(item, "id", where) if item.get("id") is not None else str(place + 1)
    quantity = item.get("current_quantity", item.get("quantity"))
    if isinstance(quantity, bool) or not isinstance(quantity, int) or not 0 <= quantity <= MOST_PIECES:
        raise PayloadUnread(f"{where}.quantity is no number of pieces.")
    price = _amount(item.get("price"), f"{where}.price")
    allocations = item.get("discount_allocations")
    discount = sum(
        (_amount(_mapping(each).get("amount"), f"{where}.discount_allocations") for each in _list(allocations)),
        Decimal(0),
    )
    if not _list(allocations) and item.get("total_discount") is not None:
        discount = _amount(item["total_discount"], f"{where}.total_discount")
    total = max(price * quantity - discount, Decimal(0))
    if total >= MOST_AMOUNT:
        raise PayloadUnread(f"{where} costs more than can be.")
    product_id = _id(item, "product_id", where) if item.get("product_id") is not None else None
    title = _text(item.get("title") or item.get("name")) or product_id or line
    return OrderLine(
        line, product_id, title[:MAX_NAME_CHARS], _text(item.get("sku"))[:MAX_ID_CHARS], quantity, price, total
    )


def from_shopify_product(payload: Mapping[str, Any]) -> ProductRow:
    """The product of a webhook of Shopify (topics `products/…`). Raises `PayloadUnread`."""
    variants = [_mapping(each) for each in _list(payload.get("variants"))]
    first = variants[0] if variants else cast("Mapping[str, Any]", {})
    counted = [each["inventory_quantity"] for each in variants if _counts(each)]
    at = read_date(payload.get("updated_at")) or datetime.now(UTC)
    external_id = _id(payload, "id")
    return ProductRow(
        external_id=external_id,
        name=(_text(payload.get("title")) or external_id)[:MAX_NAME_CHARS],
        sku=_text(first.get("sku"))[:MAX_ID_CHARS],
        price=None
        if first.get("price") is None
        else min(_amount(first["price"], "variants[0].price"), Decimal("99999999.99")),
        quantity=min(max(sum(counted), 0), 2**31 - 1) if counted else None,
        updated_at=at,
    )


def _counts(variant: Mapping[str, Any]) -> bool:
    quantity = variant.get("inventory_quantity")
    if isinstance(quantity, bool) or not isinstance(quantity, int) or abs(quantity) > 2**31:
        return False
    # Where it is told who manages the stock and nobody does, the number means nothing.
    return "inventory_management" not in variant or variant["inventory_management"] is not None


def _id(body: Mapping[str, Any], name: str, where: str = "") -> str:
    value = body.get(name)
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    text = text.rpartition("/")[2] if text.startswith("gid://") else text
    if not text or len(text) > MAX_ID_CHARS or not text.isprintable():
        raise PayloadUnread(f"{where + '.' if where else ''}{name} is no id.")
    return text


def _amount(value: object, where: str) -> Decimal:
    try:
        amount = (
            Decimal(str(value)) if isinstance(value, str | int | float) and len(str(value)) < 40 else Decimal("NaN")
        )
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount < MOST_AMOUNT:
        raise PayloadUnread(f"{where} is no amount of money.")
    return amount.quantize(Decimal("0.01"))


def _email(value: object) -> str | None:
    row = read_row(1, {"text": "-", "email": value})
    return row.customer_email if isinstance(row, ReviewRow) else None


def _text(value: object) -> str:
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return "".join(each for each in text if each.isprintable()).strip()


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[object]:
    return cast("list[object]", value) if isinstance(value, list) else ()
