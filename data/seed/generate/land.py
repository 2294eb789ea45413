"""The ground between the roads as one drawing: parcels, pocket parks, river and banks, villages, fields.

Every plot is a polygon of the design frame; `plots()` weaves them so that neighbours share their vertices.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any

import shapely

from data.seed.generate import roads
from data.seed.generate.places import HAMLETS
from data.seed.generate.weave import (
    cut,
    is_wide,
    parts,
    roughen,
    size,
    smooth,
    straight_cut,
    weave,
)

POCKET_PARKS = 20


@dataclass(frozen=True, slots=True)
class Plot:
    """A piece of ground: planned land-use code (ydyh-2023), origin, town cell ("" outside), shape."""

    use: str
    sort: str  # town | estate | pocket | bank | river | rail | hamlet | field
    cell: str
    developed: bool
    shape: Any
    village: str = ""


# Town cell → (size parcels aim at in hectares, share already developed, planned uses by weight).
_INDUSTRY = (("100101", 4), ("100102", 7), ("110101", 1), ("1402", 0.6))
_HOMES = (("070102", 9), ("0901", 1.6), ("1401", 0.7), ("0902", 0.6))
_PLANS: dict[str, tuple[float, float, tuple[tuple[str, float], ...]]] = {
    "A1": (6.5, 0.72, _INDUSTRY),
    "A2": (6.0, 0.90, _INDUSTRY),
    "A3": (8.0, 0.18, (("070102", 3), ("100101", 4), ("0901", 1), ("0802", 1))),
    "B1": (6.0, 0.92, (("100101", 6), ("100102", 6), ("0802", 1), ("1402", 0.5))),
    "B2": (3.6, 0.97, _HOMES),
    "B3": (3.9, 0.92, _HOMES),
    "C1": (3.4, 0.88, (("0802", 4), ("0902", 2), ("100101", 4), ("070102", 2), ("1401", 0.7))),
    "C2": (3.2, 0.95, (("070102", 6), ("0901", 1.6), ("0902", 1), ("1401", 0.8))),
    "C3": (3.8, 0.80, (("0902", 4), ("0802", 3), ("100101", 3), ("0901", 1), ("1401", 1))),
    "D1": (7.5, 0.80, (("100102", 7), ("100103", 4), ("1402", 0.8), ("110102", 1))),
    "D2": (4.0, 0.82, _HOMES),
    "D3": (5.5, 0.22, (("100101", 4), ("0902", 2), ("070102", 2), ("1401", 0.8))),
    "E1": (8.5, 0.38, (("100102", 6), ("100103", 3), ("110102", 1), ("1402", 0.6))),
    "E2": (7.5, 0.78, (("110101", 6), ("110102", 2), ("100101", 2), ("120803", 0.7))),
    "E3": (7.5, 0.40, (("110101", 6), ("100101", 3), ("1402", 0.5))),
}

# Public uses that certain cells must have: (cell, code, wanted hectares).
_PUBLIC = (
    ("C2", "080403", 3.0), ("C2", "080404", 0.9), ("C2", "080602", 0.7),
    ("C2", "0801", 2.0), ("C2", "0702", 0.8),
    ("B2", "080403", 3.0), ("B2", "080404", 0.9), ("B2", "080701", 0.8),
    ("B2", "080601", 3.0), ("B2", "0702", 0.8),
    ("B3", "080403", 3.0), ("B3", "080404", 0.9), ("B3", "080602", 0.7),
    ("B3", "1303", 1.0), ("B3", "0702", 0.8),
    ("D2", "080403", 3.0), ("D2", "080404", 0.9), ("D2", "080701", 0.8),
    ("D2", "0805", 2.5), ("C1", "0801", 2.0),
    ("C1", "080404", 0.9), ("A2", "1303", 1.2), ("B1", "1303", 1.2), ("B1", "1310", 0.9), ("D1", "1302", 3.0),
    ("D1", "1305", 1.6), ("E2", "120801", 3.0), ("A1", "1301", 1.6), ("C3", "080302", 2.0),
)  # fmt: skip


def _halve(shape: Any, rng: random.Random) -> list[Any]:
    for _ in range(20):
        pieces = straight_cut(shape, rng.uniform(0.38, 0.62), is_wide(shape))
        if len(pieces) == 2 and size(pieces[1]) > 0.2 * size(shape):
            return pieces
    return [shape]


def _leaves(shape: Any, target_m2: float, rng: random.Random) -> list[Any]:
    if size(shape) < target_m2 * rng.uniform(1.15, 1.9):
        return [shape]
    pieces = _halve(shape, rng)
    return (
        pieces if len(pieces) == 1 else [leaf for piece in pieces for leaf in _leaves(piece, target_m2, rng)]
    )


def _choose(weights: tuple[tuple[str, float], ...], rng: random.Random) -> str:
    return rng.choices([code for code, _ in weights], [weight for _, weight in weights])[0]


def _hamlet_outline(at: int) -> Any:
    village, u, v, radius = HAMLETS[at]
    rng = random.Random(f"hamlet {village} {at}")
    ring = [
        (u + radius * 1.15 * math.cos(step * math.pi / 5), v + radius * 0.9 * math.sin(step * math.pi / 5))
        for step in range(10)
    ]
    shape = shapely.Polygon(smooth(roughen(ring, rng, 0.16), 1, closed=True))
    return shapely.intersection(shape, shapely.buffer(roads.zone_outline(), -15.0))


@cache
def hamlets() -> tuple[tuple[str, Any], ...]:
    """(village code, outline) of every hamlet, clear of trunk roads, railway and river."""
    keep_out = shapely.union_all([_wide_roads(), shapely.buffer(roads.river(), 90.0)])
    found = []
    for at, (village, *_) in enumerate(HAMLETS):
        outline = parts(shapely.difference(_hamlet_outline(at), keep_out))[0]
        found.append((village, outline))
    return tuple(found)


@cache
def _wide_roads() -> Any:
    trunks = [shapely.buffer(road.line, road.width / 2 + 4, cap_style="flat") for road in roads.trunk_roads()]
    return shapely.union_all([*trunks, shapely.buffer(roads.railway(), 29.0, cap_style="flat")])


def _town_plots() -> list[Plot]:
    villages = shapely.union_all([shapely.buffer(outline, 12.0) for _, outline in hamlets()])
    estate = roads.estate_outline(roads.estate_north())
    found: list[Plot] = []
    for cell_name, block in roads.blocks():
        target, developed, uses = _PLANS[cell_name]
        rng = random.Random(f"block {cell_name} {block.centroid.x:.0f} {block.centroid.y:.0f}")
        if estate.contains(block.centroid):
            quarters = [
                piece for half in straight_cut(block, 0.5, True) for piece in straight_cut(half, 0.5, False)
            ]
            found += [Plot("070102", "estate", cell_name, True, quarter) for quarter in quarters]
            continue
        for ground in parts(shapely.difference(block, villages)):
            whole_block = rng.random() < developed
            for leaf in _leaves(ground, target * (10_000.0 if whole_block else 5_500.0), rng):
                built = whole_block if rng.random() < 0.8 else rng.random() < developed
                if size(leaf) > 1500.0:
                    found.append(Plot(_choose(uses, rng), "town", cell_name, built, leaf))
    return _with_pocket_parks(_with_public_uses(found))


def _with_public_uses(found: list[Plot]) -> list[Plot]:
    """The same plots with schools, stations and offices on plots of about the size wanted."""
    for cell_name, code, hectares in _PUBLIC:
        rng = random.Random(f"public {cell_name} {code}")
        wanted = hectares * 10_000.0
        choices = [
            at
            for at, plot in enumerate(found)
            if plot.cell == cell_name
            and plot.sort == "town"
            and plot.use[:2] in {"07", "09", "10", "11"}
            and plot.developed
        ]
        at = min(
            choices, key=lambda each: abs(size(found[each].shape) - wanted * 1.6) + rng.uniform(0, 12_000)
        )
        plot = found[at]
        if size(plot.shape) > 1.8 * wanted:
            share = wanted / size(plot.shape)
            pieces = straight_cut(plot.shape, share, is_wide(plot.shape))
            if len(pieces) == 2:
                found[at] = replace(plot, shape=pieces[0])
                found.append(replace(plot, shape=pieces[1], use=code, sort="public"))
                continue
        found[at] = replace(plot, use=code, sort="public", developed=True)
    return found


def _with_pocket_parks(found: list[Plot]) -> list[Plot]:
    """Twenty corner pieces of town plots turned into pocket parks, spread over the cells where people are."""
    rng = random.Random("pocket parks")
    order = [
        at
        for at, plot in enumerate(found)
        if plot.sort == "town" and plot.use != "1401" and plot.developed and size(plot.shape) > 15_000.0
    ]
    rng.shuffle(order)
    quota = {"B2": 4, "C2": 4, "B3": 4, "C1": 2, "D2": 2, "C3": 2, "B1": 1, "A2": 1}
    for at in order:
        plot = found[at]
        if quota.get(plot.cell, 0) == 0:
            continue
        piece = _corner(plot.shape, rng)
        if piece is None:
            continue
        rest = parts(shapely.difference(plot.shape, piece))
        found[at] = replace(plot, shape=rest[0])
        found.append(replace(plot, shape=piece, use="1401", sort="pocket"))
        quota[plot.cell] -= 1
    if sum(quota.values()):
        raise ValueError(f"pocket parks without a place: {quota}")
    return found


def _corner(shape: Any, rng: random.Random) -> Any | None:
    low_u, low_v, high_u, high_v = shape.bounds
    width, depth = rng.uniform(62, 96), rng.uniform(58, 92)
    u, v = rng.choice(
        [(low_u, low_v), (low_u, high_v - depth), (high_u - width, low_v), (high_u - width, high_v - depth)]
    )
    piece = shapely.intersection(shape, shapely.box(u, v, u + width, v + depth))
    rest = shapely.difference(shape, piece)
    fits = piece.geom_type == "Polygon" == rest.geom_type and size(piece) > 0.85 * width * depth
    return piece if fits else None


def _river_plots() -> list[Plot]:
    """The water, the park between bank road and water in town, and the planted strips elsewhere."""
    water = roads.river()
    clear = shapely.union_all([_wide_roads(), *(shapely.buffer(outline, 12.0) for _, outline in hamlets())])
    found = [Plot("1701", "river", "", True, part) for part in parts(water)]
    road_side = shapely.Polygon(
        [*roads.river_line(0.0).coords, *reversed(roads.river_line(roads.RIVER_BANK_ROAD).coords)]
    )
    south_side = shapely.Polygon([*roads.river_line(-145.0).coords, *reversed(roads.river_line(0.0).coords)])
    edges = (-3700.0, *roads.COLUMNS[:-1], 3650.0)
    for low, high in pairwise(edges):
        for side, code in ((road_side, "1401"), (south_side, "1402")):
            strip = shapely.intersection(side, shapely.box(low, -3000.0, high, 0.0))
            ground = shapely.difference(strip, shapely.union_all([water, clear]))
            for part in parts(ground):
                found += [Plot(use, "bank", "", True, piece) for use, piece in _bank_pieces(part, code)]
    return found


def _bank_pieces(strip: Any, code: str) -> list[tuple[str, Any]]:
    """A bank strip in up to three lengths; in the park one of them is a square or a sports ground."""
    if size(strip) < 2500.0:
        return []
    rng = random.Random(f"bank {code} {strip.centroid.x:.0f}")
    head, *tail = straight_cut(strip, rng.uniform(0.5, 0.75), True)
    special = rng.choice(["1403", "0805"]) if code == "1401" and tail and size(tail[0]) > 20_000.0 else None
    if special is None:
        return [(code, piece) for piece in (head, *tail)]
    middle, *rest = straight_cut(tail[0], rng.uniform(0.3, 0.6), True)
    return [(code, head), (special, middle), *((code, piece) for piece in (*rest, *tail[1:]))]


def _rail_plots() -> list[Plot]:
    corridor = shapely.buffer(roads.railway(), 25.0, cap_style="flat")
    ground = shapely.difference(
        shapely.intersection(corridor, roads.ground()), shapely.buffer(roads.river(), 1.0)
    )
    return [Plot("1201", "rail", "", True, part) for part in parts(ground)]


def _hamlet_plots() -> list[Plot]:
    """Each hamlet as small blocks between winding lanes, with one plot for the village's services."""
    found = []
    for at, (village, outline) in enumerate(hamlets()):
        rng = random.Random(f"hamlet blocks {at}")
        turn = rng.uniform(-0.35, 0.35)
        middle = outline.centroid
        lines = [*_lanes(middle, turn, 74.0, rng, True), *_lanes(middle, turn, 58.0, rng, False)]
        network = shapely.union_all([outline.boundary, *lines], grid_size=0.01)
        faces = shapely.get_parts(shapely.polygonize(list(shapely.get_parts(network))))
        homes = []
        for face in faces:
            block = (
                shapely.buffer(face, -rng.uniform(2.6, 4.2), join_style="mitre")
                if outline.contains(face.centroid)
                else face
            )
            if outline.contains(block.centroid) and size(block) > 900.0:
                homes += parts(block)[:1]
        homes.sort(key=lambda block: (round(block.distance(middle), 1), block.bounds))
        for rank, block in enumerate(homes):
            code = "0704" if rank == 1 else "1403" if rank == 2 and len(homes) > 24 else "070301"
            found.append(Plot(code, "hamlet", "", True, block, village))
    return found


