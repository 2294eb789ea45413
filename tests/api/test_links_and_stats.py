"""The explained link of a position, and the counts of a zone."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from gridgov.store import Store
from tests.api.conftest import on_sqlite, parcel, park, square
from tests.api.test_lists import count_queries


class TestLink:
    def test_anybody_learns_where_a_position_belongs_and_why(
        self, client: TestClient, admin: TestClient
    ) -> None:
        admin.post("/api/areas", json=park(name_en="Test park"))
        body = client.get("/api/link?lon=113.3001&lat=33.705&accuracy=30").json()
        assert (body["lon"], body["lat"], body["crs"], body["edition_set"]) == (
            113.3001,
            33.705,
            "EPSG:4326",
            1,
        )
        [park_link] = [link for link in body["links"] if link["level"] == "park"]
        assert (park_link["area_code"], park_link["rule"], park_link["doubtful"]) == (
            "PK-01",
            "contains",
            True,
        )
        assert park_link["border_m"] == pytest.approx(9.27, abs=0.01)
        assert (
            "园区：测试园区（PK-01），距边界 9.3 m；定位精度 30 m，可能在边界另一侧，存疑。"
            in body["explanation"]["zh"]
        )
        assert any("Test park" in sentence for sentence in body["explanation"]["en"])

    def test_a_position_of_another_system(self, client: TestClient, admin: TestClient) -> None:
        admin.post("/api/areas", json=park())
        plain = client.get("/api/link?lon=113.3&lat=33.74").json()
        grid = client.get("/api/link?lon=435133.67&lat=3735042.32&crs=EPSG:4547").json()
        assert (grid["lon"], grid["lat"]) == (pytest.approx(113.3, abs=1e-6), pytest.approx(33.74, abs=1e-6))
        assert [link["rule"] for link in grid["links"]] == [link["rule"] for link in plain["links"]]
        shifted = client.get("/api/link?lon=113.3&lat=33.74&crs=gcj02").json()
        assert 300 < abs(shifted["lon"] - 113.3) * 92_600 < 800

    @on_sqlite
    @pytest.mark.parametrize(
        ("query", "word"),
        [
            ("", "lon"),
            ("lon=113.3", "lat"),
            ("lon=x&lat=33.7", "x"),
            ("lon=nan&lat=33.7", "finite"),
            ("lon=inf&lat=33.7", "finite"),
            ("lon=33.7&lat=113.3", "swapped"),
            ("lon=113.3&lat=33.7&accuracy=-1", "accuracy"),
            ("lon=113.3&lat=33.7&crs=EPSG:2379", "2379"),
            ("lon=113.3&lat=33.7&crs=EPSG:0", "EPSG"),
            ("lon=113.3&lat=33.7&z=1", "z"),
            ("lon=113.3&lat=33.7&lat=33.8", "twice"),
        ],
    )
    def test_a_position_that_is_none(self, client: TestClient, query: str, word: str) -> None:
        answer = client.get(f"/api/link?{query}")
        assert answer.status_code == 400, answer.text
        assert word in answer.json()["detail"]

    def test_it_asks_the_store_twice(self, client: TestClient, admin: TestClient, store: Store) -> None:
        admin.post("/api/areas", json=park())
        client.get("/api/link?lon=113.305&lat=33.705")
        with count_queries(store) as asked:
            client.get("/api/link?lon=113.305&lat=33.705")
        assert len(asked) == 2, asked  # which boundaries are in force, and the names of the areas found


class TestStatistics:
    def test_anybody_sees_counts_of_what_they_may_see(self, client: TestClient, admin: TestClient) -> None:
        admin.post("/api/areas", json=park())
        stages = ["reserved", "preparing", "clear", "listed", "sold"]
        made = [
            admin.post("/api/parcels", json=parcel(n, stage=stage)).json() for n, stage in enumerate(stages)
        ]
        admin.post("/api/parcels", json=parcel(9, stage="clear", visibility="internal"))
        plant = {
            "name_zh": "厂房",
            "geometry": square(20),
            "floor_area_m2": 900,
            "idle_area_m2": 400,
            "vacancy": "part_vacant",
        }
        plant_id = admin.post("/api/plants", json={"code": "CF-1", **plant}).json()["id"]
        admin.post(
            "/api/units",
            json={"code": "CF-1-1", "plant_id": plant_id, "vacancy": "vacant", "lettable_m2": 120},
        )
        admin.post("/api/issues", json={"category": "weeds", "lon": 113.3, "lat": 33.7})
        seen = client.get("/api/stats").json()
        assert seen["zone"] == {
            "zone": "test-zone", "name_zh": "测试区", "name_en": "Test zone", "division_code": "410471",
            "opened_issues": False,
        }  # fmt: skip
        assert (seen["counts"]["areas"], seen["counts"]["parcels"], seen["counts"]["issues"]) == (1, 5, 0)
        assert [(each["stage"], each["count"]) for each in seen["reserved"]["stages"]] == [
            (stage, 1) for stage in stages[:4]
        ]
        total = sum(parcel["area_geodesic_m2"] for parcel in made[:4])
        assert seen["reserved"]["area_m2"] == pytest.approx(total)
        assert seen["reserved"]["area_mu"] == pytest.approx(total * 3 / 2000)
        assert seen["plants"]["idle_area_m2"] == 400
        assert [(row["vacancy"], row["count"], row["lettable_m2"]) for row in seen["units"]] == [
            ("vacant", 1, 120)
        ]
        staff_sees = admin.get("/api/stats").json()
        assert (staff_sees["counts"]["parcels"], staff_sees["issues"]) == (6, {"weeds": 1})

    def test_the_questions_do_not_grow_with_the_zone(
        self, client: TestClient, admin: TestClient, store: Store
    ) -> None:
        client.get("/api/stats")
        with count_queries(store) as empty:
            client.get("/api/stats")
        for number in range(5):
            admin.post("/api/parcels", json=parcel(number))
        with count_queries(store) as full:
            client.get("/api/stats")
        assert len(empty) == len(full) == 9
