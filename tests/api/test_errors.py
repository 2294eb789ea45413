"""Every error is a problem: one table, one shape, plain words, and nothing of the machine."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api import deps
from api.errors import STATUSES, row_of, slug
from api.rights import PUBLIC
from gridgov import errors
from gridgov.errors import GridgovError
from gridgov.store import Store
from tests.api.conftest import SignedIn, parcel


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    """These are about answers, so one store is enough."""
    return sqlite_store


def every_error(kind: type[GridgovError] = GridgovError) -> Iterator[type[GridgovError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from every_error(below)


@pytest.mark.parametrize("kind", list(every_error()), ids=lambda kind: kind.__name__)
def test_every_error_has_a_status(kind: type[GridgovError]) -> None:
    status, title, title_zh = row_of(kind("message"))
    assert 400 <= status <= 507
    assert title
    assert re.search("[一-龥]", title_zh)


def test_the_table_names_no_error_that_does_not_exist() -> None:
    assert set(STATUSES) <= set(every_error())


def test_names_become_problem_types() -> None:
    assert slug("InvalidGeometry") == "invalid-geometry"


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nothing", 404, "no-route"),
        ("GET", "/api", 404, "no-route"),
        ("GET", "/api/parcels/", 404, "no-route"),
        ("GET", "/z/%2e%2e/api/parcels", 404, "not-found"),
        ("PUT", "/api/parcels", 405, "method-not-allowed"),
        ("TRACE", "/healthz", 405, "method-not-allowed"),
    ],
)
def test_what_no_route_takes(client: TestClient, method: str, path: str, status: int, kind: str) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:gridgov:problem:{kind}")
    assert answer.headers["content-type"] == "application/problem+json"
    if status == 405:
        assert answer.headers["allow"]


def test_a_problem_has_one_shape_and_the_headers_of_every_answer(client: TestClient) -> None:
    answer = client.get("/api/parcels?x=1")
    assert set(answer.json()) == {"type", "title", "title_zh", "status", "detail", "instance", "details"}
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def failing(error: Exception) -> Any:
    def begin(*_: Any, **__: Any) -> None:
        raise error

    return begin


def test_a_fault_of_ours_says_an_incident_and_nothing_else(
    client: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client.get("/api/parcels")
    monkeypatch.setattr(store, "begin", failing(RuntimeError("the password is on line 12")))
    with caplog.at_level(logging.ERROR, "gridgov.api"):
        answer = client.get("/api/parcels")
    assert answer.status_code == 500
    assert "password" not in answer.text
    incident = answer.json()["details"]["incident"]
    assert incident in answer.json()["detail"]
    assert incident in caplog.text
    assert "the password is on line 12" in caplog.text


@pytest.mark.parametrize("kind", [errors.StoreUnavailable, errors.StoreBusy])
def test_a_store_that_is_away_is_503_with_retry_after(
    client: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch, kind: type[GridgovError]
) -> None:
    monkeypatch.setattr(store, "begin", failing(kind("The database does not answer.", retry_after=7)))
    answer = client.get("/api/parcels")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")


def test_a_parameter_that_the_framework_refuses_is_told_in_plain_words(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def route(number: int) -> int:
        return number

    app = client.app
    assert isinstance(app, FastAPI)
    app.add_api_route("/number", route, methods=["GET"])
    monkeypatch.setattr(deps, "RIGHTS", {("GET", "/number"): PUBLIC})
    answer = client.get("/number?number=many")
    body = answer.json()
    assert (answer.status_code, body["type"]) == (422, "urn:gridgov:problem:invalid-parameter")
    assert [(fault["in"], fault["name"]) for fault in body["details"]["faults"]] == [("query", "number")]
    assert "number" in body["detail"]


def test_head_is_a_get_without_a_body(staff: TestClient) -> None:
    made = staff.post("/api/parcels", json=parcel()).json()
    answer = staff.head(f"/api/parcels/{made['id']}")
    assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')


def test_large_answers_are_packed_for_clients_that_take_it(sign_in: SignedIn) -> None:
    staff = sign_in("staff")
    staff.post("/api/parcels", json=parcel())
    packed = staff.get("/api/parcels", headers={"Accept-Encoding": "gzip"})
    plain = staff.get("/api/parcels", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()
    assert "Accept-Encoding" in plain.headers["vary"]
