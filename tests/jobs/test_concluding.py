"""How a run's end is written when the store is busy, cannot keep it, or no thread is left; and what a watch does."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from gridgov.access import Role, Scope
from gridgov.errors import InvalidValue, JobState, StoreBusy, StoreUnavailable
from gridgov.jobs import Run, Runner, threads
from gridgov.models import PARCELS
from gridgov.store import Query, Store, Tx
from gridgov.store.queries import jobs
from gridgov.store.queries.jobs import Job, State
from tests.fixtures_store import ZONE
from tests.jobs.conftest import Make
from tests.jobs.kit import SYSTEM, Clock, claimed, pour, pour_once, poured, put, seen


class Moody:
    """A store whose next writing transactions fail."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.failing: list[Exception] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def begin(self, scope: Scope, now: dt.datetime, *, write: bool = False) -> Iterator[Tx]:
        if write and self.failing:
            raise self.failing.pop(0)
        with self._store.begin(scope, now, write=write) as tx:
            yield tx


@pytest.fixture
def moody(store: Store, monkeypatch: pytest.MonkeyPatch) -> Moody:
    monkeypatch.setattr("gridgov.jobs.runner._AGAIN_S", 0.01)
    monkeypatch.setattr("gridgov.jobs.run._AGAIN_S", 0.01)
    return Moody(store)


def failing(error: Exception) -> Callable[[Run], None]:
    def handler(run: Run) -> None:
        raise error

    return handler


