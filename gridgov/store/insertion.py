"""Single and few rows on the hot path: the statement and the value converters of a table are made once.

SQLAlchemy builds, hashes and binds a statement anew for each execution; for a report of a few rows that costs more than
the insert itself. The text comes from the same table descriptions and the values are bound all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Plan:
    statement: str
    names: tuple[str, ...]
    converters: tuple[Convert | None, ...]


def insert_rows(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, once: bool = False
) -> int:
    """Insert a few complete rows with the same keys by one statement; returns how many went in.

    once: a row whose (zone, id) is there already is left out instead of being an error.
    """
    plan = _plan(table, tuple(rows[0]), len(rows), connection.dialect, once)
    values = tuple(
        row[name] if convert is None else convert(row[name])
        for row in rows
        for name, convert in zip(plan.names, plan.converters, strict=True)
    )
    return connection.exec_driver_sql(plan.statement, values).rowcount


@lru_cache(maxsize=500)
def _plan(table: Table, names: tuple[str, ...], count: int, dialect: Dialect, once: bool) -> _Plan:
    mark = "?" if dialect.paramstyle == "qmark" else "%s"
    row = "(" + ", ".join([mark] * len(names)) + ")"
    columns = ", ".join(f'"{name}"' for name in names)
    ending = ' ON CONFLICT ("zone", "id") DO NOTHING' if once else ""
    statement = f'INSERT INTO "{table.name}" ({columns}) VALUES {", ".join([row] * count)}{ending}'
    types = [table.c[name].type.dialect_impl(dialect) for name in names]
    return _Plan(statement, names, tuple(each.bind_processor(dialect) for each in types))
