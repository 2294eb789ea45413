"""The demonstration zone's figures: land, plants, issues and facilities, counted from the committed files."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import numpy as np
import pytest
import shapely

from gridgov import codes
from gridgov.geo import SQUARE_METRES_PER_MU, geodesic_area
from gridgov.models.vocabulary import RESERVED_STAGES, UNKNOWN_REASONS
from tests.seed_files import Seed, committed_seed

TODAY = datetime.fromisoformat("2026-11-20T00:00:00Z")
SANITATION_AND_SAFETY = {
    "sanitation",
    "weeds",
    "stairwell_clutter",
    "fire_lane",
    "charging_wire",
    "waste",
    "hidden_danger",
    "manhole",
}


@pytest.fixture(scope="module")
def seed() -> Seed:
    return committed_seed()


class TestLand:
    def test_at_least_200_parcels_carry_codes_of_the_2023_classes(self, seed: Seed) -> None:
        rows = seed.rows["parcels"]
        assert len(rows) >= 200
        for row in rows:
            assert row["land_scheme"] == row["planned_scheme"] == "ydyh-2023"
            assert codes.find("ydyh-2023", row["land_code"]) is not None
            assert codes.find("ydyh-2023", row["planned_code"]) is not None

    def test_the_reserve_is_between_1800_and_1850_mu_on_the_ellipsoid(self, seed: Seed) -> None:
        reserved = np.array([row.get("stage") in RESERVED_STAGES for row in seed.rows["parcels"]])
        mu = geodesic_area(seed.shapes["parcels"][reserved]).sum() / SQUARE_METRES_PER_MU
        assert 1800 <= mu <= 1850
        assert {row.get("stage") for row in seed.rows["parcels"]} >= set(RESERVED_STAGES)

    def test_areas_on_paper_are_within_one_percent_of_the_ellipsoid(self, seed: Seed) -> None:
        claimed = np.array([row["area_claimed_m2"] for row in seed.rows["parcels"]])
        assert claimed == pytest.approx(geodesic_area(seed.shapes["parcels"]), rel=0.01)

    def test_parcels_of_a_park_lie_in_it(self, seed: Seed) -> None:
        parks = {row["code"]: shape for row, shape in seed.areas("park")}
        outside = [
            row["code"]
            for row, shape in seed.pairs("parcels")
            if "park_code" in row and not parks[row["park_code"]].contains(shape.point_on_surface())
        ]
        assert outside == []


class TestPlants:
    def test_60_plants_with_150_units_each_on_its_parcel(self, seed: Seed) -> None:
        assert len(seed.rows["plants"]) >= 60
        assert len(seed.rows["units"]) >= 150
        assert {row["plant_id"] for row in seed.rows["units"]} == {row["id"] for row in seed.rows["plants"]}
        parcels = {row["id"]: shape for row, shape in seed.pairs("parcels")}
        pairs = seed.pairs("plants")
        assert [row["code"] for row, shape in pairs if not parcels[row["parcel_id"]].contains(shape)] == []

    def test_unknown_specifications_are_null_with_a_reason_and_never_zero(self, seed: Seed) -> None:
        reasons = Counter[str]()
        for row in [*seed.rows["plants"], *seed.rows["units"]]:
            assert all(row[name] is None for name in row["unknown"])
            reasons.update(row["unknown"].values())
        assert set(reasons) == set(UNKNOWN_REASONS)
        assert all(row["spare_kva"] != 0 and row["clear_height_m"] != 0 for row in seed.rows["units"])

    def test_planned_reuse_adds_up_to_exactly_120000_square_metres(self, seed: Seed) -> None:
        planned = [row for row in seed.rows["plants"] if row["planned_use_m2"]]
        assert sum(row["planned_use_m2"] for row in planned) == 120_000
        assert all(
            row["vacancy"] == "planned" and row["planned_use_m2"] <= row["idle_area_m2"] for row in planned
        )

    def test_units_have_no_more_space_than_their_plant_and_hooks_hang_below_rails(self, seed: Seed) -> None:
        space = Counter[str]()
        for row in seed.rows["units"]:
            space[row["plant_id"]] += row["lettable_m2"]
            heights = [row[name] for name in ("hook_height_m", "crane_rail_height_m", "clear_height_m")]
            known = [height for height in heights if height is not None]
            assert known == sorted(known)
        assert all(space[row["id"]] <= row["floor_area_m2"] for row in seed.rows["plants"])

    def test_twelve_listings_of_idle_plants_are_published_now_and_end_in_2027(self, seed: Seed) -> None:
        units = {row["id"]: row for row in seed.rows["units"]}
        plants = {row["id"]: (row, shape) for row, shape in seed.pairs("plants")}
        assert len(seed.rows["listings"]) == 12
        for row, point in seed.pairs("listings"):
            assert datetime.fromisoformat(row["published_at"]) < TODAY
            assert datetime.fromisoformat(row["expires_at"]).year == 2027
            unit = units[row["asset_id"]]
            plant, shape = plants[unit["plant_id"]]
            assert unit["vacancy"] in {"vacant", "planned"}
            assert plant["idle_area_m2"] > 0
            assert shape.contains(point)


class TestIssues:
    def test_800_sanitation_and_safety_matters_over_seventeen_months(self, seed: Seed) -> None:
        rows = seed.rows["issues"]
        assert sum(row["category"] in SANITATION_AND_SAFETY for row in rows) >= 800
        months = {row["reported_at"][:7] for row in rows}
        assert (len(months), min(months), max(months)) == (17, "2023-01", "2024-05")

    def test_matters_of_residents_enterprises_and_disputes_all_occur(self, seed: Seed) -> None:
        seen = Counter(row["category"] for row in seed.rows["issues"])
        for category in (
            "sanitation",
            "stairwell_clutter",
            "dispute",
            "hidden_danger",
            "plant_space",
            "land",
            "funds",
        ):
            assert seen[category] > 0, category

    def test_all_lie_in_the_street(self, seed: Seed) -> None:
        street = next(shape for row, shape in seed.areas("street") if row["name_zh"] == "皇台街道")
        assert shapely.contains(street, seed.shapes["issues"]).all()

    def test_most_are_closed_after_they_were_reported(self, seed: Seed) -> None:
        closed = [row for row in seed.rows["issues"] if row["status"] == "closed"]
        assert 0.9 < len(closed) / len(seed.rows["issues"]) < 1.0
        assert all(row["reported_at"] < row["closed_at"] < TODAY.isoformat() for row in closed)
        assert all("closed_at" not in row for row in seed.rows["issues"] if row["status"] != "closed")

    def test_a_matter_placed_by_building_lies_in_that_building(self, seed: Seed) -> None:
        houses = {row["id"]: shape for row, shape in seed.pairs("buildings")}
        placed = [(row, point) for row, point in seed.pairs("issues") if row["position_source"] == "building"]
        assert len(placed) > 100
        assert all(houses[row["building_id"]].contains(point) for row, point in placed)


class TestFacilities:
    def test_figures_of_the_three_years_of_growth(self, seed: Seed) -> None:
        assert len(seed.facilities("pocket_park")) == 20
        assert len(seed.facilities("toilet")) == 13
        assert all(1 <= row["stars"] <= 5 for row in seed.facilities("toilet"))
        assert sum(row["code"].startswith("SS-DL-") for row in seed.facilities("road")) == 9
        assert {"elderly_care", "kindergarten", "school"} <= {row["kind"] for row in seed.rows["facilities"]}

    def test_roads_are_lines_and_the_river_is_a_polygon(self, seed: Seed) -> None:
        for row, shape in seed.pairs("facilities"):
            if row["kind"] == "road":
                assert shape.geom_type == "LineString"
            if row["kind"] == "water":
                assert shape.geom_type == "Polygon"
        assert [row["name_zh"] for row in seed.facilities("water")] == ["沙河"]
