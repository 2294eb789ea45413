"""Runs due jobs: one at a time when asked, or in threads beside the service until it stops.

Any number of runners, in one process or many, may work over one store; each job has one winner.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass

from gridgov.access import Scope
from gridgov.errors import GridgovError, LeaseLost, StoreBusy, StoreProblem
from gridgov.jobs.plain import plain
from gridgov.jobs.retry import pause, worth_repeating
from gridgov.jobs.run import HandedBack, Means, Run, Stopped
from gridgov.jobs.threads import begin
from gridgov.store import Tx
from gridgov.store.queries import jobs
from gridgov.store.queries.jobs import Job, State

LOG = logging.getLogger(__name__)
Handler = Callable[[Run], None]
Settlement = Callable[[Tx], State]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_POLL_S = 1.0
_WATCH_S = 1.0
_AGAIN_S = 0.5
_LONGEST_ABSENCE_S = 30.0
_SERVICE = Scope.system("")  # no zone of its own: a worker serves all of them


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Work of the service itself, once in every interval however many workers there are."""

    kind: str
    every: dt.timedelta

    def slot(self, now: dt.datetime) -> dt.datetime:
        """When the interval that `now` lies in began."""
        return now - (now - _EPOCH) % self.every


class Runner:
    """The worker. handlers: kind → what does it; a handler ends by `run.finish` in the transaction of its effect."""

    def __init__(
        self,
        means: Means,
        handlers: Mapping[str, Handler],
        recurrences: Sequence[Recurrence] = (),
        *,
        worker: str = "",
        watch_seconds: float = _WATCH_S,
    ) -> None:
        self.means = means
        self.worker = worker or f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._handlers = dict(handlers)
        self._recurrences = tuple(recurrences)
        self._slots: dict[str, dt.datetime] = {}
        self._watch_seconds = watch_seconds
        self._lanes: list[threading.Thread] = []
        self._bells: list[threading.Event] = []
        self._runs: set[Run] = set()
        self._stopping = threading.Event()
        self._deadline = 0.0

    # threads --------------------------------------------------------------------------------------------------------

    def start(self, threads: int) -> None:
        """Run due jobs in so many threads until `stop`; 0 for none. May be called again after `stop`."""
        self._stopping.clear()
        for number in range(threads):
            bell = threading.Event()
            lane = threading.Thread(target=self._lane, args=(number, bell), name=f"gridgov-lane-{number}")
            lane.daemon = True
            lane.start()
            self._bells.append(bell)
            self._lanes.append(lane)

    def wake(self) -> None:
        """Something was enqueued: do not wait for the next look at the store."""
        for bell in self._bells:
            bell.set()

    def ask_to_stop(self, seconds: float) -> None:
        """Take no more jobs; runs end at their next step or are handed back after `seconds`, for another worker.

        Asked again it may shorten that time, never lengthen it.
        """
        deadline = time.monotonic() + seconds
        self._deadline = min(self._deadline, deadline) if self._stopping.is_set() else deadline
        self._stopping.set()
        for run in tuple(self._runs):
            run.handing_back = True
        self.wake()

    def stop(self, seconds: float) -> None:
        """`ask_to_stop`, and wait until that has happened; what handlers still do then counts no more."""
        self.ask_to_stop(seconds)
        until = self._deadline + self._watch_seconds + self.means.settings.store_wait_seconds
        for lane in self._lanes:
            lane.join(max(0.0, until - time.monotonic()))
        self._lanes.clear()
        self._bells.clear()

    def _lane(self, number: int, bell: threading.Event) -> None:
        away, absence = False, 0.0
        while not self._stopping.is_set():
            worked, error = self._look(f"{self.worker}/{number}")
            if error is None:
                if away:
                    LOG.info("The store answers again; jobs go on.")
                away, absence = False, 0.0
                if not worked:
                    bell.wait(_POLL_S)
                    bell.clear()
                continue
            if not isinstance(error, StoreProblem):
                LOG.error("incident %s: a worker could not look for jobs", _incident(), exc_info=error)
            elif not away and not isinstance(error, StoreBusy):
                LOG.warning("Jobs wait until the store answers: %s", error.message)
                away = True
            absence = min(max(_POLL_S, 2 * absence), _LONGEST_ABSENCE_S)
            self._stopping.wait(absence)

    def _look(self, worker: str) -> tuple[bool, BaseException | None]:
        """One turn in a thread of its own: whether there was work, and what went wrong; also that no thread began."""
        try:
            turn = begin(self._turn, worker)
        except RuntimeError as no_thread:
            return False, no_thread
        error = turn.exception()
        return (turn.result() if error is None else False), error

    def _turn(self, worker: str) -> bool:
        self.enqueue_recurrent()
        return self.run_due_once(worker)

    # one turn -------------------------------------------------------------------------------------------------------

    def enqueue_recurrent(self) -> None:
        """Make the jobs of the present intervals that nobody made yet. Raises StoreProblem."""
        now = self.means.clock()
        for each in self._recurrences:
            slot = each.slot(now)
            if self._slots.get(each.kind) == slot:
                continue
            key = slot.isoformat()
            with self.means.store.begin(_SERVICE, now) as tx:
                made = jobs.find_job(tx, each.kind, key)
            if made is None:
                with self.means.store.begin(_SERVICE, now, write=True) as tx:
                    jobs.enqueue(tx, each.kind, key, {})
            self._slots[each.kind] = slot

    def run_due_once(self, worker: str = "") -> bool:
        """Claim one due job and run it to its end; False when nothing is due.

        Raises StoreProblem, and RuntimeError when no thread can be started for it: the job was handed back then.
        """
        job = self._claim(worker or self.worker)
        if job is None:
            return False
        run = Run(self.means, job)
        self._runs.add(run)
        try:
            future = self._begin(run)
            run.handing_back = self._stopping.is_set()
            while not wait([future], timeout=self._watch_seconds).done:
                if self._stopping.is_set() and time.monotonic() >= self._deadline:
                    break
                run.watch()
            self._conclude(run, _outcome(future, run))
        finally:
            self._runs.discard(run)
        return True

    def _begin(self, run: Run) -> Future[None]:
        try:
            return begin(self._handlers[run.job.kind], run)
        except RuntimeError:
            self._conclude(run, HandedBack())
            raise

    def _claim(self, worker: str) -> Job | None:
        settings, now = self.means.settings, self.means.clock()
        lease = dt.timedelta(seconds=settings.job_lease_seconds)
        with self.means.store.begin(_SERVICE, now) as tx:
            if not jobs.something_due(tx, list(self._handlers), lease):
                return None
        with self.means.store.begin(_SERVICE, now, write=True) as tx:
            return jobs.claim(tx, list(self._handlers), worker, lease, settings.job_attempts)

    def _conclude(self, run: Run, error: BaseException | None) -> None:
        """Write how a run ended that did not finish by itself."""
        job = run.job
        if error is None:
            LOG.info("job %s %s: done", job.kind, job.id)
            return
        try:
            state = self._settle(job, error)
        except LeaseLost:
            LOG.info("job %s %s: this run no longer counts", job.kind, job.id, exc_info=_defect(error))
        else:
            LOG.info("job %s %s: %s", job.kind, job.id, state.value)

    def _settle(self, job: Job, error: BaseException) -> State:
        try:
            return self._written(self._settlement(job, error))
        except StoreProblem:
            raise
        except (GridgovError, ValueError, TypeError) as unkept:
            # What the database cannot keep of it is an incident; else the job would stand until its lease ends.
            defect = RuntimeError("how the job ended cannot be kept")
            defect.__cause__ = unkept
            return self._written(self._settlement(job, defect))

    def _settlement(self, job: Job, error: BaseException) -> Settlement:
        """What is to be written about a run that ended so. Raises LeaseLost when that is how it ended."""
        if isinstance(error, LeaseLost):
            raise error
        if isinstance(error, Stopped):
            return lambda tx: jobs.end(tx, job, State.CANCELLED)
        if isinstance(error, HandedBack):
            return lambda tx: jobs.give_back(tx, job, tx.now)
        words, details = _told(job, error)
        failures = job.failures + 1
        if worth_repeating(error, failures, self.means.settings.job_attempts):
            return lambda tx: jobs.give_back(tx, job, tx.now + pause(job.id, failures), words)
        return lambda tx: jobs.end(tx, job, State.FAILED, words, details)

    def _written(self, settle: Settlement) -> State:
        """Write how a run ended, again while the store is busy or away, for as long as a lease.

        Raises LeaseLost, and StoreProblem when that did not help or the worker has to stop: the lease will end.
        """
        until = time.monotonic() + self.means.settings.job_lease_seconds
        while True:
            try:
                with self.means.store.begin(_SERVICE, self.means.clock(), write=True) as tx:
                    return settle(tx)
            except LeaseLost:
                raise
            except StoreProblem:
                now = time.monotonic()
                if now >= until or (self._stopping.is_set() and now >= self._deadline):
                    raise
            time.sleep(_AGAIN_S)


def _outcome(future: Future[None], run: Run) -> BaseException | None:
    if not future.done():
        return HandedBack()
    error = future.exception()
    if error is None and not run.finished:
        return RuntimeError(f"the handler of {run.job.kind} ended without finishing its job")
    return error


def _told(job: Job, error: BaseException) -> tuple[str, dict[str, object] | None]:
    """An error for the job's owner: our own in its words with its facts, a defect as an incident of the log."""
    if isinstance(error, GridgovError):
        return str(plain(error.message)), {"error": type(error).__name__, "details": plain(error.details)}
    incident = _incident()
    LOG.error("incident %s: job %s %s", incident, job.kind, job.id, exc_info=error)
    return f"Something went wrong here, not with you. Tell the operator the incident number {incident}.", None


def _defect(error: BaseException) -> BaseException | None:
    return None if isinstance(error, (GridgovError, Stopped, HandedBack)) else error


def _incident() -> str:
    return secrets.token_hex(6)
