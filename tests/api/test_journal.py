"""The log tells what happened, to which request, and never who somebody is or what they wrote."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError
from starlette.testclient import TestClient

from api import journal
from api.app import create_app
from api.rights import RIGHTS
from gridgov.access import Scope
from gridgov.settings import Settings
from gridgov.store import Store
from gridgov.store.watching import CURRENT
from tests.api.conftest import PASSWORD, Clock, SignedIn, point
from tests.fixtures_store import NOW, ZONE

NAME, PHONE, TEXT, SEARCHED = "张丽华", "13812345678", "隔壁夜里太吵", "王建国"
FILE, LOGIN, WRONG, ADDRESS = "李四的房产.csv", "zhaoliu", "hunter2-secret", "203.0.113.77"
PLANTED = (NAME, PHONE, TEXT, SEARCHED, FILE, "李四", LOGIN, WRONG, PASSWORD, ADDRESS)


@pytest.fixture
def restored() -> Iterator[None]:
    """The logging of the test run as it was."""
    root = logging.getLogger()
    names = (*journal.OWN, "uvicorn.access")
    kept = root.handlers[:], root.level, [(n, logging.getLogger(n).level) for n in names]
    yield
    root.handlers[:], root.level = kept[0], kept[1]
    for name, level in kept[2]:
        logging.getLogger(name).setLevel(level)
    logging.getLogger("uvicorn.access").disabled = False
    CURRENT.set(None)


@pytest.fixture(params=["json", "text"])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def log(restored: None, settings: Settings, form: str) -> io.StringIO:
    """Everything that is logged at the most talkative level."""
    stream = io.StringIO()
    journal.configure(settings.model_copy(update={"log_format": form, "log_level": "debug"}), stream)
    return stream


json_only = pytest.mark.parametrize("form", ["json"], indirect=True)


def told(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def breaking(client: TestClient, path: str, error: Exception) -> None:
    """A route that fails with `error`, open to all."""
    app = client.app
    assert isinstance(app, FastAPI)

    def fail() -> None:
        raise error

    app.add_api_route(path, fail, methods=["GET"])


def ask_everything(client: TestClient, sign_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kind of request that carries something personal."""
    report = {
        "geometry": point(), "category": "noise", "description": TEXT, "title": TEXT, "location_source": "map",
        "contact_name": NAME, "contact_phone": PHONE,
    }  # fmt: skip
    headers = {
        "X-Forwarded-For": ADDRESS,
        "X-Device-Token": PHONE,
        "User-Agent": f"phone of {PHONE}",
    }
    client.post("/api/issues", json=report, headers=headers)
    client.post(
        "/api/issues",
        content=f'{{"contact_name": "{NAME}", '.encode(),
        headers={"content-type": "application/json"},
    )
    staff = sign_in("staff", LOGIN)
    client.post("/api/session", json={"login": LOGIN, "password": WRONG})
    client.post("/api/session", json={"login": PHONE, "password": WRONG})
    staff.get("/api/issues", params={"q": SEARCHED})
    staff.get("/api/issues", params={SEARCHED: SEARCHED})
    staff.get(f"/api/issues/{PHONE}")
    staff.get(f"/z/{PHONE}/api/issues")
    staff.get(f"/{NAME}/{PHONE}")
    staff.request(PHONE, "/api/issues")
    staff.post(
        "/api/import?kind=units&dry_run=true",
        files={"file": (FILE, f"code,{NAME}\n{PHONE},{TEXT}\n".encode())},
    )
    staff.post("/api/units", json={"code": NAME, "name_zh": {"x": PHONE}})
    monkeypatch.setattr(
        "api.deps.RIGHTS", {**RIGHTS, ("GET", "/broken"): "public", ("GET", "/away"): "public"}
    )
    cause = psycopg2.IntegrityError(f"duplicate key\nDETAIL:  Key (login)=({LOGIN}) already exists.\n{PHONE}")
    failure = ValueError(f"cannot use {NAME} {PHONE}")
    failure.__cause__ = DBAPIError("INSERT", {"name": NAME}, cause)
    breaking(client, "/broken", failure)
    assert client.get("/broken").status_code == 500
    breaking(client, "/away", ExceptionGroup(NAME, [OSError(5, NAME), KeyError(PHONE)]))
    assert client.get("/away").status_code == 500


