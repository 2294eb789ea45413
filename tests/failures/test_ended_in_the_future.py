"""What ended later than a transaction's own instant has ended: it waited for a lock, or the clock was set back."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import shapely

from gridgov.access import Scope
from gridgov.areas import publish
from gridgov.models import AREAS
from gridgov.records import current_linker, load_areas
from gridgov.serving.linking import Linkers
from gridgov.store import Query, Store


def park(code: str) -> dict[str, Any]:
    return {
        "code": code,
        "kind": "park",
        "name_zh": "园区",
        "geometry": shapely.box(113.30, 33.70, 113.31, 33.71),
    }


@pytest.fixture
def before(store: Store, system: Scope, now: dt.datetime) -> dt.datetime:
    """An instant before the park A gave way to the park B, which is past."""
    with store.begin(system, now, write=True) as tx:
        publish(tx, "first", [park("A")])
    with store.begin(system, now + dt.timedelta(seconds=10), write=True) as tx:
        publish(tx, "second", [park("B")], ["A"])
    return now + dt.timedelta(seconds=5)


def test_the_link_index_knows_only_the_areas_in_force(
    store: Store, system: Scope, before: dt.datetime
) -> None:
    """It is kept under the number of the set for everybody who comes after."""
    with store.begin(system, before, write=True) as tx:
        (link,) = (
            each for each in current_linker(tx, Linkers()).link(113.305, 33.705) if each.level == "park"
        )
        assert (link.code, link.rule) == ("B", "contains")
        assert [area["code"] for area in load_areas(tx)] == ["B"]


def test_lists_show_no_ended_record(store: Store, system: Scope, before: dt.datetime) -> None:
    with store.begin(system, before) as tx:
        assert [record["code"] for record in tx.list(AREAS, Query()).records] == ["B"]
        assert tx.count(AREAS, Query()) == 1
