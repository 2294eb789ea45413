"""A crash between the commits of the embedded store's two files leaves personal words alone, and they do not stay."""

from __future__ import annotations

import datetime as dt

import shapely
from sqlalchemy import select

from gridgov import issues, records
from gridgov.access import Scope
from gridgov.issues import Report
from gridgov.models import ISSUES, LISTINGS
from gridgov.serving.linking import Linker
from gridgov.store import Store
from gridgov.store.queries.connection import inside
from gridgov.store.queries.contacts import add_contact, add_text, read_contact, sweep_unowned, texts_of
from gridgov.store.schema_private import contacts, original_texts
from tests.factories import sample

ID = "0199c0de-0000-7000-8000-0000000000f1"
OTHER = "0199c0de-0000-7000-8000-0000000000f2"
VALUES = {"category": "fire_lane", "geometry": shapely.Point(113.3, 33.7)}


def leave_words(store: Store, system: Scope, at: dt.datetime) -> None:
    """What the private file holds after the crash, while the map file knows of no issue."""
    with store.begin(system, at, write=True) as tx:
        add_contact(tx, OTHER, "张三", "13800000000")
        add_text(tx, ISSUES, ID, "消防通道被堵")


def test_a_report_that_is_sent_again_has_its_words_once(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    leave_words(store, system, now)
    with store.begin(system, now, write=True) as tx:
        issues.report(
            tx, {**VALUES, "id": ID}, Linker.build(system.zone, 0, []), Report("消防通道被堵", "张三", "138")
        )
    with store.begin(system, now) as tx:
        assert texts_of(tx, ISSUES, ID) == ["消防通道被堵"]
        assert read_contact(tx, tx.get(ISSUES, ID)["contact_id"]) == {
            "name": "张三",
            "phone": "138",
            "erased_at": None,
        }


def test_what_belongs_to_no_record_is_swept_when_it_is_old(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    with store.begin(system, now, write=True) as tx:
        told = Report("路灯不亮", "李四", "139")
        kept = issues.report(tx, VALUES, Linker.build(system.zone, 0, []), told).record
    leave_words(store, system, now)
    with store.begin(system, now, write=True) as tx:
        assert sweep_unowned(tx, now) == 0
    later = now + dt.timedelta(days=1)
    with store.begin(system, later, write=True) as tx:
        assert sweep_unowned(tx, later) == 2
        assert texts_of(tx, ISSUES, kept.id) == ["路灯不亮"]
        connection = inside(tx).connection
        assert [row.name for row in connection.execute(select(contacts))] == ["李四"]
        assert len(connection.execute(select(original_texts)).all()) == 1


def test_the_contact_of_a_listing_is_in_use_too(store: Store, system: Scope, now: dt.datetime) -> None:
    later = now + dt.timedelta(days=1)
    with store.begin(system, now, write=True) as tx:
        add_contact(tx, ID, "王五", "137")
        add_contact(tx, OTHER, "赵六", "136")
        offer = sample("listings", geometry=shapely.Point(113.3, 33.7))
        records.create(tx, LISTINGS, offer, Linker.build(system.zone, 0, []), own={"contact_id": ID})
    with store.begin(system, later, write=True) as tx:
        assert sweep_unowned(tx, later) == 1
        assert read_contact(tx, OTHER) is None
        assert (read_contact(tx, ID) or {})["name"] == "王五"
