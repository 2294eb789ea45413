"""Gaps and overlaps between neighbours that should share their borders: grids, communities, districts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from gridgov.errors import InvalidGeometry
from gridgov.geo.ellipsoid import metres_per_degree
from gridgov.geo.measure import geodesic_area
from gridgov.geo.predicates import interior_point
from gridgov.geo.transform import Geometries, as_geometries

FaultKind = Literal["gap", "overlap"]
Indexes = NDArray[np.intp]

_NO_LENGTH: Final = 1e-9  # metres: keeps the width of a piece without extent finite
_ROUNDING: Final = 4  # decimals of a metre


@dataclass(frozen=True, slots=True)
class CoverageFault:
    """One piece of ground that two neighbours both claim, or that neither does.

    first, second: positions of the two geometries in the input, first < second. lon, lat: a place within the
    piece. area: m² on the ellipsoid. width: metres, the mean breadth of the piece.
    """

    first: int
    second: int
    kind: FaultKind
    lon: float
    lat: float
    area: float
    width: float


def coverage_faults(
    geometries: Any, *, gap_width: float = 1.0, smallest_area: float = 0.01, smallest_width: float = 0.001
) -> list[CoverageFault]:
    """List the overlaps, and the gaps up to ``gap_width`` metres wide, between polygons that should fit.

    Expects valid polygons (see ``normalise``); None and empty are left out. Pieces below ``smallest_area``
    m² or ``smallest_width`` metres are dropped: they are rounding. Ordered by first, second, then area,
    largest first. A gap is reported for the two geometries that it separates.
    Raises InvalidGeometry for a geometry that crosses itself.
    """
    features = as_geometries(geometries)
    usable = np.flatnonzero(~(shapely.is_missing(features) | shapely.is_empty(features)))
    if len(usable) < 2:
        return []
    invalid = usable[~shapely.is_valid(features[usable])]
    if len(invalid):
        message = f"the geometry in row {invalid[0]} is not valid; repair it with normalise first"
        raise InvalidGeometry(message, row=int(invalid[0]))
    west, south, east, north = shapely.total_bounds(features[usable])
    origin = np.array([(west + east) / 2.0, (south + north) / 2.0])
    scale = np.array([float(length) for length in metres_per_degree(origin[1])])
    plane = shapely.transform(features[usable], lambda lonlat: (lonlat - origin) * scale)
    first, second, around = _suspect_pairs(plane, gap_width)
    one, two = shapely.intersection(plane[first], around), shapely.intersection(plane[second], around)
    pieces = {"overlap": shapely.intersection(one, two), "gap": _gaps(one, two, around, gap_width)}
    faults: list[CoverageFault] = []
    for kind, shapes in pieces.items():
        parts, pair = shapely.get_parts(shapes, return_index=True)
        areal = shapely.get_dimensions(parts) == 2
        parts, pair = parts[areal], pair[areal]
        lonlat = shapely.transform(parts, lambda metres: metres / scale + origin)
        areas = geodesic_area(lonlat)
        widths = areas / np.maximum(shapely.length(parts) / 2.0, _NO_LENGTH)
        places = interior_point(lonlat)
        faults += [
            CoverageFault(
                first=int(usable[first[pair[found]]]),
                second=int(usable[second[pair[found]]]),
                kind="overlap" if kind == "overlap" else "gap",
                lon=float(places[found, 0]),
                lat=float(places[found, 1]),
                area=float(areas[found]),
                width=float(widths[found]),
            )
            for found in np.flatnonzero((areas >= smallest_area) & (widths >= smallest_width))
        ]
    return sorted(faults, key=lambda fault: (fault.first, fault.second, -fault.area, fault.lon, fault.lat))


def _suspect_pairs(plane: Geometries, gap_width: float) -> tuple[Indexes, Indexes, Geometries]:
    """Pairs whose faulty edges come within the gap width of each other, and the box where they do.

    The check runs on coordinates rounded to 0.1 mm, so that float noise along shared borders is no fault.
    """
    rounded = shapely.transform(plane, lambda metres: np.round(metres, _ROUNDING))
    flagged = shapely.coverage_invalid_edges(rounded, gap_width=gap_width)
    faulty = np.flatnonzero(~shapely.is_empty(flagged))
    tree = shapely.STRtree(flagged[faulty])
    left, right = tree.query(flagged[faulty], predicate="dwithin", distance=gap_width)
    left, right = faulty[left[left < right]], faulty[right[left < right]]
    one, two = shapely.bounds(flagged[left]), shapely.bounds(flagged[right])
    margin = 4.0 * gap_width
    low, high = np.maximum(one, two)[:, :2] - margin, np.minimum(one, two)[:, 2:] + margin
    inner, outer = _nested_pairs(rounded, faulty)
    within = shapely.bounds(rounded[inner])
    low, high = np.vstack((low, within[:, :2] - margin)), np.vstack((high, within[:, 2:] + margin))
    left, right = (
        np.concatenate((left, np.minimum(inner, outer))),
        np.concatenate((right, np.maximum(inner, outer))),
    )
    return left, right, shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1])


def _nested_pairs(plane: Geometries, faulty: Indexes) -> tuple[Indexes, Indexes]:
    """Flagged polygons that lie wholly inside another one, whose own edges are all sound."""
    found, outer = shapely.STRtree(plane).query(plane[faulty], predicate="covered_by")
    inner = faulty[found]
    flagged = np.isin(outer, faulty)
    return inner[~flagged], outer[~flagged]


def _gaps(one: Geometries, two: Geometries, around: Geometries, gap_width: float) -> Geometries:
    """What closing each pair by half the gap width would fill, away from the box's rim.

    Mitred, so that square corners stay square.
    """
    half = gap_width / 2.0
    union = shapely.union(one, two)
    closed = shapely.buffer(shapely.buffer(union, half, join_style="mitre"), -half, join_style="mitre")
    inner = shapely.buffer(around, -2.0 * gap_width, join_style="mitre")
    return np.asarray(shapely.intersection(shapely.difference(closed, union), inner), dtype=object)
