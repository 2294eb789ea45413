"""Areas over HTTP: every change of a boundary is a publication, and records follow it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.conftest import parcel, park, point, square

ID = "0199c0de-0000-7000-8000-0000000000a1"


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:gridgov:problem:")


def park_of(client: TestClient, kind: str, identifier: str) -> tuple[str | None, str]:
    links = client.get(f"/api/{kind}/{identifier}").json()["links"]
    [link] = [link for link in links if link["level"] == "park" and link["main"]]
    return link["area_code"], link["rule"]


class TestOne:
    def test_anybody_and_staff_may_not_write(self, client: TestClient, staff: TestClient) -> None:
        assert problem(client.post("/api/areas", json=park())) == (401, "not-signed-in")
        assert problem(staff.post("/api/areas", json=park())) == (403, "not-allowed")

    def test_a_new_area_is_an_edition_set(self, client: TestClient, admin: TestClient) -> None:
        answer = admin.post("/api/areas", json=park(id=ID))
        made = answer.json()
        assert (answer.status_code, made["id"], made["edition_set"]) == (201, ID, 1)
        assert (answer.headers["etag"], answer.headers["x-revision"]) == ('"1"', str(made["revision"]))
        [edition] = client.get(f"/api/areas/{ID}/editions").json()["items"]
        assert (edition["edition_set"], edition["operation"], edition["valid_to"]) == (1, "first", None)
        assert edition["geometry"] == square(size=10)

    def test_the_same_again_other_content_and_a_taken_code(self, admin: TestClient) -> None:
        first = admin.post("/api/areas", json=park(id=ID))
        again = admin.post("/api/areas", json=park(id=ID))
        assert (again.status_code, again.json()["id"], again.json()["edition_set"]) == (200, ID, 1)
        assert again.headers["etag"] == first.headers["etag"]
        assert problem(admin.post("/api/areas", json=park(id=ID, size=11))) == (409, "content-differs")
        assert problem(admin.post("/api/areas", json=park(size=11))) == (409, "duplicate-code")
        assert problem(admin.post("/api/areas", json={**park(), "code": 5}))[0] == 400

    def test_another_name_is_no_new_edition(self, client: TestClient, admin: TestClient) -> None:
        admin.post("/api/areas", json=park(id=ID))
        answer = admin.patch(
            f"/api/areas/{ID}", json={"name_zh": "新名", "function": None}, headers={"If-Match": '"1"'}
        )
        assert (answer.status_code, answer.json()["name_zh"], answer.headers["etag"]) == (200, "新名", '"2"')
        assert len(client.get(f"/api/areas/{ID}/editions").json()["items"]) == 1

    def test_records_follow_a_new_boundary(self, client: TestClient, admin: TestClient) -> None:
        admin.post("/api/areas", json=park(id=ID))
        near = admin.post("/api/parcels", json=parcel(5)).json()["id"]
        far = admin.post("/api/parcels", json=parcel(45)).json()["id"]
        assert park_of(client, "parcels", near) == ("PK-01", "contains")
        assert park_of(client, "parcels", far) == (None, "outside")
        moved = admin.patch(
            f"/api/areas/{ID}", json={"geometry": square(40, 0, 10)}, headers={"If-Match": '"1"'}
        )
        assert (moved.status_code, moved.json()["edition_set"]) == (200, 2)
        assert park_of(client, "parcels", near) == (None, "outside")
        assert park_of(client, "parcels", far) == ("PK-01", "contains")
        first, second = client.get(f"/api/areas/{ID}/editions").json()["items"]
        assert (first["valid_to"], second["operation"]) == (second["valid_from"], "redraw")

    def test_stale_missing_and_forbidden_changes(self, admin: TestClient) -> None:
        admin.post("/api/areas", json=park(id=ID))
        body = {"geometry": square(1, 1, 5)}
        assert problem(admin.patch(f"/api/areas/{ID}", json=body)) == (428, "version-required")
        stale = admin.patch(f"/api/areas/{ID}", json=body, headers={"If-Match": '"9"'})
        assert (problem(stale), stale.headers["etag"]) == ((412, "version-mismatch"), '"1"')
        code = admin.patch(f"/api/areas/{ID}", json={"code": "PK-02"}, headers={"If-Match": '"1"'})
        assert problem(code) == (400, "unknown-field")
        system = admin.patch(f"/api/areas/{ID}", json={"edition_set": 7, **body}, headers={"If-Match": '"1"'})
        assert problem(system) == (400, "unknown-field")
        assert admin.get(f"/api/areas/{ID}").json()["version"] == 1

    def test_an_ended_area_lets_its_records_go(self, client: TestClient, admin: TestClient) -> None:
        admin.post("/api/areas", json=park(id=ID))
        inside = admin.post("/api/parcels", json=parcel(5)).json()["id"]
        answer = admin.delete(f"/api/areas/{ID}", headers={"If-Match": '"1"'})
        assert answer.status_code == 200
        assert answer.json()["valid_to"] is not None
        assert client.get("/api/areas").json()["items"] == []
        assert client.get(f"/api/parcels/{inside}").json()["links"] == []
        again = admin.delete(f"/api/areas/{ID}", headers={"If-Match": answer.headers["etag"]})
        assert problem(again) == (409, "already-ended")

    def test_an_area_with_areas_below_does_not_end_alone(self, admin: TestClient) -> None:
        zone = admin.post("/api/areas", json={**park("KFQ", size=50), "kind": "zone"}).json()
        child = admin.post("/api/areas", json=park()).json()
        assert child["parent_id"] == zone["id"]
        answer = admin.delete(f"/api/areas/{zone['id']}", headers={"If-Match": '"1"'})
        assert (problem(answer), answer.json()["details"]) == ((409, "conflict"), {"below": 1})

    def test_two_at_once_publish_one_after_the_other(self, admin: TestClient) -> None:
        admin.get("/api/session")
        bodies = [park(f"PK-{n:02d}", column=10 * n) for n in range(6)]
        with ThreadPoolExecutor(3) as pool:
            statuses = list(pool.map(lambda body: admin.post("/api/areas", json=body).status_code, bodies))
        assert statuses == [201] * 6
        sets = [item["edition_set"] for item in admin.get("/api/areas").json()["items"]]
        assert sorted(sets) == [1, 2, 3, 4, 5, 6]


class TestPublication:
    def publish(self, admin: TestClient, **body: Any) -> Any:
        return admin.post("/api/areas/publish", json={"title": "区划调整", **body})

    def test_many_boundaries_come_into_force_together(self, client: TestClient, admin: TestClient) -> None:
        admin.post("/api/areas", json=park("PK-01", 0))
        admin.post("/api/areas", json=park("PK-02", 10))
        issue = admin.post("/api/issues", json={"category": "weeds", "geometry": point(5, 5)}).json()[
            "issue"
        ]["id"]
        answer = self.publish(
            admin, boundaries=[park("PK-01", 3, size=1), park("PK-02", 10), park("PK-03", 4)], ended=[]
        )
        told = answer.json()
        assert answer.status_code == 200
        assert {name: told[name] for name in ("edition_set", "created", "redrawn", "ended", "unchanged")} == {
            "edition_set": 3, "created": 1, "redrawn": 1, "ended": 0, "unchanged": 1,
        }  # fmt: skip
        assert told["relinked"] == {"examined": 1, "moved": 1}
        assert park_of(admin, "issues", issue) == ("PK-03", "contains")

    def test_the_same_publication_again_changes_nothing(self, admin: TestClient) -> None:
        self.publish(admin, boundaries=[park()])
        again = self.publish(admin, boundaries=[park()]).json()
        assert (again["edition_set"], again["unchanged"], again["created"]) == (0, 1, 0)

    def test_a_system_named_once_counts_for_all(self, client: TestClient, admin: TestClient) -> None:
        ring = [[435000, 3735000], [436000, 3735000], [436000, 3736000], [435000, 3736000], [435000, 3735000]]
        boundary = {**park(), "geometry": {"type": "Polygon", "coordinates": [ring]}}
        assert self.publish(admin, boundaries=[boundary], crs="EPSG:4547").status_code == 200
        [item] = client.get("/api/areas").json()["items"]
        assert item["area_grid_m2"] == pytest.approx(1_000_000, abs=1)

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({"boundaries": [park(), park()]}, 400),
            ({"boundaries": ["PK-01"]}, 400),
            ({"boundaries": [{"code": "PK-01", "kind": "park", "name_zh": "无图"}]}, 400),
            ({"boundaries": {}}, 400),
            ({"ended": ["PK-99"]}, 404),
            ({"ended": [1]}, 400),
            ({"title": ""}, 400),
            ({"title": None}, 400),
            ({"comment": "x"}, 400),
            ({"boundaries": [park()], "crs": "nonsense"}, 400),
        ],
    )
    def test_a_faulty_publication_publishes_nothing(
        self, client: TestClient, admin: TestClient, body: dict[str, Any], status: int
    ) -> None:
        assert self.publish(admin, **body).status_code == status
        assert client.get("/api/areas").json()["items"] == []
