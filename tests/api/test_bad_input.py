"""Bad input gets a clear problem and leaves nothing behind: bodies, coordinates, geometries, sizes."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

from api.hot import BODY_MAX_BYTES
from gridgov.settings import Settings, read_settings
from gridgov.store import Store
from tests.api.conftest import parcel, square

MOST_VERTICES = 50


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    """Bodies are read before the store is asked, so one store is enough."""
    return sqlite_store


@pytest.fixture
def settings() -> Settings:
    return read_settings({}, demo=True, geometry_max_vertices=MOST_VERTICES)


def refused(answer: Any, status: int, kind: str, *words: str) -> None:
    body = answer.json()
    assert (answer.status_code, body["type"]) == (status, f"urn:gridgov:problem:{kind}"), body
    assert answer.headers["content-type"] == "application/problem+json"
    for word in words:
        assert word in body["detail"]


class TestBody:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", ("JSON",)),
            (b"{", ("JSON",)),
            (b'{"code": NaN}', ("JSON", "NaN")),
            (b'{"code": Infinity}', ("JSON", "Infinity")),
            (b'{"plan_year": 1e999}', ("JSON", "infinity")),
            (b'{"code": "\\ud800"}', ("JSON",)),
            (b'{"code": "\xff"}', ("JSON",)),
            (b"[" * 2000, ("JSON",)),
            (b"[1]", ("object",)),
            (b'"text"', ("object",)),
            (b"null", ("object",)),
        ],
    )
    def test_that_is_no_json_object(self, staff: TestClient, content: bytes, words: tuple[str, ...]) -> None:
        answer = staff.post("/api/parcels", content=content, headers={"Content-Type": "application/json"})
        refused(answer, 400, "invalid-value", *words)

    @pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "", None])
    def test_of_another_type(self, staff: TestClient, media_type: str | None) -> None:
        headers = {} if media_type is None else {"Content-Type": media_type}
        answer = staff.post("/api/parcels", content=orjson.dumps(parcel()), headers=headers)
        refused(answer, 415, "unsupported-format", "application/json")

    def test_that_says_it_is_too_large(self, staff: TestClient) -> None:
        answer = staff.post(
            "/api/parcels",
            content=b"x",
            headers={"Content-Type": "application/json", "Content-Length": str(BODY_MAX_BYTES + 1)},
        )
        refused(answer, 413, "too-large", str(BODY_MAX_BYTES))

    def test_that_is_too_large_and_does_not_say_so(self, staff: TestClient) -> None:
        def pieces() -> Any:
            for _ in range(21):
                yield b" " * 1024**2

        answer = staff.post("/api/parcels", content=pieces(), headers={"Content-Type": "application/json"})
        refused(answer, 413, "too-large")

    def test_a_stranger_s_body_is_not_even_read(self, client: TestClient) -> None:
        answer = client.post("/api/parcels", content=b"{", headers={"Content-Type": "application/json"})
        assert answer.status_code == 401


def ring(*places: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [list(places)]}


A, B, C = [113.3, 33.7], [113.301, 33.7], [113.301, 33.701]

BAD_GEOMETRIES: list[tuple[str, Any, int, str, str]] = [
    ("no object", "POINT (1 2)", 400, "invalid-geometry", "GeoJSON"),
    ("no type", {"coordinates": []}, 400, "invalid-geometry", "GeoJSON"),
    ("unknown type", {"type": "Circle", "coordinates": []}, 400, "invalid-geometry", "Circle"),
    ("wrong type", {"type": "Point", "coordinates": A}, 400, "invalid-geometry", "Point"),
    ("mixed", {"type": "GeometryCollection", "geometries": []}, 400, "invalid-geometry", "GeometryCollection"),
    ("no coordinates", {"type": "Polygon"}, 400, "invalid-geometry", "ring"),
    ("empty", {"type": "Polygon", "coordinates": []}, 400, "invalid-geometry", "ring"),
    ("empty parts", {"type": "MultiPolygon", "coordinates": []}, 400, "invalid-geometry", "empty"),
    ("unclosed", ring(A, B, C, [113.3, 33.701]), 400, "invalid-geometry", "not closed"),
    ("too short", ring(A, B, A), 400, "invalid-geometry", "four"),
    ("a line", ring(A, B, A, B, A), 400, "invalid-geometry", "cannot be used"),
    ("text", ring(A, B, ["113.301", "33.7"], A), 400, "invalid-geometry", "position"),
    ("true", ring(A, B, [True, False], A), 400, "invalid-geometry", "position"),
    ("null", ring(A, B, None, A), 400, "invalid-geometry", "position"),
    ("one number", ring(A, B, [113.3], A), 400, "invalid-geometry", "position"),
    ("not nested", {"type": "Polygon", "coordinates": [A, B, C, A]}, 400, "invalid-geometry", "position"),
    ("swapped", ring([33.7, 113.3], [33.7, 113.301], [33.701, 113.301], [33.7, 113.3]), 400, "out-of-range", "swapped"),
    ("nowhere", ring([200, 95], [201, 95], [201, 96], [200, 95]), 400, "out-of-range", "no place"),
    ("huge", ring([1e300, 1], [1e301, 1], [1e301, 2], [1e300, 1]), 400, "out-of-range", "no place"),
    (
        "too many vertices",
        ring(*([113.3 + n / 1e6, 33.7] for n in range(MOST_VERTICES)), [113.3, 33.8], A),
        413,
        "too-large",
        "GRIDGOV_GEOMETRY_MAX_VERTICES",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("geometry", "status", "kind", "word"),
    [row[1:] for row in BAD_GEOMETRIES],
    ids=[row[0] for row in BAD_GEOMETRIES],
)
def test_a_geometry_that_cannot_be_used(
    staff: TestClient, geometry: Any, status: int, kind: str, word: str
) -> None:
    refused(staff.post("/api/parcels", json=parcel(geometry=geometry)), status, kind, word)
    assert staff.get("/api/parcels").json()["items"] == []


def test_a_million_vertices_are_refused_before_they_are_drawn(staff: TestClient) -> None:
    places = [[113.3, 33.7]] * 1_000_000
    answer = staff.post("/api/parcels", json=parcel(geometry={"type": "Polygon", "coordinates": [places]}))
    refused(answer, 413, "too-large", "simplify")


def test_a_metre_grid_without_its_name_is_no_place(staff: TestClient) -> None:
    geometry = ring([435000, 3735000], [435100, 3735000], [435100, 3735100], [435000, 3735000])
    refused(
        staff.post("/api/parcels", json=parcel(geometry=geometry)), 400, "out-of-range", "coordinate system"
    )


def test_a_third_coordinate_is_dropped(staff: TestClient) -> None:
    flat = square(1)["coordinates"][0]
    made = staff.post(
        "/api/parcels",
        json=parcel(geometry={"type": "Polygon", "coordinates": [[[*place, 88.5] for place in flat]]}),
    )
    assert made.status_code == 201
    assert made.json()["geometry"]["coordinates"][0] == flat


def test_a_self_crossing_outline_is_repaired_and_the_answer_shows_it(staff: TestClient) -> None:
    bowtie = ring([113.3, 33.7], [113.302, 33.702], [113.302, 33.7], [113.3, 33.702], [113.3, 33.7])
    made = staff.post("/api/parcels", json=parcel(geometry=bowtie))
    assert made.status_code == 201
    body = made.json()
    assert body["geometry"]["type"] == "MultiPolygon"
    assert [(each["kind"], each["repaired"]) for each in body["repairs"]] == [("self_crossing", True)]
    assert body["repairs"][0]["zh"]
    assert body["repairs"][0]["en"]


def test_kinds_without_a_place_take_none(staff: TestClient) -> None:
    plant = staff.post("/api/plants", json={"code": "CF-1", "name_zh": "一号", "geometry": square()}).json()
    unit = {"code": "CF-1-1", "plant_id": plant["id"], "geometry": square()}
    refused(staff.post("/api/units", json=unit), 400, "invalid-geometry", "no geometry")


def test_a_reference_to_nothing(staff: TestClient) -> None:
    unit = {"code": "CF-1-1", "plant_id": "00000000-0000-7000-8000-000000000000"}
    refused(staff.post("/api/units", json=unit), 400, "invalid-value", "does not exist")


def test_a_plant_s_unknown_needs_a_reason_and_no_value(staff: TestClient) -> None:
    plant = {"code": "CF-1", "name_zh": "一号", "geometry": square()}
    both = {**plant, "storeys": 2, "unknown": {"storeys": "not_asked"}}
    refused(staff.post("/api/plants", json=both), 400, "invalid-value", "storeys")
    refused(staff.post("/api/plants", json={**plant, "unknown": {"storeys": "?"}}), 400, "invalid-value")


def test_a_listing_of_nothing_and_one_that_ends_before_it_begins(staff: TestClient) -> None:
    made = staff.post("/api/parcels", json=parcel()).json()
    body = {
        "code": "ZS-1",
        "title": "出租",
        "asset_kind": "parcels",
        "asset_id": made["id"],
        "offer": "grant",
    }
    nothing = {**body, "asset_id": "00000000-0000-7000-8000-000000000000"}
    refused(staff.post("/api/listings", json=nothing), 400, "invalid-value", "does not exist")
    wrong = {**body, "published_at": "2026-11-20T00:00:00Z", "expires_at": "2026-11-19T00:00:00Z"}
    refused(staff.post("/api/listings", json=wrong), 400, "invalid-value", "expires")
    made = staff.post("/api/listings", json={**body, "published_at": "2026-11-01T00:00:00+08:00"})
    assert (made.status_code, made.json()["geometry"]["type"]) == (201, "Point")
