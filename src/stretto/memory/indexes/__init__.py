"""Where vectors are searched: PostgreSQL, or a server beside it."""

from stretto.memory.indexes.port import Shelf, VectorIndex
from stretto.memory.indexes.postgres import PostgresIndex

__all__ = ["PostgresIndex", "Shelf", "VectorIndex"]
