"""Every route × every caller: allowed or refused exactly as the tables of rights and actions say, on both stores."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from api.observing import AtOnce, OnWatch
from api.passwords import add_account
from api.rights import OPERATOR, PUBLIC, RIGHTS
from gridgov.access import ACTIONS, PEOPLE_ONLY, Role, Scope
from gridgov.settings import Settings
from gridgov.store import Store
from gridgov.store.queries.zones import Zone, make_zone
from tests.api.conftest import PASSWORD, Clock, SignedIn, on_sqlite, park
from tests.fixtures_store import NOW, ZONE

ROUTES = sorted(RIGHTS)
NOBODY = "00000000-0000-7000-8000-000000000000"
FILLED = {
    "identifier": NOBODY,
    "attachment": NOBODY,
    "kind": "parcels",
    "view": "parks",
    "name:path": "tokens.css",
    "name": "parcels.csv",
}
# Routes of the table that ask who the caller is although they are open to all: a dead token is told so there too.
ASK_WHO = {("GET", "/api/session"), ("POST", "/api/session"), ("DELETE", "/api/session")}
# A stranger's photo must say which device it comes from.
DEVICE = {"X-Device-Token": "a device of nobody"}
# Actions that no route is, each with where it is asked for instead.
NO_ROUTE: dict[str, str] = {}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Two zones: paths without one mean the first."""
    return settings.model_copy(update={"default_zone": ZONE})


def filled(path: str) -> str:
    """A path with parameters that name nothing."""
    for name, value in FILLED.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path, f"FILLED has no value for a parameter of {path}"
    return path


def leaves(routes: Any) -> Iterator[Any]:
    """Every route of an app, those of included routers too."""
    for route in routes:
        inner = getattr(getattr(route, "original_router", None), "routes", None)
        if inner is None:
            yield route
        else:
            yield from leaves(inner)


def every_leaf(client: TestClient) -> list[Any]:
    assert isinstance(client.app, FastAPI)
    found = list(leaves(client.app.routes))
    assert len(found) > 70
    return found


AT_ONCE = {PUBLIC, OPERATOR}  # what is answered at once, without an account


class TestTables:
    @on_sqlite
    def test_every_route_has_a_row_and_every_row_a_route(self, client: TestClient) -> None:
        there = {(method, route.path) for route in every_leaf(client) for method in route.methods}
        assert there == set(RIGHTS)

    @on_sqlite
    def test_nothing_is_mounted_past_the_check_of_rights(self, client: TestClient) -> None:
        """A mount or a bare route would answer without anybody asking for a right; watchdogs need none."""
        others = [route for route in every_leaf(client) if type(route) is not APIRoute]
        assert {type(route) for route in others} <= {AtOnce, OnWatch}
        assert {RIGHTS[method, route.path] for route in others for method in route.methods} <= AT_ONCE

    @on_sqlite
    def test_each_route_runs_the_check(self, client: TestClient) -> None:
        assert isinstance(client.app, FastAPI)
        [dependency] = client.app.router.dependencies
        assert getattr(dependency.dependency, "__name__", "") == "check_rights"
        client.app.add_api_route("/api/forgotten", lambda: "secret", methods=["GET", "POST"])
        for method in ("GET", "POST", "HEAD"):
            answer = client.request(method, "/api/forgotten")
            assert answer.status_code == 403
            assert "secret" not in answer.text

    def test_every_action_exists_has_a_role_and_is_used(self) -> None:
        used = set(RIGHTS.values())
        assert used - set(ACTIONS) == {OPERATOR, PUBLIC}
        assert set(ACTIONS) - used == set(NO_ROUTE)
        assert [action for action, roles in ACTIONS.items() if not roles & set(Role) - {Role.SYSTEM}] == []
        assert set(ACTIONS) >= PEOPLE_ONLY

    @on_sqlite
    def test_other_methods_are_refused_and_head_is_a_get(self, client: TestClient) -> None:
        for path in sorted({path for _, path in ROUTES}):
            methods = {method for method, each in ROUTES if covers(each, filled(path))}
            for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - methods:
                assert client.request(method, filled(path)).status_code == 405, (method, path)
            if "GET" in methods:
                read, head = client.get(filled(path)), client.head(filled(path))
                assert (head.status_code, head.content) == (read.status_code, b""), path


def covers(template: str, path: str) -> bool:
    """Whether a route of the table answers at a path: /api/areas/{identifier} also does at /api/areas/publish."""
    return re.fullmatch(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(template)), path) is not None


