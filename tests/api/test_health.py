"""Watchdogs: the process lives, the service is ready, and a part that is not is named without telling a secret."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.health import Readiness
from gridgov import errors
from gridgov.settings import Settings
from gridgov.store import Store
from tests.api.conftest import Clock


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
        "parts": dict.fromkeys(("process", "link_index", "store", "migrations", "files"), "ok"),
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
    store: Store, settings: Settings, clock: Clock
) -> None:
    app = create_app(settings, store, clock)
    assert len(app.state.service.linkers) == 0
    with TestClient(app) as client:
        assert client.get("/readyz").status_code == 200
        assert len(app.state.service.linkers) == 1
