"""The cell grid of a link index: for each cell the areas that touch it, and whether they fill it.

A cell that an area's border comes nearer to than the margin gets the entry `row * 2`; a cell wholly inside
the area, farther from its border, gets `row * 2 + 1`, and a point in it needs no look at the border.
"""

from __future__ import annotations

from math import floor

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gridgov.serving.linking.kernel import Flat, holds

_BORDER, _WITHIN = 1, 2  # marks of one cell while an area is laid over the grid


@njit(cache=True, nogil=True)
def _clamp(value: float, last: int) -> int:
    return int(min(float(last), max(0.0, floor(value))))


@njit(cache=True, nogil=True)
def _mark_border(
    flat: Flat, row: int, margin: tuple[float, float], corner: tuple[int, int], marks: NDArray[np.uint8]
) -> None:
    """Mark the cells that the border of `row`, widened by margin (degrees), passes; marks start at corner."""
    west, south, per_lon, per_lat = flat.frame[0], flat.frame[1], flat.frame[2], flat.frame[3]
    for i in range(flat.first[row], flat.first[row + 1] - 1):
        ax, ay, bx, by = flat.x[i], flat.y[i], flat.x[i + 1], flat.y[i + 1]
        if np.isnan(ax) or np.isnan(bx):
            continue
        low = _clamp((min(ay, by) - margin[1] - south) * per_lat, flat.shape[1] - 1)
        high = _clamp((max(ay, by) + margin[1] - south) * per_lat, flat.shape[1] - 1)
        for line in range(low, high + 1):
            left, right = min(ax, bx), max(ax, bx)
            if low != high and ay != by:  # only the piece of the edge that this line of cells meets
                from_south = (south + line / per_lat - margin[1] - ay) / (by - ay)
                from_north = (south + (line + 1) / per_lat + margin[1] - ay) / (by - ay)
                near = ax + (bx - ax) * min(1.0, max(0.0, from_south))
                far = ax + (bx - ax) * min(1.0, max(0.0, from_north))
                left, right = min(near, far), max(near, far)
            begin = _clamp((left - margin[0] - west) * per_lon, flat.shape[0] - 1)
            end = _clamp((right + margin[0] - west) * per_lon, flat.shape[0] - 1)
            marks[line - corner[1], begin - corner[0] : end - corner[0] + 1] = _BORDER


@njit(cache=True, nogil=True)
def _mark_within(flat: Flat, row: int, corner: tuple[int, int], marks: NDArray[np.uint8]) -> None:
    """Mark the cells wholly inside `row`; a run of cells without border is inside or outside as one."""
    for line in range(marks.shape[0]):
        lat = flat.frame[1] + (line + corner[1] + 0.5) / flat.frame[3]
        known, inside = False, False
        for column in range(marks.shape[1]):
            if marks[line, column] == _BORDER:
                known = False
                continue
            if not known:
                lon = flat.frame[0] + (column + corner[0] + 0.5) / flat.frame[2]
                known, inside = True, holds(flat, row, lon, lat)
            if inside:
                marks[line, column] = _WITHIN


@njit(cache=True, nogil=True)
def _lay(flat: Flat, row: int, margin: tuple[float, float]) -> tuple[tuple[int, int], NDArray[np.uint8]]:
    """The marks of one area over the cells of its box, and the column and line where they start."""
    left = _clamp((flat.boxes[row, 0] - margin[0] - flat.frame[0]) * flat.frame[2], flat.shape[0] - 1)
    right = _clamp((flat.boxes[row, 2] + margin[0] - flat.frame[0]) * flat.frame[2], flat.shape[0] - 1)
    low = _clamp((flat.boxes[row, 1] - margin[1] - flat.frame[1]) * flat.frame[3], flat.shape[1] - 1)
    high = _clamp((flat.boxes[row, 3] + margin[1] - flat.frame[1]) * flat.frame[3], flat.shape[1] - 1)
    corner = (left, low)
    marks = np.zeros((high - low + 1, right - left + 1), np.uint8)
    _mark_border(flat, row, margin, corner, marks)
    _mark_within(flat, row, corner, marks)
    return corner, marks


@njit(cache=True, nogil=True)
def fill_cells(flat: Flat, margin: tuple[float, float]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The cells and entries of `flat`, whose own are not read. margin: degrees kept from a border."""
    columns = flat.shape[0]
    cells = np.zeros(columns * flat.shape[1] + 1, np.int32)
    capacity, used = 1024, 0
    places, values = np.empty(capacity, np.int32), np.empty(capacity, np.int32)
    for row in range(len(flat.first) - 1):
        corner, marks = _lay(flat, row, margin)
        if used + marks.size > capacity:
            capacity = 2 * capacity + marks.size
            wider_places, wider_values = np.empty(capacity, np.int32), np.empty(capacity, np.int32)
            for k in range(used):  # assigning slices would take numba a second longer to compile
                wider_places[k], wider_values[k] = places[k], values[k]
            places, values = wider_places, wider_values
        for line in range(marks.shape[0]):
            for column in range(marks.shape[1]):
                mark = marks[line, column]
                if mark:
                    places[used] = (line + corner[1]) * columns + column + corner[0]
                    values[used] = row * 2 + (1 if mark == _WITHIN else 0)
                    cells[places[used] + 1] += 1
                    used += 1
    for cell in range(1, len(cells)):
        cells[cell] += cells[cell - 1]
    entries, next_free = np.empty(used, np.int32), cells[:-1].copy()
    for k in range(used):  # rows ascend, so each cell's entries do
        entries[next_free[places[k]]] = values[k]
        next_free[places[k]] += 1
    return cells, entries
