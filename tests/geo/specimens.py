"""Specimen geometries, each named for the trap it is."""

from __future__ import annotations

import numpy as np
import shapely
from shapely import Polygon

LON, LAT = 113.30, 33.74

SQUARE = shapely.box(113.300, 33.740, 113.301, 33.741)
CLOCKWISE = shapely.from_wkt("POLYGON ((113.3 33.7, 113.3 33.8, 113.4 33.8, 113.4 33.7, 113.3 33.7))")
BOW_TIE = Polygon([(113.30, 33.70), (113.31, 33.71), (113.31, 33.70), (113.30, 33.71)])
WITH_HOLE = Polygon(
    shapely.box(113.30, 33.70, 113.31, 33.71).exterior.coords,
    [shapely.box(113.303, 33.703, 113.306, 33.706).exterior.coords],
)
SLIVER = Polygon([(113.3, 33.7), (113.31, 33.7), (113.31, 33.7000001), (113.3, 33.7)])
FLAT = Polygon([(113.3, 33.7), (113.31, 33.71), (113.32, 33.72), (113.3, 33.7)])
EMPTY = Polygon()
WITH_HEIGHT = shapely.force_3d(SQUARE, 87.5)
with np.errstate(invalid="ignore"):  # the geometry library passes NaN on with a floating-point flag
    WITH_NAN = Polygon([(113.3, 33.7), (113.31, float("nan")), (113.31, 33.71), (113.3, 33.7)])
    WITH_INFINITY = Polygon([(113.3, 33.7), (float("inf"), 33.7), (113.31, 33.71), (113.3, 33.7)])
LATITUDE_FIRST = shapely.box(33.740, 113.300, 33.741, 113.301)
IN_METRES = shapely.box(435134.0, 3735042.0, 435234.0, 3735142.0)
OVER_ANTIMERIDIAN = Polygon([(179.9, 10.0), (-179.9, 10.0), (-179.9, 10.1), (179.9, 10.1)])
TWO_PARTS = shapely.multipolygons([WITH_HOLE, shapely.box(113.32, 33.70, 113.33, 33.71)])
MIXED = shapely.geometrycollections(
    [SQUARE, shapely.Point(113.3, 33.7), shapely.LineString([(113.3, 33.7), (113.4, 33.7)])]
)
CLOSED_LINE = shapely.LineString(SQUARE.exterior.coords)
NEARLY_CLOSED_LINE = shapely.LineString(
    [(113.300, 33.740), (113.301, 33.740), (113.301, 33.741), (113.300, 33.741), (113.300, 33.740004)]
)
OPEN_LINE = shapely.LineString([(113.300, 33.740), (113.301, 33.740), (113.301, 33.741)])


def many_vertices(count: int) -> Polygon:
    """A circle of 1 km with ``count`` vertices."""
    angle = np.linspace(0.0, 2.0 * np.pi, count, endpoint=False)
    return Polygon(np.column_stack((LON + 0.01 * np.cos(angle), LAT + 0.01 * np.sin(angle))))


def random_parcels(count: int, seed: int = 20261120) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """Star-shaped parcels of twelve vertices, up to 400 m across, around the demonstration zone."""
    random = np.random.default_rng(seed)
    angle = np.sort(random.uniform(0.0, 2.0 * np.pi, (count, 12)), axis=1)
    radius = random.uniform(0.0005, 0.002, (count, 12))
    lon = random.uniform(113.2, 113.5, (count, 1)) + radius * np.cos(angle)
    lat = random.uniform(33.6, 33.9, (count, 1)) + radius * np.sin(angle)
    parcels = shapely.polygons(np.stack((lon, lat), axis=-1))
    return np.asarray(parcels, dtype=object)
