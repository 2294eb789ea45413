"""Cutting polygons and weaving them back into a coverage: shared borders become shared vertices.

All in the design frame, metres. Sizes are read by shapely's functions on planar metres.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import shapely

_GRID = 0.01  # metres: coordinates of woven linework are whole centimetres
_FINE = 1e-6  # metres: cuts are finer than woven linework, so that both sides of a border round to one vertex
_STEP = 110.0  # metres: longest straight piece, so that long borders follow the bend


def size(geometry: Any) -> float:
    """Planar area in the design frame, m²."""
    return float(shapely.area(geometry))


def parts(geometry: Any) -> list[Any]:
    """The polygons of any geometry, largest first; an empty list when it holds none."""
    found = [
        part for part in shapely.get_parts(geometry) if part.geom_type == "Polygon" and not part.is_empty
    ]
    return sorted(found, key=lambda part: (-round(size(part), 3), part.bounds))


def weave(polygons: Sequence[Any]) -> list[Any]:
    """The same polygons in the same order, with common vertices on common borders.

    Borders that differ by less than a centimetre become one. Raises ValueError when a polygon is lost, which
    means that the drawing overlaps itself.
    """
    lines = shapely.union_all([each.boundary for each in polygons], grid_size=_GRID)
    edges = shapely.segmentize(lines, _STEP)
    faces = shapely.get_parts(shapely.polygonize(list(shapely.get_parts(edges))))
    inside = shapely.point_on_surface(faces)
    tree = shapely.STRtree(inside)
    woven = []
    for index, polygon in enumerate(polygons):
        hits = sorted(tree.query(polygon, predicate="contains"))
        if not hits:
            raise ValueError(f"polygon {index} around {polygon.centroid.wkt} vanished while weaving")
        woven.append(join([faces[hit] for hit in hits]))
    return woven


def join(polygons: Sequence[Any]) -> Any:
    """The union of woven polygons that keeps every vertex; one polygon stays as it is."""
    return polygons[0] if len(polygons) == 1 else shapely.coverage_union_all(list(polygons))


def cut(polygon: Any, line: Any) -> list[Any]:
    """The pieces of a polygon along a line, largest first; the polygon alone when the line misses it."""
    across = shapely.intersection(polygon, line)
    if across.is_empty or float(shapely.length(across)) == 0.0:
        return [polygon]
    linework = shapely.union_all([polygon.boundary, across], grid_size=_FINE)
    faces = shapely.get_parts(shapely.polygonize(list(shapely.get_parts(linework))))
    return parts(
        shapely.GeometryCollection([face for face in faces if polygon.contains(face.point_on_surface())])
    )


def straight_cut(polygon: Any, fraction: float, upright: bool) -> list[Any]:
    """The pieces along a straight line at a fraction of the box; upright cuts at one u, else at one v."""
    low_u, low_v, high_u, high_v = polygon.bounds
    if upright:
        at = low_u + (high_u - low_u) * fraction
        return cut(polygon, shapely.LineString([(at, low_v - 10), (at, high_v + 10)]))
    at = low_v + (high_v - low_v) * fraction
    return cut(polygon, shapely.LineString([(low_u - 10, at), (high_u + 10, at)]))


def is_wide(polygon: Any) -> bool:
    """True when the polygon's box is longer along u than along v."""
    low_u, low_v, high_u, high_v = polygon.bounds
    return bool(high_u - low_u >= high_v - low_v)


def smooth(
    points: Sequence[tuple[float, float]], rounds: int = 2, closed: bool = False
) -> list[tuple[float, float]]:
    """Chaikin's corner cutting; the end points of an open line stay."""
    line = list(points)
    for _ in range(rounds):
        pairs = list(zip(line, [*line[1:], line[0]] if closed else line[1:], strict=False))
        cut_points = []
        for (au, av), (bu, bv) in pairs:
            cut_points += [
                (0.75 * au + 0.25 * bu, 0.75 * av + 0.25 * bv),
                (0.25 * au + 0.75 * bu, 0.25 * av + 0.75 * bv),
            ]
        line = cut_points if closed else [line[0], *cut_points, line[-1]]
    return line


def roughen(
    points: Sequence[tuple[float, float]], rng: random.Random, strength: float
) -> list[tuple[float, float]]:
    """A closed ring with each side broken twice by a sideways step of up to `strength` times its length."""
    ring = list(points)
    for scale in (strength, strength * 0.7):
        finer = []
        for (au, av), (bu, bv) in zip(ring, [*ring[1:], ring[0]], strict=True):
            shift = rng.uniform(-scale, scale)
            finer += [(au, av), ((au + bu) / 2 - (bv - av) * shift, (av + bv) / 2 + (bu - au) * shift)]
        ring = finer
    return ring
