"""Photos beside everything else: many at once, stalled storage, strangers without end, what a kill left behind."""

from __future__ import annotations

import io
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.testclient import TestClient

from api import attachments as routes
from gridgov import attachments
from gridgov.errors import StoreUnavailable
from gridgov.settings import Settings, read_settings
from tests.api.conftest import on_sqlite
from tests.api.test_attachments import DEVICE, PHOTO, plant, report, send
from tests.images.specimens import encoded, picture

PATIENCE_S = 30.0


@pytest.fixture
def live(client: TestClient) -> Iterator[TestClient]:
    """One process with its threads: requests at the same time meet there."""
    with TestClient(client.app) as opened:
        yield opened


@contextmanager
def many(count: int, ask: Callable[[], Any]) -> Iterator[list[Future[Any]]]:
    """The same request from many callers at once."""
    with ThreadPoolExecutor(count) as callers:
        yield [callers.submit(ask) for _ in range(count)]


def until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.01)


class Stalled:
    """A place for files some of whose calls answer only when they are let go, with a failure."""

    def __init__(self, blobs: Any, *names: str) -> None:
        self._blobs, self._names = blobs, names
        self.waiting, self.go = 0, threading.Event()

    def __getattr__(self, name: str) -> Any:
        return self._stall if name in self._names else getattr(self._blobs, name)

    def _stall(self, *_: Any) -> Any:
        self.waiting += 1
        self.go.wait(PATIENCE_S)
        raise StoreUnavailable("The storage of files does not answer.")


