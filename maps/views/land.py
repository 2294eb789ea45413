"""View land: parcels in the official colour of their use, stage as hatch, and how much land is in reserve."""

from __future__ import annotations

from collections.abc import Iterable

from gridgov import codes
from gridgov.geo.words import Language
from gridgov.layers import LAYERS
from gridgov.models import PARCELS, Record
from gridgov.models.vocabulary import PARCEL_STAGES, RESERVED_STAGES
from gridgov.store.base import Tx
from gridgov.symbology import LAYER_STYLES, Symbol, land_symbol, legend
from maps import figures, style
from maps.cards import card, field_rows
from maps.features import Budget, Feature, bounds, inside
from maps.picture import MapLayer, Picture, Row, RowGroup
from maps.views import ground
from maps.words import say

_ROWS_MAX = 60
_CARD_FIELDS = (
    "rights_clear", "site_readiness", "tenure", "plot_ratio_min", "plot_ratio_max", "park_code", "address",
    "right_holder", "agreed_start", "cadastral_unit", "as_of", "source_document",
)  # fmt: skip


def picture(tx: Tx, language: Language) -> Picture:
    """All parcels of the scope; the reserved sums count every parcel, also those a cut leaves undrawn."""
    budget = Budget()
    zone = ground.read_zone(tx)
    title = LAYERS["parcels"].title(language)
    parcels = budget.read(tx, PARCELS, title)
    layer = MapLayer("parcels", title, LAYER_STYLES["parcels"].default)
    for parcel in parcels:
        key = _key(parcel)
        layer.symbols[key] = land_symbol(parcel.get("stage"), _colour(parcel))
        layer.features.append(
            Feature(key, parcel.geometry, _card(parcel, tx, language), _tip(parcel, language))
        )
    by_stage = _area_by_stage(tx)
    stages = legend("parcels", language, used=by_stage)
    uses = _land_use_legend(parcels, language)
    return Picture(
        name="land",
        zone_name=ground.zone_name(tx, language),
        figures=_figures(by_stage, language),
        layers=[
            layer, ground.ground_layer(tx, budget, language), ground.zone_layer(zone, language),
        ],
        groups=_groups(by_stage, parcels, language),
        legends={
            say("land.use", language): uses,
            say("stage", language): [(style.swatch(entry.symbol), entry.label) for entry in stages],
        },
        cuts=budget.cuts,
        data_date=ground.dated(parcels, tx.now, language),
        synthetic=ground.is_synthetic(parcels),
        bounds=bounds([zone.geometry] if zone else [parcel.geometry for parcel in parcels]),
        legend_symbols=[entry.symbol for entry in stages],
    )  # fmt: skip


def _figures(by_stage: dict[str, tuple[int, float]], language: Language) -> list[tuple[str, str]]:
    reserved = sum(by_stage[stage][1] for stage in RESERVED_STAGES if stage in by_stage)
    count = sum(number for number, _ in by_stage.values())
    label = f"{say('reserved', language)} · {say('area.geodesic', language)}"
    return [(figures.mu(reserved, language), label), (f"{count:,}", say("parcels.count", language))]


def _groups(
    by_stage: dict[str, tuple[int, float]], parcels: Iterable[Record], language: Language
) -> list[RowGroup]:
    """The reserved sum by stage, and the reserved parcels to go to, the largest first."""
    sums = [
        Row(
            PARCEL_STAGES.label(stage, language), f"{by_stage[stage][0]:,} {say('parcels.count', language)}",
            figures.mu(by_stage[stage][1], language), style.swatch(LAYER_STYLES["parcels"].symbol(stage)),
        )
        for stage in RESERVED_STAGES
        if stage in by_stage
    ]  # fmt: skip
    reserved = [parcel for parcel in parcels if parcel.get("stage") in RESERVED_STAGES]
    reserved.sort(key=lambda parcel: -(parcel.get("area_geodesic_m2") or 0.0))
    places = [
        Row(
            str(parcel["code"]), _tip(parcel, language),
            figures.mu(parcel.get("area_geodesic_m2") or 0.0, language),
            style.swatch(land_symbol(parcel.get("stage"), _colour(parcel))), _key(parcel),
            (*inside(parcel.geometry), 16),
        )
        for parcel in reserved[:_ROWS_MAX]
    ]  # fmt: skip
    heading = say("reserved.parcels", language)
    if len(reserved) > _ROWS_MAX:
        heading = f"{heading} ({_ROWS_MAX} / {len(reserved):,})"
    return [RowGroup(say("reserved.by.stage", language), tuple(sums)), RowGroup(heading, tuple(places))]


