"""Every problem is found, named with its row, and says what to do; nothing is repaired or guessed silently."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely

from gridgov.errors import UnknownField, UnreadableFile
from gridgov.exchange.existing import Existing
from gridgov.exchange.planning import Options, plan_import
from gridgov.geo import Epsg, from_lonlat, geodesic_area, parse_crs
from gridgov.models import AREAS, FACILITIES, KINDS, PARCELS, UNITS
from tests.exchange.files import ZONE, parcel, parcels, write_geojson
from tests.exchange.planned import BOWTIE, NOW, SETTINGS, only, plan, ring
from tests.factories import SOUTH, WEST, point, square

MILLION = {"type": "Polygon", "coordinates": [[[113.3 + 0.001 * np.cos(a), 33.7 + 0.001 * np.sin(a)]
           for a in np.linspace(0, 2 * np.pi, 1500)]]}  # fmt: skip
SPECIMENS: list[tuple[str, Any, str]] = [
    ("empty", None, "error"),
    ("empty", {"type": "Polygon", "coordinates": []}, "error"),
    ("self_crossing", BOWTIE, "warning"),
    ("unclosed", ring((0, 0), (1, 0), (1, 1), (0, 1)), "warning"),
    ("collapsed", ring((0, 0), (1, 0), (2, 0), (0, 0)), "error"),
    ("wrong_type", point(), "error"),
    (
        "wrong_type",
        shapely.LineString([(WEST, SOUTH), (WEST + 0.001, SOUTH), (WEST + 0.002, SOUTH + 0.001)]),
        "error",
    ),
    ("mixed", shapely.GeometryCollection([square(), point()]), "warning"),
    ("three_dimensional", shapely.force_3d(square(), 80.0), "info"),
    ("too_many_vertices", MILLION, "error"),
    ("flipped_axes", shapely.transform(square(), lambda xy: xy[:, ::-1]), "error"),
    ("outside_zone", square(column=300), "warning"),
    ("far_outside_zone", square(column=3000), "error"),
    ("far_outside_zone", square(column=-30_000), "error"),
]


@pytest.mark.parametrize(("kind", "shape", "severity"), SPECIMENS)
def test_a_faulty_geometry_is_reported_with_row_reference_and_remedy(
    tmp_path: Path, kind: str, shape: Any, severity: str
) -> None:
    made = plan(tmp_path, [parcel(1), parcel(2, geometry=shape)])
    name = (
        "unclosed_rejected"
        if kind == "wrong_type" and getattr(shape, "geom_type", "") == "LineString"
        else kind
    )
    problem = only(made, name)
    assert (problem.row, problem.reference, problem.severity) == (2, "DK-0002", severity)
    assert problem.remedy_zh
    assert problem.remedy_en
    assert made.actions.tolist() == ["create", "reject" if severity == "error" else "create"]
    assert (made.geometries[1] is None) == (severity == "error" and kind != "far_outside_zone")


def test_a_repair_says_what_it_did_and_leaves_a_storable_shape(tmp_path: Path) -> None:
    made = plan(tmp_path, [parcel(1, geometry=BOWTIE)])
    problem = only(made, "self_crossing")
    assert "rebuilt" in problem.remedy_en or "rebuilding" in problem.remedy_en
    assert problem.lon == pytest.approx(WEST + 0.0005, abs=1e-4)
    assert made.geometries[0].is_valid
    assert made.geometries[0].geom_type == "MultiPolygon"


def test_texts_that_are_no_wkt_are_said_though_no_row_has_a_shape(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("编号,用地代码,分类标准,WKT\nA,1001,ydyh-2023,PLYGON ((1 2))\nB,1001,ydyh-2023,\n")
    made = plan_import(path, PARCELS, settings=SETTINGS, now=NOW, zone_boundary=ZONE)
    wrong, absent = made.report.problems
    assert (wrong.kind, wrong.row, wrong.reference) == ("unreadable_geometry", 2, "A")
    assert wrong.remedy_en == "“PLYGON ((1 2))” is no WKT; correct it"
    assert (absent.kind, absent.row, absent.reference) == ("empty", 3, "B")
    assert made.actions.tolist() == ["reject", "reject"]


def test_an_arc_keeps_only_its_own_row_out(tmp_path: Path) -> None:
    arc = "CURVEPOLYGON (CIRCULARSTRING (113.3 33.7, 113.31 33.71, 113.3 33.72, 113.29 33.71, 113.3 33.7))"
    path = tmp_path / "a.csv"
    path.write_text(
        f'编号,用地代码,分类标准,WKT\nA,1001,ydyh-2023,"{arc}"\nB,1001,ydyh-2023,"{square().wkt}"\n'
    )
    options = Options(coordinate_system=parse_crs("EPSG:4490"))
    made = plan_import(path, PARCELS, settings=SETTINGS, now=NOW, options=options, zone_boundary=ZONE)
    problem = only(made, "unreadable_geometry")
    assert (problem.row, problem.remedy_en[:21]) == (2, "the geometry has arcs")
    assert made.actions.tolist() == ["reject", "create"]


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_coordinates_that_are_not_finite_never_get_in(tmp_path: Path, number: float) -> None:
    path = tmp_path / "a.gpkg"
    spoiled = shapely.get_coordinates(square(column=4))
    spoiled[1, 0] = number
    with np.errstate(invalid="ignore"):
        shapes = [square(column=2), shapely.Polygon(spoiled)]
    frame = geopandas.GeoDataFrame({"编号": ["DK-1", "DK-2"]}, geometry=shapes, crs=4326)
    frame.to_file(path, driver="GPKG", SPATIAL_INDEX="NO")
    made = plan_import(path, PARCELS, settings=SETTINGS, now=NOW, zone_boundary=ZONE)
    assert only(made, "not_finite").reference == "DK-2"
    assert made.actions.tolist() == ["create", "reject"]
    table = tmp_path / "a.csv"
    table.write_text(
        f"编号,设施类型,名称,lon,lat\n1,公厕,甲,{number},33.7\n2,公厕,乙,113.3,33.7\n", encoding="utf-8"
    )
    made = plan_import(table, FACILITIES, settings=SETTINGS, now=NOW, options=Options(parse_crs("4490")))
    assert only(made, "not_finite").row == 2


def test_numbers_that_json_cannot_hold_are_refused_with_their_place(tmp_path: Path) -> None:
    path = write_geojson(tmp_path / "a.geojson", [parcel(1), parcel(2)])
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("113.305", "1e999"), encoding="utf-8")
    with pytest.raises(UnreadableFile, match=r"a\.geojson.*line 1, character \d+"):
        plan_import(path, PARCELS, settings=SETTINGS, now=NOW, zone_boundary=ZONE)
    path.write_text(text.replace("113.305", "NaN"), encoding="utf-8")
    made = plan_import(path, PARCELS, settings=SETTINGS, now=NOW, zone_boundary=ZONE)
    assert only(made, "unreadable_geometry").reference == "DK-0002"


@pytest.mark.parametrize(("lon", "lat"), [("181", "33"), ("113", "-91"), ("abc", "33.7")])
def test_coordinates_out_of_range_are_reported(tmp_path: Path, lon: str, lat: str) -> None:
    table = tmp_path / "a.csv"
    table.write_text(f"编号,设施类型,名称,lon,lat\n1,公厕,甲,{lon},{lat}\n", encoding="utf-8")
    made = plan_import(table, FACILITIES, settings=SETTINGS, now=NOW, options=Options(parse_crs("4490")))
    assert only(made, "not_finite" if lon == "abc" else "out_of_range").severity == "error"


def test_a_northing_first_file_is_said_and_read_when_told(tmp_path: Path) -> None:
    crs = Epsg(4547)
    turned = [
        {**row, "geometry": shapely.transform(from_lonlat(row["geometry"], crs)[0], lambda xy: xy[:, ::-1])}
        for row in parcels()
    ]
    made = plan(tmp_path, turned, options=Options(crs))
    assert made.report.by_kind == {"flipped_axes": 3}
    assert (
        "--axes north-east" in made.report.problems[0].remedy_en
        or "lat-lon" in made.report.problems[0].remedy_en
    )
    right = plan(tmp_path, turned, options=Options(crs, axis_order="north-east"))
    assert right.report.by_kind == {}
    assert shapely.hausdorff_distance(right.geometries[0], square(column=2)) < 1e-9


def test_a_duplicate_code_rejects_every_row_that_has_it(tmp_path: Path) -> None:
    made = plan(tmp_path, [*parcels(), parcel(5, 编号="DK-0002")])
    assert made.report.by_kind == {"duplicate_reference": 2}
    assert [(each.row, each.remedy_en) for each in made.report.problems] == [
        (2, "also in row 4; each code may stand once"),
        (4, "also in row 2; each code may stand once"),
    ]
    assert made.actions.tolist() == ["create", "reject", "create", "reject"]


def test_overlaps_and_gaps_with_neighbours_are_listed_with_their_place(tmp_path: Path) -> None:
    shapes = [
        square(),
        square(column=0.99),
        square(column=1.995),
    ]  # 0.01 over, 0.005 short of a thousandth of a degree
    made = plan(tmp_path, [parcel(number, geometry=shape) for number, shape in enumerate(shapes, start=1)])
    overlap, gap = made.report.problems
    assert (overlap.kind, overlap.reference, overlap.value) == ("overlap", "DK-0001", "DK-0002")
    assert (gap.kind, gap.reference, gap.value) == ("gap", "DK-0002", "DK-0003")
    assert (overlap.lon, gap.lon) == pytest.approx((WEST + 0.000995, WEST + 0.0019925), abs=1e-8)
    assert "0.919 m wide" in overlap.remedy_en
    assert "m wide, between it and DK-0003" in gap.remedy_en


def test_stored_neighbours_count_but_not_those_the_file_replaces(tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {"code": ["DK-0001", "OLD"], "id": ["1", "2"], "version": [1, 1]}
    existing = Existing(columns, np.array([square(column=2.5), square(column=4.5)]))
    made = plan(tmp_path, parcels(2), existing=existing)
    assert only(made, "overlap").value == "OLD"
    assert made.actions.tolist() == ["change", "create"]


def test_plants_may_stand_apart_but_not_overlap(tmp_path: Path) -> None:
    rows = [
        parcel(number, geometry=square(column=column)) for number, column in ((1, 0), (2, 1.005), (3, 1.995))
    ]
    made = plan(tmp_path, rows, KINDS["plants"])
    assert {kind for kind in made.report.by_kind if kind in {"gap", "overlap"}} == {"overlap"}


LAND = [
    ({"用地代码": "9901"}, "unknown_land_code", "9901"),
    ({"用地代码": "601", "分类标准": "sd-2019"}, "land_code_lost_zero", "0601"),
    ({"用地代码": 601, "分类标准": "sd-2019"}, "land_code_lost_zero", "0601"),
    ({"用地代码": "0601", "分类标准": ...}, "land_code_without_scheme", "农村道路"),
    ({"用地代码": "05", "地类名称": "商业服务业用地"}, "land_code_other_name", "湿地"),
]


@pytest.mark.parametrize(("changes", "kind", "said"), LAND)
def test_a_doubtful_land_use_code_is_said_with_its_meanings(
    tmp_path: Path, changes: dict[str, Any], kind: str, said: str
) -> None:
    made = plan(tmp_path, [parcel(1, **changes)])
    assert set(made.report.by_kind) - {"number_as_code"} == {kind}
    (problem,) = [each for each in made.report.problems if each.kind == kind]
    assert said in problem.remedy_zh
    assert said in problem.remedy_en
    assert problem.field == "land_code"


def test_the_scheme_given_with_the_import_holds_for_codes_without_one(tmp_path: Path) -> None:
    made = plan(tmp_path, [parcel(1, 用地代码="0601", 分类标准=...)], options=Options(scheme="sd-2019"))
    assert made.report.by_kind == {}
    assert made.values["land_scheme"] == ["sd-2019"]


@pytest.mark.parametrize(
    ("share", "reported"), [(1.009, False), (1.011, True), (0.991, False), (0.989, True)]
)
def test_a_claimed_area_off_by_more_than_one_percent_is_reported(
    tmp_path: Path, share: float, reported: bool
) -> None:
    area = float(geodesic_area(square())[0])
    for column, value in (
        ("面积(亩)", area * share * 3 / 2000),
        ("面积", area * share),
        ("面积(公顷)", area * share / 10_000),
    ):
        made = plan(tmp_path, [parcel(1, geometry=square(), **{column: value})])
        assert made.report.by_kind == ({"claimed_area_differs": 1} if reported else {})


def test_missing_and_wrong_values_name_row_field_and_value(tmp_path: Path) -> None:
    rows = [
        parcel(1, 编号=None),
        parcel(2, 进度="胡说"),
        parcel(3, 计划年度=1800),
        parcel(4, 名称="长" * 201),
    ]
    found = {(each.kind, each.row, each.field): each.value for each in plan(tmp_path, rows).report.problems}
    assert found[("missing_value", 1, "code")] is None
    assert found[("wrong_value", 2, "stage")] == "胡说"
    assert found[("wrong_value", 3, "plan_year")] == "1800"
    assert ("wrong_value", 4, "name_zh") in found
    assert len(found) == 4
    year = next(each for each in plan(tmp_path, rows).report.problems if each.field == "plan_year")
    assert year.remedy_zh == "“计划年度”须为整数，范围 1949 至 2100"
    assert "from 1949 to 2100" in year.remedy_en


def test_unknown_columns_are_reported_and_left_out(tmp_path: Path) -> None:
    made = plan(tmp_path, [parcel(1, 颜色="红", 面积亩="很大")])
    assert made.report.by_kind == {"unknown_column": 1, "wrong_value": 1}
    assert [each.field for each in made.report.problems] == ["area_claimed_mu", "颜色"]
    assert "颜色" not in made.values


def test_a_file_without_its_code_column_is_refused_as_a_whole(tmp_path: Path) -> None:
    made = plan(tmp_path, [parcel(1, 编号=...)])
    assert only(made, "column_missing").row is None
    assert made.blocked
    assert made.actions.tolist() == ["reject"]


def test_codes_kept_as_numbers_are_loaded_with_a_warning(tmp_path: Path) -> None:
    made = plan(tmp_path, [parcel(1, 编号=410402), parcel(2, 编号=7)])
    assert made.values["code"] == ["410402", "7"]
    assert only(made, "number_as_code").severity == "warning"


def test_a_reference_is_given_by_code_and_must_exist(tmp_path: Path) -> None:
    path = tmp_path / "units.csv"
    path.write_text("编号,厂房编号,净高(米)\nA-1,CF-001,7.5\nA-2,CF-009,8\n", encoding="utf-8")
    known = {"plants": {"CF-001": "0193a1b2-0000-7000-8000-000000000001"}}
    made = plan_import(path, UNITS, settings=SETTINGS, now=NOW, references=known)
    assert made.values["plant_id"] == ["0193a1b2-0000-7000-8000-000000000001", None]
    assert made.values["clear_height_m"] == [7.5, 8.0]
    problem = only(made, "unknown_reference")
    assert (problem.row, problem.value, problem.field) == (3, "CF-009", "plant_id")


def test_areas_of_one_file_may_be_each_others_parents(tmp_path: Path) -> None:
    rows = [
        {"编号": "SQ-1", "类型": "社区", "名称": "高阳社区", "geometry": square(size=10)},
        {
            "编号": "WG-1",
            "类型": "网格",
            "名称": "一网格",
            "上级区域编号": "SQ-1",
            "geometry": square(size=5),
        },
    ]
    made = plan(tmp_path, rows, AREAS)
    assert made.report.by_kind == {}
    assert made.values["parent_id"] == [None, made.ids[0]]


def test_a_wrong_mapping_is_refused_before_anything_is_checked(tmp_path: Path) -> None:
    with pytest.raises(UnknownField):
        plan(tmp_path, parcels(), options=Options(columns={"编号": "nothing"}))
