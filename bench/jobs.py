"""Jobs one after the other: enqueued, claimed under a lease, run, and ended in a durable transaction, by one worker.

Beside it the bare queue that everybody writes first: a row updated to claimed and again to done, without lease, fence,
retries or progress.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
import time
from collections.abc import Callable

import psycopg2

from bench import stores
from bench.contest import Outcome, Run, Surroundings, Way, percentiles
from gridgov import jobs
from gridgov.access import Scope
from gridgov.blobs.folder import FolderBlobs
from gridgov.jobs import Means, Runner
from gridgov.settings import Settings
from gridgov.store.queries.jobs import enqueue

_JOBS = 100


def _timed(step: Callable[[], object]) -> Outcome:
    spent = []
    for _ in range(_JOBS):
        start = time.perf_counter_ns()
        step()
        spent.append(time.perf_counter_ns() - start)
    _, tail = percentiles(spent)
    return Outcome(len(spent), sum(spent) / len(spent) / 1e9, tail, rate=True)


def _nothing(run: jobs.Run) -> None:
    with run.write() as tx:
        run.finish(tx)


def by_gridgov(surroundings: Surroundings) -> Run:
    opened = stores.store(surroundings)
    means = Means(opened, FolderBlobs(surroundings.scratch / "files"), Settings(), lambda: stores.NOW)
    runner = Runner(means, {"nothing": _nothing})
    made = 0

    def step() -> None:
        nonlocal made
        made += 1
        with opened.begin(Scope.system("bench"), stores.NOW, write=True) as tx:
            enqueue(tx, "nothing", str(made), {"n": made}, run_at=stores.NOW - dt.timedelta(seconds=1))
        if not runner.run_due_once():
            raise RuntimeError("the job that was just made is not due")

    return lambda: _timed(step)


_COLUMNS = "state text, run_at text, payload text"


def by_sqlite(surroundings: Surroundings) -> Run:
    connection = sqlite3.connect(surroundings.scratch / "bare.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"CREATE TABLE queue (id INTEGER PRIMARY KEY, {_COLUMNS})")

    def step() -> None:
        connection.execute("INSERT INTO queue (state, run_at, payload) VALUES ('waiting', '2026', '{}')")
        (number,) = connection.execute(
            "UPDATE queue SET state = 'running' WHERE id = (SELECT id FROM queue WHERE state = 'waiting'"
            " ORDER BY id DESC LIMIT 1) RETURNING id"
        ).fetchall()[0]
        connection.execute("UPDATE queue SET state = 'done' WHERE id = ?", (number,))

    return lambda: _timed(step)


def by_postgis(surroundings: Surroundings) -> Run:
    connection = psycopg2.connect(surroundings.postgis)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE IF NOT EXISTS queue (id serial PRIMARY KEY, {_COLUMNS})")

    def step() -> None:
        cursor.execute("INSERT INTO queue (state, run_at, payload) VALUES ('waiting', '2026', '{}')")
        cursor.execute(
            "UPDATE queue SET state = 'running' WHERE id = (SELECT id FROM queue WHERE state = 'waiting'"
            " ORDER BY id DESC LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id"
        )
        found = cursor.fetchone()
        cursor.execute("UPDATE queue SET state = 'done' WHERE id = %s", found)

    return lambda: _timed(step)


WHOLE = "enqueue, claim with lease, run in a thread, fenced end"
TO_SQLITE = (Way("gridgov", by_gridgov, note=WHOLE), Way("bare queue", by_sqlite, note="three statements"))
TO_POSTGIS = (
    Way("gridgov", by_gridgov, database="jobs", note=WHOLE),
    Way("bare queue", by_postgis, database="bare jobs", note="three statements, SKIP LOCKED"),
)
