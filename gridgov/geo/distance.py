"""Lengths and distances in metres on the GRS80 ellipsoid, from longitude and latitude in degrees."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyproj
import shapely
from numpy.typing import ArrayLike, NDArray

from gridgov.geo.ellipsoid import metres_per_degree
from gridgov.geo.transform import Geometries, as_geometries

Array = NDArray[np.float64]

_GEOD: Final = pyproj.Geod(ellps="GRS80")
_REFINEMENTS: Final = 2


def geodesic_distance(lon1: ArrayLike, lat1: ArrayLike, lon2: ArrayLike, lat2: ArrayLike) -> Array:
    """Metres between positions; the four inputs broadcast together. A NaN or infinite input gives NaN.

    >>> f"{geodesic_distance(113.30, 33.74, 113.31, 33.74):.3f}"
    '926.653'
    """
    parts = (np.asarray(value, np.float64) for value in (lon1, lat1, lon2, lat2))
    from_lon, from_lat, to_lon, to_lat = (np.array(part) for part in np.broadcast_arrays(*parts))
    distance = _GEOD.inv(from_lon, from_lat, to_lon, to_lat)[2]
    return np.asarray(distance, np.float64)


def geodesic_length(geometries: Any) -> Array:
    """Metres along lines, the perimeter (holes included) for polygons; (n,). None gives NaN, points 0."""
    features = as_geometries(geometries)
    lines = features.copy()
    polygonal = shapely.get_dimensions(features) == 2
    lines[polygonal] = shapely.boundary(features[polygonal])
    parts, feature_of_part = shapely.get_parts(lines, return_index=True)
    coordinates, part = shapely.get_coordinates(parts, return_index=True)
    same = part[1:] == part[:-1]
    start, stop = coordinates[:-1][same], coordinates[1:][same]
    steps = geodesic_distance(start[:, 0], start[:, 1], stop[:, 0], stop[:, 1])
    feature = feature_of_part[part[1:][same]]
    totals = np.bincount(feature, weights=steps, minlength=len(features)).astype(np.float64)
    totals[shapely.is_missing(features)] = np.nan
    return totals


def distance_to_point(geometries: Any, lon: ArrayLike, lat: ArrayLike) -> Array:
    """Metres from geometries to a point (or to one point each); 0 inside and on the border; (n,).

    Edges are straight in longitude and latitude, as stored. The nearest place is found in a plane scaled to
    metres around the point and its distance measured on the ellipsoid: exact to a millimetre within a few
    kilometres. None and empty geometries give NaN.
    """
    _, distances = nearest_places(geometries, lon, lat)
    return distances


def border_distance(geometries: Any, lon: ArrayLike, lat: ArrayLike) -> Array:
    """Metres from a point to the nearest border of each polygon, from inside as from outside; (n,)."""
    return distance_to_point(shapely.boundary(as_geometries(geometries)), lon, lat)


def nearest_places(geometries: Any, lon: ArrayLike, lat: ArrayLike) -> tuple[Array, Array]:
    """The place of each geometry nearest to the point, (n, 2) lon-lat, and its distance in metres, (n,)."""
    features = shapely.force_2d(as_geometries(geometries))
    at_lon = np.broadcast_to(np.asarray(lon, np.float64), features.shape)
    at_lat = np.broadcast_to(np.asarray(lat, np.float64), features.shape)
    middle = at_lat
    for _ in range(_REFINEMENTS):  # the scale is that of half the way; near points settle in the first pass
        places = _nearest_in_plane(features, at_lon, at_lat, middle)
        halfway = (places[:, 1] + at_lat) / 2.0
        settled = np.abs(halfway - middle) < 1e-3
        middle = np.where(np.isfinite(halfway), halfway, at_lat)
        if np.all(settled | ~np.isfinite(halfway)):
            break
    usable = np.isfinite(places).all(axis=1)
    distances = np.full(len(features), np.nan)
    distances[usable] = geodesic_distance(
        at_lon[usable], at_lat[usable], places[usable, 0], places[usable, 1]
    )
    return places, distances


def _nearest_in_plane(features: Geometries, lon: Array, lat: Array, scale_lat: Array) -> Array:
    """Nearest places, metres taken as at ``scale_lat``; exactly the point itself when inside."""
    scale = np.column_stack(metres_per_degree(scale_lat))
    origin = np.column_stack((lon, lat))
    coordinates, owner = shapely.get_coordinates(features, return_index=True)
    local = (coordinates - origin[owner]) * scale[owner]
    plane = shapely.set_coordinates(features.copy(), local)
    lines = shapely.shortest_line(plane, shapely.points(0.0, 0.0))
    found = np.full((len(features), 2), np.nan)
    usable = ~(shapely.is_missing(lines) | shapely.is_empty(lines))
    found[usable] = shapely.get_coordinates(shapely.get_point(lines[usable], 0))
    return np.asarray(origin + found / scale, np.float64)
