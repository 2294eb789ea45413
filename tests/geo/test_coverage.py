"""Gaps and overlaps between neighbours."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gridgov import geo
from gridgov.errors import InvalidGeometry
from tests.geo.specimens import BOW_TIE

LEFT = shapely.box(113.300, 33.700, 113.310, 33.710)
RIGHT = shapely.box(113.310, 33.700, 113.320, 33.710)
HALF_A_METRE = 5.4e-6  # degrees of longitude at 33.7 N


def moved_east(geometry: object, degrees: float) -> object:
    return shapely.transform(geometry, lambda lonlat: lonlat + np.array([degrees, 0.0]))


def test_neighbours_that_share_their_border_have_no_faults() -> None:
    assert geo.coverage_faults([LEFT, RIGHT]) == []


def test_an_overlap_is_measured_and_placed() -> None:
    (fault,) = geo.coverage_faults([LEFT, moved_east(RIGHT, -HALF_A_METRE)])
    assert (fault.first, fault.second, fault.kind) == (0, 1, "overlap")
    assert fault.width == pytest.approx(0.5, abs=0.01)
    assert fault.area == pytest.approx(0.5 * 1109.2, rel=0.01)
    assert LEFT.covers(shapely.Point(fault.lon, fault.lat))


def test_a_narrow_gap_is_measured_and_placed_between_the_two() -> None:
    (fault,) = geo.coverage_faults([LEFT, moved_east(RIGHT, HALF_A_METRE)])
    assert (fault.first, fault.second, fault.kind) == (0, 1, "gap")
    assert fault.width == pytest.approx(0.5, abs=0.01)
    assert fault.area == pytest.approx(0.5 * 1109.2, rel=0.01)
    assert 113.310 < fault.lon < 113.310 + HALF_A_METRE


def test_a_gap_wider_than_asked_for_is_a_road_and_no_fault() -> None:
    apart = [LEFT, moved_east(RIGHT, 20 * HALF_A_METRE)]
    assert geo.coverage_faults(apart) == []
    assert [fault.kind for fault in geo.coverage_faults(apart, gap_width=12.0)] == ["gap"]


def test_a_hole_between_three_neighbours_is_found() -> None:
    top = shapely.Polygon(
        [(113.300, 33.710), (113.31, 33.710004), (113.320, 33.710), (113.320, 33.72), (113.30, 33.72)]
    )
    faults = geo.coverage_faults([LEFT, RIGHT, top])
    assert {(fault.first, fault.second, fault.kind) for fault in faults} == {(0, 2, "gap"), (1, 2, "gap")}


def test_a_vertex_on_the_neighbours_straight_edge_is_no_fault() -> None:
    noded = shapely.Polygon(
        [(113.31, 33.70), (113.32, 33.70), (113.32, 33.71), (113.31, 33.71), (113.31, 33.7033)]
    )
    assert geo.coverage_faults([LEFT, noded]) == []


def test_rows_keep_their_numbers_beside_none_and_empty() -> None:
    faults = geo.coverage_faults([None, LEFT, shapely.Polygon(), moved_east(RIGHT, -HALF_A_METRE)])
    assert [(fault.first, fault.second) for fault in faults] == [(1, 3)]


@pytest.mark.parametrize("few", [[], [None], [LEFT]])
def test_fewer_than_two_geometries_have_no_neighbours(few: list[object]) -> None:
    assert geo.coverage_faults(few) == []


def test_a_geometry_that_crosses_itself_is_refused_by_its_row() -> None:
    with pytest.raises(InvalidGeometry, match="row 2"):
        geo.coverage_faults([LEFT, RIGHT, BOW_TIE])


def test_a_strip_thinner_than_a_millimetre_is_rounding_whatever_its_area() -> None:
    thin = [LEFT, moved_east(RIGHT, -HALF_A_METRE / 1000.0)]
    assert geo.coverage_faults(thin) == []
    (fault,) = geo.coverage_faults(thin, smallest_width=0.0)
    assert fault.area == pytest.approx(0.00055 * 1109.2, rel=0.2)


def test_coordinates_with_noise_of_the_last_bits_fit() -> None:
    lon, lat = np.meshgrid(113.0 + np.arange(12) * 0.001, 33.0 + np.arange(12) * 0.001)
    cells = shapely.box(lon.ravel(), lat.ravel(), lon.ravel() + 0.001, lat.ravel() + 0.001)
    assert geo.coverage_faults(cells) == []


@given(shift=st.floats(0.05, 0.9), row=st.integers(0, 8))
def test_any_cell_of_a_tiling_that_is_pushed_is_found(shift: float, row: int) -> None:
    lon, lat = np.meshgrid([113.300, 113.302, 113.304], [33.700, 33.702, 33.704])
    cells = shapely.box(
        lon.ravel(), lat.ravel(), (lon + 0.002).ravel().round(3), (lat + 0.002).ravel().round(3)
    )
    degrees = shift / 92_700.0
    cells[row] = moved_east(cells[row], degrees)
    faults = geo.coverage_faults(cells)
    pushed_into = {(row, row + 1, "overlap")} if row % 3 < 2 else set()
    left_behind = {(row - 1, row, "gap")} if row % 3 > 0 else set()
    found = {(fault.first, fault.second, fault.kind) for fault in faults}
    assert found >= pushed_into | left_behind
    assert all(row in {fault.first, fault.second} for fault in faults)
    assert all(fault.width == pytest.approx(shift, abs=0.02) for fault in faults if fault.area > 1.0)
