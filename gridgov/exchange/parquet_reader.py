"""Read GeoParquet: pyarrow's columns, and the geometry column that the file's `geo` metadata names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gridgov.errors import UnknownCoordinateSystem, UnreadableFile
from gridgov.exchange.limits import too_many_rows
from gridgov.exchange.registry import Format, ReadOptions
from gridgov.exchange.source import CrsSource, SourceTable
from gridgov.exchange.wkb import geometries_of
from gridgov.geo.crs import WGS84, CoordinateSystem, crs_from_wkt, parse_crs
from gridgov.geo.shapes import Finding
from gridgov.geo.transform import Geometries


def read(path: Path, form: Format, options: ReadOptions) -> SourceTable:
    """Read one file with WKB geometries. Raises UnreadableFile, TooLarge, UnsupportedDatum."""
    try:
        file = pq.ParquetFile(path)
        if file.metadata.num_rows > options.settings.import_max_rows:
            raise too_many_rows(path, file.metadata.num_rows, options.settings.import_max_rows)
        table = file.read()
        table.validate(full=True)  # texts that are not UTF-8
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last: a damaged name of a column
        message = f"{path.name} cannot be read as {form.title}: it is cut off or damaged. Export it again."
        raise UnreadableFile(message, file=path.name) from error
    name, crs, source = _geometry_column(path, table)
    geometries: Geometries | None = None
    findings: tuple[Finding, ...] = ()
    if name is not None:
        geometries, findings = geometries_of(table.column(name))
    columns = {each: table.column(each).combine_chunks() for each in table.column_names if each != name}
    return SourceTable(
        format=form.name,
        columns=columns,
        geometries=geometries,
        rows=np.arange(1, table.num_rows + 1, dtype=np.int64),
        crs=crs,
        crs_source=source,
        findings=findings,
    )


def _geometry_column(path: Path, table: Any) -> tuple[str | None, CoordinateSystem | None, CrsSource]:
    """The name of the geometry column (None for a plain table), its system and where that is said."""
    metadata = (table.schema.metadata or {}).get(b"geo")
    if metadata is None:
        return None, None, "none"
    try:
        described = json.loads(metadata)
        name = str(described["primary_column"])
        column = described["columns"][name]
        encoding = column["encoding"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        message = f"{path.name} has damaged GeoParquet metadata; export it again."
        raise UnreadableFile(message, file=path.name) from error
    if encoding != "WKB" or name not in table.column_names:
        message = f"{path.name} holds geometries as {encoding}, gridgov reads WKB; export it again."
        raise UnreadableFile(message, file=path.name)
    if "crs" not in column:
        return name, WGS84, "implied"  # the standard: no entry means longitude and latitude on WGS 84
    crs = _system(column["crs"])
    return name, crs, "none" if crs is None else "file"


def _system(described: Any) -> CoordinateSystem | None:
    """The system that a PROJJSON object describes; None for null or one without a counterpart."""
    if not isinstance(described, dict):
        return None
    identity = described.get("id")
    identity = identity if isinstance(identity, dict) else {}
    if identity.get("authority") == "EPSG":
        try:
            return parse_crs(f"EPSG:{identity.get('code')}"[:200])
        except UnknownCoordinateSystem:
            return None
    if (identity.get("authority"), identity.get("code")) == ("OGC", "CRS84"):
        return WGS84
    return crs_from_wkt(json.dumps(described))
