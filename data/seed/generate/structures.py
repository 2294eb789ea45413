"""What stands on the plots: slab blocks in rows, village houses, public buildings, the halls of plants.

Sizes are metres on the ground; footprints are true rectangles along the bent street direction, in lon-lat.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import shapely

from data.seed.generate import roads
from data.seed.generate.frame import ground_rectangle, to_lon_lat
from data.seed.generate.land import Plot, plots
from data.seed.generate.weave import size

INDUSTRIAL = frozenset({"100101", "100102", "100103", "110101", "110102", "0802"})
_ESTATE_SLABS = (3, 3, 2, 3, 2)  # slabs per row of a grid: 13, and 104 in the eight grids


@dataclass(frozen=True, slots=True)
class Building:
    """A home or public building; plot is its index in `plots()`, u, v and box lie in the design frame."""

    plot: int
    u: float
    v: float
    lon_lat: Any
    box: Any
    use: str
    storeys: int
    entrances: int
    households: int
    estate: bool = False


@dataclass(frozen=True, slots=True)
class Hall:
    """One plant: footprint of length × depth metres, with its storeys and structure."""

    plot: int
    u: float
    v: float
    lon_lat: Any
    box: Any
    length: float
    depth: float
    upright: bool
    storeys: int
    structure: str


def _box(u: float, v: float, width: float, depth: float) -> Any:
    return shapely.box(u - width / 2, v - depth / 2, u + width / 2, v + depth / 2)


def _fits(plot: Any, u: float, v: float, width: float, depth: float) -> bool:
    return bool(plot.contains(_box(u, v, width, depth)))


def _estate_buildings() -> list[Building]:
    columns, rows = roads.estate_bands()
    homes = [at for at, plot in enumerate(plots()) if plot.sort == "estate"]
    found = []
    rng = random.Random("estate")
    for column, (low_u, high_u) in enumerate(pairwise(columns)):
        for row, (low_v, high_v) in enumerate(pairwise(rows)):
            slabs = _ESTATE_SLABS[row % 5]
            length = 46.0 if slabs == 3 else rng.choice([44.0, 52.0])
            gap = 8.0 if slabs == 3 else 46.0
            storeys = 6 if row in {0, 1, 8, 9} else 11 if row in {4, 5} else rng.choice([6, 7, 7])
            start = (low_u + high_u) / 2 - (slabs - 1) * (length + gap) / 2 + (3.0 if column % 2 else -3.0)
            for slab in range(slabs):
                u, v = start + slab * (length + gap), (low_v + high_v) / 2 + 3.0
                owner = next(at for at in homes if plots()[at].shape.covers(shapely.Point(u, v)))
                shape = ground_rectangle(u, v, length, 12.6)
                found.append(
                    Building(
                        owner,
                        u,
                        v,
                        shape,
                        _box(u, v, length, 12.6),
                        "070102",
                        storeys,
                        3,
                        storeys * 3 * 2,
                        estate=True,
                    )
                )
    return found


def _slab_rows(at: int, plot: Plot) -> list[Building]:
    """South-facing rows of slabs, closer where they are low, on an ordinary residential plot."""
    rng = random.Random(f"slabs {at}")
    inner = shapely.buffer(plot.shape, -9.0, join_style="mitre")
    if inner.is_empty:
        return []
    low_u, low_v, high_u, high_v = inner.bounds
    storeys = rng.choice([6, 6, 7, 11, 18])
    length = rng.choice([36.0, 44.0, 50.0, 58.0]) if storeys < 18 else 32.0
    depth = 12.4 if storeys < 18 else 15.5
    pitch = depth + {6: 27.0, 7: 30.0, 11: 38.0, 18: 50.0}[storeys]
    entrances = max(1, round(length / 15.0))
    found = []
    v = low_v + depth / 2
    while v <= high_v:
        u = low_u + length / 2 + rng.uniform(0, 4)
        while u <= high_u:
            if _fits(inner, u, v, length, depth) and rng.random() > 0.05:
                shape = ground_rectangle(u, v, length, depth)
                found.append(
                    Building(
                        at,
                        u,
                        v,
                        shape,
                        _box(u, v, length, depth),
                        plot.use,
                        storeys,
                        entrances,
                        storeys * entrances * 2,
                    )
                )
            u += length + rng.choice([9.0, 9.0, 14.0])
        v += pitch
    return found


def _houses(at: int, plot: Plot) -> list[Building]:
    """Courtyard houses in rows along the lanes of a village block, none exactly square to the next."""
    rng = random.Random(f"houses {at}")
    inner = shapely.buffer(plot.shape, -2.0, join_style="mitre")
    if inner.is_empty:
        return []
    low_u, low_v, high_u, high_v = inner.bounds
    found = []
    v = low_v + 7.0
    while v <= high_v:
        u = low_u + 8.0
        while u <= high_u:
            width, depth = rng.uniform(10.5, 13.5), rng.uniform(7.5, 9.5)
            if _fits(inner, u, v, width, depth) and rng.random() > 0.12:
                shape = ground_rectangle(u, v, round(width, 1), round(depth, 1), rng.uniform(-0.05, 0.05))
                found.append(
                    Building(
                        at, u, v, shape, _box(u, v, width, depth), plot.use, rng.choice([1, 2, 2, 3]), 1, 1
                    )
                )
            u += 17.5
        v += 21.0
    return found


def _public(at: int, plot: Plot) -> list[Building]:
    """One to four larger buildings round a yard: shops, offices, schools, stations."""
    rng = random.Random(f"public {at}")
    inner = shapely.buffer(plot.shape, -12.0, join_style="mitre")
    if inner.is_empty:
        return []
    low_u, low_v, high_u, high_v = inner.bounds
    width, depth = high_u - low_u, high_v - low_v
    storeys = {"09": rng.choice([3, 4, 5, 12, 16]), "08": rng.choice([3, 4, 5])}.get(plot.use[:2], 2)
    shops = 1.5 if plot.use[:2] == "09" else 1.0
    wanted = (
        (
            low_u + width * 0.32,
            high_v - depth * 0.16,
            min(width * 0.55, 88.0 * shops),
            min(depth * 0.24, 24.0 * shops),
        ),
        (
            high_u - width * 0.12,
            low_v + depth * 0.52,
            min(width * 0.18, 22.0 * shops),
            min(depth * 0.55, 74.0 * shops),
        ),
        (
            low_u + width * 0.34,
            low_v + depth * 0.22,
            min(width * 0.5, 66.0 * shops),
            min(depth * 0.22, 20.0 * shops),
        ),
    )
    found = []
    for u, v, wide, deep in wanted[: rng.choice([2, 3, 3])]:
        if wide > 9 and deep > 7 and _fits(inner, u, v, wide, deep):
            shape = ground_rectangle(u, v, round(wide, 1), round(deep, 1))
            found.append(Building(at, u, v, shape, _box(u, v, wide, deep), plot.use, storeys, 2, 0))
    return found


@cache
def buildings() -> tuple[Building, ...]:
    """Every building that is no plant, the estate's first."""
    found = _estate_buildings()
    for at, plot in enumerate(plots()):
        if not plot.developed or plot.sort == "estate":
            continue
        if plot.use == "070102":
            found += _slab_rows(at, plot)
        elif plot.use == "070301":
            found += _houses(at, plot)
        elif (plot.use[:2] in {"08", "09"} and plot.use not in {"0802", "0805"}) or plot.use in {
            "0702",
            "0704",
        }:
            found += _public(at, plot)
    return tuple(found)


