"""View plants: which halls stand empty, what their units can carry, and what is on offer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from gridgov.geo.words import Language
from gridgov.layers import LAYERS
from gridgov.models import AREAS, LISTINGS, PARCELS, PLANTS, UNITS, Record
from gridgov.models.vocabulary import OFFERS, VACANCIES
from gridgov.store.base import Filter, Query, Tx
from gridgov.symbology import LAYER_STYLES, MAP_COLOURS, Symbol, legend
from maps import figures, style
from maps.cards import card, fact, field_rows, freshness, table
from maps.features import Budget, Cut, Feature, bounds, inside, name_of
from maps.picture import Label, MapLayer, Picture, Row, RowGroup, Tag
from maps.views import ground
from maps.words import say

_UNITS_MAX = 50_000
_PLANT_FIELDS = ("structure", "built_year", "storeys", "fire_class", "fire_accepted", "park_code", "address")
_LISTING_FIELDS = ("offer", "available_from", "target_industries", "policy", "expires_at")
_VACANCY_TONES = {"vacant": "ok", "part_vacant": "ok", "planned": "ok", "unknown": "warn"}


def picture(tx: Tx, language: Language) -> Picture:
    """Plants by vacancy with their units in the card, and the offers as signs that say size and height."""
    budget = Budget()
    zone = ground.read_zone(tx)
    found = tx.list(UNITS, Query(limit=_UNITS_MAX))
    units = found.records
    if found.next is not None:
        budget.cuts.append(Cut(say("units", language), len(units), tx.count(UNITS, Query())))
    by_plant: dict[str, list[Record]] = defaultdict(list)
    for unit in units:
        by_plant[unit["plant_id"]].append(unit)
    listings = budget.read(tx, LISTINGS, LAYERS["listings"].title(language))
    plants = budget.read(tx, PLANTS, LAYERS["plants"].title(language))
    offers, rows = _offers(listings, {unit.id: unit for unit in units}, tx, language)
    used = {plant.get("vacancy") or "unknown" for plant in plants}
    stages = legend("plants", language, used=used)
    seen = [*listings, *plants]
    return Picture(
        name="plants",
        zone_name=ground.zone_name(tx, language),
        figures=_figures(tx, len(listings), language),
        layers=[
            _parcels(tx, budget, language), ground.ground_layer(tx, budget, language),
            _parks(tx, budget, language), _plants(plants, by_plant, tx, language), offers,
        ],
        groups=[RowGroup(say("listings", language), tuple(rows))],
        legends={
            say("vacancy", language): [(style.swatch(entry.symbol), entry.label) for entry in stages]
        },
        cuts=budget.cuts,
        data_date=ground.dated(seen, tx.now, language),
        synthetic=ground.is_synthetic(seen),
        bounds=bounds([each.geometry for each in seen]) or bounds([zone.geometry] if zone else []),
        legend_symbols=[entry.symbol for entry in stages],
    )  # fmt: skip


def _figures(tx: Tx, on_offer: int, language: Language) -> list[tuple[str, str]]:
    loaded = tx.every(PLANTS, ("idle_area_m2", "planned_use_m2"))
    idle, planned = (
        sum(value or 0.0 for value in loaded.columns[name]) for name in ("idle_area_m2", "planned_use_m2")
    )
    return [
        (figures.square_metres(idle, language), say("idle.area", language)),
        (figures.square_metres(planned, language), say("planned.use", language)),
        (f"{on_offer:,}", say("listings.count", language)),
    ]


def _plants(
    plants: tuple[Record, ...], units: Mapping[str, list[Record]], tx: Tx, language: Language
) -> MapLayer:
    style_of = LAYER_STYLES["plants"]
    layer = MapLayer("plants", LAYERS["plants"].title(language), style_of.default)
    for plant in plants:
        key = f"plant:{plant['code']}"
        vacancy = plant.get("vacancy") or "unknown"
        name = name_of(plant, language)
        layer.symbols[key] = style_of.symbol(vacancy)
        tip = f"{name} · {VACANCIES.label(vacancy, language)}"
        text = _plant_card(plant, units.get(plant.id, []), tx, language)
        layer.features.append(Feature(key, plant.geometry, text, tip))
    return layer


def _plant_card(plant: Record, units: list[Record], tx: Tx, language: Language) -> str:
    vacancy = plant.get("vacancy") or "unknown"
    inside_table = table(_unit_headings(language), (_unit_row(unit, tx, language) for unit in units))
    return card(
        name_of(plant, language),
        badges=[
            (_VACANCY_TONES.get(vacancy, "plain"), VACANCIES.label(vacancy, language)),
            freshness(plant, tx.now, language),
        ],
        facts=[
            fact(plant, "floor_area_m2", tx.now, language),
            fact(plant, "idle_area_m2", tx.now, language),
            fact(plant, "transformer_kva", tx.now, language),
        ],
        rows=field_rows(plant, _PLANT_FIELDS, tx.now, language),
        after=inside_table or f'<p class="note">{say("no.units", language)}</p>',
    )


def _unit_headings(language: Language) -> list[str]:
    names = (
        "lettable_m2",
        "clear_height_m",
        "floor_load_kn_m2",
        "spare_kva",
        "vacancy",
        "price_yuan_m2_month",
    )
    return [
        UNITS.zh if language == "zh" else "Unit",
        *(UNITS.by_name[name].label(language) for name in names),
    ]


def _unit_row(unit: Record, tx: Tx, language: Language) -> list[str]:
    names = (
        "lettable_m2",
        "clear_height_m",
        "floor_load_kn_m2",
        "spare_kva",
        "vacancy",
        "price_yuan_m2_month",
    )
    floor = unit.get("floor")
    title = str(unit["code"]) if floor is None else f"{unit['code']} · {say('floor', language, floor=floor)}"
    return [title, *(fact(unit, name, tx.now, language)[0] for name in names)]


def _offers(
    listings: tuple[Record, ...], units: Mapping[str, Record], tx: Tx, language: Language
) -> tuple[MapLayer, list[Row]]:
    """The signs on the map and the same offers as rows, the largest first."""
    layer = MapLayer("listings", LAYERS["listings"].title(language), LAYER_STYLES["listings"].default)
    rows = []
    for rank, listing in enumerate(sorted(listings, key=lambda each: -(each.get("area_m2") or 0.0))):
        unit = units.get(listing["asset_id"])
        key = f"listing:{listing['code']}"
        lon, lat = inside(listing.geometry)
        area = listing.get("area_m2")
        size = figures.square_metres(area, language) if area else say("unknown", language)
        height = unit.get("clear_height_m") if unit else None
        sign = f"{size} · {figures.plain(height)} m" if height else size
        title = str(listing["title"])
        text = _listing_card(listing, unit, tx, language)
        layer.tags.append(Tag(key, lon, lat, sign, text, 10 + rank, "offer", title))
        detail = " · ".join(part for part in (_price(listing), _row_detail(unit, tx, language)) if part)
        rows.append(Row(title, detail, "", "", key, (lon, lat, 16)))
    return layer, rows


def _row_detail(unit: Record | None, tx: Tx, language: Language) -> str:
    """What decides, in one line: height, load, crane, power; only what is known."""
    if unit is None:
        return ""
    names = ("clear_height_m", "crane_rail_height_m", "spare_kva")
    return " · ".join(f"{label} {value}" for label, value in field_rows(unit, names, tx.now, language))


def _price(listing: Record) -> str:
    price = listing.get("price")
    return f"{figures.plain(price)} {listing.get('price_unit') or ''}".strip() if price is not None else ""


def _listing_card(listing: Record, unit: Record | None, tx: Tx, language: Language) -> str:
    """Area, height, load, crane, power and price first; badges say how long it is empty, how fresh that is."""
    source = unit if unit is not None else {}
    area = listing.get("area_m2")
    facts = [
        (figures.square_metres(area, language) if area else "", LISTINGS.by_name["area_m2"].label(language))
    ]
    if unit is not None:
        facts += [
            fact(unit, name, tx.now, language)
            for name in ("clear_height_m", "floor_load_kn_m2", "cranes", "spare_kva")
        ]
    facts.append((_price(listing), LISTINGS.by_name["price"].label(language)))
    since = source.get("vacant_since")
    days = (tx.now.astimezone(figures.CHINA_TIME).date() - since).days if since else 0
    return card(
        str(listing["title"]),
        badges=[
            ("ok", OFFERS.label(listing.get("offer"), language)),
            freshness(listing, tx.now, language),
            ("plain", say("vacant.days", language, days=f"{days:,}") if days > 0 else ""),
            ("plain", say("negotiable", language) if listing.get("negotiable") else ""),
        ],
        facts=facts,
        rows=field_rows(listing, _LISTING_FIELDS, tx.now, language),
    )


def _parcels(tx: Tx, budget: Budget, language: Language) -> MapLayer:
    """Parcels of the parks as quiet plots, so that a hall stands on its ground."""
    title = LAYERS["parcels"].title(language)
    records = budget.read(tx, PARCELS, title, Filter("park_code", "null", False))
    shapes = [Feature(f"parcel:{record['code']}", record.geometry) for record in records]
    return MapLayer(
        "parcels", title, Symbol(MAP_COLOURS["plot"], 1.0, MAP_COLOURS["plot-line"], 0.8), shapes, live=False
    )


def _parks(tx: Tx, budget: Budget, language: Language) -> MapLayer:
    title = LAYERS["parks"].title(language)
    outline = Symbol("", 0, LAYER_STYLES["parks"].default.stroke, LAYER_STYLES["parks"].default.width)
    layer = MapLayer("parks", title, outline, live=False)
    for park in budget.read(tx, AREAS, title, Filter("kind", "eq", "park")):
        lon, lat = inside(park.geometry)
        layer.features.append(Feature(f"park:{park['code']}", park.geometry))
        layer.labels.append(Label(lon, lat, name_of(park, language), 40, 0, "park"))
    return layer
