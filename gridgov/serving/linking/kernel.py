"""Compiled loops of the link index: which areas hold a lon-lat point, which are near, how far borders are.

All areas of one level lie flat in arrays (`Flat`). The vertices of an area follow one another, its rings
(shells and holes, closed) parted by one NaN vertex: every comparison with NaN is false, so the step from ring
to ring counts neither as a crossing nor as a distance, and one loop serves holes and multipolygons alike
(even-odd rule).

A grid of cells covers the level. Each cell lists the areas that matter in it, in ascending rows, as `row * 2
+ whole`: whole = 1 says that the cell lies inside the area, away from its border (cells.py makes the lists).

Distances are metres in the plane that touches the ellipsoid (GRS80) at the point, with both radii of
curvature of its latitude; the length to the closest place found is then taken at the middle latitude. The
error is under 0.1 mm within 200 m and under 0.1 % at 20 km.
"""

from __future__ import annotations

from math import cos, floor, inf, pi, sin, sqrt
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gridgov.geo.ellipsoid import ECCENTRICITY_SQUARED, SEMI_MAJOR_AXIS

BORDER_M = 0.05  # a point this near to two areas lies on their shared border
NEAREST_M = 200.0  # farther than this from every area, a point is outside

CONTAINS, BORDER, NEAREST, OUTSIDE = 0, 1, 2, 3  # places in RULE_NAMES
RULE_NAMES = ("contains", "border", "nearest", "outside")

_DEGREE = pi / 180.0
_SLACK = 1.001  # boxes narrow candidates; their reach in degrees is a little longer than the metres asked for


class Flat(NamedTuple):
    """One level as flat arrays; n areas in ascending order of code, k vertices with the NaN ones.

    x, y: (k,) lon and lat degrees. first: (n + 1,) first vertex of each area. boxes: (n, 4) west, south,
    east, north. parents: (n,) row in the parent level, -1 when unknown. cells: (columns * lines + 1,) first
    entry of each cell, line by line from the south-west. entries: see the module. frame: west, south, cells
    per degree east and north, and BORDER_M in degrees east and north with some slack. shape: columns, lines
    of the cell grid.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    first: NDArray[np.int64]
    boxes: NDArray[np.float64]
    parents: NDArray[np.int32]
    cells: NDArray[np.int32]
    entries: NDArray[np.int32]
    frame: NDArray[np.float64]
    shape: NDArray[np.int64]


@njit(cache=True, nogil=True, forceinline=True)
def scale_at(lat: float) -> tuple[float, float]:
    """Metres of one degree of longitude and of one of latitude at `lat` degrees."""
    sine = sin(lat * _DEGREE)
    bend = 1.0 - ECCENTRICITY_SQUARED * sine * sine
    across = SEMI_MAJOR_AXIS / sqrt(bend)
    along = across * (1.0 - ECCENTRICITY_SQUARED) / bend
    return across * cos(lat * _DEGREE) * _DEGREE, along * _DEGREE


@njit(cache=True, nogil=True, forceinline=True)
def _vertices(flat: Flat, row: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lon and lat of the area's vertices: slices, so that loops over them run several edges at a time."""
    begin, end = flat.first[row], flat.first[row + 1]
    return flat.x[begin:end], flat.y[begin:end]


@njit(cache=True, nogil=True, forceinline=True)
def holds(flat: Flat, row: int, lon: float, lat: float) -> bool:
    """Whether the line from the point to the east crosses the area's border an odd number of times."""
    x, y = _vertices(flat, row)
    crossings = 0
    for i in range(len(x) - 1):
        rise = y[i + 1] - y[i]
        turn = (x[i + 1] - x[i]) * (lat - y[i]) - (lon - x[i]) * rise
        crossings += int((y[i] > lat) != (y[i + 1] > lat)) & int(turn * rise > 0.0)
    return crossings & 1 == 1


@njit(cache=True, nogil=True)
def _distance(x: NDArray[np.float64], y: NDArray[np.float64], lon: float, lat: float) -> float:
    """Metres from the point to the nearest place of the border with these vertices; inf for none."""
    east, north = scale_at(lat)
    least, best_x, best_y = inf, 0.0, 0.0
    for i in range(len(x) - 1):
        ax, ay = (x[i] - lon) * east, (y[i] - lat) * north
        dx, dy = (x[i + 1] - x[i]) * east, (y[i + 1] - y[i]) * north
        square = dx * dx + dy * dy
        share = 0.0 if square == 0.0 else min(1.0, max(0.0, -(ax * dx + ay * dy) / square))
        px, py = ax + share * dx, ay + share * dy
        distance = px * px + py * py
        if distance < least:
            least, best_x, best_y = distance, px, py
    if least == inf:
        return inf
    middle_east, middle_north = scale_at(lat + best_y / north / 2.0)
    best_x *= middle_east / east
    best_y *= middle_north / north
    return sqrt(best_x * best_x + best_y * best_y)


