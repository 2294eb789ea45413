"""Exports: complete, standard, harmless to spreadsheets, and only what the reader may see."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import pyogrio
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridgov.access import Actor, Role, Scope
from gridgov.errors import InvalidFilter, InvalidValue
from gridgov.exchange.existing import read_existing
from gridgov.exchange.export import export
from gridgov.exchange.neutral import neutralised, restored
from gridgov.exchange.planning import Options, plan_import
from gridgov.exchange.reading import read_source
from gridgov.geo import WGS84
from gridgov.models import ISSUES, KINDS, PARCELS, UNITS
from gridgov.settings import Settings
from gridgov.store import Filter, Near, Query, Store
from tests.factories import point, sample, square

SETTINGS = Settings()
SIGNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def fill(store: Store, scope: Scope, now: dt.datetime, kind: str, *changes: dict[str, Any]) -> None:
    with store.begin(scope, now, write=True) as tx:
        for each in changes:
            tx.insert(KINDS[kind], sample(kind, **each))


def exported(store: Store, scope: Scope, now: dt.datetime, kind: str, form: str, **how: Any) -> bytes:
    stream = io.BytesIO()
    with store.begin(scope, now) as tx:
        export(tx, KINDS[kind], form, stream, **how)
    return stream.getvalue()


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_geojson_follows_rfc_7946(store: Store, system: Scope, now: dt.datetime) -> None:
    fill(store, system, now, "parcels", {}, {"code": "DK-0002", "geometry": square(column=3)})
    found = json.loads(exported(store, system, now, "parcels", "geojson"))
    assert set(found) == {"type", "features"}
    first, second = found["features"]
    assert first["properties"]["code"] == "DK-0001"
    assert first["properties"]["land_code"] == "1001"
    assert first["id"] == first["properties"]["id"]
    shape = shapely.from_geojson(json.dumps(second["geometry"]))
    assert shapely.hausdorff_distance(shape, square(column=3)) < 1e-9
    assert shape.exterior.is_ccw
    assert {"payload_hash", "revision", "zone"}.isdisjoint(first["properties"])


def test_csv_opens_in_a_spreadsheet_with_places_and_wkt(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    fill(store, system, now, "parcels", {"name_zh": '带"引号",与逗号'})
    content = exported(store, system, now, "parcels", "csv")
    assert content.startswith(b"\xef\xbb\xbf")
    (row,) = rows_of(content)
    assert (row["code"], row["land_code"], row["name_zh"]) == ("DK-0001", "1001", '带"引号",与逗号')
    assert (float(row["lon"]), float(row["lat"])) == pytest.approx((113.3005, 33.7005))
    assert shapely.hausdorff_distance(shapely.from_wkt(row["WKT"]), square()) < 1e-9


@pytest.mark.parametrize(
    "text",
    [
        "=HYPERLINK(1)",
        "+1",
        "-1",
        "@x",
        "\tx",
        "\rx",
        "\n=1",
        "'=1",
        "＝1+1",
        "＋1",
        "－1",
        "＠x",
        "﹦1",
        " =1",
        "\u3000＝1",
    ],
)
def test_no_cell_is_a_formula(store: Store, system: Scope, now: dt.datetime, text: str) -> None:
    with store.begin(system, now, write=True) as tx:
        tx.insert(PARCELS, {**sample("parcels"), "name_zh": text})
    (row,) = rows_of(exported(store, system, now, "parcels", "csv"))
    assert row["name_zh"] == f"'{text}"


@given(st.text())
def test_neutralising_is_undone_exactly(text: str) -> None:
    assert restored(neutralised(text)) == text
    assert not neutralised(text).startswith(("\t", "\r", "\n"))
    assert not neutralised(text).lstrip().startswith(SIGNS)


@given(st.text("'=+-@＝＋－＠﹦\t\r\n \ufeffa", max_size=6))
def test_neutralising_signs_is_undone_exactly(text: str) -> None:
    assert restored(neutralised(text)) == text
    assert not neutralised(text).startswith(("\t", "\r", "\n"))
    assert not neutralised(text).lstrip().startswith(SIGNS)


def test_a_geopackage_is_written_whole_with_its_types(
    store: Store, system: Scope, now: dt.datetime, tmp_path: Path
) -> None:
    fill(
        store, system, now, "parcels", {"as_of": "2026-01-02", "rights_clear": True, "area_claimed_mu": 15.5}
    )
    target = tmp_path / "out.gpkg"
    target.write_bytes(b"an old file")
    with store.begin(system, now) as tx:
        assert export(tx, PARCELS, "gpkg", target) == 1
    frame = pyogrio.read_dataframe(target)
    assert pyogrio.list_layers(target).tolist() == [["parcels", "MultiPolygon"]]
    assert frame.crs.to_epsg() == 4326
    (row,) = frame.to_dict("records")
    assert (row["land_code"], row["area_claimed_mu"], row["rights_clear"]) == ("1001", 15.5, True)
    assert str(row["as_of"])[:10] == "2026-01-02"
    assert list(tmp_path.glob(".gridgov*")) == []


def test_a_failed_export_leaves_the_old_file(
    store: Store, system: Scope, now: dt.datetime, tmp_path: Path
) -> None:
    target = tmp_path / "out.csv"
    target.write_text("old")
    query = Query(after="no cursor", filters=(Filter("stage", "eq", "no stage"),))
    with store.begin(system, now) as tx, pytest.raises(InvalidFilter, match="stage"):
        export(tx, PARCELS, "csv", target, query)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith((".gridgov", "out"))] == [
        "out.csv"
    ]


def test_labels_are_chinese_or_english_and_an_import_reads_them_again(
    store: Store, system: Scope, now: dt.datetime, tmp_path: Path
) -> None:
    fill(store, system, now, "parcels", {"area_claimed_m2": 10_282.0, "tenure": "state"})
    for language, stage, tenure in (("zh", "已收储", "国有"), ("en", "taken into reserve", "state-owned")):
        path = tmp_path / f"{language}.csv"
        path.write_bytes(exported(store, system, now, "parcels", "csv", language=language))
        (row,) = rows_of(path.read_bytes())
        assert {stage, tenure} <= set(row.values())
        with store.begin(system, now) as tx:
            plan = plan_import(
                path,
                PARCELS,
                settings=SETTINGS,
                now=now,
                options=Options(WGS84),
                existing=read_existing(tx, PARCELS),
            )
        assert plan.report.severities["error"] == 0
        assert plan.report.counts.unchanged == 1
        assert plan.values["area_claimed_m2"] == [10_282.0]


def test_the_public_gets_only_public_records_and_fields(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    hidden = {"code": "DK-0002", "visibility": "internal", "geometry": square(column=3)}
    fill(store, system, now, "parcels", {"right_holder": "某公司", "notes": "内部"}, hidden)
    public = Scope.of(Actor.public(), system.zone)
    (row,) = rows_of(exported(store, public, now, "parcels", "csv"))
    assert row["code"] == "DK-0001"
    assert {"right_holder", "notes", "created_by"}.isdisjoint(row)
    staff = Scope(system.zone, Role.STAFF, "u1")
    assert len(rows_of(exported(store, staff, now, "parcels", "csv"))) == 2


def test_opened_issues_leave_without_their_place(store: Store, system: Scope, now: dt.datetime) -> None:
    fill(store, system, now, "issues", {}, {"code": "WT-2", "category": "dispute", "geometry": point(3)})
    closed = Scope.of(Actor.public(), system.zone)
    assert rows_of(exported(store, closed, now, "issues", "csv")) == []
    opened = Scope.of(Actor.public(), system.zone, opened=True)
    (row,) = rows_of(exported(store, opened, now, "issues", "csv"))
    assert row["category"] == "fire_lane"
    assert {"lon", "lat", "WKT", "title"}.isdisjoint(row)
    (feature,) = json.loads(exported(store, opened, now, "issues", "geojson"))["features"]
    assert feature["geometry"] is None


def test_a_query_chooses_and_goes_past_one_page(store: Store, system: Scope, now: dt.datetime) -> None:
    many = [{"code": f"WT-{number:05d}", "geometry": point(number / 100)} for number in range(1205)]
    fill(store, system, now, "issues", *many)
    query = Query(filters=(Filter("code", "le", "WT-01199"),), limit=3)
    rows = rows_of(exported(store, system, now, "issues", "csv", query=query))
    assert [row["code"] for row in rows] == [f"WT-{number:05d}" for number in range(1200)]


def test_an_export_near_a_place_starts_with_the_nearest(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    places = {"far": point(0, 9), "here": point(0, 0), "next": point(0, 1), "beyond": point(0, 90)}
    fill(store, system, now, "issues", *({"code": code, "geometry": at} for code, at in places.items()))
    near = Near(places["here"].x, places["here"].y, 1_200)
    rows = rows_of(exported(store, system, now, "issues", "csv", query=Query(near=near, limit=1)))
    assert [row["code"] for row in rows] == ["here", "next", "far"]


def test_a_kind_without_geometry_and_an_empty_export_are_whole_files(
    store: Store, system: Scope, now: dt.datetime, tmp_path: Path
) -> None:
    assert rows_of(exported(store, system, now, "units", "csv")) == []
    assert json.loads(exported(store, system, now, "units", "geojson"))["features"] == []
    with store.begin(system, now) as tx:
        assert export(tx, UNITS, "gpkg", tmp_path / "units.gpkg") == 0
        assert export(tx, ISSUES, "gpkg", tmp_path / "issues.gpkg") == 0
    assert pyogrio.list_layers(tmp_path / "issues.gpkg").tolist() == [["issues", "Point"]]


def test_an_unknown_format_is_refused(store: Store, system: Scope, now: dt.datetime) -> None:
    with pytest.raises(InvalidValue, match="geojson, csv, gpkg"):
        exported(store, system, now, "parcels", "shp")
    with pytest.raises(InvalidValue, match="not to a stream"):
        exported(store, system, now, "parcels", "gpkg")


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5))
def test_texts_survive_csv_in_every_encoding(tmp_path: Path, cells: list[tuple[str, str]]) -> None:
    for encoding in ("utf-8", "utf-8-sig", "gb18030", "utf-16"):
        path = tmp_path / "a.csv"
        with path.open("w", encoding=encoding, newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["编号", "名称", "备注"])
            for number, (first, second) in enumerate(cells):
                writer.writerow([f"{number:04d}", neutralised(first), neutralised(second)])
        source = read_source(path, SETTINGS)
        assert source.columns["编号"].to_pylist() == [f"{number:04d}" for number in range(len(cells))]
        assert [text or "" for text in source.columns["名称"].to_pylist()] == [first for first, _ in cells]
        assert [text or "" for text in source.columns["备注"].to_pylist()] == [second for _, second in cells]
