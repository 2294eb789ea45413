"""Watchdogs: the process lives, the service is ready, and a part that is not is named without telling a secret."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import Response
from starlette.testclient import TestClient

from api.app import create_app
from api.health import Readiness
from api.rights import RIGHTS
from gridgov import errors
from gridgov.settings import Settings
from gridgov.store import Store
from tests.api.conftest import Clock, park


def readiness(client: TestClient) -> Readiness:
    known = client.app.state.readiness  # type: ignore[attr-defined]  # the client knows its app as any ASGI app
    assert isinstance(known, Readiness)
    return known


def raising(error: Exception) -> Any:
    def check() -> None:
        raise error

    return check


def test_a_service_in_order_is_ready_and_says_of_which_parts(client: TestClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "parts": dict.fromkeys(("process", "store", "migrations", "link_index", "files"), "ok"),
    }
    assert client.get("/healthz").json() == answer.json()
    assert client.head("/readyz").status_code == 200


@pytest.mark.parametrize(
    ("error", "part", "word"),
    [
        (errors.StoreUnavailable("could not connect to 10.1.2.3 as gridgov"), "store", "does not answer"),
        (errors.SchemaMissing("no tables"), "migrations", "do not fit this program"),
        (errors.SchemaTooNew("0099"), "migrations", "do not fit this program"),
    ],
)
def test_a_store_that_cannot_serve_is_named_without_its_address(
    client: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception, part: str, word: str
) -> None:
    monkeypatch.setattr(store, "check", raising(error))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["details"]["parts"][part] == word
    assert int(answer.headers["retry-after"]) >= 1
    assert not re.search(r"10\.1\.2\.3|0099|/", answer.json()["detail"].replace("`gridgov check`", ""))
    assert client.get("/livez").status_code == 200


def test_files_that_cannot_be_kept_degrade_it_and_take_no_map_away(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness(client).files, "check", raising(errors.StoreReadOnly("/srv/photos")))
    answer = client.get("/readyz")
    told = answer.json()
    assert (answer.status_code, told["status"], told["parts"]["files"]) == (
        200,
        "degraded",
        "cannot be written",
    )
    assert "/srv" not in answer.text


def test_asking_often_does_not_write_to_the_files_each_time(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks: list[int] = []
    monkeypatch.setattr(readiness(client).files, "check", lambda: checks.append(1))
    for _ in range(5):
        assert client.get("/readyz").status_code == 200
    assert len(checks) == 1


def test_a_service_that_stops_says_so_and_ends_each_connection(client: TestClient) -> None:
    assert client.get("/livez").headers.get("connection") is None
    readiness(client).stopping.set()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["details"]["parts"]) == (503, {"process": "stopping"})
    assert client.get("/api/parcels").status_code == 200
    assert client.get("/api/parcels").headers["connection"] == "close"


def test_at_start_the_link_indexes_are_built_before_anybody_asks(
    admin: TestClient, store: Store, settings: Settings, clock: Clock
) -> None:
    assert admin.post("/api/areas", json=park()).status_code == 201
    app = create_app(settings, store, clock)
    assert len(app.state.service.linkers) == 0
    with TestClient(app) as client:
        assert len(app.state.service.linkers) == 1
        assert client.get("/readyz").json()["parts"]["link_index"] == "ok"


def test_boundaries_that_another_process_published_are_told_as_missing_and_loaded(
    client: TestClient, admin: TestClient, store: Store, settings: Settings, clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("api.health._INDEXES_KEPT_S", 0.0)
    assert client.get("/readyz").json()["status"] == "ok"
    other = TestClient(create_app(settings, store, clock), cookies=admin.cookies)
    assert other.post("/api/areas", json=park()).status_code == 201
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["parts"]["link_index"] == "was behind the published boundaries"
    built = client.app.state.service.linkers  # type: ignore[attr-defined]  # as above
    assert len(built) == 1
    assert client.get("/readyz").json()["status"] == "ok"
    assert other.post("/api/areas", json=park("PK-02", column=20)).status_code == 201
    assert client.get("/readyz").json()["status"] == "degraded"
    assert len(built) == 2


def test_what_nobody_can_look_up_about_the_link_index_is_no_reason_to_be_unready(
    client: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise errors.StoreUnavailable("The database does not answer.")

    monkeypatch.setattr(store, "begin", away)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["parts"]["link_index"]) == (200, "unknown")


def test_watchdogs_are_answered_when_every_thread_is_taken(
    store: Store, settings: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(settings.model_copy(update={"store_pool_size": 1, "job_threads": 0}), store, clock)
    at_work, go_on = threading.Semaphore(0), threading.Event()

    def block() -> Response:
        at_work.release()
        assert go_on.wait(30)
        return Response()

    app.add_api_route("/block", block)
    monkeypatch.setattr("api.deps.RIGHTS", {**RIGHTS, ("GET", "/block"): "public"})
    with TestClient(app, client=("127.0.0.1", 1)) as client, ThreadPoolExecutor(8) as callers:
        blocked = [callers.submit(client.get, "/block") for _ in range(2)]
        assert all(at_work.acquire(timeout=10) for _ in blocked)
        waiting = callers.submit(client.get, "/api/parcels")
        try:
            for path in ("/livez", "/readyz", "/healthz", "/metrics"):
                assert callers.submit(client.get, path).result(5).status_code == 200
            stranger = TestClient(app)
            stranger.portal = client.portal
            assert callers.submit(stranger.get, "/metrics").result(5).status_code == 403
            assert not waiting.done(), "the threads were not all taken"
        finally:
            go_on.set()
        assert {each.result(10).status_code for each in (*blocked, waiting)} == {200}


def test_a_store_that_keeps_readiness_waiting_keeps_the_sign_of_life_from_nobody(
    store: Store, settings: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        TestClient(create_app(settings, store, clock)) as client,
        ThreadPoolExecutor(12) as callers,
    ):
        go_on = threading.Event()
        monkeypatch.setattr(store, "check", lambda: go_on.wait(30))
        asked = [callers.submit(client.get, "/readyz") for _ in range(10)]
        try:
            assert callers.submit(client.get, "/livez").result(5).status_code == 200
            assert callers.submit(client.get, "/api/parcels").result(5).status_code == 200
            assert not any(each.done() for each in asked)
        finally:
            go_on.set()
        assert {each.result(10).status_code for each in asked} == {200}
