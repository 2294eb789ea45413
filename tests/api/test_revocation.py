"""What ends in one worker has ended in every other within a second: by the rule, and in two processes for real."""

from __future__ import annotations

import datetime as dt
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from api import records, sessions
from api.app import create_app
from api.directory import Directory
from api.memory import Memory
from api.passwords import add_account
from api.records import read_values
from gridgov.access import Scope
from gridgov.settings import Settings
from gridgov.store import Store, Tx
from gridgov.store.queries import accounts
from gridgov.store.queries.zones import open_issues
from tests.api.conftest import PASSWORD, Clock, SignedIn, parcel, park, token_of
from tests.fixtures_store import NOW, ZONE

OpenAgain = Callable[[Store], Store]
CHANGES: dict[str, dict[str, Any]] = {
    "disabled": {"disabled": True},
    "password": {"password": "another password"},
    "role": {"role": "grid_worker"},
    "areas": {"area_codes": []},
}


def account_of(admin: TestClient, login: str) -> str:
    [found] = [user["id"] for user in admin.get("/api/users").json()["items"] if user["login"] == login]
    return str(found)


class TestByTheRule:
    """Two workers with one store, and a clock that the test moves."""

    @pytest.fixture
    def other(self, store: Store, open_again: OpenAgain, settings: Settings, clock: Clock) -> TestClient:
        """The second worker, with a connection of its own."""
        again = open_again(store)
        app = create_app(settings, again, clock)
        app.state.service.directory = Directory(again, settings.default_zone, clock.ticks)
        return TestClient(app, raise_server_exceptions=False)

    @pytest.mark.parametrize("way", ["sign-out", *CHANGES])
    def test_a_session_ends_everywhere(
        self, other: TestClient, admin: TestClient, sign_in: SignedIn, clock: Clock, way: str
    ) -> None:
        staff = sign_in("staff")
        other.cookies = staff.cookies
        assert other.get("/api/parcels/x/history").status_code == 400  # staff may ask
        if way == "sign-out":
            staff.delete("/api/session")
        else:
            admin.patch(f"/api/users/{account_of(admin, 'staff')}", json=CHANGES[way])
        clock.forward(milliseconds=900)
        assert other.get("/api/parcels/x/history").status_code == 401

    def test_a_token_ends_everywhere(self, other: TestClient, admin: TestClient, clock: Clock) -> None:
        made = admin.post("/api/tokens", json={"name": "feed", "role": "staff"}).json()
        other.headers["Authorization"] = f"Bearer {made['token']}"
        assert other.get("/api/parcels").status_code == 200
        admin.delete(f"/api/tokens/{made['id']}")
        clock.forward(milliseconds=900)
        assert other.get("/api/parcels").status_code == 401

    @pytest.mark.parametrize("way", ["sign-out", "token"])
    def test_what_was_remembered_and_the_time_under_way_add_up_to_less_than_a_second(
        self,
        other: TestClient,
        admin: TestClient,
        staff: TestClient,
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
        way: str,
    ) -> None:
        made = admin.post("/api/tokens", json={"name": "feed", "role": "staff"}).json()
        if way == "token":
            other.headers["Authorization"] = f"Bearer {made['token']}"
        else:
            other.cookies = staff.cookies

        def read_late(*given: Any) -> dict[str, Any]:
            clock.forward(milliseconds=450)
            return read_values(*given)

        monkeypatch.setattr(records, "read_values", read_late)
        assert other.post("/api/parcels", json=parcel(1)).status_code == 201  # the right was read before it
        if way == "token":
            admin.delete(f"/api/tokens/{made['id']}")
        else:
            staff.delete("/api/session")
        clock.forward(milliseconds=400)  # still remembered
        late = other.post("/api/parcels", json=parcel(2))
        assert late.status_code == 401
        assert "under way" in late.json()["detail"]

    def test_a_right_ages_by_either_clock(self) -> None:
        ticks = [100.0]
        memory = Memory(lambda: ticks[0])
        _, since = memory.dated("key", NOW, lambda: "a right")
        almost, over = dt.timedelta(milliseconds=899), dt.timedelta(milliseconds=900)
        assert memory.fresh(since, NOW + almost)
        assert not memory.fresh(since, NOW + over)
        assert not memory.fresh(since, NOW - almost)
        assert memory.dated("key", NOW + almost, lambda: "another")[1] == since
        ticks[0] += 0.9
        assert not memory.fresh(since, NOW)

    def test_what_was_read_anew_meanwhile_is_not_set_back_to_what_it_was(self) -> None:
        memory = Memory(lambda: 100.0)
        _, before = memory.dated("key", NOW, lambda: "staff")
        later = NOW + dt.timedelta(seconds=1)
        memory.get("key", later, lambda: "grid worker")
        memory.amend("key", "staff, set right", before)
        assert memory.peek("key", later) == "grid worker"

    def test_a_clock_set_back_makes_nothing_last_longer(
        self, other: TestClient, staff: TestClient, clock: Clock
    ) -> None:
        other.cookies = staff.cookies
        assert other.get("/api/parcels/x/history").status_code == 400
        staff.delete("/api/session")
        clock.forward(seconds=-30)
        assert other.get("/api/parcels/x/history").status_code == 401

    def test_a_new_session_and_a_new_token_are_known_at_once(
        self, other: TestClient, client: TestClient, admin: TestClient
    ) -> None:
        unknown = "gg_" + "x" * 43
        assert other.get("/api/parcels", headers={"Authorization": f"Bearer {unknown}"}).status_code == 401
        made = admin.post("/api/tokens", json={"name": "feed", "role": "staff"}).json()
        header = {"Authorization": f"Bearer {made['token']}"}
        assert other.get("/api/parcels", headers=header).status_code == 200
        other.cookies = admin.cookies
        assert other.get("/api/users").status_code == 200

    def test_closed_issues_are_closed_everywhere(
        self, other: TestClient, client: TestClient, store: Store, clock: Clock
    ) -> None:
        def set_issues(*, opened: bool) -> None:
            with store.begin(Scope.system(ZONE), clock.now, write=True) as tx:
                open_issues(tx, opened=opened)
            clock.forward(milliseconds=900)

        client.post("/api/issues", json={"category": "weeds", "lon": 113.3, "lat": 33.7})
        set_issues(opened=True)
        assert [len(each.get("/api/issues").json()["items"]) for each in (client, other)] == [1, 1]
        set_issues(opened=False)
        assert [len(each.get("/api/issues").json()["items"]) for each in (client, other)] == [0, 0]

    def test_an_area_that_moved_away_takes_its_issues_along(
        self, other: TestClient, admin: TestClient, sign_in: SignedIn, clock: Clock
    ) -> None:
        """The areas of a grid worker are remembered with what lies below them, and as briefly."""
        street = admin.post("/api/areas", json={**park("S-1"), "kind": "street"}).json()
        below = {**park("G-1", size=5), "kind": "grid", "parent_id": street["id"]}
        grid = admin.post("/api/areas", json=below)
        assert grid.status_code == 201, grid.text
        issue = {"category": "weeds", "lon": 113.302, "lat": 33.702}
        assert admin.post("/api/issues", json=issue).status_code == 201
        sign_in("grid_worker", "worker", ("G-1",))
        other.post("/api/session", json={"login": "worker", "password": PASSWORD})
        assert len(other.get("/api/issues").json()["items"]) == 1
        ended = admin.delete(f"/api/areas/{grid.json()['id']}", headers={"If-Match": grid.headers["etag"]})
        assert ended.status_code == 200, ended.text
        clock.forward(milliseconds=900)
        assert other.get("/api/issues").json()["items"] == []


