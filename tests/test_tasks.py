"""The service's own recurrent work, and that every kind of job has what does it."""

from __future__ import annotations

import datetime as dt
import io
import os
from pathlib import Path

import pytest

from gridgov.access import Scope
from gridgov.blobs import photo_key
from gridgov.jobs import Runner
from gridgov.store import Store
from gridgov.store.queries import accounts, contacts, jobs
from gridgov.store.queries.jobs import Job
from gridgov.tasks import HANDLERS, RECURRENCES, make_runner, upkeep
from tests.jobs.kit import SYSTEM, Clock, means_of, put, seen

SERVICE = Scope.system("")


@pytest.fixture
def clock() -> Clock:
    return Clock()


def worker(store: Store, clock: Clock, folder: Path) -> Runner:
    return make_runner(means_of(store, clock, folder), "worker")


def ended(store: Store, clock: Clock, runner: Runner, kind: str) -> Job:
    """A recurrent job of this kind, made now and run."""
    job = put(store, clock, key=clock().isoformat(), kind=kind, payload={}, scope=SERVICE)
    assert runner.run_due_once()
    found = seen(store, clock, job, SERVICE)
    assert found.state == "done", found.error
    return found


def test_every_recurrent_kind_has_what_does_it() -> None:
    assert {each.kind for each in RECURRENCES} <= set(HANDLERS)


def test_sessions_and_attempts_of_the_past_are_dropped(store: Store, clock: Clock, tmp_path: Path) -> None:
    runner = worker(store, clock, tmp_path)
    with store.begin(SYSTEM, clock(), write=True) as tx:
        accounts.add_user(
            tx,
            {
                "id": "00000000-0000-7000-8000-000000000001",
                "login": "wang",
                "password_hash": "x",
                "role": "staff",
                "display_name": "王",
                "area_codes": [],
                "department_code": None,
            },
        )
        for token, hours in (("past", 1), ("living", 100)):
            accounts.add_session(
                tx,
                {
                    "token_hash": token,
                    "user_id": "00000000-0000-7000-8000-000000000001",
                    "family": token,
                    "expires_at": clock() + dt.timedelta(hours=hours),
                },
            )
        accounts.count_attempt(tx, "sign-in/wang", dt.timedelta(minutes=15))
    clock.forward(hours=25)
    with store.begin(SYSTEM, clock(), write=True) as tx:
        accounts.count_attempt(tx, "report/li", dt.timedelta(hours=1))
    ended(store, clock, runner, upkeep.SESSIONS)
    with store.begin(SYSTEM, clock()) as tx:
        assert accounts.read_session(tx, "past") is None
        assert accounts.read_session(tx, "living") is not None
        week = dt.timedelta(days=7)
        assert accounts.attempts(tx, "sign-in/wang", week)[0] == 0
        assert accounts.attempts(tx, "report/li", week)[0] == 1


def test_jobs_that_were_over_a_month_ago_are_dropped_and_others_stay(
    store: Store, clock: Clock, tmp_path: Path
) -> None:
    runner = worker(store, clock, tmp_path)
    old, waiting = put(store, clock), put(store, clock, key="waiting", kind="another worker's")
    with store.begin(SYSTEM, clock(), write=True) as tx:
        jobs.ask_stop(tx, old.id)
    clock.forward(days=29)
    assert ended(store, clock, runner, upkeep.JOBS).result == {"dropped": 0}
    clock.forward(days=2)
    assert ended(store, clock, runner, upkeep.JOBS).result == {"dropped": 1}
    with store.begin(SYSTEM, clock()) as tx:
        assert [job.id for job in jobs.list_jobs(tx)] == [waiting.id]


def test_photos_that_no_record_names_are_dropped(store: Store, clock: Clock, tmp_path: Path) -> None:
    runner = worker(store, clock, tmp_path)
    key = photo_key("ab" * 32)
    runner.means.blobs.put(key, io.BytesIO(b"a photo"))
    file = tmp_path / "files" / key
    os.utime(file, (clock().timestamp(), clock().timestamp()))
    assert ended(store, clock, runner, upkeep.PHOTOS).result == {"photos": 0, "bytes": 0, "tidied": 0}
    clock.forward(days=40)
    assert ended(store, clock, runner, upkeep.PHOTOS).result == {"photos": 1, "bytes": 7, "tidied": 0}
    assert not runner.means.blobs.holds(key)


def test_words_that_a_crash_left_without_their_report_are_dropped_after_a_day(
    store: Store, clock: Clock, tmp_path: Path
) -> None:
    runner = worker(store, clock, tmp_path)
    with store.begin(SYSTEM, clock(), write=True) as tx:
        contacts.add_contact(tx, "00000000-0000-7000-8000-000000000002", "张三", "13800000000")
    assert ended(store, clock, runner, upkeep.WORDS).result == {"dropped": 0}
    clock.forward(hours=25)
    assert ended(store, clock, runner, upkeep.WORDS).result == {"dropped": 1}
    with store.begin(SYSTEM, clock()) as tx:
        assert contacts.read_contact(tx, "00000000-0000-7000-8000-000000000002") is None
