"""Taking reviews in: files, rows handed in, and webhooks of others."""

from stretto_reviews.imports.files import Format, format_of, read_lines, write_rejects
from stretto_reviews.imports.rows import Product, Rejected, ReviewRow, read_row
from stretto_reviews.imports.store import (
    Import,
    all_rejects,
    begin_import,
    finish,
    get_import,
    imports,
    put_rejects,
    put_rows,
    put_unread,
    read_rows,
    rejects,
    take_in,
)

__all__ = [
    "Format",
    "Import",
    "Product",
    "Rejected",
    "ReviewRow",
    "all_rejects",
    "begin_import",
    "finish",
    "format_of",
    "get_import",
    "imports",
    "put_rejects",
    "put_rows",
    "put_unread",
    "read_lines",
    "read_row",
    "read_rows",
    "rejects",
    "take_in",
    "write_rejects",
]
