"""The log tells what happened, to which request, and never who somebody is or what they wrote."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterable, Iterator
from typing import Any

import psycopg2
import pytest
from fastapi import FastAPI, Request
from httpx import Response
from sqlalchemy.exc import DBAPIError
from starlette.testclient import TestClient

from api import hot, journal
from api.app import create_app
from api.rights import RIGHTS
from gridgov.access import Scope
from gridgov.settings import Settings
from gridgov.store import Store
from gridgov.store.watching import CURRENT
from tests.api.conftest import PASSWORD, Clock, SignedIn, point
from tests.fixtures_store import NOW, ZONE
from tests.images.specimens import encoded, picture

NAME, PHONE, TEXT, SEARCHED = "张丽华", "13812345678", "隔壁夜里太吵", "王建国"
FILE, LOGIN, WRONG, ADDRESS = "李四的房产.csv", "zhaoliu", "hunter2-secret", "203.0.113.77"
PHOTO, DEVICE = "孙七家门口.jpg", "device-of-sunqi-0123456789"
PLANTED = (
    NAME, PHONE, TEXT, SEARCHED, FILE, "李四", LOGIN, WRONG, PASSWORD, ADDRESS, PHOTO, "孙七", DEVICE
)  # fmt: skip


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


def sent(answer: Response, status: int) -> dict[str, Any]:
    """The body of an answer that must have this status: what was refused at the door would prove nothing."""
    assert answer.status_code == status, answer.text
    body = answer.json() if answer.content and "json" in answer.headers["content-type"] else {}
    return dict(body)


def report_and_photo(client: TestClient, staff: TestClient, admin: TestClient) -> None:
    """A resident's report with its contact and a photo, and what the office does with them."""
    spot = dict(zip(("lon", "lat"), point()["coordinates"], strict=True))
    report = {
        "category": "noise", "text": TEXT, **spot, "position_source": "hand",
        "contact": {"name": NAME, "phone": PHONE},
    }  # fmt: skip
    headers = {"X-Forwarded-For": ADDRESS, "X-Device-Token": DEVICE, "User-Agent": f"phone of {PHONE}"}
    issue = sent(client.post("/api/issues", json=report, headers=headers), 201)["issue"]["id"]
    path = f"/api/issues/{issue}"
    photo = {"file": (PHOTO, encoded(picture()), "image/jpeg")}
    kept = sent(client.post(f"{path}/attachments", files=photo, headers=headers), 201)
    assert sent(staff.get(f"{path}/attachments"), 200)["items"][0]["file_name"] == PHOTO
    sent(staff.get(kept["content"]), 200)
    assert sent(staff.get(f"{path}/contact"), 200)["name"] == NAME
    sent(admin.delete(f"{path}/contact"), 200)
    sent(admin.delete(f"{path}/attachments/{kept['id']}"), 204)
    cut = f'{{"contact": {{"name": "{NAME}", '.encode()
    sent(client.post("/api/issues", content=cut, headers={"content-type": "application/json"}), 400)
    sent(client.post("/api/issues", json={**report, PHONE: NAME}), 400)


def search_and_sign_in(client: TestClient, staff: TestClient) -> None:
    """Words in addresses, and wrong passwords."""
    sent(staff.get("/api/issues", params={"q": SEARCHED}), 200)
    sent(staff.get("/api/issues", params={SEARCHED: SEARCHED}), 400)
    sent(client.post("/api/session", json={"login": LOGIN, "password": WRONG}), 401)
    sent(client.post("/api/session", json={"login": PHONE, "password": WRONG}), 401)
    sent(staff.get(f"/api/issues/{PHONE}"), 400)
    sent(staff.get(f"/z/{PHONE}/api/issues"), 404)
    sent(staff.get(f"/{NAME}/{PHONE}"), 404)
    sent(staff.request(PHONE, "/api/issues"), 405)
    sent(staff.post("/api/units", json={"code": NAME, "name_zh": {"x": PHONE}}), 400)


