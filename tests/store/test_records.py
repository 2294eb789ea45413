"""What every store promises about records: the same operations, errors and order on both backends."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest

from gridgov.access import Actor, Scope
from gridgov.errors import (
    AlreadyEnded,
    ContentDiffers,
    DuplicateCode,
    IdentifierTaken,
    InvalidFilter,
    InvalidValue,
    OutOfRange,
    VersionMismatch,
)
from gridgov.models import BUILDINGS, FACILITIES, ISSUES, KINDS, PARCELS, PLANTS, UNITS
from gridgov.store import Filter, Near, Query, Store
from gridgov.store.queries.contacts import add_contact, add_text, erase, read_contact, texts_of
from gridgov.store.queries.counters import next_number
from gridgov.store.queries.events import events_of
from gridgov.store.queries.zones import read_zone
from tests.factories import point, sample, square
from tests.fixtures_store import ZONE


@pytest.mark.parametrize("name", [name for name in KINDS if name != "units"])
def test_a_record_comes_back_as_it_was_stored(
    store: Store, system: Scope, now: dt.datetime, name: str
) -> None:
    values = sample(name)
    with store.begin(system, now, write=True) as tx:
        write = tx.insert(KINDS[name], values)
    with store.begin(system, now) as tx:
        record = tx.get(KINDS[name], write.record.id)
    assert {key: record[key] for key in values} == values
    assert (record["version"], record["revision"], record["zone"]) == (1, 1, ZONE)
    assert record["created_at"] == now


def test_the_same_id_with_the_same_content_is_one_record(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    values = sample("issues", id=str(uuid.uuid4()))
    with store.begin(system, now, write=True) as tx:
        assert tx.insert(ISSUES, values).created
    with store.begin(system, now + dt.timedelta(hours=1), write=True) as tx:
        again = tx.insert(ISSUES, values)
    assert not again.created
    assert again.record["created_at"] == now
    with store.begin(system, now) as tx:
        assert tx.count(ISSUES, Query()) == 1


def test_the_same_id_with_other_content_is_refused(store: Store, system: Scope, now: dt.datetime) -> None:
    values = sample("issues", id=str(uuid.uuid4()))
    with store.begin(system, now, write=True) as tx:
        tx.insert(ISSUES, values)
    with pytest.raises(ContentDiffers, match=values["id"]), store.begin(system, now, write=True) as tx:
        tx.insert(ISSUES, {**values, "category": "manhole", "code": "WT-2"})


def test_the_id_of_anothers_record_is_refused_without_telling_anything(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    values = sample("issues", id=str(uuid.uuid4()))
    with store.begin(system, now, write=True) as tx:
        tx.insert(ISSUES, values)
    other = Scope.of(Actor.public("another-phone"), ZONE)
    with pytest.raises(IdentifierTaken) as caught, store.begin(other, now, write=True) as tx:
        tx.insert(ISSUES, values)
    assert caught.value.details == {"id": values["id"]}


def test_two_living_records_never_share_a_code(store: Store, system: Scope, now: dt.datetime) -> None:
    with store.begin(system, now, write=True) as tx:
        tx.insert(PARCELS, sample("parcels"))
    with pytest.raises(DuplicateCode), store.begin(system, now, write=True) as tx:
        tx.insert(PARCELS, sample("parcels"))


def test_an_ended_record_gives_its_code_free_and_stays_readable(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    with store.begin(system, now, write=True) as tx:
        first = tx.insert(PARCELS, sample("parcels")).record
    later = now + dt.timedelta(days=1)
    with store.begin(system, later, write=True) as tx:
        tx.end(PARCELS, first.id, 1)
    with store.begin(system, later, write=True) as tx:
        tx.insert(PARCELS, sample("parcels"))
    with store.begin(system, later) as tx:
        assert tx.get(PARCELS, first.id)["valid_to"] == later
        assert tx.count(PARCELS, Query()) == 1
        assert tx.count(PARCELS, Query(ended=True)) == 2
    with pytest.raises(AlreadyEnded), store.begin(system, later, write=True) as tx:
        tx.change(PARCELS, first.id, 2, {"name_zh": "改名"})


def test_a_change_made_from_an_old_version_is_refused(store: Store, system: Scope, now: dt.datetime) -> None:
    with store.begin(system, now, write=True) as tx:
        record = tx.insert(PARCELS, sample("parcels")).record
    with store.begin(system, now, write=True) as tx:
        assert tx.change(PARCELS, record.id, 1, {"stage": "clear"})["version"] == 2
    with pytest.raises(VersionMismatch) as caught, store.begin(system, now, write=True) as tx:
        tx.change(PARCELS, record.id, 1, {"stage": "sold"})
    assert caught.value.details["version"] == 2


def test_a_change_that_changes_nothing_makes_no_version(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    with store.begin(system, now, write=True) as tx:
        record = tx.insert(PARCELS, sample("parcels")).record
        same = tx.change(PARCELS, record.id, 1, {"stage": "reserved", "geometry": square()})
    assert same["version"] == 1


def test_events_tell_plain_facts_but_never_words_people_wrote(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    with store.begin(system, now, write=True) as tx:
        record = tx.insert(ISSUES, sample("issues", title="张三家门口")).record
        tx.change(ISSUES, record.id, 1, {"title": "李四 13800000000", "category": "manhole"})
        history = events_of(tx, ISSUES, record.id)
    assert [event["verb"] for event in history] == ["created", "changed"]
    assert history[1]["changes"] == {
        "fields": ["category", "title"],
        "from": {"category": "fire_lane"},
        "to": {"category": "manhole"},
    }


def test_history_only_grows(store: Store, system: Scope, now: dt.datetime) -> None:
    with store.begin(system, now, write=True) as tx:
        tx.insert(PARCELS, sample("parcels"))
    for statement in ("UPDATE events SET verb = 'forged'", "DELETE FROM events"):
        with pytest.raises(Exception, match="events only grow"), store.begin(system, now, write=True) as tx:
            tx.connection.exec_driver_sql(statement)  # type: ignore[attr-defined]  # behind the protocol on purpose


def test_personal_data_can_be_erased_and_the_erasing_is_an_event(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    with store.begin(system, now, write=True) as tx:
        contact = str(uuid.uuid4())
        add_contact(tx, contact, "张三", "13800000000")
        record = tx.insert(ISSUES, sample("issues") | {"contact_id": contact}).record
        add_text(tx, ISSUES, record.id, "我是张三，电话 13800000000")
    with store.begin(system, now, write=True) as tx:
        assert texts_of(tx, ISSUES, record.id) == ["我是张三，电话 13800000000"]
        erase(tx, ISSUES, record.id, contact)
    with store.begin(system, now) as tx:
        kept = read_contact(tx, contact)
        assert kept == {"name": None, "phone": None, "erased_at": now}
        assert texts_of(tx, ISSUES, record.id) == []
        assert events_of(tx, ISSUES, record.id)[-1]["verb"] == "personal_data_erased"


def test_pages_follow_each_other_without_gap_or_double(store: Store, system: Scope, now: dt.datetime) -> None:
    codes = [f"DK-{number:04d}" for number in range(45)]
    with store.begin(system, now, write=True) as tx:
        tx.insert_many(PARCELS, [sample("parcels", code=code) for code in reversed(codes)])
    seen: list[str] = []
    query = Query(limit=20)
    with store.begin(system, now) as tx:
        while True:
            page = tx.list(PARCELS, query)
            seen += [record["code"] for record in page.records]
            if page.next is None:
                break
            query = Query(limit=20, after=page.next)
    assert seen == codes


def test_codes_are_ordered_by_their_bytes_on_both_stores(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    codes = ["a", "B", "_", "É", "中", "1", "10", "2", "𠮷"]
    with store.begin(system, now, write=True) as tx:
        for code in codes:
            tx.insert(PARCELS, sample("parcels", code=code))
    with store.begin(system, now) as tx:
        listed = [record["code"] for record in tx.list(PARCELS, Query()).records]
        backwards = [record["code"] for record in tx.list(PARCELS, Query(order="-code")).records]
    assert listed == sorted(codes, key=str.encode)
    assert backwards == listed[::-1]


def test_a_box_keeps_what_it_meets_and_nothing_whose_box_alone_meets_it(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    corner = square(size=10).difference(square(1, 1, 9))  # an L along the west and south sides
    with store.begin(system, now, write=True) as tx:
        tx.insert(PARCELS, sample("parcels", code="L", geometry=corner))
        tx.insert(PARCELS, sample("parcels", code="inside", geometry=square(5, 5)))
    with store.begin(system, now) as tx:
        box = square(5, 5, 2).bounds
        assert [record["code"] for record in tx.list(PARCELS, Query(box=box)).records] == ["inside"]
        assert tx.count(PARCELS, Query(box=box)) == 1
        with pytest.raises(OutOfRange):
            tx.list(PARCELS, Query(box=(113.4, 33.7, 113.3, 33.8)))


def test_near_means_metres_on_the_ground_and_orders_by_distance(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    with store.begin(system, now, write=True) as tx:
        for code, row in (("far", 10.0), ("next", 1.0), ("here", 0.0), ("beyond", 90.0)):
            tx.insert(FACILITIES, sample("facilities", code=code, geometry=point(0, row)))
    start = point(0, 0)
    near = Near(start.x, start.y, 1200)
    with store.begin(system, now) as tx:
        page = tx.list(FACILITIES, Query(near=near, limit=2))
        rest = tx.list(FACILITIES, Query(near=near, limit=2, after=page.next))
    assert [record["code"] for record in page.records + rest.records] == ["here", "next", "far"]
    assert page.distances is not None
    assert page.distances[0] == pytest.approx(0, abs=1e-6)
    assert page.distances[1] == pytest.approx(110.9, abs=0.1)
    assert rest.next is None


def test_filters_and_words(store: Store, system: Scope, now: dt.datetime) -> None:
    with store.begin(system, now, write=True) as tx:
        tx.insert(PARCELS, sample("parcels", code="A", stage="clear", plan_year=2024, name_zh="沙河 50%地块"))
        tx.insert(PARCELS, sample("parcels", code="B", stage="sold", plan_year=2025))
        tx.insert(PARCELS, sample("parcels", code="C", stage="clear"))

    def codes(*filters: Filter, text: str = "") -> list[str]:
        with store.begin(system, now) as tx:
            return [record["code"] for record in tx.list(PARCELS, Query(filters=filters, text=text)).records]

    assert codes(Filter("stage", "eq", "clear")) == ["A", "C"]
    assert codes(Filter("stage", "eq", "净地")) == ["A", "C"]
    assert codes(Filter("stage", "in", ("sold", "clear")), Filter("plan_year", "ge", "2025")) == ["B"]
    assert codes(Filter("plan_year", "null", True)) == ["C"]
    assert codes(text="50%") == ["A"]
    assert codes(text="%") == ["A"]
    for wrong in (
        Filter("stage", "eq", "no such stage"),
        Filter("nonsense", "eq", 1),
        Filter("stage", "like", "%"),
    ):
        with pytest.raises(InvalidFilter):
            codes(wrong)


def test_a_reference_must_name_a_record_of_the_zone(store: Store, system: Scope, now: dt.datetime) -> None:
    with pytest.raises(InvalidValue, match="reference"), store.begin(system, now, write=True) as tx:
        tx.insert(UNITS, sample("units", plant_id=str(uuid.uuid4())))
    with store.begin(system, now, write=True) as tx:
        plant = tx.insert(PLANTS, sample("plants")).record
        unit = tx.insert(UNITS, sample("units", plant_id=plant.id)).record
    with store.begin(system, now) as tx:
        assert tx.get(UNITS, unit.id)["plant_id"] == plant.id


def test_a_failed_transaction_leaves_nothing(store: Store, system: Scope, now: dt.datetime) -> None:
    def write_and_fail() -> None:
        with store.begin(system, now, write=True) as tx:
            add_contact(tx, str(uuid.uuid4()), "张三", None)
            tx.insert_many(BUILDINGS, [sample("buildings", code=f"LD-{number}") for number in range(300)])
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_and_fail()
    with store.begin(system, now, write=True) as tx:
        assert tx.count(BUILDINGS, Query()) == 0
        assert tx.count(BUILDINGS, Query(box=square().bounds)) == 0
        assert tx.revision(BUILDINGS) == 0
        tx.insert(BUILDINGS, sample("buildings"))
    with store.begin(system, now) as tx:
        assert tx.count(BUILDINGS, Query(box=square().bounds)) == 1


def test_many_records_at_once_are_found_by_box_like_single_ones(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    rows = [
        sample("buildings", code=f"LD-{n:03d}", geometry=square(n % 20, n // 20, 0.5)) for n in range(400)
    ]
    with store.begin(system, now, write=True) as tx:
        assert tx.insert_many(BUILDINGS, rows) == 400
    with store.begin(system, now, write=True) as tx:
        tx.insert(BUILDINGS, sample("buildings", code="LD-400", geometry=square(0.5, 0.5, 0.1)))
    with store.begin(system, now) as tx:
        page = tx.list(BUILDINGS, Query(box=square(0, 0, 1).bounds))
        loaded = tx.every(BUILDINGS, ("code", "geometry"))
    assert [record["code"] for record in page.records] == ["LD-000", "LD-001", "LD-020", "LD-021", "LD-400"]
    assert len(loaded) == 401
    assert loaded.geometries[0].equals(rows[0]["geometry"])


def test_running_numbers_have_no_gap_and_no_double(store: Store, system: Scope, now: dt.datetime) -> None:
    with store.begin(system, now, write=True) as tx:
        assert [next_number(tx, "issues/20261120") for _ in range(3)] == [1, 2, 3]
        assert next_number(tx, "issues/20261121") == 1


def test_a_loaded_record_keeps_the_hash_it_was_given(store: Store, system: Scope, now: dt.datetime) -> None:
    rows = [sample("parcels", code="A"), {**sample("parcels", code="B"), "payload_hash": "told"}]
    with store.begin(system, now, write=True) as tx:
        tx.insert_many(PARCELS, rows)
        assert list(tx.every(PARCELS, ("payload_hash",)).columns["payload_hash"]) == ["-", "told"]


def test_an_unknown_list_is_null_however_it_was_written(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    rows = [sample("parcels", code=f"DK-{n:03d}") for n in range(30)]
    with store.begin(system, now, write=True) as tx:
        tx.insert(PARCELS, sample("parcels", code="one"))
        tx.insert_many(PARCELS, rows)
        assert tx.count(PARCELS, Query(filters=(Filter("previously_part_of", "null", value=True),))) == 31
        one = tx.find(PARCELS, "one")
        assert one is not None
        tx.change(PARCELS, one.id, 1, {"previously_part_of": ["DK-9"]})
        tx.change(PARCELS, one.id, 2, {"previously_part_of": None})
        assert tx.count(PARCELS, Query(filters=(Filter("previously_part_of", "null", value=True),))) == 31


def test_words_are_found_without_regard_to_case_in_every_script(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    with store.begin(system, now, write=True) as tx:
        tx.insert(PARCELS, sample("parcels", name_zh="Ａ区 ÄRGER 地块"))
        for word in ("Ａ区", "ａ区", "ärger", "Ärger", "地块"):
            assert tx.count(PARCELS, Query(text=word)) == 1, word


def test_an_empty_limit_and_an_impossible_time_are_wrong_filters(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    for wrong in (Filter("plan_year", "ge", ""), Filter("created_at", "le", "0001-01-01T00:00:00+08:00")):
        with store.begin(system, now) as tx, pytest.raises(InvalidFilter):
            tx.list(PARCELS, Query(filters=(wrong,)))


@pytest.mark.postgis
def test_chinese_is_read_whatever_encoding_the_environment_asks_for(
    postgis_store: Store, system: Scope, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "GBK")
    again = postgis_store.reopen()
    with again.begin(system, now) as tx:
        assert read_zone(tx).name_zh == "测试区"
    again.close()
