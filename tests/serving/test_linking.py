"""Point → area: each rule of linking on a specimen that shows it."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import numpy as np
import pytest
import shapely
from shapely import MultiPolygon, Point, Polygon, box

from gridgov.errors import InvalidGeometry, InvalidValue, OutOfRange
from gridgov.geo import metres_per_degree
from gridgov.models.vocabulary import LEVEL_OF_KIND, LINK_LEVELS
from gridgov.serving.linking import LevelIndex, Link, Linker, Linkers, warm

INFINITE = shapely.transform(box(0, 0, 1, 1), lambda xy: np.where(xy > 0, np.inf, xy))
LON, LAT = 113.36, 33.75
EAST, NORTH = (float(each) for each in metres_per_degree(LAT))


def at(east_m: float, north_m: float) -> tuple[float, float]:
    """The position so many metres east and north of the origin."""
    return LON + east_m / EAST, LAT + north_m / NORTH


def rectangle(west: float, south: float, east: float, north: float) -> Polygon:
    """A polygon between sides in metres from the origin."""
    return box(*at(west, south), *at(east, north))


def index(level: str, **shapes: Any) -> LevelIndex:
    """An index whose ids are the codes with a # in front."""
    codes = [name.replace("_", "-") for name in shapes]
    return LevelIndex.build(
        level, [f"#{code}" for code in codes], codes, [None] * len(codes), list(shapes.values())
    )


def found(level_index: LevelIndex, east_m: float, north_m: float) -> tuple[str | None, str, float, float]:
    """Code, rule, distance and border distance at a place in metres from the origin."""
    place = level_index.locate(*at(east_m, north_m))
    code = level_index.codes[place.row] if place.row >= 0 else None
    return code, place.rule, round(place.distance_m, 2), round(place.border_m, 2)


def area(code: str, kind: str, parent: str | None, geometry: Any) -> dict[str, Any]:
    return {
        "id": f"#{code}",
        "code": code,
        "kind": kind,
        "parent_id": parent and f"#{parent}",
        "geometry": geometry,
    }


# A zone of one street with two communities of 400 m, each split into two grids; the estate stands in
# community A.
ZONE = [
    area("Z", "zone", None, rectangle(0, 0, 800, 400)),
    area("P1", "park", "Z", rectangle(0, 0, 300, 400)),
    area("S", "street", "Z", rectangle(0, 0, 800, 400)),
    area("A", "community", "S", rectangle(0, 0, 400, 400)),
    area("B", "village", "S", rectangle(400, 0, 800, 400)),
    area("A1", "grid", "A", rectangle(0, 0, 200, 400)),
    area("A2", "grid", "A", rectangle(200, 0, 400, 400)),
    area("B1", "grid", "B", rectangle(400, 0, 800, 200)),
    area("B2", "grid", "B", rectangle(400, 200, 800, 400)),
    area("E", "estate", "A", rectangle(50, 50, 150, 150)),
    area("410400", "district", None, rectangle(-9000, -9000, 9000, 9000)),
]


@pytest.fixture(scope="module")
def linker() -> Linker:
    return Linker.build("demo", 7, ZONE)


def by_level(links: tuple[Link, ...]) -> dict[str, Link]:
    return {link.level: link for link in links if link.main}


