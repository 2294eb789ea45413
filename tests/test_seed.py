"""The demonstration zone: every figure it promises is counted again from the files a user loads."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from data.seed.generate.__main__ import SEED_FOLDER, write
from data.seed.generate.records import identifier
from gridgov.geo import SQUARE_METRES_PER_MU, geodesic_area
from gridgov.models import KINDS, FieldType, RecordKind
from gridgov.models.fields import Field, GeometryType
from gridgov.models.vocabulary import (
    LEVEL_OF_KIND,
    PARENT_LEVEL,
    ROLES,
)
from tests.seed_files import Seed, committed_seed

# Fields that gridgov writes itself; a demonstration may say how its old issues ended.
ALLOWED_SYSTEM_FIELDS = {"issues": {"status", "closed_at"}}
NAMED_COMMUNITIES = {
    "HT": {"高阳社区", "平东社区", "神马尼龙社区", "小营村"},
    "ZHD": {"戴庄村", "张楼村"},
    "assumed": {"西赵", "霍张", "汶汝桥", "溪庄", "屈庄村", "任庄"},
}


@pytest.fixture(scope="module")
def seed() -> Seed:
    return committed_seed()


def _typed(field: Field, value: Any) -> bool:
    checks: dict[FieldType, Callable[[], bool]] = {
        FieldType.TEXT: lambda: isinstance(value, str) and 0 < len(value) <= field.max_length,
        FieldType.CODE: lambda: isinstance(value, str) and 0 < len(value) <= field.max_length,
        FieldType.INTEGER: lambda: type(value) is int,
        FieldType.NUMBER: lambda: type(value) in {int, float},
        FieldType.BOOLEAN: lambda: type(value) is bool,
        FieldType.INSTANT: lambda: value.endswith("Z") and datetime.fromisoformat(value).tzinfo is not None,
        FieldType.DAY: lambda: date.fromisoformat(value).isoformat() == value,
        FieldType.CHOICE: lambda: field.vocabulary is not None and value in field.vocabulary,
        FieldType.LIST: lambda: isinstance(value, list),
        FieldType.OBJECT: lambda: isinstance(value, dict),
        FieldType.REFERENCE: lambda: isinstance(value, str),
    }
    low = field.minimum is None or value >= field.minimum
    high = field.maximum is None or value <= field.maximum
    return checks[field.type]() and low and high


class TestFiles:
    def test_the_committed_files_are_what_the_generator_writes_today(self, tmp_path: Path) -> None:
        write(tmp_path)
        fresh = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        kept = {
            path.name: path.read_bytes() for path in SEED_FOLDER.iterdir() if path.suffix.endswith("json")
        }
        assert sorted(fresh) == sorted(kept)
        assert [name for name in sorted(fresh) if fresh[name] != kept[name]] == []

    def test_all_files_together_stay_below_eight_megabytes(self) -> None:
        assert sum(path.stat().st_size for path in SEED_FOLDER.glob("*json")) < 8_000_000

    @pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
    def test_every_value_fits_its_field(self, seed: Seed, kind: RecordKind) -> None:
        wrong = [
            (row["code"], name, value)
            for row in seed.rows[kind.name]
            for name, value in row.items()
            if name not in kind.by_name or (value is not None and not _typed(kind.by_name[name], value))
        ]
        assert wrong == []

    @pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
    def test_required_fields_are_there_and_system_fields_are_not(self, seed: Seed, kind: RecordKind) -> None:
        required = {field.name for field in kind.fields if field.required and field.default is None}
        system = {field.name for field in kind.all_fields if field.system} - ALLOWED_SYSTEM_FIELDS.get(
            kind.name, set()
        )
        for row in seed.rows[kind.name]:
            assert {name for name in required if row.get(name) is None} == set(), row["code"]
            assert system & set(row) == set(), row["code"]

    @pytest.mark.parametrize("kind", KINDS)
    def test_codes_are_unique_ids_follow_from_them_and_all_is_marked_synthetic(
        self, seed: Seed, kind: str
    ) -> None:
        rows = seed.rows[kind]
        assert [code for code, count in Counter(row["code"] for row in rows).items() if count > 1] == []
        assert all(row["id"] == identifier(kind, row["code"]) for row in rows)
        assert all(row["synthetic"] is True for row in rows)

    def test_every_reference_names_a_record_of_the_right_kind(self, seed: Seed) -> None:
        known = {kind: {row["id"] for row in rows} for kind, rows in seed.rows.items()}
        dangling = [
            (row["code"], field.name)
            for kind in KINDS.values()
            for field in kind.fields
            if field.refers_to is not None
            for row in seed.rows[kind.name]
            if row.get(field.name) is not None and row[field.name] not in known[field.refers_to]
        ]
        assert dangling == []
        assert all(row["asset_id"] in known[row["asset_kind"]] for row in seed.rows["listings"])

    def test_demonstration_accounts_have_known_roles_areas_and_departments(self, seed: Seed) -> None:
        accounts = json.loads((SEED_FOLDER / "accounts.json").read_text(encoding="utf-8"))
        areas = {row["code"] for row in seed.rows["areas"]}
        departments = {row["code"] for row in seed.rows["departments"]}
        assert {account["role"] for account in accounts} >= {"admin", "staff", "grid_worker"}
        for account in accounts:
            assert account["role"] in ROLES
            assert set(account["areas"]) <= areas
            assert account["department"] is None or account["department"] in departments


class TestGeometry:
    @pytest.mark.parametrize(
        "kind", [kind for kind in KINDS.values() if kind.geometry], ids=lambda kind: kind.name
    )
    def test_geometries_are_valid_of_their_type_and_in_canonical_order(
        self, seed: Seed, kind: RecordKind
    ) -> None:
        shapes = seed.shapes[kind.name]
        assert shapely.is_valid(shapes).all()
        assert not shapely.is_empty(shapes).any()
        assert not shapely.has_z(shapes).any()
        polygons = shapes[shapely.get_dimensions(shapes) == 2]
        assert shapely.is_ccw(shapely.get_exterior_ring(shapely.get_parts(polygons))).all()
        allowed = {GeometryType.POLYGON: {2}, GeometryType.POINT: {0}, GeometryType.ANY: {0, 1, 2}}
        assert kind.geometry is not None
        assert set(shapely.get_dimensions(shapes).tolist()) <= allowed[kind.geometry]

    def test_coordinates_have_nine_decimals(self, seed: Seed) -> None:
        points = shapely.get_coordinates(seed.shapes["areas"])
        assert (np.round(points, 9) == points).all()
        assert not (np.round(points, 6) == points).all()

    @pytest.mark.parametrize("kind", ["buildings", "parcels", "plants", "listings", "facilities", "issues"])
    def test_everything_lies_in_the_zone(self, seed: Seed, kind: str) -> None:
        zone = shapely.buffer(seed.areas("zone")[0][1], 1e-7)
        shapely.prepare(zone)
        assert shapely.covers(zone, seed.shapes[kind]).all()

    def test_the_zone_lies_between_the_stated_meridians_and_parallels(self, seed: Seed) -> None:
        zone = json.loads((SEED_FOLDER / "zone.json").read_text(encoding="utf-8"))
        assert zone["key"] == "pds-gaoxin"
        assert zone["division_code"] == "410471"
        west, south, east, north = zone["bbox"]
        assert 113.30 < west < 113.32
        assert 113.40 < east < 113.42
        assert 33.70 < south < 33.72
        assert 33.78 < north < 33.80
        assert shapely.equals_exact(
            shapely.from_geojson(json.dumps(zone["boundary"])), seed.areas("zone")[0][1]
        )

    def test_parcels_do_not_overlap(self, seed: Seed) -> None:
        shapes = seed.shapes["parcels"]
        one, two = shapely.STRtree(shapes).query(shapes, predicate="intersects")
        pairs = one < two
        shared = shapely.intersection(shapes[one[pairs]], shapes[two[pairs]])
        assert geodesic_area(shared[shapely.get_dimensions(shared) == 2]).sum() < 1.0

    def test_buildings_and_plants_do_not_overlap(self, seed: Seed) -> None:
        shapes = np.concatenate([seed.shapes["buildings"], seed.shapes["plants"]])
        one, two = shapely.STRtree(shapes).query(shapes, predicate="intersects")
        assert (one != two).sum() == 0


class TestAreas:
    def test_six_parks_have_a_function_and_industries(self, seed: Seed) -> None:
        parks = [row for row, _ in seed.areas("park")]
        names = {
            "创新创业服务园区",
            "尼龙新材料产业园区",
            "皇台产业园区",
            "电气装备产业园区",
            "临港物流产业园区",
            "沙河产业园区",
        }
        assert {park["name_zh"] for park in parks} == names
        assert len(parks) == 6
        assert all(park["function"] and park["industries"] for park in parks)

    def test_parks_do_not_overlap(self, seed: Seed) -> None:
        shapes = [shape for _, shape in seed.areas("park")]
        assert shapely.coverage_is_valid(shapes)

    def test_twelve_communities_stand_under_their_street_or_town_and_assumed_ones_are_marked(
        self, seed: Seed
    ) -> None:
        rows = [row for row, _ in seed.areas("community", "village")]
        assert len(rows) == 12
        named = {row["name_zh"]: row["code"].split("-")[0] for row in rows if not row["assumed"]}
        assert named == {name: street for street in ("HT", "ZHD") for name in NAMED_COMMUNITIES[street]}
        assert {row["name_zh"] for row in rows if row["assumed"]} == NAMED_COMMUNITIES["assumed"]

    def test_each_area_stands_under_one_of_the_level_above(self, seed: Seed) -> None:
        kinds = {row["id"]: row["kind"] for row in seed.rows["areas"]}
        for row in seed.rows["areas"]:
            level = LEVEL_OF_KIND[row["kind"]]
            if level == "zone":
                assert row["parent_id"] is None
            else:
                assert LEVEL_OF_KIND[kinds[row["parent_id"]]] == PARENT_LEVEL[level], row["code"]

    @pytest.mark.parametrize(
        "kinds",
        [("street", "town"), ("community", "village"), ("grid",), ("micro_grid",)],
        ids=lambda kinds: kinds[0],
    )
    def test_areas_tile_their_parents_without_gap_or_overlap(
        self, seed: Seed, kinds: tuple[str, ...]
    ) -> None:
        children = seed.areas(*kinds)
        assert shapely.coverage_is_valid([shape for _, shape in children])
        by_id = {row["id"]: shape for row, shape in seed.pairs("areas")}
        for parent in {row["parent_id"] for row, _ in children}:
            inside = [shape for row, shape in children if row["parent_id"] == parent]
            assert geodesic_area(np.array(inside)).sum() == pytest.approx(
                geodesic_area(by_id[parent]).item(), abs=0.01
            )
            assert shapely.equals(shapely.coverage_union_all(inside), by_id[parent])

    def test_there_are_at_least_180_micro_grids_numbered_inside_their_grids(self, seed: Seed) -> None:
        cells = [row for row, _ in seed.areas("micro_grid")]
        grids = {row["id"]: row["code"] for row, _ in seed.areas("grid")}
        assert len(cells) >= 180
        assert all(row["code"].rsplit("-", 1)[0] == grids[row["parent_id"]] for row in cells)

    def test_the_estate_has_470_mu_104_buildings_8_grids_and_40_micro_grids(self, seed: Seed) -> None:
        [(estate, shape)] = seed.areas("estate")
        community = next(each for row, each in seed.areas("community") if row["name_zh"] == "高阳社区")
        assert estate["name_zh"] == "高阳小区"
        assert geodesic_area(shape).item() / SQUARE_METRES_PER_MU == pytest.approx(470, rel=0.005)
        assert community.contains(shape)
        own = [row.get("estate_id") == estate["id"] for row in seed.rows["buildings"]]
        assert sum(own) == 104
        assert shapely.contains(shape, seed.shapes["buildings"][own]).all()
        for kind, wanted in (("grid", 8), ("micro_grid", 40)):
            assert sum(shape.contains(each.point_on_surface()) for _, each in seed.areas(kind)) >= wanted

    def test_estate_buildings_are_slabs(self, seed: Seed) -> None:
        shapes = [shape for row, shape in seed.pairs("buildings") if row.get("estate_id")]
        assert all(500 < area < 700 for area in geodesic_area(np.array(shapes)))

    def test_households_add_up_from_micro_grids_to_the_zone(self, seed: Seed) -> None:
        totals = {
            kinds: sum(row["households"] for row, _ in seed.areas(*kinds))
            for kinds in (("zone",), ("street", "town"), ("community", "village"), ("grid",), ("micro_grid",))
        }
        assert set(totals.values()) == {sum(row["households"] for row in seed.rows["buildings"])}
