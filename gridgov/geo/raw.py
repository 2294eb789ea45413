"""Polygons from raw rings and bytes, where rings may have been left open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from gridgov.geo.screening import refused_wkb
from gridgov.geo.shapes import Finding
from gridgov.geo.transform import Geometries, as_geometries
from gridgov.geo.words import Words

_UNREADABLE: Final = Words(
    "坐标无法读取（可能含 NaN 或无穷大）；请改正后重新导出",
    "its coordinates cannot be read, NaN or infinite ones perhaps; mend and export it again",
)


def polygon_from_rings(
    rings: Sequence[ArrayLike],
) -> tuple[Any, list[Finding]]:
    """A polygon from raw rings, shell first, each (vertices, 2 or 3) of lon, lat; closes rings left open.

    For formats whose library closes or refuses such rings silently. Answers the polygon, None when the shell
    has fewer than three places, and the findings (row 0).
    """
    findings: list[Finding] = []
    closed: list[NDArray[np.float64]] = []
    for position, ring in enumerate(rings):
        vertices = np.asarray(ring, np.float64).reshape(len(np.asarray(ring)), -1)[:, :2]
        if len(vertices) and not np.array_equal(vertices[0], vertices[-1]):
            findings.append(_unclosed(0, vertices[-1]))
            vertices = np.vstack((vertices, vertices[:1]))
        if len(vertices) >= 4:
            closed.append(vertices)
        elif position == 0:
            how = Words(
                "环的点数不足三个,请补全后重新导入", "the ring has fewer than three places; complete it"
            )
            return None, [Finding(0, "collapsed", repaired=False, how=how)]
    return (shapely.Polygon(closed[0], closed[1:]) if closed else None), findings


def read_wkb(values: Any) -> tuple[Geometries, list[Finding]]:
    """Geometries from WKB bytes, closing rings that were left open; unreadable bytes become None.

    Returns the geometries and findings in order of rows: ``unclosed`` (repaired) or ``empty`` (nothing could be
    read, more than 32 collections within each other, or arcs, which GEOS is not given). None in the input stays None
    without a finding; ``inspect`` reports it. What is neither bytes nor None is unreadable.
    """
    raw = as_geometries(values).copy()
    refused: dict[int, Words] = {}
    for row, each in enumerate(raw):
        if each is not None and not isinstance(each, bytes):
            refused[row] = _UNREADABLE
        elif each is not None and (how := refused_wkb(each)) is not None:
            refused[row] = how
    raw[list(refused)] = None
    strict = shapely.from_wkb(raw, on_invalid="ignore")
    suspect = np.flatnonzero(shapely.is_missing(strict) & (raw != None))  # noqa: E711 - elementwise
    findings = [Finding(row, "empty", repaired=False, how=how) for row, how in refused.items()]
    for row in suspect.tolist():
        mended = shapely.from_wkb(raw[row], on_invalid="fix")
        strict[row] = mended
        if mended is None or shapely.is_empty(mended):
            findings.append(Finding(row, "empty", repaired=False, how=_UNREADABLE))
        else:
            findings.append(_unclosed(row, shapely.get_coordinates(mended)[0]))
    return strict, sorted(findings, key=lambda finding: finding.row)


def _unclosed(row: int, place: Any) -> Finding:
    how = Words("已自动闭合环", "repaired by closing the ring")
    return Finding(row, "unclosed", repaired=True, how=how, lon=float(place[0]), lat=float(place[1]))
