"""The two trees of areas: parks; and street or town, community or village, grid, micro-grid, estate.

Micro-grids are drawn first and woven into one coverage; every larger area is the union of its micro-grids, so
that each level tiles the next without gap or overlap.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import shapely

from data.seed.generate import roads
from data.seed.generate.cutting import Cutter
from data.seed.generate.frame import to_lon_lat
from data.seed.generate.places import (
    COMMUNITIES,
    PARKS,
    STREETS,
    ZONE_CODE,
    ZONE_EN,
    ZONE_ZH,
    Community,
    Park,
)
from data.seed.generate.records import Feature, feature, identifier
from data.seed.generate.weave import join, weave

ESTATE_CODE = "HT-01-E01"


@dataclass(frozen=True, slots=True)
class MicroGrid:
    """One micro-grid: its code, its grid's and community's codes, and its woven shape in the design frame."""

    code: str
    grid: str
    community: str
    shape: Any


def _estate_grids() -> list[list[Any]]:
    """Eight grids of five micro-grids over the estate, reaching to the middle of the roads around it."""
    columns, rows = roads.estate_bands()
    columns = [-100.0, *columns[1:-1], roads.ESTATE_EAST]
    rows = [0.0, *rows[1:-1], roads.estate_north()]
    return [
        [shapely.box(columns[i], rows[j], columns[i + 1], rows[j + 1]) for j in range(half, half + 5)]
        for i in range(roads.ESTATE_COLUMNS)
        for half in (0, 5)
    ]


def _community_lines() -> list[Any]:
    lines = [
        [(-1400, 5000), (-1430, 3500), (-1340, 3050), (-1400, 2450), (-1400, -2600)],
        [(1250, 5000), (1290, 3600), (1180, 3000), (1250, 2450), (1250, -2600)],
        [
            (-5200, 1130),
            (-4300, 1160),
            (-3800, 1240),
            (-3200, 1200),
            (3650, 1200),
            (4000, 1240),
            (4300, 1170),
            (5200, 1210),
        ],
        [(-1400, 0), (1250, 0)],
        [(-100, 0), (-100, 1200)],
        [(2550, 1200), (2550, -2600)],
        [(-1500, -1500), (-1470, -2300), (-1290, -2600), (-1370, -3100), (-1240, -3500), (-1300, -5000)],
        [(1400, -1300), (1420, -2200), (1290, -2700), (1420, -3200), (1330, -3600), (1380, -5000)],
    ]
    river = roads.river_line()
    south = shapely.Polygon([(-6000, -6000), *river.coords, (6000, -6000)])
    drawn = [shapely.LineString(points) for points in lines]
    trimmed = [shapely.difference(line, south) for line in drawn[:6]]
    return [*trimmed, *(shapely.intersection(line, south) for line in drawn[6:]), river]


def _communities() -> dict[str, Any]:
    """Community code → shape before weaving: the zone cut along trunk roads, paths and the river."""
    outline = roads.zone_outline()
    lines = shapely.union_all([outline.boundary, *_community_lines()], grid_size=1e-6)
    faces = [
        face
        for face in shapely.get_parts(shapely.polygonize(list(shapely.get_parts(lines))))
        if outline.contains(face.point_on_surface())
    ]
    shapes: dict[str, list[Any]] = {community.code: [] for community in COMMUNITIES}
    for face in faces:
        owner = next(
            (each for each in COMMUNITIES if face.contains(shapely.Point(each.seed))), _nearest(face.centroid)
        )
        shapes[owner.code].append(face)
    return {code: join(found) for code, found in shapes.items()}


def _nearest(point: Any) -> Community:
    return min(COMMUNITIES, key=lambda each: (point.x - each.seed[0]) ** 2 + (point.y - each.seed[1]) ** 2)


def _grids(community: Community, shape: Any, cutter: Cutter) -> list[list[Any]]:
    """The community's grids, each a list of micro-grids, before weaving."""
    fixed = _estate_grids() if community.code == "HT-01" else []
    rest = (
        shapely.difference(shape, shapely.union_all([piece for grid in fixed for piece in grid]))
        if fixed
        else shape
    )
    grids = cutter.divide(rest, community.grids - len(fixed))
    return [*fixed, *(cutter.divide(grid, community.micro_grids) for grid in grids)]


def _reading_order(shape: Any) -> tuple[int, float]:
    """Numbers run from west to east in bands from north to south."""
    middle = shape.centroid
    return (-round(middle.y / 230.0), round(middle.x, 1))


@cache
def micro_grids() -> tuple[MicroGrid, ...]:
    """All micro-grids, woven, in order of their codes."""
    pieces: list[tuple[str, str, str, Any]] = []
    shapes = _communities()
    cutter = Cutter()
    for community in COMMUNITIES:
        drawn = _grids(community, shapes[community.code], cutter)
        drawn.sort(key=lambda grid: _reading_order(shapely.union_all(grid)))
        for number, grid in enumerate(drawn, start=1):
            grid_code = f"{community.code}-G{number:02d}"
            ordered = sorted(grid, key=_reading_order)
            pieces += [
                (f"{grid_code}-{at:02d}", grid_code, community.code, piece)
                for at, piece in enumerate(ordered, 1)
            ]
    woven = weave([piece for *_, piece in pieces])
    return tuple(
        MicroGrid(code, grid, owner, shape)
        for (code, grid, owner, _), shape in zip(pieces, woven, strict=True)
    )


