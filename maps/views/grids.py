"""View grids: streets, communities, grids and community grid cells, estates with buildings, issues on top."""

from __future__ import annotations

from collections.abc import Sequence

from gridgov.access import Rows
from gridgov.geo.words import Language
from gridgov.layers import LAYERS
from gridgov.models import AREAS, BUILDINGS, ISSUES, Record
from gridgov.models.vocabulary import AREA_KINDS, ISSUE_CATEGORIES
from gridgov.store.base import Filter, Tx
from gridgov.symbology import ISSUE_MARKS, LAYER_STYLES, issue_state
from maps import style
from maps.cards import card, field_rows
from maps.features import Budget, Feature, bounds, inside, name_of
from maps.picture import Label, MapLayer, Picture, Pin, Row, RowGroup
from maps.views import ground
from maps.words import say

# Layer → area kinds, label rank, lowest zoom of the label, tone of the label; drawn in this order.
_LEVELS = (
    ("communities", ("community", "village"), 10, 0, "community"),
    ("estates", ("estate",), 20, 14, "estate"),
    ("micro_grids", ("micro_grid",), 50, 17, "cell"),
    ("grids", ("grid",), 30, 15, "grid"),
    ("streets", ("street", "town"), 5, 0, "street"),
)
_AREA_FIELDS = ("households", "area_geodesic_m2", "area_claimed_mu", "source_document")
_ISSUE_FIELDS = (
    "reported_at", "due_at", "closed_at", "source", "position_source", "accuracy_m", "entrance", "floor",
)  # fmt: skip
_TONES = {"overdue": "danger", "due_soon": "warn", "on_time": "ok", "waiting": "plain", "closed": "plain"}


def picture(tx: Tx, language: Language) -> Picture:
    """The tree of residents' areas and, where the scope shows them, the issues by state."""
    budget = Budget()
    zone = ground.read_zone(tx)
    issues, closed = _issues(tx, budget, language)
    levels = {
        name: budget.read(tx, AREAS, _title(name, language), Filter("kind", "in", kinds))
        for name, kinds, *_ in _LEVELS
    }
    layers = [ground.ground_layer(tx, budget, language)]
    layers += [_level(name, levels[name], tx, language) for name, *_ in _LEVELS]
    layers.insert(3, _buildings(tx, budget, language))
    layers.append(ground.zone_layer(zone, language))
    layers.append(ground.facilities_layer(tx, budget, language, show=False))
    layers += [closed, issues]
    communities = levels["communities"]
    streets = {street.id: name_of(street, language) for street in levels["streets"]}
    seen = [*communities, *levels["micro_grids"]]
    return Picture(
        name="grids",
        zone_name=ground.zone_name(tx, language),
        figures=_figures(levels, (issues, closed), language),
        layers=layers,
        groups=[
            RowGroup(
                say("communities", language), tuple(_row(each, streets, language) for each in communities)
            )
        ],
        legends=_legends(layers, language),
        cuts=budget.cuts,
        data_date=ground.dated(seen, tx.now, language),
        synthetic=ground.is_synthetic(seen),
        bounds=bounds([each.geometry for each in communities]) or bounds([zone.geometry] if zone else []),
    )


def _title(name: str, language: Language) -> str:
    if name in ("communities", "streets"):
        return say(name, language)
    return LAYERS[name].title(language)


def _figures(
    levels: dict[str, tuple[Record, ...]], issues: Sequence[MapLayer], language: Language
) -> list[tuple[str, str]]:
    rows = [
        (f"{len(levels[name]):,}", say(f"{name}.count", language))
        for name in ("communities", "grids", "micro_grids")
    ]
    unsettled, closed = issues
    if unsettled.pins or closed.pins:
        rows.append((f"{len(unsettled.pins):,}", say("issues.open", language)))
        rows.append((f"{len(closed.pins):,}", say("issues.closed", language)))
    return rows


