"""What each role sees of the records: the anonymous reader first."""

from __future__ import annotations

import datetime as dt

import pytest

from gridgov.access import Actor, Role, Scope
from gridgov.errors import (
    InvalidFilter,
    NotFound,
)
from gridgov.models import AREAS, ISSUES, LISTINGS, PARCELS
from gridgov.store import Filter, Query, Store
from gridgov.store.queries.links import links_of, write_links
from tests.factories import point, sample
from tests.fixtures_store import ZONE

PUBLIC = Scope.of(Actor.public(), ZONE)


def test_the_public_sees_published_rows_and_no_staff_columns(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    with store.begin(system, now, write=True) as tx:
        shown = tx.insert(
            PARCELS, sample("parcels", code="A", right_holder="示例企业 07", notes="内部")
        ).record
        hidden = tx.insert(PARCELS, sample("parcels", code="B", visibility="internal")).record
    with store.begin(PUBLIC, now) as tx:
        assert [record["code"] for record in tx.list(PARCELS, Query()).records] == ["A"]
        assert not {"right_holder", "notes", "created_by"} & set(tx.get(PARCELS, shown.id))
        with pytest.raises(NotFound):
            tx.get(PARCELS, hidden.id)
        with pytest.raises(InvalidFilter):
            tx.list(PARCELS, Query(filters=(Filter("right_holder", "eq", "示例企业 07"),)))
        assert tx.count(PARCELS, Query(text="示例企业")) == 0
        assert "right_holder" not in tx.every(PARCELS).columns


def test_a_listing_is_public_from_publication_until_it_expires(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    day = dt.timedelta(days=1)
    with store.begin(system, now, write=True) as tx:
        tx.insert(LISTINGS, sample("listings", code="past", published_at=now - 2 * day, expires_at=now - day))
        tx.insert(LISTINGS, sample("listings", code="live", published_at=now - day, expires_at=now + day))
        tx.insert(LISTINGS, sample("listings", code="open", published_at=now - day))
        tx.insert(LISTINGS, sample("listings", code="draft"))

    def public_codes(moment: dt.datetime) -> list[str]:
        with store.begin(PUBLIC, moment) as tx:
            return [record["code"] for record in tx.list(LISTINGS, Query()).records]

    assert public_codes(now) == ["live", "open"]
    assert public_codes(now + day) == ["open"]
    assert public_codes(now - day - dt.timedelta(hours=1)) == ["past"]


def test_issues_are_hidden_from_the_public_until_the_zone_opens_them(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    place = point(0.1234, 0.1234)
    with store.begin(system, now, write=True) as tx:
        shown = tx.insert(ISSUES, sample("issues", code="A", title="张三家门口", geometry=place)).record
        dispute = tx.insert(ISSUES, sample("issues", code="B", category="dispute")).record
    with store.begin(PUBLIC, now) as tx:
        assert tx.list(ISSUES, Query()).records == ()
    with store.begin(Scope.of(Actor.public(), ZONE, opened=True), now) as tx:
        (record,) = tx.list(ISSUES, Query()).records
        assert record.id == shown.id
        assert set(record) == {
            "id",
            "zone",
            "code",
            "version",
            "category",
            "status",
            "reported_at",
            "closed_at",
            "geometry",
        }
        assert record.geometry.equals(point(0, 0))
        assert [place.wkt for place in tx.every(ISSUES).geometries] == [point(0, 0).wkt]
        assert [each.geometry.wkt for each in tx.changed_since(ISSUES, 0)] == [point(0, 0).wkt]
        assert tx.get(ISSUES, shown.id).geometry.equals(point(0, 0))
        with pytest.raises(InvalidFilter):
            tx.list(ISSUES, Query(box=(113, 33, 114, 34)))
        with pytest.raises(NotFound):
            tx.get(ISSUES, dispute.id)


def test_a_grid_worker_sees_the_issues_of_their_areas_and_their_own(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    with store.begin(system, now, write=True) as tx:
        grid = tx.insert(AREAS, sample("areas", code="G", kind="grid")).record
        inside = tx.insert(ISSUES, sample("issues", code="inside")).record
        tx.insert(ISSUES, sample("issues", code="elsewhere"))
        link = {
            "level": "grid",
            "area_id": grid.id,
            "area_code": "G",
            "rule": "contains",
            "distance_m": None,
            "border_m": 3.0,
            "share": None,
            "main": True,
            "doubtful": False,
            "hierarchy": False,
            "edition_set": 1,
            "linked_at": now,
            "record_kind": "issues",
            "record_id": inside.id,
        }
        write_links(tx, [link])
        assert links_of(tx, ISSUES, [inside.id])[inside.id][0]["area_code"] == "G"
    worker = Scope.of(Actor("worker-1", Role.GRID_WORKER), ZONE, areas=frozenset({grid.id}))
    with store.begin(worker, now, write=True) as tx:
        tx.insert(ISSUES, sample("issues", code="own"))
    with store.begin(worker, now) as tx:
        assert [record["code"] for record in tx.list(ISSUES, Query()).records] == ["inside", "own"]


def test_zones_never_see_each_other(store: Store, system: Scope, now: dt.datetime) -> None:
    with store.begin(system, now, write=True) as tx:
        record = tx.insert(PARCELS, sample("parcels")).record
    other = Scope.system("another-zone")
    with store.begin(other, now, write=True) as tx:
        assert tx.count(PARCELS, Query()) == 0
        with pytest.raises(NotFound):
            tx.get(PARCELS, record.id)
        with pytest.raises(NotFound):
            tx.change(PARCELS, record.id, 1, {"stage": "sold"})


def test_what_has_ended_is_gone_for_the_public(store: Store, system: Scope, now: dt.datetime) -> None:
    with store.begin(system, now, write=True) as tx:
        listing = tx.insert(LISTINGS, sample("listings", published_at=now)).record
        tx.end(LISTINGS, listing.id, 1)
    with store.begin(PUBLIC, now) as tx:
        assert tx.list(LISTINGS, Query(ended=True)).records == ()
        with pytest.raises(NotFound):
            tx.get(LISTINGS, listing.id)
    with store.begin(system, now) as tx:
        assert tx.get(LISTINGS, listing.id)["valid_to"] == now


def test_an_opened_issue_cannot_be_found_by_its_area(store: Store, system: Scope, now: dt.datetime) -> None:
    with store.begin(Scope.of(Actor.public(), ZONE, opened=True), now) as tx, pytest.raises(InvalidFilter):
        tx.list(ISSUES, Query(areas=frozenset({"00000000-0000-0000-0000-000000000001"})))