@cache
def park_shapes() -> dict[str, Any]:
    """Park code → woven outline in the design frame."""
    town_side = next(part for part in _sides(roads.railway_through()) if part.contains(shapely.Point(0, 0)))
    river_side = next(part for part in _sides(roads.river_line()) if part.contains(shapely.Point(0, 0)))
    drawn = []
    for park in PARKS:
        shape = shapely.union_all([roads.cell(name) for name in park.cells])
        if park.code == "PK-05":
            east = shapely.box(3600.0, -1500.0, 4300.0, 1200.0)
            shape = shapely.union_all([shape, shapely.intersection(east, town_side)])
        if park.code == "PK-06":
            shape = shapely.union_all(
                [shape, shapely.intersection(shapely.box(-100.0, -2600.0, 2550.0, 0.0), river_side)]
            )
        drawn.append(max(shapely.get_parts(shape), key=shapely.area))
    return dict(zip([park.code for park in PARKS], weave(drawn), strict=True))


def _sides(line: Any) -> list[Any]:
    """The zone's pieces on both sides of a line."""
    outline = roads.zone_outline()
    lines = shapely.union_all([outline.boundary, line], grid_size=1e-6)
    return list(shapely.get_parts(shapely.polygonize(list(shapely.get_parts(lines)))))


def area_features(estate: Any, households: dict[str, int]) -> list[Feature]:
    """Every area, parents before children; estate is its lon-lat polygon, households by micro-grid code."""
    shapes = [cell.shape for cell in micro_grids()]
    features = [_area(ZONE_CODE, "zone", ZONE_ZH, ZONE_EN, None, shapes, sum(households.values()))]
    features += [_park(park) for park in PARKS]
    features += [_street(*street, households) for street in STREETS]
    for community in COMMUNITIES:
        features += _community_areas(community, households)
    return [*features, _estate(estate, households)]


def _park(park: Park) -> Feature:
    return feature(
        "areas",
        park.code,
        to_lon_lat(park_shapes()[park.code]),
        kind="park",
        name_zh=park.name_zh,
        name_en=park.name_en,
        parent_id=identifier("areas", ZONE_CODE),
        assumed=False,
        function=park.function,
        industries=list(park.industries),
    )


def _estate(shape: Any, households: dict[str, int]) -> Feature:
    return feature(
        "areas",
        ESTATE_CODE,
        shape,
        kind="estate",
        name_zh="高阳小区",
        name_en="Gaoyang Estate",
        parent_id=identifier("areas", "HT-01"),
        assumed=False,
        households=_estate_households(households),
        area_claimed_mu=roads.ESTATE_MU,
    )


def _estate_households(households: dict[str, int]) -> int:
    inside = roads.estate_outline(roads.estate_north())
    return sum(households[cell.code] for cell in micro_grids() if inside.contains(cell.shape.centroid))


def _street(code: str, kind: str, name_zh: str, name_en: str, households: dict[str, int]) -> Feature:
    cells = [cell for cell in micro_grids() if cell.community.startswith(f"{code}-")]
    total = sum(households[cell.code] for cell in cells)
    return _area(code, kind, name_zh, name_en, ZONE_CODE, [cell.shape for cell in cells], total)


def _community_areas(community: Community, households: dict[str, int]) -> list[Feature]:
    cells = [cell for cell in micro_grids() if cell.community == community.code]
    total = sum(households[cell.code] for cell in cells)
    found = [
        _area(
            community.code,
            community.kind,
            community.name_zh,
            community.name_en,
            community.street,
            [cell.shape for cell in cells],
            total,
            community.assumed,
        )
    ]
    for grid in sorted({cell.grid for cell in cells}):
        number = int(grid[-2:])
        members = [cell for cell in cells if cell.grid == grid]
        found.append(
            _area(
                grid,
                "grid",
                f"{community.name_zh} {number} 号网格",
                f"{community.name_en}, grid {number}",
                community.code,
                [cell.shape for cell in members],
                sum(households[cell.code] for cell in members),
            )
        )
        for cell in members:
            at = cell.code[-2:]
            found.append(
                _area(
                    cell.code,
                    "micro_grid",
                    f"{community.name_zh} {number} 号网格 {at} 微网格",
                    f"{community.name_en}, grid {number}, cell {at}",
                    grid,
                    [cell.shape],
                    households[cell.code],
                )
            )
    return found


def _area(
    code: str,
    kind: str,
    name_zh: str,
    name_en: str,
    parent: str | None,
    shapes: list[Any],
    households: int,
    assumed: bool = False,
) -> Feature:
    return feature(
        "areas",
        code,
        to_lon_lat(join(shapes)),
        kind=kind,
        name_zh=name_zh,
        name_en=name_en,
        parent_id=None if parent is None else identifier("areas", parent),
        assumed=assumed,
        households=households,
    )
