"""Distances in metres: between positions, and from a point to a shape."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gridgov import geo
from tests.geo.specimens import EMPTY, LAT, LON, OPEN_LINE, SQUARE, WITH_HOLE

GEOD = pyproj.Geod(ellps="GRS80")


def brute_force(shape: object, lon: float, lat: float) -> float:
    """The least of many geodesic distances to places along the border, a millimetre apart near the best."""
    coordinates = shapely.get_coordinates(shape)
    best = np.inf
    for start, stop in pairwise(coordinates):
        low, high = 0.0, 1.0
        for _ in range(6):
            along = np.linspace(low, high, 101)
            places = start + along[:, None] * (stop - start)
            distances = geo.geodesic_distance(places[:, 0], places[:, 1], lon, lat)
            at = int(np.argmin(distances))
            low, high = along[max(at - 1, 0)], along[min(at + 1, 100)]
        best = min(best, float(distances.min()))
    return best


def test_distance_between_positions_is_geodesic() -> None:
    expected = GEOD.inv(113.30, 33.74, 113.42, 33.80)[2]
    assert geo.geodesic_distance(113.30, 33.74, 113.42, 33.80) == pytest.approx(expected, rel=1e-12)


def test_positions_broadcast_and_unknown_ones_give_nan() -> None:
    distances = geo.geodesic_distance(113.30, 33.74, [113.30, 113.31, np.nan], [33.74, 33.74, 33.74])
    assert distances[0] == 0.0
    assert distances[1] == pytest.approx(926.65, abs=0.01)
    assert np.isnan(distances[2])


def test_a_point_inside_or_on_the_border_is_at_distance_zero() -> None:
    assert geo.distance_to_point(SQUARE, 113.3005, 33.7405)[0] == 0.0
    assert geo.distance_to_point(SQUARE, 113.300, 33.7405)[0] == 0.0


def test_a_point_in_the_hole_is_as_far_as_its_rim() -> None:
    distance = geo.distance_to_point(WITH_HOLE, 113.3031, 33.7045)[0]
    assert distance == pytest.approx(GEOD.inv(113.3031, 33.7045, 113.303, 33.7045)[2], abs=1e-4)


@given(lon=st.floats(113.29, 113.31), lat=st.floats(33.73, 33.75))
def test_distance_to_a_line_is_the_least_of_all_its_places(lon: float, lat: float) -> None:
    assert geo.distance_to_point(OPEN_LINE, lon, lat)[0] == pytest.approx(
        brute_force(OPEN_LINE, lon, lat), abs=1e-3
    )


@given(east=st.floats(-3e-3, 3e-3), north=st.floats(-3e-3, 3e-3))
def test_near_a_long_border_the_distance_is_exact_to_a_tenth_of_a_millimetre(
    east: float, north: float
) -> None:
    border = shapely.LineString([(113.2, 33.70), (113.4, 33.80)])
    lon, lat = 113.3 + east, 33.75 + north
    assert geo.distance_to_point(border, lon, lat)[0] == pytest.approx(
        brute_force(border, lon, lat), abs=1e-4
    )


@pytest.mark.parametrize("place", [(113.33, 33.72), (113.4, 33.65), (113.5, 33.5)])
def test_kilometres_from_a_slanting_border_the_distance_is_still_exact_to_a_millimetre(
    place: tuple[float, float],
) -> None:
    border = shapely.LineString([(113.2, 33.70), (113.4, 33.80)])
    assert geo.distance_to_point(border, *place)[0] == pytest.approx(brute_force(border, *place), abs=1e-3)


def test_each_geometry_may_have_its_own_point() -> None:
    distances = geo.distance_to_point([SQUARE, SQUARE], [113.3005, 113.302], [33.7405, 33.7405])
    assert distances[0] == 0.0
    assert distances[1] == pytest.approx(92.67, abs=0.01)


def test_none_and_empty_are_at_no_distance() -> None:
    assert np.isnan(geo.distance_to_point([None, EMPTY], LON, LAT)).all()
    assert len(geo.distance_to_point([], LON, LAT)) == 0


def test_the_border_is_measured_from_inside_too() -> None:
    distance = geo.border_distance([SQUARE, None], 113.3001, 33.7405)
    assert distance[0] == pytest.approx(GEOD.inv(113.3001, 33.7405, 113.300, 33.7405)[2], abs=1e-4)
    assert np.isnan(distance[1])


def test_the_nearest_place_is_named() -> None:
    places, distances = geo.nearest_places(SQUARE, 113.302, 33.7405)
    assert places[0] == pytest.approx([113.301, 33.7405], abs=1e-9)
    assert distances[0] == pytest.approx(92.67, abs=0.01)


def test_a_city_away_the_distance_is_still_right_to_a_metre() -> None:
    assert geo.distance_to_point(shapely.Point(116.4, 39.9), 113.3, 33.74)[0] == pytest.approx(
        GEOD.inv(116.4, 39.9, 113.3, 33.74)[2], abs=1e-3
    )
    assert geo.distance_to_point(SQUARE, 113.6, 34.0)[0] == pytest.approx(
        brute_force(SQUARE.exterior, 113.6, 34.0), abs=1.0
    )


def test_metres_per_degree_are_those_of_the_geodesic_library() -> None:
    east, north = geo.metres_per_degree(33.74)
    assert east == pytest.approx(GEOD.inv(113.3, 33.74, 113.301, 33.74)[2] * 1000.0, rel=1e-7)
    assert north == pytest.approx(GEOD.inv(113.3, 33.7395, 113.3, 33.7405)[2] * 1000.0, rel=1e-7)
