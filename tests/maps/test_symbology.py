"""One table of symbols: complete, distinct without colour, and the same in CSS, Leaflet and QGIS."""

from __future__ import annotations

import datetime as dt
import re
from xml.etree import ElementTree as ET

import pytest

from gridgov.layers import LAYERS
from gridgov.models import KINDS
from gridgov.models.vocabulary import AREA_KINDS, PARCEL_STAGES, RESERVED_STAGES, VACANCIES
from gridgov.symbology import (
    COLOURS,
    ISSUE_MARKS,
    LAYER_STYLES,
    MAP_COLOURS,
    PARK_TINTS,
    SIZES,
    issue_state,
    land_symbol,
    legend,
    park_tint,
    qgis_style,
)
from maps import pages, style

NOW = dt.datetime(2026, 11, 20, 6, 5, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def test_every_layer_has_a_style_and_no_style_is_without_a_layer() -> None:
    assert set(LAYER_STYLES) == set(LAYERS)


def test_every_class_of_a_vocabulary_has_a_symbol() -> None:
    assert set(LAYER_STYLES["parcels"].classes) == set(PARCEL_STAGES)
    assert set(LAYER_STYLES["plants"].classes) == set(VACANCIES)


def test_reserved_stages_differ_by_their_hatch_alone() -> None:
    hatches = [land_symbol(stage, "#cccccc").hatch for stage in RESERVED_STAGES]
    assert None not in hatches
    assert len(set(hatches)) == len(RESERVED_STAGES)


def test_an_unknown_value_gets_the_default_symbol() -> None:
    plants = LAYER_STYLES["plants"]
    assert plants.symbol(None) == plants.symbol("demolished") == plants.default


def test_issue_marks_differ_by_shape_so_that_colour_is_never_alone() -> None:
    assert len({mark.shape for mark in ISSUE_MARKS.values()}) == len(ISSUE_MARKS)
    assert [mark.glyph for mark in ISSUE_MARKS.values()] == ["■", "▲", "●", "◆", "○"]


@pytest.mark.parametrize(
    ("issue", "state"),
    [
        ({"status": "closed", "due_at": NOW - HOUR}, "closed"),
        ({"status": "reported", "closed_at": NOW}, "closed"),
        ({"status": "reported", "due_at": NOW - HOUR}, "overdue"),
        ({"status": "reported", "due_at": NOW}, "overdue"),
        ({"status": "reported", "due_at": NOW + HOUR, "warn_at": NOW}, "due_soon"),
        ({"status": "reported", "due_at": NOW + HOUR, "warn_at": NOW + HOUR / 2}, "on_time"),
        ({"status": "reported", "due_at": NOW + HOUR, "warn_at": None}, "on_time"),
        ({"status": "reported", "due_at": None}, "waiting"),
        ({"status": "reported"}, "on_time"),  # the reader may not see the clock
    ],
)
def test_the_state_of_an_issue_follows_its_clock(issue: dict[str, object], state: str) -> None:
    assert issue_state(issue, NOW) == state


def test_legends_show_only_what_is_used_in_the_order_of_the_field() -> None:
    entries = legend("parcels", "zh", used={"listed", "reserved"})
    assert [(entry.value, entry.label) for entry in entries] == [("reserved", "已收储"), ("listed", "挂牌")]
    assert legend("parks") == []


def test_park_tints_repeat_after_the_last() -> None:
    assert park_tint(len(PARK_TINTS)) == park_tint(0)
    assert len(set(PARK_TINTS)) == len(PARK_TINTS)


def test_css_holds_every_token() -> None:
    css = style.tokens_css()
    for name, value in {**COLOURS, **SIZES}.items():
        assert f"  --{name}: {value};\n" in css
    for name, value in MAP_COLOURS.items():
        assert f"  --map-{name}: {value};\n" in css


@pytest.mark.parametrize("name", LAYER_STYLES)
def test_leaflet_draws_what_symbology_says(name: str) -> None:
    layer = LAYER_STYLES[name]
    for symbol in (layer.default, *layer.classes.values()):
        options = style.leaflet(symbol)
        assert options["weight"] == symbol.width
        assert options["stroke"] is bool(symbol.stroke)
        if symbol.hatch:
            reference = f"url(#{style.hatch_name(symbol)})"
            assert options["fillColor"] == reference
            assert f'<pattern id="{reference[5:-1]}"' in style.patterns([symbol])
            assert symbol.hatch.colour in style.patterns([symbol])
        elif symbol.fill:
            assert (options["fillColor"], options["fillOpacity"]) == (symbol.fill, symbol.fill_opacity)
        else:
            assert options["fill"] is False


def test_no_colour_is_written_outside_symbology() -> None:
    places = [*pages.WEB.parent.rglob("*.py"), *pages.WEB.glob("css/*.css"), *pages.WEB.glob("js/*.js")]
    written = {
        path.name: re.findall(r"#[0-9a-fA-F]{6}\b", path.read_text(encoding="utf-8")) for path in places
    }
    assert {name: found for name, found in written.items() if found} == {}
    assert len(places) > 20


def test_different_hatches_have_different_patterns() -> None:
    symbols = {land_symbol(stage, colour) for stage in PARCEL_STAGES for colour in ("#cccccc", "#dddddd")}
    hatched = {symbol for symbol in symbols if symbol.hatch}
    assert len({style.hatch_name(symbol) for symbol in hatched}) == len(hatched)


@pytest.mark.parametrize("table", KINDS)
def test_qgis_styles_are_complete_documents(table: str) -> None:
    text = qgis_style(table, {"1001": "#bb9678"})
    if KINDS[table].geometry is None:
        assert text == ""
        return
    root = ET.fromstring(text.partition("\n")[2])  # noqa: S314 - our own text
    assert root.tag == "qgis"
    symbols = {symbol.get("name") for symbol in root.findall("./renderer-v2/symbols/symbol")}
    used = {each.get("symbol") for each in root.iter() if each.tag in ("category", "rule")} - {None}
    assert used <= symbols
    assert symbols


def test_qgis_shows_areas_by_kind_and_parcels_by_use_and_stage() -> None:
    areas = ET.fromstring(qgis_style("areas").partition("\n")[2])  # noqa: S314 - our own text
    values = [each.get("value") for each in areas.iter("category")]
    assert values == [*AREA_KINDS, ""]
    parcels = qgis_style("parcels", {"1001": "#bb9678"})
    assert "&quot;land_code&quot; = '1001'" in parcels
    assert "187,150,120," in parcels
    assert parcels.count("LinePatternFill") >= len(RESERVED_STAGES)
