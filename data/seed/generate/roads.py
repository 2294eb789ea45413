"""The town plan's skeleton: trunk and secondary roads, river, railway, and the blocks between them."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import cache
from typing import Any

import shapely

from data.seed.generate.frame import geodesic_mu, to_lon_lat
from data.seed.generate.weave import parts, roughen, size, smooth

ESTATE_MU = 470.0
COLUMNS = (-2700.0, -1400.0, -100.0, 1250.0, 2550.0, 3650.0)
ROWS = (2450.0, 1200.0, 0.0)
RIVER_BANK_ROAD = 255.0  # metres from the river's middle to the bank road
ESTATE_EAST = 640.0
ESTATE_COLUMNS = 4
ESTATE_ROWS = 10  # rows of slabs; each row of each column is one micro-grid, five rows make a grid

_ZONE_CORNERS = (
    (-4350, -2500), (-4500, -1300), (-4250, -200), (-4420, 900), (-4050, 1900), (-3900, 2900), (-2900, 3350),
    (-2600, 3800), (-1300, 3950), (-300, 3700), (700, 3900), (1900, 4050),
    (2500, 3600), (3500, 3500), (3900, 2800),
    (4450, 2400), (4300, 1100), (4550, 100), (4300, -1100), (4500, -2100), (3700, -3100), (2500, -3300),
    (1700, -3800), (300, -3650), (-900, -3900), (-1800, -3500), (-3000, -3450), (-3600, -2900),
)  # fmt: skip
_RAILWAY = (
    (-4700, 2640), (-2000, 2720), (500, 2690), (2100, 2720), (3000, 2560),
    (3640, 1900), (3830, 900), (3880, -300),
    (4050, -1500), (4200, -2700), (4300, -3400),
)  # fmt: skip

# Cell (column letter, row number) → shares of its width and height at which secondary roads cross it.
_CROSSINGS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "A1": ((0.54,), (0.47,)), "B1": ((0.36, 0.69), (0.52,)), "C1": ((0.31, 0.66), (0.35, 0.68)),
    "D1": ((0.47,), (0.55,)), "E1": ((0.58,), (0.42,)),
    "A2": ((0.45,), (0.53,)), "B2": ((0.33, 0.65), (0.36, 0.70)),
    "C2": ((), (0.29,)), "D2": ((0.35, 0.68), (0.33, 0.66)),
    "E2": ((0.52,), (0.49,)),
    "A3": ((0.50,), (0.38,)), "B3": ((0.37, 0.70), (0.27, 0.60)), "C3": ((0.34, 0.67), (0.30, 0.63)),
    "D3": ((0.52,), (0.36,)), "E3": ((0.47,), (0.34,)),
}  # fmt: skip

# What the secondary roads of a cell are named after, and cells that continue an earlier cell's numbers.
_DISTRICTS = {
    "A1": ("皇台", "Huangtai"), "A2": ("皇台", "Huangtai"), "B1": ("电气", "Dianqi"),
    "C1": ("创业", "Chuangye"),
    "D1": ("尼龙", "Nylon"), "E1": ("尼龙", "Nylon"), "B2": ("平东", "Pingdong"), "C2": ("高阳", "Gaoyang"),
    "D2": ("张楼", "Zhanglou"), "E2": ("物流", "Logistics"), "E3": ("物流", "Logistics"),
    "A3": ("屈庄", "Quzhuang"),
    "B3": ("平安", "Ping'an"), "C3": ("沙河", "Shahe"), "D3": ("滨河", "Binhe"),
}  # fmt: skip
_EARLIER_CELLS = {"A2": 1, "E1": 1, "E3": 1}
_NUMERALS = "〇一二三四五六"


@dataclass(frozen=True, slots=True)
class Road:
    """One road: names, class ("trunk" or "secondary"), middle line in the design frame, width in metres."""

    name_zh: str
    name_en: str
    rank: str
    line: Any
    width: float


def river_v(u: float) -> float:
    """The v of the river's middle at u."""
    return -1830.0 + 230.0 * math.sin(u / 1180.0 + 0.9) + 75.0 * math.sin(u / 520.0 + 0.2)


