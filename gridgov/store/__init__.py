"""The store: `open_store(url)` is the only door."""

from __future__ import annotations

from pathlib import Path

from gridgov.errors import ConfigurationProblem
from gridgov.store.base import Filter, Loaded, Near, Page, Query, Store, Tx, Write
from gridgov.store.postgis import PostgisStore
from gridgov.store.sqlite import SqliteStore, sqlite_facts

__all__ = ["Filter", "Loaded", "Near", "Page", "Query", "Store", "Tx", "Write", "open_store", "sqlite_facts"]


def open_store(url: str, *, pool_size: int = 10, wait_seconds: float = 5.0) -> Store:
    """The store behind `url`: sqlite:///PATH (relative) or sqlite:////PATH (absolute), or postgresql://….

    Raises ConfigurationProblem for any other scheme. Nothing is connected before the first use.
    """
    if url.startswith("sqlite:///") and len(url) > len("sqlite:///"):
        return SqliteStore(
            Path(url.removeprefix("sqlite:///")), pool_size=pool_size, wait_seconds=wait_seconds
        )
    if url.startswith(("postgresql://", "postgres://", "postgresql+psycopg2://")):
        return PostgisStore(
            url.replace("postgres://", "postgresql://", 1), pool_size=pool_size, wait_seconds=wait_seconds
        )
    raise ConfigurationProblem(
        f"GRIDGOV_DATABASE_URL {url.rsplit('@', maxsplit=1)[-1]!r} is neither sqlite:///PATH nor postgresql://USER@HOST/DATABASE."
    )
