"""What a database must supply beyond SQLAlchemy Core: box candidates, revision timing, bulk loading, error meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, Table

from gridgov.errors import GridgovError

Box = tuple[float, float, float, float]


class StoreDialect(Protocol):
    """The small difference between the two databases; everything else is one text for both."""

    name: str
    # One writer at a time holds the whole database (SQLite): revisions may be raised at the first write, because
    # begin order is commit order. Otherwise they are raised by the transaction's last statements.
    serial_writers: bool

    # Makes an INSERT of a table that knows ON CONFLICT.
    insert: Callable[..., Any]

    def box_candidates(self, table: Table, box: Box) -> ColumnElement[bool]:
        """A condition, answered by the spatial index, that holds for every geometry whose box meets `box`.

        It may hold for a few more; `gridgov.geo` decides.
        """

    def bulk_insert(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert many complete rows (all with the same keys) the fastest way that keeps indexes and checks."""

    def refresh_statistics(self, connection: Connection, table: Table) -> None:
        """Let the planner know of a large load before the transaction goes on."""

    def hold_boundaries(self, connection: Connection, zone: str, *, exclusive: bool) -> None:
        """Keep the zone's boundaries in force until the transaction ends; exclusive: to replace them.

        Waiters are served in their order, so that steady reports never keep a publication out.
        """

    def lowered(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """The column in lower case by the rules of Unicode, the same on both databases."""

    def unindexed(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """The column so written that its index is not chosen where the spatial index is the better one."""

    def translate(self, error: Exception) -> GridgovError | None:
        """The gridgov error a driver error means; None when it is a defect of the program."""
