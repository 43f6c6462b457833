"""The database: an embedded PostgreSQL or one of your own, migrated, and reached through transactions bound to a tenant."""

from stretto.store.database import DEFAULT_TENANT, Database
from stretto.store.ids import new_id
from stretto.store.partitions import uuid7_floor
from stretto.store.sql import load_queries

__all__ = ["DEFAULT_TENANT", "Database", "load_queries", "new_id", "uuid7_floor"]
