"""Taking reviews in: files, rows handed in, and webhooks of others."""

from stretto_reviews.imports.files import Format, format_of, read_lines, write_rejects
from stretto_reviews.imports.hooks import subscriptions
from stretto_reviews.imports.rows import Product, Rejected, ReviewRow, read_row
from stretto_reviews.imports.store import (
    Import,
    all_rejects,
    begin_import,
    encode,
    get_import,
    imports,
    put_rejects,
    put_rows,
    put_unread,
    read_rows,
    rejects,
    take_in,
)
from stretto_reviews.imports.webhooks import (
    OrderRow,
    PayloadUnread,
    ProductRow,
    from_shopify_order,
    from_shopify_product,
    from_synup,
)

__all__ = [
    "Format",
    "Import",
    "OrderRow",
    "PayloadUnread",
    "Product",
    "ProductRow",
    "Rejected",
    "ReviewRow",
    "all_rejects",
    "begin_import",
    "encode",
    "format_of",
    "from_shopify_order",
    "from_shopify_product",
    "from_synup",
    "get_import",
    "imports",
    "put_rejects",
    "put_rows",
    "put_unread",
    "read_lines",
    "read_row",
    "read_rows",
    "rejects",
    "subscriptions",
    "take_in",
    "write_rejects",
]
