"""Service tokens: for administrators to make, shown once, in force until their day, never taken for anybody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from httpx import Response
from starlette.testclient import TestClient

from api import records
from api.records import read_values
from api.sessions import hash_token
from gridgov.access import Scope
from gridgov.store import Store
from gridgov.store.queries import tokens
from gridgov.store.queries.zones import Zone, make_zone
from tests.api.conftest import PASSWORD, Clock, SignedIn, on_sqlite, parcel, park, square, token_of
from tests.fixtures_store import NOW, ZONE

NEW = {"name": "weather-feed", "role": "staff"}
UNKNOWN = "gg_" + "x" * 43


def made(admin: TestClient, **more: Any) -> dict[str, Any]:
    """A new token as the answer shows it."""
    answer = admin.post("/api/tokens", json={**NEW, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def program(client: TestClient, token: str) -> TestClient:
    """A client that sends the token and nothing else."""
    return TestClient(client.app, headers={"Authorization": f"Bearer {token}"}, raise_server_exceptions=False)


def test_anybody_and_staff_may_not(client: TestClient, staff: TestClient) -> None:
    for caller, status in ((client, 401), (staff, 403)):
        assert caller.get("/api/tokens").status_code == status
        assert caller.post("/api/tokens", json=NEW).status_code == status
        assert caller.delete(f"/api/tokens/{UNKNOWN}").status_code == status


class TestMaking:
    def test_it_is_shown_once_and_kept_as_a_hash(self, admin: TestClient, store: Store) -> None:
        token = made(admin)["token"]
        assert token.startswith("gg_")
        assert len(token) == 46  # 32 random bytes
        assert token not in admin.get("/api/tokens").text
        with store.begin(Scope.system(ZONE), NOW) as tx:
            row = tokens.find_token(tx, hash_token(token))
        assert row is not None
        assert token not in str(row)

    def test_it_ends_after_a_year_unless_told(self, admin: TestClient) -> None:
        assert made(admin)["expires_at"].startswith("2027-11-20")
        assert made(admin, name="short", days=1)["expires_at"].startswith("2026-11-21")
        assert made(admin, name="lasting", days=None)["expires_at"] is None

    def test_a_name_is_never_used_again(self, admin: TestClient) -> None:
        first = made(admin)
        admin.delete(f"/api/tokens/{first['id']}")
        again = admin.post("/api/tokens", json=NEW)
        assert (again.status_code, "weather-feed-2" in again.json()["detail"]) == (409, True)

    @on_sqlite
    @pytest.mark.parametrize(
        "change",
        [
            {"name": ""},
            {"name": "two words"},
            {"name": "x" * 61},
            {"name": None},
            {"role": "system"},
            {"role": "public"},
            {"role": "king"},
            {"days": 0},
            {"days": 3651},
            {"days": "10"},
            {"days": True},
            {"area_codes": ["NO-1"]},
            {"area_codes": "G-1"},
            {"area_codes": [1]},
            {"token": UNKNOWN},
        ],
    )
    def test_a_wrong_one_is_not_made(self, admin: TestClient, change: dict[str, Any]) -> None:
        assert admin.post("/api/tokens", json={**NEW, **change}).status_code == 400
        assert admin.get("/api/tokens").json()["items"] == []


class TestUsing:
    def test_its_role_decides_and_history_names_it(self, admin: TestClient) -> None:
        shown = made(admin)
        feed = program(admin, shown["token"])
        written = feed.post("/api/parcels", json=parcel())
        assert written.status_code == 201
        assert written.json()["created_by"] == f"token:{shown['id']}"
        assert feed.get("/api/audit").status_code == 403

    def test_its_areas_decide_what_a_grid_worker_s_program_sees(
        self, admin: TestClient, client: TestClient
    ) -> None:
        admin.post("/api/areas", json={**park("G-1"), "kind": "grid"})
        admin.post("/api/areas", json={**park("G-2", 20), "kind": "grid"})
        for column in (5, 25):
            body = {"category": "weeds", "lon": 113.30 + column / 1000, "lat": 33.705}
            assert client.post("/api/issues", json=body).status_code == 201
        own = made(admin, role="grid_worker", area_codes=["G-1"])
        seen = program(admin, own["token"]).get("/api/issues").json()["items"]
        assert len(seen) == 1
        none = made(admin, name="without", role="grid_worker")
        assert program(admin, none["token"]).get("/api/issues").json()["items"] == []

    def test_a_session_says_which_program_it_is(self, admin: TestClient) -> None:
        shown = made(admin)
        answer = program(admin, shown["token"]).get("/api/session").json()
        assert answer["user"] is None
        assert (answer["program"]["id"], answer["program"]["role"]) == (shown["id"], "staff")

    def test_it_makes_neither_tokens_nor_accounts(self, admin: TestClient) -> None:
        robot = program(admin, made(admin, role="admin")["token"])
        assert robot.get("/api/audit").status_code == 200
        for answer in (
            robot.post("/api/tokens", json={**NEW, "name": "successor"}),
            robot.get("/api/tokens"),
            robot.get("/api/users"),
            robot.post("/api/users", json={"login": "x"}),
        ):
            assert answer.status_code == 403
            assert "program" in answer.json()["detail"]

    def test_a_cookie_beside_it_does_not_count(self, admin: TestClient) -> None:
        shown = made(admin)
        both = program(admin, shown["token"])
        both.cookies = admin.cookies
        assert both.get("/api/users").status_code == 403
        both.headers["Authorization"] = f"Bearer {UNKNOWN}"
        assert both.get("/api/parcels").status_code == 401
        assert "set-cookie" not in both.get("/api/parcels").headers

    def test_a_write_needs_no_origin_because_no_browser_sends_it_by_itself(self, admin: TestClient) -> None:
        feed = program(admin, made(admin)["token"])
        elsewhere = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
        assert feed.post("/api/parcels", json=parcel(), headers=elsewhere).status_code == 201
        # The page of another site cannot add the header: the browser asks first, and is refused.
        asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Headers": "authorization"}
        answer = admin.options("/api/parcels", headers={**asked, "Access-Control-Request-Method": "POST"})
        assert answer.status_code == 405
        assert "access-control-allow-origin" not in answer.headers


class TestRefusing:
    @pytest.mark.parametrize(
        "header",
        [
            f"Bearer {UNKNOWN}",
            f"bearer {UNKNOWN}",
            "Bearer",
            "Bearer x",
            "Bearer " + "x" * 5000,
            f"Bearer {UNKNOWN} {UNKNOWN}",
            "Bearer gg_é" + "x" * 40,
        ],
    )
    @on_sqlite
    def test_an_unknown_token_is_nobody_not_even_the_public(self, client: TestClient, header: str) -> None:
        answer = client.get("/api/parcels", headers={"Authorization": header.encode()})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="gridgov", error="invalid_token"'
        assert client.get("/api/session", headers={"Authorization": header.encode()}).status_code == 401

    @on_sqlite
    def test_two_tokens_are_none(self, admin: TestClient) -> None:
        token = made(admin)["token"]
        twice = [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {UNKNOWN}")]
        assert TestClient(admin.app).get("/api/parcels", headers=twice).status_code == 401

    @on_sqlite
    def test_a_header_of_a_proxy_is_no_token(self, client: TestClient, staff: TestClient) -> None:
        basic = {"Authorization": "Basic eDp5"}
        assert client.get("/api/parcels", headers=basic).status_code == 200
        assert staff.post("/api/parcels", json=parcel(), headers=basic).status_code == 201

    def test_it_ends_on_its_day(self, admin: TestClient, clock: Clock) -> None:
        feed = program(admin, made(admin, days=1)["token"])
        clock.forward(hours=23, minutes=59)
        assert feed.get("/api/parcels").status_code == 200
        clock.forward(minutes=1)
        assert feed.get("/api/parcels").status_code == 401

    def test_a_revoked_one_is_refused_at_once_and_revoking_twice_is_no_fault(
        self, admin: TestClient, clock: Clock
    ) -> None:
        shown = made(admin)
        feed = program(admin, shown["token"])
        assert feed.get("/api/parcels").status_code == 200
        ended = admin.delete(f"/api/tokens/{shown['id']}")
        assert (ended.status_code, ended.json()["revoked_at"][:10]) == (200, "2026-11-20")
        assert feed.get("/api/parcels").status_code == 401
        clock.forward(hours=1)
        assert admin.delete(f"/api/tokens/{shown['id']}").json() == ended.json()

    def test_it_belongs_to_its_zone(self, admin: TestClient, store: Store, clock: Clock) -> None:
        shown = made(admin)
        with store.begin(Scope.system("other"), NOW, write=True) as tx:
            make_zone(tx, Zone("other", "另一区", None, None, opened_issues=False))
        clock.forward(seconds=1)
        feed = program(admin, shown["token"])
        assert feed.get(f"/z/{ZONE}/api/parcels").status_code == 200
        assert feed.get("/z/other/api/parcels").status_code == 401
        assert feed.post("/z/other/api/parcels", json=parcel(geometry=square())).status_code == 401

    @on_sqlite
    def test_one_that_is_not_there(self, admin: TestClient) -> None:
        assert admin.delete("/api/tokens/00000000-0000-7000-8000-000000000000").status_code == 404
        assert admin.delete("/api/tokens/x").status_code == 400


class TestSlowRequests:
    """A body may take a minute to arrive; who was signed in when it began may not be when it is there."""

    @pytest.mark.parametrize("who", ["account", "program"])
    def test_a_right_that_ended_under_way_writes_nothing(
        self, admin: TestClient, sign_in: SignedIn, clock: Clock, monkeypatch: pytest.MonkeyPatch, who: str
    ) -> None:
        shown, person = made(admin), sign_in("staff")
        caller = {"account": person, "program": program(admin, shown["token"])}[who]
        [own] = [each["id"] for each in admin.get("/api/users").json()["items"] if each["login"] == "staff"]
        ends: dict[str, Callable[[], Response]] = {
            "account": lambda: admin.patch(f"/api/users/{own}", json={"disabled": True}),
            "program": lambda: admin.delete(f"/api/tokens/{shown['id']}"),
        }
        meanwhile: list[Callable[[], Response]] = []

        def read_late(*given: Any) -> dict[str, Any]:
            for act in meanwhile:
                assert act().status_code == 200
            clock.forward(seconds=30)
            return read_values(*given)

        monkeypatch.setattr(records, "read_values", read_late)
        assert caller.post("/api/parcels", json=parcel(1)).status_code == 201  # slow, and still in force
        meanwhile.append(ends[who])
        answer = caller.post("/api/parcels", json=parcel(2))
        assert answer.status_code == 401
        assert "under way" in answer.json()["detail"]
        assert [each["code"] for each in admin.get("/api/parcels").json()["items"]] == ["DK-0001"]


def test_signing_in_with_a_token_in_hand_is_signing_in(admin: TestClient) -> None:
    feed = program(admin, made(admin)["token"])
    answer = feed.post("/api/session", json={"login": "admin", "password": PASSWORD})
    assert answer.status_code == 200
    assert token_of(feed)
