"""Check rows against each other and what they refer to: codes, references, land uses, areas, neighbours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely

from gridgov.codes import CodeFault, Verdict, describe, judge
from gridgov.errors import InvalidValue
from gridgov.exchange.existing import Existing
from gridgov.exchange.mapping import LAND_NAMES
from gridgov.exchange.problems import MOST_LISTED, ProblemList
from gridgov.geo.coverage import coverage_faults
from gridgov.geo.measure import geodesic_area, mu_to_square_metres
from gridgov.geo.predicates import interior_point
from gridgov.geo.transform import Geometries
from gridgov.geo.words import Words
from gridgov.models import KINDS, FieldType, RecordKind
from gridgov.models.checking import checked_identifier

LARGEST_AREA_DIFFERENCE = 0.01  # share by which a claimed area may differ from the shape's
GAP_WIDTH = 1.0  # metres: a narrower strip between neighbours is a fault of drawing, a wider one a lane
REFERENCE_GAP_WIDTH = 100.0  # districts drawn separately at small scale
_SCHEME_OF_CODE = {"land_code": "land_scheme", "planned_code": "planned_scheme"}
_PROBLEM_OF_FAULT = {
    CodeFault.UNKNOWN: "unknown_land_code",
    CodeFault.LOST_ZERO: "land_code_lost_zero",
    CodeFault.NO_SCHEME: "land_code_without_scheme",
    CodeFault.OTHER_NAME: "land_code_other_name",
}
# Kinds whose neighbours should share their borders; the others may only not overlap.
_TILING = frozenset({"areas", "parcels"})
_CLAIMED = (("area_claimed_m2", 1.0), ("area_claimed_mu", float(mu_to_square_metres(1))))

Values = Mapping[str, list[Any]]


def check_codes(values: Values, rows: Sequence[int], problems: ProblemList) -> None:
    """Reports every row whose code another row has too; which of them is right is not ours to say."""
    positions: defaultdict[str, list[int]] = defaultdict(list)
    for position, code in enumerate(values.get("code", ())):
        if code is not None:
            positions[code].append(position)
    for code, found in positions.items():
        if len(found) > 1:
            for position in found:
                others = ", ".join(str(rows[other]) for other in found[:5] if other != position)
                problems.add("duplicate_reference", position, field="code", value=code, rows=others)


def resolve_references(
    kind: RecordKind,
    values: dict[str, list[Any]],
    known: Mapping[str, Mapping[str, str]],
    own_ids: Mapping[str, str],
    problems: ProblemList,
) -> None:
    """Turn the codes in reference columns into ids, in place.

    known: kind name → code → id of what the store holds. own_ids: code → id of the rows of this file. An id
    given as such stays when the store has it. What is found nowhere is reported and becomes None.
    """
    for field in kind.fields:
        if field.type is not FieldType.REFERENCE or field.name not in values or not field.refers_to:
            continue
        by_code = known.get(field.refers_to, {})
        ids = frozenset(by_code.values())
        within = own_ids if field.refers_to == kind.name else {}
        column = values[field.name]
        for position, value in enumerate(column):
            if value is None:
                continue
            found = by_code.get(value) or within.get(value) or _id_among(value, ids)
            column[position] = found
            if found is None:
                target = KINDS[field.refers_to]
                words = Words(target.zh, target.en)
                problems.add("unknown_reference", position, field=field.name, value=value, target=words)


def check_land_codes(values: dict[str, list[Any]], scheme: str | None, problems: ProblemList) -> None:
    """Judge land-use codes with their scheme (the row's, else `scheme`), by distinct combination.

    The scheme used is filled in beside each code. Evidence columns (class names) are taken out of `values`.
    """
    for code_field, name_field in LAND_NAMES.items():
        names = values.pop(name_field, None)
        codes = values.get(code_field)
        if codes is None:
            continue
        schemes = values.setdefault(_SCHEME_OF_CODE[code_field], [None] * len(codes))
        verdicts: dict[tuple[str | None, str, str | None], Verdict] = {}
        for position, code in enumerate(codes):
            if code is None:
                continue
            schemes[position] = schemes[position] or scheme
            case = (schemes[position], code, names[position] if names else None)
            verdict = verdicts.get(case) or verdicts.setdefault(case, judge(*case))
            if verdict.fault is not None:
                words = Words(*(describe(case[0], code, verdict, language) for language in ("zh", "en")))
                kind = _PROBLEM_OF_FAULT[verdict.fault]
                problems.add(kind, position, field=code_field, value=code, text=words)


def check_claimed_areas(values: Values, stored: Geometries, problems: ProblemList) -> None:
    """Reports rows whose area on the paper differs from the shape's by more than 1 %."""
    for field, square_metres in _CLAIMED:
        if field not in values:
            continue
        claimed = np.array([np.nan if value is None else value for value in values[field]], dtype=np.float64)
        rows = np.flatnonzero(np.isfinite(claimed) & ~shapely.is_missing(stored))
        geodesic = geodesic_area(stored[rows])
        with np.errstate(divide="ignore", invalid="ignore"):
            difference = claimed[rows] * square_metres / geodesic - 1.0
        off = np.flatnonzero(np.abs(difference) > LARGEST_AREA_DIFFERENCE)
        places = interior_point(stored[rows[off[:MOST_LISTED]]])
        for index, (lon, lat) in zip(off.tolist(), places.tolist(), strict=False):
            problems.add(
                "claimed_area_differs",
                int(rows[index]),
                field=field,
                value=f"{claimed[rows[index]]:g}",
                place=(lon, lat),
                geodesic=f"{geodesic[index]:,.1f}",
                difference=f"{difference[index]:+.1%}",
            )
        problems.add_unlisted("claimed_area_differs", rows[off[MOST_LISTED:]])


def check_neighbours(
    kind: RecordKind, values: Values, stored: Geometries, existing: Existing, problems: ProblemList
) -> None:
    """Reports overlaps, and narrow gaps for kinds that tile the ground, towards rows and stored records.

    Only stored records that the file does not replace count. Areas are neighbours within their area kind.
    """
    codes = values.get("code") or [None] * len(stored)
    others = existing.without(codes)
    shapes = np.concatenate([stored, others.geometries])
    names = [*codes, *others.codes]
    usable = ~shapely.is_missing(shapes) & (shapely.get_dimensions(shapes) == 2)
    if kind.name == "areas":
        area_kinds = [*(values.get("kind") or [None] * len(stored)), *others.columns.get("kind", ())]
        groups = [each for each in dict.fromkeys(area_kinds[: len(stored)]) if each is not None]
        members = {
            each: np.flatnonzero(usable & (np.array(area_kinds, dtype=object) == each)) for each in groups
        }
    else:
        members = {None: np.flatnonzero(usable)}
    for group, positions in members.items():
        width = REFERENCE_GAP_WIDTH if group == "district" else GAP_WIDTH
        for fault in coverage_faults(shapes[positions], gap_width=width):
            first, second = int(positions[fault.first]), int(positions[fault.second])
            if first >= len(stored) or (fault.kind == "gap" and kind.name not in _TILING):
                continue  # both are stored already, or a gap is how it should be
            problems.add(
                fault.kind,
                first,
                field="geometry",
                value=names[second],
                place=(fault.lon, fault.lat),
                other=names[second] or problems.row_words(second),
                area=f"{fault.area:,.2f}",
                width=f"{fault.width:.3f}",
            )


def _id_among(value: str, ids: frozenset[str]) -> str | None:
    try:
        identifier = checked_identifier(value)
    except InvalidValue:
        return None
    return identifier if identifier in ids else None