def _card(parcel: Record, tx: Tx, language: Language) -> str:
    area = parcel.get("area_geodesic_m2") or 0.0
    claimed = parcel.get("area_claimed_m2")
    planned = _use_name(parcel.get("planned_scheme"), parcel.get("planned_code"), language)
    field = parcel.kind.by_name
    claimed_label = field["area_claimed_m2"].label(language)
    stage = parcel.get("stage")
    return card(
        f"{parcel['code']} {parcel.get('name_zh') or ''}".strip(),
        badges=[("ok" if stage in RESERVED_STAGES else "plain", PARCEL_STAGES.label(stage, language))],
        subtitle=_use_name(parcel.get("land_scheme"), parcel.get("land_code"), language),
        facts=[
            (figures.mu(area, language), say("area.geodesic", language)),
            (figures.square_metres(area, language), say("area.geodesic", language)),
            (figures.square_metres(claimed, language) if claimed else "", claimed_label),
        ],
        rows=[
            (field["planned_code"].label(language), planned),
            (field["area_grid_m2"].label(language), _grid_area(parcel, language)),
            *field_rows(parcel, _CARD_FIELDS, tx.now, language),
        ],
    )


def _grid_area(parcel: Record, language: Language) -> str:
    area = parcel.get("area_grid_m2")
    return figures.square_metres(area, language) if area else ""


def _tip(parcel: Record, language: Language) -> str:
    parts = (
        _use_name(parcel.get("land_scheme"), parcel.get("land_code"), language),
        PARCEL_STAGES.label(parcel.get("stage"), language),
    )
    return " · ".join(part for part in parts if part)


def _key(parcel: Record) -> str:
    return f"parcel:{parcel['code']}"


def _colour(parcel: Record) -> str | None:
    scheme, code = parcel.get("land_scheme"), parcel.get("land_code")
    return codes.color(scheme, code) if scheme and code else None


def _use_name(scheme: str | None, code: str | None, language: Language) -> str:
    """Code and official name; the names exist in Chinese only and are kept on the English page as data."""
    if not code:
        return say("no.land.code", language)
    use = codes.find(scheme, code) if scheme else None
    return f"{code} {use.name_zh}" if use else code


def _area_by_stage(tx: Tx) -> dict[str, tuple[int, float]]:
    """Stage → number and geodesic m² of all parcels in scope, in the order of the stages."""
    loaded = tx.every(PARCELS, ("stage", "area_geodesic_m2"))
    sums: dict[str, tuple[int, float]] = {}
    for stage, area in zip(loaded.columns["stage"], loaded.columns["area_geodesic_m2"], strict=True):
        number, total = sums.get(stage or "", (0, 0.0))
        sums[stage or ""] = (number + 1, total + (area or 0.0))
    return sums


def _land_use_legend(parcels: Iterable[Record], language: Language) -> list[tuple[str, str]]:
    """The land uses that occur, in the order of their codes."""
    found: dict[tuple[str, str], Symbol] = {}
    for parcel in parcels:
        pair = (parcel.get("land_code") or "", parcel.get("land_scheme") or "")
        if pair not in found:
            found[pair] = land_symbol(None, _colour(parcel))
    return [
        (style.swatch(symbol), _use_name(scheme, code, language))
        for (code, scheme), symbol in sorted(found.items(), key=lambda each: each[0])
    ]
