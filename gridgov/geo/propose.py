"""Which coordinate system are these numbers in? Candidates with their evidence, for a person to confirm.

Nothing here decides: ``propose_crs`` ranks, ``fits_better_as`` warns. The evidence: the size of the numbers,
the zone prefix of eastings, exchanged columns, and the share of points that fall into the zone's boundary.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from gridgov.geo.crs import (
    CGCS2000,
    WEB_MERCATOR,
    WGS84,
    ZONES_3_DEGREES,
    ZONES_6_DEGREES,
    Bd09,
    CoordinateSystem,
    Epsg,
    Gcj02,
)
from gridgov.geo.ellipsoid import metres_per_degree
from gridgov.geo.transform import AxisOrder, lonlat_of, points_to_lonlat
from gridgov.geo.words import Words

Array = NDArray[np.float64]

_SAMPLE: Final = 2_000  # points looked at; evenly spread over the file
_TOLERANCE: Final = 30.0  # metres outside the boundary that still count as inside it
_CLEARLY_BETTER: Final = 0.02  # share of points by which another system must fit better
_CHINA_LON: Final = (72.0, 138.0)
_CHINA_LAT: Final = (3.0, 56.0)
_NORTHING: Final = (300_000.0, 6_300_000.0)  # metres from the equator to 3 N and 56 N
_MERCATOR_X: Final = (8_010_000.0, 15_370_000.0)
_MERCATOR_Y: Final = (330_000.0, 7_600_000.0)


@dataclass(frozen=True, slots=True)
class Proposal:
    """One candidate: read the first and second column as ``order`` in ``crs``.

    inside: share of points within the boundary, 0 to 1, None where no boundary was given. evidence: what
    speaks for it and what to beware of.
    """

    crs: CoordinateSystem
    order: AxisOrder
    inside: float | None
    evidence: tuple[Words, ...]


@dataclass(frozen=True, slots=True)
class BetterFit:
    """Another system fits the boundary better than the declared one; shares of points inside, 0 to 1."""

    crs: CoordinateSystem
    inside: float
    declared: CoordinateSystem
    declared_inside: float
    evidence: Words


def propose_crs(x: ArrayLike, y: ArrayLike, boundary: Any = None) -> list[Proposal]:
    """Rank the coordinate systems that two columns of numbers may be in, the likeliest first.

    x, y: the columns as they stand, NaN and infinite rows are left out. boundary: the zone as a lon-lat
    polygon, or None. Without numbers, or when they fit nothing, the list is empty. With a boundary,
    candidates that put no point into it come last. Never a decision: the first entry needs confirming too.

    >>> propose_crs([38435133.7], [3735042.3])[0].crs.key
    'EPSG:4526'
    """
    first, second = _sample(x, y)
    if not len(first):
        return []
    candidates = _by_size(first, second, turned=False) + _by_size(second, first, turned=True)
    if boundary is None:
        return candidates
    field = _Field(boundary)
    measured = [_measured(candidate, first, second, field) for candidate in candidates]
    return sorted(measured, key=lambda proposal: -(proposal.inside or 0.0))


def fits_better_as(x: ArrayLike, y: ArrayLike, declared: CoordinateSystem, boundary: Any) -> BetterFit | None:
    """Say when points (east first, in ``declared``) fit the boundary better in another degree system.

    It tells a file that says WGS 84 and holds GCJ-02 or BD-09 (or the reverse), where the shift of 0.6 to 1.3
    km moves points across the boundary. Points deep inside fit either way: then the answer is None, as it is
    for systems in metres and for files without points.
    """
    first, second = _sample(x, y)
    if not len(first) or not declared.is_degrees:
        return None
    field = _Field(boundary)
    standing = field.share(*lonlat_of(first, second, declared))
    plain = declared if isinstance(declared, Epsg) else WGS84
    rivals: list[tuple[float, CoordinateSystem]] = [
        (field.share(*lonlat_of(first, second, rival)), rival)
        for rival in (plain, Gcj02(), Bd09())
        if rival != declared
    ]
    best, rival = max(rivals, key=lambda pair: pair[0])
    if best < standing + _CLEARLY_BETTER:
        return None
    evidence = Words(
        f"按 {declared.label('zh')} 有 {standing:.1%} 的点落在园区界内,按 {rival.label('zh')} 有 {best:.1%}",
        f"as {declared.label('en')} {standing:.1%} of the points fall into the zone, "
        f"as {rival.label('en')} {best:.1%}",
    )
    return BetterFit(rival, best, declared, standing, evidence)


class _Field:
    """The boundary with a margin, in a plane scaled to metres, ready for many points."""

    def __init__(self, boundary: Any) -> None:
        west, south, east, north = shapely.bounds(boundary)
        self._origin = np.array([(west + east) / 2.0, (south + north) / 2.0])
        self._scale = np.array([float(length) for length in metres_per_degree(self._origin[1])])
        plane = shapely.transform(boundary, lambda lonlat: (lonlat - self._origin) * self._scale)
        self._area = shapely.buffer(shapely.make_valid(plane), _TOLERANCE)
        shapely.prepare(self._area)

    def share(self, lon: Array, lat: Array) -> float:
        """Share of the points inside."""
        local = (np.column_stack((lon, lat)) - self._origin) * self._scale
        held = shapely.intersects_xy(self._area, local[:, 0], local[:, 1])
        return float(np.mean(held & np.isfinite(local).all(axis=1)))


def _sample(x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    first, second = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
    first, second = np.atleast_1d(first), np.atleast_1d(second)
    usable = np.flatnonzero(np.isfinite(first) & np.isfinite(second))
    chosen = (
        usable[np.linspace(0, len(usable) - 1, min(len(usable), _SAMPLE)).astype(int)]
        if len(usable)
        else usable
    )
    return first[chosen], second[chosen]


def _measured(candidate: Proposal, first: Array, second: Array, field: _Field) -> Proposal:
    share = field.share(*points_to_lonlat(first, second, candidate.crs, candidate.order))
    words = Words(f"{share:.1%} 的点落在园区界内", f"{share:.1%} of the points fall into the zone's boundary")
    return replace(candidate, inside=share, evidence=(*candidate.evidence, words))


def _by_size(east: Array, north: Array, *, turned: bool) -> list[Proposal]:
    """Candidates by the magnitude of the numbers, read with ``east`` as the easting or longitude."""
    found: list[tuple[CoordinateSystem, Words, tuple[Words, ...]]] = []
    x, y = float(np.median(east)), float(np.median(north))
    degrees = _within(x, _CHINA_LON) and _within(y, _CHINA_LAT)
    if degrees:
        size = Words(f"数值像经纬度({x:.4f}, {y:.4f})", f"the numbers look like degrees ({x:.4f}, {y:.4f})")
        found += [(system, size, (_SHIFT_CAUTION,)) for system in (WGS84, CGCS2000, Gcj02(), Bd09())]
    if _within(y, _NORTHING):
        found += [(system, size, (_DATUM_CAUTION,)) for system, size in _grids(x)]
    if _within(x, _MERCATOR_X) and _within(y, _MERCATOR_Y):
        size = Words("数值像 Web 墨卡托米制坐标", "the numbers look like Web Mercator metres")
        found.append((WEB_MERCATOR, size, ()))
    order: AxisOrder = "lon-lat" if degrees else "east-north"
    if turned:
        order = "lat-lon" if degrees else "north-east"
    exchanged = (_EXCHANGED,) if turned else ()
    return [
        Proposal(crs=system, order=order, inside=None, evidence=(size, *exchanged, *cautions))
        for system, size, cautions in found
    ]


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]


def _grids(easting: float) -> list[tuple[Epsg, Words]]:
    """CGCS2000 grids in which an easting of this size lies within its zone."""
    prefix, rest = divmod(easting, 1_000_000.0)
    if not _within(rest, (150_000.0, 850_000.0)):
        return []
    zone = int(prefix)
    if zone in ZONES_3_DEGREES:
        words = Words(f"东坐标以带号 {zone} 开头(3度带)", f"eastings start with the 3-degree zone {zone}")
        return [(Epsg(4513 + zone - ZONES_3_DEGREES.start), words)]
    if zone in ZONES_6_DEGREES:
        words = Words(f"东坐标以带号 {zone} 开头(6度带)", f"eastings start with the 6-degree zone {zone}")
        return [(Epsg(4491 + zone - ZONES_6_DEGREES.start), words)]
    if zone != 0:
        return []
    words = Words(
        "东坐标不带带号,中央经线须由来源或园区界判断",
        "eastings carry no zone number; the central meridian must come from the source or the boundary",
    )
    return [(Epsg(4534 + position), words) for position in range(len(ZONES_3_DEGREES))]


_EXCHANGED: Final = Words(
    "两列顺序相反:北坐标(纬度)在前", "the columns are exchanged: northing or latitude first"
)
_SHIFT_CAUTION: Final = Words(
    "WGS 84、GCJ-02、BD-09 数值相近(相差 0.6 至 1.3 公里),请按来源确认",
    "WGS 84, GCJ-02 and BD-09 numbers look alike (0.6 to 1.3 km apart); confirm by the source",
)
_DATUM_CAUTION: Final = Words(
    "西安80、北京54坐标数值相近,请确认是 CGCS2000",
    "Xian 1980 and Beijing 1954 numbers look alike; confirm that they are CGCS2000",
)
