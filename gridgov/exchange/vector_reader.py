"""Read what GDAL reads best: GeoJSON, GeoPackage, FlatGeobuf, File Geodatabase. Never the live store."""

from __future__ import annotations

import re
import threading
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError

from gridgov.errors import InvalidValue, UnknownCoordinateSystem, UnreadableFile
from gridgov.exchange.limits import too_many_rows
from gridgov.exchange.registry import Format, ReadOptions
from gridgov.exchange.source import CrsSource, SourceTable
from gridgov.exchange.wkb import geometries_of
from gridgov.geo.crs import CGCS2000, WGS84, CoordinateSystem, Epsg, crs_from_wkt, parse_crs
from gridgov.geo.shapes import Finding
from gridgov.geo.transform import Geometries
from gridgov.geo.words import Words

GDAL_ERRORS = (
    DataSourceError,
    DataLayerError,
    FeatureError,
    FieldError,
    OSError,  # from the stream of a file that breaks off in the middle
    UnicodeDecodeError,  # names that are not UTF-8
    UnboundLocalError,  # pyogrio's own slip over a damaged .prj
    pa.ArrowException,
)

# pyogrio hands GDAL's complaints on as Python warnings, whose filters belong to the whole process.
GDAL_LOCK = threading.Lock()
_CRS_MEMBER = re.compile(rb'"crs"\s*:\s*\{')
_WITH_HEIGHT = {"EPSG:4979": WGS84, "EPSG:4480": CGCS2000}
_HARMLESS = ("Non closed ring detected", "Several features with id", "Invalid coord dimension")


def read(path: Path, form: Format, options: ReadOptions) -> SourceTable:
    """Read one layer. Raises UnreadableFile, TooLarge, InvalidValue (which layer?), UnsupportedDatum."""
    with GDAL_LOCK, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            layer = choose_layer(path, options.layer)
            _check_count(path, layer, options)
            meta, table = pyogrio.raw.read_arrow(path, layer=layer)
            table.validate(full=True)  # texts that are not UTF-8
        except GDAL_ERRORS as error:
            raise unreadable(path, form, error) from error
    geometry_name = meta["geometry_name"] or "wkb_geometry"
    columns = {
        name: table.column(name).combine_chunks() for name in table.column_names if name != geometry_name
    }
    geometries: Geometries | None = None
    findings: tuple[Finding, ...] = ()
    if geometry_name in table.column_names:
        geometries, findings = geometries_of(table.column(geometry_name))
    crs, source = declared(meta["crs"], implied=form.name == "geojson" and not _has_crs_member(path))
    return SourceTable(
        format=form.name,
        layer=layer,
        columns=columns,
        geometries=geometries,
        rows=np.arange(1, table.num_rows + 1, dtype=np.int64),
        crs=crs,
        crs_source=source,
        findings=findings,
        notes=gdal_notes(caught),
    )


def choose_layer(path: Path, wanted: str) -> str:
    """The layer to read: the one asked for, or the only one with places. Raises InvalidValue listing them."""
    layers = [(str(name), geometry) for name, geometry in pyogrio.list_layers(path)]
    names = [name for name, _ in layers]
    if wanted:
        if wanted in names:
            return wanted
        message = f"{path.name} has no layer {wanted!r}; it has {', '.join(names)}."
        raise InvalidValue(message, file=path.name, layers=names)
    spatial = [name for name, geometry in layers if geometry is not None] or names
    if len(spatial) == 1:
        return spatial[0]
    if not spatial:
        raise UnreadableFile(f"{path.name} holds no layer; export it again.", file=path.name)
    message = f"{path.name} has {len(spatial)} layers; name one of {', '.join(spatial)}."
    raise InvalidValue(message, file=path.name, layers=spatial)


def declared(text: str | None, *, implied: bool = False) -> tuple[CoordinateSystem | None, CrsSource]:
    """The coordinate system a file declares ("EPSG:4547" or WKT), None for one without a counterpart here.

    Raises UnsupportedDatum for Xian 1980 and Beijing 1954.
    """
    if not text:
        return None, "none"
    if not text.upper().startswith("EPSG:"):
        found = crs_from_wkt(text)
        return found, "none" if found is None else "file"
    try:
        crs = _WITH_HEIGHT.get(text.upper()) or parse_crs(text)
    except UnknownCoordinateSystem:
        return None, "none"
    return crs, "implied" if implied and isinstance(crs, Epsg) else "file"


def unreadable(path: Path, form: Format, error: Exception) -> UnreadableFile:
    """A library's complaint as our error, without the machine's folders."""
    text = str(error).replace(str(path), path.name).replace(f"{path.parent}/", "")
    said = text.split("; It might help")[0].strip().rstrip(".")
    message = (
        f"{path.name} cannot be read as {form.title}: it is cut off, damaged or something else ({said})."
    )
    return UnreadableFile(f"{message} Export it again.", file=path.name)


def gdal_notes(caught: list[warnings.WarningMessage]) -> tuple[Words, ...]:
    """What GDAL remarked, but for remarks that our own checks make with their row."""
    texts = dict.fromkeys(str(each.message) for each in caught)
    return tuple(Words(text, text) for text in texts if not any(part in text for part in _HARMLESS))


def _check_count(path: Path, layer: str, options: ReadOptions) -> None:
    count = int(pyogrio.read_info(path, layer=layer)["features"])
    limit = options.settings.import_max_rows
    if count > limit:
        raise too_many_rows(path, count, limit)


def _has_crs_member(path: Path) -> bool:
    """Whether a GeoJSON says its system itself, in a `crs` member of the old form at its start or end."""
    with path.open("rb") as file:
        head = file.read(4096)
        file.seek(max(0, path.stat().st_size - 4096))
        return _CRS_MEMBER.search(head) is not None or _CRS_MEMBER.search(file.read()) is not None
