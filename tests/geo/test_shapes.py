"""What arrives and what is stored: every specimen is repaired and explained, or refused and explained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gridgov import geo
from tests.geo import specimens
from tests.geo.specimens import BOW_TIE, CLOCKWISE, EMPTY, MIXED, SQUARE, TWO_PARTS, WITH_HOLE

BROKEN = [
    ("BOW_TIE", "self_crossing", True),
    ("FLAT", "collapsed", False),
    ("EMPTY", "empty", False),
    ("WITH_HEIGHT", "three_dimensional", True),
    ("WITH_NAN", "not_finite", False),
    ("WITH_INFINITY", "not_finite", False),
    ("LATITUDE_FIRST", "out_of_range", False),
    ("IN_METRES", "out_of_range", False),
    ("OVER_ANTIMERIDIAN", "out_of_range", False),
    ("MIXED", "mixed", True),
    ("CLOSED_LINE", "wrong_type", True),
    ("NEARLY_CLOSED_LINE", "unclosed", True),
    ("OPEN_LINE", "unclosed", False),
]


@pytest.mark.parametrize(("name", "kind", "repaired"), BROKEN)
def test_each_specimen_is_named_and_repaired_or_refused(name: str, kind: str, repaired: bool) -> None:
    specimen = getattr(specimens, name)
    finding = only(geo.inspect([SQUARE, specimen]))
    assert (finding.row, finding.kind, finding.repaired) == (1, kind, repaired)
    stored = geo.normalise([SQUARE, specimen])
    assert stored[0].equals_exact(SQUARE)
    assert (stored[1] is not None) == repaired
    if repaired:
        assert_storable(stored[1])


@pytest.mark.parametrize("name", ["SQUARE", "CLOCKWISE", "WITH_HOLE", "TWO_PARTS", "SLIVER"])
def test_sound_specimens_have_no_findings(name: str) -> None:
    specimen = getattr(specimens, name)
    assert geo.inspect(specimen) == []
    assert_storable(geo.normalise(specimen)[0])
    assert shapely.equals(geo.normalise(specimen)[0], specimen)


def test_a_missing_geometry_is_reported_as_empty() -> None:
    assert only(geo.inspect([None])).kind == "empty"
    assert geo.normalise([None]).tolist() == [None]
    assert geo.inspect([]) == []
    assert len(geo.normalise([])) == 0


def test_a_bow_tie_becomes_its_two_triangles_and_the_crossing_is_shown() -> None:
    finding = only(geo.inspect(BOW_TIE))
    assert (finding.lon, finding.lat) == pytest.approx((113.305, 33.705))
    repaired = geo.normalise(BOW_TIE)[0]
    assert len(shapely.get_parts(repaired)) == 2
    assert finding.area_change == pytest.approx(geo.geodesic_area(repaired)[0], rel=1e-3)
    assert f"{finding.area_change:+.2f}" in finding.how.en
    assert f"{finding.area_change:+.2f}" in finding.how.zh


def test_a_spike_is_cut_off_and_the_area_stays() -> None:
    spike = shapely.Polygon(
        [(113.30, 33.70), (113.31, 33.70), (113.33, 33.70), (113.31, 33.70), (113.31, 33.71)]
    )
    finding = only(geo.inspect(spike))
    assert finding.kind == "self_crossing"
    assert finding.area_change == pytest.approx(0.0, abs=1e-6)
    assert geo.normalise(spike)[0].bounds[2] == 113.31


def test_the_exterior_turns_counter_clockwise_and_holes_clockwise() -> None:
    assert not CLOCKWISE.exterior.is_ccw
    assert geo.normalise(CLOCKWISE)[0].exterior.is_ccw
    hole = geo.normalise(shapely.reverse(WITH_HOLE))[0]
    assert hole.exterior.is_ccw
    assert not hole.interiors[0].is_ccw


def test_a_multipolygon_of_one_part_is_stored_as_that_part() -> None:
    assert geo.normalise(shapely.multipolygons([SQUARE]))[0].geom_type == "Polygon"
    assert geo.normalise(TWO_PARTS)[0].geom_type == "MultiPolygon"


def test_only_the_wanted_parts_of_a_mixed_geometry_stay() -> None:
    nested = shapely.geometrycollections([MIXED, shapely.Point(113.35, 33.7)])
    assert geo.normalise(nested)[0].equals(SQUARE)
    assert geo.normalise(nested, "point")[0].geom_type == "MultiPoint"
    assert geo.normalise(nested, "line")[0].geom_type == "LineString"


@pytest.mark.parametrize(("family", "kind"), [("point", "wrong_type"), ("line", "wrong_type")])
def test_a_polygon_in_a_layer_of_points_or_lines_is_refused(family: Any, kind: str) -> None:
    finding = only(geo.inspect(SQUARE, family))
    assert (finding.kind, finding.repaired) == (kind, False)
    assert "Polygon" in finding.how.zh


def test_a_point_in_a_layer_of_polygons_is_refused_and_in_a_layer_of_points_is_fine() -> None:
    point = shapely.Point(113.3, 33.7)
    finding = only(geo.inspect(point))
    assert (finding.kind, finding.lon, finding.lat) == ("wrong_type", 113.3, 33.7)
    assert geo.inspect(point, "point") == []


def test_latitude_first_is_recognised_and_the_remedy_named() -> None:
    assert "exchange the two columns" in only(geo.inspect(specimens.LATITUDE_FIRST)).how.en
    assert "coordinate system" in only(geo.inspect(specimens.IN_METRES)).how.en
    assert "180" in only(geo.inspect(specimens.OVER_ANTIMERIDIAN)).how.en


def test_a_million_vertices_are_refused_without_being_repaired() -> None:
    finding = only(geo.inspect(specimens.many_vertices(1_000_000)))
    assert (finding.kind, finding.repaired) == ("too_many_vertices", False)
    assert "1000001" in finding.how.en


def test_the_limit_of_vertices_can_be_set() -> None:
    circle = specimens.many_vertices(1_000)
    assert geo.inspect(circle) == []
    assert only(geo.inspect(circle, most_vertices=999)).kind == "too_many_vertices"
    assert geo.normalise(circle, most_vertices=999)[0] is None


def test_several_repairs_of_one_geometry_are_all_told() -> None:
    findings = geo.inspect([SQUARE, shapely.force_3d(BOW_TIE, 90.0)])
    assert sorted(finding.kind for finding in findings) == ["self_crossing", "three_dimensional"]
    assert {finding.row for finding in findings} == {1}


def test_one_pass_answers_what_two_would() -> None:
    geometries = [getattr(specimens, name) for name, _, _ in BROKEN] + [SQUARE, None]
    stored, findings = geo.clean(geometries)
    assert findings == geo.inspect(geometries)
    for one, other in zip(stored, geo.normalise(geometries), strict=True):
        assert (one is None and other is None) or one.equals_exact(other)


def test_findings_come_in_the_order_of_the_rows() -> None:
    findings = geo.inspect([specimens.WITH_HEIGHT, EMPTY, BOW_TIE, None, MIXED])
    assert [finding.row for finding in findings] == [0, 1, 2, 3, 4]


def test_the_given_geometries_stay_as_they_were() -> None:
    given_array = np.array([BOW_TIE, None, MIXED], dtype=object)
    geo.inspect(given_array)
    geo.normalise(given_array)
    assert given_array[0] is BOW_TIE
    assert given_array[2] is MIXED


@given(st.lists(st.tuples(st.floats(113.0, 113.5), st.floats(33.5, 34.0)), min_size=3, max_size=12))
def test_whatever_is_drawn_becomes_storable_or_is_refused_with_a_reason(
    places: list[tuple[float, float]],
) -> None:
    drawn = shapely.Polygon(places)
    stored = geo.normalise(drawn)[0]
    findings = geo.inspect(drawn)
    if stored is None:
        assert [finding.repaired for finding in findings] == [False]
    else:
        assert_storable(stored)
        assert all(finding.repaired for finding in findings)
        assert geo.inspect(stored) == []
        assert geo.normalise(stored)[0].equals_exact(stored)


def test_tangles_that_one_rebuilding_leaves_crossing_are_rebuilt_again() -> None:
    random = np.random.default_rng(3)
    lon, lat = [113.0, 113.1, 113.25, 113.5], [33.5, 33.6, 33.75, 34.0]
    places = [np.column_stack((random.choice(lon, 9), random.choice(lat, 9))) for _ in range(1_000)]
    tangles = [shapely.Polygon(each) for each in places]
    once = shapely.make_valid(tangles, method="structure", keep_collapsed=False)
    assert not shapely.is_valid(once).all(), "the geometry library needs no second pass any more"
    stored = geo.normalise(tangles)
    assert shapely.is_valid(stored[~shapely.is_missing(stored)]).all()
    assert (geo.stored_area(once)[shapely.is_missing(stored)] < 1.0).all()


class TestRawRings:
    ring = ((113.30, 33.70), (113.31, 33.70), (113.31, 33.71))

    def test_an_open_ring_is_closed_and_reported(self) -> None:
        polygon, findings = geo.polygon_from_rings([self.ring])
        assert polygon.exterior.is_closed
        assert [(finding.kind, finding.repaired) for finding in findings] == [("unclosed", True)]

    def test_a_closed_ring_is_taken_as_it_is(self) -> None:
        polygon, findings = geo.polygon_from_rings([[*self.ring, self.ring[0]]])
        assert findings == []
        assert polygon.exterior.coords[:] == [*self.ring, self.ring[0]]

    def test_heights_are_left_out(self) -> None:
        polygon, _ = geo.polygon_from_rings([[(*place, 88.0) for place in [*self.ring, self.ring[0]]]])
        assert not polygon.has_z

    def test_two_places_make_no_ring(self) -> None:
        polygon, findings = geo.polygon_from_rings([self.ring[:2]])
        assert polygon is None
        assert [finding.kind for finding in findings if not finding.repaired] == ["collapsed"]

    def test_no_rings_make_no_polygon(self) -> None:
        assert geo.polygon_from_rings([]) == (None, [])


class TestBytes:
    sound = shapely.to_wkb(SQUARE)

    def test_sound_bytes_are_read_without_findings(self) -> None:
        geometries, findings = geo.read_wkb([self.sound, None])
        assert geometries[0].equals_exact(SQUARE)
        assert geometries[1] is None
        assert findings == []

    def test_a_ring_left_open_in_the_bytes_is_closed_and_reported(self) -> None:
        count = (5).to_bytes(4, "little")
        position = self.sound.index(count)
        open_ring = self.sound[:position] + (4).to_bytes(4, "little") + self.sound[position + 4 : -16]
        geometries, findings = geo.read_wkb([self.sound, open_ring])
        assert geometries[1].equals(SQUARE)
        assert [(finding.row, finding.kind, finding.repaired) for finding in findings] == [
            (1, "unclosed", True)
        ]

    def test_bytes_cut_short_are_reported_and_become_none(self) -> None:
        geometries, findings = geo.read_wkb([self.sound[:40], b""])
        assert geometries.tolist() == [None, None]
        assert [(finding.row, finding.kind, finding.repaired) for finding in findings] == [
            (0, "empty", False),
            (1, "empty", False),
        ]


def only(findings: list[geo.Finding]) -> geo.Finding:
    assert len(findings) == 1, findings
    return findings[0]


def assert_storable(geometry: Any) -> None:
    assert geometry.is_valid
    assert not geometry.has_z
    assert geometry.geom_type in {"Polygon", "MultiPolygon"}
    for part in shapely.get_parts(geometry):
        assert part.exterior.is_ccw