class TestLiving:
    """What a request that took long is asked about again before it writes."""

    CHANGES: ClassVar[dict[str, dict[str, Any]]] = {
        "role": {"role": "grid_worker"},
        "areas": {"area_codes": ["G-1"]},
        "department": {"department_code": "D-1"},
        "disabled": {"disabled_at": NOW},
    }

    def living(self, store: Store, staff: TestClient, change: Callable[[Tx, sessions.Session], None]) -> bool:
        with store.begin(Scope.system(ZONE), NOW, write=True) as tx:
            seen = sessions.read(tx, token_of(staff))
            assert seen is not None
            assert sessions.living(tx, seen)
            change(tx, seen)
            return sessions.living(tx, seen)

    @pytest.mark.parametrize("what", CHANGES)
    def test_other_rights_than_it_began_with_end_it(self, staff: TestClient, store: Store, what: str) -> None:
        def change(tx: Tx, session: sessions.Session) -> None:
            accounts.change_user(tx, session.user_id, self.CHANGES[what])

        assert not self.living(store, staff, change)

    def test_another_name_and_a_newer_token_do_not(self, staff: TestClient, store: Store) -> None:
        def change(tx: Tx, session: sessions.Session) -> None:
            accounts.change_user(tx, session.user_id, {"display_name": "另一个名字"})
            accounts.replace_older_tokens(tx, session.family, tx.now + dt.timedelta(seconds=1))

        assert self.living(store, staff, change)


