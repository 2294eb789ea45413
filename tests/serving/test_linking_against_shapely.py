"""The link index against shapely and the geodesic distances, on shapes that hypothesis makes up."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon

from gridgov.geo import border_distance
from gridgov.serving.linking import LevelIndex
from gridgov.serving.linking.kernel import BORDER_M, NEAREST_M, RULE_NAMES

COLUMNS, LINES = 4, 3
TENTH_MM = 1e-4

numbers = st.integers(0, 2**32 - 1)


def tiling(seed: int, size_m: float) -> list[Polygon | MultiPolygon]:
    """Areas about size_m across with shared, jittered edges; a hole that another fills, one in two parts."""
    rng = np.random.default_rng(seed)
    step = size_m / 1e5
    lon, lat = np.meshgrid(np.arange(COLUMNS * 3 + 1) / 3.0, np.arange(LINES * 3 + 1) / 3.0)
    lon = 113.3 + (lon + rng.uniform(-0.12, 0.12, lon.shape)) * step
    lat = 33.7 + (lat + rng.uniform(-0.12, 0.12, lat.shape)) * step
    areas: list[Polygon | MultiPolygon] = []
    for line in range(0, LINES * 3, 3):
        for column in range(0, COLUMNS * 3, 3):
            steps = [(line, column + i) for i in range(3)] + [(line + i, column + 3) for i in range(3)]
            steps += [(line + 3, column + 3 - i) for i in range(3)] + [
                (line + 3 - i, column) for i in range(4)
            ]
            areas.append(Polygon([(lon[place], lat[place]) for place in steps]))
    island = Polygon([(lon[place], lat[place]) for place in ((1, 1), (1, 2), (2, 2), (2, 1))])
    areas[0] = areas[0].difference(island)
    areas[-1] = MultiPolygon([areas[-1], areas.pop(5)])
    return [*areas, island]


def index_of(areas: list[Polygon | MultiPolygon]) -> LevelIndex:
    codes = [f"{place:03d}" for place in range(len(areas))]
    return LevelIndex.build("grid", codes, codes, [None] * len(codes), areas)


def points(
    seed: int, areas: list[Polygon | MultiPolygon], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Half of them anywhere around the areas, half of them within centimetres of a border."""
    rng = np.random.default_rng(seed)
    west, south, east, north = shapely.total_bounds(areas)
    width, height = east - west, north - south
    free = rng.uniform((west - width, south - height), (east + width, north + height), (count, 2))
    vertices = shapely.get_coordinates(areas)
    start = rng.integers(0, len(vertices) - 1, count)
    along = vertices[start] + rng.uniform(0, 1, (count, 1)) * (vertices[start + 1] - vertices[start])
    near = along + rng.normal(0, 1e-6, (count, 2))
    places = np.concatenate((free, near))
    return places[:, 0], places[:, 1]


@given(seed=numbers, size_m=st.sampled_from([15.0, 200.0, 3000.0]))
@settings(max_examples=40, deadline=None)
def test_the_rule_and_the_area_follow_from_what_shapely_and_the_ellipsoid_say(
    seed: int, size_m: float
) -> None:
    areas = tiling(seed, size_m)
    lon, lat = points(seed + 1, areas, 60)
    got = index_of(areas).locate_many(lon, lat, measure=True)
    for place in range(len(lon)):
        held = shapely.contains_xy(areas, lon[place], lat[place])
        borders = border_distance(areas, lon[place], lat[place])
        if (np.abs(borders - BORDER_M) < 1e-6).any() or (np.abs(borders - NEAREST_M) < 1e-3).any():
            continue  # nearer to a limit than the two ways of measuring agree
        touching = np.flatnonzero(held | (borders <= BORDER_M))
        outside = np.where(held, 0.0, borders)
        rule, row = RULE_NAMES[got.rules[place]], got.rows[place]
        if len(touching) >= 2:
            assert (rule, row) == ("border", touching[0])
        elif held.any():
            assert (rule, row) == ("contains", touching[0])
        elif outside.min() <= NEAREST_M:
            assert rule == "nearest"
            assert abs(outside[row] - outside.min()) < 1e-6
            assert abs(got.distances_m[place] - outside[row]) < TENTH_MM
        else:
            assert (rule, row) == ("outside", -1)
        if row >= 0:
            assert abs(got.borders_m[place] - borders[row]) < max(TENTH_MM, 1e-3 * (borders[row] - NEAREST_M))


@given(seed=numbers, size_m=st.sampled_from([15.0, 200.0, 3000.0]))
@settings(max_examples=20, deadline=None)
def test_a_batch_gives_what_each_point_gives_measured_or_not(seed: int, size_m: float) -> None:
    areas = tiling(seed, size_m)
    level = index_of(areas)
    lon, lat = points(seed + 1, areas, 40)
    parents = np.random.default_rng(seed).integers(-1, 3, len(lon))
    quick, measured = level.locate_many(lon, lat, parents), level.locate_many(lon, lat, parents, measure=True)
    for place in range(len(lon)):
        one = level.locate(lon[place], lat[place], parents[place])
        assert one == (
            measured.rows[place],
            RULE_NAMES[measured.rules[place]],
            measured.distances_m[place],
            measured.borders_m[place],
        )
        assert (quick.rows[place], quick.rules[place]) == (measured.rows[place], measured.rules[place])
        assert quick.distances_m[place] == measured.distances_m[place]


@given(seed=numbers)
@settings(max_examples=20, deadline=None)
def test_a_star_with_many_spikes_holds_what_shapely_says_it_holds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    turn = np.sort(rng.uniform(0, 2 * np.pi, 200))
    reach = rng.uniform(0.001, 0.01, 200)
    star = shapely.make_valid(
        Polygon(np.column_stack((113.3 + reach * np.cos(turn), 33.7 + reach * np.sin(turn)))),
        method="structure",
        keep_collapsed=False,
    )
    lon, lat = rng.uniform(113.29, 113.31, 500), rng.uniform(33.69, 33.71, 500)
    got = index_of([star]).locate_many(lon, lat)
    held = shapely.contains_xy(star, lon, lat)
    assert ((got.rules == RULE_NAMES.index("contains")) == held).all()