class TestOneLevel:
    """`LevelIndex.locate` on the specimens of the border rule."""

    def test_a_point_inside_is_contained_and_knows_how_far_the_border_is(self) -> None:
        assert found(index("grid", G=rectangle(0, 0, 100, 100)), 30, 50) == ("G", "contains", 0.0, 30.0)

    def test_a_hole_belongs_to_what_fills_it_and_not_to_the_area_around(self) -> None:
        around = rectangle(-500, -500, 500, 500).difference(rectangle(-100, -100, 100, 100))
        filled = index("grid", AROUND=around, FILLED=rectangle(-100, -100, 100, 100))
        assert found(filled, 0, 0)[:2] == ("FILLED", "contains")
        assert found(filled, -200, 0) == ("AROUND", "contains", 0.0, 100.0)
        assert found(index("estate", AROUND=around), 0, 0) == (None, "outside", np.inf, 100.0)

    def test_each_part_of_a_multipolygon_counts_and_the_gap_between_does_not(self) -> None:
        parts = index("estate", TWO=MultiPolygon([rectangle(0, 0, 100, 100), rectangle(200, 0, 300, 100)]))
        assert found(parts, 250, 50)[:2] == ("TWO", "contains")
        assert found(parts, 150, 50) == (None, "outside", np.inf, 50.0)

    @pytest.mark.parametrize("east_m", [-0.04, 0.0, 0.04])
    def test_within_5_cm_of_a_shared_edge_the_lowest_code_wins(self, east_m: float) -> None:
        halves = index("grid", B=rectangle(-100, 0, 0, 100), A=rectangle(0, 0, 100, 100))
        assert found(halves, east_m, 50)[:2] == ("A", "border")

    @pytest.mark.parametrize(("east_m", "code"), [(-0.06, "B"), (0.06, "A")])
    def test_6_cm_inside_is_inside(self, east_m: float, code: str) -> None:
        halves = index("grid", B=rectangle(-100, 0, 0, 100), A=rectangle(0, 0, 100, 100))
        assert found(halves, east_m, 50) == (code, "contains", 0.0, 0.06)

    def test_the_corner_of_four_goes_to_the_lowest_of_the_four(self) -> None:
        quarters = index(
            "micro_grid",
            Q3=rectangle(0, 0, 50, 50),
            Q2=rectangle(-50, 0, 0, 50),
            Q4=rectangle(-50, -50, 0, 0),
            Q10=rectangle(0, -50, 50, 0),
        )
        assert found(quarters, 0, 0)[:2] == ("Q10", "border")  # codes compare as text

    def test_4_cm_outside_the_only_area_is_nearest_only_where_areas_tile(
        self,
    ) -> None:
        shape = rectangle(0, 0, 100, 100)
        assert found(index("grid", G=shape), -0.04, 50) == ("G", "nearest", 0.04, 0.04)
        assert found(index("estate", E=shape), -0.04, 50) == (None, "outside", np.inf, 0.04)

    def test_within_200_m_the_nearest_and_beyond_none(self) -> None:
        one = index("community", C=rectangle(0, 0, 100, 100))
        assert found(one, -199, 50) == ("C", "nearest", 199.0, 199.0)
        assert found(one, -201, 50) == (None, "outside", np.inf, np.inf)

    def test_between_two_equally_near_areas_the_lower_code(self) -> None:
        pair = index("grid", N2=rectangle(-110, 0, -10, 100), N1=rectangle(10, 0, 110, 100))
        assert found(pair, 0, 50)[:2] == ("N1", "nearest")

    def test_overlapping_areas_share_the_point_so_the_lowest_code_flagged_border(self) -> None:
        overlap = index("grid", G2=rectangle(0, 0, 100, 100), G1=rectangle(50, 0, 150, 100))
        assert found(overlap, 75, 50)[:2] == ("G1", "border")

    def test_the_order_of_the_areas_does_not_matter(self) -> None:
        shapes = {
            "G1": rectangle(0, 0, 10, 10),
            "G2": rectangle(10, 0, 20, 10),
            "G3": rectangle(20, 0, 30, 10),
        }
        turned = dict(reversed(shapes.items()))
        assert index("grid", **turned).codes == index("grid", **shapes).codes == ("G1", "G2", "G3")
        assert found(index("grid", **turned), 20, 5) == found(index("grid", **shapes), 20, 5)

    def test_no_areas_at_all_leave_every_point_outside(self) -> None:
        empty = index("grid")
        assert found(empty, 0, 0) == (None, "outside", np.inf, np.inf)
        assert empty.locate_many([LON, 0.0], [LAT, 0.0]).rows.tolist() == [-1, -1]

    @pytest.mark.parametrize("bad", [(np.nan, 33.0), (113.0, np.inf), (33.0, 113.0), (181.0, 0.0)])
    def test_what_is_no_position_is_refused_with_its_value_and_row(self, bad: tuple[float, float]) -> None:
        one = index("grid", G=rectangle(0, 0, 10, 10))
        with pytest.raises(OutOfRange, match="longitude comes first"):
            one.locate(*bad)
        with pytest.raises(OutOfRange, match="in row 2"):
            one.locate_many([LON, bad[0]], [LAT, bad[1]])

    def test_columns_of_different_lengths_are_refused(self) -> None:
        one = index("grid", G=rectangle(0, 0, 10, 10))
        with pytest.raises(ValueError, match="2 longitudes, 1 latitudes"):
            one.locate_many([LON, LON], [LAT])
        with pytest.raises(ValueError, match="3 parents"):
            one.locate_many([LON, LON], [LAT, LAT], [0, 0, 0])

    @pytest.mark.parametrize("bad", [None, Polygon(), Point(113, 33), INFINITE])
    def test_an_area_without_a_usable_polygon_is_named(self, bad: Any) -> None:
        with pytest.raises(InvalidGeometry, match=r"area G7 .*boundary"):
            index("grid", G6=rectangle(0, 0, 10, 10), G7=bad)


