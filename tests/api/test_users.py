"""Accounts over HTTP: for administrators only, and what is taken away is gone at once."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.conftest import PASSWORD, SignedIn, on_sqlite, park

NEW = {"login": "wang", "password": "ten characters", "role": "grid_worker", "display_name": "王五"}


def test_anybody_and_staff_may_not(client: TestClient, staff: TestClient) -> None:
    assert client.get("/api/users").status_code == 401
    assert staff.get("/api/users").status_code == 403
    assert staff.post("/api/users", json=NEW).status_code == 403


class TestAdministrator:
    def test_makes_an_account_that_can_sign_in(self, client: TestClient, admin: TestClient) -> None:
        admin.post("/api/areas", json={**park("G-1"), "kind": "grid"})
        answer = admin.post("/api/users", json={**NEW, "area_codes": ["G-1"]})
        made = answer.json()
        assert (answer.status_code, made["login"], made["area_codes"]) == (201, "wang", ["G-1"])
        assert "password" not in answer.text
        body = {"login": "wang", "password": NEW["password"]}
        assert client.post("/api/session", json=body).json()["user"]["role"] == "grid_worker"
        logins = [user["login"] for user in admin.get("/api/users").json()["items"]]
        assert logins == ["admin", "wang"]
        assert "argon2" not in admin.get("/api/users").text

    @on_sqlite
    @pytest.mark.parametrize(
        ("change", "status"),
        [
            ({"login": ""}, 400),
            ({"login": "admin"}, 409),
            ({"password": "short"}, 400),
            ({"password": None}, 400),
            ({"role": "system"}, 400),
            ({"role": "public"}, 400),
            ({"role": "king"}, 400),
            ({"display_name": "x" * 81}, 400),
            ({"area_codes": ["NO-1"]}, 400),
            ({"area_codes": "G-1"}, 400),
            ({"department_code": "NO-1"}, 400),
            ({"disabled": True}, 400),
            ({"password_hash": "x"}, 400),
        ],
    )
    def test_a_wrong_account_is_not_made(
        self, admin: TestClient, change: dict[str, Any], status: int
    ) -> None:
        assert admin.post("/api/users", json={**NEW, **change}).status_code == status
        assert len(admin.get("/api/users").json()["items"]) == 1

    @pytest.mark.parametrize(
        "change", [{"disabled": True}, {"password": "another password"}, {"role": "grid_worker"}]
    )
    def test_what_is_taken_away_is_gone_at_once(
        self, admin: TestClient, sign_in: SignedIn, change: dict[str, Any]
    ) -> None:
        other = sign_in("staff", "other")
        [own] = [user["id"] for user in admin.get("/api/users").json()["items"] if user["login"] == "other"]
        assert admin.patch(f"/api/users/{own}", json=change).status_code == 200
        assert other.get("/api/session").json() == {"user": None}
        signed = other.post("/api/session", json={"login": "other", "password": PASSWORD})
        assert signed.status_code == (200 if "role" in change else 401)

    def test_an_enabled_account_signs_in_again(self, admin: TestClient, sign_in: SignedIn) -> None:
        other = sign_in("staff", "other")
        [own] = [user["id"] for user in admin.get("/api/users").json()["items"] if user["login"] == "other"]
        for disabled, status in ((True, 401), (False, 200)):
            admin.patch(f"/api/users/{own}", json={"disabled": disabled})
            assert (
                other.post("/api/session", json={"login": "other", "password": PASSWORD}).status_code
                == status
            )

    def test_does_not_lock_itself_out(self, admin: TestClient) -> None:
        me = admin.get("/api/session").json()["user"]["id"]
        for change in ({"disabled": True}, {"role": "staff"}):
            assert admin.patch(f"/api/users/{me}", json=change).status_code == 400
        assert admin.patch(f"/api/users/{me}", json={"display_name": "新名"}).json()["display_name"] == "新名"

    def test_an_account_that_is_not_there(self, admin: TestClient) -> None:
        path = "/api/users/00000000-0000-7000-8000-000000000000"
        assert admin.patch(path, json={"role": "staff"}).status_code == 404
        assert admin.patch("/api/users/x", json={"role": "staff"}).status_code == 400
        assert admin.patch(path, json={}).status_code == 400