def _hall_rows(at: int, plot: Plot) -> list[Hall]:
    """Two to five long parallel halls behind the setback, leaving a yard."""
    rng = random.Random(f"halls {at}")
    inner = shapely.buffer(plot.shape, -14.0, join_style="mitre")
    if inner.is_empty or size(inner) < 3500.0:
        return []
    low_u, low_v, high_u, high_v = inner.bounds
    upright = (high_v - low_v) > 1.15 * (high_u - low_u)
    long_side, short_side = (high_v - low_v, high_u - low_u) if upright else (high_u - low_u, high_v - low_v)
    research = plot.use == "0802"
    depth = rng.choice([18.0, 21.0]) if research else rng.choice([24.0, 30.0, 36.0, 48.0, 60.0])
    rows = max(1, min(4, int((short_side + 22.0) // (depth + 22.0))))
    pitch = (
        depth + rng.uniform(20.0, 26.0)
        if rows * (depth + 24) < short_side * 0.8
        else (short_side - depth) / max(1, rows - 1)
    )
    storeys = rng.choice([4, 5, 6]) if research else rng.choice([1, 1, 1, 1, 1, 3, 4]) if depth <= 30 else 1
    structure = "frame" if storeys > 1 else rng.choice(["steel", "steel", "steel", "bent"])
    ground = to_lon_lat(plot.shape)
    found = []
    for row in range(rows):
        length = round(min(long_side * rng.uniform(0.62, 0.9), 72.0 if research else 216.0) / 6.0) * 6.0
        along, across = length / 2 + rng.uniform(0, 3), depth / 2 + row * pitch
        u, v = (low_u + across, low_v + along) if upright else (low_u + along, low_v + across)
        wide, deep = (depth, length) if upright else (length, depth)
        if length >= 30 and _fits(inner, u, v, wide, deep):
            shape, box = ground_rectangle(u, v, wide, deep), _box(u, v, wide, deep)
            if ground.contains(shape):
                found.append(Hall(at, u, v, shape, box, length, depth, upright, storeys, structure))
    return found


@cache
def halls() -> tuple[Hall, ...]:
    """Every plant's footprint, in the order of the plots."""
    found: list[Hall] = []
    for at, plot in enumerate(plots()):
        if plot.developed and plot.sort in {"town", "public"} and plot.use in INDUSTRIAL:
            found += _hall_rows(at, plot)
    return tuple(found)


@cache
def halls_by_plot() -> dict[int, list[int]]:
    """Plot index → indices of its halls."""
    found: dict[int, list[int]] = defaultdict(list)
    for at, hall in enumerate(halls()):
        found[hall.plot].append(at)
    return dict(found)


def estate_lon_lat() -> Any:
    """The estate's lon-lat polygon: the union of its woven plots."""
    from_plots = [plot.shape for plot in plots() if plot.sort == "estate"]
    return to_lon_lat(shapely.coverage_union_all(from_plots))
