"""A polygon inside another one is an overlap although only its own edges are wrong."""

from __future__ import annotations

import shapely

from gridgov.geo import coverage_faults, geodesic_area
from tests.factories import square


def test_a_polygon_wholly_inside_another_is_listed_as_an_overlap() -> None:
    outer, inner = square(0, 0, 10), square(4, 4, 2)
    (fault,) = coverage_faults([outer, inner])
    assert (fault.first, fault.second, fault.kind) == (0, 1, "overlap")
    assert abs(fault.area - geodesic_area([inner])[0]) < 1
    assert inner.contains(shapely.Point(fault.lon, fault.lat))


def test_an_island_that_fills_its_hole_is_sound() -> None:
    island = square(4, 4, 2)
    assert coverage_faults([square(0, 0, 10).difference(island), island]) == []
