"""Every route has a declared action, and every role gets exactly what the table of roles gives it."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.rights import OPERATOR, PUBLIC, RIGHTS
from gridgov.access import ACTIONS, Role
from gridgov.store import Store
from tests.api.conftest import SignedIn

ROUTES = sorted(RIGHTS)
NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    """Rights are decided before the store is asked, so one store is enough."""
    return sqlite_store


def filled(path: str) -> str:
    """A path with parameters that name nothing."""
    for name, value in {
        "identifier": NOBODY,
        "view": "parks",
        "name:path": "tokens.css",
        "name": "parcels.csv",
    }.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def test_every_route_of_the_app_is_in_the_table_of_rights(client: TestClient) -> None:
    app = client.app
    assert isinstance(app, FastAPI)
    described = {
        (method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods
    }
    declared = {(method, path.replace(":path", "")) for method, path in RIGHTS}
    assert described == declared


def test_every_action_of_the_table_exists() -> None:
    assert set(RIGHTS.values()) - set(ACTIONS) == {OPERATOR, PUBLIC}


def test_a_route_without_a_row_is_open_to_nobody(client: TestClient) -> None:
    app = client.app
    assert isinstance(app, FastAPI)
    app.add_api_route("/api/forgotten", lambda: "secret", methods=["GET"])
    answer = client.get("/api/forgotten")
    assert answer.status_code == 403
    assert "secret" not in answer.text


def check(caller: TestClient, role: Role, method: str, path: str) -> None:
    answer = caller.request(method, filled(path))
    action = RIGHTS[method, path]
    if action == OPERATOR:
        assert answer.status_code == 403, (method, path, answer.text[:200])
    elif action == PUBLIC or role in ACTIONS[action]:
        assert answer.status_code not in (401, 403), (method, path, answer.text[:200])
    else:
        refused = 401 if role is Role.PUBLIC else 403
        assert answer.status_code == refused, (method, path, answer.text[:200])
        assert answer.json()["details"] == {"action": action}
    assert answer.status_code < 500, answer.text


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_what_anybody_may_ask(client: TestClient, method: str, path: str) -> None:
    check(client, Role.PUBLIC, method, path)


@pytest.mark.parametrize("role", [Role.GRID_WORKER, Role.STAFF, Role.ADMIN])
def test_what_a_role_may_ask(sign_in: SignedIn, role: Role) -> None:
    caller = sign_in(role)
    for method, path in ROUTES:
        if (method, path) != ("DELETE", "/api/session"):
            check(caller, role, method, path)
    check(caller, role, "DELETE", "/api/session")


def test_staff_import_what_they_may_write_and_no_areas(staff: TestClient) -> None:
    file = {"file": ("x.csv", b"a,b\n1,2\n")}
    assert staff.post("/api/import?kind=parks&dry_run=true", files=file).status_code == 403
    assert staff.post("/api/import?kind=units&dry_run=true", files=file).status_code == 200