def test_nothing_personal_is_in_the_log(
    client: TestClient, sign_in: SignedIn, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_everything(client, sign_in, monkeypatch)
    text = log.getvalue()
    assert text.count("/api/issues") >= 4
    assert "ValueError" in text
    assert [planted for planted in PLANTED if planted in text or ascii(planted)[1:-1] in text] == []
    cookies = [value for each in client.cookies.jar if (value := each.value)]
    assert all(cookie not in text for cookie in cookies)


def test_a_value_that_the_database_repeats_is_not_in_the_log(
    client: TestClient, store: Store, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = client.app
    assert isinstance(app, FastAPI)

    def fail() -> None:
        with store.begin(Scope.system(ZONE), NOW, write=True) as tx:
            statement = "INSERT INTO zones (zone, name_zh) VALUES ('%s', '%s')" % (ZONE, PHONE)  # noqa: UP031
            tx.connection.exec_driver_sql(statement)  # type: ignore[attr-defined]  # behind the protocol on purpose

    app.add_api_route("/broken", fail, methods=["GET"])
    monkeypatch.setattr("api.deps.RIGHTS", {("GET", "/broken"): "public"})
    assert client.get("/broken").status_code in (409, 500)
    assert PHONE not in log.getvalue()
    assert "/broken" in log.getvalue()


@json_only
def test_each_request_has_one_line_that_says_what_it_cost(client: TestClient, log: io.StringIO) -> None:
    answer = client.get("/api/parcels?limit=3")
    [line] = told(log)
    assert line["request"] == answer.headers["x-request-id"]
    assert (line["logger"], line["method"], line["route"]) == ("gridgov.access", "GET", "/api/parcels")
    assert (line["status"], line["bytes"]) == (200, len(answer.content))
    assert line["statements"] >= 2
    assert 0 < line["store_ms"] < line["ms"]


@json_only
def test_what_has_no_route_is_logged_without_its_path(client: TestClient, log: io.StringIO) -> None:
    client.get(f"/wp-admin/{PHONE}")
    [line] = told(log)
    assert (line["route"], line["status"]) == ("none", 404)


@json_only
def test_a_fault_is_told_once_with_its_incident_and_its_places(
    client: TestClient, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaking(client, "/broken", KeyError(PHONE))
    monkeypatch.setattr("api.deps.RIGHTS", {("GET", "/broken"): "public"})
    answer = client.get("/broken")
    fault, access = told(log)
    incident = answer.json()["details"]["incident"]
    assert fault["incident"] == access["incident"] == incident
    assert fault["request"] == access["request"] == answer.headers["x-request-id"]
    assert [each["type"] for each in fault["exception"]] == ["KeyError"]
    assert fault["exception"][0]["at"][-1].endswith(" fail")
    repeated = logging.getLogger("uvicorn.error")
    repeated.error("Exception in ASGI application\n", exc_info=KeyError(PHONE))
    assert PHONE not in log.getvalue()


@pytest.mark.parametrize(
    ("peer", "given", "taken"),
    [
        ("10.0.0.5", "abc-DEF_1.2", True),
        ("10.0.0.5", "x" * 65, False),
        ("10.0.0.5", "two words", False),
        ("10.0.0.5", 'a"b', False),
        ("192.0.2.1", "abc", False),
    ],
)
def test_a_request_id_is_taken_from_our_proxies_only(
    sqlite_store: Store, settings: Settings, clock: Clock, peer: str, given: str, taken: bool
) -> None:
    behind = settings.model_copy(update={"trusted_proxies": "10.0.0.0/8"})
    client = TestClient(create_app(behind, sqlite_store, clock), client=(peer, 5000))
    answer = client.get("/livez", headers={"X-Request-Id": given})
    assert (answer.headers["x-request-id"] == given) is taken
    assert answer.headers["x-request-id"]


@json_only
def test_slow_statements_are_told_without_their_values(
    client: TestClient, staff: TestClient, store: Store, log: io.StringIO
) -> None:
    store.watching.slow_ms = 1
    slow = {
        "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<400000) SELECT max(i), ?"
        " FROM n",
        "postgresql": "SELECT pg_sleep(0.05), %s",
    }
    with store.begin(Scope.system(ZONE), NOW) as tx:
        tx.connection.exec_driver_sql(slow[tx.dialect.name], (PHONE,))  # type: ignore[attr-defined]  # on purpose
    lines = [line for line in told(log) if line["message"] == "slow statement"]
    assert lines[-1]["ms"] > 1
    assert lines[-1]["statement"].startswith(("WITH RECURSIVE", "SELECT pg_sleep"))
    assert PHONE not in log.getvalue()
    store.watching.slow_ms = 0
    before = len(log.getvalue())
    with store.begin(Scope.system(ZONE), NOW) as tx:
        tx.connection.exec_driver_sql(slow[tx.dialect.name], (PHONE,))  # type: ignore[attr-defined]  # on purpose
    assert len(log.getvalue()) == before


@json_only
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_on_sqlite_the_fetching_of_rows_counts_too(
    client: TestClient, store: Store, log: io.StringIO
) -> None:
    """The first row is there at once; the work is done row by row."""
    store.watching.slow_ms = 20
    rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<300000) SELECT i FROM n"
    with store.begin(Scope.system(ZONE), NOW) as tx:
        tx.connection.exec_driver_sql(rows).fetchall()  # type: ignore[attr-defined]  # behind the protocol on purpose
    [line] = told(log)
    assert (line["message"], line["ms"] > 20) == ("slow statement", True)