class TestAllLevels:
    """`Linker.link` over the two trees."""

    def test_a_point_has_one_area_of_each_level_and_districts_link_nothing(self, linker: Linker) -> None:
        links = linker.link(*at(100, 100))
        assert [link.level for link in links] == list(LINK_LEVELS)
        assert {link.level: link.code for link in links} == {
            "zone": "Z", "park": "P1", "street": "S", "community": "A", "grid": "A1", "micro_grid": None,
            "estate": "E",
        }  # fmt: skip
        assert {link.edition_set for link in links} == {7}

    def test_villages_stand_on_the_level_of_communities(self, linker: Linker) -> None:
        assert by_level(linker.link(*at(600, 300)))["community"].area_id == "#B"

    def test_a_point_outside_the_zone_is_accepted(self, linker: Linker) -> None:
        links = linker.link(114.9, 34.9)
        assert {link.rule for link in links} == {"outside"}
        assert {link.area_id for link in links} == {None}

    def test_just_past_the_edge_of_the_zone_only_tiling_levels_are_nearest(self, linker: Linker) -> None:
        links = by_level(linker.link(*at(100, -30)))
        assert {level: link.rule for level, link in links.items()} == {
            "zone": "outside", "park": "outside", "street": "nearest", "community": "nearest",
            "grid": "nearest", "micro_grid": "outside", "estate": "outside",
        }  # fmt: skip
        assert links["grid"].code == "A1"
        assert links["grid"].distance_m == pytest.approx(30.0, abs=1e-3)
        assert links["estate"].border_m == pytest.approx(80.0, abs=1e-3)

    def test_children_of_the_containing_parent_come_before_a_nearer_area(self) -> None:
        # The community holds the point; its own grid is 90 m away, a grid of the neighbour 10 m.
        linker = Linker.build(
            "demo", 1,
            [
                area("A", "community", None, rectangle(0, 0, 400, 400)),
                area("B", "community", None, rectangle(400, 0, 800, 400)),
                area("A1", "grid", "A", rectangle(0, 0, 300, 400)),
                area("B1", "grid", "B", rectangle(400, 0, 800, 400)),
            ],
        )  # fmt: skip
        link = by_level(linker.link(*at(390, 200)))["grid"]
        assert (link.code, link.rule, link.hierarchy) == ("A1", "nearest", False)
        assert link.distance_m == pytest.approx(90.0, abs=0.01)

    def test_tree_and_geometry_disagreeing_is_flagged(self) -> None:
        linker = Linker.build(
            "demo", 1,
            [
                area("A", "community", None, rectangle(0, 0, 400, 400)),
                area("B", "community", None, rectangle(400, 0, 800, 400)),
                area("A1", "grid", "B", rectangle(0, 0, 400, 400)),  # lies in A, hangs under B
                area("B1", "grid", "gone", rectangle(400, 0, 800, 400)),  # its parent is not there any more
            ],
        )  # fmt: skip
        for east_m, code in ((200, "A1"), (600, "B1")):
            grid = by_level(linker.link(*at(east_m, 200)))["grid"]
            assert (grid.code, grid.rule, grid.hierarchy) == (code, "contains", True)
        assert not by_level(linker.link(*at(200, 200)))["community"].hierarchy

    @pytest.mark.parametrize(
        ("east_m", "accuracy_m", "doubtful"),
        [(150, None, False), (150, 40, False), (150, 60, True), (200.02, None, True), (150, 0, False)],
        ids=["accuracy unknown", "better than the border is far", "worse", "on the border", "exact"],
    )
    def test_a_position_less_accurate_than_the_border_is_far_is_doubtful(
        self, linker: Linker, east_m: float, accuracy_m: float | None, doubtful: bool
    ) -> None:
        # A1 ends 50 m east of the first place.
        assert by_level(linker.link(*at(east_m, 200), accuracy_m))["grid"].doubtful is doubtful

    def test_an_outside_point_is_doubtful_when_the_accuracy_reaches_the_area(self, linker: Linker) -> None:
        beside_the_estate = at(30, 100)
        assert by_level(linker.link(*beside_the_estate, 10))["estate"].doubtful is False
        assert by_level(linker.link(*beside_the_estate, 25))["estate"].doubtful is True

    @pytest.mark.parametrize("accuracy_m", [-1.0, np.nan, np.inf])
    def test_what_is_no_accuracy_is_refused(self, linker: Linker, accuracy_m: float) -> None:
        with pytest.raises(OutOfRange, match="accuracy"):
            linker.link(LON, LAT, accuracy_m)

    def test_an_unknown_kind_is_refused_by_name(self) -> None:
        with pytest.raises(InvalidValue, match=r"X1.*hamlet"):
            Linker.build("demo", 1, [area("X1", "hamlet", None, rectangle(0, 0, 1, 1))])

    def test_every_kind_but_the_district_has_a_level(self) -> None:
        assert set(LEVEL_OF_KIND.values()) == set(LINK_LEVELS)


