"""Rows for every table, made from the table descriptions: awkward texts, gaps in row numbers, references forwards."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import shapely
from sqlalchemy import Column, Float, Integer, String, Table, select

from gridgov.access import Scope
from gridgov.store import Store
from gridgov.store.copying_postgis import set_identity
from gridgov.store.copying_rows import defer_references
from gridgov.store.queries.connection import inside
from gridgov.store.schema_base import metadata
from gridgov.store.types import Day, Geometry, Instant, Json, Truth
from tests.fixtures_store import NOW, ZONE

Row = dict[str, Any]
COUNT = 4
TEXTS = (
    "平顶山高新区 “1 号” 地块",
    "tab\there, line\nthere\r\nand \\N, \\. and \\\\",
    "emoji 🏭 and 'quotes' \"both\"",
    "",
)
SHAPES: tuple[shapely.Geometry, ...] = (
    shapely.Point(113.1234567890123, 33.9876543210987),
    shapely.box(113.0, 33.5, 113.25, 33.75),
    shapely.Polygon(
        [(113, 33), (114, 33), (114, 34), (113, 34)], [[(113.2, 33.2), (113.2, 33.4), (113.4, 33.4)]]
    ),
    shapely.MultiPolygon([shapely.box(113, 33, 113.1, 33.1), shapely.box(113.2, 33.2, 113.3, 33.3)]),
)
VALUES: tuple[Any, ...] = (
    {"b": [1, 2.5, None, True], "a": {"名": "值", "deep": {"x": -0.125}}},
    [],
    {"number": 1e15, "whole": 3.0, "text": "\\ \t"},
    ["一", {"z": None}],
)
NUMBERS = (0.1 + 0.2, -12345.678901234567, 3.0, 1e-9)


def fill(
    store: Store, *, only: Iterable[str] | None = None, columns: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Put COUNT rows into every table, or into those of `only`; columns: table → those it has at an older step."""
    wanted = set(metadata.tables) if only is None else set(only)
    made: dict[str, list[Row]] = {}
    with store.begin(Scope.system(ZONE), NOW, write=True) as tx:
        transaction = inside(tx)
        defer_references(tx)
        for table in metadata.sorted_tables:
            if table.name not in wanted:
                continue
            rows = [_row(table, number, made) for number in range(COUNT)]
            made[table.name] = rows
            if columns is not None:
                rows = [{name: row[name] for name in columns[table.name]} for row in rows]
            transaction.dialect.bulk_insert(transaction.connection, table, rows)
            if transaction.dialect.name == "postgresql":
                set_identity(transaction.connection, table.name)


def rows_of(store: Store, *, only: Iterable[str] | None = None) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table as plain values, geometry as WKB, in the order of its key.

    Without the store's identity, which a copy does not share.
    """
    found: dict[str, list[tuple[Any, ...]]] = {}
    with store.begin(Scope.system(""), NOW) as tx:
        for table in metadata.sorted_tables:
            if only is not None and table.name not in only:
                continue
            result = inside(tx).connection.execute(select(table).order_by(*table.primary_key.columns))
            found[table.name] = [
                tuple(shapely.to_wkb(each) if isinstance(each, shapely.Geometry) else each for each in row)
                for row in result
                if not (table.name == "counters" and row.zone == "")
            ]
    return found


def _row(table: Table, number: int, made: Mapping[str, Sequence[Row]]) -> Row:
    row = {column.name: _value(table, column, number) for column in table.c}
    for constraint in table.foreign_key_constraints:
        for element in constraint.elements:
            name, target = element.parent.name, element.column
            if name == "zone":
                continue
            if target.table is table:  # refer forwards: the parent comes later, the last has none
                later = _value(table, target, number + 1)
                row[name] = None if number == COUNT - 1 else later
            else:
                row[name] = (
                    made[target.table.name][number][target.name] if target.table.name in made else None
                )
    return row


# The first that fits counts; the number of the row chooses from it.
_BY_TYPE: tuple[tuple[type[Any], Sequence[Any]], ...] = (
    (Geometry, SHAPES),
    (Instant, [dt.datetime(2026, 1 + month, 2, 3, 4, 5, 678_000, tzinfo=dt.UTC) for month in range(12)]),
    (Day, [dt.date(2025, 12, 28 + day) for day in range(4)]),
    (Json, VALUES),
    (Truth, (True, False)),
    (Float, NUMBERS),
    (Integer, range(1, 100)),
    (String, TEXTS),
)


def _value(table: Table, column: Column[Any], number: int) -> Any:
    if column.name == "fid":
        return 10 + 7 * number
    if column.name == "zone":
        return f"zone-{number}" if table.name == "zones" else ZONE
    if column.nullable and number == COUNT - 2:
        return None
    if type(column.type) is String and column.type.length:
        return f"{table.name}-{column.name}-{number}"[-column.type.length :]
    values = next(values for kind, values in _BY_TYPE if isinstance(column.type, kind))
    return values[number % len(values)]