def _lanes(middle: Any, turn: float, gap: float, rng: random.Random, upright: bool) -> list[Any]:
    lines = []
    cos, sin = math.cos(turn), math.sin(turn)
    for number in range(-7, 8):
        points = []
        for step in range(-8, 9):
            along = step * 55.0
            across = number * gap + rng.uniform(-11, 11) + 16 * math.sin(step / 2.3 + number)
            a, b = (across, along) if upright else (along, across)
            points.append((middle.x + a * cos - b * sin, middle.y + a * sin + b * cos))
        lines.append(shapely.LineString(smooth(points, 1)))
    return lines


def _field_plots(taken: list[Plot]) -> list[Plot]:
    """What is left of the zone as fields and orchards between lanes."""
    town = shapely.buffer(roads.core(), 30.0, join_style="mitre")
    used = shapely.union_all(
        [_wide_roads(), town, *(plot.shape for plot in taken if plot.sort in {"bank", "river", "rail"})]
    )
    used = shapely.union_all([used, *(shapely.buffer(outline, 10.0) for _, outline in hamlets())])
    free = shapely.difference(roads.ground(), used)
    rng = random.Random("fields")
    middle = shapely.Point(0, 0)
    found: list[Plot] = []
    for piece in parts(free):
        pieces = [piece]
        for line in [*_field_lanes(middle, 420.0, rng, True), *_field_lanes(middle, 300.0, rng, False)]:
            pieces = [part for each in pieces for part in cut(each, line)]
        for part in pieces:
            for field in parts(shapely.buffer(part, -3.0, join_style="mitre", mitre_limit=2.0)):
                if size(field) > 9000.0:
                    found += _fields(shapely.simplify(field, 1.0), rng)
    return found


