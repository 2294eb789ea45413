"""View parks: the boundary, function and leading industries of each park, and the space it has to offer."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from gridgov.geo.words import Language
from gridgov.layers import LAYERS
from gridgov.models import AREAS, LISTINGS, PARCELS, PLANTS, Record
from gridgov.models.vocabulary import RESERVED_STAGES
from gridgov.store.base import Filter, Query, Tx
from gridgov.symbology import COLOURS, LAYER_STYLES, Symbol, park_tint
from maps import figures, style
from maps.cards import card, field_rows
from maps.features import Budget, Feature, bounds, inside, name_of
from maps.picture import Label, MapLayer, Picture, Row, RowGroup
from maps.views import ground
from maps.words import say


def picture(tx: Tx, language: Language) -> Picture:
    """The parks with what they have: area, land in reserve, idle plant space."""
    budget = Budget()
    zone = ground.read_zone(tx)
    title = LAYERS["parks"].title(language)
    parks = budget.read(tx, AREAS, title, Filter("kind", "eq", "park"))
    reserved, idle = _reserved_by_park(tx), _idle_by_park(tx)
    layer = MapLayer("parks", title, LAYER_STYLES["parks"].default)
    rows, legend = [], []
    for index, park in enumerate(parks):
        symbol = replace(layer.symbol, fill=park_tint(index), fill_opacity=0.6)
        key = f"park:{park['code']}"
        lon, lat = inside(park.geometry)
        name = name_of(park, language)
        layer.symbols[key] = symbol
        layer.features.append(Feature(key, park.geometry, _card(park, reserved, idle, tx, language), name))
        layer.labels.append(Label(lon, lat, name, 1, 0, "park"))
        layer.labels.append(Label(lon, lat, _industries(park, language), 2, 14, "park-detail"))
        detail = str(park.get("function") or _industries(park, language))
        value = figures.square_kilometres(park.get("area_geodesic_m2") or 0.0)
        rows.append(Row(name, detail, value, style.swatch(symbol), key, (lon, lat, 14)))
        legend.append((style.swatch(symbol), name))
    plants = _plants_layer(tx, budget, language)
    layers = [
        ground.ground_layer(tx, budget, language), plants, layer, ground.zone_layer(zone, language),
        ground.facilities_layer(tx, budget, language, show=False),
    ]  # fmt: skip
    seen = [*parks, *((zone,) if zone else ())]
    return Picture(
        name="parks",
        zone_name=ground.zone_name(tx, language),
        figures=_figures(tx, parks, reserved, idle, language),
        layers=layers,
        groups=[RowGroup(title, tuple(rows))],
        legends={},
        cuts=budget.cuts,
        data_date=ground.dated(seen, tx.now, language),
        synthetic=ground.is_synthetic(seen),
        bounds=bounds([park.geometry for park in parks]) or bounds([zone.geometry] if zone else []),
    )


def _figures(
    tx: Tx, parks: tuple[Record, ...], reserved: dict[str, float], idle: dict[str, float], language: Language
) -> list[tuple[str, str]]:
    area = sum(park.get("area_geodesic_m2") or 0.0 for park in parks)
    return [
        (str(len(parks)), say("parks.count", language)),
        (figures.square_kilometres(area), say("parks.area", language)),
        (figures.mu(sum(reserved.values()), language), say("reserved", language)),
        (figures.square_metres(sum(idle.values()), language), say("idle.area", language)),
        (f"{tx.count(LISTINGS, Query()):,}", say("listings.count", language)),
    ]


def _card(
    park: Record, reserved: dict[str, float], idle: dict[str, float], tx: Tx, language: Language
) -> str:
    code = str(park["code"])
    return card(
        name_of(park, language),
        badges=[("plain", code)],
        subtitle=str(park.get("function") or ""),
        facts=[
            (figures.square_kilometres(park.get("area_geodesic_m2") or 0.0), say("area.geodesic", language)),
            (figures.mu(reserved.get(code, 0.0), language), say("reserved", language)),
            (figures.square_metres(idle.get(code, 0.0), language), say("idle.area", language)),
        ],
        rows=field_rows(park, ("industries", "source_document", "source_date"), tx.now, language),
    )


def _industries(park: Record, language: Language) -> str:
    return ("、" if language == "zh" else ", ").join(str(each) for each in park.get("industries") or ())


def _reserved_by_park(tx: Tx) -> dict[str, float]:
    """Reserved land in m² (geodesic) by park code; land in no park under ""."""
    loaded = tx.every(PARCELS, ("park_code", "stage", "area_geodesic_m2"))
    sums: dict[str, float] = defaultdict(float)
    columns = (loaded.columns[name] for name in ("park_code", "stage", "area_geodesic_m2"))
    for park, stage, area in zip(*columns, strict=True):
        if stage in RESERVED_STAGES:
            sums[park or ""] += area or 0.0
    return dict(sums)


def _idle_by_park(tx: Tx) -> dict[str, float]:
    """Idle plant space in m² by park code."""
    loaded = tx.every(PLANTS, ("park_code", "idle_area_m2"))
    sums: dict[str, float] = defaultdict(float)
    for park, area in zip(loaded.columns["park_code"], loaded.columns["idle_area_m2"], strict=True):
        sums[park or ""] += area or 0.0
    return dict(sums)


def _plants_layer(tx: Tx, budget: Budget, language: Language) -> MapLayer:
    """The plants as quiet blocks, so that a park reads as a built place."""
    title = LAYERS["plants"].title(language)
    quiet = Symbol(COLOURS["surface"], 0.55, LAYER_STYLES["plants"].symbol("let").stroke, 0.6)
    records = budget.read(tx, PLANTS, title)
    shapes = [Feature(f"plant:{record['code']}", record.geometry) for record in records]
    return MapLayer("plants", title, quiet, shapes, live=False)
