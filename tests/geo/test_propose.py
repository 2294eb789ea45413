"""Proposals of a coordinate system: ranked, with evidence, never decided."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from gridgov import geo

ZONE = shapely.box(113.30, 33.70, 113.42, 33.80)
INSIDE = np.random.default_rng(5).uniform((113.301, 33.701), (113.419, 33.799), (400, 2))
ON_THE_EDGE = shapely.get_coordinates(shapely.segmentize(ZONE, 0.002))


def columns(places: np.ndarray, crs: geo.CoordinateSystem) -> tuple[np.ndarray, np.ndarray]:
    return geo.coordinates_in(places[:, 0], places[:, 1], crs)


@pytest.mark.parametrize(
    "crs",
    [geo.Epsg(4526), geo.Epsg(4547), geo.Epsg(4546), geo.Epsg(4497), geo.WEB_MERCATOR],
    ids=lambda crs: crs.key,
)
@pytest.mark.parametrize("turned", [False, True], ids=["east first", "north first"])
def test_metres_of_the_zone_are_recognised_with_the_boundary(crs: geo.Epsg, turned: bool) -> None:
    x, y = columns(INSIDE, crs)
    first, second = (y, x) if turned else (x, y)
    best, *others = geo.propose_crs(first, second, ZONE)
    assert (best.crs, best.order) == (crs, "north-east" if turned else "east-north")
    assert best.inside == 1.0
    assert all(other.inside == 0.0 for other in others)


def test_the_zone_prefix_is_enough_without_a_boundary() -> None:
    (only,) = geo.propose_crs(*columns(INSIDE, geo.Epsg(4526)))
    assert (only.crs, only.inside) == (geo.Epsg(4526), None)
    assert "带号 38" in only.evidence[0].zh
    assert "zone 38" in only.evidence[0].en


def test_eastings_without_prefix_leave_all_meridians_open_without_a_boundary() -> None:
    proposals = geo.propose_crs(*columns(INSIDE, geo.Epsg(4547)))
    assert [proposal.crs.key for proposal in proposals] == [f"EPSG:{code}" for code in range(4534, 4555)]
    assert all("boundary" in proposal.evidence[0].en for proposal in proposals)


def test_grids_carry_the_warning_that_older_datums_look_alike() -> None:
    proposal = geo.propose_crs(*columns(INSIDE, geo.Epsg(4526)))[0]
    assert any("Xian 1980" in words.en for words in proposal.evidence)


def test_degrees_leave_the_shifted_systems_open() -> None:
    proposals = geo.propose_crs(INSIDE[:, 0], INSIDE[:, 1])
    assert [proposal.crs.key for proposal in proposals] == ["EPSG:4326", "EPSG:4490", "gcj02", "bd09"]
    assert {proposal.order for proposal in proposals} == {"lon-lat"}


def test_latitude_first_is_seen() -> None:
    proposals = geo.propose_crs(INSIDE[:, 1], INSIDE[:, 0], ZONE)
    assert {proposal.order for proposal in proposals} == {"lat-lon"}
    assert any("exchanged" in words.en for words in proposals[0].evidence)
    assert proposals[0].inside == 1.0


@pytest.mark.parametrize("crs", [geo.Gcj02(), geo.Bd09()], ids=lambda crs: crs.key)
def test_shifted_degrees_win_where_the_boundary_tells(crs: geo.CoordinateSystem) -> None:
    best = geo.propose_crs(*columns(ON_THE_EDGE, crs), ZONE)[0]
    assert best.crs == crs
    assert best.inside == 1.0


@pytest.mark.parametrize("numbers", [([], []), ([np.nan], [np.inf]), ([5.0], [5.0]), ([1e12], [3.0])])
def test_numbers_that_fit_nothing_give_no_proposal(numbers: tuple[list[float], list[float]]) -> None:
    assert geo.propose_crs(*numbers, ZONE) == []


class TestBetterFit:
    @pytest.mark.parametrize("truth", [geo.Gcj02(), geo.Bd09()], ids=lambda crs: crs.key)
    def test_a_file_that_says_wgs84_and_is_shifted_is_reported(self, truth: geo.CoordinateSystem) -> None:
        better = geo.fits_better_as(*columns(ON_THE_EDGE, truth), geo.WGS84, ZONE)
        assert better is not None
        assert better.crs == truth
        assert better.inside == 1.0 > better.declared_inside
        assert truth.label("zh") in better.evidence.zh

    def test_a_file_that_says_gcj02_and_is_not_is_reported(self) -> None:
        better = geo.fits_better_as(ON_THE_EDGE[:, 0], ON_THE_EDGE[:, 1], geo.Gcj02(), ZONE)
        assert better is not None
        assert better.crs == geo.WGS84

    def test_a_right_declaration_is_left_alone(self) -> None:
        for crs in (geo.WGS84, geo.CGCS2000, geo.Gcj02(), geo.Bd09()):
            assert geo.fits_better_as(*columns(ON_THE_EDGE, crs), crs, ZONE) is None

    def test_points_deep_inside_cannot_tell(self) -> None:
        deep = np.full((10, 2), (113.36, 33.75))
        assert geo.fits_better_as(*columns(deep, geo.Gcj02()), geo.WGS84, ZONE) is None

    def test_metres_and_empty_files_have_no_better_fit(self) -> None:
        assert geo.fits_better_as(*columns(INSIDE, geo.Epsg(4547)), geo.Epsg(4547), ZONE) is None
        assert geo.fits_better_as([], [], geo.WGS84, ZONE) is None
