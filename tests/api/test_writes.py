"""Creating, changing and ending records: safe to repeat, never over another's change, nothing half done."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.conftest import SignedIn, on_sqlite, parcel, square

ID = "0199c0de-0000-7000-8000-00000000000a"


def kind_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:gridgov:problem:")


class TestCreate:
    def test_anybody_is_asked_to_sign_in(self, client: TestClient) -> None:
        assert kind_of(client.post("/api/parcels", json=parcel())) == (401, "not-signed-in")

    def test_a_grid_worker_may_not(self, grid_worker: TestClient) -> None:
        assert kind_of(grid_worker.post("/api/parcels", json=parcel())) == (403, "not-allowed")

    def test_staff_gets_the_record_with_its_version_and_revision(self, staff: TestClient) -> None:
        answer = staff.post("/api/parcels", json=parcel(id=ID))
        made = answer.json()
        assert answer.status_code == 201
        assert answer.headers["location"] == f"/api/parcels/{ID}"
        assert answer.headers["etag"] == '"1"'
        assert (made["id"], made["version"], made["revision"]) == (ID, 1, int(answer.headers["x-revision"]))
        assert staff.get(answer.headers["location"]).json() == made
        assert made["area_geodesic_m2"] == pytest.approx(10_283, rel=0.01)

    def test_the_same_again_is_no_second_record(self, staff: TestClient) -> None:
        first = staff.post("/api/parcels", json=parcel(id=ID))
        again = staff.post("/api/parcels", json=parcel(id=ID.upper()))
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json() == first.json()
        assert len(staff.get("/api/parcels").json()["items"]) == 1

    def test_the_same_again_after_a_change_gives_the_present_state(self, staff: TestClient) -> None:
        staff.post("/api/parcels", json=parcel(id=ID))
        staff.patch(f"/api/parcels/{ID}", json={"stage": "sold"}, headers={"If-Match": '"1"'})
        again = staff.post("/api/parcels", json=parcel(id=ID))
        assert (again.status_code, again.json()["stage"], again.headers["etag"]) == (200, "sold", '"2"')

    def test_the_same_id_with_other_content_is_refused(self, staff: TestClient) -> None:
        staff.post("/api/parcels", json=parcel(id=ID))
        answer = staff.post("/api/parcels", json=parcel(id=ID, stage="sold"))
        assert kind_of(answer) == (409, "content-differs")
        assert staff.get(f"/api/parcels/{ID}").json()["stage"] == "reserved"

    def test_the_id_of_another_s_record_tells_nothing_of_it(
        self, staff: TestClient, sign_in: SignedIn
    ) -> None:
        staff.post("/api/parcels", json=parcel(id=ID, right_holder="甲公司"))
        other = sign_in("staff", "other")
        answer = other.post("/api/parcels", json=parcel(2, id=ID))
        assert kind_of(answer) == (409, "identifier-taken")
        assert answer.json()["details"] == {"id": ID}
        assert "甲公司" not in answer.text

    def test_a_code_is_taken_once(self, staff: TestClient) -> None:
        staff.post("/api/parcels", json=parcel(1))
        assert kind_of(staff.post("/api/parcels", json=parcel(1, geometry=square(5)))) == (
            409,
            "duplicate-code",
        )

    def test_a_geometry_in_another_system_is_converted(self, staff: TestClient) -> None:
        ring = [[435000, 3735000], [435100, 3735000], [435100, 3735100], [435000, 3735100], [435000, 3735000]]
        body = parcel(geometry={"type": "Polygon", "coordinates": [ring]}, crs="EPSG:4547")
        made = staff.post("/api/parcels", json=body).json()
        assert made["area_grid_m2"] == pytest.approx(10_000, abs=0.01)
        lon, lat = made["geometry"]["coordinates"][0][0]
        assert (lon, lat) == (pytest.approx(113.29856, abs=1e-5), pytest.approx(33.73961, abs=1e-5))

    @on_sqlite
    @pytest.mark.parametrize(
        ("change", "kind", "word"),
        [
            ({"colour": "red"}, "unknown-field", "colour"),
            ({"version": 7}, "unknown-field", "version"),
            ({"code": None}, "invalid-value", "code"),
            ({"code": 601}, "invalid-value", "leading zeros"),
            ({"land_code": 601}, "invalid-value", "leading zeros"),
            ({"land_scheme": None}, "invalid-value", "1001"),
            ({"land_code": "601"}, "invalid-value", "601"),
            ({"stage": "nonsense"}, "invalid-value", "nonsense"),
            ({"plan_year": 1066}, "out-of-range", "1066"),
            ({"plan_year": 2026.5}, "invalid-value", "2026.5"),
            ({"area_claimed_m2": -1}, "out-of-range", "-1"),
            ({"name_zh": "x" * 201}, "invalid-value", "200"),
            ({"name_zh": "a\u0000b"}, "invalid-value", "NUL"),
            ({"previously_part_of": [{"a": "\u0000"}]}, "invalid-value", "NUL"),
            ({"id": "1"}, "invalid-value", "UUID"),
            ({"id": None}, "invalid-value", "UUID"),
            ({"crs": "EPSG:2379"}, "unsupported-datum", "2379"),
            ({"crs": 4547}, "unknown-coordinate-system", "4547"),
            ({"as_of": "20.11.2026"}, "invalid-value", "date"),
        ],
    )
    def test_a_wrong_value_is_named_and_nothing_is_kept(
        self, staff: TestClient, change: dict[str, Any], kind: str, word: str
    ) -> None:
        answer = staff.post("/api/parcels", json=parcel(**change))
        assert kind_of(answer) == (400, kind)
        assert word in answer.json()["detail"]
        assert staff.get("/api/parcels").json()["items"] == []


class TestChange:
    @pytest.fixture(autouse=True)
    def made(self, staff: TestClient) -> None:
        assert staff.post("/api/parcels", json=parcel(id=ID)).status_code == 201

    def test_anybody_is_asked_to_sign_in(self, client: TestClient) -> None:
        answer = client.patch(f"/api/parcels/{ID}", json={}, headers={"If-Match": '"1"'})
        assert kind_of(answer) == (401, "not-signed-in")

    def test_without_the_version_it_was_made_from(self, staff: TestClient) -> None:
        assert kind_of(staff.patch(f"/api/parcels/{ID}", json={"stage": "sold"})) == (428, "version-required")

    def test_from_a_stale_version(self, staff: TestClient) -> None:
        staff.patch(f"/api/parcels/{ID}", json={"stage": "clear"}, headers={"If-Match": '"1"'})
        answer = staff.patch(f"/api/parcels/{ID}", json={"stage": "sold"}, headers={"If-Match": '"1"'})
        assert kind_of(answer) == (412, "version-mismatch")
        assert (answer.headers["etag"], answer.json()["details"]) == ('"2"', {"version": 2})
        assert staff.get(f"/api/parcels/{ID}").json()["stage"] == "clear"

    @on_sqlite
    @pytest.mark.parametrize("header", ["*", '"one"', "1.5", '"1", "2"', "", '"9999999999"'])
    def test_with_a_version_that_is_none(self, staff: TestClient, header: str) -> None:
        answer = staff.patch(f"/api/parcels/{ID}", json={"stage": "sold"}, headers={"If-Match": header})
        assert kind_of(answer) == (400, "invalid-value")

    def test_only_the_named_fields_change(self, staff: TestClient) -> None:
        before = staff.get(f"/api/parcels/{ID}").json()
        answer = staff.patch(f"/api/parcels/{ID}", json={"stage": "clear"}, headers={"If-Match": 'W/"1"'})
        after = answer.json()
        differing = {name for name in after if after[name] != before[name]}
        assert differing <= {"stage", "version", "revision", "changed_at", "changed_by"}
        assert (after["version"], answer.headers["etag"]) == (2, '"2"')
        assert after["revision"] == before["revision"] + 1 == int(answer.headers["x-revision"])

    def test_no_difference_makes_no_version(self, staff: TestClient) -> None:
        answer = staff.patch(f"/api/parcels/{ID}", json={"stage": "reserved"}, headers={"If-Match": '"1"'})
        assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')

    def test_null_unsets_and_a_required_field_stays(self, staff: TestClient) -> None:
        answer = staff.patch(f"/api/parcels/{ID}", json={"name_zh": None}, headers={"If-Match": '"1"'})
        assert answer.json()["name_zh"] is None
        for body in ({"code": None}, {"visibility": None}, {"geometry": None}, {"id": ID}, {"crs": "gcj02"}):
            answer = staff.patch(f"/api/parcels/{ID}", json=body, headers={"If-Match": '"2"'})
            assert answer.status_code == 400, body

    def test_a_new_boundary_is_an_edition(self, client: TestClient, staff: TestClient) -> None:
        staff.patch(f"/api/parcels/{ID}", json={"geometry": square(3)}, headers={"If-Match": '"1"'})
        first, second = client.get(f"/api/parcels/{ID}/editions").json()["items"]
        assert (first["number"], first["operation"], first["geometry"]) == (1, "first", square(1))
        assert (second["number"], second["operation"], second["geometry"]) == (2, "redraw", square(3))
        assert first["valid_to"] == second["valid_from"]
        assert second["valid_to"] is None

    def test_history_tells_who_did_what(self, client: TestClient, staff: TestClient) -> None:
        staff.patch(f"/api/parcels/{ID}", json={"stage": "clear"}, headers={"If-Match": '"1"'})
        assert kind_of(client.get(f"/api/parcels/{ID}/history"))[0] == 401
        me = staff.get("/api/session").json()["user"]["id"]
        events = staff.get(f"/api/parcels/{ID}/history").json()["items"]
        assert [(event["verb"], event["version"], event["actor"]) for event in events] == [
            ("created", 1, me),
            ("changed", 2, me),
        ]
        assert events[1]["changes"]["to"] == {"stage": "clear"}

    def test_two_writers_from_one_version_and_one_of_them_wins(self, staff: TestClient) -> None:
        def write(stage: str) -> int:
            answer = staff.patch(f"/api/parcels/{ID}", json={"stage": stage}, headers={"If-Match": '"1"'})
            return int(answer.status_code)

        with ThreadPoolExecutor(2) as pool:
            statuses = list(pool.map(write, ["clear", "sold"]))
        assert sorted(statuses) == [200, 412]
        assert staff.get(f"/api/parcels/{ID}").json()["version"] == 2

    def test_many_writers_lose_nothing(self, staff: TestClient) -> None:
        with ThreadPoolExecutor(4) as pool:
            numbers = range(10, 26)
            statuses = list(
                pool.map(lambda n: staff.post("/api/parcels", json=parcel(n)).status_code, numbers)
            )
        assert statuses == [201] * 16
        items = staff.get("/api/parcels").json()["items"]
        assert len(items) == 17
        assert len({item["revision"] for item in items}) == 17


class TestEnd:
    @pytest.fixture(autouse=True)
    def made(self, staff: TestClient) -> None:
        assert staff.post("/api/parcels", json=parcel(id=ID)).status_code == 201

    def test_anybody_is_asked_to_sign_in(self, client: TestClient) -> None:
        assert client.delete(f"/api/parcels/{ID}", headers={"If-Match": '"1"'}).status_code == 401

    def test_needs_the_version(self, staff: TestClient) -> None:
        assert kind_of(staff.delete(f"/api/parcels/{ID}")) == (428, "version-required")
        assert kind_of(staff.delete(f"/api/parcels/{ID}", headers={"If-Match": '"4"'})) == (
            412,
            "version-mismatch",
        )

    def test_an_ended_record_leaves_the_list_and_stays_readable(self, staff: TestClient) -> None:
        answer = staff.delete(f"/api/parcels/{ID}", headers={"If-Match": '"1"'})
        assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
        assert answer.json()["valid_to"] is not None
        assert staff.get("/api/parcels").json()["items"] == []
        assert [item["id"] for item in staff.get("/api/parcels?ended=true").json()["items"]] == [ID]
        assert staff.get(f"/api/parcels/{ID}").json()["valid_to"] == answer.json()["valid_to"]

    def test_an_ended_record_does_not_change(self, staff: TestClient) -> None:
        staff.delete(f"/api/parcels/{ID}", headers={"If-Match": '"1"'})
        answer = staff.patch(f"/api/parcels/{ID}", json={"stage": "sold"}, headers={"If-Match": '"2"'})
        assert kind_of(answer) == (409, "already-ended")
        assert staff.post("/api/parcels", json=parcel()).status_code == 201  # its code is free again
