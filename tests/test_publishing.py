"""What could go wrong while boundaries are replaced: reports at the same moment, contradictions, far too much work."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gridgov import issues, records
from gridgov.access import Scope
from gridgov.areas import publish
from gridgov.errors import Conflict, InvalidValue, VersionMismatch
from gridgov.models import AREAS, ISSUES, PARCELS
from gridgov.relink import publish_and_relink
from gridgov.serving.linking import Linkers, explain
from gridgov.store import Query, Store
from gridgov.store.queries.editions import areas_at, current_set
from gridgov.store.queries.links import links_of
from tests.factories import point, sample, square

DAY = dt.timedelta(days=1)


def area(code: str, kind: str, geometry: Any, **more: Any) -> dict[str, Any]:
    return {"code": code, "kind": kind, "name_zh": code, "geometry": geometry, **more}


def published(
    store: Store, system: Scope, moment: dt.datetime, *boundaries: dict[str, Any], **more: Any
) -> Any:
    with store.begin(system, moment, write=True) as tx:
        return publish_and_relink(tx, "调整", boundaries, **more)


def test_a_report_that_waits_for_a_publication_gets_the_new_boundaries(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    published(store, system, now, area("G1", "grid", square(0)), area("G2", "grid", square(1)))
    linkers = Linkers()
    publishing, go_on = threading.Event(), threading.Event()

    def replace() -> None:
        with store.begin(system, now + DAY, write=True) as tx:
            publish_and_relink(
                tx, "改", [area("G1", "grid", square(0, size=2)), area("G2", "grid", square(5))]
            )
            publishing.set()
            go_on.wait(5)

    def report() -> str:
        publishing.wait(5)
        threading.Timer(0.3, go_on.set).start()
        with store.begin(system, now + DAY, write=True) as tx:
            linker = records.current_linker(tx, linkers)
            return issues.report(tx, {"category": "manhole", "geometry": point(1.5, 0.5)}, linker).record.id

    with ThreadPoolExecutor(2) as pool:
        done, made = pool.submit(replace), pool.submit(report)
        done.result(20)
        identifier = made.result(20)
    with store.begin(system, now + DAY) as tx:
        (link,) = links_of(tx, ISSUES, [identifier])[identifier]
    assert (link["area_code"], link["edition_set"]) == ("G1", 2)


def test_publications_at_once_take_numbers_one_after_the_other(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    parks = [area(f"PK-{n}", "park", square(n * 20, 0, 10)) for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda park: published(store, system, now, park)[0].number, parks))
    assert sorted(done) == [1, 2, 3, 4]
    with store.begin(system, now) as tx:
        assert current_set(tx) == 4
        assert tx.count(AREAS, Query()) == 4


def test_a_change_during_an_import_of_the_same_parcel_waits_and_is_told_instead_of_ending_the_import(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    with store.begin(system, now, write=True) as tx:
        parcel = tx.insert(PARCELS, sample("parcels")).record
    loading, go_on = threading.Event(), threading.Event()

    def load() -> int:
        with store.begin(system, now, write=True) as tx:
            tx.reserve(PARCELS)
            loading.set()
            go_on.wait(5)
            return int(tx.change(PARCELS, parcel.id, 1, {"name_zh": "导入"})["version"])

    def change() -> None:
        loading.wait(5)
        threading.Timer(0.5, go_on.set).start()
        with store.begin(system, now, write=True) as tx:
            tx.change(PARCELS, parcel.id, 1, {"stage": "sold"})

    with ThreadPoolExecutor(2) as pool:
        loaded, changed = pool.submit(load), pool.submit(change)
        assert loaded.result(20) == 2
        with pytest.raises(VersionMismatch):
            changed.result(20)


def test_contradictions_in_one_publication_are_refused(store: Store, system: Scope, now: dt.datetime) -> None:
    street, community = area("HT", "street", square(size=10)), area("HT-01", "community", square(size=5))
    published(store, system, now, street, community)
    with store.begin(system, now) as tx:
        known = {
            code: str(identifier)
            for identifier, code in zip(*tx.every(AREAS, ("id", "code")).columns.values(), strict=True)
        }
    with pytest.raises(InvalidValue, match="at once"):
        published(store, system, now, street, ended=["HT"])
    with pytest.raises(Conflict, match="HT-01"):
        published(store, system, now, ended=["HT"])
    for parent in ("HT-01", "HT"):
        with pytest.raises(InvalidValue, match="own ancestor"):
            published(store, system, now, {**street, "parent_id": known[parent]})
    assert published(store, system, now + DAY, ended=["HT", "HT-01"])[0].ended == 2
    with store.begin(system, now + DAY) as tx:
        assert areas_at(tx, now + DAY) == []


def test_publishing_a_boundary_again_keeps_what_nobody_said_anew(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    published(store, system, now, area("V", "village", square(), assumed=True, synthetic=True))
    published(store, system, now + DAY, area("V", "village", square(size=2)))
    with store.begin(system, now + DAY) as tx:
        village = tx.find(AREAS, "V")
    assert village is not None
    assert (village["assumed"], village["synthetic"]) == (True, True)


def test_a_small_change_looks_only_at_what_it_may_move(store: Store, system: Scope, now: dt.datetime) -> None:
    published(store, system, now, area("PK", "park", square(500)), area("G", "grid", square(0, 0, 100)))
    with store.begin(system, now, write=True) as tx:
        linker = records.current_linker(tx, Linkers())
        rows = [sample("parcels", code=f"P{n}", geometry=square(n * 2, 50)) for n in range(40)]
        records.load_many(tx, PARCELS, [{**row, "id": str(uuid.uuid4())} for row in rows], linker)
    _, relinked = published(store, system, now + DAY, area("M", "micro_grid", square(0, 50, 5)))
    assert 0 < relinked.examined < 10


def test_a_parcel_that_reaches_into_another_area_is_among_the_changes(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    published(store, system, now, area("A", "grid", square(0, 0, 10)), area("B", "grid", square(10, 0, 10)))
    with store.begin(system, now, write=True) as tx:
        linker = records.current_linker(tx, Linkers())
        parcel = records.create(tx, PARCELS, sample("parcels", geometry=square(4, 0, 4)), linker).record
    wider = area("B", "grid", square(7, 0, 13))
    _, relinked = published(store, system, now + DAY, area("A", "grid", square(0, 0, 7)), wider)
    assert relinked.moved == 1
    with store.begin(system, now + DAY) as tx:
        shares = {link["area_code"]: link["share"] for link in links_of(tx, PARCELS, [parcel.id])[parcel.id]}
    assert shares == {"A": pytest.approx(0.75, abs=1e-3), "B": pytest.approx(0.25, abs=1e-3)}


def test_an_overlap_is_explained_as_one(store: Store, system: Scope, now: dt.datetime) -> None:
    with store.begin(system, now, write=True) as tx:
        done = publish(tx, "重叠", [area("A", "park", square(0, 0, 10)), area("B", "park", square(5, 0, 10))])
    assert done.linker is not None
    links = [link for link in done.linker.link(113.3075, 33.705) if link.level == "park"]
    assert "重叠" in explain(links, {}, "zh")[0]
    assert "0.05" not in explain(links, {}, "zh")[0]
