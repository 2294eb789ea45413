"""Uploaded files: how many a person may keep, when they go, and what is left of them on a machine."""

from __future__ import annotations

import datetime as dt
import io
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from starlette.testclient import TestClient

from gridgov.access import Scope
from gridgov.errors import StoreBusy, StoreProblem, StoreUnavailable
from gridgov.models import PARCELS
from gridgov.ownership import MARK
from gridgov.store import Query, Store, Tx
from gridgov.store.queries import jobs
from gridgov.store.queries.jobs import Job
from gridgov.store.queries.uploads import uploads_needed
from gridgov.tasks import copies, imports, upkeep
from tests.api.conftest import Clock, on_sqlite
from tests.api.test_imports import problem
from tests.api.test_jobs import GOOD, checked, confirm, send, service_of, state, store_of, uploads
from tests.fixtures_store import ZONE

Work = Callable[[], bool]


@pytest.fixture
def work(client: TestClient) -> Work:
    """Runs the next due job, as a worker would; False when there is none."""
    return service_of(client).runner.run_due_once


def clear(client: TestClient, clock: Clock, work: Work) -> Job:
    """The daily clearing, run now before anything else."""
    with store_of(client).begin(Scope.system(""), clock(), write=True) as tx:
        earlier = clock() - dt.timedelta(days=100)
        job = jobs.enqueue(tx, upkeep.UPLOADS, clock().isoformat(), {}, run_at=earlier)
    assert work()
    with store_of(client).begin(Scope.system(""), clock()) as tx:
        return jobs.read_job(tx, job.id)


def put_now(folder: Path, clock: Clock) -> None:
    """The uploads arrived by the test's clock."""
    for file in (folder / "files" / "uploads").iterdir():
        os.utime(file, (clock().timestamp(), clock().timestamp()))