def import_and_make_token(client: TestClient, staff: TestClient, admin: TestClient) -> str:
    """A file at once and as a job, good and faulty, and a token with its use; returns the token."""
    file = (FILE, f"code,{NAME}\n{PHONE},{TEXT}\n".encode())
    sent(staff.post("/api/import?kind=units&dry_run=true", files={"file": file}), 200)
    table = f"编号,设施类型,名称,东坐标,北坐标\n0601,公厕,{NAME},435133.67,3735042.32\n".encode()
    query = "/api/import-jobs?kind=facilities"
    job = sent(staff.post(query, files={"file": (FILE, table)}), 202)["id"]
    bad = sent(
        staff.post(query, files={"file": (FILE, table.replace("公厕".encode(), PHONE.encode()))}), 202
    )["id"]
    work = client.app.state.service.runner.run_due_once  # type: ignore[attr-defined]  # as a worker beside the service
    assert [work(), work()] == [True, True]
    assert sent(staff.get(f"/api/jobs/{job}"), 200)["state"] == "done"
    sent(staff.get(f"/api/jobs/{bad}"), 200)
    sent(staff.post(f"/api/jobs/{job}/confirm", json={"crs": "EPSG:4547"}), 202)
    assert work()
    assert NAME in staff.get("/api/facilities").text
    token = str(sent(admin.post("/api/tokens", json={"name": "weather-feed", "role": "staff"}), 201)["token"])
    program = TestClient(client.app, headers={"Authorization": f"Bearer {token}"})
    sent(program.get("/api/issues", params={"q": SEARCHED}), 200)
    return token


def break_it(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults of ours whose messages repeat what somebody wrote."""
    monkeypatch.setattr(
        "api.deps.RIGHTS", {**RIGHTS, ("GET", "/broken"): "public", ("GET", "/away"): "public"}
    )
    cause = psycopg2.IntegrityError(f"duplicate key\nDETAIL:  Key (login)=({LOGIN}) already exists.\n{PHONE}")
    failure = ValueError(f"cannot use {NAME} {PHONE}")
    failure.__cause__ = DBAPIError("INSERT", {"name": NAME}, cause)
    breaking(client, "/broken", failure)
    sent(client.get("/broken"), 500)
    breaking(client, "/away", ExceptionGroup(NAME, [OSError(5, NAME), KeyError(PHONE)]))
    sent(client.get("/away"), 500)


def found_in(log: str, words: Iterable[str]) -> list[str]:
    """Those of the words that the log holds, as they are or escaped."""
    return [word for word in words if word in log or ascii(word)[1:-1] in log]


def test_nothing_personal_is_in_the_log(
    client: TestClient, sign_in: SignedIn, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff, admin = sign_in("staff", LOGIN), sign_in("admin")
    report_and_photo(client, staff, admin)
    search_and_sign_in(client, staff)
    token = import_and_make_token(client, staff, admin)
    break_it(client, monkeypatch)
    text = log.getvalue()
    assert text.count("/api/issues") >= 10
    assert "ValueError" in text
    assert found_in(text, PLANTED) == []
    cookies = [value for each in (client, staff, admin) for held in each.cookies.jar if (value := held.value)]
    assert len(cookies) == 2
    assert found_in(text, [*cookies, token]) == []


@pytest.mark.parametrize("form", ["text"], indirect=True)
def test_that_test_would_notice_a_log_of_bodies_or_addresses(
    client: TestClient, sign_in: SignedIn, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw_json = hot.raw_json

    async def told(request: Request) -> bytes:
        body = await raw_json(request)
        journal.ACCESS.info("%s %s", request.url, body.decode())
        return body

    app = client.app
    assert isinstance(app, FastAPI)
    app.dependency_overrides[raw_json] = told
    staff, admin = sign_in("staff", LOGIN), sign_in("admin")
    report_and_photo(client, staff, admin)
    assert {NAME, PHONE, TEXT, PASSWORD} <= set(found_in(log.getvalue(), PLANTED))


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
