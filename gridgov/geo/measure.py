"""Areas: on the ellipsoid, in the CGCS2000 grid, and the units planners use.

Input geometries are longitude and latitude in degrees; nothing here ever measures degrees as a plane. Three
areas exist side by side and each has its label: the geodesic area (椭球面积), the area in the 3-degree
Gauss-Krüger grid (投影面积, larger by up to 5 in 10,000) and the area on the paper (证载面积), which is
only ever copied.
"""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from typing import Any, Final, overload

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from gridgov.geo.crs import ZONES_3_DEGREES
from gridgov.geo.ellipsoid import (
    AUTHALIC_RADIUS_SQUARED,
    ECCENTRICITY_SQUARED,
    SEMI_MAJOR_AXIS,
    authalic_sine,
    grid_coordinates,
)
from gridgov.geo.ragged import RaggedPolygons, ragged
from gridgov.geo.transform import Geometries, as_geometries
from gridgov.geo.words import Language, Words

Array = NDArray[np.float64]

SQUARE_METRES_PER_MU: Final = Fraction(2000, 3)  # 15 mu are one hectare
SQUARE_METRES_PER_HECTARE: Final = 10_000

_GEOD: Final = pyproj.Geod(ellps="GRS80")
_LONG_EDGE: Final = 0.02  # degrees, about 2 km: a longer edge is left to the geodesic library
_CHUNK: Final = 65_536  # vertices worked on at once: what fits the processor's cache
_GRID_REACH: Final = 6.0  # degrees from the central meridian up to which the grid series is used


class AreaKind(StrEnum):
    """The three areas of a piece of land."""

    GEODESIC = "geodesic"
    GRID = "grid"
    CLAIMED = "claimed"

    def label(self, language: Language) -> str:
        """The name for people.

        >>> AreaKind.GRID.label("zh")
        '投影面积'
        """
        return _AREA_LABELS[self].say(language)


_AREA_LABELS: Final = {
    AreaKind.GEODESIC: Words("椭球面积", "geodesic area"),
    AreaKind.GRID: Words("投影面积", "grid area"),
    AreaKind.CLAIMED: Words("证载面积", "area on the certificate"),
}


def geodesic_area(geometries: Any) -> Array:
    """Area on the GRS80 ellipsoid in m², edges being geodesics; (n,) float64.

    None gives NaN; empty, points and lines give 0. Rings count by their role, whatever their direction.
    Agrees with pyproj.Geod to 1e-7 of a parcel's area (most of that is the library's own rounding); a ring
    with an edge over about 2 km is computed by pyproj.Geod itself.

    >>> f"{geodesic_area(shapely.box(113.3, 33.74, 113.301, 33.741))[0]:.2f}"
    '10278.16'
    """
    features = as_geometries(geometries)
    flat = ragged(features)
    areas = np.abs(_ring_areas(flat, _geodesic_edges))
    for ring in np.flatnonzero(_has_long_edge(flat)):
        vertices = flat.coordinates[flat.ring_offsets[ring] : flat.ring_offsets[ring + 1]]
        areas[ring] = abs(_GEOD.polygon_area_perimeter(vertices[:, 0], vertices[:, 1])[0])
    return _per_feature(features, flat, areas)


def stored_area(geometries: Any) -> Array:
    """Area in m² of polygons whose edges are straight in longitude and latitude, as they are stored; (n,).

    It differs from ``geodesic_area`` by about 1e-6 for a parcel, but the pieces a polygon is cut into add up
    to it exactly: this is the measure for shares and overlays. None gives NaN; empty, points and lines 0.
    """
    features = as_geometries(geometries)
    flat = ragged(features)
    return _per_feature(features, flat, np.abs(_ring_areas(flat, _straight_edges)))


def grid_area(geometries: Any) -> Array:
    """Area in the CGCS2000 3-degree Gauss-Krüger zone of each geometry's centroid (投影面积), m²; (n,).

    None gives NaN; empty, points and lines 0; a geometry whose centroid lies outside the zones 25 to 45
    (73.5 to 136.5 E) or that reaches more than 6 degrees from its meridian gives NaN.
    """
    features = as_geometries(geometries)
    flat = ragged(features)
    zone = np.floor((_centroid_lon(features) + 1.5) / 3.0)
    known = (zone >= ZONES_3_DEGREES.start) & (zone < ZONES_3_DEGREES.stop)
    meridian = np.where(known, zone * 3.0, np.nan)
    lengths = np.diff(flat.ring_offsets)
    rings = _ring_areas(flat, _grid_edges, np.repeat(meridian[flat.feature_of_ring], lengths))
    return _per_feature(features, flat, np.abs(rings))


@overload
def square_metres_to_mu(area: Fraction | int) -> Fraction: ...
@overload
def square_metres_to_mu(area: float) -> float: ...
@overload
def square_metres_to_mu(area: Array) -> Array: ...
def square_metres_to_mu(area: Fraction | float | Array) -> Fraction | float | Array:
    """Mu (亩) of square metres; exact for whole numbers and fractions.

    >>> square_metres_to_mu(10_000)
    Fraction(15, 1)
    >>> square_metres_to_mu(1000.0)
    1.5
    """
    if isinstance(area, Fraction | int):
        return area / SQUARE_METRES_PER_MU
    return area * 3.0 / 2000.0


