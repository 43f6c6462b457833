"""Taking reviews in: files, rows handed in, and webhooks of others."""

from stretto_reviews.imports.files import Format, format_of, read_lines, write_rejects
from stretto_reviews.imports.hooks import subscriptions
from stretto_reviews.imports.rows import Product, Rejected, ReviewRow, read_row
from stretto_reviews.imports.store import (
    Import,
    all_rejects,
    begin_import,
    begin_within,
    encode,
    get_import,
    imports,
    put_rejects,
    put_rows,
    put_within,
    read_rows,
    rejects,
    take_in,
    take_within,
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
    "begin_within",
    "encode",
    "format_of",
    "from_shopify_order",
    "from_shopify_product",
    "from_synup",
    "get_import",
    "imports",
    "put_rejects",
    "put_rows",
    "put_within",
    "read_lines",
    "read_row",
    "read_rows",
    "rejects",
    "subscriptions",
    "take_in",
    "take_within",
    "write_rejects",
]
