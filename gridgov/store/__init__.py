"""The store: `open_store(url)` is the only door."""

from __future__ import annotations

from gridgov.store.address import database_parts, embedded_path
from gridgov.store.base import Filter, Loaded, Near, Page, Query, Store, Tx, Write
from gridgov.store.postgis import PostgisStore
from gridgov.store.sqlite import SqliteStore, sqlite_facts

__all__ = ["Filter", "Loaded", "Near", "Page", "Query", "Store", "Tx", "Write", "open_store", "sqlite_facts"]


def open_store(url: str, *, pool_size: int = 10, wait_seconds: float = 5.0) -> Store:
    """The store behind `url`: sqlite:///PATH (relative) or sqlite:////PATH (absolute), or postgresql://….

    Raises ConfigurationProblem for any other scheme, and for parts that cannot be. Nothing is connected before the
    first use.
    """
    path = embedded_path(url)
    if path is not None:
        return SqliteStore(path, pool_size=pool_size, wait_seconds=wait_seconds)
    database_parts(url)
    return PostgisStore(
        url.replace("postgres://", "postgresql://", 1), pool_size=pool_size, wait_seconds=wait_seconds
    )
