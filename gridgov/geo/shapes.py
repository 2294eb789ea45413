"""Geometries as they arrive: what is wrong with them, where, and how it was repaired.

``normalise`` makes what gridgov stores: valid, two-dimensional, exterior counter-clockwise, parts of one
family only. ``inspect`` says what normalise would do and why. Both take longitude and latitude in
degrees (after ``to_lonlat``); neither changes a geometry that is in order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from gridgov.geo.distance import geodesic_distance, geodesic_length
from gridgov.geo.measure import geodesic_area, stored_area
from gridgov.geo.transform import Geometries, as_geometries
from gridgov.geo.words import Words

Family = Literal["polygon", "line", "point"]
FindingKind = Literal[
    "empty",
    "not_finite",
    "out_of_range",
    "self_crossing",
    "unclosed",
    "three_dimensional",
    "collapsed",
    "wrong_type",
    "too_many_vertices",
    "mixed",
]

MOST_VERTICES: Final = 500_000
CLOSING_DISTANCE: Final = 1.0  # metres: a line whose ends are this near was meant as a ring

_SMALL_AREA: Final = 100.0  # m²: larger ones are not looked at for their width
_LEAST_WIDTH: Final = 1e-4  # metres, the ninth decimal of a degree

_REBUILDINGS: Final = 5
_LINE_TYPES: Final = (1, 2)  # line string, linear ring, as shapely numbers them
_FIRST_MULTIPLE_TYPE: Final = 4  # multi-point; above it everything has parts
_COLLECTION_TYPE: Final = 7
_DIMENSION: Final[dict[Family, int]] = {"point": 0, "line": 1, "polygon": 2}
_FAMILY_WORDS: Final[dict[Family, Words]] = {
    "point": Words("点", "points"),
    "line": Words("线", "lines"),
    "polygon": Words("面", "polygons"),
}
_PLACE: Final = re.compile(r"\[(\S+) (\S+?)\]")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with one geometry.

    row: place in the input. repaired: true when ``normalise`` mends it, false when the geometry is refused.
    how: what was done, or what to do, for people. lon, lat: the faulty place, None where there is none.
    area_change: m² gained (+) or lost (-) by the repair, 0 where the area stays, NaN where it has none.
    """

    row: int
    kind: FindingKind
    repaired: bool
    how: Words
    lon: float | None = None
    lat: float | None = None
    area_change: float = 0.0


def normalise(
    geometries: Any, family: Family = "polygon", *, most_vertices: int = MOST_VERTICES
) -> Geometries:
    """The storable form of geometries; (n,) object array, None where nothing usable is left.

    Repairs: a third coordinate is dropped, crossing polygons are rebuilt by structure (a bow tie becomes its
    two triangles), parts that collapse and parts of another family are dropped, closed lines become
    polygons where polygons are wanted, exteriors turn counter-clockwise. None, empty, not finite, out of
    range, of another family, above ``most_vertices``, thinner than 0.1 mm: None. ``inspect`` says why.

    >>> shape = shapely.from_wkt("POLYGON ((0 0, 0 1, 1 1, 1 0, 0 0))")
    >>> normalise(shape)[0].wkt
    'POLYGON ((0 0, 1 0, 1 1, 0 1, 0 0))'
    """
    return _repair(as_geometries(geometries), family, most_vertices).stored


def inspect(
    geometries: Any, family: Family = "polygon", *, most_vertices: int = MOST_VERTICES
) -> list[Finding]:
    """Everything wrong with geometries, ordered by row; an empty list when all are in order.

    A rejected geometry gets the one finding that rejects it, a repaired one a finding for each repair.
    """
    return clean(geometries, family, most_vertices=most_vertices)[1]