@overload
def mu_to_square_metres(area: Fraction | int) -> Fraction: ...
@overload
def mu_to_square_metres(area: float) -> float: ...
@overload
def mu_to_square_metres(area: Array) -> Array: ...
def mu_to_square_metres(area: Fraction | float | Array) -> Fraction | float | Array:
    """Square metres of mu (亩); exact for whole numbers and fractions.

    >>> mu_to_square_metres(1)
    Fraction(2000, 3)
    """
    if isinstance(area, Fraction | int):
        return area * SQUARE_METRES_PER_MU
    return area * 2000.0 / 3.0


def to_hectares(area: Any) -> Any:
    """Hectares of square metres, for a number or an array.

    >>> to_hectares(25_000.0)
    2.5
    """
    return area / SQUARE_METRES_PER_HECTARE


def _centroid_lon(features: Geometries) -> Array:
    answer = np.full(len(features), np.nan)
    filled = np.flatnonzero(~(shapely.is_missing(features) | shapely.is_empty(features)))
    answer[filled] = shapely.get_coordinates(shapely.centroid(features[filled]))[:, 0]
    return answer


def _per_feature(features: Geometries, flat: RaggedPolygons, ring_areas: Array) -> Array:
    """Shells minus holes, summed per feature; NaN where there is no geometry at all."""
    signed = np.where(flat.is_shell, ring_areas, -ring_areas)
    totals = np.bincount(flat.feature_of_ring, weights=signed, minlength=len(features)).astype(np.float64)
    totals[shapely.is_missing(features)] = np.nan
    return totals


def _has_long_edge(flat: RaggedPolygons) -> NDArray[np.bool_]:
    steps = np.abs(np.diff(flat.coordinates, axis=0)).max(axis=1, initial=0.0)
    long = np.flatnonzero(steps > _LONG_EDGE)
    ring = np.searchsorted(flat.ring_offsets, long, side="right") - 1
    within = long + 1 < flat.ring_offsets[ring + 1] if len(long) else np.zeros(0, np.bool_)
    answer = np.zeros(len(flat.is_shell), dtype=np.bool_)
    answer[ring[within]] = True
    return answer


def _ring_areas(flat: RaggedPolygons, edge_areas: Any, *per_vertex: Array) -> Array:
    """Signed area of each ring: the sum of ``edge_areas(lon, lat, …)``, which gives a value per edge."""
    count = len(flat.coordinates)
    if not count:
        return np.zeros(0)
    steps = np.empty(count)
    for start in range(0, count - 1, _CHUNK):
        chunk = slice(start, min(start + _CHUNK, count - 1) + 1)
        lon, lat = flat.coordinates[chunk, 0], flat.coordinates[chunk, 1]
        steps[start : chunk.stop - 1] = edge_areas(lon, lat, *(extra[chunk] for extra in per_vertex))
    steps[flat.ring_offsets[1:] - 1] = 0.0  # the step from one ring's last vertex to the next ring
    return np.add.reduceat(steps, flat.ring_offsets[:-1])


def _geodesic_edges(lon: Array, lat: Array) -> Array:
    """Area between each geodesic edge and the equator.

    The trapezoid in longitude and authalic sine, plus the area by which a geodesic bows away from that
    chord: sin(lat) dlon (3 (M dlat)² + (N cos(lat) dlon)²) / 12, the third-order term of its Taylor series.
    What follows is smaller by the square of step over earth radius.
    """
    sine = np.sin(np.radians(lat))
    area_sine = authalic_sine(sine)
    width, height = np.radians(np.diff(lon)), np.radians(np.diff(lat))
    middle = (sine[1:] + sine[:-1]) / 2.0
    square = middle * middle
    shrink = 1.0 - ECCENTRICITY_SQUARED * square
    meridian = (1.0 - ECCENTRICITY_SQUARED) / shrink * height
    bow = (3.0 * meridian * meridian + (1.0 - square) * width * width) / shrink
    bow *= middle * (SEMI_MAJOR_AXIS**2 / 12.0)
    area: Array = -width * ((area_sine[1:] + area_sine[:-1]) * (AUTHALIC_RADIUS_SQUARED / 2.0) + bow)
    return area


def _straight_edges(lon: Array, lat: Array) -> Array:
    """Area between each edge straight in degrees and the equator, by Simpson's rule on the authalic sine."""
    sine = authalic_sine(np.sin(np.radians(lat)))
    middle = authalic_sine(np.sin(np.radians((lat[1:] + lat[:-1]) / 2.0)))
    width = np.radians(np.diff(lon))
    area: Array = width * (sine[1:] + 4.0 * middle + sine[:-1]) * (-AUTHALIC_RADIUS_SQUARED / 6.0)
    return area


def _grid_edges(lon: Array, lat: Array, meridian: Array) -> Array:
    """Area between each straight grid edge and the equator."""
    offset = np.where(np.abs(lon - meridian) <= _GRID_REACH, lon - meridian, np.nan)
    east, north = grid_coordinates(offset, lat)
    area: Array = np.diff(east) * (north[1:] + north[:-1]) * -0.5
    return area
