"""From the store to what a view draws: counted reads in one budget, display coordinates, label places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import orjson
import shapely

from gridgov.models import Record, RecordKind
from gridgov.store.base import Filter, Query, Tx

FEATURES_MAX: Final = 10_000  # a browser draws this many SVG shapes in a second and stays usable
DECIMALS: Final = 6  # of a degree, about 0.1 m: for display only


@dataclass(frozen=True, slots=True)
class Cut:
    """A layer that was cut: how many of how many are drawn, and what the reader calls it."""

    title: str
    shown: int
    total: int


@dataclass
class Budget:
    """How many features a view may still draw; what had to be left out is kept in `cuts`, never silent."""

    left: int = FEATURES_MAX
    cuts: list[Cut] = field(default_factory=list)

    def read(self, tx: Tx, kind: RecordKind, title: str, *filters: Filter) -> tuple[Record, ...]:
        """The records of `kind` under `filters` in order of code, as many as the budget still allows."""
        if self.left < 1:
            total = tx.count(kind, Query(filters=filters))
            records: tuple[Record, ...] = ()
        else:
            page = tx.list(kind, Query(filters=filters, limit=self.left))
            records = page.records
            total = len(records) if page.next is None else tx.count(kind, Query(filters=filters))
        self.left -= len(records)
        if total > len(records):
            self.cuts.append(Cut(title, len(records), total))
        return records


@dataclass(frozen=True, slots=True)
class Feature:
    """One shape on the map. key: unique in its view; card: HTML already escaped; tip: plain text."""

    key: str
    geometry: Any
    card: str = ""
    tip: str = ""


def collection(features: Sequence[Feature]) -> dict[str, Any]:
    """A GeoJSON FeatureCollection for display: lon-lat to 6 decimals, features without geometry left out."""
    drawn = [each for each in features if each.geometry is not None and not each.geometry.is_empty]
    rounded = shapely.transform(
        np.array([each.geometry for each in drawn], dtype=object), lambda xy: np.round(xy, DECIMALS)
    )
    shapes = orjson.loads("[" + ",".join(shapely.to_geojson(rounded)) + "]")
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": each.key,
                "properties": {"card": each.card, "tip": each.tip},
                "geometry": shape,
            }
            for each, shape in zip(drawn, shapes, strict=True)
        ],
    }


def bounds(geometries: Sequence[Any]) -> tuple[float, float, float, float] | None:
    """West, south, east, north of all geometries in degrees; None when there is nothing."""
    kept = [each for each in geometries if each is not None and not each.is_empty]
    if not kept:
        return None
    west, south, east, north = (float(edge) for edge in shapely.total_bounds(np.array(kept, dtype=object)))
    return west, south, east, north


def inside(geometry: Any) -> tuple[float, float]:
    """Longitude and latitude of a point inside the geometry: where its label or mark stands."""
    point = shapely.point_on_surface(geometry)
    return round(float(point.x), DECIMALS), round(float(point.y), DECIMALS)


def name_of(record: Mapping[str, Any], language: str) -> str:
    """The record's name in the language, else in the other, else its title, else its code."""
    english, chinese = record.get("name_en"), record.get("name_zh")
    names = (english, chinese) if language == "en" else (chinese, english)
    return str(next((each for each in (*names, record.get("title"), record.get("code")) if each), ""))
