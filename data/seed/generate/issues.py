"""Issues of 皇台街道, January 2023 to May 2024, as patrols, residents and enterprises report them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import shapely

from data.seed.generate import roads
from data.seed.generate.boundaries import micro_grids
from data.seed.generate.dwellings import building_code
from data.seed.generate.frame import to_lon_lat
from data.seed.generate.land import plots
from data.seed.generate.naming import building_names
from data.seed.generate.people import HANDLERS
from data.seed.generate.records import Feature, feature, identifier
from data.seed.generate.structures import Building, buildings

COUNT = 1080
FIRST_DAY = date(2023, 1, 3)
LAST_DAY = date(2024, 5, 31)
_BEIJING = timezone(timedelta(hours=8))


@dataclass(frozen=True, slots=True)
class Matter:
    """How one category looks: weight, promised days, where it is found, and what people write."""

    weight: float
    days: int
    place: str  # building | road | ground | plant
    words: tuple[str, ...]


_MATTERS = {
    "sanitation": Matter(
        19, 1, "building", ("楼下绿化带有散落垃圾", "小广告张贴未清理", "地面污渍未冲洗", "宠物粪便未清")
    ),
    "weeds": Matter(13, 2, "ground", ("杂草丛生滋生蚊虫", "空地杂草过膝", "积水处蚊虫多")),
    "stairwell_clutter": Matter(17, 2, "building", ("楼道堆放杂物", "楼道停放旧家具", "消防门后堆放纸箱")),
    "fire_lane": Matter(8, 1, "building", ("车辆占用消防通道", "消防通道设置障碍物")),
    "charging_wire": Matter(9, 1, "building", ("飞线充电", "电动车楼道内充电")),
    "road_damage": Matter(3, 5, "road", ("路面坑洼", "人行道砖松动", "路沿石缺失")),
    "street_light": Matter(3, 3, "road", ("路灯不亮", "路灯杆倾斜")),
    "manhole": Matter(2, 1, "road", ("井盖缺失", "井盖松动异响")),
    "water_supply": Matter(1.2, 2, "building", ("水压不足", "水管渗漏")),
    "power_supply": Matter(0.8, 2, "building", ("单元停电", "配电箱门未锁")),
    "gas": Matter(0.6, 1, "building", ("燃气软管老化待更换",)),
    "heating": Matter(1.2, 3, "building", ("暖气不热", "供热阀门渗水")),
    "sewage": Matter(3.2, 2, "road", ("污水井外溢", "下水道堵塞")),
    "waste": Matter(8, 1, "building", ("垃圾桶满溢", "建筑垃圾未清运", "大件垃圾堆放")),
    "noise": Matter(2, 3, "building", ("夜间施工噪声", "餐饮油烟扰民")),
    "dispute": Matter(3.4, 15, "building", ("邻里纠纷待调解", "物业费纠纷待调解", "停车纠纷待调解")),
    "hidden_danger": Matter(7, 2, "building", ("外墙瓷砖松动", "灭火器过期", "临时线路裸露", "护栏缺失")),
    "land": Matter(0.9, 20, "plant", ("企业咨询用地指标",)),
    "plant_space": Matter(1.4, 15, "plant", ("企业申请扩产用房", "企业求租仓库")),
    "funds": Matter(0.8, 20, "plant", ("企业咨询贴息贷款",)),
    "labour": Matter(0.8, 10, "plant", ("企业招工困难",)),
    "environment": Matter(0.7, 15, "plant", ("企业咨询环评手续",)),
    "other": Matter(0.9, 5, "building", ("居民咨询办事流程", "便民设施报修")),
}
# Words that put a matter inside the building.
_INDOORS = (
    "楼道",
    "单元",
    "消防门",
    "灭火器",
    "暖气",
    "阀门",
    "水压",
    "水管",
    "软管",
    "配电箱",
    "邻里",
    "临时线路",
)
_SEASONS = {"weeds": {5, 6, 7, 8, 9}, "heating": {11, 12, 1, 2, 3}}


@dataclass(frozen=True, slots=True)
class Ground:
    """Where issues can lie: buildings, stretches of road and plots inside the street, by kind of place."""

    homes: list[tuple[int, Building]]
    lines: list[roads.Road]
    open_ground: list[Any]
    plants: list[Any]
    street: Any


def _ground() -> Ground:
    street = shapely.union_all([cell.shape for cell in micro_grids() if cell.community.startswith("HT-")])
    inner = shapely.buffer(street, -5.0)
    shapely.prepare(inner)
    homes = [
        (at, each) for at, each in enumerate(buildings()) if inner.contains(shapely.Point(each.u, each.v))
    ]
    town = [(at, each) for at, each in homes if each.use != "070301"]
    villages = [pair for pair in homes if pair[1].use == "070301"][::9]
    estate = [pair for pair in town if pair[1].estate]
    lines = [
        roads.Road(road.name_zh, road.name_en, road.rank, shapely.intersection(road.line, inner), road.width)
        for road in (*roads.trunk_roads(), *roads.secondary_roads())
        if shapely.length(shapely.intersection(road.line, inner)) > 120.0
    ]
    spots = [plot for plot in plots() if inner.contains(plot.shape)]
    open_ground = [plot.shape for plot in spots if not plot.developed or plot.use in {"1401", "070102"}]
    works = [plot.shape for plot in spots if plot.use[:2] in {"10", "11"} and plot.developed]
    return Ground([*town, *estate, *villages], lines, open_ground, works, inner)


def _day(category: str, rng: random.Random) -> date:
    """Reports grow over the months; weeds come in summer, heating in winter; fewer at week-ends."""
    span = (LAST_DAY - FIRST_DAY).days
    while True:
        day = FIRST_DAY + timedelta(days=int(span * rng.random() ** 0.85))
        if day.month in _SEASONS.get(category, {day.month}) and (day.weekday() < 5 or rng.random() < 0.45):
            return day


def _moment(day: date, rng: random.Random) -> datetime:
    minute = int(rng.triangular(7 * 60 + 20, 20 * 60, 9 * 60 + 30))
    return datetime.combine(day, time(minute // 60, minute % 60, rng.randrange(60)), tzinfo=_BEIJING)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _at_building(ground: Ground, words: str, rng: random.Random) -> dict[str, Any]:
    at, home = rng.choice(ground.homes)
    name = building_names()[at]
    entrance, floor = rng.randint(1, max(1, home.entrances)), rng.randint(1, home.storeys)
    indoors = any(sign in words for sign in _INDOORS)
    place = f"{name[0] if name else building_code(at)}{f' {entrance} 单元 {floor} 层' if indoors else '旁'}"
    if indoors:
        return {
            "point": shapely.Point(home.u, home.v),
            "title": f"{place}{words}",
            "position_source": "building",
            "building_id": identifier("buildings", building_code(at)),
            "entrance": str(entrance),
            "floor": str(floor),
        }
    point = shapely.Point(home.u + rng.uniform(-30, 30), home.v + rng.choice([-1, 1]) * rng.uniform(9, 18))
    return {"point": point, "title": f"{place}{words}", **_by_phone(rng)}


def _by_phone(rng: random.Random) -> dict[str, Any]:
    if rng.random() < 0.82:
        return {"position_source": "gps", "accuracy_m": round(rng.lognormvariate(2.0, 0.6), 1)}
    return {"position_source": "hand"}


def _on_road(ground: Ground, words: str, rng: random.Random) -> dict[str, Any]:
    road = rng.choices(ground.lines, [float(shapely.length(road.line)) for road in ground.lines])[0]
    point = shapely.line_interpolate_point(road.line, rng.random(), normalized=True)
    shifted = shapely.Point(point.x + rng.uniform(-14, 14), point.y + rng.uniform(-14, 14))
    return {"point": shifted, "title": f"{road.name_zh}{words}", **_by_phone(rng)}


def _in_shape(shapes: list[Any], words: str, rng: random.Random) -> dict[str, Any]:
    shape = rng.choice(shapes)
    low_u, low_v, high_u, high_v = shape.bounds
    while True:
        point = shapely.Point(rng.uniform(low_u, high_u), rng.uniform(low_v, high_v))
        if shape.contains(point):
            return {"point": point, "title": words, **_by_phone(rng)}


def _place(ground: Ground, matter: Matter, words: str, rng: random.Random) -> dict[str, Any]:
    ways: dict[str, Callable[[], dict[str, Any]]] = {
        "building": lambda: _at_building(ground, words, rng),
        "road": lambda: _on_road(ground, words, rng),
        "ground": lambda: _in_shape(ground.open_ground, words, rng),
        "plant": lambda: _in_shape(ground.plants, words, rng),
    }
    while True:
        found = ways[matter.place]()
        if ground.street.contains(found["point"]):
            return found


def _working_hour(moment: datetime, rng: random.Random) -> datetime:
    """The same moment when it lies between eight and half past seven at night, else the next morning."""
    minutes = moment.hour * 60 + moment.minute
    if 8 * 60 <= minutes < 19 * 60 + 30:
        return moment
    day = moment.date() + timedelta(days=1 if minutes >= 8 * 60 else 0)
    return datetime.combine(day, time(8, 0), tzinfo=_BEIJING) + timedelta(minutes=rng.randrange(100))


def _course(reported: datetime, matter: Matter, rng: random.Random) -> dict[str, Any]:
    """The promised limit and, for all but a few late ones, when the case was closed."""
    due = datetime.combine(reported.date() + timedelta(days=matter.days), time(18, 0), tzinfo=_BEIJING)
    share = rng.betavariate(2.0, 3.2) if rng.random() < 0.95 else rng.uniform(1.05, 2.2)
    closed = _working_hour(reported + (due - reported) * share, rng)
    values = {"reported_at": _text(reported), "due_at": _text(due)}
    end = datetime(2024, 5, 31, 16, 0, tzinfo=UTC)
    if closed >= end or rng.random() < 0.012:
        return {**values, "status": "reported"}
    return {**values, "status": "closed", "closed_at": _text(closed)}


def _source(matter: Matter, category: str, rng: random.Random) -> str:
    if matter.place == "plant":
        return "enterprise"
    weights = (
        [30, 60, 10] if category in {"dispute", "noise", "heating", "water_supply", "other"} else [84, 13, 3]
    )
    return rng.choices(["patrol", "resident", "hotline"], weights)[0]


def issue_features() -> list[Feature]:
    """All issues in the order they were reported, numbered per day."""
    rng = random.Random("issues")
    ground = _ground()
    names = list(_MATTERS)
    categories = rng.choices(names, [_MATTERS[name].weight for name in names], k=COUNT)
    drawn = [(_moment(_day(category, rng), rng), category) for category in categories]
    features = []
    numbers: Counter[date] = Counter()
    for reported, category in sorted(drawn):
        matter = _MATTERS[category]
        numbers[reported.date()] += 1
        found = _place(ground, matter, rng.choice(matter.words), rng)
        point = to_lon_lat(found.pop("point"))
        code = f"WT-{reported:%Y%m%d}-{numbers[reported.date()]:04d}"
        values = {
            "category": category,
            **found,
            "source": _source(matter, category, rng),
            "department_id": identifier("departments", HANDLERS[category]),
            **_course(reported, matter, rng),
        }
        features.append(feature("issues", code, point, **values))
    return features
