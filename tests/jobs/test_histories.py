"""Any history of a job: claims, stalls, takeovers, stops, failures. Never two effects, never a lost job."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gridgov.errors import JobState, LeaseLost
from gridgov.models import PARCELS
from gridgov.store import Query, Store, Tx
from gridgov.store.queries import jobs
from gridgov.store.queries.jobs import Job, State
from tests.factories import sample
from tests.jobs.kit import LEASE, SYSTEM, TRIES, Clock, claim, put, seen


class History(RuleBasedStateMachine):
    """Several workers over one store; each claimed run acts later, however late, or never."""

    runs = Bundle("runs")

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store
        self.clock = Clock()
        self.jobs: dict[str, Job] = {}
        self.effects: Counter[str] = Counter()
        self.over: dict[str, State] = {}
        self.owners: dict[str, Job] = {}  # the latest run of each job
        self.stopped: set[str] = set()

    @initialize()
    def begin(self) -> None:
        """What the former example left is no part of this one; a key is used once."""
        with self.store.begin(SYSTEM, self.clock(), write=True) as tx:
            self.before = tx.count(PARCELS, Query())
            self.first = max((job.fid for job in jobs.list_jobs(tx, limit=1)), default=0)
            while (job := jobs.claim(tx, ["pour"], "cleaner", LEASE, TRIES)) is not None:
                jobs.end(tx, job, State.FAILED)
        self.make(0)

    @precondition(lambda self: len(self.jobs) < 3)
    @rule(later=st.sampled_from([0, 30]))
    def make(self, later: int) -> None:
        key = f"{self.first}-{len(self.jobs)}"
        job = put(self.store, self.clock, key=key, run_at=self.clock() + dt.timedelta(seconds=later))
        self.jobs[job.id] = job

    @rule(target=runs, worker=st.sampled_from(["a", "b"]), stalled=st.sampled_from([0, 0, 61]))
    def take(self, worker: str, stalled: int = 0) -> Any:
        """Claim what is due, at once or when the present run has been silent for too long."""
        self.clock.forward(seconds=stalled)
        run = claim(self.store, self.clock, worker)
        if run is None:
            return multiple()
        assert run.id not in self.stopped, "a job that was asked to stop is not begun again"
        self.owners[run.id] = run
        return run

    @rule(seconds=st.sampled_from([1, 29, 1_000]))
    def time_passes(self, seconds: int) -> None:
        self.clock.forward(seconds=seconds)

    @rule(run=runs)
    def beat(self, run: Job) -> None:
        self._write(run, lambda tx, job: jobs.beat(tx, job, LEASE, 0.5, "pouring"))

    @rule(run=consumes(runs))
    def pour(self, run: Job) -> None:
        """The effect with its end in one transaction, which fails as a whole."""
        try:
            with self.store.begin(SYSTEM, self.clock(), write=True) as tx:
                tx.insert(PARCELS, sample("parcels", code=f"{run.id}-{run.attempts}"))
                self._finish(tx, run)
        except (LeaseLost, InterruptedError):
            return
        assert self.owners[run.id] is run, "a former run had an effect"
        assert run.id not in self.stopped, "a job that was asked to stop had an effect"
        self.effects[run.id] += 1

    @rule(run=consumes(runs))
    def give_back(self, run: Job) -> None:
        self._write(run, lambda tx, job: jobs.give_back(tx, job, tx.now))

    @rule(run=consumes(runs))
    def fail(self, run: Job) -> None:
        self._write(run, lambda tx, job: jobs.end(tx, job, State.FAILED, "no"))

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def ask_stop(self, data: st.DataObject) -> None:
        identifier = data.draw(st.sampled_from(list(self.jobs)))
        try:
            with self.store.begin(SYSTEM, self.clock(), write=True) as tx:
                jobs.ask_stop(tx, identifier)
            self.stopped.add(identifier)
        except JobState:
            assert seen(self.store, self.clock, self.jobs[identifier]).over

    @invariant()
    def effects_are_the_jobs_that_are_done(self) -> None:
        with self.store.begin(SYSTEM, self.clock()) as tx:
            found = {job.id: job for job in jobs.list_jobs(tx, limit=10) if job.id in self.jobs}
            assert set(found) == set(self.jobs), "a job was lost"
            assert tx.count(PARCELS, Query()) - getattr(self, "before", 0) == self.effects.total()
        for identifier, job in found.items():
            assert self.effects[identifier] == (job.state is State.DONE)
            assert (job.worker is not None) == (job.state is State.RUNNING)
            assert self.over.get(identifier, job.state) is job.state, "what is over stays as it is"
            if job.over:
                self.over[identifier] = job.state

    def teardown(self) -> None:
        """Whatever happened, every job comes to an end when workers go on."""
        for _ in range(40):
            self.clock.forward(seconds=3_600)
            run = self.take("last")
            if not isinstance(run, Job):
                break
            self.pour(run)
        assert all(seen(self.store, self.clock, job).over for job in self.jobs.values())

    def _finish(self, tx: Tx, run: Job) -> None:
        if not jobs.finish(tx, run, None, self.clock()):
            raise InterruptedError

    def _write(self, run: Job, write: Callable[[Tx, Job], object]) -> None:
        try:
            with self.store.begin(SYSTEM, self.clock(), write=True) as tx:
                write(tx, run)
        except LeaseLost:
            return
        assert self.owners[run.id] is run, "a former run wrote to its successor's job"


def walk(store: Store, examples: int) -> None:
    given = settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],  # shrinking takes minutes over a database
        suppress_health_check=list(HealthCheck),
    )

    class OverStore(History):
        def __init__(self) -> None:
            super().__init__(store)

    run_state_machine_as_test(OverStore, settings=given)


@pytest.mark.slow
def test_no_history_gives_two_effects_or_loses_a_job(store: Store) -> None:
    walk(store, 50)
