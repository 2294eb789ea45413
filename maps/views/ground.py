"""What all four views share: the zone, the ground of roads, river and green, the date of the data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Final

from gridgov.geo.words import Language
from gridgov.layers import LAYERS
from gridgov.models import AREAS, FACILITIES, Record
from gridgov.models.vocabulary import FACILITY_KINDS
from gridgov.store.base import Filter, Query, Tx
from gridgov.store.queries import zones
from gridgov.symbology import LAYER_STYLES
from maps import figures
from maps.cards import card, field_rows
from maps.features import Budget, Feature, inside, name_of
from maps.picture import Label, MapLayer, Tag
from maps.words import say

_SURFACES: Final = ("water", "green", "road")
_TRUNK_EXTENT: Final = 0.035  # degrees that a road spans when it crosses the town
_SIGNS: Final = {
    "toilet": ("厕", "WC"),
    "pocket_park": ("园", "P"),
    "elderly_care": ("老", "E"),
    "kindergarten": ("幼", "K"),
    "school": ("学", "S"),
    "clinic": ("医", "+"),
    "fire_station": ("消", "F"),
    "substation": ("电", "⚡"),
    "bus_stop": ("站", "B"),
}


def read_zone(tx: Tx) -> Record | None:
    """The zone's own area; None before one is recorded."""
    found = tx.list(AREAS, Query(filters=(Filter("kind", "eq", "zone"),), limit=1)).records
    return found[0] if found else None


def zone_name(tx: Tx, language: Language) -> str:
    """The zone's name in the language, else in Chinese. Raises NotFound for a zone that is not there."""
    zone = zones.read_zone(tx)
    return (zone.name_en if language == "en" else zone.name_zh) or zone.name_zh


def zone_layer(zone: Record | None, language: Language) -> MapLayer:
    """The outline of the zone, not clickable."""
    shapes = [Feature(zone["code"], zone.geometry)] if zone is not None else []
    return MapLayer("zone", LAYERS["zone"].title(language), LAYER_STYLES["zone"].default, shapes, live=False)


def ground_layer(tx: Tx, budget: Budget, language: Language) -> MapLayer:
    """Water, green and roads below everything else; the names of trunk roads and waters as quiet labels."""
    kinds = Filter("kind", "in", _SURFACES)
    title = say("ground", language)
    records = sorted(
        budget.read(tx, FACILITIES, title, kinds), key=lambda record: _SURFACES.index(record["kind"])
    )
    style = LAYER_STYLES["facilities"]
    layer = MapLayer("ground", title, style.default, live=False)
    named: set[str] = set()
    for record in records:
        key = str(record["code"])
        layer.features.append(Feature(key, record.geometry))
        layer.symbols[key] = style.symbol(record["kind"])
        name = name_of(record, language)
        if record["kind"] != "green" and name not in named and not record.geometry.is_empty:
            named.add(name)
            layer.labels.append(_ground_label(record, name))
    layer.style_class = "ground"
    return layer


def _ground_label(record: Record, name: str) -> Label:
    """A river is named early, a long road from zoom 14, a short one from 16."""
    lon, lat = inside(record.geometry)
    if record["kind"] == "water":
        return Label(lon, lat, name, 60, 12, "water")
    west, south, east, north = record.geometry.bounds
    trunk = max(east - west, north - south) > _TRUNK_EXTENT
    return Label(lon, lat, name, 85 if trunk else 90, 14 if trunk else 16, "road")


def facilities_layer(tx: Tx, budget: Budget, language: Language, *, show: bool) -> MapLayer:
    """Public facilities that are places, as small neutral signs."""
    title = LAYERS["facilities"].title(language)
    layer = MapLayer("facilities", title, LAYER_STYLES["facilities"].default, show=show)
    for record in budget.read(tx, FACILITIES, title, Filter("kind", "in", tuple(_SIGNS))):
        kind = FACILITY_KINDS.label(record["kind"], language)
        lon, lat = inside(record.geometry)
        text = card(
            name_of(record, language),
            badges=[("plain", kind)],
            rows=field_rows(record, ("stars", "owner", "address"), tx.now, language),
        )
        sign = _SIGNS[record["kind"]][language == "en"]
        layer.tags.append(Tag(f"facility:{record['code']}", lon, lat, sign, text, 80, "sign", kind))
    return layer


def dated(records: Iterable[Record], now: dt.datetime, language: Language) -> str:
    """The last change among the records, as people read it; "" when there are none."""
    changes = [record["changed_at"] for record in records if record.get("changed_at") is not None]
    return figures.instant(max(changes), now, language) if changes else ""


def is_synthetic(records: Iterable[Record]) -> bool:
    """Whether any of the records is marked as demonstration data."""
    return any(record.get("synthetic") for record in records)
