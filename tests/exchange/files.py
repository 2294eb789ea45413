"""Files to import, made by the tests themselves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import shapely

from tests.factories import square

ZONE = shapely.box(113.28, 33.68, 113.42, 33.80)
DISTRICTS = Path(__file__).resolve().parents[3] / "shared" / "data" / "pingdingshan_districts_gcj02.geojson"


def parcel(number: int, **changes: Any) -> dict[str, Any]:
    """The columns of one parcel as a planner's table has them, with `geometry`."""
    row: dict[str, Any] = {
        "编号": f"DK-{number:04d}",
        "名称": f"{number}号地块",
        "用地代码": "1001",
        "分类标准": "ydyh-2023",
        "geometry": square(column=2 * number),
    }
    return {name: value for name, value in {**row, **changes}.items() if value is not ...}


def parcels(count: int = 3) -> list[dict[str, Any]]:
    """Parcels that stand apart from each other."""
    return [parcel(number) for number in range(1, count + 1)]


def feature(row: dict[str, Any]) -> dict[str, Any]:
    """One row as a GeoJSON feature; its geometry may be shapely, a dict or None."""
    shape = row["geometry"]
    if isinstance(shape, shapely.Geometry):
        shape = json.loads(shapely.to_geojson(shape))
    properties = {name: value for name, value in row.items() if name != "geometry"}
    return {"type": "Feature", "properties": properties, "geometry": shape}


def write_geojson(path: Path, rows: Sequence[dict[str, Any]], **members: Any) -> Path:
    """A GeoJSON file of the rows; members: further members of the collection, such as crs."""
    collection = {"type": "FeatureCollection", **members, "features": [feature(row) for row in rows]}
    path.write_text(json.dumps(collection, ensure_ascii=False), encoding="utf-8")
    return path