def clean(
    geometries: Any, family: Family = "polygon", *, most_vertices: int = MOST_VERTICES
) -> tuple[Geometries, list[Finding]]:
    """What ``normalise`` and ``inspect`` answer, both from one pass; for imports."""
    features = as_geometries(geometries)
    repair = _repair(features, family, most_vertices)
    rejected = shapely.is_missing(repair.stored)
    findings = [
        _rejection(int(row), features[row], family, most_vertices) for row in np.flatnonzero(rejected)
    ]
    findings += _notes(features, family, ~rejected) + _crossings(repair)
    return repair.stored, sorted(findings, key=lambda finding: finding.row)


class _Repair(NamedTuple):
    """Storable geometries, and for the rows that crossed themselves what they were before."""

    stored: Geometries
    broken_rows: NDArray[np.intp]
    broken: Geometries


def _repair(geometries: Geometries, family: Family, most_vertices: int) -> _Repair:
    features = shapely.force_2d(geometries).copy()
    features[~_readable(features, most_vertices)] = None
    features = _only_family(_close_lines(features, family), family)
    rows, broken = np.zeros(0, np.intp), features[:0]
    if family == "polygon":
        rows = np.flatnonzero(~(shapely.is_valid(features) | shapely.is_missing(features)))
        broken = features[rows]
        features[rows] = _rebuilt(broken)
        features[_collapsed(features)] = None
        features = shapely.orient_polygons(features)
    multiple = np.flatnonzero(shapely.get_type_id(features) >= _FIRST_MULTIPLE_TYPE)
    single = multiple[shapely.get_num_geometries(features[multiple]) == 1]
    features[single] = shapely.get_geometry(features[single], 0)
    features[shapely.is_empty(features)] = None
    return _Repair(features, rows, broken)


def _rebuilt(broken: Geometries) -> Geometries:
    """Valid polygons from crossing ones; None where nothing is left.

    One rebuilding rounds its new vertices and leaves some shapes crossing again (3 in 100 where edges run
    along each other), so it is repeated on those; what is invalid after that is refused.
    """
    shapes = broken.copy()
    for _ in range(_REBUILDINGS):
        again = np.flatnonzero(~(shapely.is_valid(shapes) | shapely.is_missing(shapes)))
        if not len(again):
            break
        rebuilt = shapely.make_valid(shapes[again], method="structure", keep_collapsed=False)
        shapes[again] = _only_family(rebuilt, "polygon")
    shapes[~shapely.is_valid(shapes)] = None
    return shapes


def _readable(features: Geometries, most_vertices: int) -> NDArray[np.bool_]:
    """Present, not empty, small enough, finite and within the range of degrees."""
    present = ~(shapely.is_missing(features) | shapely.is_empty(features))
    small = shapely.get_num_coordinates(features) <= most_vertices
    ok: NDArray[np.bool_] = present & small & _finite(features) & _in_range(features)
    return ok


def _finite(features: Geometries) -> NDArray[np.bool_]:
    coordinates, owner = shapely.get_coordinates(features, return_index=True)
    answer = np.ones(len(features), dtype=np.bool_)
    answer[owner[~np.isfinite(coordinates).all(axis=1)]] = False
    return answer


def _in_range(features: Geometries) -> NDArray[np.bool_]:
    """Degrees that exist, and no shape wider than half the globe, which only the antimeridian makes."""
    west, south, east, north = shapely.bounds(features).T
    answer: NDArray[np.bool_] = (west >= -180.0) & (east <= 180.0) & (south >= -90.0) & (north <= 90.0)
    answer[answer] = east[answer] - west[answer] <= 180.0
    return answer


def _close_lines(features: Geometries, family: Family) -> Geometries:
    """Turn closed and nearly closed single lines into polygons where polygons are wanted."""
    if family != "polygon":
        return features
    for row in np.flatnonzero(np.isin(shapely.get_type_id(features), _LINE_TYPES)):
        if shapely.get_num_coordinates(features[row]) >= 4 and _end_gap(features[row]) <= CLOSING_DISTANCE:
            features[row] = shapely.Polygon(shapely.get_coordinates(features[row]))
    return features


