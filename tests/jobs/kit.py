"""What the tests of jobs share: a clock that they move, an effect that can be counted, and the means of a worker."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from gridgov.access import Scope
from gridgov.blobs import open_blobs
from gridgov.jobs import Means, Run
from gridgov.models import PARCELS
from gridgov.settings import read_settings
from gridgov.store import Query, Store, Tx
from gridgov.store.queries import jobs
from gridgov.store.queries.jobs import Job
from tests.factories import sample
from tests.fixtures_store import NOW, ZONE

SYSTEM = Scope.system(ZONE)
LEASE = dt.timedelta(seconds=60)
TRIES = 3


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> dt.datetime:
        return self.now

    def forward(self, **time: float) -> None:
        self.now += dt.timedelta(**time)


def means_of(store: Store, clock: Clock, folder: Path) -> Means:
    """The means of a worker over `store`, its blobs below `folder`."""
    settings = read_settings(
        {}, demo=True, attachments_url=f"file://{folder}/files", job_lease_seconds=60, job_attempts=TRIES
    )
    return Means(store, open_blobs(settings, store.url), settings, clock)


def put(store: Store, clock: Clock, key: str = "one", kind: str = "pour", **more: Any) -> Job:
    """Enqueue a job."""
    payload = more.pop("payload", {"n": 1})
    with store.begin(more.pop("scope", SYSTEM), clock(), write=True) as tx:
        return jobs.enqueue(tx, kind, key, payload, **more)


def seen(store: Store, clock: Clock, job: Job, scope: Scope = SYSTEM) -> Job:
    """The job as it is now."""
    with store.begin(scope, clock()) as tx:
        return jobs.read_job(tx, job.id)


def pour(tx: Tx, code: str = "DK-0001") -> None:
    """An effect: one parcel more. Every call adds one, so a second run would show."""
    number = tx.count(PARCELS, Query())
    tx.insert(PARCELS, sample("parcels", code=f"{code}-{number}"))


def poured(store: Store, clock: Clock) -> int:
    """How often the effect happened."""
    with store.begin(SYSTEM, clock()) as tx:
        return tx.count(PARCELS, Query())


def pour_once(run: Run) -> None:
    """A handler whose effect and end are one transaction."""
    run.start(1, "pouring")
    with run.write() as tx:
        pour(tx)
        run.finish(tx, {"poured": 1})


def claim(store: Store, clock: Clock, worker: str = "first") -> Job | None:
    """What a worker gets."""
    with store.begin(SYSTEM, clock(), write=True) as tx:
        return jobs.claim(tx, ["pour"], worker, LEASE, TRIES)


def claimed(store: Store, clock: Clock, worker: str = "first") -> Job:
    """What a worker gets, when something must be due."""
    job = claim(store, clock, worker)
    assert job is not None
    return job
