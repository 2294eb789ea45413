"""The address of a store, looked at before anything is opened: what is none is told in one line, without a password."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from gridgov.errors import ConfigurationProblem

EMBEDDED = "sqlite:///"
_DATABASE = ("postgresql://", "postgres://", "postgresql+psycopg2://")
_PORTS = range(1, 65536)


def embedded_path(url: str) -> Path | None:
    """The file of sqlite:///PATH (relative) or sqlite:////PATH (absolute); None for a database.

    Raises ConfigurationProblem when the address is neither, or names no file.
    """
    if url.startswith(EMBEDDED) and (path := Path(url.removeprefix(EMBEDDED))).name:
        return path
    if url.startswith(_DATABASE):
        return None
    raise ConfigurationProblem(
        f"GRIDGOV_DATABASE_URL {_shown(url)!r} is neither sqlite:///PATH nor postgresql://USER@HOST/DATABASE."
    )


def database_parts(url: str) -> URL:
    """The parts of postgresql://USER@HOST:PORT/DATABASE, without a driver. Raises ConfigurationProblem for nonsense."""
    if embedded_path(url) is None:
        try:
            parts = make_url(url)
        except (ArgumentError, ValueError):
            parts = None
        if parts is not None and (parts.port is None or parts.port in _PORTS):
            return parts.set(drivername="postgresql")
    raise ConfigurationProblem(
        f"GRIDGOV_DATABASE_URL {_shown(url)!r} cannot be read as postgresql://USER:PASSWORD@HOST:PORT/DATABASE; "
        "the port is a number up to 65535, and in a password @ is written %40, : %3A, / %2F."
    )


def _shown(url: str) -> str:
    """The address without user and password."""
    return url.rsplit("@", maxsplit=1)[-1].partition("?")[0]
