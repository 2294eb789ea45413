"""GCJ-02 and BD-09: the two shifted coordinate systems of Chinese web maps, forward and back.

All functions take longitude and latitude in degrees, numbers or arrays that broadcast together, and return
two float64 arrays ``(lon, lat)`` (zero-dimensional for numbers). NaN and infinite values come back unchanged.
They know nothing of geometries: ``gridgov.geo.to_lonlat`` and ``from_lonlat`` apply them to shapes.

Where the shift applies. GCJ-02 is defined in the customary box 72.004-137.8347 E, 0.8293-55.8271 N, and is
the identity elsewhere; the *WGS 84* position decides. The rule makes a step at the box edge, where a few
hundred metres have two originals or none. The inverse answers the original inside the box when there is one,
otherwise the value unchanged, so every position in the box survives a round trip to less than a millimetre;
no Chinese land is near an edge. BD-09 is a smooth function of GCJ-02 and is applied everywhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Degrees = NDArray[np.float64]
LonLat = tuple[Degrees, Degrees]

SEMI_MAJOR_AXIS = 6378245.0  # Krasovsky 1940, as the published formula has it
ECCENTRICITY_SQUARED = 0.00669342162296594323
WEST, EAST = 72.004, 137.8347
SOUTH, NORTH = 0.8293, 55.8271

_EDGE_SLACK = 1e-8  # degrees, about 1 mm: an original found this close outside the box was on its edge
_REACH = 0.05  # degrees: further outside the box no position can have its original inside it
_CONVERGED = 1e-12  # degrees, 0.1 micrometre
_MAX_STEPS = 40  # the shift contracts by 0.02 or better a step, so ten are enough; the rest is margin
_BAIDU_ANGLE = np.pi * 3000.0 / 180.0


def wgs84_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    """Shift WGS 84 / CGCS2000 degrees to GCJ-02; identity outside the box.

    >>> lon, lat = wgs84_to_gcj02(113.30, 33.74)
    >>> f"{lon:.6f} {lat:.6f}"
    '113.306265 33.738547'
    """
    lon, lat = _pair(lon, lat)
    inside = _in_box(lon, lat, 0.0)
    out_lon, out_lat = lon.copy(), lat.copy()
    shift_lon, shift_lat = _shift(lon[inside], lat[inside])
    out_lon[inside] += shift_lon
    out_lat[inside] += shift_lat
    return out_lon, out_lat


def gcj02_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    """Invert ``wgs84_to_gcj02`` by fixed point, to well under a millimetre.

    >>> lon, lat = gcj02_to_wgs84(*wgs84_to_gcj02(113.30, 33.74))
    >>> f"{lon:.9f} {lat:.9f}"
    '113.300000000 33.740000000'
    """
    lon, lat = _pair(lon, lat)
    out_lon, out_lat = lon.copy(), lat.copy()
    near = _in_box(lon, lat, _REACH)
    target_lon, target_lat = lon[near], lat[near]
    guess_lon, guess_lat = target_lon, target_lat
    for _ in range(_MAX_STEPS):
        shift_lon, shift_lat = _shift(guess_lon, guess_lat)
        next_lon, next_lat = target_lon - shift_lon, target_lat - shift_lat
        moved = _largest(next_lon - guess_lon, next_lat - guess_lat)
        guess_lon, guess_lat = next_lon, next_lat
        if moved < _CONVERGED:
            break
    original = _in_box(guess_lon, guess_lat, _EDGE_SLACK)
    out_lon[near] = np.where(original, guess_lon, target_lon)
    out_lat[near] = np.where(original, guess_lat, target_lat)
    return out_lon, out_lat


def gcj02_to_bd09(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    """Turn GCJ-02 degrees into Baidu's BD-09.

    >>> lon, lat = gcj02_to_bd09(113.306265, 33.738547)
    >>> f"{lon:.6f} {lat:.6f}"
    '113.312761 33.744618'
    """
    lon, lat = _pair(lon, lat)
    finite = np.isfinite(lon) & np.isfinite(lat)
    out_lon, out_lat = lon.copy(), lat.copy()
    out_lon[finite], out_lat[finite] = _baidu(lon[finite], lat[finite])
    return out_lon, out_lat


def bd09_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    """Invert ``gcj02_to_bd09`` by fixed point, to well under a millimetre.

    >>> lon, lat = bd09_to_gcj02(*gcj02_to_bd09(113.30, 33.74))
    >>> f"{lon:.9f} {lat:.9f}"
    '113.300000000 33.740000000'
    """
    lon, lat = _pair(lon, lat)
    finite = np.isfinite(lon) & np.isfinite(lat)
    target_lon, target_lat = lon[finite], lat[finite]
    guess_lon, guess_lat = target_lon - 0.0065, target_lat - 0.006
    for _ in range(_MAX_STEPS):
        there_lon, there_lat = _baidu(guess_lon, guess_lat)
        miss_lon, miss_lat = there_lon - target_lon, there_lat - target_lat
        guess_lon, guess_lat = guess_lon - miss_lon, guess_lat - miss_lat
        if _largest(miss_lon, miss_lat) < _CONVERGED:
            break
    out_lon, out_lat = lon.copy(), lat.copy()
    out_lon[finite], out_lat[finite] = guess_lon, guess_lat
    return out_lon, out_lat


def wgs84_to_bd09(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    """Turn WGS 84 / CGCS2000 degrees into BD-09, by way of GCJ-02."""
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


def bd09_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    """Turn BD-09 degrees into WGS 84 / CGCS2000, by way of GCJ-02."""
    return gcj02_to_wgs84(*bd09_to_gcj02(lon, lat))


def _pair(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    first, second = np.broadcast_arrays(np.asarray(lon, np.float64), np.asarray(lat, np.float64))
    return first, second


def _in_box(lon: Degrees, lat: Degrees, slack: float) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (
        (lon >= WEST - slack) & (lon <= EAST + slack) & (lat >= SOUTH - slack) & (lat <= NORTH + slack)
    )
    return inside


def _largest(first: Degrees, second: Degrees) -> float:
    return max(float(np.max(np.abs(first), initial=0.0)), float(np.max(np.abs(second), initial=0.0)))


def _shift(lon: Degrees, lat: Degrees) -> LonLat:
    """The published GCJ-02 shift in degrees, for finite positions, box or not."""
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    ripple = 20.0 * np.sin(6.0 * np.pi * x) + 20.0 * np.sin(2.0 * np.pi * x)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += (ripple + 20.0 * np.sin(np.pi * y) + 40.0 * np.sin(np.pi / 3.0 * y)) * (2.0 / 3.0)
    north += (160.0 * np.sin(np.pi / 12.0 * y) + 320.0 * np.sin(np.pi / 30.0 * y)) * (2.0 / 3.0)
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += (ripple + 20.0 * np.sin(np.pi * x) + 40.0 * np.sin(np.pi / 3.0 * x)) * (2.0 / 3.0)
    east += (150.0 * np.sin(np.pi / 12.0 * x) + 300.0 * np.sin(np.pi / 30.0 * x)) * (2.0 / 3.0)
    sine, cosine = np.sin(np.radians(lat)), np.cos(np.radians(lat))
    magic = 1.0 - ECCENTRICITY_SQUARED * sine * sine
    meridian = SEMI_MAJOR_AXIS * (1.0 - ECCENTRICITY_SQUARED) / (magic * np.sqrt(magic))
    parallel = SEMI_MAJOR_AXIS / np.sqrt(magic) * cosine
    return np.degrees(east / parallel), np.degrees(north / meridian)


def _baidu(lon: Degrees, lat: Degrees) -> LonLat:
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BAIDU_ANGLE)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BAIDU_ANGLE)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006