def _level(name: str, records: Sequence[Record], tx: Tx, language: Language) -> MapLayer:
    layer = MapLayer(name, _title(name, language), LAYER_STYLES[name].default)
    _, _, rank, zoom, tone = next(level for level in _LEVELS if level[0] == name)
    for record in records:
        key = f"area:{record['code']}"
        words = name_of(record, language)
        kind = AREA_KINDS.label(record["kind"], language)
        text = card(
            words,
            badges=[("plain", kind), ("warn", say("assumed", language) if record.get("assumed") else "")],
            subtitle=str(record["code"]),
            rows=field_rows(record, _AREA_FIELDS, tx.now, language),
        )
        layer.features.append(Feature(key, record.geometry, text, words))
        lon, lat = inside(record.geometry)
        shown = str(record["code"]).rsplit("-", 1)[-1] if name in ("grids", "micro_grids") else words
        layer.labels.append(Label(lon, lat, shown, rank, zoom, tone))
    return layer


def _buildings(tx: Tx, budget: Budget, language: Language) -> MapLayer:
    title = LAYERS["buildings"].title(language)
    layer = MapLayer("buildings", title, LAYER_STYLES["buildings"].default)
    for record in budget.read(tx, BUILDINGS, title):
        words = name_of(record, language)
        rows = field_rows(record, ("storeys", "entrances", "households", "address"), tx.now, language)
        text = card(words, subtitle=str(record["code"]), rows=rows)
        layer.features.append(Feature(f"building:{record['code']}", record.geometry, text, words))
    return layer


def _issues(tx: Tx, budget: Budget, language: Language) -> tuple[MapLayer, MapLayer]:
    """Open and closed issues as pins; empty layers, which are not drawn, where the scope has none.

    The open ones are what a reader comes for; the closed ones wait in the layer control.
    """
    symbol = LAYER_STYLES["issues"].default
    unsettled = MapLayer("issues", say("issues.open.layer", language), symbol)
    closed = MapLayer("issues_closed", say("issues.closed.layer", language), symbol, show=False)
    if tx.scope.rows(ISSUES) is Rows.NONE:
        return unsettled, closed
    for record in budget.read(tx, ISSUES, LAYERS["issues"].title(language)):
        if record.geometry is None or record.geometry.is_empty:
            continue
        state = issue_state(record, tx.now)
        lon, lat = inside(record.geometry)
        text = _issue_card(record, state, tx, language)
        accuracy = float(record.get("accuracy_m") or 0.0)
        layer = closed if state == "closed" else unsettled
        layer.pins.append(Pin(f"issue:{record['code']}", lon, lat, state, text, accuracy))
    return unsettled, closed


def _issue_card(record: Record, state: str, tx: Tx, language: Language) -> str:
    category = ISSUE_CATEGORIES.label(record.get("category"), language)
    return card(
        str(record.get("title") or category),
        badges=[
            (_TONES[state], f"{ISSUE_MARKS[state].glyph} {ISSUE_MARKS[state].label(language)}"),
            ("plain", category),
        ],
        subtitle=str(record["code"]),
        rows=field_rows(record, _ISSUE_FIELDS, tx.now, language),
    )


def _row(record: Record, streets: dict[str, str], language: Language) -> Row:
    households = record.get("households")
    value = f"{households:,} {say('households', language)}" if households else ""
    detail = [streets.get(record.get("parent_id") or "", "")]
    if record.get("assumed"):
        detail.append(say("assumed", language))
    place = (*inside(record.geometry), 15)
    words = name_of(record, language)
    return Row(words, " · ".join(each for each in detail if each), value, "", f"area:{record['code']}", place)


def _legends(layers: Sequence[MapLayer], language: Language) -> dict[str, list[tuple[str, str]]]:
    borders = [
        (style.swatch(layer.symbol), layer.title)
        for name in ("streets", "communities", "grids", "micro_grids", "estates", "buildings")
        for layer in layers
        if layer.name == name and not layer.empty
    ]
    found = {pin.state for layer in layers for pin in layer.pins}
    marks = [
        (style.mark_svg(mark, 18), mark.label(language))
        for mark in ISSUE_MARKS.values()
        if mark.state in found
    ]
    return {say("issues", language): marks, say("boundaries", language): borders}