class TestKeeping:
    @on_sqlite
    @pytest.mark.parametrize(
        ("error", "status", "stays"),
        [
            (StoreBusy("Another writer holds the store."), 503, 0),
            # nobody knows whether the job was made: were it, it would miss its file
            (StoreUnavailable("The database does not answer."), 503, 1),
        ],
    )
    def test_without_its_job_the_file_does_not_stay(
        self,
        staff: TestClient,
        monkeypatch: pytest.MonkeyPatch,
        error: StoreProblem,
        status: int,
        stays: int,
    ) -> None:
        def fail(*_: Any) -> None:
            raise error

        monkeypatch.setattr(imports, "request", fail)
        assert send(staff, GOOD).status_code == status
        assert len(uploads(staff)) == stays

    @on_sqlite
    def test_a_file_that_cannot_be_dropped_hides_nothing(
        self, staff: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def busy(*_: Any) -> None:
            raise StoreBusy("Another writer holds the store.")

        def away(_: str) -> None:
            raise StoreUnavailable("The place of files does not answer.")

        monkeypatch.setattr(imports, "request", busy)
        monkeypatch.setattr(service_of(staff).blobs, "drop", away)
        assert problem(send(staff, GOOD)) == (503, "store-busy")

    def test_so_many_may_be_kept_until_they_are_loaded_or_given_up(
        self, staff: TestClient, work: Work, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(imports, "KEPT_MAX", 3)
        done, waiting, third = checked(staff, work), *(send(staff, GOOD).json()["id"] for _ in range(2))
        refused = send(staff, GOOD)
        assert (problem(refused), refused.headers["retry-after"]) == ((429, "too-many-attempts"), "60")
        assert "cancel" in refused.json()["detail"]
        assert len(uploads(staff)) == 3
        assert staff.delete(f"/api/jobs/{waiting}").json()["state"] == "cancelled"
        assert imports.upload_key(waiting) not in uploads(staff)
        assert send(staff, GOOD).status_code == 202
        assert problem(send(staff, GOOD))[0] == 429
        given_up = staff.delete(f"/api/jobs/{done}").json()
        assert (given_up["state"], given_up["stop_asked_at"] is None) == ("done", False)
        assert imports.upload_key(done) not in uploads(staff)
        assert problem(staff.delete(f"/api/jobs/{done}")) == (409, "job-state")
        assert problem(confirm(staff, done)) == (404, "not-found")
        assert send(staff, GOOD).status_code == 202
        assert problem(send(staff, GOOD))[0] == 429
        while work():
            pass
        assert problem(send(staff, GOOD))[0] == 429
        confirm(staff, third)
        assert problem(staff.delete(f"/api/jobs/{third}")) == (409, "job-state")
        assert problem(send(staff, GOOD))[0] == 429
        assert work()
        assert send(staff, GOOD).status_code == 202

    def test_many_at_once_are_counted_one_by_one(
        self, staff: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(imports, "KEPT_MAX", 3)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: send(staff, GOOD).status_code, range(8)))
        assert sorted(answers) == [202] * 3 + [429] * 5
        assert len(uploads(staff)) == 3

    def test_a_file_that_failed_its_check_is_not_kept(self, staff: TestClient, work: Work) -> None:
        found = state(staff, checked(staff, work, b"PK\x03\x04 no archive", name="地块.zip"))
        assert (found["state"], uploads(staff)) == ("failed", [])

    def test_an_upload_that_goes_after_it_was_confirmed_fails_the_load_in_words(
        self, staff: TestClient, work: Work
    ) -> None:
        load = confirm(staff, checked(staff, work)).json()["id"]
        service_of(staff).blobs.drop(uploads(staff)[0])
        assert work()
        found = state(staff, load)
        assert (found["state"], found["attempts"]) == ("failed", 1)
        assert found["error"] == "The uploaded file is no longer kept; send it again."


class TestClearing:
    @on_sqlite
    def test_uploads_that_no_job_needs_are_dropped(
        self, staff: TestClient, work: Work, clock: Clock, tmp_path: Path
    ) -> None:
        blobs = service_of(staff).blobs
        lost = imports.upload_key("00000000-lost")
        blobs.put(lost, io.BytesIO(b"its service stopped before the job was made"))
        checked_file = imports.upload_key(checked(staff, work))
        waiting_file = imports.upload_key(send(staff, GOOD).json()["id"])
        put_now(tmp_path, clock)
        remaining = []
        for hours in (23, 2, 7 * 24):
            clock.forward(hours=hours)
            clear(staff, clock, work)
            remaining.append(sorted(uploads(staff)))
        assert remaining == [
            sorted([lost, checked_file, waiting_file]),
            sorted([checked_file, waiting_file]),
            [waiting_file],
        ]

    def test_one_that_is_confirmed_meanwhile_stays(
        self,
        staff: TestClient,
        work: Work,
        store: Store,
        clock: Clock,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        check = checked(staff, work)
        put_now(tmp_path, clock)
        clock.forward(days=8)

        def confirm_afterwards(tx: Tx, *given: Any) -> set[str]:
            found = uploads_needed(tx, *given)
            with store.begin(Scope.system(ZONE), clock(), write=True) as late:
                imports.confirm(late, service_of(staff).blobs, jobs.read_job(late, check), skip_bad=False)
            return found

        monkeypatch.setattr("gridgov.tasks.upkeep.uploads_needed", confirm_afterwards)
        assert clear(staff, clock, work).result == {"dropped": 0}
        assert work()
        with store.begin(Scope.system(ZONE), clock()) as tx:
            assert tx.count(PARCELS, Query()) == 2

    def test_files_of_another_store_are_left_alone(
        self, staff: TestClient, work: Work, clock: Clock, tmp_path: Path
    ) -> None:
        send(staff, GOOD)
        put_now(tmp_path, clock)
        service_of(staff).blobs.put(MARK, io.BytesIO(b"the mark of another store"))
        clock.forward(days=40)
        ended = clear(staff, clock, work)
        assert (ended.state, len(uploads(staff))) == ("failed", 1)
        assert "belong to another store" in str(ended.error)

    def test_copies_of_killed_processes_go_after_a_day(
        self, staff: TestClient, work: Work, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        temporary = tmp_path / "temporary"
        temporary.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(temporary))
        copy = copies.copied(io.BytesIO(b"a file"), "a.csv")
        path = copy.__enter__()
        for name in ("another", "gridgov-import-unpacked"):
            (temporary / name).mkdir()
        for each in temporary.iterdir():
            os.utime(each, (clock().timestamp(), clock().timestamp()))
        clock.forward(hours=23)
        clear(staff, clock, work)
        assert path.read_bytes() == b"a file"
        clock.forward(hours=2)
        clear(staff, clock, work)
        assert [each.name for each in temporary.iterdir()] == ["another"]


def test_a_stop_does_not_wait_for_a_large_file_to_arrive() -> None:
    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            return b"x" * min(size, 10)

    pieces: list[int] = []

    def between() -> None:
        pieces.append(1)
        if len(pieces) == 3:
            raise InterruptedError

    endless: BinaryIO = Endless()  # type: ignore[assignment]
    with pytest.raises(InterruptedError), copies.copied(endless, "a.csv", between):
        raise AssertionError
    assert len(pieces) == 3
