"""Coordinates in and out: register values, axis order, what None, empty and heights become."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gridgov import geo
from tests.geo.specimens import EMPTY, SQUARE, TWO_PARTS, WITH_HEIGHT

SYSTEMS = [
    geo.Epsg(4547),
    geo.Epsg(4526),
    geo.Epsg(4490),
    geo.Epsg(3857),
    geo.Epsg(4497),
    geo.Gcj02(),
    geo.Bd09(),
]


@pytest.mark.parametrize(
    ("code", "easting", "northing"), [(4526, 38_435_134, 3_735_042), (4547, 435_134, 3_735_042)]
)
def test_the_zone_in_its_two_grids(code: int, easting: float, northing: float) -> None:
    x, y = geo.coordinates_in(113.3, 33.74, geo.Epsg(code))
    assert (round(float(x)), round(float(y))) == (easting, northing)


def test_northing_first_files_are_read_the_other_way_round() -> None:
    lon, lat = geo.points_to_lonlat([3_735_042.3223], [435_133.6653], geo.Epsg(4547), "north-east")
    assert (lon[0], lat[0]) == pytest.approx((113.3, 33.74), abs=1e-8)


def test_cgcs2000_degrees_mean_lon_lat_unless_the_order_says_otherwise() -> None:
    plain = geo.points_to_lonlat(113.3, 33.74, geo.CGCS2000, "lon-lat")
    turned = geo.points_to_lonlat(33.74, 113.3, geo.CGCS2000, "lat-lon")
    assert tuple(map(float, plain)) == tuple(map(float, turned)) == (113.3, 33.74)


def test_swap_axes_mends_a_geometry_with_the_northing_first() -> None:
    northing_first = shapely.box(3_735_042, 435_134, 3_735_142, 435_234)
    mended = geo.to_lonlat(geo.swap_axes(northing_first), geo.Epsg(4547))
    straight = geo.to_lonlat(shapely.box(435_134, 3_735_042, 435_234, 3_735_142), geo.Epsg(4547))
    assert shapely.equals(mended[0], straight[0])


def test_numbers_of_114_east_read_as_111_east_move_278_kilometres() -> None:
    right = geo.points_to_lonlat(435_134, 3_735_042, geo.Epsg(4547))
    wrong = geo.points_to_lonlat(435_134, 3_735_042, geo.Epsg(4546))
    assert geo.geodesic_distance(*right, *wrong) == pytest.approx(278_000, rel=0.002)


@pytest.mark.parametrize("crs", SYSTEMS, ids=lambda crs: crs.key)
@given(lon=st.floats(112.0, 116.0), lat=st.floats(18.0, 53.0))
def test_there_and_back_is_the_same_place_within_a_millimetre(
    crs: geo.CoordinateSystem, lon: float, lat: float
) -> None:
    back = geo.lonlat_of(*geo.coordinates_in(lon, lat, crs), crs)
    assert float(geo.geodesic_distance(lon, lat, *back)) < 0.001


@pytest.mark.parametrize("crs", SYSTEMS, ids=lambda crs: crs.key)
def test_geometries_keep_their_length_order_none_and_empty(crs: geo.CoordinateSystem) -> None:
    converted = geo.from_lonlat([SQUARE, None, EMPTY, TWO_PARTS, shapely.Point(113.3, 33.74)], crs)
    assert converted[1] is None
    assert converted[2].is_empty
    back = geo.to_lonlat(converted, crs)
    assert shapely.equals_exact(back[0], SQUARE, tolerance=1e-8)
    assert shapely.equals_exact(back[3], TWO_PARTS, tolerance=1e-8)
    assert back[4].x == pytest.approx(113.3, abs=1e-8)


def test_the_height_is_dropped() -> None:
    assert not shapely.has_z(geo.to_lonlat(WITH_HEIGHT, geo.CGCS2000)).any()


def test_the_input_geometries_stay_as_they_were() -> None:
    geometries = np.array([SQUARE], dtype=object)
    geo.to_lonlat(geometries, geo.Gcj02())
    assert geometries[0] is SQUARE


def test_an_impossible_grid_position_becomes_infinite_and_is_reported() -> None:
    shape = shapely.box(4e8, 3.7e6, 4.0001e8, 3.71e6)
    lonlat = geo.to_lonlat([shape], geo.Epsg(4547))
    assert [finding.kind for finding in geo.inspect(lonlat)] == ["not_finite"]


def test_web_mercator_equals_the_register() -> None:
    lon, lat = np.array([113.3, -10.0, 0.0]), np.array([33.74, -60.0, 85.0])
    expected = pyproj.Transformer.from_crs(4326, 3857, always_xy=True).transform(lon, lat)
    np.testing.assert_allclose(geo.to_web_mercator(lon, lat), expected, rtol=0, atol=1e-6)


def test_web_mercator_holds_the_poles_at_the_edge_of_the_square() -> None:
    _, y = geo.to_web_mercator([0.0, 0.0], [90.0, -90.0])
    np.testing.assert_allclose(y, [20037508.3428, -20037508.3428], atol=1e-3)
