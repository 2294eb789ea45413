"""Coordinates in and out of the stored form: longitude, latitude in degrees, EPSG:4326, in that order.

Whatever the register says about a system's axes, arrays here are always *east first*: longitude before
latitude, easting before northing. Files that have the northing first (survey tables, GML, boundary
point lists) say so with an ``AxisOrder`` or are turned with ``swap_axes``. WGS 84 and CGCS2000 share their
degrees, so a conversion is a map projection alone and never a datum step.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pyproj
import shapely
from numpy.typing import ArrayLike, NDArray

from gridgov.geo.crs import Bd09, CoordinateSystem, Epsg, Gcj02, definition
from gridgov.geo.offset import (
    Degrees,
    LonLat,
    bd09_to_wgs84,
    gcj02_to_wgs84,
    wgs84_to_bd09,
    wgs84_to_gcj02,
)

AxisOrder = Literal["east-north", "north-east", "lon-lat", "lat-lon"]
Geometries = NDArray[np.object_]

WEB_MERCATOR_RADIUS = 6378137.0
WEB_MERCATOR_LATITUDE = 85.0511287798066  # where the square map ends

_Change = Callable[[Degrees, Degrees], tuple[Degrees, Degrees]]


def as_geometries(geometries: ArrayLike | Any) -> Geometries:
    """Take one geometry, a list or an array, and answer a one-dimensional object array."""
    return np.atleast_1d(np.asarray(geometries, dtype=object)).ravel()


def to_lonlat(geometries: Any, crs: CoordinateSystem) -> Geometries:
    """Convert geometries (east first) from ``crs`` to longitude and latitude.

    Takes one geometry or an array, answers an object array of the same length. None stays None, empty stays
    empty, a third coordinate is dropped. A position outside the system's reach gets infinite coordinates,
    which ``inspect`` reports.
    """
    return _changed(geometries, lambda x, y: lonlat_of(x, y, crs))


def from_lonlat(geometries: Any, crs: CoordinateSystem) -> Geometries:
    """Convert longitude and latitude geometries into ``crs``, east first; the inverse of ``to_lonlat``."""
    return _changed(geometries, lambda lon, lat: coordinates_in(lon, lat, crs))


def points_to_lonlat(
    first: ArrayLike, second: ArrayLike, crs: CoordinateSystem, order: AxisOrder = "east-north"
) -> LonLat:
    """Convert two columns of numbers into longitude and latitude.

    ``order`` says what the columns hold; ``lon-lat`` and ``east-north`` mean the same, so do the other two.

    >>> lon, lat = points_to_lonlat([3735042.32], [435133.67], Epsg(4547), "north-east")
    >>> f"{lon[0]:.6f} {lat[0]:.6f}"
    '113.300000 33.740000'
    """
    x, y = np.broadcast_arrays(np.asarray(first, np.float64), np.asarray(second, np.float64))
    if order in ("north-east", "lat-lon"):
        x, y = y, x
    return lonlat_of(x, y, crs)


def lonlat_of(x: ArrayLike, y: ArrayLike, crs: CoordinateSystem) -> LonLat:
    """Longitude and latitude of coordinates in ``crs``, east first; unreachable positions become inf."""
    east, north = np.asarray(x, np.float64), np.asarray(y, np.float64)
    match crs:
        case Gcj02():
            return gcj02_to_wgs84(east, north)
        case Bd09():
            return bd09_to_wgs84(east, north)
        case Epsg(code):
            return _projected(code, east, north, inverse=True)


def coordinates_in(lon: ArrayLike, lat: ArrayLike, crs: CoordinateSystem) -> LonLat:
    """Coordinates in ``crs``, east first, of longitude and latitude arrays; the inverse of ``lonlat_of``."""
    east, north = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
    match crs:
        case Gcj02():
            return wgs84_to_gcj02(east, north)
        case Bd09():
            return wgs84_to_bd09(east, north)
        case Epsg(code):
            return _projected(code, east, north, inverse=False)


def swap_axes(geometries: Any) -> Geometries:
    """Exchange the first and second coordinate of every vertex, for files that have the northing first."""
    return _changed(geometries, lambda x, y: (y, x))


def to_web_mercator(lon: ArrayLike, lat: ArrayLike) -> tuple[Degrees, Degrees]:
    """Web-Mercator metres (EPSG:3857) of longitude and latitude; latitudes are held at the map's edge.

    >>> x, y = to_web_mercator(113.3, 33.74)
    >>> f"{x:.2f} {y:.2f}"
    '12612498.31 3993943.58'
    """
    held = np.clip(np.asarray(lat, np.float64), -WEB_MERCATOR_LATITUDE, WEB_MERCATOR_LATITUDE)
    x = WEB_MERCATOR_RADIUS * np.radians(np.asarray(lon, np.float64))
    y = WEB_MERCATOR_RADIUS * np.arctanh(np.sin(np.radians(held)))
    return x, y


@lru_cache(maxsize=64)
def _transformer(code: int) -> pyproj.Transformer | None:
    """From a system to its own degrees, east first; None when it is degrees already."""
    system = definition(code)
    if system.is_geographic:
        return None
    return pyproj.Transformer.from_crs(system, system.geodetic_crs, always_xy=True)


def _projected(code: int, x: Degrees, y: Degrees, *, inverse: bool) -> LonLat:
    transformer = _transformer(code)
    if transformer is None:
        return x.copy(), y.copy()
    direction = (
        pyproj.enums.TransformDirection.FORWARD if inverse else pyproj.enums.TransformDirection.INVERSE
    )
    first, second = transformer.transform(x, y, direction=direction)
    return np.asarray(first, np.float64), np.asarray(second, np.float64)


def _changed(geometries: Any, change: _Change) -> Geometries:
    flat = shapely.force_2d(as_geometries(geometries))
    coordinates = shapely.get_coordinates(flat)
    if len(coordinates):
        x, y = change(coordinates[:, 0], coordinates[:, 1])
        flat = shapely.set_coordinates(flat, np.column_stack((x, y)))
    return np.asarray(flat, dtype=object)
