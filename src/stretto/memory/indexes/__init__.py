"""Where vectors are searched: PostgreSQL, or a server beside it."""

from stretto.memory.indexes.port import Point, Shelf, VectorIndex
from stretto.memory.indexes.postgres import PostgresIndex
from stretto.memory.indexes.qdrant import QdrantIndex

__all__ = ["Point", "PostgresIndex", "QdrantIndex", "Shelf", "VectorIndex"]