@dataclass
class Worker:
    """A process that serves, and a way to ask it."""

    process: subprocess.Popen[bytes]
    port: int

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> http.client.HTTPResponse:
        """One request on a connection of its own; the answer is read."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        content = None if body is None else json.dumps(body)
        line.request(method, path, content, {"Content-Type": "application/json", **headers})
        answer = line.getresponse()
        self.body = answer.read()
        line.close()
        return answer

    def status(self, path: str, **headers: str) -> int:
        return self.ask("GET", path, **headers).status

    def sign_in(self, login: str) -> dict[str, str]:
        """The header that a signed-in browser sends."""
        answer = self.ask("POST", "/api/session", {"login": login, "password": PASSWORD})
        assert answer.status == 200, self.body
        return {"Cookie": str(answer.getheader("Set-Cookie")).partition(";")[0]}


@pytest.fixture
def workers(store: Store, request: pytest.FixtureRequest) -> Iterator[tuple[Worker, Worker]]:
    """Two processes of the service over the test's store."""
    with store.begin(Scope.system(ZONE), NOW, write=True) as tx:
        add_account(tx, "admin", PASSWORD, "admin", "管理员", (), None)
        for login in ("sign-out", *CHANGES):
            add_account(tx, login, PASSWORD, "staff", login, (), None)
    url = store.url
    if url.startswith("postgresql"):  # a store tells its address without the password
        url = urlsplit(request.getfixturevalue("postgis_url"))._replace(path=urlsplit(url).path).geturl()
    made = (start_worker(url), start_worker(url))
    try:
        for worker in made:
            until_ready(worker)
        yield made
    finally:
        for worker in made:
            worker.process.terminate()
        for worker in made:
            worker.process.wait(20)


def start_worker(url: str) -> Worker:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GRIDGOV_")}
    environment |= {"GRIDGOV_DATABASE_URL": url, "GRIDGOV_SECRET": "s" * 40, "GRIDGOV_JOB_THREADS": "0"}
    command = [sys.executable, "-c", "from api.cli import main; main()", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return Worker(process, port)


def until_ready(worker: Worker) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert worker.process.poll() is None, "the service did not start"
        try:
            if worker.status("/readyz") == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the service was not ready within a minute")


@pytest.mark.slow
def test_two_processes_refuse_within_a_second(workers: tuple[Worker, Worker]) -> None:
    """All ways of ending at once; every request that began a second after the answer to it is refused."""
    one, two = workers
    admin = one.sign_in("admin")
    token = json.loads(read(one, "POST", "/api/tokens", {"name": "feed", "role": "staff"}, admin))
    callers = {login: one.sign_in(login) for login in ("sign-out", *CHANGES)}
    callers["token"] = {"Authorization": f"Bearer {token['token']}"}
    users = {
        user["login"]: user["id"] for user in json.loads(read(one, "GET", "/api/users", None, admin))["items"]
    }
    for headers in callers.values():
        assert two.status("/api/parcels/x/history", **headers) == 400

    ended = {}
    for login, headers in callers.items():
        assert two.status("/api/parcels/x/history", **headers) == 400  # remembered at this moment
        if login == "sign-out":
            read(one, "DELETE", "/api/session", None, headers, 204)
        elif login == "token":
            read(one, "DELETE", f"/api/tokens/{token['id']}", None, admin)
        else:
            read(one, "PATCH", f"/api/users/{users[login]}", CHANGES[login], admin)
        ended[login] = time.monotonic()

    late, last = [], max(ended.values()) + 1.2
    while time.monotonic() < last:
        for login, headers in callers.items():
            began = time.monotonic()
            status = two.status("/api/parcels/x/history", **headers)
            if began - ended[login] >= 1:
                late.append((login, status))
    assert {login for login, _ in late} == set(callers)
    assert {status for _, status in late} == {401}


def read(
    worker: Worker, method: str, path: str, body: Any, headers: dict[str, str], status: int | None = None
) -> bytes:
    answer = worker.ask(method, path, body, **headers)
    assert answer.status in ((status,) if status else (200, 201)), worker.body
    return worker.body


def test_a_copied_token_is_told_from_a_renewed_one(
    staff: TestClient, store: Store, open_again: OpenAgain, settings: Settings, clock: Clock
) -> None:
    """A token that was replaced in one worker ends the sign-in when it comes to another one later."""
    stolen = token_of(staff)
    other = TestClient(create_app(settings, open_again(store), clock))
    clock.forward(minutes=15)
    staff.get("/api/session")  # brings a new token
    staff.get("/api/session")  # uses it
    clock.forward(seconds=11)
    other.cookies.set(sessions.COOKIE, stolen)
    assert other.get("/api/session").json() == {"user": None}
    clock.forward(seconds=1)
    assert staff.get("/api/session").json() == {"user": None}
