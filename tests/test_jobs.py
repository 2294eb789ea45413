"""A job runs once to an effect: one winner, leases, takeover, tries with pauses, cancelling."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import pytest

from gridgov.access import Role, Scope
from gridgov.errors import (
    ContentDiffers,
    GridgovError,
    InvalidValue,
    JobState,
    LeaseLost,
    NotFound,
    StoreBusy,
    StoreUnavailable,
)
from gridgov.jobs import Recurrence, Run, Runner, plain
from gridgov.jobs.retry import pause
from gridgov.store import Store
from gridgov.store.queries import jobs
from gridgov.store.queries.jobs import TRANSITIONS, Job, State
from tests.fixtures_store import ZONE
from tests.jobs_kit import LEASE, SYSTEM, TRIES, Clock, means_of, pour, pour_once, poured, put, seen


@pytest.fixture
def clock() -> Clock:
    return Clock()


Make = Callable[..., Runner]


@pytest.fixture
def worker(store: Store, clock: Clock, tmp_path: Path) -> Make:
    """Makes workers over the store of the test."""

    def make(
        handler: Callable[[Run], None] = pour_once,
        name: str = "first",
        over: Store = store,
        watch_seconds: float = 0.01,
    ) -> Runner:
        means = means_of(over, clock, tmp_path)
        return Runner(means, {"pour": handler}, worker=name, watch_seconds=watch_seconds)

    return make


def claim(store: Store, clock: Clock, worker: str = "first") -> Job | None:
    with store.begin(SYSTEM, clock(), write=True) as tx:
        return jobs.claim(tx, ["pour"], worker, LEASE, TRIES)


def claimed(store: Store, clock: Clock, worker: str = "first") -> Job:
    job = claim(store, clock, worker)
    assert job is not None
    return job


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
        assert "stopped without a word 3 times" in str(ended.error)


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
        writes: list[Callable[[jobs.Tx], object]] = [
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


def failing(error: Exception) -> Callable[[Run], None]:
    def handler(run: Run) -> None:
        raise error

    return handler


class TestTries:
    def test_it_is_tried_again_after_growing_pauses_and_then_fails_in_words(
        self, store: Store, clock: Clock, worker: Make
    ) -> None:
        job = put(store, clock)
        runner = worker(failing(StoreBusy("Another writer holds the store.")))
        pauses = []
        while runner.run_due_once():
            told = seen(store, clock, job)
            assert told.error == "Another writer holds the store."
            if told.state is State.WAITING:
                pauses.append((told.run_at - clock()).total_seconds())
                clock.now = told.run_at - dt.timedelta(milliseconds=1)
                assert not runner.run_due_once()
                clock.now = told.run_at
        assert [round(each, 2) for each in pauses] == [
            pytest.approx(pause(job.id, number).total_seconds(), abs=0.01) for number in (1, 2)
        ]
        ended = seen(store, clock, job)
        assert (ended.state, ended.attempts, ended.ended_at) == (State.FAILED, TRIES, clock())

    def test_what_repeating_cannot_mend_fails_at_once_with_its_facts(
        self, store: Store, clock: Clock, worker: Make
    ) -> None:
        job = put(store, clock)
        assert worker(failing(InvalidValue("Row 7 has no code.", row=7))).run_due_once()
        ended = seen(store, clock, job)
        assert (ended.state, ended.attempts, ended.error) == (State.FAILED, 1, "Row 7 has no code.")
        assert ended.result == {"error": "InvalidValue", "details": {"row": 7}}

    def test_a_defect_is_an_incident_of_the_log_and_tells_its_owner_nothing_else(
        self, store: Store, clock: Clock, worker: Make, caplog: pytest.LogCaptureFixture
    ) -> None:
        job = put(store, clock)
        assert worker(failing(ZeroDivisionError("secret of the machine"))).run_due_once()
        told = seen(store, clock, job)
        assert told.state is State.WAITING
        assert "secret" not in str(told.error)
        incident = str(told.error).rpartition(" ")[2].rstrip(".")
        assert any(incident in record.message and record.exc_info for record in caplog.records)

    def test_a_handler_that_forgets_to_finish_is_a_defect(
        self, store: Store, clock: Clock, worker: Make
    ) -> None:
        job = put(store, clock)
        assert worker(lambda run: run.start(1, "idling")).run_due_once()
        assert seen(store, clock, job).state is State.WAITING

    @pytest.mark.parametrize(
        ("attempts", "shortest"), [(1, 5), (2, 10), (3, 20), (4, 40), (9, 900), (999, 900)]
    )
    def test_pauses_double_up_to_a_quarter_of_an_hour_and_differ_a_little(
        self, attempts: int, shortest: int
    ) -> None:
        found = {pause(str(number), attempts).total_seconds() for number in range(50)}
        assert shortest <= min(found) < max(found) <= shortest * 1.25
        assert pause("a", attempts) == pause("a", attempts)


class TestStop:
    def test_one_that_waits_is_cancelled_at_once(self, store: Store, clock: Clock, worker: Make) -> None:
        job = put(store, clock)
        with store.begin(SYSTEM, clock(), write=True) as tx:
            assert jobs.ask_stop(tx, job.id).state is State.CANCELLED
        assert not worker().run_due_once()
        assert poured(store, clock) == 0

    def test_one_that_runs_stops_at_its_next_step_without_effect(
        self, store: Store, clock: Clock, worker: Make
    ) -> None:
        job = put(store, clock)

        def long(run: Run) -> None:
            with store.begin(SYSTEM, clock(), write=True) as tx:
                assert jobs.ask_stop(tx, job.id).state is State.RUNNING
            run.watch()
            run.start(10, "pouring")
            pour_once(run)

        assert worker(long).run_due_once()
        assert (seen(store, clock, job).state, poured(store, clock)) == (State.CANCELLED, 0)

    def test_one_that_takes_no_steps_is_stopped_by_its_end(
        self, store: Store, clock: Clock, worker: Make
    ) -> None:
        job = put(store, clock)

        def deaf(run: Run) -> None:
            with store.begin(SYSTEM, clock(), write=True) as tx:
                jobs.ask_stop(tx, job.id)
            with run.write() as tx:
                pour(tx)
                run.finish(tx)

        assert worker(deaf).run_due_once()
        assert (seen(store, clock, job).state, poured(store, clock)) == (State.CANCELLED, 0)

    def test_one_whose_worker_vanished_is_cancelled_instead_of_taken_over(
        self, store: Store, clock: Clock
    ) -> None:
        job = put(store, clock)
        claimed(store, clock)
        with store.begin(SYSTEM, clock(), write=True) as tx:
            jobs.ask_stop(tx, job.id)
        clock.forward(seconds=61)
        assert claim(store, clock, "second") is None
        assert seen(store, clock, job).state is State.CANCELLED

    def test_one_that_is_over_says_so(self, store: Store, clock: Clock, worker: Make) -> None:
        job = put(store, clock)
        worker().run_due_once()
        with pytest.raises(JobState, match="over \\(done\\)"), store.begin(SYSTEM, clock(), write=True) as tx:
            jobs.ask_stop(tx, job.id)

    def test_a_worker_that_stops_hands_its_job_back_at_once(
        self, store: Store, clock: Clock, worker: Make
    ) -> None:
        job = put(store, clock)
        begun = threading.Event()

        def patient(run: Run) -> None:
            begun.set()
            for _ in range(3_000):
                run.advance()
                threading.Event().wait(0.01)

        first = worker(patient)
        first.start(1)
        assert begun.wait(30)
        first.stop(10)
        told = seen(store, clock, job)
        assert (told.state, told.lease_until, told.worker) == (State.WAITING, None, None)
        assert worker(pour_once, "second").run_due_once()
        assert poured(store, clock) == 1


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
            assert jobs.unfinished(tx, "pour") == 5


def test_the_longest_wait_is_told(store: Store, clock: Clock) -> None:
    due = put(store, clock).run_at
    put(store, clock, key="later", run_at=clock() + dt.timedelta(hours=1))
    clock.forward(minutes=10)
    with store.begin(SYSTEM, clock()) as tx:
        assert jobs.waiting_since(tx) == due
    claimed(store, clock)
    with store.begin(SYSTEM, clock()) as tx:
        assert jobs.waiting_since(tx) is None


def test_recurrent_work_is_one_job_for_each_interval_however_many_workers(
    store: Store, clock: Clock, tmp_path: Path, open_again: Callable[[Store], Store]
) -> None:
    hourly = [Recurrence("pour", dt.timedelta(hours=1))]
    workers = [
        Runner(means_of(over, clock, tmp_path), {"pour": pour_once}, hourly)
        for over in (store, open_again(store))
    ]
    for _ in range(3):
        for each in workers:
            each.enqueue_recurrent()
        clock.forward(minutes=40)
    with store.begin(Scope.system(""), clock()) as tx:
        assert [job.key for job in jobs.list_jobs(tx)] == [
            "2026-11-20T07:00:00+00:00",
            "2026-11-20T06:00:00+00:00",
        ]


def test_only_pairs_of_the_table_can_be_written(store: Store, clock: Clock) -> None:
    job = put(store, clock)
    for before, after in product(State, State):
        if (before, after) in TRANSITIONS:
            continue
        with pytest.raises(JobState, match="cannot become"), store.begin(SYSTEM, clock(), write=True) as tx:
            jobs._move(tx, jobs._row(job), before, after, {})
    assert seen(store, clock, job) == job


def test_results_are_what_both_databases_keep() -> None:
    odd = {"a\x00b": float("nan"), 1: ("\ud800", dt.date(2026, 11, 20)), "long": list(range(9_000))}
    kept = plain(odd)
    assert kept["a\ufffdb"] is None
    assert kept["1"] == ["?", "2026-11-20"]
    assert len(kept["long"]) == 2_000


def test_a_database_that_is_away_is_waited_for_quietly(
    store: Store,
    clock: Clock,
    worker: Make,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tried, done = threading.Semaphore(0), threading.Event()
    runner = worker()
    claim_job = runner.run_due_once
    answers: list[GridgovError | None] = [StoreUnavailable("The database does not answer.")] * 2 + [None]

    def claim_when_it_answers(name: str) -> bool:
        tried.release()
        if answers and (error := answers.pop(0)) is not None:
            raise error
        found = claim_job(name)
        if found:
            done.set()
        return found

    monkeypatch.setattr(runner, "run_due_once", claim_when_it_answers)
    monkeypatch.setattr("gridgov.jobs.runner._LONGEST_ABSENCE_S", 0.05)
    caplog.set_level("INFO")
    job = put(store, clock)
    runner.start(1)
    assert done.wait(30)
    runner.stop(5)
    assert seen(store, clock, job).state is State.DONE
    told = [record.message for record in caplog.records if "answer" in record.message]
    assert told == [
        "Jobs wait until the store answers: The database does not answer.",
        "The store answers again; jobs go on.",
    ]


def test_an_enqueue_in_the_same_process_wakes_a_worker_at_once(
    store: Store, clock: Clock, worker: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gridgov.jobs.runner._POLL_S", 60.0)
    done = threading.Event()

    def tell(run: Run) -> None:
        pour_once(run)
        done.set()

    runner = worker(tell)
    runner.start(2)
    threading.Event().wait(0.3)  # both have looked and wait for a minute now
    put(store, clock)
    runner.wake()
    assert done.wait(20)
    runner.stop(5)
    assert poured(store, clock) == 1
