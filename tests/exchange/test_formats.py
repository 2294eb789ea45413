"""Every format gives the same rows: codes as text, Chinese names intact, the coordinate system with its origin."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
import shapely
from ezdxf.filemanagement import new as new_drawing
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from gridgov.errors import InvalidValue, UnsupportedFormat
from gridgov.exchange.planning import Options, Plan, plan_import
from gridgov.exchange.reading import read_source
from gridgov.geo import Epsg, from_lonlat, geodesic_area, parse_crs
from gridgov.models import DEPARTMENTS, FACILITIES, PARCELS, RecordKind
from gridgov.settings import Settings
from tests.exchange.files import (
    ZONE,
    flatgeobuf,
    frame,
    geodatabase,
    geodatabase_zip,
    geopackage,
    geoparquet,
    parcel,
    parcels,
    shapefile_folder,
    shapefile_zip,
    workbook,
    write_geojson,
    zipped,
)
from tests.factories import square

SETTINGS = Settings()
NOW = dt.datetime(2026, 11, 20, 6, 5, tzinfo=dt.UTC)
GRID = Epsg(4547)


def plan(path: Path, kind: RecordKind = PARCELS, **options: Any) -> Plan:
    return plan_import(path, kind, settings=SETTINGS, now=NOW, options=Options(**options), zone_boundary=ZONE)


@pytest.mark.parametrize(
    "write",
    [geopackage, flatgeobuf, geodatabase, geodatabase_zip, geoparquet, shapefile_folder, shapefile_zip],
)
def test_a_file_that_says_its_system_gives_the_same_parcels(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    made = plan(write(tmp_path))
    assert made.report.severities["error"] == 0
    assert made.report.decision is not None
    assert (made.report.decision.crs.key, made.report.decision.origin) == ("EPSG:4547", "file")
    assert made.values["code"] == ["DK-0001", "DK-0002", "DK-0003"]
    assert made.values["name_zh"] == ["1号地块", "2号地块", "3号地块"]
    assert made.values["land_code"] == ["1001"] * 3
    assert shapely.hausdorff_distance(made.geometries[1], square(column=4)) < 1e-9


KML = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>一号公厕</name>
<ExtendedData><Data name="编号"><value>0012</value></Data><Data name="设施类型"><value>公厕</value></Data>
</ExtendedData><Point><coordinates>113.305,33.705</coordinates></Point></Placemark></Document></kml>"""


