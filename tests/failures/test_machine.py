"""A machine without file handles or room, and a clock that is set back."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import os
import resource
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api import issues as issue_routes
from api.app import create_app
from api.passwords import add_account
from gridgov.access import Scope
from gridgov.errors import StoreUnavailable
from gridgov.models import ISSUES
from gridgov.models.identifiers import new_identifier
from gridgov.settings import read_settings
from gridgov.store import Store
from gridgov.store.queries.events import events_of
from tests.api.conftest import PASSWORD
from tests.failures.conftest import client_of, report
from tests.fixtures_store import NOW, ZONE
from tests.soak.run import Soak

SYSTEM = Scope.system(ZONE)


@contextlib.contextmanager
def few_handles() -> Iterator[None]:
    """While the block runs, this process can open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(each.name) for each in Path("/proc/self/fd").iterdir()) + 1
    resource.setrlimit(resource.RLIMIT_NOFILE, (used, hard))
    held = []
    try:
        with contextlib.suppress(OSError):
            while True:
                held.append(os.open("/dev/null", os.O_RDONLY))
        yield
    finally:
        for each in held:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_store_that_cannot_be_opened_for_want_of_handles_is_away_for_a_while(store: Store) -> None:
    store.close()
    with few_handles(), pytest.raises(StoreUnavailable), store.begin(SYSTEM, NOW):
        pass
    with store.begin(SYSTEM, NOW) as tx:
        assert tx.revision(ISSUES) == 0


@pytest.mark.slow
def test_a_service_short_of_handles_answers_and_goes_on_when_they_are_free(tmp_path: Path) -> None:
    limited = ("prlimit", "--nofile=56:56")
    soak = Soak("handles", f"sqlite:///{tmp_path / 'map.gpkg'}", tmp_path, "handles", before=limited)

    def crowd(soak: Soak) -> float:
        with contextlib.ExitStack() as idle:
            for _ in range(120):
                idle.enter_context(socket.create_connection(("127.0.0.1", soak.service.port)))
            time.sleep(1.0)
        return time.monotonic()

    outcome = soak.run(2, crowd)
    assert outcome.findings == []
    assert outcome.kills == 2
    assert max(outcome.recoveries) < 10


@pytest.mark.parametrize(
    ("number", "status", "kind"),
    [
        (errno.ENOSPC, 507, "store-full"),
        (errno.EROFS, 503, "store-read-only"),
        (errno.EACCES, 503, "store-read-only"),
        (errno.EPERM, 503, "store-read-only"),
        (errno.EMFILE, 503, "store-unavailable"),
        (errno.EIO, 500, "internal"),
    ],
)
def test_what_the_machine_lacks_for_a_request_is_told(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, status: int, kind: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(issue_routes, "_report", refuse)
    answer = client_of(sqlite_store, tmp_path).post("/api/issues", json=report(1))
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:gridgov:problem:{kind}")
    assert ("retry-after" in answer.headers) is (status != 500)


class Clock:
    """A clock that somebody sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> dt.datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(store: Store, clock: Clock, tmp_path: Path) -> TestClient:
    settings = read_settings({}, demo=True, attachments_url=f"file://{tmp_path}/files", session_hours=1)
    with store.begin(SYSTEM, NOW, write=True) as tx:
        add_account(tx, "clerk", PASSWORD, "staff", "clerk", (), None)
    return TestClient(create_app(settings, store, clock), raise_server_exceptions=False)


def sign_in(client: TestClient) -> None:
    assert client.post("/api/session", json={"login": "clerk", "password": PASSWORD}).status_code == 200


def test_a_clock_set_back_takes_no_revision_and_no_event_back(
    client: TestClient, store: Store, clock: Clock
) -> None:
    sign_in(client)
    made = client.post("/api/issues", json=report(1))
    clock.now -= dt.timedelta(days=400)
    sign_in(client)
    one = f"/api/issues/{made.json()['issue']['id']}"
    moved = client.post(f"{one}/move", json={"lon": 113.31, "lat": 33.7}, headers={"If-Match": '"1"'})
    ended = client.delete(one, headers={"If-Match": '"2"'})
    assert (moved.status_code, ended.status_code) == (200, 200)
    revisions = [int(each.headers["x-revision"]) for each in (made, moved, ended)]
    assert revisions == sorted(set(revisions))
    with store.begin(SYSTEM, clock.now) as tx:
        told = events_of(tx, ISSUES, made.json()["issue"]["id"])
        assert [each["version"] for each in told] == [1, 2, 3]
        changed = [record["version"] for record in tx.changed_since(ISSUES, revisions[0])]
        assert changed == [3]


def test_a_session_made_in_the_future_has_ended(client: TestClient, clock: Clock) -> None:
    """Otherwise it would live longer by as much as the clock was set back; a few minutes are two machines' clocks."""
    sign_in(client)
    clock.now -= dt.timedelta(minutes=4)
    assert client.get("/api/session").json()["user"]["login"] == "clerk"
    clock.now -= dt.timedelta(minutes=2)
    assert client.get("/api/session").json()["user"] is None
    sign_in(client)
    assert client.get("/api/session").json()["user"]["login"] == "clerk"
    clock.now += dt.timedelta(minutes=61)
    assert client.get("/api/session").json()["user"] is None


def test_a_limit_reached_before_the_clock_was_set_back_is_not_kept_for_as_long(
    store: Store, clock: Clock, tmp_path: Path
) -> None:
    """A clock that was a year ahead for a minute must not lock anybody out for a year; a few seconds change nothing."""
    settings = read_settings(
        {}, demo=True, attachments_url=f"file://{tmp_path}/files", public_reports_per_hour=2
    )
    anybody = TestClient(create_app(settings, store, clock), raise_server_exceptions=False)

    def statuses(*numbers: int) -> list[int]:
        return [anybody.post("/api/issues", json=report(number)).status_code for number in numbers]

    assert statuses(1, 2, 3) == [201, 201, 429]
    clock.now -= dt.timedelta(seconds=30)
    assert statuses(3) == [429]
    clock.now -= dt.timedelta(hours=5)
    assert statuses(3, 4, 5) == [201, 201, 429]


def test_what_is_remembered_for_a_second_is_asked_again_after_the_clock_went_back(
    client: TestClient, store: Store, clock: Clock
) -> None:
    sign_in(client)
    assert client.get("/api/session").json()["user"]["login"] == "clerk"
    with store.begin(SYSTEM, clock.now, write=True) as tx:
        tx.connection.exec_driver_sql("UPDATE sessions SET revoked_at = created_at")  # type: ignore[attr-defined]
    clock.now -= dt.timedelta(hours=3)
    assert client.get("/api/session").json()["user"] is None


def test_ids_made_after_the_clock_went_back_are_ids_still() -> None:
    """They sort before the earlier ones: nothing may order by them, and the store orders by its own numbers."""
    later, earlier = new_identifier(NOW), new_identifier(NOW - dt.timedelta(days=1))
    assert earlier < later
    assert {uuid.UUID(each).version for each in (earlier, later)} == {7}
