"""Exact yes and no, shares, flat arrays."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gridgov import geo
from gridgov.errors import OutOfRange
from tests.geo.specimens import EMPTY, OPEN_LINE, SQUARE, TWO_PARTS, WITH_HOLE, random_parcels


def test_an_interior_point_lies_inside_even_where_the_centroid_does_not() -> None:
    horseshoe = shapely.Polygon(
        [
            (113.0, 33.0),
            (113.3, 33.0),
            (113.3, 33.3),
            (113.2, 33.3),
            (113.2, 33.1),
            (113.1, 33.1),
            (113.1, 33.3),
            (113.0, 33.3),
        ]
    )
    points = geo.interior_point([horseshoe, None, EMPTY, WITH_HOLE])
    assert geo.contains_point([horseshoe, WITH_HOLE], points[[0, 3], 0], points[[0, 3], 1]).all()
    assert np.isnan(points[1:3]).all()


def test_the_border_counts_as_inside_and_the_hole_does_not() -> None:
    assert geo.contains_point([SQUARE, WITH_HOLE, None], 113.300, 33.7405).tolist() == [True, False, False]
    assert geo.contains_point(WITH_HOLE, 113.3045, 33.7045).tolist() == [False]
    assert geo.contains_point(WITH_HOLE, 113.303, 33.7045).tolist() == [True]


def test_an_unknown_position_is_inside_nothing() -> None:
    assert geo.contains_point(SQUARE, np.nan, 33.7405).tolist() == [False]


def test_a_box_meets_what_it_touches_and_not_what_only_its_frame_holds() -> None:
    assert geo.intersects_box(SQUARE, 113.301, 33.741, 113.4, 33.8).tolist() == [True]
    inside_hole = (113.304, 33.704, 113.305, 33.705)
    assert geo.intersects_box([WITH_HOLE, SQUARE, None, EMPTY], *inside_hole).tolist() == [False] * 4
    above_the_diagonal = (113.3001, 33.7408, 113.3002, 33.7409)
    assert geo.intersects_box(OPEN_LINE, *above_the_diagonal).tolist() == [False]


@pytest.mark.parametrize(
    "box",
    [
        (113.4, 33.7, 113.3, 33.8),
        (113.3, 33.8, 113.4, 33.7),
        (33.7, 113.3, 33.8, 113.4),
        (float("nan"), 33.7, 113.4, 33.8),
    ],
    ids=["west east of east", "south above north", "latitude first", "NaN"],
)
def test_a_box_that_is_none_is_refused(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(OutOfRange, match="west,south,east,north"):
        geo.intersects_box(SQUARE, *box)


def test_half_a_parcel_in_each_of_two_areas() -> None:
    west, east = shapely.box(113.0, 33.0, 113.3005, 34.0), shapely.box(113.3005, 33.0, 114.0, 34.0)
    assert geo.shares(SQUARE, [west, east, None, EMPTY])[:2] == pytest.approx([0.5, 0.5])
    assert np.isnan(geo.shares(SQUARE, [None])).all()
    assert geo.shares(SQUARE, [EMPTY]).tolist() == [0.0]
    assert np.isnan(geo.shares(EMPTY, [west])).all()


@given(st.integers(0, 299), st.floats(0.0005, 0.01))
def test_shares_of_areas_that_tile_the_ground_add_up_to_one(row: int, cell: float) -> None:
    parcel = PARCELS[row]
    west, south, east, north = parcel.bounds
    lon, lat = np.meshgrid(np.arange(west, east, cell), np.arange(south, north, cell))
    tiles = shapely.box(lon.ravel(), lat.ravel(), lon.ravel() + cell, lat.ravel() + cell)
    assert geo.shares(parcel, tiles).sum() == pytest.approx(1.0, abs=1e-9)


PARCELS = random_parcels(300)


class TestRagged:
    flat = geo.ragged([WITH_HOLE, None, TWO_PARTS, EMPTY, shapely.Point(1, 1), SQUARE])

    def test_rings_per_feature(self) -> None:
        assert np.diff(self.flat.first_ring_of_feature).tolist() == [2, 0, 3, 0, 0, 1]
        assert self.flat.feature_of_ring.tolist() == [0, 0, 2, 2, 2, 5]

    def test_a_shell_comes_before_its_holes(self) -> None:
        assert self.flat.is_shell.tolist() == [True, False, True, False, True, True]

    def test_each_ring_is_closed_and_equals_the_geometry(self) -> None:
        rings = shapely.get_rings(shapely.get_parts(np.array([WITH_HOLE, TWO_PARTS, SQUARE], dtype=object)))
        for position, ring in enumerate(rings):
            vertices = self.flat.coordinates[
                self.flat.ring_offsets[position] : self.flat.ring_offsets[position + 1]
            ]
            assert vertices.tolist() == shapely.get_coordinates(ring).tolist()
            assert vertices[0].tolist() == vertices[-1].tolist()

    def test_nothing_gives_empty_arrays(self) -> None:
        nothing = geo.ragged([])
        assert nothing.ring_offsets.tolist() == [0]
        assert nothing.first_ring_of_feature.tolist() == [0]
        assert nothing.coordinates.shape == (0, 2)
