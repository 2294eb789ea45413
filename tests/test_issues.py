"""Reporting an issue: numbered, linked, once only, with personal data apart."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest

from gridgov import issues, records
from gridgov.access import Actor, Scope
from gridgov.errors import (
    ContentDiffers,
    IdentifierTaken,
    InvalidGeometry,
    InvalidValue,
    UnknownField,
    VersionMismatch,
)
from gridgov.issues import Report
from gridgov.models import ISSUES
from gridgov.relink import publish_and_relink
from gridgov.serving.linking import Linkers
from gridgov.store import Query, Store
from gridgov.store.queries.contacts import read_contact, texts_of
from gridgov.store.queries.links import links_of
from tests.factories import point, square
from tests.fixtures_store import ZONE

TOLD = Report(text="楼道堆物，很危险 𠮷", name="张三", phone="13800000000")


def report(store: Store, scope: Scope, now: dt.datetime, told: Report | None = None, **values: Any) -> Any:
    """Report one issue in a transaction of its own."""
    sent = {"category": "stairwell_clutter", "geometry": point(), **values}
    with store.begin(scope, now, write=True) as tx:
        return issues.report(tx, sent, records.current_linker(tx, Linkers()), told)


def test_issues_are_numbered_by_the_day_in_china(store: Store, system: Scope, now: dt.datetime) -> None:
    late = dt.datetime(2026, 11, 20, 16, 30, tzinfo=dt.UTC)  # half past midnight of the 21st in China
    codes = [report(store, system, moment).record["code"] for moment in (now, now, late)]
    assert codes == ["WT-20261120-0001", "WT-20261120-0002", "WT-20261121-0001"]


def test_a_repeated_report_is_one_issue_with_one_contact_and_one_number(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    identifier = str(uuid.uuid4())
    first = report(store, system, now, TOLD, id=identifier)
    again = report(store, system, now + dt.timedelta(days=1), TOLD, id=identifier)
    assert (first.created, again.created) == (True, False)
    assert again.record["code"] == first.record["code"]
    with store.begin(system, now) as tx:
        assert texts_of(tx, ISSUES, identifier) == [TOLD.text]
        contact = read_contact(tx, first.record["contact_id"])
        assert contact is not None
        assert (contact["name"], contact["phone"]) == ("张三", "13800000000")
    assert report(store, system, now).record["code"].endswith("-0002")


def test_other_words_under_the_same_id_are_refused(store: Store, system: Scope, now: dt.datetime) -> None:
    identifier = str(uuid.uuid4())
    report(store, system, now, TOLD, id=identifier)
    with pytest.raises(ContentDiffers):
        report(store, system, now, Report(text="别的话"), id=identifier)
    with pytest.raises(IdentifierTaken):
        report(store, Scope.of(Actor.public("phone-2"), ZONE), now, TOLD, id=identifier)
    with store.begin(system, now) as tx:
        assert tx.count(ISSUES, Query()) == 1
        assert texts_of(tx, ISSUES, identifier) == [TOLD.text]


def test_moving_the_pin_links_it_anew_and_drops_the_gps_accuracy(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    grids = [
        {"code": f"G{n}", "kind": "grid", "name_zh": f"{n} 号网格", "geometry": square(n)} for n in range(2)
    ]
    with store.begin(system, now, write=True) as tx:
        publish_and_relink(tx, "首次", grids)
    issue = report(store, system, now, position_source="gps", accuracy_m=80.0).record
    with store.begin(system, now, write=True) as tx:
        (link,) = links_of(tx, ISSUES, [issue.id])[issue.id]
        assert (link["area_code"], link["doubtful"]) == ("G0", True)
        linker = records.current_linker(tx, Linkers())
        moved = issues.move(tx, issue.id, 1, point(1.5, 0.5), linker)
        (link,) = links_of(tx, ISSUES, [issue.id])[issue.id]
        assert (link["area_code"], link["doubtful"]) == ("G1", False)
        assert (moved["version"], moved["accuracy_m"], moved["position_source"]) == (2, None, "hand")
    with pytest.raises(VersionMismatch), store.begin(system, now, write=True) as tx:
        issues.move(tx, issue.id, 1, point(), records.current_linker(tx, Linkers()))


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"category": "no such"}, InvalidValue),
        ({"geometry": None}, InvalidGeometry),
        ({"geometry": square()}, InvalidGeometry),
        ({"title": "x" * 121}, InvalidValue),
        ({"title": "nul \x00"}, InvalidValue),
        ({"id": "not-a-uuid"}, InvalidValue),
        ({"status": "closed"}, UnknownField),
    ],
)
def test_a_wrong_report_is_refused_and_leaves_nothing(
    store: Store, system: Scope, now: dt.datetime, values: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        report(store, system, now, TOLD, **values)
    with store.begin(system, now) as tx:
        assert tx.count(ISSUES, Query()) == 0


def test_a_number_that_somebody_took_by_hand_is_left_out(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    report(store, system, now, code="WT-20261120-0001")
    report(store, system, now, code="WT-20261120-0002")
    assert report(store, system, now).record["code"] == "WT-20261120-0003"
