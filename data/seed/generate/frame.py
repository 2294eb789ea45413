"""From the straight design frame (u, v in metres) to lon-lat: a gentle bend, a turn, EPSG:4547, EPSG:4326.

The bend is smooth and one-to-one, so linework that is noded in the design frame stays noded on the ground:
a shared vertex is one pair of numbers before and after.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely
from pyproj import Geod, Transformer

MU_M2 = 2000.0 / 3.0
DECIMALS = 9
_CENTRE_LON_LAT = (113.36, 33.75)
_TURN = math.radians(5.5)
_TO_PLANE = Transformer.from_crs("EPSG:4326", "EPSG:4547", always_xy=True)
_TO_DEGREES = Transformer.from_crs("EPSG:4547", "EPSG:4326", always_xy=True)
_ORIGIN = _TO_PLANE.transform(*_CENTRE_LON_LAT)
_GEOD = Geod(ellps="GRS80")


def bend(points: np.ndarray) -> np.ndarray:
    """Design metres (n, 2) to ground metres (n, 2) from the zone's centre: streets curve, and all turn."""
    u, v = points[:, 0], points[:, 1]
    east = u + 95.0 * np.sin(v / 1150.0 + 0.4) + 55.0 * np.sin(u / 1500.0 + 1.1)
    north = v + 125.0 * np.sin(u / 1350.0 + 0.3) + 40.0 * np.sin(v / 1300.0 + u / 2600.0)
    cos, sin = math.cos(_TURN), math.sin(_TURN)
    return np.column_stack((east * cos - north * sin, east * sin + north * cos))


def _ground_to_lon_lat(points: np.ndarray) -> np.ndarray:
    lon, lat = _TO_DEGREES.transform(points[:, 0] + _ORIGIN[0], points[:, 1] + _ORIGIN[1])
    return np.round(np.column_stack((lon, lat)), DECIMALS)


def to_lon_lat(geometry: Any) -> Any:
    """A design-frame geometry as lon-lat degrees with 9 decimals; polygons in canonical ring order."""
    moved = shapely.transform(geometry, lambda points: _ground_to_lon_lat(bend(points)))
    return canonical(moved)


def ground_rectangle(u: float, v: float, width: float, depth: float, turn: float = 0.0) -> Any:
    """A true rectangle on the ground, lon-lat, centred at design point (u, v), along the bent street.

    width runs along the street, depth across it, both metres; turn adds radians counter-clockwise.
    """
    here, ahead = bend(np.array([[u, v], [u + 1.0, v]]))
    angle = math.atan2(ahead[1] - here[1], ahead[0] - here[0]) + turn
    cos, sin = math.cos(angle), math.sin(angle)
    half = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0]]) * (
        width / 2,
        depth / 2,
    )
    corners = (
        np.column_stack((half[:, 0] * cos - half[:, 1] * sin, half[:, 0] * sin + half[:, 1] * cos)) + here
    )
    return canonical(shapely.Polygon(_ground_to_lon_lat(corners)))


def canonical(geometry: Any) -> Any:
    """The same geometry, exterior counter-clockwise, rings from their lowest corner, parts in fixed order."""
    if geometry.geom_type == "Polygon":
        rings = [_ring(geometry.exterior, True), *sorted(_ring(hole, False) for hole in geometry.interiors)]
        return shapely.Polygon(rings[0], rings[1:])
    if geometry.geom_type == "MultiPolygon":
        parts = sorted((canonical(part) for part in geometry.geoms), key=lambda part: part.exterior.coords[0])
        return shapely.MultiPolygon(parts)
    return geometry


def _ring(ring: Any, counter_clockwise: bool) -> list[tuple[float, float]]:
    points = [tuple(point) for point in ring.coords][:-1]
    if ring.is_ccw != counter_clockwise:
        points.reverse()
    start = points.index(min(points))
    turned = points[start:] + points[:start]
    return [*turned, turned[0]]


def geodesic_m2(lon_lat: Any) -> float:
    """椭球面积 of a lon-lat polygon or multipolygon on GRS80, m²."""
    return abs(float(_GEOD.geometry_area_perimeter(shapely.normalize(lon_lat))[0]))


def geodesic_mu(lon_lat: Any) -> float:
    """椭球面积 in mu (1 mu = 2000/3 m²)."""
    return geodesic_m2(lon_lat) / MU_M2
