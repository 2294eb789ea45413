"""Areas and lengths against independent computations, and the figures a planner checks by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gridgov import geo
from gridgov.geo.ellipsoid import grid_coordinates
from tests.geo.specimens import (
    EMPTY,
    LAT,
    LON,
    OPEN_LINE,
    OVER_ANTIMERIDIAN,
    SLIVER,
    SQUARE,
    TWO_PARTS,
    WITH_HOLE,
    random_parcels,
)

GEOD = pyproj.Geod(ellps="GRS80")
MU_100_SIDE = float(np.sqrt(200_000.0 / 3.0))


def by_library(geometry: object) -> float:
    return abs(float(GEOD.geometry_area_perimeter(shapely.orient_polygons(geometry))[0]))


class TestHundredMuSquare:
    square = geo.to_lonlat(
        shapely.box(435_134, 3_735_042, 435_134 + MU_100_SIDE, 3_735_042 + MU_100_SIDE), geo.Epsg(4547)
    )

    def test_grid_area_is_100_mu(self) -> None:
        assert geo.square_metres_to_mu(geo.grid_area(self.square))[0] == pytest.approx(100.0, abs=1e-6)

    def test_geodesic_area_is_a_hundredth_of_a_mu_less(self) -> None:
        assert geo.square_metres_to_mu(geo.geodesic_area(self.square))[0] == pytest.approx(99.990, abs=5e-4)

    def test_web_mercator_would_have_shown_half_as_much_again(self) -> None:
        mercator = geo.from_lonlat(self.square, geo.WEB_MERCATOR)
        assert geo.square_metres_to_mu(float(shapely.area(mercator[0]))) == pytest.approx(144.97, abs=0.01)


def test_grid_area_exceeds_geodesic_area_more_towards_the_edge_of_the_zone() -> None:
    near, far = shapely.box(113.3, 33.7, 113.301, 33.701), shapely.box(112.501, 33.7, 112.502, 33.701)
    excess = geo.grid_area([near, far]) / geo.geodesic_area([near, far]) - 1.0
    assert excess == pytest.approx([1.0e-4, 4.7e-4], abs=0.1e-4)


def test_geodesic_area_of_parcels_agrees_with_the_geodesic_library() -> None:
    parcels = random_parcels(2_000)
    expected = [by_library(parcel) for parcel in parcels]
    np.testing.assert_allclose(geo.geodesic_area(parcels), expected, rtol=1e-7)


@given(
    lon=st.floats(73.6, 135.0),
    lat=st.floats(4.0, 53.0),
    width=st.floats(0.002, 0.019),
    height=st.floats(0.002, 0.019),
)
def test_triangles_with_edges_up_to_two_kilometres_agree_anywhere_in_china(
    lon: float, lat: float, width: float, height: float
) -> None:
    triangle = shapely.Polygon([(lon, lat), (lon + width, lat), (lon + width / 3.0, lat + height)])
    assert geo.geodesic_area(triangle)[0] == pytest.approx(by_library(triangle), rel=1e-7)


@pytest.mark.parametrize(
    "shape",
    [shapely.box(112.0, 33.0, 114.0, 34.5), OVER_ANTIMERIDIAN, WITH_HOLE, TWO_PARTS, SLIVER],
    ids=["county", "antimeridian", "hole", "two parts", "sliver"],
)
def test_specimens_have_the_area_of_the_geodesic_library(shape: object) -> None:
    assert geo.geodesic_area(shape)[0] == pytest.approx(by_library(shape), rel=1e-7, abs=1e-3)


def test_a_ring_with_edges_of_two_degrees_is_left_to_the_geodesic_library() -> None:
    triangle = shapely.Polygon([(112.0, 33.0), (114.0, 33.1), (112.3, 34.9)])
    assert geo.geodesic_area(triangle)[0] == pytest.approx(by_library(triangle), rel=1e-9)


def test_direction_of_rings_does_not_change_an_area() -> None:
    assert geo.geodesic_area(shapely.reverse(WITH_HOLE)) == pytest.approx(
        geo.geodesic_area(WITH_HOLE), rel=1e-14
    )


@pytest.mark.parametrize("measure", [geo.geodesic_area, geo.grid_area, geo.stored_area, geo.geodesic_length])
def test_none_has_no_measure_and_empty_has_measure_zero(measure: object) -> None:
    values = measure([None, EMPTY, shapely.Point(LON, LAT), SQUARE])  # type: ignore[operator]
    assert np.isnan(values[0])
    assert values[1] == values[2] == 0.0
    assert values[3] > 1.0


@pytest.mark.parametrize("measure", [geo.geodesic_area, geo.grid_area, geo.stored_area])
def test_no_geometries_have_no_areas(measure: object) -> None:
    assert len(measure([])) == 0  # type: ignore[operator]
    assert measure([EMPTY]).tolist() == [0.0]  # type: ignore[operator]


def test_a_line_has_length_but_no_area() -> None:
    assert geo.geodesic_area(OPEN_LINE)[0] == 0.0
    assert geo.geodesic_length(OPEN_LINE)[0] == pytest.approx(GEOD.geometry_length(OPEN_LINE), rel=1e-12)


def test_perimeter_counts_holes_and_parts() -> None:
    rings = shapely.get_rings(shapely.get_parts(TWO_PARTS))
    expected = sum(GEOD.geometry_length(ring) for ring in rings)
    assert len(rings) == 3
    assert geo.geodesic_length(TWO_PARTS)[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("lon", "code"), [(112.49, 4546), (112.51, 4547), (115.4, 4547), (115.6, 4548)])
def test_grid_area_uses_the_zone_of_the_centroid(lon: float, code: int) -> None:
    parcel = shapely.box(lon - 0.002, 33.7, lon + 0.002, 33.703)
    expected = shapely.area(geo.from_lonlat(parcel, geo.Epsg(code))[0])
    assert geo.grid_area(parcel)[0] == pytest.approx(expected, rel=1e-10)


def test_grid_area_of_random_parcels_agrees_with_the_register() -> None:
    parcels = random_parcels(2_000)
    expected = shapely.area(geo.from_lonlat(parcels, geo.Epsg(4547)))
    np.testing.assert_allclose(geo.grid_area(parcels), expected, rtol=1e-9)


def test_grid_coordinates_are_those_of_the_register_to_a_micrometre() -> None:
    lon, lat = np.random.default_rng(3).uniform((112.0, 4.0), (116.0, 53.0), (500, 2)).T
    east, north = geo.coordinates_in(lon, lat, geo.Epsg(4547))
    np.testing.assert_allclose(
        grid_coordinates(lon - 114.0, lat), (east - 500_000.0, north), rtol=0.0, atol=1e-6
    )


def test_grid_area_outside_the_national_zones_is_unknown() -> None:
    values = geo.grid_area([shapely.box(2.3, 48.8, 2.4, 48.9), SQUARE])
    assert np.isnan(values[0])
    assert values[1] > 0.0


@given(cut=st.floats(0.01, 0.99))
def test_pieces_of_a_parcel_add_up_to_it(cut: float) -> None:
    west, south, east, north = SQUARE.bounds
    middle = west + cut * (east - west)
    pieces = [
        shapely.intersection(TILTED, shapely.box(*box))
        for box in ((west, south, middle, north), (middle, south, east, north))
    ]
    assert geo.stored_area(pieces).sum() == pytest.approx(geo.stored_area(TILTED)[0], rel=1e-10)


TILTED = shapely.Polygon([(113.3001, 33.7402), (113.3009, 33.7401), (113.3008, 33.7409), (113.3003, 33.7407)])


class TestUnits:
    def test_one_mu_is_two_thousand_thirds_of_a_square_metre(self) -> None:
        assert geo.mu_to_square_metres(1) == Fraction(2000, 3)

    def test_fifteen_mu_are_one_hectare(self) -> None:
        assert geo.square_metres_to_mu(10_000) == 15
        assert geo.to_hectares(geo.mu_to_square_metres(15)) == 1

    def test_ten_thousand_mu_are_not_off_by_the_rounded_factor(self) -> None:
        assert geo.mu_to_square_metres(10_000.0) == pytest.approx(6_666_666.6667, abs=1e-3)
        assert abs(10_000 * 666.67 - geo.mu_to_square_metres(10_000.0)) > 33.0

    @given(st.fractions(min_value=0, max_value=10**9))
    def test_fractions_survive_there_and_back_exactly(self, area: Fraction) -> None:
        assert geo.mu_to_square_metres(geo.square_metres_to_mu(area)) == area

    def test_arrays_are_converted_element_by_element(self) -> None:
        np.testing.assert_allclose(geo.square_metres_to_mu(np.array([1000.0, 2000.0])), [1.5, 3.0])

    def test_the_three_areas_have_their_names(self) -> None:
        assert [kind.label("zh") for kind in geo.AreaKind] == ["椭球面积", "投影面积", "证载面积"]
        assert [kind.label("en") for kind in geo.AreaKind] == [
            "geodesic area",
            "grid area",
            "area on the certificate",
        ]