@cache
def zone_outline() -> Any:
    """The zone's boundary, design frame."""
    rng = random.Random("zone boundary")
    return shapely.set_precision(shapely.Polygon(roughen(_ZONE_CORNERS, rng, 0.07)), 0.01)


@cache
def ground() -> Any:
    """The zone without its outermost three metres, so that nothing drawn in it crosses the bent boundary."""
    return shapely.buffer(zone_outline(), -3.0)


@cache
def river_line(offset: float = 0.0, low: float = -5200.0, high: float = 5200.0) -> Any:
    """A line `offset` metres north of the river's middle between two u."""
    steps = round((high - low) / 65.0)
    at = [low + (high - low) * step / steps for step in range(steps + 1)]
    return shapely.LineString([(u, river_v(u) + offset) for u in at])


@cache
def river() -> Any:
    """The water surface within the zone; its width changes along the way."""
    at = [-5200.0 + 65.0 * step for step in range(161)]
    half = {u: 62.0 + 14.0 * math.sin(u / 700.0) + 7.0 * math.sin(u / 233.0 + 1.0) for u in at}
    ring = [(u, river_v(u) + half[u]) for u in at] + [(u, river_v(u) - half[u]) for u in reversed(at)]
    return shapely.intersection(shapely.Polygon(ring), ground())


def railway_through() -> Any:
    """The railway's middle line, from beyond the zone to beyond the zone."""
    return shapely.LineString(smooth(_RAILWAY))


@cache
def railway() -> Any:
    """The railway's middle line within the zone."""
    return shapely.intersection(railway_through(), ground())


@cache
def core() -> Any:
    """The built town between the outer roads: five columns, three rows, the lowest down to the bank road."""
    bank = river_line(RIVER_BANK_ROAD, COLUMNS[0], COLUMNS[-1])
    return shapely.Polygon([(COLUMNS[0], ROWS[0]), *bank.coords, (COLUMNS[-1], ROWS[0])])


def cell(name: str) -> Any:
    """The town cell between trunk roads, such as "C2" (column A–E from the west, row 1–3 from the north)."""
    column, row = "ABCDE".index(name[0]), int(name[1]) - 1
    low = ROWS[row + 1] if row < 2 else -3000.0
    return shapely.intersection(core(), shapely.box(COLUMNS[column], low, COLUMNS[column + 1], ROWS[row]))


def cell_names() -> list[str]:
    """All fifteen cells, row by row."""
    return [f"{column}{row}" for row in (1, 2, 3) for column in "ABCDE"]


@cache
def trunk_roads() -> tuple[Road, ...]:
    """The nine trunk roads: five from north to south, four from west to east."""
    upright = (
        ("皇台路", "Huangtai Road", -2700.0, -1700.0, 3330.0),
        ("开发路", "Kaifa Road", -1400.0, -2650.0, 3100.0),
        ("高新大道", "Gaoxin Avenue", -100.0, -3500.0, 3500.0),
        ("创新路", "Chuangxin Road", 1250.0, -2700.0, 3000.0),
        ("临港路", "Lingang Road", 2550.0, -3150.0, 3300.0),
    )  # fmt: skip
    level = (
        ("建设路", "Jianshe Road", 2450.0, -3900.0, 3650.0),
        ("湛南路", "Zhannan Road", 1200.0, -4250.0, 4200.0),
        ("长江路", "Changjiang Road", 0.0, -4150.0, 4450.0),
    )  # fmt: skip
    roads = [
        Road(zh, en, "trunk", shapely.LineString([(u, low), (u, high)]), 50.0)
        for zh, en, u, low, high in upright
    ]
    roads += [
        Road(zh, en, "trunk", shapely.LineString([(low, v), (high, v)]), 50.0)
        for zh, en, v, low, high in level
    ]
    bank = river_line(RIVER_BANK_ROAD, -3700.0, 4150.0)
    roads.append(Road("沙河北路", "Shahe North Road", "trunk", bank, 40.0))
    return tuple(roads)


