"""The description of the interface is complete: no route answers what it does not declare, and none breaks."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from api.components import components
from gridgov.models import KINDS
from gridgov.store import Store
from tests.api.conftest import parcel, park, point, square
from tests.images.specimens import encoded, picture

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

EXAMPLES = 12
NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    """The description is the same on both stores; what reaches the store has its own tests."""
    return sqlite_store


@pytest.fixture
def described(client: TestClient) -> dict[str, Any]:
    app = client.app
    assert isinstance(app, FastAPI)
    return app.openapi()


def test_it_is_served_with_every_kind_in_it(client: TestClient, described: dict[str, Any]) -> None:
    assert client.get("/openapi.json").json() == described
    for name in KINDS:
        assert {"get", "post"} == set(described["paths"][f"/api/{name}"])
        assert {"get", "patch", "delete"} == set(described["paths"][f"/api/{name}/{{identifier}}"])


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    def references(part: Any) -> set[str]:
        if isinstance(part, dict):
            found = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
            return found.union(*(references(each) for each in part.values()))
        return set[str]().union(*(references(each) for each in part)) if isinstance(part, list) else set()

    there = {f"#/components/schemas/{name}" for name in components()}
    assert references(described) <= there


def test_fields_say_their_unit_bounds_terms_and_chinese_name(described: dict[str, Any]) -> None:
    fields = described["components"]["schemas"]["NewUnit"]["properties"]
    assert fields["clear_height_m"] == {
        "type": ["number", "null"], "minimum": 0, "maximum": 60, "title": "净高", "description": "clear height, m",
    }  # fmt: skip
    assert "vacant" in fields["vacancy"]["enum"]
    assert "version" not in fields


def fill(admin: TestClient) -> None:
    """One record of every kind, so that answers have something in them."""
    admin.post("/api/areas", json=park())
    made = admin.post("/api/parcels", json=parcel()).json()["id"]
    plant = admin.post("/api/plants", json={"code": "CF-1", "name_zh": "厂", "geometry": square(2)}).json()[
        "id"
    ]
    admin.post(f"/api/plants/{plant}/attachments", files={"file": ("a.jpg", encoded(picture()))})
    admin.post("/api/units", json={"code": "CF-1-1", "plant_id": plant})
    admin.post("/api/buildings", json={"code": "LD-1", "geometry": square(3)})
    admin.post("/api/departments", json={"code": "BM-1", "name_zh": "局"})
    admin.post(
        "/api/facilities", json={"code": "SS-1", "kind": "toilet", "name_zh": "厕", "geometry": point()}
    )
    offer = {"code": "ZS-1", "title": "地", "asset_kind": "parcels", "asset_id": made, "offer": "grant"}
    admin.post("/api/listings", json={**offer, "published_at": "2026-11-01T00:00:00Z"})
    admin.post(
        "/api/issues", json={"category": "weeds", "lon": 113.305, "lat": 33.705, "contact": {"phone": "1"}}
    )


def living(admin: TestClient, path: str) -> tuple[str, str]:
    """Id and ETag of a record of the kind that a path is about."""
    kind = path.split("/")[2]
    if kind == "users":
        return str(admin.get("/api/users").json()["items"][0]["id"]), '"1"'
    items = admin.get(f"/api/{kind}").json()["items"]
    return (items[-1]["id"], f'"{items[-1].get("version", 1)}"') if items else (NOBODY, '"1"')


def aim_at_photo(case: Any, admin: TestClient) -> None:
    """Let a case hit the plant with a photo, and its photo."""
    case.path_parameters["kind"] = "plants"
    case.path_parameters["identifier"], _ = living(admin, "/api/plants")
    photos = admin.get(f"/api/plants/{case.path_parameters['identifier']}/attachments").json().get("items")
    if "attachment" in case.path_parameters and photos:
        case.path_parameters["attachment"] = photos[0]["id"]


def aim(case: Any, admin: TestClient) -> dict[str, str]:
    """Let many cases hit something: a record that is there, at its version, with a geometry that can be."""
    version = '"1"'
    aimed = case.method.upper() == "GET" or len(repr(case.body)) % 2
    if aimed and "kind" in (case.path_parameters or {}):
        aim_at_photo(case, admin)
    elif aimed and "identifier" in (case.path_parameters or {}):
        case.path_parameters["identifier"], version = living(admin, case.path)
    if case.path_parameters and "name" in case.path_parameters:
        case.path_parameters["name"] = ["parcels.csv", "parks.geojson", "units.gpkg"][
            len(repr(case.query)) % 3
        ]
    if isinstance(case.body, dict) and isinstance(case.body.get("geometry"), dict):
        case.body.pop("crs", None)
        is_point = case.body["geometry"].get("type") == "Point"
        case.body["geometry"] = point(3.3, 4.4) if is_point else square(len(repr(case.body)) % 90, 5)
    return {"If-Match": version}


@pytest.mark.slow
@pytest.mark.parametrize("role", ["public", "admin"])
def test_no_route_breaks_or_answers_what_it_does_not_declare(
    client: TestClient, admin: TestClient, role: str
) -> None:
    fill(admin)
    cookie = "; ".join(f"{name}={value}" for name, value in admin.cookies.items())
    seen: Counter[int] = Counter()
    schema = schemathesis.openapi.from_asgi("/openapi.json", client.app)
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        if operation.path == "/api/session" and operation.method.upper() != "GET":
            continue

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        def check(case: Any) -> None:
            headers = aim(case, admin)
            if role == "admin":
                headers["Cookie"] = cookie
            answer = case.call(headers=headers)
            seen[answer.status_code] += 1
            case.validate_response(answer, checks=CHECKS)

        given(case=operation.as_strategy())(check)()
    reached = {200, 400, 404} | ({201, 409} if role == "admin" else {401})
    assert reached <= set(seen), seen  # the walk must get past the door
