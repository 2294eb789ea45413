"""Records to test with: small, complete, and each different only where the test says so."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import shapely

from gridgov.models import KINDS, RecordKind
from gridgov.models.checking import checked_values

WEST, SOUTH = 113.30, 33.70


def square(column: float = 0, row: float = 0, size: float = 1) -> shapely.Polygon:
    """A square of `size` steps of a thousandth of a degree, counted from the test zone's south-west corner."""
    west, south = WEST + column / 1000, SOUTH + row / 1000
    return shapely.box(west, south, west + size / 1000, south + size / 1000)


def point(column: float = 0.5, row: float = 0.5) -> shapely.Point:
    """A point in the same steps."""
    return shapely.Point(WEST + column / 1000, SOUTH + row / 1000)


_SAMPLES: Mapping[str, Mapping[str, Any]] = {
    "departments": {"code": "BM-01", "name_zh": "城建局"},
    "areas": {"code": "PK-01", "kind": "park", "name_zh": "电气装备产业园区", "geometry": square(size=10)},
    "buildings": {"code": "LD-01", "geometry": square()},
    "parcels": {
        "code": "DK-0001",
        "name_zh": "一号地块",
        "stage": "reserved",
        "land_scheme": "ydyh-2023",
        "land_code": "1001",
        "geometry": square(),
    },
    "plants": {"code": "CF-001", "name_zh": "电气园 2 号厂房", "geometry": square()},
    "units": {"code": "CF-001-01", "plant_id": None, "lettable_m2": 2400.0},
    "listings": {
        "code": "ZS-2026-001",
        "title": "二号厂房出租",
        "asset_kind": "units",
        "offer": "let",
        "asset_id": str(uuid.UUID(int=1)),
        "geometry": point(),
    },
    "facilities": {"code": "SS-01", "kind": "toilet", "name_zh": "一号公厕", "geometry": point()},
    "issues": {"code": "WT-20261120-0001", "category": "fire_lane", "geometry": point()},
}


def sample(kind: RecordKind | str, /, **changes: Any) -> dict[str, Any]:
    """Checked values of a record of `kind`, ready to insert; `changes` replace single fields (None unsets)."""
    kind = KINDS[kind] if isinstance(kind, str) else kind
    values = {**_SAMPLES[kind.name], **changes}
    return checked_values(kind, {name: value for name, value in values.items() if value is not None})
