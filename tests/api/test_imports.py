"""Files in and out over HTTP: checked, all or nothing, and only what the caller may see."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from gridgov.settings import Settings, read_settings
from tests.api.conftest import on_sqlite, parcel, park, square

UPLOAD_MAX = 300_000


@pytest.fixture
def settings() -> Settings:
    return read_settings({}, demo=True, upload_max_bytes=UPLOAD_MAX, unpacked_max_bytes=1_000_000)


def features(*rows: tuple[str, dict[str, Any]], **more: Any) -> bytes:
    """A GeoJSON file of parcels: code and geometry of each."""
    made = [
        {"type": "Feature", "properties": {"编号": code, **more}, "geometry": geometry}
        for code, geometry in rows
    ]
    return json.dumps({"type": "FeatureCollection", "features": made}, ensure_ascii=False).encode()


def upload(
    client: TestClient, content: bytes, name: str = "地块.geojson", query: str = "kind=parcels"
) -> Any:
    return client.post(f"/api/import?{query}", files={"file": (name, content)})


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:gridgov:problem:")


def count(client: TestClient, kind: str = "parcels") -> int:
    return int(client.get(f"/api/{kind}?total=true").json()["total"])


GOOD = features(("DK-1", square(1)), ("DK-2", square(3)))


class TestImport:
    def test_anybody_and_a_grid_worker_may_not(self, client: TestClient, grid_worker: TestClient) -> None:
        assert problem(upload(client, GOOD)) == (401, "not-signed-in")
        assert problem(upload(grid_worker, GOOD)) == (403, "not-allowed")

    def test_a_dry_run_reports_and_writes_nothing(self, staff: TestClient) -> None:
        answer = upload(staff, GOOD, query="kind=parcels&dry_run=true")
        report = answer.json()
        assert (answer.status_code, report["outcome"], report["counts"]["created"]) == (200, "dry_run", 2)
        assert [(match["column"], match["field"]) for match in report["mapping"]] == [("编号", "code")]
        assert count(staff) == 0

    @pytest.mark.parametrize(
        "name", ["湛河新城" * 25 + ".geojson", "𠮷" * 120 + ".geojson", "a" * 400 + ".geojson"]
    )
    def test_a_long_name_is_cut_and_keeps_its_ending(self, staff: TestClient, name: str) -> None:
        answer = upload(staff, GOOD, name=name)
        assert (answer.status_code, count(staff)) == (200, 2), answer.text

    def test_it_loads_and_the_same_again_changes_nothing(self, staff: TestClient) -> None:
        assert upload(staff, GOOD).json()["outcome"] == "loaded"
        before = staff.get("/api/parcels").json()
        assert [item["code"] for item in before["items"]] == ["DK-1", "DK-2"]
        assert upload(staff, GOOD).json()["outcome"] == "unchanged"
        assert staff.get("/api/parcels").json() == before

    def test_faults_reject_the_whole_file_unless_they_may_be_left_out(self, staff: TestClient) -> None:
        mixed = features(("DK-1", square(1)), ("DK-2", {"type": "Polygon", "coordinates": []}))
        answer = upload(staff, mixed)
        assert problem(answer) == (409, "import-rejected")
        assert answer.json()["details"]["report"]["counts"]["rejected"] == 1
        assert count(staff) == 0
        answer = upload(staff, mixed, query="kind=parcels&skip_bad=true")
        assert (answer.status_code, count(staff)) == (200, 1)

    def test_columns_and_the_system_can_be_named(self, staff: TestClient) -> None:
        table = "号,种,名称,东坐标,北坐标\n0601,公厕,一号公厕,435133.67,3735042.32\n".encode()
        answer = upload(staff, table, "设施.csv", "kind=facilities&crs=EPSG:4547&map=号=code&map=种=kind")
        assert answer.json().get("outcome") == "loaded", answer.text
        [item] = staff.get("/api/facilities").json()["items"]
        lon, lat = item["geometry"]["coordinates"]
        assert (item["code"], lon, lat) == (
            "0601",
            pytest.approx(113.3, abs=1e-6),
            pytest.approx(33.74, abs=1e-6),
        )

    def test_a_table_without_its_system_gets_proposals_with_evidence(
        self, admin: TestClient, staff: TestClient
    ) -> None:
        admin.post("/api/areas", json={**park("KFQ", size=100), "kind": "zone"})
        table = "编号,东坐标,北坐标,设施类型,名称\nS1,435133,3735042,公厕,甲\nS2,435233,3735142,公厕,乙\n".encode()
        answer = upload(staff, table, "点.csv", "kind=facilities")
        assert problem(answer) == (400, "coordinate-system-needed")
        first, *_ = answer.json()["details"]["proposals"]
        assert first["crs"] == "EPSG:4547"
        assert first["evidence"]

    @on_sqlite
    @pytest.mark.parametrize(
        ("name", "content", "status", "kind"),
        [
            ("leer.geojson", b"", 400, "unreadable-file"),
            ("cut.geojson", GOOD[:80], 400, "unreadable-file"),
            ("cut.zip", b"PK\x03\x04rest", 400, "unreadable-file"),
            ("plan.dwg", b"AC1032" + b"\0" * 100, 415, "unsupported-format"),
            ("note.docx.txt.exe", b"MZ\0\0", 415, "unsupported-format"),
        ],
    )
    def test_a_file_that_cannot_be_read(
        self, staff: TestClient, name: str, content: bytes, status: int, kind: str
    ) -> None:
        answer = upload(staff, content, name)
        assert answer.status_code == status, answer.text
        assert problem(answer)[1] in (kind, "unsupported-format")
        assert count(staff) == 0

    def test_a_zip_bomb(self, staff: TestClient) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("bomb.geojson", b" " * 50_000_000)
        assert len(packed.getvalue()) < UPLOAD_MAX
        answer = upload(staff, packed.getvalue(), "bomb.zip")
        assert problem(answer)[0] in (400, 413), answer.text
        assert problem(answer)[1] in ("unsafe-archive", "too-large")

    def test_a_zip_that_leads_elsewhere(self, staff: TestClient, tmp_path: Path) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("../outside.geojson", GOOD)
        assert problem(upload(staff, packed.getvalue(), "x.zip")) == (400, "unsafe-archive")

    def test_a_file_above_the_limit(self, staff: TestClient) -> None:
        assert problem(upload(staff, b" " * (UPLOAD_MAX + 2 * 1024**2))) == (413, "too-large")

    @on_sqlite
    @pytest.mark.parametrize(
        "name", ["../../etc/passwd", "..\\..\\boot.ini", "/abs/地块.geojson", "", "a\x00b", "x" * 300]
    )
    def test_a_name_that_leads_elsewhere_is_only_a_name(self, staff: TestClient, name: str) -> None:
        answer = upload(staff, GOOD, name, "kind=parcels&dry_run=true")
        assert answer.status_code in (200, 400, 415), answer.text
        if answer.status_code == 200:
            assert "/" not in answer.json()["file"]

    @on_sqlite
    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ("", 404),
            ("kind=streets", 403),
            ("kind=nonsense", 404),
            ("kind=parcels&dry_run=perhaps", 400),
            ("kind=parcels&map=noequals", 400),
            ("kind=parcels&map=%E7%BC%96%E5%8F%B7=nonsense", 400),
            ("kind=parcels&crs=nonsense", 400),
            ("kind=parcels&zone=x", 400),
        ],
    )
    def test_a_wrong_parameter(self, staff: TestClient, query: str, status: int) -> None:
        assert upload(staff, GOOD, query=query).status_code == status
        assert count(staff) == 0

    def test_a_form_without_the_file_or_with_more(self, staff: TestClient) -> None:
        assert staff.post("/api/import?kind=parcels", files={"other": ("x.csv", b"1")}).status_code == 400
        two = [("file", ("a.csv", b"1")), ("file", ("b.csv", b"1"))]
        assert staff.post("/api/import?kind=parcels", files=two).status_code == 400
        answer = staff.post(
            "/api/import?kind=parcels", content=b"x", headers={"Content-Type": "multipart/form-data"}
        )
        assert answer.status_code == 400

    def test_boundaries_are_published_with_the_layer_s_kind(
        self, client: TestClient, admin: TestClient
    ) -> None:
        made = features(("PK-1", square(0, 0, 5)), ("PK-2", square(5, 0, 5)), 名称="园区")
        answer = upload(admin, made, "园区.geojson", "kind=parks")
        assert answer.json()["outcome"] == "loaded", answer.text
        items = client.get("/api/areas?kind=park").json()["items"]
        assert [(item["code"], item["edition_set"]) for item in items] == [("PK-1", 1), ("PK-2", 1)]

    def test_two_at_once_publish_one_after_the_other(self, client: TestClient, admin: TestClient) -> None:
        files = [features((f"PK-{n}", square(5 * n, 0, 5)), 名称="园区") for n in range(4)]
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda file: upload(admin, file, "园区.geojson", "kind=parks"), files))
        assert [answer.status_code for answer in answers] == [200] * 4, [answer.text for answer in answers]
        sets = [item["edition_set"] for item in client.get("/api/areas?kind=park").json()["items"]]
        assert sorted(sets) == [1, 2, 3, 4]


class TestExport:
    @pytest.fixture(autouse=True)
    def records(self, staff: TestClient) -> None:
        staff.post("/api/parcels", json=parcel(1, stage="clear", right_holder="某公司", name_zh="=1+1"))
        staff.post("/api/parcels", json=parcel(2, visibility="internal"))

    def rows(self, client: TestClient, query: str = "") -> list[dict[str, str]]:
        answer = client.get(f"/api/export/parcels.csv{query}")
        assert answer.status_code == 200, answer.text
        return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))

    def test_anybody_gets_what_is_public(self, client: TestClient) -> None:
        [row] = self.rows(client)
        assert row["code"] == "DK-0001"
        assert "right_holder" not in row
        assert row["name_zh"] == "'=1+1"  # no formula in a spreadsheet

    def test_staff_gets_all_with_conditions_and_labels(self, staff: TestClient) -> None:
        assert [row["code"] for row in self.rows(staff)] == ["DK-0001", "DK-0002"]
        assert [row["code"] for row in self.rows(staff, "?stage=reserved")] == ["DK-0002"]
        assert [row["编号"] for row in self.rows(staff, "?lang=zh&bbox=113.3,33.6,113.30150,33.9")] == [
            "DK-0001"
        ]

    def test_geojson_and_geopackage(self, staff: TestClient, admin: TestClient) -> None:
        drawn = staff.get("/api/export/parcels.geojson")
        assert drawn.headers["content-type"] == "application/geo+json"
        assert drawn.headers["content-disposition"] == 'attachment; filename="test-zone-parcels.geojson"'
        assert [feature["geometry"] for feature in drawn.json()["features"]] == [square(1), square(2)]
        packed = staff.get("/api/export/parcels.gpkg")
        assert packed.content.startswith(b"SQLite format 3\x00")
        admin.post("/api/areas", json=park())
        admin.post("/api/areas", json={**park("G-1"), "kind": "grid"})
        parks = staff.get("/api/export/parks.geojson").json()
        assert [feature["properties"]["code"] for feature in parks["features"]] == ["PK-01"]

    @on_sqlite
    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("parcels", 404),
            ("parcels.dwg", 404),
            ("nonsense.csv", 404),
            ("parcels.csv?limit=5", 400),
            ("parcels.csv?cursor=x", 400),
            ("parcels.csv?colour=red", 400),
            ("parcels.csv?lang=fr", 400),
            ("parcels.csv?area=PK-99", 400),
            ("..%2fparcels.csv", 404),
        ],
    )
    def test_what_is_no_export(self, client: TestClient, path: str, status: int) -> None:
        answer = client.get(f"/api/export/{path}")
        assert answer.status_code == status, answer.text

    def test_nothing_stays_on_the_disk(
        self, staff: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
        (tmp_path / "temporary").mkdir()
        for path in ("parcels.gpkg", "parcels.csv", "parcels.csv?area=PK-99"):
            staff.get(f"/api/export/{path}")
        upload(staff, GOOD)
        upload(staff, b"")
        assert list((tmp_path / "temporary").iterdir()) == []
