"""Write a new GeoPackage with pyogrio: always a file of its own, never the store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyogrio
import shapely

from gridgov.exchange.batches import Batch
from gridgov.models import Field, FieldType, GeometryType, RecordKind

_TYPES = {
    FieldType.INTEGER: pa.int64(),
    FieldType.NUMBER: pa.float64(),
    FieldType.BOOLEAN: pa.bool_(),
    FieldType.INSTANT: pa.timestamp("ms", tz="UTC"),
    FieldType.DAY: pa.date32(),
}
_GEOMETRY_TYPES = {
    GeometryType.POINT: "Point",
    GeometryType.POLYGON: "MultiPolygon",
    GeometryType.ANY: "Unknown",
}


def write_geopackage(
    path: Path, kind: RecordKind, fields: Sequence[Field], names: Sequence[str], batches: Iterable[Batch]
) -> int:
    """Write one layer named after the kind, EPSG:4326; lists and objects as JSON text. Returns the rows written."""
    columns: list[list[Any]] = [[] for _ in fields]
    shapes: list[bytes | None] = []
    placed = False
    for batch in batches:
        placed = placed or batch.geometries is not None
        for column, values in zip(columns, batch.columns.values(), strict=True):
            column.extend(values)
        shapes.extend([None] * batch.count if batch.geometries is None else _wkb(batch.geometries, kind))
    arrays = [_array(field, values) for field, values in zip(fields, columns, strict=True)]
    table = pa.table(dict(zip(names, arrays, strict=True)))
    if kind.geometry is not None:
        table = table.append_column("geometry", pa.array(shapes, pa.binary()))
    pyogrio.write_arrow(
        table,
        path,
        layer=kind.name,
        driver="GPKG",
        geometry_name="geometry" if kind.geometry is not None else None,
        geometry_type=_GEOMETRY_TYPES[kind.geometry] if kind.geometry is not None else None,
        crs="EPSG:4326" if kind.geometry is not None else None,
    )
    return int(table.num_rows)


def _wkb(geometries: Any, kind: RecordKind) -> list[bytes | None]:
    """As WKB; polygons as multipolygons, so that a layer holds one type."""
    if kind.geometry is GeometryType.POLYGON:
        single = shapely.get_type_id(geometries) == 3
        geometries = geometries.copy()
        geometries[single] = [shapely.MultiPolygon([each]) for each in geometries[single]]
    found: list[bytes | None] = shapely.to_wkb(geometries).tolist()
    return found


def _array(field: Field, values: Sequence[Any]) -> Any:
    if field.type in {FieldType.LIST, FieldType.OBJECT}:
        return pa.array(
            [None if each is None else orjson.dumps(each).decode() for each in values], pa.string()
        )
    return pa.array(
        values, pa.string() if field.vocabulary is not None else _TYPES.get(field.type, pa.string())
    )
