"""Where grids and micro-grids are cut: along roads, between plots and buildings, or along field paths."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import shapely

from data.seed.generate import roads
from data.seed.generate.land import plots
from data.seed.generate.structures import buildings, halls
from data.seed.generate.weave import cut, is_wide, size

_SMALLEST_SHARE = 0.27  # a cut that leaves less than this on one side is no division
_HOUSE = 5.0  # what one building cut through costs, in the same unit as the other terms of `_cost`


class Cutter:
    """Divides areas: knows the roads, what stands on the ground, and where the town ends."""

    def __init__(self) -> None:
        self._roads = [road.line for road in (*roads.trunk_roads(), *roads.secondary_roads())]
        self._houses = shapely.STRtree([*(each.box for each in buildings()), *(each.box for each in halls())])
        self._plots = [shapely.buffer(plot.shape, -1.5) for plot in plots() if plot.sort != "field"]
        self._plot_tree = shapely.STRtree(self._plots)
        self._town = shapely.buffer(roads.core(), 30.0)
        shapely.prepare(self._town)

    def divide(self, polygon: Any, pieces: int) -> list[Any]:
        """At least `pieces` parts: the largest is cut again and again until there are enough."""
        found = [polygon]
        while len(found) < pieces:
            found.sort(key=lambda part: (-round(size(part), 2), part.bounds))
            found.extend(self._best_cut(found.pop(0)))
        return found

    def _best_cut(self, polygon: Any) -> list[Any]:
        candidates = [line for line in self._roads if line.intersects(polygon)]
        best = self._cheapest(polygon, candidates)
        if not best:
            in_town = self._town.contains(polygon.centroid)
            best = self._cheapest(polygon, _straight_lines(polygon) if in_town else _winding_lines(polygon))
        if not best:
            raise ValueError(f"no clean cut found for the polygon around {polygon.centroid.wkt}")
        return best

    def _cheapest(self, polygon: Any, lines: list[Any]) -> list[Any]:
        """The two pieces of the line that cuts least through; an empty list when no line divides well."""
        best: list[Any] = []
        lowest = float("inf")
        for line in lines:
            pieces = cut(polygon, line)
            if len(pieces) != 2 or size(pieces[1]) < _SMALLEST_SHARE * size(polygon):
                continue
            cost = self._cost(shapely.intersection(polygon, line)) + 2.0 * (
                0.5 - size(pieces[1]) / size(polygon)
            )
            if cost < lowest:
                best, lowest = pieces, cost
        return best

    def _cost(self, border: Any) -> float:
        """Buildings cut through, and the share of the border that runs inside plots instead of between."""
        crossed = len(self._houses.query(border, predicate="intersects"))
        near = self._plot_tree.query(border, predicate="intersects")
        inside = sum(float(shapely.length(shapely.intersection(border, self._plots[at]))) for at in near)
        return _HOUSE * crossed + 1.5 * inside / float(shapely.length(border))


def _straight_lines(polygon: Any) -> list[Any]:
    """Lines across the box in both directions, every fiftieth of its sides between 0.3 and 0.7."""
    low_u, low_v, high_u, high_v = polygon.bounds
    lines = []
    for step in range(30, 71, 2):
        u = low_u + (high_u - low_u) * step / 100.0
        v = low_v + (high_v - low_v) * step / 100.0
        lines.append(shapely.LineString([(u, low_v - 10.0), (u, high_v + 10.0)]))
        lines.append(shapely.LineString([(low_u - 10.0, v), (high_u + 10.0, v)]))
    return lines


def _winding_lines(polygon: Any) -> list[Any]:
    """Forty paths across the shorter way, each winding differently, as field paths and ditches do."""
    middle = polygon.centroid
    rng = random.Random(f"paths {middle.x:.0f} {middle.y:.0f}")
    return [shapely.LineString(list(_path(polygon.bounds, is_wide(polygon), rng))) for _ in range(40)]


def _path(
    box: tuple[float, float, float, float], upright: bool, rng: random.Random
) -> Iterator[tuple[float, float]]:
    low_u, low_v, high_u, high_v = box
    middle = rng.uniform(0.40, 0.60)
    steps = 6
    for step in range(steps + 1):
        along = step / steps
        across = middle + rng.uniform(-0.04, 0.04)
        if upright:
            yield low_u + (high_u - low_u) * across, low_v - 5.0 + (high_v - low_v + 10.0) * along
        else:
            yield low_u - 5.0 + (high_u - low_u + 10.0) * along, low_v + (high_v - low_v) * across