def _end_gap(line: Any) -> float:
    """Metres between the ends of a line; infinite for a point."""
    vertices = shapely.get_coordinates(line)
    if len(vertices) < 3:
        return float("inf")
    return float(geodesic_distance(*vertices[0], *vertices[-1]))


def _collapsed(features: Geometries) -> NDArray[np.bool_]:
    """Polygons whose mean width is below what stored coordinates can tell from a line."""
    areas = stored_area(features)
    answer = np.zeros(len(features), dtype=np.bool_)
    small = np.flatnonzero(areas < _SMALL_AREA)
    answer[small] = areas[small] <= _LEAST_WIDTH * geodesic_length(features[small]) / 2.0
    return answer


def _only_family(features: Geometries, family: Family) -> Geometries:
    """Keep the parts of the wanted family; None when there are none. Untouched when all parts are."""
    wanted = _DIMENSION[family]
    dimension = shapely.get_dimensions(features)
    is_collection = shapely.get_type_id(features) == _COLLECTION_TYPE
    features[(dimension != wanted) & ~is_collection] = None
    for row in np.flatnonzero(is_collection):
        parts = _leaves(features[row])
        kept = parts[shapely.get_dimensions(parts) == wanted]
        features[row] = _joined(kept, family) if len(kept) else None
    return features


def _leaves(collection: Any) -> Geometries:
    parts = shapely.get_parts(collection)
    while (shapely.get_type_id(parts) >= _FIRST_MULTIPLE_TYPE).any():
        parts = shapely.get_parts(parts)
    return np.asarray(parts, dtype=object)


def _joined(parts: Geometries, family: Family) -> Any:
    if family == "polygon":
        return shapely.multipolygons(parts)
    return shapely.multilinestrings(parts) if family == "line" else shapely.multipoints(parts)


def _rejection(row: int, geometry: Any, family: Family, most_vertices: int) -> Finding:
    """Why one geometry has no storable form."""
    if geometry is None or shapely.is_empty(geometry):
        how = Words("没有图形,请补画或删除该行", "there is no geometry; draw it or remove the row")
        return Finding(row, "empty", repaired=False, how=how)
    count = int(shapely.get_num_coordinates(geometry))
    if count > most_vertices:
        how = Words(
            f"顶点数 {count} 超过上限 {most_vertices},请先化简或拆分",
            f"{count} vertices are more than the {most_vertices} allowed; simplify or split it",
        )
        return Finding(row, "too_many_vertices", repaired=False, how=how)
    coordinates = shapely.get_coordinates(geometry)
    flat = as_geometries(geometry)
    if not _finite(flat)[0]:
        sound = coordinates[np.isfinite(coordinates).all(axis=1)]
        how = Words("坐标含 NaN 或无穷大,请改正", "a coordinate is NaN or infinite; correct it")
        near = (float(sound[0, 0]), float(sound[0, 1])) if len(sound) else (None, None)
        return Finding(row, "not_finite", False, how, *near)
    if not _in_range(flat)[0]:
        return _out_of_range(row, coordinates)
    return _wrong_shape(row, geometry, family)


def _wrong_shape(row: int, geometry: Any, family: Family) -> Finding:
    """Why a geometry with sound coordinates has no storable form."""
    lon, lat = (float(value) for value in shapely.get_coordinates(geometry)[0])
    if shapely.get_dimensions(geometry) == _DIMENSION[family]:
        how = Words("图形没有面积,请重画", "the shape has no area left; draw it again")
        return Finding(row, "collapsed", False, how, lon, lat)
    if shapely.get_type_id(geometry) == 1 and family == "polygon":
        gap = _end_gap(geometry)
        how = Words(
            f"线的首尾相距 {gap:.1f} 米,不能作为面;请闭合", f"the line's ends are {gap:.1f} m apart; close it"
        )
        return Finding(row, "unclosed", False, how, lon, lat)
    words = _FAMILY_WORDS[family]
    how = Words(
        f"此图层需要{words.zh},得到的是 {geometry.geom_type}",
        f"the layer takes {words.en}, this is a {geometry.geom_type}",
    )
    return Finding(row, "wrong_type", False, how, lon, lat)


