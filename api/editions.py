"""Editions of boundaries as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from api.geometry import write_geometries

_INTERNAL = frozenset({"fid", "zone", "geometry"})


def edition_items(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Edition rows of the store with `geometry` as GeoJSON."""
    shapes = write_geometries([row["geometry"] for row in rows])
    return [
        {**{name: value for name, value in row.items() if name not in _INTERNAL}, "geometry": shape}
        for row, shape in zip(rows, shapes, strict=True)
    ]
