"""The four views: what they show to whom, that nothing leaves the service, and that nothing breaks out."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from html.parser import HTMLParser

import pytest

from gridgov.access import Role, Scope
from gridgov.errors import InvalidValue, NotFound
from gridgov.models import PARCELS, PLANTS
from gridgov.models.vocabulary import RESERVED_STAGES
from gridgov.store import Query, Store, Tx
from maps import features, picture
from maps.document import document
from maps.views import VIEW_NAMES, grids, land, parks, plants, render
from tests.fixtures_store import NOW, ZONE
from tests.maps.conftest import EVIL

PICTURES = {"parks": parks.picture, "land": land.picture, "plants": plants.picture, "grids": grids.picture}


def things(layer: picture.MapLayer) -> list[features.Feature | picture.Tag | picture.Pin]:
    """Everything of a layer that can have a card."""
    return [*layer.features, *layer.tags, *layer.pins]


class Elements(HTMLParser):
    """Every element of a page with its attributes, as a browser's parser would find them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("name", VIEW_NAMES)
@pytest.mark.parametrize("standalone", [False, True])
def test_a_view_asks_no_other_host(as_staff: Tx, name: str, standalone: bool) -> None:
    for tag, attributes in Elements(render(name, as_staff, standalone=standalone)).found:
        for attribute in ("src", "href"):
            target = attributes.get(attribute) or ""
            assert not re.match(r"(https?:)?//", target), (tag, target)
            if standalone and tag in ("script", "link", "img"):
                assert target in ("", "data:,"), (tag, target)


@pytest.mark.parametrize("name", VIEW_NAMES)
def test_every_inline_script_and_style_carries_the_nonce(as_public: Tx, name: str) -> None:
    elements = Elements(render(name, as_public, nonce="n0nce")).found
    inline = [attributes for tag, attributes in elements if tag in ("script", "style")]
    assert len(inline) > 3
    assert {attributes.get("nonce") for attributes in inline} == {"n0nce"}
    assert not any("style" in attributes for _, attributes in elements)
    assert not any(attribute.startswith("on") for _, attributes in elements for attribute in attributes)


@pytest.mark.parametrize("name", VIEW_NAMES)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_hostile_words_stay_words(hostile: Store, name: str, language: str) -> None:
    with hostile.begin(Scope(ZONE, Role.STAFF), NOW) as tx:
        html = render(name, tx, language, nonce="n0nce")
        drawn = PICTURES[name](tx, "zh")
    assert EVIL not in html
    assert "alert(2)" in html
    assert "{{ 7 * 7 }}{% raise %}" in html  # braces are words too: nothing runs them as a template
    assert not re.search(r"<img|<script>", html)
    cards = [each.card for layer in drawn.layers for each in things(layer)]
    assert any("alert(2)" in card for card in cards)
    for tag, attributes in Elements("".join(cards)).found:
        assert tag not in ("img", "script")
        assert set(attributes) <= {"class", "scope"}


@pytest.mark.parametrize("name", VIEW_NAMES)
def test_a_view_is_the_same_twice(as_public: Tx, name: str) -> None:
    assert render(name, as_public, "en") == render(name, as_public, "en")


@pytest.mark.parametrize("name", VIEW_NAMES)
def test_an_empty_zone_says_so_and_what_to_do(store: Store, name: str) -> None:
    with store.begin(Scope(ZONE, Role.PUBLIC), NOW) as tx:
        assert "本视图暂无数据。 请导入数据" in render(name, tx)
        assert "There is nothing to show in this view yet." in render(name, tx, "en")


def test_the_reserved_sum_counts_every_parcel_and_no_other(as_staff: Tx) -> None:
    loaded = as_staff.every(PARCELS, ("stage", "area_geodesic_m2"))
    columns = zip(loaded.columns["stage"], loaded.columns["area_geodesic_m2"], strict=True)
    mu = sum(area for stage, area in columns if stage in RESERVED_STAGES) * 3 / 2000
    assert 1_800 <= mu <= 1_850
    drawn = land.picture(as_staff, "zh")
    assert drawn.figures[0] == (f"{mu:,.1f} 亩", "储备土地 · 椭球面积")
    assert sum(float(row.value.split()[0].replace(",", "")) for row in drawn.groups[0].rows) == pytest.approx(
        mu, abs=0.2
    )


def test_twelve_offers_show_size_and_height_on_the_mark(as_public: Tx) -> None:
    offers = plants.picture(as_public, "zh").layers[-1]
    assert offers.name == "listings"
    assert len(offers.tags) == 12
    assert all(re.fullmatch(r"[\d,]+㎡( · [\d.]+ m)?", tag.text) for tag in offers.tags)