class TestMany:
    """`Linker.link_many` answers as `Linker.link`."""

    def test_a_batch_equals_its_points_one_by_one(self, linker: Linker) -> None:
        rng = np.random.default_rng(5)
        lon, lat = np.column_stack([at(*place) for place in rng.uniform(-300, 1100, (400, 2))])
        accuracy = rng.uniform(0, 80, 400)
        links = linker.link_many(lon, lat, accuracy)
        assert len(links) == 400
        for place in range(400):
            assert links.of(place) == linker.link(lon[place], lat[place], accuracy[place])
        assert links.each() == [links.of(place) for place in range(400)]
        assert {rule for level in links.levels.values() for rule in level.rules} >= {
            "contains",
            "nearest",
            "outside",
        }

    def test_columns_name_areas_and_none_for_outside(self, linker: Linker) -> None:
        lon, lat = np.column_stack([at(100, 100), at(5000, 0), at(600, 300)])
        grid = linker.link_many(lon, lat).levels["grid"]
        assert grid.codes == ["A1", None, "B2"]
        assert grid.area_ids == ["#A1", None, "#B2"]
        assert grid.rules == ["contains", "outside", "contains"]

    def test_an_unknown_accuracy_among_known_ones_makes_nothing_doubtful(self, linker: Linker) -> None:
        lon, lat = np.column_stack([at(150, 200), at(150, 200)])
        assert linker.link_many(lon, lat, [np.nan, 60.0]).levels["grid"].doubtful.tolist() == [False, True]

    def test_a_negative_accuracy_is_refused(self, linker: Linker) -> None:
        with pytest.raises(OutOfRange, match="-2"):
            linker.link_many([LON, LON], [LAT, LAT], [5.0, -2.0])

    def test_read_only_columns_are_taken(self, linker: Linker) -> None:
        column = np.full(3, LON)
        column.flags.writeable = False
        assert len(linker.link_many(column, np.full(3, LAT))) == 3


