"""Which coordinate system an import uses and why: given, from the file, or proposed to a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import shapely

from gridgov.errors import CoordinateSystemNeeded
from gridgov.exchange.problems import ProblemList
from gridgov.exchange.source import SourceTable
from gridgov.geo.crs import CoordinateSystem
from gridgov.geo.propose import Proposal, fits_better_as, propose_crs
from gridgov.geo.transform import AxisOrder, Geometries, swap_axes, to_lonlat
from gridgov.geo.words import Words

Origin = Literal["given", "file", "implied"]

_ORIGINS = {
    "given": Words("由导入者指定", "given with the import"),
    "file": Words("文件自带", "from the file"),
    "implied": Words("格式规定（文件未写明）", "laid down by the format, not written in the file"),
}
_MOST_PROPOSALS = 6


@dataclass(frozen=True, slots=True)
class CrsDecision:
    """The system used, the order of the two coordinates, where that comes from, and remarks."""

    crs: CoordinateSystem
    order: AxisOrder
    origin: Origin
    evidence: tuple[Words, ...] = ()

    @property
    def reasons(self) -> tuple[Words, ...]:
        """Where the decision comes from, and the remarks."""
        return (_ORIGINS[self.origin], *self.evidence)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "key": self.crs.key,
            "label_zh": self.crs.label("zh"),
            "label_en": self.crs.label("en"),
            "order": self.order,
            "origin": self.origin,
            "evidence": [{"zh": each.zh, "en": each.en} for each in self.reasons],
        }


def decide_crs(
    source: SourceTable,
    given: CoordinateSystem | None,
    order: AxisOrder | None,
    boundary: Any,
    problems: ProblemList,
) -> CrsDecision:
    """The system and axis order to read a source's geometries in.

    given: what a person named; it wins, and what the file says becomes a remark. boundary: the zone (lon-lat
    polygon) or None. A file that declares degrees but fits the boundary better in another degree system is
    reported in `problems`. Raises CoordinateSystemNeeded, with ranked proposals in its details, when the file
    declares none or declares degrees and holds metres.
    """
    held = order or source.order
    if given is not None:
        said = source.crs
        remark = (
            (
                Words(
                    f"文件声明为 {said.label('zh')}，未采用",
                    f"the file declares {said.label('en')}; not used",
                ),
            )
            if said is not None and said != given
            else ()
        )
        return CrsDecision(given, held, "given", remark)
    x, y = _positions(source.geometries)
    if source.crs is None or (source.crs.is_degrees and _are_metres(x, y)):
        raise _needed(source, propose_crs(x, y, boundary))
    if boundary is not None:
        better = fits_better_as(x, y, source.crs, boundary)
        if better is not None:
            problems.add(
                "other_coordinate_system", value=source.crs.key, evidence=better.evidence,
                crs=better.crs.key, declared=source.crs.key,
            )  # fmt: skip
    return CrsDecision(source.crs, held, "file" if source.crs_source == "file" else "implied")


def lonlat_geometries(geometries: Geometries, decision: CrsDecision) -> Geometries:
    """The geometries in longitude and latitude; the third coordinate is kept for the checks to report."""
    turned = swap_axes(geometries) if decision.order in {"north-east", "lat-lon"} else geometries
    converted = to_lonlat(turned, decision.crs)
    has_z = shapely.has_z(geometries)
    if has_z.any():
        converted[has_z] = shapely.force_3d(converted[has_z])
    return converted


def _positions(geometries: Geometries | None) -> tuple[Any, Any]:
    """One place per geometry, in the file's numbers: the middle of its box. NaN for None and empty."""
    bounds = shapely.bounds(geometries if geometries is not None else np.empty(0, dtype=object))
    return (bounds[:, 0] + bounds[:, 2]) / 2.0, (bounds[:, 1] + bounds[:, 3]) / 2.0


def _are_metres(x: Any, y: Any) -> bool:
    """Whether most places lie beyond any degrees."""
    sound = np.isfinite(x) & np.isfinite(y)
    if not sound.any():
        return False
    return bool(np.mean((np.abs(x[sound]) > 360.0) | (np.abs(y[sound]) > 360.0)) > 0.5)


def _needed(source: SourceTable, proposals: list[Proposal]) -> CoordinateSystemNeeded:
    ranked = proposals[:_MOST_PROPOSALS]
    listed = "; ".join(
        f"{each.crs.key}{_order_words(each.order)} ({', '.join(word.en for word in each.evidence)})"
        for each in ranked
    )
    if source.crs is None:
        reason = "The file names no coordinate system that gridgov knows."
    else:
        reason = f"The file says {source.crs.key}, which is in degrees, but holds metres."
    hint = f"Candidates: {listed}." if ranked else "Its numbers fit none that gridgov knows."
    return CoordinateSystemNeeded(
        f"{reason} {hint} Confirm one with --crs.",
        declared=None if source.crs is None else source.crs.key,
        proposals=[
            {
                "crs": each.crs.key,
                "label_zh": each.crs.label("zh"),
                "label_en": each.crs.label("en"),
                "order": each.order,
                "inside": each.inside,
                "evidence": [{"zh": word.zh, "en": word.en} for word in each.evidence],
            }
            for each in ranked
        ],
    )


def _order_words(order: AxisOrder) -> str:
    return f" with --axes {order}" if order in {"north-east", "lat-lon"} else ""
