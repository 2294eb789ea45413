"""What makes the map file a GeoPackage: the SQL functions its triggers call, and filling an R*Tree in bulk.

Source of the functions and of the R*Tree extension: OGC 12-128r19, Annex F.3.
"""

from __future__ import annotations

import datetime as dt
import math
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import shapely
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, text

from gridgov import codes
from gridgov.layers import LAYERS
from gridgov.models import KINDS
from gridgov.store.types import geopackage_bounds, instant_text
from gridgov.symbology import qgis_style

# Above this many rows the R*Tree is filled from numpy bounds instead of by its triggers.
_BULK_FROM = 200


def _bound(position: int) -> Callable[[bytes | None], float | None]:
    def read(blob: bytes | None) -> float | None:
        bounds = geopackage_bounds(blob)
        return None if bounds is None else bounds[position]

    return read


def _is_empty(blob: bytes | None) -> int | None:
    return None if blob is None else int(geopackage_bounds(blob) is None)


GEOPACKAGE_FUNCTIONS: Mapping[str, Callable[[bytes | None], float | int | None]] = {
    "ST_MinX": _bound(0),
    "ST_MaxX": _bound(1),
    "ST_MinY": _bound(2),
    "ST_MaxY": _bound(3),
    "ST_IsEmpty": _is_empty,
}


@contextmanager
def rtree_bulk(connection: Connection, table: Table, shapes: NDArray[Any] | None) -> Iterator[None]:
    """While the block inserts rows with these geometries, keep the R*Tree's insert trigger away and fill it after.

    Triggers are part of the schema and schema changes are part of the transaction: a rollback brings everything back.
    None, or few geometries: the trigger does its work.
    """
    if shapes is None or len(shapes) < _BULK_FROM:
        yield
        return
    trigger = f"rtree_{table.name}_geometry_insert"
    statement = connection.execute(
        text("SELECT sql FROM map.sqlite_master WHERE type = 'trigger' AND name = :name"), {"name": trigger}
    ).scalar_one()
    last = connection.exec_driver_sql(f"SELECT coalesce(max(fid), 0) FROM {table.name}").scalar_one()
    connection.exec_driver_sql(f"DROP TRIGGER map.{trigger}")
    yield
    numbers = connection.exec_driver_sql(
        f"SELECT fid FROM {table.name} WHERE fid > ? ORDER BY fid", (last,)
    ).scalars()
    filled = [
        (number, west, east, south, north)
        for number, (west, south, east, north) in zip(numbers, shapely.bounds(shapes).tolist(), strict=True)
        if not math.isnan(west)
    ]
    connection.exec_driver_sql(
        f"INSERT INTO map.rtree_{table.name}_geometry (id, minx, maxx, miny, maxy) VALUES (?, ?, ?, ?, ?)",
        filled,
    )
    connection.exec_driver_sql(statement.replace("CREATE TRIGGER ", "CREATE TRIGGER map.", 1))


def layer_style_rows() -> list[tuple[str, str]]:
    """(table or view, QML) for everything QGIS can draw from the map file."""
    colours = {code: colour for scheme, code in codes.land_uses() if (colour := codes.color(scheme, code))}
    current = {
        code: colour
        for scheme, code in codes.land_uses()
        if scheme == codes.CURRENT_SCHEME and (colour := codes.color(scheme, code))
    }
    rows = [(name, qgis_style(name, {**colours, **current})) for name, kind in KINDS.items() if kind.geometry]
    rows += [(f"layer_{layer.name}", qgis_style(layer.kind)) for layer in LAYERS.values() if layer.where]
    return rows


def write_layer_styles(connection: sqlite3.Connection, now: dt.datetime) -> None:
    """Make the map file's styles those of gridgov.symbology, so that QGIS opens it coloured."""
    wanted = layer_style_rows()
    there = dict(connection.execute("SELECT f_table_name, styleQML FROM layer_styles").fetchall())
    if there == dict(wanted):
        return
    connection.execute("DELETE FROM layer_styles")
    connection.executemany(
        "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName,"
        " styleQML, styleSLD, useAsDefault, description, owner, update_time)"
        " VALUES ('', '', ?, 'geometry', 'gridgov', ?, '', 1, '', '', ?)",
        [(table, style, instant_text(now)) for table, style in wanted],
    )
