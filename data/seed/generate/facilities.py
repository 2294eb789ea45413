"""Public facilities: roads, river and green, pocket parks, toilets with stars, schools, care, stops."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import shapely

from data.seed.generate import roads
from data.seed.generate.frame import to_lon_lat
from data.seed.generate.land import Plot
from data.seed.generate.parcels import address, parcels
from data.seed.generate.records import Feature, feature

TOILETS = 13
# Land-use code of a plot → facility kind, code letters, names.
_ON_PLOTS = {
    "080403": ("school", "XX", "示例第{}学校", "Sample School {}"),
    "080404": ("kindergarten", "YEY", "示例第{}幼儿园", "Sample Kindergarten {}"),
    "080601": ("clinic", "WS", "示例综合医院 {}", "Sample Hospital {}"),
    "080602": ("clinic", "WS", "示例社区卫生服务站 {}", "Sample Clinic {}"),
    "1303": ("substation", "BD", "示例 110 kV 变电站 {}", "Sample 110 kV Substation {}"),
    "1310": ("fire_station", "XF", "示例消防站 {}", "Sample Fire Station {}"),
}


def _inside(plot: Plot, rng: random.Random) -> Any:
    """A lon-lat point inside the plot, away from its middle and its edge."""
    inner = shapely.buffer(plot.shape, -8.0)
    low_u, low_v, high_u, high_v = inner.bounds
    while True:
        point = shapely.Point(rng.uniform(low_u, high_u), rng.uniform(low_v, high_v))
        if inner.contains(point):
            return to_lon_lat(point)


def _lines() -> Iterator[Feature]:
    for rank, letters in (("trunk", "DL"), ("secondary", "CL")):
        known = roads.trunk_roads() if rank == "trunk" else roads.secondary_roads()
        for number, road in enumerate(known, start=1):
            line = to_lon_lat(shapely.segmentize(shapely.intersection(road.line, roads.ground()), 110.0))
            yield feature(
                "facilities",
                f"SS-{letters}-{number:02d}",
                line,
                kind="road",
                name_zh=road.name_zh,
                name_en=road.name_en,
                owner="住房和城乡建设局",
                visibility="public",
            )


def _grounds() -> Iterator[Feature]:
    parks = banks = 0
    for parcel in parcels():
        plot = parcel.plot
        if plot.sort == "river":
            yield feature(
                "facilities",
                "SS-HL-01",
                parcel.lon_lat,
                kind="water",
                name_zh="沙河",
                name_en="Shahe River",
                visibility="public",
            )
        elif plot.sort == "pocket":
            parks += 1
            yield feature(
                "facilities",
                f"SS-YY-{parks:02d}",
                parcel.lon_lat,
                kind="pocket_park",
                name_zh=f"口袋公园 {parks:02d}",
                name_en=f"Pocket park {parks:02d}",
                address=address(plot),
                owner="城市管理局",
                visibility="public",
            )
        elif plot.sort == "bank" and plot.use == "1401":
            banks += 1
            yield feature(
                "facilities",
                f"SS-LD-{banks:02d}",
                parcel.lon_lat,
                kind="green",
                name_zh=f"沙河滨水绿地 {banks:02d}",
                name_en=f"Shahe riverside green {banks:02d}",
                owner="城市管理局",
                visibility="public",
            )


def _on_plots() -> Iterator[Feature]:
    rng = random.Random("facilities on plots")
    counts: dict[str, int] = {}
    for parcel in parcels():
        if parcel.plot.sort != "public" or parcel.plot.use not in _ON_PLOTS:
            continue
        kind, letters, name_zh, name_en = _ON_PLOTS[parcel.plot.use]
        number = counts[letters] = counts.get(letters, 0) + 1
        yield feature(
            "facilities",
            f"SS-{letters}-{number:02d}",
            _inside(parcel.plot, rng),
            kind=kind,
            name_zh=name_zh.format(number),
            name_en=name_en.format(number),
            address=address(parcel.plot),
            visibility="public",
        )


def _toilets() -> Iterator[Feature]:
    rng = random.Random("toilets")
    places = [parcel.plot for parcel in parcels() if parcel.plot.sort == "pocket"][:8]
    places += [
        parcel.plot
        for parcel in parcels()
        if parcel.plot.sort == "bank" and parcel.plot.use in {"1401", "1403"}
    ][:5]
    for number, plot in enumerate(places[:TOILETS], start=1):
        yield feature(
            "facilities",
            f"SS-GC-{number:02d}",
            _inside(plot, rng),
            kind="toilet",
            name_zh=f"公厕 {number:02d}",
            name_en=f"Public toilet {number:02d}",
            address=address(plot),
            stars=rng.choice([2, 3, 3, 4, 4, 5]),
            owner="城市管理局",
            visibility="public",
        )


def _care() -> Iterator[Feature]:
    """The street's care centre and a station in each of its three communities."""
    rng = random.Random("elderly care")
    wanted = (
        ("C2", "皇台街道综合养老服务中心", "Huangtai care centre"),
        ("C2", "高阳社区养老服务站", "Gaoyang care station"),
        ("B2", "平东社区养老服务站", "Pingdong care station"),
        ("B3", "神马尼龙社区养老服务站", "Shenma Nylon care station"),
    )
    for number, (cell, name_zh, name_en) in enumerate(wanted, start=1):
        homes = [
            each.plot
            for each in parcels()
            if each.plot.cell == cell and each.plot.use == "070102" and each.plot.developed
        ]
        plot = homes[(number * 5) % len(homes)]
        yield feature(
            "facilities",
            f"SS-YL-{number:02d}",
            _inside(plot, rng),
            kind="elderly_care",
            name_zh=name_zh,
            name_en=name_en,
            address=address(plot),
            owner="社会事务局",
            visibility="public",
        )


def _stops() -> Iterator[Feature]:
    """Bus stops every kilometre or so along the trunk roads inside the town, on alternating sides."""
    number = 0
    for road in roads.trunk_roads():
        line = shapely.intersection(road.line, shapely.buffer(roads.core(), 30.0))
        at = 330.0
        while at < float(shapely.length(line)):
            number += 1
            here, ahead = (
                shapely.line_interpolate_point(line, at),
                shapely.line_interpolate_point(line, at + 1.0),
            )
            side = road.width / 2 - 5.0 if number % 2 else 5.0 - road.width / 2
            stop = shapely.Point(here.x - (ahead.y - here.y) * side, here.y + (ahead.x - here.x) * side)
            yield feature(
                "facilities",
                f"SS-GJ-{number:02d}",
                to_lon_lat(stop),
                kind="bus_stop",
                name_zh=f"{road.name_zh} {number:02d} 站",
                name_en=f"{road.name_en} stop {number:02d}",
                visibility="public",
            )
            at += 940.0


def facility_features() -> list[Feature]:
    """All facilities, roads first."""
    return [*_lines(), *_grounds(), *_on_plots(), *_toilets(), *_care(), *_stops()]
