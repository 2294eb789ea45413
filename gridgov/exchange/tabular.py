"""Places in a plain table: which columns hold longitude and latitude, northing and easting, or WKT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from gridgov.exchange.columns import as_text
from gridgov.geo.screening import refused_wkt
from gridgov.geo.shapes import Finding
from gridgov.geo.transform import AxisOrder, Geometries
from gridgov.geo.words import Words

_WKT = frozenset({"wkt", "geometry", "geom", "the_geom", "几何", "图形", "空间数据"})
# pairs of folded column names, first coordinate east; the order says what a person reads them as
_PAIRS: tuple[tuple[frozenset[str], frozenset[str], AxisOrder], ...] = (
    (
        frozenset({"lon", "lng", "long", "longitude", "经度", "经度坐标"}),
        frozenset({"lat", "latitude", "纬度", "纬度坐标"}),
        "lon-lat",
    ),
    (
        frozenset({"east", "easting", "东坐标", "横坐标", "东", "横坐标y", "y坐标(东)", "东坐标y"}),
        frozenset({"north", "northing", "北坐标", "纵坐标", "北", "纵坐标x", "x坐标(北)", "北坐标x"}),
        "east-north",
    ),
    (
        frozenset({"x", "x坐标", "xcoord", "pointx"}),
        frozenset({"y", "y坐标", "ycoord", "pointy"}),
        "east-north",
    ),
)


@dataclass(frozen=True, slots=True)
class Placed:
    """The geometries of a table, the columns they were made of, and what was wrong with single rows."""

    geometries: Geometries
    used: frozenset[str]
    order: AxisOrder
    findings: tuple[Finding, ...] = ()


def place_rows(columns: Mapping[str, Any]) -> Placed | None:
    """Geometries from the columns of a table, first coordinate east; None when no column holds a place."""
    folded = {_fold(name): name for name in reversed(list(columns))}
    shapes = sorted(_WKT & folded.keys())
    if shapes:
        return _from_wkt(columns, folded[shapes[0]])
    for easts, norths, order in _PAIRS:
        east, north = easts & folded.keys(), norths & folded.keys()
        if east and north:
            return _from_pair(columns, folded[min(east)], folded[min(north)], order)
    return None


def _from_wkt(columns: Mapping[str, Any], name: str) -> Placed:
    texts = as_text(columns[name]).to_pylist()
    findings = []
    for row, text in enumerate(texts):
        if text and (how := refused_wkt(text)) is not None:
            findings.append(Finding(row, "empty", repaired=False, how=how))
            texts[row] = None
    geometries = shapely.from_wkt(np.array(texts, dtype=object), on_invalid="ignore")
    for row in np.flatnonzero(shapely.is_missing(geometries)).tolist():
        text = texts[row]
        if text and text.strip():
            mended = shapely.from_wkt(text, on_invalid="fix")
            geometries[row] = mended
            findings.append(_wkt_finding(row, text, mended is not None))
    return Placed(geometries, frozenset({name}), "lon-lat", tuple(findings))


def _wkt_finding(row: int, text: str, mended: bool) -> Finding:
    if mended:
        how = Words("已自动闭合环", "repaired by closing the ring")
        return Finding(row, "unclosed", repaired=True, how=how)
    how = Words(f"“{text:.40}” 不是 WKT，请改正", f"“{text:.40}” is no WKT; correct it")
    return Finding(row, "empty", repaired=False, how=how)


def _from_pair(columns: Mapping[str, Any], east: str, north: str, order: AxisOrder) -> Placed:
    x, x_bad = _numbers(columns[east])
    y, y_bad = _numbers(columns[north])
    geometries = np.full(len(x), None, dtype=object)
    given = (~np.isnan(x) | x_bad) & (~np.isnan(y) | y_bad)
    geometries[given] = shapely.points(x[given], y[given])
    return Placed(geometries, frozenset({east, north}), order)


def _numbers(column: Any) -> tuple[Any, Any]:
    """A column as float64 with NaN for what is absent or no number, and where something stands that is no number."""
    texts = pc.utf8_trim_whitespace(as_text(column))
    texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    try:
        numbers = pc.cast(texts, pa.float64())
        values = numbers.to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        values = np.array([_number(text) for text in texts.to_pylist()])
    present = pc.is_valid(texts).to_numpy(zero_copy_only=False)
    return values, present & np.isnan(values)


def _number(text: str | None) -> float:
    try:
        return float((text or "nan").replace(",", ""))
    except ValueError:
        return float("nan")


def _fold(name: str) -> str:
    return name.strip().lower().replace("_", "").replace(" ", "").replace("（", "(").replace("）", ")")