def test_plant_cards_show_the_reason_of_an_unknown_value(as_public: Tx) -> None:
    cards = "".join(each.card for each in plants.picture(as_public, "zh").layers[3].features)
    assert "未测量" in cards
    assert "None" not in cards
    assert "null" not in cards


def test_the_public_sees_no_issue_and_nothing_for_staff_only(as_public: Tx, as_staff: Tx) -> None:
    public, staff = grids.picture(as_public, "zh"), grids.picture(as_staff, "zh")
    assert sum(len(layer.pins) for layer in public.layers) == 0
    assert sum(len(layer.pins) for layer in staff.layers) > 800
    assert "问题" not in public.legends or not public.legends["问题"]
    holder = PARCELS.by_name["right_holder"].zh
    assert holder in "".join(each.card for each in land.picture(as_staff, "zh").layers[0].features)
    assert holder not in "".join(each.card for each in land.picture(as_public, "zh").layers[0].features)


def test_the_state_of_a_pin_follows_the_clock_of_the_transaction(demonstration: Store) -> None:
    def states(now: dt.datetime) -> set[str]:
        with demonstration.begin(Scope("pds-gaoxin", Role.STAFF), now) as tx:
            unsettled = next(each for each in grids.picture(tx, "zh").layers if each.name == "issues")
        return {pin.state for pin in unsettled.pins}

    assert "overdue" in states(NOW)
    assert "overdue" not in states(dt.datetime(2022, 1, 1, tzinfo=dt.UTC))


def test_a_budget_draws_what_it_has_and_counts_what_it_has_not(as_public: Tx) -> None:
    total = as_public.count(PARCELS, Query())
    budget = features.Budget(left=100)
    assert len(budget.read(as_public, PARCELS, "地块")) == 100
    assert budget.read(as_public, PLANTS, "厂房") == ()
    assert budget.cuts == [
        features.Cut("地块", 100, total), features.Cut("厂房", 0, as_public.count(PLANTS, Query()))
    ]  # fmt: skip


def test_a_cut_layer_is_said_on_the_page(as_public: Tx) -> None:
    drawn = dataclasses.replace(land.picture(as_public, "zh"), cuts=[features.Cut("地块", 10_000, 23_456)])
    html = document(drawn, "zh", standalone=False, nonce="")
    assert "“地块”共 23,456 个，本页只画前 10,000 个" in html


def test_opened_issues_show_no_title_no_clock_and_no_dispute(demonstration: Store) -> None:
    with demonstration.begin(Scope("pds-gaoxin", Role.PUBLIC, opened=True), NOW) as tx:
        drawn = grids.picture(tx, "zh")
    pins = [pin for layer in drawn.layers for pin in layer.pins]
    assert pins
    assert {pin.state for pin in pins} == {"on_time", "closed"}
    cards = "".join(pin.card for pin in pins)
    for word in ("矛盾纠纷", "办理时限", "来源", "楼旁"):
        assert word not in cards


@pytest.mark.parametrize("name", VIEW_NAMES)
def test_display_coordinates_have_six_decimals_and_keys_are_unique(as_staff: Tx, name: str) -> None:
    drawn = PICTURES[name](as_staff, "zh")
    keys = [each.key for layer in drawn.layers for each in things(layer)]
    assert len(keys) == len(set(keys))
    for layer in drawn.layers:
        shapes = [each["geometry"]["coordinates"] for each in features.collection(layer.features)["features"]]
        assert not re.search(r"\d\.\d{7,}", str(shapes))


def test_rows_of_the_list_lead_to_shapes_that_are_drawn(as_staff: Tx) -> None:
    for name, draw in PICTURES.items():
        drawn = draw(as_staff, "zh")
        keys = {each.key for layer in drawn.layers for each in things(layer)}
        rows = [row for group in drawn.groups for row in group.rows if row.go]
        assert rows, name
        assert {row.key for row in rows} <= keys


def test_synthetic_data_is_marked(as_public: Tx) -> None:
    for name in VIEW_NAMES:
        assert "演示数据" in render(name, as_public)
        assert "Demonstration data" in render(name, as_public, "en")


def test_unknown_names_and_languages_are_refused(as_public: Tx) -> None:
    with pytest.raises(NotFound, match="parks, land, plants, grids"):
        render("../secrets", as_public)
    with pytest.raises(InvalidValue, match="zh or en"):
        render("parks", as_public, "fr")


def test_pictures_are_plain_data(as_public: Tx) -> None:
    drawn = parks.picture(as_public, "en")
    assert dataclasses.is_dataclass(drawn)
    assert all(row.title.endswith("Park") for row in drawn.groups[0].rows)
    assert len(drawn.groups[0].rows) == 6