def _cell_roads(name: str) -> list[Road]:
    """The secondary roads inside one cell: 路 run north to south, 街 west to east, numbered by district."""
    low_u, low_v, high_u, high_v = cell(name).bounds
    across, up = _CROSSINGS[name]
    zh, en = _DISTRICTS[name]
    found = []
    for number, share in enumerate(across, start=1 + 2 * _EARLIER_CELLS.get(name, 0)):
        u = low_u + (high_u - low_u) * share
        found.append((f"{zh}{_NUMERALS[number]}路", f"{en} Road {number}", [(u, low_v - 20.0), (u, high_v)]))
    for number, share in enumerate(up, start=1 + 2 * _EARLIER_CELLS.get(name, 0)):
        v = high_v - (high_v - low_v) * share
        found.append((f"{zh}{_NUMERALS[number]}街", f"{en} Street {number}", [(low_u, v), (high_u, v)]))
    return [_secondary(*road) for road in found]


def _secondary(name_zh: str, name_en: str, points: list[tuple[float, float]]) -> Road:
    line = shapely.intersection(shapely.LineString(points), core())
    return Road(name_zh, name_en, "secondary", line, 28.0)


@cache
def secondary_roads() -> tuple[Road, ...]:
    """The roads inside the cells, the two that bound the estate, and the town's eastern edge."""
    return (
        *(road for name in cell_names() for road in _cell_roads(name)),
        _secondary("高阳路", "Gaoyang Road", [(ESTATE_EAST, 0.0), (ESTATE_EAST, 1200.0)]),
        _secondary("高阳街", "Gaoyang Street", [(-100.0, estate_north()), (1250.0, estate_north())]),
        _secondary("物流大道", "Logistics Avenue", [(3650.0, 2450.0), (3650.0, -1800.0)]),
    )


def chamfer(block: Any, leg: float = 14.0) -> Any:
    """The block with its outer corners cut, as red lines are at crossings."""
    inner = shapely.buffer(block, -leg, join_style="mitre")
    return shapely.buffer(inner, leg, join_style="bevel")


def estate_outline(north: float) -> Any:
    """The estate inside its four roads when its northern road runs at v = north."""
    inside = shapely.box(-100.0 + 25.0, 25.0, ESTATE_EAST - 14.0, north - 14.0)
    return chamfer(inside)


@cache
def estate_north() -> float:
    """The v of the estate's northern road, found so that the estate has 470 mu on the ellipsoid."""
    north = 486.0
    for _ in range(8):
        area = geodesic_mu(to_lon_lat(shapely.segmentize(estate_outline(north), 20.0)))
        north += (ESTATE_MU / area - 1.0) * (north - 39.0)
    return round(north, 2)


def estate_bands() -> tuple[list[float], list[float]]:
    """The u of the estate's five column borders and the v of its eleven row borders, inside its wall."""
    low_u, low_v, high_u, high_v = estate_outline(estate_north()).bounds
    columns = [low_u + (high_u - low_u) * step / ESTATE_COLUMNS for step in range(ESTATE_COLUMNS + 1)]
    rows = [low_v + (high_v - low_v) * step / ESTATE_ROWS for step in range(ESTATE_ROWS + 1)]
    return columns, rows


@cache
def road_space() -> Any:
    """All ground within the roads' red lines and the railway's corridor."""
    roads = [
        shapely.buffer(road.line, road.width / 2, cap_style="flat")
        for road in (*trunk_roads(), *secondary_roads())
    ]
    return shapely.union_all([*roads, shapely.buffer(railway(), 25.0, cap_style="flat")])


@cache
def blocks() -> tuple[tuple[str, Any], ...]:
    """(cell, block) for every block of the town: the ground between red lines with cut corners."""
    found = []
    for name in cell_names():
        ground = shapely.difference(cell(name), road_space())
        for block in parts(ground):
            trimmed = parts(chamfer(block))
            if trimmed and size(trimmed[0]) > 4000.0:
                found.append((name, trimmed[0]))
    return tuple(found)
