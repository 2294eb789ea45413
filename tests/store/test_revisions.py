"""Revisions: their order is the order of commits, so nobody who asks "since" ever misses a row."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable

import pytest

from gridgov.access import Scope
from gridgov.errors import StoreBusy
from gridgov.models import ISSUES, PARCELS
from gridgov.store import Query, Store
from tests.factories import sample


def test_each_transaction_raises_each_kind_it_wrote_once(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    with store.begin(system, now, write=True) as tx:
        tx.insert(ISSUES, sample("issues", code="1"))
        tx.insert(ISSUES, sample("issues", code="2"))
        tx.insert(PARCELS, sample("parcels"))
    assert tx.revisions == {"issues": 1, "parcels": 1}
    with store.begin(system, now, write=True) as tx:
        tx.insert(ISSUES, sample("issues", code="3"))
    assert tx.revisions == {"issues": 2}
    with store.begin(system, now) as tx:
        assert (tx.revision(ISSUES), tx.revision(PARCELS)) == (2, 1)
        assert [record["code"] for record in tx.changed_since(ISSUES, 1)] == ["3"]


def test_ended_rows_are_among_the_changes(store: Store, system: Scope, now: dt.datetime) -> None:
    with store.begin(system, now, write=True) as tx:
        record = tx.insert(PARCELS, sample("parcels")).record
    with store.begin(system, now, write=True) as tx:
        tx.end(PARCELS, record.id, 1)
    with store.begin(system, now) as tx:
        (changed,) = tx.changed_since(PARCELS, 1)
    assert changed.id == record.id
    assert changed["valid_to"] == now


def test_reserved_revisions_are_the_same_ones(store: Store, system: Scope, now: dt.datetime) -> None:
    with store.begin(system, now, write=True) as tx:
        tx.reserve(ISSUES, PARCELS)
        assert tx.insert(ISSUES, sample("issues")).record["revision"] == 1
    assert tx.revisions == {"parcels": 1, "issues": 1}


@pytest.mark.postgis
def test_overlapping_transactions_that_finish_in_reverse_order_lose_nothing(
    postgis_store: Store, system: Scope, now: dt.datetime
) -> None:
    first = postgis_store.begin(system, now, write=True)
    tx_first = first.__enter__()
    tx_first.insert(ISSUES, sample("issues", code="begun first"))
    with postgis_store.begin(system, now, write=True) as tx_second:
        tx_second.insert(ISSUES, sample("issues", code="begun second"))
    with postgis_store.begin(system, now) as reader:
        seen = reader.revision(ISSUES)
        assert [record["code"] for record in reader.changed_since(ISSUES, 0)] == ["begun second"]
    first.__exit__(None, None, None)
    with postgis_store.begin(system, now) as reader:
        assert [record["code"] for record in reader.changed_since(ISSUES, seen)] == ["begun first"]
    assert (tx_second.revisions, tx_first.revisions) == ({"issues": 1}, {"issues": 2})


def test_on_the_embedded_store_the_second_writer_waits_its_turn(
    sqlite_store: Store, open_again: Callable[[Store], Store], system: Scope, now: dt.datetime
) -> None:
    other = open_again(sqlite_store)
    begun = threading.Event()
    order: list[str] = []

    def second() -> None:
        begun.wait(5)
        with other.begin(system, now, write=True) as tx:
            tx.insert(ISSUES, sample("issues", code="second"))
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with sqlite_store.begin(system, now, write=True) as tx:
        tx.insert(ISSUES, sample("issues", code="first"))
        begun.set()
        thread.join(0.3)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]
    with sqlite_store.begin(system, now) as reader:
        assert [record["code"] for record in reader.changed_since(ISSUES, 1)] == ["second"]


def test_a_writer_that_waits_too_long_is_told_so(
    sqlite_store: Store, open_again: Callable[[Store], Store], system: Scope, now: dt.datetime
) -> None:
    other = open_again(sqlite_store)
    other._wait = 0.1  # type: ignore[attr-defined]  # the setting, shortened before its first connection
    with sqlite_store.begin(system, now, write=True) as tx:
        tx.insert(ISSUES, sample("issues"))
        with pytest.raises(StoreBusy, match="try again"), other.begin(system, now, write=True):
            pass


def test_writers_in_many_threads_and_stores_lose_nothing(
    store: Store, open_again: Callable[[Store], Store], system: Scope, now: dt.datetime
) -> None:
    stores = [store, open_again(store)]
    seen: set[str] = set()
    stop = threading.Event()

    def write(worker: int) -> None:
        for number in range(15):
            with stores[worker % 2].begin(system, now, write=True) as tx:
                tx.insert(ISSUES, sample("issues", code=f"{worker}-{number}"))

    def follow() -> None:
        revision = 0
        while True:
            last = stop.is_set()
            with stores[1].begin(system, now) as tx:
                changed = list(tx.changed_since(ISSUES, revision))
                revision = tx.revision(ISSUES)
            seen.update(record["code"] for record in changed)
            if last:
                return

    follower = threading.Thread(target=follow)
    writers = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in (follower, *writers):
        thread.start()
    for thread in writers:
        thread.join(60)
    stop.set()
    follower.join(60)
    assert seen == {f"{worker}-{number}" for worker in range(4) for number in range(15)}
    with store.begin(system, now) as tx:
        assert tx.count(ISSUES, Query()) == 60
        assert tx.revision(ISSUES) == 60