@njit(cache=True, nogil=True, forceinline=True)
def border_distance(flat: Flat, row: int, lon: float, lat: float) -> float:
    """Metres from the point to the nearest place of the area's border, from inside or outside."""
    x, y = _vertices(flat, row)
    return _distance(x, y, lon, lat)


@njit(cache=True, nogil=True, forceinline=True)
def _edge_near(flat: Flat, row: int, lon: float, lat: float) -> bool:
    """Whether the box of any edge of the area, widened by BORDER_M, holds the point."""
    west, east = lon - flat.frame[4], lon + flat.frame[4]
    south, north = lat - flat.frame[5], lat + flat.frame[5]
    x, y = _vertices(flat, row)
    near = 0
    for i in range(len(x) - 1):
        across = int((x[i] >= west) | (x[i + 1] >= west)) & int((x[i] <= east) | (x[i + 1] <= east))
        along = int((y[i] >= south) | (y[i + 1] >= south)) & int((y[i] <= north) | (y[i + 1] <= north))
        near += across & along
    return near > 0


@njit(cache=True, nogil=True, forceinline=True)
def _in_box(flat: Flat, row: int, lon: float, lat: float, reach_lon: float, reach_lat: float) -> bool:
    box = flat.boxes
    return bool(
        (lon >= box[row, 0] - reach_lon)
        & (lat >= box[row, 1] - reach_lat)
        & (lon <= box[row, 2] + reach_lon)
        & (lat <= box[row, 3] + reach_lat)
    )


@njit(cache=True, nogil=True, forceinline=True)
def _column(flat: Flat, lon: float) -> int:
    column: int = floor((lon - flat.frame[0]) * flat.frame[2])
    return column


@njit(cache=True, nogil=True, forceinline=True)
def _line(flat: Flat, lat: float) -> int:
    line: int = floor((lat - flat.frame[1]) * flat.frame[3])
    return line


@njit(cache=True, nogil=True, forceinline=True)
def _cell(flat: Flat, lon: float, lat: float) -> int:
    """The point's cell; -1 when it stands off the cell grid."""
    column, line = _column(flat, lon), _line(flat, lat)
    inside = (column >= 0) & (line >= 0) & (column < flat.shape[0]) & (line < flat.shape[1])
    return line * flat.shape[0] + column if inside else -1


@njit(cache=True, nogil=True, forceinline=True)
def _sole_holder(flat: Flat, lon: float, lat: float) -> int:
    """The row that plainly alone holds the point; -1 when it takes `touching` to say.

    Says no more than `touching`, several times faster: it calls nothing that is not compiled into it, so
    numba need not count references to the arrays for each point.
    """
    cell = _cell(flat, lon, lat)
    begin, end = (flat.cells[cell], flat.cells[cell + 1]) if cell >= 0 else (0, 0)
    holder, others = -1, 0
    for k in range(begin, end):
        row = flat.entries[k] >> 1
        inside, near = flat.entries[k] & 1 == 1, False
        if not inside and _in_box(flat, row, lon, lat, flat.frame[4], flat.frame[5]):
            inside = holds(flat, row, lon, lat)
            near = not inside and _edge_near(flat, row, lon, lat)
        others += int(near) + int(inside and holder >= 0)
        if inside:
            holder = row
    return holder if others == 0 else -1


@njit(cache=True, nogil=True)
def touching(flat: Flat, lon: float, lat: float) -> tuple[int, int]:
    """The lowest row that holds the point or lies within BORDER_M, and the rule.

    Exactly one area that holds it: CONTAINS. Two or more that hold it or are that near: BORDER. Otherwise
    (-1, OUTSIDE).
    """
    cell = _cell(flat, lon, lat)
    begin, end = (flat.cells[cell], flat.cells[cell + 1]) if cell >= 0 else (0, 0)
    lowest, holder = -1, -1
    for k in range(begin, end):
        row = flat.entries[k] >> 1
        inside = flat.entries[k] & 1 == 1
        if not inside:
            if not _in_box(flat, row, lon, lat, flat.frame[4], flat.frame[5]):
                continue
            inside = holds(flat, row, lon, lat)
            near = inside or (
                _edge_near(flat, row, lon, lat) and border_distance(flat, row, lon, lat) <= BORDER_M
            )
            if not near:
                continue
        if lowest >= 0:
            return lowest, BORDER
        lowest = row
        if inside:
            holder = row
    return holder, CONTAINS if holder >= 0 else OUTSIDE