@pytest.mark.parametrize("packed", [False, True], ids=["kml", "kmz"])
def test_kml_and_kmz_give_places_and_extended_data(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "doc.kml"
    path.write_text(KML, encoding="utf-8")
    made = plan(zipped(tmp_path / "a.kmz", path) if packed else path, FACILITIES)
    assert made.report.severities["error"] == 0
    assert (made.values["code"], made.values["kind"]) == (["0012"], ["toilet"])
    assert made.values["name_zh"] == ["一号公厕"]
    assert made.report.decision is not None
    assert made.report.decision.origin == "implied"


def drawing(path: Path, version: str, encoding: str = "gbk") -> Path:
    document = new_drawing(version)
    document.encoding = encoding
    document.header["$DWGCODEPAGE"] = "ANSI_936"
    model = document.modelspace()
    document.layers.add("地块")
    corners = shapely.get_coordinates(from_lonlat(square(), GRID))[:-1]
    model.add_lwpolyline(corners.tolist(), close=True, dxfattribs={"layer": "地块"})
    model.add_text("编号一", dxfattribs={"layer": "地块"}).set_placement(tuple(corners.mean(axis=0)))
    hatch = model.add_hatch(dxfattribs={"layer": "地块"})
    hole = shapely.get_coordinates(from_lonlat(square(column=2), GRID))
    hatch.paths.add_polyline_path(hole.tolist(), is_closed=True, flags=1)
    inner = hole.mean(axis=0) + (hole - hole.mean(axis=0)) * 0.5
    hatch.paths.add_polyline_path(inner.tolist(), is_closed=True, flags=16)
    model.add_lwpolyline([(0, 0), (1, 1)], dxfattribs={"layer": "地块"})
    document.saveas(path)
    return path


@pytest.mark.parametrize("version", ["R2000", "R2004", "R2010"])
def test_a_drawing_gives_closed_shapes_with_layer_and_label(tmp_path: Path, version: str) -> None:
    path = drawing(tmp_path / "a.dxf", version, "utf8" if version == "R2010" else "gbk")
    source = read_source(path, SETTINGS)
    assert source.columns["code"].to_pylist() == ["编号一", None]
    assert source.columns["图层"].to_pylist() == ["地块", "地块"]
    assert source.geometries is not None
    assert shapely.get_num_interior_rings(source.geometries[1]) == 1
    assert any("open" in note.en for note in source.notes)
    made = plan(path, coordinate_system=GRID)
    assert shapely.hausdorff_distance(made.geometries[0], square()) < 1e-9


def test_a_dwg_is_answered_with_save_as_dxf(tmp_path: Path) -> None:
    path = tmp_path / "a.dwg"
    path.write_bytes(b"AC1032" + b"\x00" * 100)
    with pytest.raises(UnsupportedFormat, match="Save it as DXF"):
        read_source(path, SETTINGS)


TABLES = {
    "lon-lat": ("经度,纬度", "113.305,33.705", "EPSG:4490"),
    "north-east": ("北坐标,东坐标", None, "EPSG:4547"),
    "wkt": ("WKT,x", "POINT (113.305 33.705),1", "EPSG:4490"),
}


def table_rows(places: str) -> list[list[str]]:
    header, values, _ = TABLES[places]
    if values is None:
        x, y = shapely.get_coordinates(from_lonlat(shapely.Point(113.305, 33.705), GRID))[0]
        values = f"{y:.4f},{x:.4f}"
    return [
        ["编号", "名称", "设施类型", *header.split(",")],
        ["0012", "一号公厕", "公厕", *values.split(",")],
    ]


@pytest.mark.parametrize("places", list(TABLES))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "xlsx"])
def test_tables_place_their_rows_and_keep_codes_as_text(tmp_path: Path, places: str, encoding: str) -> None:
    rows = table_rows(places)
    if encoding == "xlsx":
        path = tmp_path / "a.xlsx"
        workbook(path, {"表": rows})
    else:
        path = tmp_path / "a.csv"
        path.write_text("\r\n".join(",".join(row) for row in rows), encoding=encoding)
    made = plan(path, FACILITIES, coordinate_system=parse_crs(TABLES[places][2]))
    assert made.report.severities["error"] == 0
    assert made.values["code"] == ["0012"]
    assert made.values["name_zh"] == ["一号公厕"]
    assert shapely.get_coordinates(made.geometries[0])[0] == pytest.approx((113.305, 33.705), abs=1e-9)


