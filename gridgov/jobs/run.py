"""One run of a job, as its handler sees it: what to work with, how to say how far it is, and how to finish.

A handler finishes inside the transaction that has its effect; when the run has lost its job by then, or somebody asked
it to stop, `finish` raises and the effect is rolled back with it.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from gridgov.access import Role, Scope
from gridgov.blobs import BlobStore
from gridgov.errors import LeaseLost, StoreBusy, StoreProblem
from gridgov.jobs.plain import plain
from gridgov.serving.linking import Linkers
from gridgov.settings import Settings
from gridgov.store import Store, Tx
from gridgov.store.queries import jobs
from gridgov.store.queries.jobs import Job

LOG = logging.getLogger(__name__)
_AGAIN_S = 0.5
Clock = Callable[[], dt.datetime]


class Stopped(Exception):
    """Leaves a run that somebody cancelled."""


class HandedBack(Exception):
    """Leaves a run whose worker stops; the job waits for another."""


@dataclass(frozen=True)
class Means:
    """What handlers work with. clock: gives aware UTC."""

    store: Store
    blobs: BlobStore
    settings: Settings
    clock: Clock
    linkers: Linkers = field(default_factory=Linkers)


class Run:
    """A claimed job. It is a gridgov.exchange.progress.Progress: `stages` of them make the whole."""

    def __init__(self, means: Means, job: Job, stages: int = 1) -> None:
        self.means = means
        self.job = job
        self.stages = stages
        self.finished = False
        self.handing_back = False
        self._lease = dt.timedelta(seconds=means.settings.job_lease_seconds)
        self._lock = threading.Lock()
        self._stage = -1
        self._total = 1
        self._steps = 0
        self._label: str | None = None
        self._told: tuple[float, str | None] = (0.0, None)
        self._told_at = means.clock()
        self._stopped = False
        self._lost = False

    @property
    def scope(self) -> Scope:
        """Who the effect is by: the job's maker, with the role they had (the service itself where none is told)."""
        return Scope(self.job.zone, Role(self.job.payload.get("role", Role.SYSTEM)), self.job.created_by)

    def read(self) -> AbstractContextManager[Tx]:
        """A reading transaction of the run's scope, now."""
        return self.means.store.begin(self.scope, self.means.clock())

    def write(self) -> AbstractContextManager[Tx]:
        """A writing transaction of the run's scope, now."""
        return self.means.store.begin(self.scope, self.means.clock(), write=True)

    def finish(self, tx: Tx, result: Any = None) -> None:
        """End the job as done, in the transaction of its effect. Raises LeaseLost or Stopped; both undo the effect."""
        if not jobs.finish(tx, self.job, plain(result), self.means.clock()):
            raise Stopped
        self.finished = True

    def conclude(self, result: Any = None) -> None:
        """`finish` in a transaction of its own, for a handler whose effect is the result or happened before.

        While the store is busy it is repeated for as long as a lease: the work is done and only waits to be told.
        """
        until = time.monotonic() + self._lease.total_seconds()
        while True:
            try:
                with self.write() as tx:
                    self.finish(tx, result)
            except StoreBusy:
                self.finished = False
                if time.monotonic() >= until:
                    raise
            else:
                return
            time.sleep(_AGAIN_S)
            self.check()

    # progress, called by the handler ------------------------------------------------------------------------------

    def start(self, total: int, label: str) -> None:
        """See Progress.start. Raises Stopped, HandedBack or LeaseLost when the run is to end."""
        with self._lock:
            self._stage += 1
            self._total, self._steps, self._label = max(total, 1), 0, label[:40]
        self.check()

    def advance(self, count: int = 1) -> None:
        """See Progress.advance. Raises as `start` does."""
        with self._lock:
            self._steps += count
        self.check()

    def check(self) -> None:
        """Raises Stopped, HandedBack or LeaseLost when the run is to end; for handlers between their pieces."""
        if self._lost:
            raise LeaseLost(f"Another worker has the job {self.job.id} now; nothing of this run counts.")
        if self._stopped:
            raise Stopped
        if self.handing_back:
            raise HandedBack

    def share(self) -> tuple[float, str | None]:
        """How much is done, 0 to 1, and the word for what is being done."""
        with self._lock:
            done = max(self._stage, 0) + min(self._steps / self._total, 1.0)
            return round(min(done / max(self.stages, 1), 1.0), 3), self._label

    # called beside the handler, once a second -----------------------------------------------------------------------

    def watch(self) -> None:
        """See whether the run is to stop, and write its progress when that changed or the lease is a third over.

        A store that is busy or away for now does not end the run: its lease or its finish decide.
        """
        now, share = self.means.clock(), self.share()
        scope = Scope.system(self.job.zone)
        try:
            with self.means.store.begin(scope, now) as tx:
                self._stopped = jobs.look(tx, self.job)
            # A clock that was set back leaves a lease in the future, which others take for a dead worker's.
            if share != self._told or not dt.timedelta(0) <= now - self._told_at < self._lease / 3:
                with self.means.store.begin(scope, now, write=True) as tx:
                    jobs.beat(tx, self.job, self._lease, *share)
                self._told, self._told_at = share, now
        except LeaseLost:
            # A finish that is being committed looks the same from here; the handler's own finish decides.
            self._lost = not self.finished
        except StoreProblem as error:
            LOG.debug("job %s: its progress could not be written: %s", self.job.id, error.message)