def _fields(ground: Any, rng: random.Random) -> list[Plot]:
    """One field, or two or three beside each other: strips of one stretch of land under different crops."""
    pieces = [ground]
    if size(ground) > 50_000.0 and rng.random() < 0.6:
        pieces = straight_cut(ground, rng.uniform(0.3, 0.7), is_wide(ground) == (rng.random() < 0.7))
    codes = rng.choices(
        ["0102", "0103", "0201", "060201", "0301", "1704"], [66, 15, 7, 4, 6, 1], k=len(pieces)
    )
    return [
        Plot(code, "field", "", True, piece)
        for code, piece in zip(codes, pieces, strict=True)
        if size(piece) > 5000.0
    ]


def _field_lanes(middle: Any, gap: float, rng: random.Random, upright: bool) -> list[Any]:
    lines = []
    for number in range(-14, 15):
        shift = rng.uniform(-45, 45)
        points = []
        for step in range(-9, 10):
            along, across = step * 600.0, number * gap + shift + rng.uniform(-22, 22)
            points.append(
                (middle.x + across, middle.y + along) if upright else (middle.x + along, middle.y + across)
            )
        lines.append(shapely.LineString(points))
    return lines


@cache
def plots() -> tuple[Plot, ...]:
    """All plots of the zone, woven, in a fixed order: town, banks, river, railway, hamlets, fields."""
    drawn = [*_town_plots(), *_river_plots(), *_rail_plots(), *_hamlet_plots()]
    drawn += _field_plots(drawn)
    shapes = weave([plot.shape for plot in drawn])
    return tuple(replace(plot, shape=parts(shape)[0]) for plot, shape in zip(drawn, shapes, strict=True))
