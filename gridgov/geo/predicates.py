"""Exact yes and no on stored geometries: inside, meets a box, share of an area, a point within.

Everything is decided on longitude and latitude as stored, edges straight between vertices, so both stores and
every index give the same answer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from gridgov.errors import OutOfRange
from gridgov.geo.measure import stored_area
from gridgov.geo.transform import as_geometries


def interior_point(geometries: Any) -> NDArray[np.float64]:
    """A position inside each geometry, (n, 2) lon-lat; NaN for None and empty.

    >>> interior_point(shapely.box(113.0, 33.0, 113.2, 33.2))[0].round(6).tolist()
    [113.1, 33.1]
    """
    features = as_geometries(geometries)
    answer = np.full((len(features), 2), np.nan)
    filled = np.flatnonzero(~(shapely.is_missing(features) | shapely.is_empty(features)))
    answer[filled] = shapely.get_coordinates(shapely.point_on_surface(features[filled]))
    return answer


def contains_point(geometries: Any, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
    """Whether each polygon holds the point (or its own point), border included; (n,). None: False."""
    held: NDArray[np.bool_] = shapely.intersects_xy(as_geometries(geometries), lon, lat)
    return held


def intersects_box(
    geometries: Any, west: float, south: float, east: float, north: float
) -> NDArray[np.bool_]:
    """Whether each geometry meets the box in degrees, its border included; (n,). None and empty give False.

    Raises OutOfRange for a box whose south is above its north, whose west is east of its east (boxes over the
    antimeridian do not exist here), or whose sides are not degrees.
    """
    sides = {"west": west, "south": south, "east": east, "north": north}
    in_range = all(-180.0 <= sides[name] <= 180.0 for name in ("west", "east"))
    in_range &= all(-90.0 <= sides[name] <= 90.0 for name in ("south", "north"))
    if not in_range or west > east or south > north:
        message = (
            f"box {west},{south},{east},{north} is not west,south,east,north in degrees; "
            "longitudes go from -180 to 180, latitudes from -90 to 90, the smaller value first"
        )
        raise OutOfRange(message, value=[west, south, east, north])
    frame = shapely.box(west, south, east, north)
    shapely.prepare(frame)
    met: NDArray[np.bool_] = shapely.intersects(frame, as_geometries(geometries))
    return met


def shares(geometries: Any, others: Any) -> NDArray[np.float64]:
    """Share of each geometry's area that lies in the other, pair by pair; (n,) between 0 and 1.

    Either side may be a single geometry, which is then paired with every one of the other side. Shares over
    areas that do not overlap add up to 1 at most. None, and a geometry without area, give NaN.

    >>> parcel = shapely.box(113.0, 33.0, 113.002, 33.001)
    >>> shares(parcel, [shapely.box(112.0, 32.0, 113.001, 34.0)]).round(6).tolist()
    [0.5]
    """
    whole, other = np.broadcast_arrays(as_geometries(geometries), as_geometries(others))
    total = stored_area(whole)
    total[total == 0.0] = np.nan
    common = stored_area(shapely.intersection(whole, other))
    return np.clip(common / total, 0.0, 1.0)