@njit(cache=True, nogil=True)
def nearest(flat: Flat, lon: float, lat: float, parent: int) -> tuple[int, float]:
    """The area nearest to a point that none holds, within NEAREST_M, and its metres; (-1, inf) for none.

    parent >= 0: only areas whose parent is that row of the parent level. At equal distance the lowest row.
    """
    east, north = scale_at(lat)
    reach_lon, reach_lat = NEAREST_M * _SLACK / east, NEAREST_M * _SLACK / north
    west, right = (
        max(0, _column(flat, lon - reach_lon)),
        min(flat.shape[0] - 1, _column(flat, lon + reach_lon)),
    )
    south, top = max(0, _line(flat, lat - reach_lat)), min(flat.shape[1] - 1, _line(flat, lat + reach_lat))
    best, best_m = -1, inf
    if right < west:
        return best, best_m
    for line in range(south, top + 1):
        start = line * flat.shape[0]
        for k in range(flat.cells[start + west], flat.cells[start + right + 1]):
            row = flat.entries[k] >> 1
            if row == best or (parent >= 0 and flat.parents[row] != parent):
                continue
            limit = min(NEAREST_M, best_m) * _SLACK
            if not _in_box(flat, row, lon, lat, limit / east, limit / north):
                continue
            distance = border_distance(flat, row, lon, lat)
            if distance <= NEAREST_M and (distance < best_m or (distance == best_m and row < best)):
                best, best_m = row, distance
    return best, best_m


@njit(cache=True, nogil=True)
def locate_one(
    flat: Flat, lon: float, lat: float, parent: int, use_nearest: bool, measure: bool
) -> tuple[int, int, float, float]:
    """Row (-1: none), rule, metres outside the area (0 inside, inf for none), metres to the nearest border.

    The last is that of the area found; for an outside point that of the nearest area within NEAREST_M, else
    inf; nan when `measure` is False and nothing needed it.
    """
    row, rule = touching(flat, lon, lat)
    if rule == CONTAINS:
        return row, rule, 0.0, border_distance(flat, row, lon, lat) if measure else np.nan
    if rule == BORDER:
        border = border_distance(flat, row, lon, lat)
        return row, rule, 0.0 if holds(flat, row, lon, lat) else border, border
    if not use_nearest:
        return -1, OUTSIDE, inf, nearest(flat, lon, lat, -1)[1] if measure else np.nan
    near, distance = nearest(flat, lon, lat, parent) if parent >= 0 else (-1, inf)
    if near < 0:
        near, distance = nearest(flat, lon, lat, -1)
    return near, NEAREST if near >= 0 else OUTSIDE, distance, distance


@njit(cache=True, nogil=True)
def locate_all(
    flat: Flat,
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    parents: NDArray[np.int32],
    use_nearest: bool,
    measure: bool,
) -> tuple[int, NDArray[np.int32], NDArray[np.uint8], NDArray[np.float64], NDArray[np.float64]]:
    """The place of the first point that is no position (-1: none), and `locate_one` of every point as four arrays.

    parents: a row each, or empty. The last array, of borders, is empty unless `measure`.
    """
    count = len(lon)
    rows, rules = np.empty(count, np.int32), np.empty(count, np.uint8)
    distances, borders = np.empty(count, np.float64), np.empty(count if measure else 0, np.float64)
    known = len(parents) == count
    for i in range(count):
        if not (abs(lon[i]) <= 180.0 and abs(lat[i]) <= 90.0):
            return i, rows, rules, distances, borders
        row = -1 if measure else _sole_holder(flat, lon[i], lat[i])
        if row >= 0:
            rows[i], rules[i], distances[i] = row, CONTAINS, 0.0
            continue
        parent = parents[i] if known else -1
        rows[i], rules[i], distances[i], border = locate_one(
            flat, lon[i], lat[i], parent, use_nearest, measure
        )
        if measure:
            borders[i] = border
    return -1, rows, rules, distances, borders
