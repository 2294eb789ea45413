"""Many rows at once, column by column: a value that a whole column shares is converted once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import Dialect, Table

from gridgov.store.types import geopackage_blob

Convert = Callable[[Any], Any]


def geometry_column(rows: Sequence[Mapping[str, Any]]) -> NDArray[Any]:
    """The geometries of rows as an object array, None where a row has none."""
    return np.array([*(row["geometry"] for row in rows), None], dtype=object)[:-1]


def geopackage_column(shapes: NDArray[Any]) -> list[bytes | None]:
    """GeoPackage binaries of many geometries; None for None."""
    blobs = shapely.to_wkb(shapes, flavor="iso").tolist()
    boxes = shapely.bounds(shapes).tolist()
    return [
        None if wkb is None else geopackage_blob(wkb, west, south, east, north)
        for wkb, (west, south, east, north) in zip(blobs, boxes, strict=True)
    ]


def converted(values: Sequence[Any], convert: Convert | None) -> Sequence[Any]:
    """`values` through `convert` (None leaves them); a run of one and the same object is converted once."""
    if convert is None or not values:
        return values
    first = values[0]
    if all(value is first for value in values):
        return [convert(first)] * len(values)
    return [convert(value) for value in values]


def bound_columns(
    table: Table, rows: Sequence[Mapping[str, Any]], dialect: Dialect
) -> dict[str, Sequence[Any]]:
    """Column → values as the driver of `dialect` takes them; geometry is left out. All rows have the same keys."""
    columns: dict[str, Sequence[Any]] = {}
    for name in rows[0]:
        if name == "geometry":
            continue
        processor = table.c[name].type.dialect_impl(dialect).bind_processor(dialect)
        columns[name] = converted([row[name] for row in rows], processor)
    return columns
