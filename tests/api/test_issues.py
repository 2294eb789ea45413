"""Issues over HTTP: the public form and its limits, who sees what, contacts apart, and moving a pin."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from gridgov.access import Scope
from gridgov.store import Store
from gridgov.store.queries.zones import open_issues
from tests.api.conftest import Clock, SignedIn, on_sqlite, park, point
from tests.fixtures_store import NOW, ZONE

ID = "0199c0de-0000-7000-8000-0000000000e1"
PHONE = "13800000000"


def report(**more: Any) -> dict[str, Any]:
    """What the public form sends."""
    body = {
        "id": ID,
        "category": "fire_lane",
        "text": "消防通道被车堵了，找王五",
        "lon": 113.305,
        "lat": 33.705,
        "position_source": "gps",
        "accuracy_m": 12.5,
        "contact": {"name": "王五", "phone": PHONE},
    }
    return {**body, **more}


def fresh(**more: Any) -> dict[str, Any]:
    """A report whose id the service makes."""
    return {name: value for name, value in report(**more).items() if name != "id"}


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:gridgov:problem:")


class TestReport:
    def test_anybody_reports_and_learns_where_it_went(self, client: TestClient, admin: TestClient) -> None:
        admin.post("/api/areas", json=park())
        answer = client.post("/api/issues", json=report(), headers={"X-Device-Token": "phone-1"})
        body = answer.json()
        assert answer.status_code == 201
        assert set(body) == {"issue", "links", "explanation", "revision"}
        assert body["issue"]["code"] == "WT-20261120-0001"
        assert [(link["level"], link["area_code"], link["name_zh"]) for link in body["links"]] == [
            ("park", "PK-01", "测试园区")
        ]
        assert body["explanation"] == ["园区：测试园区（PK-01），距边界 464 m。"]
        english = client.post("/api/issues?lang=en", json=fresh()).json()["explanation"]
        assert english == ["Park: 测试园区 (PK-01), 464 m from its border."]

    def test_the_answer_to_anybody_holds_no_contact_and_no_words(self, client: TestClient) -> None:
        text = client.post("/api/issues", json=report()).text
        assert PHONE not in text
        assert "王五" not in text
        assert "contact" not in text

    def test_a_repeat_from_the_same_device_is_one_issue(self, client: TestClient, staff: TestClient) -> None:
        first = client.post("/api/issues", json=report(), headers={"X-Device-Token": "phone-1"})
        again = client.post("/api/issues", json=report(), headers={"X-Device-Token": "phone-1"})
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json()["issue"] == first.json()["issue"]
        assert len(staff.get("/api/issues").json()["items"]) == 1

    def test_an_id_is_its_device_s_and_its_content_s(self, client: TestClient) -> None:
        client.post("/api/issues", json=report(), headers={"X-Device-Token": "phone-1"})
        other = client.post("/api/issues", json=report(), headers={"X-Device-Token": "phone-2"})
        assert problem(other) == (409, "identifier-taken")
        assert "WT-" not in other.text
        differs = client.post("/api/issues", json=report(text="别的"), headers={"X-Device-Token": "phone-1"})
        assert problem(differs) == (409, "content-differs")

    def test_limits_per_address(self, client: TestClient, clock: Clock) -> None:
        for _ in range(10):
            assert client.post("/api/issues", json=fresh()).status_code == 201
        stopped = client.post("/api/issues", json=fresh())
        assert (problem(stopped), stopped.headers["retry-after"]) == ((429, "too-many-attempts"), "3600")
        clock.forward(minutes=59, seconds=30)
        assert client.post("/api/issues", json=fresh()).headers["retry-after"] == "30"
        clock.forward(seconds=30)
        assert client.post("/api/issues", json=fresh()).status_code == 201

    def test_limits_per_device_whatever_its_address(self, client: TestClient) -> None:
        statuses = []
        for number in range(11):
            caller = TestClient(client.app, client=(f"203.0.113.{number}", 1))
            statuses.append(
                caller.post("/api/issues", json=fresh(), headers={"X-Device-Token": "t"}).status_code
            )
        assert statuses == [201] * 10 + [429]

    def test_refused_reports_and_repeats_do_not_count(self, client: TestClient) -> None:
        for _ in range(12):
            assert client.post("/api/issues", json=fresh(category="nonsense")).status_code == 400
            assert client.post("/api/issues", json=report()).status_code in (200, 201)

    def test_reports_sent_at_one_moment_count_each(self, client: TestClient, staff: TestClient) -> None:
        with ThreadPoolExecutor(8) as pool:
            statuses = list(
                pool.map(lambda _: client.post("/api/issues", json=fresh()).status_code, range(16))
            )
        assert sorted(statuses) == [201] * 10 + [429] * 6
        assert staff.get("/api/issues?total=true").json()["total"] == 10

    def test_a_repeat_beyond_the_limit_still_gets_its_answer(self, client: TestClient) -> None:
        first = client.post("/api/issues", json=report())
        assert [client.post("/api/issues", json=fresh()).status_code for _ in range(10)] == [201] * 9 + [429]
        again = client.post("/api/issues", json=report())
        assert (again.status_code, again.json()["issue"]) == (200, first.json()["issue"])
        differs = client.post("/api/issues", json=report(text="别的"))
        assert problem(differs) == (409, "content-differs")

    def test_those_who_signed_in_have_no_limit(self, grid_worker: TestClient) -> None:
        assert {grid_worker.post("/api/issues", json=fresh()).status_code for _ in range(11)} == {201}

    @on_sqlite
    @pytest.mark.parametrize(
        ("change", "word"),
        [
            ({"status": "closed"}, "status"),
            ({"department_id": ID}, "department_id"),
            ({"code": "WT-1"}, "code"),
            ({"source": "patrol"}, "source"),
            ({"reported_at": "2020-01-01T00:00:00Z"}, "reported_at"),
            ({"category": None}, "category"),
            ({"category": "nonsense"}, "nonsense"),
            ({"lon": None}, "lon"),
            ({"lon": None, "lat": None}, "Say where"),
            ({"lon": "nan"}, "finite"),
            ({"lon": True}, "number"),
            ({"lon": 33.705, "lat": 113.305}, "swapped"),
            ({"geometry": point()}, "either"),
            ({"crs": "nonsense"}, "nonsense"),
            ({"accuracy_m": -1}, "accuracy"),
            ({"contact": "13800000000"}, "contact"),
            ({"contact": {"address": "x"}}, "contact"),
            ({"contact": {"phone": "1" * 41}}, "40"),
            ({"text": "x" * 4001}, "4000"),
            ({"text": ["x"]}, "text"),
            ({"building_id": ID}, "reference"),
        ],
    )
    def test_what_a_stranger_may_not_send(
        self, client: TestClient, staff: TestClient, change: dict[str, Any], word: str
    ) -> None:
        answer = client.post("/api/issues", json=report(**change))
        assert answer.status_code == 400, answer.text
        assert word in answer.json()["detail"]
        assert staff.get("/api/issues").json()["items"] == []

    def test_a_place_of_another_map_is_converted(self, client: TestClient, staff: TestClient) -> None:
        client.post("/api/issues", json=report(crs="gcj02"))
        [issue] = staff.get("/api/issues").json()["items"]
        lon, lat = issue["geometry"]["coordinates"]
        assert 300 < abs(lon - 113.305) * 92_600 < 800
        assert (issue["source"], issue["position_source"], issue["accuracy_m"]) == ("resident", "gps", 12.5)
        assert lat == pytest.approx(33.705, abs=0.01)


class TestReading:
    def test_the_public_sees_nothing_of_a_closed_zone(self, client: TestClient, staff: TestClient) -> None:
        client.post("/api/issues", json=report())
        assert client.get("/api/issues").json()["items"] == []
        assert client.get(f"/api/issues/{ID}").status_code == 404
        assert staff.get(f"/api/issues/{ID}").json()["texts"] == [report()["text"]]

    def test_an_opened_zone_shows_the_reduced_form(
        self, client: TestClient, store: Store, clock: Clock
    ) -> None:
        client.post("/api/issues", json=report(lon=113.30512, lat=33.70512))
        client.post("/api/issues", json=fresh(category="dispute"))
        with store.begin(Scope.system(ZONE), NOW, write=True) as tx:
            open_issues(tx, opened=True)
        clock.forward(seconds=1)
        [seen] = client.get("/api/issues").json()["items"]
        assert set(seen) == {
            "id", "zone", "code", "version", "category", "status", "reported_at", "closed_at", "geometry",
        }  # fmt: skip
        assert seen["geometry"]["coordinates"] == [113.305, 33.705]
        assert client.get(f"/api/issues/{ID}?explain=zh").json() == seen
        assert client.get("/api/issues?near=113.3,33.7").status_code == 400
        assert client.get("/api/issues?accuracy_m__ge=1").status_code == 400

    def test_a_grid_worker_sees_their_own_areas_and_their_own_reports(
        self, client: TestClient, admin: TestClient, sign_in: SignedIn
    ) -> None:
        grids = {"kind": "grid", "name_zh": "网格"}
        admin.post("/api/areas", json={**park("G-1", 0), **grids})
        admin.post("/api/areas", json={**park("G-2", 10), **grids})
        first = client.post("/api/issues", json=fresh(lon=113.305)).json()["issue"]["id"]
        second = client.post("/api/issues", json=fresh(lon=113.315)).json()["issue"]["id"]
        worker, other = sign_in("grid_worker", "one", ("G-1",)), sign_in("grid_worker", "two", ("G-2",))
        own = other.post("/api/issues", json=fresh(lon=113.305)).json()["issue"]["id"]
        assert {item["id"] for item in worker.get("/api/issues").json()["items"]} == {first, own}
        assert {item["id"] for item in other.get("/api/issues").json()["items"]} == {second, own}
        assert other.get(f"/api/issues/{first}").status_code == 404
        moved = {"lon": 113.3, "lat": 33.7}
        answer = other.post(f"/api/issues/{first}/move", json=moved, headers={"If-Match": '"1"'})
        assert answer.status_code == 404


class TestContact:
    def test_anybody_and_a_grid_worker_may_not(self, client: TestClient, grid_worker: TestClient) -> None:
        client.post("/api/issues", json=report())
        assert problem(client.get(f"/api/issues/{ID}/contact")) == (401, "not-signed-in")
        assert problem(grid_worker.get(f"/api/issues/{ID}/contact")) == (403, "not-allowed")

    def test_an_administrator_erases_it_for_good_and_staff_may_not(
        self, client: TestClient, staff: TestClient, admin: TestClient
    ) -> None:
        client.post("/api/issues", json=report())
        assert problem(staff.delete(f"/api/issues/{ID}/contact")) == (403, "not-allowed")
        assert admin.delete(f"/api/issues/{ID}/contact").status_code == 200
        seen = staff.get(f"/api/issues/{ID}/contact").json()
        assert (seen["name"], seen["phone"], seen["texts"]) == (None, None, [])
        assert seen["erased_at"] is not None
        assert staff.get(f"/api/issues/{ID}/history").json()["items"][-2]["verb"] == "personal_data_erased"
        assert client.post("/api/issues", json=report()).status_code == 409

    def test_staff_sees_it_and_that_they_looked_is_kept(self, client: TestClient, staff: TestClient) -> None:
        client.post("/api/issues", json=report())
        seen = staff.get(f"/api/issues/{ID}/contact").json()
        assert (seen["name"], seen["phone"], seen["texts"]) == ("王五", PHONE, [report()["text"]])
        history = staff.get(f"/api/issues/{ID}/history")
        last = history.json()["items"][-1]
        me = staff.get("/api/session").json()["user"]["id"]
        assert (last["verb"], last["actor"]) == ("contact_viewed", me)
        assert PHONE not in history.text
        assert PHONE not in staff.get("/api/issues").text

    def test_an_issue_without_one(self, client: TestClient, staff: TestClient) -> None:
        client.post("/api/issues", json=report(contact=None, text=None))
        assert staff.get(f"/api/issues/{ID}/contact").status_code == 404


class TestMove:
    def test_anybody_may_not(self, client: TestClient) -> None:
        client.post("/api/issues", json=report())
        answer = client.post(
            f"/api/issues/{ID}/move", json={"lon": 113.3, "lat": 33.7}, headers={"If-Match": '"1"'}
        )
        assert problem(answer) == (401, "not-signed-in")

    def test_a_moved_pin_is_linked_anew(self, client: TestClient, admin: TestClient) -> None:
        admin.post("/api/areas", json=park("PK-01", 0))
        admin.post("/api/areas", json=park("PK-02", 10))
        client.post("/api/issues", json=report())
        answer = admin.post(
            f"/api/issues/{ID}/move", json={"lon": 113.315, "lat": 33.705}, headers={"If-Match": '"1"'}
        )
        body = answer.json()
        assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
        assert [link["area_code"] for link in body["links"]] == ["PK-02"]
        assert (body["position_source"], body["accuracy_m"]) == ("hand", None)

    @pytest.mark.parametrize(
        ("body", "header", "status"),
        [
            ({"lon": 113.3, "lat": 33.7}, None, 428),
            ({"lon": 113.3, "lat": 33.7}, '"2"', 412),
            ({"lon": 113.3}, '"1"', 400),
            ({}, '"1"', 400),
            ({"lon": 113.3, "lat": 33.7, "category": "weeds"}, '"1"', 400),
            ({"lon": 33.7, "lat": 113.3}, '"1"', 400),
            ({"lon": 113.3, "lat": 33.7, "position_source": "guess"}, '"1"', 400),
        ],
    )
    def test_what_a_move_needs(
        self, client: TestClient, staff: TestClient, body: dict[str, Any], header: str | None, status: int
    ) -> None:
        client.post("/api/issues", json=report())
        headers = {"If-Match": header} if header else {}
        assert staff.post(f"/api/issues/{ID}/move", json=body, headers=headers).status_code == status
        assert staff.get(f"/api/issues/{ID}").json()["version"] == 1
