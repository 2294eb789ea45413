"""A run that lost its job has no effect, and an effect never happens twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from gridgov.errors import (
    LeaseLost,
    StoreBusy,
    StoreUnavailable,
)
from gridgov.jobs import Run
from gridgov.store import Store, Tx
from gridgov.store.queries import jobs
from gridgov.store.queries.jobs import State
from tests.jobs.conftest import Make
from tests.jobs.kit import (
    LEASE,
    SYSTEM,
    Clock,
    claimed,
    pour,
    pour_once,
    poured,
    put,
    seen,
)


class TestFence:
    def test_a_worker_that_slept_past_its_lease_has_no_effect(
        self, store: Store, clock: Clock, worker: Make, open_again: Callable[[Store], Store]
    ) -> None:
        job = put(store, clock)
        asleep, awake = threading.Event(), threading.Event()

        def sleep_then_pour(run: Run) -> None:
            asleep.set()
            assert awake.wait(30)
            with run.write() as tx:
                pour(tx)
                run.finish(tx, {"by": "the sleeper"})

        with ThreadPoolExecutor(1) as pool:
            sleeper = pool.submit(worker(sleep_then_pour, watch_seconds=30).run_due_once)
            assert asleep.wait(30)
            clock.forward(seconds=61)
            second = worker(pour_once, "second", open_again(store))
            assert second.run_due_once()
            awake.set()
            assert sleeper.result(30)
        assert poured(store, clock) == 1
        ended = seen(store, clock, job)
        assert (ended.state, ended.attempts, ended.result) == (State.DONE, 2, {"poured": 1})

    def test_every_write_of_a_former_run_is_refused(self, store: Store, clock: Clock) -> None:
        put(store, clock)
        former = claimed(store, clock)
        clock.forward(seconds=61)
        claimed(store, clock, "second")
        writes: list[Callable[[Tx], object]] = [
            lambda tx: jobs.look(tx, former),
            lambda tx: jobs.beat(tx, former, LEASE, 0.9, None),
            lambda tx: jobs.finish(tx, former, None, clock()),
            lambda tx: jobs.give_back(tx, former, clock()),
            lambda tx: jobs.end(tx, former, State.FAILED),
        ]
        for write in writes:
            with pytest.raises(LeaseLost), store.begin(SYSTEM, clock(), write=True) as tx:
                write(tx)

    def test_the_same_worker_that_claims_again_is_another_run(self, store: Store, clock: Clock) -> None:
        put(store, clock)
        former = claimed(store, clock)
        clock.forward(seconds=61)
        again = claimed(store, clock)
        assert former.worker == again.worker
        with pytest.raises(LeaseLost), store.begin(SYSTEM, clock(), write=True) as tx:
            jobs.finish(tx, former, None, clock())

    def test_an_effect_that_fails_after_finishing_leaves_the_job_to_be_tried_again(
        self, store: Store, clock: Clock, worker: Make
    ) -> None:
        job = put(store, clock)

        def fail_late(run: Run) -> None:
            with run.write() as tx:
                pour(tx)
                run.finish(tx)
                raise StoreBusy("The store is busy.")

        assert worker(fail_late).run_due_once()
        assert (poured(store, clock), seen(store, clock, job).state) == (0, State.WAITING)

    def test_what_fails_after_the_effect_does_not_undo_or_repeat_it(
        self, store: Store, clock: Clock, worker: Make
    ) -> None:
        job = put(store, clock)

        def fail_afterwards(run: Run) -> None:
            pour_once(run)
            raise StoreUnavailable("The folder of files cannot be used now.")

        first = worker(fail_afterwards)
        assert first.run_due_once()
        clock.forward(hours=1)
        assert not first.run_due_once()
        assert (poured(store, clock), seen(store, clock, job).state) == (1, State.DONE)
