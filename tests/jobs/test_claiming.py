"""The table of jobs: one of each key, one winner of each, leases and takeover, and who sees them."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest

from gridgov.access import Role, Scope
from gridgov.errors import (
    ContentDiffers,
    JobState,
    NotFound,
)
from gridgov.jobs import Run
from gridgov.jobs.retry import pause
from gridgov.store import Store
from gridgov.store.queries import jobs
from gridgov.store.queries.jobs import TRANSITIONS, State
from tests.fixtures_store import ZONE
from tests.jobs.conftest import Make
from tests.jobs.kit import (
    LEASE,
    SYSTEM,
    TRIES,
    Clock,
    claim,
    claimed,
    pour_once,
    put,
    seen,
)


class TestEnqueue:
    def test_the_same_key_is_the_same_job(self, store: Store, clock: Clock) -> None:
        first = put(store, clock)
        assert put(store, clock) == first
        assert put(store, clock, key="two").id != first.id
        assert put(store, clock, kind="drain").id != first.id

    def test_another_payload_under_the_same_key_is_refused(self, store: Store, clock: Clock) -> None:
        put(store, clock)
        with pytest.raises(ContentDiffers, match="another choice"):
            put(store, clock, payload={"n": 2})

    def test_many_at_once_make_one(self, store: Store, clock: Clock) -> None:
        with ThreadPoolExecutor(8) as pool:
            made = [each.result() for each in [pool.submit(put, store, clock) for _ in range(16)]]
        assert len({job.id for job in made}) == 1


class TestClaim:
    def test_nothing_is_due_before_its_time(self, store: Store, clock: Clock) -> None:
        put(store, clock, run_at=clock() + dt.timedelta(seconds=10))
        assert claim(store, clock) is None
        clock.forward(seconds=10)
        assert claimed(store, clock).attempts == 1

    def test_the_oldest_due_comes_first_and_other_kinds_are_left_alone(
        self, store: Store, clock: Clock
    ) -> None:
        put(store, clock, kind="unknown")
        late = put(store, clock, key="late", run_at=clock() + dt.timedelta(seconds=5))
        early = put(store, clock, key="early")
        clock.forward(seconds=5)
        assert [claimed(store, clock).id, claimed(store, clock).id] == [early.id, late.id]
        assert claim(store, clock) is None

    def test_of_many_workers_each_job_has_one(self, store: Store, clock: Clock) -> None:
        made = {put(store, clock, key=str(number)).id for number in range(12)}

        def take(number: int) -> list[str]:
            mine = []
            while job := claim(store, clock, f"worker {number}"):
                mine.append(job.id)
            return mine

        with ThreadPoolExecutor(4) as pool:
            taken = [identifier for mine in pool.map(take, range(4)) for identifier in mine]
        assert sorted(taken) == sorted(made)

    def test_a_lease_that_ended_is_taken_over_and_one_that_goes_on_is_not(
        self, store: Store, clock: Clock
    ) -> None:
        job = put(store, clock)
        first = claimed(store, clock)
        clock.forward(seconds=59)
        assert claim(store, clock, "second") is None
        with store.begin(SYSTEM, clock(), write=True) as tx:
            jobs.beat(tx, first, LEASE, 0.5, "pouring")
        clock.forward(seconds=59)
        assert claim(store, clock, "second") is None
        assert (seen(store, clock, job).progress, seen(store, clock, job).step) == (0.5, "pouring")
        clock.forward(seconds=1)
        second = claimed(store, clock, "second")
        assert (second.id, second.attempts, second.worker, second.progress) == (job.id, 2, "second", 0.0)

    def test_a_job_whose_workers_keep_vanishing_fails_instead_of_killing_more(
        self, store: Store, clock: Clock
    ) -> None:
        job = put(store, clock)
        for _ in range(TRIES):
            claimed(store, clock)
            clock.forward(seconds=61)
        assert claim(store, clock) is None
        ended = seen(store, clock, job)
        assert ended.state is State.FAILED
        assert "failed 3 times; the last time its worker stopped without a word" in str(ended.error)

    def test_handing_back_wears_no_job_out(self, store: Store, clock: Clock) -> None:
        job = put(store, clock)
        for _ in range(3 * TRIES):
            run = claimed(store, clock)
            with store.begin(SYSTEM, clock(), write=True) as tx:
                jobs.give_back(tx, run, clock())
        claimed(store, clock)
        clock.forward(seconds=61)
        again = claimed(store, clock, "second")
        assert (again.id, again.attempts, again.failures) == (job.id, 3 * TRIES + 2, 1)


class TestWhoSees:
    def test_its_maker_and_administrators(self, store: Store, clock: Clock) -> None:
        maker, other = Scope(ZONE, Role.STAFF, "wang"), Scope(ZONE, Role.STAFF, "li")
        job = put(store, clock, scope=maker)
        assert seen(store, clock, job, maker).id == job.id
        assert seen(store, clock, job, Scope(ZONE, Role.ADMIN, "zhao")).id == job.id
        for stranger in (other, Scope(ZONE, Role.PUBLIC, ""), Scope("elsewhere", Role.ADMIN, "wang")):
            with pytest.raises(NotFound):
                seen(store, clock, job, stranger)
            with store.begin(stranger, clock()) as tx:
                assert jobs.list_jobs(tx) == []

    def test_lists_are_newest_first_by_state_and_in_pages(self, store: Store, clock: Clock) -> None:
        made = [put(store, clock, key=str(number)).id for number in range(5)]
        running = claimed(store, clock).id
        with store.begin(SYSTEM, clock()) as tx:
            first = jobs.list_jobs(tx, limit=3)
            rest = jobs.list_jobs(tx, after=first[-1].fid, limit=3)
            assert [job.id for job in [*first, *rest]] == made[::-1]
            assert [job.id for job in jobs.list_jobs(tx, [State.RUNNING])] == [running]
            assert jobs.counts(tx) == {("pour", "waiting"): 4, ("pour", "running"): 1}

    def test_lists_leave_results_in_the_store_and_of_payloads_name_the_file(
        self, store: Store, clock: Clock, worker: Make
    ) -> None:
        put(
            store,
            clock,
            payload={"file": "地块.zip", "layer": "parcels", "mapping": ["long"], "role": "staff"},
        )
        put(store, clock, key="two")
        for _ in range(2):
            assert worker().run_due_once()
        with store.begin(SYSTEM, clock()) as tx:
            second, first = jobs.list_jobs(tx)
        assert (first.payload, first.result) == ({"file": "地块.zip", "layer": "parcels"}, None)
        assert (second.payload, second.result, second.state) == ({}, None, State.DONE)
        assert seen(store, clock, first).result == {"poured": 1}


class TestAClockSetBack:
    """What a clock that was hours ahead wrote holds nothing up when it is set right."""

    def test_a_run_whose_lease_ends_hours_from_now_is_taken_over(self, store: Store, clock: Clock) -> None:
        put(store, clock)
        claimed(store, clock)
        clock.forward(hours=-3)
        assert claimed(store, clock, "second").attempts == 2

    def test_one_that_differs_by_minutes_is_left_alone(self, store: Store, clock: Clock) -> None:
        put(store, clock)
        claimed(store, clock)
        clock.forward(minutes=-4)
        assert claim(store, clock, "second") is None

    def test_a_run_that_lives_says_so_by_the_new_clock(
        self, store: Store, clock: Clock, worker: Make
    ) -> None:
        put(store, clock)
        taken: list[object] = []

        def set_back(run: Run) -> None:
            run.watch()
            clock.forward(hours=-3)
            run.watch()
            taken.append(claim(store, clock, "second"))
            pour_once(run)

        assert worker(set_back, watch_seconds=30).run_due_once()
        assert taken == [None]

    def test_what_was_made_then_is_due_now(self, store: Store, clock: Clock) -> None:
        put(store, clock)
        clock.forward(hours=-3)
        assert claimed(store, clock).attempts == 1

    def test_what_was_made_before_and_rests_until_then_is_due_now(self, store: Store, clock: Clock) -> None:
        put(store, clock)
        clock.forward(hours=3)
        run = claimed(store, clock)
        with store.begin(SYSTEM, clock(), write=True) as tx:
            jobs.give_back(tx, run, clock() + pause(run.id, 20), "The store is busy.")
        clock.forward(hours=-3)
        assert claimed(store, clock).attempts == 2

    def test_no_pause_is_longer_than_what_counts_as_too_far(self) -> None:
        assert max(pause(str(number), 99) for number in range(200)) <= jobs.LONGEST_PAUSE


def test_the_longest_wait_is_told(store: Store, clock: Clock) -> None:
    due = put(store, clock).run_at
    put(store, clock, key="later", run_at=clock() + dt.timedelta(hours=1))
    clock.forward(minutes=10)
    with store.begin(SYSTEM, clock()) as tx:
        assert jobs.waiting_since(tx) == due
    claimed(store, clock)
    with store.begin(SYSTEM, clock()) as tx:
        assert jobs.waiting_since(tx) is None


def test_only_pairs_of_the_table_can_be_written(store: Store, clock: Clock) -> None:
    job = put(store, clock)
    for before, after in product(State, State):
        if (before, after) in TRANSITIONS:
            continue
        with pytest.raises(JobState, match="cannot become"), store.begin(SYSTEM, clock(), write=True) as tx:
            jobs._move(tx, jobs._row(job), before, after, {})
    assert seen(store, clock, job) == job
