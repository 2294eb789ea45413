"""Plans of small files, and what a test asks of them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from gridgov.exchange.existing import Existing
from gridgov.exchange.planning import Options, Plan, plan_import
from gridgov.exchange.problems import Problem
from gridgov.models import PARCELS, RecordKind
from gridgov.settings import Settings
from tests.exchange.files import ZONE, write_geojson
from tests.factories import SOUTH, WEST

SETTINGS = Settings(geometry_max_vertices=1000)
NOW = dt.datetime(2026, 11, 20, 6, 5, tzinfo=dt.UTC)


def plan(
    folder: Path,
    rows: list[dict[str, Any]],
    kind: RecordKind = PARCELS,
    options: Options | None = None,
    boundary: Any = ZONE,
    existing: Existing | None = None,
    **members: Any,
) -> Plan:
    path = write_geojson(folder / "a.geojson", rows, **members)
    return plan_import(
        path, kind, settings=SETTINGS, now=NOW, options=options, zone_boundary=boundary, existing=existing
    )


def only(made: Plan, kind: str) -> Problem:
    """The one problem of this kind; there is no other error."""
    assert set(made.report.by_kind) - {"unknown_column", kind} == set()
    (problem,) = [each for each in made.report.problems if each.kind == kind]
    return problem


def ring(*steps: tuple[float, float]) -> dict[str, Any]:
    """A polygon of raw steps, as GeoJSON, not closed and not checked."""
    return {"type": "Polygon", "coordinates": [[[WEST + x / 1000, SOUTH + y / 1000] for x, y in steps]]}


BOWTIE = ring((0, 0), (1, 1), (1, 0), (0, 1), (0, 0))
