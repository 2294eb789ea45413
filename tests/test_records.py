"""The rules of single kinds: parcels and their codes, plants and unknowns, listings and their assets."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import numpy as np
import pytest
import shapely

from gridgov import land, listings, plants, records
from gridgov.access import Scope
from gridgov.errors import InvalidGeometry, InvalidValue, UnknownField
from gridgov.models import BUILDINGS, DEPARTMENTS, FACILITIES, ISSUES, LISTINGS, PARCELS, PLANTS, UNITS
from gridgov.relink import publish_and_relink
from gridgov.serving.linking import Linker, Linkers
from gridgov.store import Query, Store
from gridgov.store.queries.editions import parcel_history
from gridgov.store.queries.links import links_of
from tests.factories import point, sample, square

NOWHERE = Linker.build("test-zone", 0, ())
DAY = dt.timedelta(days=1)


def test_a_parcel_is_measured_on_the_ellipsoid_and_in_the_grid(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    with store.begin(system, now, write=True) as tx:
        parcel = land.create(tx, sample("parcels"), NOWHERE).record
    assert parcel["area_geodesic_m2"] == pytest.approx(10_280, rel=0.01)
    assert parcel["area_grid_m2"] / parcel["area_geodesic_m2"] == pytest.approx(1.0001, abs=5e-5)


def test_a_redrawn_parcel_keeps_both_boundaries(store: Store, system: Scope, now: dt.datetime) -> None:
    with store.begin(system, now, write=True) as tx:
        parcel = land.create(tx, sample("parcels"), NOWHERE).record
    with store.begin(system, now + DAY, write=True) as tx:
        land.change(tx, parcel.id, 1, {"geometry": square(size=2)}, NOWHERE)
    with store.begin(system, now + DAY) as tx:
        first, second = parcel_history(tx, parcel.id)
        assert (first["operation"], second["operation"]) == ("first", "redraw")
        assert (first["valid_to"], second["valid_to"]) == (now + DAY, None)
        assert second["area_geodesic_m2"] == pytest.approx(4 * first["area_geodesic_m2"], rel=1e-3)
        assert second["geometry"].equals(tx.get(PARCELS, parcel.id).geometry)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"land_scheme": "ydyh-2023", "land_code": "9999"}, "9999"),
        ({"land_code": "0601"}, "0601"),
        ({"land_scheme": "ydyh-2023", "land_code": 601}, "leading zeros"),
    ],
)
def test_a_land_use_code_needs_a_scheme_that_has_it(
    store: Store, system: Scope, now: dt.datetime, values: dict[str, Any], says: str
) -> None:
    given = {"code": "DK-1", "geometry": square(), **values}
    with pytest.raises(InvalidValue, match=says), store.begin(system, now, write=True) as tx:
        land.create(tx, given, NOWHERE)


def test_a_changed_scheme_must_still_know_the_code(store: Store, system: Scope, now: dt.datetime) -> None:
    with store.begin(system, now, write=True) as tx:
        parcel = land.create(tx, sample("parcels"), NOWHERE).record
    with pytest.raises(InvalidValue), store.begin(system, now, write=True) as tx:
        land.change(tx, parcel.id, 1, {"land_code": "8888"}, NOWHERE)


def test_an_unknown_figure_is_null_with_a_reason(store: Store, system: Scope, now: dt.datetime) -> None:
    with store.begin(system, now, write=True) as tx:
        plant = plants.create(
            tx, PLANTS, sample("plants", unknown={"floor_area_m2": "not_measured"}), NOWHERE
        ).record
        assert plant["floor_area_m2"] is None
    for unknown, error in (
        ({"floor_area_m2": "whatever"}, InvalidValue),
        ({"no_such_field": "refused"}, UnknownField),
    ):
        with pytest.raises(error), store.begin(system, now, write=True) as tx:
            plants.create(tx, PLANTS, sample("plants", code="CF-2", unknown=unknown), NOWHERE)
    with pytest.raises(InvalidValue, match="at once"), store.begin(system, now, write=True) as tx:
        plants.change(tx, PLANTS, plant.id, 1, {"floor_area_m2": 0}, NOWHERE)


def test_a_listing_is_marked_where_its_plant_lies(store: Store, system: Scope, now: dt.datetime) -> None:
    with store.begin(system, now, write=True) as tx:
        plant = plants.create(tx, PLANTS, sample("plants", geometry=square(3, 3)), NOWHERE).record
        unit = plants.create(tx, UNITS, sample("units", plant_id=plant.id), NOWHERE).record
        offer = {"code": "ZS-1", "title": "出租", "asset_kind": "units", "asset_id": unit.id, "offer": "let"}
        listing = listings.create(tx, offer, NOWHERE).record
    assert plant.geometry.contains(listing.geometry)


def test_a_listing_of_nothing_or_that_ends_before_it_begins_is_refused(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    with store.begin(system, now, write=True) as tx:
        parcel = land.create(tx, sample("parcels"), NOWHERE).record
    offer = {
        "code": "ZS-1",
        "title": "出让",
        "asset_kind": "parcels",
        "asset_id": parcel.id,
        "offer": "grant",
    }
    wrong = (
        {"asset_id": str(uuid.uuid4())},
        {"asset_kind": "units"},
        {"published_at": now, "expires_at": now - DAY},
        {"expires_at": now},
    )
    for change in wrong:
        with pytest.raises(InvalidValue), store.begin(system, now, write=True) as tx:
            listings.create(tx, {**offer, **change}, NOWHERE)
    with store.begin(system, now, write=True) as tx:
        listing = listings.create(tx, {**offer, "published_at": now}, NOWHERE).record
        listings.change(tx, listing.id, 1, {"expires_at": now + DAY}, NOWHERE)
    with store.begin(system, now) as tx:
        assert tx.get(LISTINGS, listing.id)["expires_at"] == now + DAY


@pytest.mark.parametrize(
    "geometry",
    [
        shapely.Polygon(),
        shapely.Point(113.3, 33.7),
        shapely.Polygon([(113.3, 33.7), (113.4, 33.7), (113.3, 33.7)]),
        shapely.Polygon([(200, 33.7), (201, 33.7), (201, 34), (200, 33.7)]),
        None,
    ],
)
def test_a_geometry_that_cannot_be_used_is_refused(
    store: Store, system: Scope, now: dt.datetime, geometry: Any
) -> None:
    with pytest.raises(InvalidGeometry), store.begin(system, now, write=True) as tx:
        records.create(tx, BUILDINGS, {"code": "LD-1", "geometry": geometry}, NOWHERE)
    with store.begin(system, now) as tx:
        assert tx.count(BUILDINGS, Query()) == 0


def test_a_crossing_or_flat_or_clockwise_geometry_is_made_sound(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    bowtie = shapely.Polygon([(113.3, 33.7), (113.301, 33.701), (113.301, 33.7), (113.3, 33.701)])
    high = shapely.force_3d(square(5), 80.0)
    with store.begin(system, now, write=True) as tx:
        repaired = records.create(tx, BUILDINGS, {"code": "1", "geometry": bowtie}, NOWHERE).record
        flat = records.create(tx, BUILDINGS, {"code": "2", "geometry": high}, NOWHERE).record
    assert repaired.geometry.is_valid
    assert repaired.geometry.geom_type == "MultiPolygon"
    assert not flat.geometry.has_z
    assert flat.geometry.exterior.is_ccw


def test_kinds_without_geometry_refuse_one(store: Store, system: Scope, now: dt.datetime) -> None:
    with pytest.raises(InvalidGeometry, match="no geometry"), store.begin(system, now, write=True) as tx:
        records.create(tx, DEPARTMENTS, {"code": "1", "name_zh": "局", "geometry": point()}, NOWHERE)


def test_loading_many_gives_the_links_that_single_creation_gives(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    grids = [
        {"code": f"G{n}", "kind": "grid", "name_zh": str(n), "geometry": square(n * 5, 0, 5)}
        for n in range(4)
    ]
    places = [point(n % 20 + 0.5, 2) for n in range(60)]
    with store.begin(system, now, write=True) as tx:
        publish_and_relink(tx, "首次", grids)
        linker = records.current_linker(tx, Linkers())
        rows = [sample("facilities", code=f"m{n}", geometry=place) for n, place in enumerate(places)]
        rows = [{**row, "id": str(uuid.uuid4())} for row in rows]
        assert records.load_many(tx, FACILITIES, rows, linker) == 60
        many = links_of(tx, FACILITIES, [row["id"] for row in rows])
        for n in range(0, 60, 7):
            one = records.create(
                tx, FACILITIES, sample("facilities", code=f"s{n}", geometry=places[n]), linker
            )
            ignored = {"linked_at", "border_m"}
            single = links_of(tx, FACILITIES, [one.record.id])[one.record.id]
            assert [{k: v for k, v in link.items() if k not in ignored} for link in single] == [
                {k: v for k, v in link.items() if k not in ignored} for link in many[rows[n]["id"]]
            ]
            borders = [[link["border_m"] for link in found] for found in (single, many[rows[n]["id"]])]
            assert np.allclose(borders[0], borders[1])


def test_a_point_kind_takes_one_point_only(store: Store, system: Scope, now: dt.datetime) -> None:
    two = shapely.MultiPoint([point(), point(3)])
    with pytest.raises(InvalidGeometry), store.begin(system, now, write=True) as tx:
        records.create(tx, LISTINGS, sample("listings", geometry=two), NOWHERE)
    with store.begin(system, now, write=True) as tx:
        one = records.create(
            tx, LISTINGS, sample("listings", geometry=shapely.MultiPoint([point()])), NOWHERE
        )
    assert one.record.geometry.geom_type == "Point"


def test_a_place_without_a_grid_zone_has_no_grid_area(store: Store, system: Scope, now: dt.datetime) -> None:
    with store.begin(system, now, write=True) as tx:
        far = records.create(
            tx, BUILDINGS, {"code": "LD-9", "geometry": shapely.box(10, 50, 10.01, 50.01)}, NOWHERE
        )
    with store.begin(system, now) as tx:
        assert tx.get(BUILDINGS, far.record.id)["area_grid_m2"] is None


def test_another_asset_moves_the_mark(store: Store, system: Scope, now: dt.datetime) -> None:
    with store.begin(system, now, write=True) as tx:
        first = land.create(tx, sample("parcels"), NOWHERE).record
        second = land.create(tx, sample("parcels", code="DK-2", geometry=square(20)), NOWHERE).record
        offer = {
            "code": "ZS-1",
            "title": "出让",
            "asset_kind": "地块",
            "asset_id": first.id.upper(),
            "offer": "grant",
        }
        listing = listings.create(tx, offer, NOWHERE).record
        assert (listing["asset_kind"], listing["asset_id"]) == ("parcels", first.id)
        moved = listings.change(tx, listing.id, 1, {"asset_id": second.id}, NOWHERE)
    assert second.geometry.contains(moved.geometry)


def test_loaded_issues_have_a_moment(store: Store, system: Scope, now: dt.datetime) -> None:
    with store.begin(system, now, write=True) as tx:
        records.load_many(tx, ISSUES, [{**sample("issues"), "id": str(uuid.uuid4())}], NOWHERE)
        assert [each["reported_at"] for each in tx.list(ISSUES, Query(order="-reported_at")).records] == [now]
