"""Lists and single records over HTTP: filters, boxes, paging, one shape, and no question per row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from gridgov.access import Scope
from gridgov.models import KINDS
from gridgov.store import Store
from tests.api.conftest import on_sqlite, parcel, park, point, square
from tests.factories import sample
from tests.fixtures_store import NOW, ZONE


@contextmanager
def count_queries(store: Store) -> Iterator[list[str]]:
    """The statements that the store runs in the block, without the beginnings and ends of transactions."""
    engine = store._engine  # type: ignore[attr-defined]  # both stores have one
    seen: list[str] = []

    def note(_c: Any, _u: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("BEGIN", "COMMIT", "SET")):
            seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def parcels(staff: TestClient) -> list[dict[str, Any]]:
    """Twelve parcels in a row: stages reserved and clear by turns, plan years from 2020."""
    made = []
    for number in range(12):
        body = parcel(number, stage="clear" if number % 2 else "reserved", plan_year=2020 + number)
        answer = staff.post("/api/parcels", json=body)
        assert answer.status_code == 201, answer.text
        made.append(answer.json())
    return made


def codes(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["code"] for item in answer.json()["items"]]


class TestList:
    def test_anybody_sees_public_parcels_without_staff_fields(
        self, client: TestClient, staff: TestClient
    ) -> None:
        staff.post("/api/parcels", json=parcel(1, right_holder="某公司", notes="内部"))
        staff.post("/api/parcels", json=parcel(2, visibility="internal"))
        [seen] = client.get("/api/parcels").json()["items"]
        assert seen["code"] == "DK-0001"
        assert not {"right_holder", "notes", "created_by", "payload_hash"} & set(seen)
        assert seen["geometry"] == square(1, 0)

    def test_staff_sees_internal_parcels_and_staff_fields(self, staff: TestClient) -> None:
        staff.post("/api/parcels", json=parcel(2, visibility="internal", right_holder="某公司"))
        [seen] = staff.get("/api/parcels").json()["items"]
        assert seen["right_holder"] == "某公司"
        assert "payload_hash" not in seen

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("stage=clear&plan_year__le=2023", ["DK-0001", "DK-0003"]),
            ("stage=clear&stage=reserved&plan_year__ge=2030", ["DK-0010", "DK-0011"]),
            ("stage=净地&plan_year__ge=2030", ["DK-0011"]),
            ("plan_year=2022", ["DK-0002"]),
            ("tenure__null=false", []),
            ("q=3号地", ["DK-0003"]),
            ("q=k-001", ["DK-0010", "DK-0011"]),
            ("order=-code&limit=2", ["DK-0011", "DK-0010"]),
            ("bbox=113.3005,33.7001,113.3015,33.7002", ["DK-0000", "DK-0001"]),
            ("near=113.2999,33.7005&radius=50", ["DK-0000"]),
            ("near=113.302,33.7005&radius=1&limit=5", ["DK-0001", "DK-0002"]),
            ("created_at__ge=2026-11-20T14:05:00+08:00&plan_year=2022", ["DK-0002"]),
            ("created_at__ge=2026-11-20T14:06:00%2B08:00", []),
        ],
    )
    def test_conditions(
        self, client: TestClient, parcels: list[dict[str, Any]], query: str, expected: list[str]
    ) -> None:
        assert sorted(codes(client.get(f"/api/parcels?{query}"))) == sorted(expected)
        if "order" in query:
            assert codes(client.get(f"/api/parcels?{query}")) == expected

    def test_distances_stand_in_the_items(self, client: TestClient, parcels: list[dict[str, Any]]) -> None:
        items = client.get("/api/parcels?near=113.2999,33.7005&radius=150").json()["items"]
        assert [item["code"] for item in items] == ["DK-0000", "DK-0001"]
        assert items[0]["distance_m"] == pytest.approx(9.26, abs=0.05)

    def test_a_box_in_another_system_finds_the_same(
        self, client: TestClient, parcels: list[dict[str, Any]]
    ) -> None:
        box = "435133,3730596,435250,3730700"  # the south-west corner of the zone on EPSG:4547
        assert codes(client.get(f"/api/parcels?bbox={box}&crs=EPSG:4547")) == codes(
            client.get("/api/parcels?bbox=113.29996,33.69989,113.30124,33.70083")
        )

    def test_pages_follow_each_other_without_gap_or_repeat(
        self, client: TestClient, parcels: list[dict[str, Any]]
    ) -> None:
        seen: list[str] = []
        url: str | None = "/api/parcels?limit=5&total=true"
        while url:
            page = client.get(url).json()
            assert page["total"] == 12
            seen += [item["code"] for item in page["items"]]
            url = page["next"] and f"/api/parcels?limit=5&total=true&cursor={page['next']}"
        assert seen == [each["code"] for each in parcels]

    def test_geojson_holds_the_same(self, client: TestClient, parcels: list[dict[str, Any]]) -> None:
        plain = client.get("/api/parcels?limit=2").json()
        answer = client.get("/api/parcels?limit=2&format=geojson")
        assert answer.headers["content-type"] == "application/geo+json"
        drawn = answer.json()
        assert drawn["type"] == "FeatureCollection"
        assert drawn["next"] == plain["next"]
        for feature, item in zip(drawn["features"], plain["items"], strict=True):
            assert feature["geometry"] == item.pop("geometry")
            assert feature["properties"] == item
            assert feature["id"] == item["id"]

    def test_records_of_an_area(self, client: TestClient, admin: TestClient, staff: TestClient) -> None:
        admin.post("/api/areas", json=park("PK-01", 0, 0, 3))
        for number in (1, 2, 7):
            staff.post("/api/parcels", json=parcel(number))
        assert codes(client.get("/api/parcels?area=PK-01")) == ["DK-0001", "DK-0002"]
        assert client.get("/api/parcels?area=PK-99").status_code == 400

    def test_areas_of_an_area_are_it_and_all_below_it(self, client: TestClient, admin: TestClient) -> None:
        parent = admin.post("/api/areas", json=park("PK-01", 0, 0, 6)).json()["id"]
        admin.post("/api/areas", json=park("PK-02", 20, 0, 6))
        for code, column in (("WG-1", 0), ("WG-2", 3)):
            body = {**park(code, column, 0, 2), "kind": "grid", "parent_id": parent}
            assert admin.post("/api/areas", json=body).status_code == 201
        assert codes(client.get("/api/areas?area=PK-01")) == ["PK-01", "WG-1", "WG-2"]
        assert codes(client.get("/api/areas?area=WG-1")) == ["WG-1"]
        assert client.get("/api/areas?area=PK-01&limit=1&total=true").json()["total"] == 3

    def test_units_of_an_area_are_those_in_its_plants(
        self, client: TestClient, admin: TestClient, staff: TestClient
    ) -> None:
        admin.post("/api/areas", json=park("PK-01", 0, 0, 3))
        for number, column in ((1, 1), (2, 7)):
            plant = {"code": f"CF-{number}", "name_zh": "厂房", "geometry": square(column, 1, 0.5)}
            made = staff.post("/api/plants", json=plant)
            assert made.status_code == 201, made.text
            unit = {"code": f"DY-{number}", "plant_id": made.json()["id"]}
            assert staff.post("/api/units", json=unit).status_code == 201
        assert codes(client.get("/api/units")) == ["DY-1", "DY-2"]
        assert codes(client.get("/api/units?area=PK-01")) == ["DY-1"]
        exported = client.get("/api/export/units.csv?area=PK-01").text
        assert ("DY-1" in exported, "DY-2" in exported) == (True, False)

    def test_departments_lie_in_no_area(self, client: TestClient, admin: TestClient) -> None:
        admin.post("/api/areas", json=park("PK-01", 0, 0, 3))
        answer = client.get("/api/departments?area=PK-01")
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:gridgov:problem:invalid-filter")
        assert "lie in no area" in answer.json()["detail"]

    def test_a_zone_in_the_path_is_the_same_list(
        self, client: TestClient, parcels: list[dict[str, Any]]
    ) -> None:
        assert client.get(f"/z/{ZONE}/api/parcels").json() == client.get("/api/parcels").json()
        answer = client.get("/z/elsewhere/api/parcels")
        assert (answer.status_code, answer.json()["details"]) == (404, {"zone": "elsewhere"})

    @on_sqlite
    @pytest.mark.parametrize(
        ("query", "kind", "word"),
        [
            ("colour=red", "unknown-field", "colour"),
            ("payload_hash=1", "unknown-field", "payload_hash"),
            ("right_holder=x", "invalid-filter", "right_holder"),
            ("stage__ge=clear", "invalid-filter", "stage"),
            ("stage=nonsense", "invalid-filter", "nonsense"),
            ("stage=", "invalid-filter", "stage"),
            ("plan_year=MMXX", "invalid-filter", "MMXX"),
            ("plan_year__ge=2020&plan_year__ge=2021", "invalid-filter", "plan_year"),
            ("limit=0", "out-of-range", "limit"),
            ("limit=1001", "out-of-range", "1000"),
            ("limit=٣", "out-of-range", "limit"),
            ("limit=5&limit=6", "invalid-filter", "limit"),
            ("order=area", "invalid-filter", "area"),
            ("cursor=abc", "invalid-cursor", "cursor"),
            ("bbox=1,2,3", "invalid-value", "bbox"),
            ("bbox=nan,2,3,4", "invalid-value", "bbox"),
            ("bbox=114,33,113,34", "out-of-range", "west"),
            ("bbox=33,113,34,114", "out-of-range", "bbox"),
            ("near=113.3,inf", "invalid-value", "near"),
            ("near=33.7,113.3", "out-of-range", "swapped"),
            ("near=113.3,33.7&radius=-1", "out-of-range", "radius"),
            ("near=113.3,33.7&radius=60000", "out-of-range", "radius"),
            ("radius=5", "invalid-filter", "near"),
            ("near=113.3,33.7&crs=EPSG:2379", "unsupported-datum", "2379"),
            ("crs=nonsense", "unknown-coordinate-system", "nonsense"),
            ("total=maybe", "invalid-value", "total"),
            ("format=shp", "invalid-value", "format"),
            ("q=a%00b", "invalid-value", "NUL"),
        ],
    )
    def test_a_wrong_parameter_is_named(self, client: TestClient, query: str, kind: str, word: str) -> None:
        answer = client.get(f"/api/parcels?{query}")
        problem = answer.json()
        assert answer.status_code == 400, problem
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["type"] == f"urn:gridgov:problem:{kind}"
        assert word in problem["detail"]
        assert problem["instance"] == "/api/parcels"

    def test_a_page_asks_the_store_as_often_as_an_empty_one(
        self, client: TestClient, store: Store, parcels: list[dict[str, Any]]
    ) -> None:
        client.get("/api/parcels")
        with count_queries(store) as empty:
            client.get("/api/parcels?q=nothing-like-it")
        with count_queries(store) as full:
            assert len(codes(client.get("/api/parcels"))) == 12
        assert len(full) == len(empty) == 1, full


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_kind_has_the_same_list(client: TestClient, staff: TestClient, store: Store, name: str) -> None:
    kind = KINDS[name]
    with store.begin(Scope.system(ZONE), NOW, write=True) as tx:
        plant = tx.insert(KINDS["plants"], sample("plants")).record
        if kind.name != "plants":
            more = {"plant_id": plant.id} if name == "units" else {}
            made = tx.insert(kind, sample(kind, **more)).record
        else:
            made = plant
    [item] = staff.get(f"/api/{name}").json()["items"]
    assert (item["id"], item["code"], item["version"]) == (made.id, made["code"], 1)
    assert ("geometry" in item) == (kind.geometry is not None)
    one = staff.get(f"/api/{name}/{made.id}")
    assert one.headers["etag"] == '"1"'
    assert {key: value for key, value in one.json().items() if key not in ("links", "texts")} == item


class TestOne:
    def test_anybody_reads_a_parcel_with_its_links(
        self, client: TestClient, admin: TestClient, staff: TestClient
    ) -> None:
        admin.post("/api/areas", json=park())
        made = staff.post("/api/parcels", json=parcel()).json()
        one = client.get(f"/api/parcels/{made['id']}?explain=zh").json()
        [link] = one["links"]
        assert (link["level"], link["area_code"], link["name_zh"], link["share"]) == (
            "park", "PK-01", "测试园区", pytest.approx(1),
        )  # fmt: skip
        assert one["explanation"] == ["园区：测试园区（PK-01），距边界 55 m，占面积 100 %。"]

    def test_hidden_and_absent_are_the_same_to_strangers(self, client: TestClient, staff: TestClient) -> None:
        made = staff.post("/api/parcels", json=parcel(visibility="internal")).json()
        hidden = client.get(f"/api/parcels/{made['id']}").json()
        absent = client.get("/api/parcels/00000000-0000-7000-8000-000000000000").json()
        assert hidden["status"] == absent["status"] == 404
        assert hidden["detail"].replace(made["id"], "") == absent["detail"].replace(
            "00000000-0000-7000-8000-000000000000", ""
        )

    @on_sqlite
    @pytest.mark.parametrize("path", ["nonsense", "1", "%00", "..%2f"])
    def test_an_id_that_is_none(self, client: TestClient, path: str) -> None:
        assert client.get(f"/api/parcels/{path}").status_code in (400, 404)

    def test_questions_for_one_record_do_not_grow(
        self, client: TestClient, store: Store, admin: TestClient, staff: TestClient
    ) -> None:
        admin.post("/api/areas", json=park())
        made = staff.post("/api/parcels", json=parcel()).json()
        client.get("/api/parcels")
        with count_queries(store) as asked:
            client.get(f"/api/parcels/{made['id']}?explain=en")
        assert len(asked) == 3, asked  # the record, its links, the names of their areas


def test_issues_are_hidden_until_the_zone_opens_them(client: TestClient, staff: TestClient) -> None:
    staff.post("/api/issues", json={"category": "weeds", "geometry": point()})
    assert client.get("/api/issues").json()["items"] == []
