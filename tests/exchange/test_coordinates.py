"""The coordinate system is taken from the file or a person; otherwise it is proposed, never guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely

from gridgov.errors import CoordinateSystemNeeded, UnsupportedDatum
from gridgov.exchange.planning import Options, plan_import
from gridgov.geo import Bd09, Epsg, Gcj02, from_lonlat, parse_crs
from gridgov.models import FACILITIES, PARCELS
from tests.exchange.files import ZONE, parcel, parcels
from tests.exchange.planned import NOW, SETTINGS, plan
from tests.factories import square


def test_a_file_in_metres_without_a_system_gets_ranked_proposals(tmp_path: Path) -> None:
    rows = [{**row, "geometry": from_lonlat(row["geometry"], Epsg(4547))[0]} for row in parcels()]
    with pytest.raises(
        CoordinateSystemNeeded, match="says EPSG:4326, which is in degrees, but holds metres"
    ) as caught:
        plan(tmp_path, rows)
    first = caught.value.details["proposals"][0]
    assert (first["crs"], first["inside"]) == ("EPSG:4547", 1.0)
    assert any("100.0%" in words["en"] for words in first["evidence"])


def test_a_table_must_always_be_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("编号,名称,设施类型,lon,lat\n1,甲,公厕,113.3,33.7\n", encoding="utf-8")
    with pytest.raises(CoordinateSystemNeeded) as caught:
        plan_import(path, FACILITIES, settings=SETTINGS, now=NOW, zone_boundary=ZONE)
    assert {each["crs"] for each in caught.value.details["proposals"]} >= {"EPSG:4326", "gcj02", "bd09"}


@pytest.mark.parametrize("real", [Gcj02(), Bd09()])
def test_wgs84_that_fits_better_shifted_is_an_error_until_confirmed(tmp_path: Path, real: Any) -> None:
    boundary = square(size=20)
    rows = [
        parcel(10 * x + y, geometry=from_lonlat(square(column=2 * x, row=2 * y), real)[0])
        for x in range(10)
        for y in range(10)
    ]
    made = plan(tmp_path, rows, boundary=boundary)
    problem = next(each for each in made.report.problems if each.kind == "other_coordinate_system")
    assert problem.severity == "error"
    assert f"--crs {real.key}" in problem.remedy_en
    assert made.blocked
    told = plan(tmp_path, rows, boundary=boundary, options=Options(real))
    assert told.report.severities["error"] == 0
    confirmed = plan(tmp_path, rows, boundary=boundary, options=Options(parse_crs("wgs84")))
    assert "other_coordinate_system" not in confirmed.report.by_kind


def test_a_crs_member_of_the_old_form_is_read(tmp_path: Path) -> None:
    rows = [{**row, "geometry": from_lonlat(row["geometry"], Epsg(4526))[0]} for row in parcels()]
    name = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4526"}}
    made = plan(tmp_path, rows, crs=name)
    assert made.report.decision is not None
    assert (made.report.decision.crs, made.report.decision.origin) == (Epsg(4526), "file")
    assert shapely.hausdorff_distance(made.geometries[0], square(column=2)) < 1e-9


@pytest.mark.parametrize("code", [4610, 2383, 4214, 2434])
def test_xian_and_beijing_are_refused(tmp_path: Path, code: int) -> None:
    name = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{code}"}}
    with pytest.raises(UnsupportedDatum):
        plan(tmp_path, parcels(), crs=name)


def test_the_neighbouring_zone_moves_a_plot_to_another_prefecture_which_is_said(tmp_path: Path) -> None:
    rows = [{**row, "geometry": from_lonlat(row["geometry"], Epsg(4547))[0]} for row in parcels()]
    made = plan(tmp_path, rows, options=Options(Epsg(4546)))
    assert made.report.by_kind == {"far_outside_zone": 3}
    assert "276 km from the zone" in made.report.problems[0].remedy_en


@pytest.mark.parametrize(
    ("code", "known"), [(4979, "EPSG:4326"), (4480, "EPSG:4490"), (32649, "EPSG:32649"), (27700, None)]
)
def test_a_declared_system_is_used_or_asked_for(tmp_path: Path, code: int, known: str | None) -> None:
    path = tmp_path / "a.gpkg"
    shape = square() if code in {4979, 4480} else from_lonlat(square(), Epsg(32649))[0]
    geopandas.GeoDataFrame({"编号": ["1"]}, geometry=[shape], crs=code).to_file(path)
    if known is None:
        with pytest.raises(CoordinateSystemNeeded, match="no coordinate system that gridgov knows"):
            plan_import(path, PARCELS, settings=SETTINGS, now=NOW, zone_boundary=ZONE)
        known, told = "EPSG:32649", Options(Epsg(32649))
    else:
        told = Options()
    made = plan_import(path, PARCELS, settings=SETTINGS, now=NOW, zone_boundary=ZONE, options=told)
    assert made.report.decision is not None
    assert made.report.decision.crs.key == known
    assert shapely.hausdorff_distance(made.geometries[0], square()) < 1e-8
