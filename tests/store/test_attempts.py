"""Counted attempts: as many in the second window as in the first, on both stores."""

from __future__ import annotations

import datetime as dt

from gridgov.access import Scope
from gridgov.store import Store
from gridgov.store.queries.accounts import attempts, count_attempt

HOUR = dt.timedelta(hours=1)


def count(store: Store, system: Scope, at: dt.datetime) -> tuple[int, dt.datetime]:
    with store.begin(system, at, write=True) as tx:
        told = count_attempt(tx, "report/somebody", HOUR)
    with store.begin(system, at) as tx:
        assert attempts(tx, "report/somebody", HOUR) == told
    return told


def test_a_window_that_follows_another_counts_on(store: Store, system: Scope, now: dt.datetime) -> None:
    assert [count(store, system, now)[0] for _ in range(3)] == [1, 2, 3]
    later = now + HOUR
    assert [count(store, system, later) for _ in range(3)] == [(number, later + HOUR) for number in (1, 2, 3)]


def test_a_window_from_the_future_is_begun_anew(store: Store, system: Scope, now: dt.datetime) -> None:
    for _ in range(3):
        count(store, system, now)
    assert count(store, system, now - dt.timedelta(minutes=4)) == (4, now + HOUR)
    earlier = now - dt.timedelta(days=365)
    assert [count(store, system, earlier) for _ in range(2)] == [(1, earlier + HOUR), (2, earlier + HOUR)]