@dataclass(frozen=True)
class Caller:
    """Somebody who asks. dead: they hold a token that is none, which is worse than nothing."""

    client: TestClient
    role: Role
    program: bool = False
    dead: bool = False

    def expected(self, method: str, path: str) -> tuple[int, str] | None:
        """(status, action) of the refusal; None where they are let in."""
        action = RIGHTS[method, path]
        if action == OPERATOR:
            return 403, ""
        if self.dead:
            return (401, "") if action != PUBLIC or (method, path) in ASK_WHO else None
        if action == PUBLIC or (
            self.role in ACTIONS[action] and not (self.program and action in PEOPLE_ONLY)
        ):
            return None
        return (401 if self.role is Role.PUBLIC else 403), action

    def walk(self) -> int:
        """Ask for everything; the session is ended last. Returns how many routes let them in."""
        let_in = 0
        for method, path in sorted(ROUTES, key=lambda route: route == ("DELETE", "/api/session")):
            answer = self.client.request(method, filled(path), headers=DEVICE)
            refusal, where = self.expected(method, path), (method, path, answer.text[:200])
            if refusal is None:
                assert answer.status_code not in (401, 403), where
                assert answer.status_code < 500, where
                let_in += 1
            else:
                assert answer.status_code == refusal[0], where
                assert not refusal[1] or answer.json()["details"] == {"action": refusal[1]}, where
        return let_in


Program = dict[str, str]


def token(admin: TestClient, role: str, areas: tuple[str, ...] = (), zone: str = ZONE) -> Program:
    """The header of a new program."""
    body = {"name": f"{role}{len(areas)}", "role": role, "area_codes": list(areas)}
    answer = admin.post(f"/z/{zone}/api/tokens", json=body)
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}"}


@pytest.fixture
def other_admin(client: TestClient, store: Store, admin: TestClient, clock: Clock) -> TestClient:
    """The administrator of another zone; their cookie is sent to every zone."""
    with store.begin(Scope.system("other"), NOW, write=True) as tx:
        make_zone(tx, Zone("other", "另一区", None, None, opened_issues=False))
    made = admin.get("/api/users").json()["items"][0]
    from_there = TestClient(client.app, raise_server_exceptions=False)
    clock.forward(seconds=1)
    add_admin(store, "other")
    answer = from_there.post("/z/other/api/session", json={"login": "admin", "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    assert answer.json()["user"]["id"] != made["id"]
    cookie = answer.headers["set-cookie"].partition(";")[0]
    return TestClient(client.app, headers={"Cookie": cookie}, raise_server_exceptions=False)


def add_admin(store: Store, zone: str) -> None:
    with store.begin(Scope.system(zone), NOW, write=True) as tx:
        add_account(tx, "admin", PASSWORD, "admin", "管理员", (), None)


def ended_session(sign_in: SignedIn) -> TestClient:
    """Somebody who signed out and still sends the cookie."""
    staff = sign_in("staff", "leaver")
    kept = dict(staff.cookies)
    staff.delete("/api/session")
    staff.cookies.update(kept)
    return staff


def test_every_route_for_every_caller(
    client: TestClient, admin: TestClient, sign_in: SignedIn, other_admin: TestClient
) -> None:
    assert admin.post("/api/areas", json={**park("G-1"), "kind": "grid"}).status_code == 201

    def sends(headers: Program) -> TestClient:
        return TestClient(client.app, headers=headers, raise_server_exceptions=False)

    foreign = token(other_admin, "admin", zone="other")
    revoked = admin.post("/api/tokens", json={"name": "revoked", "role": "admin"}).json()
    admin.delete(f"/api/tokens/{revoked['id']}")
    callers = {
        "anybody": Caller(client, Role.PUBLIC),
        "a grid worker without an area": Caller(sign_in("grid_worker", "w0"), Role.GRID_WORKER),
        "a grid worker": Caller(sign_in("grid_worker", "w1", ("G-1",)), Role.GRID_WORKER),
        "staff": Caller(sign_in("staff"), Role.STAFF),
        "a grid worker's program": Caller(
            sends(token(admin, "grid_worker", ("G-1",))), Role.GRID_WORKER, program=True
        ),
        "a program of staff": Caller(sends(token(admin, "staff")), Role.STAFF, program=True),
        "a program of administrators": Caller(sends(token(admin, "admin")), Role.ADMIN, program=True),
        "who signed out": Caller(ended_session(sign_in), Role.PUBLIC),
        "another zone's administrator": Caller(other_admin, Role.PUBLIC),
        "another zone's program": Caller(sends(foreign), Role.PUBLIC, dead=True),
        "a revoked program": Caller(
            sends({"Authorization": f"Bearer {revoked['token']}"}), Role.PUBLIC, dead=True
        ),
        "an administrator": Caller(admin, Role.ADMIN),
    }
    let_in = {name: caller.walk() for name, caller in callers.items()}
    assert let_in["anybody"] == let_in["who signed out"] == let_in["another zone's administrator"]
    assert let_in["anybody"] < let_in["a grid worker"] < let_in["staff"] < let_in["an administrator"]
    assert let_in["a program of staff"] == let_in["staff"]
    people_only = sum(action in PEOPLE_ONLY for action in RIGHTS.values())
    assert let_in["a program of administrators"] == let_in["an administrator"] - people_only
    assert let_in["an administrator"] == len([action for action in RIGHTS.values() if action != OPERATOR])


@on_sqlite
def test_staff_import_what_they_may_write_and_no_areas(staff: TestClient) -> None:
    file = {"file": ("x.csv", b"a,b\n1,2\n")}
    assert staff.post("/api/import?kind=parks&dry_run=true", files=file).status_code == 403
    assert staff.post("/api/import?kind=units&dry_run=true", files=file).status_code == 200
