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
from gridgov.exchange.planning import Plan, plan_import
from gridgov.exchange.report import Report
from gridgov.importing import import_file
from gridgov.models import PARCELS
from gridgov.serving.linking import Linkers
from gridgov.settings import Settings, read_settings
from gridgov.store import Query, Store, Tx
from tests.factories import sample, square


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
    report = import_file(store, system, now, file, PARCELS, settings=settings, linkers=Linkers())
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
            import_file(store, system, now, file, PARCELS, settings=settings, linkers=Linkers())


def test_what_belongs_to_the_load_fails_with_it_and_happens_with_it(
    store: Store, system: Scope, now: dt.datetime, settings: Settings, file: Path
) -> None:
    told: list[str] = []

    def refuse(tx: Tx, report: Report) -> None:
        told.append(f"{report.outcome} {tx.count(PARCELS, Query())}")
        raise LeaseLost("Another worker has the job.")

    with pytest.raises(LeaseLost):
        import_file(store, system, now, file, PARCELS, settings=settings, linkers=Linkers(), also=refuse)
    with store.begin(system, now) as tx:
        assert tx.count(PARCELS, Query()) == 0
    for outcome in ("loaded", "unchanged"):
        import_file(
            store,
            system,
            now,
            file,
            PARCELS,
            settings=settings,
            linkers=Linkers(),
            also=lambda _, report: told.append(report.outcome),
        )
        assert told[-1] == outcome
    assert told[0] == "loaded 1"