@on_sqlite
def test_many_photos_at_once_leave_threads_for_everything_else(
    live: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, go, reading = report(live, DEVICE), threading.Event(), list[int]()
    prepare = attachments.prepare

    def slow(*args: Any) -> attachments.Sent:
        reading.append(1)
        go.wait(PATIENCE_S)
        return prepare(*args)

    monkeypatch.setattr(attachments, "prepare", slow)
    monkeypatch.setattr(routes._ADDING, "waiting", 3)
    threads = 2 * settings.store_pool_size
    with many(threads + 4, lambda: send(live, path, headers=DEVICE)) as answers:
        until(lambda: sum(each.done() for each in answers) == threads + 4 - threads // 4 - 3)
        until(lambda: len(reading) == threads // 4)
        assert live.get("/api/parcels").status_code == 200
        assert live.get("/livez").status_code == 200
        go.set()
    refused = [each.result() for each in answers if each.result().status_code == 503]
    assert len(refused) == threads + 4 - threads // 4 - 3
    assert {each.headers["retry-after"] for each in refused} == {"5"}
    others = {each.result().status_code for each in answers} - {503}
    assert others == {201, 413}  # five are kept, as of any report


@on_sqlite
def test_storage_that_stalls_leaves_threads_for_everything_else(
    live: TestClient, staff: TestClient, settings: Settings
) -> None:
    photo = send(staff, plant(staff, visibility="public")).json()
    service = live.app.state.service  # type: ignore[attr-defined]
    service.blobs = stalled = Stalled(service.blobs, "open")
    threads = 2 * settings.store_pool_size
    with many(threads + 4, lambda: live.get(photo["thumbnail"])) as answers:
        until(lambda: stalled.waiting == threads // 4)
        assert live.get("/api/parcels").status_code == 200
        assert stalled.waiting == threads // 4
        stalled.go.set()
    assert {each.result().status_code for each in answers} == {503}
    assert "retry-after" in answers[0].result().headers


@on_sqlite
@pytest.mark.parametrize("name", ["holds", "put"])
def test_storage_that_stalls_while_a_photo_is_added_stops_no_writer(
    live: TestClient, staff: TestClient, name: str
) -> None:
    path = report(live, DEVICE)
    service = live.app.state.service  # type: ignore[attr-defined]
    service.blobs = stalled = Stalled(service.blobs, name)
    with many(1, lambda: send(live, path, headers=DEVICE)) as answers:
        until(lambda: stalled.waiting == 1)
        started = time.monotonic()
        report(staff)
        assert time.monotonic() - started < 3
        stalled.go.set()
    assert answers[0].result().status_code == 503


@on_sqlite
def test_storage_that_is_away_while_a_photo_is_erased_stops_no_writer(
    live: TestClient, staff: TestClient
) -> None:
    photo = send(staff, report(staff)).json()
    service = live.app.state.service  # type: ignore[attr-defined]
    service.blobs = stalled = Stalled(service.blobs, "holds", "drop")
    with many(1, lambda: staff.delete(photo["content"])) as answers:
        until(lambda: stalled.waiting == 1)
        started = time.monotonic()
        report(live, DEVICE)
        assert time.monotonic() - started < 3
        stalled.go.set()
    assert answers[0].result().status_code == 204


class TestStrangers:
    """With one report an hour, and so five photos."""

    @pytest.fixture
    def settings(self, tmp_path: Any) -> Settings:
        return read_settings(
            {}, demo=True, attachments_url=f"file://{tmp_path}/files", public_reports_per_hour=1
        )

    def test_photos_of_strangers_count_whatever_becomes_of_them(
        self, client: TestClient, staff: TestClient, clock: Any
    ) -> None:
        path = report(client, DEVICE)
        assert [send(client, path, PHOTO[:300], headers=DEVICE).status_code for _ in range(5)] == [400] * 5
        for content in (PHOTO, b""):
            answer = send(client, path, content, headers=DEVICE)
            assert (answer.status_code, answer.headers["retry-after"]) == (429, "3600")
        assert send(staff, path).status_code == 201
        clock.forward(hours=1)
        assert report(client, DEVICE)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(attachments, "REPORTER_MAY_ADD", 2 * attachments.REPORTER_MAY_ADD)
            assert send(client, path, headers=DEVICE).status_code == 201

    @on_sqlite
    def test_a_photo_sent_again_counts_once(self, client: TestClient) -> None:
        path, own = report(client, DEVICE), str(uuid.uuid4())
        codes = [send(client, path, own=own, headers=DEVICE).status_code for _ in range(4)]
        assert codes == [201, 200, 200, 200]
        others = [encoded(picture(size=(90 + number, 80))) for number in range(4)]
        assert [send(client, path, each, headers=DEVICE).status_code for each in others] == [201] * 4


def test_a_grid_worker_sees_a_photo_and_not_who_sent_it_from_where_and_when(
    grid_worker: TestClient, staff: TestClient
) -> None:
    path = report(grid_worker)
    added = send(grid_worker, path, name="张三.jpg").json()
    (seen,) = grid_worker.get(path).json()["items"]
    for told in (added, seen):
        assert not {"file_name", "taken_at", "taken_lon", "taken_lat", "created_by"} & set(told)
        assert "张三" not in str(told)
    assert staff.get(path).json()["items"][0]["file_name"] == "张三.jpg"
    assert grid_worker.get(seen["content"]).status_code == 200


def verbs(staff: TestClient, path: str) -> list[str]:
    events = staff.get(path.replace("attachments", "history")).json()["items"]
    return [event["verb"] for event in events]


def test_a_photo_whose_history_a_kill_lost_gets_it_when_it_is_sent_again(
    client: TestClient, staff: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, own = report(client, DEVICE), str(uuid.uuid4())
    with monkeypatch.context() as killed:
        killed.setattr(attachments, "_tell", lambda *_: None)
        assert send(client, path, own=own, headers=DEVICE).status_code == 201
    assert verbs(staff, path) == ["created"]
    for _ in range(2):
        assert send(client, path, own=own, headers=DEVICE).status_code == 200
        assert verbs(staff, path) == ["created", "attachment_added"]


def test_a_photo_whose_files_were_taken_gets_them_when_it_is_sent_again(staff: TestClient) -> None:
    path, own = report(staff), str(uuid.uuid4())
    photo = send(staff, path, own=own).json()
    blobs = staff.app.state.service.blobs  # type: ignore[attr-defined]
    for each in list(blobs.each("")):
        blobs.drop(each.key)
    assert staff.get(photo["content"]).status_code == 404
    assert send(staff, path, own=own).status_code == 200
    assert staff.get(photo["content"]).content[:3] == b"\xff\xd8\xff"
    assert staff.get(photo["thumbnail"]).status_code == 200
    assert verbs(staff, path) == ["created", "attachment_added"]


def test_the_file_of_a_refused_photo_is_closed(
    live: TestClient, staff: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = list[io.BufferedIOBase]()
    digest_of = attachments.digest_of

    def noting(source: Any) -> str:
        opened.append(source)
        return digest_of(source)

    monkeypatch.setattr(attachments, "digest_of", noting)
    assert send(staff, report(staff), b"%PDF-1.7").status_code == 415
    assert opened
    assert all(each.closed for each in opened)
