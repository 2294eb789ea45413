"""Counts and sums of a zone, of what the caller may see."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request, Response

from api import schemas
from api.answers import answer
from api.deps import ScopedCall
from api.querying import known_parameters
from gridgov.geo import square_metres_to_mu
from gridgov.models import (
    AREAS,
    BUILDINGS,
    DEPARTMENTS,
    FACILITIES,
    ISSUES,
    KINDS,
    LISTINGS,
    PARCELS,
    PLANTS,
    UNITS,
)
from gridgov.models.vocabulary import RESERVED_STAGES
from gridgov.store import Query, Tx
from gridgov.store.queries.statistics import grouped

router = APIRouter(tags=["stats"])

_AREA: Final = "area_geodesic_m2"
# kind → the field its records are counted by.
_BY: Final = (
    (AREAS, "kind"),
    (PARCELS, "stage"),
    (PLANTS, "vacancy"),
    (UNITS, "vacancy"),
    (LISTINGS, "offer"),
    (FACILITIES, "kind"),
    (ISSUES, "category"),
)
_SUMS: Final = {
    "parcels": (_AREA,),
    "plants": ("floor_area_m2", "idle_area_m2", "planned_use_m2"),
    "units": ("lettable_m2",),
}


@router.get("/api/stats", response_class=Response, **schemas.statistics())
def read_statistics(request: Request, call: ScopedCall) -> Response:
    """Records by kind, reserved land by stage, idle plants, units by vacancy, issues by category."""
    known_parameters(request.query_params.multi_items(), ())
    with call.read() as tx:
        groups = {kind.name: grouped(tx, kind, by, _SUMS.get(kind.name, ())) for kind, by in _BY}
        counts = _counts(tx, groups)
    zone = call.zone
    body = {
        "zone": {
            "zone": zone.zone,
            "name_zh": zone.name_zh,
            "name_en": zone.name_en,
            "division_code": zone.division_code,
            "opened_issues": zone.opened_issues,
        },
        "at": call.now,
        "counts": counts,
        "areas": _by(groups["areas"], "kind"),
        "reserved": _reserved(groups["parcels"]),
        "parcels": _by(groups["parcels"], "stage"),
        "plants": _plants(groups["plants"]),
        "units": groups["units"],
        "listings": _by(groups["listings"], "offer"),
        "facilities": _by(groups["facilities"], "kind"),
        "issues": _by(groups["issues"], "category"),
    }
    return answer(request, body)


def _counts(tx: Tx, groups: dict[str, list[dict[str, Any]]]) -> dict[str, int]:
    counted = {name: sum(row["count"] for row in rows) for name, rows in groups.items()}
    for kind in (DEPARTMENTS, BUILDINGS):
        counted[kind.name] = tx.count(kind, Query())
    return {name: counted[name] for name in KINDS}


def _by(rows: list[dict[str, Any]], field: str) -> dict[str, int]:
    return {row[field] or "unknown": row["count"] for row in rows}


def _reserved(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Parcels the zone holds and has not sold, by stage: geodesic area in m² and mu."""
    stages = []
    for stage in RESERVED_STAGES:
        found = [row for row in rows if row["stage"] == stage]
        area = float(sum(row[_AREA] for row in found))
        stages.append(
            {
                "stage": stage,
                "count": sum(row["count"] for row in found),
                "area_m2": area,
                "area_mu": square_metres_to_mu(area),
            }
        )
    total = float(sum(each["area_m2"] for each in stages))
    return {"stages": stages, "area_m2": total, "area_mu": square_metres_to_mu(total)}


def _plants(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "by_vacancy": rows,
        "floor_area_m2": sum(row["floor_area_m2"] for row in rows),
        "idle_area_m2": sum(row["idle_area_m2"] for row in rows),
        "planned_use_m2": sum(row["planned_use_m2"] for row in rows),
    }