class TestShapes:
    """Polygons link by an interior point and say how their area is shared."""

    def test_a_polygon_over_a_border_has_a_main_link_and_the_share_of_each_area(self, linker: Linker) -> None:
        links = linker.link_shape(rectangle(150, 100, 350, 200))
        grids = [link for link in links if link.level == "grid"]
        assert [(link.code, link.main, link.rule) for link in grids] == [
            ("A2", True, "contains"),
            ("A1", False, "share"),
        ]
        assert [link.share for link in grids] == pytest.approx([0.75, 0.25], abs=1e-6)

    def test_a_polygon_inside_one_area_has_all_of_it_there_and_no_other_link(self, linker: Linker) -> None:
        links = linker.link_shape(rectangle(10, 300, 40, 350))
        assert [link.level for link in links] == list(LINK_LEVELS)
        assert by_level(links)["grid"].share == 1.0
        assert by_level(links)["estate"].share is None

    def test_a_neighbour_that_only_shares_an_edge_gets_no_share(self, linker: Linker) -> None:
        links = linker.link_shape(rectangle(200, 0, 400, 400))
        assert [link.code for link in links if link.level == "grid"] == ["A2"]

    def test_the_main_link_is_doubtful_when_another_area_holds_more(self) -> None:
        # An L: its interior point falls into the tall narrow arm in G1, most of it lies in the low arm in G2.
        west, east = rectangle(0, 0, 10, 100), rectangle(10, 0, 500, 100)
        linker = Linker.build("demo", 1, [area("G1", "grid", None, west), area("G2", "grid", None, east)])
        shape = west.union(rectangle(10, 0, 500, 8))
        links = {link.code: link for link in linker.link_shape(shape) if link.level == "grid"}
        assert (links["G1"].main, links["G1"].doubtful) == (True, True)
        assert links["G2"].share == pytest.approx(3920 / 4920, abs=1e-3)

    def test_a_road_links_by_a_place_on_it_and_has_no_shares(self, linker: Linker) -> None:
        road = shapely.LineString([at(20, 300), at(180, 300)])
        links = linker.link_shape(road)
        assert by_level(links)["grid"].code == "A1"
        assert {link.share for link in links} == {None}

    def test_many_shapes_link_as_each_alone(self, linker: Linker) -> None:
        shapes = [rectangle(east, 50, east + 90, 140) for east in range(-100, 850, 45)]
        assert linker.link_shapes(shapes) == [linker.link_shape(shape) for shape in shapes]

    def test_a_shape_that_is_not_there_is_named_by_its_row(self, linker: Linker) -> None:
        with pytest.raises(InvalidGeometry, match="Row 2"):
            linker.link_shapes([rectangle(0, 0, 1, 1), None])


class TestCache:
    """One linker per zone and edition set, built once."""

    def test_threads_that_ask_together_build_once(self) -> None:
        linkers, loads, got = Linkers(), [], []

        def load() -> list[dict[str, Any]]:
            loads.append(dt.UTC)
            return ZONE

        threads = [
            threading.Thread(target=lambda: got.append(linkers.get("demo", 1, load))) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(loads) == 1
        assert len(got) == 8
        assert len({id(linker) for linker in got}) == 1

    def test_a_new_edition_set_is_another_linker_and_the_oldest_is_let_go(self) -> None:
        linkers = Linkers(capacity=2)
        first = linkers.get("demo", 1, lambda: ZONE)
        assert linkers.get("demo", 2, lambda: ZONE[:1]) is not first
        linkers.get("other", 1, lambda: ZONE)
        assert len(linkers) == 2
        assert linkers.get("demo", 1, lambda: ZONE) is not first

    def test_a_failed_load_reaches_the_caller_and_is_tried_again(self) -> None:
        linkers = Linkers()
        broken = [area("G", "grid", None, None)]
        with pytest.raises(InvalidGeometry):
            linkers.get("demo", 1, lambda: broken)
        assert linkers.get("demo", 1, lambda: ZONE).levels["grid"].codes == ("A1", "A2", "B1", "B2")

    def test_warming_up_can_be_repeated(self) -> None:
        warm()
        warm()
