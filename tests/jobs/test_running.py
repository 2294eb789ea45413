"""A worker: tries and pauses, stopping and handing back, recurrent work, a database that is away."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from gridgov.access import Scope
from gridgov.errors import (
    GridgovError,
    InvalidValue,
    JobState,
    StoreBusy,
    StoreUnavailable,
)
from gridgov.jobs import Recurrence, Run, Runner, plain
from gridgov.jobs.retry import pause
from gridgov.store import Store
from gridgov.store.queries import jobs
from gridgov.store.queries.jobs import State
from tests.jobs.conftest import Make
from tests.jobs.kit import (
    SYSTEM,
    TRIES,
    Clock,
    claim,
    claimed,
    means_of,
    pour,
    pour_once,
    poured,
    put,
    seen,
)


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
