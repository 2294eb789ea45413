"""Check the geometries of an import: readable, of the right type, in the zone."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from gridgov.exchange.coordinates import CrsDecision, lonlat_geometries
from gridgov.exchange.problems import ProblemList
from gridgov.exchange.source import SourceTable
from gridgov.geo.distance import distance_to_point
from gridgov.geo.predicates import interior_point
from gridgov.geo.shapes import Family, Finding, clean
from gridgov.geo.transform import AxisOrder, Geometries
from gridgov.models import GeometryType, RecordKind
from gridgov.settings import Settings

_SMALLEST_CHANGE = 0.005  # m² that a repair must change for the report to say so
FAR_OUTSIDE = 50_000.0  # metres from the zone beyond which a place is a mistake of coordinates
_CHINA = shapely.box(73.0, 3.0, 136.0, 54.0)
_FAMILIES: dict[GeometryType, Family] = {GeometryType.POINT: "point", GeometryType.POLYGON: "polygon"}
_FAMILY_OF_DIMENSION: dict[int, Family] = {0: "point", 1: "line", 2: "polygon"}
_TURNED: dict[AxisOrder, AxisOrder] = {
    "east-north": "north-east", "north-east": "east-north", "lon-lat": "lat-lon", "lat-lon": "lon-lat",
}  # fmt: skip

# Finding of geo.shapes → problem, when it was repaired and when it was not.
_KIND_OF_FINDING: dict[tuple[str, bool], str] = {
    ("unclosed", False): "unclosed_rejected",
    ("wrong_type", True): "line_as_polygon",
    ("self_crossing", False): "collapsed",
}


def check_places(
    source: SourceTable,
    decision: CrsDecision,
    kind: RecordKind,
    boundary: Any,
    settings: Settings,
    problems: ProblemList,
) -> Geometries:
    """The storable geometry of each row (lon-lat), None for a row whose geometry is rejected.

    boundary: the zone's polygon, None leaves the places unchecked. Every finding goes to `problems`. A row
    without a geometry is an error only for a kind that must have one.
    """
    geometries = source.geometries
    if geometries is None:
        geometries = np.full(len(source), None, dtype=object)
    lonlat = lonlat_geometries(geometries, decision)
    flipped = _flipped(geometries, lonlat, decision, boundary)
    order = _TURNED[decision.order]
    for position in np.flatnonzero(flipped):
        first = shapely.get_coordinates(geometries[position])[0]
        problems.add("flipped_axes", int(position), value=f"{first[0]:.10g}, {first[1]:.10g}", order=order)
    lonlat[flipped] = None
    unreadable = np.zeros(len(source), dtype=np.bool_)
    for finding in source.findings:
        unreadable[finding.row] |= not finding.repaired
    stored = _normalised(lonlat, kind, settings, problems, flipped | unreadable)
    for finding in source.findings:
        if not finding.repaired:
            problems.add("unreadable_geometry", finding.row, field="geometry", how=finding.how)
        elif stored[finding.row] is not None:
            _report(finding, finding.row, problems, _first_place(lonlat[finding.row]))
    if boundary is not None:
        _check_zone(stored, boundary, problems)
    return stored


def _first_place(geometry: Any) -> tuple[float | None, float | None]:
    """The first vertex, (None, None) where there is none."""
    coordinates = shapely.get_coordinates(geometry)
    return (float(coordinates[0, 0]), float(coordinates[0, 1])) if len(coordinates) else (None, None)


def _normalised(
    lonlat: Geometries,
    kind: RecordKind,
    settings: Settings,
    problems: ProblemList,
    settled: NDArray[np.bool_],
) -> Geometries:
    """Geometries as they are stored; only those not plainly sound go through inspection and repair."""
    stored = lonlat.copy()
    plain = _plainly_sound(lonlat, settings.geometry_max_vertices)
    if kind.geometry is not GeometryType.POINT:
        stored[plain] = shapely.orient_polygons(lonlat[plain])
    else:
        plain[:] = False
        plain |= _sound_points(lonlat)
    absent = shapely.is_missing(lonlat)
    doubtful = ~plain & ~(settled & absent)
    if not kind.geometry_required:
        doubtful &= ~absent
    for family, rows in _by_family(lonlat, kind, np.flatnonzero(doubtful)):
        limit = settings.geometry_max_vertices
        stored[rows], findings = clean(lonlat[rows], family, most_vertices=limit)
        for finding in findings:
            _report(finding, int(rows[finding.row]), problems)
    return stored


def _plainly_sound(features: Geometries, most_vertices: int) -> NDArray[np.bool_]:
    """Single flat valid polygons with ordinary degrees: nearly all rows of nearly all files."""
    sound = (shapely.get_type_id(features) == 3) & ~shapely.has_z(features)
    sound &= (shapely.get_num_coordinates(features) <= most_vertices) & ~shapely.is_empty(features)
    coordinates, owner = shapely.get_coordinates(features, return_index=True)
    ordinary = (np.abs(coordinates) <= (180.0, 90.0)).all(axis=1)  # NaN and infinite fail too
    sound[owner[~ordinary]] = False
    west, _, east, _ = shapely.bounds(features[sound]).T
    sound[sound] = (east - west <= 180.0) & shapely.is_valid(features[sound])
    answer: NDArray[np.bool_] = sound
    return answer


def _sound_points(features: Geometries) -> NDArray[np.bool_]:
    x, y = shapely.get_x(features), shapely.get_y(features)
    sound: NDArray[np.bool_] = (np.abs(x) <= 180.0) & (np.abs(y) <= 90.0) & ~shapely.has_z(features)
    return sound


def _by_family(
    features: Geometries, kind: RecordKind, rows: NDArray[np.intp]
) -> list[tuple[Family, NDArray[np.intp]]]:
    """Rows with the family their geometry must have; a kind that takes any geometry takes each as it is."""
    if not len(rows):
        return []
    if kind.geometry in _FAMILIES:
        return [(_FAMILIES[kind.geometry], rows)]
    dimension = np.maximum(shapely.get_dimensions(features[rows]), 0)
    return [(_FAMILY_OF_DIMENSION[int(each)], rows[dimension == each]) for each in np.unique(dimension)]


def _report(
    finding: Finding,
    position: int,
    problems: ProblemList,
    place: tuple[float | None, float | None] = (None, None),
) -> None:
    name = _KIND_OF_FINDING.get((finding.kind, finding.repaired), finding.kind)
    value = f"{finding.area_change:+.2f} m²" if abs(finding.area_change) >= _SMALLEST_CHANGE else None
    problems.add(
        name,
        position,
        field="geometry",
        value=value,
        place=place if place[0] is not None else (finding.lon, finding.lat),
        how=finding.how,
    )


def _flipped(
    geometries: Geometries, lonlat: Geometries, decision: CrsDecision, boundary: Any
) -> NDArray[np.bool_]:
    """Rows that lie where they should only when their two coordinates are exchanged.

    With a boundary the exchanged place must lie in it; without one it must lie in China and the present one
    not.
    """
    inside = _first_within(lonlat, boundary if boundary is not None else _CHINA)
    suspects = np.flatnonzero(~inside & ~shapely.is_missing(geometries) & ~shapely.is_empty(geometries))
    answer = np.zeros(len(geometries), dtype=np.bool_)
    if len(suspects):
        turned = CrsDecision(decision.crs, _TURNED[decision.order], decision.origin)
        exchanged = lonlat_geometries(geometries[suspects], turned)
        answer[suspects] = _first_within(exchanged, boundary if boundary is not None else _CHINA)
    return answer


def _first_within(features: Geometries, area: Any) -> NDArray[np.bool_]:
    """Whether the first vertex of each geometry lies within the area; False for None and empty."""
    coordinates, owner = shapely.get_coordinates(features, return_index=True)
    answer = np.zeros(len(features), dtype=np.bool_)
    if len(owner):
        starts = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
        shapely.prepare(area)
        answer[owner[starts]] = shapely.intersects_xy(area, coordinates[starts, 0], coordinates[starts, 1])
    return answer


def _check_zone(stored: Geometries, boundary: Any, problems: ProblemList) -> None:
    shapely.prepare(boundary)
    outside = np.flatnonzero(~shapely.is_missing(stored) & ~shapely.intersects(boundary, stored))
    if not len(outside):
        return
    places = interior_point(stored[outside])
    zone = np.full(len(outside), boundary, dtype=object)
    distances = distance_to_point(zone, places[:, 0], places[:, 1])
    for position, place, distance in zip(outside.tolist(), places.tolist(), distances.tolist(), strict=True):
        far = distance > FAR_OUTSIDE
        problems.add(
            "far_outside_zone" if far else "outside_zone",
            position,
            field="geometry",
            place=(place[0], place[1]),
            distance=f"{distance / 1000.0:,.0f}" if far else f"{distance:,.0f}",
        )