def test_rows_of_a_table_are_numbered_as_a_spreadsheet_numbers_them(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('编号,lon,lat\nA,113.3,33.7\n\n"B\nb",113.3,33.7\nC,113.3,33.7\n', encoding="utf-8")
    assert read_source(path, SETTINGS).rows.tolist() == [2, 5, 6]


def test_two_sheets_or_layers_must_be_chosen_from(tmp_path: Path) -> None:
    workbook(tmp_path / "a.xlsx", {"一": [["编号"]], "二": [["编号"]], "空": []})
    with pytest.raises(InvalidValue, match="2 filled sheets"):
        read_source(tmp_path / "a.xlsx", SETTINGS)
    for layer in ("一", "二"):
        frame(parcels(1)).to_file(tmp_path / "a.gpkg", layer=layer, driver="GPKG")
    with pytest.raises(InvalidValue, match="2 layers; name one of 一, 二"):
        read_source(tmp_path / "a.gpkg", SETTINGS)
    assert read_source(tmp_path / "a.gpkg", SETTINGS, "二").layer == "二"


def test_a_parcel_without_coordinates_in_its_table_is_reported(tmp_path: Path) -> None:
    row = parcel(1)
    del row["geometry"]
    path = tmp_path / "a.csv"
    path.write_text(",".join(row) + "\n" + ",".join(row.values()), encoding="utf-8")
    assert plan(path).report.by_kind["empty"] == 1


CORNERS = st.lists(
    st.tuples(st.floats(0.05, 1.0), st.integers(0, 359)),
    min_size=3,
    max_size=40,
    unique_by=lambda each: each[1],
)


@hypothesis.settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None
)
@given(
    corners=CORNERS,
    crs=st.sampled_from([4326, 4490, 4547, 4526]),
    form=st.sampled_from(["gpkg", "fgb", "shp"]),
)
def test_any_shape_comes_through_any_format_in_its_place(
    tmp_path: Path, corners: list[tuple[float, int]], crs: int, form: str
) -> None:
    turns = sorted((turn, reach) for reach, turn in corners)
    star = shapely.Polygon(
        [
            (113.35 + 0.01 * r * np.cos(np.radians(t)), 33.75 + 0.01 * r * np.sin(np.radians(t)))
            for t, r in turns
        ]
    )
    hypothesis.assume(star.is_valid and geodesic_area(star)[0] > 100.0)
    path = tmp_path / f"a.{form}"
    path.unlink(missing_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names cut to ten bytes
        frame([parcel(1, geometry=star)], crs).to_file(path, encoding="UTF-8")
    made = plan_import(path, PARCELS, settings=SETTINGS, now=NOW, zone_boundary=ZONE)
    assert made.report.severities["error"] == 0
    assert made.geometries[0].exterior.is_ccw
    assert shapely.hausdorff_distance(made.geometries[0], star) < 1e-9
    assert geodesic_area(made.geometries[0])[0] == pytest.approx(geodesic_area(star)[0], rel=1e-6)


def test_codes_that_a_spreadsheet_took_for_numbers_are_said(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["编号", "名称", "不动产单元号"]]
    rows += [[601, "甲", "410402001001GB00001F00010001"], [602, "乙", 4.10402001001e26]]
    made = plan(workbook(tmp_path / "a.xlsx", {"表": rows}))
    assert made.values["code"] == ["601", "602"]
    assert made.values["cadastral_unit"] == ["410402001001GB00001F00010001", None]
    fields = {(each.kind, each.field, each.row) for each in made.report.problems if each.kind != "empty"}
    assert fields == {
        ("number_as_code", "编号", None),
        ("number_as_code", "不动产单元号", None),
        ("wrong_value", "cadastral_unit", 3),
    }
    table = tmp_path / "a.csv"
    table.write_text("编号\n4.10402E+17\n", encoding="utf-8")
    assert plan(table).report.by_kind["wrong_value"] == 1


@pytest.mark.parametrize("form", ["geojson", "gpkg", "csv", "shp"])
def test_a_file_without_rows_is_an_import_of_nothing(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"a.{form}"
    match form:
        case "geojson":
            write_geojson(path, [])
        case "csv":
            path.write_text("编号,lon,lat\n", encoding="utf-8")
        case _:
            frame(parcels())[["编号", "geometry"]].iloc[:0].to_file(path)
    made = plan(path)
    assert made.report.counts.rows == 0
    assert made.report.severities["error"] == 0


def test_places_of_a_kind_that_has_none_are_left_out_with_a_word(tmp_path: Path) -> None:
    row = {"编号": "BM-1", "名称": "城建局", "geometry": square()}
    made = plan(write_geojson(tmp_path / "a.geojson", [row]), DEPARTMENTS)
    assert made.report.by_kind == {"note": 1}
    assert made.actions.tolist() == ["create"]


def test_a_workbook_of_departments_needs_no_places(tmp_path: Path) -> None:
    rows = [["编号", "名称", "部门类型"], ["BM-01", "城建局", "职能部门"]]
    made = plan(workbook(tmp_path / "a.xlsx", {"部门": rows}), DEPARTMENTS)
    assert made.report.by_kind == {}
    assert [row for _, row in made.rows("create")] == [
        {"synthetic": False, "code": "BM-01", "name_zh": "城建局", "kind": "department"}
    ]