def _out_of_range(row: int, coordinates: NDArray[np.float64]) -> Finding:
    x, y = coordinates[:, 0], coordinates[:, 1]
    outside = (np.abs(x) > 180.0) | (np.abs(y) > 90.0)
    if not outside.any():
        how = Words(
            "图形跨越 180° 经线,请拆成两部分", "the shape crosses the 180 degree meridian; split it there"
        )
        return Finding(row, "out_of_range", False, how, float(x[0]), float(y[0]))
    value = f"({x[outside][0]:.10g}, {y[outside][0]:.10g})"
    if (np.abs(x) <= 90.0).all() and (np.abs(y) <= 180.0).all():
        how = Words(
            f"{value} 像是纬度在前,请交换两列", f"{value} looks like latitude first; exchange the two columns"
        )
    else:
        how = Words(
            f"{value} 不是经纬度,请给出坐标系", f"{value} is not in degrees; name its coordinate system"
        )
    return Finding(row, "out_of_range", repaired=False, how=how)


def _notes(features: Geometries, family: Family, kept: NDArray[np.bool_]) -> list[Finding]:
    """Findings for the repairs made on the rows that are kept, crossings apart."""
    notes: list[Finding] = []
    for row in np.flatnonzero(kept & shapely.has_z(features)):
        how = Words("已去掉高程,只保留平面坐标", "repaired by dropping the height")
        notes.append(_at_first(int(row), "three_dimensional", how, features[row]))
    foreign = shapely.get_dimensions(features) != _DIMENSION[family]
    notes += [_line_note(int(row), features[row]) for row in np.flatnonzero(kept & foreign)]
    for row in np.flatnonzero(kept & ~foreign & (shapely.get_type_id(features) == _COLLECTION_TYPE)):
        if (shapely.get_dimensions(_leaves(features[row])) != _DIMENSION[family]).any():
            how = Words(
                "混合图形,只保留所需类型的部分", "repaired by keeping only the parts of the layer's type"
            )
            notes.append(_at_first(int(row), "mixed", how, features[row]))
    return notes


def _at_first(row: int, kind: FindingKind, how: Words, geometry: Any) -> Finding:
    first = shapely.get_coordinates(geometry)[0]
    return Finding(row, kind, repaired=True, how=how, lon=float(first[0]), lat=float(first[1]))


def _line_note(row: int, line: Any) -> Finding:
    gap = _end_gap(line)
    if gap > 0.0:
        how = Words(f"首尾相距 {gap:.2f} 米,已闭合成面", f"repaired by closing a gap of {gap:.2f} m")
        return _at_first(row, "unclosed", how, line)
    how = Words("闭合线已转为面", "repaired by turning the closed line into a polygon")
    return _at_first(row, "wrong_type", how, line)


def _crossings(repair: _Repair) -> list[Finding]:
    mended = repair.stored[repair.broken_rows]
    changes = geodesic_area(mended) - geodesic_area(repair.broken)
    notes: list[Finding] = []
    for position in np.flatnonzero(~shapely.is_missing(mended)):
        change = float(changes[position])
        match = _PLACE.search(shapely.is_valid_reason(repair.broken[position]))
        lon, lat = (float(match.group(1)), float(match.group(2))) if match else (None, None)
        how = Words(
            f"边界自相交,已重建为有效面,面积变化 {change:+.2f} ㎡",
            f"repaired by rebuilding the crossing border; the area changed by {change:+.2f} m²",
        )
        row = int(repair.broken_rows[position])
        notes.append(Finding(row, "self_crossing", True, how, lon, lat, change))
    return notes
