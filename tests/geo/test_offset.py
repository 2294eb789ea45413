"""GCJ-02 and BD-09: known offsets, agreement with two other programs, round trips within a millimetre."""

from __future__ import annotations

import numpy as np
import prcoords
import pytest
from coord_convert import transform as coord_convert
from hypothesis import given, settings
from hypothesis import strategies as st

from gridgov import geo
from gridgov.geo import offset

in_china = st.tuples(st.floats(offset.WEST, offset.EAST), st.floats(offset.SOUTH, offset.NORTH))
anywhere = st.tuples(st.floats(-180.0, 180.0), st.floats(-89.0, 89.0))


def metres(first: tuple[object, object], second: tuple[object, object]) -> float:
    return float(geo.geodesic_distance(*first, *second))  # type: ignore[arg-type]


def test_gcj02_lies_602_metres_off_in_the_demonstration_zone() -> None:
    assert metres((113.30, 33.74), geo.wgs84_to_gcj02(113.30, 33.74)) == pytest.approx(602.5, abs=0.1)


def test_bd09_lies_1289_metres_off_in_the_demonstration_zone() -> None:
    assert metres((113.30, 33.74), geo.wgs84_to_bd09(113.30, 33.74)) == pytest.approx(1288.6, abs=0.1)


@given(in_china)
def test_gcj02_returns_to_the_same_place_within_a_millimetre(place: tuple[float, float]) -> None:
    assert metres(place, geo.gcj02_to_wgs84(*geo.wgs84_to_gcj02(*place))) < 0.001


@given(in_china)
def test_bd09_returns_to_the_same_place_within_a_millimetre(place: tuple[float, float]) -> None:
    assert metres(place, geo.bd09_to_wgs84(*geo.wgs84_to_bd09(*place))) < 0.001


@given(anywhere)
def test_bd09_to_gcj02_returns_to_the_same_place_everywhere(place: tuple[float, float]) -> None:
    assert metres(place, geo.bd09_to_gcj02(*geo.gcj02_to_bd09(*place))) < 0.001


@given(in_china)
@settings(max_examples=300)
def test_the_inverse_is_found_for_any_gcj02_value_whose_original_is_in_the_box(
    place: tuple[float, float],
) -> None:
    original = geo.gcj02_to_wgs84(*place)
    lon, lat = geo.wgs84_to_gcj02(*original)
    lands_outside = not (
        offset.WEST + 0.02 < place[0] < offset.EAST - 0.02
        and offset.SOUTH + 0.02 < place[1] < offset.NORTH - 0.02
    )
    assert lands_outside or metres(place, (lon, lat)) < 0.001


@pytest.mark.parametrize("lon", [offset.WEST, 105.0, offset.EAST])
@pytest.mark.parametrize("lat", [offset.SOUTH, 35.0, offset.NORTH])
def test_round_trip_holds_on_the_corners_of_the_box_and_where_the_formula_has_its_kink(
    lon: float, lat: float
) -> None:
    assert metres((lon, lat), geo.gcj02_to_wgs84(*geo.wgs84_to_gcj02(lon, lat))) < 0.001


@pytest.mark.parametrize(
    "place",
    [(2.35, 48.85), (139.7, 35.7), (113.3, -33.7), (offset.WEST - 1e-6, 40.0), (100.0, offset.NORTH + 1e-6)],
    ids=["Paris", "Tokyo", "southern hemisphere", "just west of the box", "just north of the box"],
)
def test_outside_the_box_gcj02_is_the_identity(place: tuple[float, float]) -> None:
    lon, lat = geo.wgs84_to_gcj02(*place)
    assert (float(lon), float(lat)) == place


def test_far_outside_the_box_the_inverse_is_the_identity_too() -> None:
    lon, lat = geo.gcj02_to_wgs84(2.35, 48.85)
    assert (float(lon), float(lat)) == (2.35, 48.85)


class TestAgreementWithOtherImplementations:
    places = np.random.default_rng(7).uniform((74.0, 5.0), (134.0, 53.0), (300, 2))

    def test_gcj02_forward(self) -> None:
        ours = np.column_stack(geo.wgs84_to_gcj02(self.places[:, 0], self.places[:, 1]))
        first = [coord_convert.wgs2gcj(lon, lat) for lon, lat in self.places]
        second = [prcoords.wgs_gcj((lat, lon), check_china=False) for lon, lat in self.places]
        np.testing.assert_allclose(ours, first, rtol=0, atol=1e-11)
        np.testing.assert_allclose(ours, [(c.lon, c.lat) for c in second], rtol=0, atol=1e-11)

    def test_gcj02_inverse(self) -> None:
        ours = np.column_stack(geo.gcj02_to_wgs84(self.places[:, 0], self.places[:, 1]))
        first = [coord_convert.gcj2wgs(lon, lat) for lon, lat in self.places]
        np.testing.assert_allclose(ours, first, rtol=0, atol=2e-9)

    def test_bd09_forward(self) -> None:
        ours = np.column_stack(geo.wgs84_to_bd09(self.places[:, 0], self.places[:, 1]))
        first = [coord_convert.wgs2bd(lon, lat) for lon, lat in self.places]
        np.testing.assert_allclose(ours, first, rtol=0, atol=1e-11)

    def test_bd09_inverse(self) -> None:
        ours = np.column_stack(geo.bd09_to_wgs84(self.places[:, 0], self.places[:, 1]))
        second = [prcoords.bd_wgs_bored((lat, lon), check_china=False) for lon, lat in self.places]
        np.testing.assert_allclose(ours, [(c.lon, c.lat) for c in second], rtol=0, atol=3e-7)


def test_a_value_without_an_original_comes_back_unchanged() -> None:
    gap = (offset.WEST + 0.001, 40.0)  # the shift at this edge carries the box's own places further east
    assert float(geo.wgs84_to_gcj02(offset.WEST, 40.0)[0]) > gap[0]
    lon, lat = geo.gcj02_to_wgs84(*gap)
    assert (float(lon), float(lat)) == gap


def test_not_finite_values_come_back_unchanged_and_harm_no_neighbour() -> None:
    lon = np.array([np.nan, np.inf, 113.30])
    lat = np.array([33.74, 33.74, 33.74])
    for convert in (geo.wgs84_to_gcj02, geo.gcj02_to_wgs84, geo.wgs84_to_bd09, geo.bd09_to_wgs84):
        out_lon, _ = convert(lon, lat)
        assert np.isnan(out_lon[0])
        assert np.isinf(out_lon[1])
        assert out_lon[2] == convert(113.30, 33.74)[0]


def test_the_input_arrays_stay_as_they_were() -> None:
    lon, lat = np.array([113.30]), np.array([33.74])
    geo.wgs84_to_bd09(lon, lat)
    geo.bd09_to_wgs84(lon, lat)
    assert (lon[0], lat[0]) == (113.30, 33.74)
