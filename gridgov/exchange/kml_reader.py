"""Read KML: placemarks of all folders with their names and extended data, whose Chinese names GDAL would spoil."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree  # noqa: ICN001 - a name that says what it is

import numpy as np
import pyarrow as pa
import shapely

from gridgov.errors import UnreadableFile
from gridgov.exchange.archive import check_kml
from gridgov.exchange.limits import too_many_rows
from gridgov.exchange.registry import Format, ReadOptions
from gridgov.exchange.source import SourceTable
from gridgov.geo.crs import WGS84
from gridgov.geo.raw import polygon_from_rings
from gridgov.geo.screening import DEEPEST, TOO_DEEP
from gridgov.geo.shapes import Finding
from gridgov.geo.words import Words

_SHAPES = ("Point", "LineString", "LinearRing", "Polygon", "MultiGeometry")


def read(path: Path, form: Format, options: ReadOptions) -> SourceTable:
    """Read every placemark; longitude and latitude on WGS 84, as the standard lays down.

    Columns: name, description, folder and each name of extended data. Raises UnsafeArchive (entities),
    UnreadableFile, TooLarge.
    """
    check_kml(path)
    try:
        # entities and document types, what makes XML unsafe, were refused above
        root = ElementTree.parse(path).getroot()  # noqa: S314
    except (ElementTree.ParseError, UnicodeDecodeError, LookupError) as error:
        message = f"{path.name} cannot be read as {form.title}: it is cut off or damaged ({error}). Export it again."
        raise UnreadableFile(message, file=path.name) from error
    rows: list[dict[str, str]] = []
    shapes: list[shapely.Geometry | None] = []
    findings: list[Finding] = []
    for folder, mark in _placemarks(root, ""):
        if len(rows) >= options.settings.import_max_rows:
            raise too_many_rows(path, len(rows) + 1, options.settings.import_max_rows)
        shape, found = _geometry(mark, len(rows))
        rows.append(_values(folder, mark))
        shapes.append(shape)
        findings += found
    if not rows:
        raise UnreadableFile(f"{path.name} holds no placemark; export it again.", file=path.name)
    names = dict.fromkeys(name for row in rows for name in row)
    return SourceTable(
        format=form.name,
        columns={name: pa.array([row.get(name) for row in rows], pa.string()) for name in names},
        geometries=np.array([*shapes, None], dtype=object)[:-1],
        rows=np.arange(1, len(rows) + 1, dtype=np.int64),
        crs=WGS84,
        crs_source="implied",
        findings=tuple(findings),
    )


def _local(element: ElementTree.Element) -> str:
    """The element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def _child(element: ElementTree.Element, name: str) -> ElementTree.Element | None:
    return next((each for each in element if _local(each) == name), None)


def _text(element: ElementTree.Element | None) -> str:
    return "".join(element.itertext()).strip() if element is not None else ""


def _placemarks(element: ElementTree.Element, folder: str) -> list[tuple[str, ElementTree.Element]]:
    """Every placemark with the name of the folder it lies in, in file order."""
    found: list[tuple[str, ElementTree.Element]] = []
    waiting = [(folder, element)]
    while waiting:
        within, each = waiting.pop()
        name = _local(each)
        if name == "Placemark":
            found.append((within, each))
            continue
        here = _text(_child(each, "name")) if name == "Folder" else within
        waiting += [(here, child) for child in reversed(each)]
    return found


def _values(folder: str, mark: ElementTree.Element) -> dict[str, str]:
    values = {
        "name": _text(_child(mark, "name")),
        "description": _text(_child(mark, "description")),
        "folder": folder,
    }
    extended = _child(mark, "ExtendedData")
    for each in extended.iter() if extended is not None else ():
        name = each.get("name")
        if name and _local(each) == "Data":
            values[name] = _text(_child(each, "value"))
        elif name and _local(each) == "SimpleData":
            values[name] = _text(each)
    return {name: value for name, value in values.items() if value}


def _geometry(mark: ElementTree.Element, row: int) -> tuple[shapely.Geometry | None, list[Finding]]:
    """The placemark's geometry; None without one or with one that cannot be read, which is a finding."""
    element = next((each for each in mark if _local(each) in _SHAPES), None)
    if element is None:
        return None, []
    if _nests_too_deep(element):
        return None, [Finding(row, "empty", repaired=False, how=TOO_DEEP)]
    findings: list[Finding] = []
    try:
        return _shape(element, row, findings), findings
    except (ValueError, shapely.errors.ShapelyError):
        how = Words("坐标无法读取，请重新导出", "the coordinates cannot be read; export it again")
        return None, [Finding(row, "empty", repaired=False, how=how)]


def _nests_too_deep(element: ElementTree.Element) -> bool:
    """Whether more than 32 MultiGeometry elements lie within each other."""
    level = [element]
    for _ in range(DEEPEST + 1):
        level = [child for each in level if _local(each) == "MultiGeometry" for child in each]
    return bool(level)


def _shape(element: ElementTree.Element, row: int, findings: list[Finding]) -> shapely.Geometry | None:
    match _local(element):
        case "Point":
            return shapely.Point(_coordinates(element)[0])
        case "LineString" | "LinearRing":
            return shapely.LineString(_coordinates(element))
        case "Polygon":
            borders = [each for each in element.iter() if _local(each) == "LinearRing"]
            outer = [each for each in element if _local(each) == "outerBoundaryIs"]
            first = [ring for each in outer for ring in each.iter() if _local(ring) == "LinearRing"]
            rings = first + [each for each in borders if each not in first]
            polygon, found = polygon_from_rings([_coordinates(ring) for ring in rings])
            findings += [_of_row(finding, row) for finding in found]
            return polygon
        case _:
            parts = [_shape(each, row, findings) for each in element if _local(each) in _SHAPES]
            return _collected([part for part in parts if part is not None])


def _collected(parts: list[shapely.Geometry]) -> shapely.Geometry:
    """One geometry of many: a multipart one when all parts are of one type."""
    if parts and all(part.geom_type == "Polygon" for part in parts):
        return shapely.MultiPolygon(parts)
    return shapely.GeometryCollection(parts)


def _of_row(finding: Finding, row: int) -> Finding:
    return Finding(row, finding.kind, finding.repaired, finding.how, finding.lon, finding.lat)


def _coordinates(element: ElementTree.Element) -> list[tuple[float, ...]]:
    """Tuples of `lon,lat[,height]`. Raises ValueError for what is no number, and for nothing at all."""
    tuples = [
        tuple(float(part) for part in each.split(","))
        for each in _text(_child(element, "coordinates")).split()
    ]
    if not tuples or len({len(each) for each in tuples}) != 1 or len(tuples[0]) not in {2, 3}:
        raise ValueError(element.tag)
    return tuples