class TestABusyStore:
    def test_an_outcome_is_told_when_the_store_answers_again(
        self, store: Store, clock: Clock, worker: Make, moody: Moody
    ) -> None:
        job = put(store, clock)

        def refuse(run: Run) -> None:
            moody.failing = [StoreBusy("Another writer holds the store."), StoreUnavailable("It is away.")]
            raise InvalidValue("Row 7 has no code.")

        assert worker(refuse, over=moody).run_due_once()
        ended = seen(store, clock, job)
        assert (ended.state, ended.error, moody.failing) == (State.FAILED, "Row 7 has no code.", [])

    def test_a_result_is_kept_and_its_work_not_repeated(
        self, store: Store, clock: Clock, worker: Make, moody: Moody
    ) -> None:
        job = put(store, clock)
        worked = []

        def check(run: Run) -> None:
            worked.append(run)
            moody.failing = [StoreBusy("Another writer holds the store.")] * 3
            run.conclude({"found": 7})

        assert worker(check, over=moody, watch_seconds=30).run_due_once()
        ended = seen(store, clock, job)
        assert (ended.state, ended.result, ended.attempts, len(worked)) == (State.DONE, {"found": 7}, 1, 1)

    def test_it_is_not_waited_for_longer_than_a_lease(
        self, store: Store, clock: Clock, worker: Make, moody: Moody, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(store, clock)
        ticks = iter(range(0, 10_000, 25))
        monkeypatch.setattr("gridgov.jobs.runner.time.monotonic", lambda: next(ticks))

        def refuse(run: Run) -> None:
            moody.failing = [StoreBusy("Another writer holds the store.")] * 9
            raise InvalidValue("Row 7 has no code.")

        with pytest.raises(StoreBusy):
            worker(refuse, over=moody).run_due_once()
        assert 3 < len(moody.failing) < 9

    def test_a_watch_leaves_the_run_alone(
        self, store: Store, clock: Clock, worker: Make, moody: Moody
    ) -> None:
        job = put(store, clock)

        def pour_while_away(run: Run) -> None:
            run.start(2, "pouring")
            moody.failing = [StoreUnavailable("The database does not answer.")]
            run.watch()
            assert moody.failing == []
            pour_once(run)

        assert worker(pour_while_away, over=moody, watch_seconds=30).run_due_once()
        assert (seen(store, clock, job).state, poured(store, clock)) == (State.DONE, 1)


def test_a_watch_keeps_the_lease_of_a_run_that_makes_no_progress(
    store: Store, clock: Clock, worker: Make
) -> None:
    job = put(store, clock)
    ends: list[dt.datetime | None] = []

    def slow(run: Run) -> None:
        for _ in range(3):
            clock.forward(seconds=25)
            run.watch()
            ends.append(seen(store, clock, job).lease_until)
        pour_once(run)

    began = clock()
    assert worker(slow, watch_seconds=30).run_due_once()
    assert ends == [began + dt.timedelta(seconds=60 + gone) for gone in (25, 50, 75)]
    assert seen(store, clock, job).attempts == 1


@pytest.mark.parametrize("message", ["column a\x00b is unknown", "column \ud800 is unknown"])
def test_an_error_with_text_that_no_database_keeps_is_told_without_it(
    store: Store, clock: Clock, worker: Make, message: str
) -> None:
    job = put(store, clock)
    assert worker(failing(InvalidValue(message, column=message))).run_due_once()
    ended = seen(store, clock, job)
    assert ended.state is State.FAILED
    assert str(ended.error).endswith("is unknown")


def test_an_end_that_cannot_be_kept_is_an_incident_and_the_job_goes_on(
    store: Store,
    clock: Clock,
    worker: Make,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    job = put(store, clock)
    end = jobs.end

    def picky(tx: Tx, job: Job, state: State, error: str | None = None, result: Any = None) -> State:
        if error == "odd":
            raise ValueError("a string cannot be kept")
        return end(tx, job, state, error, result)

    monkeypatch.setattr(jobs, "end", picky)
    assert worker(failing(InvalidValue("odd"))).run_due_once()
    told = seen(store, clock, job)
    assert (told.state, told.failures, told.lease_until) == (State.WAITING, 1, None)
    incident = str(told.error).rpartition(" ")[2].rstrip(".")
    assert any(incident in record.message and record.exc_info for record in caplog.records)


class TestNoThreadLeft:
    @pytest.fixture
    def begun(self, monkeypatch: pytest.MonkeyPatch) -> list[object]:
        """What was begun in threads; the second and the third cannot be."""
        begun: list[object] = []

        def begin(work: Callable[..., object], *given: object) -> object:
            begun.append(work)
            if len(begun) in (2, 3):
                raise RuntimeError("can't start new thread")
            return threads.begin(work, *given)

        monkeypatch.setattr("gridgov.jobs.runner.begin", begin)
        return begun

    def test_the_job_is_given_back_and_its_lane_goes_on(
        self, store: Store, clock: Clock, worker: Make, begun: list[object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("gridgov.jobs.runner._LONGEST_ABSENCE_S", 0.05)
        done = threading.Event()

        def tell(run: Run) -> None:
            pour_once(run)
            done.set()

        job = put(store, clock)
        runner = worker(tell)
        runner.start(1)
        assert done.wait(30)
        runner.stop(5)
        ended = seen(store, clock, job)
        # the first turn's handler could not begin, nor the second turn; the third did both
        assert (ended.state, ended.attempts, ended.failures) == (State.DONE, 2, 0)
        assert len(begun) >= 5


def test_a_job_has_its_makers_rights_and_no_more(store: Store, clock: Clock, worker: Make) -> None:
    maker = Scope(ZONE, Role.STAFF, "wang")
    put(store, clock, scope=maker, payload={"role": "staff"})
    put(store, clock, key="own", scope=Scope.system(ZONE))
    scopes: list[Scope] = []

    def note(run: Run) -> None:
        scopes.append(run.scope)
        run.conclude()

    runner: Runner = worker(note)
    while runner.run_due_once():
        pass
    assert scopes == [maker, Scope.system(ZONE)]


def test_a_stop_waits_for_the_end_that_is_being_written(
    store: Store, clock: Clock, open_again: Callable[[Store], Store]
) -> None:
    """Without the row being held, a stop would answer “asked to stop” about a job that is done."""
    job = put(store, clock)
    run = claimed(store, clock)
    other = open_again(store)

    def stop() -> State:
        with other.begin(SYSTEM, clock(), write=True) as tx:
            return jobs.ask_stop(tx, job.id).state

    with ThreadPoolExecutor(1) as pool:
        with store.begin(SYSTEM, clock(), write=True) as tx:
            pour(tx)
            assert jobs.finish(tx, run, None, clock())
            asked = pool.submit(stop)
            threading.Event().wait(0.5)
            assert not asked.done()
        with pytest.raises(JobState, match="is over \\(done\\)"):
            asked.result(30)
    with store.begin(SYSTEM, clock()) as tx:
        assert tx.count(PARCELS, Query()) == 1
