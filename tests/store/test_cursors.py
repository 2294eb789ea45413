"""Cursors of lists: only the list that gave one takes it back, and a made-up one is refused in words."""

from __future__ import annotations

import base64
import datetime as dt
import json
from dataclasses import replace

import pytest

from gridgov.access import Scope
from gridgov.errors import InvalidCursor
from gridgov.models import FACILITIES, PARCELS
from gridgov.store import Near, Query, Store
from tests.factories import sample


def test_a_cursor_of_another_list_is_refused(store: Store, system: Scope, now: dt.datetime) -> None:
    with store.begin(system, now, write=True) as tx:
        tx.insert_many(PARCELS, [sample("parcels", code=f"DK-{number}") for number in range(3)])
    with store.begin(system, now) as tx:
        cursor = tx.list(PARCELS, Query(limit=1)).next
        with pytest.raises(InvalidCursor):
            tx.list(PARCELS, Query(limit=1, order="-code", after=cursor))
        with pytest.raises(InvalidCursor):
            tx.list(PARCELS, Query(after="🙂"))


def test_forged_cursors_are_refused(store: Store, system: Scope, now: dt.datetime) -> None:
    near = Near(113.3, 33.7, 5_000)
    with store.begin(system, now, write=True) as tx:
        for n in range(3):
            tx.insert(FACILITIES, sample("facilities", code=f"SS-{n}"))
        cursor = tx.list(FACILITIES, Query(near=near, limit=1)).next
        assert cursor is not None
        mark, _, identifier = json.loads(base64.urlsafe_b64decode(cursor + "=="))
        forged = base64.urlsafe_b64encode(json.dumps([mark, "far", identifier]).encode()).decode()
        deep = base64.urlsafe_b64encode(b"[" * 3_000).decode()
        for wrong in (forged, deep, base64.urlsafe_b64encode(b"[" * 300).decode()):
            with pytest.raises(InvalidCursor):
                tx.list(FACILITIES, Query(near=near, limit=1, after=wrong))


@pytest.mark.parametrize("value", [None, float("nan"), ["DK-1"], {}])
def test_a_forged_cursor_never_looks_like_the_end_of_a_list(
    store: Store, system: Scope, now: dt.datetime, value: object
) -> None:
    near = Near(113.3, 33.7, 5_000)
    with store.begin(system, now, write=True) as tx:
        for n in range(3):
            tx.insert(FACILITIES, sample("facilities", code=f"SS-{n}"))
        for query in (Query(limit=1), Query(limit=1, near=near)):
            cursor = tx.list(FACILITIES, query).next
            assert cursor is not None
            mark, _, identifier = json.loads(base64.urlsafe_b64decode(cursor + "=="))
            forged = base64.urlsafe_b64encode(json.dumps([mark, value, identifier]).encode()).decode()
            with pytest.raises(InvalidCursor):
                tx.list(FACILITIES, replace(query, after=forged))


@pytest.mark.parametrize("order", ["code", "-created_at", "revision"])
@pytest.mark.parametrize("wrong", ["\x00", "\ud800"])
def test_a_forged_cursor_never_reaches_the_database(
    store: Store, system: Scope, now: dt.datetime, order: str, wrong: str
) -> None:
    query = Query(limit=1, order=order)
    with store.begin(system, now, write=True) as tx:
        for n in range(3):
            tx.insert(PARCELS, sample("parcels", code=f"DK-{n}"))
        cursor = tx.list(PARCELS, query).next
        assert cursor is not None
        mark, value, identifier = json.loads(base64.urlsafe_b64decode(cursor + "=="))
        for parts in ([mark, wrong, identifier], [mark, value, wrong]):
            forged = base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()
            with pytest.raises(InvalidCursor):
                tx.list(PARCELS, replace(query, after=forged))
