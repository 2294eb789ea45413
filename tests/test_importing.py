"""An import checks its file while others write, and takes the store only to load."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from gridgov import importing
from gridgov.access import Scope
from gridgov.errors import ImportRejected, LeaseLost
from gridgov.exchange.planning import Options, Plan, plan_import
from gridgov.exchange.report import Report
from gridgov.importing import import_file
from gridgov.models import AREAS, PARCELS
from gridgov.records import create, current_linker
from gridgov.relink import publish_and_relink
from gridgov.serving.linking import Linkers
from gridgov.settings import Settings, read_settings
from gridgov.store import Query, Store, Tx
from gridgov.store.queries.editions import area_history, areas_at, list_sets, parcel_history
from tests.factories import sample, square
from tests.jobs.kit import Clock


@pytest.fixture
def settings() -> Settings:
    return read_settings({}, demo=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """One parcel with the code A."""
    geometry = square().__geo_interface__
    feature = {"type": "Feature", "properties": {"编号": "A", "名称": "导入"}, "geometry": geometry}
    path = tmp_path / "parcels.geojson"
    collection = {"type": "FeatureCollection", "features": [feature]}
    path.write_text(json.dumps(collection, ensure_ascii=False), encoding="utf-8")
    return path


def test_others_write_while_a_file_is_checked_and_the_check_is_repeated_on_what_they_wrote(
    store: Store,
    system: Scope,
    now: dt.datetime,
    settings: Settings,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plans: list[Plan] = []
    plan = plan_import

    def plan_while_another_writes(*given: Any, **named: Any) -> Plan:
        plans.append(plan(*given, **named))
        if len(plans) == 1:
            with store.begin(system, now, write=True) as tx:
                tx.insert(PARCELS, sample("parcels", code="A", geometry=square(3)))
        return plans[-1]

    monkeypatch.setattr(importing, "plan_import", plan_while_another_writes)
    report = import_file(store, system, lambda: now, file, PARCELS, settings=settings, linkers=Linkers())
    assert [each.report.counts.created for each in plans] == [1, 0]
    assert (report.counts.created, report.counts.changed) == (0, 1)
    with store.begin(system, now) as tx:
        (parcel,) = tx.list(PARCELS, Query()).records
    assert parcel["name_zh"] == "导入"
    assert parcel.geometry.equals(square())


def test_a_faulty_file_is_refused_without_the_store_being_held(
    store: Store, system: Scope, now: dt.datetime, settings: Settings, file: Path
) -> None:
    file.write_text(file.read_text(encoding="utf-8").replace("编号", "无人认识"), encoding="utf-8")
    with store.begin(system, now, write=True) as tx:
        tx.insert(PARCELS, sample("parcels"))
        with pytest.raises(ImportRejected):
            import_file(store, system, lambda: now, file, PARCELS, settings=settings, linkers=Linkers())


def test_what_belongs_to_the_load_fails_with_it_and_happens_with_it(
    store: Store, system: Scope, now: dt.datetime, settings: Settings, file: Path
) -> None:
    told: list[str] = []

    def refuse(tx: Tx, report: Report) -> None:
        told.append(f"{report.outcome} {tx.count(PARCELS, Query())}")
        raise LeaseLost("Another worker has the job.")

    with pytest.raises(LeaseLost):
        import_file(
            store, system, lambda: now, file, PARCELS, settings=settings, linkers=Linkers(), also=refuse
        )
    with store.begin(system, now) as tx:
        assert tx.count(PARCELS, Query()) == 0
    for outcome in ("loaded", "unchanged"):
        import_file(
            store,
            system,
            lambda: now,
            file,
            PARCELS,
            settings=settings,
            linkers=Linkers(),
            also=lambda _, report: told.append(report.outcome),
        )
        assert told[-1] == outcome
    assert told[0] == "loaded 1"


class TestWhenALoadComesIntoForce:
    """A load that began earlier than what others published meanwhile is in force after it, never before."""

    @pytest.fixture
    def clock(self, now: dt.datetime) -> Clock:
        moments = Clock()
        moments.now = now
        return moments

    def publish(self, store: Store, system: Scope, at: dt.datetime, size: float) -> None:
        with store.begin(system, at, write=True) as tx:
            area = {"code": "PK-1", "kind": "park", "name_zh": "园区", "geometry": square(size=size)}
            publish_and_relink(tx, "another's", [area])

    def load_areas(self, store: Store, system: Scope, clock: Clock, settings: Settings, file: Path) -> None:
        file.write_text(file.read_text(encoding="utf-8").replace('"A"', '"PK-1"'), encoding="utf-8")
        options = Options.from_words(
            crs="", axes="", mapping=(), scheme="", layer="", constants={"kind": "park"}
        )
        import_file(store, system, clock, file, AREAS, settings=settings, linkers=Linkers(), options=options)

    def history(self, store: Store, system: Scope, at: dt.datetime) -> list[tuple[Any, Any]]:
        with store.begin(system, at) as tx:
            area = tx.find(AREAS, "PK-1")
            assert area is not None
            return [(each["valid_from"], each["valid_to"]) for each in area_history(tx, area["id"])]

    def test_another_publication_while_the_file_is_checked(
        self,
        store: Store,
        system: Scope,
        clock: Clock,
        settings: Settings,
        file: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        began = clock()
        self.publish(store, system, began, 3)
        plan = plan_import

        def plan_for_ten_minutes(*given: Any, **named: Any) -> Plan:
            made = plan(*given, **named)
            if clock() == began:
                self.publish(store, system, began + dt.timedelta(minutes=5), 4)
                clock.forward(minutes=10)
            return made

        monkeypatch.setattr(importing, "plan_import", plan_for_ten_minutes)
        self.load_areas(store, system, clock, settings, file)
        minutes = [began + dt.timedelta(minutes=each) for each in (0, 5, 10)]
        assert self.history(store, system, clock()) == [
            (minutes[0], minutes[1]), (minutes[1], minutes[2]), (minutes[2], None),
        ]  # fmt: skip
        with store.begin(system, clock()) as tx:
            assert [each.published_at for each in list_sets(tx)] == minutes
            for moment in minutes:
                assert len(areas_at(tx, moment)) == 1

    def test_boundaries_published_by_a_clock_that_was_ahead(
        self, store: Store, system: Scope, clock: Clock, settings: Settings, file: Path
    ) -> None:
        ahead = clock() + dt.timedelta(minutes=2)
        self.publish(store, system, ahead, 3)
        self.load_areas(store, system, clock, settings, file)
        assert self.history(store, system, clock()) == [(ahead, ahead), (ahead, None)]
        with store.begin(system, clock()) as tx:
            assert [each.published_at for each in list_sets(tx)] == [ahead, ahead]
            assert len(areas_at(tx, ahead)) == 1

    def test_a_parcel_redrawn_by_a_clock_that_was_ahead(
        self, store: Store, system: Scope, clock: Clock, settings: Settings, file: Path
    ) -> None:
        ahead = clock() + dt.timedelta(minutes=2)
        with store.begin(system, ahead, write=True) as tx:
            made = create(
                tx, PARCELS, sample("parcels", code="A", geometry=square(3)), current_linker(tx, Linkers())
            )
        import_file(store, system, clock, file, PARCELS, settings=settings, linkers=Linkers())
        with store.begin(system, clock()) as tx:
            found = parcel_history(tx, made.record["id"])
        assert [(each["valid_from"], each["valid_to"]) for each in found] == [(ahead, ahead), (ahead, None)]
