"""Reading every record of a query in one go: the same records in the same order as its pages, looked for once."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import event

from gridgov.access import Scope
from gridgov.errors import InvalidFilter
from gridgov.models import FACILITIES, Record
from gridgov.store import Filter, Near, Query, Store
from tests.factories import point, sample, square

START = point(0, 0)


def fill(store: Store, system: Scope, now: dt.datetime, count: int) -> None:
    with store.begin(system, now, write=True) as tx:
        rows = [
            sample("facilities", code=f"F-{number:05d}", geometry=point(number % 50, number // 50 / 10))
            for number in range(count)
        ]
        tx.insert_many(FACILITIES, rows)


@pytest.mark.parametrize(
    "query",
    [
        Query(),
        Query(order="-code"),
        Query(order="changed_at"),
        Query(filters=(Filter("code", "ge", "F-00090"),)),
        Query(box=square(5, 0, 3).bounds),
        Query(near=Near(START.x, START.y, 1_500)),
        Query(near=Near(START.x, START.y, 1_500), box=square(5, 0, 3).bounds),
    ],
    ids=["all", "backwards", "by_time", "filtered", "box", "near", "near_in_box"],
)
def test_each_gives_what_the_pages_give(store: Store, system: Scope, now: dt.datetime, query: Query) -> None:
    fill(store, system, now, 120)
    with store.begin(system, now) as tx:
        paged: list[Record] = []
        page = tx.list(FACILITIES, replace(query, limit=7))
        while True:
            paged += page.records
            if page.next is None:
                break
            page = tx.list(FACILITIES, replace(query, limit=7, after=page.next))
        found = list(tx.each(FACILITIES, replace(query, limit=7, after="no cursor")))
    assert len(found) > 7
    assert [dict(record) for record in found] == [dict(record) for record in paged]


@pytest.mark.parametrize("query", [Query(near=Near(START.x, START.y, 50_000)), Query(order="-code")])
def test_the_work_grows_with_the_records_and_not_with_their_square(
    store: Store, system: Scope, now: dt.datetime, query: Query
) -> None:
    fill(store, system, now, 4_100)
    asked: list[str] = []
    with store.begin(system, now) as tx:
        connection = tx.connection  # type: ignore[attr-defined]  # what the statements go through
        event.listen(connection, "before_cursor_execute", lambda *call: asked.append(call[2]))
        assert len(list(tx.each(FACILITIES, query))) == 4_100
    # the candidates once, then every record once in pieces of two thousand; or all in one statement
    assert len(asked) == (4 if query.near else 1)


def test_a_wrong_order_is_refused_when_the_first_record_is_asked_for(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    with store.begin(system, now) as tx, pytest.raises(InvalidFilter, match="cannot be ordered"):
        next(tx.each(FACILITIES, Query(order="geometry")))


def test_nothing_found_is_nothing(store: Store, system: Scope, now: dt.datetime) -> None:
    with store.begin(system, now) as tx:
        assert list(tx.each(FACILITIES, Query())) == []
        assert list(tx.each(FACILITIES, Query(near=Near(START.x, START.y, 10)))) == []
